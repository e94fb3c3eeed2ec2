package pages_test

import (
	"context"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/husk-reminders/husk/pkg/compose"
	"github.com/husk-reminders/husk/pkg/gate"
	"github.com/husk-reminders/husk/pkg/ledger"
	"github.com/husk-reminders/husk/pkg/receipt"
	"github.com/husk-reminders/husk/pkg/reminder"
	"github.com/husk-reminders/husk/pkg/web"
)

// clerk is one of the first unit's.
func clerk() web.Grant { return web.Grant{Role: web.Clerk, Units: grants()[0].Units} }

// book has a booking system publish an appointment some days from now, of somebody who has said nothing, and waits for its reminders.
func book(t *testing.T, appointment string, days int) []ledger.ReminderView {
	t.Helper()
	unit := line.Units.Units()[0]
	b, err := json.Marshal(map[string]any{
		"system": "cosmic", "appointment": appointment, "revision": 1, "status": "booked", "start": now().AddDate(0, 0, days).Format(time.DateOnly) + "T12:00:00",
		"zone": unit.Zone, "minutes": 30, "unit": unit.ID,
		"patient": map[string]any{"id": fmt.Sprintf("010170%04d", 4000+len(appointment)), "country": "DK", "language": "da", "birth_date": "1970-01-01"},
	})
	if err == nil {
		err = line.Publish(t.Context(), "husk.events.cosmic."+unit.ID, "", b)
	}
	if err != nil {
		t.Fatal(err)
	}
	var found []ledger.ReminderView
	for range 600 {
		in := web.FindReminders{System: "cosmic", Appointment: appointment, Unit: unit.ID}
		if err := door.Call(t.Context(), web.Staff{Subject: "t", Name: "t", Role: web.Clerk, Units: []string{unit.ID}}, http.MethodPost, "/v1/reminders/find", in, &found); err != nil {
			t.Fatal(err)
		}
		if len(found) > 0 {
			return found
		}
		time.Sleep(5 * time.Millisecond)
	}
	dead, err := line.Ledger.DeadLetters(t.Context())
	t.Fatalf("the reminders do not come; not understood: %+v, %v", dead, err)
	return nil
}

