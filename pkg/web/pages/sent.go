package pages

import (
	"net/http"
	"slices"
	"strconv"

	"github.com/husk-reminders/husk/pkg/ledger"
	"github.com/husk-reminders/husk/pkg/receipt"
	"github.com/husk-reminders/husk/pkg/reminder"
	"github.com/husk-reminders/husk/pkg/web"
)

// sentPages are about reminders, letters, and attempts of which nobody knows what became.
func (p *Pages) sentPages() []page {
	get, post := http.MethodGet, http.MethodPost
	return []page{
		{method: get, pattern: "/sent", operation: "reminder.list", section: "sent", serve: (*visit).sent},
		{method: post, pattern: "/sent", operation: "reminder.find", serve: (*visit).findSent},
		{method: get, pattern: "/sent/{id}", operation: "reminder.life", serve: (*visit).sentLife},
		{method: get, pattern: "/sent/{id}/text", operation: "reminder.text", serve: (*visit).sentText},
		{method: post, pattern: "/sent/{id}/text", operation: "reminder.text", serve: (*visit).showSentText},
		{method: get, pattern: "/sent/{id}/release", operation: "reminder.release", serve: (*visit).sentRelease},
		{method: post, pattern: "/sent/{id}/release", operation: "reminder.release", serve: (*visit).release},
		{method: get, pattern: "/sent/{id}/cancel", operation: "reminder.cancel", serve: (*visit).sentCancel},
		{method: post, pattern: "/sent/{id}/cancel", operation: "reminder.cancel", serve: (*visit).cancel},

		{method: get, pattern: "/letters", operation: "letter.list", section: "letters", serve: (*visit).letters},
		{method: get, pattern: "/letters/download/{unit...}", operation: "letter.list", serve: (*visit).letterFile},
		{method: post, pattern: "/letters/{id}/done", operation: "letter.done", serve: (*visit).letterDone},
		{method: post, pattern: "/letters/{id}/undo", operation: "letter.done", serve: (*visit).letterUndone},

		{method: get, pattern: "/unknown", operation: "attempt.list", section: "unknown", serve: (*visit).unknown},
		{method: get, pattern: "/unknown/{id}/{reference}", operation: "attempt.settle", serve: (*visit).unknownOne},
		{method: post, pattern: "/unknown/{id}/{reference}", operation: "attempt.settle", serve: (*visit).settle},
	}
}

// mostSent is how many reminders a list shows.
const mostSent = 100

// sentView is what the view sent shows.
type sentView struct {
	Filter *form
	Units  []map[string]string
	States []map[string]string
	Person reminder.PersonKey // whose they are; "" = a unit's
	Found  bool               // they are an appointment's
	Many   bool               // of several units
	Rows   []sentRow
	More   bool // there are more than are shown
}

// sentRow is a reminder in a list.
type sentRow struct {
	ledger.ReminderView
	Kind string // of its tag
	Why  because
}

// sent lists the reminders of a unit in one status, those that are held unless another is asked for, or of a person.
func (v *visit) sent() error {
	q := v.r.URL.Query()
	if key := q.Get("person"); key != "" {
		return v.sentOf(reminder.PersonKey(key))
	}
	unit, state := v.chosenUnit(), string(receipt.Held)
	if q.Has("status") {
		state = q.Get("status")
	}
	x := v.sentView(unit, state)
	var found []ledger.ReminderView
	if err := v.get(query("/v1/reminders", "unit", unit, "status", state, "max", strconv.Itoa(mostSent+1)), &found); err != nil {
		return err
	}
	v.rows(&x, found)
	return v.show("sent", x)
}

