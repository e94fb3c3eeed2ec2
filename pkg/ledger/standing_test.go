package ledger_test

import (
	"testing"

	"github.com/husk-reminders/husk/pkg/consent"
)

// What is known of a person and restricts, and a guardian's own no, are final only when nothing that they stop is on the wire: the
// guardian's number is the patient's as far as the mark knows.
func TestWhatRestrictsWaitsForTheWire(t *testing.T) {
	t.Parallel()
	for name, restrict := range map[string]func(*world) error{
		"protected":         func(w *world) error { return w.Consent(w.ctx, w.fact(consent.Protected)) },
		"deceased":          func(w *world) error { return w.Consent(w.ctx, w.fact(consent.Deceased)) },
		"care ended":        func(w *world) error { return w.Consent(w.ctx, w.fact(consent.CareEnded)) },
		"custody ended":     func(w *world) error { return w.Consent(w.ctx, w.fact(consent.CustodyEnded)) },
		"the guardian's no": func(w *world) error { return w.Consent(w.ctx, w.word(w.person(2), consent.Withdrawn)) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.accept(w.appointment(1))
			w.known(w.person(1), number)
			w.known(w.person(2), number)
			w.due()
			w.waitsForTheWire(restrict)
		})
	}
	w := newWorld(t)
	w.accept(w.appointment(1))
	w.known(w.person(1), number)
	w.due()
	w.wire(number)
	w.ok(w.Consent(w.ctx, w.fact(consent.Custody))) // it allows: nobody waits
}

// fact is what is known of the first person; the second is their guardian.
func (w *world) fact(t consent.Type) consent.Record {
	r := w.word(w.person(1), t)
	r.Purposes, r.Channels, r.Notice = nil, nil, consent.Notice{}
	r.Actor = consent.Actor{Kind: consent.Staff}
	if t == consent.Custody || t == consent.CustodyEnded {
		r.Actor = consent.Actor{Kind: consent.Guardian, Ref: string(w.person(2))}
	}
	return r
}
