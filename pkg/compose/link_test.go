package compose_test

import (
	"strings"
	"testing"

	"github.com/husk-reminders/husk/pkg/reminder"
)

// A link leaves only where the policy pack allows links on the channel and the unit has one.
func TestLinkLeavesWherePackAndUnitAllowIt(t *testing.T) {
	const link = "https://h.example/tid"
	for name, c := range map[string]struct {
		pack, unit, want bool
	}{
		"both":     {true, true, true},
		"the unit": {false, true, false},
		"the pack": {true, false, false},
	} {
		l := newLine(t)
		if c.pack {
			l.law = strings.Replace(l.law, "verification:", "links: [sms]\nverification:", 1)
		}
		if c.unit {
			l.unit.Link = reminder.Fact{Text: link, Class: 1}
		}
		l.use("da/reminder.sms.txt", "{date} {time} {unit} {phone} STOP[ {link}]")
		m, err := l.compose()
		if err != nil || strings.HasSuffix(m.Text.Reveal(), " "+link) != c.want || strings.Contains(m.Text.Reveal(), "http") != c.want {
			t.Errorf("allowed by %s: %q, %v", name, m.Text.Reveal(), err)
		}
	}
}
