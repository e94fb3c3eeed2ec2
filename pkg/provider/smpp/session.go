package smpp

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/linxGnu/gosmpp/data"
	"github.com/linxGnu/gosmpp/pdu"
)

// The reasons why a session ends.
var (
	ErrUnbound  = errors.New("smpp: the SMSC ended the session")
	ErrSilent   = errors.New("smpp: the SMSC is silent")
	ErrGarbled  = errors.New("smpp: what the SMSC sends is no SMPP")
	errSent     = errors.New("smpp: the session was closed")
	errNoAnswer = fmt.Errorf("smpp: no submit_sm_resp in time: %w", context.DeadlineExceeded)
)

// mostPDU is how long a PDU may be, in octets. A deliver_sm with message_payload is the longest that an SMSC has reason to send.
const mostPDU = 128 << 10

// waiter waits for the answer to one request.
type waiter struct {
	answers chan answer  // of room for one
	late    func(answer) // what to do with an answer that nobody waits for any more; nil = nothing
	given   bool         // up: nobody waits any more
}

// session is a bound connection. Whatever goes wrong ends it for good.
type session struct {
	conn    net.Conn
	reader  *bufio.Reader
	write   time.Duration // for a PDU that carries no message
	reply   time.Duration
	ids     IDs // of submit_sm_resp
	deliver func(*session, []byte)

	most int // answers that may be overdue before the SMSC counts as silent

	heard  *atomic.Int64 // when a PDU came last, Unix nanoseconds; its address is the session's name
	useful atomic.Bool   // something was answered

	writing sync.Mutex // held while octets go out, so that PDUs stay whole

	mu       sync.Mutex
	sequence int32
	waiters  map[int32]*waiter
	overdue  int   // waiters that nobody waits for any more
	ended    error // why, once it has

	done    chan struct{} // closed when it has ended
	unbound chan struct{} // closed at unbind_resp
	once    sync.Once
}

// end ends the session; the first reason stays. Whoever waits for an answer gets none.
func (s *session) end(why error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ended != nil {
		return
	}
	s.ended = why
	close(s.done)
	_ = s.conn.Close()
	for n, w := range s.waiters {
		delete(s.waiters, n)
		if !w.given {
			w.answers <- answer{err: why}
		}
	}
}

// over says why the session has ended; nil while it has not.
func (s *session) over() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.ended
}

// expect makes a waiter and the sequence number that its answer will have.
func (s *session) expect(late func(answer)) (int32, *waiter, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ended != nil {
		return 0, nil, s.ended
	}
	for {
		if s.sequence++; s.sequence <= 0 {
			s.sequence = 1 // SMPP 3.4 §3.2: 1 to 0x7fffffff
		}
		if _, taken := s.waiters[s.sequence]; !taken {
			break
		}
	}
	w := &waiter{answers: make(chan answer, 1), late: late}
	s.waiters[s.sequence] = w
	return s.sequence, w, nil
}

// forget takes back an expectation of which nothing was written.
func (s *session) forget(n int32) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.waiters, n)
}

// leave marks that nobody waits any more, unless the answer has just come, which it returns. An SMSC that owes a whole window of answers
// is silent, whatever it says beside them.
func (s *session) leave(w *waiter) (answer, bool) {
	s.mu.Lock()
	select {
	case a := <-w.answers:
		s.mu.Unlock()
		return a, true
	default:
	}
	w.given = true
	s.overdue++
	silent := s.overdue >= s.most
	s.mu.Unlock()
	if silent {
		s.end(ErrSilent)
	}
	return answer{}, false
}

// answered hands an answer to who waits for it. An answer to nothing is dropped.
func (s *session) answered(n int32, a answer) {
	s.mu.Lock()
	w := s.waiters[n]
	delete(s.waiters, n)
	given := w != nil && w.given
	if given {
		s.overdue--
	} else if w != nil {
		w.answers <- a
	}
	s.mu.Unlock()
	if w != nil {
		s.useful.Store(true)
	}
	if given && w.late != nil {
		w.late(a)
	}
}

// put writes octets before the deadline, or ends the session.
func (s *session) put(octets []byte, by time.Time) error {
	s.writing.Lock()
	defer s.writing.Unlock()
	return s.putLocked(octets, by)
}

func (s *session) putLocked(octets []byte, by time.Time) error {
	_ = s.conn.SetWriteDeadline(by)
	if _, err := s.conn.Write(octets); err != nil {
		s.end(err)
		return err
	}
	return nil
}

// send writes a PDU that carries no message.
func (s *session) send(p pdu.PDU) error {
	b := pdu.NewBuffer(nil)
	p.Marshal(b)
	return s.put(b.Bytes(), time.Now().Add(s.write))
}

// ask writes a request and waits for its answer.
func (s *session) ask(p pdu.PDU, within time.Duration) (answer, error) {
	n, w, err := s.expect(nil)
	if err != nil {
		return answer{}, err
	}
	p.SetSequenceNumber(n)
	if err := s.send(p); err != nil {
		return answer{}, err
	}
	timer := time.NewTimer(within)
	defer timer.Stop()
	select {
	case a := <-w.answers:
		return a, a.err
	case <-timer.C:
		if a, came := s.leave(w); came {
			return a, a.err
		}
		return answer{}, ErrSilent
	}
}

