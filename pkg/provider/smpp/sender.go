package smpp

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/linxGnu/gosmpp/data"
	"github.com/linxGnu/gosmpp/pdu"
	"go.uber.org/zap"

	"github.com/husk-reminders/husk/pkg/provider"
	"github.com/husk-reminders/husk/pkg/reminder"
)

// Options make a Sender.
type Options struct {
	Config Config
	Now    func() time.Time // for Accepted.At, Notice.At and the validity period; nil = time.Now
	Log    *zap.Logger      // nil = none
}

// Sender is the carrier. It is safe for concurrent use.
type Sender struct {
	config   Config
	validity bool
	rulings  rulings
	tls      *tls.Config
	limit    *provider.Limit
	now      func() time.Time
	log      *zap.Logger
	joined   atomic.Uint32 // the last reference of concatenation
	inbox    *inbox
	doubts   *doubts
	said     *said

	start   sync.Once
	wg      sync.WaitGroup // of what sessions run
	stop    context.CancelFunc
	stopped chan struct{} // closed when nothing binds any more

	mu      sync.Mutex
	session *session // nil while there is none
	why     error    // there is none
	vain    bool     // and the last bind was in vain
	changed chan struct{}
	closed  bool
}

var (
	_ provider.Sender  = (*Sender)(nil)
	_ provider.Checker = (*Sender)(nil)
	_ provider.Poller  = (*Sender)(nil)
	_ io.Closer        = (*Sender)(nil)
)

// ErrClosed is the cause of every refusal after Close.
var ErrClosed = errors.New("smpp: the sender is closed")

