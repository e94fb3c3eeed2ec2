package command

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"net/url"
	"strconv"
	"strings"

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

func attemptCommand() *cobra.Command {
	return group("attempt", "Attempts of which nobody knows whether the message left", attemptList(), attemptSettle())
}

func attemptList() *cobra.Command {
	var unit string
	var most int
	c := &cobra.Command{
		Use:   "list",
		Short: "List attempts that are in doubt, the oldest first",
		Long: "The carrier did not say whether it took the message, and it is never sent again by itself. Ask the carrier by the reference, and say\n" +
			"what you learnt with `husk attempt settle`.",
		Args: noArgs,
		RunE: withClient(func(c *cobra.Command, s *client, _ []string) error {
			q := url.Values{"max": {strconv.Itoa(most)}}
			if unit != "" {
				q.Set("unit", unit)
			}
			var ds []web.Doubt
			if err := s.get(c.Context(), "/v1/attempts", q, &ds); err != nil {
				return err
			}
			return render(c, ds, func(w io.Writer) {
				var rows [][]string
				for _, d := range ds {
					rows = append(rows, []string{d.Reference, when(d.At), strconv.Itoa(d.Hours) + " h", d.Route, d.Unit, when(d.Start), d.Code, d.CarrierID, string(d.Reminder)})
				}
				table(w, "No attempt is in doubt.", []string{"REFERENCE", "AT", "AGE", "ROUTE", "UNIT", "START", "CODE", "CARRIER'S", "REMINDER"}, rows)
			})
		}),
	}
	c.Flags().StringVar(&unit, "unit", "", "of this unit alone")
	c.Flags().IntVar(&most, "max", 100, "at most so many")
	return c
}

func attemptSettle() *cobra.Command {
	var q web.Settle
	c := &cobra.Command{
		Use:   "settle <reference>",
		Short: "Say what became of an attempt that is in doubt, as the carrier told",
		Long: "Nothing is sent by it. What did not leave goes to the letter list, where nothing else tells the patient in time. A later answer of the\n" +
			"carrier's counts more than what is said here.",
		Args: someArgs(1, "the reference of one attempt, as husk attempt list has it"),
		RunE: withClient(func(c *cobra.Command, s *client, args []string) error {
			q.Outcome = strings.ReplaceAll(q.Outcome, "-", "_")
			var d web.Doubt
			if err := s.post(c.Context(), "/v1/attempts/"+url.PathEscape(args[0])+"/settle", q, &d); err != nil {
				return err
			}
			return render(c, d, func(w io.Writer) {
				_, _ = fmt.Fprintf(w, "Attempt   %s\nReminder  %s\nStatus    %s\n", d.Reference, d.Reminder, d.Status)
			})
		}),
	}
	c.Flags().StringVar(&q.Outcome, "outcome", "", "left or not-left (required)")
	c.Flags().StringVar(&q.Reason, "reason", "", "how you learnt it, for the audit (required)")
	return c
}

// listDone lists the letters and calls of the last day that can still be taken back.
func listDone(c *cobra.Command, s *client, q url.Values) error {
	var ls []ledger.LetterDone
	if err := s.get(c.Context(), "/v1/letters/done", q, &ls); err != nil {
		return err
	}
	return render(c, ls, func(w io.Writer) {
		var rows [][]string
		for _, l := range ls {
			rows = append(rows, []string{when(l.At), plain(l.By), when(l.Start), l.Unit, l.System, l.Appointment, string(l.ID)})
		}
		table(w, "Nothing was marked done within the last day.", []string{"DONE", "BY", "START", "UNIT", "SYSTEM", "APPOINTMENT", "LETTER"}, rows)
	})
}

func letterDone() *cobra.Command {
	var q web.LetterDone
	c := &cobra.Command{
		Use:   "done <letter>",
		Short: "Take a letter or call off the list: somebody has written or rung",
		Long: "Take a letter or call off the list: somebody has written or rung. With --undo, within a day, it is on the list again. When the start\n" +
			"moves, or the patient is told something else, the list has it anew.",
		Args: someArgs(1, "the id of one letter, as husk letter list has it"),
		RunE: withClient(func(c *cobra.Command, s *client, args []string) error {
			var x ledger.LetterDone
			if err := s.post(c.Context(), "/v1/letters/"+url.PathEscape(args[0])+"/done", q, &x); err != nil {
				return err
			}
			return render(c, x, func(w io.Writer) {
				if x.By == "" {
					_, _ = fmt.Fprintf(w, "On the list again  %s\n", x.ID)
					return
				}
				_, _ = fmt.Fprintf(w, "Done  %s\nBy    %s\nAt    %s\n", x.ID, plain(x.By), when(x.At))
			})
		}),
	}
	c.Flags().BoolVar(&q.Undo, "undo", false, "it has not gone after all")
	c.Flags().StringVar(&q.Reason, "reason", "", "what was done, for the audit")
	return c
}
