package code_test

import (
	"context"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/husk-reminders/husk/pkg/contact"
	"github.com/husk-reminders/husk/pkg/contact/code"
	"github.com/husk-reminders/husk/pkg/contact/verifytest"
	"github.com/husk-reminders/husk/pkg/reminder"
)

func TestStandings(t *testing.T) {
	for s, want := range map[code.Standing]error{
		code.NotKnown: code.ErrUnknown, code.Barred: code.ErrBarred, code.Disputed: code.ErrDisputed, code.Forbidden: code.ErrForbidden, 9: code.ErrUnknown,
	} {
		w := open(t)
		w.standing = s
		if _, err := w.codes.Start(t.Context(), request(), w.now); !errors.Is(err, want) || len(w.sent) > 0 {
			t.Errorf("%d: %v, %d sent", s, err, len(w.sent))
		}
		// It has become so since: the right code proves nothing, and never will again.
		w.standing = code.Clear
		c := w.begin()
		w.standing = s
		if r, err := w.codes.Check(t.Context(), code.Guess{Person: anna, Address: w.hash(phone), Code: reminder.Mask(c)}, w.now); !errors.Is(err, want) || r.Outcome == code.Right {
			t.Errorf("%d: %v %v", s, r.Outcome, err)
		}
		w.standing = code.Clear
		after := code.NoCode
		if errors.Is(want, code.ErrUnknown) {
			after = code.Right // nothing is known against it: the code is good when the state answers again
		}
		w.want(c, after, 0)
	}
	w := open(t)
	w.standErr = errors.New("down: " + num)
	if _, err := w.codes.Start(t.Context(), request(), w.now); !errors.Is(err, code.ErrUnknown) || strings.Contains(err.Error(), num) || len(w.sent) > 0 {
		t.Error(err)
	}
}

func TestVoid(t *testing.T) {
	w := open(t)
	c := w.begin()
	if err := w.codes.Void(t.Context(), anna, w.now); err != nil {
		t.Fatal(err)
	}
	w.want(c, code.NoCode, 0)
	if err := w.codes.Void(t.Context(), bo, w.now); err != nil { // nothing to end
		t.Error(err)
	}
}

func TestNotSent(t *testing.T) {
	w := open(t)
	w.sendErr = fmt.Errorf("%w: carrier said no to %s", code.ErrNotSent, num)
	if _, err := w.codes.Start(t.Context(), request(), w.now); !errors.Is(err, code.ErrNotSent) || strings.Contains(err.Error(), num) {
		t.Error(err)
	}
	w.want(w.last(), code.NoCode, 0)

	// Nobody knows: it may have arrived.
	w.sendErr = errors.New("timeout to " + num)
	s, err := w.codes.Start(t.Context(), request(), w.now)
	if err != nil || s.Sure {
		t.Errorf("%+v %v", s, err)
	}
	w.want(w.last(), code.Right, 0)
	w.quiet(w.last())
}

