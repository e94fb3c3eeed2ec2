package browser

import (
	"regexp"
	"strconv"
	"testing"
)

// figure is a figure of the day.
func (h *hand) figure(name string) int {
	h.t.Helper()
	m := regexp.MustCompile(regexp.QuoteMeta(name) + `\s+(\d+)`).FindStringSubmatch(flat(h.text()))
	if m == nil {
		h.t.Fatalf("there is no figure %q:\n%s", name, h.text())
	}
	n, err := strconv.Atoi(m[1])
	if err != nil {
		h.t.Fatal(err)
	}
	return n
}

// TestTheDayComesByItself: the page on the wall counts on without being loaded again, until it is paused.
func TestTheDayComesByItself(t *testing.T) {
	h := signedIn(t, bo)
	h.follow(h.w("nav.day"))
	h.waits(h.w("day.live.on"))
	h.must("(window.stays = true)", nil)
	over := h.figure(h.w("day.f.over"))
	p := patient{30}
	h.h.welcome(t, p)
	h.h.book(t, p, ortho, soon)
	eventually(t, "the figures do not change", func() bool { return h.figure(h.w("day.f.over")) == over+1 })
	var stays bool
	if h.must("window.stays === true", &stays); !stays {
		t.Error("the page was loaded again")
	}
	h.step("reads one more under %q, without loading the page again", h.w("day.f.over"))
	h.click("button", h.w("day.live.pause"), "")
	h.waits(h.w("day.live.off"))
	h.waits(h.w("day.live.go-on"))
}
