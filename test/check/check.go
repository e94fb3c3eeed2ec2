// Package check holds a demo's outbox against its scenario. It reads two things only, the scenario file and the message
// files of the outbox carrier, and shares no rule with the program: what had to be sent is written in the scenario.
//
// It confirms that each expected message is there once, within its time, on its channel, to its address, and tells the
// right time and place in the right language; that nothing else is there; and that no message shows a national id or
// another person's data, is too long, or went to somebody who may not be written to. It must never ask the program, its
// journal or its logs anything.
package check

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/husk-reminders/husk/pkg/reminder"
	"github.com/husk-reminders/husk/test/scenario"
)

// grace is how long after the end of the send window a message that was on its way may be dated.
const grace = 15 * time.Minute

// checker holds one run.
type checker struct {
	s        *scenario.Scenario
	units    map[string]scenario.Unit
	zones    map[string]*time.Location
	people   map[string][]int  // by address
	ids      []string          // digits of every person's national id
	numbers  map[string]string // digits of every address
	messages []*message
	report   Report
}

// Run checks the outbox folder against the scenario file. The error is about files that cannot be read; what is wrong with
// the messages is in the report.
func Run(scenarioPath, outboxDir string) (Report, error) {
	s, err := scenario.Read(scenarioPath)
	if err != nil {
		return Report{}, fmt.Errorf("check: %w", err)
	}
	ms, err := readOutbox(outboxDir)
	if err != nil {
		return Report{}, err
	}
	return run(s, ms)
}

func run(s *scenario.Scenario, ms []*message) (Report, error) {
	c := &checker{s: s, units: map[string]scenario.Unit{}, zones: map[string]*time.Location{}, people: map[string][]int{}, numbers: map[string]string{}, messages: ms}
	for _, u := range s.Units {
		z, err := time.LoadLocation(u.Zone)
		if err != nil {
			return Report{}, fmt.Errorf("check: zone of unit %s: want an IANA name", u.ID)
		}
		c.units[u.ID], c.zones[u.ID] = u, z
	}
	for i, p := range s.People {
		id := digits(p.ID)
		if len(id) == 12 {
			id = id[2:] // a Swedish number is mostly written without its century
		}
		c.ids = append(c.ids, id)
		for _, a := range p.Addresses {
			c.people[a.Address] = append(c.people[a.Address], i)
			c.numbers[a.Address] = digits(a.Address)
		}
	}
	slices.SortStableFunc(ms, func(a, b *message) int { return a.date.Compare(b.date) })
	c.report = Report{Messages: len(ms), Confirmed: map[reminder.Purpose]int{}}
	for _, e := range s.Expect {
		if e.Optional {
			c.report.Optional++
		} else {
			c.report.Expected++
		}
	}
	for _, m := range ms {
		c.content(m)
	}
	c.account(c.barred())
	c.replies()
	slices.SortStableFunc(c.report.Violations, func(a, b Violation) int { return cmp.Compare(a.Kind, b.Kind) })
	return c.report, nil
}

func (c *checker) fail(k Kind, where, what string, args ...any) {
	c.report.Violations = append(c.report.Violations, Violation{k, where, fmt.Sprintf(what, args...)})
}

// content checks what holds for each message alone, expected or not.
func (c *checker) content(m *message) {
	u, known := c.units[m.unit]
	if !known {
		c.fail(WrongPlace, m.file, "its unit is not in the scenario")
		return
	}
	for name, part := range m.parts() {
		c.nationalIDs(m, name, part)
	}
	c.others(m)
	if n := utf8.RuneCountInString(m.text); m.channel == reminder.SMS && u.SMSLimit > 0 && n > u.SMSLimit {
		c.fail(TooLong, m.file, "%d characters, at most %d are allowed", n, u.SMSLimit)
	}
	if m.purpose == reminder.Reply {
		return
	}
	local := m.date.In(c.zones[m.unit])
	if slices.Contains(u.Closed, local.Format(time.DateOnly)) || local.Format("15:04") < u.From || local.Add(-grace).Format("15:04") >= u.Until {
		c.fail(OutsideHours, m.file, "sent %s, %s sends %s-%s on open days", local.Format("Mon 2 Jan 15:04"), m.unit, u.From, u.Until)
	}
}

