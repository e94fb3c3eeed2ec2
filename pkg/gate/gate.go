package gate

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"sync"
	"time"

	"github.com/husk-reminders/husk/pkg/policy"
	"github.com/husk-reminders/husk/pkg/reminder"
)

// Options is what a Gate asks and how. All are required but Window, MaxAge and Now.
type Options struct {
	People    People
	Switches  Switches
	Confirmer Confirmer
	Packs     *policy.Set
	Units     Units
	// Hash is the keyed hash of an address. Bars are kept by hash, so an address that does not have the hash its record
	// says is not written to.
	Hash func(reminder.Address) reminder.AddressHash
	// Window says whether the unit writes at an instant, and when it does so next if not. nil: it writes at any hour.
	Window func(u reminder.Unit, at time.Time) (open bool, next time.Time)
	// MaxAge is how old a permit Confirm takes, 30 s when zero.
	MaxAge time.Duration
	// Now is the clock of Confirm, time.Now when nil.
	Now func() time.Time
}

// Gate decides. It remembers nothing but time zones and may be used by many at once.
type Gate struct {
	o     Options
	zones sync.Map // IANA name → *time.Location: reading one from disk takes longer than a decision
}

// zone finds a unit's time zone. A unit must name one: "" would be UTC, and Local the server's.
func (g *Gate) zone(name string) (*time.Location, bool) {
	if z, ok := g.zones.Load(name); ok {
		return z.(*time.Location), true
	}
	z, err := time.LoadLocation(name)
	if err != nil || name == "" || name == "Local" {
		return nil, false
	}
	g.zones.Store(name, z)
	return z, true
}

