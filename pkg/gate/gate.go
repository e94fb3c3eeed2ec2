package gate

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/husk-reminders/husk/pkg/consent"
	"github.com/husk-reminders/husk/pkg/policy"
	"github.com/husk-reminders/husk/pkg/reminder"
)

// Options is what a Gate asks and how. All are required but Numbers, Certified, Window, Template, Analysis, Awaits, MaxAge and Now.
type Options struct {
	People    People
	Switches  Switches
	Confirmer Confirmer
	Packs     *policy.Set
	Units     Units
	// Numbers tells what speaks against the number that a one-time code is to go to. nil: no code is sent.
	Numbers Numbers
	// Certified wraps ErrNotCertified when nobody vouches for the state as a whole. An answer asks it after the switches, for which
	// nothing else vouches: a store that has lost data has lost them too. nil: no answer is sent.
	Certified func(ctx context.Context) error
	// Hash is the keyed hash of an address. Bars are kept by hash, so an address that does not have the hash its record
	// says is not written to.
	Hash func(reminder.Address) reminder.AddressHash
	// Window says whether the unit writes at an instant, and when it does so next if not. nil: it writes at any hour.
	Window func(u reminder.Unit, at time.Time) (open bool, next time.Time)
	// Template is the id of the template that a message of the permit would be of ("da/reminder.sms@3f2a91c0"), "" when there is
	// none. What it names is chosen again when the message is composed, and asked about again by Confirm. nil: Confirm alone asks
	// about a template.
	Template func(p Permit) string
	// Analysis is the id of the unit's documented analysis of needs and risks, "" when it has none. nil: no unit has one, and
	// where the pack asks for it (Sweden, HSLF-FS 2016:40) nothing is sent.
	Analysis func(u reminder.Unit) string
	// Awaits names the register that has yet to say whose the addresses of the lease's person are; zero = none. Then what lacks a
	// proof, and nothing else, is deferred: that the register does not answer is no no. It is asked by whoever runs Awaits, soon. nil:
	// there is none to wait for.
	Awaits func(l reminder.Lease) Silence
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
	if o.Awaits == nil {
		o.Awaits = func(reminder.Lease) Silence { return Silence{} }
	}
	if o.Template == nil {
		o.Template = func(Permit) string { return "" }
	}
	if o.Analysis == nil {
		o.Analysis = func(reminder.Unit) string { return "" }
	}
	return &Gate{o: o}, nil
}

// Decide answers every lease, in order, always. now is the instant of the decision. The error says what did not answer, for
// the log; the decisions hold beside it: whatever hung on that answer is deferred.
//
// What is decided first wins: expired; protected and deceased; the unit and its pack; the switches; for each one who may be
// written to, guardians first, consent and address, channel by channel in the unit's order; the switches of the template that the
// channel and the language come to; the window. So a reminder that may not be sent is denied at night too, and while a switch is on
// nothing is denied by data that the switch may be there for.
func (g *Gate) Decide(ctx context.Context, ls []reminder.Lease, now time.Time) ([]Decision, error) {
	return g.decide(ctx, ls, now, mode{})
}

// Preview is Decide without switches and window, as of when each reminder is due: whether a letter will be needed if nothing changes.
// A proof or a yes that has ended by then is none. What lacks a proof is denied while the end is far off, whatever a register may say
// nearer to it, and from PreviewLate before the end on waits for the register as it does in Decide. Its permits are zero.
func (g *Gate) Preview(ctx context.Context, ls []reminder.Lease, now time.Time) ([]Decision, error) {
	ds, err := g.decide(ctx, ls, now, mode{preview: true})
	for i := range ds {
		ds[i].Permit = Permit{}
	}
	return ds, err
}

// PreviewLate is how long before its end a reminder is asked about again, so that a letter can still go.
const PreviewLate = 10 * 24 * time.Hour

// mode is how a decision differs from the one that counts.
type mode struct {
	preview bool
	pack    policy.Ref       // zero = the one in force
	channel reminder.Channel // "" = the unit's
	early   bool             // a preview before PreviewLate
	past    bool             // records taken down after the decision's instant do not count, whatever they say
	trace   *trace           // nil = nobody looks
}