// New validates and connects to nothing. The first Open or Poll binds.
func New(o Options) (*Sender, error) {
	if err := o.Config.Validate(); err != nil {
		return nil, err
	}
	c := o.Config.withDefaults()
	t, err := c.tlsConfig()
	if err != nil {
		return nil, err
	}
	own, err := c.rulings()
	if err != nil {
		return nil, err
	}
	limit, err := provider.NewLimit(c.Slots(), c.RatePerSecond)
	if err != nil {
		return nil, fmt.Errorf("smpp: %w", err)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Log == nil {
		o.Log = zap.NewNop()
	}
	s := &Sender{
		config: c, validity: c.ValidityPeriod == nil || *c.ValidityPeriod, rulings: own, tls: t, limit: limit, now: o.Now, log: o.Log,
		inbox: newInbox(c.Queue, c.JoinTimeout), doubts: newDoubts(), said: newSaid(), stopped: make(chan struct{}), changed: make(chan struct{}),
	}
	s.joined.Store(rand.Uint32()) // so that a restart does not begin with the references of the last hour
	return s, nil
}

// begin begins to bind, once.
func (s *Sender) begin() {
	s.start.Do(func() {
		ctx, stop := context.WithCancel(context.Background())
		s.mu.Lock()
		s.stop = stop
		closed := s.closed
		s.mu.Unlock()
		if closed {
			stop()
		}
		go s.keep(ctx)
	})
}

// Open waits for a slot, the rate and a bound session.
func (s *Sender) Open(ctx context.Context) (provider.Slot, error) {
	release, err := s.limit.Take(ctx)
	if err != nil {
		return nil, err
	}
	n, err := s.bound(ctx)
	if err != nil {
		release()
		return nil, err
	}
	return &slot{sender: s, session: n, release: release}, nil
}

// bound waits for a session: for the first bind, or, when one has just ended, for the next. Once that was in vain it does not wait, for others
// wait with it. Its error tells why there is none.
func (s *Sender) bound(ctx context.Context) (*session, error) {
	s.begin()
	for {
		s.mu.Lock()
		n, why, vain, changed, closed := s.session, s.why, s.vain, s.changed, s.closed
		s.mu.Unlock()
		switch {
		case closed:
			return nil, &provider.Error{Outcome: provider.Retry, Code: "closed", Err: ErrClosed}
		case n != nil && n.over() == nil:
			return n, nil
		case vain:
			return nil, &provider.Error{Outcome: provider.Retry, Code: bindCode(why), Err: why}
		}
		select {
		case <-changed:
		case <-ctx.Done():
			if why == nil {
				return nil, &provider.Error{Outcome: provider.Retry, Code: provider.Cause(ctx.Err()), Err: ctx.Err()}
			}
			return nil, &provider.Error{Outcome: provider.Retry, Code: bindCode(why), Err: errors.Join(ctx.Err(), why)}
		}
	}
}

// Close unbinds and hangs up. Open then refuses. What was not handled yet is not answered: the SMSC keeps it.
func (s *Sender) Close() error {
	s.mu.Lock()
	s.closed = true
	stop := s.stop
	close(s.changed)
	s.changed = make(chan struct{})
	s.mu.Unlock()
	never := false
	s.start.Do(func() { never = true }) // nothing binds from here on
	if never {
		return nil
	}
	if stop != nil {
		stop()
	}
	<-s.stopped
	s.wg.Wait()
	return nil
}

// Check asks the bound session whether the SMSC answers, or binds and unbinds where there is none.
func (s *Sender) Check(ctx context.Context) error {
	s.mu.Lock()
	n, closed := s.session, s.closed
	s.mu.Unlock()
	what := fmt.Sprintf("smpp: no session with %s port %d as %s", s.config.Host, s.config.Port, s.config.SystemID)
	switch {
	case closed:
		return ErrClosed
	case n != nil && n.over() == nil:
		if a, err := n.ask(pdu.NewEnquireLink(), s.config.ReplyTimeout); err != nil {
			return fmt.Errorf("%s: %w", what, err)
		} else if a.status != data.ESME_ROK {
			return fmt.Errorf("%s: %w", what, StatusError(a.status))
		}
		return nil
	}
	n, err := s.bind(ctx)
	if err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	_ = n.conn.SetDeadline(time.Time{})
	// What an SMSC delivers in this moment is not answered: it brings that again to who binds next. What is refused for now goes into its
	// schedule of retries.
	n.deliver = func(*session, []byte) {}
	var wg sync.WaitGroup
	wg.Go(n.read)
	n.unbind()
	wg.Wait()
	return nil
}

// slot is the room in the window for one message.
type slot struct {
	sender  *Sender
	session *session
	release func()
	spent   bool
}

// Close gives the slot back.
func (s *slot) Close() {
	s.spent = true
	s.release()
}

// Send writes every segment and waits for the answers.
func (s *slot) Send(ctx context.Context, m reminder.Message) (provider.Accepted, error) {
	begun := time.Now()
	if s.spent {
		return provider.Accepted{}, &provider.Error{Outcome: provider.Retry, Code: "slot_used", Err: provider.ErrSlotUsed}
	}
	s.spent = true
	if err := provider.Encoded(m, reminder.SMS); err != nil {
		return provider.Accepted{}, err
	}
	pdus, err := frames(m.Wire)
	if err != nil {
		return provider.Accepted{}, reject("not_encoded", err)
	}
	by := begun.Add(s.sender.config.WriteTimeout)
	if d, ok := ctx.Deadline(); ok && d.Before(by) {
		by = d
	}
	return s.sender.submit(ctx, s.session, pdus, m, by)
}

// submit hands a message to a session.
func (s *Sender) submit(ctx context.Context, n *session, pdus [][]byte, m reminder.Message, by time.Time) (provider.Accepted, error) {
	follow := followed(m.Purpose)
	if s.config.MessageRef && follow {
		s.doubts.begin(m.To.Reveal(), m.Reference, len(pdus))
	}
	refused, accepted, known := false, 0, make(chan struct{}) // whether a segment was, and how many were, once known is closed
	answers, notBegun := n.submit(ctx, pdus, by, func(a answer) {
		<-known
		if a.accepted() {
			accepted++ // the session's reader alone comes here
		}
		// A yes is one to the message once every segment has it: what remains of a message that is not whole is none.
		if follow && (!a.accepted() || accepted == len(pdus)) {
			s.late(m.Reference, a, len(pdus) > 1)
		}
	})
	for _, a := range answers {
		refused = refused || a.refused()
		if a.accepted() {
			accepted++
		}
	}
	close(known)
	if notBegun != nil {
		s.doubts.end(m.To.Reveal(), m.Reference)
		return provider.Accepted{}, &provider.Error{Outcome: provider.Retry, Code: bindCode(notBegun), Err: notBegun}
	}
	ids, err := settle(answers, s.rulings)
	if refused && len(pdus) > 1 {
		s.doubts.breaks(m.To.Reveal(), m.Reference)
	}
	if err == nil || provider.OutcomeOf(err) != provider.Unknown {
		for _, id := range s.doubts.end(m.To.Reveal(), m.Reference) {
			s.tell(provider.Notice{Kind: provider.ReportKind, CarrierID: id, Status: provider.Delivered, Signed: s.tls != nil})
		}
	}
	if err != nil {
		if slices.ContainsFunc(answers, func(a answer) bool { return a.err == nil && a.status == data.ESME_RINVBNDSTS }) {
			n.end(StatusError(data.ESME_RINVBNDSTS))
		}
		return provider.Accepted{}, err
	}
	a := provider.Accepted{CarrierID: ids[0], Parts: ids[1:], At: s.now()}
	if slices.Contains(ids, "") { // it does not report each by itself, then
		a.CarrierID, a.Parts = cmp.Or(ids[0], m.Reference), nil
	}
	return a, nil
}
