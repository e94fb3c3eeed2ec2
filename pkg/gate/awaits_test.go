package gate_test

import (
	"context"
	"testing"
	"time"

	"github.com/husk-reminders/husk/pkg/gate"
	"github.com/husk-reminders/husk/pkg/policy"
	"github.com/husk-reminders/husk/pkg/reminder"
)

// While a register has yet to answer, what lacks a proof is put off and not denied; nothing else is. Near the end the preview says so
// too, and whose answer is awaited, so that a letter can go meanwhile; before that it is a no, and no register is asked for it.
func TestProofThatIsAwaited(t *testing.T) {
	for name, x := range map[string]struct {
		spoil func(w *world)
		sure  gate.Reason // when no register is to answer; "" = it is allowed
		lacks bool        // a proof, which a register might give
	}{
		"no address": {func(w *world) { w.person(func(p *gate.Person) { p.Contact = nil }) }, gate.Unverified, true},
		"staff's own word": {func(w *world) {
			w.person(func(p *gate.Person) { p.Contact[0] = proof("1", number, policy.Staff, now) })
		}, gate.Unverified, true},
		"an old proof": {func(w *world) {
			w.person(func(p *gate.Person) { p.Contact[0] = proof("1", number, policy.Code, now.AddDate(-5, 0, 0)) })
		}, gate.StaleVerification, true},
		"a good proof": {func(*world) {}, "", false},
		"nobody's yes": {func(w *world) { w.person(func(p *gate.Person) { p.Consent = nil }) }, gate.NoBasis, false},
		"a STOP": {func(w *world) {
			w.person(func(p *gate.Person) { p.Barred = map[reminder.AddressHash]bool{hash(number): true} })
		}, gate.Barred, false},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			x.spoil(w)
			waits, silence := false, gate.Silence{Register: "krr", Since: now.Add(-time.Hour)}
			g, err := gate.New(gate.Options{
				People: w, Switches: w, Confirmer: w, Packs: w.packs, Units: w, Hash: w.hash,
				Awaits: func(l reminder.Lease) gate.Silence {
					if waits && l.Person == anna {
						return silence
					}
					return gate.Silence{}
				},
			})
			if err != nil {
				t.Fatal(err)
			}
			one := func(ask func(context.Context, []reminder.Lease) ([]gate.Decision, error)) gate.Decision {
				t.Helper()
				ds, err := ask(t.Context(), []reminder.Lease{lease()})
				if err != nil || len(ds) != 1 {
					t.Fatalf("%v %v", ds, err)
				}
				return ds[0]
			}
			decide := func(ctx context.Context, ls []reminder.Lease) ([]gate.Decision, error) { return g.Decide(ctx, ls, now) }
			sure := one(decide)
			if sure.Reason != x.sure || (sure.Outcome == gate.Allow) != (x.sure == "") || sure.Outcome == gate.Defer {
				t.Fatalf("%+v", sure)
			}
			waits = true
			d := one(decide)
			switch {
			case x.lacks && (d.Outcome != gate.Defer || d.Reason != gate.Unavailable || !d.Until.After(now) || !d.Permit.IsZero() || d.Silent != silence):
				t.Errorf("awaited: %+v", d)
			case !x.lacks && (d.Outcome != sure.Outcome || d.Reason != sure.Reason || d.Silent != gate.Silence{}):
				t.Errorf("awaited: %+v, want %+v", d, sure)
			}
			preview := func(before time.Duration) gate.Decision {
				return one(func(ctx context.Context, ls []reminder.Lease) ([]gate.Decision, error) {
					ls[0].Expires = now.Add(before)
					return g.Preview(ctx, ls, now)
				})
			}
			if p := preview(gate.PreviewLate + time.Second); p.Outcome != sure.Outcome || p.Reason != sure.Reason || p.Silent != (gate.Silence{}) {
				t.Errorf("the early preview: %+v, want %+v", p, sure)
			}
			if p := preview(gate.PreviewLate); p.Outcome != d.Outcome || p.Reason != d.Reason || p.Silent != d.Silent || !p.Permit.IsZero() {
				t.Errorf("the late preview: %+v, want %+v", p, d)
			}
		})
	}
}

// A proof that is fresh now and too old when the reminder is due is previewed as too old: then there is still time for a letter.
func TestPreviewIsOfTheDueTime(t *testing.T) {
	w := newWorld(t)
	w.unit(func(u *reminder.Unit) {
		u.Country, u.Zone, u.Channels = "NO", "Europe/Oslo", []reminder.Channel{reminder.SMS}
	})
	w.person(func(p *gate.Person) { p.Contact[0] = proof("k", number, policy.KRR, now.AddDate(0, -18, 3)) })
	for days, want := range map[int]gate.Reason{-1: "", 0: "", 2: "", 4: gate.StaleVerification} {
		l := lease()
		l.Due = now.AddDate(0, 0, days)
		l.Expires = now.AddDate(0, 0, days+2)
		ds, err := w.gate(t).Preview(t.Context(), []reminder.Lease{l}, now)
		if err != nil || ds[0].Reason != want || (ds[0].Outcome == gate.Allow) != (want == "") || !ds[0].Permit.IsZero() {
			t.Errorf("due in %d days: %s %s, %v", days, ds[0].Outcome, ds[0].Reason, err)
		}
		if ds, err := w.gate(t).Decide(t.Context(), []reminder.Lease{l}, now); err != nil || ds[0].Outcome != gate.Allow {
			t.Errorf("due in %d days, decided now: %+v, %v", days, ds[0], err)
		}
	}
}