// The life of what is planned, over the real line: found by its appointment, looked at, taken back; and nobody can release it.
func TestFindAReminderAndTakeItBack(t *testing.T) {
	h := newHouse(t)
	all := book(t, "A/1=x", 9)
	h.as("sent", clerk())
	if x := h.post("/sent", "system", "cosmic", "appointment", ""); x.code != http.StatusUnprocessableEntity || !strings.Contains(x.body, `value="cosmic"`) {
		t.Errorf("without an appointment: %d", x.code)
	}
	if x := h.post("/sent", "system", "cosmic", "appointment", strings.Repeat("x", 200)); x.code != http.StatusUnprocessableEntity || !strings.Contains(x.body, said(h, "wrong.appointment")) {
		t.Errorf("an appointment that is none: %d", x.code)
	}
	if x := h.post("/sent", "system", "cosmic", "appointment", "no such"); x.code != http.StatusOK || !strings.Contains(x.body, said(h, "sent.none.found")) {
		t.Errorf("no such appointment: %d", x.code)
	}
	x := h.post("/sent", "system", "cosmic", "appointment", "A/1=x")
	r := all[0]
	path, whose := "/sent/"+string(r.ID), "?person="+string(r.Person)
	if len(all) == 1 && x.to() != path+whose || len(all) > 1 && !strings.Contains(x.body, path+whose) {
		t.Fatalf("%d reminders: %d to %q", len(all), x.code, x.to())
	}
	if x := h.get("/sent?person=" + string(r.Person)); !strings.Contains(x.body, path+whose) {
		t.Errorf("of the person: %d", x.code)
	}
	if x := h.get("/sent?status=planned"); !strings.Contains(x.body, path+whose) || !strings.Contains(x.body, `value="cosmic"`) {
		t.Errorf("of the status: %d", x.code)
	}
	x = h.get(path + whose)
	if x.code != http.StatusOK || !strings.Contains(x.body, said(h, "sent.step.planned")) || strings.Contains(x.body, "/release") || !strings.Contains(x.body, path+"/cancel"+whose) {
		t.Errorf("its page: %d %s", x.code, x.body)
	}
	checkHTML(t, "life", "da", x.body)

	// The staff API refuses what the page does not offer.
	if x := h.post(path+"/release"+whose, "reason", "because", "confirmed", "yes"); x.code != http.StatusConflict {
		t.Errorf("released: %d", x.code)
	}
	if x := h.post(path+"/text"+whose, "reason", "0101701234"); x.code != http.StatusUnprocessableEntity || !strings.Contains(x.body, said(h, "wrong.reason")) {
		t.Errorf("a number as the reason: %d", x.code)
	}
	x = h.post(path+"/text"+whose, "reason", "rang")
	if x.code != http.StatusOK || !strings.Contains(x.body, said(h, "sent.text.would")) || !strings.Contains(x.body, `class="sent-words"`) {
		t.Errorf("the text: %d %s", x.code, x.body)
	}
	checkHTML(t, "text", "da", x.body)

	if x := h.post(path+"/cancel"+whose, "reason", " "); x.code != http.StatusUnprocessableEntity || !strings.Contains(x.body, `href="#f-reason"`) {
		t.Errorf("without a reason: %d", x.code)
	}
	if x := h.post(path+"/cancel"+whose, "reason", "moved by phone"); x.code != http.StatusSeeOther || x.to() != path+whose {
		t.Errorf("taken back: %d to %q", x.code, x.to())
	}
	x = h.get(path + whose)
	if !strings.Contains(x.body, said(h, "sent.cancelled")) || !strings.Contains(x.body, said(h, "sent.why.clerk")) || strings.Contains(x.body, "/cancel") {
		t.Errorf("after that: %s", x.body)
	}
	if x := h.post(path+"/cancel"+whose, "reason", "again"); x.code != http.StatusUnprocessableEntity || !strings.Contains(x.body, said(h, "sent.cancel.late")) {
		t.Errorf("twice: %d", x.code)
	}
	h.as("other", web.Grant{Role: web.Clerk, Units: []string{line.Units.Units()[1].ID}})
	if x := h.get(path + whose); x.code != http.StatusForbidden {
		t.Errorf("a clerk of another unit: %d", x.code)
	}
}

// said is a Danish text as it stands in a page.
func said(h *house, key string, args ...any) string {
	return strings.NewReplacer("&", "&amp;", "'", "&#39;", `"`, "&#34;").Replace(h.pages.Text("da", key, args...))
}

