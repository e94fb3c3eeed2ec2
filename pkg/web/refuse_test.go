package web

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/husk-reminders/husk/pkg/ledger"
	"github.com/husk-reminders/husk/pkg/state"
)

func TestRefusals(t *testing.T) {
	person := "/v1/persons/" + somebody
	for _, x := range []struct {
		name, method, path, body string
		code                     int
		field                    string
	}{
		{"a national id in the path", "GET", "/v1/persons/0101701234?reason=x", "", 400, "key"},
		{"no reason", "GET", person, "", 400, "reason"},
		{"a reason with a national id", "GET", person + "?reason=asked+by+010170-1234", "", 400, "reason"},
		{"a reason with a number", "GET", person + "?reason=rang+20+12+34+56", "", 400, "reason"},
		{"a reason with a mail address", "GET", person + "?reason=a@b.example", "", 400, "reason"},
		{"a reason of two lines", "GET", person + "?reason=a%0ab", "", 400, "reason"},
		{"an unknown country", "POST", "/v1/persons/key", `{"country":"XX","id":"0101701234"}`, 400, "country"},
		{"no national id", "POST", "/v1/persons/key", `{"country":"DK","id":"01017012345"}`, 400, "id"},
		{"an id as a number", "POST", "/v1/persons/key", `{"country":"DK","id":101701234}`, 400, "id"},
		{"an unknown field", "POST", "/v1/persons/key", `{"country":"DK","0101701234":"x"}`, 400, "body"},
		{"two objects", "POST", "/v1/persons/key", `{"country":"DK","id":"0101701234"}{}`, 400, "body"},
		{"no JSON", "POST", "/v1/persons/key", `0101701234x`, 400, "body"},
		{"a body too large", "POST", "/v1/persons/key", `{"id":"` + strings.Repeat("0", maxBody) + `"}`, 413, "body"},
		{"no body", "POST", "/v1/persons/key", "", 400, "body"},
		{"torn JSON", "POST", "/v1/persons/key", `{"country":"DK","id":"0101701234`, 400, "body"},
		{"a list", "POST", "/v1/persons/key", `["0101701234"]`, 400, "body"},
		{"an unknown parameter", "GET", "/v1/reminders?0101701234=x", "", 400, "query"},
		{"a parameter of another path", "GET", "/v1/letters?person=" + somebody, "", 400, "query"},
		{"no letters at all", "GET", "/v1/letters?max=0", "", 400, "max"},
		{"too many letters", "GET", "/v1/letters?max=10001", "", 400, "max"},
		{"a number that is none", "GET", "/v1/reminders?max=0101701234x", "", 400, "max"},
		{"a reminder's person with a slip", "GET", "/v1/reminders?person=0101701234", "", 400, "person"},
		{"no role", "POST", "/v1/apikeys", `{"role":"0101701234","expires":"2026-05-01T00:00:00Z"}`, 400, "role"},
		{"a clerk of no unit", "POST", "/v1/apikeys", `{"role":"clerk","expires":"2026-05-01T00:00:00Z"}`, 400, "units"},
		{"a clerk of an unknown unit", "POST", "/v1/apikeys", `{"role":"clerk","units":["0101701234"],"expires":"2026-05-01T00:00:00Z"}`, 400, "units"},
		{"an auditor of a unit", "POST", "/v1/apikeys", `{"role":"auditor","units":["rh-eye"],"expires":"2026-05-01T00:00:00Z"}`, 400, "units"},
		{"a key for ever", "POST", "/v1/apikeys", `{"role":"auditor","expires":"2036-05-01T00:00:00Z"}`, 400, "expires"},
		{"a key of the past", "POST", "/v1/apikeys", `{"role":"auditor","expires":"2026-02-01T00:00:00Z"}`, 400, "expires"},
		{"a holder with a national id", "POST", "/v1/apikeys", `{"role":"auditor","holder":"0101701234","expires":"2026-05-01T00:00:00Z"}`, 400, "holder"},
		{"no key's id", "POST", "/v1/apikeys/0101701234/revoke", "", 400, "id"},
		{"a stop with something mended", "POST", "/v1/switches", `{"name":"all","on":true,"reason":"x","mended":"y"}`, 400, "mended"},
		{"confirming what nobody asked for", "POST", "/v1/switches/confirm", `{"name":"unit:rh-eye","reason":"x"}`, 400, "name"},
		{"a format that is none", "GET", person + "/consent?as=pdf&reason=x", "", 400, "as"},
		{"a yes without a notice", "POST", person + "/consent", `{"type":"granted","method":"desk","actor":{"kind":"self"},"purposes":["reminder"],"channels":["sms"]}`, 400, "notice.id"},
		{"an unknown unit's yes", "POST", person + "/consent", `{"type":"withdrawn","method":"desk","actor":{"kind":"self"},"scope":{"kind":"unit","ref":"nowhere"}}`, 400, "scope.ref"},
		{"said in the future", "POST", person + "/consent", `{"type":"withdrawn","method":"desk","actor":{"kind":"self"},"event_time":"2027-01-01T00:00:00Z"}`, 400, "event_time"},
		{"a national id for a role", "POST", person + "/consent", `{"type":"withdrawn","method":"desk","actor":{"kind":"staff","ref":"0101701234"}}`, 400, "actor.ref"},
		{"protection ended for one unit", "POST", person + "/consent", `{"type":"protection-ended","method":"register","actor":{"kind":"registry"},"scope":{"kind":"unit","ref":"rh-eye"}}`, 400, "scope.kind"},
		{"a death in one hospital", "POST", person + "/consent", `{"type":"deceased","method":"register","actor":{"kind":"registry"},"scope":{"kind":"hospital","ref":"ravnsholt"}}`, 400, "scope.kind"},
		{"a code by hand", "POST", person + "/addresses", `{"type":"verified","channel":"sms","address":"20123456","method":"code"}`, 400, "method"},
		{"a register by hand", "POST", person + "/addresses", `{"type":"verified","channel":"sms","address":"20123456","method":"krr","level":"claimed"}`, 400, "method"},
		{"a register's hearsay by hand", "POST", person + "/addresses", `{"type":"added","channel":"sms","address":"20123456","method":"nemsms"}`, 400, "method"},
		{"a landline", "POST", person + "/addresses", `{"type":"added","channel":"sms","address":"+46812345678","method":"staff"}`, 400, "address"},
		{"an address of no channel", "POST", person + "/addresses", `{"type":"added","channel":"fax","address":"20123456","method":"staff"}`, 400, "address"},
		{"more than the method proves", "POST", person + "/addresses", `{"type":"verified","channel":"sms","address":"20123456","method":"staff","level":"registered"}`, 400, "level"},
		{"a bounce by staff", "POST", person + "/addresses", `{"type":"failed","channel":"sms","address":"20123456"}`, 400, "type"},
		{"neither address nor hash", "POST", person + "/addresses", `{"type":"removed","channel":"sms"}`, 400, "address"},
		{"a proof of a hash", "POST", person + "/addresses", `{"type":"verified","channel":"sms","hash":"` + somebody + `","method":"desk-id"}`, 400, "address"},
		{"a bar without a reason", "POST", "/v1/addresses/bars", `{"channel":"sms","address":"20123456"}`, 400, "reason"},
		{"a bar of nothing", "POST", "/v1/addresses/bars", `{"channel":"sms","reason":"x"}`, 400, "address"},
		{"a bar of no number", "POST", "/v1/addresses/bars", `{"channel":"sms","address":"0101701234","reason":"x"}`, 400, "address"},
		{"a bar of no channel", "POST", "/v1/addresses/bars", `{"address":"20123456","reason":"x"}`, 400, "address"},
		{"a bar in an unknown country", "POST", "/v1/addresses/bars", `{"channel":"sms","country":"XX","address":"20123456","reason":"x"}`, 400, "country"},
		{"a release without a reason", "POST", "/v1/reminders/" + somebody + "/release", `{}`, 400, "reason"},
		{"a cancel of no reminder's id", "POST", "/v1/reminders/0101701234/cancel", `{"reason":"x"}`, 400, "id"},
		{"an audit of a national id", "GET", "/v1/audit?person=0101701234", "", 400, "person"},
		{"none of the audit", "GET", "/v1/audit?max=0", "", 400, "max"},
		{"too much of the audit", "GET", "/v1/audit?max=1000000", "", 400, "max"},
		{"a switch without a reason", "POST", "/v1/switches", `{"name":"all","on":true}`, 400, "reason"},
		{"a switch with a slip", "POST", "/v1/switches", `{"name":"unit:rh-eie","on":true,"reason":"x"}`, 400, "name"},
		{"a switch of no kind", "POST", "/v1/switches", `{"name":"everything","on":true,"reason":"x"}`, 400, "name"},
		{"an unknown template", "POST", "/v1/switches", `{"name":"template:da/remainder.sms","on":true,"reason":"x"}`, 400, "name"},
		{"an unknown carrier", "POST", "/v1/switches", `{"name":"carrier:fax","on":true,"reason":"x"}`, 400, "name"},
		{"an unknown pack", "POST", "/v1/switches", `{"name":"pack:xx-1","on":true,"reason":"x"}`, 400, "name"},
		{"resuming what is not stopped", "POST", "/v1/switches", `{"name":"all","on":false,"reason":"x"}`, 400, "name"},
		{"an unknown status", "GET", "/v1/reminders?status=lost", "", 400, "status"},
		{"an unknown unit", "GET", "/v1/reminders?unit=nowhere", "", 400, "unit"},
		{"none at all", "GET", "/v1/reminders?max=0", "", 400, "max"},
		{"too many", "GET", "/v1/reminders?max=1000000", "", 400, "max"},
		{"no reminder's id", "GET", "/v1/reminders/0101701234", "", 400, "id"},
		{"no dead letter's id", "GET", "/v1/dead/0?reason=x", "", 400, "id"},
		{"no reason for a dead letter", "GET", "/v1/dead/1", "", 400, "reason"},
		{"an unknown path", "GET", "/v1/nothing", "", 404, ""},
		{"a wrong method", "DELETE", person, "", 404, ""},
	} {
		f := &fake{}
		w := ask(openDoor(t, f).Staff(), x.method, x.path, x.body)
		var e Error
		if err := json.Unmarshal(w.Body.Bytes(), &e); err != nil || e.Text == "" {
			t.Errorf("%s: no error body: %s", x.name, w.Body)
		}
		if w.Code != x.code || e.Field != x.field {
			t.Errorf("%s: %d %s, want %d with field %q", x.name, w.Code, w.Body, x.code, x.field)
		}
		for _, secret := range []string{"0101701234", "010170-1234", "20123456", "812345678", "20 12 34 56"} {
			if strings.Contains(w.Body.String(), secret) {
				t.Errorf("%s: the answer repeats what was sent: %s", x.name, w.Body)
			}
		}
		if len(f.calls) != 0 {
			t.Errorf("%s: the ledger was asked: %v", x.name, f.calls)
		}
	}
}

