package pages_test

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/husk-reminders/husk/pkg/reminder"
	"github.com/husk-reminders/husk/pkg/web"
)

// A code is sent, and the right one proves the number; other outcomes say what to do. The staff API is played here: no carrier answers.
func TestACode(t *testing.T) {
	h := newHouse(t)
	h.as("karen", orthoClerk)
	page := h.find("0707701234")
	h.sends(page+"/yes", yesForm()...)
	hash := reminder.AddressHash(strings.TrimPrefix(page, "/people/"))
	var answer any
	h.call = func(ctx context.Context, s web.Staff, method, path string, in, out any) error {
		if !strings.HasSuffix(path, "/codes") && !strings.HasSuffix(path, "/codes/check") && !strings.HasSuffix(path, "/verify") {
			return door.Call(ctx, s, method, path, in, out)
		}
		if err, ok := answer.(error); ok {
			return err
		}
		b, err := json.Marshal(answer)
		if err != nil {
			return err
		}
		return json.Unmarshal(b, out)
	}
	answer = web.CodeSent{Hash: hash, Sure: true}
	body := h.sends(page+"/code", "address", "20 12 34 56", "unit", ortho)
	h.tells(body, "people.code.sent")
	h.tells(body, "people.code.check.text")
	answer = web.CodeSent{Hash: hash}
	h.tells(h.sends(page+"/code", "address", "20 12 34 56", "unit", ortho), "people.code.unsure")
	check := page + "/code/" + string(hash)
	for _, c := range []struct {
		outcome, key string
		args         []any
	}{
		{"wrong", "people.code.wrong.other", []any{4}}, {"too_many", "people.code.over.too_many", nil},
		{"too_late", "people.code.over.too_late", nil}, {"no_code", "people.code.over.no_code", nil},
	} {
		answer = web.CodeChecked{Outcome: c.outcome, Left: 4}
		x := h.post(check, "code", "123456")
		h.tells(x.body, c.key, c.args...)
		if x.code != http.StatusUnprocessableEntity || strings.Contains(x.body, "123456") {
			t.Errorf("%s: %d", c.outcome, x.code)
		}
	}
	answer = web.CodeChecked{Outcome: "right", Proven: true}
	h.tells(h.sends(check, "code", "123456"), "people.code.right")
	for reason, key := range map[string]string{"limit": "people.code.why.limit", "barred": "reason.barred", "forbidden": "people.code.why.forbidden", "not_in_time": "people.code.why.not_in_time"} {
		answer = &web.Error{Text: "x", Reason: reason}
		x := h.post(page+"/code", "address", "20 12 34 56", "unit", ortho)
		h.tells(x.body, key)
		if x.code != http.StatusUnprocessableEntity {
			t.Errorf("%s: %d", reason, x.code)
		}
	}

	answer = json.RawMessage(`{"answers":[{"method":"nemsms","verdict":"yes","reserved":true},{"method":"krr","verdict":"unknown"}]}`)
	body = h.sends(page + "/registers")
	h.tells(body, "people.registers.yes", "NemSMS")
	h.tells(body, "people.registers.reserved", "NemSMS")
	h.tells(body, "people.registers.unknown", h.pages.Text("da", "people.proof.krr"))
	h.call = nil
	h.tells(h.sends(page+"/registers"), "people.registers.none")
}
