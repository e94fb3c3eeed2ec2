package gate_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/husk-reminders/husk/pkg/consent"
	"github.com/husk-reminders/husk/pkg/contact"
	"github.com/husk-reminders/husk/pkg/gate"
	"github.com/husk-reminders/husk/pkg/policy"
	"github.com/husk-reminders/husk/pkg/reminder"
)

func TestAllow(t *testing.T) {
	w := newWorld(t)
	ds, err := w.gate(t).Decide(context.Background(), []reminder.Lease{lease()}, now)
	if err != nil || len(ds) != 1 || ds[0].Outcome != gate.Allow || ds[0].Reason != "" {
		t.Fatalf("%+v, %v", ds, err)
	}
	p := ds[0].Permit
	if p.IsZero() || p.Channel() != reminder.SMS || p.Address().Reveal() != number.Reveal() ||
		p.AddressHash() != hash(number) || p.Unit().ID != "rh-ortho" || p.Pack().ID != "dk-2019" || p.PersonVersion() != 7 ||
		p.Basis() != "consent" || p.Language() != "da" || p.Lease().Token != "t1" || !p.Made().Equal(now) {
		t.Errorf("permit %+v", p)
	}
	if ds[0].Pack != p.Pack().Ref() || ds[0].Pack.Hash == "" {
		t.Errorf("pack %+v", ds[0].Pack)
	}
	l := lease()
	l.Appointment.Language = "en"
	if ds, _ := w.gate(t).Decide(context.Background(), []reminder.Lease{l}, now); ds[0].Permit.Language() != "en" {
		t.Errorf("language %s", ds[0].Permit.Language())
	}
	if !(gate.Permit{}).IsZero() {
		t.Error("the zero permit permits")
	}
}

// denials is one plain way to each deny reason that Decide gives.
var denials = map[gate.Reason]func(*world, *reminder.Lease){
	gate.NoBasis:   func(w *world, _ *reminder.Lease) { w.person(func(p *gate.Person) { p.Consent = nil }) },
	gate.Withdrawn: func(w *world, _ *reminder.Lease) { w.say(no(consent.Withdrawn, now.AddDate(0, 0, -1))) },
	gate.Declined:  func(w *world, _ *reminder.Lease) { w.say(no(consent.Refused, now.AddDate(0, 0, -1))) },
	gate.Unverified: func(w *world, _ *reminder.Lease) {
		w.person(func(p *gate.Person) {
			p.Contact = []contact.Record{about(contact.Added, number, now.AddDate(0, 0, -1))}
		})
	},
	gate.StaleVerification: func(w *world, _ *reminder.Lease) {
		w.person(func(p *gate.Person) {
			p.Contact = []contact.Record{proof("old", number, policy.Code, now.AddDate(0, -24, -1))}
		})
	},
	gate.SharedNumber: func(w *world, _ *reminder.Lease) {
		w.person(func(p *gate.Person) { p.Shared = map[reminder.AddressHash]int{hash(number): 7} })
	},
	gate.ChangedNumber: func(w *world, _ *reminder.Lease) {
		w.evidence(about(contact.Added, reminder.NewAddress(reminder.SMS, "+4520999999"), now.AddDate(0, 0, -1)))
	},
	gate.WrongNumber: func(w *world, _ *reminder.Lease) { w.evidence(about(contact.Wrong, number, now.AddDate(0, 0, -1))) },
	gate.Bounced:     func(w *world, _ *reminder.Lease) { w.evidence(about(contact.Failed, number, now.AddDate(0, 0, -1))) },
	gate.Barred: func(w *world, _ *reminder.Lease) {
		w.person(func(p *gate.Person) { p.Barred = map[reminder.AddressHash]bool{hash(number): true} })
	},
	gate.Protected: func(w *world, _ *reminder.Lease) { w.person(func(p *gate.Person) { p.Protected = true }) },
	gate.Deceased:  func(w *world, _ *reminder.Lease) { w.person(func(p *gate.Person) { p.Deceased = true }) },
	gate.Guardian:  func(w *world, _ *reminder.Lease) { w.person(func(p *gate.Person) { p.BirthDate = child }) },
	gate.OverCeiling: func(w *world, _ *reminder.Lease) {
		w.unit(func(u *reminder.Unit) { u.SenderID.Class = 2 })
	},
}

