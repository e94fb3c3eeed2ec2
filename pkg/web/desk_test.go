package web

import (
	"context"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/husk-reminders/husk/pkg/consent"
	"github.com/husk-reminders/husk/pkg/contact"
	"github.com/husk-reminders/husk/pkg/contact/code"
	"github.com/husk-reminders/husk/pkg/gate"
	"github.com/husk-reminders/husk/pkg/ledger"
	"github.com/husk-reminders/husk/pkg/policy"
	"github.com/husk-reminders/husk/pkg/receipt"
	"github.com/husk-reminders/husk/pkg/reminder"
)

// What tests of the pages need of these. Each caller is a column of the matrix.
const (
	Own, Other = own, other
	Somebody   = reminder.PersonKey(somebody)
	GuardianID = guardianID
)

// The one person that the fakes know beside somebody.
const (
	guardianID = "0202020202"
	guardian   = "1-0123456789abcdef0123456789abcde0"
)

// Callers are the columns of the matrix.
func Callers() (names []string, grants []Grant) {
	for _, c := range callers {
		names, grants = append(names, c.name), append(grants, Grant{c.role, c.units})
	}
	return names, grants
}

// Matrix is what each caller may do of a row of the matrix: one letter a caller.
func Matrix(operation, what string) string {
	for _, row := range matrix {
		if row.operation == operation && row.what == what {
			return row.may
		}
	}
	return ""
}

// Noon is when the tests are.
func Noon() time.Time { return noon }

// Desk is a staff API over a ledger that has one of everything: a person with an address and a guardian, a reminder that is held and
// has an attempt in doubt, letters, entries of the inbox, a dead letter, stops, texts, a key and sessions. All that is a unit's is of
// one unit, which Set chooses.
type Desk struct {
	Door *Door

	f      *fake
	shelf  *drawer
	values map[string][]byte
	last   map[string]uint64
}

// fullLedger is the fake with something in all its lists.
type fullLedger struct{ *fake }

var _ Ledger = fullLedger{}

// NewDesk opens one, of the unit Own.
func NewDesk(t *testing.T) *Desk {
	d := &Desk{f: &fake{fourEyes: true}, shelf: newDrawer()}
	d.Door = openDoorOver(t, d.f, fullLedger{d.f}, d.shelf)
	d.Door.keys, d.Door.addresses = newLimit(100_000), newLimit(100_000)
	a := d.Door.open.api
	keyFor(t, a, Clerk, []string{own}, "")
	signedIn(t, a)
	d.keep()
	d.Set(t, Own)
	return d
}

func (d *Desk) keep() { d.values, d.last = maps.Clone(d.shelf.values), maps.Clone(d.shelf.last) }

// Sit signs somebody in who works in a grant and has another, and has said why they look at the person. It returns the session's token.
func (d *Desk) Sit(t *testing.T, subject string, g Grant, reason string) string {
	t.Helper()
	token, err := d.Door.Sessions().Begin(t.Context(), subject, "Karen "+subject, []Grant{g, {Role: Auditor}})
	if err == nil && reason != "" {
		_, err = d.Door.Sessions().Change(t.Context(), token, func(s *Session) { s.Open(somebody, reason) })
	}
	if err != nil {
		t.Fatal(err)
	}
	d.keep()
	return token
}

// Set puts everything back to what it was, and makes all of it a unit's. Somebody has asked that the unit's stop ends.
func (d *Desk) Set(t *testing.T, unit string) {
	t.Helper()
	d.f.kept.seed()
	*d.f = fake{
		kept: d.f.kept, fourEyes: true, unit: unit, units: []string{unit}, denies: gate.Guardian, told: code.Result{Outcome: code.Right, Reference: "ab12", Method: policy.Code, Level: policy.Proven, At: noon},
		stopped: map[string]string{"unit:" + unit: "leak"},
	}
	d.shelf.values, d.shelf.last = maps.Clone(d.values), maps.Clone(d.last)
	a := d.Door.open.api
	a.looked = newHourly(1)
	there, err := a.wishes(t.Context(), d.f.stopped)
	if err == nil && len(there) == 0 { // it is the same from then on
		wish := Switch{Name: "unit:" + unit, Reason: "mended", Mended: "CASE-7"}
		err = a.wish(t.Context(), &caller{actor: "ole", self: "ole", holder: "ole"}, wish, "leak")
		d.keep()
	}
	if err != nil {
		t.Fatal(err)
	}
	d.f.calls, d.f.audits = nil, nil
}

// reading are how calls of the ledger begin that change nothing.
var reading = []string{
	"audit", "units", "people", "reminders", "find ", "life", "letters", "letter of", "wishes ", "misdeliveries ", "doubt", "dead", "day", "explain", "written",
}

