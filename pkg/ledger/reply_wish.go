package ledger

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"go.uber.org/zap"

	"github.com/husk-reminders/husk/pkg/journal"
	"github.com/husk-reminders/husk/pkg/plan"
	"github.com/husk-reminders/husk/pkg/receipt"
	"github.com/husk-reminders/husk/pkg/reminder"
	"github.com/husk-reminders/husk/pkg/state"
)

// Wish is an appointment that somebody behind an address perhaps wants to cancel: an entry in the clinic's inbox. Nothing of
// what was written is kept, and nothing is cancelled by it.
type Wish struct {
	ID          string             `json:"id"`
	At          time.Time          `json:"at"`    // when it was last written
	First       time.Time          `json:"first"` // when it was written first
	Person      reminder.PersonKey `json:"person"`
	System      string             `json:"system"`
	Appointment string             `json:"appointment"` // the booking system's id
	Unit        string             `json:"unit"`
	Start       time.Time          `json:"start"`
	Taken
}

// wish is one of one person, folded.
type wish struct {
	at, first    time.Time
	person       reminder.PersonKey
	appointments []reminder.AppointmentKey
	taken        Taken
}

func (r *Replies) foldWish(b replyEntry) {
	for _, w := range r.wishes {
		if w.person == b.Person && slices.Equal(w.appointments, b.Appointments) {
			w.at = b.At
			return
		}
	}
	r.wishes[b.ID] = &wish{at: b.At, first: b.At, person: b.Person, appointments: b.Appointments}
}

// Wish puts the appointments to come of everybody behind an address into the inbox of their clinics. Where there are none,
// it is kept like any other answer.
func (r *Replies) Wish(ctx context.Context, from reminder.Address, via string) error {
	hash := r.o.Pseudonyms.Address(from)
	persons, err := r.whose(ctx, hash)
	if err != nil {
		return err
	}
	now := r.o.Now()
	var bs []replyEntry
	for _, p := range persons {
		var keys []reminder.AppointmentKey
		err := r.o.State.View(ctx, p, func(p *state.Person) error {
			for k, a := range p.Appointments {
				if a.Wanted() && a.Ends.After(now) {
					keys = append(keys, k)
				}
			}
			return nil
		})
		if err != nil {
			return fmt.Errorf("ledger: %w", err)
		}
		slices.Sort(keys)
		for _, k := range keys { // an entry each: they may be different clinics', and who has seen to one has not seen to the other
			bs = append(bs, replyEntry{
				Audit: Audit{At: now, Actor: via, Action: actionWish, Person: p, Address: hash}, ID: NewID(), Appointments: []reminder.AppointmentKey{k},
			})
		}
	}
	if len(bs) == 0 {
		return r.Other(ctx, from, via)
	}
	_, err = r.append(ctx, bs...)
	return err
}

// Wishes are the entries of a clinic's inbox, the soonest start first; "" = of all clinics. An entry stays until it is handled, its
// appointment has begun or is off, at most sixty days.
func (r *Replies) Wishes(ctx context.Context, unit string) ([]Wish, error) {
	if err := r.current(ctx); err != nil {
		return nil, err
	}
	r.mu.Lock()
	open := make(map[string]wish, len(r.wishes))
	for id, w := range r.wishes {
		open[id] = *w
	}
	r.mu.Unlock()
	now := r.o.Now()
	out := []Wish{}
	for id, w := range open {
		sealed := map[reminder.AppointmentKey][]byte{}
		err := r.o.State.View(ctx, w.person, func(p *state.Person) error {
			for _, k := range w.appointments {
				if a := p.Appointments[k]; a != nil && a.Wanted() {
					sealed[k] = a.Sealed
				}
			}
			return nil
		})
		if err != nil {
			return nil, fmt.Errorf("ledger: %w", err)
		}
		for k, s := range sealed {
			a, err := r.openAppointment(w.person, s)
			if errors.Is(err, journal.ErrErased) {
				continue
			}
			if err != nil {
				r.steppedOver("the appointment of a wish can't be read", err, zap.String("appointment", string(k)))
				continue
			}
			if a.Start.After(now) && (unit == "" || a.Unit == unit) {
				out = append(out, Wish{ID: id, At: w.at, First: w.first, Person: w.person, System: a.System, Appointment: a.ID, Unit: a.Unit, Start: a.Start, Taken: w.taken})
			}
		}
	}
	slices.SortFunc(out, func(a, b Wish) int {
		return cmp.Or(a.Start.Compare(b.Start), cmp.Compare(a.Appointment, b.Appointment))
	})
	return out, nil
}

