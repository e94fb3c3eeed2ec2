package browser

import (
	"strings"
	"testing"

	"github.com/chromedp/chromedp/kb"
)

// tabTo presses Tab until what has the focus has some words, and demands that the focus can be seen all the way.
func (h *hand) tabTo(words string) {
	h.t.Helper()
	for range 120 {
		h.keys(kb.Tab)
		var at struct {
			Says, Seen bool
			What       string
		}
		h.must(`focused(`+quoted(words)+`)`, &at)
		if !at.Seen {
			h.t.Fatalf("at %s the focus cannot be seen on %s", h.path(), at.What)
		}
		if at.Says {
			h.step("comes to %q by Tab", words)
			return
		}
	}
	h.t.Fatalf("at %s no Tab comes to %q", h.path(), words)
}

// enter presses Enter and waits for the next page.
func (h *hand) enter() {
	h.t.Helper()
	h.step("presses Enter")
	h.leads(func() { h.keys(kb.Enter) })
}

// TestByKeyboardAlone: from the sign-in to a saved text without a mouse.
func TestByKeyboardAlone(t *testing.T) {
	h := sit(t, karen)
	h.visit("/")
	h.tabTo(h.w("layout.skip"))
	h.tabTo(h.w("signin.button"))
	h.enter()
	h.tabTo("Username:")
	h.keys(karen)
	h.tabTo("Password:")
	h.keys(passwordOf(karen))
	h.enter()
	h.tabTo(h.w("nav.templates"))
	h.enter()
	h.tabTo(h.title("reply-unread"))
	h.enter()
	h.tabTo(h.w("templates.edit"))
	h.enter()
	h.tabTo(h.w("templates.edit.label"))
	h.keys(kb.End + kb.Enter)
	text := h.value(h.w("templates.edit.label"))
	h.keys("x" + kb.Backspace)
	h.keys(kb.Backspace)
	if h.value(h.w("templates.edit.label")) == text {
		t.Error("what is typed does not come into the field")
	}
	h.keys(" Tak.")
	h.tabTo(h.w("templates.edit.save"))
	h.enter()
	h.reads(h.w("templates.saved"), " Tak.")
}

// TestTheWaysByKeyboard: the way past the menu leads to the content, and what is folded up opens by Enter.
func TestTheWaysByKeyboard(t *testing.T) {
	h := signedIn(t, anna)
	h.tabTo(h.w("layout.skip"))
	h.keys(kb.Enter)
	var at string
	if h.must("document.activeElement.id", &at); at != "main" {
		t.Errorf("the way past the menu leads to %q", at)
	}
	h.visit("/stops")
	h.tabTo(h.w("role.clerk"))
	h.keys(kb.Enter)
	h.waits(h.w("layout.role.change"))
	h.tabTo(h.w("layout.sign-out"))
	h.enter()
	h.visit("/stops")
	if !strings.Contains(h.path(), "sign-in") {
		t.Errorf("signed out, and at %s", h.path())
	}
}
