package command

import (
	"errors"
	"fmt"
	"io"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/husk-reminders/husk/pkg/web"
)

// errNoCarrier means that no route names a carrier.
var errNoCarrier = errors.New("no such carrier: see husk carrier list")

func carrierGroup() *cobra.Command {
	return group("carrier", "List the carriers, and try them", carrierList(), carrierCheck())
}

func carrierList() *cobra.Command {
	return &cobra.Command{
		Use:   "list",
		Short: "How each carrier stands: health, limits and what is used of them today",
		Long: "Health is as the process that answers judges it by the last minute: well, returning (it gets few messages) or resting (none).\n" +
			"The addresses are those that carriers are to call with reports and answers: give each to its carrier. Each holds a secret, and that\n" +
			"they were shown is in the audit.",
		Args: noArgs,
		RunE: withClient(func(c *cobra.Command, s *client, _ []string) error {
			var cs []web.Carrier
			if err := s.get(c.Context(), "/v1/carriers", url.Values{"callbacks": {"true"}}, &cs); err != nil {
				return err
			}
			return render(c, cs, func(w io.Writer) { printCarriers(w, cs) })
		}),
	}
}

func carrierCheck() *cobra.Command {
	return &cobra.Command{
		Use:   "check [name]",
		Short: "Try the carriers, or one of them, without sending anything",
		Args:  someArgs(0, "at most one name"),
		RunE: withClient(func(c *cobra.Command, s *client, args []string) error {
			var cs []web.Carrier
			if err := s.get(c.Context(), "/v1/carriers", url.Values{"try": {"true"}}, &cs); err != nil {
				return err
			}
			if len(args) == 1 {
				cs = slices.DeleteFunc(cs, func(x web.Carrier) bool { return x.Name != args[0] })
				if len(cs) == 0 {
					return errNoCarrier
				}
			}
			if err := render(c, cs, func(w io.Writer) { printChecked(w, cs) }); err != nil {
				return err
			}
			for _, x := range cs {
				if x.Problem != "" {
					return errProblems
				}
			}
			return nil
		}),
	}
}

func printCarriers(w io.Writer, cs []web.Carrier) {
	var rows [][]string
	for _, x := range cs {
		health := fmt.Sprintf("%s, %d good and %d bad", x.Health, x.Good, x.Bad)
		for _, more := range []string{x.Full, x.Blind} {
			if more != "" {
				health += ", " + more
			}
		}
		if x.Stopped != "" {
			health += ", STOPPED: " + x.Stopped
		}
		rows = append(rows, []string{
			x.Name, x.Type, strings.Join(x.Channels, " "), plain(health), strconv.Itoa(x.Slots), ofLimit(x.Used.Messages, x.Limit.Messages), ofLimit(x.Used.Cost, x.Limit.Cost),
		})
	}
	table(w, "No carriers.", []string{"NAME", "TYPE", "CHANNEL", "HEALTH", "SLOTS", "TODAY", "COST"}, rows)
	rows = nil
	for _, x := range cs {
		if x.Callback != "" {
			rows = append(rows, []string{x.Name, x.Callback})
		}
	}
	if len(rows) > 0 {
		_, _ = fmt.Fprintln(w)
		table(w, "", []string{"NAME", "IS TO CALL (SECRET)"}, rows)
	}
}

// ofLimit is what is used of what may be; a dash where nothing is counted.
func ofLimit(used, limit int) string {
	if limit == 0 {
		return "-"
	}
	return fmt.Sprintf("%d of %d", used, limit)
}

func printChecked(w io.Writer, cs []web.Carrier) {
	var rows [][]string
	for _, x := range cs {
		said := "can't be tried without sending"
		switch {
		case x.Problem != "":
			said = x.Problem
		case x.Tried:
			said = "answers"
		}
		rows = append(rows, []string{x.Name, x.Type, plain(said)})
	}
	table(w, "No carriers.", []string{"NAME", "TYPE", "CHECK"}, rows)
}
