package web

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/husk-reminders/husk/pkg/gate"
	"github.com/husk-reminders/husk/pkg/ledger"
	"github.com/husk-reminders/husk/pkg/receipt"
	"github.com/husk-reminders/husk/pkg/reminder"
)

// sentAs is the reference of an attempt.
const sentAs = "0a23456789abcdef0123456789ab"

func (f *fake) Find(_ context.Context, system, appointment string) ([]ledger.ReminderView, error) {
	return []ledger.ReminderView{{ID: somebody, Person: somebody, Unit: f.unit}}, f.call("find " + system + " " + appointment)
}

func (f *fake) Life(_ context.Context, p reminder.PersonKey, id reminder.ID) (ledger.Life, error) {
	return ledger.Life{Reminder: ledger.ReminderView{ID: id, Person: p, Unit: f.unit}, Steps: []ledger.LifeStep{
		{At: noon, What: "planned"}, {At: noon, What: string(receipt.Denied), Reason: string(gate.NoBasis)},
		{At: noon, What: string(receipt.Denied), Reason: string(gate.Withdrawn)},
		{At: noon, What: string(receipt.Denied), Reason: string(gate.NoBasis), Pack: "dk-2019", PackHash: "ab"},
	}}, f.call("life")
}

func (f *fake) ReminderOf(_ context.Context, reference string) (reminder.PersonKey, reminder.ID, error) {
	if reference != sentAs {
		return "", "", ledger.ErrNoAttempt
	}
	return somebody, somebody, f.call("reminder of")
}

func (f *fake) Receipt(_ context.Context, p reminder.PersonKey, id reminder.ID, reference string) (ledger.Receipt, error) {
	return ledger.Receipt{Reminder: id, Person: p, Unit: f.unit, Attempts: []ledger.ReceiptAttempt{{Reference: sentAs, CarrierID: reference}}}, f.call("receipt")
}

func (f *fake) Doubts(_ context.Context, unit string, _ int) ([]ledger.Doubt, error) {
	return []ledger.Doubt{{Reference: sentAs, Person: somebody, At: noon.Add(-90 * time.Minute), Unit: f.unit}}, f.call("doubts " + unit)
}

func (f *fake) Doubt(context.Context, string) (ledger.Doubt, error) {
	return ledger.Doubt{Reference: sentAs, Person: somebody, Unit: f.unit}, errors.Join(f.call("doubt"), f.moved)
}

func (f *fake) SettleByHand(_ context.Context, reference string, left bool, by string) (ledger.Doubt, error) {
	if !somebodys(by) {
		return ledger.Doubt{}, errors.New("settled by nobody")
	}
	s := receipt.Rejected
	if left {
		s = receipt.Accepted
	}
	return ledger.Doubt{Reference: reference, Status: s, By: by}, f.call("settle")
}

func (f *fake) LetterOf(context.Context, reminder.AppointmentKey, func(string) bool) (ledger.LetterDone, error) {
	return ledger.LetterDone{Letter: ledger.Letter{Person: somebody, Unit: f.unit}}, errors.Join(f.call("letter of"), f.moved)
}

func (f *fake) LettersDone(_ context.Context, unit string) ([]ledger.LetterDone, error) {
	return []ledger.LetterDone{{Letter: ledger.Letter{Person: somebody, Unit: f.unit}, By: "karen", At: noon}}, f.call("letters done " + unit)
}

func (f *fake) DoneLetter(_ context.Context, id reminder.AppointmentKey, by string, undone bool, known func(string) bool) (ledger.LetterDone, error) {
	if !somebodys(by) || !known("rh-eye") || known("nowhere") {
		return ledger.LetterDone{}, errors.New("done by nobody, or with another unit directory")
	}
	x := ledger.LetterDone{Letter: ledger.Letter{ID: id}}
	if !undone {
		x.By = by
	}
	return x, f.call("done")
}

