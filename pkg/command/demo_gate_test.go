package command

import (
	"bytes"
	"context"
	"errors"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	policies "github.com/husk-reminders/husk/config/policy"
	"github.com/husk-reminders/husk/pkg/consent"
	"github.com/husk-reminders/husk/pkg/contact"
	"github.com/husk-reminders/husk/pkg/dispatch"
	"github.com/husk-reminders/husk/pkg/gate"
	"github.com/husk-reminders/husk/pkg/policy"
	"github.com/husk-reminders/husk/pkg/reminder"
	"github.com/husk-reminders/husk/test/check"
	"github.com/husk-reminders/husk/test/scenario"
)

// playDemo runs the demo in a folder of its own and returns what the checker says of its outbox.
func playDemo(t *testing.T, g func(*gate.Gate) dispatch.Gate) (check.Report, error) {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "demo")
	var out bytes.Buffer
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	played := demo(ctx, demoOptions{dir: dir, plain: true, quiet: true, out: &out, gate: g})
	if played != nil && !errors.Is(played, errRed) {
		t.Fatalf("the demo: %v\n%s", played, out.String())
	}
	r, err := check.Run(filepath.Join(dir, "scenario.json"), filepath.Join(dir, "outbox"))
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(out.String(), r.String()) {
		t.Errorf("the demo shows another report than the checker gives:\n%s", out.String())
	}
	return r, played
}

func TestDemoIsGreen(t *testing.T) {
	r, err := playDemo(t, nil)
	if err != nil || !r.OK() || r.Expected < 100 || len(r.Confirmed) < 3 {
		t.Errorf("%v\n%s", err, r)
	}
}

// A run that skips the gate must turn the checker red, or the checker's green would prove nothing.
func TestDemoWithoutAGateIsRed(t *testing.T) {
	r, err := playDemo(t, func(*gate.Gate) dispatch.Gate { return newOpenGate(t) })
	if !errors.Is(err, errRed) || r.OK() {
		t.Fatalf("not red: %v\n%s", err, r)
	}
	n := r.Counts()
	for _, k := range []check.Kind{check.Denied, check.AfterStop, check.Stopped} {
		if n[k] == 0 {
			t.Errorf("nothing of the kind %s is found: %v", k, n)
		}
	}
	t.Logf("found: %v", n)
}

// openGate is a gate that asks nobody: everybody has said yes to everything, every address of theirs is proven, no switch
// is on, no address is barred, and no hand-over is refused.
type openGate struct {
	t      *testing.T
	gate   *gate.Gate
	units  []reminder.Unit
	who    map[string]scenario.Person // by national id
	mu     sync.Mutex
	people map[reminder.PersonKey]scenario.Person
	hash   func(reminder.Address) reminder.AddressHash
	now    time.Time
}

func newOpenGate(t *testing.T) *openGate {
	t.Helper()
	units, err := demoUnits()
	if err != nil {
		t.Fatal(err)
	}
	story, err := scenario.Build(units)
	if err != nil {
		t.Fatal(err)
	}
	packs, err := policy.Load(policies.FS)
	if err != nil {
		t.Fatal(err)
	}
	p, err := reminder.NewPseudonyms(1, bytes.Repeat([]byte("k"), 32))
	if err != nil {
		t.Fatal(err)
	}
	g := &openGate{t: t, units: units, who: map[string]scenario.Person{}, people: map[reminder.PersonKey]scenario.Person{}, hash: p.Address}
	for _, x := range story.People {
		g.who[string(x.Country)+x.ID] = x
	}
	g.gate, err = gate.New(gate.Options{People: g, Switches: g, Confirmer: openConfirmer{}, Packs: packs, Units: g, Hash: p.Address, Now: g.clock})
	if err != nil {
		t.Fatal(err)
	}
	return g
}

// clock is the time of the last decision: a permit is never too old.
func (g *openGate) clock() time.Time {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.now
}

// Decide implements dispatch.Gate.
func (g *openGate) Decide(ctx context.Context, ls []reminder.Lease, now time.Time) ([]gate.Decision, error) {
	g.mu.Lock()
	g.now = now
	open := make([]reminder.Lease, len(ls))
	for i, l := range ls {
		id := l.Appointment.NationalID
		g.people[l.Person] = g.who[string(id.Country)+id.Reveal()]
		l.Appointment.Protected, l.Appointment.Deceased = false, false
		open[i] = l
	}
	g.mu.Unlock()
	return g.gate.Decide(ctx, open, now)
}

// Confirm implements dispatch.Gate: nobody is asked.
func (g *openGate) Confirm(_ context.Context, as []gate.Attempt) ([]error, error) {
	return make([]error, len(as)), nil
}

// People implements gate.People.
func (g *openGate) People(_ context.Context, keys []reminder.PersonKey) ([]gate.Person, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	long := g.now.AddDate(0, -1, 0)
	out := make([]gate.Person, len(keys))
	for i, k := range keys {
		p := gate.Person{Key: k, Known: true, Version: 1, BirthDate: reminder.Date{Year: 1970, Month: 1, Day: 1}}
		for _, u := range g.units {
			p.Consent = append(p.Consent, consent.Record{
				ID: "yes-" + u.ID, Person: k, Type: consent.Granted, Purposes: []reminder.Purpose{reminder.Remind}, Channels: reminder.Channels,
				Scope: consent.Scope{Kind: policy.UnitScope, Ref: u.ID}, Notice: demoNotice, Method: consent.Desk,
				Actor: consent.Actor{Kind: consent.Self}, EventTime: long, Recorded: long,
			})
		}
		for n, a := range g.people[k].Addresses {
			addr, err := contact.Normalise(a.Channel, a.Address, g.people[k].Country)
			if err != nil {
				g.t.Error(err)
				continue
			}
			at := long.Add(time.Duration(n) * time.Minute)
			p.Contact = append(p.Contact, contact.Record{
				ID: a.Address, Person: k, Type: contact.Verified, Address: addr, Hash: g.hash(addr), Channel: a.Channel, Method: policy.Code,
				Level: policy.Code.Level(), EventTime: at, Recorded: at,
			})
		}
		out[i] = p
	}
	return out, nil
}

// Stopped implements gate.Switches.
func (g *openGate) Stopped(context.Context) (map[string]string, error) { return nil, nil }

// Unit implements gate.Units.
func (g *openGate) Unit(id string) (reminder.Unit, bool) {
	for _, u := range g.units {
		if u.ID == id {
			return u, true
		}
	}
	return reminder.Unit{}, false
}

// openConfirmer confirms everything.
type openConfirmer struct{}

// Confirm implements gate.Confirmer.
func (openConfirmer) Confirm(_ context.Context, cs []gate.Confirmation) ([]error, error) {
	return make([]error, len(cs)), nil
}
