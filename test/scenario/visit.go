package scenario

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/husk-reminders/husk/pkg/reminder"
)

// errOpen says that the rules leave the outcome open for the times chosen; the case is laid anew with other times.
var errOpen = errors.New("scenario: the outcome is open")

// lead says which of the unit's reminders a booking is early enough for.
type lead int

const (
	allRules lead = iota // all of them
	lastRule             // only the last one
	noRule               // none
	anyRules             // at least one, or whatever is left
)

// visit is one appointment of a case.
type visit struct {
	*story
	who      *patient
	unit     clinic
	n        int // of the visit, chooses between the ways booking systems write
	id       string
	revision uint64
	start    time.Time
	told     time.Time // the start last told for certain; zero = never
	busy     time.Time // until when a notice may be under way
	pending  []Expect  // not yet certain to have been sent
	last     payload
	overlap  bool // the windows of two reminders may share days
}

// payload is an event in the shape of the native events, version 1.
type payload struct {
	System      string         `json:"system"`
	Appointment string         `json:"appointment"`
	Revision    uint64         `json:"revision,omitempty"`
	Updated     string         `json:"updated,omitempty"`
	Status      string         `json:"status"`
	Start       string         `json:"start"`
	Zone        string         `json:"zone"`
	Minutes     int            `json:"minutes"`
	Unit        string         `json:"unit"`
	Patient     payloadPatient `json:"patient"`
	Others      []Other        `json:"others,omitempty"`
}

type payloadPatient struct {
	ID        string           `json:"id"`
	Country   reminder.Country `json:"country"`
	GivenName string           `json:"given_name,omitempty"`
	Language  string           `json:"language,omitempty"`
	BirthDate string           `json:"birth_date,omitempty"`
	Protected bool             `json:"protected,omitempty"`
	Deceased  bool             `json:"deceased,omitempty"`
}

// visit begins an appointment of p at u. Nothing happens before book.
func (st *story) visit(p *patient, u clinic) *visit {
	st.w.count.visit++
	v := &visit{story: st, who: p, unit: u, n: st.w.count.visit, id: fmt.Sprintf("%s-%d", u.Country, 1000+st.w.count.visit)}
	v.last = payload{
		System: "booking-" + u.Hospital, Appointment: v.id, Status: string(reminder.Booked), Zone: u.Zone, Minutes: 15 * (1 + st.w.rng.IntN(4)), Unit: u.ID,
		Patient: payloadPatient{ID: p.ID, Country: p.Country, GivenName: p.GivenName, Language: p.Language, Protected: p.Protected, Deceased: p.Deceased},
		Others:  p.Others,
	}
	if v.n%3 == 0 {
		v.last.Patient.BirthDate = p.BirthDate
	}
	st.visits = append(st.visits, v)
	return v
}

// book publishes the booking and expects the reminders that l names.
func (v *visit) book(at, start time.Time, l lead) {
	v.set(start)
	v.publish(at, fmt.Sprintf("%s books %s at %s", v.who.GivenName, when(start), v.unit.ID))
	v.plan(at, l)
}

// move publishes a new start: a changed notice if the old one was told, and the new start's reminders.
func (v *visit) move(at, start time.Time, l lead) {
	v.settle(at)
	v.set(start)
	v.publish(at, fmt.Sprintf("%s is moved to %s at %s", v.who.GivenName, when(start), v.unit.ID))
	if !v.told.IsZero() && !v.told.Equal(start) {
		v.notice(at, reminder.Changed, start, "told of another time before")
	}
	v.plan(at, l)
}

// cancel publishes the cancellation: a notice if a start was told.
func (v *visit) cancel(at time.Time) {
	v.settle(at)
	v.last.Status = string(reminder.Cancelled)
	v.publish(at, fmt.Sprintf("the appointment of %s on %s is cancelled", v.who.GivenName, when(v.start)))
	if !v.told.IsZero() {
		v.notice(at, reminder.Cancel, v.told, "told of the time before")
	}
}

// repeat publishes the last event once more, byte for byte.
func (v *visit) repeat(at time.Time) {
	v.emit(at, v.last, fmt.Sprintf("the event of %s comes again", v.id))
}

