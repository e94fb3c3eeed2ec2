package gate_test

import (
	"context"
	"encoding/json"
	"errors"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/husk-reminders/husk/pkg/consent"
	"github.com/husk-reminders/husk/pkg/contact"
	"github.com/husk-reminders/husk/pkg/gate"
	"github.com/husk-reminders/husk/pkg/policy"
	"github.com/husk-reminders/husk/pkg/reminder"
)

func ask() gate.Question {
	return gate.Question{Person: anna, Purpose: reminder.Remind, Unit: "rh-ortho", Route: "sms-a"}
}

func TestExplainAllow(t *testing.T) {
	w := newWorld(t)
	x, err := w.gate(t).Explain(context.Background(), ask())
	if err != nil || x.Outcome != "allow" || x.Channel != reminder.SMS || x.Basis != "consent" || x.Recipient != anna || x.Address != hash(number) || !x.At.Equal(now) {
		t.Fatalf("%+v, %v", x, err)
	}
	if x.Pack.ID != "dk-2019" || len(x.Pack.Hash) != 64 {
		t.Errorf("pack %+v", x.Pack)
	}
	var asked []gate.Rule
	for _, s := range x.Steps {
		asked = append(asked, s.Rule)
		if s.Answer != gate.Yes || s.Source == "" || s.Value == "" {
			t.Errorf("%+v", s)
		}
	}
	want := slices.DeleteFunc(slices.Clone(gate.Rules), func(r gate.Rule) bool {
		return slices.Contains([]gate.Rule{gate.RuleAnalysis, gate.RuleCustody, gate.RuleObjection, gate.RuleDetour, gate.RuleAddress}, r)
	})
	slices.Sort(want)
	if slices.Sort(asked); !slices.Equal(asked, want) {
		t.Errorf("asked %v,\nwant %v", asked, want)
	}
	b, err := json.Marshal(x)
	if err != nil {
		t.Fatal(err)
	}
	for _, secret := range []string{number.Reveal(), "20123456", "1970"} {
		if strings.Contains(string(b), secret) {
			t.Errorf("it tells %s", secret)
		}
	}
	if !strings.Contains(string(b), "sha256:"+x.Pack.Hash) || !strings.Contains(string(b), "sundhedsloven") || !strings.Contains(string(b), "dk-2019: ") {
		t.Errorf("the pack and the sources are missing: %s", b)
	}
}

// For every way to a refusal, explaining comes to the same, and the last no in it is the rule that refuses.
func TestExplainIsTheDecision(t *testing.T) {
	last := map[gate.Reason]gate.Rule{
		gate.NoBasis: gate.RuleConsent, gate.Withdrawn: gate.RuleConsent, gate.Declined: gate.RuleConsent, gate.Unverified: gate.RuleProof,
		gate.StaleVerification: gate.RuleFresh, gate.SharedNumber: gate.RuleShared, gate.ChangedNumber: gate.RuleCurrent, gate.WrongNumber: gate.RuleWrong,
		gate.Bounced: gate.RuleBounced, gate.Barred: gate.RuleBar, gate.Protected: gate.RuleProtected, gate.Deceased: gate.RuleDeceased,
		gate.Guardian: gate.RuleConsent, gate.OverCeiling: gate.RuleCeiling, gate.NotCertified: gate.RuleKnown, gate.PolicyMissing: gate.RulePack,
		gate.KillSwitch: gate.RuleSwitches, gate.RouteClosed: gate.RuleSwitches, gate.OutsideWindow: gate.RuleWindow, gate.Unavailable: gate.RuleKnown,
	}
	check := func(r gate.Reason, plant func(*world, *reminder.Lease), outcome gate.Outcome) {
		w, l := newWorld(t), lease()
		w.unit(func(u *reminder.Unit) { u.Channels = []reminder.Channel{reminder.SMS} })
		plant(w, &l)
		x, _ := w.gate(t).Explain(context.Background(), ask())
		ds, _ := w.gate(t).Decide(context.Background(), []reminder.Lease{l}, now)
		if x.Outcome != outcome.String() || x.Reason != r || ds[0].Reason != r || ds[0].Outcome != outcome || ds[0].Pack != x.Pack {
			t.Errorf("%s: explained %s %s, decided %s %s", r, x.Outcome, x.Reason, ds[0].Outcome, ds[0].Reason)
		}
		i := slices.IndexFunc(x.Steps, func(s gate.Step) bool { return s.Answer != gate.Yes })
		if i < 0 || x.Steps[i].Rule != last[r] {
			t.Errorf("%s: the steps are %+v", r, x.Steps)
		}
	}
	for r, plant := range denials {
		check(r, plant, gate.Deny)
	}
	for r, plant := range deferrals {
		check(r, plant, gate.Defer)
	}
	w := newWorld(t)
	w.unit(func(u *reminder.Unit) { u.Country, u.Zone = "SE", "Europe/Stockholm" })
	w.packs = packs(t, packFile("se", "2020-01-01", "", "country: DK", "country: SE", "cap:", "analysis: required\ncap:"))
	if x, _ := w.gate(t).Explain(context.Background(), ask()); x.Reason != gate.NoBasis || x.Steps[len(x.Steps)-1].Rule != gate.RuleAnalysis || !strings.Contains(x.Steps[len(x.Steps)-1].Source, "HSLF-FS 2016:40") {
		t.Errorf("%+v", x)
	}
	v := familyWorld(t)
	v.change(mother, func(p *gate.Person) { p.Barred = map[reminder.AddressHash]bool{hash(hers): true} })
	if x, _ := v.gate(t).Explain(context.Background(), ask()); x.Recipient != father || !slices.ContainsFunc(x.Steps, func(s gate.Step) bool {
		return s.Rule == gate.RuleBar && s.Answer == gate.No && strings.HasPrefix(s.About, "guardian 1, sms")
	}) {
		t.Errorf("%+v", x)
	}
}

