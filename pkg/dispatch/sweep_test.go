package dispatch_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/husk-reminders/husk/pkg/dispatch"
	"github.com/husk-reminders/husk/pkg/gate"
	"github.com/husk-reminders/husk/pkg/provider"
	"github.com/husk-reminders/husk/pkg/receipt"
	"github.com/husk-reminders/husk/pkg/reminder"
)

// asked is a carrier that can look a reference up.
type asked struct {
	*carrier
	found map[string]bool
	err   error
	hangs bool
	n     int
}

func (a *asked) Lookup(ctx context.Context, reference string) (provider.Accepted, bool, error) {
	a.mu.Lock()
	a.n++
	a.mu.Unlock()
	if a.hangs {
		<-ctx.Done()
		return provider.Accepted{}, true, ctx.Err()
	}
	return provider.Accepted{CarrierID: "found-" + reference}, a.found[reference], a.err
}

// final is one whose no is the last word after a while.
type final struct {
	*asked
	after time.Duration
}

func (f *final) FinalAfter() time.Duration { return f.after }

// left is what a dead process left open.
type left struct {
	*receipts
	opens   []receipt.Open
	unbegun map[string]bool
	err     error
	before  time.Time
}

func (l *left) Opens(_ context.Context, before time.Time) ([]receipt.Open, error) {
	l.before = before
	return slices.Clone(l.opens), l.err
}

func (l *left) Forsake(_ context.Context, os []receipt.Open) ([]bool, error) {
	out := make([]bool, len(os))
	for i, o := range os {
		out[i] = l.unbegun[o.Claim]
	}
	return out, nil
}

func openAttempt(n int, route string) receipt.Open {
	return receipt.Open{Intent: receipt.Intent{Reminder: id(n), Person: person(n), Attempt: 1, Claim: fmt.Sprintf("%028x", n), Route: route}, At: noon}
}

func TestSettleOpen(t *testing.T) {
	inBench(t, func(b *bench) {
		c := &asked{carrier: &carrier{b, "sms"}, found: map[string]bool{}}
		b.o.Routes = []dispatch.Route{{Name: "sms", Sender: c, Slots: 1}, {Name: "email", Sender: &carrier{b, "email"}, Slots: 1}}
		from := &left{receipts: (*receipts)(b), unbegun: map[string]bool{}, opens: []receipt.Open{
			openAttempt(0, "sms"), openAttempt(1, "sms"), openAttempt(2, "sms"), openAttempt(3, "email"), openAttempt(4, "gone"), openAttempt(5, "email"),
		}}
		c.found[from.opens[1].Claim] = true
		from.unbegun[from.opens[0].Claim], from.unbegun[from.opens[5].Claim] = true, true
		n, err := b.dispatcher().SettleOpen(b.Context(), from, noon)
		if err != nil || n != 6 || !from.before.Equal(noon) {
			b.Fatalf("settled %d before %v, %v", n, from.before, err)
		}
		for i, want := range []receipt.Status{receipt.NotBegun, receipt.Accepted, receipt.Unknown, receipt.Unknown, receipt.Unknown, receipt.NotBegun} {
			o := b.outcomes[i]
			if o.Status != want || o.Reminder != id(i) || o.Person != person(i) || o.Claim != from.opens[i].Claim {
				b.Errorf("attempt %d: %+v, want %s", i, o, want)
			}
			if (want == receipt.NotBegun) == o.Retry.IsZero() {
				b.Errorf("attempt %d: %s, tried again at %v", i, o.Status, o.Retry)
			}
		}
		if b.outcomes[1].CarrierID != "found-"+from.opens[1].Claim || b.outcomes[2].Code != "not_found" || b.outcomes[3].Code != "no_answer" || c.n != 2 {
			b.Errorf("outcomes %+v, carrier asked %d times", b.outcomes, c.n)
		}
		if len(b.sent) != 0 {
			b.Error("something was sent")
		}
	})
}

