package command

import (
	"fmt"
	"io"
	"maps"
	"slices"

	"github.com/spf13/cobra"

	"github.com/husk-reminders/husk/pkg/gate"
	"github.com/husk-reminders/husk/pkg/web"
)

func stopCommand() *cobra.Command {
	return switchCommand("stop", true, "Stop sending: everything, or one unit, template, carrier, pack or country",
		"When it returns no message is handed over any more for that name; one that was confirmed just before may still leave,\n"+
			"within the write deadline. What is due waits, and expires when it has become useless.\n\n"+
			"Names: all, unit:<id>, template:<set, template or version>, carrier:<name, or sms or email for a whole channel>, pack:<id>, country:<code>.")
}

func resumeCommand() *cobra.Command {
	c := switchCommand("resume", false, "Let sending go on that husk stop stopped",
		"Without a name it is what husk stop without a name stopped: all.\n\n"+
			"In production, and wherever the staff API listens (api.listen), it takes two people: one asks and says what was mended, and another\n"+
			"confirms it within a day, with --confirm or with an approver's API key. --list shows what is stopped and who has asked.")
	return c
}

func switchCommand(use string, on bool, short, long string) *cobra.Command {
	q := web.Switch{On: on}
	var confirm, list bool
	c := &cobra.Command{
		Use:   use + " [name]",
		Short: short,
		Long:  long,
		Args:  someArgs(0, "at most one name"),
		RunE: withClient(func(c *cobra.Command, s *client, args []string) error {
			q.Name = gate.SwitchAll
			if len(args) == 1 {
				q.Name = args[0]
			}
			var now web.Switches
			var err error
			switch {
			case list:
				err = s.get(c.Context(), "/v1/switches", nil, &now)
			case confirm:
				err = s.post(c.Context(), "/v1/switches/confirm", web.Confirm{Name: q.Name, Reason: q.Reason}, &now)
			default:
				err = s.post(c.Context(), "/v1/switches", q, &now)
			}
			if err != nil {
				return err
			}
			return render(c, now, func(w io.Writer) { printSwitches(w, now) })
		}),
	}
	f := c.Flags()
	f.StringVar(&q.Reason, "reason", "", "why, for the audit (required)")
	if !on {
		f.StringVar(&q.Mended, "mended", "", "what was mended so that it doesn't happen again, or its number (required where it takes two people)")
		f.BoolVar(&confirm, "confirm", false, "confirm what another person has asked for")
		f.BoolVar(&list, "list", false, "list what is stopped, and who has asked that it goes on")
		c.MarkFlagsMutuallyExclusive("confirm", "list")
		c.MarkFlagsMutuallyExclusive("confirm", "mended")
	}
	return c
}

func printSwitches(w io.Writer, now web.Switches) {
	if len(now.Stopped) == 0 {
		_, _ = fmt.Fprintln(w, "Nothing is stopped.")
		return
	}
	var rows [][]string
	for _, name := range slices.Sorted(maps.Keys(now.Stopped)) {
		rows = append(rows, []string{name, now.Stopped[name]})
	}
	table(w, "", []string{"STOPPED", "REASON"}, rows)
	if len(now.Waiting) == 0 {
		return
	}
	rows = nil
	for _, x := range now.Waiting {
		rows = append(rows, []string{x.Name, x.By, when(x.At), x.Reason, x.Mended})
	}
	_, _ = fmt.Fprintln(w)
	table(w, "", []string{"WAITS FOR ANOTHER PERSON", "ASKED BY", "AT", "REASON", "MENDED"}, rows)
	_, _ = fmt.Fprintln(w, "Another person confirms it with husk resume <name> --confirm, or an approver's API key.")
}