// ErrNoWish means that there is no such entry in the inbox, or no more.
var ErrNoWish = errors.New("ledger: no such entry in the inbox")

// foldHandled takes an entry off the inbox, and notes who has seen to a misdelivery, which stays on its list. The lock is held.
func (r *Replies) foldHandled(b replyEntry) {
	delete(r.wishes, b.ID)
	if i := slices.IndexFunc(r.misses, func(m Misdelivery) bool { return m.ID == b.ID }); i >= 0 {
		r.misses[i].Done, r.misses[i].DoneBy = b.At, b.Actor
	}
}

// Handled takes an entry off the inbox, or notes that a misdelivery is seen to: by has done so. ErrNoWish when there is neither.
func (r *Replies) Handled(ctx context.Context, id, by string) error {
	r.mu.Lock()
	var person reminder.PersonKey
	w, ok := r.wishes[id]
	if ok {
		person = w.person
	}
	ok = ok || slices.ContainsFunc(r.misses, func(m Misdelivery) bool { return m.ID == id })
	r.mu.Unlock()
	if !ok {
		return ErrNoWish
	}
	_, err := r.append(ctx, replyEntry{Audit: Audit{Actor: by, Action: actionHandled, Person: person}, ID: id})
	return err
}

// current waits until all that the audit had when it was called is folded.
func (r *Replies) current(ctx context.Context) error {
	end, err := r.o.Journal.End(ctx, journal.StreamAudit)
	if err != nil || end.Last == 0 {
		return err
	}
	return r.caughtUp(ctx, end.Last)
}

// Wrote tells which clinic's message somebody answers, and in which language it was: those of the message that was last handed
// over to the address. Both are "" when none was. It is for the answer, so nothing of it is a fact about a person that the address was
// not told already: where the clinic of that message is not kept any more, for the person was told of the appointment elsewhere since,
// unit is "".
func (r *Replies) Wrote(ctx context.Context, from reminder.Address) (unit, language string, err error) {
	hash := r.o.Pseudonyms.Address(from)
	persons, err := r.whose(ctx, hash)
	if err != nil {
		return "", "", err
	}
	var person reminder.PersonKey
	var sealed []byte
	var last time.Time
	for _, p := range persons {
		err := r.o.State.View(ctx, p, func(p *state.Person) error {
			key, t := lastTold(p, func(_ reminder.AppointmentKey, t state.Attempt) bool { return t.Address == hash })
			if !t.At.After(last) {
				return nil
			}
			last, person, sealed = t.At, p.Key, nil
			language, _, _ = strings.Cut(t.Template, "/")
			a := p.Appointments[key]
			_, newest := lastTold(p, func(of reminder.AppointmentKey, _ state.Attempt) bool { return of == key })
			switch {
			case a == nil:
			case a.Status == plan.Single: // there is one message about it, and no other text of it
				sealed = a.Sealed
			case newest.Claim == t.Claim:
				sealed = a.ToldOf
			}
			return nil
		})
		if err != nil {
			return "", "", fmt.Errorf("ledger: %w", err)
		}
	}
	if sealed == nil {
		return "", language, nil
	}
	a, err := r.openAppointment(person, sealed)
	if errors.Is(err, journal.ErrErased) {
		return "", language, nil
	}
	return a.Unit, language, err
}

// lastTold is the newest of those attempts for which which holds whose message has left or may have, and what it was about. It has no
// time when there is none.
func lastTold(p *state.Person, which func(reminder.AppointmentKey, state.Attempt) bool) (about reminder.AppointmentKey, last state.Attempt) {
	for _, x := range p.Reminders {
		for _, t := range x.Attempts {
			if left(t.Status) && t.Status != receipt.Intended && t.At.After(last.At) && which(x.Appointment, t) {
				about, last = x.Appointment, t
			}
		}
	}
	return about, last
}

// left reports whether an attempt has left, or may have.
func left(s receipt.Status) bool {
	switch s {
	case receipt.Accepted, receipt.Delivered, receipt.Undelivered, receipt.Unknown, receipt.Intended:
		return true
	}
	return false
}
