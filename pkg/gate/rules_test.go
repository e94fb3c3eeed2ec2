package gate_test

import (
	"context"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/husk-reminders/husk/pkg/consent"
	"github.com/husk-reminders/husk/pkg/contact"
	"github.com/husk-reminders/husk/pkg/gate"
	"github.com/husk-reminders/husk/pkg/policy"
	"github.com/husk-reminders/husk/pkg/reminder"
)

// packFile is a whole pack; replace changes it.
func packFile(id, from, until string, replace ...string) string {
	text := `id: ` + id + `
country: DK
zone: Europe/Copenhagen
valid_from: ` + from + `
basis: {reminder: consent}
consent: {scope: controller, guardian_until_age: 15, proof_years: 5}
channels:
  sms: {ceiling: 1.5, max_age: 24 months}
verification: {min_level: proven, methods: [nemsms, code], changed_hold: 14 days, max_persons: 6}
cap: {max: 6, per: 24h}
`
	if until != "" {
		text = strings.Replace(text, "basis:", "valid_until: "+until+"\nbasis:", 1)
	}
	return strings.NewReplacer(replace...).Replace(text)
}

func packs(t *testing.T, files ...string) *policy.Set {
	t.Helper()
	fs := fstest.MapFS{}
	for _, f := range files {
		id, _, _ := strings.Cut(strings.TrimPrefix(f, "id: "), "\n")
		fs[id+".yaml"] = &fstest.MapFile{Data: []byte(f)}
	}
	s, err := policy.Load(fs)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// Each rule of a pack and of a yes, and the reason it denies with.
func TestRulesOfPackAndYes(t *testing.T) {
	said := func(change func(*consent.Record)) func(*world) {
		return func(w *world) { w.person(func(p *gate.Person) { change(&p.Consent[0]) }) }
	}
	moved := func(m policy.Method, proven, noted int) func(*world) {
		return func(w *world) {
			newer := proof("new", reminder.NewAddress(reminder.SMS, "+4520999999"), m, ago(proven))
			newer.Recorded = ago(noted)
			w.person(func(p *gate.Person) {
				p.Contact = []contact.Record{proof("old", number, policy.Code, ago(90)), newer}
			})
		}
	}
	for name, c := range map[string]struct {
		pack     []string // replaced in the pack
		plant    func(*world)
		analysis string
		want     gate.Reason // "" = allowed
	}{
		"plain":                        {nil, nil, "", ""},
		"an analysis is asked for":     {[]string{"cap:", "analysis: required\ncap:"}, nil, "", gate.NoBasis},
		"and done":                     {[]string{"cap:", "analysis: required\ncap:"}, nil, "RS 2025-117", ""},
		"a new number, proven by code": {nil, moved(policy.Code, 1, 1), "", ""},
		"a new number of the register": {nil, moved(policy.NemSMS, 60, 1), "", gate.ChangedNumber},
		"a fortnight ago":              {nil, moved(policy.NemSMS, 60, 14), "", ""},
		"a day less":                   {nil, moved(policy.NemSMS, 60, 13), "", gate.ChangedNumber},
		"as new as the register":       {nil, moved(policy.NemSMS, 1, 1), "", ""},
		"no hold in the pack":          {[]string{"changed_hold: 14 days, ", ""}, moved(policy.NemSMS, 60, 1), "", ""},
		"a yes up to class 1": {nil, func(w *world) {
			said(func(r *consent.Record) { r.Ceiling = "1" })(w)
			w.unit(func(u *reminder.Unit) { u.SenderID.Class = 1.5 })
		}, "", gate.OverCeiling},
		"and a sender of class 1": {nil, func(w *world) {
			said(func(r *consent.Record) { r.Ceiling = "1" })(w)
			w.unit(func(u *reminder.Unit) { u.SenderID.Class = 1 })
		}, "", ""},
		"a yes with an address a month old": {nil, said(func(r *consent.Record) { r.Validity.AddressAge = policy.Period{Days: 27} }), "", gate.StaleVerification},
		"young enough":                      {nil, said(func(r *consent.Record) { r.Validity.AddressAge = policy.Period{Days: 29} }), "", ""},
		"a yes that ended with the care": {nil, func(w *world) {
			said(func(r *consent.Record) { r.Validity.CareContact = true })(w)
			w.say(known(consent.CareEnded, "", ago(1)))
		}, "", gate.NoBasis},
		"a yes up to an age": {nil, said(func(r *consent.Record) { r.Validity.UntilAge = 50 }), "", gate.NoBasis},
		"custody is asked for, of a child": {[]string{"proof_years", "guardian_custody: required, proof_years"}, func(w *world) {
			w.person(func(p *gate.Person) { p.BirthDate, p.Consent[0].Actor.Kind = child, consent.Guardian })
		}, "", gate.Guardian},
		"and is not": {nil, func(w *world) {
			w.person(func(p *gate.Person) { p.BirthDate, p.Consent[0].Actor.Kind = child, consent.Guardian })
		}, "", ""},
		"many behind the number": {nil, func(w *world) {
			w.person(func(p *gate.Person) { p.Shared = map[reminder.AddressHash]int{hash(number): 7} })
		}, "", gate.SharedNumber},
		"protected, says the register": {nil, func(w *world) { w.say(known(consent.Protected, "", ago(1))) }, "", gate.Protected},
		"and lifted again": {nil, func(w *world) {
			w.say(known(consent.Protected, "", ago(2)))
			w.say(known(consent.ProtectionEnded, "", ago(1)))
		}, "", ""},
		"dead by a clock ahead of ours": {nil, func(w *world) { w.say(known(consent.Deceased, "", now.Add(time.Minute))) }, "", gate.Deceased},
		"a method the pack does not take": {nil, func(w *world) {
			w.person(func(p *gate.Person) { p.Contact[0] = proof("p", number, policy.DeskID, ago(1)) })
		}, "", gate.Unverified},
		"the pack has no basis for a change": {[]string{"{reminder: consent}", "{changed: consent}"}, nil, "", gate.NoBasis},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.packs = packs(t, packFile("xx", "2020-01-01", "", c.pack...))
			if c.plant != nil {
				c.plant(w)
			}
			w.analysis = c.analysis
			ds, err := w.gate(t).Decide(context.Background(), []reminder.Lease{lease()}, now)
			if err != nil {
				t.Fatal(err)
			}
			want := gate.Deny
			if c.want == "" {
				want = gate.Allow
			}
			if ds[0].Outcome != want || ds[0].Reason != c.want {
				t.Errorf("%s %s", ds[0].Outcome, ds[0].Reason)
			}
		})
	}
}

func TestCeilingOfTheYesBindsWhoeverComposes(t *testing.T) {
	w := newWorld(t)
	w.person(func(p *gate.Person) { p.Consent[0].Ceiling = "1" })
	p := permit(t, w, lease())
	if p.Pack().Ceiling[reminder.SMS] != 1 || p.Pack().Ceiling[reminder.Email] != 1.5 {
		t.Errorf("%v", p.Pack().Ceiling)
	}
	if shipped, _ := w.packs.Find(p.Pack().Ref()); shipped.Ceiling[reminder.SMS] != 1.5 {
		t.Error("the pack itself has been changed")
	}
}
