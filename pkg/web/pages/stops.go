package pages

import (
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/husk-reminders/husk/pkg/gate"
	"github.com/husk-reminders/husk/pkg/web"
)

// stopReasons are what the short list offers. One is enough for a stop; other needs words.
var stopReasons = []string{"wrong_text", "wrong_people", "wrong_time", "too_many", "carrier", "other"}

// stopped is something that is stopped.
type stopped struct {
	Name, Text, Why string
	Waits           int       // reminders that are due and wait; below 0 = it is not known
	Wish            *web.Wish // that it goes on; nil = nobody has asked
	By              string    // who has
	Mine            bool      // the role may ask that it goes on
}

// stopsView is what the view stops shows.
type stopsView struct {
	Stopped []stopped
	What    []map[string]any // that the role may stop
	Why     []map[string]any
}

// stops shows what is stopped, and stops.
func (v *visit) stops() error {
	v.form = v.blank("name", v.r.URL.Query().Get("name"))
	return v.showStops()
}

func (v *visit) showStops() error {
	all, err := v.switches(true)
	if err != nil {
		return err
	}
	x := stopsView{Stopped: all.stopped}
	for _, name := range all.Can {
		if _, on := all.Stopped[name]; on {
			continue
		}
		text, err := v.switchName(name)
		if err != nil {
			return err
		}
		x.What = append(x.What, map[string]any{"value": name, "text": text})
	}
	for _, r := range stopReasons {
		text, err := v.words.text("stops.why." + r)
		if err != nil {
			return err
		}
		x.Why = append(x.Why, map[string]any{"value": r, "text": text})
	}
	// Whoever has one unit alone means that one: it is chosen already.
	if units := v.session.Staff().Units; len(units) == 1 && v.form.Value("name") == "" {
		v.form.Values.Set("name", gate.SwitchUnit+units[0])
	}
	return v.show("stops", x)
}

// switches are what is stopped, in words.
type switches struct {
	web.Switches
	stopped []stopped
}

// switches asks what is stopped; waits says that it is to be counted what waits meanwhile.
func (v *visit) switches(waits bool) (switches, error) {
	var all switches
	if err := v.get("/v1/switches", &all.Switches); err != nil {
		return switches{}, err
	}
	late := map[string]int{}
	for _, name := range slices.Sorted(maps.Keys(all.Stopped)) {
		text, err := v.switchName(name)
		if err != nil {
			return switches{}, err
		}
		x := stopped{Name: name, Text: text, Why: all.Stopped[name], Waits: -1, Mine: v.asks(all.Can, name)}
		if i := slices.IndexFunc(all.Waiting, func(w web.Wish) bool { return w.Name == name }); i >= 0 {
			x.Wish, x.By = &all.Waiting[i], owner(all.Waiting[i].By)
		}
		if waits {
			if x.Waits, err = v.waits(name, late); err != nil {
				return switches{}, err
			}
		}
		all.stopped = append(all.stopped, x)
	}
	return all, nil
}

// asks reports whether the role may ask that a stop ends.
func (v *visit) asks(can []string, name string) bool {
	bare, _, _ := strings.Cut(name, "@") // one version of a template is its template's
	return v.may("switch.set") && (slices.Contains(can, name) || slices.Contains(can, bare) || len(v.session.Staff().Units) == 0)
}

// waits is how many reminders of the units that a stop bears on are due and have not left; below 0 where the role can't know. late has
// what was asked already.
func (v *visit) waits(name string, late map[string]int) (int, error) {
	units := v.session.Staff().Units
	if id, ok := strings.CutPrefix(name, gate.SwitchUnit); ok {
		if len(units) > 0 && !slices.Contains(units, id) {
			return -1, nil
		}
		units = []string{id}
	} else if len(units) == 0 {
		units = []string{""} // all
	}
	sum := 0
	for _, u := range units {
		if _, ok := late[u]; !ok {
			var d web.Day
			if err := v.get(query("/v1/day", "unit", u), &d); err != nil {
				return 0, err
			}
			late[u] = d.Late
		}
		sum += late[u]
	}
	return sum, nil
}

