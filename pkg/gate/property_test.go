package gate_test

import (
	"context"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/husk-reminders/husk/pkg/consent"
	"github.com/husk-reminders/husk/pkg/contact"
	"github.com/husk-reminders/husk/pkg/gate"
	"github.com/husk-reminders/husk/pkg/policy"
	"github.com/husk-reminders/husk/pkg/reminder"
)

// randomPerson is somebody with a random history on two numbers and a mail address.
func randomPerson(r *rand.Rand) gate.Person {
	addresses := []reminder.Address{number, reminder.NewAddress(reminder.SMS, "+4520999999"), mail}
	some := func() time.Time { return now.AddDate(0, 0, -r.IntN(1000)) }
	p := gate.Person{
		Known: r.IntN(20) > 0, Version: r.Uint64(), BirthDate: []reminder.Date{adult, adult, adult, adult, adult, adult, child, child, {}}[r.IntN(9)],
		Protected: r.IntN(20) == 0, Deceased: r.IntN(20) == 0,
		Barred: map[reminder.AddressHash]bool{}, Shared: map[reminder.AddressHash]int{},
	}
	for range r.IntN(4) {
		c := yes(string(rune('a'+len(p.Consent))), reminder.Channels[r.IntN(2)])
		c.Type = append(consent.Words, consent.Granted, consent.Granted)[r.IntN(6)]
		if r.IntN(20) == 0 {
			c.Type = consent.Types[r.IntN(len(consent.Types))]
		}
		c.Method = append(consent.Methods, consent.Desk, consent.Desk, consent.Desk, consent.Desk, consent.Desk)[r.IntN(len(consent.Methods)+5)]
		c.Actor.Kind = append(consent.Actors, consent.Self, consent.Self)[r.IntN(6)]
		c.Recorded = some()
		c.EventTime = c.Recorded.AddDate(0, 0, -r.IntN(30))
		p.Consent = append(p.Consent, c)
	}
	for range r.IntN(4) {
		at := some()
		c := proof(string(rune('a'+len(p.Contact))), addresses[r.IntN(3)], policy.Methods[r.IntN(len(policy.Methods))], at)
		c.Type = append(contact.Types, contact.Verified, contact.Verified)[r.IntN(7)]
		p.Contact = append(p.Contact, c)
	}
	for _, a := range addresses {
		p.Barred[hash(a)] = r.IntN(5) == 0
		p.Shared[hash(a)] = r.IntN(8)
	}
	return p
}

// TestNoPermitWithoutBasisProofAndFreeAddress says the promise again in its plainest form, apart from the folds: for a permit
// there is a yes on that channel with no later no, a proof of exactly that address, and no bar.
func TestNoPermitWithoutBasisProofAndFreeAddress(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 8))
	w := newWorld(t)
	g := w.gate(t)
	allowed, denied := 0, map[gate.Reason]int{}
	for range 15_000 {
		p := randomPerson(r)
		w.people[anna] = p
		ds, err := g.Decide(context.Background(), []reminder.Lease{lease()}, now)
		if err != nil {
			t.Fatal(err)
		}
		d := ds[0]
		if d.Outcome != gate.Allow {
			if !d.Permit.IsZero() || d.Outcome != gate.Deny || !slices.Contains(gate.DenyReasons, d.Reason) {
				t.Fatalf("%+v", d)
			}
			denied[d.Reason]++
			continue
		}
		allowed++
		channel, h := d.Permit.Channel(), d.Permit.AddressHash()
		standing := consent.Stand(p.Consent, now)
		if !p.Known || p.Protected || p.Deceased || standing.Protected || standing.Deceased || p.Barred[h] || p.Shared[h] > 6 || p.BirthDate.IsZero() {
			t.Fatalf("allowed: %+v", p)
		}
		said := slices.ContainsFunc(p.Consent, func(c consent.Record) bool {
			return c.Type == consent.Granted && slices.Contains(c.Channels, channel) && c.Method.CanGrant() &&
				(c.Actor.Kind == consent.Guardian) == (p.BirthDate == child) &&
				!slices.ContainsFunc(p.Consent, func(n consent.Record) bool {
					return n.IsNo() && slices.Contains(n.Channels, channel) && (n.Recorded.After(c.Recorded) || !n.EventTime.Before(c.EventTime))
				})
		})
		if !said {
			t.Fatalf("allowed on %s without a yes: %+v", channel, p.Consent)
		}
		proven := slices.ContainsFunc(p.Contact, func(c contact.Record) bool {
			return c.Type == contact.Verified && c.Hash == h && c.Method.Level() >= policy.Proven &&
				!slices.ContainsFunc(p.Contact, func(n contact.Record) bool {
					return n.Hash == h && n.IsBad() && !n.EventTime.Before(c.EventTime)
				})
		})
		if !proven || hash(d.Permit.Address()) != h {
			t.Fatalf("allowed to an address without a proof: %+v", p.Contact)
		}
	}
	if allowed < 100 || len(denied) < 10 {
		t.Errorf("%d allowed, denied %v: the test looks at too little", allowed, denied)
	}
}
