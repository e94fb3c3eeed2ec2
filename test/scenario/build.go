package scenario

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/husk-reminders/husk/pkg/reminder"
)

// stopGrace is how long after a STOP or a kill switch a message may still be under way.
const stopGrace = time.Minute

// tries is how often a case is laid with other times before Build gives up.
const tries = 4000

// smsLimit is how many characters a text message may have: 140 in Denmark (Datatilsynet's guidance), no rule elsewhere.
var smsLimit = map[reminder.Country]int{"DK": 140}

// Build makes the scenario for a unit directory with at least one hospital in Denmark, Norway and Sweden each. It fails
// with ErrUnits, or when the directory's rules leave no time at which a case has a certain outcome; the error names it.
func Build(units []reminder.Unit) (*Scenario, error) {
	w, err := newWorld(units)
	if err != nil {
		return nil, err
	}
	s := &Scenario{Begin: w.begin, End: w.end, Seed: seed}
	for _, h := range slices.Concat(w.hospitals, []hospital{w.slip}) {
		for _, u := range h.units {
			s.Units = append(s.Units, w.describe(u))
		}
	}
	if err := w.checkNames(); err != nil {
		return nil, err
	}
	for i, p := range slices.Concat(bookings, states, changes) {
		for j, h := range w.hospitals {
			switch {
			case p.in == "", p.in == anyone && i%len(w.hospitals) == j, strings.Contains(p.in, string(h.country)):
			default:
				continue
			}
			for range p.each {
				st, err := w.lay(h, p)
				if err != nil {
					return nil, err
				}
				s.enter(st)
			}
		}
	}
	if len(w.slip.units) > 0 {
		st, err := w.lay(w.slip, slipped)
		if err != nil {
			return nil, err
		}
		s.enter(st)
	}
	if err := s.stopUnit(w); err != nil {
		return nil, err
	}
	slices.SortStableFunc(s.Steps, func(a, b Step) int { return a.At.Compare(b.At) })
	slices.SortStableFunc(s.Expect, func(a, b Expect) int { return a.NotBefore.Compare(b.NotBefore) })
	return s, s.check()
}

// lay lays one case, again and again with other times, until its outcome is certain.
func (w *world) lay(h hospital, p play) (*story, error) {
	saved, phones := w.count, maps.Clone(w.count.phone)
	for range tries {
		st := &story{w: w, h: h}
		p.lay(st, p.name)
		if !st.isOpen && !st.past() {
			for _, who := range st.people {
				w.ids[who.ID] = true
			}
			return st, nil
		}
		w.count = saved
		w.count.phone = maps.Clone(phones)
	}
	return nil, fmt.Errorf("%w: hospital %s: no certain times for %q", ErrUnits, h.name, p.name)
}

// past reports whether a step lies outside the demo.
func (st *story) past() bool {
	return slices.ContainsFunc(st.steps, func(s played) bool { return s.At.Before(st.w.begin) || !s.At.Before(st.w.end) })
}

// enter adds a laid case. Whoever hears nothing, or no more, is entered among the nevers.
func (s *Scenario) enter(st *story) {
	index := map[*patient]int{}
	for _, p := range st.people {
		index[p] = len(s.People)
		s.People = append(s.People, p.Person)
	}
	for _, t := range st.steps {
		t.Person = -1
		if i, ok := index[t.who]; ok {
			t.Person = i
		}
		s.Steps = append(s.Steps, t.Step)
	}
	heard := map[string]bool{}
	for _, v := range st.visits {
		for _, e := range v.pending {
			e.Person = index[v.who]
			heard[e.Address] = true
			s.Expect = append(s.Expect, e)
		}
	}
	for _, n := range st.never {
		n.Person = -1
		s.Never = append(s.Never, n)
	}
	for _, p := range st.people {
		for _, a := range p.Addresses {
			if n := (Never{Address: a.Address, Person: index[p], Why: p.why}); p.silentAt(&n, heard[a.Address]) {
				s.Never = append(s.Never, n)
			}
		}
	}
}

// silentAt sets when an address of p must stay silent, and reports whether it must at all.
func (p *patient) silentAt(n *Never, heard bool) bool {
	if !heard {
		if n.Why == "" {
			n.Why = "nothing_due"
		}
		return true
	}
	for _, r := range p.reach {
		if r.address == n.Address && !r.until.IsZero() {
			n.From = r.until.Add(stopGrace)
			return true
		}
		if r.address == n.Address && !r.from.IsZero() {
			n.Until = r.from
			return true
		}
	}
	return false
}

