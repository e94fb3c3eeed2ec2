package ledger_test

import (
	"bytes"
	"context"
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/husk-reminders/husk/pkg/consent"
	"github.com/husk-reminders/husk/pkg/journal"
	"github.com/husk-reminders/husk/pkg/ledger"
	"github.com/husk-reminders/husk/pkg/receipt"
	"github.com/husk-reminders/husk/pkg/reminder"
	"github.com/husk-reminders/husk/pkg/state"
	"github.com/husk-reminders/husk/pkg/state/memory"
)

func years(n int) func(*ledger.Options) {
	return func(o *ledger.Options) { o.ProofYears = func(consent.Record) int { return n } }
}

// knows reports whether anything that is said of a person can be read in the journal.
func (w *world) knows(p reminder.PersonKey) bool {
	w.Helper()
	_, opened := w.opens(w.journal, w.keys.Keyset(), p)
	return opened > 0
}

// Each class of data has its own time, by the ledger's clock.
func TestRetentionByClass(t *testing.T) {
	t.Parallel()
	w := filedWorld(t, years(5))
	w.accept(w.appointment(1))
	w.known(w.person(1), number)
	w.ok(w.Audit(w.ctx, ledger.Audit{Actor: "clerk", Action: "person.show", Person: w.person(1)}))
	w.ok(w.Bury(w.ctx, []ledger.DeadLetter{{Station: "intake", Reason: "malformed", Subject: "husk.events.cosmic.rh-ortho", Data: []byte("x")}}))
	w.known(w.person(2), number) // no appointment; a yes that holds
	ended := w.word(w.person(3), consent.Granted)
	ended.ValidUntil = noon.AddDate(1, 0, 0)
	w.ok(w.Consent(w.ctx, ended))
	w.ok(w.Consent(w.ctx, w.word(w.person(4), consent.Refused)))
	yes := w.word(w.person(5), consent.Granted)
	w.ok(w.Consent(w.ctx, yes))
	w.at(noon.AddDate(0, 6, 0))
	w.ok(w.Consent(w.ctx, w.word(w.person(5), consent.Withdrawn)))

	type kept struct {
		dead, audit, plans bool
		persons            [5]bool
	}
	ofPlans := func() bool {
		for _, e := range w.entries(journal.StreamJournal) {
			if e.Kind == journal.KindPlan {
				return true
			}
		}
		return false
	}
	audited := func() bool {
		found := false
		w.ok(w.Audits(w.ctx, func(a ledger.Audit) error {
			found = found || a.Action == "person.show"
			return nil
		}))
		return found
	}
	for _, c := range []struct {
		after string
		at    time.Time
		want  kept
	}{
		{"29 days", noon.AddDate(0, 0, 29), kept{true, true, true, [5]bool{true, true, true, true, true}}},
		{"31 days", noon.AddDate(0, 0, 31), kept{false, true, true, [5]bool{true, true, true, true, true}}},
		{"400 days after the appointment", noon.AddDate(0, 0, 15+399), kept{false, true, true, [5]bool{true, true, true, true, true}}},
		{"402 days", noon.AddDate(0, 0, 15+402), kept{false, true, false, [5]bool{true, true, true, true, true}}},
		{"just under five years", noon.AddDate(0, 0, 5*365-1), kept{false, true, false, [5]bool{true, true, true, true, true}}},
		{"five years", noon.AddDate(5, 0, 2), kept{false, false, false, [5]bool{true, true, true, false, true}}},
		{"five years after the withdrawal", noon.AddDate(5, 6, 1), kept{false, false, false, [5]bool{true, true, true, false, false}}},
		{"five years after the end", noon.AddDate(6, 0, 1), kept{false, false, false, [5]bool{true, true, false, false, false}}},
		{"twenty years", noon.AddDate(20, 0, 0), kept{false, false, false, [5]bool{true, true, false, false, false}}},
	} {
		w.at(c.at)
		_, err := w.SweepExpired(w.ctx)
		w.ok(err)
		w.retain()
		dead, err := w.DeadLetters(w.ctx)
		w.ok(err)
		got := kept{dead: len(dead) > 0, audit: audited(), plans: ofPlans()}
		for n := range got.persons {
			got.persons[n] = w.knows(w.person(n + 1))
		}
		if got != c.want {
			t.Errorf("after %s: %+v, want %+v", c.after, got, c.want)
		}
	}
	// A copy of then tells no more of the dead letter either: its day's key went with the keys of the others.
	if days := w.keys.Owners(func(o reminder.PersonKey) bool { return strings.HasPrefix(string(o), "day-") }); len(days) > 0 {
		t.Errorf("keys of %v", days)
	}
	// Who was let go is not brought back by an old list, and may come back.
	w.ok(w.Consent(w.ctx, w.word(w.person(4), consent.Granted)))
	if ps := w.peopleOf(w.person(4)); len(ps[0].Consent) != 1 {
		t.Errorf("%+v", ps[0])
	}
}