// stale publishes an older state of the appointment that was under way longer: it changes nothing.
func (v *visit) stale(at, start, written time.Time) {
	old := v.last
	old.Start, old.Status = start.Format(localTime), string(reminder.Booked)
	if old.Updated != "" {
		old.Updated = written.UTC().Format(time.RFC3339)
	} else {
		old.Revision--
	}
	v.emit(at, old, fmt.Sprintf("an older state of %s comes late", v.id))
}

// amend publishes a new revision with the same start.
func (v *visit) amend(at time.Time, change func(*payload), label string) {
	change(&v.last)
	v.publish(at, label)
}

const localTime = "2006-01-02T15:04:05"

func (v *visit) set(start time.Time) {
	v.start = start
	v.last.Start = start.Format(localTime)
	if v.n%4 == 0 {
		v.last.Start = start.Format(time.RFC3339)
	}
}

// publish emits the next revision. Two booking systems in three number their revisions, the third gives the time of the change.
func (v *visit) publish(at time.Time, label string) {
	v.revision++
	if v.n%3 == 1 {
		v.last.Updated = at.UTC().Format(time.RFC3339)
	} else {
		v.last.Revision = v.revision
	}
	v.emit(at, v.last, label)
}

func (v *visit) emit(at time.Time, p payload, label string) {
	raw, err := json.Marshal(p)
	if err != nil {
		panic(err) // strings and numbers only
	}
	v.step(Step{At: at, Kind: Event, Subject: subject(p.System, p.Unit), Raw: string(raw), Label: label}, v.who)
}

func subject(system, unit string) string { return "husk.events." + system + "." + unit }

// settle decides what was sent before an event at t: all of a window must lie on one side of it.
func (v *visit) settle(t time.Time) {
	if t.Before(v.busy.Add(margin)) {
		v.open()
	}
	keep := v.pending[:0]
	for _, e := range v.pending {
		switch {
		case !e.NotAfter.Add(margin).After(t):
			v.told = e.Start
			keep = append(keep, e)
		case e.NotBefore.Add(-margin).Before(t):
			v.open()
		}
	}
	v.pending = keep
}

// notice expects a changed or cancelled notice: at once, or when messages may leave again.
func (v *visit) notice(at time.Time, p reminder.Purpose, start time.Time, why string) {
	until := v.unit.openAfter(at).Add(slack)
	if start.Before(until.Add(useless)) {
		v.open()
	}
	if v.expect(p, start, at, until, why) {
		v.busy, v.told = until, start
	}
}

// plan expects the reminders of the start for an event at t.
func (v *visit) plan(at time.Time, l lead) {
	ds, ok := v.unit.dues(v.start)
	if !ok {
		v.open()
	}
	n, missed := 0, 0
	var before time.Time
	for _, d := range ds {
		switch {
		case at.Add(margin).Before(d.from) && d.from.After(v.busy) && (v.overlap || d.from.After(before)):
			n++
			before = d.until
			v.expect(reminder.Remind, v.start, d.from, d.until, d.rule)
		case at.After(d.lostAfter):
			missed++
		default:
			v.open()
		}
	}
	switch {
	case l == allRules && missed > 0, l == lastRule && (n != 1 || missed == 0), l == noRule && n > 0, l == anyRules && n == 0:
		v.open()
	}
}

// expect labels one message, unless the patient may not be reached then. It reports whether it did.
func (v *visit) expect(p reminder.Purpose, start, from, until time.Time, why string) bool {
	end := v.w.end
	if from.After(end.Add(margin)) {
		return false
	}
	if until.After(end.Add(-margin)) {
		v.open()
	}
	r, err := v.who.window(v.unit, from, until)
	if err != nil {
		v.open()
	}
	if r == nil {
		return false
	}
	lang := messageLanguage(v.who.Language, v.unit.Language)
	v.pending = append(v.pending, Expect{
		Address: r.address, Appointment: v.id, Unit: v.unit.ID, Purpose: p, Channel: r.channel, Start: start, NotBefore: from, NotAfter: until,
		Language: lang, Shows: []string{v.unit.Name(lang).Text}, Why: v.who.Case + ": " + why,
	})
	return true
}

func when(t time.Time) string { return t.Format("Mon 2 Jan 15:04") }
