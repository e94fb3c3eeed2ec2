package gate_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/husk-reminders/husk/pkg/consent"
	"github.com/husk-reminders/husk/pkg/contact"
	"github.com/husk-reminders/husk/pkg/gate"
	"github.com/husk-reminders/husk/pkg/policy"
	"github.com/husk-reminders/husk/pkg/reminder"
)

const (
	mother = reminder.PersonKey("1-aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa")
	father = reminder.PersonKey("1-bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb")
)

var (
	hers = reminder.NewAddress(reminder.SMS, "+4520111111")
	his  = reminder.NewAddress(reminder.SMS, "+4520222222")
)

// spoken is a guardian's word in the child's records.
func spoken(id string, t consent.Type, k reminder.PersonKey, at time.Time) consent.Record {
	r := yes(id, reminder.SMS)
	r.Type, r.Actor, r.EventTime, r.Recorded = t, consent.Actor{Kind: consent.Guardian, Ref: string(k)}, at, at
	return r
}

// known is what is known of Anna.
func known(t consent.Type, k reminder.PersonKey, at time.Time) consent.Record {
	r := consent.Record{
		ID: string(t) + string(k), Person: anna, Type: t, Scope: consent.Scope{Kind: policy.ControllerScope}, Method: consent.Desk,
		Actor: consent.Actor{Kind: consent.Staff}, EventTime: at, Recorded: at,
	}
	if k != "" {
		r.Actor = consent.Actor{Kind: consent.Guardian, Ref: string(k)}
	}
	return r
}

func ago(days int) time.Time { return now.AddDate(0, 0, -days) }

// familyWorld is one in which Anna is twelve, her mother and father have custody, said yes for her and proved their numbers. The
// mother's custody is the older.
func familyWorld(t *testing.T) *world {
	t.Helper()
	w := newWorld(t)
	w.people[anna] = gate.Person{Known: true, Version: 7, BirthDate: child, Consent: []consent.Record{
		known(consent.Custody, mother, ago(50)), known(consent.Custody, father, ago(40)),
		spoken("yes-mother", consent.Granted, mother, ago(30)), spoken("yes-father", consent.Granted, father, ago(30)),
	}}
	for k, a := range map[reminder.PersonKey]reminder.Address{mother: hers, father: his} {
		p := proof("number-"+string(k), a, policy.Code, ago(20))
		p.Person = k
		w.people[k] = gate.Person{Known: true, Version: 11, BirthDate: adult, Contact: []contact.Record{p}}
	}
	return w
}

func (w *world) change(k reminder.PersonKey, f func(*gate.Person)) {
	p := w.people[k]
	p.Consent, p.Contact = slices.Clone(p.Consent), slices.Clone(p.Contact)
	f(&p)
	w.people[k] = p
}

