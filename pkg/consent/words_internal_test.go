package consent

import (
	"maps"
	"slices"
	"testing"

	"github.com/husk-reminders/husk/pkg/policy"
	"github.com/husk-reminders/husk/pkg/reminder"
)

// Every code of the closed lists has its word in every language, and no language has a word that the others lack.
func TestPageWordsAreComplete(t *testing.T) {
	english := slices.Sorted(maps.Keys(pageWords["en"]))
	if len(pageWords) != len(PageLanguages) {
		t.Errorf("%d languages, want %d", len(pageWords), len(PageLanguages))
	}
	for _, l := range PageLanguages {
		w := pageWords[l]
		if got := slices.Sorted(maps.Keys(w)); !slices.Equal(got, english) {
			t.Errorf("%s has other words than en", l)
		}
		has := func(kind, code string) {
			if w[kind+"."+code] == "" {
				t.Errorf("%s: no word for %s %s", l, kind, code)
			}
		}
		for _, x := range Types {
			has("type", string(x))
		}
		for _, x := range Statuses {
			has("status", string(x))
		}
		for _, x := range Methods {
			has("method", string(x))
		}
		for _, x := range Actors {
			has("actor", string(x))
		}
		for _, x := range LegalBases {
			has("basis", string(x))
		}
		for _, x := range Ceilings {
			has("class", string(x))
		}
		for _, x := range policy.Scopes {
			has("scope", string(x))
		}
		for _, x := range []reminder.Purpose{reminder.Remind, reminder.Changed, reminder.Cancel} {
			has("purpose", string(x))
		}
		for _, x := range reminder.Channels {
			has("channel", string(x))
		}
	}
}
