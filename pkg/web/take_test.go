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

	"github.com/husk-reminders/husk/pkg/contact"
	"github.com/husk-reminders/husk/pkg/ledger"
	"github.com/husk-reminders/husk/pkg/reminder"
)

// missed is a misdelivery.
const missed = "abcdef0123456789abcdef01"

func (f *fake) Take(_ context.Context, id, by string) (ledger.Taken, error) {
	if !somebodys(by) {
		return ledger.Taken{}, errors.New("taken by nobody")
	}
	return ledger.Taken{Owner: by, Since: noon}, f.call("take " + id)
}

func TestTake(t *testing.T) {
	f := &fake{unit: own, misses: []ledger.Misdelivery{{ID: missed, Address: somebody}}}
	h := openDoor(t, f).Staff()
	for path, want := range map[string]struct {
		id, action string
		person     reminder.PersonKey
	}{
		"/v1/replies/wishes/" + wished + "/take":        {wished, "reply.take ", somebody},
		"/v1/replies/misdeliveries/" + missed + "/take": {missed, "misdelivery.take ", ""},
	} {
		f.calls, f.audits = nil, nil
		w := ask(h, "POST", path, `{"reason":"mine"}`)
		var x Taken
		if err := json.Unmarshal(w.Body.Bytes(), &x); err != nil || x.ID != want.id || x.Owner != "karen" || !x.Since.Equal(noon) {
			t.Errorf("%d %s", w.Code, w.Body)
		}
		if a := f.audits[0]; a.Action != want.action+want.id || a.Person != want.person || a.Reason != "mine" || slices.Index(f.calls, "audit") > slices.Index(f.calls, "take "+want.id) {
			t.Errorf("audit %+v, asked %v", a, f.calls)
		}
		f.calls = nil
		other := strings.ReplaceAll(path, want.id, strings.Repeat("b", 24))
		if w := ask(h, "POST", other, `{}`); w.Code != http.StatusNotFound || slices.Contains(f.calls, "audit") {
			t.Errorf("of none: %d %s", w.Code, w.Body)
		}
	}
}

// What was done about a misdelivery has to be said, and is in the audit before it is noted.
func TestMisdeliveryDone(t *testing.T) {
	f := &fake{unit: own, misses: []ledger.Misdelivery{{ID: missed, Address: somebody}}}
	h := openDoor(t, f).Staff()
	path := "/v1/replies/misdeliveries/" + missed + "/done"
	if w := ask(h, "POST", path, `{}`); w.Code != http.StatusBadRequest || len(f.audits) != 0 {
		t.Errorf("without a reason: %d %s", w.Code, w.Body)
	}
	f.calls = nil
	w := ask(h, "POST", path, `{"reason":"told the patient"}`)
	var x Handled
	if err := json.Unmarshal(w.Body.Bytes(), &x); err != nil || x.ID != missed || !x.At.Equal(noon) {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	if a := f.audits[0]; a.Action != "misdelivery.done "+missed || a.Address != somebody || a.Reason != "told the patient" || slices.Index(f.calls, "audit") > slices.Index(f.calls, "handled "+missed) {
		t.Errorf("audit %+v, asked %v", a, f.calls)
	}
	if w := ask(h, "POST", strings.ReplaceAll(path, missed, strings.Repeat("b", 24)), `{"reason":"x"}`); w.Code != http.StatusNotFound {
		t.Errorf("of none: %d %s", w.Code, w.Body)
	}
}

func TestUnmask(t *testing.T) {
	theirs := reminder.AddressHash("1-00000000000000000000000000000001")
	f := &fake{unit: own, known: []contact.Record{
		{Hash: theirs, Channel: reminder.SMS}, // a hash alone is kept
		{Hash: theirs, Channel: reminder.SMS, Address: reminder.NewAddress(reminder.SMS, "+4520123456")},
	}}
	d := openDoor(t, f)
	h := d.Staff()
	path := "/v1/persons/" + somebody + "/unmask"
	body := `{"hash":"` + string(theirs) + `","reason":"she does not answer"}`
	w := ask(h, "POST", path, body)
	var x Unmasked
	if err := json.Unmarshal(w.Body.Bytes(), &x); err != nil || x.Address != "+4520123456" || x.Channel != reminder.SMS || !slices.Equal(f.calls, []string{"audit", "people"}) {
		t.Errorf("%d %s, asked %v", w.Code, w.Body, f.calls)
	}
	if a := f.audits[0]; a.Action != "address.unmask" || a.Person != somebody || a.Address != theirs || a.Reason != "she does not answer" {
		t.Errorf("audit %+v", a)
	}
	for body, field := range map[string]string{`{"hash":"20123456","reason":"x"}`: "hash", `{"reason":"x"}`: "hash", `{"hash":"` + string(theirs) + `"}`: "reason"} {
		var e Error
		if w := ask(h, "POST", path, body); json.Unmarshal(w.Body.Bytes(), &e) != nil || w.Code != 400 || e.Field != field {
			t.Errorf("%s: %d %s", body, w.Code, w.Body)
		}
	}
	f.noAudit, f.calls = errors.New("disk full"), nil
	if w := ask(h, "POST", path, body); w.Code != http.StatusServiceUnavailable || len(f.calls) != 0 {
		t.Errorf("without an audit: %d %s", w.Code, w.Body)
	}
	f.noAudit = nil
	if w := ask(h, "POST", path, strings.ReplaceAll(body, string(theirs), somebody)); w.Code != http.StatusNotFound {
		t.Errorf("an address that is not theirs: %d %s", w.Code, w.Body)
	}
	// So many within an hour, the ones that were nobody's too, and each caller for themself.
	for range DefaultUnmaskRate - 2 {
		if w := ask(h, "POST", path, body); w.Code != 200 {
			t.Fatalf("%d %s", w.Code, w.Body)
		}
	}
	f.audits = nil
	w = ask(h, "POST", path, body)
	if w.Code != http.StatusTooManyRequests || w.Header().Get("Retry-After") != "3600" || strings.Contains(w.Body.String(), "2012") || len(f.audits) != 1 {
		t.Errorf("%d %s, Retry-After %s, audit %+v", w.Code, w.Body, w.Header().Get("Retry-After"), f.audits)
	}
	if w := askAs(h, "ole", path, body); w.Code != 200 {
		t.Errorf("another one: %d %s", w.Code, w.Body)
	}
	f.later = time.Hour
	if w := ask(h, "POST", path, body); w.Code != 200 {
		t.Errorf("an hour later: %d %s", w.Code, w.Body)
	}
}
