package ledger

import (
	"context"
	"errors"
	"time"

	"github.com/husk-reminders/husk/pkg/journal"
	"github.com/husk-reminders/husk/pkg/reminder"
	"github.com/husk-reminders/husk/pkg/state"
)

// Start lifts the bar of an address. It grants nothing. One that the address itself said lifts what its own STOP set, and leaves a
// clerk's bar and that of a carrier's list where they are: the fold keeps them apart, see state.Bars. That it was asked for is then in
// the audit, for the clerk.
func (l *Ledger) Start(ctx context.Context, from reminder.Address, via string) error {
	return l.startSaid(ctx, from, via, time.Time{})
}

// startSaid is Start for one that came in at said, and may have been taken down before; zero = it comes in now. A STOP that the address
// said then or later stands: whoever reads a START once more undoes nothing that came between.
func (l *Ledger) startSaid(ctx context.Context, from reminder.Address, via string, said time.Time) error {
	lift := state.Bar{Address: l.o.Pseudonyms.Address(from), Lifted: true, Via: via, Said: said}
	ordered := !said.IsZero() && lift.Own()
	if ordered {
		late, err := l.hold(ctx, lift)
		if err != nil {
			return err
		}
		if late {
			return l.Audit(ctx, Audit{Actor: via, Action: actionRefused, Address: lift.Address, Reason: "a later stop"})
		}
	}
	if err := l.bar(ctx, lift); err != nil || via == state.ViaStaff {
		return err
	}
	if ordered { // a STOP may have been written since it was looked
		if _, err := l.hold(ctx, lift); err != nil {
			return err
		}
	}
	var as []state.Address
	err := l.ask(ctx, func() (err error) {
		as, err = l.o.State.Behind(ctx, []reminder.AddressHash{lift.Address})
		return err
	})
	if err != nil || !as[0].Kept {
		return err
	}
	return l.Audit(ctx, Audit{Actor: via, Action: actionRefused, Address: lift.Address})
}

// actionRefused is a START that did not free its address.
const actionRefused = "start.refused"

// startSlack is how far the times of entries beside each other, of processes with a clock each, may be out of order.
const startSlack = time.Hour

// hold reports whether a START comes too late, for its address said STOP at the same time or after it, and bars the address again
// where a START that was said before that STOP, and written after it, has freed it.
func (l *Ledger) hold(ctx context.Context, start state.Bar) (late bool, err error) {
	since := start.Said
	if now := l.o.Now(); since.After(now) {
		since = now
	}
	from, err := l.began(ctx, journal.StreamStop, since.Add(-startSlack))
	if err != nil {
		return false, err
	}
	var stop state.Bar // the last that was said
	var is, ought state.Bars
	err = l.o.Journal.Read(ctx, journal.StreamStop, from, func(e journal.Entry) error {
		if e.Kind != journal.KindBar || e.Shard != start.Address.Shard() {
			return nil
		}
		var b state.Bar
		if err := unmarshal(e.Clear, &b); err != nil || b.Address != start.Address {
			return err
		}
		if b.Said.IsZero() {
			b.Said = e.At
		}
		is = is.After(b)
		switch {
		case b.Own() && b.Lifted && !b.Said.After(stop.Said):
			return nil
		case b.Own() && !b.Lifted && b.Said.After(stop.Said):
			stop = b
		}
		ought = ought.After(b)
		return nil
	})
	if err != nil {
		return false, err
	}
	if ought&^is&state.OwnBar != 0 {
		if err := l.bar(ctx, stop); err != nil {
			return false, err
		}
	}
	return !stop.Said.IsZero() && !stop.Said.Before(start.Said), nil
}

// began is the sequence of the first entry of a stream at or after an instant.
func (l *Ledger) began(ctx context.Context, s journal.Stream, at time.Time) (uint64, error) {
	end, err := l.o.Journal.End(ctx, s)
	if err != nil {
		return 0, err
	}
	low, high := max(end.First, 1), end.Last+1
	for low < high {
		middle := low + (high-low)/2
		es, err := l.o.Journal.At(ctx, s, middle)
		switch {
		case errors.Is(err, journal.ErrNotFound) || (err == nil && es[0].At.Before(at)):
			low = middle + 1
		case err != nil:
			return 0, err
		default:
			high = middle
		}
	}
	return low, nil
}
