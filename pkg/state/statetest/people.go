package statetest

import (
	"errors"
	"reflect"
	"slices"
	"time"

	"github.com/husk-reminders/husk/pkg/consent"
	"github.com/husk-reminders/husk/pkg/contact"
	"github.com/husk-reminders/husk/pkg/reminder"
	"github.com/husk-reminders/husk/pkg/state"
)

func persons(w *world) {
	w.certify(time.Minute)
	p, q, nobody := person(1), person(2), person(3)
	planned := booked(appointment(1), p, 1, "A", noon)
	planned.Protected = true
	w.fold(p, word("c", p, consent.Granted), number("n", p, address(1), contact.Verified, noon), planned)
	w.fold(q, word("d", q, consent.Refused))
	ps, err := w.Persons(w.ctx, []reminder.PersonKey{q, nobody, p, q})
	w.ok(err)
	if len(ps) != 4 || ps[0].Key != q || ps[1].Key != nobody || ps[2].Key != p || ps[3].Key != q {
		w.Fatalf("not in the order of the keys: %d persons", len(ps))
	}
	if ps[0].Version != 1 || ps[1].Version != 0 || ps[2].Version != 3 {
		w.Errorf("versions %d %d %d, want 1 0 3", ps[0].Version, ps[1].Version, ps[2].Version)
	}
	x := ps[2]
	if !reflect.DeepEqual(x.Consent, []consent.Record{word("c", p, consent.Granted)}) {
		w.Errorf("consent %+v", x.Consent)
	}
	if !reflect.DeepEqual(x.Contact, []state.Contact{number("n", p, address(1), contact.Verified, noon)}) {
		w.Errorf("contact %+v", x.Contact)
	}
	if !x.Protected() || x.Deceased() || string(x.Sealed) != "sealed A" {
		w.Errorf("protected %v, deceased %v, sealed %q", x.Protected(), x.Deceased(), x.Sealed)
	}
	if len(x.Appointments) > 0 || len(x.Reminders) > 0 {
		w.Error("the gate is given appointments or reminders")
	}
	none, err := w.Persons(w.ctx, nil)
	if w.ok(err); len(none) != 0 {
		w.Errorf("%d persons for no keys", len(none))
	}
}

func personsCopied(w *world) {
	w.certify(time.Minute)
	p := person(1)
	w.fold(p, word("a", p, consent.Granted), booked(appointment(1), p, 1, "A", noon))
	before, err := w.Persons(w.ctx, []reminder.PersonKey{p})
	w.ok(err)
	later := booked(appointment(1), p, 2, "B", noon)
	later.Deceased = true
	w.fold(p, word("b", p, consent.Withdrawn), later)
	x := before[0]
	if x.Version != 2 || len(x.Consent) != 1 || x.Deceased() || string(x.Sealed) != "sealed A" {
		w.Errorf("what was read has changed: version %d, %d records, deceased %v", x.Version, len(x.Consent), x.Deceased())
	}
}

func behind(w *world) {
	w.certify(time.Minute)
	p, q := person(1), person(2)
	a, b, unknown := address(10), address(11), address(12)
	look := func(what string, want ...state.Address) {
		w.Helper()
		got, err := w.Behind(w.ctx, []reminder.AddressHash{a, b, unknown})
		if w.ok(err); !reflect.DeepEqual(got, want) {
			w.Errorf("%s: %+v, want %+v", what, got, want)
		}
		for i, x := range []reminder.AddressHash{a, b, unknown} {
			ps, err := w.Whose(w.ctx, x)
			if w.ok(err); len(ps) != want[i].Persons {
				w.Errorf("%s: %s is that of %v, want %d", what, x, ps, want[i].Persons)
			}
			for _, k := range ps {
				w.ok(w.View(w.ctx, k, func(y *state.Person) error {
					if !slices.Contains(y.Addresses(), x) {
						w.Errorf("%s: %s is not that of %s", what, x, k)
					}
					return nil
				}))
			}
		}
	}
	look("nothing known", state.Address{}, state.Address{}, state.Address{})
	w.fold(p, number("1", p, a, contact.Added, noon))
	w.fold(q, number("2", q, a, contact.Verified, noon))
	look("two have it", state.Address{Persons: 2}, state.Address{}, state.Address{})
	w.bar(a, false)
	w.bar(a, false)
	look("barred", state.Address{Barred: true, Persons: 2}, state.Address{}, state.Address{})
	w.bar(b, false)
	w.fold(p, number("3", p, b, contact.Verified, noon.Add(time.Hour)))
	look("one moved to a barred one", state.Address{Barred: true, Persons: 1}, state.Address{Barred: true, Persons: 1}, state.Address{})
	w.bar(a, true)
	look("lifted", state.Address{Persons: 1}, state.Address{Barred: true, Persons: 1}, state.Address{})
	w.fold(q, number("4", q, a, contact.Wrong, noon.Add(time.Hour)))
	look("wrong number", state.Address{}, state.Address{Barred: true, Persons: 1}, state.Address{})
	w.fold(q, number("4", q, a, contact.Verified, noon.Add(2*time.Hour)))
	look("a record that was there", state.Address{}, state.Address{Barred: true, Persons: 1}, state.Address{})
}