// facts are what a decision looks at.
type facts struct {
	people  map[reminder.PersonKey]Person
	stopped map[string]string
	numbers map[reminder.AddressHash]Number // that codes are to go to
}

func (g *Gate) decide(ctx context.Context, ls []reminder.Lease, now time.Time, m mode) ([]Decision, error) {
	ds := make([]Decision, len(ls))
	var open []int
	var keys []reminder.PersonKey
	seen := map[reminder.PersonKey]bool{}
	for i, l := range ls {
		if m.trace.stops(RuleUseful, !now.Before(l.Expires), func() string { return "until " + stamp(l.Expires) }) {
			ds[i] = Decision{Outcome: Expire}
			continue
		}
		open = append(open, i)
		if !seen[l.Person] {
			seen[l.Person] = true
			keys = append(keys, l.Person)
		}
	}
	if len(open) == 0 {
		return ds, nil
	}

	f := facts{people: make(map[reminder.PersonKey]Person, len(keys))}
	var err error
	if !m.preview {
		if f.stopped, err = g.o.Switches.Stopped(ctx); err != nil {
			err = fmt.Errorf("gate: switches: %w", err)
		}
	}
	if err == nil {
		err = g.ask(ctx, keys, f.people)
	}
	var guardians error
	if more := f.guardians(keys, now); err == nil && len(more) > 0 {
		guardians = g.ask(ctx, more, f.people)
	}
	var numbers error
	if err == nil {
		numbers = g.numbers(ctx, g.codes(ls, open), &f)
	}
	for _, i := range open {
		l := ls[i]
		cause := errors.Join(err, f.without(guardians, l, now))
		if _, code := g.codeTo(l); code {
			cause = errors.Join(cause, numbers)
		}
		switch {
		case cause != nil:
			m.trace.ask(RuleKnown, Unknown, func() string { return string(because(cause)) })
			ds[i] = later(l, now, because(cause), policy.Ref{})
		default:
			at := now
			if m.preview && l.Due.After(now) {
				at = l.Due
			}
			one := m
			one.early = m.preview && l.Expires.Sub(now) > PreviewLate
			ds[i] = g.one(l, f, at, one)
		}
	}
	return ds, errors.Join(err, guardians, numbers)
}

// ask adds what is known of people, and does not trust the answer's form.
func (g *Gate) ask(ctx context.Context, keys []reminder.PersonKey, into map[reminder.PersonKey]Person) error {
	people, err := g.o.People.People(ctx, keys)
	if err != nil {
		return fmt.Errorf("gate: people: %w", err)
	}
	if len(people) != len(keys) {
		return fmt.Errorf("%w: people: %d answers to %d questions", ErrUnavailable, len(people), len(keys))
	}
	for i, p := range people {
		if p.Key != keys[i] {
			return fmt.Errorf("%w: people: answer %d is of another person", ErrUnavailable, i)
		}
	}
	for _, p := range people {
		into[p.Key] = p
	}
	return nil
}

func because(err error) Reason {
	if errors.Is(err, ErrNotCertified) {
		return NotCertified
	}
	return Unavailable
}

