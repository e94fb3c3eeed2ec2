package contact_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/husk-reminders/husk/pkg/contact"
	"github.com/husk-reminders/husk/pkg/policy"
	"github.com/husk-reminders/husk/pkg/reminder"
)

// says answers what it is told to.
type says []contact.Answer

func (s says) Verify(context.Context, time.Time, []contact.Question) []contact.Answer { return s }
func (s says) Fitness() contact.Fitness                                               { return contact.Fitness{} }

var (
	hers = reminder.NewAddress(reminder.SMS, "+4520123456")
	his  = reminder.NewAddress(reminder.SMS, "+4520654321")
)

func found(a reminder.Address) contact.Found {
	return contact.Found{Address: a, Method: policy.KRR, Level: policy.Registered, AsOf: day(-3)}
}

func yes(fs ...contact.Found) contact.Answer {
	return contact.Answer{Verdict: contact.Yes, Until: day(1), Found: fs}
}

func TestAskHoldsToTheContract(t *testing.T) {
	with := func(a contact.Answer, change func(*contact.Answer)) contact.Answer { change(&a); return a }
	for name, c := range map[string]struct {
		a    contact.Answer
		want contact.Verdict
		kept bool // the reason too
	}{
		"yes":                        {yes(found(hers)), contact.Yes, true},
		"yes, among others":          {yes(found(his), found(hers)), contact.Yes, true},
		"no":                         {contact.Nay(contact.NotRegistered, day(1)), contact.No, true},
		"unknown":                    {contact.NotKnown(contact.Busy, day(1)), contact.Unknown, true},
		"zero":                       {contact.Answer{}, contact.Unknown, false},
		"yes to another's":           {yes(found(his)), contact.Unknown, false},
		"yes to none":                {yes(), contact.Unknown, false},
		"yes with a reason":          {with(yes(found(hers)), func(a *contact.Answer) { a.Reason = contact.Stale }), contact.Unknown, false},
		"yes that is over":           {with(yes(found(hers)), func(a *contact.Answer) { a.Until = day(0) }), contact.Unknown, false},
		"more than the method":       {with(yes(found(hers)), func(a *contact.Answer) { a.Found[0].Method = policy.Code }), contact.Unknown, false},
		"unproven":                   {with(yes(found(hers)), func(a *contact.Answer) { a.Found[0].Level = policy.Unproven }), contact.Unknown, false},
		"no such method":             {with(yes(found(hers)), func(a *contact.Answer) { a.Found[0].Method = "guess" }), contact.Unknown, false},
		"of tomorrow":                {with(yes(found(hers)), func(a *contact.Answer) { a.Found[0].AsOf = day(1) }), contact.Unknown, false},
		"of no day":                  {with(yes(found(hers)), func(a *contact.Answer) { a.Found[0].AsOf = time.Time{} }), contact.Unknown, false},
		"one sound, one of no day":   {with(yes(found(hers), found(his)), func(a *contact.Answer) { a.Found[1].AsOf = time.Time{} }), contact.Unknown, false},
		"on no channel":              {yes(found(hers), found(reminder.NewAddress("pigeon", "x"))), contact.Unknown, false},
		"no without reason":          {contact.Nay("", day(1)), contact.Unknown, false},
		"no for an unknown's reason": {contact.Nay(contact.Busy, day(1)), contact.Unknown, false},
		"no with an address":         {with(contact.Nay(contact.Stale, day(1)), func(a *contact.Answer) { a.Found = append(a.Found, found(hers)) }), contact.Unknown, false},
		"unknown, never again":       {contact.NotKnown(contact.Busy, time.Time{}), contact.Unknown, false},
		"unknown for a no's reason":  {contact.NotKnown(contact.Stale, day(1)), contact.Unknown, false},
		"no such verdict":            {contact.Answer{Verdict: 7, Until: day(1), Found: []contact.Found{found(hers)}}, contact.Unknown, false},
	} {
		a := contact.Ask(t.Context(), says{c.a}, day(0), []contact.Question{{Address: hers}})[0]
		if a.Verdict != c.want || (a.Reason == c.a.Reason) != c.kept || (a.Verdict == contact.Unknown && !a.Retry.After(day(0))) {
			t.Errorf("%s: %s %s", name, a.Verdict, a.Reason)
		}
	}
	qs := []contact.Question{{}, {}}
	for _, s := range []says{nil, {yes(found(hers))}, {yes(), yes(), yes()}} {
		for _, a := range contact.Ask(t.Context(), s, day(0), qs) {
			if a.Verdict != contact.Unknown || a.Reason != contact.Contradictory {
				t.Errorf("%d answers to 2 questions: %s %s", len(s), a.Verdict, a.Reason)
			}
		}
	}
	if a := contact.Ask(t.Context(), says{yes()}, day(0), []contact.Question{{}})[0]; a.Verdict != contact.Yes {
		t.Error("a source that keeps the address to itself may say that it has the person")
	}
}

func TestVouches(t *testing.T) {
	if _, ok := yes(found(hers)).Vouches(hers); !ok {
		t.Error("not hers")
	}
	for name, c := range map[string]struct {
		a       contact.Answer
		address reminder.Address
	}{
		"another's":         {yes(found(hers)), his},
		"no address":        {yes(found(hers)), reminder.Address{}},
		"another channel":   {yes(found(hers)), reminder.NewAddress(reminder.Email, "+4520123456")},
		"no with addresses": {contact.Answer{Verdict: contact.No, Found: []contact.Found{found(hers)}}, hers},
		"zero":              {contact.Answer{Found: []contact.Found{found(hers)}}, hers},
	} {
		if _, ok := c.a.Vouches(c.address); ok {
			t.Error(name)
		}
	}
}

// What a register vouches for folds to a usable address with the register's own date; nothing else does.
func TestRecordsFold(t *testing.T) {
	n := 0
	id := func() string { n++; return fmt.Sprint(n) }
	hash := func(a reminder.Address) reminder.AddressHash { return reminder.AddressHash(a.Reveal()[3:]) }
	rs := yes(found(hers)).Records(person, hash, id, day(0))
	if len(rs) != 1 || rs[0].Validate() != nil {
		t.Fatalf("%+v", rs)
	}
	s := contact.Fold(rs, day(0))
	if len(s) != 1 || !s[0].Usable() || !s[0].Newest().Equal(day(-3)) {
		t.Errorf("%s", brief(s))
	}
	for _, a := range []contact.Answer{{}, contact.Nay(contact.Stale, day(1)), {Verdict: contact.No, Found: []contact.Found{found(hers)}}, yes()} {
		if rs := a.Records(person, hash, id, day(0)); len(rs) != 0 {
			t.Errorf("%s: %d records", a.Verdict, len(rs))
		}
	}
}

func TestReasonsAreOnOneListEach(t *testing.T) {
	seen := map[contact.Reason]bool{}
	for _, r := range append(append([]contact.Reason{}, contact.NoReasons...), contact.UnknownReasons...) {
		if r == "" || seen[r] {
			t.Errorf("%q twice", r)
		}
		seen[r] = true
	}
	for v, want := range map[contact.Verdict]string{contact.Yes: "yes", contact.No: "no", contact.Unknown: "unknown", 9: "unknown", -1: "unknown"} {
		if v.String() != want {
			t.Errorf("%d is %s", v, v)
		}
	}
}
