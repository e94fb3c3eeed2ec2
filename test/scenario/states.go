package scenario

import (
	"fmt"
	"time"

	"github.com/husk-reminders/husk/pkg/reminder"
)

// states are the cases about people: who said what, what is known of their numbers, who they are. Their bookings are in
// good time, so that only the state decides.
var states = []play{
	{"never asked", 1, "", denied("no_basis", nil)},
	{"told but never asked", 1, "DK", denied("no_basis", says(noticed))},
	{"refused", 1, anyone, denied("declined", says(refused))},
	{"withdrawn", 1, "", denied("withdrawn", says(granted), after(100*day, withdrawn))},
	{"a yes that ended", 1, "DK SE", denied("no_basis", func(w *world, u clinic, p *patient) {
		c := p.basis(w, u, reminder.SMS)
		c.ValidUntil = w.begin.Add(-20 * day)
		p.Consents = append(p.Consents, c)
	})},
	{"a yes that was ticked beforehand", 1, "SE", denied("no_basis", func(w *world, u clinic, p *patient) {
		c := p.basis(w, u, reminder.SMS)
		c.Method = preTicked
		p.Consents = append(p.Consents, c)
	})},
	{"yes to e-mail only, has a number only", 1, "", denied("no_basis", func(w *world, u clinic, p *patient) {
		p.grant(w, u, reminder.Email)
	})},
	{"yes to something else only", 1, anyone, denied("no_basis", func(w *world, u clinic, p *patient) {
		c := p.basis(w, u, reminder.SMS)
		c.Purposes = []reminder.Purpose{reminder.Verify}
		p.Consents = append(p.Consents, c)
	})},
	{"older yes imported after the withdrawal", 1, "", importedLater},
	{"yes to another clinic only", 1, "SE", otherScope},
	{"number not verified", 1, "", denied("unverified", says(granted), func(_ *world, _ clinic, p *patient) {
		p.Addresses[0].Verified = nil
	})},
	{"number verified three years ago", 1, "", denied("stale_verification", says(granted), func(w *world, _ clinic, p *patient) {
		p.Addresses[0].Recorded = w.begin.Add(-1100 * day)
		p.Addresses[0].Verified.At = w.begin.Add(-1100 * day)
	})},
	{"number is somebody else's", 1, anyone, denied("wrong_number", says(granted), func(w *world, _ clinic, p *patient) {
		p.Addresses[0].Wrong = w.begin.Add(-30 * day)
	})},
	{"no number at all", 1, anyone, denied("unverified", says(granted), func(_ *world, _ clinic, p *patient) {
		p.Addresses = nil
	})},
	{"a number with too many people behind it", 1, "DK", switchboard},
	{"protected", 1, "", denied("protected", says(granted), func(_ *world, _ clinic, p *patient) { p.Protected = true })},
	{"deceased", 1, anyone, denied("deceased", says(granted), func(_ *world, _ clinic, p *patient) { p.Deceased = true })},
	{"child without a guardian's yes", 1, "", childAlone},
	{"child with a guardian's yes", 1, "", childWithGuardian},
	{"brother and sister, one number", 1, "DK NO", siblings},
	{"turned fifteen, a guardian's yes only", 1, "DK", fifteen},
	{"a clinic whose name tells the specialty", 1, "DK", overCeiling},
	{"e-mail only", 1, "", emailOnly},
	{"both channels", 1, "", bothChannels},
	{"number not verified, e-mail is", 1, "", fallsBack},
	{"speaks English", 1, anyone, speaks("en")},
	{"speaks Polish", 1, anyone, speaks("pl")},
	{"speaks a neighbour's language", 1, "", neighbour},
	{"another country's national id", 1, "", foreigner},
	{"a relative is called as the patient", 1, anyone, sharedName},
}

type change func(*world, clinic, *patient)

// says enters a record of the kind for text messages; "granted" stands for whatever the country asks.
func says(kind string) change {
	return func(w *world, u clinic, p *patient) {
		if kind == granted {
			p.grant(w, u, reminder.SMS)
			return
		}
		p.Consents = append(p.Consents, p.consent(w, u, kind, reminder.SMS))
	}
}

// after enters a record of the kind d after the first one.
func after(d time.Duration, kind string) change {
	return func(w *world, u clinic, p *patient) {
		c := p.consent(w, u, kind, reminder.SMS)
		c.EventTime, c.Recorded = c.EventTime.Add(d), c.Recorded.Add(d)
		p.Consents = append(p.Consents, c)
	}
}

