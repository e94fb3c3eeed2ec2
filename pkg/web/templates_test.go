package web

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/husk-reminders/husk/pkg/compose"
	"github.com/husk-reminders/husk/pkg/reminder"
	"github.com/husk-reminders/husk/pkg/template"
)

// editors is a door with a clerk's and an approver's key.
type editors struct {
	*testing.T
	f               *fake
	h               http.Handler
	clerk, approver string
}

func newEditors(t *testing.T) *editors {
	f := &fake{fourEyes: true}
	d := openDoor(t, f)
	d.addresses, d.keys = newLimit(10_000), newLimit(10_000)
	e := &editors{T: t, f: f, h: remote(t, d)}
	e.clerk = keyFor(t, d.open.api, Clerk, []string{own}, "karen").Key
	e.approver = keyFor(t, d.open.api, Approver, nil, "ole").Key
	return e
}

func (e *editors) post(key, path string, in, out any) (int, Error) {
	e.Helper()
	b, err := json.Marshal(in)
	if err != nil {
		e.Fatal(err)
	}
	w := call(e.h, key, "POST", "/v1/templates/"+path, string(b))
	var no Error
	if w.Code == 200 && out != nil {
		err = json.Unmarshal(w.Body.Bytes(), out)
	} else if w.Code != 200 {
		err = json.Unmarshal(w.Body.Bytes(), &no)
	}
	if err != nil {
		e.Fatalf("%s: %v: %s", path, err, w.Body)
	}
	return w.Code, no
}

func (e *editors) history() (h TemplateHistory) {
	e.Helper()
	w := call(e.h, e.clerk, "GET", "/v1/templates/da/reminder.sms", "")
	if err := json.Unmarshal(w.Body.Bytes(), &h); err != nil || w.Code != 200 {
		e.Fatalf("%d %s", w.Code, w.Body)
	}
	return h
}

func good(word string) string {
	return word + " {weekday} {date} {time} på {unit}. Afbud {phone}. Stop sms: svar STOP\n"
}

func TestTwoClerksSaveAtOnce(t *testing.T) {
	e := newEditors(t)
	var first ChangedTemplate
	e.f.kept.raced = func() { // between the second one's reading and writing
		code, no := e.post(e.clerk, "save", SaveTemplate{Name: "da/reminder.sms", Text: good("Husk"), Base: draftID, Note: "shorter"}, &first)
		if code != 200 || first.State != template.Draft || !first.Mine {
			t.Fatalf("%d %+v %+v", code, no, first)
		}
	}
	second := SaveTemplate{Name: "da/reminder.sms", Text: good("Velkommen"), Base: draftID}
	code, no := e.post(e.clerk, "save", second, nil)
	if code != 409 || no.Latest == nil || no.Latest.Text != good("Husk") || no.Latest.ID != first.ID || no.Latest.Note != "shorter" || no.Latest.By == "" {
		t.Fatalf("%d %+v", code, no)
	}
	second.Base = no.Latest.ID
	var merged ChangedTemplate
	if code, no := e.post(e.clerk, "save", second, &merged); code != 200 || merged.Base != first.ID {
		t.Fatalf("%d %+v", code, no)
	}
	h := e.history()
	for _, want := range []string{good("Husk"), good("Velkommen"), draftText, liveText} {
		if !slices.ContainsFunc(h.Versions, func(v TemplateVersion) bool { return v.Text == want }) {
			t.Errorf("lost: %s", want)
		}
	}
	if h.Draft != merged.ID || h.Head != merged.ID {
		t.Errorf("%+v", h.Template)
	}
}