func TestGuardians(t *testing.T) {
	without := func(w *world, ids ...string) {
		w.change(anna, func(p *gate.Person) {
			p.Consent = slices.DeleteFunc(p.Consent, func(r consent.Record) bool { return slices.Contains(ids, r.ID) })
		})
	}
	bar := func(k reminder.PersonKey, a reminder.Address) func(*world, *reminder.Lease) {
		return func(w *world, _ *reminder.Lease) {
			w.change(k, func(p *gate.Person) { p.Barred = map[reminder.AddressHash]bool{hash(a): true} })
		}
	}
	all := func(fs ...func(*world, *reminder.Lease)) func(*world, *reminder.Lease) {
		return func(w *world, l *reminder.Lease) {
			for _, f := range fs {
				f(w, l)
			}
		}
	}
	noPlace := func(w *world, _ *reminder.Lease) {
		w.change(anna, func(p *gate.Person) { p.Consent[0].NoPlace = true })
	}
	own := func(w *world, _ *reminder.Lease) {
		w.change(anna, func(p *gate.Person) {
			p.Contact = []contact.Record{proof("own", number, policy.Code, ago(20))}
		})
	}
	quiet := func(w *world, _ *reminder.Lease) { w.unit(func(u *reminder.Unit) { u.SenderID.Class = 0 }) }
	for name, c := range map[string]struct {
		plant  func(*world, *reminder.Lease)
		to     reminder.PersonKey // "" = denied
		reason gate.Reason
		hide   bool
	}{
		"the older custody first": {nil, mother, "", false},
		"she took it back":        {func(w *world, _ *reminder.Lease) { w.say(spoken("n", consent.Withdrawn, mother, ago(1))) }, father, "", false},
		"she refused":             {func(w *world, _ *reminder.Lease) { w.say(spoken("n", consent.Refused, mother, ago(1))) }, father, "", false},
		"both took it back": {func(w *world, _ *reminder.Lease) {
			for _, k := range []reminder.PersonKey{mother, father} {
				n := spoken("n"+string(k), consent.Withdrawn, k, ago(1))
				n.Channels = nil
				w.say(n)
			}
		}, "", gate.Withdrawn, false},
		"the child said no": {func(w *world, _ *reminder.Lease) { w.say(no(consent.Withdrawn, ago(1))) }, "", gate.Withdrawn, false},
		"she said no for herself": {func(w *world, _ *reminder.Lease) {
			w.change(mother, func(p *gate.Person) { p.Consent = append(p.Consent, no(consent.Withdrawn, ago(1))) })
		}, father, "", false},
		"and yes again": {func(w *world, _ *reminder.Lease) {
			w.change(mother, func(p *gate.Person) {
				p.Consent = append(p.Consent, no(consent.Withdrawn, ago(2)), func() consent.Record { r := yes("y", reminder.SMS); r.EventTime, r.Recorded = ago(1), ago(1); return r }())
			})
		}, mother, "", false},
		"STOP from her number":                                {bar(mother, hers), father, "", false},
		"STOP from both numbers":                              {all(bar(mother, hers), bar(father, his)), "", gate.Barred, false},
		"a STOP is not gone round by the child's own address": {all(bar(mother, hers), bar(father, his), own), "", gate.Barred, false},
		"her custody ended":                                   {func(w *world, _ *reminder.Lease) { w.say(known(consent.CustodyEnded, mother, ago(1))) }, father, "", false},
		"her custody ended by a clock ahead of ours": {func(w *world, _ *reminder.Lease) {
			w.say(known(consent.CustodyEnded, mother, now.Add(time.Minute)))
		}, father, "", false},
		"her custody is her word": {func(w *world, _ *reminder.Lease) {
			w.change(anna, func(p *gate.Person) { p.Consent[0].Method = consent.Phone })
		}, father, "", false},
		"nobody has custody":       {func(w *world, _ *reminder.Lease) { without(w, "custody"+string(mother), "custody"+string(father)) }, "", gate.Guardian, false},
		"nobody was asked":         {func(w *world, _ *reminder.Lease) { without(w, "yes-mother", "yes-father") }, "", gate.Guardian, false},
		"her number is not proven": {func(w *world, _ *reminder.Lease) { w.change(mother, func(p *gate.Person) { p.Contact = nil }) }, father, "", false},
		"her number is wrong": {func(w *world, _ *reminder.Lease) {
			w.change(mother, func(p *gate.Person) { p.Contact = append(p.Contact, about(contact.Wrong, hers, ago(1))) })
		}, father, "", false},
		"nothing is known of them": {func(w *world, _ *reminder.Lease) { delete(w.people, mother); delete(w.people, father) }, "", gate.Unverified, false},
		"she is dead":              {func(w *world, _ *reminder.Lease) { w.change(mother, func(p *gate.Person) { p.Deceased = true }) }, father, "", false},
		"she is dead, says the register": {func(w *world, _ *reminder.Lease) {
			w.change(mother, func(p *gate.Person) { p.Consent = append(p.Consent, known(consent.Deceased, "", ago(1))) })
		}, father, "", false},
		"both are dead": {func(w *world, _ *reminder.Lease) {
			w.change(mother, func(p *gate.Person) { p.Deceased = true })
			w.change(father, func(p *gate.Person) { p.Deceased = true })
		}, "", gate.Guardian, false},
		"nor does a dead guardian's word open the child's own address": {all(own, func(w *world, _ *reminder.Lease) {
			w.change(mother, func(p *gate.Person) { p.Deceased = true })
			w.change(father, func(p *gate.Person) { p.Deceased = true })
		}), "", gate.Guardian, false},
		"the child is protected":                    {func(w *world, _ *reminder.Lease) { w.change(anna, func(p *gate.Person) { p.Protected = true }) }, "", gate.Protected, false},
		"the child is protected, says the register": {func(w *world, _ *reminder.Lease) { w.say(known(consent.Protected, "", ago(1))) }, "", gate.Protected, false},
		"the child is dead, says the register":      {func(w *world, _ *reminder.Lease) { w.say(known(consent.Deceased, "", ago(1))) }, "", gate.Deceased, false},
		"the booking names him": {func(_ *world, l *reminder.Lease) {
			l.Appointment.Others = []reminder.Other{{Role: reminder.Guardian, Phones: []reminder.Masked{reminder.Mask("20 22 22 22")}}}
		}, father, "", false},
		"the booking names a relative": {func(_ *world, l *reminder.Lease) {
			l.Appointment.Others = []reminder.Other{{Role: reminder.Relative, Phones: []reminder.Masked{reminder.Mask("20 22 22 22")}}}
		}, mother, "", false},
		"the booking names somebody without custody": {func(_ *world, l *reminder.Lease) {
			l.Appointment.Others = []reminder.Other{{Role: reminder.Guardian, Phones: []reminder.Masked{reminder.Mask("+4520333333")}}}
		}, mother, "", false},
		"she is not to be told the place, and he may be": {all(noPlace, quiet), father, "", false},
		"she is not to be told the place, and alone":     {all(noPlace, quiet, func(w *world, _ *reminder.Lease) { w.change(father, func(p *gate.Person) { p.Deceased = true }) }), mother, "", true},
		"and the sender's name would do so":              {all(noPlace, func(w *world, _ *reminder.Lease) { w.unit(func(u *reminder.Unit) { u.SenderID.Class = 1 }) }), father, "", false},
		"her address is protected: he is not told the place": {all(quiet, func(w *world, _ *reminder.Lease) {
			w.change(mother, func(p *gate.Person) { p.Protected = true })
		}), father, "", true},
		"turned fifteen": {func(w *world, _ *reminder.Lease) {
			w.change(anna, func(p *gate.Person) { p.BirthDate = reminder.Date{Year: 2011, Month: 3, Day: 10} })
		}, "", gate.NoBasis, false},
		"fifteen tomorrow": {func(w *world, _ *reminder.Lease) {
			w.change(anna, func(p *gate.Person) { p.BirthDate = reminder.Date{Year: 2011, Month: 3, Day: 11} })
		}, mother, "", false},
		"of unknown age": {func(w *world, _ *reminder.Lease) {
			w.change(anna, func(p *gate.Person) { p.BirthDate = reminder.Date{} })
		}, "", gate.Guardian, false},
		"the child's own address too": {all(own, func(w *world, _ *reminder.Lease) { delete(w.people, mother); delete(w.people, father) }), anna, "", false},
	} {
		t.Run(name, func(t *testing.T) {
			w, l := familyWorld(t), lease()
			if c.plant != nil {
				c.plant(w, &l)
			}
			ds, err := w.gate(t).Decide(context.Background(), []reminder.Lease{l}, now)
			if err != nil {
				t.Fatal(err)
			}
			d := ds[0]
			if c.to == "" {
				if d.Outcome != gate.Deny || d.Reason != c.reason || !d.Permit.IsZero() {
					t.Errorf("%+v", d)
				}
				return
			}
			if d.Outcome != gate.Allow || d.Permit.Recipient() != c.to || d.Permit.HidePlace() != c.hide || d.Permit.Lease().Person != anna || d.Permit.PersonVersion() != 7 {
				t.Fatalf("%s %s to %s, hidden %v", d.Outcome, d.Reason, d.Permit.Recipient(), d.Permit.HidePlace())
			}
			want := map[reminder.PersonKey]reminder.Address{mother: hers, father: his, anna: number}[c.to]
			if d.Permit.Address().Reveal() != want.Reveal() {
				t.Error("to another's address")
			}
			if top := d.Permit.Pack().Ceiling[reminder.SMS]; c.hide && top != 0 || !c.hide && top != 1.5 {
				t.Errorf("the ceiling is %v", top)
			}
			if ref := d.Permit.Pack().Ref(); ref != d.Pack {
				t.Errorf("another pack: %+v", ref)
			}
		})
	}
}