// denied is a person with a verified number and the changes, who is booked, and every other time moved and cancelled too:
// nothing may be sent, not even a notice.
func denied(why string, changes ...change) func(*story, string) {
	return func(st *story, name string) {
		u := st.unit()
		p := st.join(st.w.silent(st.h, why), name)
		for _, c := range changes {
			if c != nil {
				c(st.w, u, p)
			}
		}
		at := st.office(u, 0, 5)
		v := st.visit(p, u)
		v.book(at, st.slot(u, at, 9, 12), allRules)
		if v.n%3 == 0 {
			return
		}
		v.move(before(u, v.start, 4*day), st.slot(u, v.start, 2, 5), anyRules)
		v.cancel(before(u, v.start, 36*time.Hour))
	}
}

// importedLater is a withdrawal, and a yes from before it that another system hands over during the demo.
func importedLater(st *story, name string) {
	u := st.unit()
	p := st.join(st.w.silent(st.h, "withdrawn"), name)
	says(granted)(st.w, u, p)
	after(120*day, withdrawn)(st.w, u, p)
	at := st.office(u, 0, 3)
	old := p.basis(st.w, u, reminder.SMS)
	old.EventTime, old.Recorded, old.Method = old.EventTime.Add(60*day), at.Add(5*time.Hour), methodLetter
	st.visit(p, u).book(at, st.slot(u, at, 9, 12), allRules)
	st.entersConsent(p, old, "has an old yes imported, from before the withdrawal")
}

// otherScope has said yes at another clinic of the hospital; in Sweden that counts there alone.
func otherScope(st *story, name string) {
	u, n := st.unit(), st.unit()
	if u.ID == n.ID {
		st.open()
	}
	p := st.join(st.w.silent(st.h, "no_basis"), name)
	p.grant(st.w, n, reminder.SMS)
	at := st.office(u, 0, 6)
	st.visit(p, u).book(at, st.slot(u, at, 9, 12), allRules)
}

// switchboard is one number with more people behind it than a family has.
func switchboard(st *story, name string) {
	u := st.unit()
	shared := st.w.adult(st.h).phone(st.w)
	at := st.office(u, 0, 4)
	for range 8 {
		p := st.join(st.w.adult(st.h), name)
		p.why = "shared_number"
		p.grant(st.w, u, reminder.SMS)
		p.Addresses = []Address{*shared}
		at = at.Add(9 * time.Minute)
		st.visit(p, u).book(at, st.slot(u, at, 9, 12), allRules)
	}
}

func childAlone(st *story, name string) {
	u := st.unit()
	p := st.join(st.w.child(st.h), name)
	p.why = "guardian"
	p.phone(st.w)
	p.grant(st.w, u, reminder.SMS)
	at := st.office(u, 0, 8)
	st.visit(p, u).book(at, st.slot(u, at, 9, 12), allRules)
}

// byGuardian enters that a guardian, a national id, has custody of a child, as papers at the desk showed, and the guardian's yes.
// Having been told is not enough for a child, in Norway neither.
func (p *patient) byGuardian(w *world, u clinic, guardian string) {
	has, yes := p.consent(w, u, custody), p.consent(w, u, granted, reminder.SMS)
	has.Actor, has.Guardian, has.Purposes, has.Scope = actorGuardian, guardian, nil, ""
	yes.Actor, yes.Guardian = actorGuardian, guardian
	p.Consents = append(p.Consents, has, yes)
}

func childWithGuardian(st *story, name string) {
	u := st.unit()
	p := st.join(st.w.child(st.h), name)
	p.byGuardian(st.w, u, st.w.adult(st.h).ID)
	p.reaches(p.phone(st.w))
	p.Others = []Other{{Role: reminder.Guardian, Names: otherNames[st.h.country][:1], Phones: []string{p.Addresses[0].Address}}}
	at := st.office(u, 0, 8)
	st.visit(p, u).book(at, st.slot(u, at, 9, 12), allRules)
}

// siblings share their mother's number, which a family may; one STOP from it stops the messages about both.
func siblings(st *story, name string) {
	u := st.smsUnit()
	a, b := st.join(st.w.child(st.h), name), st.join(st.w.child(st.h), name)
	number := a.phone(st.w)
	b.Addresses = []Address{*number}
	mother := st.w.adult(st.h).ID
	a.byGuardian(st.w, u, mother)
	b.byGuardian(st.w, u, mother)
	a.reaches(number)
	b.reaches(number)
	at := st.office(u, 0, 4)
	start := st.slot(u, at, 9, 12)
	stop := st.between(u, start)
	a.until(stop, "barred")
	b.until(stop, "barred")
	st.visit(a, u).book(at, start, allRules)
	st.visit(b, u).book(at.Add(10*time.Minute), start.Add(30*time.Minute), allRules)
	st.replies(a, stop, "stop")
}

