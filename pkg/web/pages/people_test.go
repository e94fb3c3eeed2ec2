package pages_test

import (
	"fmt"
	"html"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/husk-reminders/husk/pkg/consent"
	"github.com/husk-reminders/husk/pkg/contact"
	"github.com/husk-reminders/husk/pkg/gate"
	"github.com/husk-reminders/husk/pkg/policy"
	"github.com/husk-reminders/husk/pkg/reminder"
	"github.com/husk-reminders/husk/pkg/web"
)

const ortho = "rh-ortho"

var orthoClerk = web.Grant{Role: web.Clerk, Units: []string{ortho}}

// leaflet is the information that people of these tests were shown.
const leaflet = "We remind you of appointments.\nYou can stop it at any time."

// find looks somebody up and returns the path of their page.
func (h *house) find(id string) string {
	h.t.Helper()
	x := h.post("/people", "country", "DK", "id", id, "reason", "she rang")
	if x.code != http.StatusSeeOther || !strings.HasPrefix(x.to(), "/people/1-") {
		h.t.Fatalf("found: %d %s %s", x.code, x.to(), x.body)
	}
	return x.to()
}

// sends posts a form that must be taken, and returns the page that it leads to.
func (h *house) sends(path string, pairs ...string) string {
	h.t.Helper()
	x := h.post(path, pairs...)
	if x.code != http.StatusSeeOther {
		h.t.Fatalf("%s: %d %s", path, x.code, x.body)
	}
	y := h.get(x.to())
	if y.code >= http.StatusInternalServerError {
		h.t.Fatalf("%s leads to %s: %d %s", path, x.to(), y.code, y.body)
	}
	return y.body
}

// tells wants a text of the program on a page.
func (h *house) tells(body, key string, args ...any) {
	h.t.Helper()
	if !h.says(body, key, args...) {
		h.t.Errorf("the page does not say %q (%s)", h.pages.Text("da", key, args...), key)
	}
}

func (h *house) says(body, key string, args ...any) bool {
	return strings.Contains(html.UnescapeString(body), h.pages.Text("da", key, args...))
}

// yesForm is the form of a yes to a unit; what is given counts in place of what it has.
func yesForm(instead ...string) []string {
	return append(instead, []string{
		"type", "granted", "actor.kind", "self", "method", "desk", "purposes", "reminder", "channels", "sms", "channels", "email", "scope.ref", "unit:" + ortho,
		"notice.id", "leaflet-1", "notice.hash", leaflet, "notice.language", "da",
	}...)
}

// A person from the first look to a yes, a proven address and a no, as a clerk goes through it.
func TestAPersonByAClerk(t *testing.T) {
	h := newHouse(t)
	h.as("karen", orthoClerk)
	const cpr = "0101701234"
	page := h.find(cpr)
	if strings.Contains(page, cpr) {
		t.Errorf("the id is in the path %s", page)
	}
	x := h.get(page)
	if x.code != http.StatusForbidden || !h.says(x.body, "people.stranger.text") {
		t.Fatalf("a stranger: %d %s", x.code, x.body)
	}

	body := h.sends(page+"/yes", yesForm("recorded_by", "desk 2")...)
	h.tells(body, "people.yes.done")
	h.tells(body, "people.type.granted")
	h.tells(body, "people.worth.granted")
	h.tells(body, "people.method.desk")
	h.tells(body, "people.recorded", "desk 2")
	h.tells(body, "people.addresses.none")
	if reachable(h, body) {
		t.Error("a person without an address may be written to")
	}
	if next := h.get(page + "/yes").body; !strings.Contains(next, "leaflet-1") || strings.Contains(next, "We remind you") {
		t.Error("the information used last is not filled in by its fingerprint")
	}

	body = h.sends(page+"/address", "channel", "sms", "address", "20 12 34 56", "method", "desk-id")
	h.tells(body, "people.address.done")
	h.tells(body, "people.state.usable")
	h.tells(body, "people.proof.desk-id")
	if strings.Contains(body, "20123456") || strings.Contains(body, "20 12 34 56") {
		t.Error("the address is on the page")
	}

	if h.tells(body, "people.reach.ageless"); reachable(h, body) {
		t.Error("somebody of whom nobody knows the age may be written to")
	}
}

// reachable reports whether a person's page says that something may be sent.
func reachable(h *house, body string) bool { return h.says(body, "people.basis.consent") }

