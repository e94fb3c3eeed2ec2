package ledger

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/husk-reminders/husk/pkg/journal"
	"github.com/husk-reminders/husk/pkg/plan"
	"github.com/husk-reminders/husk/pkg/receipt"
	"github.com/husk-reminders/husk/pkg/reminder"
	"github.com/husk-reminders/husk/pkg/state"
)

// What became of a reminder, beside the names of the statuses that it or an attempt came to.
const (
	StepMoved    = "moved"    // planned for another time, or on another route
	StepAsked    = "asked"    // the gate was asked ahead; Reason = why it would say no, "" = it would say yes
	StepReleased = "released" // somebody let pass what it was held for
	StepSettled  = "settled"  // somebody said what became of an attempt that was in doubt
)

// LifeStep is one thing that became of a reminder. It holds no name, number or text.
type LifeStep struct {
	At        time.Time          `json:"at"`
	What      string             `json:"what"` // planned, moved, asked, released, settled, or a status
	Reason    string             `json:"reason,omitempty"`
	By        string             `json:"by,omitempty"`      // who said so; "" = the program or the booking
	Due       time.Time          `json:"due,omitzero"`      // of planned and moved
	Attempt   int                `json:"attempt,omitempty"` // from 1
	Reference string             `json:"reference,omitempty"`
	Route     string             `json:"route,omitempty"`
	Channel   reminder.Channel   `json:"channel,omitempty"`
	Template  string             `json:"template,omitempty"` // with its version
	Code      string             `json:"code,omitempty"`     // the carrier's
	Carrier   string             `json:"carrier,omitempty"`  // who answered or reported
	Segment   int                `json:"segment,omitempty"`  // from 1: what was reported is of this part of the message alone
	Fault     receipt.Fault      `json:"fault,omitempty"`    // what the carrier says is wrong with the address for good
	Signed    bool               `json:"signed,omitempty"`   // the carrier proved the report itself
	Told      time.Time          `json:"told,omitzero"`      // of a report: when it happened, by the carrier
	Pack      string             `json:"pack,omitempty"`     // whose rules decided
	PackHash  string             `json:"packHash,omitempty"`
	Basis     string             `json:"basis,omitempty"` // what allowed it
	Findings  []reminder.Finding `json:"findings,omitempty"`
}

// Life is what became of one reminder, the oldest step first.
type Life struct {
	Reminder ReminderView `json:"reminder"`
	Steps    []LifeStep   `json:"steps"`
	// Complete is false where the journal has too much to read all of it: then steps may be missing between those that there are.
	Complete bool `json:"complete"`
}

// lifeMost is how many entries of the journal are read for one reminder's life: a second or so. What comes behind that is looked for
// where the state says that something happened, each time in as many entries again as an eighth of it.
const lifeMost = 100_000

// Around a time that the state knows: writers' clocks may differ a little, and a carrier answers within a minute or two.
const (
	lifeBefore = 3 * time.Second
	lifeAfter  = 2 * time.Minute
)

// Life tells what became of a reminder, as state and journal have it. What the gate deferred, and the mark that an attempt may be on the
// wire, are written nowhere and are not in it. journal.ErrNotFound when there is no such reminder.
func (l *Ledger) Life(ctx context.Context, p reminder.PersonKey, id reminder.ID) (Life, error) {
	leave, err := l.scan(ctx)
	if err != nil {
		return Life{}, err
	}
	defer leave()
	return l.life(ctx, p, id, lifeMost)
}

func (l *Ledger) life(ctx context.Context, p reminder.PersonKey, id reminder.ID, most int) (Life, error) {
	x, complete, err := l.lived(ctx, p, id, most)
	if err != nil {
		return Life{}, err
	}
	return Life{Reminder: x.found.view, Steps: x.steps, Complete: complete}, nil
}

// lived reads a reminder's life, and reports whether that was all of it.
func (l *Ledger) lived(ctx context.Context, p reminder.PersonKey, id reminder.ID, most int) (*lifetime, bool, error) {
	x := &lifetime{Ledger: l, person: p, id: id}
	err := l.o.State.View(ctx, p, func(p *state.Person) error {
		r := p.Reminders[id]
		if r == nil {
			return nil
		}
		x.reminder = *r
		x.reminder.Attempts = slices.Clone(r.Attempts)
		x.found = viewOf(p, id, r, l.o.Now())
		x.found.view.Attempts = attemptsOf(r)
		if a := p.Appointments[r.Appointment]; a != nil {
			x.first, x.newest = a.First, a.Seq
		}
		return nil
	})
	if err != nil {
		return nil, false, fmt.Errorf("ledger: %w", err)
	}
	if x.found.view.ID == "" {
		return nil, false, journal.ErrNotFound
	}
	l.unsealed(&x.found)
	complete, err := x.read(ctx, most)
	if err != nil {
		return nil, false, err
	}
	x.known()
	return x, complete, nil
}

