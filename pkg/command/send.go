package command

import (
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/husk-reminders/husk/pkg/web"
)

func sendGroup() *cobra.Command {
	return group("send", "Send a test message", sendTest())
}

// errNotAccepted means that a carrier did not take a test message.
var errNotAccepted = errors.New("the carrier did not accept the test message")

func sendTest() *cobra.Command {
	var carrier, reason string
	c := &cobra.Command{
		Use:   "test",
		Short: "Send the fixed test message by a carrier, to the configured test number or address",
		Long: "It goes to send.test_sms or send.test_email and nowhere else, says that it is a test, and counts in the carrier's limits. It is in\n" +
			"the audit, and in no list of reminders.",
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) > 0 {
				return usageError{errors.New("husk send test: takes no recipient: it goes to send.test_sms or send.test_email alone")}
			}
			return nil
		},
		RunE: withClient(func(c *cobra.Command, s *client, _ []string) error {
			var x web.CarrierTest
			if err := s.post(c.Context(), "/v1/carriers/test", web.TestCarrier{Name: carrier, Reason: reason}, &x); err != nil {
				return err
			}
			if err := render(c, x, func(w io.Writer) {
				_, _ = fmt.Fprintf(w, "%s by %s: %s\n", x.Channel, x.Carrier, plain(x.Outcome+" "+x.Code))
				if x.Reference != "" {
					_, _ = fmt.Fprintf(w, "reference %s, the carrier's %s\n", x.Reference, plain(x.CarrierID))
				}
			}); err != nil {
				return err
			}
			if x.Outcome != "accepted" {
				return errNotAccepted
			}
			return nil
		}),
	}
	f := c.Flags()
	f.StringVar(&carrier, "carrier", "", "the carrier's name (required)")
	f.StringVar(&reason, "reason", "", "why, for the audit")
	_ = c.MarkFlagRequired("carrier")
	return c
}