// Somebody with an appointment: may we write, which rules are behind it, what is planned; and a no that ends it all.
func TestAPersonWithAnAppointment(t *testing.T) {
	h := newHouse(t)
	const appointment = "of-somebody-whom-a-clerk-looks-at-on-her-page"
	planned := book(t, appointment, 20)
	h.as("karen", orthoClerk)
	page := h.find(fmt.Sprintf("010170%04d", 4000+len(appointment)))
	body := h.get(page).body
	h.tells(body, "reason.no_basis")
	h.tells(body, "rule.consent")
	h.tells(body, "people.ask.may", "SMS")
	for _, r := range planned {
		if !strings.Contains(body, `href="/sent/`+string(r.ID)+`"`) {
			t.Error("a reminder is not on the page")
		}
	}
	h.sends(page+"/yes", yesForm()...)
	h.tells(h.get(page).body, "reason.unverified")
	body = h.sends(page+"/address", "channel", "sms", "address", "20 11 22 33", "method", "desk-id")
	if !reachable(h, body) && !h.says(body, "reason.outside_window") { // at night and on Sundays every rule but the last is met
		t.Error("somebody with a yes and a proven number may not be written to")
	}
	all := h.get(page + "/reach")
	for _, key := range []string{"purpose.reminder", "purpose.changed", "purpose.cancelled", "rule.bar", "rule.deceased", "people.answer.yes", "people.answer.no"} {
		h.tells(all.body, key)
	}

	body = h.sends(page+"/no", "type", "withdrawn", "actor.kind", "self", "method", "phone", "scope.ref", "controller")
	h.tells(body, "people.no.done")
	h.tells(body, "people.worth.withdrawn")
	h.tells(body, "reason.withdrawn")
	h.tells(body, "rule.consent")
}

// An address is shown in full by a deliberate act alone, in the answer to it, and no page has it later.
func TestUnmaskAnAddress(t *testing.T) {
	h := newHouse(t)
	h.as("karen", orthoClerk)
	page := h.find("0202701234")
	h.sends(page+"/yes", yesForm()...)
	body := h.sends(page+"/address", "channel", "email", "address", "inger@example.org", "method", "staff")
	link := ""
	for _, to := range links(t, body, "main") {
		if strings.HasSuffix(to, "/unmask") {
			link = to
		}
	}
	if link == "" {
		t.Fatal("no way to the address")
	}
	asked := h.get(link)
	h.tells(asked.body, "people.unmask.warn.text")
	if strings.Contains(asked.body, "inger@") {
		t.Error("the address is there before a reason is")
	}
	if x := h.post(link); x.code != http.StatusUnprocessableEntity || strings.Contains(x.body, "inger@") {
		t.Errorf("without a reason: %d", x.code)
	}
	if x := h.post(link, "reason", "write to 20123456"); x.code != http.StatusUnprocessableEntity || strings.Contains(x.body, "inger@") {
		t.Errorf("with a number as the reason: %d", x.code)
	}
	x := h.post(link, "reason", "the appointment is tomorrow")
	if x.code != http.StatusOK || !strings.Contains(x.body, "inger@example.org") || x.header.Get("Cache-Control") != "no-store" {
		t.Errorf("%d %v", x.code, x.header)
	}
	checkHTML(t, "unmasked", "da", x.body)
	if again := h.get(page); strings.Contains(again.body, "inger@") {
		t.Error("the person's page has the address")
	}
	end := ""
	for _, to := range links(t, body, "main") {
		if strings.HasSuffix(to, "/end") {
			end = to
		}
	}
	body = h.sends(end, "type", "wrong")
	h.tells(body, "people.address.ended")
	h.tells(body, "people.state.wrong")
}

