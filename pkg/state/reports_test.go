package state_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/husk-reminders/husk/pkg/receipt"
	"github.com/husk-reminders/husk/pkg/state"
)

// attempted is a journal with one attempt of so many segments, and what follows.
func attempted(segments int, after ...any) *state.Person {
	p := &state.Person{Key: anna}
	bodies := append([]any{booked(visit, 1, "A"), receipt.Intent{
		Reminder: reminderID(visit, "A"), Person: anna, Attempt: 1, Claim: "x", Version: 1, Segments: segments,
	}}, after...)
	for i, b := range bodies {
		p.Apply(state.Change{Stream: state.Journal, Seq: uint64(i + 1), At: noon.Add(time.Duration(i) * time.Minute), Person: anna, Body: b})
	}
	return p
}

func attemptOf(p *state.Person) state.Attempt { return p.Reminders[reminderID(visit, "A")].Attempts[0] }

func took(parts ...string) receipt.Outcome {
	o := receipt.Outcome{Reminder: reminderID(visit, "A"), Person: anna, Attempt: 1, Claim: "x", Status: receipt.Accepted, Carrier: "smpp"}
	if len(parts) > 0 {
		o.CarrierID, o.Parts = parts[0], parts[1:]
	}
	return o
}

func told(segment string, s receipt.Status) receipt.Report {
	return receipt.Report{Claim: "x", Person: anna, Carrier: "smpp", CarrierID: segment, Status: s}
}

