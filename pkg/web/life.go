package web

import (
	"context"
	"unicode"
	"unicode/utf8"

	"github.com/husk-reminders/husk/pkg/gate"
	"github.com/husk-reminders/husk/pkg/ledger"
	"github.com/husk-reminders/husk/pkg/receipt"
	"github.com/husk-reminders/husk/pkg/reminder"
)

// FindReminders is what POST /v1/reminders/find takes: an appointment, by the system and the id that the booking has there, or a person.
type FindReminders struct {
	System      string             `json:"system,omitempty"`
	Appointment string             `json:"appointment,omitempty"` // the booking system's id
	Person      reminder.PersonKey `json:"person,omitempty"`      // in their place
	Unit        string             `json:"unit,omitempty"`        // of this unit alone; a key that is for some units must name one
	Reason      string             `json:"reason,omitempty"`      // for the audit
}

type findInput struct{ Body FindReminders }

// maxFound is how many reminders of one person are listed.
const maxFound = 1000

// findReminders looks at the persons alone whose reminders they are. The booking's own id is in no URL: it may be anything.
func (a *API) findReminders(ctx context.Context, c *caller, in *findInput) ([]ledger.ReminderView, error) {
	q := in.Body
	byPerson := q.Person != ""
	switch {
	case byPerson && (q.System != "" || q.Appointment != ""):
		return nil, want("person", "nothing where there is an appointment")
	case byPerson && !idRE.MatchString(string(q.Person)):
		return nil, want("person", "a person key; POST /v1/persons/key makes one of a national id")
	case !byPerson && !printable(q.System, 64):
		return nil, want("system", "the booking system, as its events name it, or a person")
	case !byPerson && !printable(q.Appointment, 128):
		return nil, want("appointment", "the id that the appointment has in the booking system")
	}
	if err := a.unitKnown(q.Unit); err != nil {
		return nil, err
	}
	reason, err := reasonOf(q.Reason, false)
	if err != nil {
		return nil, err
	}
	if err := a.audit(ctx, c, ofUnit(q.Unit), "reminder.find", q.Person, "", reason); err != nil {
		return nil, err
	}
	if byPerson {
		return a.o.Ledger.Reminders(ctx, ledger.Filter{Person: q.Person, Unit: q.Unit, Max: maxFound})
	}
	found, err := a.o.Ledger.Find(ctx, q.System, q.Appointment)
	if err != nil {
		return nil, err
	}
	out := []ledger.ReminderView{}
	for _, r := range found {
		if q.Unit == "" || r.Unit == q.Unit {
			out = append(out, r)
		}
	}
	return out, nil
}

// printable reports whether s is something that can be read, in up to most bytes.
func printable(s string, most int) bool {
	if s == "" || len(s) > most || !utf8.ValidString(s) {
		return false
	}
	for _, r := range s {
		if !unicode.IsPrint(r) {
			return false
		}
	}
	return true
}

// Life is what became of one reminder, the oldest step first.
type Life struct {
	Reminder ledger.ReminderView `json:"reminder"`
	Steps    []LifeStep          `json:"steps"`
	// Complete is false where the journal has too much to read all of it: steps may be missing between those that there are.
	Complete bool `json:"complete"`
}

// LifeStep is one thing that became of a reminder.
type LifeStep struct {
	ledger.LifeStep
	// Decision is how the gate came to a no, made again with the pack and the records of then; absent = it can't be: the pack is gone, or
	// it would come out otherwise, since bars and who shares an address are always those of now.
	Decision []gate.Step `json:"decision,omitempty"`
}

type lifeInput struct {
	ID     string `path:"id" pattern:"^[1-9]-[0-9a-f]{32}$" patternDescription:"a reminder's id"`
	Person string `query:"person" pattern:"^[1-9]-[0-9a-f]{32}$" patternDescription:"a person key" doc:"Whose it is: found sooner with it"`
	Reason string `query:"reason" doc:"Why, for the audit; no number, no name"`
}

func (a *API) life(ctx context.Context, c *caller, in *lifeInput) (Life, error) {
	none := Life{}
	reason, err := reasonOf(in.Reason, false)
	if err != nil {
		return none, err
	}
	r, err := a.oneReminder(ctx, in.ID, in.Person)
	if err != nil {
		return none, err
	}
	if err := a.audit(ctx, c, ofUnit(r.Unit), "reminder.life "+in.ID, r.Person, "", reason); err != nil {
		return none, err
	}
	x, err := a.o.Ledger.Life(ctx, r.Person, r.ID)
	if err != nil {
		return none, err
	}
	out := Life{Reminder: x.Reminder, Steps: make([]LifeStep, len(x.Steps)), Complete: x.Complete}
	for i, s := range x.Steps {
		out.Steps[i] = LifeStep{LifeStep: s}
		if s.What == string(receipt.Denied) {
			out.Steps[i].Decision = a.decided(ctx, x.Reminder, s)
		}
	}
	return out, nil
}

// oneReminder is a reminder by its id; of two persons who have it, the one for whom it waits.
func (a *API) oneReminder(ctx context.Context, id, person string) (ledger.ReminderView, error) {
	found, err := a.o.Ledger.Reminders(ctx, ledger.Filter{ID: reminder.ID(id), Person: reminder.PersonKey(person)})
	if err != nil {
		return ledger.ReminderView{}, err
	}
	if len(found) == 0 {
		return ledger.ReminderView{}, ErrNotFound
	}
	x := found[0]
	for _, f := range found { // an appointment that was given to another person has the same reminder with both
		if f.Status == receipt.Planned || f.Status == receipt.Due || f.Status == receipt.Held {
			x = f
		}
	}
	return x, nil
}

// decided makes a recorded no again, and returns its steps where it comes to the same.
func (a *API) decided(ctx context.Context, r ledger.ReminderView, s ledger.LifeStep) []gate.Step {
	x, err := a.o.Explain(ctx, gate.Question{Person: r.Person, Purpose: r.Purpose, Unit: r.Unit, Route: r.Route, At: s.At})
	if err != nil || x.Outcome != gate.Deny.String() || string(x.Reason) != s.Reason {
		return nil
	}
	if s.Pack != "" && (x.Pack.ID != s.Pack || x.Pack.Hash != s.PackHash) {
		return nil
	}
	return x.Steps
}
