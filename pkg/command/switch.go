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
			"Names: all, unit:<id>, template:<set, template or version>, carrier:<sms or email>, pack:<id>, country:<code>.")
}

func resumeCommand() *cobra.Command {
	return switchCommand("resume", false, "Let sending go on that husk stop stopped", "Without a name it is what husk stop without a name stopped: all.")
}

func switchCommand(use string, on bool, short, long string) *cobra.Command {
	q := web.Switch{On: on}
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
			if err := s.post(c.Context(), "/v1/switches", q, &now); err != nil {
				return err
			}
			return render(c, now, func(w io.Writer) { printSwitches(w, now) })
		}),
	}
	c.Flags().StringVar(&q.Reason, "reason", "", "why, for the audit (required)")
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
}
