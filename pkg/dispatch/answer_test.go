package dispatch_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/husk-reminders/husk/pkg/compose"
	"github.com/husk-reminders/husk/pkg/dispatch"
	"github.com/husk-reminders/husk/pkg/gate"
	"github.com/husk-reminders/husk/pkg/provider"
	"github.com/husk-reminders/husk/pkg/reminder"
	"github.com/husk-reminders/husk/pkg/routing"
)

// answerer is the bench's gate, composer and carrier behind Answers.
type answerer struct {
	*bench
	*dispatch.Answers
	confirmed  []string
	answerErr  error
	confirmErr error
	registry   *prometheus.Registry
}

func (a *answerer) Answer(ctx context.Context, r gate.Reply, now time.Time) (gate.Permit, error) {
	if a.answerErr != nil {
		return gate.Permit{}, a.answerErr
	}
	return a.real.Answer(ctx, r, now)
}

func (a *answerer) ConfirmAnswer(ctx context.Context, p gate.Permit, template string) error {
	a.mu.Lock()
	if a.slots < 1 {
		a.Errorf("asked for the last time with %d slots open", a.slots)
	}
	a.confirmed = append(a.confirmed, template)
	a.mu.Unlock()
	if a.confirmErr != nil {
		return a.confirmErr
	}
	return a.real.ConfirmAnswer(ctx, p, template)
}

// answerCarrier is the bench's without the claim that an answer has not.
type answerCarrier struct{ *carrier }

func (c answerCarrier) Open(ctx context.Context) (provider.Slot, error) {
	s, err := c.carrier.Open(ctx)
	if err != nil {
		return nil, err
	}
	return answerSlot{s.(*slot)}, nil
}

type answerSlot struct{ *slot }

func (s answerSlot) Send(ctx context.Context, m reminder.Message) (provider.Accepted, error) {
	s.mu.Lock()
	s.sent = append(s.sent, sent{m.Reference, s.route, s.now()})
	s.mu.Unlock()
	if s.send != nil {
		return s.send(ctx, m)
	}
	return provider.Accepted{}, nil
}

func newAnswerer(b *bench, change ...func(*dispatch.AnswerOptions)) *answerer {
	b.Helper()
	a := &answerer{bench: b, registry: prometheus.NewRegistry()}
	o := dispatch.AnswerOptions{
		Gate: a, Composer: (*writer)(b), Routes: []dispatch.Route{{Name: "sms", Sender: answerCarrier{&carrier{b, "sms"}}}}, Now: b.now, Metrics: a.registry, Log: b.o.Log,
	}
	for _, f := range change {
		f(&o)
	}
	var err error
	if a.Answers, err = dispatch.NewAnswers(o); err != nil {
		b.Fatal(err)
	}
	return a
}

func stopped() gate.Reply {
	return gate.Reply{To: reminder.NewAddress(reminder.SMS, "+4520123456"), Text: reminder.AnswerStopped, Unit: "rh-ortho", Language: "da", Route: "sms"}
}

func (a *answerer) count(outcome string) float64 {
	a.Helper()
	fs, err := a.registry.Gather()
	if err != nil {
		a.Fatal(err)
	}
	for _, f := range fs {
		for _, m := range f.GetMetric() {
			for _, l := range m.GetLabel() {
				if l.GetName() == "outcome" && l.GetValue() == outcome {
					return m.GetCounter().GetValue()
				}
			}
		}
	}
	return 0
}

// A carrier that is stopped after it was chosen gets no answer, and neither does one of which nobody knows any more.
func TestACarrierStoppedBeforeTheAnswerIsWritten(t *testing.T) {
	for name, c := range map[string]struct {
		on   map[string]string
		err  error
		want error
	}{
		"stopped":   {map[string]string{gate.SwitchCarrier + "a": "x"}, nil, routing.ErrStopped},
		"not known": {nil, errDown, errDown},
	} {
		inBench(t, func(b *bench) {
			asks := 0
			a := newAnswerer(b, func(o *dispatch.AnswerOptions) {
				o.Routes[0].Carrier = "a"
				o.Stopped = func(context.Context) (map[string]string, error) {
					if asks++; asks == 1 {
						return nil, nil
					}
					return c.on, c.err
				}
			})
			if err := a.Send(b.Context(), stopped()); !errors.Is(err, c.want) || asks != 2 || len(b.sent) != 0 || b.slots != 0 || a.count("route_closed") != 1 {
				t.Errorf("%s: %v, asked %d times, sent %d, %d slots open", name, err, asks, len(b.sent), b.slots)
			}
		})
	}
}

