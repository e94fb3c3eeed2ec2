package ledger

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"go.uber.org/zap"

	"github.com/husk-reminders/husk/pkg/consent"
	"github.com/husk-reminders/husk/pkg/journal"
	"github.com/husk-reminders/husk/pkg/reminder"
	"github.com/husk-reminders/husk/pkg/state"
)

// retireMost is how many persons one sweep lets go.
const retireMost = 5000

// sameReach reports whether a no names everything that a yes does.
func sameReach(no, yes consent.Record) bool {
	covers := func(part, whole int, all bool) bool { return whole == 0 || (part > 0 && all) }
	purposes := covers(len(yes.Purposes), len(no.Purposes), !slices.ContainsFunc(yes.Purposes, func(p reminder.Purpose) bool {
		return !slices.Contains(no.Purposes, p)
	}))
	channels := covers(len(yes.Channels), len(no.Channels), !slices.ContainsFunc(yes.Channels, func(c reminder.Channel) bool {
		return !slices.Contains(no.Channels, c)
	}))
	return purposes && channels && (no.Scope.Ref == "" || no.Scope == yes.Scope)
}

// purgeOld takes away what is older than before at the beginning of a stream whose entries age. The broker does so too, by its
// own clock.
func (l *Ledger) purgeOld(ctx context.Context, s journal.Stream, before time.Time) error {
	young := errors.New("young")
	var keep uint64
	err := l.o.Journal.Read(ctx, s, 1, func(e journal.Entry) error {
		if !e.At.Before(before) {
			return young
		}
		keep = e.Seq + 1
		return nil
	})
	if err != nil && !errors.Is(err, young) {
		return err
	}
	if keep == 0 {
		return nil
	}
	return l.o.Journal.Purge(ctx, s, keep)
}

// sweepKeys lets go of what nobody needs any more, and destroys the keys of that and of who was erased since: the days whose dead
// letters are gone, proof whose time is over, and persons who have no appointment, no word that holds, and nothing that must be
// proven. It returns how many persons it let go.
func (l *Ledger) sweepKeys(ctx context.Context) (int, error) {
	now := l.o.Now()
	dead := now.Add(-l.o.Dead).UTC().Format(time.DateOnly)
	over := l.o.Keys.Owners(func(o reminder.PersonKey) bool {
		day, is := strings.CutPrefix(string(o), "day-")
		return (is && day < dead) || isProofOver(o, now)
	})
	if len(over) > 0 {
		if err := l.o.Keys.Retire(ctx, now, over...); err != nil {
			return 0, err
		}
	}
	if err := l.eraseAgain(ctx); err != nil {
		return 0, err
	}
	gone, err := l.retire(ctx, now)
	if err != nil {
		return 0, err
	}
	if !l.o.Keys.Due() {
		return gone, nil
	}
	var out Erasure
	if err := l.destroy(ctx, &out); err != nil {
		return gone, err
	}
	if !out.Complete {
		l.o.Log.Warn("keyset files of other processes have the old epoch key still: what was erased can be read with them", zap.Int("files", len(out.Waiting)))
	}
	return gone, nil
}

// retire lets go of persons whose time is over, as if they had been erased, with nothing kept.
func (l *Ledger) retire(ctx context.Context, now time.Time) (int, error) {
	if l.o.ProofYears == nil {
		return 0, nil
	}
	var keys []reminder.PersonKey
	full := errors.New("full")
	err := l.o.State.Each(ctx, func(p *state.Person) error {
		if at, over := l.over(p); over && at.Before(now) {
			keys = append(keys, p.Key)
		}
		if len(keys) == retireMost {
			return full
		}
		return nil
	})
	if err != nil && !errors.Is(err, full) {
		return 0, fmt.Errorf("ledger: %w", err)
	}
	var entries []journal.Entry
	for _, k := range keys {
		es, err := erasedEntries(k, now)
		if err != nil {
			return 0, err
		}
		entries = append(entries, es...)
	}
	if err := l.writeBatches(ctx, entries); err != nil {
		return 0, err
	}
	if len(keys) == 0 {
		return 0, nil
	}
	return len(keys), l.o.Keys.Drop(ctx, now, keys...)
}

// over is from when on nothing asks to keep a person; false when something does.
func (l *Ledger) over(p *state.Person) (time.Time, bool) {
	if len(p.Appointments)+len(p.Reminders)+len(p.Sealed) > 0 || len(p.Consent)+len(p.Contact) == 0 {
		return time.Time{}, false
	}
	var last time.Time
	late := func(t time.Time) {
		if t.After(last) {
			last = t
		}
	}
	for _, r := range p.Consent {
		at, ended := endOf(r, p.Consent)
		if !ended {
			return at, false
		}
		late(at.AddDate(l.o.ProofYears(r), 0, 0))
	}
	years := l.o.ProofYears(consent.Record{})
	for _, c := range p.Contact {
		late(c.EventTime.AddDate(years, 0, 0))
	}
	return last, true
}
