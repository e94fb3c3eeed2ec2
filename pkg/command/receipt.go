package command

import (
	"cmp"
	"fmt"
	"io"
	"net/url"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/husk-reminders/husk/pkg/ledger"
)

func receiptCommand() *cobra.Command {
	return group("receipt", "What became of messages, by their carriers", receiptShow())
}

func receiptShow() *cobra.Command {
	var reason string
	c := &cobra.Command{
		Use:   "show <reference or reminder>",
		Short: "Tell what became of a message: the intent, the carrier's answer, its reports",
		Long: "Tell what became of a message, by the reference that the carrier was given, or of all attempts of a reminder, by its id: when it was\n" +
			"intended, what the carrier answered, and what it has reported since, with its codes. It shows no number, no name and no text.",
		Args: someArgs(1, "a reference or the id of one reminder"),
		RunE: withClient(func(c *cobra.Command, s *client, args []string) error {
			var x ledger.Receipt
			if err := s.get(c.Context(), "/v1/receipts/"+url.PathEscape(args[0]), url.Values{"reason": {reason}}, &x); err != nil {
				return err
			}
			return render(c, x, func(w io.Writer) { printReceipt(w, x) })
		}),
	}
	c.Flags().StringVar(&reason, "reason", "", "why you look, for the audit")
	return c
}

func printReceipt(w io.Writer, x ledger.Receipt) {
	lines := [][2]string{{"Reminder", string(x.Reminder)}, {"Unit", x.Unit}, {"Status", string(x.Status)}}
	for _, t := range x.Attempts {
		lines = append(lines, [2]string{}, [2]string{"Attempt", strconv.Itoa(t.Number)}, [2]string{"Reference", t.Reference}, [2]string{"Route", t.Route},
			[2]string{"Channel", string(t.Channel)}, [2]string{"Carrier", t.Carrier}, [2]string{"Its ids", strings.TrimSpace(strings.Join(append([]string{t.CarrierID}, t.Parts...), " "))},
			[2]string{"Status", string(t.Status)}, [2]string{"Code", t.Code}, [2]string{"Fault", string(t.Fault)}, [2]string{"By", t.By})
		for _, l := range lines {
			if l[0] == "" {
				_, _ = fmt.Fprintln(w)
			} else if l[1] != "" {
				_, _ = fmt.Fprintf(w, "%-10s  %s\n", l[0], plain(l[1]))
			}
		}
		lines = nil
		var rows [][]string
		for _, s := range t.Steps {
			part, signed := "", ""
			if s.Segment > 0 {
				part = strconv.Itoa(s.Segment)
			}
			if s.Signed {
				signed = "yes"
			}
			rows = append(rows, []string{when(s.At), s.What, part, s.Code, string(s.Fault), when(s.Told), signed, cmp.Or(s.Carrier, s.By)})
		}
		_, _ = fmt.Fprintln(w)
		table(w, "Nothing was journalled of it.", []string{"AT", "WHAT", "PART", "CODE", "FAULT", "BY THE CARRIER AT", "SIGNED", "BY"}, rows)
		if t.Unreported {
			_, _ = fmt.Fprint(w, "\nThe carrier has told nothing of it in the time that it may take: it was accepted, and nobody knows more.\n")
		}
	}
	if len(x.Attempts) == 0 {
		for _, l := range lines {
			_, _ = fmt.Fprintf(w, "%-10s  %s\n", l[0], plain(l[1]))
		}
		_, _ = fmt.Fprint(w, "\nNothing was handed over.\n")
	}
	if !x.Complete {
		_, _ = fmt.Fprint(w, "\nThe journal has more than was read: there may have been steps between these.\n")
	}
}
