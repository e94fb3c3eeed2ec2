package smpp

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/linxGnu/gosmpp/data"
	"github.com/linxGnu/gosmpp/pdu"
	"go.uber.org/zap"

	"github.com/husk-reminders/husk/pkg/provider"
)

// ErrBind is had when the SMSC answers the bind with an error.
var ErrBind = errors.New("smpp: the SMSC refuses the bind")

// ErrAuth is had when the SMSC refuses system_id or password.
var ErrAuth = errors.New("smpp: the SMSC refuses system_id or password")

const (
	// rebindMin is the shortest wait before another bind.
	rebindMin = 100 * time.Millisecond
	// steady is how long a session must have held for the next wait to be short again, if nothing was answered on it.
	steady = 5 * time.Second
)

// bind connects and binds. The session it returns reads nothing yet.
func (s *Sender) bind(ctx context.Context) (_ *session, err error) {
	password, err := s.config.password()
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, s.config.DialTimeout)
	defer cancel()
	raw, err := (&net.Dialer{}).DialContext(ctx, "tcp", net.JoinHostPort(s.config.Host, strconv.Itoa(s.config.Port)))
	if err != nil {
		return nil, err
	}
	stop := context.AfterFunc(ctx, func() { _ = raw.SetDeadline(time.Unix(1, 0)) })
	defer func() {
		if !stop() && err == nil {
			err = ctx.Err()
		}
		if err != nil {
			_ = raw.Close()
			if ctx.Err() != nil {
				err = errors.Join(ctx.Err(), err) // the context cut the line
			}
		}
	}()
	conn := raw
	if s.tls != nil {
		over := tls.Client(raw, s.tls)
		if err := over.HandshakeContext(ctx); err != nil {
			return nil, err
		}
		conn = over
	}
	p := pdu.NewBindRequest(pdu.Transceiver)
	p.SystemID, p.Password, p.SystemType = s.config.SystemID, password, s.config.SystemType
	p.AddressRange = pdu.NewAddressRangeWithTonNpiAddr(s.config.AddrTON, s.config.AddrNPI, s.config.AddressRange)
	p.SetSequenceNumber(1)
	b := pdu.NewBuffer(nil)
	p.Marshal(b)
	if _, err := conn.Write(b.Bytes()); err != nil {
		return nil, err
	}
	reader := bufio.NewReaderSize(conn, 32<<10)
	frame, err := readFrame(reader)
	if err != nil {
		return nil, err
	}
	h := pdu.ParseHeader([header]byte(frame))
	switch {
	case h.CommandID != data.BIND_TRANSCEIVER_RESP && h.CommandID != data.GENERIC_NACK:
		return nil, ErrGarbled
	case h.CommandStatus == data.ESME_RINVPASWD, h.CommandStatus == data.ESME_RINVSYSID, h.CommandStatus == data.ESME_RBINDFAIL:
		return nil, fmt.Errorf("%w: %w", ErrAuth, StatusError(h.CommandStatus))
	case h.CommandStatus != data.ESME_ROK || h.CommandID == data.GENERIC_NACK:
		return nil, fmt.Errorf("%w: %w", ErrBind, StatusError(h.CommandStatus))
	}
	n := &session{
		conn: conn, reader: reader, write: s.config.WriteTimeout, reply: s.config.ReplyTimeout, ids: s.config.ResponseIDs,
		most: s.config.Window, deliver: s.delivered, heard: new(atomic.Int64),
		sequence: 1, waiters: map[int32]*waiter{}, done: make(chan struct{}), unbound: make(chan struct{}),
	}
	n.heard.Store(time.Now().UnixNano())
	return n, nil
}

// keep holds a session bound until ctx ends.
func (s *Sender) keep(ctx context.Context) {
	defer close(s.stopped)
	wait := rebindMin
	for ctx.Err() == nil {
		bound := time.Now()
		n, err := s.bind(ctx)
		vain := err != nil
		if !vain {
			_ = n.conn.SetDeadline(time.Time{})
			s.log.Info("bound", zap.String("host", s.config.Host))
			s.wg.Go(n.read)
			s.wg.Go(func() { n.watch(s.config.EnquireLink) })
			s.turn(n, nil, false)
			select {
			case <-n.done:
			case <-ctx.Done():
				n.unbind()
			}
			if err = n.over(); n.useful.Load() || time.Since(bound) > steady {
				wait = rebindMin
			}
		}
		s.turn(nil, err, vain)
		if ctx.Err() != nil {
			return
		}
		s.log.Warn("no session with the SMSC; binding again", zap.String("reason", bindCode(err)), zap.Duration("in", wait))
		select {
		case <-ctx.Done():
		case <-time.After(wait*8/10 + rand.N(wait*4/10)):
		}
		wait = min(2*wait, s.config.RebindMax)
	}
}

// turn sets the session there is, or why there is none and whether the last bind was in vain, and wakes who waits for it.
func (s *Sender) turn(n *session, why error, vain bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.session, s.why, s.vain = n, why, vain
	close(s.changed)
	s.changed = make(chan struct{})
}

// bindCode is the word for a failed bind or an ended session.
func bindCode(err error) string {
	var verify *tls.CertificateVerificationError
	var host x509.HostnameError
	var record tls.RecordHeaderError
	var op *net.OpError
	var status StatusError
	switch {
	case errors.Is(err, ErrPassword):
		return "password_file"
	case errors.As(err, &status):
		return code(data.CommandStatusType(status))
	case errors.As(err, &verify), errors.As(err, &host):
		return "certificate"
	case errors.As(err, &record), errors.As(err, &op) && strings.HasSuffix(op.Op, " error"): // "remote error", "local error"
		return "tls"
	case errors.Is(err, ErrUnbound):
		return "unbound"
	case errors.Is(err, ErrSilent):
		return "silent"
	case errors.Is(err, ErrGarbled):
		return "no_smpp"
	}
	return provider.Cause(err)
}