// deferrals is one plain way to each defer reason.
var deferrals = map[gate.Reason]func(*world, *reminder.Lease){
	gate.NotCertified:  func(w *world, _ *reminder.Lease) { w.peopleErr = fmt.Errorf("state: %w", gate.ErrNotCertified) },
	gate.PolicyMissing: func(w *world, _ *reminder.Lease) { w.unit(func(u *reminder.Unit) { u.Country = "FI" }) },
	gate.KillSwitch:    func(w *world, _ *reminder.Lease) { w.stopped = map[string]string{gate.SwitchAll: "drill"} },
	gate.RouteClosed:   func(w *world, _ *reminder.Lease) { w.stopped = map[string]string{"carrier:sms-a": "broken"} },
	gate.OutsideWindow: func(w *world, _ *reminder.Lease) {
		w.window = func(reminder.Unit, time.Time) (bool, time.Time) { return false, now.Add(9 * time.Hour) }
	},
	gate.Unavailable: func(w *world, _ *reminder.Lease) { w.peopleErr = errDown },
}

func TestEveryReason(t *testing.T) {
	elsewhere := map[gate.Reason]string{
		gate.Capped:     "Confirm: TestConfirmRefusals",
		gate.NoTemplate: "package compose",
	}
	for _, r := range gate.DenyReasons {
		plant := denials[r]
		if plant == nil {
			if elsewhere[r] == "" {
				t.Errorf("%s: no case", r)
			}
			continue
		}
		t.Run(string(r), func(t *testing.T) {
			w, l := newWorld(t), lease()
			plant(w, &l)
			ds, err := w.gate(t).Decide(context.Background(), []reminder.Lease{l}, now)
			if err != nil || ds[0].Outcome != gate.Deny || ds[0].Reason != r || !ds[0].Permit.IsZero() || !ds[0].Until.IsZero() {
				t.Errorf("%+v, %v", ds[0], err)
			}
			// Asked without effect it says the same.
			if ps, err := w.gate(t).Preview(context.Background(), []reminder.Lease{l}, now); err != nil || ps[0].Reason != r {
				t.Errorf("preview %+v, %v", ps, err)
			}
		})
	}
	for _, r := range gate.DeferReasons {
		t.Run(string(r), func(t *testing.T) {
			w, l := newWorld(t), lease()
			deferrals[r](w, &l)
			ds, _ := w.gate(t).Decide(context.Background(), []reminder.Lease{l}, now)
			if d := ds[0]; d.Outcome != gate.Defer || d.Reason != r || !d.Permit.IsZero() || !d.Until.After(now) || d.Until.After(l.Expires) {
				t.Errorf("%+v", d)
			}
		})
	}
}