// What is known of a person: a guardian, a protected address, death, the end of care; and their ends.
func TestWhatIsKnownOfAPerson(t *testing.T) {
	h := newHouse(t)
	h.as("karen", orthoClerk)
	page := h.find("0303151234")
	h.sends(page+"/yes", yesForm("care_contact", "yes")...)

	body := h.sends(page+"/guardian", "guardian_country", "DK", "guardian", "0404801234", "method", "register", "no_place", "yes")
	h.tells(body, "people.guardian.done")
	h.tells(body, "people.noplace")
	end := ""
	for _, to := range links(t, body, "main") {
		if strings.HasSuffix(to, "/end") {
			end = to
		}
	}
	h.tells(h.sends(end, "method", "register"), "people.guardians.none")
	for _, bad := range []string{"", "12345", "0303151234"} {
		x := h.post(page+"/guardian", "guardian_country", "DK", "guardian", bad, "method", "register")
		if x.code != http.StatusUnprocessableEntity || bad != "" && strings.Contains(x.body, bad) {
			t.Errorf("a guardian %q: %d", bad, x.code)
		}
		checkHTML(t, "guardian "+bad, "da", x.body)
	}

	body = h.sends(page+"/yes", yesForm("actor.kind", "guardian", "guardian_country", "DK", "guardian", "0404801234")...)
	h.tells(body, "people.actor.guardian")
	h.tells(h.sends(page+"/protected", "type", "protected", "method", "register", "actor.ref", "CPR"), "people.protected.is")
	if body = h.sends(page+"/protected", "type", "protection-ended", "method", "register", "actor.ref", "CPR"); h.says(body, "people.protected.is") {
		t.Error("the address is protected still")
	}
	h.tells(h.sends(page+"/deceased", "type", "deceased", "method", "letter", "actor.ref", "ward"), "people.deceased.is")
	if body = h.sends(page+"/deceased", "type", "not-deceased", "method", "letter", "actor.ref", "ward"); h.says(body, "people.deceased.is") {
		t.Error("the person is dead still")
	}
	if x := h.post(page+"/deceased", "type", "protected", "method", "letter"); x.code != http.StatusUnprocessableEntity {
		t.Errorf("another fact: %d", x.code)
	}
	h.tells(h.sends(page+"/care-ended", "scope.ref", "unit:"+ortho), "people.type.care-ended")
}

// What is wrong with a form is told at its field in the reader's language, and what was typed is still there, but for what must not be.
func TestWrongFormsOfPeople(t *testing.T) {
	h := newHouse(t)
	h.as("karen", orthoClerk)
	page := h.find("0505701234")
	h.sends(page+"/yes", yesForm()...)
	tomorrow := now().AddDate(0, 0, 2).Format(time.DateOnly)
	for name, x := range map[string]struct {
		path string
		form []string
		key  string
		keep string
	}{
		"no id":                  {"/people", []string{"country", "DK", "reason", "she rang"}, "required.id", "she rang"},
		"an id of no country":    {"/people", []string{"country", "DK", "id", "12", "reason", "she rang"}, "wrong.id", "she rang"},
		"a number as the reason": {"/people", []string{"country", "DK", "id", "0101701234", "reason", "rang from 20123456"}, "wrong.reason", ""},
		"a why with an address":  {page, []string{"reason", "a@b.example"}, "wrong.reason", ""},
		"a yes to nothing":       {page + "/yes", append(yesForm()[:8], yesForm()[12:]...), "required.channels", "leaflet-1"},
		"a yes in the future":    {page + "/yes", yesForm("event_time", tomorrow), "wrong.event_time", "leaflet-1"},
		"a yes on no day":        {page + "/yes", yesForm("event_time", "today"), "people.date.wrong", "leaflet-1"},
		"a yes that has ended":   {page + "/yes", yesForm("valid_until", "2001-01-01"), "wrong.valid_until", ""},
		"a yes of no guardian":   {page + "/yes", yesForm("actor.kind", "guardian"), "people.guardian.who", ""},
		"recorded by a number":   {page + "/no", []string{"type", "withdrawn", "actor.kind", "self", "method", "phone", "scope.ref", "controller", "recorded_by", "0101701234"}, "wrong.recorded_by", ""},
		"a period in words":      {page + "/yes", yesForm("address_age", "a year"), "wrong.address_age", "a year"},
		"a landline":             {page + "/address", []string{"channel", "sms", "address", "call her", "method", "desk-id"}, "wrong.address", "call her"},
		"a code to no number":    {page + "/code", []string{"address", "x", "unit", ortho}, "wrong.address", ""},
		"a code of letters":      {page + "/code/" + strings.TrimPrefix(page, "/people/"), []string{"code", "abc"}, "wrong.code", ""},
		"a wrong wrong number":   {"/numbers/wrong", []string{"channel", "sms", "address", "1", "reason", "rang"}, "wrong.address", ""},
		"a STOP without a why":   {"/numbers/stop", []string{"what", "stop", "channel", "sms", "address", "20123456"}, "required.reason", "20123456"},
	} {
		y := h.post(x.path, x.form...)
		if y.code != http.StatusUnprocessableEntity || !h.says(y.body, x.key) || !strings.Contains(y.body, html.EscapeString(x.keep)) {
			t.Errorf("%s: %d, want %q: %s", name, y.code, h.pages.Text("da", x.key), text1(y.body))
		}
		checkHTML(t, name, "da", y.body)
		if strings.Contains(y.body, `value="0101701234"`) && x.path == "/people" {
			t.Errorf("%s: the id is in the page", name)
		}
	}
}

// text1 is what the errors of a page say.
func text1(body string) string {
	_, after, _ := strings.Cut(body, `id="errors"`)
	before, _, _ := strings.Cut(after, "</div>")
	return before
}