func TestExplainAtATimeAndOnAChannel(t *testing.T) {
	w := newWorld(t)
	w.say(no(consent.Withdrawn, ago(1)))
	g := w.gate(t)
	q := ask()
	if x, _ := g.Explain(context.Background(), q); x.Reason != gate.Withdrawn {
		t.Errorf("now: %+v", x)
	}
	q.At = ago(2)
	if x, _ := g.Explain(context.Background(), q); x.Outcome != "allow" || !x.At.Equal(q.At) {
		t.Errorf("the day before the no: %+v", x)
	}
	q.At = time.Date(2019, 1, 1, 12, 0, 0, 0, time.UTC)
	if x, _ := g.Explain(context.Background(), q); x.Reason != gate.PolicyMissing || x.Outcome != "defer" {
		t.Errorf("between two packs: %+v", x)
	}
	q = ask()
	q.Channel = reminder.Email
	if x, _ := g.Explain(context.Background(), q); x.Reason != gate.Withdrawn || slices.ContainsFunc(x.Steps, func(s gate.Step) bool { return strings.Contains(s.About, "sms") }) {
		t.Errorf("by e-mail: %+v", x)
	}
}

// entry is one line of the test's journal: people's records in the order they were taken down, and decisions between them.
type entry struct {
	Person   reminder.PersonKey
	Consent  *consent.Record `json:",omitempty"`
	Contact  *contact.Record `json:",omitempty"`
	Address  string          `json:",omitempty"` // of Contact; sealed in the real one
	Bar      reminder.AddressHash
	Decision *recorded `json:",omitempty"`
}

type recorded struct {
	At        time.Time
	Outcome   string
	Reason    gate.Reason
	Pack      policy.Ref
	Channel   reminder.Channel
	Address   reminder.AddressHash
	Basis     string
	Recipient reminder.PersonKey
	HidePlace bool
}

func record(x gate.Explanation) recorded {
	return recorded{x.At, x.Outcome, x.Reason, x.Pack, x.Channel, x.Address, x.Basis, x.Recipient, x.HidePlace}
}

// fold reads a journal up to a decision, as people.
func fold(t *testing.T, lines [][]byte) map[reminder.PersonKey]gate.Person {
	t.Helper()
	out := map[reminder.PersonKey]gate.Person{}
	bars := map[reminder.AddressHash]bool{}
	for _, l := range lines {
		var e entry
		if err := json.Unmarshal(l, &e); err != nil {
			t.Fatal(err)
		}
		if e.Bar != "" {
			bars[e.Bar] = true
		}
		if e.Person == "" {
			continue
		}
		p := out[e.Person]
		p.Key, p.Known, p.BirthDate = e.Person, true, births[e.Person]
		p.Version++
		if e.Consent != nil {
			p.Consent = append(p.Consent, *e.Consent)
		}
		if e.Contact != nil {
			r := *e.Contact
			r.Address = reminder.NewAddress(r.Channel, e.Address)
			p.Contact = append(p.Contact, r)
		}
		out[e.Person] = p
	}
	for k, p := range out {
		p.Barred = bars
		out[k] = p
	}
	return out
}

