package ledger_test

import (
	"bytes"
	"testing"
	"time"

	"github.com/husk-reminders/husk/pkg/consent"
	"github.com/husk-reminders/husk/pkg/contact"
	"github.com/husk-reminders/husk/pkg/journal"
	"github.com/husk-reminders/husk/pkg/ledger"
	"github.com/husk-reminders/husk/pkg/receipt"
	"github.com/husk-reminders/husk/pkg/reminder"
)

func types(rs []consent.Record) (out []consent.Type) {
	for _, r := range rs {
		out = append(out, r.Type)
	}
	return out
}

func (w *world) peopleOf(keys ...reminder.PersonKey) []ledger.Person {
	w.Helper()
	ps, err := w.People(w.ctx, keys)
	w.ok(err)
	return ps
}

func (w *world) merge(from, into reminder.PersonKey) ledger.MergeResult {
	w.Helper()
	out, err := w.Merge(w.ctx, ledger.Merging{From: from, Into: into, Evidence: "register notice 7 of Kanariafugl", By: "desk-3"})
	w.ok(err)
	return out
}

func TestMerge(t *testing.T) {
	t.Parallel()
	w := filedWorld(t)
	from, into := w.person(1), w.person(2)
	wrong := reminder.NewAddress(reminder.SMS, "+4520123499")
	w.accept(w.appointment(1, func(a *reminder.Appointment) { a.Protected = true }))
	w.known(from, number)
	no := w.word(from, consent.Withdrawn)
	no.Channels = []reminder.Channel{reminder.Email}
	w.ok(w.Consent(w.ctx, no))
	w.at(w.now().Add(time.Minute)) // of two proofs in one instant either may be the newer
	w.ok(w.Contact(w.ctx, w.proof(from, wrong)))
	w.at(w.now().Add(time.Minute))
	w.ok(w.WrongNumber(w.ctx, wrong, "outbox"))
	w.known(into, number)
	if _, err := w.Merge(w.ctx, ledger.Merging{From: from, Into: into}); err == nil {
		t.Error("merged without evidence")
	}
	if _, err := w.Merge(w.ctx, ledger.Merging{From: from, Into: from, Evidence: "x"}); err == nil {
		t.Error("merged with itself")
	}

	w.at(w.now().Add(time.Minute))
	out := w.merge(from, into)
	if out.Words != 1 || out.Addresses != 1 || out.Waiting == 0 {
		t.Errorf("%+v", out)
	}
	for _, name := range []string{"now", "again", "after a replay"} {
		ps := w.peopleOf(from, into)
		if got := types(ps[0].Consent); len(got) != 1 || got[0] != consent.Withdrawn || len(ps[0].Contact) != 1 || !ps[0].Contact[0].IsBad() {
			t.Errorf("%s: the one given up has %v and %d addresses", name, got, len(ps[0].Contact))
		}
		got, bad := types(ps[1].Consent), 0
		for _, c := range ps[1].Contact {
			if c.Type == contact.Wrong && c.Hash == w.p.Address(wrong) {
				bad++
			}
		}
		if len(got) != 2 || len(ps[1].Contact) != 2 || bad != 1 || !ps[1].Protected {
			t.Errorf("%s: the other has %v, %d addresses, protected %v", name, got, len(ps[1].Contact), ps[1].Protected)
		}
		switch name {
		case "now":
			w.merge(from, into)
		case "again":
			w.ok(w.end())
			w.dropSnapshot()
			w.open()
		}
	}
	w.is(errOf(w.Merge(w.ctx, ledger.Merging{From: from, Into: w.person(3), Evidence: "x"})), ledger.ErrMerged)
	w.is(errOf(w.Merge(w.ctx, ledger.Merging{From: w.person(3), Into: from, Evidence: "x"})), ledger.ErrMerged)

	// What is said of the old key afterwards: a no counts for both, a yes for nobody.
	w.is(w.Consent(w.ctx, w.word(from, consent.Granted)), ledger.ErrMerged)
	w.is(w.Contact(w.ctx, w.proof(from, number)), ledger.ErrMerged)
	w.ok(w.Consent(w.ctx, w.word(from, consent.Refused)))
	ps := w.peopleOf(from, into)
	if a, b := types(ps[0].Consent), types(ps[1].Consent); len(a) != 2 || len(b) != 3 || b[2] != consent.Refused {
		t.Errorf("after a no %v and %v", a, b)
	}

	// The next event names the other, and what waits is planned for them.
	w.wantCounts(from, map[receipt.Status]int{receipt.Planned: 2})
	w.accept(w.appointment(1, revision(2), func(a *reminder.Appointment) { a.Person = into }))
	w.wantCounts(from, map[receipt.Status]int{receipt.Cancelled: 2})
	if n := len(w.reminders(into)[receipt.Planned]); n != 2 {
		t.Errorf("%d reminders of the other wait", n)
	}

	for _, e := range w.entries(journal.StreamPeople) {
		if bytes.Contains(e.Clear, []byte("Kanariafugl")) || bytes.Contains(e.Clear, []byte("protected")) {
			t.Errorf("the clear part of %s tells too much", e.Kind)
		}
	}
	// Who erases the one erases the other.
	x := w.erasePerson(ledger.Erasing{Person: into})
	if len(x.Also) != 1 || x.Also[0] != from || !x.Complete {
		t.Errorf("%+v", x)
	}
	for _, p := range []reminder.PersonKey{from, into} {
		if n, opened := w.opens(w.journal, w.keys.Keyset(), p); n == 0 || opened != 0 {
			t.Errorf("%d of %d sealed parts open", opened, n)
		}
	}
}

// errOf is the error of an answer.
func errOf[T any](_ T, err error) error { return err }
