package web

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/husk-reminders/husk/pkg/ledger"
	"github.com/husk-reminders/husk/pkg/template"
)

// touching are the requests that read or change a person, and what each asks of the ledger beside the audit.
var touching = []struct{ method, path, body, action, call string }{
	{"GET", "/v1/reminders?person=" + somebody, "", "reminder.list", "reminders"},
	{"GET", "/v1/letters", "", "letter.list", "letters   1000"},
	{"GET", "/v1/letters?unit=rh-eye&only=unknown_unit&max=7", "", "letter.list", "letters rh-eye unknown_unit 7"},
	{"GET", "/v1/letters/done?unit=rh-eye", "", "letter.seen", "letters done rh-eye"},
	{"POST", "/v1/reminders/find", `{"system":"his","appointment":"A-1"}`, "reminder.find", "find his A-1"},
	{"GET", "/v1/attempts?unit=rh-eye", "", "attempt.list", "doubts rh-eye"},
	{"POST", "/v1/persons/key", `{"country":"DK","id":"0101701234"}`, "person.key", ""},
	{"GET", "/v1/persons/" + somebody + "?reason=called", "", "person.show", "people"},
	{"POST", "/v1/persons/" + somebody + "/consent", `{"type":"withdrawn","method":"phone","actor":{"kind":"self"}}`, "consent.withdrawn", "consent"},
	{
		"POST", "/v1/persons/" + somebody + "/consent",
		`{"type":"granted","method":"desk","actor":{"kind":"self"},"purposes":["reminder"],"channels":["sms"],"notice":` + notice + `}`, "consent.granted", "consent",
	},
	{"POST", "/v1/persons/" + somebody + "/addresses", `{"type":"added","channel":"sms","address":"20123456","method":"staff"}`, "address.added", "contact"},
	{"POST", "/v1/persons/" + somebody + "/addresses", `{"type":"wrong","channel":"sms","hash":"` + somebody + `"}`, "address.wrong", "contact"},
	{"POST", "/v1/persons/" + somebody + "/verify", `{"reason":"rang"}`, "address.ask", "verify karen " + somebody},
	{"POST", "/v1/switches", `{"name":"all","on":true,"reason":"test"}`, "switch.stop all", "switch"},
	{"POST", "/v1/switches", `{"name":"unit:rh-eye","on":false,"reason":"test"}`, "switch.resume unit:rh-eye", "switch"},
	{"POST", "/v1/addresses/bars", `{"channel":"sms","address":"20 12 34 56","reason":"letter"}`, "address.bar", "stop +4520123456 staff"},
	{"POST", "/v1/addresses/bars", `{"channel":"email","address":"a@b.dk","lifted":true,"reason":"letter"}`, "address.unbar", "start a@b.dk staff"},
	{"POST", "/v1/addresses/wrong", `{"channel":"sms","address":"20 12 34 56","reason":"rang"}`, "address.wrong_number", "wrong number +4520123456 staff"},
	{"GET", "/v1/day?unit=rh-eye", "", "day.show", "day"},
	{"GET", "/v1/replies/wishes", "", "reply.wishes", "wishes "},
	{"GET", "/v1/replies/wishes?unit=rh-eye", "", "reply.wishes", "wishes rh-eye"},
	{"GET", "/v1/replies/misdeliveries?unit=rh-eye", "", "reply.misdeliveries", "misdeliveries rh-eye"},
	{"GET", "/v1/audit", "", "audit.list", "audits  100"},
	{"GET", "/v1/audit?max=7&reason=complaint&person=" + somebody, "", "audit.list", "audits " + somebody + " 7"},
	{"GET", "/v1/persons/" + somebody + "/consent?as=fhir&reason=asked", "", "consent.export", "people"},
	{"POST", "/v1/persons/" + somebody + "/explain", `{"purpose":"reminder","unit":"rh-eye","reason":"asked"}`, "person.explain", "explain"},
	{"GET", "/v1/switches", "", "switch.list", ""},
	{"GET", "/v1/templates", "", "template.list", ""},
	{"GET", "/v1/templates/da/reminder.sms", "", "template.show da/reminder.sms", "reminders"},
	{"POST", "/v1/templates/measure", `{"name":"da/reminder.sms","text":"Husk {date}"}`, "template.measure da/reminder.sms", ""},
	{"POST", "/v1/templates/save", `{"name":"da/reminder.sms","text":"Husk {date}","base":"` + draftID + `"}`, "template.save " + template.NewVersion("da/reminder.sms", []byte("Husk {date}")).ID, "write da/reminder.sms"},
	{"POST", "/v1/templates/approve", `{"id":"` + draftID + `"}`, "template.approve " + draftID, "write da/reminder.sms"},
	{"POST", "/v1/templates/unschedule", `{"id":"` + waitID + `","reason":"x"}`, "template.unschedule " + waitID, "write da/changed.sms"},
	{"POST", "/v1/templates/discard", `{"id":"` + draftID + `"}`, "template.discard " + draftID, "write da/reminder.sms"},
	{"POST", "/v1/templates/rollback", `{"id":"` + fileID + `","reason":"x"}`, "template.rollback " + fileID, "write da/reminder.sms"},
	{"GET", "/v1/apikeys", "", "apikey.list", ""},
	{"GET", "/v1/sessions", "", "session.list", ""},
	{"GET", "/v1/dead", "", "dead.list", "dead"},
	{"GET", "/v1/dead/3?reason=why", "", "dead.show 3", "dead letter"},
	{"POST", "/v1/dead/3/replay", "", "dead.replay 3", "replay"},
}