// one decides one lease that has not expired.
func (g *Gate) one(l reminder.Lease, f facts, now time.Time, m mode) Decision {
	a, t := l.Appointment, m.trace
	p := f.people[l.Person]
	at := now
	if m.past {
		p = p.asOf(now)
	} else {
		at = knowing(p, now)
	}
	s := consent.Stand(p.Consent, at)
	switch {
	case t.stops(RuleDeceased, p.Deceased || a.Deceased || s.Deceased, said(p.Deceased || a.Deceased, s.DeceasedSince)):
		return Decision{Outcome: Deny, Reason: Deceased}
	case t.stops(RuleProtected, p.Protected || a.Protected || s.Protected, said(p.Protected || a.Protected, s.ProtectedSince)):
		return Decision{Outcome: Deny, Reason: Protected}
	}
	u, ok := g.o.Units.Unit(a.Unit)
	zone, zoned := g.zone(u.Zone)
	if ok = ok && zoned && u.ID == a.Unit && a.Person == l.Person; !ok {
		t.ask(RuleUnit, Unknown, func() string {
			return "not in the unit directory, without a time zone, or the appointment is another person's"
		})
		return later(l, now, Unavailable, policy.Ref{})
	}
	t.ask(RuleUnit, Yes, func() string { return u.ID + ", " + string(u.Country) + ", " + u.Zone })
	pack, ok := g.pack(u.Country, now, m.pack)
	if !ok {
		t.ask(RulePack, Unknown, func() string { return "none for " + string(u.Country) })
		return later(l, now, PolicyMissing, policy.Ref{})
	}
	t.under(u.Country, pack.Ref())
	t.ask(RulePack, Yes, func() string { return pack.ID + " sha256:" + pack.Hash })
	if !m.preview {
		if r := stoppedBy(f.stopped, switches(u, pack, l.Purpose, "", l.Route)); t.stops(RuleSwitches, r != "", orNone(string(r))) {
			return later(l, now, r, pack.Ref())
		}
	}
	if m.channel != "" {
		u.Channels = slices.DeleteFunc(slices.Clone(u.Channels), func(c reminder.Channel) bool { return c != m.channel })
	}
	q := question{lease: l, person: p, standing: s, unit: u, pack: pack, at: at.In(zone), facts: f, past: m.past, trace: t}
	if q.born = p.BirthDate; q.born.IsZero() {
		q.born = a.BirthDate
	}
	way := g.reach
	if l.Purpose == reminder.Verify {
		way = g.verify
	}
	pass, r := way(q)
	t.of(func() string { return "" })
	switch {
	case r == Unavailable:
		return later(l, now, r, pack.Ref())
	case (r == Unverified || r == StaleVerification) && !m.early && !m.past && l.Purpose != reminder.Verify:
		if silent := g.o.Awaits(l); silent.Register != "" {
			t.ask(RuleProof, Unknown, func() string { return "a register has yet to answer" })
			d := later(l, now, Unavailable, pack.Ref())
			d.Silent = silent
			return d
		}
		fallthrough
	case r != "":
		return Decision{Outcome: Deny, Reason: r, Pack: pack.Ref()}
	}
	permit := Permit{
		ok: true, lease: l, address: pass.address, hash: pass.hash, unit: u, pack: narrowed(pack, pass.address.Channel, pass.ceiling), person: p.Version,
		basis: pass.basis, made: now, recipient: pass.recipient, version: pass.version, hide: pass.hide,
	}
	if !m.preview && len(f.stopped) > 0 {
		chosen := g.o.Template(permit)
		if r := stoppedBy(f.stopped, templateNames(chosen)); t.stops(RuleSwitches, r != "", orNone(chosen)) {
			return later(l, now, r, pack.Ref())
		}
	}
	if !m.preview && !uncapped(l) {
		open, next := g.o.Window(u, now)
		if t.stops(RuleWindow, !open && !urgent(l, now, next), openAt(open, next)) {
			d := later(l, now, OutsideWindow, pack.Ref())
			if next.After(now) {
				d.Until = earlier(next, l.Expires)
			}
			return d
		}
	}
	return Decision{Outcome: Allow, Pack: pack.Ref(), Permit: permit}
}

// pack is the one in force, or the very one that a past decision used.
func (g *Gate) pack(c reminder.Country, now time.Time, ref policy.Ref) (policy.Pack, bool) {
	if ref == (policy.Ref{}) {
		return g.o.Packs.For(c, now)
	}
	p, ok := g.o.Packs.Find(ref)
	return p, ok && p.Country == c && p.Hash == ref.Hash
}

// narrowed is the pack with a lower ceiling, so that whoever goes by the pack goes by what was said yes to as well.
func narrowed(p policy.Pack, c reminder.Channel, ceiling reminder.Class) policy.Pack {
	if ceiling < p.Ceiling[c] {
		p.Ceiling = maps.Clone(p.Ceiling)
		p.Ceiling[c] = ceiling
	}
	return p
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
		if r.Restricts() && r.Recorded.After(now) {
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
