package code_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/husk-reminders/husk/pkg/contact/code"
	"github.com/husk-reminders/husk/pkg/policy"
	"github.com/husk-reminders/husk/pkg/reminder"
)

// A STOP from a number ends whoever's code is out to it, and no other.
func TestVoidAddress(t *testing.T) {
	w := open(t)
	first := w.begin()
	r := request()
	r.Person = bo
	if _, err := w.codes.Start(t.Context(), r, w.now); err != nil {
		t.Fatal(err)
	}
	second := w.last()
	told := func(p reminder.PersonKey, to reminder.Address, c string) code.Outcome {
		x, err := w.codes.Check(t.Context(), code.Guess{Person: p, Address: w.hash(to), Code: reminder.Mask(c)}, w.now)
		if err != nil {
			t.Fatal(err)
		}
		return x.Outcome
	}
	if err := w.codes.VoidAddress(t.Context(), w.hash(other), w.now); err != nil { // nobody's
		t.Fatal(err)
	}
	if got := told(anna, phone, not(first)); got != code.Wrong {
		t.Errorf("another number's STOP: %s", got)
	}
	if err := w.codes.VoidAddress(t.Context(), w.hash(phone), w.now); err != nil {
		t.Fatal(err)
	}
	if a, b := told(anna, phone, first), told(bo, phone, second); a != code.NoCode || b != code.NoCode {
		t.Errorf("after STOP: %s and %s", a, b)
	}
	// A code to another number since is not ended by it.
	r = request()
	r.Address = other
	w.now = w.now.Add(time.Minute)
	if _, err := w.codes.Start(t.Context(), r, w.now); err != nil {
		t.Fatal(err)
	}
	if err := w.codes.VoidAddress(t.Context(), w.hash(phone), w.now); err != nil {
		t.Fatal(err)
	}
	if got := told(anna, other, w.last()); got != code.Right {
		t.Errorf("a code to another number: %s", got)
	}
	w.quiet(first, second)
	w.store.getErr = errors.New("down " + num)
	if err := w.codes.VoidAddress(t.Context(), w.hash(phone), w.now); !errors.Is(err, code.ErrStore) || strings.Contains(err.Error(), num) {
		t.Error(err)
	}
}

// The proof of the last day can be asked for: of that person and number, by who lost it.
func TestProof(t *testing.T) {
	w := open(t)
	at := func(p reminder.PersonKey, to reminder.Address, now time.Time) bool {
		_, ok, err := w.codes.Proof(t.Context(), p, w.hash(to), now)
		if err != nil {
			t.Fatal(err)
		}
		return ok
	}
	if at(anna, phone, w.now) {
		t.Error("a proof of nothing")
	}
	c := w.begin()
	if at(anna, phone, w.now) {
		t.Error("a proof of a code that is out")
	}
	given := w.check(c)
	r, ok, err := w.codes.Proof(t.Context(), anna, w.hash(phone), w.now.Add(time.Hour))
	if err != nil || !ok || r != given || r.Method != policy.Code {
		t.Errorf("%+v %v %v, want %+v", r, ok, err, given)
	}
	for name, got := range map[string]bool{
		"another number":   at(anna, other, w.now),
		"another person":   at(bo, phone, w.now),
		"a day later":      at(anna, phone, w.now.Add(24*time.Hour)),
		"the clock is set": at(anna, phone, w.now.Add(-time.Hour)),
	} {
		if got {
			t.Errorf("%s has a proof", name)
		}
	}
	w.store.getErr = errors.New("down " + num)
	if _, ok, err := w.codes.Proof(t.Context(), anna, w.hash(phone), w.now); ok || !errors.Is(err, code.ErrStore) {
		t.Errorf("%v %v", ok, err)
	}
}

// The line's reason comes through, and nothing else of what it said.
func TestNotSentReason(t *testing.T) {
	for line, want := range map[string]string{
		"kill_switch": "code: the message was not sent: kill_switch", "": "code: the message was not sent",
		"to +4520123456": "code: the message was not sent", "Kanariafugl": "code: the message was not sent",
		strings.Repeat("a", 41): "code: the message was not sent",
	} {
		w := open(t)
		w.sendErr = fmt.Errorf("about %s: %w", num, &code.NotSentError{Reason: line})
		_, err := w.codes.Start(t.Context(), request(), w.now)
		if !errors.Is(err, code.ErrNotSent) || err.Error() != want {
			t.Errorf("%q: %v, want %s", line, err, want)
		}
	}
}
