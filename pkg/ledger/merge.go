package ledger

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/husk-reminders/husk/pkg/consent"
	"github.com/husk-reminders/husk/pkg/journal"
	"github.com/husk-reminders/husk/pkg/reminder"
	"github.com/husk-reminders/husk/pkg/state"
)

// Merging says that two person keys are one person's: a replacement number and the real one, a D-number and the national id that
// came after it.
type Merging struct {
	From     reminder.PersonKey // given up
	Into     reminder.PersonKey // the person's from now on
	Evidence string             // where it stands that they are one: a register's notice, a case number; sealed
	By       string             // role or staff id of who says so
}

// MergeResult is what a merging came to.
type MergeResult struct {
	From      reminder.PersonKey `json:"from"`
	Into      reminder.PersonKey `json:"into"`
	Words     int                `json:"words"`     // no's, custody and care that ended, protection, death: carried over
	Addresses int                `json:"addresses"` // bad news about addresses, carried over
	Waiting   int                `json:"waiting"`   // reminders under From that wait: they go to the letter list, until an event names Into
}

// ErrMerged means that a person key was given up for another one: what is said belongs there.
var ErrMerged = errors.New("ledger: the person goes by another key now")

// ErrMerge means that two keys can't be merged.
var ErrMerge = errors.New("ledger: merge")

// mergeSealed is the sealed part of the entry of the person who goes on.
type mergeSealed struct {
	Evidence string                 `json:"evidence"`
	By       string                 `json:"by,omitempty"`
	Flags    map[string]state.Flags `json:"flags,omitempty"`
}

// Merge makes two keys one person's. Every no carries over as it was said and taken down, so that it stands against a yes as it would
// have: withdrawals, refusals, bad news about addresses, protection, death. A bar is the address's and holds whoever is behind
// it. No yes and no proof carries over, and From loses its own: what waits under it has no basis any more and goes to the letter
// list, until the booking system's next event names Into, for whom it is planned anew. It returns when no attempt for From is
// on the wire. Doing it again does nothing more.
func (l *Ledger) Merge(ctx context.Context, m Merging) (MergeResult, error) {
	out := MergeResult{From: m.From, Into: m.Into}
	switch {
	case m.From == m.Into:
		return out, fmt.Errorf("%w: into: want another person", ErrMerge)
	case m.Evidence == "":
		return out, fmt.Errorf("%w: evidence: want where it stands that the two are one person", ErrMerge)
	}
	from, err := l.whole(ctx, m.From)
	if err != nil {
		return out, err
	}
	into, err := l.whole(ctx, m.Into)
	if err != nil {
		return out, err
	}
	if into.Into != "" || (from.Into != "" && from.Into != m.Into) {
		return out, fmt.Errorf("%w: %w", ErrMerge, ErrMerged)
	}
	now := l.o.Now()
	if err := l.o.Keys.Ensure(ctx, now, m.From, m.Into); err != nil {
		return out, err
	}
	stop, people, err := l.carried(from, m.Into, nil, &out)
	if err != nil {
		return out, err
	}
	give, err := clearEntry(journal.StreamPeople, journal.KindMerged, m.From.Shard(), m.From, now, state.Merged{Into: m.Into, At: now})
	if err != nil {
		return out, err
	}
	take, err := clearEntry(journal.StreamPeople, journal.KindMerged, m.Into.Shard(), m.Into, now, state.Merged{From: m.From, At: now})
	if err != nil {
		return out, err
	}
	if take.Sealed, err = l.seal(m.Into, sealedMerge, mergeSealed{m.Evidence, m.By, from.Flags}); err != nil {
		return out, err
	}
	// The no's first: at no moment is the person without them.
	for _, es := range [][]journal.Entry{stop, append(people, take, give)} {
		if err := l.insist(ctx, func() error { return l.writeBatches(ctx, es) }); err != nil {
			return out, err
		}
	}
	if err := l.carryLate(ctx, from, m.Into, &out); err != nil {
		return out, err
	}
	for _, r := range from.Reminders {
		if r.Pending() {
			out.Waiting++
		}
	}
	l.silenced(ctx, m.From, "")
	return out, l.settled(ctx, "merged", "", m.From)
}

