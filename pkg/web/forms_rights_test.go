package web_test

import (
	"encoding/json"
	"html"
	"maps"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/husk-reminders/husk/pkg/web"
)

// formRights says of each kind of form which row of the matrix it does the same as, and how the audit calls it. UNIT is the unit that
// everything is of. Forms without a row are about the session of whoever sends them: may is said here.
var formRights = map[string]struct{ operation, what, audit, may string }{
	"/language": {may: "yyyyyyy"},
	"/role":     {may: "yyyyyyy"},
	"/sign-out": {may: "yyyyyyy", audit: "session.end "},
	"/day/wall": {may: "yyyyy-y", audit: "session.wall "},

	"/stops":         {operation: "switch.set", what: "stop a unit", audit: "switch.stop unit:UNIT"},
	"/stops/resume":  {operation: "switch.set", what: "ask for a unit", audit: "switch.ask unit:UNIT"},
	"/stops/confirm": {operation: "switch.confirm", what: "for a unit", audit: "switch.confirm unit:UNIT"},

	"/templates/*/*/edit":       {operation: "template.save", audit: "template.save "},
	"/templates/*/*/approve":    {operation: "template.approve", audit: "template.approve "},
	"/templates/*/*/discard":    {operation: "template.discard", what: "somebody else's", audit: "template.discard "},
	"/templates/*/*/unschedule": {operation: "template.unschedule", audit: "template.unschedule "},
	"/templates/*/*/rollback":   {operation: "template.rollback", audit: "template.rollback "},

	"/people":                      {operation: "person.key", audit: "person.key"},
	"/people/*":                    {may: "y--yy--"}, // remembers why; what is shown then is asked for then
	"/people/*/reach":              {operation: "person.explain", audit: "person.explain"},
	"/people/*/yes":                {operation: "consent.record", what: "a yes for a unit", audit: "consent.granted"},
	"/people/*/no":                 {operation: "consent.record", what: "a no", audit: "consent.withdrawn"},
	"/people/*/care-ended":         {operation: "consent.record", what: "the end of a unit's care", audit: "consent.care-ended"},
	"/people/*/guardian":           {operation: "consent.record", what: "custody", audit: "consent.custody"},
	"/people/*/guardians/*/end":    {operation: "consent.record", what: "custody ended", audit: "consent.custody-ended"},
	"/people/*/protected":          {operation: "consent.record", what: "protection", audit: "consent.protected"},
	"/people/*/deceased":           {operation: "consent.record", what: "a death", audit: "consent.deceased"},
	"/people/*/address":            {operation: "address.record", audit: "address.verified"},
	"/people/*/addresses/*/*/end":  {operation: "address.record", audit: "address.removed"},
	"/people/*/addresses/*/unmask": {operation: "address.unmask", audit: "address.unmask"},
	"/people/*/code":               {operation: "code.send", audit: "code.send"},
	"/people/*/code/*":             {operation: "code.check", audit: "code.check"},
	"/people/*/registers":          {operation: "address.ask", audit: "address.ask"},
	"/people/*/export":             {operation: "consent.export", audit: "consent.export"},
	"/numbers/wrong":               {operation: "address.wrong", audit: "address.wrong_number"},
	"/numbers/stop":                {operation: "address.bar", what: "STOP", audit: "address.bar"},

	"/replies/wishes/*/take":        {operation: "reply.take", audit: "reply.take "},
	"/replies/wishes/*/done":        {operation: "reply.done", audit: "reply.done "},
	"/replies/misdeliveries/*/take": {operation: "misdelivery.take", audit: "misdelivery.take "},
	"/replies/misdeliveries/*/done": {operation: "misdelivery.done", audit: "misdelivery.done "},

	"/sent":           {may: "y--yy--", audit: "reminder.find"}, // in the units of whoever asks
	"/sent/*/text":    {operation: "reminder.text", audit: "reminder.text "},
	"/sent/*/release": {operation: "reminder.release", audit: "reminder.release "},
	"/sent/*/cancel":  {operation: "reminder.cancel", audit: "reminder.cancel "},
	"/letters/*/done": {operation: "letter.done", audit: "letter.done "},
	"/letters/*/undo": {operation: "letter.done", what: "undone", audit: "letter.undone "},
	"/unknown/*/*":    {operation: "attempt.settle", what: "left", audit: "attempt.settle left "},

	"/carriers":          {operation: "carrier.list", audit: "carrier.list"},
	"/dead/*":            {operation: "dead.show", audit: "dead.show "},
	"/dead/*/replay":     {operation: "dead.replay", audit: "dead.replay "},
	"/sessions/*/revoke": {operation: "session.revoke", audit: "session.revoke "},
	"/keys/*/revoke":     {operation: "apikey.revoke", audit: "apikey.revoke "},
}