func TestANationalIDIsNotSaved(t *testing.T) {
	for _, x := range []struct{ text, place string }{
		{"Husk\n{date} CPR 010170-1234 {time}", "line 2, column 12"},
		{"Husk {nothing} 0101701234", "line 1, column 16"}, // no template, and yet
		{"Order 12 34 56 78 {date}", "line 1, column 7"},
	} {
		e := newEditors(t)
		code, no := e.post(e.clerk, "save", SaveTemplate{Name: "da/reminder.sms", Text: x.text, Base: draftID}, nil)
		b, _ := json.Marshal(no)
		if code != 400 || no.Field != "text" || !strings.Contains(no.Text, x.place) || len(no.Problems) == 0 || strings.Contains(string(b), "1701234") || strings.Contains(string(b), "34 56") || strings.Contains(string(b), "1234") {
			t.Errorf("%q: %d %s", x.text, code, b)
		}
		if id := template.NewVersion("da/reminder.sms", []byte(x.text)).ID; e.f.kept.bodies[id] != nil || e.history().Draft != draftID {
			t.Errorf("%q is kept", x.text)
		}
		var m Measured
		if code, _ := e.post(e.clerk, "measure", MeasureText{Name: "da/reminder.sms", Text: x.text}, &m); code != 200 || m.Savable || len(m.Problems) == 0 {
			t.Errorf("%q: %d %+v", x.text, code, m)
		}
		if b, _ := json.Marshal(m); strings.Contains(string(b), "1234") || strings.Contains(string(b), "34 56") {
			t.Errorf("the value is told: %s", b)
		}
	}
}

func TestADraftThatWouldBeRefusedIsSavedAndNotApproved(t *testing.T) {
	for _, text := range []string{"Husk {date}", "Husk {no_such}", good("Udfyld skemaet."), good(strings.Repeat("Husk ", 60))} {
		e := newEditors(t)
		var saved ChangedTemplate
		if code, no := e.post(e.clerk, "save", SaveTemplate{Name: "da/reminder.sms", Text: text, Base: draftID}, &saved); code != 200 || len(saved.Problems) == 0 {
			t.Fatalf("%q: %d %+v", text, code, no)
		}
		code, no := e.post(e.approver, "approve", ApproveTemplate{ID: saved.ID}, nil)
		if code != 400 || len(no.Problems) == 0 || e.history().Live != liveID {
			t.Errorf("%q: %d %+v", text, code, no)
		}
	}
}

func TestItTakesAnotherPerson(t *testing.T) {
	e := newEditors(t)
	d := openDoor(t, e.f)
	h := remote(t, d)
	karens := keyFor(t, d.open.api, Approver, nil, "karen").Key // of who wrote it
	e2 := &editors{T: t, f: e.f, h: h, clerk: keyFor(t, d.open.api, Clerk, []string{own}, "karen").Key, approver: keyFor(t, d.open.api, Approver, nil, "ole").Key}
	var saved ChangedTemplate
	if code, no := e2.post(e2.clerk, "save", SaveTemplate{Name: "da/reminder.sms", Text: good("Husk"), Base: draftID}, &saved); code != 200 {
		t.Fatalf("%d %+v", code, no)
	}
	if code, no := e2.post(karens, "approve", ApproveTemplate{ID: saved.ID}, nil); code != 403 {
		t.Errorf("her own: %d %+v", code, no)
	}
	if code, no := e2.post(e2.approver, "approve", ApproveTemplate{ID: draftID}, nil); code != 409 {
		t.Errorf("another text than is open: %d %+v", code, no)
	}
	var x ChangedTemplate
	if code, no := e2.post(e2.approver, "approve", ApproveTemplate{ID: saved.ID}, &x); code != 200 || x.State != template.Serving || x.Change == nil || x.Change.Pending == nil {
		t.Fatalf("%d %+v %+v", code, no, x)
	}
	if got, _ := e.f.kept.live.Named("da/reminder.sms"); got.ID() != saved.ID {
		t.Errorf("%s is live", got.ID())
	}
	// One operator alone, over the socket, at a trial.
	f := &fake{}
	staff := openDoor(t, f).Staff()
	body, _ := json.Marshal(SaveTemplate{Name: "da/reminder.sms", Text: good("Husk"), Base: draftID})
	if w := ask(staff, "POST", "/v1/templates/save", string(body)); w.Code != 200 {
		t.Fatal(w.Body)
	}
	if w := ask(staff, "POST", "/v1/templates/approve", `{"id":"`+saved.ID+`"}`); w.Code != 200 {
		t.Error(w.Body)
	}
}

