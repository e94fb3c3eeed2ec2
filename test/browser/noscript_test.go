package browser

import (
	"strings"
	"testing"
	"time"
)

// TestWithoutJavaScript: what matters works in a browser that runs no scripts: sign in, see what patients read by a button, be refused a
// CPR number, save, approve, release, stop.
func TestWithoutJavaScript(t *testing.T) {
	p := patient{50}
	open(t).comes(t, p, xray)
	h := sit(t, karen)
	h.withoutScripts()
	h.visit("/")
	h.signIn()
	h.toText("reply-started")
	h.follow(h.w("templates.edit"))
	label := h.w("templates.edit.label")
	before, was := h.longest(), strings.TrimSpace(h.value(label))
	h.fill(label, was+" Tak for det.")
	time.Sleep(time.Second)
	if h.longest() != before {
		t.Fatal("the count changes by itself: a script runs")
	}
	h.press(h.w("templates.edit.show"))
	if h.longest() == before || !strings.HasSuffix(strings.TrimSpace(h.value(label)), "Tak for det.") {
		t.Errorf("the button shows %s characters as before, and %q is left of what was typed", h.longest(), h.value(label))
	}
	h.fill(label, was+" CPR "+someCPR)
	h.press(h.w("templates.edit.save"))
	h.reads(h.w("form.summary"), h.w("templates.found.id"))
	h.fill(label, was+" Tak for det.")
	h.press(h.w("templates.edit.save"))
	h.reads(h.w("templates.saved"))

	other := sit(t, ida)
	other.withoutScripts()
	other.visit("/templates")
	other.signIn()
	other.followIn(other.title("reply-started"), other.w("templates.open.read"))
	other.press(other.w("templates.approve"))
	other.reads(other.w("templates.approved.now"))

	h.h.reminder(t, p, "held")
	h.toReminder(p)
	h.follow(h.w("sent.release"))
	h.fill(h.w("sent.reason"), "It is the number of our case")
	h.press(h.w("sent.release.on"))
	h.press(h.w("sent.release.button"))
	h.reads(h.w("sent.released"))

	h.follow(h.w("nav.day"))
	h.reads(h.w("day.live.none"))
	h.follow(h.w("nav.stops"))
	h.choose(h.w("stops.what"), h.w("stops.what.unit", "Clinic 8"))
	h.press(h.w("stops.press"))
	h.reads(h.w("required.why"))
	h.tick(h.w("stops.why.wrong_time"))
	h.press(h.w("stops.press"))
	h.reads(h.w("stops.done"))
	h.follow(h.w("stops.resume.go"))
	h.fill(h.w("stops.mended"), "The clock was put right")
	h.fill(h.w("stops.asked-why"), "We looked at it")
	h.press(h.w("stops.resume.press"))
	other.follow(other.w("nav.stops"))
	other.follow(other.w("stops.confirm.go"))
	other.fill(other.w("stops.confirm.why"), "I looked as well")
	other.press(other.w("stops.confirm.press"))
	other.reads(other.w("stops.goes-on"))
}
