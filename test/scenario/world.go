package scenario

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"github.com/husk-reminders/husk/pkg/reminder"
)

// ErrUnits is returned by Build when the unit directory can't carry the demo.
var ErrUnits = errors.New("scenario: unit directory")

// The demo runs from a Wednesday morning over the change to summer time on 29 March 2026 and over Easter, until messages
// leave again on the third day after it.
const (
	seed  = 20260318
	first = "2026-03-18T06:00:00"
	final = "2026-04-08T20:00:00"
	place = "Europe/Copenhagen"
)

// hospital is a hospital with its units.
type hospital struct {
	name     string
	country  reminder.Country
	language string
	units    []clinic
}

// world is what the cases share while they are laid.
type world struct {
	begin, end time.Time
	rng        *rand.Rand
	count      counters
	ids        map[string]bool // national ids in use
	taken      map[string]bool // numbers of clinics
	hospitals  []hospital
	slip       hospital // the one with the slip; no units = none
}

type counters struct {
	person, mail, visit int
	phone               map[reminder.Country]int
}

// story is one case being laid: it enters the scenario as a whole or not at all.
type story struct {
	w      *world
	h      hospital
	people []*patient
	visits []*visit
	steps  []played
	never  []Never
	isOpen bool
}

// played is a step and who plays it.
type played struct {
	Step
	who *patient
}

func (st *story) open() { st.isOpen = true }

func (st *story) step(s Step, who *patient) { st.steps = append(st.steps, played{s, who}) }

// replies lets the person write text from the first address.
func (st *story) replies(p *patient, at time.Time, text string) {
	a := p.Addresses[0]
	st.step(Step{At: at, Kind: Reply, From: a.Address, Channel: a.Channel, Text: text, Label: fmt.Sprintf("%s answers %q", p.GivenName, text)}, p)
}

// entersConsent lets a clerk enter c at its Recorded time.
func (st *story) entersConsent(p *patient, c Consent, label string) {
	st.step(Step{At: c.Recorded, Kind: SetConsent, Consent: &c, Label: p.GivenName + " " + label}, p)
}

// entersAddress lets a clerk enter what is now known of an address.
func (st *story) entersAddress(p *patient, at time.Time, a Address, label string) {
	st.step(Step{At: at, Kind: SetAddress, Address: &a, Label: label}, p)
}

// office is a random time at which a clinic works, from the start of day a of the demo up to the end of day b.
func (st *story) office(u clinic, a, b int) time.Time {
	for range 100 {
		t := u.clock(st.w.begin.AddDate(0, 0, a+st.w.rng.IntN(b-a+1)), 0)
		if !u.works(t) {
			continue
		}
		return u.clock(t, time.Duration(8*60+5+st.w.rng.IntN(7*60))*time.Minute)
	}
	st.open()
	return u.clock(st.w.begin, 10*time.Hour)
}

// slot is a random start at the unit from a to b days after t, on a quarter of an hour in working time.
func (st *story) slot(u clinic, t time.Time, a, b int) time.Time {
	for range 100 {
		d := u.clock(t.In(u.zone).AddDate(0, 0, a+st.w.rng.IntN(b-a+1)), 0)
		if u.works(d) {
			return u.clock(d, 8*time.Hour+time.Duration(st.w.rng.IntN(31))*15*time.Minute)
		}
	}
	st.open()
	return u.clock(t, 10*time.Hour)
}

// between is a time of day at which the last reminder of a start is still to come, and the one before it has been sent.
func (st *story) between(u clinic, start time.Time) time.Time {
	ds, ok := u.dues(start)
	if !ok || len(ds) < 2 || !ds[len(ds)-2].until.Before(ds[len(ds)-1].from) {
		st.open()
		return start
	}
	a, b := ds[len(ds)-2].until, ds[len(ds)-1].from
	t := u.clock(a.Add(b.Sub(a)/2), time.Duration(9*60+st.w.rng.IntN(9*60))*time.Minute)
	if t.Before(a.Add(margin)) || t.After(b.Add(-margin)) {
		st.open()
	}
	return t
}

// before is eleven o'clock on the day that is d before t.
func before(u clinic, t time.Time, d time.Duration) time.Time {
	return u.clock(t.Add(-d), 11*time.Hour)
}

