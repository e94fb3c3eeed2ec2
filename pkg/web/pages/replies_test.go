package pages_test

import (
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/husk-reminders/husk/pkg/ledger"
	"github.com/husk-reminders/husk/pkg/reminder"
	"github.com/husk-reminders/husk/pkg/web"
)

// Somebody rings about messages that are not theirs: the number is blocked without a look-up, for any clerk, and the inbox says so.
func TestAStrangersNumber(t *testing.T) {
	h := newHouse(t)
	h.as("karen", orthoClerk)
	page := h.find("0909701234")
	h.sends(page+"/yes", yesForm()...)
	h.tells(h.sends(page+"/address", "channel", "sms", "address", "20 77 88 99", "method", "desk-id"), "people.state.usable")

	h.as("ina", web.Grant{Role: web.Incident})
	before := actions(t, h.get("/replies").body)
	h.as("ole", web.Grant{Role: web.Clerk, Units: []string{"rh-eye"}}) // another unit's
	body := h.sends("/numbers/wrong", "channel", "sms", "address", "+45 20778899", "reason", "rang, does not know the patient")
	h.tells(body, "people.wrong.done")
	h.tells(body, "replies.wrong.none") // of his unit's patients

	h.as("ina", web.Grant{Role: web.Incident})
	body = h.get("/replies").body
	h.tells(body, "replies.nobody")
	h.tells(body, "replies.hours.other", 71)
	h.tells(body, "replies.messages.none")
	checkHTML(t, "replies", "da", body)
	var take, done string
	for _, a := range actions(t, body) {
		if strings.HasPrefix(a, "/replies/misdeliveries/") && !slices.Contains(before, a) {
			take, done = a, strings.TrimSuffix(a, "take")+"done"
		}
	}
	h.tells(h.sends(take), "replies.taken")
	if body = h.get("/replies").body; !strings.Contains(body, "Karen ina") || strings.Contains(body, "staff:") {
		t.Error("nobody is at it, or nobody that colleagues know")
	}
	if x := h.post(done); x.code != http.StatusUnprocessableEntity {
		t.Errorf("without what was done: %d", x.code)
	}
	for _, tag := range tags {
		checkHTML(t, "done", tag, h.get(done, "Accept-Language", tag).body)
	}
	body = h.sends(done, "reason", "told the officer")
	h.tells(body, "replies.done")
	if slices.Contains(actions(t, body), take) {
		t.Error("what is done waits still")
	}
	h.tells(body, "replies.past.done", "Karen ina")

	h.as("karen", orthoClerk)
	h.find("0909701234")
	h.tells(h.get(page).body, "people.state.wrong")
}

// actions are where the forms of a page lead.
func actions(t *testing.T, body string) []string {
	t.Helper()
	var all []string
	for rest := body; ; {
		_, after, ok := strings.Cut(rest, `action="`)
		if !ok {
			return all
		}
		a, more, _ := strings.Cut(after, `"`)
		all, rest = append(all, a), more
	}
}

// A STOP that is told by phone holds for whoever has the number; START is for those who may for all units.
func TestStopByPhone(t *testing.T) {
	h := newHouse(t)
	h.as("karen", orthoClerk)
	page := h.find("1010701234")
	h.sends(page+"/yes", yesForm()...)
	h.sends(page+"/address", "channel", "sms", "address", "20 33 44 55", "method", "desk-id")
	if x := h.get("/numbers/stop"); h.says(x.body, "people.stop.start") {
		t.Error("a clerk of a unit is offered START")
	}
	h.tells(h.sends("/numbers/stop", "what", "stop", "channel", "sms", "address", "20 33 44 55", "reason", "rang"), "people.stop.done")
	body := h.get(page).body
	if !strings.Contains(body, `<span class="tag bad">STOP</span>`) {
		t.Error("the number is not barred")
	}
	if x := h.post("/numbers/stop", "what", "start", "channel", "sms", "address", "20 33 44 55", "reason", "rang"); x.code != http.StatusForbidden {
		t.Errorf("START by a clerk of a unit: %d", x.code)
	}
	h.as("ina", web.Grant{Role: web.Incident})
	h.tells(h.get("/numbers/stop").body, "people.stop.start")
	h.tells(h.sends("/numbers/stop", "what", "start", "channel", "sms", "address", "20 33 44 55", "reason", "rang again"), "people.start.done")
	h.as("karen", orthoClerk)
	h.find("1010701234")
	if body := h.get(page).body; strings.Contains(body, `<span class="tag bad">STOP</span>`) {
		t.Error("the bar is there still")
	}
}

