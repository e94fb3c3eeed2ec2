package pages_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/husk-reminders/husk/pkg/ledger"
	"github.com/husk-reminders/husk/pkg/receipt"
	"github.com/husk-reminders/husk/pkg/reminder"
	"github.com/husk-reminders/husk/pkg/web"
)

// It is a mail provider that leaves a mail in doubt, and not a phone company: people must ask the right one.
func TestADoubtAboutAMailIsTheMailProviders(t *testing.T) {
	h := newHouse(t)
	h.as("doubts", clerk())
	s := held("")
	s.life.Reminder.Status = receipt.Unknown
	at := now().Add(-50 * time.Hour)
	s.life.Steps = []web.LifeStep{
		{LifeStep: ledger.LifeStep{At: at, What: "intended", Attempt: 1, Reference: claim, Channel: reminder.Email}},
		{LifeStep: ledger.LifeStep{At: at.Add(time.Minute), What: "unknown", Attempt: 1, Reference: claim, Code: "lost"}},
	}
	h.call = s.call
	phone := map[string]string{"da": "teleselskab", "sv": "operatör", "nb": "operatør", "en": "carrier"}
	mail := map[string]string{"da": "mailudbyder", "sv": "e-postleverantör", "nb": "e-postleverandør", "en": "mail provider"}
	for _, c := range []struct {
		channel   reminder.Channel
		says, not map[string]string
		key       string
	}{{reminder.Email, mail, phone, ".email"}, {reminder.SMS, phone, mail, ""}} {
		// The account has a name of its own, so the way does not tell what it is.
		s.life.Reminder.Attempts = []ledger.AttemptView{{Number: 1, Claim: claim, Route: "second", Channel: c.channel, Status: receipt.Unknown, Intended: at, Code: "lost", CarrierID: "x17"}}
		s.life.Steps[0].Channel = c.channel
		for _, tag := range tags {
			for path, keys := range map[string][]string{
				"/unknown/" + heldID + "/" + claim: {"unknown.settle.text", "unknown.nothing.text", "unknown.outcome", "unknown.reason.hint", "unknown.carrier-id", "sent.fact.code", "sent.fact.reference"},
				"/sent/" + heldID:                  {"sent.next.unknown", "sent.step.unknown", "sent.fact.code", "sent.fact.reference"},
			} {
				x := h.get(path, "Accept-Language", tag)
				checkHTML(t, path, tag, x.body)
				said := mainOf(t, x.body)
				for _, key := range keys {
					if want := h.pages.Text(tag, key+c.key); x.code != http.StatusOK || !strings.Contains(said, want) {
						t.Errorf("%s %s: %d, no %q in %s", tag, path, x.code, want, said)
					}
				}
				for _, key := range []string{"unknown.route", "sent.fact.route", "sent.code"} { // what has a word for both, as lists do
					if tag != "en" {
						said = strings.ReplaceAll(said, h.pages.Text(tag, key, "lost"), "")
					}
				}
				said = strings.ToLower(said)
				if !strings.Contains(said, c.says[tag]) || strings.Contains(said, c.not[tag]) && c.not[tag] != "carrier" { // in English that is the word for both
					t.Errorf("%s %s of %s: want a %s, and no %s: %s", tag, path, c.channel, c.says[tag], c.not[tag], said)
				}
			}
		}
	}
	// A list has both.
	for _, tag := range tags[:3] {
		if said := strings.ToLower(mainOf(t, h.get("/unknown", "Accept-Language", tag).body)); !strings.Contains(said, phone[tag]) || !strings.Contains(said, mail[tag]) {
			t.Errorf("%s: the list speaks of one alone: %s", tag, said)
		}
	}
}