func TestErrorsOfTheLedger(t *testing.T) {
	for _, x := range []struct {
		err  error
		code int
	}{
		{fmt.Errorf("x: %w", ErrNotFound), 404},
		{ledger.ErrNoReplay, 409},
		{fmt.Errorf("x: %w", ledger.ErrBehind), 503},
		{state.ErrNotCertified, 503},
		{fmt.Errorf("somebody 0101701234"), 500},
	} {
		w := ask(openDoor(t, &fake{err: x.err}).Staff(), "POST", "/v1/dead/3/replay", "")
		if w.Code != x.code || strings.Contains(w.Body.String(), "0101701234") {
			t.Errorf("%v: %d %s, want %d", x.err, w.Code, w.Body, x.code)
		}
	}
}

func TestSwitchesThatAre(t *testing.T) {
	for _, name := range []string{"all", "unit:rh-eye", "carrier:sms", "pack:dk-2019", "country:SE", "template:reminder", "template:da/reminder.sms", "template:da/reminder.sms@3f2a91c0"} {
		w := ask(openDoor(t, &fake{}).Staff(), "POST", "/v1/switches", `{"name":"`+name+`","on":true,"reason":"x"}`)
		if w.Code != http.StatusOK {
			t.Errorf("%s: %d %s", name, w.Code, w.Body)
		}
	}
}

