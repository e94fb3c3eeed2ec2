package pages_test

import (
	"net/http"
	"strings"
	"testing"
)

// Of somebody without an appointment nobody knows the age: the pages say so, and tell what the answer will be for an age that is kept
// nowhere.
func TestTheAnswerForAnAge(t *testing.T) {
	h := newHouse(t)
	h.as("karen", orthoClerk)
	page := h.find("1212701234")
	h.sends(page+"/yes", yesForm()...)
	body := h.sends(page+"/address", "channel", "sms", "address", "20 65 43 21", "method", "desk-id")
	ask := page + "/reach?unit=" + ortho
	h.tells(body, "people.reach.ageless")
	if !strings.Contains(body, `href="`+ask+`#age"`) {
		t.Error("no way to the answer for an age")
	}
	for age, key := range map[string]string{"": "required.age", "forty": "form.number", "0": "wrong.age", "131": "wrong.age"} {
		x := h.post(ask, "age", age)
		if h.tells(x.body, key); x.code != http.StatusUnprocessableEntity || !strings.Contains(x.body, `href="#f-age"`) || !strings.Contains(x.body, `value="`+age+`"`) || reachable(h, x.body) {
			t.Errorf("of %q: %d", age, x.code)
		}
	}
	x := h.post(ask, "age", "40")
	h.tells(x.body, "people.reach.aged.other", 40)
	if x.code != http.StatusOK || !reachable(h, x.body) && !h.says(x.body, "reason.outside_window") || h.says(x.body, "people.reach.ageless") {
		t.Errorf("of 40 years: %d %s", x.code, x.body)
	}
	x = h.post(ask, "age", "7")
	if h.tells(x.body, "reason.guardian"); reachable(h, x.body) || h.says(x.body, "people.reach.ageless") {
		t.Errorf("of 7 years: %s", x.body)
	}
	for _, tag := range tags {
		checkHTML(t, "reach "+tag, tag, h.get(ask, "Accept-Language", tag).body)
	}
	h.tells(h.get(page).body, "people.reach.ageless")

	h.as("karla", orthoClerk) // has not said why
	if x := h.post(ask, "age", "40"); !h.says(x.body, "people.why.text") || h.says(x.body, "people.reach.aged.other", 40) {
		t.Errorf("without a reason: %d", x.code)
	}
}