func TestSegmentsAreDeliveredTogether(t *testing.T) {
	const d, u = receipt.Delivered, receipt.Undelivered
	for name, c := range map[string]struct {
		segments int
		after    []any
		want     receipt.Status
	}{
		"one of two":                    {2, []any{took("a", "b"), told("a", d)}, receipt.Accepted},
		"both":                          {2, []any{took("a", "b"), told("b", d), told("a", d)}, d},
		"one failed":                    {2, []any{took("a", "b"), told("b", u)}, u},
		"one failed and then delivered": {2, []any{took("a", "b"), told("a", d), told("b", u), told("b", d)}, u},
		"both before the answer":        {2, []any{told("b", d), told("a", d), took("a", "b")}, d},
		"one before the answer":         {2, []any{told("a", d), took("a", "b"), told("b", d)}, d},
		"failed before the answer":      {2, []any{told("a", u), took("a", "b")}, u},
		"one id for all, before it":     {2, []any{told("a", d), took("a")}, d},
		"one id for all, after it":      {2, []any{took("a"), told("a", d)}, d},
		"one segment, before it":        {1, []any{told("a", d), took("a")}, d},
		"reported, and never answered":  {2, []any{told("a", d), receipt.Outcome{Reminder: reminderID(visit, "A"), Claim: "x", Status: receipt.Unknown}}, d},
		"reported before it is sent":    {2, []any{told("a", d)}, receipt.Intended},
		"of the whole message":          {2, []any{took("a", "b"), told("", d)}, d},
		"on its way, late":              {1, []any{took("a"), told("a", d), told("a", receipt.Accepted)}, d},
		"on its way before the answer":  {1, []any{told("a", receipt.Accepted)}, receipt.Intended},
		"on its way, and never answered": {2, []any{told("a", receipt.Accepted), receipt.Outcome{Reminder: reminderID(visit, "A"), Claim: "x", Status: receipt.Unknown}},
			receipt.Accepted},
		"on its way, and then refused": {1, []any{told("a", receipt.Accepted), receipt.Outcome{Reminder: reminderID(visit, "A"), Claim: "x", Status: receipt.Refused}},
			receipt.Accepted},
		"on its way before the answer, one of two": {2, []any{told("b", receipt.Accepted), told("b", d), took("a", "b")}, receipt.Accepted},
		"one reported, and then refused":           {2, []any{told("a", d), receipt.Outcome{Reminder: reminderID(visit, "A"), Claim: "x", Status: receipt.Refused}}, d},
		"of a doubt":                               {1, []any{receipt.Outcome{Reminder: reminderID(visit, "A"), Claim: "x", Status: receipt.Unknown}, told("", d)}, d},
	} {
		p := attempted(c.segments, c.after...)
		if got := attemptOf(p).Status; got != c.want {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
		if s := p.Reminders[reminderID(visit, "A")].Status; s != attemptOf(p).Status {
			t.Errorf("%s: the reminder is %s", name, s)
		}
	}
}

// Reports and the carrier's own answer come in any order, and some twice: all that counts is what was said.
func TestEveryOrderOfReportsEndsInTheSame(t *testing.T) {
	rnd := rand.New(rand.NewPCG(3, 4))
	seen := map[receipt.Status]int{}
	for range 3000 {
		n := 1 + rnd.IntN(3)
		ids := []string{"a", "b", "c"}[:n]
		if rnd.IntN(3) == 0 {
			ids = ids[:1] // its carrier has one id for all
		}
		said := []any{took(ids...)}
		for range 1 + rnd.IntN(4) {
			said = append(said, told(ids[rnd.IntN(len(ids))], []receipt.Status{receipt.Delivered, receipt.Delivered, receipt.Undelivered}[rnd.IntN(3)]))
		}
		for _, id := range ids {
			if rnd.IntN(4) > 0 && !slices.ContainsFunc(said[1:], func(x any) bool { return x.(receipt.Report).Status == receipt.Undelivered }) {
				said = append(said, told(id, receipt.Delivered))
			}
		}
		want := attemptOf(attempted(n, said...)).Status
		seen[want]++
		for range 6 {
			again := append(slices.Clone(said), said[:rnd.IntN(len(said)+1)]...)
			rnd.Shuffle(len(again), func(i, j int) { again[i], again[j] = again[j], again[i] })
			if got := attemptOf(attempted(n, again...)).Status; got != want {
				t.Fatalf("%d segments: %s after\n%+v\nand %s after\n%+v", n, want, said, got, again)
			}
		}
	}
	if seen[receipt.Delivered] < 100 || seen[receipt.Undelivered] < 100 || seen[receipt.Accepted] < 100 {
		t.Errorf("it proves little: %v", seen)
	}
}

// What a carrier reports of an attempt that it had refused comes to the same before and after its refusal, and so does what is on its way.
func TestEveryOrderOfReportsOfARefusal(t *testing.T) {
	rnd := rand.New(rand.NewPCG(5, 6))
	all := []receipt.Status{receipt.Accepted, receipt.Delivered, receipt.Undelivered}
	for range 2000 {
		n := 1 + rnd.IntN(2)
		o := took([]string{"a", "b"}[:n]...)
		switch rnd.IntN(3) {
		case 0:
			o = receipt.Outcome{Reminder: reminderID(visit, "A"), Claim: "x", Status: receipt.Refused}
		case 1:
			o = receipt.Outcome{Reminder: reminderID(visit, "A"), Claim: "x", Status: receipt.NotBegun}
		}
		said := []any{o}
		for range 1 + rnd.IntN(4) {
			said = append(said, told([]string{"a", "b"}[rnd.IntN(n)], all[rnd.IntN(3)]))
		}
		want := attempted(n, said...).Reminders[reminderID(visit, "A")].Status
		if want == receipt.Planned {
			t.Fatalf("it is planned again after\n%+v", said)
		}
		for range 6 {
			again := append(slices.Clone(said), said[:rnd.IntN(len(said)+1)]...)
			rnd.Shuffle(len(again), func(i, j int) { again[i], again[j] = again[j], again[i] })
			if got := attempted(n, again...).Reminders[reminderID(visit, "A")].Status; got != want {
				t.Fatalf("%d segments: %s after\n%+v\nand %s after\n%+v", n, want, said, got, again)
			}
		}
	}
}

// A report that is not news changes nothing, and one that was folded is none.
func TestNews(t *testing.T) {
	rnd := rand.New(rand.NewPCG(7, 8))
	outcome := func(s receipt.Status, by string) receipt.Outcome {
		return receipt.Outcome{Reminder: reminderID(visit, "A"), Claim: "x", Status: s, By: by}
	}
	news, old := 0, 0
	for range 5000 {
		n := 1 + rnd.IntN(2)
		var said []any
		for range rnd.IntN(4) {
			said = append(said, told([]string{"a", "b", ""}[rnd.IntN(3)], []receipt.Status{receipt.Accepted, receipt.Delivered, receipt.Undelivered}[rnd.IntN(3)]))
		}
		outcomes := [][]any{
			nil, {took("a")}, {took("a", "b")}, {outcome(receipt.Unknown, "")}, {outcome(receipt.Refused, "")}, {outcome(receipt.NotBegun, "")},
			{outcome(receipt.Rejected, "")}, {outcome(receipt.Unknown, ""), outcome(receipt.Accepted, "anna")}, {outcome(receipt.Unknown, ""), outcome(receipt.Rejected, "anna")},
		}
		said = slices.Insert(said, rnd.IntN(len(said)+1), outcomes[rnd.IntN(len(outcomes))]...)
		r := told([]string{"a", "b", "c", ""}[rnd.IntN(4)], []receipt.Status{receipt.Accepted, receipt.Delivered, receipt.Undelivered, receipt.Rejected}[rnd.IntN(4)])
		if r.Status == receipt.Undelivered && rnd.IntN(2) == 0 {
			r.Fault, r.Signed = "barred", rnd.IntN(2) == 0
		}
		before := attempted(n, said...)
		x := attemptOf(before)
		if !x.News(r) {
			old++
			if got, want := encode(t, attempted(n, append(said, r)...)), encode(t, before); got != want {
				t.Fatalf("%+v is no news after\n%+v\nbefore %s\nafter  %s", r, said, want, got)
			}
			continue
		}
		news++
		after := attempted(n, append(said, r)...)
		x = attemptOf(after)
		if encode(t, after) == encode(t, before) {
			t.Fatalf("%+v is news after\n%+v\nand changes nothing", r, said)
		}
		if x.News(r) {
			t.Fatalf("%+v is news for ever after\n%+v", r, said)
		}
	}
	if news < 500 || old < 500 {
		t.Errorf("it proves little: %d and %d", news, old)
	}
}

func TestFaultIsOfAFailureAlone(t *testing.T) {
	bad := told("", receipt.Undelivered)
	bad.Fault = "not_in_use"
	signed := bad
	signed.Signed = true
	late := signed
	late.Claim = "another"
	for name, c := range map[string]struct {
		after  []any
		fault  receipt.Fault
		proven bool
	}{
		"unsigned":                {[]any{took("a"), bad}, "not_in_use", false},
		"signed":                  {[]any{took("a"), signed}, "not_in_use", true},
		"unsigned and signed":     {[]any{took("a"), bad, signed, bad}, "not_in_use", true},
		"delivered, too":          {[]any{took("a"), told("", receipt.Delivered), signed}, "", false},
		"delivered, too, twice":   {[]any{took("a"), told("", receipt.Delivered), signed, signed}, "", false},
		"of another attempt":      {[]any{took("a"), late}, "", false},
		"at the hand-over":        {[]any{func() receipt.Outcome { o := took(); o.Status, o.Fault = receipt.Rejected, "barred"; return o }()}, "barred", true},
		"of what was not refused": {[]any{func() receipt.Outcome { o := took("a"); o.Fault = "barred"; return o }()}, "", false},
	} {
		x := attemptOf(attempted(1, c.after...))
		if x.Fault != c.fault || x.Proven != c.proven || (x.Fault != "") == x.FaultAt.IsZero() {
			t.Errorf("%s: %s", name, fmt.Sprintf("%q proven %v at %v", x.Fault, x.Proven, x.FaultAt))
		}
	}
}

// What was heard of an attempt is not news once the person it is about was erased: the address may be a guardian's.
func TestAnErasureMakesNoNews(t *testing.T) {
	failed := told("", receipt.Undelivered)
	failed.Fault, failed.Signed = "not_in_use", true
	doubt := receipt.Outcome{Reminder: reminderID(visit, "A"), Claim: "x", Status: receipt.Unknown}
	settled := receipt.Outcome{Reminder: reminderID(visit, "A"), Claim: "x", Status: receipt.Rejected, By: "berit"}
	for name, c := range map[string]struct {
		after []any
		said  receipt.Report
		news  bool
	}{
		"delivered and failed, failed again":    {[]any{took("a"), told("", receipt.Delivered), failed}, failed, false},
		"settled by hand, delivered after all":  {[]any{doubt, settled}, told("", receipt.Delivered), true},
		"delivered after all, delivered again":  {[]any{doubt, settled, told("", receipt.Delivered)}, told("", receipt.Delivered), false},
		"accepted, and failed only now, signed": {[]any{took("a")}, failed, true},
	} {
		before := attemptOf(attempted(1, c.after...))
		after := attempted(1, append(c.after, state.Erased{At: noon.Add(time.Hour)})...)
		x := attemptOf(after)
		if before.News(c.said) != c.news || x.News(c.said) != c.news {
			t.Errorf("%s: news %v, and %v after the erasure; want %v", name, before.News(c.said), x.News(c.said), c.news)
		}
		after.Apply(state.Change{Stream: state.Journal, Seq: 20, At: noon.Add(2 * time.Hour), Person: anna, Body: c.said})
		if x := attemptOf(after); !c.news && x.Fault != "" {
			t.Errorf("%s: its address is at fault: %q", name, x.Fault)
		}
	}
}