func TestFindReminders(t *testing.T) {
	f := &fake{unit: own}
	h := openDoor(t, f).Staff()
	var got []ledger.ReminderView
	find := func(body string) int {
		t.Helper()
		f.calls, f.audits, got = nil, nil, nil
		w := ask(h, "POST", "/v1/reminders/find", body)
		_ = json.Unmarshal(w.Body.Bytes(), &got)
		return w.Code
	}
	if find(`{"system":"his","appointment":"A 1/2","reason":"rang"}`) != 200 || len(got) != 1 || !slices.Equal(f.calls, []string{"audit", "find his A 1/2"}) {
		t.Errorf("%+v, asked %v", got, f.calls)
	}
	if a := f.audits[0]; a.Action != "reminder.find" || a.Reason != "rang" || strings.Contains(a.Action, "A 1") {
		t.Errorf("audit %+v", a)
	}
	if find(`{"system":"his","appointment":"A-1","unit":"lv-mott1"}`) != 200 || len(got) != 0 {
		t.Errorf("another unit's: %+v", got)
	}
	if find(`{"person":"`+somebody+`"}`) != 200 || len(got) != 1 || f.audits[0].Person != somebody {
		t.Errorf("of a person: %+v", got)
	}
	for body, field := range map[string]string{
		`{}`: "system", `{"system":"his"}`: "appointment", `{"system":"his","appointment":"a\u0000b"}`: "appointment",
		`{"person":"0101701234"}`: "person", `{"person":"` + somebody + `","system":"his"}`: "person",
		`{"system":"his","appointment":"A-1","unit":"nowhere"}`: "unit", `{"system":"his","appointment":"A-1","reason":"0101701234"}`: "reason",
	} {
		w := ask(h, "POST", "/v1/reminders/find", body)
		var e Error
		if err := json.Unmarshal(w.Body.Bytes(), &e); err != nil || w.Code != 400 || e.Field != field {
			t.Errorf("%s: %d %s", body, w.Code, w.Body)
		}
	}
}

