package ledger

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/husk-reminders/husk/pkg/receipt"
	"github.com/husk-reminders/husk/pkg/reminder"
	"github.com/husk-reminders/husk/pkg/state"
)

// HeldRestored is the reason of what Quarantine holds: the journal was restored, so the message may have left already.
const HeldRestored = state.Restored

// byClerk is the reason of a reminder that a clerk has cancelled.
const byClerk = "clerk"

// What a clerk can't do to a reminder, for where it stands.
var (
	ErrNotReleasable = errors.New("ledger: only a reminder that is held as restored, or for nothing but digits that nothing explains, can be released")
	ErrNotWaiting    = errors.New("ledger: only a reminder that is planned or held can be cancelled")
	// ErrUnreleasable is an ErrNotReleasable of one that is held for what nobody may let pass.
	ErrUnreleasable = fmt.Errorf("%w: nobody may let pass what it is held for", ErrNotReleasable)
)

// Release plans a held reminder again, with its old times: it goes as soon as sending is on, if the gate says yes. Of what
// Quarantine holds, by, who releases it, has found that it did not leave before the restore. Of what is held for digits that
// nothing explains, by has seen that they are nobody's: they pass in that message of this plan, where they were found, and
// nowhere else. by and why are journalled. ErrUnreleasable for what is held for anything else, ErrNotReleasable for any other.
func (l *Ledger) Release(ctx context.Context, p reminder.PersonKey, id reminder.ID, by, why string) error {
	v := receipt.Verdict{Reminder: id, Person: p, Status: receipt.Planned, By: by, Decision: receipt.Decision{Reason: why}}
	no := ErrNotReleasable
	held := func(r *state.Reminder) bool {
		if r.Releasable() {
			v.Findings = r.Findings
			return true
		}
		if r.Status == receipt.Held && r.Reason != HeldRestored {
			no = ErrUnreleasable
		}
		return r.Status == receipt.Held && r.Reason == HeldRestored
	}
	if err := l.must(ctx, p, id, held, ErrNotReleasable); errors.Is(err, ErrNotReleasable) {
		return no
	} else if err != nil {
		return err
	}
	found := v.Findings
	if err := l.Rule(ctx, []receipt.Verdict{v}); err != nil {
		return err
	}
	// By now it may be planned, on its way, taken back by an event, or held anew.
	return l.must(ctx, p, id, func(r *state.Reminder) bool {
		return !held(r) || !slices.Equal(r.Findings, found)
	}, ErrNotReleasable)
}

// Cancel takes back a reminder that is planned or held. A later event of the booking plans it again if it is due after that.
// ErrNotWaiting when it is not waiting, or a worker was faster.
func (l *Ledger) Cancel(ctx context.Context, p reminder.PersonKey, id reminder.ID, by string) error {
	waits := func(r *state.Reminder) bool { return r.Status == receipt.Planned || r.Status == receipt.Held }
	if err := l.must(ctx, p, id, waits, ErrNotWaiting); err != nil {
		return err
	}
	v := receipt.Verdict{Reminder: id, Person: p, Status: receipt.Cancelled, By: by, Decision: receipt.Decision{Reason: byClerk}}
	if err := l.Rule(ctx, []receipt.Verdict{v}); err != nil {
		return err
	}
	return l.must(ctx, p, id, func(r *state.Reminder) bool { return r.Status == receipt.Cancelled }, ErrNotWaiting)
}

// must answers not unless there is such a reminder of the person and is holds for it.
func (l *Ledger) must(ctx context.Context, p reminder.PersonKey, id reminder.ID, is func(*state.Reminder) bool, not error) error {
	ok := false
	err := l.o.State.View(ctx, p, func(p *state.Person) error {
		r := p.Reminders[id]
		ok = r != nil && is(r)
		return nil
	})
	switch {
	case err != nil:
		return fmt.Errorf("ledger: %w", err)
	case !ok:
		return not
	}
	return nil
}