func TestSettleOpenFails(t *testing.T) {
	inBench(t, func(b *bench) {
		c := &asked{carrier: &carrier{b, "sms"}, err: errDown}
		b.o.Routes = []dispatch.Route{{Name: "sms", Sender: c, Slots: 1}, {Name: "email", Sender: &carrier{b, "email"}, Slots: 1}}
		from := &left{receipts: (*receipts)(b), opens: []receipt.Open{openAttempt(0, "sms"), openAttempt(1, "email")}}
		// A carrier that can't say now is asked later; it is no reason to doubt the others.
		if n, err := b.dispatcher().SettleOpen(b.Context(), from, noon); n != 1 || err != nil || b.outcomes[0].Reminder != id(1) {
			b.Errorf("settled %d, %v: %+v", n, err, b.outcomes)
		}
		from.opens = from.opens[:1]
		b.o.Metrics = nil
		if n, err := b.dispatcher().SettleOpen(b.Context(), from, noon); n != 0 || err != nil {
			b.Errorf("settled %d, %v", n, err)
		}
		from.err = errDown
		if _, err := b.dispatcher().SettleOpen(b.Context(), from, noon); !errors.Is(err, errDown) {
			b.Errorf("got %v", err)
		}
		from.err, from.opens = nil, nil
		if n, err := b.dispatcher().SettleOpen(b.Context(), from, noon); n != 0 || err != nil {
			b.Errorf("nothing open: %d, %v", n, err)
		}
		from.opens = []receipt.Open{openAttempt(1, "email")}
		b.settle = func(context.Context, []receipt.Outcome) error { return errDown }
		if _, err := b.dispatcher().SettleOpen(b.Context(), from, noon); !errors.Is(err, errDown) {
			b.Errorf("got %v", err)
		}
	})
}

// What a worker of this process still has in hand is not open, however long its carrier takes: settled as not begun it would
// be sent twice.
func TestSettleOpenLeavesLivingAttempts(t *testing.T) {
	inBench(t, func(b *bench) {
		c := &asked{carrier: &carrier{b, "sms"}}
		b.o.Routes[0].Sender = c
		b.due(1)
		b.send = func(context.Context, reminder.Message) (provider.Accepted, error) {
			time.Sleep(10 * time.Minute)
			return provider.Accepted{}, nil
		}
		d := b.dispatcher()
		b.while(d, func() {
			time.Sleep(5 * time.Minute)
			b.mu.Lock()
			from := &left{receipts: (*receipts)(b), opens: []receipt.Open{{Intent: b.intents[0], At: noon}}}
			b.mu.Unlock()
			if n, err := d.SettleOpen(b.Context(), from, b.now()); n != 0 || err != nil {
				b.Errorf("settled %d, %v", n, err)
			}
			time.Sleep(10 * time.Minute)
			// Its worker has settled it; should that not be folded yet, it is nobody's any more.
			if n, err := d.SettleOpen(b.Context(), from, b.now()); n != 1 || err != nil {
				b.Errorf("settled %d, %v", n, err)
			}
		})
		if len(b.sent) != 1 || b.outcomes[0].Status != receipt.Accepted {
			b.Errorf("%d sent, outcomes %+v", len(b.sent), b.outcomes)
		}
	})
}

// Another process may be about to write what its carrier does not know of yet, whatever the clocks of the two say: it is left open
// until its lease and its write deadline are surely over, and it is not sent again then either.
func TestSettleSharedLeavesTheAttemptsOfOthers(t *testing.T) {
	const lease = time.Minute
	for name, ahead := range map[string]time.Duration{"the same clock": 0, "the leader's is ahead": 3 * time.Hour, "the leader's is behind": -3 * time.Hour} {
		t.Run(name, func(t *testing.T) {
			inBench(t, func(b *bench) {
				c := &asked{carrier: &carrier{b, "sms"}, found: map[string]bool{}}
				b.o.Routes[0].Sender = c
				b.o.Now = func() time.Time { return b.now().Add(ahead) }
				d := b.dispatcher()
				o := openAttempt(1, "sms")
				o.At = b.now()
				from := &left{receipts: (*receipts)(b), opens: []receipt.Open{o}, unbegun: map[string]bool{o.Claim: true}}
				settle := func(want int) {
					b.Helper()
					if n, err := d.SettleShared(b.Context(), from, lease); n != want || err != nil {
						b.Errorf("after %v: settled %d, %v, want %d", b.now().Sub(noon), n, err, want)
					}
				}
				settle(0)
				from.unbegun[o.Claim] = false // it has its mark now, and begins to leave
				for range 12 {
					time.Sleep(10 * time.Second)
					settle(0)
				}
				if c.n != 0 {
					b.Errorf("the carrier was asked %d times", c.n)
				}
				time.Sleep(10 * time.Second)
				settle(1)
				if o := b.outcomes[0]; o.Status != receipt.Unknown || o.Code != "not_found" || !o.Retry.IsZero() {
					b.Errorf("%+v", o)
				}
			})
		})
	}
}

