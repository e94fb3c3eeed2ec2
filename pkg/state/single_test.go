package state_test

import (
	"testing"
	"time"

	"github.com/husk-reminders/husk/pkg/plan"
	"github.com/husk-reminders/husk/pkg/receipt"
	"github.com/husk-reminders/husk/pkg/reminder"
	"github.com/husk-reminders/husk/pkg/state"
)

// single is a plan of one message that somebody asked for: a one-time code.
func single() state.Planned {
	return state.Planned{
		Sealed: []byte("a code"),
		Plan: plan.Plan{
			Appointment: visit, Person: anna, Order: reminder.Order{SourceTime: noon}, Status: plan.Single, StartTag: "code", PlannedAt: noon,
			Ends: noon.Truncate(24*time.Hour).AddDate(0, 0, 1),
			Reminders: []plan.Wanted{{
				ID: reminderID(visit, "code"), Rule: "code", Purpose: reminder.Verify, Due: noon, Expires: noon.Add(10 * time.Minute), Route: "sms",
			}},
		},
	}
}

// A single message goes like a reminder, and is taken neither for an appointment nor for a word of a booking system.
func TestSingleMessages(t *testing.T) {
	const other = reminder.AppointmentKey("1-0000000000000000000000000000beef")
	for _, x := range []struct {
		name  string
		steps []step
		want  string
	}{
		{"planned", []step{folds(single())}, "single code v1 told -: code@code planned"},
		{"planned again", []step{folds(single()), inert(folds(single()))}, "single code v1 told -: code@code planned"},
		{"accepted: nobody was told of a time", []step{folds(single()), sent("code@code")}, "single code v1 told -: code@code accepted"},
		{"refused, and tried again", []step{folds(single()), intend("code@code", "x"), settle("code@code", "x", receipt.Refused)}, "single code v1 told -: code@code planned"},
		{"in doubt", []step{folds(single()), intend("code@code", "x"), settle("code@code", "x", receipt.Unknown)}, "single code v1 told -: code@code unknown"},
		{"denied", []step{folds(single()), verdict("code@code", 1, receipt.Denied)}, "single code v1 told -: code@code denied"},
		{"taken back", []step{folds(single()), verdict("code@code", 0, receipt.Cancelled)}, "single code v1 told -: code@code cancelled"},
		{"taken back while it is on its way: it goes on", []step{folds(single()), intend("code@code", "x"), inert(verdict("code@code", 0, receipt.Cancelled))}, "single code v1 told -: code@code intended"},
	} {
		if got := summary(run(t, x.steps...)); got != x.want {
			t.Errorf("%s: %s, want %s", x.name, got, x.want)
		}
	}

	// Beside a booking: what the booking system said of the person stays, and so does the version that the gate goes by.
	p := run(t, folds(booked(other, 1, "A")))
	sealed, flags, version := string(p.Sealed), len(p.Flags), p.Version
	p = run(t, folds(booked(other, 1, "A")), folds(single()))
	if string(p.Sealed) != sealed || len(p.Flags) != flags || p.Version != version || sealed == "" || flags == 0 {
		t.Errorf("sealed %q, %d flags, version %d", p.Sealed, len(p.Flags), p.Version)
	}
	// And another booking event leaves it waiting.
	p = run(t, folds(single()), folds(booked(other, 1, "A")), folds(booked(other, 2, "B")))
	if r := p.Reminders[reminderID(visit, "code")]; r == nil || r.Status != receipt.Planned {
		t.Errorf("%+v", r)
	}
	// The gate is not asked ahead, it ends when its time is over, and is forgotten with its day.
	p = run(t, folds(single()))
	if at := p.Next(state.Unasked); !at.IsZero() {
		t.Errorf("the gate is asked ahead at %s", at)
	}
	if at := p.Next(state.Expiring); !at.Equal(noon.Add(10 * time.Minute)) {
		t.Errorf("it expires at %s", at)
	}
	p = run(t, folds(single()), sent("code@code"), folds(state.Trim{Before: noon.AddDate(0, 0, 2)}))
	if len(p.Appointments)+len(p.Reminders) != 0 {
		t.Errorf("not forgotten: %s", summary(p))
	}
	p = run(t, folds(single()), folds(state.Erased{At: noon.Add(time.Hour)}))
	if a := p.Appointments[visit]; a.Status != state.Forgotten || len(a.Sealed) > 0 || p.Reminders[reminderID(visit, "code")].Status != receipt.Cancelled {
		t.Errorf("erased: %s", summary(p))
	}
}
