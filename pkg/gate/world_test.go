package gate_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	policies "github.com/husk-reminders/husk/config/policy"
	"github.com/husk-reminders/husk/pkg/consent"
	"github.com/husk-reminders/husk/pkg/contact"
	"github.com/husk-reminders/husk/pkg/gate"
	"github.com/husk-reminders/husk/pkg/policy"
	"github.com/husk-reminders/husk/pkg/reminder"
)

const anna = reminder.PersonKey("1-0123456789abcdef0123456789abcdef")

var (
	errDown = errors.New("down")
	now     = time.Date(2026, 3, 10, 10, 0, 0, 0, time.UTC)
	number  = reminder.NewAddress(reminder.SMS, "+4520123456")
	mail    = reminder.NewAddress(reminder.Email, "anna@example.org")
	adult   = reminder.Date{Year: 1970, Month: 1, Day: 1}
	child   = reminder.Date{Year: 2014, Month: 1, Day: 1}
)

func hash(a reminder.Address) reminder.AddressHash {
	p, err := reminder.NewPseudonyms(1, []byte(strings.Repeat("k", 32)))
	if err != nil {
		panic(err)
	}
	return p.Address(a)
}

// world is everything a gate asks, in memory, with a fault a test may plant in each.
type world struct {
	packs     *policy.Set
	people    map[reminder.PersonKey]gate.Person
	units     map[string]reminder.Unit
	stopped   map[string]string
	window    func(reminder.Unit, time.Time) (bool, time.Time)
	template  func(gate.Permit) string
	hash      func(reminder.Address) reminder.AddressHash
	clock     time.Time
	analysis  string // of every unit
	refusals  map[reminder.ID]error
	asked     [][]gate.Confirmation
	peopleErr error
	spoil     func([]gate.Person) []gate.Person
	switchErr error
	certified func() error
	confErr   error
	confSpoil func([]error) []error
}

func (w *world) People(_ context.Context, keys []reminder.PersonKey) ([]gate.Person, error) {
	out := make([]gate.Person, 0, len(keys))
	for _, k := range keys {
		p := w.people[k]
		p.Key = k
		out = append(out, p)
	}
	if w.spoil != nil {
		out = w.spoil(out)
	}
	return out, w.peopleErr
}

func (w *world) Stopped(context.Context) (map[string]string, error) { return w.stopped, w.switchErr }

func (w *world) Confirm(_ context.Context, cs []gate.Confirmation) ([]error, error) {
	w.asked = append(w.asked, cs)
	out := make([]error, len(cs))
	for i, c := range cs {
		out[i] = w.refusals[c.Reminder]
	}
	if w.confSpoil != nil {
		out = w.confSpoil(out)
	}
	return out, w.confErr
}

func (w *world) Unit(id string) (reminder.Unit, bool) { u, ok := w.units[id]; return u, ok }

func (w *world) gate(t *testing.T) *gate.Gate {
	t.Helper()
	g, err := gate.New(gate.Options{
		People: w, Switches: w, Confirmer: w, Packs: w.packs, Units: w, Hash: w.hash, Window: w.window,
		Template: w.template, Now: func() time.Time { return w.clock }, Analysis: func(reminder.Unit) string { return w.analysis },
		Certified: func(context.Context) error {
			if w.certified == nil {
				return nil
			}
			return w.certified()
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	return g
}

// newWorld is one in which Anna, adult, may be reminded by SMS at rh-ortho: she said yes and proved her number.
func newWorld(t *testing.T) *world {
	t.Helper()
	packs, err := policy.Load(policies.FS)
	if err != nil {
		t.Fatal(err)
	}
	return &world{
		packs: packs, clock: now, hash: hash,
		people: map[reminder.PersonKey]gate.Person{anna: {
			Known: true, Version: 7, BirthDate: adult,
			Consent: []consent.Record{yes("yes-sms", reminder.SMS)},
			Contact: []contact.Record{proof("number", number, policy.Code, now.AddDate(0, -1, 0))},
		}},
		units: map[string]reminder.Unit{"rh-ortho": {
			ID: "rh-ortho", Hospital: "rh", Country: "DK", Language: "da", Zone: "Europe/Copenhagen",
			Channels: []reminder.Channel{reminder.SMS, reminder.Email},
		}},
	}
}

func yes(id string, c reminder.Channel) consent.Record {
	at := now.AddDate(0, -2, 0)
	return consent.Record{
		ID: id, Person: anna, Type: consent.Granted, Purposes: []reminder.Purpose{reminder.Remind},
		Channels: []reminder.Channel{c}, Scope: consent.Scope{Kind: policy.ControllerScope},
		Notice: consent.Notice{ID: "da/notice@1", Hash: strings.Repeat("ab", 32), Language: "da"},
		Method: consent.Desk, Actor: consent.Actor{Kind: consent.Self}, EventTime: at, Recorded: at,
	}
}

func no(t consent.Type, at time.Time) consent.Record {
	return consent.Record{
		ID: "no", Person: anna, Type: t, Scope: consent.Scope{Kind: policy.ControllerScope},
		Method: consent.Phone, Actor: consent.Actor{Kind: consent.Self}, EventTime: at, Recorded: at,
	}
}

func proof(id string, a reminder.Address, m policy.Method, at time.Time) contact.Record {
	return contact.Record{
		ID: id, Person: anna, Type: contact.Verified, Address: a, Hash: hash(a), Channel: a.Channel, Method: m,
		Level: m.Level(), EventTime: at, Recorded: at,
	}
}

func about(t contact.Type, a reminder.Address, at time.Time) contact.Record {
	return contact.Record{
		ID: "about-" + string(t), Person: anna, Type: t, Address: a, Hash: hash(a), Channel: a.Channel, Method: policy.Staff,
		EventTime: at, Recorded: at,
	}
}

func lease() reminder.Lease {
	return reminder.Lease{
		Reminder: "1-aa", Token: "t1", Version: 3, Person: anna, Rule: "48h", Purpose: reminder.Remind, Due: now,
		Expires: now.Add(46 * time.Hour), Attempt: 1, Route: "sms-a",
		Appointment: reminder.Appointment{Person: anna, Unit: "rh-ortho", Start: now.Add(48 * time.Hour)},
	}
}

// person changes what the world knows of Anna.
func (w *world) person(change func(*gate.Person)) {
	p := w.people[anna]
	change(&p)
	w.people[anna] = p
}

func (w *world) unit(change func(*reminder.Unit)) {
	u := w.units["rh-ortho"]
	change(&u)
	w.units["rh-ortho"] = u
}

func (w *world) say(r consent.Record) {
	w.person(func(p *gate.Person) { p.Consent = append(p.Consent, r) })
}

func (w *world) evidence(r contact.Record) {
	w.person(func(p *gate.Person) { p.Contact = append(p.Contact, r) })
}
