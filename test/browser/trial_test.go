package browser

import (
	"encoding/json"
	"net/http"
	"net/url"
	"testing"
)

// link is a new one-time link to the pages: its path.
func (h *house) link(t *testing.T) string {
	t.Helper()
	out, code := h.husk(t, "pages", "link", "--json")
	var l struct{ Address string }
	if err := json.Unmarshal([]byte(out), &l); code != 0 || err != nil {
		t.Fatalf("no link: %d, %v: %s", code, err, out)
	}
	u, err := url.Parse(l.Address)
	if err != nil || u.Path == "" || u.Scheme+"://"+u.Host != h.url {
		t.Fatalf("the link leads elsewhere: %v", err)
	}
	return u.Path
}

// TestTrial: without an OpenID provider people come in by one-time links; who only looks at a link does not use it up.
func TestTrial(t *testing.T) {
	t.Parallel()
	house := theTrial.open(t)
	path := house.link(t)
	h := house.seat(t, "somebody")
	for _, language := range languages {
		h.speak(language)
		h.visit("/sign-in")
		h.reads(h.w("signin.link.where"))
		h.checks(language, "/trial/sign-in")
		h.visit(path)
		h.reads(h.w("signin.link.text"))
		h.checks(language, "/trial/sign-in/link")
	}
	h.speak("en")
	h.visit(path)
	h.press(h.w("signin.link.button"))
	h.reads(h.w("role.clerk"))
	h.open(h.w("role.clerk"))
	h.checks("en", "/trial/roles")

	again := house.seat(t, "another")
	again.visit(path)
	again.press(again.w("signin.link.button"))
	again.reads(again.w("error.signin.title"), again.w("signin.error.link"))
	if c := again.code(); c != http.StatusForbidden {
		t.Errorf("a link that was used: %d", c)
	}
	again.checks("en", "/trial/used")
}
