package scenario

import (
	"fmt"
	"strings"
	"time"

	"github.com/husk-reminders/husk/pkg/reminder"
)

// anyone gives a case to one of the hospitals, in turn.
const anyone = "in turn"

// play is one case: its name, how often each hospital gets it, the countries that have it ("" = all), and how it is laid.
type play struct {
	name string
	each int
	in   string
	lay  func(*story, string)
}

// bookings are the cases about events. Everybody in them may be written to.
var bookings = []play{
	{"booked in good time", 3, "", simple(9, 14, allRules)},
	{"booked late, the last reminder helps", 2, "", simple(4, 5, lastRule)},
	{"booked for tomorrow", 1, "", simple(1, 1, noRule)},
	{"booked far ahead", 1, anyone, farAhead},
	{"booked around Easter", 1, "", easter},
	{"booked for a day that is past", 1, anyone, past},
	{"moved before a reminder", 2, "", movedBefore},
	{"moved after a reminder", 2, "", movedAfter},
	{"moved and back after a reminder", 1, "", thereAndBack},
	{"moved and back before a reminder", 1, anyone, thereAndBackUntold},
	{"cancelled before a reminder", 1, "", cancelledBefore},
	{"cancelled after a reminder", 2, "", cancelledAfter},
	{"cancelled in the night", 1, "", cancelledAtNight},
	{"published three times", 2, "", repeated},
	{"published again after the reminder", 1, "", repeatedLater},
	{"out of order", 1, "", outOfOrder},
	{"cancelled before it was booked", 1, anyone, cancelledFirst},
	{"another length, same start", 1, "", sameStart},
	{"two appointments", 1, "", twoUnits},
	{"others on the booking", 1, "", others},
	{"malformed", 1, "", malformed},
}

// simple is a booking from a to b days ahead.
func simple(a, b int, l lead) func(*story, string) {
	return func(st *story, name string) {
		u := st.unit()
		p := st.join(st.w.reachable(st.h, u), name)
		at := st.office(u, 0, 10)
		st.visit(p, u).book(at, st.slot(u, at, a, b), l)
	}
}

// farAhead is planned, but nothing of it is due before the demo ends.
func farAhead(st *story, name string) {
	simple(45, 80, allRules)(st, name)
	if len(st.visits[0].pending) > 0 {
		st.open()
	}
}

// easter has its last rule's day on a public holiday.
func easter(st *story, name string) {
	u := st.unit()
	p := st.join(st.w.reachable(st.h, u), name)
	at := st.office(u, 0, 6)
	start := st.slot(u, at, 12, 24)
	rules := u.Rules[""]
	if !holiday(u.Country, start.Add(-rules[len(rules)-1].Before)) {
		st.open()
	}
	v := st.visit(p, u)
	v.overlap = true
	v.book(at, start, allRules)
}

func past(st *story, name string) {
	u := st.unit()
	p := st.join(st.w.reachable(st.h, u), name)
	at := st.office(u, 1, 10)
	st.visit(p, u).book(at, at.Add(-3*day).Truncate(15*time.Minute), noRule)
}

func movedBefore(st *story, name string) {
	u := st.unit()
	v := st.visit(st.join(st.w.reachable(st.h, u), name), u)
	at := st.office(u, 0, 4)
	start := st.slot(u, at, 11, 16)
	v.book(at, start, allRules)
	moved := before(u, start, 9*day)
	v.move(moved, st.slot(u, start, -1, 3), allRules)
	if v.start.Equal(start) {
		st.open()
	}
}

// toldVisit is a booking whose first reminder has been sent at the time it returns, and whose last one has not.
func (st *story) toldVisit(name string) (*visit, time.Time) {
	u := st.unit()
	v := st.visit(st.join(st.w.reachable(st.h, u), name), u)
	at := st.office(u, 0, 4)
	v.book(at, st.slot(u, at, 9, 13), allRules)
	t := u.clock(st.between(u, v.start), time.Duration(9*60+st.w.rng.IntN(5*60))*time.Minute)
	if !u.works(t) {
		st.open()
	}
	return v, t
}

