package app

import (
	"testing"

	"github.com/husk-reminders/husk/pkg/consent"
	"github.com/husk-reminders/husk/pkg/policy"
	"github.com/husk-reminders/husk/pkg/reminder"
)

// One word about one person who was not invented ends a trial, and goes on ending it after a start.
func TestOnlyInvented(t *testing.T) {
	w := newWorld(t)
	known, stranger := reminder.NewNationalID("DK", "0101709000"), reminder.NewNationalID("DK", "0202709000")
	says := func(id reminder.NationalID) {
		t.Helper()
		w.ok(w.Ledger.Consent(w.ctx, consent.Record{
			Person: w.Pseudonyms.Person(id), Type: consent.Refused, Purposes: []reminder.Purpose{reminder.Remind}, Channels: []reminder.Channel{reminder.SMS},
			Method: consent.Desk, Actor: consent.Actor{Kind: consent.Self}, Scope: consent.Scope{Kind: policy.ControllerScope}, EventTime: w.Now(), Recorded: w.Now(),
		}))
	}
	is := func(want bool) {
		t.Helper()
		w.invented = keysOf([]reminder.NationalID{known}, w.Pseudonyms)
		if only, err := w.onlyInvented(w.ctx); only != want || err != nil {
			t.Errorf("got %v, %v, want %v", only, err, want)
		}
	}
	is(true) // nobody is known
	says(known)
	is(true)
	says(stranger)
	is(false)
	w.restart()
	is(false)
}
