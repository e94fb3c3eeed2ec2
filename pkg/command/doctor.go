package command

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/husk-reminders/husk/pkg/config"
	"github.com/husk-reminders/husk/pkg/provider/smtp"
)

// errProblems makes doctor's exit code; what is wrong has been printed.
var errProblems = errors.New("doctor has found a problem")

// level is how bad a finding is.
type level string

const (
	fine    level = "ok"
	warning level = "warning"
	problem level = "problem"
)

// finding is what one check came to.
type finding struct {
	Check string `json:"check"`
	Level level  `json:"level"`
	Text  string `json:"text"`
	Do    string `json:"do,omitempty"` // what to do about it
}

// doctor collects findings.
type doctor struct {
	cfg      config.Config
	now      time.Time
	dns      smtp.Resolver
	closed   bool // the line can't be opened for what was found
	findings []finding
}

func (d *doctor) tell(check string, l level, do, format string, args ...any) {
	d.findings = append(d.findings, finding{Check: check, Level: l, Text: fmt.Sprintf(format, args...), Do: do})
}

// blame tells each line of an error as a problem.
func (d *doctor) blame(check string, err error, do string) {
	for _, line := range strings.Split(err.Error(), "\n") {
		d.tell(check, problem, do, "%s", line)
	}
}

// has reports whether a check has found something so bad.
func (d *doctor) has(l level, check string) bool {
	return slices.ContainsFunc(d.findings, func(f finding) bool { return f.Check == check && f.Level == l })
}

func doctorCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "doctor",
		Short: "Check everything that sending rests on, and say what to do",
		Long: "Checks configuration, keyset, lock, disk, broker, state, policy packs, units, templates, carriers, clock, and what waits for a\n" +
			"clerk; where mails are signed, it asks the DNS for the key. It sends nothing. The exit code is 1 when there is a problem, 0 with warnings alone.",
		Args: noArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			d := &doctor{now: time.Now(), dns: net.DefaultResolver}
			d.run(c)
			if err := render(c, d.findings, d.print); err != nil {
				return err
			}
			for _, f := range d.findings {
				if f.Level == problem {
					return errProblems
				}
			}
			return nil
		},
	}
}

func (d *doctor) run(c *cobra.Command) {
	var err error
	if d.cfg, err = configure(c); err != nil {
		d.blame("configuration", err, "mend the key; config/husk.yaml describes every one")
		return
	}
	from := d.cfg.File
	if from == "" {
		from = "no file, defaults"
	}
	d.tell("configuration", fine, "", "%s; mode %s, data %s", from, d.cfg.Mode, d.cfg.Data)
	d.keyset()
	d.disk()
	d.texts()
	d.mail(c.Context())
	d.gateways()
	d.signIn(c.Context())
	d.live(c)
	d.clock()
}

func (d *doctor) print(w io.Writer) {
	for _, f := range d.findings {
		_, _ = fmt.Fprintf(w, "%-8s %-14s %s\n", f.Level, f.Check, plain(f.Text))
		if f.Do != "" && f.Level != fine {
			_, _ = fmt.Fprintf(w, "%-8s %-14s → %s\n", "", "", f.Do)
		}
	}
	n := map[level]int{}
	for _, f := range d.findings {
		n[f.Level]++
	}
	_, _ = fmt.Fprintf(w, "\n%d ok, %d warnings, %d problems\n", n[fine], n[warning], n[problem])
}

// clock compares the clock with what it can't be, and with itself: over the time that the checks took, the clock on the wall and
// the one that only goes on must have gone the same way.
func (d *doctor) clock() {
	const do = "set the clock and keep it right with NTP: send windows, expiry and every record depend on it"
	now := time.Now()
	built, err := time.Parse(time.RFC3339, programVersion().Time)
	switch {
	case now.Year() < 2026 || now.Year() > 2099:
		d.tell("clock", problem, do, "the year is %d", now.Year())
	case err == nil && now.Before(built):
		d.tell("clock", problem, do, "the clock is before the day this program was built")
	default:
		gone := now.Sub(d.now)
		step := now.Round(0).Sub(d.now.Round(0)) - gone
		if step.Abs() > 500*time.Millisecond {
			d.tell("clock", warning, do, "the clock was moved by %s while the checks ran", step.Round(time.Millisecond))
			return
		}
		d.tell("clock", fine, "", "%s", now.Format(time.RFC3339))
	}
}

// hasData reports whether a line has ever run on the data directory.
func (d *doctor) hasData() bool {
	_, err := os.Stat(filepath.Join(d.cfg.Data, "broker"))
	return err == nil
}
