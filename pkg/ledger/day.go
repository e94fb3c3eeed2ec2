package ledger

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"go.uber.org/zap"

	"github.com/husk-reminders/husk/pkg/journal"
	"github.com/husk-reminders/husk/pkg/receipt"
	"github.com/husk-reminders/husk/pkg/reminder"
	"github.com/husk-reminders/husk/pkg/state"
)

// Figures are counts of one unit's reminders on one day. A reminder is of the day on which it is due; a denial, an expiry or a cancellation
// of the day on which it was. None of them tells of anybody.
type Figures struct {
	Hours       [25]Hour       `json:"hours"` // from the day's beginning; the day has 23 to 25 of them
	Due         int            `json:"due"`   // all that was or is due today
	Waiting     int            `json:"waiting"`
	Late        int            `json:"late"`            // of Waiting: due and not handed over yet
	Oldest      time.Time      `json:"oldest,omitzero"` // since when the oldest of them is due, also of an earlier day
	HandedOver  int            `json:"handedOver"`      // whatever the carrier said since
	Delivered   int            `json:"delivered"`
	Undelivered int            `json:"undelivered"`
	Unknown     int            `json:"unknown"`
	Rejected    int            `json:"rejected"`
	Held        int            `json:"held"`
	Expired     int            `json:"expired"`
	Cancelled   int            `json:"cancelled"`
	Letters     int            `json:"letters"` // that must be written, or calls to be made, of whatever day
	Denied      map[string]int `json:"denied"`  // by reason
	Shares      map[string]int `json:"shares"`  // of Due, by purpose and channel: "reminder sms"
}

// Hour is one hour of the day.
type Hour struct {
	Due        int `json:"due"`
	HandedOver int `json:"handedOver"`
}

// Route is how the hand-overs by one route have gone in the last day. Nobody was asked for it.
type Route struct {
	Attempts map[receipt.Status]int `json:"attempts"`
	Last     time.Time              `json:"last,omitzero"`    // when an attempt was last settled
	Status   receipt.Status         `json:"status,omitempty"` // what it came to
	Code     string                 `json:"code,omitempty"`
}

// Day is how the day goes, of every unit, as of At.
type Day struct {
	At     time.Time
	Units  map[string]*Figures // "" = of no unit that can be told
	Routes map[string]*Route
}

// How long the figures of a day are good for: dayFresh, or dayShare times as long as they took to count where that is longer, at most
// dayStale. So counting takes no more than a tenth of one core, however many look and however many reminders there are.
//
// Of 50,000 persons with 100,000 reminders in memory, half of them due today, counting takes some forty times as long as going through
// everybody does: in the order of a second. The first time, when all of their appointments are unsealed, it takes three to five times as
// long as later (BenchmarkDay). In Redis going through as many takes about as long again as two or three countings (state/redis
// BenchmarkEach), most of which is waiting.
const (
	dayFresh = 5 * time.Second
	dayShare = 10
	dayStale = time.Minute
)

// dayWait is how long one counting may take.
const dayWait = 2 * time.Minute

// days keeps what was counted last, and who counts.
type days struct {
	mu    sync.Mutex
	now   Day
	until time.Time     // by the clock that only goes on
	busy  chan struct{} // closed when the counting that goes on ends; nil = none does
	err   error         // of the last counting
	units map[reminder.AppointmentKey]unitOf
}

// unitOf is whose an appointment is and when it begins, by the plan that said so.
type unitOf struct {
	seq   uint64
	unit  string
	start time.Time
}

