package command

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/nyaruka/phonenumbers/v2"
	"github.com/spf13/cobra"

	"github.com/husk-reminders/husk/pkg/app"
	"github.com/husk-reminders/husk/pkg/compose"
	"github.com/husk-reminders/husk/pkg/config"
	"github.com/husk-reminders/husk/pkg/contact"
	"github.com/husk-reminders/husk/pkg/policy"
	"github.com/husk-reminders/husk/pkg/redact"
	"github.com/husk-reminders/husk/pkg/reminder"
	"github.com/husk-reminders/husk/pkg/template"
	"github.com/husk-reminders/husk/pkg/web"
)

// texts checks what is read from files: units, policy packs, templates, and how they fit together.
func (d *doctor) texts() {
	units, err := app.ReadUnits(d.cfg)
	if err != nil {
		d.closed = true
		d.blame("units", err, "mend the unit directory; config/units.schema.json describes it")
	} else {
		d.units(units)
		d.notices(units)
		d.answers(units)
	}
	packs, err := app.ReadPacks(d.cfg)
	if err != nil {
		d.closed = true
		d.blame("policy", err, "mend the policy pack")
	} else if units != nil {
		d.packs(units, packs)
		d.registers(units, packs)
	}
	set, err := app.ReadTemplates(d.cfg)
	if err != nil {
		d.closed = true
		d.blame("templates", err, "mend the template")
	} else if units != nil && packs != nil {
		d.templates(units, packs, set)
	}
}

func (d *doctor) units(dir *reminder.Directory) {
	us := dir.Units()
	unfit := warning
	if d.cfg.Mode == config.ModeProduction {
		unfit = problem
	}
	if d.cfg.Units.File == "" {
		d.tell("units", unfit, "write your own unit directory and name it in units.file", "these are the shipped example's hospitals, which do not exist")
	}
	for _, u := range us {
		for _, m := range []struct{ field, text string }{{"mail", u.Mail.Text}, {"from", u.From.Text}} {
			switch {
			case d.cfg.Units.File != "" && reserved(m.text):
				d.tell("units", unfit, "give a mail address that exists", "unit %s: %s: its domain is reserved for examples (RFC 2606)", u.ID, m.field)
			case !mailWorks(m.text):
				d.tell("units", problem, "give a mail address that mail servers take", "unit %s: %s: no mail address that can be written to", u.ID, m.field)
			}
		}
		if n, err := phonenumbers.Parse(u.Phone.Text, string(u.Country)); err != nil || !phonenumbers.IsPossibleNumber(n) {
			d.tell("units", warning, "see whether patients can ring it as it is printed", "unit %s: phone: no number that can be rung in %s", u.ID, u.Country)
		}
	}
	if !d.has(problem, "units") {
		d.tell("units", fine, "", "%d units; their zones load", len(us))
	}
}

// notices tells which units' staff hear of what waits.
func (d *doctor) notices(dir *reminder.Directory) {
	on := d.cfg.Notices.On()
	var with, without []string
	for _, u := range dir.Units() {
		switch {
		case u.Function == "":
			without = append(without, u.ID)
		case on && d.cfg.Units.File != "" && reserved(u.Function), !mailWorks(u.Function):
			d.tell("notices", warning, "give a mail address that exists", "unit %s: function_mail: no mail address that can be written to", u.ID)
		default:
			with = append(with, u.ID)
		}
	}
	switch {
	case !on && len(with) > 0:
		d.tell("notices", warning, "list their domains in notices.allow, or take function_mail out",
			"%d units have a function_mail, and notices.allow is empty: nobody is told by mail of what waits", len(with))
	case on && len(without) > 0:
		d.tell("notices", warning, "give them a function_mail in the unit directory", "no mail of what waits goes to %s", some(without))
	case on:
		d.tell("notices", fine, "", "%d units are told by mail of what has waited %s", len(with), d.cfg.Notices.After)
	}
}

