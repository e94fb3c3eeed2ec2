package ledger

import (
	"bytes"
	"context"

	"github.com/husk-reminders/husk/pkg/journal"
	"github.com/husk-reminders/husk/pkg/reminder"
	"github.com/husk-reminders/husk/pkg/state"
)

// viaStaff is what a bar says that a clerk set, or lifted.
const viaStaff = "staff"

// start lifts what a STOP from the same address barred. What a clerk barred only a clerk lifts: then nothing is written, but that
// it was asked for. A clerk who bars the address in the same moment wins.
func (l *Ledger) start(ctx context.Context, hash reminder.AddressHash, via string) error {
	held, seen, err := l.clerkBars(ctx, hash, 1)
	if err != nil {
		return err
	}
	if !held {
		if err := l.bar(ctx, hash, via, true); err != nil {
			return err
		}
		if held, _, err = l.clerkBars(ctx, hash, seen+1); err != nil || !held {
			return err
		}
	}
	as, err := l.o.State.Behind(ctx, []reminder.AddressHash{hash})
	if err != nil {
		return err
	}
	if !as[0].Barred { // lifted in the same moment, or by a call that was broken off here
		if err := l.bar(ctx, hash, viaStaff, false); err != nil {
			return err
		}
	}
	return l.Audit(ctx, Audit{Actor: via, Action: "start.refused", Address: hash})
}

// clerkBars reports whether a clerk holds a bar on an address, by the entries from a sequence on, and how far they reach.
func (l *Ledger) clerkBars(ctx context.Context, hash reminder.AddressHash, from uint64) (held bool, seen uint64, err error) {
	seen = from - 1
	err = l.o.Journal.Read(ctx, journal.StreamStop, from, func(e journal.Entry) error {
		seen = e.Seq
		if e.Kind != journal.KindBar || !bytes.Contains(e.Clear, []byte(hash)) {
			return nil
		}
		var b state.Bar
		if err := unmarshal(e.Clear, &b); err != nil {
			return err
		}
		if b.Address == hash && b.Via == viaStaff {
			held = !b.Lifted
		}
		return nil
	})
	return held, seen, err
}
