package browser

import (
	"net/http"
	"testing"
	"time"
)

// clinic is what the pages call the unit in English.
const clinic = "Clinic 3"

// TestStop: one press stops a unit; it takes another person to go on.
func TestStop(t *testing.T) {
	h, p := signedIn(t, anna), patient{20}
	h.h.welcome(t, p)
	h.follow(h.w("nav.stops"))
	h.press(h.w("stops.press"))
	h.reads(h.w("form.summary"), h.w("required.why"))
	h.looks()
	h.tick(h.w("stops.why.wrong_text"))
	h.press(h.w("stops.press"))
	h.reads(h.w("stops.done"), h.w("stops.what.unit", clinic), h.w("stops.why.wrong_text"))
	h.h.book(t, p, ortho, soon)
	h.h.reminder(t, p, "due")

	h.follow(h.w("stops.resume.go"))
	h.fill(h.w("stops.mended"), "The text was put right")
	h.fill(h.w("stops.asked-why"), "We looked at it")
	h.press(h.w("stops.resume.press"))
	h.reads(h.w("stops.asked"), h.w("stops.another"))

	// Whoever asked confirms it in no role.
	h.as("approver")
	h.follow(h.w("nav.stops"))
	h.follow(h.w("stops.confirm.go"))
	h.fill(h.w("stops.confirm.why"), "I agree with myself")
	h.press(h.w("stops.confirm.press"))
	h.reads(h.w("stops.confirm.refused"))
	if h.code() != http.StatusForbidden {
		t.Errorf("who asked confirms: %d", h.code())
	}
	h.looks()
	time.Sleep(2 * time.Second)
	if n := len(h.h.sent(t, p.phone())); n != 0 {
		t.Fatalf("%d messages of a unit that is stopped", n)
	}

	other := signedIn(t, ida)
	other.follow(other.w("nav.stops"))
	other.follow(other.w("stops.confirm.go"))
	other.reads("The text was put right")
	other.fill(other.w("stops.confirm.why"), "I read the text")
	other.press(other.w("stops.confirm.press"))
	other.reads(other.w("stops.goes-on"), other.w("stops.none"))
	eventually(t, "what waited is not sent", func() bool { return len(h.h.sent(t, p.phone())) == 1 })
}
