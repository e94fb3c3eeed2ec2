package command

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/husk-reminders/husk/pkg/app"
	"github.com/husk-reminders/husk/pkg/ledger"
	"github.com/husk-reminders/husk/pkg/receipt"
	"github.com/husk-reminders/husk/pkg/reminder"
	"github.com/husk-reminders/husk/pkg/state"
	"github.com/husk-reminders/husk/test/scenario"
)

// show tells a person what happens: each step of the story, and each thing that Husk does about it.
type show struct {
	out    io.Writer
	color  bool
	quiet  bool
	story  *scenario.Scenario
	zone   *time.Location
	mu     sync.Mutex
	day    string
	who    map[reminder.PersonKey]string
	claims map[string]receipt.Intent
	what   map[reminder.ID]reminder.Purpose
	counts map[string]int
	wrote  map[string]string // who wrote last from an address
}

func newShow(o demoOptions, s *scenario.Scenario) *show {
	return &show{
		out: o.out, color: o.color, quiet: o.quiet, story: s, zone: s.Begin.Location(), who: map[reminder.PersonKey]string{},
		claims: map[string]receipt.Intent{}, what: map[reminder.ID]reminder.Purpose{}, counts: map[string]int{}, wrote: map[string]string{},
	}
}

// names lets the invented patients' given names stand for their keys.
func (s *show) names(p reminder.Pseudonyms) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, x := range s.story.People {
		s.who[p.Person(reminder.NewNationalID(x.Country, x.ID))] = fmt.Sprintf("%s (%s)", cmp.Or(x.GivenName, "somebody"), x.Case)
	}
}

const (
	dim    = "2"
	red    = "31"
	green  = "32"
	yellow = "33"
	blue   = "34"
	violet = "35"
)

// line prints one line under the heading of its day.
func (s *show) line(at time.Time, color, verb, text string) {
	s.counts[verb]++
	if s.quiet {
		return
	}
	at = at.In(s.zone)
	if day := at.Format("Monday 2 January 2006"); day != s.day {
		s.day = day
		_, _ = fmt.Fprintf(s.out, "\n%s\n", s.paint("1", day))
	}
	_, _ = fmt.Fprintf(s.out, "%s  %s %s\n", at.Format("15:04"), s.paint(color, fmt.Sprintf("%-12s", verb)), text)
}

func (s *show) paint(code, text string) string {
	if !s.color {
		return text
	}
	return "\x1b[" + code + "m" + text + "\x1b[0m"
}

// step shows what the world does.
func (s *show) step(x scenario.Step) {
	s.mu.Lock()
	defer s.mu.Unlock()
	verb := map[scenario.StepKind]string{
		scenario.Event: "event", scenario.SetConsent: "consent", scenario.SetAddress: "number", scenario.Reply: "reply", scenario.Switch: "switch",
	}[x.Kind]
	if x.Kind == scenario.Reply {
		s.wrote[x.From] = cmp.Or(s.story.People[x.Person].GivenName, "who wrote")
	}
	s.line(x.At, dim, verb, x.Label)
}

// answer shows what somebody who wrote is told.
func (s *show) answer(at time.Time, to, text string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	text, _, _ = strings.Cut(text, "\n")
	s.line(at, green, "answer", s.wrote[to]+" is told: "+text)
}

// observe shows what Husk journals and folds.
func (s *show) observe(c state.Change) {
	s.mu.Lock()
	defer s.mu.Unlock()
	who := s.who[c.Person]
	switch b := c.Body.(type) {
	case state.Planned:
		for _, w := range b.Plan.Reminders {
			s.what[w.ID] = w.Purpose
		}
		if b.Plan.Status == "cancelled" {
			s.line(c.At, violet, "cancelled", who+": nothing of it is pending any more")
		} else if len(b.Plan.Reminders) > 0 {
			at := make([]string, len(b.Plan.Reminders))
			for i, w := range b.Plan.Reminders {
				at[i] = w.Due.In(s.zone).Format("Mon 2 Jan 15:04")
			}
			s.line(c.At, blue, "planned", who+": "+strings.Join(at, ", "))
		}
	case receipt.Intent:
		s.claims[b.Claim] = b
	case receipt.Outcome:
		i := s.claims[b.Claim]
		purpose := cmp.Or(s.what[b.Reminder], "notice")
		text := fmt.Sprintf("%s: %s by %s, %s", who, purpose, i.Channel, i.Template)
		color := green
		if b.Status != receipt.Accepted {
			color = yellow
			text += " " + b.Code
		}
		s.line(c.At, color, string(b.Status), text)
	case receipt.Verdict:
		text := who + ": " + cmp.Or(b.Decision.Reason, "its time has passed")
		if len(b.Findings) > 0 {
			f := b.Findings[0]
			text += fmt.Sprintf(" at byte %d of the %s, in {%s}", f.Offset, f.Part, f.Fact)
		}
		s.line(c.At, red, string(b.Status), text)
	case state.Bar:
		if b.Lifted {
			s.line(c.At, green, "START", "the address may be written to again")
		} else {
			s.line(c.At, red, "STOP", "final: nothing goes to that address any more")
		}
	}
}

// summary shows the counts at the end.
func (s *show) summary(ctx context.Context, a *app.App) error {
	st, err := a.Ledger.Status(ctx)
	if err != nil {
		return err
	}
	all, err := a.Ledger.Reminders(ctx, ledger.Filter{})
	if err != nil {
		return err
	}
	dead, err := a.Ledger.DeadLetters(ctx)
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	why := map[string]int{}
	for _, r := range all {
		if r.Status == receipt.Denied || r.Status == receipt.Held || r.Status == receipt.Expired {
			why[string(r.Status)+": "+cmp.Or(r.Reason, "too late")]++
		}
	}
	w := s.out
	_, _ = fmt.Fprintf(w, "\n%s\n", s.paint("1", "Summary"))
	_, _ = fmt.Fprintf(w, "  %d booking events, %d replies, %d answers, %d STOP, %d dead letters\n",
		s.counts["event"], s.counts["reply"], s.counts["answer"], s.counts["STOP"], len(dead))
	for _, x := range receipt.Statuses {
		if n := st.Counts[x]; n > 0 {
			_, _ = fmt.Fprintf(w, "  %-12s %4d\n", x, n)
		}
	}
	_, _ = fmt.Fprintln(w, "  Not sent, and why:")
	keys := make([]string, 0, len(why))
	for k := range why {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	for _, k := range keys {
		_, _ = fmt.Fprintf(w, "    %-30s %4d\n", k, why[k])
	}
	return nil
}