func TestWhatAChangeAdds(t *testing.T) {
	e := newEditors(t)
	text := "Husk din tid {weekday} {date} {time} på {unit}[, {entrance}]. Husk sygesikringsbevis – ĉu. Afbud {phone}. Stop sms: svar STOP\n"
	var m Measured
	if code, no := e.post(e.clerk, "measure", MeasureText{Name: "da/reminder.sms", Text: text, Unit: "rh-eye"}, &m); code != 200 {
		t.Fatalf("%d %+v", code, no)
	}
	if !slices.Equal(m.Change.Added, []string{"entrance"}) || len(m.Change.Removed) != 0 || m.Change.SegmentsTo <= m.Change.SegmentsFrom || m.Change.From != liveID {
		t.Errorf("%+v", m.Change)
	}
	if len(m.Letters) == 0 || m.Letters[0].Letter != "–" || m.Letters[0].Line != 1 || m.Letters[0].Column != 86 {
		t.Errorf("letters %+v", m.Letters)
	}
	if m.Units[0].Unit != "rh-eye" || m.Units[0].Ceiling != 1.5 || m.Using < 3 || len(m.Units) > 20 {
		t.Errorf("%d using, %+v", m.Using, m.Units)
	}
	samples := map[string]bool{}
	for _, p := range m.Previews {
		samples[p.Sample] = true
		if p.Text == "" && p.Refused == "" || p.Sample == "adult" && !strings.Contains(p.Text, "Husk din tid") {
			t.Errorf("%+v", p)
		}
	}
	for _, want := range []string{"adult", "child", "child-no-place", "long-name", "sami"} {
		if !samples[want] {
			t.Errorf("no preview of %s", want)
		}
	}
	// An e-mail has a subject, and names.
	mail := "Subject: Husk din aftale {date}\n\nHej[ {name}]\n\nHusk din aftale {date} {time} på {unit}. Afbud: {phone}. Svar STOP, hvis du ikke vil have flere.\n"
	if code, no := e.post(e.clerk, "measure", MeasureText{Name: "da/reminder.email", Text: mail}, &m); code != 200 {
		t.Fatalf("%d %+v", code, no)
	}
	for _, p := range m.Previews {
		if p.Sample == "sami" && (!strings.Contains(p.Text, "Ŋiŋŋá") || !strings.HasPrefix(p.Subject, "Husk din aftale ")) {
			t.Errorf("%+v", p)
		}
	}
}

// A list says where a text is missing, and what waits.
func TestListOfTemplates(t *testing.T) {
	e := newEditors(t)
	list := func(query string) (ts Templates) {
		t.Helper()
		w := call(e.h, e.clerk, "GET", "/v1/templates?"+query, "")
		if err := json.Unmarshal(w.Body.Bytes(), &ts); err != nil || w.Code != 200 {
			t.Fatalf("%d %s", w.Code, w.Body)
		}
		return ts
	}
	all := list("")
	if len(all.Templates) != 114 || len(all.Sets) == 0 {
		t.Errorf("%d templates, %d sets", len(all.Templates), len(all.Sets))
	}
	for query, want := range map[string][]string{
		"state=draft": {"da/reminder.sms"}, "state=approved": {"da/changed.sms"}, "purpose=verify&language=sv": {"sv/verify.sms"},
		"language=fi&channel=email&purpose=reminder": {"fi/reminder.email"}, "state=discarded": nil,
	} {
		var got []string
		for _, x := range list(query).Templates {
			got = append(got, x.Name)
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s: %v", query, got)
		}
	}
	x := setsOf(openDoor(t, &fake{}).open.api.uses(), func(compose.Use) bool { return true }, []string{"sv/reminder.sms"})
	i := slices.IndexFunc(x, func(s TemplateSet) bool { return s.Set == "reminder" && s.Channel == reminder.SMS })
	if !slices.Equal(x[i].Has, []string{"sv"}) || !slices.Contains(x[i].Missing, "da") || !slices.Contains(x[i].Without, "rh-eye") || slices.Contains(x[i].Without, "lv-mott1") {
		t.Errorf("%+v", x[i])
	}
}

