package compose_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/husk-reminders/husk/pkg/compose"
	"github.com/husk-reminders/husk/pkg/reminder"
)

// A text must name a way to stop that works for the unit's sender.
func TestAWayToStopThatWorks(t *testing.T) {
	const (
		begin = "Husk din aftale {weekday} {date} {time} på {unit}. Afbud {phone}. "
		reply = "Stop sms: svar STOP"
		ravn  = "Stop sms: svar RAVN STOP"
		ring  = "Stop sms: ring {phone}"
		both  = "Stop sms: svar STOP eller ring {phone}"
	)
	for name, c := range map[string]struct {
		sender  string
		replies reminder.Replies
		keyword string
		text    string
		refused bool
		want    []string // of the reason; none = nothing is told
	}{
		"an answer to a number":                    {"+4570991099", reminder.NumberReplies, "", reply, false, nil},
		"an answer to letters":                     {"Hospital", reminder.NoReplies, "", reply, true, []string{"no working way to stop", "no answer to Hospital reaches us", "Stop sms: ring {phone}", "sender_id"}},
		"an answer, nothing declared":              {"Hospital", "", "", reply, true, []string{"no working way to stop"}},
		"an answer to a number that is silent":     {"1204", reminder.NoReplies, "", reply, true, []string{"no answer to 1204 reaches us"}},
		"a phone beside letters":                   {"Hospital", reminder.NoReplies, "", ring, false, nil},
		"a phone beside a number":                  {"+4570991099", reminder.NumberReplies, "", ring, false, nil},
		"both beside letters":                      {"Hospital", reminder.NoReplies, "", both, false, []string{"says to answer STOP", "no answer to Hospital", "Stop sms: ring {phone}"}},
		"both beside a number":                     {"+4570991099", reminder.NumberReplies, "", both, false, nil},
		"a shared number without its keyword":      {"1204", reminder.NumberReplies, "RAVN", reply, true, []string{"no working way to stop", "keyword RAVN", "Stop sms: svar RAVN STOP"}},
		"a shared number with its keyword":         {"1204", reminder.NumberReplies, "RAVN", ravn, false, nil},
		"a shared number with another's":           {"1204", reminder.NumberReplies, "FALK", ravn, true, []string{"keyword FALK"}},
		"a shared number, without it, and phone":   {"1204", reminder.NumberReplies, "RAVN", both, false, []string{"says to answer STOP", "keyword RAVN"}},
		"a keyword where the number is not shared": {"+4570991099", reminder.NumberReplies, "", ravn, false, nil},
	} {
		l := newLine(t)
		l.unit.SenderID.Text, l.unit.Replies, l.unit.Keyword = c.sender, c.replies, c.keyword
		l.use("da/reminder.sms.txt", begin+c.text)
		x, _ := l.templates.Find("reminder", reminder.SMS, "da")
		got := slices.DeleteFunc(l.composer().Check(x, reminder.Remind, l.pack(), l.unit), func(p compose.Problem) bool {
			return !strings.Contains(p.Reason, "stop") && !strings.Contains(p.Reason, "STOP")
		})
		if len(c.want) == 0 {
			if len(got) > 0 {
				t.Errorf("%s: %v", name, got)
			}
			continue
		}
		if len(got) != 1 || got[0].Refused != c.refused || got[0].Stands != c.refused || got[0].Unit != "rh-ortho" || got[0].Template != "da/reminder.sms" {
			t.Errorf("%s: %+v", name, got)
			continue
		}
		for _, w := range c.want {
			if !strings.Contains(got[0].Reason, w) {
				t.Errorf("%s: %q does not say %q", name, got[0].Reason, w)
			}
		}
	}
}

// A one-time code and an answer need no way to stop; an answer that names one must name one that works.
func TestWhatNeedsNoWayToStop(t *testing.T) {
	for name, c := range map[string]struct {
		set     string
		purpose reminder.Purpose
		text    string
		keyword string
		refused bool
	}{
		"a code":                            {"verify", reminder.Verify, "Kode {code}: dit nummer hos {unit}.", "", false},
		"an answer":                         {"reply-wrong-number", reminder.Reply, "Beklager.", "", false},
		"an answer that says STOP":          {"reply-started", reminder.Reply, "Stop sms: svar STOP", "", false},
		"to a shared number, without it":    {"reply-started", reminder.Reply, "Stop sms: svar STOP", "RAVN", true},
		"to a shared number, with it":       {"reply-started", reminder.Reply, "Stop sms: svar RAVN STOP", "RAVN", false},
		"an answer beside a shared number":  {"reply-wrong-number", reminder.Reply, "Beklager.", "RAVN", false},
		"a notice of a change needs one":    {"changed", reminder.Changed, "Din tid er flyttet til {date} {time} på {unit}. Afbud {phone}. Stop sms: svar STOP", "RAVN", true},
		"and one of a cancellation as well": {"cancelled", reminder.Cancel, "Din tid {was_date} {was_time} på {unit} er aflyst. Kontakt {phone}. Stop sms: svar STOP", "RAVN", true},
	} {
		l := newLine(t)
		l.unit.Keyword = c.keyword
		l.use("da/"+c.set+".sms.txt", c.text)
		x, _ := l.templates.Find(c.set, reminder.SMS, "da")
		got := slices.ContainsFunc(l.composer().Check(x, c.purpose, l.pack(), l.unit), func(p compose.Problem) bool { return p.Refused && p.Stands })
		if got != c.refused {
			t.Errorf("%s: refused %v", name, got)
		}
	}
}

// The digits of a unit's own number beside a text are explained, and no others are.
func TestASenderThatIsANumber(t *testing.T) {
	l := newLine(t)
	l.unit.SenderID.Text = "+4570991099"
	m, err := l.composer().Compose(t.Context(), l.permit())
	if err != nil || m.Sender != "+4570991099" {
		t.Fatalf("%v, from %q", err, m.Sender)
	}
}