// Day counts how the day goes. bounds says when the day of a unit began and ends, which "" has too. All who ask meanwhile get what was
// counted last; of those who come when it is too old one counts and the others wait. Counting looks at every person once, and unseals
// the appointments of what is due or was moved within a day and a half, and of letters, each once.
func (l *Ledger) Day(ctx context.Context, bounds func(unit string) (from, until time.Time)) (Day, error) {
	d := &l.days
	for {
		d.mu.Lock()
		if time.Now().Before(d.until) { //nolint:forbidigo // how fresh the figures are goes by the clock that only goes on
			defer d.mu.Unlock()
			return d.now, nil
		}
		busy := d.busy
		if busy == nil {
			busy = make(chan struct{})
			d.busy, d.err = busy, nil
			go l.countDay(context.WithoutCancel(ctx), bounds)
		}
		d.mu.Unlock()
		select {
		case <-busy:
		case <-ctx.Done():
			return Day{}, fmt.Errorf("%w: %w", ErrBusy, ctx.Err())
		}
		d.mu.Lock()
		err := d.err
		d.mu.Unlock()
		if err != nil {
			return Day{}, err
		}
	}
}

// countDay counts, and tells those who wait.
func (l *Ledger) countDay(ctx context.Context, bounds func(unit string) (from, until time.Time)) {
	ctx, cancel := context.WithTimeout(ctx, dayWait)
	defer cancel()
	began := time.Now() //nolint:forbidigo // as above
	d := &l.days
	c := &dayCount{Ledger: l, bounds: bounds, now: l.o.Now(), known: d.units, units: map[reminder.AppointmentKey]unitOf{}}
	c.Day = Day{At: c.now, Units: map[string]*Figures{}, Routes: map[string]*Route{}}
	err := c.count(ctx)
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.err = err; err == nil {
		d.now, d.units = c.Day, c.units
		d.until = time.Now().Add(min(max(dayFresh, dayShare*time.Since(began)), dayStale)) //nolint:forbidigo // as above
	}
	close(d.busy)
	d.busy = nil
}

// dayCount is one counting.
type dayCount struct {
	*Ledger
	Day
	bounds       func(unit string) (from, until time.Time)
	now          time.Time
	known, units map[reminder.AppointmentKey]unitOf
	unsealing    []dayItem
}

// dayItem is a reminder or a letter that may count, with its appointment.
type dayItem struct {
	letter  bool
	person  reminder.PersonKey
	r       state.Reminder
	seq     uint64
	sealed  []byte
	channel string
}

func (c *dayCount) count(ctx context.Context) error {
	leave, err := c.scan(ctx)
	if err != nil {
		return err
	}
	defer leave()
	err = c.o.State.Each(ctx, func(p *state.Person) error {
		for _, r := range p.Reminders {
			c.look(p, r)
		}
		c.letters(p)
		return nil
	})
	if err != nil {
		return fmt.Errorf("ledger: %w", err)
	}
	for _, x := range c.unsealing {
		if err := ctx.Err(); err != nil {
			return err
		}
		unit, err := c.unit(x)
		if err != nil {
			return err
		}
		if x.letter {
			if unit.start.After(c.now) {
				c.figures(unit.unit).Letters++
			}
			continue
		}
		c.add(unit.unit, x)
	}
	return nil
}

// letters takes down which of a person's appointments are on the letter list; see Letters. The state's lock is held.
func (c *dayCount) letters(p *state.Person) {
	for key, a := range p.Appointments {
		if !a.Ends.IsZero() && !a.Ends.After(c.now) {
			continue
		}
		if _, listed, _ := letterOf(p, key, a); listed {
			c.unsealing = append(c.unsealing, dayItem{letter: true, person: p.Key, seq: a.Seq, sealed: a.Sealed, r: state.Reminder{Appointment: key}})
		}
	}
}

// near reports whether an instant may be of today, in whatever time zone.
func (c *dayCount) near(t time.Time) bool {
	d := t.Sub(c.now)
	return d > -36*time.Hour && d < 36*time.Hour
}

