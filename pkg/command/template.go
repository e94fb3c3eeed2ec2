package command

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/husk-reminders/husk/pkg/app"
	"github.com/husk-reminders/husk/pkg/compose"
	"github.com/husk-reminders/husk/pkg/config"
	"github.com/husk-reminders/husk/pkg/policy"
	"github.com/husk-reminders/husk/pkg/redact"
	"github.com/husk-reminders/husk/pkg/reminder"
	"github.com/husk-reminders/husk/pkg/template"
)

func templateGroup() *cobra.Command {
	return group("template", "Message texts: check them, change them, approve them",
		templateLintCommand(), templatePlaceholdersCommand(), templateListCommand(), templateShowCommand(), templatePullCommand(), templatePushCommand(),
		templateApproveCommand(), templateUnscheduleCommand(), templateDiscardCommand(), templateRollBackCommand())
}

func templateLintCommand() *cobra.Command {
	var purpose string
	c := &cobra.Command{
		Use:   "lint [file or directory]...",
		Short: "Check templates as for approval",
		Long: "Reads templates, <language>/<set>.<channel>.txt, or directories of them; without an argument those of the configuration.\n" +
			"Checks what a text must say and must not, and its worst case with every unit of the unit directory under the policy pack in\n" +
			"force: length, segments, content class. Prints file:line:column: reason. The exit code is 1 when a text would be refused. With\n" +
			"--json also the assessments: the longest text with each unit, and what gives it its class.",
		Args: func(*cobra.Command, []string) error { return nil },
		RunE: func(c *cobra.Command, args []string) error {
			cfg, err := configure(c)
			if err != nil {
				return err
			}
			l, err := newLinter(cfg, reminder.Purpose(purpose))
			if err != nil {
				return err
			}
			if len(args) == 0 && cfg.Templates.Dir != "" {
				args = []string{cfg.Templates.Dir}
			}
			if len(args) == 0 {
				set, err := app.ReadTemplates(cfg)
				if err != nil {
					return err
				}
				l.check("", set.All())
			}
			for _, path := range args {
				if err := l.read(path); err != nil {
					return err
				}
			}
			if err := render(c, l.report, l.report.print); err != nil {
				return err
			}
			if l.report.Refused > 0 {
				return errProblems
			}
			return nil
		},
	}
	c.Flags().StringVar(&purpose, "purpose", "", "what the texts are for, whatever their set is called: reminder, changed, cancelled, reply or verify")
	return c
}

// templatePurposes are the purposes that templates serve.
var templatePurposes = []reminder.Purpose{reminder.Remind, reminder.Changed, reminder.Cancel, reminder.Reply, reminder.Verify}

// linter checks templates with the configuration's units and packs.
type linter struct {
	composer *compose.Composer
	units    []reminder.Unit
	packs    *policy.Set
	now      time.Time
	purpose  reminder.Purpose // "" = by the set's name and the units'
	seen     map[compose.Problem]bool
	report   lintReport
}

func newLinter(cfg config.Config, purpose reminder.Purpose) (*linter, error) {
	if purpose != "" && !slices.Contains(templatePurposes, purpose) {
		return nil, usageError{errors.New("template lint: --purpose: want " + words(templatePurposes))}
	}
	units, err := app.ReadUnits(cfg)
	if err != nil {
		return nil, err
	}
	packs, err := app.ReadPacks(cfg)
	if err != nil {
		return nil, err
	}
	scanner, err := redact.New(redact.Options{Checked: template.Checked()})
	if err != nil {
		return nil, err
	}
	composer, err := compose.New(compose.Options{Templates: &template.Set{}, Scanner: scanner})
	if err != nil {
		return nil, err
	}
	return &linter{
		composer: composer, units: units.Units(), packs: packs, now: time.Now(), purpose: purpose,
		seen: map[compose.Problem]bool{},
		report: lintReport{
			Units: len(units.Units()), Example: cfg.Units.File == "", Problems: []compose.Problem{}, Assessments: []compose.Assessment{},
		},
	}, nil
}

// read checks a template file, or all below a directory.
func (l *linter) read(path string) error {
	info, err := os.Stat(path)
	if err != nil {
		return fmt.Errorf("template lint: %w", err)
	}
	if info.IsDir() {
		set, err := template.Read(os.DirFS(path))
		faults := template.Problems(err)
		if err != nil && len(faults) == 0 {
			return fmt.Errorf("template lint: %s: %w", path, err)
		}
		l.faults(path, faults)
		l.check(path, set.All())
		return nil
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return fmt.Errorf("template lint: %w", err)
	}
	full, err := filepath.Abs(path)
	if err != nil {
		return fmt.Errorf("template lint: %w", err)
	}
	// A template's name is its language and file name, wherever it lies.
	language := filepath.Base(filepath.Dir(full))
	root := strings.TrimSuffix(filepath.ToSlash(path), language+"/"+filepath.Base(full))
	t, err := template.Parse(language+"/"+filepath.Base(full), data)
	if err != nil {
		l.faults(root, template.Problems(err))
		return nil
	}
	l.check(root, []template.Template{t})
	return nil
}