// A START from the address lifts what its own STOP set, in whatever order they come and in one run or several; a clerk lifts all.
func barsApart(w *world) {
	const reply, list = "outbox", state.ViaList + "outbox"
	type says struct {
		via  string
		lift bool
	}
	w.certify(time.Minute)
	free, own, kept := state.Address{}, state.Address{Barred: true}, state.Address{Barred: true, Kept: true}
	for n, x := range []struct {
		what []says
		want state.Address
	}{
		{[]says{{reply, false}}, own},
		{[]says{{"list-unsubscribe", false}, {reply, true}}, free},
		{[]says{{state.ViaStaff, false}}, kept},
		{[]says{{state.ViaStaff, false}, {reply, true}}, kept},
		{[]says{{reply, true}, {state.ViaStaff, false}}, kept},
		{[]says{{list, false}, {reply, true}}, kept},
		{[]says{{reply, false}, {state.ViaStaff, false}, {reply, true}}, kept},
		{[]says{{state.ViaStaff, false}, {reply, false}, {reply, true}}, kept},
		{[]says{{reply, false}, {list, false}, {reply, true}, {reply, false}, {reply, true}}, kept},
		{[]says{{state.ViaStaff, false}, {reply, false}, {state.ViaStaff, true}}, free},
		{[]says{{state.ViaStaff, false}, {state.ViaStaff, true}, {reply, false}}, own},
		{[]says{{list, false}, {state.ViaStaff, true}}, free},
		{[]says{{reply, false}, {reply, true}, {reply, false}}, own},
	} {
		together, apart := address(20+2*n), address(21+2*n)
		var bodies []any
		for _, s := range x.what {
			bodies = append(bodies, state.Bar{Address: together, Lifted: s.lift, Via: s.via})
			w.foldAt(apart.Shard(), "", noon, state.Bar{Address: apart, Lifted: s.lift, Via: s.via})
		}
		w.foldAt(together.Shard(), "", noon, bodies...)
		got, err := w.Behind(w.ctx, []reminder.AddressHash{together, apart})
		w.ok(err)
		for i, how := range []string{"in one run", "one by one"} {
			if got[i] != x.want {
				w.Errorf("%+v, %s: %+v, want %+v", x.what, how, got[i], x.want)
			}
		}
	}
}

func switches(w *world) {
	on := func(name, reason string) { w.foldAt(0, "", noon, state.Switch{Name: name, On: true, Reason: reason}) }
	look := func(want map[string]string) {
		w.Helper()
		got, err := w.Switches(w.ctx)
		if w.ok(err); len(got) != len(want) || (len(want) > 0 && !reflect.DeepEqual(got, want)) {
			w.Errorf("switches %v, want %v", got, want)
		}
	}
	look(nil)
	on("unit:ortho", "wrong address")
	on("all", "drill")
	look(map[string]string{"unit:ortho": "wrong address", "all": "drill"})
	on("all", "fire")
	w.foldAt(0, "", noon, state.Switch{Name: "unit:ortho"}, state.Switch{Name: "never:on"})
	look(map[string]string{"all": "fire"})
	w.foldAt(0, "", noon, state.Switch{Name: "all"})
	look(nil)
}

func views(w *world) {
	for n := range 5 {
		p := person(n)
		w.fold(p, booked(appointment(n), p, 1, "A", noon), word("c", p, consent.Granted))
	}
	seen := map[reminder.PersonKey]bool{}
	w.ok(w.Each(w.ctx, func(p *state.Person) error {
		if seen[p.Key] || len(p.Reminders) != 1 || len(p.Appointments) != 1 || len(p.Consent) != 1 {
			w.Errorf("person with %d reminders, %d appointments, %d records; seen %v", len(p.Reminders), len(p.Appointments), len(p.Consent), seen[p.Key])
		}
		seen[p.Key] = true
		return nil
	}))
	if len(seen) != 5 {
		w.Errorf("%d persons, want 5", len(seen))
	}
	enough, calls := errors.New("enough"), 0
	w.is(w.Each(w.ctx, func(*state.Person) error {
		calls++
		return enough
	}), enough)
	if calls != 1 {
		w.Errorf("%d calls after an error", calls-1)
	}
	w.is(w.View(w.ctx, person(1), func(p *state.Person) error {
		if p.Key != person(1) || p.Reminders[remind(appointment(1), "A")] == nil {
			w.Error("the wrong person, or without the reminder")
		}
		return enough
	}), enough)
	w.ok(w.View(w.ctx, person(40), func(*state.Person) error {
		w.Error("called for somebody unknown")
		return nil
	}))
}
