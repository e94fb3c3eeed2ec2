package command

import (
	"fmt"
	"io"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"go.uber.org/zap"

	"github.com/husk-reminders/husk/pkg/app"
	"github.com/husk-reminders/husk/pkg/config"
	"github.com/husk-reminders/husk/pkg/contact"
	"github.com/husk-reminders/husk/pkg/contact/code"
	"github.com/husk-reminders/husk/pkg/policy"
	"github.com/husk-reminders/husk/pkg/reminder"
	"github.com/husk-reminders/husk/pkg/web"
)

// askable lets a command that takes a proof down ask the registers instead.
func askable(c *cobra.Command, person, why *string) {
	var ask bool
	c.Flags().BoolVar(&ask, "ask", false, "ask the configured registers about the person and take down what they vouch for; no address is read")
	c.Long += "\nWith --ask nothing but the person is read: the registers (verify.krr, verify.nemsms) are asked now."
	takeDown := c.RunE
	asks := withClient(func(c *cobra.Command, s *client, _ []string) error {
		key, err := whom(c, s, newQuestions(c), *person)
		if err != nil {
			return err
		}
		var a web.Asked
		if err := s.post(c.Context(), "/v1/persons/"+url.PathEscape(string(key))+"/verify", web.Ask{Reason: *why}, &a); err != nil {
			return err
		}
		return render(c, a, func(w io.Writer) { printAsked(w, a) })
	})
	c.RunE = func(c *cobra.Command, args []string) error {
		if !ask {
			return takeDown(c, args)
		}
		for _, f := range []string{"channel", "country", "method", "level", "at"} {
			if c.Flags().Changed(f) {
				return usageError{fmt.Errorf("--%s: leave it out with --ask: the register says it", f)}
			}
		}
		return asks(c, args)
	}
}

func printAsked(w io.Writer, a web.Asked) {
	var rows [][]string
	for _, x := range a.Answers {
		next := when(x.Until)
		if !x.Retry.IsZero() {
			next = "asked again " + when(x.Retry)
		}
		rows = append(rows, []string{x.Method, x.Verdict, string(x.Reason), words(x.Addresses), fmt.Sprint(x.Recorded), yes(x.Reserved), next})
	}
	table(w, "No register was asked: none is configured for the person's country, or no booking has told the national id.",
		[]string{"REGISTER", "ANSWER", "REASON", "ADDRESS HASHES", "NEW", "OBJECTS", "HOLDS UNTIL"}, rows)
}

// registers says of each way to verify addresses whether it may be relied on, and what the packs in force accept that nothing
// here can give. Nobody is asked.
func (d *doctor) registers(units *reminder.Directory, packs *policy.Set) {
	rs, closers, err := app.Registers(d.cfg, time.Now, zap.NewNop())
	for _, c := range closers {
		defer func() { _ = c.Close() }()
	}
	if err != nil {
		d.blame("verifiers", err, "mend the key, or set its environment to none: production refuses to start")
	}
	usable := map[policy.Method]bool{}
	for _, r := range rs {
		f := r.Verifier.Fitness()
		usable[f.Method] = f.Usable
		d.fitness(f)
	}
	d.codes(units)
	for _, c := range countriesOf(units) {
		p, ok := packs.For(c, d.now)
		if !ok {
			continue // told above
		}
		for _, m := range p.Verification.Methods {
			if m.Register() && !usable[m] {
				d.tell("verifiers", warning, ways(p, m), "%s accepts proofs by %s, and no register here can give them; only imported evidence of it can", p.ID, m)
			}
		}
	}
	if d.cfg.Verify.KRR.Environment == config.NoRegister && d.cfg.Verify.NemSMS.Environment == config.NoRegister {
		d.tell("verifiers", fine, "", "no register is configured: addresses are proven at the desk or imported")
	}
}

// codes says whether numbers can be proven by one-time codes: where a carrier takes SMS, and a unit writes by it.
func (d *doctor) codes(units *reminder.Directory) {
	f := code.Verifier{}.Fitness()
	switch {
	case d.cfg.Carriers.Type("sms") == config.None:
		f.Usable, f.Why, f.Do = false, "no carrier takes SMS, so no code can be sent", "set carriers.sms, or prove numbers at the desk (desk-id) or by a register"
	case !slices.ContainsFunc(units.Units(), func(u reminder.Unit) bool { return slices.Contains(u.Channels, reminder.SMS) }):
		f.Do = "no unit writes by SMS: a proven phone number is of no use yet"
	}
	d.fitness(f)
}

func (d *doctor) fitness(f contact.Fitness) {
	switch {
	case !f.Usable:
		d.tell("verifiers", warning, f.Do, "%s: not usable: %s", f.Method, f.Why)
	case f.Do != "":
		d.tell("verifiers", warning, f.Do, "%s: usable: %s", f.Method, f.Why)
	default:
		d.tell("verifiers", fine, "", "%s: usable: %s", f.Method, f.Why)
	}
}

// ways is what to do where a register's proofs are accepted and can't be had.
func ways(p policy.Pack, m policy.Method) string {
	var others []string
	for _, x := range p.Verification.Methods {
		if !x.Register() {
			others = append(others, string(x))
		}
	}
	do := "prove addresses another way"
	if len(others) > 0 {
		do += " (" + strings.Join(others, ", ") + ")"
	}
	if m == policy.KRR {
		return "configure verify.krr, or " + do
	}
	return do
}
