package ledger_test

import (
	"context"
	"testing"
	"time"

	"github.com/husk-reminders/husk/pkg/consent"
	"github.com/husk-reminders/husk/pkg/contact"
	"github.com/husk-reminders/husk/pkg/ledger"
	"github.com/husk-reminders/husk/pkg/reminder"
	"github.com/husk-reminders/husk/pkg/state"
	"github.com/husk-reminders/husk/pkg/state/memory"
)

// meanwhile is a state in which something happens right after somebody has looked at a person, once.
type meanwhile struct {
	*memory.State
	who  reminder.PersonKey
	what func()
}

func (s *meanwhile) looked(p reminder.PersonKey) {
	if what := s.what; what != nil && p == s.who {
		s.what = nil
		what()
	}
}

func (s *meanwhile) View(ctx context.Context, p reminder.PersonKey, fn func(*state.Person) error) error {
	err := s.State.View(ctx, p, fn)
	s.looked(p)
	return err
}

func (s *meanwhile) Persons(ctx context.Context, ps []reminder.PersonKey) ([]state.Person, error) {
	out, err := s.State.Persons(ctx, ps)
	for _, p := range ps {
		s.looked(p)
	}
	return out, err
}

// wantNo wants a person to have a withdrawal, and bad news about the number.
func (w *world) wantNo(what string, p reminder.PersonKey, withdrawn, wrong bool) {
	w.Helper()
	x := w.peopleOf(p)[0]
	no, bad := false, false
	for _, r := range x.Consent {
		no = no || r.Type == consent.Withdrawn
	}
	for _, c := range x.Contact {
		bad = bad || (c.Type == contact.Wrong && c.Hash == w.p.Address(number))
	}
	if no != withdrawn || bad != wrong {
		w.Errorf("%s: withdrawn %v, wrong number %v; want %v, %v", what, no, bad, withdrawn, wrong)
	}
}

// rowsOfNo are a withdrawal and a wrong number of a person, as a list has them.
func (w *world) rowsOfNo(p reminder.PersonKey) ledger.Importing {
	no := w.word(p, consent.Withdrawn)
	bad := contact.Record{Person: p, Type: contact.Wrong, Address: number, Channel: reminder.SMS, EventTime: w.now()}
	return ledger.Importing{File: "f", By: "desk-3", Through: 3, Last: true, Rows: []ledger.ImportRow{
		{Line: 2, Evidence: "form 1", Word: &no}, {Line: 3, Evidence: "form 2", Address: &bad},
	}}
}

// Who was given up for another, who was given up for a third: a no of the first is said of all, however it comes.
func TestNoGoesToTheEndOfMerges(t *testing.T) {
	t.Parallel()
	for _, imported := range []bool{false, true} {
		w := filedWorld(t)
		a, b, c := w.person(1), w.person(2), w.person(3)
		w.known(a, number)
		w.known(c, number)
		w.merge(a, b)
		w.merge(b, c)
		w.at(w.now().Add(time.Minute))
		if imported {
			for i, want := range []ledger.ImportResult{{Imported: 2}, {Known: 2}} {
				out, err := w.Import(w.ctx, w.rowsOfNo(a))
				if w.ok(err); out.Imported != want.Imported || out.Known != want.Known || len(out.Lines) > 0 {
					t.Errorf("%d: %+v", i, out)
				}
			}
		} else {
			w.ok(w.Consent(w.ctx, w.word(a, consent.Withdrawn)))
			w.ok(w.Contact(w.ctx, contact.Record{Person: a, Type: contact.Wrong, Address: number}))
		}
		for _, p := range []reminder.PersonKey{a, b, c} {
			w.wantNo("imported "+map[bool]string{true: "yes", false: "no"}[imported], p, true, true)
		}
	}
}

// Two merges at the same moment may give two up for each other. A no ends there, too.
func TestNoGoesOnceRoundACircle(t *testing.T) {
	t.Parallel()
	s := &meanwhile{State: memory.New()}
	w := filedWorld(t, func(o *ledger.Options) { s.State, o.State = o.State.(*memory.State), s })
	a, b := w.person(1), w.person(2)
	s.who, s.what = b, func() { w.merge(b, a) }
	w.merge(a, b)
	w.ok(w.Consent(w.ctx, w.word(a, consent.Withdrawn)))
	w.ok(w.Contact(w.ctx, contact.Record{Person: a, Type: contact.Wrong, Address: number}))
	for _, p := range []reminder.PersonKey{a, b} {
		w.wantNo("in a circle", p, true, true)
	}
}

// A no that meets a merge stands of both keys, whichever of the two looked first.
func TestNoMeetsAMerge(t *testing.T) {
	t.Parallel()
	said := map[string]func(*world, reminder.PersonKey){
		"said": func(w *world, p reminder.PersonKey) {
			w.ok(w.Consent(w.ctx, w.word(p, consent.Withdrawn)))
			w.ok(w.Contact(w.ctx, contact.Record{Person: p, Type: contact.Wrong, Address: number}))
		},
		"told of the number first": func(w *world, p reminder.PersonKey) {
			w.ok(w.Contact(w.ctx, contact.Record{Person: p, Type: contact.Wrong, Address: number}))
			w.ok(w.Consent(w.ctx, w.word(p, consent.Withdrawn)))
		},
		"imported": func(w *world, p reminder.PersonKey) {
			_, err := w.Import(w.ctx, w.rowsOfNo(p))
			w.ok(err)
		},
	}
	for name, say := range said {
		for _, first := range []string{"the merge", "the no"} {
			s := &meanwhile{State: memory.New()}
			w := filedWorld(t, func(o *ledger.Options) { s.State, o.State = o.State.(*memory.State), s })
			from, into := w.person(1), w.person(2)
			w.known(from, number)
			w.known(into, number)
			w.at(w.now().Add(time.Minute))
			s.who = from
			if first == "the merge" {
				s.what = func() { say(w, from) }
				w.merge(from, into)
			} else {
				s.what = func() { w.merge(from, into) }
				say(w, from)
			}
			w.wantNo(name+", "+first+" looked first: the one given up", from, true, true)
			w.wantNo(name+", "+first+" looked first: the other", into, true, true)
		}
	}
}