// Letters over the real line: provisional ones, downloaded, marked done and put back.
func TestLetterList(t *testing.T) {
	h := newHouse(t)
	book(t, "=B-22-letter", 12)
	if _, err := line.Sweep(t.Context(), "previews"); err != nil {
		t.Fatal(err)
	}
	h.as("letters", clerk())
	x := h.get("/letters")
	if x.code != http.StatusOK || !strings.Contains(x.body, "=B-22-letter") || !strings.Contains(x.body, said(h, "reason.no_basis")) {
		t.Fatalf("the list: %d %s", x.code, x.body)
	}
	if strings.Index(x.body, "=B-22-letter") < strings.Index(x.body, said(h, "letters.so-far.text")) {
		t.Error("it is not among those so far")
	}
	checkHTML(t, "letters", "da", x.body)
	unit := grants()[0].Units[0]

	file := h.get("/letters/download/" + unit)
	if d := file.header.Get("Content-Disposition"); file.code != http.StatusOK || !strings.HasPrefix(d, "attachment; filename=husk-letters-"+unit) || !strings.HasPrefix(file.header.Get("Content-Type"), "text/csv") {
		t.Errorf("the file: %d %s", file.code, d)
	}
	body, ok := strings.CutPrefix(file.body, "\ufeff")
	read := csv.NewReader(strings.NewReader(body))
	read.Comma = ';'
	rows, err := read.ReadAll()
	if err != nil || !ok || len(rows) < 2 || len(rows[0]) != 9 {
		t.Fatalf("the file: %v %q", err, file.body)
	}
	found := false
	for _, row := range rows[1:] {
		if row[6] == "'=B-22-letter" {
			found = row[3] == "Europe/Copenhagen" && row[5] == "cosmic" && row[1] == h.pages.Text("da", "letters.so-far") && row[7] == h.pages.Text("da", "reason.no_basis")
		}
	}
	if !found {
		t.Errorf("the file: %q", rows)
	}
	if x := h.get("/letters/download/"); x.code != http.StatusForbidden {
		t.Errorf("a clerk gets all units: %d", x.code)
	}

	_, rest, _ := strings.Cut(x.body[strings.Index(x.body, "=B-22-letter"):], `action="/letters/`)
	id, _, _ := strings.Cut(rest, "/done")
	if x := h.post("/letters/"+id+"/done", "unit", unit); x.code != http.StatusSeeOther || x.to() != "/letters?unit="+unit {
		t.Errorf("done: %d to %q", x.code, x.to())
	}
	x = h.get("/letters?unit=" + unit)
	if !strings.Contains(x.body, said(h, "letters.marked")) || !strings.Contains(x.body, "/letters/"+id+"/undo") || strings.Contains(x.body, "/letters/"+id+"/done") {
		t.Errorf("after it was done: %s", x.body)
	}
	checkHTML(t, "letters done", "da", x.body)
	if x := h.post("/letters/"+id+"/undo", "unit", unit); x.code != http.StatusSeeOther {
		t.Errorf("undone: %d", x.code)
	}
	if x := h.get("/letters"); !strings.Contains(x.body, "/letters/"+id+"/done") {
		t.Error("it is not on the list again")
	}
	h.as("reader", web.Grant{Role: web.Incident})
	if x := h.get("/letters"); !strings.Contains(x.body, "=B-22-letter") || strings.Contains(x.body, "/done") || !strings.Contains(x.body, `href="/letters/download/"`) {
		t.Errorf("an incident officer: %d", x.code)
	}
	if x := h.get("/letters/download/"); x.code != http.StatusOK || !strings.Contains(x.body, "=B-22-letter") {
		t.Errorf("an incident officer's file: %d", x.code)
	}
	if x := h.get("/letters/download/no-such"); x.code != http.StatusBadRequest {
		t.Errorf("of no unit: %d", x.code)
	}
}

const (
	heldID = "1-00000000000000000000000000000a01"
	whoID  = "1-00000000000000000000000000000b01"
	claim  = "0123456789abcdef0123456789ab"
)

// scene answers for the staff API where a reminder is concerned, as things would stand in it.
type scene struct {
	life   web.Life
	text   web.Text
	doubts []web.Doubt
	posted []string
	bodies []any
	err    error // of what changes something
}

func (s *scene) call(ctx context.Context, by web.Staff, method, path string, in, out any) error {
	u, err := url.Parse(path)
	if err != nil {
		return err
	}
	var answer any
	switch {
	case method == http.MethodPost:
		s.posted, s.bodies = append(s.posted, u.Path), append(s.bodies, in)
		return s.err
	case strings.HasSuffix(u.Path, "/life"):
		answer = s.life
	case strings.HasSuffix(u.Path, "/text"):
		answer = s.text
	case u.Path == "/v1/attempts":
		answer = s.doubts
	default:
		return door.Call(ctx, by, method, path, in, out)
	}
	b, err := json.Marshal(answer)
	if err == nil {
		err = json.Unmarshal(b, out)
	}
	return err
}

// refusal is the staff API's no to a release, as it answers for a reminder that is not held.
func refusal(t *testing.T) error {
	t.Helper()
	r := book(t, "C-refused-one", 15)[0]
	err := door.Call(t.Context(), web.Staff{Subject: "t", Name: "t", Role: web.Clerk, Units: grants()[0].Units}, http.MethodPost, "/v1/reminders/"+string(r.ID)+"/release", web.Why{Reason: "x"}, nil)
	if err == nil {
		t.Fatal("released")
	}
	return err
}