func TestNorwegianGuardianIsToldLess(t *testing.T) {
	w := familyWorld(t)
	w.unit(func(u *reminder.Unit) { u.Country, u.Zone, u.SenderID.Class = "NO", "Europe/Oslo", 0 })
	for year, hide := range map[int]bool{2013: true, 2014: true, 2015: false} {
		w.change(anna, func(p *gate.Person) { p.BirthDate = reminder.Date{Year: year, Month: 3, Day: 10} })
		ds, err := w.gate(t).Decide(context.Background(), []reminder.Lease{lease()}, now)
		if err != nil || ds[0].Outcome != gate.Allow || ds[0].Permit.HidePlace() != hide {
			t.Errorf("born %d: %+v, %v", year, ds[0], err)
		}
	}
	w.change(anna, func(p *gate.Person) { p.BirthDate = reminder.Date{Year: 2010, Month: 3, Day: 10} })
	if ds, _ := w.gate(t).Decide(context.Background(), []reminder.Lease{lease()}, now); ds[0].Reason != gate.NoBasis {
		t.Errorf("at sixteen: %+v", ds[0])
	}
}

func TestGuardiansWhoDoNotAnswerDeferTheChildAlone(t *testing.T) {
	w := familyWorld(t)
	other := reminder.PersonKey("1-ffffffffffffffffffffffffffffffff")
	w.people[other] = newWorld(t).people[anna]
	asked := 0
	w.spoil = func(ps []gate.Person) []gate.Person {
		if asked++; asked == 2 {
			return ps[:1]
		}
		return ps
	}
	ls := []reminder.Lease{lease(), lease()}
	ls[1].Person, ls[1].Reminder, ls[1].Appointment.Person = other, "1-bb", other
	ds, err := w.gate(t).Decide(context.Background(), ls, now)
	if !errors.Is(err, gate.ErrUnavailable) || ds[0].Outcome != gate.Defer || ds[0].Reason != gate.Unavailable || ds[1].Outcome != gate.Allow {
		t.Errorf("%+v, %v", ds, err)
	}
}