// faults reports files that are no templates.
func (l *linter) faults(root string, problems []template.Problem) {
	for _, p := range problems {
		l.tell(root, compose.Problem{File: p.File, Line: p.Line, Column: p.Column, Refused: true, Reason: p.Reason})
	}
	files := map[string]bool{}
	for _, p := range problems {
		files[p.File] = true
	}
	l.report.Templates += len(files)
}

// tell reports a problem once, under the path that the file was named by.
func (l *linter) tell(root string, p compose.Problem) {
	if root != "" {
		p.File = filepath.Join(root, filepath.FromSlash(p.File))
	}
	if l.seen[p] {
		return
	}
	l.seen[p] = true
	l.report.Problems = append(l.report.Problems, p)
	if l.report.counts(p) {
		l.report.Refused++
	}
}

// check checks templates for the purposes that their sets serve.
func (l *linter) check(root string, ts []template.Template) {
	for _, t := range ts {
		l.report.Templates++
		purposes := l.purposesOf(t)
		if len(purposes) == 0 {
			l.tell(root, compose.Problem{
				Template: t.Name(), File: t.File(), Line: 1, Refused: true,
				Reason: fmt.Sprintf("no purpose uses the set %q: call it %s, with reply the answer too (reply-stopped), name it in a unit's templates, or say --purpose", t.Set(), words(templatePurposes)),
			})
		}
		for _, purpose := range purposes {
			for _, a := range l.assess(t, purpose) {
				for _, p := range a.Problems {
					l.tell(root, p)
				}
				l.report.Assessments = append(l.report.Assessments, a)
			}
		}
	}
}

// assess assesses a template with each unit that would use it, and without a unit under each pack in force that none of them is
// under.
func (l *linter) assess(t template.Template, purpose reminder.Purpose) []compose.Assessment {
	var out []compose.Assessment
	used := map[string]bool{}
	for _, u := range l.units {
		pack, ok := l.packs.For(u.Country, l.now)
		if ok && pack.Allows(t.Channel()) && slices.Contains(u.Channels, t.Channel()) && (l.purpose != "" || uses(u, purpose, t.Set())) {
			used[pack.ID] = true
			out = append(out, l.composer.Assess(t, purpose, pack, u))
		}
	}
	for _, pack := range l.packs.Packs() {
		if pack.InForce(l.now) && pack.Allows(t.Channel()) && !used[pack.ID] {
			out = append(out, l.composer.Assess(t, purpose, pack, reminder.Unit{}))
		}
	}
	if len(out) == 0 {
		out = append(out, l.composer.Assess(t, purpose, policy.Pack{}, reminder.Unit{}))
	}
	return out
}

// purposesOf are the purposes for which the template's set is used: by its own name, or because a unit says so.
func (l *linter) purposesOf(t template.Template) []reminder.Purpose {
	if l.purpose != "" {
		return []reminder.Purpose{l.purpose}
	}
	var out []reminder.Purpose
	for _, p := range templatePurposes {
		if uses(reminder.Unit{}, p, t.Set()) || slices.ContainsFunc(l.units, func(u reminder.Unit) bool { return uses(u, p, t.Set()) }) {
			out = append(out, p)
		}
	}
	return out
}

// uses reports whether a unit takes a text for a purpose from a set.
func uses(u reminder.Unit, p reminder.Purpose, set string) bool {
	if p == reminder.Reply {
		return slices.ContainsFunc(reminder.AnswerTexts, func(t reminder.AnswerText) bool { return u.AnswerSet(t) == set })
	}
	return cmp.Or(u.Templates[p], string(p)) == set
}

// lintReport is what `husk template lint` prints.
type lintReport struct {
	Templates   int                  `json:"templates"`
	Units       int                  `json:"units"`
	Example     bool                 `json:"example"` // the units are the shipped ones
	Refused     int                  `json:"refused"` // problems that make the exit code 1
	Problems    []compose.Problem    `json:"problems"`
	Assessments []compose.Assessment `json:"assessments"`
}

// print shows each fault of a text, what a unit's facts make of it once a unit where that is refused, else once a template.
func (r lintReport) print(w io.Writer) {
	notes, count := 0, map[string]int{}
	key := func(p compose.Problem) string {
		switch {
		case p.Unit == "":
			return p.String()
		case p.Refused:
			return "unit " + p.Unit
		}
		return p.File
	}
	for _, p := range r.Problems {
		count[key(p)]++
	}
	for _, p := range r.Problems {
		n := count[key(p)]
		if n == 0 {
			continue // told with the first
		}
		count[key(p)] = 0
		line := p.Place() + ": "
		if !r.counts(p) {
			notes++
			line += "note: "
		}
		line += p.Text()
		if n > 1 {
			line += fmt.Sprintf("; %d more like it", n-1)
		}
		_, _ = fmt.Fprintln(w, plain(line))
	}
	_, _ = fmt.Fprintf(w, "%d templates, %d units: %d refused, %d notes\n", r.Templates, r.Units, r.Refused, notes)
}

// counts reports whether a problem makes the exit code 1. One of the shipped example's units is refused to show that it is.
func (r lintReport) counts(p compose.Problem) bool { return p.Refused && (p.Unit == "" || !r.Example) }
