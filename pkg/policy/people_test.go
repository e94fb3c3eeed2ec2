package policy_test

import (
	"strings"
	"testing"
	"testing/fstest"

	"github.com/husk-reminders/husk/pkg/policy"
	"github.com/husk-reminders/husk/pkg/reminder"
)

func TestOptionalKeys(t *testing.T) {
	load := func(text string) policy.Pack {
		t.Helper()
		s, err := policy.Load(fstest.MapFS{"xx.yaml": {Data: []byte(text)}})
		if err != nil {
			t.Fatal(err)
		}
		return s.Packs()[0]
	}
	if p := load(good); p.Analysis || p.Custody || !p.AskAgain.IsZero() || p.LimitedFromAge != 0 || !p.Verification.Hold.IsZero() {
		t.Errorf("a silent file states %+v", p)
	}
	p := load(strings.NewReplacer(
		"proof_years: 5", "proof_years: 5, guardian_limited_from_age: 12, guardian_custody: required, ask_again_after: 180 days",
		"max_persons: 6", "max_persons: 6, changed_hold: 7 days", "links: [sms]", "analysis: required",
	).Replace(good))
	if !p.Analysis || !p.Custody || p.AskAgain != (policy.Period{Days: 180}) || p.LimitedFromAge != 12 || p.Verification.Hold != (policy.Period{Days: 7}) {
		t.Errorf("%+v", p)
	}
	born := reminder.Date{Year: 2014, Month: 3, Day: 1}
	for day, want := range map[string]bool{"2026-02-28T23:59:59+01:00": false, "2026-03-01T00:00:00+01:00": true} {
		if got := p.Limited(born, at(t, day)); got != want {
			t.Errorf("%s: %v", day, got)
		}
	}
	if !p.Limited(reminder.Date{}, at(t, "2026-03-01T00:00:00Z")) || (policy.Pack{}).Limited(reminder.Date{}, at(t, "2026-03-01T00:00:00Z")) {
		t.Error("of unknown age")
	}
}

func TestPeriodAfter(t *testing.T) {
	p := policy.Period{Months: 18}
	if got := p.After(at(t, "2025-02-15T10:00:00Z")); !got.Equal(at(t, "2026-08-15T10:00:00Z")) {
		t.Errorf("18 months after: %s", got)
	}
}