// carryLate carries what was said of from by who did not see yet that it is given up: whoever is folded after this looks sees it, and
// says it of into too. Should into have been given up at the same moment, the no's of both go on.
func (l *Ledger) carryLate(ctx context.Context, from state.Person, into reminder.PersonKey, out *MergeResult) error {
	now, err := l.whole(ctx, from.Key)
	if err != nil {
		return err
	}
	had := map[string]bool{}
	for _, r := range from.Consent {
		had[r.ID] = true
	}
	for _, c := range from.Contact {
		had[c.ID] = true
	}
	stop, people, err := l.carried(now, into, had, out)
	if err != nil {
		return err
	}
	if err := l.insist(ctx, func() error { return l.writeBatches(ctx, append(stop, people...)) }); err != nil {
		return err
	}
	heirs, err := l.heirs(ctx, into)
	if err != nil {
		return err
	}
	for _, heir := range heirs {
		if heir == from.Key {
			continue
		}
		if err := l.o.Keys.Ensure(ctx, l.o.Now(), heir); err != nil {
			return err
		}
		var counted MergeResult // for into, already
		stop, people, err := l.carried(now, heir, nil, &counted)
		if err != nil {
			return err
		}
		if err := l.insist(ctx, func() error { return l.writeBatches(ctx, append(stop, people...)) }); err != nil {
			return err
		}
	}
	return nil
}

// carried are the entries that say a person's no's of another key, without those whose id it had, and counts them.
func (l *Ledger) carried(from state.Person, into reminder.PersonKey, had map[string]bool, out *MergeResult) (stop, people []journal.Entry, err error) {
	stands := consent.Stand(from.Consent, l.o.Now())
	for _, r := range from.Consent {
		if had[r.ID] || !r.Restricts() || (r.Type == consent.Protected && !stands.Protected) || (r.Type == consent.Deceased && !stands.Deceased) {
			continue
		}
		r.Person = into
		if r.Type.Everywhere() {
			r.Scope = consent.Scope{Kind: "controller"} // of a time when one unit could say it
		}
		if r.Validate() != nil {
			continue // the other is its guardian: it says nothing of themselves
		}
		e, err := l.consentEntry(r, nil)
		if err != nil {
			return nil, nil, err
		}
		stop = append(stop, e)
		out.Words++
	}
	for _, c := range from.Contact {
		if had[c.ID] || !c.IsBad() {
			continue
		}
		r := c.Record
		r.Person, r.Address = into, reminder.Address{}
		e, err := l.contactEntry(r, nil)
		if err != nil {
			return nil, nil, err
		}
		people = append(people, e)
		out.Addresses++
	}
	return stop, people, nil
}

// merged reads the body of a merge entry.
func (l *Ledger) merged(e journal.Entry) (state.Merged, error) {
	b, err := decode[state.Merged](e, nil)
	if err != nil || len(e.Sealed) == 0 {
		return b, err
	}
	var s mergeSealed
	err = l.open(e.Person, sealedMerge, e.Sealed, &s)
	if errors.Is(err, journal.ErrErased) {
		err = nil
	}
	b.Flags = s.Flags
	return b, err
}

// whole is a copy of everything that is folded of a person; the zero Person with its key is nobody.
func (l *Ledger) whole(ctx context.Context, key reminder.PersonKey) (state.Person, error) {
	out := state.Person{Key: key}
	err := l.o.State.View(ctx, key, func(p *state.Person) error {
		out = copyOf(p)
		return nil
	})
	if err != nil {
		return out, fmt.Errorf("ledger: %w", err)
	}
	return out, nil
}

// copyOf is a copy of a person that stays as it is.
func copyOf(p *state.Person) state.Person {
	x := *p
	x.Flags = maps.Clone(p.Flags)
	x.Appointments = make(map[reminder.AppointmentKey]*state.Appointment, len(p.Appointments))
	for key, a := range p.Appointments {
		x.Appointments[key] = new(*a)
	}
	x.Reminders = make(map[reminder.ID]*state.Reminder, len(p.Reminders))
	for id, r := range p.Reminders {
		y := *r
		y.Attempts = slices.Clone(r.Attempts)
		x.Reminders[id] = &y
	}
	return x
}