// nationalIDs looks for every person's number in a part, whatever stands between its digits.
func (c *checker) nationalIDs(m *message, name, part string) {
	ds := digits(part)
	for i, id := range c.ids {
		if strings.Contains(ds, id) {
			c.fail(IDInside, m.file, "its %s shows the national id of person %d", name, i)
		}
	}
}

// others looks for the other people on the bookings of whoever is behind the address, and for any number or mail address
// of another patient.
func (c *checker) others(m *message) {
	text := strings.ToLower(m.shown())
	ds := digits(text)
	var own []string
	for _, i := range c.people[m.to] {
		own = append(own, strings.ToLower(c.s.People[i].GivenName))
	}
	contact := func(value, d, what string) {
		switch {
		case strings.Contains(value, "@"):
			if strings.Contains(text, strings.ToLower(value)) {
				c.fail(OthersInside, m.file, "shows the mail address of %s", what)
			}
		case len(d) >= 8 && strings.Contains(ds, d[len(d)-8:]):
			c.fail(OthersInside, m.file, "shows the number of %s", what)
		}
	}
	for _, i := range c.people[m.to] {
		for _, o := range c.s.People[i].Others {
			for _, name := range o.Names {
				for word := range strings.FieldsSeq(name) {
					if len(word) > 2 && !slices.Contains(own, strings.ToLower(word)) && says(text, word) {
						c.fail(OthersInside, m.file, "shows the name of a %s", o.Role)
					}
				}
			}
			for _, v := range slices.Concat(o.Phones, o.Mails) {
				contact(v, digits(v), "a "+string(o.Role))
			}
		}
	}
	for a := range c.people {
		if a != m.to {
			contact(a, c.numbers[a], "a patient")
		}
	}
}

// barred finds the messages that went where nothing may go, and returns them.
func (c *checker) barred() map[*message]bool {
	bad := map[*message]bool{}
	for _, m := range c.messages {
		if m.purpose == reminder.Reply {
			continue
		}
		for _, n := range c.s.Never {
			if (n.Address != "" && n.Address != m.to) || (n.Unit != "" && n.Unit != m.unit) || (n.Address == "" && n.Unit == "") ||
				(!n.From.IsZero() && !m.date.After(n.From)) || (!n.Until.IsZero() && !m.date.Before(n.Until)) {
				continue
			}
			kind := Denied
			switch n.Why {
			case "barred":
				kind = AfterStop
			case "kill_switch":
				kind = Stopped
			}
			c.fail(kind, m.file, "%s: %s", n.Why, c.who(n.Person, m.unit))
			bad[m] = true
			break
		}
		if len(c.people[m.to]) == 0 {
			c.fail(Denied, m.file, "nobody in the scenario has this address")
			bad[m] = true
		}
	}
	return bad
}

func (c *checker) who(person int, unit string) string {
	if person < 0 || person >= len(c.s.People) {
		return "unit " + unit
	}
	return fmt.Sprintf("person %d, %s", person, c.s.People[person].Case)
}

// replies allows an address that wrote one fixed reply to each thing it wrote, within a day, and none twice a day.
func (c *checker) replies() {
	const aDay = 24 * time.Hour
	last := map[string]time.Time{}       // by address and text
	answered := map[string][]time.Time{} // by address
	for _, m := range c.messages {
		if m.purpose != reminder.Reply {
			continue
		}
		recent := func(at time.Time) bool { return !m.date.Before(at) && m.date.Sub(at) < aDay }
		wrote, had := 0, 0
		for _, s := range c.s.Steps {
			if s.Kind == scenario.Reply && s.From == m.to && recent(s.At) {
				wrote++
			}
		}
		for _, at := range answered[m.to] {
			if recent(at) {
				had++
			}
		}
		same := m.to + "\n" + m.text
		switch at, ok := last[same]; {
		case wrote <= had:
			c.fail(BadReply, m.file, "nobody wrote from there on the day before, or it was answered")
		case ok && recent(at):
			c.fail(BadReply, m.file, "the same twice on one day")
		default:
			c.report.Confirmed[reminder.Reply]++
		}
		last[same] = m.date
		answered[m.to] = append(answered[m.to], m.date)
	}
}