func TestConfirmAsksForTheGuardianAfterTheMark(t *testing.T) {
	w := familyWorld(t)
	g := w.gate(t)
	a := attempt(permit(t, w, lease()))
	if errs, err := g.Confirm(context.Background(), []gate.Attempt{a}); err != nil || errs[0] != nil || w.asked[0][0].Address != hash(hers) {
		t.Fatalf("%v, %v", errs, err)
	}
	// The mother takes it back while the confirmer marks.
	w.confSpoil = func(errs []error) []error {
		w.change(mother, func(p *gate.Person) { p.Version++ })
		return errs
	}
	if errs, err := g.Confirm(context.Background(), []gate.Attempt{a}); err != nil || !errors.Is(errs[0], gate.ErrMoved) {
		t.Errorf("%v, %v", errs, err)
	}
	w.confSpoil = nil
	a = attempt(permit(t, w, lease()))
	w.peopleErr = gate.ErrNotCertified
	if errs, err := g.Confirm(context.Background(), []gate.Attempt{a}); !errors.Is(err, gate.ErrNotCertified) || !errors.Is(errs[0], gate.ErrNotCertified) {
		t.Errorf("%v, %v", errs, err)
	}
	// A patient's own message hangs on no guardian.
	w.peopleErr = nil
	v := newWorld(t)
	b := attempt(permit(t, v, lease()))
	v.peopleErr = errDown
	if errs, err := v.gate(t).Confirm(context.Background(), []gate.Attempt{b}); err != nil || errs[0] != nil {
		t.Errorf("%v, %v", errs, err)
	}
}

// Whoever is written to about a child is the child, or has custody and said yes for it, and nobody's no was against it.
func TestNoMessageAboutAChildWithoutCustody(t *testing.T) {
	r := rand.New(rand.NewPCG(17, 18))
	w := familyWorld(t)
	g := w.gate(t)
	to := map[reminder.PersonKey]int{}
	for range 3_000 {
		p := gate.Person{Known: true, Version: 7, BirthDate: child}
		for i := range 3 + r.IntN(6) {
			k := []reminder.PersonKey{mother, father}[r.IntN(2)]
			at := ago(r.IntN(9))
			var c consent.Record
			switch r.IntN(5) {
			case 0, 1:
				c = known(consent.Custody, k, at)
			case 2:
				c = known([]consent.Type{consent.CustodyEnded, consent.Custody}[r.IntN(2)], k, at)
			default:
				c = spoken("", append(consent.Words, consent.Granted, consent.Granted, consent.Granted)[r.IntN(7)], k, at)
			}
			c.ID = string(rune('a' + i))
			p.Consent = append(p.Consent, c)
		}
		w.people[anna] = p
		ds, err := g.Decide(context.Background(), []reminder.Lease{lease()}, now)
		if err != nil {
			t.Fatal(err)
		}
		if ds[0].Outcome != gate.Allow {
			to[""]++
			continue
		}
		k := ds[0].Permit.Recipient()
		to[k]++
		mine := func(c consent.Record, t consent.Type) bool { return c.Type == t && c.Actor.Ref == string(k) }
		custody := slices.ContainsFunc(p.Consent, func(c consent.Record) bool {
			return mine(c, consent.Custody) && !slices.ContainsFunc(p.Consent, func(e consent.Record) bool {
				return mine(e, consent.CustodyEnded) && !e.EventTime.Before(c.EventTime)
			})
		})
		said := slices.ContainsFunc(p.Consent, func(c consent.Record) bool {
			return mine(c, consent.Granted) && !slices.ContainsFunc(p.Consent, func(n consent.Record) bool {
				return n.IsNo() && n.Actor.Ref == string(k) && !n.EventTime.Before(c.EventTime)
			})
		})
		if !custody || !said {
			t.Fatalf("to %s, custody %v, yes %v: %+v", k, custody, said, p.Consent)
		}
	}
	if to[mother] < 100 || to[father] < 100 || to[""] < 100 || to[anna] > 0 {
		t.Errorf("%v: the test looks at too little", to)
	}
}