func TestOtherWaysToARefusal(t *testing.T) {
	for name, c := range map[string]struct {
		plant func(*world, *reminder.Lease)
		want  gate.Reason
	}{
		"unknown person":        {func(w *world, _ *reminder.Lease) { delete(w.people, anna) }, gate.NoBasis},
		"records of an unknown": {func(w *world, _ *reminder.Lease) { w.person(func(p *gate.Person) { p.Known = false }) }, gate.NoBasis},
		"no channel":            {func(w *world, _ *reminder.Lease) { w.unit(func(u *reminder.Unit) { u.Channels = nil }) }, gate.NoBasis},
		"unknown channel": {func(w *world, _ *reminder.Lease) {
			w.unit(func(u *reminder.Unit) { u.Channels = []reminder.Channel{"fax"} })
		}, gate.NoBasis},
		"a purpose without basis": {func(_ *world, l *reminder.Lease) { l.Purpose = reminder.Correction }, gate.NoBasis},
		"no purpose":              {func(_ *world, l *reminder.Lease) { l.Purpose = "" }, gate.NoBasis},
		"no address":              {func(w *world, _ *reminder.Lease) { w.person(func(p *gate.Person) { p.Contact = nil }) }, gate.Unverified},
		"address taken away":      {func(w *world, _ *reminder.Lease) { w.evidence(about(contact.Removed, number, now)) }, gate.Unverified},
		"address erased": {func(w *world, _ *reminder.Lease) {
			w.person(func(p *gate.Person) { p.Contact[0].Address = reminder.Address{} })
		}, gate.Unverified},
		"method the pack lacks": {func(w *world, _ *reminder.Lease) {
			w.person(func(p *gate.Person) { p.Contact[0] = proof("k", number, policy.KRR, now) })
		}, gate.Unverified},
		"level too low": {func(w *world, _ *reminder.Lease) {
			w.person(func(p *gate.Person) { p.Contact[0].Level = policy.Claimed })
		}, gate.Unverified},
		"birth date unknown":       {func(w *world, _ *reminder.Lease) { w.person(func(p *gate.Person) { p.BirthDate = reminder.Date{} }) }, gate.Guardian},
		"protected by the booking": {func(_ *world, l *reminder.Lease) { l.Appointment.Protected = true }, gate.Protected},
		"deceased by the booking":  {func(_ *world, l *reminder.Lease) { l.Appointment.Deceased = true }, gate.Deceased},
		"protected while stopped": {func(w *world, l *reminder.Lease) {
			l.Appointment.Protected, w.stopped = true, map[string]string{gate.SwitchAll: ""}
		}, gate.Protected},
		"protected, unit unknown": {func(_ *world, l *reminder.Lease) { l.Appointment.Protected, l.Appointment.Unit = true, "x" }, gate.Protected},
		"deceased and protected": {func(w *world, _ *reminder.Lease) {
			w.person(func(p *gate.Person) { p.Deceased, p.Protected = true, true })
		}, gate.Deceased},
		"denied at night": {func(w *world, l *reminder.Lease) {
			deferrals[gate.OutsideWindow](w, l)
			denials[gate.Withdrawn](w, l)
		}, gate.Withdrawn},
		"withdrawn by a clock ahead of ours": {func(w *world, _ *reminder.Lease) { w.say(no(consent.Withdrawn, now.Add(time.Minute))) }, gate.Withdrawn},
		"wrong by a clock ahead of ours":     {func(w *world, _ *reminder.Lease) { w.evidence(about(contact.Wrong, number, now.Add(time.Minute))) }, gate.WrongNumber},
		"only e-mail is consented to": {func(w *world, _ *reminder.Lease) {
			w.person(func(p *gate.Person) { p.Consent = []consent.Record{yes("yes-mail", reminder.Email)} })
		}, gate.Unverified},
		"a guardian whose custody nobody proved": {func(w *world, _ *reminder.Lease) {
			w.person(func(p *gate.Person) {
				p.BirthDate, p.Consent[0].Actor = child, consent.Actor{Kind: consent.Guardian, Ref: string(mother)}
			})
		}, gate.Guardian},
		"a guardian who is not named": {func(w *world, _ *reminder.Lease) {
			w.person(func(p *gate.Person) { p.BirthDate, p.Consent[0].Actor.Kind = child, consent.Guardian })
		}, gate.Guardian},
		"the Swedish unit has its own": {func(w *world, _ *reminder.Lease) {
			w.unit(func(u *reminder.Unit) { u.Country, u.Zone = "SE", "Europe/Stockholm" })
		}, gate.NoBasis},
		"register too old": {func(w *world, _ *reminder.Lease) {
			w.unit(func(u *reminder.Unit) { u.Country, u.Zone = "NO", "Europe/Oslo" })
			w.person(func(p *gate.Person) { p.Contact[0] = proof("k", number, policy.KRR, now.AddDate(0, -18, -1)) })
		}, gate.StaleVerification},
	} {
		t.Run(name, func(t *testing.T) {
			w, l := newWorld(t), lease()
			c.plant(w, &l)
			ds, err := w.gate(t).Decide(context.Background(), []reminder.Lease{l}, now)
			if err != nil || ds[0].Outcome != gate.Deny || ds[0].Reason != c.want || !ds[0].Permit.IsZero() {
				t.Errorf("%+v, %v", ds[0], err)
			}
		})
	}
}

