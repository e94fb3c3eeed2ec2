package inbound

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"

	"github.com/husk-reminders/husk/pkg/provider"
	"github.com/husk-reminders/husk/pkg/reminder"
)

// Register does what notices ask for. Each method returns nil only once that is final and on disk; after an error the
// notice is handed over again, so doing a thing twice must be the same as doing it once. via names the carrier.
type Register interface {
	// Stop bars the address. It returns only when the withdrawal is final: nothing leaves to that address from then on. said is when
	// it came in, zero when the carrier does not tell.
	Stop(ctx context.Context, from reminder.Address, via string, said time.Time) error
	// Start lifts what a STOP from the same address barred that came in before said, which is zero when the carrier does not tell.
	// It grants nothing. A START that is handed over again after an error has the same said, and must lift no STOP that came between.
	Start(ctx context.Context, from reminder.Address, via string, said time.Time) error
	// WrongNumber takes the address from whoever we think is behind it.
	WrongNumber(ctx context.Context, from reminder.Address, via string) error
	// Other tells a clerk that somebody wrote something that only a person can understand. What it was is not stored.
	Other(ctx context.Context, from reminder.Address, via string) error
	// Report takes a delivery report.
	Report(ctx context.Context, r provider.Report, via string) error
}

// Source is a carrier that is asked for notices. Its Poller hands over from as many goroutines as it likes.
type Source struct {
	Name   string // the carrier's, as in the configuration
	Poller provider.Poller
}

// waker is a Poller that knows when there is something to ask it for.
type waker interface {
	// Came has a token when something has come.
	Came() <-chan struct{}
}

// Options make an Inbound.
type Options struct {
	Register Register
	// Desk is the clinics' inbox, and says who may be answered. nil = what may be a cancellation goes to Register.Other, and
	// nothing is answered.
	Desk Desk
	// Replier sends the fixed answers. nil = none goes.
	Replier Replier
	// Unsubscriber takes mails to the address of a List-Unsubscribe. nil = they are read as answers.
	Unsubscriber *Unsubscriber
	// Normalise gives an address as a carrier writes it the one form that addresses have, so that a STOP finds its address.
	// Package contact has it; which country a number without a code is of is for the caller to say.
	Normalise func(reminder.Address) (reminder.Address, error)
	// Keywords are those of the numbers that others share: what the carriers hand over of an SMS begins with one of them. Here, and
	// nowhere else, it is taken away.
	Keywords []string
	Pollers  []Source
	Every    time.Duration         // between two rounds of polling; 0 = 1s
	Log      *zap.Logger           // nil = none
	Metrics  prometheus.Registerer // nil = none
}

// Inbound reads notices. It is safe for concurrent use.
type Inbound struct {
	o   Options
	log *zap.Logger

	notices *prometheus.CounterVec
	failed  *prometheus.CounterVec
	answers *prometheus.CounterVec
}

// New validates.
func New(o Options) (*Inbound, error) {
	if o.Register == nil || o.Normalise == nil {
		return nil, errors.New("inbound: options: want a Register and a Normalise")
	}
	if o.Replier != nil && o.Desk == nil {
		return nil, errors.New("inbound: options: Replier: want a Desk too, which limits the answers")
	}
	for _, s := range o.Pollers {
		if s.Name == "" || s.Poller == nil {
			return nil, errors.New("inbound: options: want a name and a Poller in each source")
		}
	}
	if o.Every < 0 {
		return nil, errors.New("inbound: options: Every: want more than nothing, or 0 for one second")
	}
	if o.Every == 0 {
		o.Every = time.Second
	}
	if o.Log == nil {
		o.Log = zap.NewNop()
	}
	theLexicon() // now, and not at the first answer
	in := &Inbound{
		o: o, log: o.Log,
		notices: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "husk_inbound_notices_total", Help: "Notices of carriers that were dealt with, by what they were.",
		}, []string{"kind"}),
		failed: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "husk_inbound_failures_total", Help: "Notices that could not be dealt with and will be read again, and rounds of polling that failed.",
		}, []string{"kind"}),
		answers: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "husk_inbound_answers_total", Help: "Fixed answers to people who wrote, by text and by what became of them.",
		}, []string{"text", "outcome"}),
	}
	for _, k := range append(slices.Clone(Intents), kindReport, kindComplaint, kindMachine) {
		in.notices.WithLabelValues(string(k))
		in.failed.WithLabelValues(string(k))
	}
	in.failed.WithLabelValues(string(kindPoll))
	for _, t := range Texts {
		for _, outcome := range []string{answerSent, answerEnough, answerFailed, answerUnknown} {
			in.answers.WithLabelValues(string(t), outcome)
		}
	}
	if o.Metrics != nil {
		for _, c := range []prometheus.Collector{in.notices, in.failed, in.answers} {
			if err := o.Metrics.Register(c); err != nil {
				return nil, fmt.Errorf("inbound: metrics: %w", err)
			}
		}
	}
	return in, nil
}

