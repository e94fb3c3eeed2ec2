package memory_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/husk-reminders/husk/pkg/consent"
	"github.com/husk-reminders/husk/pkg/contact"
	"github.com/husk-reminders/husk/pkg/plan"
	"github.com/husk-reminders/husk/pkg/policy"
	"github.com/husk-reminders/husk/pkg/receipt"
	"github.com/husk-reminders/husk/pkg/reminder"
	"github.com/husk-reminders/husk/pkg/state"
	"github.com/husk-reminders/husk/pkg/state/memory"
)

var noon = time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)

func planned(a reminder.AppointmentKey, p reminder.PersonKey, rev uint64, due time.Time) state.Planned {
	return state.Planned{System: "system", Sealed: []byte("sealed"), Plan: plan.Plan{
		Appointment: a, Person: p, Order: reminder.Order{Revision: rev, Sequence: rev}, Status: plan.Booked, StartTag: "A", PlannedAt: noon, Ends: due.AddDate(0, 0, 3),
		Reminders: []plan.Wanted{{ID: reminder.ID(a), Rule: "48h", Purpose: reminder.Remind, Due: due, Expires: due.AddDate(0, 0, 2), Route: "sms"}},
	}}
}

// filled is a store with something of everything in it.
func filled(t *testing.T) *memory.State {
	t.Helper()
	s := memory.New()
	p, q, r := key(1), key(2), key(3)
	fold(t, s, p,
		consent.Record{ID: "c", Person: p, Type: consent.Granted, EventTime: noon, Recorded: noon},
		state.Contact{Record: contact.Record{ID: "n", Person: p, Type: contact.Verified, Hash: hash(1), Channel: reminder.SMS, Method: policy.DeskID,
			Level: policy.Proven, EventTime: noon, Recorded: noon}, Sealed: []byte("number")},
		planned("1-a1", p, 1, noon), planned("1-a2", p, 1, noon.Add(time.Hour)),
		receipt.Intent{Reminder: "1-a2", Person: p, Attempt: 1, Claim: "01aaaaaaaaaaaaaaaaaaaaaaaaaa", Version: 1, Route: "sms", Address: hash(1)},
	)
	gone := planned("1-a3", q, 1, noon)
	gone.Plan.Status, gone.Plan.Reminders, gone.Deceased = plan.Cancelled, nil, true
	fold(t, s, q, gone) // a person with an appointment and no reminder
	fold(t, s, r, planned("1-a4", r, 1, noon), state.Owned{Appointment: "1-a4", Order: reminder.Order{Revision: 2, Sequence: 2}})
	fold(t, s, p, planned("1-a4", p, 2, noon.Add(2*time.Hour)))
	foldShard(t, s, hash(7).Shard(), "", state.Bar{Address: hash(7)}, state.Bar{Address: hash(8)}, state.Bar{Address: hash(8), Lifted: true},
		state.Bar{Address: hash(9), Via: state.ViaStaff})
	fold(t, s, p, planned("1-a5", p, 1, noon.Add(3*time.Hour)),
		receipt.Intent{Reminder: "1-a5", Person: p, Attempt: 1, Claim: "01bbbbbbbbbbbbbbbbbbbbbbbbbb", Version: 1, Route: "sms", Address: hash(1)},
		receipt.Outcome{Reminder: "1-a5", Person: p, Attempt: 1, Claim: "01bbbbbbbbbbbbbbbbbbbbbbbbbb", Status: receipt.Accepted, Carrier: "smpp", CarrierID: "77"})
	stray := state.Orphan{Report: receipt.Report{Carrier: "smpp", CarrierID: "78", Status: receipt.Delivered}}
	foldShard(t, s, stray.Shard(), "", stray)
	foldShard(t, s, 0, "", state.Switch{Name: "unit:ortho", On: true, Reason: "drill"})
	return s
}