// sentOf lists the reminders of a person in all units of whoever asks.
func (v *visit) sentOf(key reminder.PersonKey) error {
	x := v.sentView("", "")
	x.Person = key
	var all []ledger.ReminderView
	for _, unit := range v.askedUnits() {
		var found []ledger.ReminderView
		if err := v.get(query("/v1/reminders", "unit", unit, "person", string(key), "max", strconv.Itoa(mostSent+1)), &found); err != nil {
			return err
		}
		all = append(all, found...)
	}
	v.rows(&x, all)
	return v.show("sent", x)
}

// findSent finds the reminders of an appointment, and leads on to it where there is one alone.
func (v *visit) findSent() error {
	var in struct {
		System      string `form:"system,required"`
		Appointment string `form:"appointment,required"`
	}
	f, x := v.read(&in), v.sentView("", "")
	if !f.OK() {
		return v.show("sent", x)
	}
	var all []ledger.ReminderView
	for _, unit := range v.askedUnits() {
		var found []ledger.ReminderView
		err := v.post("/v1/reminders/find", web.FindReminders{System: in.System, Appointment: in.Appointment, Unit: unit}, &found)
		if err != nil && f.take(err) {
			return v.show("sent", x)
		}
		if err != nil {
			return err
		}
		all = append(all, found...)
	}
	if len(all) == 1 {
		return v.see(sentPath(all[0].ID, all[0].Person, ""))
	}
	x.Found = true
	v.rows(&x, all)
	return v.show("sent", x)
}

// sentPath is the page of a reminder, or one behind it. Two persons can have the same reminder: an appointment that was given on.
func sentPath(id reminder.ID, p reminder.PersonKey, behind string) string {
	return query("/sent/"+string(id)+behind, "person", string(p))
}

func (v *visit) sentView(unit, state string) sentView {
	x := sentView{Filter: v.blank("unit", unit, "status", state), Units: v.unitOptions()}
	for _, s := range receipt.Statuses {
		x.States = append(x.States, map[string]string{"value": string(s), "text": v.words.must("status." + string(s))})
	}
	if v.form == nil {
		v.form = v.blank()
	}
	return x
}

// rows puts reminders into a list, the earliest due first.
func (v *visit) rows(x *sentView, found []ledger.ReminderView) {
	slices.SortStableFunc(found, func(a, b ledger.ReminderView) int { return a.Due.Compare(b.Due) })
	if x.More = len(found) > mostSent; x.More {
		found = found[:mostSent]
	}
	for _, r := range found {
		x.Many = x.Many || r.Unit != found[0].Unit
		x.Rows = append(x.Rows, sentRow{r, kindOf(r.Status), v.words.whyNow(r)})
		if v.form.Value("system") == "" && r.System != reminder.HusksOwn {
			v.form.Values.Set("system", r.System) // most clinics have one
		}
	}
}

// whyNow is why a reminder is where it is, or why it would not be sent as things stand.
func (w *words) whyNow(r ledger.ReminderView) because {
	if (r.Status == receipt.Planned || r.Status == receipt.Due) && r.Reason == "" && r.Letter != "" {
		b := w.why(receipt.Denied, r.Letter)
		b.Ahead = true
		return b
	}
	return w.why(r.Status, r.Reason)
}

// kindOf is the kind of the tag of a status.
func kindOf(s receipt.Status) string {
	switch s {
	case receipt.Accepted, receipt.Delivered:
		return "good"
	case receipt.Planned, receipt.Due, receipt.Intended, receipt.Refused, receipt.NotBegun:
		return "wait"
	case receipt.Cancelled:
		return "off"
	}
	return "bad"
}

// chosenUnit is the unit that a list is asked for, else the grant's first; "" = all.
func (v *visit) chosenUnit() string {
	if unit := v.r.URL.Query().Get("unit"); unit != "" {
		return unit
	}
	return v.askedUnits()[0]
}

// askedUnits are the units of the grant, for what the staff API tells of one unit at a time; one "" = the whole installation.
func (v *visit) askedUnits() []string {
	if units := v.session.Staff().Units; len(units) > 0 {
		return units
	}
	return []string{""}
}
