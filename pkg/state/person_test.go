package state_test

import (
	"encoding/json"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/husk-reminders/husk/pkg/consent"
	"github.com/husk-reminders/husk/pkg/contact"
	"github.com/husk-reminders/husk/pkg/plan"
	"github.com/husk-reminders/husk/pkg/policy"
	"github.com/husk-reminders/husk/pkg/receipt"
	"github.com/husk-reminders/husk/pkg/reminder"
	"github.com/husk-reminders/husk/pkg/state"
)

func encode(t *testing.T, p *state.Person) string {
	t.Helper()
	b, err := json.Marshal(p)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func number(id string, h reminder.AddressHash, typ contact.Type, at time.Time) state.Contact {
	r := contact.Record{ID: id, Person: anna, Type: typ, Hash: h, Channel: reminder.SMS, EventTime: at, Recorded: at}
	if !r.IsBad() {
		r.Method, r.Level = policy.DeskID, policy.Proven
	}
	return state.Contact{Record: r}
}

func TestPersonVersion(t *testing.T) {
	flagged := func(rev uint64, system string, protected, deceased bool) state.Planned {
		p := booked(visit, rev, "A")
		p.System, p.Protected, p.Deceased = system, protected, deceased
		return p
	}
	elsewhere := flagged(2, "x", false, false)
	elsewhere.Plan.Appointment = other
	s := &script{t: t, p: &state.Person{Key: anna}}
	for _, c := range []struct {
		name                string
		body                any
		version             uint64
		protected, deceased bool
	}{
		{"a first word", consent.Record{ID: "a"}, 1, false, false},
		{"the same again", consent.Record{ID: "a", Type: consent.Withdrawn}, 1, false, false},
		{"another word", consent.Record{ID: "b"}, 2, false, false},
		{"an address", number("a", "h", contact.Added, noon), 3, false, false}, // ids of consent and contact are apart
		{"the same again", number("a", "h", contact.Wrong, noon), 3, false, false},
		{"a first plan of a system", flagged(1, "x", false, false), 4, false, false},
		{"a second", flagged(2, "x", false, false), 4, false, false},
		{"protected", flagged(3, "x", true, false), 5, true, false},
		{"an older event that knew nothing of it", flagged(2, "x", false, false), 5, true, false},
		{"an older event of another visit, which takes effect", elsewhere, 5, true, false},
		{"another system that does not say so", flagged(4, "y", false, false), 6, true, false},
		{"deceased", flagged(5, "y", false, true), 7, true, true},
		{"no longer protected", flagged(6, "x", false, false), 8, false, true},
		{"a cancellation", off(visit, 7), 9, false, true}, // of a third system
	} {
		s.apply(c.body)
		if p := s.p; p.Version != c.version || p.Protected() != c.protected || p.Deceased() != c.deceased {
			t.Fatalf("%s: version %d, protected %v, deceased %v", c.name, p.Version, p.Protected(), p.Deceased())
		}
	}
	if len(s.p.Consent) != 2 || len(s.p.Contact) != 1 || string(s.p.Sealed) != "off" || s.p.SealedOrder != 7 {
		t.Errorf("%d words, %d addresses, %q of %d", len(s.p.Consent), len(s.p.Contact), s.p.Sealed, s.p.SealedOrder)
	}
}

func TestPersonAddresses(t *testing.T) {
	hour := func(n int) time.Time { return noon.Add(time.Duration(n) * time.Hour) }
	for _, c := range []struct {
		name    string
		records []state.Contact
		want    []reminder.AddressHash
	}{
		{"none", nil, nil},
		{"added", []state.Contact{number("1", "h", contact.Added, hour(0))}, []reminder.AddressHash{"h"}},
		{"bounced is still the person's", []state.Contact{number("1", "h", contact.Verified, hour(0)), number("2", "h", contact.Failed, hour(1))},
			[]reminder.AddressHash{"h"}},
		{"removed", []state.Contact{number("1", "h", contact.Verified, hour(0)), number("2", "h", contact.Removed, hour(1))}, nil},
		{"wrong", []state.Contact{number("1", "h", contact.Verified, hour(0)), number("2", "h", contact.Wrong, hour(1))}, nil},
		{"changed", []state.Contact{number("1", "h", contact.Verified, hour(0)), number("2", "g", contact.Added, hour(1))}, []reminder.AddressHash{"g"}},
		{"wrong, then proven again", []state.Contact{number("1", "h", contact.Verified, hour(0)), number("2", "h", contact.Wrong, hour(1)),
			number("3", "h", contact.Verified, hour(2))}, []reminder.AddressHash{"h"}},
	} {
		p := &state.Person{Key: anna, Contact: c.records}
		if got := p.Addresses(); !slices.Equal(got, c.want) {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
	}
}

// story is a random journal of one person: sensible entries, stale ones, repeated ones, and some that no worker would write.
func story(r *rand.Rand, n int) []state.Change {
	pick := func(ss ...string) string { return ss[r.IntN(len(ss))] }
	visits := []reminder.AppointmentKey{visit, other}
	bodies := make([]state.Change, n)
	var last receipt.Intent
	for i := range bodies {
		a, tag, rev := visits[r.IntN(2)], pick("A", "B", "C"), 1+uint64(i/3)+r.Uint64N(4)
		id := reminderID(a, tag)
		if r.IntN(3) == 0 {
			id = reminder.NoticeID(a, []reminder.Purpose{reminder.Changed, reminder.Cancel}[r.IntN(2)], 1+r.IntN(3))
		}
		claim := pick("k", "l", "m", "n")
		if last.Claim != "" && r.IntN(2) == 0 {
			id, claim = last.Reminder, last.Claim
		}
		var b any
		switch r.IntN(18) {
		case 0, 1:
			b = booked(a, rev, tag)
		case 2:
			b = off(a, rev)
		case 3:
			b = remembered(a, rev, tag)
		case 4:
			b = past(a, rev, tag)
		case 5, 6, 7, 8:
			last = receipt.Intent{Reminder: id, Person: anna, Attempt: 1 + r.IntN(3)*r.IntN(2), Claim: claim, Version: r.Uint64N(4) * r.Uint64N(2), Route: "sms"}
			b = last // of version 0: whatever the plan
		case 9, 10:
			b = receipt.Outcome{Reminder: id, Person: anna, Claim: claim, Code: pick("", "c"), CarrierID: pick("", "i"),
				Status: []receipt.Status{receipt.Accepted, receipt.Rejected, receipt.Refused, receipt.NotBegun, receipt.Unknown}[r.IntN(5)]}
		case 11, 15, 16:
			b = receipt.Report{Claim: claim, Person: anna, Status: []receipt.Status{receipt.Accepted, receipt.Delivered, receipt.Undelivered, receipt.Rejected}[r.IntN(4)]}
		case 12:
			b = receipt.Verdict{Reminder: id, Person: anna, Version: r.Uint64N(4), Status: []receipt.Status{receipt.Denied, receipt.Held, receipt.Expired}[r.IntN(3)]}
		case 13:
			b = receipt.Preview{Reminder: id, Person: anna, Version: r.Uint64N(4), Late: r.IntN(2) == 0, Reason: pick("", "no_basis")}
		case 14:
			switch r.IntN(3) {
			case 0:
				b = consent.Record{ID: claim, Person: anna, Type: consent.Granted}
			case 1:
				b = number(claim, "h", contact.Verified, noon)
			default:
				b = state.Owned{Appointment: a, Order: order(rev)}
			}
		default:
			b = state.Trim{Before: start(tag)}
		}
		bodies[i] = state.Change{Stream: state.Journal, Seq: uint64(i + 1), At: noon.Add(time.Duration(i) * time.Minute), Person: anna, Body: b}
	}
	return bodies
}

// TestFoldProperties folds random journals and asks what must hold of every one of them:
//   - a change that is delivered twice in a row counts once, and its second coming touches nothing;
//   - a person that went through a snapshot folds on as if it had not;
//   - what is delivered once in the same order gives the same person;
//   - a trim of which the person says that it takes nothing takes nothing.
func TestFoldProperties(t *testing.T) {
	seen := map[receipt.Status]int{}
	statuses := map[plan.Status]int{}
	spared := 0
	for seed := range uint64(150) {
		r := rand.New(rand.NewPCG(seed, 1))
		once, twice, again := &state.Person{Key: anna}, &state.Person{Key: anna}, &state.Person{Key: anna}
		thawed := &state.Person{Key: anna}
		for _, c := range story(r, 60) {
			before, trim := encode(t, once), false
			if b, ok := c.Body.(state.Trim); ok {
				trim = !once.Trims(b)
			}
			once.Apply(c)
			if trim {
				spared++
				if encode(t, once) != before {
					t.Fatalf("seed %d, entry %d: a trim that was to take nothing:\nbefore %s\nafter  %s", seed, c.Seq, before, encode(t, once))
				}
			}
			again.Apply(c)
			twice.Apply(c)
			if touched := twice.Apply(c); len(touched) > 0 {
				t.Fatalf("seed %d, entry %d (%T): its second delivery touches %v", seed, c.Seq, c.Body, touched)
			}
			if !reflect.DeepEqual(once, twice) {
				t.Fatalf("seed %d, entry %d (%T): delivered twice:\nonce  %s\ntwice %s", seed, c.Seq, c.Body, encode(t, once), encode(t, twice))
			}
			thawed.Apply(c)
			if r.IntN(4) == 0 {
				frozen := encode(t, thawed)
				thawed = &state.Person{}
				if err := json.Unmarshal([]byte(frozen), thawed); err != nil {
					t.Fatal(err)
				}
				if got, want := encode(t, thawed), encode(t, once); got != want {
					t.Fatalf("seed %d, entry %d (%T): through a snapshot:\ngot  %s\nwant %s", seed, c.Seq, c.Body, got, want)
				}
			}
			for _, x := range once.Reminders {
				seen[x.Status]++
			}
			for _, a := range once.Appointments {
				statuses[a.Status]++
			}
		}
		if !reflect.DeepEqual(once, again) || encode(t, once) != encode(t, thawed) {
			t.Fatalf("seed %d: the same journal, other persons", seed)
		}
	}
	// A generator that never gets anywhere proves nothing.
	if spared == 0 {
		t.Error("no trim takes nothing")
	}
	for _, s := range []receipt.Status{
		receipt.Planned, receipt.Intended, receipt.Accepted, receipt.Delivered, receipt.Undelivered, receipt.Held, receipt.Denied, receipt.Expired,
		receipt.Cancelled, receipt.Unknown, receipt.Rejected,
	} {
		if seen[s] == 0 {
			t.Errorf("no story has a reminder that is %s", s)
		}
	}
	for _, s := range []plan.Status{plan.Booked, plan.Cancelled, plan.Remembered, state.Taken} {
		if statuses[s] == 0 {
			t.Errorf("no story has an appointment that is %s", s)
		}
	}
}