// An attempt that was seen open, settled, and stands there under another claim is counted from anew; one that is found is accepted,
// and one that surely did not begin is tried again, once nobody can begin it.
func TestSettleShared(t *testing.T) {
	inBench(t, func(b *bench) {
		c := &asked{carrier: &carrier{b, "sms"}, found: map[string]bool{}}
		b.o.Routes[0].Sender = c
		d := b.dispatcher()
		from := &left{receipts: (*receipts)(b), opens: []receipt.Open{openAttempt(1, "sms"), openAttempt(2, "sms")}, unbegun: map[string]bool{}}
		c.found[from.opens[0].Claim], from.unbegun[from.opens[1].Claim] = true, true
		for _, step := range []struct {
			wait time.Duration
			want int
		}{{0, 0}, {2 * time.Minute, 0}, {time.Second, 2}} {
			time.Sleep(step.wait)
			if n, err := d.SettleShared(b.Context(), from, time.Minute); n != step.want || err != nil {
				b.Fatalf("settled %d, %v, want %d", n, err, step.want)
			}
		}
		if b.outcomes[0].Status != receipt.Accepted || b.outcomes[1].Status != receipt.NotBegun || b.outcomes[1].Retry.IsZero() {
			b.Errorf("%+v", b.outcomes)
		}
		from.opens = nil
		if _, err := d.SettleShared(b.Context(), from, time.Minute); err != nil {
			b.Error(err)
		}
		from.opens = []receipt.Open{openAttempt(1, "sms")}
		if n, err := d.SettleShared(b.Context(), from, time.Minute); n != 0 || err != nil {
			b.Errorf("seen anew: settled %d, %v", n, err)
		}
	})
}

// Only a carrier whose contract says so is believed that what it does not have never left, and only after its own time.
func TestSettleOpenBelievesAFinalNo(t *testing.T) {
	inBench(t, func(b *bench) {
		c := &final{&asked{carrier: &carrier{b, "sms"}}, time.Minute}
		b.o.Routes[0].Sender = c
		d := b.dispatcher()
		from := &left{receipts: (*receipts)(b), opens: []receipt.Open{openAttempt(1, "sms")}}
		for _, step := range []struct {
			wait time.Duration
			want int
		}{{0, 0}, {59 * time.Second, 0}, {time.Second, 1}} {
			time.Sleep(step.wait)
			if n, err := d.SettleOpen(b.Context(), from, b.now()); n != step.want || err != nil {
				b.Fatalf("settled %d, %v, want %d", n, err, step.want)
			}
		}
		if o := b.outcomes[0]; o.Status != receipt.NotBegun || o.Retry.IsZero() {
			b.Errorf("%+v", o)
		}
	})
}

// pages hands out previews and keeps what was said.
type pages struct {
	leases []reminder.Lease
	said   map[reminder.ID]receipt.Preview
	late   time.Duration
	calls  int
}

func (p *pages) Previews(_ context.Context, _ time.Time, late time.Duration, passed map[reminder.ID]bool, limit int) ([]reminder.Lease, error) {
	p.calls++
	p.late = late
	var out []reminder.Lease
	for _, l := range p.leases {
		if _, ok := p.said[l.Reminder]; !ok && !passed[l.Reminder] && len(out) < limit {
			out = append(out, l)
		}
	}
	return out, nil
}

func (p *pages) Preview(_ context.Context, ps []receipt.Preview) error {
	for _, x := range ps {
		p.said[x.Reminder] = x
	}
	return nil
}

type previewer func(l reminder.Lease) gate.Decision

func (p previewer) Preview(_ context.Context, ls []reminder.Lease, _ time.Time) ([]gate.Decision, error) {
	out := make([]gate.Decision, len(ls))
	for i, l := range ls {
		out[i] = p(l)
	}
	return out, nil
}

