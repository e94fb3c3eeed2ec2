package browser

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
)

// toReminder finds a patient's reminder by the appointment.
func (h *hand) toReminder(p patient) {
	h.t.Helper()
	h.follow(h.w("nav.sent"))
	h.fill(h.w("sent.system"), bookingSystem)
	h.fill(h.w("sent.appointment"), p.appointment())
	h.press(h.w("sent.find.button"))
}

// apiKey is a new API key of a clerk for a unit.
func (h *house) apiKey(t *testing.T, unit string) string {
	t.Helper()
	out, code := h.husk(t, "apikey", "new", "--role", "clerk", "--unit", unit, "--holder", "browser-test", "--json")
	var k struct{ Key string }
	if err := json.Unmarshal([]byte(out), &k); code != 0 || err != nil || k.Key == "" {
		t.Fatalf("no API key: %d, %v", code, err)
	}
	return k.Key
}

// TestHeldForACPRNumber: nobody can release it, on the page, by the staff API, or by the command.
func TestHeldForACPRNumber(t *testing.T) {
	p := patient{10}
	open(t).comes(t, p, skin)
	h := signedIn(t, karen)
	r := h.h.reminder(t, p, "held")

	h.toReminder(p)
	h.reads(h.w("status.held"), h.w("sent.next.held.never"))
	h.readsNot(h.w("sent.release"))
	h.readsNot(someCPR)
	h.follow(h.w("sent.see.held"))
	h.fill(h.w("sent.reason"), "The patient rings")
	h.press(h.w("sent.see"))
	h.reads(h.w("sent.never"))
	h.readsNot(someCPR)
	h.looks()

	// Whoever knows the address of the page gets no button, and a form that no page has is refused.
	path := "/sent/" + r.ID + "/release?person=" + r.Person
	h.visit(path)
	h.reads(h.w("sent.never"))
	h.readsNot(h.w("sent.release.on"))
	if code := h.posts(path, "reason=it+is+fine&confirmed=yes"); code != http.StatusConflict {
		t.Errorf("a forged form: %d", code)
	}
	code, answer := h.h.askWithKey(t, h.h.apiKey(t, skin), http.MethodPost, "/v1/reminders/"+r.ID+"/release", map[string]string{"reason": "it is fine"})
	if code != http.StatusConflict || !strings.Contains(answer, "nobody can release") {
		t.Errorf("the staff API: %d %s", code, answer)
	}
	if out, code := h.h.husk(t, "reminder", "release", r.ID, "--reason", "it is fine"); code == 0 {
		t.Errorf("the command: %s", out)
	}
	h.h.reminder(t, p, "held")
	if n := len(h.h.sent(t, "311299")); n != 0 {
		t.Errorf("%d messages with the CPR number have left", n)
	}
}

// TestHeldForDigits: what nothing explains goes when a clerk has found out what it is, and says so.
func TestHeldForDigits(t *testing.T) {
	p := patient{11}
	open(t).comes(t, p, xray)
	h := signedIn(t, karen)
	h.h.reminder(t, p, "held")

	h.toReminder(p)
	h.reads(h.w("sent.next.held.release"))
	h.follow(h.w("sent.release"))
	h.fill(h.w("sent.reason"), "Case "+strings.Repeat("12345678", 2))
	h.press(h.w("sent.release.on"))
	h.reads(h.w("form.summary"), h.w("wrong.reason"))
	h.looks()
	h.fill(h.w("sent.reason"), "It is the number of our case")
	h.press(h.w("sent.release.on"))
	h.reads(h.w("sent.release.sure"))
	h.looks()
	if n := len(h.h.sent(t, p.phone())); n != 0 {
		t.Errorf("%d messages have left before the second step", n)
	}
	h.press(h.w("sent.release.button"))
	h.reads(h.w("sent.released"))
	eventually(t, "the message does not leave", func() bool { return len(h.h.sent(t, p.phone())) == 1 })
	if got := h.h.sent(t, p.phone())[0]; !strings.Contains(got, "12 34 56") {
		t.Errorf("the message is another by now:\n%s", got)
	}
}