func TestLongNumber(t *testing.T) {
	for s, is := range map[string]bool{
		"0101701234": true, "010170-1234": true, "131052A308T": true, "20 12 34 56": true, "+45 20 12 34 56": true, "INC0012345": false,
		"ward 4, room 12, bed 3": false, "": false, "v1.2.3": false, "٠١٠١٧٠١٢٣٤": true,
	} {
		if longNumber(s) != is {
			t.Errorf("%q: %v", s, !is)
		}
	}
}

func TestAddressesAreNotShown(t *testing.T) {
	f := &fake{}
	w := ask(openDoor(t, f).Staff(), "POST", "/v1/persons/"+somebody+"/addresses", `{"type":"verified","channel":"sms","address":"20 12 34 56","method":"desk-id"}`)
	if w.Code != http.StatusOK || strings.Contains(w.Body.String(), "34 56") || strings.Contains(w.Body.String(), "20123456") {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	if f.audits[0].Address != somebody {
		t.Errorf("the audit does not name the address by its hash: %+v", f.audits[0])
	}
}

func TestContentOfADeadLetterThatIsNoText(t *testing.T) {
	w := ask(openDoor(t, &fake{}).Staff(), "GET", "/v1/dead/3?reason=x", "")
	var d DeadLetter
	if err := json.Unmarshal(w.Body.Bytes(), &d); err != nil || d.Encoding != "base64" || d.Content != "/w==" {
		t.Errorf("%s: %v", w.Body, err)
	}
}

// Of a dead letter that came before its person was erased the answer tells that, and nothing else; for the caller it is done.
func TestReplayOfWhatIsForgotten(t *testing.T) {
	w := ask(openDoor(t, &fake{replayed: ledger.ErrForgotten}).Staff(), "POST", "/v1/dead/3/replay", "")
	if got := strings.TrimSpace(w.Body.String()); w.Code != http.StatusOK || got != `{"id":3,"refused":"it came before the person was erased"}` {
		t.Errorf("%d %s", w.Code, got)
	}
}

// Who is not let in to a list is told when to come again.
func TestOthersListsAreBeingMade(t *testing.T) {
	f := &fake{err: fmt.Errorf("%w: %w", ledger.ErrBusy, context.DeadlineExceeded)}
	for _, path := range []string{"/v1/reminders", "/v1/letters"} {
		w := ask(openDoor(t, f).Staff(), "GET", path, "")
		if w.Code != http.StatusServiceUnavailable || w.Header().Get("Retry-After") != "5" {
			t.Errorf("%s: %d, Retry-After %q", path, w.Code, w.Header().Get("Retry-After"))
		}
	}
}