func TestPreview(t *testing.T) {
	p := &pages{said: map[reminder.ID]receipt.Preview{}}
	for n := range 1203 {
		p.leases = append(p.leases, reminder.Lease{Reminder: id(n), Person: person(n), Version: 7, Expires: noon.Add(time.Duration(n) * time.Hour)})
	}
	n, err := dispatch.Preview(t.Context(), p, previewer(func(l reminder.Lease) gate.Decision {
		switch l.Reminder {
		case id(0):
			return gate.Decision{Outcome: gate.Deny, Reason: gate.NoBasis}
		case id(1):
			return gate.Decision{Outcome: gate.Defer, Reason: gate.PolicyMissing}
		}
		return gate.Decision{Outcome: gate.Allow}
	}), noon)
	if err != nil || n != 1203 || p.late != dispatch.PreviewLate || p.calls != 3 {
		t.Fatalf("asked about %d in %d rounds, %v", n, p.calls, err)
	}
	for n, want := range map[int]receipt.Preview{
		0: {Reminder: id(0), Person: person(0), Version: 7, Late: true, Reason: "no_basis"}, 1: {Reminder: id(1), Person: person(1), Version: 7, Late: true, Reason: "policy_missing"},
		240: {Reminder: id(240), Person: person(240), Version: 7, Late: true}, 241: {Reminder: id(241), Person: person(241), Version: 7},
	} {
		if got := p.said[id(n)]; got != want {
			t.Errorf("%+v, want %+v", got, want)
		}
	}
}

// What waits for a register is asked about once a sweep, told at once with whose answer it waits for, and holds up no other.
func TestPreviewTellsWhatCannotBeDecided(t *testing.T) {
	p := &pages{said: map[reminder.ID]receipt.Preview{}}
	for n := range 1100 {
		p.leases = append(p.leases, reminder.Lease{Reminder: id(n), Person: person(n), Version: 7, Expires: noon.Add(time.Hour)})
	}
	asked := map[reminder.ID]int{}
	n, err := dispatch.Preview(t.Context(), p, previewer(func(l reminder.Lease) gate.Decision {
		asked[l.Reminder]++
		if l.Reminder < id(700) {
			return gate.Decision{Reason: gate.Unavailable, Silent: gate.Silence{Register: "krr", Since: noon.Add(-time.Hour)}}
		}
		return gate.Decision{Outcome: gate.Allow}
	}), noon)
	if err != nil || n != 400 || len(p.said) != 1100 {
		t.Errorf("of %d it was said, %d told, %v", n, len(p.said), err)
	}
	want := receipt.Preview{
		Reminder: id(3), Person: person(3), Version: 7, Late: true, Undecided: true, Reason: "undecided: krr has not answered since 2026-03-10T10:00:00Z",
	}
	if got := p.said[id(3)]; got != want || !receipt.IsUndecided(got.Reason) || receipt.IsUndecided("unverified") {
		t.Errorf("%+v, want %+v", got, want)
	}
	for i, times := range asked {
		if times != 1 {
			t.Errorf("%s was asked about %d times", i, times)
		}
	}
}

// One reminder the gate can't say anything of (its unit has left the directory) holds up no other.
func TestPreviewSkipsWhatCannotBeSaid(t *testing.T) {
	p := &pages{said: map[reminder.ID]receipt.Preview{}}
	for n := range 1100 {
		p.leases = append(p.leases, reminder.Lease{Reminder: id(n), Person: person(n), Expires: noon.Add(time.Hour)})
	}
	n, err := dispatch.Preview(t.Context(), p, previewer(func(l reminder.Lease) gate.Decision {
		if l.Reminder == id(3) {
			return gate.Decision{Outcome: gate.Defer, Reason: gate.Unavailable}
		}
		return gate.Decision{Outcome: gate.Allow}
	}), noon)
	if err != nil || n != 1099 || len(p.said) != 1099 {
		t.Errorf("asked about %d, %v", n, err)
	}
	p.said = map[reminder.ID]receipt.Preview{}
	n, err = dispatch.Preview(t.Context(), p, previewer(func(l reminder.Lease) gate.Decision {
		if l.Reminder < id(700) {
			return gate.Decision{Outcome: gate.Defer, Reason: gate.Unavailable}
		}
		return gate.Decision{Outcome: gate.Allow}
	}), noon)
	if err != nil || n != 400 || len(p.said) != 400 {
		t.Errorf("asked about %d behind a whole page of which nothing can be said, %v", n, err)
	}
	n, err = dispatch.Preview(t.Context(), &pages{leases: p.leases, said: map[reminder.ID]receipt.Preview{}}, previewer(func(reminder.Lease) gate.Decision {
		return gate.Decision{Outcome: gate.Defer, Reason: gate.NotCertified}
	}), noon)
	if err != nil || n != 0 {
		t.Errorf("%d, %v: it must end where nothing can be said", n, err)
	}
}
