package ledger

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/husk-reminders/husk/pkg/consent"
	"github.com/husk-reminders/husk/pkg/contact"
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
	stop, people, err := l.carried(from, m.Into, &out)
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
	l.silenced(ctx, m.From, "")
	return out, l.settled(ctx, "merged", "", m.From)
}

// carried are the entries that say a person's no's of another key, and counts them.
func (l *Ledger) carried(from state.Person, into reminder.PersonKey, out *MergeResult) (stop, people []journal.Entry, err error) {
	stands := consent.Stand(from.Consent, l.o.Now())
	for _, r := range from.Consent {
		if !r.Restricts() || (r.Type == consent.Protected && !stands.Protected) || (r.Type == consent.Deceased && !stands.Deceased) {
			continue
		}
		r.Person = into
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
		if !c.IsBad() {
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
	for _, r := range from.Reminders {
		if r.Pending() {
			out.Waiting++
		}
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

// successor is the key that a person goes by since; "" = the same.
func (l *Ledger) successor(ctx context.Context, key reminder.PersonKey) (into reminder.PersonKey, err error) {
	err = l.o.State.View(ctx, key, func(p *state.Person) error {
		into = p.Into
		return nil
	})
	if err != nil {
		return "", fmt.Errorf("ledger: %w", err)
	}
	return into, nil
}

// forSuccessor is for a word of somebody who goes by another key now: a no is said there too, and first; a yes belongs there alone.
func (l *Ledger) forSuccessor(ctx context.Context, r consent.Record) error {
	into, err := l.successor(ctx, r.Person)
	if err != nil || into == "" {
		return err
	}
	if !r.Restricts() {
		return ErrMerged
	}
	r.Person = into
	return l.Consent(ctx, r)
}

// forSuccessorAt is the same for what is said of an address.
func (l *Ledger) forSuccessorAt(ctx context.Context, r contact.Record) error {
	into, err := l.successor(ctx, r.Person)
	if err != nil || into == "" {
		return err
	}
	if !r.IsBad() {
		return ErrMerged
	}
	r.Person = into
	_, err = l.contact(ctx, r)
	return err
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
