package pages

import (
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/husk-reminders/husk/pkg/compose"
	"github.com/husk-reminders/husk/pkg/gate"
	"github.com/husk-reminders/husk/pkg/ledger"
	"github.com/husk-reminders/husk/pkg/receipt"
	"github.com/husk-reminders/husk/pkg/redact"
	"github.com/husk-reminders/husk/pkg/reminder"
)

// has wants texts, in every language.
func has(t *testing.T, keys ...string) {
	t.Helper()
	all, err := readWords()
	if err != nil {
		t.Fatal(err)
	}
	for tag, w := range all {
		for _, key := range keys {
			if _, err := w.text(key); err != nil {
				t.Errorf("%s: %v", tag, err)
			}
		}
	}
}

var isKey = regexp.MustCompile(`\b(reason|rule|sent|finding)\.[a-z]`)

// Every reason that a reminder can have is told in plain words, with the rule behind it.
func TestEveryReasonHasWords(t *testing.T) {
	all, err := readWords()
	if err != nil {
		t.Fatal(err)
	}
	kinds := slices.Concat(redact.Kinds, []string{compose.KindValue})
	for tag, w := range all {
		check := func(s receipt.Status, reason string, ruled bool) {
			t.Helper()
			b := w.why(s, reason)
			for _, text := range []string{b.Text, b.Rule} {
				if isKey.MatchString(text) {
					t.Errorf("%s: %s, %s: %q has no words", tag, s, reason, text)
				}
			}
			if b.Text == "" || (b.Rule != "") != ruled || b.Code != "" {
				t.Errorf("%s: %s, %s: %+v", tag, s, reason, b)
			}
		}
		for _, r := range slices.Concat(gate.DenyReasons, gate.DeferReasons) {
			check(receipt.Denied, string(r), true)
			check(receipt.Planned, string(r), true) // as things stand
		}
		for _, kind := range kinds {
			check(receipt.Held, kind, true)
		}
		for _, r := range []string{ledger.HeldRestored, "too_long", "template", "content"} {
			check(receipt.Held, r, true)
		}
		for r, s := range map[string]receipt.Status{
			"clerk": receipt.Cancelled, "booking": receipt.Cancelled, "attempts": receipt.Rejected, receipt.ByHand: receipt.Accepted, ledger.UnknownUnit: receipt.Denied,
			"no notice possible": receipt.Denied,
		} {
			check(s, r, false)
		}
		for _, s := range []receipt.Status{receipt.Accepted, receipt.Delivered, receipt.Undelivered, receipt.Rejected, receipt.Refused, receipt.Unknown} {
			if b := w.why(s, "no"); b != (because{Code: "no"}) { // not the finding of that name
				t.Errorf("%s: a carrier's code: %+v", s, b)
			}
		}
	}
	if len(ruleOf) != len(gate.DenyReasons)+len(gate.DeferReasons) {
		t.Errorf("%d reasons have a rule", len(ruleOf))
	}
}

// What nobody can release is never told as if somebody could: only the kinds that redact lets pass speak of releasing.
func TestFindingsSayWhoMayRelease(t *testing.T) {
	for _, kind := range slices.Concat(redact.Kinds, []string{compose.KindValue, "of a later release"}) {
		f := redact.Finding{Kind: kind}
		what := findingOf(kind)
		if known := slices.Contains(redact.Kinds, kind); known && f.NationalID() != (what == "national") || !known && kind != compose.KindValue && what != "national" {
			t.Errorf("%s is told as %s", kind, what)
		}
		if can := what == "digits" || what == "phone"; can != f.Releasable() {
			t.Errorf("%s is told as %s", kind, what)
		}
	}
	all, err := readWords()
	if err != nil {
		t.Fatal(err)
	}
	for tag, no := range map[string]string{"en": "obody can release", "da": "ngen kan frigive", "sv": "ngen kan släppa fram", "nb": "ngen kan frigi"} {
		for _, what := range slices.Concat(plainFindings, []string{"national"}) {
			if says := strings.Contains(all[tag].must("finding."+what+".do"), no); says == (what == "digits" || what == "phone") {
				t.Errorf("%s: %s says that nobody can release it: %v", tag, what, says)
			}
		}
	}
}

// Every status, step, rule, answer and part has its words.
func TestWordsOfWhatWentOut(t *testing.T) {
	for _, s := range receipt.Statuses {
		if s != receipt.Held { // three kinds of it
			has(t, "sent.next."+string(s))
		}
		if s != receipt.Due { // planned, and its time has come: no step
			has(t, "sent.step."+string(s))
		}
	}
	has(t, "sent.next.held.restored", "sent.next.held.release", "sent.next.held.never", "sent.step."+string(receipt.NotBegun), "sent.step."+string(receipt.Refused))
	has(t, "sent.step."+ledger.StepMoved, "sent.step.asked.yes", "sent.step.asked.no", "sent.step."+ledger.StepReleased, "sent.step.settled.left", "sent.step.settled.not_left")
	for _, r := range gate.Rules {
		has(t, "rule."+string(r))
	}
	for _, a := range []gate.Answer{gate.Yes, gate.No, gate.Unknown} {
		has(t, "sent.answer."+string(a))
	}
	for _, p := range []reminder.PartKind{
		reminder.PartText, reminder.PartSubject, reminder.PartSender, reminder.PartHTML, reminder.PartCalendar, reminder.PartHeader, reminder.PartFileName,
	} {
		has(t, "part."+string(p))
	}
	for _, p := range reminder.Purposes {
		has(t, "purpose."+string(p))
	}
}

// A letter's reason is a status with its own, or the gate's alone.
func TestLetterReason(t *testing.T) {
	for reason, want := range map[string][2]string{
		"denied: no_basis": {"denied", "no_basis"}, "held: cpr": {"held", "cpr"}, "expired": {"expired", ""}, "undelivered: 30: gone": {"undelivered", "30: gone"},
		"no_basis": {"denied", "no_basis"}, "unknown_unit": {"denied", "unknown_unit"}, "no notice possible": {"denied", "no notice possible"},
	} {
		if s, r := letterReason(reason); string(s) != want[0] || r != want[1] {
			t.Errorf("%q: %q, %q", reason, s, r)
		}
	}
}

// What a booking system names a thing is no formula in a spreadsheet.
func TestCells(t *testing.T) {
	row := cells([]string{"=1+1", "+45", "-1", "@x", "\tx", "A-1", "", "1=1"})
	if want := []string{"'=1+1", "'+45", "'-1", "'@x", "'\tx", "A-1", "", "1=1"}; !slices.Equal(row, want) {
		t.Errorf("%q", row)
	}
}