func TestAnswerIsSentOnce(t *testing.T) {
	inBench(t, func(b *bench) {
		a := newAnswerer(b)
		b.send = func(ctx context.Context, m reminder.Message) (provider.Accepted, error) {
			if by, ok := ctx.Deadline(); !ok || time.Until(by) > time.Second {
				b.Errorf("the write has until %v", by)
			}
			if _, claim := reminder.ClaimShard(m.Reference); claim || !provider.ValidReference(m.Reference) || m.Purpose != reminder.Reply || m.Unsubscribe != (reminder.Unsubscribe{}) {
				b.Errorf("message %+v", m)
			}
			return provider.Accepted{}, nil
		}
		for range 2 {
			if err := a.Send(b.Context(), stopped()); err != nil {
				t.Fatal(err)
			}
		}
		if len(b.sent) != 2 || b.sent[0].claim == b.sent[1].claim || b.slots != 0 || len(a.confirmed) != 2 || a.confirmed[0] != "da/reminder.sms@1" {
			t.Errorf("sent %+v, %d slots, confirmed %v", b.sent, b.slots, a.confirmed)
		}
		if n := a.count("accepted"); n != 2 {
			t.Errorf("%v are counted", n)
		}
		if len(b.intents)+len(b.outcomes)+len(b.verdicts) != 0 {
			t.Error("an answer is journalled as an attempt")
		}
	})
}

// Whatever fails: it is not sent, or not sent again; the error tells nothing of anybody.
func TestAnswerFails(t *testing.T) {
	for name, c := range map[string]struct {
		plant   func(*answerer)
		reply   func(*gate.Reply)
		sent    int
		outcome string
		is      error
	}{
		"the gate says no":     {plant: func(a *answerer) { a.answerErr = gate.ErrNoAnswer }, outcome: "denied", is: gate.ErrNoAnswer},
		"state not certified":  {plant: func(a *answerer) { a.answerErr = gate.ErrNotCertified }, outcome: "denied", is: gate.ErrNotCertified},
		"stopped at the end":   {plant: func(a *answerer) { a.confirmErr = gate.ErrNoAnswer }, outcome: "denied", is: gate.ErrNoAnswer},
		"the last look stalls": {plant: func(a *answerer) { a.confirmErr = nil; a.real = slowGate(a) }, outcome: "late"},
		"it is held":           {plant: func(a *answerer) { a.compose = func(gate.Permit) error { return compose.ErrHeld } }, outcome: "held", is: compose.ErrHeld},
		"its wire is held": {plant: func(a *answerer) { a.inspect = func(reminder.Message) error { return &compose.HeldError{} } },
			outcome: "held", is: compose.ErrHeld},
		"the carrier can't carry it": {plant: func(a *answerer) {
			a.encode = func(reminder.Message) (reminder.Wire, error) {
				return reminder.Wire{}, &provider.Error{Outcome: provider.Reject, Code: "bad_text"}
			}
		}, outcome: "held"},
		"no slot":          {plant: func(a *answerer) { a.openSlot = func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() } }, outcome: "route_closed"},
		"no such route":    {reply: func(r *gate.Reply) { r.Route = "email" }, outcome: "route_closed"},
		"an unknown unit":  {reply: func(r *gate.Reply) { r.Unit = "rh-none" }, outcome: "denied", is: gate.ErrNoAnswer},
		"the carrier's no": {plant: answersWith(&provider.Error{Outcome: provider.Reject, Code: "550"}), sent: 1, outcome: "reject"},
		"not now":          {plant: answersWith(&provider.Error{Outcome: provider.Retry, Code: "451"}), sent: 1, outcome: "retry"},
		"silence":          {plant: answersWith(&provider.Error{Code: "timeout"}), sent: 1, outcome: "unknown"},
		"a plain error":    {plant: answersWith(errors.New("to +4520123456: reset")), sent: 1, outcome: "unknown"},
	} {
		t.Run(name, func(t *testing.T) {
			inBench(t, func(b *bench) {
				a := newAnswerer(b, func(o *dispatch.AnswerOptions) { o.Patience = time.Minute })
				if c.plant != nil {
					c.plant(a)
				}
				r := stopped()
				if c.reply != nil {
					c.reply(&r)
				}
				err := a.Send(b.Context(), r)
				if err == nil || c.is != nil && !errors.Is(err, c.is) || strings.Contains(err.Error(), "20123456") {
					t.Errorf("error %v", err)
				}
				time.Sleep(time.Hour) // no second try
				if len(b.sent) != c.sent || b.slots != 0 {
					t.Errorf("%d sent, %d slots left open", len(b.sent), b.slots)
				}
				if n := a.count(c.outcome); n != 1 {
					t.Errorf("counted %v as %s", n, c.outcome)
				}
			})
		})
	}
}

