package command

import (
	"fmt"
	"io"
	"net/url"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/husk-reminders/husk/pkg/web"
)

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
			q := ofUnit(unit)
			q.Set("max", strconv.Itoa(most))
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
