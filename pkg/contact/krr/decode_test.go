package krr

import (
	"context"
	"testing"
	"time"

	"github.com/husk-reminders/husk/pkg/contact"
	"github.com/husk-reminders/husk/pkg/policy"
	"github.com/husk-reminders/husk/pkg/reminder"
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// Whatever the register sends, the answer keeps the verifier's contract, and a yes rests on the four words that it takes.
func FuzzAnswer(f *testing.F) {
	const id = "20914695016"
	for _, s := range []string{
		`{"personer":[{"personidentifikator":"20914695016","reservasjon":"NEI","status":"AKTIV","varslingsstatus":"KAN_VARSLES","kontaktinformasjon":{"mobiltelefonnummer":"+4791234567","mobiltelefonnummer_oppdatert":"2026-02-01T10:00:00+01"}}]}`,
		`{"personer":[{"personidentifikator":"20914695016","reservasjon":"JA","status":"AKTIV"}]}`,
		`{"personer":[{"personidentifikator":"20914695016","status":"SLETTET"},{"personidentifikator":"20914695016"}]}`,
		`{"personer":[null,7,{}]}`, `{"personer":null}`, `{}`,
	} {
		f.Add([]byte(s))
	}
	r := rules{now: noon, freshness: policy.Period{Months: 18}, validity: time.Hour}
	phone := reminder.NewAddress(reminder.SMS, "+4791234567")
	f.Fuzz(func(t *testing.T, body []byte) {
		found, _, ok := decode(body, map[string]bool{id: true})
		if !ok {
			return
		}
		e, ok := found[id]
		if !ok {
			return
		}
		for _, q := range []contact.Question{{}, {Address: phone}} {
			a := r.judge(q, e)
			if got := contact.Ask(t.Context(), fixed{a}, noon, []contact.Question{q})[0]; got.Reason == contact.Contradictory && a.Reason != contact.Contradictory {
				t.Fatalf("%+v breaks the contract", a)
			}
			if a.Verdict == contact.Yes && (e.twice || e.Status != "AKTIV" || e.Reservation != "NEI" || e.Notify == "KAN_IKKE_VARSLES" || e.Contact == nil) {
				t.Fatalf("yes from %+v", e)
			}
		}
	})
}

type fixed struct{ a contact.Answer }

func (f fixed) Verify(context.Context, time.Time, []contact.Question) []contact.Answer {
	return []contact.Answer{f.a}
}

func (f fixed) Fitness() contact.Fitness { return contact.Fitness{} }

func TestDate(t *testing.T) {
	for s, want := range map[string]time.Time{
		"":                              {},
		"2023-08-05T10:45:15.768Z":      time.Date(2023, 8, 5, 10, 45, 15, 768e6, time.UTC),
		"2018-06-29T10:14:52+02":        time.Date(2018, 6, 29, 8, 14, 52, 0, time.UTC),
		"2018-06-29T10:14:52.1+0200":    time.Date(2018, 6, 29, 8, 14, 52, 1e8, time.UTC),
		"2018-06-29T10:14:52.123+02:00": time.Date(2018, 6, 29, 8, 14, 52, 123e6, time.UTC),
	} {
		if got, ok := date(s); !ok || !got.Equal(want) {
			t.Errorf("%q: %s %v", s, got, ok)
		}
	}
	for _, s := range []string{"2018-06-29", "29.06.2018", "2018-06-29T10:14:52", "1530260092", "null"} {
		if _, ok := date(s); ok {
			t.Errorf("%q is a date", s)
		}
	}
}