func TestOtherWaysToAYes(t *testing.T) {
	for name, c := range map[string]struct {
		plant   func(*world, *reminder.Lease)
		channel reminder.Channel
		basis   string
	}{
		"family number": {func(w *world, _ *reminder.Lease) {
			w.person(func(p *gate.Person) { p.Shared = map[reminder.AddressHash]int{hash(number): 6} })
		}, reminder.SMS, "consent"},
		"changed notice":   {func(_ *world, l *reminder.Lease) { l.Purpose = reminder.Changed }, reminder.SMS, "consent"},
		"cancelled notice": {func(_ *world, l *reminder.Lease) { l.Purpose = reminder.Cancel }, reminder.SMS, "consent"},
		"birth date of the booking": {func(w *world, l *reminder.Lease) {
			w.person(func(p *gate.Person) { p.BirthDate = reminder.Date{} })
			l.Appointment.BirthDate = adult
		}, reminder.SMS, "consent"},
		"guardian for a child": {func(w *world, _ *reminder.Lease) {
			w.person(func(p *gate.Person) {
				p.BirthDate, p.Consent[0].Actor = child, consent.Actor{Kind: consent.Guardian, Ref: string(mother)}
				p.Consent = append(p.Consent, known(consent.Custody, mother, ago(50)))
			})
		}, reminder.SMS, "consent"},
		"second channel": {func(w *world, _ *reminder.Lease) {
			denials[gate.Bounced](w, nil)
			w.say(yes("yes-mail", reminder.Email))
			w.evidence(proof("mail", mail, policy.Code, now.AddDate(0, 0, -1)))
		}, reminder.Email, "consent"},
		"the unit's first channel": {func(w *world, _ *reminder.Lease) {
			w.unit(func(u *reminder.Unit) { u.Channels = []reminder.Channel{reminder.Email, reminder.SMS} })
			w.say(yes("yes-mail", reminder.Email))
			w.evidence(proof("mail", mail, policy.Code, now.AddDate(0, 0, -1)))
		}, reminder.Email, "consent"},
		"told in Norway": {func(w *world, _ *reminder.Lease) {
			w.unit(func(u *reminder.Unit) { u.Country, u.Zone = "NO", "Europe/Oslo" })
			w.person(func(p *gate.Person) { p.Consent[0].Type = consent.Noticed })
		}, reminder.SMS, "reservation"},
		"switch of something else": {func(w *world, _ *reminder.Lease) {
			w.stopped = map[string]string{"unit:x": "", "carrier:y": "", "pack:dk-2010": "", "country:SE": "", "template:changed": ""}
		}, reminder.SMS, "consent"},
		"STOP from another number": {func(w *world, _ *reminder.Lease) {
			w.person(func(p *gate.Person) { p.Barred = map[reminder.AddressHash]bool{hash(mail): true} })
		}, reminder.SMS, "consent"},
	} {
		t.Run(name, func(t *testing.T) {
			w, l := newWorld(t), lease()
			c.plant(w, &l)
			ds, err := w.gate(t).Decide(context.Background(), []reminder.Lease{l}, now)
			if err != nil || ds[0].Outcome != gate.Allow || ds[0].Permit.Channel() != c.channel || ds[0].Permit.Basis() != c.basis {
				t.Errorf("%+v, %v", ds[0], err)
			}
		})
	}
}

func TestSwitches(t *testing.T) {
	for name, want := range map[string]gate.Reason{
		"all": gate.KillSwitch, "unit:rh-ortho": gate.KillSwitch, "template:reminder": gate.KillSwitch,
		"pack:dk-2019": gate.KillSwitch, "country:DK": gate.KillSwitch, "carrier:sms-a": gate.RouteClosed,
	} {
		w := newWorld(t)
		w.stopped = map[string]string{name: "why"}
		ds, err := w.gate(t).Decide(context.Background(), []reminder.Lease{lease()}, now)
		if err != nil || ds[0].Outcome != gate.Defer || ds[0].Reason != want {
			t.Errorf("%s: %+v, %v", name, ds[0], err)
		}
		if !gate.IsSwitch(name) {
			t.Errorf("%s is no switch", name)
		}
		ps, err := w.gate(t).Preview(context.Background(), []reminder.Lease{lease()}, now)
		if err != nil || ps[0].Outcome != gate.Allow || !ps[0].Permit.IsZero() {
			t.Errorf("%s: preview %+v, %v", name, ps[0], err)
		}
	}
	for _, bad := range []string{"", "everything", "unit:", "unit:a b", "all:x", "Unit:x"} {
		if gate.IsSwitch(bad) {
			t.Errorf("%q is a switch", bad)
		}
	}
	w := newWorld(t)
	w.stopped = map[string]string{"all": "", "carrier:sms-a": ""}
	if ds, _ := w.gate(t).Decide(context.Background(), []reminder.Lease{lease()}, now); ds[0].Reason != gate.KillSwitch {
		t.Errorf("somebody's stop is told before the closed route: %s", ds[0].Reason)
	}
}