// Every page of a person is one that people can use, in every language, and asks why first where nobody said.
func TestEveryPageOfAPerson(t *testing.T) {
	h := newHouse(t)
	h.as("karen", orthoClerk)
	page := h.find("0606701234")
	h.sends(page+"/yes", yesForm()...)
	h.sends(page+"/address", "channel", "sms", "address", "20 65 43 21", "method", "desk-id")
	h.sends(page+"/guardian", "guardian_country", "DK", "guardian", "0404801234", "method", "desk")
	key := strings.TrimPrefix(page, "/people/")
	replace := strings.NewReplacer("{key}", key, "{guardian}", key, "{hash}", key, "{channel}", "sms")
	for _, row := range h.pages.Table() {
		if row.Method != http.MethodGet || !strings.HasPrefix(row.Pattern, "/people/") {
			continue
		}
		for _, tag := range tags {
			path := replace.Replace(row.Pattern)
			x := h.get(path, "Accept-Language", tag)
			if x.code != http.StatusOK {
				t.Errorf("%s %s: %d", tag, path, x.code)
				continue
			}
			checkHTML(t, tag+" "+path, tag, x.body)
		}
		bad := strings.NewReplacer("{key}", "x", "{guardian}", key, "{hash}", key, "{channel}", "sms").Replace(row.Pattern)
		if x := h.get(bad); x.code != http.StatusNotFound {
			t.Errorf("%s: %d", bad, x.code)
		}
	}
	h.as("ole", orthoClerk) // who has given no reason
	for _, path := range []string{page, page + "/reach"} {
		x := h.get(path)
		h.tells(x.body, "people.why.text")
		if h.says(x.body, "people.history.title") {
			t.Error("the person is shown to somebody who did not say why")
		}
	}
	h.tells(h.sends(page, "reason", "her appointment"), "people.looked", "her appointment")
}

// The record is handed out as a file, in the answer to a form.
func TestExportARecord(t *testing.T) {
	h := newHouse(t)
	h.as("karen", orthoClerk)
	page := h.find("0808701234")
	h.sends(page+"/yes", yesForm()...)
	for as, want := range map[string][3]string{
		"page": {"text/html; charset=utf-8", `attachment; filename="husk-consent-sv.html"`, "<html lang=\"sv\""},
		"fhir": {"application/fhir+json", `attachment; filename="husk-consent.fhir.json"`, `"resourceType": "Bundle"`},
	} {
		x := h.post(page+"/export", "as", as, "text_language", "sv", "reason", "she asked for it")
		if x.code != http.StatusOK || x.header.Get("Content-Type") != want[0] || x.header.Get("Content-Disposition") != want[1] || !strings.Contains(x.body, want[2]) || x.header.Get("Cache-Control") != "no-store" {
			t.Errorf("%s: %d %v %.300s", as, x.code, x.header, x.body)
		}
	}
	if x := h.post(page+"/export", "as", "page", "text_language", "xx", "reason", "x"); x.code != http.StatusUnprocessableEntity {
		t.Errorf("in no language: %d", x.code)
	}
}

// Whatever the closed lists hold has words, in every language.
func TestWordsOfPeople(t *testing.T) {
	h := newHouse(t)
	var keys []string
	add := func(prefix string, of ...any) {
		for _, x := range of {
			keys = append(keys, prefix+fmt.Sprint(x))
		}
	}
	for _, x := range consent.Types {
		add("people.type.", x)
	}
	for _, x := range consent.Statuses {
		add("people.worth.", x)
	}
	for _, x := range consent.Methods {
		add("people.method.", x)
	}
	for _, x := range consent.Actors {
		add("people.actor.", x)
	}
	for _, x := range policy.Methods {
		add("people.proof.", x)
	}
	for _, x := range policy.Bases {
		add("people.basis.", x)
	}
	add("people.level.", policy.Unproven, policy.Claimed, policy.Proven, policy.Registered)
	for _, x := range consent.Ceilings {
		add("people.class.", x)
	}
	for _, x := range gate.Rules {
		add("rule.", x)
	}
	for _, x := range append(gate.DenyReasons, gate.DeferReasons...) {
		add("reason.", x)
	}
	for _, x := range reminder.Purposes {
		add("purpose.", x)
	}
	for _, x := range reminder.Channels {
		add("channel.", x)
	}
	add("people.registers.", contact.Yes, contact.No, contact.Unknown)
	for _, key := range keys {
		for _, tag := range tags {
			if h.pages.Text(tag, key) == key {
				t.Errorf("%s: no words for %s", tag, key)
			}
		}
	}
}