// A no is shown with its steps where the gate comes to the same no again, by the same pack.
func TestLife(t *testing.T) {
	f := &fake{unit: own}
	h := openDoor(t, f).Staff()
	f.denies = gate.NoBasis
	w := ask(h, "GET", "/v1/reminders/"+somebody+"/life?reason=rang", "")
	var x Life
	if err := json.Unmarshal(w.Body.Bytes(), &x); err != nil || w.Code != 200 || len(x.Steps) != 4 {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	if len(x.Steps[0].Decision) != 0 || len(x.Steps[1].Decision) != 1 || len(x.Steps[2].Decision) != 0 || len(x.Steps[3].Decision) != 0 {
		t.Errorf("%+v", x.Steps)
	}
	if a := f.audits[0]; a.Action != "reminder.life "+somebody || a.Person != somebody || a.Reason != "rang" || slices.Index(f.calls, "audit") > slices.Index(f.calls, "life") {
		t.Errorf("audit %+v, asked %v", a, f.calls)
	}
}

func TestReceipt(t *testing.T) {
	f := &fake{unit: own}
	h := openDoor(t, f).Staff()
	for id, of := range map[string]string{somebody: "", sentAs: sentAs} {
		f.calls, f.audits = nil, nil
		w := ask(h, "GET", "/v1/receipts/"+id, "")
		var x ledger.Receipt
		if err := json.Unmarshal(w.Body.Bytes(), &x); err != nil || w.Code != 200 || x.Reminder != somebody || x.Attempts[0].CarrierID != of {
			t.Errorf("%s: %d %s", id, w.Code, w.Body)
		}
		if strings.Contains(w.Body.String(), `"person"`) {
			t.Error("it names a person")
		}
		if a := f.audits[0]; a.Action != "receipt.show "+id || a.Person != somebody || slices.Index(f.calls, "audit") > slices.Index(f.calls, "receipt") {
			t.Errorf("audit %+v, asked %v", a, f.calls)
		}
	}
	for id, want := range map[string]int{"0b23456789abcdef0123456789ab": 404, "x": 400} {
		if w := ask(h, "GET", "/v1/receipts/"+id, ""); w.Code != want {
			t.Errorf("%s: %d", id, w.Code)
		}
	}
}

func TestDoubts(t *testing.T) {
	f := &fake{unit: own}
	h := openDoor(t, f).Staff()
	var list []Doubt
	w := ask(h, "GET", "/v1/attempts?unit="+own, "")
	if err := json.Unmarshal(w.Body.Bytes(), &list); err != nil || len(list) != 1 || list[0].Hours != 1 || !slices.Equal(f.calls, []string{"audit", "doubts " + own}) {
		t.Errorf("%d %s, asked %v", w.Code, w.Body, f.calls)
	}
	for outcome, status := range map[string]receipt.Status{AttemptLeft: receipt.Accepted, AttemptNotLeft: receipt.Rejected} {
		f.calls, f.audits = nil, nil
		w := ask(h, "POST", "/v1/attempts/"+sentAs+"/settle", `{"outcome":"`+outcome+`","reason":"asked the carrier"}`)
		var d Doubt
		if err := json.Unmarshal(w.Body.Bytes(), &d); err != nil || d.Status != status || d.By != "karen" || !slices.Equal(f.calls, []string{"doubt", "audit", "settle"}) {
			t.Errorf("%d %s, asked %v", w.Code, w.Body, f.calls)
		}
		if a := f.audits[0]; a.Action != "attempt.settle "+outcome+" "+sentAs || a.Person != somebody || a.Reason != "asked the carrier" {
			t.Errorf("audit %+v", a)
		}
	}
	for body, field := range map[string]string{`{"reason":"x"}`: "outcome", `{"outcome":"lost","reason":"x"}`: "outcome", `{"outcome":"left"}`: "reason"} {
		var e Error
		if w := ask(h, "POST", "/v1/attempts/"+sentAs+"/settle", body); json.Unmarshal(w.Body.Bytes(), &e) != nil || w.Code != 400 || e.Field != field {
			t.Errorf("%s: %d %s", body, w.Code, w.Body)
		}
	}
	for err, code := range map[error]int{ledger.ErrNoAttempt: http.StatusNotFound, ledger.ErrNoDoubt: http.StatusConflict} {
		f.moved, f.calls = err, nil
		if w := ask(h, "POST", "/v1/attempts/"+sentAs+"/settle", `{"outcome":"left","reason":"x"}`); w.Code != code || slices.Contains(f.calls, "settle") {
			t.Errorf("%v: %d %s", err, w.Code, w.Body)
		}
	}
}

func TestLetterDone(t *testing.T) {
	f := &fake{unit: own}
	h := openDoor(t, f).Staff()
	for body, action := range map[string]string{`{"reason":"written"}`: "letter.done ", `{"undo":true,"reason":"came back"}`: "letter.undone "} {
		f.calls, f.audits = nil, nil
		w := ask(h, "POST", "/v1/letters/"+somebody+"/done", body)
		var x ledger.LetterDone
		if err := json.Unmarshal(w.Body.Bytes(), &x); err != nil || w.Code != 200 || (x.By == "karen") != (action == "letter.done ") || !slices.Equal(f.calls, []string{"letter of", "audit", "done"}) {
			t.Errorf("%d %s, asked %v", w.Code, w.Body, f.calls)
		}
		if a := f.audits[0]; a.Action != action+somebody || a.Person != somebody {
			t.Errorf("audit %+v", a)
		}
	}
	for err, code := range map[error]int{ledger.ErrNoLetter: http.StatusNotFound, ledger.ErrNoLetterDone: http.StatusConflict} {
		f.moved = err
		if w := ask(h, "POST", "/v1/letters/"+somebody+"/done", `{}`); w.Code != code {
			t.Errorf("%v: %d %s", err, w.Code, w.Body)
		}
	}
}