func movedAfter(st *story, name string) {
	v, t := st.toldVisit(name)
	v.move(t, st.slot(v.unit, t, 4, 14), anyRules)
	st.mustTell(v, 1)
}

// mustTell makes sure that the case shows what it is named after: n notices.
func (st *story) mustTell(v *visit, n int) {
	for _, e := range v.pending {
		if e.Purpose != reminder.Remind {
			n--
		}
	}
	if n != 0 {
		st.open()
	}
}

// thereAndBack is A, told; B, told by a notice; A again: a second notice.
func thereAndBack(st *story, name string) {
	u := st.unit()
	v := st.visit(st.join(st.w.reachable(st.h, u), name), u)
	at := st.office(u, 0, 7)
	a := st.slot(u, at, 9, 14)
	v.book(at, a, allRules)
	ds, ok := u.dues(a)
	if !ok || len(ds) < 2 {
		st.open()
		return
	}
	t := ds[len(ds)-2].until.Add(margin + time.Hour)
	back := t.Add(slack + margin + time.Hour)
	if !v.unit.works(t) || !v.unit.works(back) || t.Hour() > 19 || back.Hour() > 19 {
		st.open()
	}
	v.move(t, st.slot(v.unit, t, 5, 30), anyRules)
	v.settle(back)
	v.set(a)
	v.publish(back, fmt.Sprintf("%s is moved back to %s at %s", v.who.GivenName, when(a), v.unit.ID))
	v.notice(back, reminder.Changed, a, "back to the first time")
	// The last rule's reminder of A had not been sent when A was left, so it may come now, if its day is still ahead.
	if d := ds[len(ds)-1]; d.from.After(v.busy) {
		v.expect(reminder.Remind, a, d.from, d.until, d.rule)
	} else if !back.After(d.lostAfter) {
		st.open()
	}
	st.mustTell(v, 2)
}

func thereAndBackUntold(st *story, name string) {
	u := st.unit()
	v := st.visit(st.join(st.w.reachable(st.h, u), name), u)
	at := st.office(u, 0, 3)
	a := st.slot(u, at, 11, 15)
	v.book(at, a, allRules)
	v.move(at.Add(3*time.Hour), st.slot(u, a, 1, 4), allRules)
	v.move(at.Add(5*time.Hour), a, allRules)
}

func cancelledBefore(st *story, name string) {
	u := st.unit()
	v := st.visit(st.join(st.w.reachable(st.h, u), name), u)
	at := st.office(u, 0, 6)
	v.book(at, st.slot(u, at, 10, 14), allRules)
	v.cancel(at.Add(22 * time.Hour))
}

func cancelledAfter(st *story, name string) {
	v, t := st.toldVisit(name)
	v.cancel(t)
	st.mustTell(v, 1)
}

// cancelledAtNight is told of it no sooner than messages may leave again.
func cancelledAtNight(st *story, name string) {
	v, t := st.toldVisit(name)
	night := v.unit.clock(t, 22*time.Hour)
	if v.start.Before(v.unit.openAfter(night).Add(30 * time.Hour)) {
		st.open()
	}
	v.cancel(night)
	st.mustTell(v, 1)
}

func repeated(st *story, name string) {
	u := st.unit()
	v := st.visit(st.join(st.w.reachable(st.h, u), name), u)
	at := st.office(u, 0, 6)
	v.book(at, st.slot(u, at, 9, 13), allRules)
	v.repeat(at)
	v.repeat(at.Add(26 * time.Hour))
}

func repeatedLater(st *story, name string) {
	v, t := st.toldVisit(name)
	v.repeat(t)
}

