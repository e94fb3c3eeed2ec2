package command

import (
	"cmp"
	"fmt"
	"io"
	"net/url"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/husk-reminders/husk/pkg/ledger"
	"github.com/husk-reminders/husk/pkg/receipt"
	"github.com/husk-reminders/husk/pkg/web"
)

func reminderCommand() *cobra.Command {
	return group("reminder", "Reminders: where each stands and why", reminderList(), reminderFind(), reminderShow(), reminderLife(), reminderText(),
		reminderMove("release", "Plan a reminder again that is held as restored, or for digits that are nobody's",
			"What was due when a backup was restored may have left before: it is held, and released once it is sure that it did not leave.\n"+
				"What is held for nothing but digits that nothing explains is released once somebody has seen that they are nobody's: they pass\n"+
				"in this message and in no other. Released, it goes as soon as sending is on, if the gate says yes. Nobody can release what is\n"+
				"held for a national id, another person's data or a hidden character: mend the value or the template."),
		reminderMove("cancel", "Take back a reminder that is planned or held",
			"It is not sent and its patient is not on the letter list for it. A later event of the booking plans it again where it is due\n"+
				"after that event: to end an appointment's reminders, cancel it in the booking system."),
	)
}

func reminderList() *cobra.Command {
	var status, unit, person, reason string
	var most int
	c := &cobra.Command{
		Use:   "list",
		Short: "List reminders, the earliest due first",
		Args:  noArgs,
		RunE: withClient(func(c *cobra.Command, s *client, _ []string) error {
			q := url.Values{"max": {strconv.Itoa(most)}}
			for name, v := range map[string]string{"status": status, "unit": unit, "person": person, "reason": reason} {
				if v != "" {
					q.Set(name, v)
				}
			}
			var rs []ledger.ReminderView
			if err := s.get(c.Context(), "/v1/reminders", q, &rs); err != nil {
				return err
			}
			return render(c, rs, func(w io.Writer) {
				printReminders(w, rs)
				printHeld(w, rs...)
			})
		}),
	}
	f := c.Flags()
	f.StringVar(&status, "status", "", "of this status alone: planned, due, intended, accepted, delivered, undelivered, held, denied, expired, cancelled, unknown, rejected")
	f.StringVar(&unit, "unit", "", "of this unit alone")
	f.StringVar(&person, "person", "", "of the person with this person key alone")
	f.StringVar(&reason, "reason", "", "why you look, for the audit")
	f.IntVar(&most, "max", 100, "at most so many")
	return c
}

func printReminders(w io.Writer, rs []ledger.ReminderView) {
	var rows [][]string
	for _, r := range rs {
		rows = append(rows, []string{
			string(r.ID), string(r.Status), string(r.Purpose), r.Unit, when(r.Due), when(r.Start), r.Route, cmp.Or(r.Reason, r.Letter),
		})
	}
	table(w, "No reminders.", []string{"REMINDER", "STATUS", "PURPOSE", "UNIT", "DUE", "START", "ROUTE", "REASON"}, rows)
}

func reminderShow() *cobra.Command {
	var reason string
	c := &cobra.Command{
		Use:   "show <reminder>",
		Short: "Show a reminder with its attempts and findings",
		Args:  someArgs(1, "the id of one reminder"),
		RunE: withClient(func(c *cobra.Command, s *client, args []string) error {
			var r ledger.ReminderView
			if err := s.get(c.Context(), "/v1/reminders/"+url.PathEscape(args[0]), url.Values{"reason": {reason}}, &r); err != nil {
				return err
			}
			return render(c, r, func(w io.Writer) {
				printReminder(w, r)
				printHeld(w, r)
			})
		}),
	}
	c.Flags().StringVar(&reason, "reason", "", "why you look, for the audit")
	return c
}

func printReminder(w io.Writer, r ledger.ReminderView) {
	for _, x := range [][2]string{
		{"Reminder", string(r.ID)}, {"Person", string(r.Person)}, {"System", r.System}, {"Unit", r.Unit}, {"Purpose", string(r.Purpose)},
		{"Rule", r.Rule}, {"Start", when(r.Start)}, {"Due", when(r.Due)}, {"Expires", when(r.Expires)}, {"Route", r.Route},
		{"Status", string(r.Status)}, {"Since", when(r.Since)}, {"Reason", r.Reason}, {"Letter", r.Letter},
	} {
		if x[1] != "" {
			_, _ = fmt.Fprintf(w, "%-10s  %s\n", x[0], plain(x[1]))
		}
	}
	if len(r.Attempts) > 0 {
		var rows [][]string
		for _, t := range r.Attempts {
			rows = append(rows, []string{
				strconv.Itoa(t.Number), string(t.Status), string(t.Channel), when(t.Intended), when(t.Settled), t.Template, t.Pack, t.Basis, t.Code, t.Claim,
			})
		}
		_, _ = fmt.Fprintln(w)
		table(w, "", []string{"ATTEMPT", "STATUS", "CHANNEL", "INTENDED", "SETTLED", "TEMPLATE", "PACK", "BASIS", "CODE", "REFERENCE"}, rows)
	}
	if len(r.Findings) > 0 {
		var rows [][]string
		for _, f := range r.Findings {
			rows = append(rows, []string{f.Kind, f.Name, f.Layout, string(f.Part), f.Fact, strconv.Itoa(f.Offset), strconv.Itoa(f.Length)})
		}
		_, _ = fmt.Fprintln(w)
		table(w, "", []string{"FOUND", "NAME", "LAYOUT", "PART", "FACT", "AT BYTE", "BYTES"}, rows)
	}
}

// printHeld says what to do about the held among rs.
func printHeld(w io.Writer, rs ...ledger.ReminderView) {
	restored, digits, other := false, false, false
	for _, r := range rs {
		switch {
		case r.Status != receipt.Held:
		case r.Reason == ledger.HeldRestored:
			restored = true
		case r.Releasable:
			digits = true
		default:
			other = true
		}
	}
	if restored {
		_, _ = fmt.Fprintf(w, "\nHeld as %s: it was due when a backup was restored and may have left before. If the carrier's list does not have it,\n"+
			"husk reminder release; if it has, husk reminder cancel.\n", ledger.HeldRestored)
	}
	if digits {
		_, _ = fmt.Fprint(w, "\nHeld for digits that nothing explains: husk reminder show says where they stand. If they are nobody's, husk reminder release lets\n"+
			"them pass in this message; better, mend the template or the unit directory.\n")
	}
	if other {
		_, _ = fmt.Fprint(w, "\nHeld for another reason: its text is not clean; husk reminder show says where. Mend the value in the booking system, or the\n"+
			"template: the next event of the booking tries it again. It is on husk letter list: when a letter has gone,\n"+
			"husk reminder cancel.\n")
	}
}

// reminderMove is a command that moves one waiting reminder.
func reminderMove(use, short, long string) *cobra.Command {
	var q web.Why
	c := &cobra.Command{
		Use:   use + " <reminder>",
		Short: short,
		Long:  short + ".\n" + long,
		Args:  someArgs(1, "the id of one reminder"),
		RunE: withClient(func(c *cobra.Command, s *client, args []string) error {
			var m web.Moved
			if err := s.post(c.Context(), "/v1/reminders/"+url.PathEscape(args[0])+"/"+use, q, &m); err != nil {
				return err
			}
			return render(c, m, func(w io.Writer) { _, _ = fmt.Fprintf(w, "Reminder  %s\nStatus    %s\n", m.ID, m.Status) })
		}),
	}
	c.Flags().StringVar(&q.Reason, "reason", "", "why, for the audit (required)")
	return c
}
