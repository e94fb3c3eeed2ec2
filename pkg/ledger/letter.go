package ledger

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/husk-reminders/husk/pkg/journal"
	"github.com/husk-reminders/husk/pkg/reminder"
	"github.com/husk-reminders/husk/pkg/state"
)

// letterUndo is how long it can be said that a letter has not gone after all.
const letterUndo = 24 * time.Hour

// What a letter can't be, for where it stands.
var (
	ErrNoLetter     = errors.New("ledger: no such letter on the list")
	ErrNoLetterDone = errors.New("ledger: the letter was not marked done within the last day, or the appointment has changed since")
)

// LetterDone is a letter that somebody has written, or a call that somebody has made.
type LetterDone struct {
	Letter
	By string    `json:"by"`
	At time.Time `json:"at"`
}

// LetterOf is one letter or call by its id, on the list or marked done since; known as of Letters. ErrNoLetter when there is none.
func (l *Ledger) LetterOf(ctx context.Context, id reminder.AppointmentKey, known func(unit string) bool) (LetterDone, error) {
	x, _, err := l.letterOf(ctx, id, known)
	return x, err
}

func (l *Ledger) letterOf(ctx context.Context, id reminder.AppointmentKey, known func(unit string) bool) (LetterDone, state.Letter, error) {
	var x LetterDone
	var b state.Letter
	held, err := l.o.State.Appointments(ctx, []reminder.AppointmentKey{id})
	if err != nil {
		return x, b, fmt.Errorf("ledger: %w", err)
	}
	var sealed []byte
	listed, waits := false, false
	err = l.o.State.View(ctx, held[0].Person, func(p *state.Person) error {
		a := p.Appointments[id]
		if a == nil {
			return nil
		}
		as := *a
		as.Seen = nil
		x.Letter, listed, waits = letterOf(p, id, &as)
		if a.SeenTo() {
			listed, x.By, x.At = true, a.Seen.By, a.Seen.At
		}
		sealed = a.Sealed
		b = state.Letter{Appointment: id, Tag: a.Tag, Told: a.Told}
		return nil
	})
	if err != nil {
		return x, b, fmt.Errorf("ledger: %w", err)
	}
	if (!listed && !waits) || !l.letter(&x.Letter, id, sealed) {
		return LetterDone{}, b, ErrNoLetter
	}
	if waits && known != nil && !known(x.Unit) {
		listed, x.Reason, x.Provisional = true, UnknownUnit, true
	}
	if !listed {
		return LetterDone{}, b, ErrNoLetter
	}
	return x, b, nil
}

// LettersDone lists the letters and calls that somebody has marked done within the last day, which can still be taken back: the newest
// first. It looks through everybody, as Letters does.
func (l *Ledger) LettersDone(ctx context.Context, unit string) ([]LetterDone, error) {
	leave, err := l.scan(ctx)
	if err != nil {
		return nil, err
	}
	defer leave()
	now := l.o.Now()
	out := []LetterDone{}
	err = l.o.State.Each(ctx, func(p *state.Person) error {
		for key, a := range p.Appointments {
			if !a.SeenTo() || now.Sub(a.Seen.At) > letterUndo {
				continue
			}
			as := *a
			as.Seen = nil
			x := LetterDone{By: a.Seen.By, At: a.Seen.At}
			x.Letter, _, _ = letterOf(p, key, &as)
			if l.letter(&x.Letter, key, a.Sealed) && (unit == "" || x.Unit == unit) {
				out = append(out, x)
			}
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("ledger: %w", err)
	}
	slices.SortFunc(out, func(a, b LetterDone) int { return cmp.Or(b.At.Compare(a.At), cmp.Compare(a.ID, b.ID)) })
	return out, nil
}

// DoneLetter journals that somebody has written to or rung a patient: it is off the list as long as neither the start changes nor what
// the patient was told. undone takes it back, within a day. ErrNoLetter when there is no such letter on the list, ErrNoLetterDone when
// there is nothing to take back.
func (l *Ledger) DoneLetter(ctx context.Context, id reminder.AppointmentKey, by string, undone bool, known func(unit string) bool) (LetterDone, error) {
	x, b, err := l.letterOf(ctx, id, known)
	switch {
	case err != nil:
		return x, err
	case undone && (x.By == "" || l.o.Now().Sub(x.At) > letterUndo):
		return x, ErrNoLetterDone
	case !undone && x.By != "":
		return x, nil // whoever came first has done it
	}
	b.By, b.Undone = by, undone
	e, err := record(journal.KindLetter, x.Person, l.o.Now(), b)
	if err == nil {
		err = l.write(ctx, e)
	}
	if err != nil {
		return x, err
	}
	x, b, err = l.letterOf(ctx, id, known)
	if err == nil && (x.By == "") != undone { // the appointment has changed meanwhile
		err = ErrNoLetter
	}
	return x, err
}