func TestPendingIsBounded(t *testing.T) {
	f := &fake{unit: "rh-eye"}
	a := openDoor(t, f).open.api
	if p := a.pending(t.Context(), a.usesOf("da/reminder.sms")); p == nil || p.AtLeast || p.Count != 0 {
		t.Errorf("%+v", p) // the fake's one is of no purpose
	}
	f.err = fmt.Errorf("busy")
	if p := a.pending(t.Context(), a.usesOf("da/reminder.sms")); p != nil {
		t.Errorf("%+v", p)
	}
}

func TestScheduleCancelAndRollBack(t *testing.T) {
	e := newEditors(t)
	var x ChangedTemplate
	at := noon.Add(2 * time.Hour)
	if code, no := e.post(e.approver, "approve", ApproveTemplate{ID: draftID, From: at}, &x); code != 200 || x.State != template.Approved || !x.From.Equal(at) {
		t.Fatalf("%d %+v %+v", code, no, x)
	}
	if code, no := e.post(e.approver, "unschedule", MoveTemplate{ID: draftID, Reason: "not yet"}, &x); code != 200 || x.State != template.Draft {
		t.Fatalf("%d %+v %+v", code, no, x)
	}
	if code, _ := e.post(e.approver, "approve", ApproveTemplate{ID: draftID, From: at}, nil); code != 200 {
		t.Fatal(code)
	}
	e.f.later = 2 * time.Hour
	if h := e.history(); h.Live != draftID || !h.Since.Equal(at) {
		t.Errorf("%+v", h.Template)
	}
	if code, _ := e.post(e.approver, "rollback", MoveTemplate{ID: liveID}, nil); code != 400 {
		t.Errorf("without a reason: %d", code)
	}
	if code, no := e.post(e.approver, "rollback", MoveTemplate{ID: liveID, Reason: "patients ring"}, &x); code != 200 || x.State != template.Serving {
		t.Fatalf("%d %+v", code, no)
	}
	h := e.history()
	if h.Live != liveID || !h.Turns[0].Back || h.Turns[0].Reason != "patients ring" {
		t.Errorf("%+v", h.Turns)
	}
	if code, _ := e.post(e.approver, "approve", ApproveTemplate{ID: draftID, From: noon.Add(500 * 24 * time.Hour)}, nil); code != 400 {
		t.Errorf("far ahead: %d", code)
	}
}

// BenchmarkMeasure is the editor's live answer to a text of ten segments.
func BenchmarkMeasure(b *testing.B) {
	f := &fake{}
	units, packs, set := shipped()
	a := &API{o: Options{Ledger: f, Units: units, Packs: packs, Templates: f.texts(set), Versions: f.kept, Composer: composerOf(b, f.kept.live), Now: func() time.Time { return noon }}}
	text := good("Husk") + strings.Repeat("Mød i god tid, og tag noget at læse i med, for der kan være ventetid i dag. ", 20)
	in := &measureInput{MeasureText{Name: "da/reminder.sms", Text: text, Unit: own}}
	for b.Loop() {
		m, err := a.measure(b.Context(), &caller{actor: "karen", self: "karen"}, in)
		if err != nil || m.Units[0].Segments < 10 {
			b.Fatalf("%v %+v", err, m.Units)
		}
	}
}
