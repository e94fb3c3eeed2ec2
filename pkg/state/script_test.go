package state_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/husk-reminders/husk/pkg/plan"
	"github.com/husk-reminders/husk/pkg/receipt"
	"github.com/husk-reminders/husk/pkg/reminder"
	"github.com/husk-reminders/husk/pkg/state"
)

var noon = time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)

const (
	anna  = reminder.PersonKey("1-00000000000000000000000000000001")
	visit = reminder.AppointmentKey("1-000000000000000000000000000000a1")
	other = reminder.AppointmentKey("1-000000000000000000000000000000a2")
)

// start is the instant that a tag stands for.
func start(tag string) time.Time { return noon.AddDate(0, 0, 10+2*int(tag[0]-'A')) }

func reminderID(a reminder.AppointmentKey, tag string) reminder.ID {
	return reminder.ID(string(a) + "/48h@" + tag)
}

func order(rev uint64) reminder.Order { return reminder.Order{Revision: rev, Sequence: rev} }

// booked is a plan of a visit that starts when tag says, with one reminder and a time for a notice.
func booked(a reminder.AppointmentKey, rev uint64, tag string) state.Planned {
	s := start(tag)
	return state.Planned{
		System: "system", Sealed: []byte(tag),
		Plan: plan.Plan{
			Appointment: a, Person: anna, Order: order(rev), Status: plan.Booked, StartTag: tag, PlannedAt: noon, Ends: s.Truncate(24*time.Hour).AddDate(0, 0, 1),
			Reminders: []plan.Wanted{{
				ID: reminderID(a, tag), Rule: "48h", Purpose: reminder.Remind, Due: s.Add(-48 * time.Hour), Expires: s.Add(-2 * time.Hour), Route: "sms",
			}},
			Notice: plan.Notice{Due: noon, Expires: s.Add(-2 * time.Hour), Route: "sms"},
		},
	}
}

// past is a plan of a start that is gone: nothing is wanted and no notice would help.
func past(a reminder.AppointmentKey, rev uint64, tag string) state.Planned {
	p := booked(a, rev, tag)
	p.Plan.Reminders, p.Plan.Notice = nil, plan.Notice{}
	return p
}

func off(a reminder.AppointmentKey, rev uint64) state.Planned {
	p := booked(a, rev, "A")
	p.Plan.Status, p.Plan.StartTag, p.Plan.Reminders, p.Sealed = plan.Cancelled, "", nil, []byte("off")
	return p
}

func remembered(a reminder.AppointmentKey, rev uint64, tag string) state.Planned {
	p := booked(a, rev, tag)
	p.Plan.Status, p.Plan.Reminders, p.Plan.Notice = plan.Remembered, nil, plan.Notice{}
	return p
}

// script folds one person's journal, one step after the other.
type script struct {
	t   *testing.T
	p   *state.Person
	seq uint64
}

type step func(*script)

func (s *script) apply(body any) []reminder.ID {
	s.seq++
	return s.p.Apply(s.change(body))
}

func (s *script) change(body any) state.Change {
	return state.Change{Stream: state.Journal, Seq: s.seq, At: noon.Add(time.Duration(s.seq) * time.Minute), Person: anna, Body: body}
}

func run(t *testing.T, steps ...step) *state.Person {
	t.Helper()
	s := &script{t: t, p: &state.Person{Key: anna}}
	for _, f := range steps {
		f(s)
	}
	return s.p
}

// inert is a step that must touch nothing and leave the person as it is.
func inert(f step) step {
	return func(s *script) {
		s.t.Helper()
		before := encode(s.t, s.p)
		if f(s); encode(s.t, s.p) != before {
			s.t.Errorf("step %d should have changed nothing:\nbefore %s\nafter  %s", s.seq, before, encode(s.t, s.p))
		}
	}
}

func folds(body any) step { return func(s *script) { s.apply(body) } }

func book(rev uint64, tag string) step { return folds(booked(visit, rev, tag)) }
func cancel(rev uint64) step           { return folds(off(visit, rev)) }

// named finds a reminder by the name it has in a summary, such as "48h@A" or "changed#1@B".
func named(t *testing.T, p *state.Person, name string) (reminder.ID, *state.Reminder) {
	t.Helper()
	for id, r := range p.Reminders {
		if r.Appointment == visit && nameOf(id, r) == name {
			return id, r
		}
	}
	t.Fatalf("no reminder %q in: %s", name, summary(p))
	return "", nil
}

func nameOf(id reminder.ID, r *state.Reminder) string {
	if r.Purpose == reminder.Remind || r.Purpose == reminder.Verify {
		return r.Rule + "@" + r.Tag
	}
	for n := range 20 {
		if id == reminder.NoticeID(r.Appointment, r.Purpose, n) {
			return fmt.Sprintf("%s#%d@%s", r.Purpose, n, r.Tag)
		}
	}
	return "nameless " + string(id)
}

// intend appends the intent that a worker with a fresh lease would make.
func intend(name, claim string) step {
	return func(s *script) {
		s.t.Helper()
		id, r := named(s.t, s.p, name)
		s.apply(receipt.Intent{Reminder: id, Person: anna, Attempt: r.NextAttempt(), Claim: claim, Version: s.p.Appointments[visit].Version, Route: "sms"})
	}
}

func settle(name, claim string, st receipt.Status) step {
	return settleUntil(name, claim, st, time.Time{})
}

func settleUntil(name, claim string, st receipt.Status, retry time.Time) step {
	return func(s *script) {
		s.t.Helper()
		id, _ := named(s.t, s.p, name)
		s.apply(receipt.Outcome{Reminder: id, Person: anna, Claim: claim, Status: st, Code: "code-" + string(st), CarrierID: "id-" + claim, Retry: retry})
	}
}

func report(claim string, st receipt.Status) step {
	return folds(receipt.Report{Claim: claim, Person: anna, Status: st})
}

// sent hands a reminder to its carrier, which takes it.
func sent(name string) step {
	return func(s *script) {
		s.t.Helper()
		intend(name, "sent-"+name)(s)
		settle(name, "sent-"+name, receipt.Accepted)(s)
	}
}

func verdict(name string, version uint64, st receipt.Status) step {
	return func(s *script) {
		s.t.Helper()
		id, _ := named(s.t, s.p, name)
		s.apply(receipt.Verdict{
			Reminder: id, Person: anna, Version: version, Status: st, Decision: receipt.Decision{Reason: "because"},
			Findings: []reminder.Finding{{Kind: "digits", Part: "text"}},
		})
	}
}

// summary is what a patient would notice of the visit, in one line:
// <appointment's status> <start> v<plan version> told <start>: <reminder> <status>, …
func summary(p *state.Person) string {
	a := p.Appointments[visit]
	if a == nil {
		return "nothing"
	}
	var rs []string
	for id, r := range p.Reminders {
		if r.Appointment == visit {
			rs = append(rs, nameOf(id, r)+" "+string(r.Status))
		}
	}
	slices.Sort(rs)
	told := a.Told
	if told == "" {
		told = "-"
	}
	return fmt.Sprintf("%s %s v%d told %s: %s", a.Status, a.Tag, a.Version, told, strings.Join(rs, ", "))
}
