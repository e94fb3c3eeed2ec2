package dispatch

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"go.uber.org/zap"

	"github.com/husk-reminders/husk/pkg/gate"
	"github.com/husk-reminders/husk/pkg/provider"
	"github.com/husk-reminders/husk/pkg/receipt"
	"github.com/husk-reminders/husk/pkg/reminder"
)

// Opens is what the settling of open attempts needs.
type Opens interface {
	Opens(ctx context.Context, before time.Time) ([]receipt.Open, error)
	// Forsake closes claims whose hand-over surely never began and now never can.
	Forsake(ctx context.Context, os []receipt.Open) ([]bool, error)
	Settle(ctx context.Context, os []receipt.Outcome) error
}

// SettleOpen settles attempts that were intended before before and have no outcome: their worker has died, or its carrier
// has not answered. What surely did not begin is tried again; a carrier that can look a reference up is asked; any other
// is unknown, and never sent again. Call it only where this process alone owns the data, with a before from which on no worker
// may still be about to begin: the start of this process, or a lease ago. It returns how many it settled.
func (d *Dispatcher) SettleOpen(ctx context.Context, from Opens, before time.Time) (int, error) {
	return d.settleOpen(ctx, from, before, 0)
}

// SettleShared is SettleOpen where other processes live and send beside this one, and a worker may hold a reminder for lease. An
// attempt is left open until this process has seen it open for two leases and a write deadline: its own lease was taken before it
// was there to be seen, and ends within one; a hand-over that was confirmed until then begins within the deadline; the second
// lease is the margin, for the carrier's answer. That time is counted from the first look, and not from when the intent says that
// it was written, so that no two clocks are compared, the leader's least of all.
func (d *Dispatcher) SettleShared(ctx context.Context, from Opens, lease time.Duration) (int, error) {
	return d.settleOpen(ctx, from, endOfTime, 2*lease+d.o.WriteDeadline)
}

// endOfTime is after all that any clock may have said.
var endOfTime = time.Date(9999, 12, 31, 0, 0, 0, 0, time.UTC)

// settleOpen settles what was intended before before, and seen open by this process for wait.
func (d *Dispatcher) settleOpen(ctx context.Context, from Opens, before time.Time, wait time.Duration) (int, error) {
	opens, err := from.Opens(ctx, before)
	if err != nil {
		return 0, err
	}
	opens = slices.DeleteFunc(opens, func(o receipt.Open) bool {
		_, ours := d.inHand.Load(o.Claim) // its worker waits for the carrier's answer, and will settle it
		return ours
	})
	seen := d.sight(opens)
	opens = slices.DeleteFunc(opens, func(o receipt.Open) bool { return seen[o.Claim] < wait })
	if len(opens) == 0 {
		return 0, nil
	}
	unbegun, err := from.Forsake(ctx, opens)
	if err != nil {
		return 0, fmt.Errorf("dispatch: open attempts: %w", err)
	}
	var os []receipt.Outcome
	for i, o := range opens {
		if unbegun[i] {
			os = append(os, outcomeOf(o.Intent, receipt.NotBegun, "", d.o.Now()))
			continue
		}
		out, err := d.lookUp(ctx, o.Intent, seen[o.Claim]-wait)
		if err != nil {
			d.o.Log.Warn("the carrier can't say what became of an attempt; it is asked again later", zap.String("attempt", o.Claim), zap.Error(err))
			continue
		}
		if out.Status == receipt.Unknown {
			d.m.doubts.Inc()
		}
		d.m.outcomes.WithLabelValues(o.Route, string(out.Status)).Inc()
		os = append(os, out)
	}
	if len(os) == 0 {
		return 0, nil
	}
	return len(os), from.Settle(ctx, os)
}

// sight notes which attempts are open now, and returns for how long each has been seen so.
func (d *Dispatcher) sight(opens []receipt.Open) map[string]time.Duration {
	d.sights.Lock()
	defer d.sights.Unlock()
	now := time.Now() //nolint:forbidigo // real time, as leases and the write deadline are
	first, seen := make(map[string]time.Time, len(opens)), make(map[string]time.Duration, len(opens))
	for _, o := range opens {
		at, ok := d.first[o.Claim]
		if !ok {
			at = now
		}
		first[o.Claim], seen[o.Claim] = at, now.Sub(at)
	}
	d.first = first
	return seen
}