// What must be proven of an erased person's words is kept under a key of its own, and destroyed when its time is over.
func TestProofOutlivesThePerson(t *testing.T) {
	t.Parallel()
	w := filedWorld(t, years(5))
	p := w.person(1)
	w.known(p, number)
	out := w.erasePerson(ledger.Erasing{Person: p})
	if out.Words != 1 {
		t.Fatalf("%+v", out)
	}
	whats := func() string {
		x, err := w.Export(w.ctx, p, ledger.Exporting{Reveal: true})
		w.ok(err)
		if x.Erased.IsZero() || len(x.Addresses)+len(x.Appointments) > 0 {
			t.Errorf("%+v", x)
		}
		if len(x.Proof) == 0 {
			return ""
		}
		return string(x.Proof[0].Type)
	}
	if got := whats(); got != "granted" {
		t.Errorf("kept %q", got)
	}
	w.at(noon.AddDate(5, 0, -1))
	w.ok(w.SweepRetention(w.ctx))
	if got := whats(); got != "granted" {
		t.Errorf("a day before the end %q", got)
	}
	w.at(noon.AddDate(5, 0, 3))
	before := w.keys.Keyset().Epoch
	w.ok(w.SweepRetention(w.ctx))
	if got := whats(); got != "" || bytes.Equal(before, w.keys.Keyset().Epoch) {
		t.Errorf("after its time %q", got)
	}
	// Whoever decides so keeps nothing.
	w.known(w.person(2), number)
	if out := w.erasePerson(ledger.Erasing{Person: w.person(2), NoProof: true}); out.Words != 0 || w.knows(w.person(2)) {
		t.Errorf("%+v", out)
	}
}

// retain sweeps, and again when the keys of who was let go have been shut for long enough.
func (w *world) retain() {
	w.Helper()
	w.ok(w.SweepRetention(w.ctx))
	w.at(w.now().Add(2 * time.Hour))
	w.ok(w.SweepRetention(w.ctx))
}

// during is a state in which something happens once when everybody has been looked at, or when an erasing is folded.
type during struct {
	*memory.State
	looked, folded func()
}

func (s *during) Each(ctx context.Context, fn func(*state.Person) error) error {
	err := s.State.Each(ctx, fn)
	if f := s.looked; f != nil {
		s.looked = nil
		f()
	}
	return err
}

func (s *during) Fold(ctx context.Context, rs ...state.Run) []error {
	out := s.State.Fold(ctx, rs...)
	for _, r := range rs {
		for _, c := range r.Changes {
			if _, is := c.Body.(state.Erased); is && s.folded != nil {
				s.folded()
			}
		}
	}
	return out
}

func duringWorld(t *testing.T) (*world, *during) {
	t.Helper()
	s := &during{}
	return filedWorld(t, years(5), func(o *ledger.Options) { s.State, o.State = o.State.(*memory.State), s }), s
}

// A sweep that was broken off before it dropped the keys does so when it runs again.
func TestRetireAfterABreak(t *testing.T) {
	t.Parallel()
	w, s := duringWorld(t)
	p := w.person(1)
	w.ok(w.Consent(w.ctx, w.word(p, consent.Refused)))
	w.at(noon.AddDate(6, 0, 0))
	ctx, stop := context.WithCancel(w.ctx)
	s.folded = stop
	if err := w.SweepRetention(ctx); err == nil {
		t.Fatal("it was not broken off")
	}
	if !w.knows(p) {
		t.Fatal("the key is gone already: nothing was broken off")
	}
	w.at(w.now().Add(time.Hour))
	w.retain()
	if w.knows(p) || !w.KeysComplete() {
		t.Error("the key lives on")
	}
	if n := len(w.peopleOf(p)[0].Consent); n > 0 {
		t.Errorf("%d words", n)
	}
}