func held(reason string, fs ...reminder.Finding) *scene {
	at := now().Add(-time.Hour)
	s := &scene{}
	s.life.Complete = true
	s.life.Reminder = ledger.ReminderView{
		ID: heldID, Person: whoID, System: "cosmic", Unit: grants()[0].Units[0], Purpose: reminder.Remind, Start: at.AddDate(0, 0, 3), Due: at, Expires: at.AddDate(0, 0, 2),
		Route: "sms", Status: receipt.Held, Since: at, Reason: reason, Findings: fs,
	}
	s.life.Steps = []web.LifeStep{
		{LifeStep: ledger.LifeStep{At: at, What: "planned", Due: at, Route: "sms"}},
		{LifeStep: ledger.LifeStep{At: at, What: "held", Reason: reason, Findings: fs, Template: "da/reminder.sms@3f2a91c0"}},
	}
	s.text = web.Text{ID: heldID, Held: true, Shown: compose.Shown{Template: "da/reminder.sms@3f2a91c0", Language: "da", Channel: reminder.SMS}}
	part := compose.ShownPart{Kind: reminder.PartText, Text: "Husk ████ tid. Æ ██████-████ slut"}
	for i, f := range fs {
		part.Findings = append(part.Findings, compose.ShownFinding{Kind: f.Kind, Name: f.Name, Layout: f.Layout, Fact: f.Fact, Offset: 17, Length: 11 - 4*i, Releasable: f.Releasable})
	}
	s.text.Parts = []compose.ShownPart{part, {Kind: reminder.PartSender, Text: "Klinik"}}
	return s
}

// A held national id has no release button, and a release that somebody makes up is refused with why and what to do.
func TestAHeldNationalIDCantBeReleased(t *testing.T) {
	h := newHouse(t)
	h.as("held", clerk())
	no := refusal(t)
	for name, f := range map[string]reminder.Finding{
		"national": {Kind: "cpr", Name: "CPR-nummer", Layout: "6-4", Part: reminder.PartText, Offset: 18, Length: 11},
		"third":    {Kind: "third", Part: reminder.PartText, Fact: "place", Offset: 18, Length: 11},
	} {
		s := held(f.Kind, f)
		h.call, s.err = s.call, no
		path := "/sent/" + heldID
		for _, tag := range tags {
			x := h.get(path+"?person="+whoID, "Accept-Language", tag)
			checkHTML(t, name+" life "+tag, tag, x.body)
			if x.code != http.StatusOK || strings.Contains(x.body, "/release") || !strings.Contains(x.body, strings.ReplaceAll(h.pages.Text(tag, "finding."+name+".do"), "'", "&#39;")) {
				t.Errorf("%s: its page: %d %s", name, x.code, x.body)
			}
			x = h.get(path+"/release?person="+whoID, "Accept-Language", tag)
			checkHTML(t, name+" release "+tag, tag, x.body)
			main := x.body[strings.Index(x.body, "<main"):strings.Index(x.body, "</main>")]
			if x.code != http.StatusOK || strings.Contains(main, "<form") || !strings.Contains(main, strings.ReplaceAll(h.pages.Text(tag, "sent.never.text"), "'", "&#39;")) {
				t.Errorf("%s: the page to release it: %d %s", name, x.code, main)
			}
			x = h.do(http.MethodPost, path+"/text", url.Values{"reason": {"rang"}}, "Accept-Language", tag)
			checkHTML(t, name+" text "+tag, tag, x.body)
			if !strings.Contains(x.body, `<mark><a href="#finding-1">`) || !strings.Contains(x.body, `<span>██████-████</span></mark> slut`) || strings.Contains(x.body, "/release") {
				t.Errorf("%s: its text: %s", name, x.body)
			}
		}
		if len(s.posted) != 0 {
			t.Errorf("posted %v", s.posted)
		}
		x := h.post(path+"/release", "reason", "it is fine", "confirmed", "yes")
		main := x.body[strings.Index(x.body, "<main"):strings.Index(x.body, "</main>")]
		if x.code != http.StatusConflict || len(s.posted) != 1 || strings.Contains(main, "<form") || !strings.Contains(main, said(h, "sent.never.text")) {
			t.Errorf("%s: a release that was made up: %d %s", name, x.code, main)
		}
	}
}

