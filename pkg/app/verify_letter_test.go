package app

import (
	"strings"
	"testing"
	"time"

	"github.com/husk-reminders/husk/pkg/config"
	"github.com/husk-reminders/husk/pkg/contact"
	"github.com/husk-reminders/husk/pkg/journal"
	"github.com/husk-reminders/husk/pkg/ledger"
	"github.com/husk-reminders/husk/pkg/reminder"
)

// silentWorld is a line beside a register, with a booking of the second person in two weeks.
func silentWorld(t *testing.T, r *told, set ...func(*Options)) *world {
	t.Helper()
	w := &world{T: t, ctx: t.Context(), dir: t.TempDir(), clock: newClock(noon)}
	c, err := configIn(w.dir)
	w.ok(err)
	o := Options{Config: c, Now: w.clock.Now, ByHand: true, Rest: 3 * time.Millisecond, Registers: []ledger.Register{{Verifier: r, Country: "DK", Batch: 10}}}
	for _, f := range set {
		f(&o)
	}
	w.App, err = Open(w.ctx, o)
	w.ok(err)
	w.Cleanup(w.Close)
	w.run()
	w.ok(yes(w.ctx, w.App, 2, number(2)))
	w.publish(2, 1)
	w.settle()
	return w
}

// removed takes the second person's number away. The clock is then past it.
func (w *world) removed() {
	w.Helper()
	second := w.Pseudonyms.Person(reminder.NewNationalID("DK", cpr(2)))
	w.ok(w.Ledger.Contact(w.ctx, contact.Record{Person: second, Type: contact.Removed, Address: number(2)}))
	w.clock.to(w.Now().Add(time.Second))
}

// sweeps does a sweep and wants how much it does.
func (w *world) sweeps(name string, want int) {
	w.Helper()
	if n, err := w.Sweep(w.ctx, name); n != want || err != nil {
		w.Errorf("%s: %d, want %d; %v", name, n, want, err)
	}
}

// letter is why the second person needs one so far, "" when they need none.
func (w *world) letter() string {
	w.Helper()
	ls, err := w.Ledger.Letters(w.ctx, ledger.LetterFilter{}, nil)
	w.ok(err)
	if len(ls.Letters) == 0 {
		return ""
	}
	if len(ls.Letters) != 1 || !ls.Letters[0].Provisional || ls.Letters[0].Call {
		w.Errorf("%+v", ls)
	}
	return ls.Letters[0].Reason
}

// While a register is silent ten days before, a letter can still go, and who writes them knows why; when it has spoken, none is asked
// for in vain.
func TestSilentRegisterAndLetters(t *testing.T) {
	for name, x := range map[string]struct {
		no   bool
		want string
	}{"a yes": {false, ""}, "a no": {true, "unverified"}} {
		t.Run(name, func(t *testing.T) {
			r := &told{silent: true}
			w := silentWorld(t, r)
			w.removed()
			w.sweeps("previews", 2)
			if got := w.letter(); got != "unverified" {
				t.Errorf("two weeks before: %q", got)
			}
			w.sweeps("verify_again", 0) // no register is asked for that

			w.clock.to(time.Date(2026, 3, 7, 12, 0, 0, 0, time.UTC)) // within ten days of the last reminder's end
			w.sweeps("previews", 0)
			why := w.letter()
			if !strings.HasPrefix(why, "undecided: nemsms has not answered since 2026-03-07T12:00:0") {
				t.Errorf("ten days before: %q", why)
			}
			w.sweeps("verify_again", 1)
			end, err := w.journal.End(w.ctx, journal.StreamJournal)
			w.ok(err)
			w.clock.to(w.Now().Add(time.Hour))
			w.sweeps("previews", 0)
			w.sweeps("verify_again", 1)
			if got := w.letter(); got != why {
				t.Errorf("an hour later: %q, want %q", got, why)
			}
			if now, err := w.journal.End(w.ctx, journal.StreamJournal); err != nil || now.Last != end.Last {
				t.Errorf("the same was journalled again: from %d to %d, %v", end.Last, now.Last, err)
			}

			w.clock.to(w.Now().Add(time.Hour))
			r.answers(w.Now(), x.no)
			w.sweeps("verify_again", 1)
			w.sweeps("previews", 2)
			if got := w.letter(); got != x.want {
				t.Errorf("after its answer: %q, want %q", got, x.want)
			}
			w.sweeps("previews", 0)
			if !x.no {
				w.clock.to(firstDue.Add(time.Minute))
				w.settle()
				w.wait("the message", func() bool { return len(w.messages()[number(2).Reveal()]) == 1 })
			}
		})
	}
}

// What lost its proof after the gate was asked ten days before, and then waits for a register, is on the letter list while it waits.
func TestSilentRegisterAfterTheLateLook(t *testing.T) {
	r := &told{silent: true}
	w := silentWorld(t, r)
	w.clock.to(firstDue.Add(-time.Hour))
	w.sweeps("previews", 2)
	if got := w.letter(); got != "" {
		t.Fatalf("with a proof: %q", got)
	}
	w.removed()
	w.clock.to(firstDue.Add(time.Minute))
	w.settle()
	w.wait("the reminder to be put off, and the register asked", func() bool {
		n, err := w.Sweep(w.ctx, "verify_again")
		return err == nil && n == 1
	})
	w.sweeps("previews", 0)
	if got := w.letter(); !strings.HasPrefix(got, "undecided: nemsms has not answered since 2026-03-10T11:0") {
		t.Errorf("while it waits: %q", got)
	}
}

// A process asks the registers that its own decisions wait for, sweeps or none: who leads may be another process, which knows of none
// of them.
func TestWhoPutsOffAsks(t *testing.T) {
	r := &told{silent: true}
	w := silentWorld(t, r, func(o *Options) { o.ByHand, o.Config.Sweeps = false, never(o.Config.Sweeps) })
	w.removed()
	w.clock.to(firstDue.Add(time.Minute))
	w.wait("the register to be asked", func() bool {
		r.mu.Lock()
		defer r.mu.Unlock()
		return len(r.asked) > 0
	})
	r.answers(w.Now(), false)
	w.clock.to(w.Now().Add(16 * time.Minute))
	w.wait("the message", func() bool { return len(w.messages()[number(2).Reveal()]) == 1 })
}

// never are sweeps whose time does not come.
func never(s config.Sweeps) config.Sweeps {
	const leapDay = "0 0 29 2 *"
	s.Expired, s.OpenAttempts, s.Previews, s.Remembered, s.Retention, s.Verify = leapDay, leapDay, leapDay, leapDay, leapDay, leapDay
	return s
}