// A stopped template is found before anything of the message is made, on the channel and in the language it would go out in; what
// may not be sent at all is denied all the same.
func TestSwitchesOfATemplate(t *testing.T) {
	w := newWorld(t)
	w.template = func(p gate.Permit) string { return p.Language() + "/reminder." + string(p.Channel()) + "@3f2a91c0" }
	for name, want := range map[string]gate.Reason{
		"template:da/reminder.sms": gate.KillSwitch, "template:da/reminder.sms@3f2a91c0": gate.KillSwitch, "template:da/reminder.sms@00000000": "",
		"template:da/reminder.email": "", "template:sv/reminder.sms": "", "template:da/reminder": "",
	} {
		w.stopped = map[string]string{name: "a wrong word"}
		ds, err := w.gate(t).Decide(context.Background(), []reminder.Lease{lease()}, now)
		if d := ds[0]; err != nil || d.Reason != want || (want != "" && (d.Outcome != gate.Defer || !d.Until.After(now) || !d.Permit.IsZero())) {
			t.Errorf("%s: %+v, %v", name, d, err)
		}
		if ps, err := w.gate(t).Preview(context.Background(), []reminder.Lease{lease()}, now); err != nil || ps[0].Outcome != gate.Allow {
			t.Errorf("%s: preview %+v, %v", name, ps[0], err)
		}
		x, err := w.gate(t).Explain(context.Background(), ask())
		if err != nil || x.Reason != want {
			t.Errorf("%s: explained %+v, %v", name, x, err)
		}
	}
	w.stopped = map[string]string{"template:da/reminder.sms": "a wrong word"}
	swedish := lease()
	swedish.Appointment.Language = "sv"
	if ds, _ := w.gate(t).Decide(context.Background(), []reminder.Lease{swedish}, now); ds[0].Outcome != gate.Allow {
		t.Errorf("another language's template: %+v", ds[0])
	}
	w.window = func(reminder.Unit, time.Time) (bool, time.Time) { return false, now.Add(time.Hour) }
	if ds, _ := w.gate(t).Decide(context.Background(), []reminder.Lease{lease()}, now); ds[0].Reason != gate.KillSwitch {
		t.Errorf("at night: %+v", ds[0])
	}
	w.say(no(consent.Refused, now.Add(-time.Hour)))
	if ds, _ := w.gate(t).Decide(context.Background(), []reminder.Lease{lease()}, now); ds[0].Outcome != gate.Deny {
		t.Errorf("who said no: %+v", ds[0])
	}
}

func TestRankingOfTwoChannels(t *testing.T) {
	w := newWorld(t)
	denials[gate.StaleVerification](w, nil) // SMS nearly; nothing said of e-mail
	ds, _ := w.gate(t).Decide(context.Background(), []reminder.Lease{lease()}, now)
	if ds[0].Reason != gate.StaleVerification {
		t.Errorf("the nearest to a yes: %s", ds[0].Reason)
	}
	w.unit(func(u *reminder.Unit) { u.Channels = []reminder.Channel{reminder.Email, reminder.SMS} })
	if ds, _ := w.gate(t).Decide(context.Background(), []reminder.Lease{lease()}, now); ds[0].Reason != gate.StaleVerification {
		t.Errorf("in whatever order: %s", ds[0].Reason)
	}
	seen := map[gate.Reason]bool{}
	for _, r := range gate.Ranking {
		seen[r] = true
	}
	for _, r := range gate.DenyReasons {
		whole := r == gate.Protected || r == gate.Deceased || r == gate.Capped || r == gate.NoTemplate
		if seen[r] == whole {
			t.Errorf("%s: ranked %v", r, seen[r])
		}
	}
}