func TestRequests(t *testing.T) {
	w := open(t)
	for name, change := range map[string]func(*code.Request){
		"no person":   func(r *code.Request) { r.Person = "" },
		"national id": func(r *code.Request) { r.Person = "0101701234" },
		"no number":   func(r *code.Request) { r.Address = reminder.Address{} },
		"mail":        func(r *code.Request) { r.Address = reminder.NewAddress(reminder.Email, "a@b.dk") },
		"no clerk":    func(r *code.Request) { r.Clerk = "" },
	} {
		r := request()
		change(&r)
		if _, err := w.codes.Start(t.Context(), r, w.now); !errors.Is(err, code.ErrRequest) || strings.Contains(err.Error(), "0101701234") {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := w.codes.Check(t.Context(), code.Guess{Person: "x", Address: "y", Code: reminder.Mask("123456")}, w.now); !errors.Is(err, code.ErrRequest) {
		t.Error(err)
	}
	if len(w.sent) > 0 {
		t.Error("sent")
	}
}

// Whatever the store does, nothing is proven and nothing is sent.
func TestStoreFaults(t *testing.T) {
	for name, breakIt := range map[string]func(*shaky){
		"no read":        func(s *shaky) { s.getErr = errors.New("down " + num) },
		"no write":       func(s *shaky) { s.putErr = errors.New("down " + num) },
		"always another": func(s *shaky) { s.putErr = code.ErrConflict },
		"garbage":        func(s *shaky) { s.garbage = []byte("{{{") },
		"another's":      func(s *shaky) { s.garbage = []byte(`{"id":"x","person":"` + string(bo) + `","phase":"proven"}`) },
		"tries below zero": func(s *shaky) {
			s.garbage = []byte(`{"id":"x","person":"` + string(anna) + `","phase":"open","tries":-9}`)
		},
		"of another schema": func(s *shaky) { s.garbage = []byte(`[1,2]`) },
	} {
		w := open(t)
		c := w.begin()
		breakIt(w.store)
		r, err := w.codes.Check(t.Context(), code.Guess{Person: anna, Address: w.hash(phone), Code: reminder.Mask(c)}, w.now)
		if !errors.Is(err, code.ErrStore) || r.Outcome == code.Right || strings.Contains(err.Error(), num) {
			t.Errorf("%s: check: %v %v", name, r.Outcome, err)
		}
		if name != "another's" && name != "tries below zero" { // those two read as tallies without an entry; the challenge is replaced
			if _, err := w.codes.Start(t.Context(), request(), w.now); !errors.Is(err, code.ErrStore) || len(w.sent) != 1 {
				t.Errorf("%s: start: %v, %d sent", name, err, len(w.sent))
			}
		}
		a := contact.Ask(t.Context(), w.codes.Verifier(), w.now, []contact.Question{{Person: anna, Address: phone}})[0]
		if a.Verdict == contact.Yes {
			t.Errorf("%s: yes", name)
		}
		if w.store.getErr != nil {
			verifytest.NeverYes(t, w.now, a, contact.Unreachable)
		}
		*w.store = shaky{Memory: w.store.Memory}
		w.want(c, code.Right, 0)
	}
}

func TestNoRandomness(t *testing.T) {
	w := open(t, func(o *code.Options) { o.Random = io.LimitReader(strings.NewReader(strings.Repeat("x", 16)), 16) })
	if _, err := w.codes.Start(t.Context(), request(), w.now); err == nil || len(w.sent) > 0 {
		t.Errorf("%v, %d sent", err, len(w.sent))
	}
}

// However many ask at once: five tries, one proof.
func TestManyAtOnce(t *testing.T) {
	w := open(t)
	for round := range 20 {
		c := w.begin()
		var wg sync.WaitGroup
		var mu sync.Mutex
		got := map[code.Outcome]int{}
		for i := range 12 {
			told := not(c)
			if round%2 == 0 && i%3 == 0 {
				told = c
			}
			wg.Go(func() {
				r, err := w.codes.Check(context.Background(), code.Guess{Person: anna, Address: w.hash(phone), Code: reminder.Mask(told)}, w.now)
				mu.Lock()
				defer mu.Unlock()
				if err == nil {
					got[r.Outcome]++
				} else if !errors.Is(err, code.ErrStore) {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if got[code.Right] > 1 || got[code.Wrong]+got[code.Right] > code.Tries || (round%2 == 1 && got[code.Right] > 0) {
			t.Fatalf("%v", got)
		}
	}
}

// Two tell the right code, and the second is through while the first is about to write the proof: one proof, not two.
func TestOneProof(t *testing.T) {
	w := open(t)
	c := w.begin()
	var second code.Result
	puts := 0
	w.store.before = func(string) {
		if puts++; puts == 2 { // the first put took the try down
			w.store.before = nil
			second = w.check(c)
		}
	}
	first := w.check(c)
	if first.Outcome != code.NoCode || second.Outcome != code.Right {
		t.Errorf("%s and %s", first.Outcome, second.Outcome)
	}
}

// Two take the last try at once: it is one.
func TestTheLastTryIsOne(t *testing.T) {
	w := open(t)
	c := w.begin()
	for range code.Tries - 1 {
		w.check(not(c))
	}
	var second code.Result
	w.store.before = func(string) {
		w.store.before = nil
		second = w.check(not(c))
	}
	first := w.check(c)
	if first.Outcome != code.TooMany || second.Outcome != code.TooMany {
		t.Errorf("%s and %s", first.Outcome, second.Outcome)
	}
}

// A process that dies between the comparison and its answer has spent the try.
func TestATryIsOnRecordBeforeItIsCompared(t *testing.T) {
	w := open(t)
	c := w.begin()
	for range code.Tries {
		first := true
		w.store.before = func(string) {
			if !first {
				w.store.putErr = errors.New("died")
			}
			first = false
		}
		_, _ = w.codes.Check(t.Context(), code.Guess{Person: anna, Address: w.hash(phone), Code: reminder.Mask(not(c))}, w.now)
		w.store.before, w.store.putErr = nil, nil
	}
	w.want(c, code.TooMany, 0)
}

// Every code comes, and none more often than another by much.
func TestCodesAreSpread(t *testing.T) {
	w := open(t, func(o *code.Options) {
		many := []code.Limit{{Max: 1000, Per: time.Millisecond}}
		o.Limits = code.Limits{Address: many, Person: many, Clerk: many}
	})
	var digit [code.Digits][10]int
	const n = 4000
	for range n {
		w.now = w.now.Add(time.Second)
		for i, d := range w.begin() {
			digit[i][d-'0']++
		}
	}
	for i, counts := range digit {
		for d, c := range counts {
			if c < n/10-140 || c > n/10+140 { // seven standard deviations
				t.Errorf("digit %d is %d in %d of %d", i, d, c, n)
			}
		}
	}
}

// Nothing that must not be anywhere is anywhere.
func TestCanaries(t *testing.T) {
	w := open(t)
	var codes []string
	for range 5 {
		c := w.begin()
		codes = append(codes, c)
		w.want(not(c), code.Wrong, 4)
		w.want(c, code.Right, 0)
	}
	w.sendErr = errors.New("no answer for " + num)
	w.begin()
	if w.logs.Len() == 0 {
		t.Error("nothing is logged")
	}
	w.quiet(append(codes, w.last())...)
	for _, m := range w.sent {
		for _, s := range []string{fmt.Sprintf("%v %+v %#v", m, m, m)} {
			if strings.Contains(s, m.Code.Reveal()) || strings.Contains(s, num) {
				t.Error("a message prints its code or number")
			}
		}
	}
}

// quiet checks store, keys and logs for codes, the number and the clerk.
func (w *world) quiet(codes ...string) {
	w.t.Helper()
	text := w.store.seen.String()
	for _, e := range w.logs.All() {
		text += e.Message + fmt.Sprint(e.ContextMap())
	}
	for _, c := range codes {
		for _, form := range []string{`"` + c + `"`, ":" + c, base64.StdEncoding.EncodeToString([]byte(c)), hex.EncodeToString([]byte(c))} {
			if strings.Contains(text, form) {
				w.t.Errorf("a code is in the store or a log")
			}
		}
	}
	for _, c := range []string{num, num[3:], "desk-7"} {
		if strings.Contains(text, c) {
			w.t.Errorf("a canary is in the store or a log")
		}
	}
}