func (w *world) describe(u clinic) Unit {
	d := Unit{
		ID: u.ID, Hospital: u.Hospital, Country: u.Country, Zone: u.Zone, SMSLimit: smsLimit[u.Country],
		From: hhmm(u.Window.From), Until: hhmm(u.Window.Until), Closed: []string{},
	}
	for t := u.clock(w.begin, 12*time.Hour); t.Before(w.end.Add(day)); t = t.AddDate(0, 0, 1) {
		if !u.sends(t) {
			d.Closed = append(d.Closed, t.Format(time.DateOnly))
		}
	}
	return d
}

func hhmm(d time.Duration) string {
	return fmt.Sprintf("%02d:%02d", int(d.Hours()), int(d.Minutes())%60)
}

// checkNames makes sure that no name among the others is a word of the unit directory, so that none is held by chance.
func (w *world) checkNames() error {
	for _, h := range w.hospitals {
		for _, u := range h.units {
			text := strings.ToLower(u.Address.Text + " " + u.Entrance.Text)
			for _, n := range u.Names {
				text += " " + strings.ToLower(n.Text)
			}
			for _, names := range otherNames {
				for _, word := range strings.Fields(strings.Join(names, " ")) {
					if strings.Contains(text, strings.ToLower(word)) {
						return fmt.Errorf("%w: unit %s: shows %q, a name the demo gives to a relative", ErrUnits, u.ID, word)
					}
				}
			}
		}
	}
	return nil
}

// elsewhere is a number of somebody who is no patient here.
func (w *world) elsewhere(c reminder.Country) string {
	return map[reminder.Country]string{"DK": "+4521", "SE": "+4673", "NO": "+4790"}[c] + fmt.Sprintf("%06d", 100000+w.rng.IntN(899999))
}

// stopUnit stops one unit for some hours of a working day on which its reminders are due, and lets it go on. Nothing is
// lost by it: what was due leaves afterwards.
func (s *Scenario) stopUnit(w *world) error {
	const from, until = 9 * time.Hour, 15 * time.Hour
	best, bestUnit, bestFrom := 0, clinic{}, time.Time{}
	for _, h := range w.hospitals {
		for _, u := range h.units {
			for d := w.begin.Add(day); d.Before(w.end.Add(-day)); d = d.Add(day) {
				a, b := u.clock(d, from), u.clock(d, until)
				if !u.works(d) || !u.sends(d) {
					continue
				}
				if n := s.touched(u, a, b); n > best {
					best, bestUnit, bestFrom = n, u, a
				}
			}
		}
	}
	if best == 0 {
		return fmt.Errorf("%w: no working day on which a unit could be stopped", ErrUnits)
	}
	resume := bestUnit.clock(bestFrom, until)
	s.Steps = append(s.Steps,
		Step{At: bestFrom, Kind: Switch, Person: -1, Unit: bestUnit.ID, Text: "stop", Label: "a clerk stops everything from " + bestUnit.ID},
		Step{At: resume, Kind: Switch, Person: -1, Unit: bestUnit.ID, Text: "resume", Label: bestUnit.ID + " may send again"})
	s.Never = append(s.Never, Never{Unit: bestUnit.ID, Person: -1, Why: "kill_switch", From: bestFrom.Add(stopGrace), Until: resume})
	return nil
}

// touched counts the messages of a unit whose window's middle lies in a stop from a to b; 0 when one could come too late.
func (s *Scenario) touched(u clinic, a, b time.Time) int {
	n := 0
	for _, e := range s.Expect {
		if e.Unit != u.ID || e.NotAfter.Before(a) || e.NotBefore.After(b) {
			continue
		}
		if e.NotAfter.Before(b.Add(overhead)) {
			return 0
		}
		if middle := e.NotBefore.Add(e.NotAfter.Sub(e.NotBefore) / 2); middle.After(a) && middle.Before(b) {
			n++
		}
	}
	return n
}

// check holds the labels against each other: no expectation may meet a never, and no two may be alike.
func (s *Scenario) check() error {
	for i, e := range s.Expect {
		if !e.NotBefore.Before(e.NotAfter) {
			return fmt.Errorf("scenario: expect[%d] (%s): empty window", i, e.Why)
		}
		for _, n := range s.Never {
			if n.Address == e.Address && (n.From.IsZero() || n.From.Before(e.NotAfter)) && (n.Until.IsZero() || n.Until.After(e.NotBefore)) {
				return fmt.Errorf("scenario: expect[%d] (%s): its address must be silent then (%s)", i, e.Why, n.Why)
			}
		}
		for _, o := range s.Expect[:i] {
			if o.Appointment != e.Appointment && o.Address == e.Address && o.Unit == e.Unit && o.Start.Equal(e.Start) {
				return fmt.Errorf("scenario: expect[%d] (%s): cannot be told from another", i, e.Why)
			}
		}
	}
	return nil
}
