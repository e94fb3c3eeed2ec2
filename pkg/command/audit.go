package command

import (
	"io"
	"net/url"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/husk-reminders/husk/pkg/ledger"
)

func auditCommand() *cobra.Command {
	return group("audit", "Who read or changed what is known of whom, and why", auditList())
}

func auditList() *cobra.Command {
	var person, reason string
	var most int
	c := &cobra.Command{
		Use:   "list",
		Short: "List the audit, the newest last",
		Long: "Lists the audit, the newest last: who did what, to which person (as person key) or address (as hash), and why. LEFT BEFORE\n" +
			"names the messages that were on their way when a STOP or withdrawal was acknowledged. This reading is in the audit too.",
		Args: noArgs,
		RunE: withClient(func(c *cobra.Command, s *client, _ []string) error {
			q := url.Values{"max": {strconv.Itoa(most)}}
			for name, v := range map[string]string{"person": person, "reason": reason} {
				if v != "" {
					q.Set(name, v)
				}
			}
			var as []ledger.Audit
			if err := s.get(c.Context(), "/v1/audit", q, &as); err != nil {
				return err
			}
			return render(c, as, func(w io.Writer) {
				var rows [][]string
				for _, a := range as {
					rows = append(rows, []string{when(a.At), a.Actor, a.Action, string(a.Person), string(a.Address), a.Reason, strings.Join(a.Left, ", ")})
				}
				table(w, "Nothing is in the audit.", []string{"TIME", "ACTOR", "ACTION", "PERSON", "ADDRESS HASH", "REASON", "LEFT BEFORE"}, rows)
			})
		}),
	}
	f := c.Flags()
	f.StringVar(&person, "person", "", "about the person with this person key alone")
	f.StringVar(&reason, "reason", "", "why you look, for the audit")
	f.IntVar(&most, "max", 100, "the newest, at most so many")
	return c
}
