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
	"github.com/husk-reminders/husk/pkg/receipt"
	"github.com/husk-reminders/husk/pkg/reminder"
	"github.com/husk-reminders/husk/pkg/state"
)

// retireMost is how many persons one sweep lets go.
const retireMost = 5000

// retireAfter is for how long the keys of who was let go have sealed nothing when they are dropped. What was sealed with them before,
// in any process, is journalled and folded by then, however often its writing was repeated, or was never told to have succeeded.
const retireAfter = time.Hour

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

// retire lets go of persons whose time is over, as if they had been erased, with nothing kept, and has their keys seal nothing more. A
// later sweep looks again and drops the keys of those of whom nothing was said meanwhile, and of those whose erasing or letting go
// was broken off before that. Who says something or is booked meanwhile stays: it is sealed with a new key, or was with the old
// one, which then opens on.
func (l *Ledger) retire(ctx context.Context, now time.Time) (int, error) {
	var keys []reminder.PersonKey
	left := map[time.Time][]reminder.PersonKey{}
	full := errors.New("full")
	most := 0
	err := l.o.State.Each(ctx, func(p *state.Person) error {
		at, over := l.over(p)
		switch {
		case over && at.Before(now):
			keys = append(keys, p.Key)
		case l.emptied(p):
			left[p.Erased] = append(left[p.Erased], p.Key)
		default:
			return nil
		}
		if most++; most == retireMost {
			return full
		}
		return nil
	})
	if err != nil && !errors.Is(err, full) {
		return 0, fmt.Errorf("ledger: %w", err)
	}
	var gone []reminder.PersonKey
	for part := range slices.Chunk(keys, sweepBatch) {
		took, err := l.letGo(ctx, part, now)
		if err != nil {
			return 0, err
		}
		gone = append(gone, took...)
	}
	for _, k := range gone {
		// Erased is the newest of them: who was erased since by somebody else is theirs.
		if err := l.o.State.View(ctx, k, func(p *state.Person) error {
			if l.emptied(p) {
				left[p.Erased] = append(left[p.Erased], k)
			}
			return nil
		}); err != nil {
			return 0, fmt.Errorf("ledger: %w", err)
		}
	}
	for at, ks := range left {
		if err := l.dropEmptied(ctx, at, now, ks); err != nil {
			return 0, err
		}
	}
	return len(gone), nil
}

// dropEmptied drops the keys of persons who were erased at a time and are emptied by now, if the keys have been shut for long enough.
// Those of the others are shut, for a later sweep.
func (l *Ledger) dropEmptied(ctx context.Context, at, now time.Time, ks []reminder.PersonKey) error {
	shut, others, err := l.o.Keys.ShutBefore(ctx, now.Add(-retireAfter), ks...)
	if err != nil {
		return err
	}
	if err := l.o.Keys.DropShut(ctx, at, shut); err != nil {
		return err
	}
	_, err = l.o.Keys.Shut(ctx, now, others...)
	return err
}

// letGo journals that the persons whose time is still over were erased, and returns them. It takes nothing of what is booked: there is
// nothing, and what comes at this moment stays.
func (l *Ledger) letGo(ctx context.Context, keys []reminder.PersonKey, now time.Time) (gone []reminder.PersonKey, err error) {
	var entries []journal.Entry
	for _, k := range keys {
		over, flagged := false, false
		if err := l.o.State.View(ctx, k, func(p *state.Person) error {
			var at time.Time
			at, over = l.over(p)
			over, flagged = over && at.Before(now), len(p.Flags) > 0
			return nil
		}); err != nil {
			return nil, fmt.Errorf("ledger: %w", err)
		}
		if !over {
			continue
		}
		es, err := erasedEntries(k, now)
		if err != nil {
			return nil, err
		}
		if !flagged {
			es = slices.DeleteFunc(es, func(e journal.Entry) bool { return e.Stream == journal.StreamJournal })
		}
		entries, gone = append(entries, es...), append(gone, k)
	}
	return gone, l.writeBatches(ctx, entries)
}

// emptied reports whether a person was erased, nothing was said since, nothing of theirs is under way, and the keyring has no note of it:
// whoever erased them was broken off, and their key lives.
func (l *Ledger) emptied(p *state.Person) bool {
	noted, _ := l.o.Keys.Erased(p.Key)
	if !p.Erased.After(noted) || len(p.Consent)+len(p.Contact)+len(p.Sealed) > 0 {
		return false
	}
	for _, a := range p.Appointments {
		if a.Status != state.Forgotten {
			return false
		}
	}
	for _, r := range p.Reminders {
		if r.Status == receipt.Planned || r.Status == receipt.Intended {
			return false
		}
	}
	return true
}

// over is from when on nothing asks to keep a person; false when something does.
func (l *Ledger) over(p *state.Person) (time.Time, bool) {
	if l.o.ProofYears == nil || len(p.Appointments)+len(p.Reminders)+len(p.Sealed) > 0 || len(p.Consent)+len(p.Contact) == 0 {
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
