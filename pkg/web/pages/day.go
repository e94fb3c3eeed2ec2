package pages

import (
	"bytes"
	"cmp"
	"maps"
	"net/http"
	"slices"
	"time"

	"github.com/husk-reminders/husk/pkg/receipt"
	"github.com/husk-reminders/husk/pkg/web"
)

// dayPages are about how the line is doing, and the emergency stop.
func (p *Pages) dayPages() []page {
	return []page{
		{method: http.MethodGet, pattern: "/day", operation: "day.show", section: "day", wall: true, serve: (*visit).day},
		{method: http.MethodPost, pattern: "/day/wall", operation: "day.show", serve: (*visit).dayWall},
		{method: http.MethodGet, pattern: "/day/events", operation: "day.show", wall: true, serve: (*visit).dayEvents},
		{method: http.MethodGet, pattern: "/stops", operation: "switch.list", section: "stops", serve: (*visit).stops},
		{method: http.MethodPost, pattern: "/stops", operation: "switch.set", serve: (*visit).stop},
		{method: http.MethodGet, pattern: "/stops/resume", operation: "switch.set", serve: (*visit).resumeForm},
		{method: http.MethodPost, pattern: "/stops/resume", operation: "switch.set", serve: (*visit).resume},
		{method: http.MethodGet, pattern: "/stops/confirm", operation: "switch.confirm", serve: (*visit).confirmForm},
		{method: http.MethodPost, pattern: "/stops/confirm", operation: "switch.confirm", serve: (*visit).confirm},
	}
}

// home leads to the first page of the menu.
func (v *visit) home() error {
	if m := v.menu(); len(m) > 0 {
		return v.see(m[0].Path)
	}
	return errRole
}

// dayView is what the view day shows.
type dayView struct {
	web.Day
	Place   *time.Location // its zone
	Minute  time.Time      // At, without what changes at every counting
	Chart   chart
	Denials []share
	Routes  []route
	Stops   []stopped
	Units   []map[string]string // to choose from; fewer than two = there is no choice
	Events  string              // where the figures come from as they change
	Again   string              // this page
	Wall    time.Time           // when a wall session ends; zero = it is none
	May     func(operation string) bool
}

// share is one of several counts, and how much of the greatest it is.
type share struct {
	Name  string
	Count int
	Width float64 // 0 to 100
}

// route is how the hand-overs by a carrier's route have gone in the last day.
type route struct {
	Name              string
	Kind              string // good, wait, bad or off: of the last answer
	Status            receipt.Status
	Code              string
	Last              time.Time
	Left, Lost, Total int // handed over; refused, rejected or not known if sent
}

func (v *visit) day() error {
	unit, err := v.dayUnit()
	if err != nil {
		return err
	}
	x, err := v.dayView(unit)
	if err != nil {
		return err
	}
	x.Units = v.unitOptions()
	if v.session.OnWall() {
		x.Wall = v.session.Wall.Add(web.WallLongest)
	}
	v.form = v.blank("unit", unit)
	return v.show("day", x)
}

// dayWall turns the browser's session into a wall session, and leads back to the day of the same unit.
func (v *visit) dayWall() error {
	var in struct {
		Unit string `form:"unit"`
	}
	v.read(&in)
	if _, err := v.o.Sessions.Wall(v.ctx(), v.token); err != nil {
		return err
	}
	return v.see(query("/day", "unit", in.Unit))
}

// dayUnit is the unit that is asked for, else the first that the role is for; "" = all.
func (v *visit) dayUnit() (string, error) {
	unit := v.r.URL.Query().Get("unit")
	if own := v.session.Staff().Units; unit == "" && len(own) > 0 {
		return own[0], nil
	}
	if _, ok := v.unit(unit); unit != "" && !ok && v.o.Units() != nil {
		return "", errNotHere
	}
	return unit, nil
}

// dayView asks how the day goes.
func (v *visit) dayView(unit string) (dayView, error) {
	x := dayView{Events: query("/day/events", "unit", unit), Again: query("/day", "unit", unit), May: v.may}
	if err := v.get(query("/v1/day", "unit", unit), &x.Day); err != nil {
		return dayView{}, err
	}
	var err error
	if x.Place, err = time.LoadLocation(x.Zone); err != nil {
		x.Place = time.UTC
	}
	x.Minute = x.At.Truncate(time.Minute)
	x.Chart = chartOf(x.Day, x.Place)
	x.Denials = shares(x.Denied)
	x.Routes = routesOf(x.Day)
	for _, name := range slices.Sorted(maps.Keys(x.Stopped)) {
		s, err := v.switchName(name)
		if err != nil {
			return dayView{}, err
		}
		x.Stops = append(x.Stops, stopped{Name: name, Text: s, Why: x.Stopped[name]})
	}
	return x, nil
}

// shares are counts, the greatest first.
func shares(counts map[string]int) []share {
	var out []share
	most := 0
	for name, n := range counts {
		out = append(out, share{Name: name, Count: n})
		most = max(most, n)
	}
	slices.SortFunc(out, func(x, y share) int { return cmp.Or(cmp.Compare(y.Count, x.Count), cmp.Compare(x.Name, y.Name)) })
	for i := range out {
		out[i].Width = tenth(100 * float64(out[i].Count) / float64(max(most, 1)))
	}
	return out
}

// routesOf are the routes of a day, by name.
func routesOf(d web.Day) []route {
	var out []route
	for _, name := range slices.Sorted(maps.Keys(d.Routes)) {
		r := d.Routes[name]
		out = append(out, routeOf(name, r.Attempts, r.Status, r.Code, r.Last))
	}
	return out
}

func routeOf(name string, attempts map[receipt.Status]int, last receipt.Status, code string, at time.Time) route {
	x := route{Name: name, Kind: "off", Status: last, Code: code, Last: at}
	for s, n := range attempts {
		x.Total += n
		switch s {
		case receipt.Accepted, receipt.Delivered, receipt.Undelivered:
			x.Left += n
		case receipt.Refused, receipt.Rejected, receipt.Unknown, receipt.NotBegun:
			x.Lost += n
		}
	}
	switch last {
	case receipt.Accepted, receipt.Delivered:
		x.Kind = "good"
	case receipt.Undelivered, receipt.Refused, receipt.NotBegun:
		x.Kind = "wait"
	case receipt.Rejected, receipt.Unknown:
		x.Kind = "bad"
	}
	return x
}

// figures is the part of the page that changes.
func (v *visit) figures(unit string) (string, error) {
	x, err := v.dayView(unit)
	if err != nil {
		return "", err
	}
	f := v.frame(x)
	var b bytes.Buffer
	if err := v.views[v.words.language].part(&b, "day", "day-figures", f); err != nil {
		return "", err
	}
	return b.String(), nil
}