// errNotFinal means that a carrier does not have a message which it may have yet.
var errNotFinal = errors.New("dispatch: not found so far")

// lookUp asks the carrier that an attempt names, where it can be asked, what became of an attempt that has not been able to begin for past. That
// it does not have the message is a doubt, but where its contract says that it is the last word.
func (d *Dispatcher) lookUp(ctx context.Context, i receipt.Intent, past time.Duration) (receipt.Outcome, error) {
	for _, r := range d.o.Routes {
		l, ok := r.Sender.(provider.Lookup)
		if r.Name != i.Route || i.Carrier != "" && r.Carrier != i.Carrier || !ok {
			continue
		}
		a, found, err := l.Lookup(ctx, i.Claim)
		if err != nil {
			return receipt.Outcome{}, err
		}
		if found {
			o := acceptedOf(i, a)
			o.Carrier = r.Carrier
			return o, nil
		}
		f, ok := l.(provider.Final)
		switch {
		case !ok || r.Carrier != i.Carrier && d.several(i.Route): // it may be at another one
			return outcomeOf(i, receipt.Unknown, "not_found", time.Time{}), nil
		case past < f.FinalAfter():
			return receipt.Outcome{}, errNotFinal
		}
		return outcomeOf(i, receipt.NotBegun, "", d.o.Now()), nil
	}
	return outcomeOf(i, receipt.Unknown, "no_answer", time.Time{}), nil
}

// several reports whether a channel has more than one carrier.
func (d *Dispatcher) several(route string) bool {
	n := 0
	for _, r := range d.o.Routes {
		if r.Name == route {
			n++
		}
	}
	return n > 1
}

// Previews is what the provisional letter list needs.
type Previews interface {
	// Previews are up to limit of the reminders to ask about, without those in passed: fewer only when there are no more.
	Previews(ctx context.Context, now time.Time, late time.Duration, passed map[reminder.ID]bool, limit int) ([]reminder.Lease, error)
	Preview(ctx context.Context, ps []receipt.Preview) error
}

// Previewer asks the gate without effect.
type Previewer interface {
	Preview(ctx context.Context, ls []reminder.Lease, now time.Time) ([]gate.Decision, error)
}

// PreviewLate is how long before its end a reminder is asked about again, so that a letter can still go.
const PreviewLate = gate.PreviewLate

// Preview asks the gate about reminders that were planned since, and again about those whose end has come near: what it
// would say no to goes to the letter list at once, provisionally. So does what can't be decided near its end because a register is
// silent, for a letter may be all that reaches the person in time; it is asked about at every call, until the register has spoken. It
// returns of how many it could be said.
func Preview(ctx context.Context, from Previews, g Previewer, now time.Time) (int, error) {
	const limit = 500
	n := 0
	passed := map[reminder.ID]bool{} // of which nothing can be said now: they hold up no other, and are not asked about twice
	for {
		ls, err := from.Previews(ctx, now, PreviewLate, passed, limit)
		if err != nil || len(ls) == 0 {
			return n, err
		}
		ds, err := g.Preview(ctx, ls, now)
		if err != nil {
			return n, err
		}
		ps := make([]receipt.Preview, 0, len(ls))
		for i, l := range ls {
			p, ok := previewOf(l, ds[i], now)
			if !ok || p.Undecided {
				passed[l.Reminder] = true
			}
			if !ok {
				continue
			}
			if !p.Undecided {
				n++
			}
			ps = append(ps, p)
		}
		if len(ps) > 0 {
			if err := from.Preview(ctx, ps); err != nil {
				return n, err
			}
		}
		if len(ls) < limit {
			return n, nil
		}
	}
}

// previewOf is what a decision says of a reminder; false when it says nothing.
func previewOf(l reminder.Lease, d gate.Decision, now time.Time) (p receipt.Preview, ok bool) {
	p = receipt.Preview{Reminder: l.Reminder, Person: l.Person, Version: l.Version, Late: l.Expires.Sub(now) <= PreviewLate}
	switch {
	case d.Outcome == gate.Deny:
		p.Reason = string(d.Reason)
	case d.Outcome == gate.Defer && d.Silent.Register != "":
		p.Undecided, p.Reason = true, receipt.Silent(d.Silent.Register, d.Silent.Since)
	case d.Outcome == gate.Defer:
		p.Reason = string(d.Reason)
		return p, d.Reason != gate.Unavailable && d.Reason != gate.NotCertified
	}
	return p, true
}
