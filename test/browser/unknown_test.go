package browser

import "testing"

// TestDoubt: of a message that may have left or not a clerk writes down what the carrier says, and nothing is sent by that.
func TestDoubt(t *testing.T) {
	p := patient{12}
	house := open(t)
	before := house.carrier.took.Load()
	house.doubtful(t, p, ortho)
	h := signedIn(t, bo)
	h.follow(h.w("nav.unknown"))
	h.follow(h.w("unknown.settle.button"))
	h.reads(h.w("unknown.nothing.text.email"))
	h.press(h.w("unknown.save"))
	h.reads(h.w("form.summary"), h.w("required.outcome"), h.w("required.reason"))
	h.looks()
	h.tick(h.w("unknown.left"))
	h.fill(h.w("unknown.reason"), "The carrier's support has it")
	h.press(h.w("unknown.save"))
	h.reads(h.w("unknown.settled.left"), h.w("unknown.none"))
	h.looks()
	house.reminder(t, p, "accepted")
	if n := house.carrier.took.Load() - before; n != 1 {
		t.Errorf("the carrier got %d messages", n)
	}
}
