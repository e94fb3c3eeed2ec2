package dispatch

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"

	"github.com/husk-reminders/husk/pkg/gate"
	"github.com/husk-reminders/husk/pkg/provider"
)

// AnswerGate decides on answers.
type AnswerGate interface {
	Answer(ctx context.Context, r gate.Reply, now time.Time) (gate.Permit, error)
	ConfirmAnswer(ctx context.Context, p gate.Permit, template string) error
}

// AnswerOptions of Answers. Gate and Composer are required.
type AnswerOptions struct {
	Gate     AnswerGate
	Composer Composer
	Routes   []Route

	Now           func() time.Time // nil = time.Now
	Most          int              // answers at work at once; 0 = 8
	Patience      time.Duration    // how long Send waits for what becomes of one; 0 = 1 s
	OpenWait      time.Duration    // how long a slot may take to open; 0 = 2 s
	WriteDeadline time.Duration    // how long a write may take; 0 = 1 s
	Metrics       prometheus.Registerer
	Log           *zap.Logger
}

// Answers hands fixed answers over to people who wrote. Each is decided by the gate, composed and looked through like any message, and
// written once: it has no journal and no second try, for who gets none writes again or rings. The carrier's slots are shared with the
// reminders, and an answer waits shortly for one.
type Answers struct {
	o        AnswerOptions
	hands    chan struct{}
	busy     sync.WaitGroup
	outcomes *prometheus.CounterVec
}

// What became of an answer, beside the carrier's own outcomes: labels of metrics.
const (
	answerAccepted = "accepted"
	answerBusy     = "busy"         // too many are at work
	answerDenied   = "denied"       // the gate's no
	answerHeld     = "held"         // it can't be written cleanly, or the carrier can't carry it
	answerClosed   = "route_closed" // no route, or no slot
	answerLate     = "late"         // it was not to begin any more
)

// NewAnswers checks the options.
func NewAnswers(o AnswerOptions) (*Answers, error) {
	if o.Gate == nil || o.Composer == nil {
		return nil, errors.New("dispatch: AnswerOptions: Gate and Composer are required")
	}
	for _, r := range o.Routes {
		if r.Name == "" || r.Sender == nil {
			return nil, fmt.Errorf("dispatch: AnswerOptions: route %q: want a name and a sender", r.Name)
		}
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Most == 0 {
		o.Most = 8
	}
	for d, v := range map[*time.Duration]time.Duration{&o.Patience: time.Second, &o.OpenWait: 2 * time.Second, &o.WriteDeadline: time.Second} {
		if *d == 0 {
			*d = v
		}
	}
	if o.Log == nil {
		o.Log = zap.NewNop()
	}
	a := &Answers{o: o, hands: make(chan struct{}, o.Most), outcomes: prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "husk_dispatch_answers_total", Help: "Fixed answers to people who wrote, by what became of them.",
	}, []string{"route", "outcome"})}
	if o.Metrics != nil {
		if err := o.Metrics.Register(a.outcomes); err != nil {
			return nil, fmt.Errorf("dispatch: metrics: %w", err)
		}
	}
	return a, nil
}

var (
	errBusy    = errors.New("dispatch: answer: too many are at work")
	errNoRoute = errors.New("dispatch: answer: no carrier serves the channel")
	errLate    = errors.New("dispatch: answer: too late to begin")
)

// Send sends one answer. It returns after Patience at the latest; what is still at work then goes on by itself, and the error is one
// of outcome Unknown. No error holds an address or a text.
func (a *Answers) Send(ctx context.Context, r gate.Reply) error {
	select {
	case a.hands <- struct{}{}:
	default:
		a.outcomes.WithLabelValues(r.Route, answerBusy).Inc()
		return errBusy
	}
	done := make(chan error, 1)
	a.busy.Go(func() {
		defer func() { <-a.hands }()
		outcome, err := a.send(context.WithoutCancel(ctx), r)
		a.outcomes.WithLabelValues(r.Route, outcome).Inc()
		done <- err
	})
	patience := time.NewTimer(a.o.Patience)
	defer patience.Stop()
	select {
	case err := <-done:
		return err
	case <-patience.C:
		return &provider.Error{Outcome: provider.Unknown, Code: "slow"}
	}
}

// Wait returns when no answer is at work any more. Nothing may be sent from then on.
func (a *Answers) Wait() { a.busy.Wait() }

// send sees one answer through.
func (a *Answers) send(ctx context.Context, r gate.Reply) (outcome string, err error) {
	route, ok := a.route(r.Route)
	if !ok {
		return answerClosed, errNoRoute
	}
	p, err := a.o.Gate.Answer(ctx, r, a.o.Now())
	if err != nil {
		return answerDenied, err
	}
	m, unfit, err := written(ctx, a.o.Composer, route.Sender, p, rand.Text(), nil)
	if err = errors.Join(unfit, err); err != nil {
		return answerHeld, err
	}
	wait, cancel := context.WithTimeout(ctx, a.o.OpenWait)
	defer cancel()
	slot, err := route.Sender.Open(wait)
	if err != nil {
		return answerClosed, err
	}
	defer slot.Close()
	by := time.Now().Add(a.o.WriteDeadline) //nolint:forbidigo // real time, as the write deadline is
	if err := a.o.Gate.ConfirmAnswer(ctx, p, m.Template); err != nil {
		return answerDenied, err
	}
	if !time.Now().Before(by) { //nolint:forbidigo // as above
		return answerLate, errLate
	}
	write, cancel := context.WithDeadline(ctx, by)
	defer cancel()
	if _, err := slot.Send(write, m); err != nil {
		return provider.OutcomeOf(err).String(), asError(err)
	}
	return answerAccepted, nil
}

// asError keeps a carrier's error from telling more than its outcome and code.
func asError(err error) error {
	var e *provider.Error
	if errors.As(err, &e) {
		return e
	}
	return &provider.Error{Outcome: provider.Unknown, Code: provider.Cause(err), Err: err}
}

func (a *Answers) route(name string) (Route, bool) {
	for _, r := range a.o.Routes {
		if r.Name == name {
			return r, true
		}
	}
	return Route{}, false
}