// unit is a random unit of the hospital whose name may be shown on an open channel.
func (st *story) unit() clinic {
	var us []clinic
	for _, u := range st.h.units {
		if !specialty(u) {
			us = append(us, u)
		}
	}
	return us[st.w.rng.IntN(len(us))]
}

// smsUnit is a random unit of the hospital that prefers text messages.
func (st *story) smsUnit() clinic {
	for {
		if u := st.unit(); u.Channels[0] == reminder.SMS {
			return u
		}
	}
}

// ceiling is the content class an open channel may show: the Danish regions' scale, above it a text names a specialty.
const ceiling reminder.Class = 1.5

func specialty(u clinic) bool {
	for _, n := range u.Names {
		if n.Class > ceiling {
			return true
		}
	}
	return false
}

// join adds a person to the story.
func (st *story) join(p *patient, name string) *patient {
	p.Case = name
	st.people = append(st.people, p)
	return p
}

func newWorld(units []reminder.Unit) (*world, error) {
	zone, err := time.LoadLocation(place)
	if err != nil {
		return nil, fmt.Errorf("scenario: zone data: %w", err)
	}
	w := &world{rng: rand.New(rand.NewPCG(seed, seed)), ids: map[string]bool{}, taken: map[string]bool{}}
	w.count.phone = map[reminder.Country]int{}
	if w.begin, err = time.ParseInLocation(localTime, first, zone); err != nil {
		return nil, fmt.Errorf("scenario: begin: %w", err)
	}
	if w.end, err = time.ParseInLocation(localTime, final, zone); err != nil {
		return nil, fmt.Errorf("scenario: end: %w", err)
	}
	units = slices.Clone(units)
	slices.SortFunc(units, func(a, b reminder.Unit) int { return strings.Compare(a.ID, b.ID) })
	for _, u := range units {
		if err := w.add(u); err != nil {
			return nil, err
		}
	}
	slices.SortFunc(w.hospitals, func(a, b hospital) int { return strings.Compare(a.name, b.name) })
	if i := slices.IndexFunc(w.hospitals, func(h hospital) bool { return h.name == slipHospital }); i >= 0 {
		w.slip = w.hospitals[i]
		w.hospitals = slices.Delete(w.hospitals, i, i+1)
	}
	for _, c := range []reminder.Country{"DK", "NO", "SE"} {
		if !slices.ContainsFunc(w.hospitals, func(h hospital) bool { return h.country == c }) {
			return nil, fmt.Errorf("%w: no hospital in %s", ErrUnits, c)
		}
	}
	return w, nil
}

func (w *world) add(u reminder.Unit) error {
	if len(given[u.Country]) == 0 {
		return fmt.Errorf("%w: unit %s: country %q: want DK, NO or SE", ErrUnits, u.ID, u.Country)
	}
	z, err := time.LoadLocation(u.Zone)
	if err != nil {
		return fmt.Errorf("%w: unit %s: zone: want an IANA name", ErrUnits, u.ID)
	}
	if len(u.Rules[""]) == 0 || u.Window.From >= u.Window.Until {
		return fmt.Errorf("%w: unit %s: want default rules and a window", ErrUnits, u.ID)
	}
	u.Rules = map[string][]reminder.Rule{"": slices.SortedFunc(slices.Values(u.Rules[""]), func(a, b reminder.Rule) int {
		return int(b.Before - a.Before)
	})}
	c := clinic{Unit: u, zone: z}
	w.taken[national(u)], w.taken[u.SenderNumber()] = true, true
	i := slices.IndexFunc(w.hospitals, func(h hospital) bool { return h.name == u.Hospital })
	if i < 0 {
		i = len(w.hospitals)
		w.hospitals = append(w.hospitals, hospital{name: u.Hospital, country: u.Country, language: u.Language})
	}
	w.hospitals[i].units = append(w.hospitals[i].units, c)
	return nil
}

// national is the unit's phone as E.164.
func national(u reminder.Unit) string {
	digits := strings.Map(func(r rune) rune {
		if r < '0' || r > '9' {
			return -1
		}
		return r
	}, u.Phone.Text)
	return map[reminder.Country]string{"DK": "+45", "NO": "+47", "SE": "+46"}[u.Country] + strings.TrimPrefix(digits, "0")
}
