package code_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/husk-reminders/husk/pkg/contact/code"
	"github.com/husk-reminders/husk/pkg/reminder"
)

func TestLimits(t *testing.T) {
	wide := []code.Limit{{Max: 99, Per: time.Hour}}
	two := []code.Limit{{Max: 2, Per: time.Hour}, {Max: 1, Per: time.Minute}}
	for by, limits := range map[string]code.Limits{
		"address": {Address: two, Person: wide, Clerk: wide},
		"person":  {Address: wide, Person: two, Clerk: wide},
		"clerk":   {Address: wide, Person: wide, Clerk: two},
	} {
		w := open(t, func(o *code.Options) { o.Limits = limits })
		r := request()
		vary := func() { // what is not limited varies
			n := len(w.sent)
			if by != "address" {
				r.Address = reminder.NewAddress(reminder.SMS, fmt.Sprintf("+45201234%02d", n))
			}
			if by != "person" {
				r.Person = reminder.PersonKey(fmt.Sprintf("1-%032x", n))
			}
			if by != "clerk" {
				r.Clerk = fmt.Sprint(n)
			}
		}
		begin := func(at time.Duration, wait time.Duration) {
			t.Helper()
			vary()
			_, err := w.codes.Start(t.Context(), r, start.Add(at))
			var limit *code.LimitError
			switch {
			case wait == 0 && err != nil:
				t.Errorf("%s at %s: %v", by, at, err)
			case wait != 0 && (!errors.As(err, &limit) || !errors.Is(err, code.ErrLimited) || limit.By != by || !limit.Next.Equal(start.Add(at+wait))):
				t.Errorf("%s at %s: %v, want to wait %s", by, at, err, wait)
			}
		}
		begin(0, 0)
		begin(59*time.Second, time.Second)
		begin(time.Minute, 0)
		begin(3*time.Minute, 57*time.Minute)
		begin(time.Hour, 0)
		begin(time.Hour+time.Minute, 0)
		begin(time.Hour+2*time.Minute, 58*time.Minute)
		begin(30*time.Minute, 90*time.Minute) // the clock was set back: those to come count
		if len(w.sent) != 4 {
			t.Errorf("%s: %d sent", by, len(w.sent))
		}
		if s := w.store.seen.String(); strings.Contains(s, "desk-7") {
			t.Error("the clerk's name is in the store")
		}
	}
}

// A clerk who is stopped does not use up a patient's codes.
func TestAStoppedClerkCostsThePatientNothing(t *testing.T) {
	wide := []code.Limit{{Max: 1, Per: time.Hour}}
	w := open(t, func(o *code.Options) { o.Limits = code.Limits{Address: wide, Person: wide, Clerk: wide} })
	r := request()
	r.Person, r.Address = bo, other
	if _, err := w.codes.Start(t.Context(), r, w.now); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		var limit *code.LimitError
		if _, err := w.codes.Start(t.Context(), request(), w.now); !errors.As(err, &limit) || limit.By != "clerk" {
			t.Fatal(err)
		}
	}
	r = request()
	r.Clerk = "desk-8"
	if _, err := w.codes.Start(t.Context(), r, w.now); err != nil {
		t.Error(err)
	}
}
