package browser

import "testing"

// TestSignIn: by the provider's own form, with a second factor; and out again.
func TestSignIn(t *testing.T) {
	h := sit(t, karen)
	h.visit("/stops")
	h.reads(h.w("signin.title"), h.w("signin.text"))
	h.press(h.w("signin.button"))
	if !h.sees("Username:") {
		t.Fatalf("the provider's form does not come:\n%s", h.text())
	}
	h.fill("Username:", karen)
	h.fill("Password:", "guessed")
	h.press("Login")
	h.fill("Username:", karen)
	h.fill("Password:", passwordOf(karen))
	h.press("Login")
	if h.path() != "/stops" {
		t.Errorf("whoever asked for /stops comes to %s", h.path())
	}
	h.reads(h.w("stops.title"), h.w("role.clerk"))

	h.open(h.w("role.clerk"))
	h.press(h.w("layout.sign-out"))
	h.visit("/stops")
	h.reads(h.w("signin.text"))
}

func TestWithoutASecondFactor(t *testing.T) {
	h := sit(t, careless)
	h.visit("/")
	h.signIn()
	h.reads(h.w("error.signin.title"), h.w("signin.error.second_factor"))
	h.visit("/day")
	h.reads(h.w("signin.text"))
}

// TestRolesAreChanged: who has two roles works in one at a time.
func TestRolesAreChanged(t *testing.T) {
	h := signedIn(t, anna)
	h.reads(h.w("role.clerk"), h.w("nav.people"))
	h.open(h.w("role.clerk"))
	h.tick(h.w("role.approver") + " · " + h.w("layout.all-units"))
	h.press(h.w("layout.role.change"))
	h.reads(h.w("role.approver"))
	h.readsNot(h.w("nav.people"))
	h.visit("/people")
	h.reads(h.w("error.403.title"))
}