// Who works for two units sees the entries of both, and what is of both once.
func TestRepliesOfTwoUnits(t *testing.T) {
	h := newHouse(t)
	h.as("karen", web.Grant{Role: web.Clerk, Units: []string{ortho, "rh-eye"}})
	const wish, both, past = "0123456789abcdef01234567", "abcdef0123456789abcdef01", "abcdef0123456789abcdef02"
	somebody := reminder.PersonKey("1-0123456789abcdef0123456789abcdef")
	var posted []string
	h.call = func(ctx context.Context, s web.Staff, method, path string, in, out any) error {
		var answer any
		unit := strings.TrimPrefix(path[max(0, strings.Index(path, "?")):], "?unit=")
		m := web.Misdelivery{
			Misdelivery: ledger.Misdelivery{ID: both, Aware: now().Add(-50 * time.Hour), Address: "1-00000000000000000000000000abcdef",
				Persons: []reminder.PersonKey{somebody}, Messages: []ledger.SentThere{{Claim: unit}, {Claim: "of both"}}},
			Until: now().Add(22 * time.Hour), HoursLeft: 21, Count: 2, Classes: map[string]int{"1.5": 1, "unknown": 1},
		}
		switch {
		case strings.HasPrefix(path, "/v1/replies/wishes?"):
			answer = []web.CancelWish{}
			if unit == "rh-eye" {
				answer = []web.CancelWish{{Wish: ledger.Wish{ID: wish, Person: somebody, System: "his", Appointment: "A-77", Unit: unit, Start: now().Add(30 * time.Hour),
					Taken: ledger.Taken{Owner: "staff:abcdefgh Ole Olsen", Since: now()}}, Hours: 5}}
			}
		case strings.HasPrefix(path, "/v1/replies/misdeliveries?"):
			old := m
			old.ID, old.Done, old.DoneBy = past, now(), "key:abc"
			answer = []web.Misdelivery{m, old}
		case method == http.MethodPost && strings.HasPrefix(path, "/v1/replies/"):
			posted = append(posted, path)
			return nil
		default:
			return door.Call(ctx, s, method, path, in, out)
		}
		b, err := json.Marshal(answer)
		if err != nil {
			return err
		}
		return json.Unmarshal(b, out)
	}
	for _, tag := range tags {
		checkHTML(t, "of two units", tag, h.get("/replies", "Accept-Language", tag).body)
	}
	body := h.get("/replies").body
	for _, want := range []string{"A-77", "Ole Olsen", h.pages.Text("da", "replies.hours.other", 5), h.pages.Text("da", "replies.hours.other", 21), h.pages.Text("da", "replies.messages.other", 3), "/people/" + string(somebody)} {
		if strings.Count(body, want) < 1 {
			t.Errorf("the page does not have %q", want)
		}
	}
	if strings.Count(body, "/replies/misdeliveries/"+both+"/take") != 1 || strings.Contains(body, "/replies/misdeliveries/"+past+"/take") {
		t.Error("one of both units is there twice, or one that is done waits")
	}
	h.sends("/replies/wishes/" + wish + "/take")
	h.sends("/replies/wishes/"+wish+"/done", "reason", "she comes")
	h.sends("/replies/misdeliveries/" + both + "/take")
	want := []string{"/v1/replies/wishes/" + wish + "/take", "/v1/replies/wishes/" + wish + "/done", "/v1/replies/misdeliveries/" + both + "/take"}
	if strings.Join(posted, " ") != strings.Join(want, " ") {
		t.Errorf("posted %v", posted)
	}
}