// look takes down what may count. The state's lock is held.
func (c *dayCount) look(p *state.Person, r *state.Reminder) {
	channel := r.Route
	for _, t := range r.Attempts {
		channel = string(t.Channel)
		if c.now.Sub(t.At) < 24*time.Hour {
			c.route(t)
		}
	}
	late := r.Status == receipt.Planned && !r.At().After(c.now)
	a := p.Appointments[r.Appointment]
	if a == nil || !late && !c.near(r.Due) && !c.near(r.Since) {
		return
	}
	x := dayItem{person: p.Key, seq: a.Seq, sealed: a.Sealed, channel: channel, r: state.Reminder{
		Appointment: r.Appointment, Purpose: r.Purpose, Due: r.Due, Retry: r.Retry, Status: r.Status, Since: r.Since, Reason: r.Reason,
	}}
	if n := len(r.Attempts); n > 0 {
		x.r.Attempts = r.Attempts[n-1 : n : n]
	}
	c.unsealing = append(c.unsealing, x)
}

func (c *dayCount) route(t state.Attempt) {
	r := c.Routes[t.Route]
	if r == nil {
		r = &Route{Attempts: map[receipt.Status]int{}}
		c.Routes[t.Route] = r
	}
	r.Attempts[t.Status]++
	if t.By == "" && t.Settled.After(r.Last) {
		r.Last, r.Status, r.Code = t.Settled, t.Status, t.Code
	}
}

// unit is whose an appointment is: as it was when it was unsealed last, if no plan has come since.
func (c *dayCount) unit(x dayItem) (unitOf, error) {
	key := x.r.Appointment
	for _, m := range []map[reminder.AppointmentKey]unitOf{c.units, c.known} {
		if u, ok := m[key]; ok && u.seq == x.seq && len(x.sealed) > 0 {
			c.units[key] = u
			return u, nil
		}
	}
	a, err := c.openAppointment(x.person, x.sealed)
	switch {
	case errors.Is(err, journal.ErrDisconnected):
		return unitOf{}, err
	case err != nil && !errors.Is(err, journal.ErrErased):
		c.steppedOver("the appointment of a reminder can't be read", err, zap.String("appointment", string(key)))
	}
	u := unitOf{x.seq, a.Unit, a.Start}
	c.units[key] = u
	return u, nil
}

// figures are those of a unit.
func (c *dayCount) figures(unit string) *Figures {
	f := c.Day.Units[unit]
	if f == nil {
		f = &Figures{Denied: map[string]int{}, Shares: map[string]int{}}
		c.Day.Units[unit] = f
	}
	return f
}

// add counts one reminder for its unit.
func (c *dayCount) add(unit string, x dayItem) {
	f := c.figures(unit)
	from, until := c.bounds(unit)
	today := func(t time.Time) bool { return !t.Before(from) && t.Before(until) }
	r := &x.r
	if r.Status == receipt.Planned && !r.At().After(c.now) {
		f.Late++
		if f.Oldest.IsZero() || r.At().Before(f.Oldest) {
			f.Oldest = r.At()
		}
	}
	if today(r.Since) {
		switch r.Status {
		case receipt.Denied:
			f.Denied[r.Reason]++
		case receipt.Expired:
			f.Expired++
		case receipt.Cancelled:
			f.Cancelled++
		}
	}
	if !today(r.Due) || r.Status == receipt.Cancelled {
		return
	}
	f.Due++
	f.Shares[string(r.Purpose)+" "+x.channel]++
	hour := func(t time.Time) *Hour { return &f.Hours[min(int(t.Sub(from)/time.Hour), len(f.Hours)-1)] }
	hour(r.Due).Due++
	switch r.Status {
	case receipt.Planned:
		f.Waiting++
	case receipt.Held:
		f.Held++
	case receipt.Rejected:
		f.Rejected++
	case receipt.Accepted, receipt.Delivered, receipt.Undelivered, receipt.Unknown:
		f.HandedOver++
		if len(r.Attempts) > 0 && today(r.Attempts[0].At) {
			hour(r.Attempts[0].At).HandedOver++
		}
		switch r.Status {
		case receipt.Delivered:
			f.Delivered++
		case receipt.Undelivered:
			f.Undelivered++
		case receipt.Unknown:
			f.Unknown++
		}
	}
}