func TestExpired(t *testing.T) {
	w, l := newWorld(t), lease()
	w.peopleErr = errDown // nobody is asked
	for _, at := range []time.Time{l.Expires, l.Expires.Add(time.Hour)} {
		ds, err := w.gate(t).Decide(context.Background(), []reminder.Lease{l}, at)
		if err != nil || ds[0].Outcome != gate.Expire || !ds[0].Permit.IsZero() {
			t.Errorf("%+v, %v", ds[0], err)
		}
	}
	if ds, err := w.gate(t).Decide(context.Background(), nil, now); len(ds) != 0 || err != nil {
		t.Errorf("nothing asked: %v, %v", ds, err)
	}
}

func TestUntil(t *testing.T) {
	w := newWorld(t)
	w.peopleErr = errDown
	for tries, want := range map[int]time.Duration{0: 5 * time.Second, 1: 10 * time.Second, 3: 40 * time.Second, 6: 5 * time.Minute, 1000: 5 * time.Minute} {
		spread := map[time.Duration]bool{}
		for i := range 50 {
			l := lease()
			l.Tries, l.Reminder = tries, reminder.ID(fmt.Sprintf("1-%d", i))
			ds, _ := w.gate(t).Decide(context.Background(), []reminder.Lease{l}, now)
			d := ds[0].Until.Sub(now)
			if d < want*8/10 || d > want*12/10 {
				t.Fatalf("after %d tries: %s, want about %s", tries, d, want)
			}
			spread[d] = true
		}
		if len(spread) < 5 {
			t.Errorf("after %d tries all come back together: %v", tries, spread)
		}
	}
	l := lease()
	l.Expires = now.Add(time.Second)
	if ds, _ := w.gate(t).Decide(context.Background(), []reminder.Lease{l}, now); !ds[0].Until.Equal(l.Expires) {
		t.Errorf("asked again at %s, after it expires", ds[0].Until)
	}
	w = newWorld(t)
	deferrals[gate.OutsideWindow](w, nil)
	if ds, _ := w.gate(t).Decide(context.Background(), []reminder.Lease{lease()}, now); !ds[0].Until.Equal(now.Add(9 * time.Hour)) {
		t.Errorf("asked again at %s, not when the window opens", ds[0].Until)
	}
}

func TestFaultsNeverAllow(t *testing.T) {
	other := reminder.PersonKey("1-ffffffffffffffffffffffffffffffff")
	ls := []reminder.Lease{lease(), lease(), lease()}
	ls[1].Person, ls[1].Reminder, ls[1].Appointment.Person = other, "1-bb", other
	ls[2].Reminder = "1-cc"
	for name, c := range map[string]struct {
		plant func(*world)
		want  gate.Reason
		fails bool // Decide says so
	}{
		"people":               {func(w *world) { w.peopleErr = errDown }, gate.Unavailable, true},
		"people not certified": {func(w *world) { w.peopleErr = fmt.Errorf("x: %w", gate.ErrNotCertified) }, gate.NotCertified, true},
		"switches":             {func(w *world) { w.switchErr = errDown }, gate.Unavailable, true},
		"switches uncertified": {func(w *world) { w.switchErr = gate.ErrNotCertified }, gate.NotCertified, true},
		"too few answers":      {func(w *world) { w.spoil = func(ps []gate.Person) []gate.Person { return ps[:1] } }, gate.Unavailable, true},
		"no answer":            {func(w *world) { w.spoil = func([]gate.Person) []gate.Person { return nil } }, gate.Unavailable, true},
		"too many answers":     {func(w *world) { w.spoil = func(ps []gate.Person) []gate.Person { return append(ps, ps[0]) } }, gate.Unavailable, true},
		"answers in disorder": {func(w *world) {
			w.spoil = func(ps []gate.Person) []gate.Person { ps[0], ps[1] = ps[1], ps[0]; return ps }
		}, gate.Unavailable, true},
		"another person":      {func(w *world) { w.spoil = func(ps []gate.Person) []gate.Person { ps[1] = ps[0]; return ps } }, gate.Unavailable, true},
		"no unit":             {func(w *world) { delete(w.units, "rh-ortho") }, gate.Unavailable, false},
		"another unit":        {func(w *world) { w.unit(func(u *reminder.Unit) { u.ID = "rh-eye" }) }, gate.Unavailable, false},
		"unit without a zone": {func(w *world) { w.unit(func(u *reminder.Unit) { u.Zone = "" }) }, gate.Unavailable, false},
		"unknown zone":        {func(w *world) { w.unit(func(u *reminder.Unit) { u.Zone = "Europe/Hven" }) }, gate.Unavailable, false},
		"no pack":             {func(w *world) { w.unit(func(u *reminder.Unit) { u.Country = "" }) }, gate.PolicyMissing, false},
		"address of another hash": {func(w *world) {
			w.hash = func(reminder.Address) reminder.AddressHash { return "1-00" }
		}, gate.Unavailable, false},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			p := w.people[anna]
			w.people[other] = p
			c.plant(w)
			ds, err := w.gate(t).Decide(context.Background(), ls, now)
			if (err != nil) != c.fails || len(ds) != len(ls) {
				t.Fatalf("%v, %v", ds, err)
			}
			for _, d := range ds {
				if d.Outcome != gate.Defer || d.Reason != c.want || !d.Permit.IsZero() {
					t.Errorf("%+v", d)
				}
			}
		})
	}
	w, l := newWorld(t), lease()
	l.Appointment.Person = other
	if ds, _ := w.gate(t).Decide(context.Background(), []reminder.Lease{l}, now); ds[0].Reason != gate.Unavailable {
		t.Errorf("another person's appointment: %+v", ds[0])
	}
}

