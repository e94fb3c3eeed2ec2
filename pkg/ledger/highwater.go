package ledger

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"

	"go.uber.org/zap"

	"github.com/husk-reminders/husk/pkg/journal"
	"github.com/husk-reminders/husk/pkg/receipt"
	"github.com/husk-reminders/husk/pkg/state"
)

// mark is how far a stream had come, kept in a file outside the broker's storage. A journal that ends before its mark was
// restored from a backup: what it says was not sent may have been.
type mark struct {
	ID   string `json:"id"`
	Last uint64 `json:"last"`
}

// SwitchRestored is the reason of the switch that a restored journal sets.
const SwitchRestored = "the journal was restored: enter the withdrawals that came after the backup, see to the held reminders, then resume"

// isRestored reports whether the journal was restored from a backup.
func (l *Ledger) isRestored(ctx context.Context, ends [state.Streams]journal.End) (bool, error) {
	behind, err := l.behindMark(ends)
	if err != nil || behind || l.o.Restored == nil {
		return behind, err
	}
	return l.o.Restored(ctx)
}

// behindMark reports whether a stream ends before its high-water mark, or is another stream.
func (l *Ledger) behindMark(ends [state.Streams]journal.End) (bool, error) {
	if l.o.HighWater == "" {
		return false, nil
	}
	b, err := os.ReadFile(l.o.HighWater)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("ledger: high-water file: %w", err)
	}
	marks := map[journal.Stream]mark{}
	if !json.Valid(b) {
		return true, nil // it can't be told, so it is taken for restored
	}
	if err := json.Unmarshal(b, &marks); err != nil {
		return false, fmt.Errorf("ledger: high-water file: %w", err)
	}
	for s, stream := range folded {
		if m, ok := marks[stream]; ok && (m.ID != ends[s].ID || m.Last > ends[s].Last) {
			return true, nil
		}
	}
	return false, nil
}

// raiseMark writes how far the streams have been read, when that has moved.
func (l *Ledger) raiseMark(done state.Vector) {
	if l.o.HighWater == "" || done == l.marked || l.suspect() {
		return
	}
	marks := map[journal.Stream]mark{}
	for s, stream := range folded {
		marks[stream] = mark{l.names[stream], done[s]}
	}
	b, err := json.Marshal(marks)
	if err == nil {
		err = replace(l.o.HighWater, b)
	}
	if err != nil {
		l.o.Log.Warn("the high-water file is not written", zap.Error(err))
		return
	}
	l.marked = done
}

// suspect reports whether the journal is a restored one that has not been quarantined yet: until then nothing may make it look
// like any other at the next start.
func (l *Ledger) suspect() bool { return l.restored && !l.quarantined.Load() }

// Restored reports whether the journal was found to be restored from a backup. It may be asked once Ready is closed.
func (l *Ledger) Restored() bool { return l.restored }

// Quarantine is what Run does with a restored journal before anything is sent: sending is off until somebody resumes it, and
// what was due by now is possibly sent already, so it is held for the clerk. It returns how many it held.
func (l *Ledger) Quarantine(ctx context.Context) (int, error) {
	if err := l.Switch(ctx, state.Switch{Name: "all", On: true, Reason: SwitchRestored}); err != nil {
		return 0, err
	}
	if err := l.eraseAgain(ctx); err != nil {
		return 0, err
	}
	now := l.o.Now()
	var vs []receipt.Verdict
	err := l.o.State.Each(ctx, func(p *state.Person) error {
		for id, r := range p.Reminders {
			if r.Status == receipt.Planned && !r.Due.After(now) {
				vs = append(vs, receipt.Verdict{Reminder: id, Person: p.Key, Status: receipt.Held, Decision: receipt.Decision{Reason: state.Restored}})
			}
		}
		return nil
	})
	if err != nil {
		return 0, fmt.Errorf("ledger: %w", err)
	}
	if err := l.Rule(ctx, vs); err != nil {
		return 0, err
	}
	if l.o.Quarantined != nil {
		if err := l.o.Quarantined(ctx); err != nil {
			return len(vs), err
		}
	}
	l.quarantined.Store(true)
	return len(vs), nil
}

// markEvery is how often the high-water mark is raised.
const markEvery = time.Second
