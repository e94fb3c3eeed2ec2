package command

import (
	"fmt"
	"io"
	"net/url"

	"github.com/spf13/cobra"

	"github.com/husk-reminders/husk/pkg/gate"
	"github.com/husk-reminders/husk/pkg/reminder"
	"github.com/husk-reminders/husk/pkg/web"
)

// policyGroup are the commands about the rules.
func policyGroup() *cobra.Command {
	return group("policy", "The rules, and how they decide", policyExplain())
}

func policyExplain() *cobra.Command {
	var purpose, channel, at string
	var q web.Explain
	c := &cobra.Command{
		Use:   "explain",
		Short: "Show step by step how the gate decides on a message to a person",
		Long: "Show how the gate decides, or would have decided, on a message to a person: every rule it asks, what it finds, and where\n" +
			"the rule comes from. It is the gate's own decision; nothing is sent, and nothing comes of it.\n" +
			"For an earlier time, what was taken down later does not count; STOPs, switches and shared addresses are those of now.\n" + naming,
		Args: noArgs,
	}
	person := personFlag(c)
	f := c.Flags()
	f.StringVar(&purpose, "purpose", string(reminder.Remind), "reminder, changed or cancelled")
	f.StringVar(&channel, "channel", "", "sms or email; without it the unit's, in their order")
	f.StringVar(&q.Unit, "unit", "", "id of the unit that would write (required)")
	f.StringVar(&q.Route, "route", "", "the carrier's route, for the switches")
	f.IntVar(&q.Age, "age", 0, "how old the person is, where no booking has told it")
	f.StringVar(&at, "at", "", "when, as 2026-03-12 or RFC 3339; without it now")
	f.StringVar(&q.Reason, "reason", "", "why you look, for the audit (required)")
	c.RunE = withClient(func(c *cobra.Command, s *client, _ []string) error {
		var err error
		if q.At, err = instant("at", at); err != nil {
			return err
		}
		q.Purpose, q.Channel = reminder.Purpose(purpose), reminder.Channel(channel)
		key, err := whom(c, s, newQuestions(c), *person)
		if err != nil {
			return err
		}
		var x gate.Explanation
		if err := s.post(c.Context(), "/v1/persons/"+url.PathEscape(string(key))+"/explain", q, &x); err != nil {
			return err
		}
		return render(c, x, func(w io.Writer) { printExplanation(w, x) })
	})
	return c
}

func printExplanation(w io.Writer, x gate.Explanation) {
	_, _ = fmt.Fprintf(w, "At        %s\nDecision  %s\n", when(x.At), plain(x.Outcome))
	for _, l := range [][2]string{
		{"Reason", string(x.Reason)}, {"Pack", x.Pack.ID}, {"Hash", x.Pack.Hash}, {"Channel", string(x.Channel)}, {"Address", string(x.Address)},
		{"Basis", x.Basis}, {"To", string(x.Recipient)},
	} {
		if l[1] != "" {
			_, _ = fmt.Fprintf(w, "%-8s  %s\n", l[0], plain(l[1]))
		}
	}
	if x.HidePlace {
		_, _ = fmt.Fprintln(w, "Place     not to be told")
	}
	_, _ = fmt.Fprintln(w)
	var rows [][]string
	for i, s := range x.Steps {
		rows = append(rows, []string{fmt.Sprint(i + 1), string(s.Answer), string(s.Rule), s.About, s.Value, s.Source})
	}
	table(w, "Nothing was asked.", []string{"STEP", "ANSWER", "RULE", "ABOUT", "FOUND", "WHY IT IS ASKED"}, rows)
}