// look is everything that can be read of a store.
func look(t *testing.T, s *memory.State) string {
	t.Helper()
	ctx := t.Context()
	if err := s.Certify(ctx, time.Minute); err != nil {
		t.Fatal(err)
	}
	out := map[string]any{}
	add := func(name string, v any, err error) {
		t.Helper()
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		out[name] = v
	}
	persons := map[reminder.PersonKey]state.Person{}
	add("each", persons, s.Each(ctx, func(p *state.Person) error {
		persons[p.Key] = *p
		return nil
	}))
	named, err := s.Named(ctx, []state.Name{{Carrier: "smpp", ID: "77"}})
	add("named", named, err)
	orphans, err := s.Orphans(ctx)
	add("orphans", orphans, err)
	var applied []state.Vector
	for shard := range reminder.Shards {
		v, err := s.Applied(ctx, shard)
		if err != nil {
			t.Fatal(err)
		}
		applied = append(applied, v)
	}
	out["applied"] = applied
	behind, err := s.Behind(ctx, []reminder.AddressHash{hash(1), hash(7), hash(8), hash(9)})
	add("behind", behind, err)
	switches, err := s.Switches(ctx)
	add("switches", switches, err)
	held, err := s.Appointments(ctx, []reminder.AppointmentKey{"1-a1", "1-a2", "1-a3", "1-a4", "1-a5"})
	add("held", held, err)
	opens, err := s.Opens(ctx, noon.AddDate(1, 0, 0))
	add("opens", opens, err)
	pending, err := s.Pending(ctx, noon.Add(90*time.Minute))
	add("pending", pending, err)
	counts, err := s.Counts(ctx)
	for status, n := range counts {
		if n == 0 {
			delete(counts, status)
		}
	}
	add("counts", counts, err)
	b, err := json.MarshalIndent(out, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestSnapshot(t *testing.T) {
	s := filled(t)
	var b bytes.Buffer
	if err := s.Snapshot(&b); err != nil {
		t.Fatal(err)
	}
	frozen := b.String()
	back := memory.New()
	if err := back.Restore(strings.NewReader(frozen)); err != nil {
		t.Fatal(err)
	}
	if err := back.Certified(t.Context()); !errors.Is(err, state.ErrNotCertified) {
		t.Errorf("a restored state is certified: %v", err)
	}
	if got, want := look(t, back), look(t, s); got != want || strings.Count(want, "01bbbbbbbbbbbbbbbbbbbbbbbbbb") < 2 || !strings.Contains(want, `"carrierId": "78"`) {
		t.Errorf("restored:\n%s\nwant:\n%s", got, want)
	}
	// It folds on, also for a person who has no reminder yet, and hands out what is due.
	for _, x := range []*memory.State{s, back} {
		fold(t, x, key(2), planned("1-a3", key(2), 2, noon.Add(time.Minute)))
		ls, err := x.Lease(t.Context(), "sms", noon.Add(time.Hour), 9, time.Minute)
		if err != nil || len(ls) != 2 || ls[0].Reminder != "1-a1" || ls[1].Reminder != "1-a3" {
			t.Errorf("leased %+v, %v", ls, err)
		}
	}
	if got, want := look(t, back), look(t, s); got != want {
		t.Errorf("folded on:\n%s\nwant:\n%s", got, want)
	}
	if err := back.Restore(strings.NewReader(frozen)); err == nil {
		t.Error("restored into a state that is not empty")
	}
}

func TestSnapshotIsNotTornByFolds(t *testing.T) {
	s := filled(t)
	stop := make(chan struct{})
	done := make(chan struct{})
	go func() {
		defer close(done)
		for rev := uint64(2); ; rev++ {
			select {
			case <-stop:
				return
			default:
				fold(t, s, key(1), planned("1-a1", key(1), rev, noon))
			}
		}
	}()
	for range 20 {
		var b bytes.Buffer
		if err := s.Snapshot(&b); err != nil {
			t.Fatal(err)
		}
		back := memory.New()
		if err := back.Restore(&b); err != nil {
			t.Fatal(err)
		}
		// What is folded and how far it is folded fit together: the plan that took effect last is the last entry applied.
		v, err := back.Applied(t.Context(), key(1).Shard())
		if err != nil {
			t.Fatal(err)
		}
		if err := back.View(t.Context(), key(1), func(p *state.Person) error {
			a := p.Appointments["1-a1"]
			if a.Version > 1 && a.Seq != v[state.Journal] {
				t.Errorf("the plan is entry %d, applied %d", a.Seq, v[state.Journal])
			}
			return nil
		}); err != nil {
			t.Fatal(err)
		}
	}
	close(stop)
	<-done
}

func TestRestoreRefusesWhatItCannotRead(t *testing.T) {
	var b bytes.Buffer
	if err := filled(t).Snapshot(&b); err != nil {
		t.Fatal(err)
	}
	whole := b.String()
	for name, snapshot := range map[string]string{
		"empty":           "",
		"not JSON":        "snapshot",
		"another version": strings.Replace(whole, `"Version":3`, `"Version":2`, 1),
		"cut short":       whole[:len(whole)-10],
		"a person less":   whole[:strings.LastIndex(strings.TrimSpace(whole), "\n")+1],
	} {
		s := memory.New()
		if err := s.Restore(strings.NewReader(snapshot)); !errors.Is(err, memory.ErrSnapshot) {
			t.Errorf("%s: %v", name, err)
		}
		if got, want := look(t, s), look(t, memory.New()); got != want {
			t.Errorf("%s: left something behind:\n%s", name, got)
		}
	}
}