// Digits that nothing explains are released in two steps: why, and are you sure.
func TestDigitsAreReleasedWithAReason(t *testing.T) {
	h := newHouse(t)
	h.as("digits", clerk())
	s := held("digits", reminder.Finding{Kind: "digits", Layout: "6-4", Part: reminder.PartText, Offset: 18, Length: 11, Releasable: true}, reminder.Finding{Kind: "hidden", Part: reminder.PartText, Offset: 18, Length: 7})
	s.life.Reminder.Releasable = true
	h.call = s.call
	path := "/sent/" + heldID + "/release"
	if x := h.get("/sent/" + heldID); !strings.Contains(x.body, `href="`+path) {
		t.Errorf("no way to release it: %s", x.body)
	}
	if x := h.post(path, "reason", "", "confirmed", "yes"); x.code != http.StatusUnprocessableEntity || len(s.posted) != 0 {
		t.Errorf("without a reason: %d, %v", x.code, s.posted)
	}
	x := h.post(path, "reason", "a parking permit")
	if x.code != http.StatusOK || len(s.posted) != 0 || !strings.Contains(x.body, said(h, "sent.release.button")) || !strings.Contains(x.body, `value="a parking permit"`) {
		t.Errorf("the first step: %d, %v %s", x.code, s.posted, x.body)
	}
	// The two findings overlap: each letter says which lie over it.
	if !strings.Contains(x.body, `href="#finding-2"`) || strings.Count(x.body, "<mark>") != 2 {
		t.Errorf("the marks: %s", x.body)
	}
	checkHTML(t, "release", "da", x.body)
	x = h.post(path+"?person="+whoID, "reason", "a parking permit", "confirmed", "yes")
	if x.code != http.StatusSeeOther || x.to() != "/sent/"+heldID+"?person="+whoID || len(s.posted) != 1 || s.bodies[0] != (web.Why{Reason: "a parking permit"}) {
		t.Errorf("released: %d to %q, %v", x.code, x.to(), s.posted)
	}
	h.as("looks", web.Grant{Role: web.Incident})
	if x := h.get("/sent/" + heldID); x.code != http.StatusOK || strings.Contains(x.body, "/release") || strings.Contains(x.body, "/cancel") {
		t.Errorf("an incident officer: %d", x.code)
	}
}

// Every step that a reminder can come to is told in every language, with its reason, its rule and where that is from.
func TestTheTimeLine(t *testing.T) {
	h := newHouse(t)
	h.as("line", clerk())
	at := now().Add(-48 * time.Hour)
	s := held("")
	s.life.Reminder.Status, s.life.Complete = receipt.Unknown, false
	s.life.Reminder.Attempts = []ledger.AttemptView{{Number: 1, Claim: claim, Route: "sms", Channel: reminder.SMS, Status: receipt.Unknown, Intended: at}}
	s.life.Steps = nil
	for i, what := range []string{
		"planned", "moved", "asked", "denied", "released", "intended", "accepted", "delivered", "undelivered", "held", "expired", "cancelled", "not_begun", "refused", "unknown", "rejected", "settled",
	} {
		x := web.LifeStep{LifeStep: ledger.LifeStep{At: at.Add(time.Duration(i) * time.Minute), What: what, Attempt: 1, Reference: claim, Channel: reminder.SMS}}
		switch what {
		case "asked":
			x.Reason = string(gate.KillSwitch)
		case "denied":
			x.Reason, x.Pack = string(gate.StaleVerification), "dk-2019"
			x.Decision = []gate.Step{
				{Rule: gate.RulePack, Value: "dk-2019", Answer: gate.Yes, Source: "a pack"},
				{Rule: gate.RuleFresh, Value: "not before 2020", Answer: gate.No, Source: "dk-2019: the oldest proof that counts"},
			}
		case "released":
			x.Reason, x.By = "a parking permit", "karen"
		case "settled":
			x.Reason, x.By, x.Code = "rejected", "ole", receipt.ByHand
		case "rejected":
			x.Code = "no"
		}
		s.life.Steps = append(s.life.Steps, x)
	}
	h.call = s.call
	for _, tag := range tags {
		x := h.get("/sent/"+heldID, "Accept-Language", tag)
		checkHTML(t, "time line "+tag, tag, x.body)
		for _, want := range []string{
			h.pages.Text(tag, "reason.stale_verification"), h.pages.Text(tag, "rule.fresh"), "dk-2019: the oldest proof that counts", h.pages.Text(tag, "reason.kill_switch"),
			h.pages.Text(tag, "rule.switches"), "a parking permit", h.pages.Text(tag, "sent.code", "no"), h.pages.Text(tag, "sent.step.settled.not_left"),
			h.pages.Text(tag, "sent.incomplete.text"), "/unknown/" + heldID + "/" + claim, "(Europe/Copenhagen)",
		} {
			if !strings.Contains(x.body, strings.ReplaceAll(want, "'", "&#39;")) {
				t.Errorf("%s: %q is missing", tag, want)
			}
		}
		if n := strings.Count(x.body, "<h3>"); n != len(s.life.Steps) {
			t.Errorf("%s: %d steps", tag, n)
		}
	}
}