// Who comes back while the sweep is about to let them go stays.
func TestRetireSparesWhoComesBack(t *testing.T) {
	t.Parallel()
	for _, booked := range []bool{false, true} {
		w, s := duringWorld(t)
		p := w.person(1)
		w.ok(w.Consent(w.ctx, w.word(p, consent.Refused)))
		w.at(noon.AddDate(6, 0, 0))
		s.looked = func() {
			if booked {
				w.accept(w.appointment(1, later(w.now().Sub(noon))))
			} else {
				w.ok(w.Consent(w.ctx, w.word(p, consent.Granted)))
			}
		}
		w.ok(w.SweepRetention(w.ctx))
		for _, name := range []string{"now", "after a replay"} {
			if booked && len(w.reminders(p)[receipt.Planned]) == 0 {
				t.Errorf("%s: what was booked is forgotten: %v", name, w.reminders(p))
			}
			if got := types(w.peopleOf(p)[0].Consent); !booked && (len(got) != 2 || !slices.Contains(got, consent.Granted)) {
				t.Errorf("%s: words %v", name, got)
			}
			if name == "now" {
				w.dropSnapshot()
				w.restart()
			}
		}
	}
}

// What is said of a person between the last look at them and the drop of their key opens for good: whether it was sealed before
// they were let go and written after, or said after.
func TestRetireKeepsWhatIsBeingWritten(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		when func(w *world, s *during, p reminder.PersonKey) (sealed func())
	}{
		{"sealed before the key is shut", func(w *world, _ *during, p reminder.PersonKey) func() {
			e := w.sealedWord(p, w.now().Add(time.Minute))
			return func() { w.land(e) }
		}},
		{"said when they have just been let go", func(w *world, s *during, p reminder.PersonKey) func() {
			var e journal.Entry
			s.folded = func() {
				s.folded = nil
				e = w.sealedWord(p, w.now().Add(time.Minute))
			}
			return func() { w.land(e) }
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			w, s := duringWorld(t)
			p := w.person(1)
			w.ok(w.Consent(w.ctx, w.word(p, consent.Refused)))
			w.at(noon.AddDate(6, 0, 0))
			write := c.when(w, s, p)
			w.ok(w.SweepRetention(w.ctx))
			if n := len(w.peopleOf(p)[0].Consent); n > 0 {
				t.Fatalf("%d words: nobody was let go", n)
			}
			write()
			w.at(w.now().Add(2 * time.Hour))
			w.ok(w.SweepRetention(w.ctx))
			for _, name := range []string{"now", "after a replay"} {
				if got := types(w.peopleOf(p)[0].Consent); !slices.Equal(got, []consent.Type{consent.Granted}) {
					t.Errorf("%s: words %v", name, got)
				}
				if !w.knows(p) {
					t.Errorf("%s: what was said can't be read", name)
				}
				if name == "now" {
					w.dropSnapshot()
					w.restart()
				}
			}
		})
	}
}

// sealedWord is the entry of a yes, sealed as it is when its writer is held up before it is written.
func (w *world) sealedWord(p reminder.PersonKey, at time.Time) journal.Entry {
	w.Helper()
	r := w.word(p, consent.Granted)
	r.EventTime, r.Recorded = at, at
	w.ok(w.keys.Ensure(w.ctx, at, p))
	b, err := json.Marshal(r)
	w.ok(err)
	sealed, err := w.keys.Seal(p, "consent", b)
	w.ok(err)
	return journal.Entry{Stream: journal.StreamPeople, Kind: journal.KindConsent, Shard: p.Shard(), Person: p, At: at, Sealed: sealed}
}

// land writes an entry and waits until it is folded.
func (w *world) land(e journal.Entry) {
	w.Helper()
	_, err := w.journal.Append(w.ctx, e)
	w.ok(err)
	for range 1000 {
		if len(w.peopleOf(e.Person)[0].Consent) > 0 {
			return
		}
		time.Sleep(5 * time.Millisecond)
	}
	w.Fatal("it can't be read: what it was sealed with is gone")
}
