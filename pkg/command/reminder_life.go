package command

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"net/url"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/husk-reminders/husk/pkg/ledger"
	"github.com/husk-reminders/husk/pkg/reminder"
	"github.com/husk-reminders/husk/pkg/web"
)

func reminderFind() *cobra.Command {
	var q web.FindReminders
	var person string
	c := &cobra.Command{
		Use:   "find [<system> <appointment>]",
		Short: "Find the reminders of an appointment, by the id that the booking system knows it by, or of a person",
		Args: func(_ *cobra.Command, args []string) error {
			if person != "" && len(args) == 0 || person == "" && len(args) == 2 {
				return nil
			}
			return usageError{errors.New("husk reminder find: want the booking system and the appointment's id there, or --person")}
		},
		RunE: withClient(func(c *cobra.Command, s *client, args []string) error {
			if q.Person = reminder.PersonKey(person); person == "" {
				q.System, q.Appointment = args[0], args[1]
			}
			var rs []ledger.ReminderView
			if err := s.post(c.Context(), "/v1/reminders/find", q, &rs); err != nil {
				return err
			}
			return render(c, rs, func(w io.Writer) {
				printReminders(w, rs)
				printHeld(w, rs...)
			})
		}),
	}
	f := c.Flags()
	f.StringVar(&person, "person", "", "of the person with this person key")
	f.StringVar(&q.Unit, "unit", "", "of this unit alone")
	f.StringVar(&q.Reason, "reason", "", "why you look, for the audit")
	return c
}

func reminderLife() *cobra.Command {
	var reason, person string
	c := &cobra.Command{
		Use:   "life <reminder>",
		Short: "Tell what became of a reminder, step by step",
		Long: "Tell what became of a reminder, the oldest step first. Behind a no stand the rules as the gate asked them, as far as it comes to the\n" +
			"same no with the pack and the records of then. What was only put off for a while is written nowhere.",
		Args: someArgs(1, "the id of one reminder"),
		RunE: withClient(func(c *cobra.Command, s *client, args []string) error {
			q := url.Values{"reason": {reason}}
			if person != "" {
				q.Set("person", person)
			}
			var x web.Life
			if err := s.get(c.Context(), "/v1/reminders/"+url.PathEscape(args[0])+"/life", q, &x); err != nil {
				return err
			}
			return render(c, x, func(w io.Writer) { printLife(w, x) })
		}),
	}
	f := c.Flags()
	f.StringVar(&person, "person", "", "whose it is, as a person key: found sooner with it")
	f.StringVar(&reason, "reason", "", "why you look, for the audit")
	return c
}

func printLife(w io.Writer, x web.Life) {
	printReminder(w, x.Reminder)
	var rows [][]string
	for _, s := range x.Steps {
		attempt := ""
		if s.Attempt > 0 {
			attempt = strconv.Itoa(s.Attempt)
		}
		rows = append(rows, []string{when(s.At), s.What, attempt, cmp.Or(s.Reason, s.Basis), s.Code, s.By, s.Pack, s.Template, s.Route, when(s.Due)})
	}
	_, _ = fmt.Fprintln(w)
	table(w, "Nothing has become of it.", []string{"AT", "WHAT", "ATTEMPT", "REASON", "CODE", "BY", "PACK", "TEMPLATE", "ROUTE", "DUE"}, rows)
	for _, s := range x.Steps {
		if len(s.Decision) > 0 {
			_, _ = fmt.Fprintf(w, "\nThe no of %s:\n", when(s.At))
			var rows [][]string
			for _, d := range s.Decision {
				rows = append(rows, []string{string(d.Rule), string(d.Answer), d.About, d.Value, d.Source})
			}
			table(w, "", []string{"RULE", "ANSWER", "ABOUT", "FOUND", "SOURCE"}, rows)
		}
	}
	if !x.Complete {
		_, _ = fmt.Fprint(w, "\nThe journal has more than was read: there may have been steps between these.\n")
	}
}

func reminderText() *cobra.Command {
	var reason, person string
	c := &cobra.Command{
		Use:   "text <reminder>",
		Short: "Show a reminder's message as it left or would leave, masked",
		Args:  someArgs(1, "the id of one reminder"),
		RunE: withClient(func(c *cobra.Command, s *client, args []string) error {
			q := url.Values{"reason": {reason}}
			if person != "" {
				q.Set("person", person)
			}
			var x web.Text
			if err := s.get(c.Context(), "/v1/reminders/"+url.PathEscape(args[0])+"/text", q, &x); err != nil {
				return err
			}
			return render(c, x, func(w io.Writer) {
				for _, p := range x.Parts {
					_, _ = fmt.Fprintf(w, "%s\n%s\n", p.Kind, plainLines(p.Text))
					for _, f := range p.Findings {
						_, _ = fmt.Fprintf(w, "  %s %s at letter %d, %d letters; may be released: %s\n", f.Kind, plain(f.Layout), f.Offset+1, f.Length, yes(f.Releasable))
					}
					_, _ = fmt.Fprintln(w)
				}
			})
		}),
	}
	c.Flags().StringVar(&person, "person", "", "whose it is, as a person key: found sooner with it")
	c.Flags().StringVar(&reason, "reason", "", "why you look, for the audit (required)")
	return c
}
