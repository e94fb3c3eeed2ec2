package command

import (
	"fmt"
	"io"
	"net/url"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/husk-reminders/husk/pkg/ledger"
	"github.com/husk-reminders/husk/pkg/web"
)

func letterCommand() *cobra.Command {
	var unit string
	var done bool
	var most int
	list := &cobra.Command{
		Use:   "list",
		Short: "List appointments whose patient must be written to or rung up, the soonest first",
		Args:  noArgs,
		RunE: withClient(func(c *cobra.Command, s *client, _ []string) error {
			q := ofUnit(unit)
			if done {
				return listDone(c, s, q)
			}
			q.Set("max", strconv.Itoa(most))
			var ls ledger.Letters
			if err := s.get(c.Context(), "/v1/letters", q, &ls); err != nil {
				return err
			}
			return render(c, ls, func(w io.Writer) { printLetters(w, ls) })
		}),
	}
	list.Flags().StringVar(&unit, "unit", "", "of this unit alone")
	list.Flags().BoolVar(&done, "done", false, "those that were marked done within the last day instead, the newest first")
	list.Flags().IntVar(&most, "max", 1000, "the soonest, at most so many; it is told how many are left")
	return group("letter", "What can't be sent and must be written or rung up", list, letterDone())
}

func printLetters(w io.Writer, ls ledger.Letters) {
	var rows [][]string
	for _, l := range ls.Letters {
		how, reason := "letter", l.Reason
		if l.Call {
			how = "CALL"
		}
		if l.Provisional {
			reason += " (so far)"
		}
		rows = append(rows, []string{how, when(l.Start), l.Unit, l.System, l.Appointment, reason, string(l.ID)})
	}
	table(w, "Nobody needs a letter or a call.", []string{"HOW", "START", "UNIT", "SYSTEM", "APPOINTMENT", "REASON", "LETTER"}, rows)
	if ls.Left > 0 {
		_, _ = fmt.Fprintf(w, "\n%d more begin after these: list a unit's alone with --unit, or more with --max.\n", ls.Left)
	}
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
