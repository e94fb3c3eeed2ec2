package command

import (
	"fmt"
	"io"
	"net/url"

	"github.com/spf13/cobra"

	"github.com/husk-reminders/husk/pkg/reminder"
	"github.com/husk-reminders/husk/pkg/web"
)

func unmaskCommand() *cobra.Command {
	var hash, why string
	c := &cobra.Command{
		Use:   "unmask",
		Short: "Show one address of a person in full, to ring or write by hand",
		Long: "Show one address of a person in full, to ring or write by hand. Each showing is in the audit with its reason, and counts: no more\n" +
			"than api.unmask_rate an hour for one caller.\n" + naming,
		Args: noArgs,
	}
	person := personFlag(c)
	f := c.Flags()
	f.StringVar(&hash, "hash", "", "hash of the address, as husk person show has it (required)")
	f.StringVar(&why, "reason", "", "why it must be seen, for the audit (required)")
	c.RunE = withClient(func(c *cobra.Command, s *client, _ []string) error {
		key, err := whom(c, s, newQuestions(c), *person)
		if err != nil {
			return err
		}
		var u web.Unmasked
		if err := s.post(c.Context(), "/v1/persons/"+url.PathEscape(string(key))+"/unmask", web.Unmask{Hash: reminder.AddressHash(hash), Reason: why}, &u); err != nil {
			return err
		}
		return render(c, u, func(w io.Writer) { _, _ = fmt.Fprintf(w, "%s  %s\n", u.Channel, u.Address) })
	})
	return c
}