var births = map[reminder.PersonKey]reminder.Date{anna: {Year: 2011, Month: 6, Day: 1}, mother: adult, father: adult}

// A few hundred decisions over people who say, move and lose things, and over packs that follow one another, are journalled.
// Each of them, made again from what the journal held then and with the pack it used, comes out the same: with today's people
// and today's pack many would not.
func TestRecordedDecisionsReplay(t *testing.T) {
	r := rand.New(rand.NewPCG(41, 42))
	w := newWorld(t)
	w.analysis = "RS-1"
	w.packs = packs(t,
		packFile("dk-a", "2020-01-01", "2026-03-01"),
		packFile("dk-b", "2026-03-01", "2026-08-01", "changed_hold: 14 days", "changed_hold: 60 days", "max_age: 24 months", "max_age: 1 months"),
		packFile("dk-c", "2026-08-01", "", "guardian_until_age: 15", "guardian_until_age: 18", "{reminder: consent}", "{reminder: reservation}", "proof_years", "guardian_custody: required, proof_years"))
	g := w.gate(t)
	var journal [][]byte
	write := func(e entry) {
		b, err := json.Marshal(e)
		if err != nil {
			t.Fatal(err)
		}
		journal = append(journal, b)
	}
	addresses := map[reminder.PersonKey][]reminder.Address{
		anna: {number, reminder.NewAddress(reminder.SMS, "+4520999999")}, mother: {hers}, father: {his},
	}
	change := func(i int, at time.Time) {
		k := []reminder.PersonKey{anna, anna, anna, mother, father}[r.IntN(5)]
		e := entry{Person: k}
		switch r.IntN(12) {
		case 0, 1, 2:
			a := addresses[k][r.IntN(len(addresses[k]))]
			c := proof(string(rune('A'+i%26))+at.String(), a, []policy.Method{policy.Code, policy.NemSMS, policy.Staff}[r.IntN(3)], at.AddDate(0, 0, -r.IntN(30)))
			c.Recorded, c.Person = at, k
			if r.IntN(5) == 0 {
				c.Type = contact.Types[r.IntN(len(contact.Types))]
			}
			e.Contact, e.Address = &c, a.Reveal()
		case 3:
			if r.IntN(20) == 0 {
				e = entry{Bar: hash(hers)}
			}
		case 4, 5:
			c := known([]consent.Type{consent.Custody, consent.Custody, consent.CustodyEnded}[r.IntN(3)], []reminder.PersonKey{mother, father}[r.IntN(2)], at)
			e.Person, e.Consent = anna, &c
		case 6:
			if r.IntN(8) == 0 {
				c := known([]consent.Type{consent.Protected, consent.ProtectionEnded}[r.IntN(2)], "", at)
				e.Consent = &c
			}
		default:
			c := yes("", reminder.SMS)
			c.Type = append(consent.Words, consent.Granted, consent.Granted, consent.Granted)[r.IntN(7)]
			c.Actor = []consent.Actor{{Kind: consent.Self}, {Kind: consent.Guardian}, {Kind: consent.Guardian, Ref: string(mother)}, {Kind: consent.Guardian, Ref: string(father)}}[r.IntN(4)]
			c.EventTime, c.Recorded = at.AddDate(0, 0, -r.IntN(10)), at
			if c.Type == consent.Granted && r.IntN(3) == 0 {
				c.Validity.AddressAge, c.Ceiling = policy.Period{Days: 20}, "1"
			}
			if k != anna {
				c.Actor = consent.Actor{Kind: consent.Self}
			}
			e.Person, e.Consent = k, &c
		}
		if e.Consent != nil {
			e.Consent.ID = "c" + at.Format(time.RFC3339) + string(rune('a'+i%26))
		}
		write(e)
	}
	at := time.Date(2025, 12, 1, 9, 0, 0, 0, time.UTC)
	made := map[string]int{}
	for i := range 300 {
		at = at.Add(time.Duration(1+r.IntN(40)) * time.Hour)
		for range r.IntN(3) {
			change(i, at)
		}
		at = at.Add(time.Duration(r.IntN(3)) * time.Minute)
		people := fold(t, journal)
		w.people = people
		ds, err := g.Decide(context.Background(), []reminder.Lease{leaseAt(at)}, at)
		if err != nil {
			t.Fatal(err)
		}
		d := recorded{At: at, Outcome: ds[0].Outcome.String(), Reason: ds[0].Reason, Pack: ds[0].Pack}
		if p := ds[0].Permit; ds[0].Outcome == gate.Allow {
			d.Channel, d.Address, d.Basis, d.Recipient, d.HidePlace = p.Channel(), p.AddressHash(), p.Basis(), p.Recipient(), p.HidePlace()
		}
		write(entry{Decision: &d})
		made[d.Outcome+" "+string(d.Reason)+" "+d.Pack.ID+" "+string(d.Recipient)]++
	}

	replayed, otherwise := 0, 0
	today := fold(t, journal)
	for i, l := range journal {
		var e entry
		if err := json.Unmarshal(l, &e); err != nil {
			t.Fatal(err)
		}
		if e.Decision == nil {
			continue
		}
		d := *e.Decision
		pack := d.Pack
		if pack == (policy.Ref{}) { // of protected and deceased: decided before any pack
			p, _ := w.packs.For("DK", d.At)
			pack = p.Ref()
		}
		x, err := g.Replay(leaseAt(d.At), values(fold(t, journal[:i])), pack, d.At)
		if err != nil {
			t.Fatal(err)
		}
		if record(x) != d {
			t.Fatalf("decision %d was %+v, is %+v", i, d, record(x))
		}
		replayed++
		newest, _ := w.packs.Find(policy.Ref{ID: "dk-c"})
		if y, err := g.Replay(leaseAt(d.At), values(today), newest.Ref(), d.At); err != nil || record(y) != d {
			otherwise++
		}
	}
	if replayed != 300 || otherwise < 100 || len(made) < 15 {
		t.Errorf("%d replayed, %d otherwise today, %v: the test looks at too little", replayed, otherwise, made)
	}
	old, _ := w.packs.Find(policy.Ref{ID: "dk-a"})
	for _, ref := range []policy.Ref{{}, {ID: "dk-a"}, {ID: "dk-a", Hash: strings.Repeat("0", 64)}, {ID: "dk-z", Hash: old.Hash}} {
		if _, err := g.Replay(leaseAt(at), nil, ref, at); !errors.Is(err, gate.ErrNoPack) {
			t.Errorf("%+v: %v", ref, err)
		}
	}
}