// Labels of metrics that are no intents.
const (
	kindReport    Intent = "report"
	kindComplaint Intent = "complaint"
	kindPoll      Intent = "poll"
	kindMachine   Intent = "machine" // a machine's, which asks for nothing
)

// Run polls until ctx ends, and then returns nil. Each carrier has rounds of its own, so that no STOP waits for what came through another one.
// What fails is logged, counted and tried again.
func (in *Inbound) Run(ctx context.Context) error {
	var wg sync.WaitGroup
	for _, s := range in.o.Pollers {
		wg.Go(func() { in.rounds(ctx, s) })
	}
	wg.Wait()
	<-ctx.Done()
	return nil
}

// rounds polls one carrier: every Every, and when it says that something has come.
func (in *Inbound) rounds(ctx context.Context, s Source) {
	tick := time.NewTicker(in.o.Every)
	defer tick.Stop()
	var came <-chan struct{}
	if w, ok := s.Poller.(waker); ok {
		came = w.Came()
	}
	for told := false; ; {
		if err := in.poll(ctx, s); err != nil && ctx.Err() == nil && !told {
			in.log.Warn("not all notices of a carrier were dealt with; they will be read again", zap.String("provider", s.Name), zap.Error(err))
			told = true
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			told = false
		case <-came: // as often as it likes, and told of once between two ticks
		}
		if ctx.Err() != nil {
			return
		}
	}
}

// poll asks one carrier once.
func (in *Inbound) poll(ctx context.Context, s Source) error {
	err := s.Poller.Poll(ctx, func(ctx context.Context, n provider.Notice) error { return in.Handle(ctx, s.Name, n) })
	if err != nil && ctx.Err() == nil {
		in.failed.WithLabelValues(string(kindPoll)).Inc()
	}
	return err
}

// Poll asks every carrier once, all at the same time. The error joins what failed.
func (in *Inbound) Poll(ctx context.Context) error {
	errs := make([]error, len(in.o.Pollers))
	var wg sync.WaitGroup
	for i, s := range in.o.Pollers {
		wg.Go(func() { errs[i] = in.poll(ctx, s) })
	}
	wg.Wait()
	return errors.Join(errs...)
}

// Handle deals with one notice that came through the carrier via. Webhooks call it too: acknowledge to the carrier only
// when it returns nil, or provider.ErrUnknownMessage of a complaint that bars nobody.
func (in *Inbound) Handle(ctx context.Context, via string, n provider.Notice) error {
	switch n.Kind {
	case provider.Reply:
		return in.reply(ctx, via, n)
	case provider.ReportKind:
		return in.count(kindReport, in.o.Register.Report(ctx, n.Report(), via))
	case provider.Complaint:
		err := in.complaint(ctx, via, n)
		if errors.Is(err, provider.ErrUnknownMessage) { // nothing is left to do
			in.notices.WithLabelValues(string(kindComplaint)).Inc()
			return err
		}
		return in.count(kindComplaint, err)
	}
	return fmt.Errorf("inbound: a notice of unknown kind from %s: its carrier package must set reply, report or complaint", via)
}