// What became of an attempt is said with a reason, and nothing is sent by it.
func TestSettleAnAttempt(t *testing.T) {
	h := newHouse(t)
	h.as("settle", clerk())
	s := held("")
	s.life.Reminder.Status = receipt.Unknown
	s.life.Reminder.Attempts = []ledger.AttemptView{{Number: 1, Claim: claim, Route: "sms", Status: receipt.Unknown, Intended: now().Add(-50 * time.Hour), Code: "slow"}}
	s.doubts = []web.Doubt{{Doubt: ledger.Doubt{Reference: claim, Reminder: heldID, Person: whoID, Unit: grants()[0].Units[0], Purpose: reminder.Remind, Route: "sms", Channel: reminder.SMS, At: now().Add(-50 * time.Hour)}, Hours: 50}}
	h.call = s.call
	path := "/unknown/" + heldID + "/" + claim
	for _, tag := range tags {
		x := h.get("/unknown", "Accept-Language", tag)
		checkHTML(t, "unknown "+tag, tag, x.body)
		if x.code != http.StatusOK || !strings.Contains(x.body, path+"?person="+whoID) {
			t.Errorf("%s: the list: %d %s", tag, x.code, x.body)
		}
		x = h.get(path, "Accept-Language", tag)
		checkHTML(t, "settle "+tag, tag, x.body)
		if x.code != http.StatusOK || !strings.Contains(x.body, strings.ReplaceAll(h.pages.Text(tag, "unknown.nothing.text"), "'", "&#39;")) {
			t.Errorf("%s: the page: %d", tag, x.code)
		}
	}
	if x := h.post(path, "outcome", "", "reason", "support"); x.code != http.StatusUnprocessableEntity || len(s.posted) != 0 || !strings.Contains(x.body, `href="#f-outcome"`) || !strings.Contains(x.body, `value="support"`) {
		t.Errorf("without an answer: %d %v", x.code, s.posted)
	}
	x := h.post(path, "outcome", "not_left", "reason", "support")
	if x.code != http.StatusSeeOther || x.to() != "/unknown" || len(s.posted) != 1 || s.posted[0] != "/v1/attempts/"+claim+"/settle" || s.bodies[0] != (web.Settle{Outcome: "not_left", Reason: "support"}) {
		t.Errorf("settled: %d to %q, %v", x.code, x.to(), s.posted)
	}
	if x := h.get("/unknown/" + heldID + "/fedcba9876543210fedcba987654"); x.code != http.StatusNotFound {
		t.Errorf("no such attempt: %d", x.code)
	}
	s.life.Reminder.Attempts[0].Status = receipt.Delivered
	if x := h.get(path); x.code != http.StatusOK || !strings.Contains(x.body, said(h, "unknown.answered.text")) || strings.Contains(x.body, `name="outcome"`) {
		t.Errorf("the carrier has answered: %d", x.code)
	}
	s.life.Reminder.Attempts[0].Status, s.life.Reminder.Attempts[0].By = receipt.Accepted, "ole"
	if x := h.get(path); !strings.Contains(x.body, said(h, "unknown.said", "ole")) || !strings.Contains(x.body, `value="left" checked`) {
		t.Errorf("said before: %s", x.body)
	}
}
