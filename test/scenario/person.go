package scenario

import (
	"fmt"
	"time"

	"github.com/husk-reminders/husk/pkg/reminder"
)

// The words of the consent record (package consent) that the demo uses.
const (
	granted       = "granted"
	noticed       = "noticed"
	refused       = "refused"
	withdrawn     = "withdrawn"
	custody       = "custody"
	actorSelf     = "self"
	actorGuardian = "guardian"
	methodDesk    = "desk"
	methodLetter  = "letter"
	preTicked     = "pre-ticked"
)

// strong is a way of proving a number or mail address that the country's policy pack accepts.
func strong(c reminder.Country, ch reminder.Channel) string {
	switch {
	case c == "NO":
		return "krr"
	case c == "DK" && ch == reminder.SMS:
		return "nemsms"
	}
	return "code"
}

// reach says on which channel and address a person may be written to, and when. What a case claims with it is the label
// the run is held against.
type reach struct {
	channel     reminder.Channel
	address     string
	from, until time.Time // zero = without end
}

// patient is a person while the case that plays it is laid.
type patient struct {
	Person
	home  reminder.Country // of the hospital
	reach []reach
	why   string // the deny reason of those who may not be reached, or not always
}

// adult makes a person with a country's test id, born between 1938 and 2005, who knows nothing of the hospital yet.
func (w *world) adult(h hospital) *patient {
	return w.person(h, h.country, reminder.Date{Year: 1938 + w.rng.IntN(68), Month: time.Month(1 + w.rng.IntN(12)), Day: 1 + w.rng.IntN(28)})
}

// child makes a person of seven to nine years.
func (w *world) child(h hospital) *patient {
	return w.person(h, h.country, reminder.Date{Year: 2017 + w.rng.IntN(2), Month: time.Month(1 + w.rng.IntN(12)), Day: 1 + w.rng.IntN(28)})
}

func (w *world) person(h hospital, register reminder.Country, born reminder.Date) *patient {
	id := ""
	for id == "" || w.ids[id] {
		w.count.person++
		id = nationalID(register, born, w.count.person*7)
		if w.ids[id] {
			born.Day = born.Day%28 + 1
		}
	}
	names := given[register]
	return &patient{home: h.country, Person: Person{
		Country: register, ID: id, GivenName: names[w.count.person%len(names)], BirthDate: born.ISO(), Language: h.language,
	}}
}

// reachable makes an adult who has said yes to reminders by text message from u and whose number is verified: the person
// every case starts from.
func (w *world) reachable(h hospital, u clinic) *patient {
	p := w.adult(h)
	p.grant(w, u, reminder.SMS)
	p.reaches(p.phone(w))
	return p
}

// silent makes an adult who must get nothing, and says why. The number is verified: only what the case adds or leaves out
// stands against a message.
func (w *world) silent(h hospital, why string) *patient {
	p := w.adult(h)
	p.why = why
	p.phone(w)
	return p
}

// phone gives the person a new number, verified. Sweden keeps 070-174 06 05 to 99 for fiction (PTS); the others are made up.
func (p *patient) phone(w *world) *Address {
	w.count.phone[p.home]++
	n := w.count.phone[p.home]
	number := ""
	switch p.home {
	case "SE":
		number = fmt.Sprintf("+4670174%04d", 604+n)
	case "NO":
		number = fmt.Sprintf("+47400%05d", 10000+n*13)
	default:
		number = fmt.Sprintf("+4520%06d", 300000+n*17)
	}
	if w.taken[number] { // a clinic's
		return p.phone(w)
	}
	return p.address(w, reminder.SMS, number)
}

// mail gives the person a new mail address, verified. The domain is one that RFC 2606 keeps from existing.
func (p *patient) mail(w *world) *Address {
	w.count.mail++
	return p.address(w, reminder.Email, fmt.Sprintf("borger%c%c@post.example", 'a'+rune(w.count.mail/26%26), 'a'+rune(w.count.mail%26)))
}

func (p *patient) address(w *world, c reminder.Channel, value string) *Address {
	p.Addresses = append(p.Addresses, Address{
		Channel: c, Address: value, Recorded: w.begin.Add(-100 * day),
		Verified: &Verification{Method: strong(p.home, c), At: w.begin.Add(-100 * day)},
	})
	return &p.Addresses[len(p.Addresses)-1]
}

// reaches says: from begin to end the person gets messages at a.
func (p *patient) reaches(a *Address) {
	p.reach = append(p.reach, reach{channel: a.Channel, address: a.Address})
}

// until ends everything said with reaches at t, for a reason of DESIGN's list.
func (p *patient) until(t time.Time, why string) {
	p.why = why
	for i := range p.reach {
		p.reach[i].until = t
	}
}

// from lets everything said with reaches begin at t; before, the reason holds.
func (p *patient) from(t time.Time, why string) {
	p.why = why
	for i := range p.reach {
		p.reach[i].from = t
	}
}

// consent makes one entry of the kind, said by the person at u's desk 200 days before the demo began, for reminders. In
// Sweden it counts for the unit that asked (Region Stockholm's rule), elsewhere for the whole controller.
func (p *patient) consent(w *world, u clinic, kind string, channels ...reminder.Channel) Consent {
	at := w.begin.Add(-200 * day)
	c := Consent{
		Type: kind, Actor: actorSelf, Purposes: []reminder.Purpose{reminder.Remind}, Channels: channels,
		Method: methodDesk, EventTime: at, Recorded: at,
	}
	if u.Country == "SE" {
		c.Scope = u.ID
	}
	return c
}

// basis is what lets a unit write: a yes, in Norway that the person was told and did not object (forvaltningsloven § 15 a).
func (p *patient) basis(w *world, u clinic, channels ...reminder.Channel) Consent {
	if u.Country == "NO" {
		return p.consent(w, u, noticed, channels...)
	}
	return p.consent(w, u, granted, channels...)
}

// grant enters the basis for reminders on the channels.
func (p *patient) grant(w *world, u clinic, channels ...reminder.Channel) {
	p.Consents = append(p.Consents, p.basis(w, u, channels...))
}

// window finds how a person is reached from a until b: the first channel of the unit's order on which a reach holds all the
// while; none; or errOpen where it changes in between.
func (p *patient) window(u clinic, a, b time.Time) (*reach, error) {
	for _, c := range u.Channels {
		for i := range p.reach {
			r := &p.reach[i]
			if r.channel != c {
				continue
			}
			begins, ends := r.from.IsZero() || !r.from.After(a.Add(-margin)), r.until.IsZero() || !r.until.Before(b.Add(margin))
			apart := (!r.from.IsZero() && r.from.After(b.Add(margin))) || (!r.until.IsZero() && r.until.Before(a.Add(-margin)))
			switch {
			case begins && ends:
				return r, nil
			case !apart:
				return nil, errOpen
			}
		}
	}
	return nil, nil
}