// lifetime is one Life at work.
type lifetime struct {
	*Ledger
	person        reminder.PersonKey
	id            reminder.ID
	reminder      state.Reminder
	found         found
	first, newest uint64 // plan entries of its appointment
	read1         uint64 // the newest sequence that was read
	steps         []LifeStep
	planned       *plan.Wanted // as last planned; nil = not, or not any more
	began         bool         // it has been planned
}

// read reads what the journal has of the reminder. It reports whether that was all.
func (x *lifetime) read(ctx context.Context, most int) (bool, error) {
	if x.first == 0 {
		return false, nil // the appointment is not kept any more
	}
	all, err := x.span(ctx, x.first, most, time.Time{})
	if err != nil || all {
		return all, err
	}
	if x.newest > x.read1 {
		es, err := x.o.Journal.At(ctx, journal.StreamJournal, x.newest)
		if err != nil && !errors.Is(err, journal.ErrNotFound) {
			return false, err
		}
		for _, e := range es {
			if err := x.take(e); err != nil {
				return false, err
			}
		}
	}
	for _, at := range x.instants() {
		from, err := x.Ledger.began(ctx, journal.StreamJournal, at.Add(-lifeBefore))
		if err == nil {
			_, err = x.span(ctx, max(from, x.read1+1), most/8, at.Add(lifeAfter))
		}
		if err != nil {
			return false, err
		}
	}
	return false, nil
}

// instants are the times at which the state says that something happened, the earliest first.
func (x *lifetime) instants() []time.Time {
	at := []time.Time{x.reminder.Since}
	for _, t := range x.reminder.Attempts {
		at = append(at, t.At)
		if !t.Settled.IsZero() {
			at = append(at, t.Settled)
		}
	}
	slices.SortFunc(at, time.Time.Compare)
	return at
}

// errEnough ends a reading.
var errEnough = errors.New("enough")

// span reads up to most entries from a sequence on, and none that was written after until; zero = whenever. It reports whether it came
// to the journal's end.
func (x *lifetime) span(ctx context.Context, from uint64, most int, until time.Time) (bool, error) {
	n := 0
	err := x.o.Journal.Read(ctx, journal.StreamJournal, from, func(e journal.Entry) error {
		// Entries of one sequence are read together.
		if e.Seq > x.read1 && (n >= most || !until.IsZero() && e.At.After(until)) {
			return errEnough
		}
		n++
		x.read1 = max(x.read1, e.Seq)
		return x.take(e)
	})
	if errors.Is(err, errEnough) {
		return false, nil
	}
	return err == nil, err
}

// take adds what an entry says of the reminder.
func (x *lifetime) take(e journal.Entry) error {
	if e.Person != x.person || e.Kind == journal.KindTrim {
		return nil
	}
	body, err := x.body(e)
	if errors.Is(err, journal.ErrErased) {
		return nil
	}
	if err != nil {
		return err
	}
	switch b := body.(type) {
	case state.Planned:
		if b.Plan.Appointment == x.reminder.Appointment {
			x.plan(e.At, b.Plan)
		}
	case receipt.Intent:
		if b.Reminder == x.id && x.claims(b.Claim) > 0 {
			x.add(intended(e.At, b))
		}
	case receipt.Outcome:
		if n := x.claims(b.Claim); n > 0 {
			x.outcome(e.At, n, b)
		}
	case receipt.Report:
		if n := x.claims(b.Claim); n > 0 {
			x.add(LifeStep{
				At: e.At, What: string(b.Status), Code: b.Code, Attempt: n, Reference: b.Claim, Carrier: b.Carrier, Segment: x.segment(b), Fault: b.Fault,
				Signed: b.Signed, Told: b.At,
			})
		}
	case receipt.Verdict:
		if b.Reminder == x.id {
			s := LifeStep{
				At: e.At, What: string(b.Status), Reason: b.Decision.Reason, By: b.By, Template: b.Template, Pack: b.Decision.Pack,
				PackHash: b.Decision.PackHash, Findings: b.Findings,
			}
			if b.Status == receipt.Planned {
				s.What = StepReleased
			}
			x.add(s)
		}
	case receipt.Preview:
		if b.Reminder == x.id && !b.Again {
			x.add(LifeStep{At: e.At, What: StepAsked, Reason: b.Reason})
		}
	}
	return nil
}

func intended(at time.Time, b receipt.Intent) LifeStep {
	return LifeStep{
		At: at, What: string(receipt.Intended), Attempt: b.Attempt, Reference: b.Claim, Route: b.Route, Channel: b.Channel, Template: b.Template,
		Pack: b.Decision.Pack, PackHash: b.Decision.PackHash, Basis: b.Decision.Basis,
	}
}