// submit writes PDUs at once, gives them sequence numbers, and waits for the answer to each as long as answers are awaited. late gets those
// that come later. notBegun is why nothing was written at all; then there are no answers.
func (s *session) submit(ctx context.Context, frames [][]byte, by time.Time, late func(answer)) (answers []answer, notBegun error) {
	waiters := make([]*waiter, len(frames))
	var octets []byte
	for i, f := range frames {
		n, w, err := s.expect(late)
		if err != nil {
			s.withdraw(frames[:i])
			return nil, err
		}
		sequence(f, n)
		waiters[i], octets = w, append(octets, f...)
	}
	s.writing.Lock()
	err := s.over()
	switch {
	case err != nil:
	case ctx.Err() != nil:
		err = ctx.Err()
	case !time.Now().Before(by): // by the clock: a process that was suspended goes on before its timers have told ctx
		err = context.DeadlineExceeded
	}
	if err != nil {
		s.writing.Unlock()
		s.withdraw(frames)
		return nil, err
	}
	_ = s.putLocked(octets, by) // when it fails it has ended the session, which answers for it
	s.writing.Unlock()

	answers = make([]answer, len(frames))
	timer := time.NewTimer(s.reply)
	defer timer.Stop()
	expired := timer.C
	for i, w := range waiters {
		if expired != nil {
			select {
			case answers[i] = <-w.answers:
				continue
			case <-expired:
				expired = nil
			}
		}
		a, came := s.leave(w)
		if !came {
			a = answer{err: errNoAnswer}
		}
		answers[i] = a
	}
	return answers, nil
}

// withdraw forgets what was expected for frames that were not written.
func (s *session) withdraw(frames [][]byte) {
	for _, f := range frames {
		s.forget(int32(binary.BigEndian.Uint32(f[12:])))
	}
}

// read reads PDUs until the session ends.
func (s *session) read() {
	for {
		frame, err := readFrame(s.reader)
		if err != nil {
			s.end(err)
			return
		}
		s.heard.Store(time.Now().UnixNano())
		if err := s.handle(frame); err != nil {
			s.end(err)
			return
		}
	}
}

// readFrame reads one whole PDU.
func readFrame(r io.Reader) ([]byte, error) {
	var head [header]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		if errors.Is(err, io.EOF) {
			err = ErrUnbound
		}
		return nil, err
	}
	n := binary.BigEndian.Uint32(head[:])
	if n < header || n > mostPDU {
		return nil, ErrGarbled
	}
	frame := make([]byte, n)
	copy(frame, head[:])
	_, err := io.ReadFull(r, frame[header:])
	return frame, err
}

// handle deals with one PDU; its error ends the session.
func (s *session) handle(frame []byte) error {
	h := pdu.ParseHeader([header]byte(frame))
	switch h.CommandID {
	case data.SUBMIT_SM_RESP:
		id, _, _ := cutString(frame[header:]) // without a body, as refusals come, it is empty
		s.answered(h.SequenceNumber, answer{status: h.CommandStatus, id: canonical(id, s.ids)})
	case data.GENERIC_NACK:
		if h.SequenceNumber == 0 { // it could not even read which PDU it was: nobody knows any more what is whose
			return ErrGarbled
		}
		if h.CommandStatus == data.ESME_ROK {
			h.CommandStatus = data.ESME_RINVCMDID // a refusal that says nothing of itself is still one
		}
		s.answered(h.SequenceNumber, answer{status: h.CommandStatus})
	case data.ENQUIRE_LINK_RESP, data.BIND_TRANSCEIVER_RESP:
		s.answered(h.SequenceNumber, answer{status: h.CommandStatus})
	case data.ENQUIRE_LINK:
		p := pdu.NewEnquireLinkResp()
		p.SetSequenceNumber(h.SequenceNumber)
		return s.send(p)
	case data.DELIVER_SM:
		s.deliver(s, frame)
	case data.UNBIND:
		p := pdu.NewUnbindResp()
		p.SetSequenceNumber(h.SequenceNumber)
		_ = s.send(p)
		return ErrUnbound
	case data.UNBIND_RESP:
		s.once.Do(func() { close(s.unbound) })
	case data.ALERT_NOTIFICATION, data.OUTBIND: // they are not answered, SMPP 3.4 §4.12.1 and §4.1.7
	default:
		if h.CommandID < 0 { // the answer to what we never asked
			return nil
		}
		p := pdu.NewGenericNack().(*pdu.GenericNack)
		p.CommandStatus = data.ESME_RINVCMDID
		p.SetSequenceNumber(h.SequenceNumber)
		return s.send(p)
	}
	return nil
}

// confirm answers a deliver_sm. A session that has ended is not told: the SMSC comes again.
func (s *session) confirm(n int32, status data.CommandStatusType) error {
	p := pdu.NewDeliverSMResp().(*pdu.DeliverSMResp)
	p.CommandStatus = status
	p.SetSequenceNumber(n)
	return s.send(p)
}

// watch asks a silent SMSC whether it is still there, until the session ends.
func (s *session) watch(every time.Duration) {
	timer := time.NewTimer(every)
	defer timer.Stop()
	for {
		select {
		case <-s.done:
			return
		case <-timer.C:
		}
		if rest := every - time.Since(time.Unix(0, s.heard.Load())); rest > 0 {
			timer.Reset(rest)
			continue
		}
		if _, err := s.ask(pdu.NewEnquireLink(), s.reply); err != nil {
			s.end(err)
			return
		}
		timer.Reset(every)
	}
}

// unbind says goodbye, briefly, and hangs up.
func (s *session) unbind() {
	if s.over() == nil && s.send(pdu.NewUnbind()) == nil {
		timer := time.NewTimer(s.write)
		defer timer.Stop()
		select {
		case <-s.unbound:
		case <-s.done:
		case <-timer.C:
		}
	}
	s.end(errSent)
}

// cutString takes a C-octet string off octets; ok is false when its end is not there.
func cutString(b []byte) (s string, rest []byte, ok bool) {
	for i, c := range b {
		if c == 0 {
			return string(b[:i]), b[i+1:], true
		}
	}
	return string(b), nil, false
}
