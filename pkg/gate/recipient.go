package gate

import (
	"fmt"
	"slices"
	"time"

	"github.com/husk-reminders/husk/pkg/consent"
	"github.com/husk-reminders/husk/pkg/contact"
	"github.com/husk-reminders/husk/pkg/reminder"
)

// recipient is one who may be written to about the patient.
type recipient struct {
	person   Person
	guardian reminder.PersonKey // "" = the patient
	hide     bool               // the place is not to be told
	number   int                // of a guardian, from 1
}

func (r recipient) String() string {
	if r.guardian == "" {
		return "the patient"
	}
	return fmt.Sprintf("guardian %d", r.number)
}

// oldestMinor is the highest guardian_until_age that a pack may have.
const oldestMinor = 21

// guardians are the guardians with custody whose people are not yet known, of everybody who may be a minor.
func (f facts) guardians(keys []reminder.PersonKey, now time.Time) []reminder.PersonKey {
	var out []reminder.PersonKey
	for _, k := range keys {
		for _, g := range custodians(f.people[k], now) {
			if _, ok := f.people[g]; !ok && !slices.Contains(out, g) {
				out = append(out, g)
			}
		}
	}
	return out
}

func custodians(p Person, now time.Time) []reminder.PersonKey {
	if p.BirthDate.Age(now) > oldestMinor {
		return nil
	}
	var out []reminder.PersonKey
	for _, g := range consent.Stand(p.Consent, knowing(p, now)).Guardians {
		out = append(out, g.Guardian)
	}
	return out
}

// without is the error of asking for guardians, where the lease hangs on their answer.
func (f facts) without(err error, l reminder.Lease, now time.Time) error {
	if err != nil && len(custodians(f.people[l.Person], now)) > 0 {
		return err
	}
	return nil
}

// asOf is the person as known from records that were taken down by an instant.
func (p Person) asOf(at time.Time) Person {
	p.Consent = slices.DeleteFunc(slices.Clone(p.Consent), func(r consent.Record) bool { return r.Recorded.After(at) })
	p.Contact = slices.DeleteFunc(slices.Clone(p.Contact), func(r contact.Record) bool { return r.Recorded.After(at) })
	return p
}

// recipients are those who may be written to, in order: of a minor the guardians with custody, those who may be told the place first,
// for most messages can't be without it, and of them those that the booking names; then the patient, whose own address a guardian may
// have said yes to.
func (q *question) recipients(g *Gate) []recipient {
	var out []recipient
	minor, known := q.pack.Minor(q.born, q.at)
	q.trace.ask(RuleAge, answer(known, true), func() string {
		switch {
		case !known:
			return "birth date unknown: nobody's yes counts"
		case minor:
			return fmt.Sprintf("under %d: a guardian speaks, %d with custody", q.pack.GuardianUntilAge, len(q.standing.Guardians))
		case q.pack.GuardianUntilAge == 0:
			return "the pack asks for no age"
		}
		return fmt.Sprintf("%d or older: the person speaks", q.pack.GuardianUntilAge)
	})
	if minor && known {
		for _, s := range q.standing.Guardians {
			p, ok := q.facts.people[s.Guardian]
			if !ok {
				p = Person{Key: s.Guardian}
			}
			if q.past {
				p = p.asOf(q.at)
			} else {
				q.at = knowing(p, q.at).In(q.at.Location())
			}
			if p.Deceased || consent.Stand(p.Consent, q.at).Deceased {
				q.dead = append(q.dead, s.Guardian)
			}
			out = append(out, recipient{person: p, guardian: s.Guardian, hide: s.NoPlace || q.pack.Limited(q.born, q.at)})
		}
		for i := range out {
			out[i].hide = out[i].hide || slices.ContainsFunc(out, func(o recipient) bool { return o.guardian != out[i].guardian && o.protected(q.at) })
		}
		named := q.booked(g)
		slices.SortStableFunc(out, func(a, b recipient) int {
			if a.hide != b.hide {
				return map[bool]int{false: -1, true: 1}[a.hide]
			}
			return rank(named, b) - rank(named, a)
		})
		for i := range out {
			out[i].number = i + 1
		}
	}
	return append(out, recipient{person: q.person})
}

// protected reports whether the recipient's own address is protected: another guardian must not learn where they will be.
func (r recipient) protected(at time.Time) bool {
	return r.person.Protected || consent.Stand(r.person.Consent, at).Protected
}

// booked are the hashes of the addresses of the guardians that the booking names.
func (q *question) booked(g *Gate) map[reminder.AddressHash]bool {
	out := map[reminder.AddressHash]bool{}
	add := func(c reminder.Channel, raw []reminder.Masked) {
		for _, m := range raw {
			if a, err := contact.Normalise(c, m.Reveal(), q.unit.Country); err == nil {
				out[g.o.Hash(a)] = true
			}
		}
	}
	for _, o := range q.lease.Appointment.Others {
		if o.Role == reminder.Guardian {
			add(reminder.SMS, o.Phones)
			add(reminder.Email, o.Mails)
		}
	}
	return out
}

// rank is 1 for whom the booking names, by an address of theirs.
func rank(named map[reminder.AddressHash]bool, r recipient) int {
	if slices.ContainsFunc(r.person.Contact, func(c contact.Record) bool { return named[c.Hash] }) {
		return 1
	}
	return 0
}

// spokenByTheDead reports whether the yes is that of a guardian who has died since.
func (q *question) spokenByTheDead(said consent.State) bool {
	return len(q.dead) > 0 && slices.ContainsFunc(q.person.Consent, func(r consent.Record) bool {
		return r.ID == said.Record && r.Actor.Kind == consent.Guardian && slices.Contains(q.dead, reminder.PersonKey(r.Actor.Ref))
	})
}

// free is why a guardian with custody may not be written to at all, "" when they may: the dead, and those whose own address is
// protected, are not; nor is who said no for themself, on this channel, for what this message is about.
func (q *question) free(r recipient, c reminder.Channel) Reason {
	s := consent.Stand(r.person.Consent, q.at)
	gone := r.person.Deceased || s.Deceased
	if q.trace.stops(RuleCustody, gone || r.person.Protected || s.Protected, func() string {
		switch {
		case gone:
			return "custody, and dead"
		case r.person.Protected || s.Protected:
			return "custody, and the guardian's own address is protected"
		}
		return "custody"
	}) {
		return Guardian
	}
	pack := q.pack
	pack.GuardianUntilAge = 0 // whoever has custody speaks for themself
	said := consent.Fold(r.person.Consent, consent.Query{Purpose: q.lease.Purpose, Channel: c, Unit: q.unit, BirthDate: r.person.BirthDate, Pack: pack}, q.at)
	objects := said.Kind == consent.No || said.Kind == consent.Revoked
	if q.trace.stops(RuleObjection, objects, func() string { return "for themself: " + said.Kind.String() }) {
		return unsaid(said)
	}
	return ""
}