// some names the first few of many units.
func some(units []string) string {
	const few = 5
	if len(units) <= few {
		return strings.Join(units, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(units[:few], ", "), len(units)-few)
}

func mailWorks(s string) bool {
	_, err := contact.Normalise(reminder.Email, s, "")
	return err == nil
}

// reserved reports whether a mail address is under a top-level domain that RFC 2606 keeps for examples and tests.
func reserved(s string) bool {
	return slices.ContainsFunc([]string{".example", ".invalid", ".test", ".localhost"}, func(tld string) bool { return strings.HasSuffix(s, tld) })
}

// ahead is how long before a policy pack ends its successor must be there.
const ahead = 30 * 24 * time.Hour

func (d *doctor) packs(units *reminder.Directory, packs *policy.Set) {
	var named []string
	for _, c := range countriesOf(units) {
		p, ok := packs.For(c, d.now)
		if !ok {
			d.tell("policy", problem, "add the pack that is in force to policy.dir; until then nothing is sent there", "no policy pack for %s is in force", c)
			continue
		}
		if _, ok := packs.For(c, d.now.Add(ahead)); !ok {
			d.tell("policy", warning, "add the pack that follows it", "%s ends on %s and nothing follows it", p.ID, p.ValidUntil.Format(time.DateOnly))
		}
		named = append(named, fmt.Sprintf("%s: %s (%s)", c, p.ID, p.Short()))
	}
	if len(named) > 0 {
		d.tell("policy", fine, "", "in force: %s", strings.Join(named, ", "))
	}
}

func countriesOf(units *reminder.Directory) []reminder.Country {
	var out []reminder.Country
	for _, u := range units.Units() {
		if !slices.Contains(out, u.Country) {
			out = append(out, u.Country)
		}
	}
	return out
}

// templates writes every message that a unit could send, with its longest facts.
func (d *doctor) templates(units *reminder.Directory, packs *policy.Set, set *template.Set) {
	scanner, err := redact.New(redact.Options{Checked: template.Checked()})
	if err != nil {
		d.blame("templates", err, "")
		return
	}
	composer, err := compose.New(compose.Options{Templates: set, Scanner: scanner})
	if err != nil {
		d.blame("templates", err, "")
		return
	}
	var all []compose.Problem
	for _, u := range units.Units() {
		if pack, ok := packs.For(u.Country, d.now); ok { // none has been told above
			all = append(all, composer.CheckUnit(pack, u)...)
		}
	}
	// The shipped example has a unit whose messages are refused, to show that they are.
	bad := problem
	if d.cfg.Units.File == "" && d.cfg.Mode != config.ModeProduction {
		bad = warning
	}
	unstoppable, others := partByStands(all)
	d.group(unstoppable, true, problem, "mend the template, or the unit's sender_id: it is sent, and patients can't stop it as it says")
	d.group(others, true, bad, "mend the template or the unit's text: such a message is not sent")
	d.group(all, false, warning, "mend it, or leave it: it is sent")
	if !d.has(problem, "templates") {
		d.tell("templates", fine, "", "%d templates, tried with the longest facts of %d units", len(set.All()), len(units.Units()))
	}
}

// partByStands parts the texts that patients can't stop from those with other faults.
func partByStands(all []compose.Problem) (stands, others []compose.Problem) {
	for _, p := range all {
		if p.Stands {
			stands = append(stands, p)
		} else {
			others = append(others, p)
		}
	}
	return stands, others
}

// group tells what is wrong with messages, once a unit where they are refused, else once a template.
func (d *doctor) group(all []compose.Problem, refused bool, l level, do string) {
	first, count := map[string]compose.Problem{}, map[string]int{}
	var keys []string
	for _, p := range all {
		if p.Refused != refused {
			continue
		}
		key := p.Template
		if refused {
			key = p.Unit
		}
		if count[key]++; count[key] == 1 {
			first[key] = p
			keys = append(keys, key)
		}
	}
	for _, key := range keys {
		more := ""
		if n := count[key] - 1; n > 0 {
			more = fmt.Sprintf("; %d more like it", n)
		}
		d.tell("templates", l, do, "%s%s", first[key], more)
	}
}

// liveTexts looks at the versions that were approved, which the files don't tell of.
func (d *doctor) liveTexts(c *cobra.Command, s *client) {
	var ts web.Templates
	if err := s.get(c.Context(), "/v1/templates", nil, &ts); err != nil {
		d.blame("texts", err, "see the log")
		return
	}
	approved := 0
	for _, t := range ts.Templates {
		if t.Broken != "" {
			what := "nothing is sent with it"
			if slices.Contains(t.Purposes, reminder.Reply) {
				what += ": who writes gets no answer, and none later (husk_dispatch_answers_total, outcome held)"
			}
			d.tell("texts", problem, "approve another version, or husk template rollback", "%s can't be used: %s: %s", t.Live, t.Broken, what)
			continue
		}
		if t.Foreign != "" {
			d.tell("texts", warning, "husk template push makes a draft of the file; husk template pull writes the live text over it",
				"%s is live, and the file says something else (%s): the file is not sent", t.Live, t.Foreign)
		}
		if t.Since.IsZero() {
			continue // the file's, which is checked above
		}
		approved++
		h, err := history(c, s, t.Name)
		if err != nil {
			d.blame("texts", err, "see the log")
			return
		}
		if h.Draft == "" && h.Waiting == "" {
			unstoppable, others := partByStands(h.Problems)
			d.group(unstoppable, true, problem, "mend the text, or the unit's sender_id: it is sent, and patients can't stop it as it says")
			d.group(others, true, warning, "mend the text or the unit's: such a message is not sent")
		}
	}
	if !d.has(problem, "texts") {
		d.tell("texts", fine, "", "%d texts were approved here; the others are as the files have them", approved)
	}
}