func answersWith(err error) func(*answerer) {
	return func(a *answerer) {
		a.send = func(context.Context, reminder.Message) (provider.Accepted, error) { return provider.Accepted{}, err }
	}
}

// slowGate takes longer than the write deadline to answer for the last time.
func slowGate(a *answerer) *gate.Gate {
	b := a.bench
	g, err := gate.New(gate.Options{People: b, Switches: &slowSwitches{}, Confirmer: b, Packs: b.packs, Units: b, Certified: certified, Hash: hash, Now: b.now})
	if err != nil {
		b.Fatal(err)
	}
	return g
}

type slowSwitches struct{ asked int }

func (s *slowSwitches) Stopped(context.Context) (map[string]string, error) {
	if s.asked++; s.asked > 1 {
		time.Sleep(1100 * time.Millisecond)
	}
	return nil, nil
}

// A carrier that hangs holds up who reads the next reply for no longer than the patience, and after some of them not at all.
func TestAnswersHoldUpNothing(t *testing.T) {
	inBench(t, func(b *bench) {
		a := newAnswerer(b, func(o *dispatch.AnswerOptions) { o.Most = 3 })
		b.send = func(context.Context, reminder.Message) (provider.Accepted, error) {
			time.Sleep(30 * time.Second) // the carrier takes the message and its time
			return provider.Accepted{}, nil
		}
		began := time.Now()
		for i := range 100 {
			err := a.Send(b.Context(), stopped())
			var e *provider.Error
			if unknown := errors.As(err, &e) && e.Outcome == provider.Unknown; unknown != (i < 3) {
				t.Errorf("answer %d: %v", i, err)
			}
		}
		if d := time.Since(began); d > 3*time.Second {
			t.Errorf("a hundred take %v", d)
		}
		a.Wait()
		if d := time.Since(began); d < 30*time.Second || len(b.sent) != 3 || b.slots != 0 {
			t.Errorf("after %v: %d sent, %d slots open", d, len(b.sent), b.slots)
		}
		if n, busy := a.count("accepted"), a.count("busy"); n != 3 || busy != 97 {
			t.Errorf("%v accepted, %v busy", n, busy)
		}
	})
}

// Who hung up, or is stopped, does not take an answer back that has begun.
func TestAnswerOutlivesItsCaller(t *testing.T) {
	inBench(t, func(b *bench) {
		a := newAnswerer(b)
		ctx, cancel := context.WithCancel(b.Context())
		b.send = func(ctx context.Context, _ reminder.Message) (provider.Accepted, error) {
			cancel()
			time.Sleep(time.Millisecond)
			return provider.Accepted{}, ctx.Err()
		}
		if err := a.Send(ctx, stopped()); err != nil {
			t.Error(err)
		}
	})
}

func TestAnswerOptions(t *testing.T) {
	b := newBench(t)
	for name, o := range map[string]dispatch.AnswerOptions{
		"no gate":     {Composer: (*writer)(b)},
		"no composer": {Gate: &answerer{bench: b}},
		"no sender":   {Gate: &answerer{bench: b}, Composer: (*writer)(b), Routes: []dispatch.Route{{Name: "sms"}}},
	} {
		if _, err := dispatch.NewAnswers(o); err == nil {
			t.Errorf("%s is taken", name)
		}
	}
}

// A reminder by e-mail offers how to stop; an SMS and an answer don't, and what can't be offered is not sent.
func TestUnsubscribeIsOffered(t *testing.T) {
	for _, c := range []struct {
		name  string
		fail  error
		mails bool
		want  string
		sent  int
	}{
		{"by e-mail", nil, true, "https://x.example/", 1},
		{"by sms", nil, false, "", 1},
		{"in vain", errDown, true, "", 0},
	} {
		inBench(t, func(b *bench) {
			b.o.Routes = append(b.o.Routes, dispatch.Route{Name: "email", Sender: &carrier{b, "email"}, Slots: 1})
			b.o.Unsubscribe = func(ref string) (reminder.Unsubscribe, error) {
				return reminder.Unsubscribe{URL: "https://x.example/" + ref}, c.fail
			}
			b.due(1)
			b.mails[person(0)] = c.mails
			b.send = func(_ context.Context, m reminder.Message) (provider.Accepted, error) {
				if want := c.want; want != "" {
					want += m.Reference
					if m.Unsubscribe.URL != want {
						t.Errorf("%s: %q", c.name, m.Unsubscribe.URL)
					}
				} else if m.Unsubscribe.URL != "" {
					t.Errorf("%s: %q", c.name, m.Unsubscribe.URL)
				}
				return provider.Accepted{}, nil
			}
			b.run(3 * time.Second)
			if len(b.sent) != c.sent {
				t.Errorf("%s: %d sent", c.name, len(b.sent))
			}
		})
	}
}