func TestTheAuditComesFirst(t *testing.T) {
	for _, x := range touching {
		f := &fake{}
		w := ask(openDoor(t, f).Staff(), x.method, x.path, x.body)
		if w.Code != http.StatusOK {
			t.Errorf("%s %s: %d %s", x.method, x.path, w.Code, w.Body)
			continue
		}
		if len(f.audits) != 1 || f.audits[0].Action != x.action || f.audits[0].Actor != "karen" {
			t.Errorf("%s %s: audit %+v", x.method, x.path, f.audits)
		}
		if i, j := slices.Index(f.calls, "audit"), slices.Index(f.calls, x.call); x.call != "" && (i < 0 || j < i) {
			t.Errorf("%s %s: asked in the order %v", x.method, x.path, f.calls)
		}
	}
}

func TestNoAuditNoAnswer(t *testing.T) {
	for _, x := range touching {
		f := &fake{noAudit: errors.New("disk full")}
		w := ask(openDoor(t, f).Staff(), x.method, x.path, x.body)
		if w.Code != http.StatusServiceUnavailable || !strings.Contains(w.Body.String(), "audit") {
			t.Errorf("%s %s: %d %s", x.method, x.path, w.Code, w.Body)
		}
		if len(f.calls) != 0 {
			t.Errorf("%s %s: the ledger was asked without an audit: %v", x.method, x.path, f.calls)
		}
	}
	for _, x := range moving {
		f := &fake{noAudit: errors.New("disk full")}
		if w := ask(openDoor(t, f).Staff(), "POST", x.path, `{"reason":"x"}`); w.Code != http.StatusServiceUnavailable || slices.Contains(f.calls, x.call) {
			t.Errorf("%s: %d %s: %v", x.path, w.Code, w.Body, f.calls)
		}
	}
	// The person of a reminder is known only when it was read; it is not told of without an audit.
	f := &fake{noAudit: errors.New("disk full")}
	if w := ask(openDoor(t, f).Staff(), "GET", "/v1/reminders/"+somebody, ""); w.Code != http.StatusServiceUnavailable || strings.Contains(w.Body.String(), somebody) {
		t.Errorf("a reminder: %d %s", w.Code, w.Body)
	}
}

// moving are the requests that move a reminder: its person is known only when it was read.
var moving = []struct{ path, call string }{
	{"/v1/reminders/" + somebody + "/release", "release"}, {"/v1/reminders/" + somebody + "/cancel", "cancel"},
}

func TestMovingAReminder(t *testing.T) {
	for _, x := range moving {
		f := &fake{}
		w := ask(openDoor(t, f).Staff(), "POST", x.path, `{"reason":"not on the carrier's list"}`)
		if w.Code != http.StatusOK || !slices.Equal(f.calls, []string{"reminders", "audit", x.call}) {
			t.Errorf("%s: %d %s, asked in the order %v", x.path, w.Code, w.Body, f.calls)
			continue
		}
		if a := f.audits[0]; a.Action != "reminder."+x.call+" "+somebody || a.Person != somebody || a.Reason != "not on the carrier's list" {
			t.Errorf("audit %+v", a)
		}
	}
	for path, err := range map[string]error{moving[0].path: ledger.ErrNotReleasable, moving[1].path: ledger.ErrNotWaiting} {
		f := &fake{moved: err}
		if w := ask(openDoor(t, f).Staff(), "POST", path, `{"reason":"x"}`); w.Code != http.StatusConflict || !strings.Contains(w.Body.String(), "held") {
			t.Errorf("%s: %d %s", path, w.Code, w.Body)
		}
	}
}

func TestNoActorNoAnswer(t *testing.T) {
	for _, x := range touching {
		f := &fake{}
		r := httptest.NewRequest(x.method, x.path, strings.NewReader(x.body))
		w := httptest.NewRecorder()
		openDoor(t, f).Staff().ServeHTTP(w, r)
		if w.Code != http.StatusBadRequest || len(f.calls) != 0 {
			t.Errorf("%s %s: %d %s, %v", x.method, x.path, w.Code, w.Body, f.calls)
		}
	}
}
