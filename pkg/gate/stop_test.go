package gate_test

import (
	"math/rand/v2"
	"testing"

	"github.com/husk-reminders/husk/pkg/consent"
	"github.com/husk-reminders/husk/pkg/contact"
	"github.com/husk-reminders/husk/pkg/gate"
	"github.com/husk-reminders/husk/pkg/policy"
	"github.com/husk-reminders/husk/pkg/reminder"
)

// former is a number that Anna had before.
var former = reminder.NewAddress(reminder.SMS, "+4520999999")

// A STOP ends the search, whatever else the person has or had on the channel; one from an address that is no longer the person's
// does not.
func TestAStopOpensNoOtherChannel(t *testing.T) {
	had := func(k contact.Type) func(*world) {
		return func(w *world) {
			w.person(func(p *gate.Person) {
				p.Contact = append([]contact.Record{proof("former", former, policy.Code, ago(200))}, p.Contact...)
				if k != "" {
					p.Contact = append(p.Contact, about(k, former, ago(10)))
				}
			})
		}
	}
	for name, x := range map[string]struct {
		plant func(*world)
		from  reminder.Address
		want  gate.Outcome
		to    reminder.Address
	}{
		"one number":                  {func(*world) {}, number, gate.Deny, reminder.Address{}},
		"another before it":           {had(""), number, gate.Deny, reminder.Address{}},
		"another that bounced":        {had(contact.Failed), number, gate.Deny, reminder.Address{}},
		"another that was wrong":      {had(contact.Wrong), number, gate.Deny, reminder.Address{}},
		"another that was taken away": {had(contact.Removed), number, gate.Deny, reminder.Address{}},
		"another, not proven": {func(w *world) {
			w.evidence(contact.Record{
				ID: "claimed", Person: anna, Type: contact.Added, Address: former, Hash: hash(former), Channel: reminder.SMS, Method: policy.Staff,
				EventTime: ago(100), Recorded: ago(100),
			})
		}, number, gate.Deny, reminder.Address{}},
		"the number bounced as well":     {func(w *world) { had("")(w); w.evidence(about(contact.Failed, number, ago(1))) }, number, gate.Deny, reminder.Address{}},
		"from the number before":         {had(""), former, gate.Allow, number},
		"from a number since not hers":   {func(w *world) { had("")(w); w.evidence(about(contact.Wrong, number, ago(1))) }, number, gate.Allow, mail},
		"from a number since taken away": {func(w *world) { had("")(w); w.evidence(about(contact.Removed, number, ago(1))) }, number, gate.Allow, mail},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.say(yes("yes-mail", reminder.Email))
			w.evidence(proof("mail", mail, policy.Code, ago(20)))
			x.plant(w)
			w.person(func(p *gate.Person) { p.Barred = map[reminder.AddressHash]bool{hash(x.from): true} })
			g := w.gate(t)
			ds, err := g.Decide(t.Context(), []reminder.Lease{lease()}, now)
			if err != nil || ds[0].Outcome != x.want || ds[0].Permit.Address().Reveal() != x.to.Reveal() {
				t.Fatalf("%s %s to %s, %v", ds[0].Outcome, ds[0].Reason, ds[0].Permit.Channel(), err)
			}
			e, err := g.Explain(t.Context(), gate.Question{Person: anna, Purpose: reminder.Remind, Unit: "rh-ortho"})
			if err != nil || e.Outcome != x.want.String() || e.Reason != ds[0].Reason {
				t.Errorf("explained as %s %s, %v", e.Outcome, e.Reason, err)
			}
			if x.want == gate.Deny {
				if ds[0].Reason != gate.Barred {
					t.Errorf("denied for %s", ds[0].Reason)
				}
				for _, s := range e.Steps {
					if s.About == "the patient, email" {
						t.Errorf("e-mail is asked about: %+v", s)
					}
				}
			}
		})
	}
}

// A guardian's STOP is not gone round by the child's own address, also where the guardian had another number before.
func TestAGuardiansStopWithAFormerNumber(t *testing.T) {
	w := familyWorld(t)
	w.change(anna, func(p *gate.Person) {
		p.Contact = []contact.Record{proof("own", number, policy.Code, ago(20))}
		p.Consent = append(p.Consent, spoken("mail-mother", consent.Granted, mother, ago(30)))
		p.Consent[len(p.Consent)-1].Channels = []reminder.Channel{reminder.Email}
	})
	for k, a := range map[reminder.PersonKey]reminder.Address{mother: hers, father: his} {
		w.change(k, func(p *gate.Person) {
			r, m := proof("former-"+string(k), former, policy.Code, ago(200)), proof("mail-"+string(k), mail, policy.Code, ago(20))
			r.Person, m.Person = k, k
			p.Contact = append([]contact.Record{r}, append(p.Contact, m)...)
			p.Barred = map[reminder.AddressHash]bool{hash(a): true}
		})
	}
	ds, err := w.gate(t).Decide(t.Context(), []reminder.Lease{lease()}, now)
	if err != nil || ds[0].Outcome != gate.Deny || ds[0].Reason != gate.Barred {
		t.Errorf("%s %s to %s on %s, %v", ds[0].Outcome, ds[0].Reason, ds[0].Permit.Recipient(), ds[0].Permit.Channel(), err)
	}
}

// Of anybody with a yes on both channels, whatever was taken down of their numbers: e-mail is not written to while a STOP holds from a
// number that is still theirs.
func TestNoMailAfterAStop(t *testing.T) {
	r := rand.New(rand.NewPCG(27, 28))
	w := newWorld(t)
	w.say(yes("yes-mail", reminder.Email))
	g := w.gate(t)
	mailed, barred := 0, 0
	for range 5_000 {
		p := w.people[anna]
		p.Contact, p.Barred = []contact.Record{proof("mail", mail, policy.Code, ago(20))}, map[reminder.AddressHash]bool{}
		for i := range 1 + r.IntN(5) {
			a := []reminder.Address{number, former, strange}[r.IntN(3)]
			c := proof(string(rune('a'+i)), a, []policy.Method{policy.Code, policy.Staff}[r.IntN(2)], ago(r.IntN(300)))
			c.Type = append(contact.Types, contact.Verified, contact.Verified, contact.Added)[r.IntN(len(contact.Types)+3)]
			p.Contact = append(p.Contact, c)
			p.Barred[c.Hash] = r.IntN(2) == 0
		}
		w.people[anna] = p
		ds, err := g.Decide(t.Context(), []reminder.Lease{lease()}, now)
		if err != nil {
			t.Fatal(err)
		}
		if ds[0].Reason == gate.Barred {
			barred++
		}
		if ds[0].Outcome != gate.Allow || ds[0].Permit.Channel() != reminder.Email {
			continue
		}
		mailed++
		for _, s := range contact.Fold(p.Contact, now) {
			if s.Channel == reminder.SMS && p.Barred[s.Hash] && !s.Changed && !s.Wrong && !s.Removed {
				t.Fatalf("a STOP opened e-mail: %+v", s)
			}
		}
	}
	if mailed < 500 || barred < 500 {
		t.Errorf("%d mailed, %d barred: the test looks at too little", mailed, barred)
	}
}
