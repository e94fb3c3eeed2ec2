package gate

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/husk-reminders/husk/pkg/policy"
	"github.com/husk-reminders/husk/pkg/reminder"
)

// Confirm asks, at the moment of hand-over, whether each attempt may still be written: the answers have the order and number
// of the attempts, and only a nil one may be. It refuses by itself a zero permit, one that is older than Options.MaxAge or
// whose reminder has expired, an attempt that is not the lease's, and a reminder that comes twice. An error beside the answers says
// what did not answer; then no answer that hung on it is nil.
func (g *Gate) Confirm(ctx context.Context, as []Attempt) ([]error, error) {
	now := g.o.Now()
	errs := make([]error, len(as))
	var asked []int
	var cs []Confirmation
	seen := map[reminder.ID]bool{}
	for i, a := range as {
		if errs[i] = g.refuse(a, now); errs[i] != nil {
			continue
		}
		if id := a.Permit.lease.Reminder; seen[id] {
			errs[i] = ErrClaim
			continue
		}
		seen[a.Permit.lease.Reminder] = true
		asked = append(asked, i)
		cs = append(cs, g.confirmation(a, now))
	}
	if len(asked) == 0 {
		return errs, nil
	}
	answers, err := g.o.Confirmer.Confirm(ctx, cs)
	switch {
	case err != nil:
		err = fmt.Errorf("gate: confirm: %w", err)
	case len(answers) != len(cs):
		err = fmt.Errorf("%w: confirm: %d answers to %d questions", ErrUnavailable, len(answers), len(cs))
	}
	for n, i := range asked {
		if err != nil {
			errs[i] = err
			continue
		}
		errs[i] = answers[n]
	}
	if err != nil {
		return errs, err
	}
	return errs, errors.Join(g.guardians(ctx, as, errs), g.undisputed(ctx, as, errs))
}

// guardians looks, after the marks are set, whether anything has changed of the guardians who are written to in a patient's
// place: the confirmer checks the version of the patient alone. What is refused here is marked and not written; it is settled
// as not begun, which takes the mark back.
func (g *Gate) guardians(ctx context.Context, as []Attempt, errs []error) error {
	var keys []reminder.PersonKey
	for i, a := range as {
		if k := a.Permit.recipient; errs[i] == nil && k != "" && !slices.Contains(keys, k) {
			keys = append(keys, k)
		}
	}
	if len(keys) == 0 {
		return nil
	}
	now := make(map[reminder.PersonKey]Person, len(keys))
	err := g.ask(ctx, keys, now)
	for i, a := range as {
		k := a.Permit.recipient
		switch {
		case errs[i] != nil || k == "":
		case err != nil:
			errs[i] = err
		case now[k].Version != a.Permit.version:
			errs[i] = ErrMoved
		}
	}
	return err
}

// undisputed looks, after the marks are set, whether anything speaks by now against the numbers that codes go to: that somebody says
// they are not who they are thought to be moves no version and bars nothing. What is refused here is settled as by guardians.
func (g *Gate) undisputed(ctx context.Context, as []Attempt, errs []error) error {
	code := func(i int) bool { return errs[i] == nil && as[i].Permit.lease.Purpose == reminder.Verify }
	var hashes []reminder.AddressHash
	for i, a := range as {
		if h := a.Permit.hash; code(i) && !slices.Contains(hashes, h) {
			hashes = append(hashes, h)
		}
	}
	var f facts
	err := g.numbers(ctx, hashes, &f)
	for i, a := range as {
		if !code(i) {
			continue
		}
		switch n := f.numbers[a.Permit.hash]; {
		case err != nil:
			errs[i] = err
		case n.Barred:
			errs[i] = ErrBarred
		case n.Disputed:
			errs[i] = ErrDisputed
		}
	}
	return err
}

// refuse is what needs no asking.
func (g *Gate) refuse(a Attempt, now time.Time) error {
	p := a.Permit
	if p.IsZero() || p.answer != "" { // an answer is no attempt: ConfirmAnswer
		return ErrNoPermit
	}
	// A permit from the future is as wrong as an old one: the clock has been set.
	if age := now.Sub(p.made); age > g.o.MaxAge || age < -g.o.MaxAge || !now.Before(p.lease.Expires) {
		return ErrOld
	}
	shard, ok := reminder.ClaimShard(a.Claim)
	if !ok || shard != p.lease.Person.Shard() || a.Attempt < 1 || a.Attempt != p.lease.Attempt || a.Template == "" || a.Route == "" {
		return ErrAttempt
	}
	return nil
}

func (g *Gate) confirmation(a Attempt, now time.Time) Confirmation {
	p := a.Permit
	names := switches(p.unit, p.pack, p.lease.Purpose, a.Template, a.Route)
	if p.lease.Route != "" && p.lease.Route != a.Route {
		names = append(names, SwitchCarrier+p.lease.Route)
	}
	if a.Carrier != "" && a.Carrier != a.Route {
		names = append(names, SwitchCarrier+a.Carrier)
	}
	limit := p.pack.Cap
	if uncapped(p.lease) {
		limit = policy.Cap{}
	}
	return Confirmation{
		Reminder: p.lease.Reminder, Person: p.lease.Person, Token: p.lease.Token, Version: p.lease.Version,
		PersonVersion: p.person, Attempt: a.Attempt, Claim: a.Claim, Address: p.hash, Switches: names, Cap: limit,
		At: now, NotAfter: earlier(p.made.Add(g.o.MaxAge), p.lease.Expires),
	}
}
