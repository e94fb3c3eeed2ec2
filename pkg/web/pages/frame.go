package pages

import (
	"cmp"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/husk-reminders/husk/pkg/reminder"
	"github.com/husk-reminders/husk/pkg/web"
	"github.com/husk-reminders/husk/pkg/web/signin"
)

// frame is what every view sees as $.
type frame struct {
	Lang      string
	Languages []choice
	Back      string // the page to come back to after the language was chosen
	Who       *who   // nil = nobody is signed in
	Menu      []entry
	Notices   []web.Notice
	Form      *form // never nil
	Zone      *time.Location
	Role      web.Role
	Units     []unit // of the grant; none = the whole installation
	Trial     bool   // signed in by a one-time link
	Wall      bool   // the browser has a wall session
	D         any    // what the page gave to show

	may func(operation string) bool
}

// May reports whether whoever is signed in may call an operation of the staff API.
func (f frame) May(operation string) bool { return f.may(operation) }

// choice is one of several.
type choice struct {
	Value, Text string
	Chosen      bool
}

// who is signed in, and the grants that they have.
type who struct {
	Name   string
	Grants []grant
}

type grant struct {
	Index  int
	Role   web.Role
	Units  []unit
	Active bool
}

// unit is a unit of the directory as people know it.
type unit struct{ ID, Name string }

// entry is one of the menu.
type entry struct {
	Section, Path string
	Here          bool
}

func (v *visit) frame(data any) frame {
	f := frame{Lang: v.words.language, Back: v.back(), Notices: v.session.Notices, Form: v.form, Zone: v.zone(), D: data, Wall: v.wall || v.session.OnWall(), may: v.may}
	if f.Form == nil {
		f.Form = v.blank()
	}
	for _, l := range languages {
		f.Languages = append(f.Languages, choice{l.tag, l.name, l.tag == f.Lang})
	}
	if v.session.ID == "" {
		return f
	}
	staff := v.session.Staff()
	f.Role, f.Units = staff.Role, v.units(staff.Units)
	f.Who = &who{Name: v.session.Name}
	for i, g := range v.session.Grants {
		f.Who.Grants = append(f.Who.Grants, grant{i, g.Role, v.units(g.Units), i == v.session.Active})
	}
	f.Menu, f.Trial = v.menu(), signin.IsTrial(v.session.Subject)
	return f
}

// menu are the sections that the role may open.
func (v *visit) menu() []entry {
	var m []entry
	for _, s := range sections {
		i := slices.IndexFunc(v.table, func(x page) bool { return x.section == s })
		if i < 0 {
			continue
		}
		if x := v.table[i]; x.operation == "" || v.may(x.operation) {
			here := v.page.pattern == x.pattern || strings.HasPrefix(v.page.pattern, x.pattern+"/") || v.page.under == s
			m = append(m, entry{s, x.pattern, here})
		}
	}
	return m
}

// back is the page that is shown, or the one that a form belongs to.
func (v *visit) back() string {
	path := v.r.URL.EscapedPath()
	isPage := func(x page) bool { return x.method == http.MethodGet && x.pattern == v.page.pattern }
	if v.page.pattern == "" || !slices.ContainsFunc(v.table, isPage) || !local(path) {
		return "/"
	}
	if v.r.Method == http.MethodGet && v.r.URL.RawQuery != "" {
		path += "?" + v.r.URL.RawQuery
	}
	return path
}

// units names units; those that the directory does not have, or while there is none, by their ids.
func (v *visit) units(ids []string) []unit {
	var us []unit
	for _, id := range ids {
		us = append(us, unit{id, v.unitName(id, v.words.language)})
	}
	return us
}

// ownUnits are the units that somebody works for, by name: those of the grant, of one for the whole installation all that there are.
func (v *visit) ownUnits() []unit {
	ids := v.session.Staff().Units
	if d := v.o.Units(); len(ids) == 0 && d != nil {
		for _, u := range d.Units() {
			ids = append(ids, u.ID)
		}
	}
	us := v.units(ids)
	slices.SortFunc(us, func(x, y unit) int { return cmp.Or(cmp.Compare(x.Name, y.Name), cmp.Compare(x.ID, y.ID)) })
	return us
}

// unitOptions are they as a select has them.
func (v *visit) unitOptions() []map[string]string {
	var all []map[string]string
	for _, u := range v.ownUnits() {
		all = append(all, map[string]string{"value": u.ID, "text": u.Name})
	}
	return all
}

// firstUnit is the first of the grant's units, else of the directory's; the zero unit while there is none.
func (v *visit) firstUnit() reminder.Unit {
	if ids := v.session.Staff().Units; len(ids) > 0 {
		u, _ := v.unit(ids[0])
		return u
	}
	if d := v.o.Units(); d != nil {
		for _, u := range d.Units() {
			return u
		}
	}
	return reminder.Unit{}
}

func (p *Pages) unitName(id, language string) string {
	if u, ok := p.unit(id); ok {
		return u.Name(language).Text
	}
	return id
}

func (p *Pages) unit(id string) (reminder.Unit, bool) {
	d := p.o.Units()
	if d == nil {
		return reminder.Unit{}, false
	}
	return d.Unit(id)
}

// zone is that of the first unit.
func (v *visit) zone() *time.Location { return v.zoneOf(v.firstUnit().ID) }

// zoneOf is the zone of a unit; UTC of none.
func (p *Pages) zoneOf(id string) *time.Location {
	if u, ok := p.unit(id); ok {
		if z, err := time.LoadLocation(u.Zone); err == nil {
			return z
		}
	}
	return time.UTC
}
