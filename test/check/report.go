package check

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/husk-reminders/husk/pkg/reminder"
)

// Kind is what is wrong with a message, or with one that is not there.
type Kind string

// The kinds of violations.
const (
	Missing      Kind = "missing"       // expected, and not in the outbox
	Doubled      Kind = "doubled"       // the same thing told again
	Unexpected   Kind = "unexpected"    // nothing asked for it
	WrongWindow  Kind = "wrong_window"  // expected, but sent too early or too late
	WrongTime    Kind = "wrong_time"    // tells another appointment time
	WrongPlace   Kind = "wrong_place"   // does not name the clinic
	WrongWords   Kind = "wrong_words"   // in another language than the patient's
	Denied       Kind = "denied"        // to somebody who may not be written to
	AfterStop    Kind = "after_stop"    // to an address that said STOP
	Stopped      Kind = "kill_switch"   // from a unit that was stopped
	BadReply     Kind = "bad_reply"     // a fixed reply to somebody who did not write, more than one to what they wrote, or the same twice a day
	IDInside     Kind = "national_id"   // shows a national id
	OthersInside Kind = "third_party"   // shows another person's name, number or mail address
	TooLong      Kind = "too_long"      // more characters than the policy allows
	OutsideHours Kind = "outside_hours" // sent when the unit sends nothing
)

// Violation is one thing that is wrong. What carries no personal data.
type Violation struct {
	Kind  Kind
	Where string // the outbox file, or the case of the scenario
	What  string
}

// Report is what the checker found.
type Report struct {
	Messages   int // files in the outbox
	Expected   int // messages that had to be there
	Optional   int // messages that could be there
	Confirmed  map[reminder.Purpose]int
	Violations []Violation
}

// OK reports whether all is as the scenario demands.
func (r Report) OK() bool { return len(r.Violations) == 0 }

// Counts are the violations by kind.
func (r Report) Counts() map[Kind]int {
	n := map[Kind]int{}
	for _, v := range r.Violations {
		n[v.Kind]++
	}
	return n
}

// String is the report for a person to read.
func (r Report) String() string {
	var b strings.Builder
	confirmed := 0
	for _, n := range r.Confirmed {
		confirmed += n
	}
	fmt.Fprintf(&b, "%d messages in the outbox, %d expected (and %d that may be held) and %d answers to who wrote, %d confirmed\n",
		r.Messages, r.Expected, r.Optional, r.Confirmed[reminder.Reply], confirmed)
	for _, p := range slices.Sorted(maps.Keys(r.Confirmed)) {
		fmt.Fprintf(&b, "  %-10s %4d\n", p, r.Confirmed[p])
	}
	if r.OK() {
		b.WriteString("nothing is missing, nothing is there twice, nobody got what they may not get\n")
		return b.String()
	}
	fmt.Fprintf(&b, "%d things are wrong:\n", len(r.Violations))
	for _, k := range slices.Sorted(maps.Keys(r.Counts())) {
		fmt.Fprintf(&b, "  %-14s %4d\n", k, r.Counts()[k])
	}
	for _, v := range r.Violations {
		fmt.Fprintf(&b, "%s: %s: %s\n", v.Kind, v.Where, v.What)
	}
	return b.String()
}
