package check

import (
	"strings"

	"golang.org/x/text/unicode/norm"

	"github.com/husk-reminders/husk/pkg/reminder"
	"github.com/husk-reminders/husk/test/scenario"
)

// account pairs messages and expectations one to one and names what is left over on either side.
func (c *checker) account(barred map[*message]bool) {
	taken := map[*message]*scenario.Expect{}
	paired := map[*scenario.Expect]*message{}
	var open []*scenario.Expect
	for i := range c.s.Expect {
		open = append(open, &c.s.Expect[i])
	}
	// Two reminders of one appointment may have windows that meet, so a first fit is not enough: augment.
	for _, e := range open {
		c.augment(e, taken, paired, map[*message]bool{})
	}
	for _, e := range open {
		if m := paired[e]; m != nil {
			c.confirm(m, e)
		}
	}
	// What did not fit may still be meant for something: told in the wrong way or at the wrong time.
	for _, m := range c.messages {
		if taken[m] != nil || barred[m] || m.purpose == reminder.Reply {
			continue
		}
		for _, e := range open {
			if paired[e] == nil && c.meant(m, e) {
				taken[m], paired[e] = e, m
				break
			}
		}
		if taken[m] != nil {
			continue
		}
		if e := c.again(m, paired); e != nil {
			c.fail(Doubled, m.file, "tells again what %s told: %s, %s", paired[e].file, e.Appointment, e.Why)
			continue
		}
		c.fail(Unexpected, m.file, "a %s by %s from %s that nothing asked for", m.purpose, m.channel, m.unit)
	}
	for _, e := range open {
		if paired[e] == nil && !e.Optional {
			c.fail(Missing, e.Appointment, "%s by %s to person %d of %s between %s and %s (%s)", e.Purpose, e.Channel, e.Person, e.Start.Format("2 Jan 15:04"),
				e.NotBefore.Format("2 Jan 15:04"), e.NotAfter.Format("2 Jan 15:04"), e.Why)
		}
	}
}

// augment finds a message for e, moving others to another of theirs where that makes room (Kuhn's algorithm).
func (c *checker) augment(e *scenario.Expect, taken map[*message]*scenario.Expect, paired map[*scenario.Expect]*message, seen map[*message]bool) bool {
	for _, m := range c.messages {
		if seen[m] || !c.fits(m, e) {
			continue
		}
		seen[m] = true
		if taken[m] == nil || c.augment(taken[m], taken, paired, seen) {
			taken[m], paired[e] = e, m
			return true
		}
	}
	return false
}

func addressed(m *message, e *scenario.Expect) bool {
	return m.to == e.Address && m.channel == e.Channel && m.unit == e.Unit
}

func within(m *message, e *scenario.Expect) bool {
	return !m.date.Before(e.NotBefore) && !m.date.After(e.NotAfter)
}

func (c *checker) fits(m *message, e *scenario.Expect) bool {
	return addressed(m, e) && m.purpose == e.Purpose && within(m, e) && toldIn(m.shown(), e.Start)
}

// confirm checks the rest of a message that is the expected one.
func (c *checker) confirm(m *message, e *scenario.Expect) {
	good := true
	if m.language != e.Language || !inLanguage(m.shown(), e.Language) || !tells(m.shown(), e.Language, e.Start) {
		c.fail(WrongWords, m.file, "%s: want %q", e.Why, e.Language)
		good = false
	}
	for _, s := range e.Shows {
		if !strings.Contains(norm.NFC.String(m.shown()), norm.NFC.String(s)) {
			c.fail(WrongPlace, m.file, "%s: want %q", e.Why, s)
			good = false
		}
	}
	if good {
		c.report.Confirmed[e.Purpose]++
	}
}

// meant pairs a message that is wrong in one point with the expectation it was surely made for, and names the point.
func (c *checker) meant(m *message, e *scenario.Expect) bool {
	if !addressed(m, e) || m.purpose != e.Purpose {
		return false
	}
	switch {
	case within(m, e):
		c.fail(WrongTime, m.file, "%s: want %s", e.Why, e.Start.Format("Monday 2 January 15:04"))
	case toldIn(m.shown(), e.Start):
		c.fail(WrongWindow, m.file, "%s: sent %s, want between %s and %s", e.Why, m.date.In(e.Start.Location()).Format("2 Jan 15:04"),
			e.NotBefore.Format("2 Jan 15:04"), e.NotAfter.Format("2 Jan 15:04"))
	default:
		return false
	}
	return true
}

// again finds a confirmed expectation that the message tells once more.
func (c *checker) again(m *message, paired map[*scenario.Expect]*message) *scenario.Expect {
	for i := range c.s.Expect {
		e := &c.s.Expect[i]
		if paired[e] != nil && m.to == e.Address && m.unit == e.Unit && m.purpose == e.Purpose && toldIn(m.shown(), e.Start) {
			return e
		}
	}
	return nil
}