// Changed is what the ledger was asked to change since Set, or of carriers and registers.
func (d *Desk) Changed() []string {
	return slices.DeleteFunc(slices.Clone(d.f.calls), func(c string) bool {
		return slices.ContainsFunc(reading, func(r string) bool { return strings.HasPrefix(c, r) })
	})
}

// Allowed are the actions in the audit since Set that were not refused.
func (d *Desk) Allowed() []string {
	var all []string
	for _, x := range d.f.audits {
		if !strings.HasPrefix(x.Action, "denied ") {
			all = append(all, x.Action)
		}
	}
	return all
}

// view is the reminder: held for nothing but digits, after an attempt of which nobody knows whether it left.
func (f fullLedger) view() ledger.ReminderView {
	return ledger.ReminderView{
		ID: somebody, Person: somebody, System: "his", Unit: f.unit, Purpose: reminder.Remind, Start: noon.AddDate(0, 0, 3), Due: noon, Expires: noon.AddDate(0, 0, 2),
		Route: "sms", Status: receipt.Held, Since: noon, Reason: "digits", Releasable: true,
		Findings: []reminder.Finding{{Kind: "digits", Layout: "6-4", Part: reminder.PartText, Releasable: true}},
		Attempts: []ledger.AttemptView{{Number: 1, Claim: sentAs, Route: "sms", Channel: reminder.SMS, Status: receipt.Unknown, Intended: noon, Template: liveID}},
	}
}

func (f fullLedger) Reminders(context.Context, ledger.Filter) ([]ledger.ReminderView, error) {
	return []ledger.ReminderView{f.view()}, f.call("reminders")
}

func (f fullLedger) Find(_ context.Context, system, appointment string) ([]ledger.ReminderView, error) {
	return []ledger.ReminderView{f.view()}, f.call("find " + system + " " + appointment)
}

func (f fullLedger) Life(context.Context, reminder.PersonKey, reminder.ID) (ledger.Life, error) {
	steps := []ledger.LifeStep{{At: noon, What: "planned", Due: noon}, {At: noon, What: string(receipt.Unknown), Reference: sentAs, Attempt: 1}}
	return ledger.Life{Reminder: f.view(), Steps: steps, Complete: true}, f.call("life")
}

func (f fullLedger) letter() ledger.Letter {
	return ledger.Letter{ID: somebody, Person: somebody, System: "his", Appointment: "A-1", Unit: f.unit, Start: noon.AddDate(0, 0, 3), Reason: string(gate.NoBasis)}
}

func (f fullLedger) Letters(_ context.Context, q ledger.LetterFilter, _ func(string) bool) (ledger.Letters, error) {
	return ledger.Letters{Letters: []ledger.Letter{f.letter()}}, f.call("letters " + q.Unit)
}

func (f fullLedger) LettersDone(_ context.Context, unit string) ([]ledger.LetterDone, error) {
	return []ledger.LetterDone{{Letter: f.letter(), By: "karen", At: noon}}, f.call("letters done " + unit)
}

func (f fullLedger) Doubts(_ context.Context, unit string, _ int) ([]ledger.Doubt, error) {
	return []ledger.Doubt{{
		Reference: sentAs, Reminder: somebody, Person: somebody, Unit: f.unit, Purpose: reminder.Remind, Start: noon, Attempt: 1, Route: "sms",
		Channel: reminder.SMS, At: noon, Since: noon, Status: receipt.Unknown,
	}}, f.call("doubts " + unit)
}

func (f fullLedger) People(_ context.Context, keys []reminder.PersonKey) ([]ledger.Person, error) {
	ps := make([]ledger.Person, len(keys))
	before := noon.AddDate(0, -1, 0)
	ps[0].Known = true
	ps[0].Contact = []contact.Record{{
		ID: "a1", Person: keys[0], Type: contact.Verified, Hash: somebody, Channel: reminder.SMS, Address: reminder.NewAddress(reminder.SMS, "+4520999999"),
		Method: policy.DeskID, Level: policy.Proven, EventTime: before, Recorded: before,
	}}
	ps[0].Consent = []consent.Record{{
		ID: "c1", Person: keys[0], Type: consent.Custody, Method: consent.Desk, Actor: consent.Actor{Kind: consent.Guardian, Ref: guardian},
		Scope: consent.Scope{Kind: policy.ControllerScope}, EventTime: before, Recorded: before,
	}}
	return ps, f.call("people")
}

func (f fullLedger) DeadLetters(context.Context) ([]ledger.DeadLetter, error) {
	return []ledger.DeadLetter{{ID: 3, Station: "intake", System: "his", Reason: "malformed", Shape: "json 120 B", Received: noon}}, f.call("dead")
}