func (x *lifetime) outcome(at time.Time, attempt int, b receipt.Outcome) {
	s := LifeStep{
		At: at, What: string(b.Status), Code: b.Code, By: b.By, Attempt: attempt, Reference: b.Claim, Due: b.Retry, Carrier: b.Carrier, Fault: b.Fault,
	}
	if b.By != "" {
		s.What, s.Reason = StepSettled, string(b.Status)
	}
	x.add(s)
}

// segment is which part of its message a report is of, 0 = the whole.
func (x *lifetime) segment(b receipt.Report) int {
	for _, t := range x.reminder.Attempts {
		if t.Claim == b.Claim && len(t.Parts) > 0 {
			return 1 + slices.Index(append([]string{t.CarrierID}, t.Parts...), b.CarrierID)
		}
	}
	return 0
}

// claims is the number of the attempt that a claim is on, 0 when it is on none of the reminder's: a second claim is inert.
func (x *lifetime) claims(claim string) int {
	for _, t := range x.reminder.Attempts {
		if t.Claim == claim {
			return t.Attempt
		}
	}
	return 0
}

// plan adds what a plan makes of the reminder: it is planned, moved, or no longer wanted.
func (x *lifetime) plan(at time.Time, p plan.Plan) {
	if x.reminder.Purpose != reminder.Remind && p.Status != plan.Single {
		// A notice is in no plan: it comes of one that changes what the person was told.
		if p.Status != plan.Remembered && (p.StartTag == x.reminder.Tag || p.Status == plan.Cancelled && x.reminder.Purpose == reminder.Cancel) && !x.began {
			x.began = true
			x.add(LifeStep{At: at, What: string(receipt.Planned), Due: x.reminder.Due, Route: x.reminder.Route})
		}
		return
	}
	i := slices.IndexFunc(p.Reminders, func(r plan.Wanted) bool { return r.ID == x.id })
	switch {
	case i >= 0:
		w := p.Reminders[i]
		s := LifeStep{At: at, What: string(receipt.Planned), Due: w.Due, Route: w.Route}
		if was := x.planned; was != nil {
			if was.Due.Equal(w.Due) && was.Route == w.Route {
				return
			}
			s.What = StepMoved
		}
		x.planned, x.began = &w, true
		x.add(s)
	case x.planned != nil && x.planned.Due.After(p.PlannedAt):
		x.planned = nil
		x.add(LifeStep{At: at, What: string(receipt.Cancelled), Reason: "booking"})
	}
}

// add adds a step, unless it repeats the one before it.
func (x *lifetime) add(s LifeStep) {
	for _, y := range x.steps {
		if y.What == s.What && y.Attempt == s.Attempt && y.Reference == s.Reference && y.Reason == s.Reason && y.Segment == s.Segment && y.Fault == s.Fault && s.Reference != "" {
			return // an outcome that is written twice counts once
		}
	}
	x.steps = append(x.steps, s)
}

// known adds what the state knows and the reading did not come to, in its place.
func (x *lifetime) known() {
	has := func(attempt int, what receipt.Status) bool {
		return slices.ContainsFunc(x.steps, func(s LifeStep) bool { return s.Attempt == attempt && s.What == string(what) })
	}
	for _, t := range x.reminder.Attempts {
		if !has(t.Attempt, receipt.Intended) {
			x.add(intended(t.At, t.Intent))
		}
		if !t.Settled.IsZero() && t.By == "" && !has(t.Attempt, t.Status) || t.By != "" && !has(t.Attempt, StepSettled) {
			x.outcome(t.Settled, t.Attempt, receipt.Outcome{Status: t.Status, Code: t.Code, Claim: t.Claim, By: t.By, Carrier: t.Carrier, Fault: t.Fault})
		}
	}
	r := x.reminder
	ofIt := func(s LifeStep) bool {
		return s.What == string(r.Status) || s.What == StepSettled && s.Reason == string(r.Status)
	}
	switch {
	case r.Status == receipt.Planned && !x.began && len(x.steps) == 0:
		x.add(LifeStep{At: r.Since, What: string(r.Status), Due: r.Due, Route: r.Route})
	case r.Status != receipt.Planned && !slices.ContainsFunc(x.steps, ofIt):
		x.add(LifeStep{At: r.Since, What: string(r.Status), Reason: r.Reason, Template: r.Template, Findings: r.Findings})
	}
	slices.SortStableFunc(x.steps, func(a, b LifeStep) int { return cmp.Or(a.At.Compare(b.At), cmp.Compare(a.Attempt, b.Attempt)) })
}