// switchName is what a switch stops, in the words of the pages about it.
func (v *visit) switchName(name string) (string, error) {
	kind, rest, _ := strings.Cut(name, ":")
	switch kind + ":" {
	case gate.SwitchUnit:
		rest = v.unitName(rest, v.words.language)
	case gate.SwitchCountry:
		if text, err := v.words.text("people.country." + rest); err == nil {
			rest = text
		}
	case gate.SwitchTemplate:
		bare, version, one := strings.Cut(rest, "@")
		switch {
		case !strings.Contains(bare, "/"):
			return v.words.text("stops.what.set", v.setName(bare))
		case one:
			return v.words.text("stops.what.version", v.titleOf(bare), version)
		}
		rest = v.titleOf(bare)
	}
	return v.words.text("stops.what."+kind, rest)
}

// stop stops, in this one step.
func (v *visit) stop() error {
	var in struct {
		Name string `form:"name,required"`
		Why  string `form:"why,required"`
		Text string `form:"reason"`
	}
	f := v.read(&in)
	if in.Why != "" && !slices.Contains(stopReasons, in.Why) {
		f.Wrong("why", "form.required")
	}
	if in.Why == "other" && in.Text == "" {
		f.Wrong("reason", "form.required")
	}
	if f.OK() {
		reason := v.words.must("stops.why." + in.Why)
		if in.Why == "other" {
			reason = in.Text
		} else if in.Text != "" {
			reason += ": " + in.Text
		}
		err := v.post("/v1/switches", web.Switch{Name: in.Name, On: true, Reason: reason}, nil)
		if err == nil {
			return v.done("/stops", "stops.done")
		}
		if !f.take(err) {
			return err
		}
	}
	return v.showStops()
}

// resumeView is what the views stops-resume and stops-confirm show.
type resumeView struct {
	All    []map[string]any // to choose from
	Chosen *stopped         // nil = none is
}

// resumeOf are those stops that keep lets through, and the one that the form names.
func (v *visit) resumeOf(keep func(stopped) bool) (resumeView, error) {
	all, err := v.switches(false)
	if err != nil {
		return resumeView{}, err
	}
	var x resumeView
	for _, s := range all.stopped {
		if !keep(s) {
			continue
		}
		x.All = append(x.All, map[string]any{"value": s.Name, "text": s.Text})
		if s.Name == v.form.Value("name") {
			x.Chosen = &s
		}
	}
	return x, nil
}

func isMine(s stopped) bool   { return s.Mine }
func isWished(s stopped) bool { return s.Wish != nil }

// resumeForm is where somebody asks that sending goes on.
func (v *visit) resumeForm() error {
	v.form = v.blank("name", v.r.URL.Query().Get("name"))
	return v.showResume("stops-resume", isMine)
}

func (v *visit) showResume(view string, keep func(stopped) bool) error {
	x, err := v.resumeOf(keep)
	if err != nil {
		return err
	}
	return v.show(view, x)
}

func (v *visit) resume() error {
	var in struct {
		Name   string `form:"name,required"`
		Mended string `form:"mended,required"`
		Reason string `form:"reason,required"`
	}
	f := v.read(&in)
	if f.OK() {
		var now web.Switches
		err := v.post("/v1/switches", web.Switch{Name: in.Name, Reason: in.Reason, Mended: in.Mended}, &now)
		if err == nil {
			said := "stops.goes-on"
			if _, still := now.Stopped[in.Name]; still {
				said = "stops.asked"
			}
			return v.done("/stops", said)
		}
		if !f.take(err) {
			return err
		}
	}
	return v.showResume("stops-resume", isMine)
}

// confirmForm is where another person confirms it.
func (v *visit) confirmForm() error {
	v.form = v.blank("name", v.r.URL.Query().Get("name"))
	return v.showResume("stops-confirm", isWished)
}

func (v *visit) confirm() error {
	var in struct {
		Name   string `form:"name,required"`
		Wish   string `form:"wish"`
		Reason string `form:"reason,required"`
	}
	f := v.read(&in)
	if f.OK() {
		err := v.post("/v1/switches/confirm", web.Confirm{Name: in.Name, Wish: in.Wish, Reason: in.Reason}, nil)
		if err == nil {
			return v.done("/stops", "stops.goes-on")
		}
		switch {
		case f.take(err):
		case isAnswer(err, http.StatusForbidden):
			v.status = http.StatusForbidden
			f.Wrong("", "stops.confirm.refused")
		default:
			return err
		}
	}
	return v.showResume("stops-confirm", isWished)
}