// outOfOrder publishes the newer state first. The older one may not bring its time back.
func outOfOrder(st *story, name string) {
	u := st.unit()
	v := st.visit(st.join(st.w.reachable(st.h, u), name), u)
	at := st.office(u, 0, 6)
	v.revision = 1
	start := st.slot(u, at, 10, 14)
	v.book(at, start, allRules)
	v.stale(at.Add(40*time.Minute), start.Add(-45*time.Minute), at.Add(-day))
}

func cancelledFirst(st *story, name string) {
	u := st.unit()
	v := st.visit(st.join(st.w.reachable(st.h, u), name), u)
	at := st.office(u, 0, 6)
	v.revision = 1
	v.set(st.slot(u, at, 9, 13))
	v.cancel(at)
	v.stale(at.Add(40*time.Minute), v.start, at.Add(-day))
}

// sameStart changes what a reminder does not tell, after one was sent: nothing is sent twice, nothing is said.
func sameStart(st *story, name string) {
	v, t := st.toldVisit(name)
	v.amend(t, func(p *payload) { p.Minutes += 15 }, fmt.Sprintf("the appointment of %s gets longer", v.who.GivenName))
}

func twoUnits(st *story, name string) {
	u, n := st.unit(), st.unit()
	if u.ID == n.ID {
		st.open()
	}
	p := st.join(st.w.reachable(st.h, u), name)
	if u.Country == "SE" {
		p.grant(st.w, n, reminder.SMS)
	}
	at := st.office(u, 0, 2)
	st.visit(p, u).book(at, st.slot(u, at, 9, 11), allRules)
	at = at.Add(3 * time.Hour)
	st.visit(p, n).book(at, st.slot(n, at, 12, 15), allRules)
}

// others have a relative, a referrer and an interpreter on the record; nothing of them may be in a message.
func others(st *story, name string) {
	u := st.unit()
	p := st.join(st.w.reachable(st.h, u), name)
	names := otherNames[st.h.country]
	i := st.w.rng.IntN(len(names) - 2)
	p.Others = []Other{
		{Role: reminder.Relative, Names: names[i : i+1], Phones: []string{st.w.elsewhere(st.h.country)}},
		{Role: reminder.Referrer, Names: names[i+1 : i+2], Mails: []string{"henvisning@laegehus.example"}},
		{Role: reminder.Interpreter, Names: names[i+2 : i+3]},
	}
	at := st.office(u, 0, 8)
	st.visit(p, u).book(at, st.slot(u, at, 9, 12), allRules)
}

// malformed events can't be understood. Their patient could be written to, so one that slips through is seen.
func malformed(st *story, name string) {
	u := st.unit()
	p := st.join(st.w.reachable(st.h, u), name)
	at := st.office(u, 0, 6)
	cut := func(s string) string { return s[:len(s)*3/5] }
	swap := func(from, to string) func(string) string {
		return func(s string) string {
			if !strings.Contains(s, from) {
				st.open()
			}
			return strings.Replace(s, from, to, 1)
		}
	}
	for _, m := range []struct {
		what string
		bad  func(string) string
	}{
		{"is cut off in the middle", cut},
		{"names a zone that does not exist", swap(`"zone":"Europe/`, `"zone":"Europa/`)},
		{"names a unit that does not exist", swap(`"unit":"`+u.ID, `"unit":"no-such-unit`)},
		{"carries a field nobody knows", swap(`"minutes"`, `"diagnosis":"M17","minutes"`)},
		{"has a national id of no known shape", swap(`"id":"`+p.ID, `"id":"12-`+p.ID[:5])},
		{"has no start", swap(`"start"`, `"begin"`)},
	} {
		at = at.Add(17 * time.Minute)
		v := st.visit(p, u)
		v.set(st.slot(u, at, 9, 13))
		v.last.Revision = 1
		v.publish(at, fmt.Sprintf("the event of %s %s", v.id, m.what))
		s := &st.steps[len(st.steps)-1]
		s.Raw = m.bad(s.Raw)
		if strings.Contains(s.Raw, "no-such-unit") {
			s.Subject = subject(v.last.System, "no-such-unit")
		}
	}
}
