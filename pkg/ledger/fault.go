package ledger

import (
	"context"
	"fmt"
	"slices"
	"time"

	"go.uber.org/zap"

	"github.com/husk-reminders/husk/pkg/contact"
	"github.com/husk-reminders/husk/pkg/receipt"
	"github.com/husk-reminders/husk/pkg/reminder"
	"github.com/husk-reminders/husk/pkg/state"
)

// letterBounced is why a reminder that waits is on the letter list, in the gate's words.
const letterBounced = "bounced"

// faultApart is how far apart two failures are that nobody has proven and that confirm each other.
const faultApart = 24 * time.Hour

// markAddress takes the address of an attempt out of use for everybody who has it as theirs, when its carrier says that it reaches
// nobody, for good. The gate says bounced to it from then on, and what waits for those who have no other address is on the letter list. Proof of
// the address that was made after the message left lifts it, whoever makes it: a verification, a clerk, a register.
//
// The rule: what a carrier says in answer to our own hand-over, or in a report that it has proven to be its own, marks at once. A report
// that came with no more than a shared secret settles its receipt and marks nothing; whoever has once read the secret could have sent it.
// Two of those mark together: of two messages, heard a day or more apart, with no message delivered there and no proof of the address
// between them.
func (l *Ledger) markAddress(ctx context.Context, p reminder.PersonKey, claim string) error {
	t, _, err := l.attempt(ctx, claim)
	if err != nil || t.Fault == "" || t.Address == "" {
		return err
	}
	persons, err := l.o.State.Whose(ctx, t.Address)
	if err != nil {
		return fmt.Errorf("ledger: %w", err)
	}
	if !t.Proven {
		sure, err := l.confirmed(ctx, t, append([]reminder.PersonKey{p}, persons...))
		if err != nil || !sure {
			l.m.faults.WithLabelValues("unproven").Inc()
			return err
		}
	}
	now := l.o.Now()
	fell := t.Fell
	switch {
	case fell.Before(t.At): // or the carrier does not say when
		fell = t.At
	case fell.After(now):
		fell = now
	}
	id := "fault-" + claim
	for _, key := range persons {
		done := false
		err := l.o.State.View(ctx, key, func(x *state.Person) error {
			done = slices.ContainsFunc(x.Contact, func(c state.Contact) bool { return c.ID == id }) || provenSince(x, t.Address, fell, now)
			return nil
		})
		if err != nil {
			return fmt.Errorf("ledger: %w", err)
		}
		if done {
			continue
		}
		if _, err := l.contact(ctx, contact.Record{
			ID: id, Person: key, Type: contact.Failed, Hash: t.Address, Channel: t.Channel, Fault: contact.Fault(t.Fault), By: state.ViaList + t.Carrier,
			EventTime: fell, Recorded: now,
		}); err != nil {
			return err
		}
		l.m.faults.WithLabelValues("marked").Inc()
		l.o.Log.Info("an address is out of use: its carrier says that it reaches nobody", zap.String("provider", t.Carrier), zap.String("fault", string(t.Fault)))
	}
	return l.toLetters(ctx, persons, letterBounced, func(x *state.Person) bool {
		return provenState(x, t.Address, now).Bounced && !hasOther(x, t.Address, now)
	})
}

// confirmed reports whether another failure behind the address of an attempt confirms the attempt's own.
func (l *Ledger) confirmed(ctx context.Context, t state.Attempt, persons []reminder.PersonKey) (bool, error) {
	var there []state.Attempt // that went to the address
	var proven time.Time
	slices.Sort(persons)
	for _, key := range slices.Compact(persons) {
		err := l.o.State.View(ctx, key, func(x *state.Person) error {
			if at := provenState(x, t.Address, l.o.Now()).Newest(); at.After(proven) {
				proven = at
			}
			for _, r := range x.Reminders {
				for _, a := range r.Attempts {
					if a.Address == t.Address {
						there = append(there, a)
					}
				}
			}
			return nil
		})
		if err != nil {
			return false, fmt.Errorf("ledger: %w", err)
		}
	}
	return slices.ContainsFunc(there, func(o state.Attempt) bool { return o.Fault != "" && confirms(o, t, there, proven) }), nil
}

// confirms reports whether the failures of two attempts behind one address confirm each other.
func confirms(a, b state.Attempt, there []state.Attempt, proven time.Time) bool {
	if b.FaultAt.Before(a.FaultAt) {
		a, b = b, a
	}
	if a.Claim == b.Claim || b.FaultAt.Sub(a.FaultAt) < faultApart || proven.After(a.FaultAt) {
		return false
	}
	return !slices.ContainsFunc(there, func(x state.Attempt) bool {
		return x.Status == receipt.Delivered && x.Settled.After(a.FaultAt) && x.Settled.Before(b.FaultAt)
	})
}

// provenSince reports whether an address was proven to be a person's after an instant.
func provenSince(p *state.Person, hash reminder.AddressHash, since, now time.Time) bool {
	return provenState(p, hash, now).Newest().After(since)
}

// provenState is what is known of an address of a person; zero when nothing is.
func provenState(p *state.Person, hash reminder.AddressHash, now time.Time) contact.State {
	rs := make([]contact.Record, len(p.Contact))
	for i, c := range p.Contact {
		rs[i] = c.Record
		if c.Recorded.After(now) {
			now = c.Recorded
		}
	}
	for _, s := range contact.Fold(rs, now) {
		if s.Hash == hash {
			return s
		}
	}
	return contact.State{}
}
