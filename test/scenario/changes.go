package scenario

import (
	"time"

	"github.com/husk-reminders/husk/pkg/reminder"
)

// changes are the cases in which the state turns between the two reminders of one appointment: the first goes by the old
// state, the second by the new.
var changes = []play{
	{"takes the yes back at the desk", 1, "", withdrawsBetween},
	{"says yes after the first reminder", 1, "", grantsBetween},
	{"the yes ends between the reminders", 1, "DK SE", endsBetween},
	{"the number is verified between the reminders", 1, "", verifiedBetween},
	{"the number turns out to be somebody else's", 1, anyone, wrongBetween},
	{"dies between the reminders", 1, anyone, flagBetween("deceased", func(p *payload) { p.Patient.Deceased = true })},
	{"becomes protected between the reminders", 1, anyone, flagBetween("protected", func(p *payload) { p.Patient.Protected = true })},
	{"answers Stop.", 1, "", answers("Stop.", reminder.SMS)},
	{"answers STOPP", 1, anyone, answers("STOPP", reminder.SMS)},
	{"answers afmeld", 1, anyone, answers("afmeld", reminder.SMS)},
	{"answers STOP by mail", 1, anyone, answers("STOP", reminder.Email)},
	{"stops, has e-mail too", 1, anyone, stopsOneChannel},
	{"stops, is cancelled afterwards", 1, anyone, stopsThenCancelled},
	{"stops and starts again", 1, "", stopsAndStarts},
	{"answers aflys", 1, "", harmless("aflys")},
	{"answers with thanks", 1, anyone, harmless("Tak, jeg kommer")},
}

// turn is a visit laid so that all of it is known before it is booked: when, for when, and the time between the reminders.
type turn struct {
	u         clinic
	at, start time.Time
	between   time.Time
}

func (st *story) turn(u clinic) turn {
	t := turn{u: u, at: st.office(u, 0, 5)}
	t.start = st.slot(u, t.at, 9, 12)
	t.between = st.between(u, t.start)
	return t
}

func (t turn) book(st *story, p *patient) *visit {
	v := st.visit(p, t.u)
	v.book(t.at, t.start, allRules)
	return v
}

// deskTurn is a turn in which a clerk is there between the reminders.
func (st *story) deskTurn(u clinic) turn {
	t := st.turn(u)
	if !u.works(t.between) {
		st.open()
	}
	return t
}

func withdrawsBetween(st *story, name string) {
	t := st.deskTurn(st.unit())
	p := st.join(st.w.reachable(st.h, t.u), name)
	p.until(t.between, "withdrawn")
	v := t.book(st, p)
	c := p.consent(st.w, t.u, withdrawn, reminder.SMS)
	c.EventTime, c.Recorded = t.between, t.between
	st.entersConsent(p, c, "takes the yes back at the desk")
	if v.n%2 == 0 { // told of the appointment, but nothing may tell of its end
		v.cancel(t.between.Add(6 * time.Hour))
	}
}

func grantsBetween(st *story, name string) {
	t := st.deskTurn(st.unit())
	p := st.join(st.w.silent(st.h, "no_basis"), name)
	p.reaches(&p.Addresses[0])
	p.from(t.between, "no_basis")
	t.book(st, p)
	c := p.basis(st.w, t.u, reminder.SMS)
	c.EventTime, c.Recorded = t.between, t.between
	st.entersConsent(p, c, "says yes to text messages")
}

func endsBetween(st *story, name string) {
	t := st.turn(st.unit())
	p := st.join(st.w.reachable(st.h, t.u), name)
	p.Consents[0].ValidUntil = t.between
	p.until(t.between, "no_basis")
	t.book(st, p)
}

func verifiedBetween(st *story, name string) {
	t := st.deskTurn(st.unit())
	p := st.join(st.w.reachable(st.h, t.u), name)
	a := &p.Addresses[0]
	a.Verified = nil
	p.from(t.between, "unverified")
	t.book(st, p)
	now := *a
	now.Verified = &Verification{Method: strong(p.home, a.Channel), At: t.between}
	st.entersAddress(p, t.between, now, "the number of "+p.GivenName+" is verified")
}

func wrongBetween(st *story, name string) {
	t := st.deskTurn(st.unit())
	p := st.join(st.w.reachable(st.h, t.u), name)
	p.until(t.between, "wrong_number")
	t.book(st, p)
	now := p.Addresses[0]
	now.Wrong = t.between
	st.entersAddress(p, t.between, now, "the number of "+p.GivenName+" is reported to be somebody else's")
}

func flagBetween(why string, set func(*payload)) func(*story, string) {
	return func(st *story, name string) {
		t := st.deskTurn(st.unit())
		p := st.join(st.w.reachable(st.h, t.u), name)
		p.until(t.between, why)
		t.book(st, p).amend(t.between, set, "the booking system marks "+p.GivenName+" as "+why)
	}
}

// answers is an opt-out: nothing more to that address.
func answers(text string, c reminder.Channel) func(*story, string) {
	return func(st *story, name string) {
		t := st.turn(st.unit())
		p := st.join(st.w.adult(st.h), name)
		p.grant(st.w, t.u, c)
		if c == reminder.SMS {
			p.phone(st.w)
		} else {
			p.mail(st.w)
		}
		p.reaches(&p.Addresses[0])
		p.until(t.between, "barred")
		t.book(st, p)
		st.replies(p, t.between, text)
	}
}

// stopsOneChannel has said yes to both. STOP to a text message does not start e-mails.
func stopsOneChannel(st *story, name string) {
	t := st.turn(st.smsUnit())
	p := st.join(st.w.reachable(st.h, t.u), name)
	p.grant(st.w, t.u, reminder.Email)
	p.mail(st.w)
	p.until(t.between, "barred")
	t.book(st, p)
	st.replies(p, t.between, "STOP")
}

func stopsThenCancelled(st *story, name string) {
	t := st.turn(st.smsUnit())
	p := st.join(st.w.reachable(st.h, t.u), name)
	p.until(t.between, "barred")
	v := t.book(st, p)
	st.replies(p, t.between, "Stop")
	v.cancel(t.between.Add(4 * time.Hour))
}

// stopsAndStarts lifts the bar before the second reminder, which then comes.
func stopsAndStarts(st *story, name string) {
	t := st.turn(st.smsUnit())
	p := st.join(st.w.reachable(st.h, t.u), name)
	v := t.book(st, p)
	start := t.between.Add(5 * time.Hour)
	for _, e := range v.pending {
		if e.NotAfter.After(t.between) && e.NotBefore.Before(start.Add(margin)) {
			st.open()
		}
	}
	st.replies(p, t.between, "STOP")
	st.replies(p, start, "START")
	st.never = append(st.never, Never{Address: p.Addresses[0].Address, Why: "barred", From: t.between.Add(stopGrace), Until: start})
}

// harmless is an answer that is no opt-out: "aflys" may mean the appointment. The second reminder comes.
func harmless(text string) func(*story, string) {
	return func(st *story, name string) {
		t := st.turn(st.smsUnit())
		p := st.join(st.w.reachable(st.h, t.u), name)
		t.book(st, p)
		st.replies(p, t.between, text)
	}
}