// complaint bars the address of the message that is complained of, as its own STOP would. A message that is no longer known bars nobody:
// provider.ErrUnknownMessage.
func (in *Inbound) complaint(ctx context.Context, via string, n provider.Notice) error {
	if in.o.Unsubscriber == nil {
		return errNoUnsubscriber
	}
	err := ErrUnknownAttempt
	if n.Reference != "" {
		err = in.o.Unsubscriber.attempts.StopAttempt(ctx, n.Reference, via)
	}
	if errors.Is(err, ErrUnknownAttempt) && n.Unsubscribe != "" {
		err = in.o.Unsubscriber.stop(ctx, n.Unsubscribe, via)
	}
	if errors.Is(err, ErrUnknownAttempt) || errors.Is(err, ErrToken) {
		in.log.Warn("a complaint about a message that is not known bars nobody", zap.String("provider", via))
		return fmt.Errorf("inbound: complaint: %w", provider.ErrUnknownMessage)
	}
	return err
}

var errNoUnsubscriber = errors.New("inbound: a complaint: want an Unsubscriber, which knows whom a message went to")

// reply classifies, acts, and answers.
func (in *Inbound) reply(ctx context.Context, via string, n provider.Notice) error {
	if n.Unsubscribe != "" && in.o.Unsubscriber != nil {
		// A mail program asked for it, whatever stands in the mail. A token that is not ours is another's address.
		if err := in.o.Unsubscriber.stop(ctx, n.Unsubscribe, viaMail); !errors.Is(err, ErrToken) && !errors.Is(err, ErrUnknownAttempt) {
			return in.count(Stop, err)
		}
	}
	r := Classify(n.Text.Reveal(), ClassifyOptions{Keyword: in.keyword(n)})
	from, err := in.o.Normalise(n.From)
	if err != nil {
		// Nothing was ever sent to what is no address; a clerk sees that somebody wrote.
		in.log.Warn("a reply from what is no address Husk can write to goes to the clerk", zap.String("provider", via))
		return in.count(Other, in.o.Register.Other(ctx, n.From, via))
	}
	if n.Automatic && !r.Is(Stop) && !r.Is(Cancel) {
		return in.count(kindMachine, nil)
	}
	to := in.addressee(ctx, n, from, via, r)
	for _, k := range []Intent{r.Intent, r.Also} {
		if k == "" {
			continue
		}
		if err := in.count(k, in.act(ctx, k, from, via, n.At)); err != nil {
			return err
		}
	}
	in.answer(ctx, to, r)
	return nil
}

// keyword is that of the units' which an SMS begins with, "" when it begins with none. Whatever number it came to: a keyword is no word
// that people write by themselves.
func (in *Inbound) keyword(n provider.Notice) string {
	if n.From.Channel != reminder.SMS {
		return ""
	}
	text := bounded(n.Text.Reveal())
	for _, k := range in.o.Keywords {
		if withoutKeyword(text, k) != text {
			return k
		}
	}
	return ""
}

// act hands one intent on.
func (in *Inbound) act(ctx context.Context, k Intent, from reminder.Address, via string, said time.Time) error {
	switch {
	case k == Stop:
		return in.o.Register.Stop(ctx, from, via, said)
	case k == Start:
		return in.o.Register.Start(ctx, from, via, said)
	case k == WrongNumber:
		return in.o.Register.WrongNumber(ctx, from, via)
	case k == Cancel && in.o.Desk != nil:
		return in.o.Desk.Wish(ctx, from, via)
	}
	return in.o.Register.Other(ctx, from, via)
}

// count counts what was done, or was not.
func (in *Inbound) count(k Intent, err error) error {
	if err != nil {
		in.failed.WithLabelValues(string(k)).Inc()
		return fmt.Errorf("inbound: %s: %w", k, err)
	}
	in.notices.WithLabelValues(string(k)).Inc()
	return nil
}