func TestOnePersonIsAskedForOnce(t *testing.T) {
	w := newWorld(t)
	asked := 0
	w.spoil = func(ps []gate.Person) []gate.Person { asked += len(ps); return ps }
	ls := []reminder.Lease{lease(), lease()}
	ls[1].Reminder = "1-bb"
	ds, err := w.gate(t).Decide(context.Background(), ls, now)
	if err != nil || asked != 1 || ds[0].Outcome != gate.Allow || ds[1].Outcome != gate.Allow || ds[1].Permit.Lease().Reminder != "1-bb" {
		t.Errorf("asked %d times: %+v, %v", asked, ds, err)
	}
}

func TestNewRefuses(t *testing.T) {
	w := newWorld(t)
	full := gate.Options{People: w, Switches: w, Confirmer: w, Packs: w.packs, Units: w, Hash: hash}
	if _, err := gate.New(full); err != nil {
		t.Fatal(err)
	}
	for i, drop := range []func(*gate.Options){
		func(o *gate.Options) { o.People = nil }, func(o *gate.Options) { o.Switches = nil },
		func(o *gate.Options) { o.Confirmer = nil }, func(o *gate.Options) { o.Packs = nil },
		func(o *gate.Options) { o.Units = nil }, func(o *gate.Options) { o.Hash = nil }, func(o *gate.Options) { o.MaxAge = -1 },
	} {
		o := full
		drop(&o)
		if _, err := gate.New(o); err == nil {
			t.Errorf("case %d is taken", i)
		}
	}
}

func TestRefusal(t *testing.T) {
	for _, c := range []struct {
		err     error
		outcome gate.Outcome
		reason  gate.Reason
	}{
		{nil, gate.Allow, ""}, {gate.ErrBarred, gate.Deny, gate.Barred}, {gate.ErrCapped, gate.Deny, gate.Capped}, {gate.ErrDisputed, gate.Deny, gate.WrongNumber},
		{gate.ErrStopped, gate.Defer, gate.KillSwitch}, {gate.ErrNotCertified, gate.Defer, gate.NotCertified},
		{gate.ErrMoved, gate.Defer, ""}, {gate.ErrLost, gate.Defer, ""}, {gate.ErrClaim, gate.Defer, ""}, {gate.ErrOld, gate.Defer, ""},
		{gate.ErrNoPermit, gate.Defer, gate.Unavailable}, {errDown, gate.Defer, gate.Unavailable},
	} {
		err := c.err
		if err != nil {
			err = errors.Join(errors.New("gate: around"), err)
		}
		if o, r := gate.Refusal(err); o != c.outcome || r != c.reason {
			t.Errorf("%v: %s %s", c.err, o, r)
		}
	}
	if gate.Outcome(0) != gate.Defer || gate.Outcome(9).String() != "defer" || gate.Expire.String() != "expire" {
		t.Error("what was not decided is not deferred")
	}
}