// fifteen has the birthday between the two reminders; sundhedsloven § 17 ends the guardian's word with it.
func fifteen(st *story, name string) {
	u := st.unit()
	at := st.office(u, 0, 4)
	start := st.slot(u, at, 9, 12)
	birthday := u.clock(st.between(u, start), 0)
	p := st.join(st.w.person(st.h, st.h.country, reminder.Date{Year: birthday.Year() - 15, Month: birthday.Month(), Day: birthday.Day()}), name)
	p.byGuardian(st.w, u, st.w.adult(st.h).ID)
	p.reaches(p.phone(st.w))
	p.until(birthday, "guardian")
	st.visit(p, u).book(at, start, allRules)
	if p.BirthDate != birthday.AddDate(-15, 0, 0).Format(time.DateOnly) {
		st.open()
	}
}

// overCeiling can't be written to on an open channel: the clinic's name alone says too much.
func overCeiling(st *story, name string) {
	for _, u := range st.h.units {
		if specialty(u) {
			p := st.join(st.w.silent(st.h, "over_ceiling"), name)
			says(granted)(st.w, u, p)
			at := st.office(u, 0, 6)
			st.visit(p, u).book(at, st.slot(u, at, 9, 12), allRules)
		}
	}
}

func emailOnly(st *story, name string) {
	u := st.unit()
	p := st.join(st.w.adult(st.h), name)
	p.grant(st.w, u, reminder.Email)
	p.reaches(p.mail(st.w))
	at := st.office(u, 0, 5)
	v := st.visit(p, u)
	v.book(at, st.slot(u, at, 9, 12), allRules)
	v.cancel(before(u, v.start, 4*day))
	st.mustTell(v, 1)
}

// bothChannels is written to on the one the clinic prefers, and not on the other.
func bothChannels(st *story, name string) {
	u := st.unit()
	p := st.join(st.w.reachable(st.h, u), name)
	p.grant(st.w, u, reminder.Email)
	p.reaches(p.mail(st.w))
	at := st.office(u, 0, 8)
	st.visit(p, u).book(at, st.slot(u, at, 9, 12), allRules)
}

func fallsBack(st *story, name string) {
	u := st.unit()
	p := st.join(st.w.adult(st.h), name)
	p.why = "unverified"
	p.grant(st.w, u, reminder.SMS, reminder.Email)
	p.phone(st.w).Verified = nil
	p.reaches(p.mail(st.w))
	at := st.office(u, 0, 8)
	st.visit(p, u).book(at, st.slot(u, at, 9, 12), allRules)
}

func speaks(language string) func(*story, string) {
	return func(st *story, name string) {
		u := st.unit()
		p := st.join(st.w.reachable(st.h, u), name)
		p.Language = language
		at := st.office(u, 0, 8)
		st.visit(p, u).book(at, st.slot(u, at, 9, 12), allRules)
	}
}

func neighbour(st *story, name string) {
	next := map[string]string{"da": "sv", "sv": "nb", "nb": "da"}
	speaks(next[st.h.language])(st, name)
}

// foreigner has a neighbour's national id and the language of home.
func foreigner(st *story, name string) {
	u := st.unit()
	home := map[reminder.Country]hospital{"DK": {country: "SE", language: "sv"}, "SE": {country: "NO", language: "no"}, "NO": {country: "DK", language: "da-DK"}}[st.h.country]
	p := st.join(st.w.person(st.h, home.country, reminder.Date{Year: 1971, Month: 8, Day: 1 + st.w.rng.IntN(28)}), name)
	p.Language = home.language
	p.grant(st.w, u, reminder.SMS)
	p.reaches(p.phone(st.w))
	at := st.office(u, 0, 8)
	st.visit(p, u).book(at, st.slot(u, at, 9, 12), allRules)
}

// sharedName has a relative who is called as the patient is. A letter by e-mail greets the patient by name, so it may leave
// without the greeting, or be held; a wrong text it may not be.
func sharedName(st *story, name string) {
	u := st.unit()
	p := st.join(st.w.adult(st.h), name)
	p.grant(st.w, u, reminder.Email)
	p.reaches(p.mail(st.w))
	p.Others = []Other{{Role: reminder.Relative, Names: []string{fmt.Sprintf("%s %s", p.GivenName, "Holm"), p.GivenName}}}
	at := st.office(u, 0, 8)
	v := st.visit(p, u)
	v.book(at, st.slot(u, at, 9, 12), allRules)
	for i := range v.pending {
		v.pending[i].Optional = true
	}
}