// typed is what somebody types and chooses, by field. Every other field has what the page has in it: what is chosen, else the first.
var typed = map[string]string{
	"reason": "asked by phone", "mended": "CASE-8", "note": "shorter", "id": "0101701234", "guardian": web.GuardianID, "address": "20123456", "code": "123456", "age": "40",
	"channels": "sms", "purposes": "reminder", "notice.id": "n-1", "notice.hash": "We remind you of appointments.", "notice.language": "da",
	"system": "his", "appointment": "A-1", "name": "unit:UNIT", "scope.ref": "unit:UNIT",
	"text": "Husk din aftale {weekday} {date} {time} på {unit}. Afbud {phone}. Stop sms: svar STOP",
}

// filled is a form as somebody sends it.
func (f theForm) filled(t *testing.T, unit string) url.Values {
	values := maps.Clone(f.hidden)
	for _, x := range f.fields {
		v, ok := typed[x.name]
		switch {
		case ok:
			values.Set(x.name, strings.ReplaceAll(v, "UNIT", unit))
		case x.kind == "checkbox":
		case x.value == "" && x.required:
			t.Errorf("%s: nothing is typed into the field %s", f.action, x.name)
		default:
			values.Set(x.name, x.value)
		}
	}
	if strings.HasSuffix(kindOf(f.action), "/release") {
		values.Set("confirmed", "yes") // the second step; the first shows the message
	}
	return values
}

// danish are the texts of the pages in a file of words.
func danish(t *testing.T, file string) map[string]string {
	t.Helper()
	var words map[string]string
	b, err := os.ReadFile("pages/words/da/" + file)
	if err == nil {
		err = json.Unmarshal(b, &words)
	}
	if err != nil {
		t.Fatal(err)
	}
	return words
}

// Every form of every page, sent by every role about a thing of the own unit and of another's: it is done where the role and the units
// allow it. Where they do not, it is refused in words, and nothing is changed.
func TestEveryFormByEveryRoleAboutEveryUnit(t *testing.T) {
	c := newCounter(t)
	frame, day := danish(t, "frame.json"), danish(t, "day.json")
	names, grants := web.Callers()
	for _, unit := range []string{web.Own, web.Other} {
		c.Set(t, unit)
		forms := c.forms(unit)
		c.wantAll(forms)
		if got, want := slices.Sorted(maps.Keys(forms)), slices.Sorted(maps.Keys(formRights)); !slices.Equal(got, want) {
			t.Fatalf("forms of the pages %v\nin formRights      %v", got, want)
		}
		for i, g := range grants {
			token := c.Sit(t, "sends", g, "rang")
			for kind, f := range forms {
				row := formRights[kind]
				letters := row.may
				if letters == "" {
					letters = web.Matrix(row.operation, row.what)
				}
				if len(letters) != len(grants) {
					t.Fatalf("%s: no row %s %s of the matrix", kind, row.operation, row.what)
				}
				may := letters[i] == 'y' || letters[i] == 'u' && unit == web.Own
				at := strings.Join([]string{kind, "by", names[i], "about", unit}, " ")
				c.Set(t, unit)
				w := c.ask(token, http.MethodPost, f.action, f.filled(t, unit))
				body, audit := html.UnescapeString(w.Body.String()), strings.ReplaceAll(row.audit, "UNIT", unit)
				done := slices.ContainsFunc(c.Allowed(), func(action string) bool { return strings.HasPrefix(action, audit) })
				if may {
					if w.Code != http.StatusSeeOther && w.Code != http.StatusOK || !done && audit != "" || strings.Contains(body, `id="errors"`) {
						t.Errorf("%s: %d, in the audit %v: %s", at, w.Code, c.Allowed(), body)
					}
					continue
				}
				words := strings.Contains(body, frame["error.403.title"]) && strings.Contains(body, frame["may."+string(g.Role)]) || strings.Contains(body, day["stops.confirm.refused"])
				if w.Code != http.StatusForbidden || !words {
					t.Errorf("%s: %d %s", at, w.Code, body)
				}
				if changed := c.Changed(); len(changed) != 0 || done && audit != "" {
					t.Errorf("%s: refused, but it changed %v, and the audit has %v", at, changed, c.Allowed())
				}
			}
		}
	}
}