func leaseAt(at time.Time) reminder.Lease {
	l := lease()
	l.Due, l.Expires, l.Appointment.Start = at, at.Add(46*time.Hour), at.Add(48*time.Hour)
	return l
}

func values(m map[reminder.PersonKey]gate.Person) []gate.Person {
	var out []gate.Person
	for _, p := range m {
		out = append(out, p)
	}
	return out
}

// What a carrier has found wrong with an address is said in words, and fresh proof of the address lifts it.
func TestExplainSaysWhyAnAddressReachesNobody(t *testing.T) {
	found := func(w *world) (gate.Explanation, string) {
		x, err := w.gate(t).Explain(context.Background(), ask())
		if err != nil {
			t.Fatal(err)
		}
		i := slices.IndexFunc(x.Steps, func(s gate.Step) bool { return s.Rule == gate.RuleBounced })
		if i < 0 {
			t.Fatalf("%+v", x.Steps)
		}
		return x, x.Steps[i].Value
	}
	words := map[string]bool{}
	for _, f := range append(slices.Clone(contact.Faults), "") {
		w := newWorld(t)
		w.unit(func(u *reminder.Unit) { u.Channels = []reminder.Channel{reminder.SMS} })
		bad := about(contact.Failed, number, ago(2))
		bad.Fault = f
		w.evidence(bad)
		x, said := found(w)
		if x.Reason != gate.Bounced || !strings.HasPrefix(said, "bounced") || words[said] {
			t.Errorf("%q: %s, %q", f, x.Reason, said)
		}
		words[said] = true
		again := about(contact.Verified, number, ago(1))
		again.Method, again.Level = policy.NemSMS, policy.NemSMS.Level()
		w.evidence(again)
		if x, said := found(w); x.Outcome != "allow" || said != "not bounced" {
			t.Errorf("%q, proven anew: %s, %q", f, x.Reason, said)
		}
	}
}
