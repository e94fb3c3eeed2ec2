package web

import (
	"context"
	"maps"
	"strings"
	"time"

	"github.com/husk-reminders/husk/pkg/gate"
	"github.com/husk-reminders/husk/pkg/ledger"
	"github.com/husk-reminders/husk/pkg/reminder"
)

// Day is how the day goes, of one unit or of all. It holds counts alone.
type Day struct {
	Unit          string    `json:"unit,omitempty"` // absent = all
	Zone          string    `json:"zone"`           // IANA name
	From          time.Time `json:"from"`           // when the day began in that zone
	Until         time.Time `json:"until"`
	At            time.Time `json:"at"`            // when it was counted
	OldestMinutes int       `json:"oldestMinutes"` // how long the oldest of what is due has waited
	ledger.Figures
	Routes   map[string]ledger.Route `json:"routes"`             // of all units: a carrier is everybody's
	Stopped  map[string]string       `json:"stopped"`            // what is stopped now that bears on it, and why
	Inbox    *Inbox                  `json:"inbox,omitempty"`    // absent = it can't be read now
	NotReady bool                    `json:"notReady,omitempty"` // the line can't be relied on now: what is due waits
}

type dayInput struct {
	Unit string `query:"unit" maxLength:"64" doc:"Of the unit with this id alone; a key that is for some units must name one"`
}

// day tells how the day goes. Wall screens ask every few seconds: who does is in the audit once an hour, and nothing here is about anybody.
func (a *API) day(ctx context.Context, c *caller, in *dayInput) (Day, error) {
	if err := a.unitKnown(in.Unit); err != nil {
		return Day{}, err
	}
	if err := a.noteLook(ctx, c, in.Unit); err != nil {
		return Day{}, err
	}
	d, err := a.o.Ledger.Day(ctx, a.dayOf)
	if err != nil {
		return Day{}, err
	}
	now, err := a.o.Ledger.Status(ctx)
	if err != nil {
		return Day{}, err
	}
	out := Day{Unit: in.Unit, At: d.At, Routes: map[string]ledger.Route{}, Stopped: map[string]string{}}
	out.Inbox, out.NotReady = a.inbox(ctx, in.Unit), a.o.Ready(ctx) != nil
	out.Figures = ledger.Figures{Denied: map[string]int{}, Shares: map[string]int{}}
	out.From, out.Until = a.dayOf(in.Unit)
	out.Zone = out.From.Location().String()
	for unit, f := range d.Units {
		if in.Unit == "" || unit == in.Unit {
			sum(&out.Figures, f)
		}
	}
	for name, r := range d.Routes {
		x := *r
		x.Attempts = maps.Clone(r.Attempts)
		out.Routes[name] = x
	}
	if !out.Oldest.IsZero() {
		out.OldestMinutes = max(0, int(a.o.Now().Sub(out.Oldest)/time.Minute))
	}
	for name, why := range now.Stopped {
		if id, ok := strings.CutPrefix(name, gate.SwitchUnit); !ok || in.Unit == "" || id == in.Unit {
			out.Stopped[name] = why
		}
	}
	return out, nil
}

// noteLook checks that the caller may look, and notes it once an hour.
func (a *API) noteLook(ctx context.Context, c *caller, unit string) error {
	if err := ofUnit(unit)(ctx, a, c); err != nil && !c.local() {
		return a.denied(ctx, c, "day.show", "", err)
	}
	if a.looked.take(c.self+" "+unit, a.o.Now()) > 0 {
		c.audited = true
		return nil
	}
	err := a.audit(ctx, c, ofUnit(unit), "day.show", "", "", "")
	if err != nil {
		a.looked.forget(c.self + " " + unit)
	}
	return err
}

// dayOf is when the day of a unit began and ends, in its zone; of one that is not in the directory in the zone of the first that is.
func (a *API) dayOf(unit string) (from, until time.Time) {
	zone := time.UTC
	u, ok := a.o.Units.Unit(unit)
	if all := a.o.Units.Units(); !ok && len(all) > 0 {
		u = all[0]
	}
	if z, err := reminder.LoadZone(u.Zone); err == nil {
		zone = z
	}
	y, m, d := a.o.Now().In(zone).Date()
	return time.Date(y, m, d, 0, 0, 0, 0, zone), time.Date(y, m, d+1, 0, 0, 0, 0, zone)
}

// sum adds the figures of a unit.
func sum(to, f *ledger.Figures) {
	for i, h := range f.Hours {
		to.Hours[i].Due += h.Due
		to.Hours[i].HandedOver += h.HandedOver
	}
	to.Due += f.Due
	to.Waiting += f.Waiting
	to.Late += f.Late
	to.HandedOver += f.HandedOver
	to.Delivered += f.Delivered
	to.Undelivered += f.Undelivered
	to.Unknown += f.Unknown
	to.Rejected += f.Rejected
	to.Held += f.Held
	to.Expired += f.Expired
	to.Cancelled += f.Cancelled
	to.Letters += f.Letters
	for k, n := range f.Denied {
		to.Denied[k] += n
	}
	for k, n := range f.Shares {
		to.Shares[k] += n
	}
	if !f.Oldest.IsZero() && (to.Oldest.IsZero() || f.Oldest.Before(to.Oldest)) {
		to.Oldest = f.Oldest
	}
}
