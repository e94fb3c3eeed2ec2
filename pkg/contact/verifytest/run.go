package verifytest

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/husk-reminders/husk/pkg/contact"
)

// Harness is a verifier to be tested.
type Harness struct {
	// Open starts the register's servers on a bench and a verifier that asks them, with the bench's clock, logger and
	// authority, and Timeout.
	Open func(b *Bench) contact.Verifier
	// Stages are the names of the servers it starts, all of which a first question goes through.
	Stages []string
	// Question is one that is answered Yes when nothing is broken.
	Question contact.Question
	// Canaries must stand in no log and no answer: the id, the number, keys and tokens.
	Canaries []string
}

// Run asks the same question once without a fault and then once with each fault at each server: without it Yes, with it
// Unknown, and Yes again when it is mended.
func Run(t *testing.T, h Harness) {
	t.Helper()
	t.Run("sound", func(t *testing.T) {
		b := NewBench(t)
		v := h.Open(b)
		if a := ask(b, v, h.Question); a.Verdict != contact.Yes {
			t.Fatalf("without any fault the answer is %s %s", a.Verdict, a.Reason)
		}
		b.Quiet(h.Canaries)
		if f := v.Fitness(); f.Method == "" || f.Why == "" || (!f.Usable && f.Do == "") {
			t.Errorf("fitness %+v does not say what to know and do", f)
		}
	})
	t.Run("given up", func(t *testing.T) {
		b := NewBench(t)
		v := h.Open(b)
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		a := contact.Ask(ctx, v, b.Clock.Now(), []contact.Question{h.Question})[0]
		NeverYes(t, b.Clock.Now(), a, contact.Interrupted)
		if a := ask(b, v, h.Question); a.Verdict != contact.Yes {
			t.Errorf("one who gave up has spoilt it for the next: %s %s", a.Verdict, a.Reason)
		}
	})
	t.Run("no question", func(t *testing.T) {
		b := NewBench(t)
		if as := h.Open(b).Verify(t.Context(), b.Clock.Now(), nil); len(as) != 0 {
			t.Errorf("%d answers to no question", len(as))
		}
		for _, s := range h.Stages {
			if n := b.Asked(s); n != 0 {
				t.Errorf("%d calls to %s for no question", n, s)
			}
		}
	})

	var strayed atomic.Int64
	stray := NewBench(t).Serve("stray", http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		strayed.Add(1)
		_, _ = io.WriteString(w, "{}")
	}), nil)
	for _, stage := range h.Stages {
		t.Run(stage, func(t *testing.T) {
			for _, f := range append(Faults(), Redirect(stray+"/elsewhere")...) {
				t.Run(f.Name, func(t *testing.T) {
					t.Parallel()
					h.run(t, stage, f)
				})
			}
		})
	}
	if n := strayed.Load(); n != 0 {
		t.Errorf("%d requests followed a redirect", n)
	}
}

func (h Harness) run(t *testing.T, stage string, f Fault) {
	t.Helper()
	b := NewBench(t)
	if f.Slow {
		b.Timeout = short
	}
	v := h.Open(b)
	b.Break(stage, &f)
	a := ask(b, v, h.Question)
	NeverYes(t, b.Clock.Now(), a, f.Reasons...)
	if n := b.Asked(stage); n > 2 {
		t.Errorf("%d calls for one question", n)
	}
	b.Quiet(h.Canaries)
	for _, text := range texts(a) {
		for _, c := range h.Canaries {
			if strings.Contains(text, c) {
				t.Errorf("a canary is in the answer")
			}
		}
	}
	b.Break(stage, nil)
	b.Clock.Advance(a.Retry.Sub(b.Clock.Now()) + time.Second)
	a = ask(b, v, h.Question)
	for n := 0; n < 5 && f.Slow && a.Reason == contact.Timeout; n++ { // a busy machine, and little time
		b.Clock.Advance(a.Retry.Sub(b.Clock.Now()) + time.Second)
		a = ask(b, v, h.Question)
	}
	if a.Verdict != contact.Yes {
		t.Errorf("mended, and asked at the time it named, the answer is %s %s", a.Verdict, a.Reason)
	}
	b.Quiet(h.Canaries)
}

func ask(b *Bench, v contact.Verifier, q contact.Question) contact.Answer {
	b.T.Helper()
	return contact.Ask(b.T.Context(), v, b.Clock.Now(), []contact.Question{q})[0]
}

// NeverYes checks the answer of what is broken: Unknown, for one of the reasons, with a time to ask again.
func NeverYes(t testing.TB, now time.Time, a contact.Answer, reasons ...contact.Reason) {
	t.Helper()
	if a.Verdict != contact.Unknown || len(a.Found) > 0 {
		t.Errorf("%s %s, with %d addresses: want unknown", a.Verdict, a.Reason, len(a.Found))
	}
	if !slices.Contains(reasons, a.Reason) {
		t.Errorf("reason %q: want one of %v", a.Reason, reasons)
	}
	if wait := a.Retry.Sub(now); wait <= 0 || wait > 2*time.Hour {
		t.Errorf("ask again in %s", wait)
	}
}

// texts is an answer in the ways that it may come into a log.
func texts(a contact.Answer) []string {
	j, _ := json.Marshal(a)
	return []string{fmt.Sprintf("%+v", a), fmt.Sprintf("%#v", a), string(j)}
}

// Quiet checks that no canary stands in a log.
func (b *Bench) Quiet(canaries []string) {
	b.T.Helper()
	for _, e := range b.Logs.All() {
		line := e.Message + fmt.Sprint(e.ContextMap())
		for _, c := range canaries {
			if c != "" && strings.Contains(line, c) {
				b.T.Errorf("a canary is in the log %q", e.Message)
			}
		}
	}
}
