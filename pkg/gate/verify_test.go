package gate_test

import (
	"context"
	"errors"
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

// strange is a number that is nobody's yet.
var strange = reminder.NewAddress(reminder.SMS, "+4520654321")

// numbers is what speaks against numbers, with a fault a test may plant.
type numbers struct {
	all   map[reminder.AddressHash]gate.Number
	err   error
	spoil func([]gate.Number) []gate.Number
	asked [][]reminder.AddressHash
}

func (n *numbers) Numbers(_ context.Context, as []reminder.AddressHash) ([]gate.Number, error) {
	n.asked = append(n.asked, as)
	out := make([]gate.Number, len(as))
	for i, a := range as {
		out[i] = n.all[a]
	}
	if n.spoil != nil {
		out = n.spoil(out)
	}
	return out, n.err
}

// codeLease is a code on its way to a number that Anna says is hers.
func codeLease() reminder.Lease {
	l := lease()
	l.Rule, l.Purpose, l.Expires, l.Route = "code", reminder.Verify, now.Add(10*time.Minute), "sms"
	l.Appointment = reminder.Appointment{
		Person: anna, Unit: "rh-ortho", System: reminder.HusksOwn, Challenge: &reminder.Challenge{Address: strange, Code: reminder.Mask("012345")},
	}
	return l
}

func (w *world) codeGate(t *testing.T, n gate.Numbers) *gate.Gate {
	t.Helper()
	g, err := gate.New(gate.Options{
		People: w, Switches: w, Confirmer: w, Packs: w.packs, Units: w, Numbers: n, Hash: w.hash, Window: w.window,
		Now: func() time.Time { return w.clock }, Analysis: func(reminder.Unit) string { return w.analysis },
	})
	if err != nil {
		t.Fatal(err)
	}
	return g
}

// A code needs neither a yes nor a proof, goes at any hour and takes nothing from the cap.
func TestACodeIsAllowed(t *testing.T) {
	w, n := newWorld(t), &numbers{}
	w.person(func(p *gate.Person) { p.Consent, p.Contact = nil, nil })
	w.window = func(reminder.Unit, time.Time) (bool, time.Time) { return false, now.Add(9 * time.Hour) }
	g := w.codeGate(t, n)
	ds, err := g.Decide(t.Context(), []reminder.Lease{codeLease(), lease()}, now)
	if err != nil || ds[0].Outcome != gate.Allow || ds[1].Outcome != gate.Deny || ds[1].Reason != gate.NoBasis {
		t.Fatalf("%v, %v", ds, err)
	}
	p := ds[0].Permit
	if p.Address().Reveal() != strange.Reveal() || p.AddressHash() != hash(strange) || p.Channel() != reminder.SMS || p.Basis() != "request" || p.Recipient() != anna ||
		p.Pack().Ceiling[reminder.SMS] != 1 || p.PersonVersion() != 7 {
		t.Errorf("the permit is for %s, basis %s, ceiling %v", p.AddressHash(), p.Basis(), p.Pack().Ceiling)
	}
	if len(n.asked) != 1 || !slices.Equal(n.asked[0], []reminder.AddressHash{hash(strange)}) {
		t.Errorf("asked about %v", n.asked)
	}
	errs, err := g.Confirm(t.Context(), []gate.Attempt{{Permit: p, Claim: reminder.NewClaim(anna), Attempt: 1, Template: "da/verify.sms@1", Route: "sms"}})
	if err != nil || errs[0] != nil {
		t.Fatal(errs, err)
	}
	c := w.asked[0][0]
	if c.Cap != (policy.Cap{}) || c.Address != hash(strange) || !slices.Contains(c.Switches, "template:verify") || c.NotAfter.After(now.Add(10*time.Minute)) {
		t.Errorf("confirmed %+v", c)
	}
	d, err := g.Code(t.Context(), gate.CodeQuestion{Person: anna, Address: strange, Unit: "rh-ortho", NotAfter: now.Add(time.Minute)}, now)
	if err != nil || d.Outcome != gate.Allow || !d.Permit.IsZero() {
		t.Errorf("asked before: %v %v", d, err)
	}
}

func TestEveryReasonOfACode(t *testing.T) {
	for name, x := range map[string]struct {
		change func(w *world, n *numbers, l *reminder.Lease)
		want   gate.Outcome
		reason gate.Reason
	}{
		"expired":   {func(_ *world, _ *numbers, l *reminder.Lease) { l.Expires = now }, gate.Expire, ""},
		"unknown":   {func(w *world, _ *numbers, _ *reminder.Lease) { w.person(func(p *gate.Person) { p.Known = false }) }, gate.Deny, gate.NoBasis},
		"protected": {func(w *world, _ *numbers, _ *reminder.Lease) { w.person(func(p *gate.Person) { p.Protected = true }) }, gate.Deny, gate.Protected},
		"deceased":  {func(w *world, _ *numbers, _ *reminder.Lease) { w.person(func(p *gate.Person) { p.Deceased = true }) }, gate.Deny, gate.Deceased},
		"a child":   {func(w *world, _ *numbers, _ *reminder.Lease) { w.person(func(p *gate.Person) { p.BirthDate = child }) }, gate.Deny, gate.Guardian},
		"of no age": {func(w *world, _ *numbers, _ *reminder.Lease) {
			w.person(func(p *gate.Person) { p.BirthDate = reminder.Date{} })
		}, gate.Deny, gate.Guardian},
		"barred": {func(_ *world, n *numbers, _ *reminder.Lease) {
			n.all = map[reminder.AddressHash]gate.Number{hash(strange): {Barred: true}}
		}, gate.Deny, gate.Barred},
		"disputed": {func(_ *world, n *numbers, _ *reminder.Lease) {
			n.all = map[reminder.AddressHash]gate.Number{hash(strange): {Disputed: true}}
		}, gate.Deny, gate.WrongNumber},
		"own dispute": {func(w *world, _ *numbers, _ *reminder.Lease) {
			w.evidence(about(contact.Wrong, strange, now.AddDate(0, 0, -1)))
		}, gate.Deny, gate.WrongNumber},
		"withdrawn":          {func(w *world, _ *numbers, _ *reminder.Lease) { w.say(no(consent.Withdrawn, now.AddDate(0, 0, -1))) }, gate.Deny, gate.Withdrawn},
		"refused":            {func(w *world, _ *numbers, _ *reminder.Lease) { w.say(no(consent.Refused, now.AddDate(0, 0, -1))) }, gate.Deny, gate.Declined},
		"said in the future": {func(w *world, _ *numbers, _ *reminder.Lease) { w.say(no(consent.Withdrawn, now.Add(time.Minute))) }, gate.Deny, gate.Withdrawn},
		"a no to reminders alone": {func(w *world, _ *numbers, _ *reminder.Lease) {
			r := no(consent.Withdrawn, now.AddDate(0, 0, -1))
			r.Purposes = []reminder.Purpose{reminder.Remind}
			w.say(r)
		}, gate.Allow, ""},
		"a no to e-mail alone": {func(w *world, _ *numbers, _ *reminder.Lease) {
			r := no(consent.Withdrawn, now.AddDate(0, 0, -1))
			r.Channels = []reminder.Channel{reminder.Email}
			w.say(r)
		}, gate.Allow, ""},
		"a sender that tells": {func(w *world, _ *numbers, _ *reminder.Lease) {
			w.unit(func(u *reminder.Unit) { u.SenderID.Class = 1.5 })
		}, gate.Deny, gate.OverCeiling},
		"no number": {func(_ *world, _ *numbers, l *reminder.Lease) { l.Appointment.Challenge = nil }, gate.Deny, gate.Unverified},
		"a mail address": {func(_ *world, _ *numbers, l *reminder.Lease) {
			l.Appointment.Challenge = &reminder.Challenge{Address: mail}
		}, gate.Deny, gate.Unverified},
		"no analysis":         {func(w *world, _ *numbers, _ *reminder.Lease) { w.unit(func(u *reminder.Unit) { u.Country = "SE" }) }, gate.Deny, gate.NoBasis},
		"stopped":             {func(w *world, _ *numbers, _ *reminder.Lease) { w.stopped = map[string]string{"all": "x"} }, gate.Defer, gate.KillSwitch},
		"its texts stopped":   {func(w *world, _ *numbers, _ *reminder.Lease) { w.stopped = map[string]string{"template:verify": "x"} }, gate.Defer, gate.KillSwitch},
		"its carrier stopped": {func(w *world, _ *numbers, _ *reminder.Lease) { w.stopped = map[string]string{"carrier:sms": "x"} }, gate.Defer, gate.RouteClosed},
		"no such unit":        {func(_ *world, _ *numbers, l *reminder.Lease) { l.Appointment.Unit = "nowhere" }, gate.Defer, gate.Unavailable},
		"no pack":             {func(w *world, _ *numbers, _ *reminder.Lease) { w.unit(func(u *reminder.Unit) { u.Country = "IS" }) }, gate.Defer, gate.PolicyMissing},
		"nobody answers":      {func(_ *world, n *numbers, _ *reminder.Lease) { n.err = errDown }, gate.Defer, gate.Unavailable},
		"not certified":       {func(_ *world, n *numbers, _ *reminder.Lease) { n.err = gate.ErrNotCertified }, gate.Defer, gate.NotCertified},
		"too few answers": {func(_ *world, n *numbers, _ *reminder.Lease) {
			n.spoil = func([]gate.Number) []gate.Number { return nil }
		}, gate.Defer, gate.Unavailable},
		"people not certified": {func(w *world, _ *numbers, _ *reminder.Lease) { w.peopleErr = gate.ErrNotCertified }, gate.Defer, gate.NotCertified},
	} {
		t.Run(name, func(t *testing.T) {
			w, n, l := newWorld(t), &numbers{}, codeLease()
			x.change(w, n, &l)
			// A reminder beside it does not hang on what is known of numbers.
			other := lease()
			other.Reminder = "1-bb"
			ds, _ := w.codeGate(t, n).Decide(t.Context(), []reminder.Lease{l, other}, now)
			if ds[0].Outcome != x.want || ds[0].Reason != x.reason || (ds[0].Outcome != gate.Allow) != ds[0].Permit.IsZero() {
				t.Errorf("%s %s, want %s %s", ds[0].Outcome, ds[0].Reason, x.want, x.reason)
			}
			if n.err != nil && ds[1].Outcome != gate.Allow {
				t.Errorf("a reminder waits for what is known of another's number: %s %s", ds[1].Outcome, ds[1].Reason)
			}
		})
	}
	w := newWorld(t)
	ds, err := w.gate(t).Decide(t.Context(), []reminder.Lease{codeLease()}, now)
	if ds[0].Outcome != gate.Defer || ds[0].Reason != gate.Unavailable || !errors.Is(err, gate.ErrUnavailable) {
		t.Errorf("nobody knows numbers: %v %v", ds, err)
	}
}

func TestExplainACode(t *testing.T) {
	w, n := newWorld(t), &numbers{}
	w.person(func(p *gate.Person) { p.Consent, p.Contact = nil, nil })
	x, err := w.codeGate(t, n).Explain(t.Context(), gate.Question{Person: anna, Purpose: reminder.Verify, Unit: "rh-ortho", Address: strange})
	if err != nil || x.Outcome != "allow" || x.Address != hash(strange) || x.Basis != "request" {
		t.Fatalf("%+v %v", x, err)
	}
	var rules []gate.Rule
	for _, s := range x.Steps {
		rules = append(rules, s.Rule)
		if s.Source == "" || s.Value == "" || s.Answer != gate.Yes || strings.Contains(s.Value+s.About, "20654321") {
			t.Errorf("%+v", s)
		}
	}
	want := []gate.Rule{
		gate.RuleUseful, gate.RuleDeceased, gate.RuleProtected, gate.RuleUnit, gate.RulePack, gate.RuleSwitches, gate.RulePurpose, gate.RuleKnown, gate.RuleAge,
		gate.RuleObjection, gate.RuleCeiling, gate.RuleAddress, gate.RuleBar, gate.RuleWrong, gate.RuleHash,
	}
	if !slices.Equal(rules, want) {
		t.Errorf("asked %v, want %v", rules, want)
	}
	n.all = map[reminder.AddressHash]gate.Number{hash(strange): {Barred: true}}
	x, err = w.codeGate(t, n).Explain(t.Context(), gate.Question{Person: anna, Purpose: reminder.Verify, Unit: "rh-ortho", Address: strange})
	if last := x.Steps[len(x.Steps)-1]; err != nil || x.Reason != gate.Barred || last.Rule != gate.RuleBar || last.Answer != gate.No {
		t.Errorf("%+v %v", x, err)
	}
}

// What is said of a number between the decision and the hand-over stops the code, and nothing that is no code.
func TestConfirmAsksAboutTheNumberAfterTheMark(t *testing.T) {
	for name, x := range map[string]struct {
		plant func(*numbers)
		want  error
		whole bool // the error is told beside the answers
	}{
		"nothing":         {func(*numbers) {}, nil, false},
		"another's":       {func(n *numbers) { n.all = map[reminder.AddressHash]gate.Number{hash(number): {Disputed: true}} }, nil, false},
		"disputed":        {func(n *numbers) { n.all = map[reminder.AddressHash]gate.Number{hash(strange): {Disputed: true}} }, gate.ErrDisputed, false},
		"barred":          {func(n *numbers) { n.all = map[reminder.AddressHash]gate.Number{hash(strange): {Barred: true}} }, gate.ErrBarred, false},
		"not certified":   {func(n *numbers) { n.err = gate.ErrNotCertified }, gate.ErrNotCertified, true},
		"nobody answers":  {func(n *numbers) { n.err = errDown }, errDown, true},
		"too few answers": {func(n *numbers) { n.spoil = func([]gate.Number) []gate.Number { return nil } }, gate.ErrUnavailable, true},
	} {
		t.Run(name, func(t *testing.T) {
			w, n := newWorld(t), &numbers{}
			g := w.codeGate(t, n)
			l := codeLease()
			l.Reminder = "1-bb"
			ds, err := g.Decide(t.Context(), []reminder.Lease{lease(), l}, now)
			if err != nil || ds[0].Outcome != gate.Allow || ds[1].Outcome != gate.Allow {
				t.Fatalf("%v, %v", ds, err)
			}
			n.asked = nil
			w.confSpoil = func(errs []error) []error { x.plant(n); return errs } // while the confirmer marks
			errs, err := g.Confirm(t.Context(), []gate.Attempt{attempt(ds[0].Permit), attempt(ds[1].Permit)})
			if errs[0] != nil || !errors.Is(errs[1], x.want) || (err != nil) != x.whole {
				t.Errorf("%v, %v", errs, err)
			}
			if len(n.asked) != 1 || !slices.Equal(n.asked[0], []reminder.AddressHash{hash(strange)}) {
				t.Errorf("asked about %v", n.asked)
			}
		})
	}
	// Where no code goes, and of one that is refused already, nobody is asked.
	w, n := newWorld(t), &numbers{}
	g := w.codeGate(t, n)
	ds, err := g.Decide(t.Context(), []reminder.Lease{codeLease()}, now)
	if err != nil || ds[0].Outcome != gate.Allow {
		t.Fatal(ds, err)
	}
	n.asked, w.refusals = nil, map[reminder.ID]error{codeLease().Reminder: gate.ErrLost}
	if errs, err := g.Confirm(t.Context(), []gate.Attempt{attempt(ds[0].Permit)}); err != nil || !errors.Is(errs[0], gate.ErrLost) || len(n.asked) > 0 {
		t.Errorf("%v, %v, asked %v", errs, err, n.asked)
	}
}