// New checks the options.
func New(o Options) (*Gate, error) {
	for name, missing := range map[string]bool{
		"People": o.People == nil, "Switches": o.Switches == nil, "Confirmer": o.Confirmer == nil,
		"Packs": o.Packs == nil, "Units": o.Units == nil, "Hash": o.Hash == nil,
	} {
		if missing {
			return nil, fmt.Errorf("gate: Options.%s is missing", name)
		}
	}
	if o.MaxAge < 0 {
		return nil, errors.New("gate: Options.MaxAge: want no less than zero")
	}
	if o.MaxAge == 0 {
		o.MaxAge = 30 * time.Second
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Window == nil {
		o.Window = func(reminder.Unit, time.Time) (bool, time.Time) { return true, time.Time{} }
	}
	return &Gate{o: o}, nil
}

// Decide answers every lease, in order, always. now is the instant of the decision. The error says what did not answer, for
// the log; the decisions hold beside it: whatever hung on that answer is deferred.
//
// What is decided first wins: expired; protected and deceased; the unit and its pack; the switches; consent and address,
// channel by channel in the unit's order; the window. So a reminder that may not be sent is denied at night too, and
// while a switch is on nothing is denied by data that the switch may be there for.
func (g *Gate) Decide(ctx context.Context, ls []reminder.Lease, now time.Time) ([]Decision, error) {
	return g.decide(ctx, ls, now, false)
}

// Preview is Decide without switches and window: whether a letter will be needed if nothing changes. Its permits are zero.
func (g *Gate) Preview(ctx context.Context, ls []reminder.Lease, now time.Time) ([]Decision, error) {
	ds, err := g.decide(ctx, ls, now, true)
	for i := range ds {
		ds[i].Permit = Permit{}
	}
	return ds, err
}

func (g *Gate) decide(ctx context.Context, ls []reminder.Lease, now time.Time, preview bool) ([]Decision, error) {
	ds := make([]Decision, len(ls))
	var open []int
	var keys []reminder.PersonKey
	place := map[reminder.PersonKey]int{}
	for i, l := range ls {
		if !now.Before(l.Expires) {
			ds[i] = Decision{Outcome: Expire}
			continue
		}
		open = append(open, i)
		if _, ok := place[l.Person]; !ok {
			place[l.Person] = len(keys)
			keys = append(keys, l.Person)
		}
	}
	if len(open) == 0 {
		return ds, nil
	}

	people, stopped, err := g.ask(ctx, keys, preview)
	for _, i := range open {
		l := ls[i]
		if err != nil {
			ds[i] = later(l, now, because(err), policy.Ref{})
			continue
		}
		ds[i] = g.one(l, people[place[l.Person]], stopped, now, preview)
	}
	return ds, err
}

// ask gets the people and the switches, and trusts neither's form.
func (g *Gate) ask(ctx context.Context, keys []reminder.PersonKey, preview bool) ([]Person, map[string]string, error) {
	var stopped map[string]string
	if !preview {
		var err error
		if stopped, err = g.o.Switches.Stopped(ctx); err != nil {
			return nil, nil, fmt.Errorf("gate: switches: %w", err)
		}
	}
	people, err := g.o.People.People(ctx, keys)
	if err != nil {
		return nil, nil, fmt.Errorf("gate: people: %w", err)
	}
	if len(people) != len(keys) {
		return nil, nil, fmt.Errorf("%w: people: %d answers to %d questions", ErrUnavailable, len(people), len(keys))
	}
	for i, p := range people {
		if p.Key != keys[i] {
			return nil, nil, fmt.Errorf("%w: people: answer %d is of another person", ErrUnavailable, i)
		}
	}
	return people, stopped, nil
}

func because(err error) Reason {
	if errors.Is(err, ErrNotCertified) {
		return NotCertified
	}
	return Unavailable
}

// one decides one lease that has not expired.
func (g *Gate) one(l reminder.Lease, p Person, stopped map[string]string, now time.Time, preview bool) Decision {
	a := l.Appointment
	switch {
	case p.Deceased || a.Deceased:
		return Decision{Outcome: Deny, Reason: Deceased}
	case p.Protected || a.Protected:
		return Decision{Outcome: Deny, Reason: Protected}
	}
	u, ok := g.o.Units.Unit(a.Unit)
	if !ok || u.ID != a.Unit || a.Person != l.Person {
		return later(l, now, Unavailable, policy.Ref{})
	}
	zone, ok := g.zone(u.Zone)
	if !ok {
		return later(l, now, Unavailable, policy.Ref{})
	}
	pack, ok := g.o.Packs.For(u.Country, now)
	if !ok {
		return later(l, now, PolicyMissing, policy.Ref{})
	}
	if r := stoppedBy(stopped, switches(u, pack, l.Purpose, "", l.Route)); r != "" {
		return later(l, now, r, pack.Ref())
	}
	pass, r := g.reach(question{lease: l, person: p, unit: u, pack: pack, at: knowing(p, now).In(zone)})
	switch {
	case r == Unavailable:
		return later(l, now, r, pack.Ref())
	case r != "":
		return Decision{Outcome: Deny, Reason: r, Pack: pack.Ref()}
	}
	if !preview {
		if open, next := g.o.Window(u, now); !open && !urgent(l, now, next) {
			d := later(l, now, OutsideWindow, pack.Ref())
			if next.After(now) {
				d.Until = earlier(next, l.Expires)
			}
			return d
		}
	}
	return Decision{Outcome: Allow, Pack: pack.Ref(), Permit: Permit{
		ok: true, lease: l, address: pass.address, hash: pass.hash, unit: u, pack: pack, person: p.Version,
		basis: pass.basis, made: now,
	}}
}

// urgent reports whether a changed or cancelled notice can't wait for the window: it would come too late for the start, or
// for the one the person was told.
func urgent(l reminder.Lease, now, next time.Time) bool {
	if (l.Purpose != reminder.Changed && l.Purpose != reminder.Cancel) || next.IsZero() {
		return false
	}
	there := next.Add(reminder.NoticeLead)
	return there.After(l.Expires) || (l.Told.After(now) && there.After(l.Told))
}

// stoppedBy is the reason to defer when one of the names is stopped, "" when none is. A stopped carrier closes a route; any
// other switch is somebody's stop.
func stoppedBy(stopped map[string]string, names []string) Reason {
	var r Reason
	for _, n := range names {
		if _, ok := stopped[n]; !ok {
			continue
		}
		if n[:min(len(n), len(SwitchCarrier))] != SwitchCarrier {
			return KillSwitch
		}
		r = RouteClosed
	}
	return r
}

// knowing is now, or later when the state holds a no that its writer's clock dates later: it has been said, whatever our
// clock says.
func knowing(p Person, now time.Time) time.Time {
	for _, r := range p.Consent {
		if r.IsNo() && r.Recorded.After(now) {
			now = r.Recorded
		}
	}
	for _, r := range p.Contact {
		if r.IsBad() && r.Recorded.After(now) {
			now = r.Recorded
		}
	}
	return now
}

// later is a deferral: 5 s doubling to 5 min with the lease's tries, spread by ±20 %, never beyond its expiry.
func later(l reminder.Lease, now time.Time, r Reason, pack policy.Ref) Decision {
	wait := 5 * time.Second
	for range min(l.Tries, 6) {
		wait *= 2
	}
	wait = min(wait, 5*time.Minute)
	h := fnv.New32a()
	_, _ = h.Write([]byte(l.Reminder))
	_, _ = h.Write([]byte(l.Token))
	wait += wait / 100 * (time.Duration(h.Sum32()%41) - 20)
	return Decision{Outcome: Defer, Reason: r, Until: earlier(now.Add(wait), l.Expires), Pack: pack}
}

func earlier(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}
