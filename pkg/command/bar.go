package command

import (
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/husk-reminders/husk/pkg/reminder"
	"github.com/husk-reminders/husk/pkg/web"
)

func addressGroup() *cobra.Command {
	return group("address", "What is told of an address, whoever is behind it: STOP, START, wrong number",
		barCommand("bar", false, "Send nothing to an address any more, whoever is behind it",
			"When it returns the STOP is final: nothing to the address is on its way any more, or the audit names what is."),
		barCommand("unbar", true, "Lift the bar of an address", "It grants nothing: consent and proof of the address are asked for as before."),
		wrongCommand(),
		unmaskCommand(),
	)
}

func barCommand(use string, lift bool, short, long string) *cobra.Command {
	var channel, country string
	q := web.Bar{Lifted: lift}
	c := &cobra.Command{
		Use:   use,
		Short: short,
		Long:  short + ".\n" + long + "\nThe address is read from standard input.",
		Args:  noArgs,
	}
	f := c.Flags()
	f.StringVar(&channel, "channel", "", "sms or email (required)")
	f.StringVar(&country, "country", "", "country of a phone number without a country code: DK, SE, NO, FI or IS; without it the first unit's")
	f.StringVar(&q.Reason, "reason", "", "who asked for it and how, for the audit (required)")
	c.RunE = withClient(func(c *cobra.Command, s *client, _ []string) error {
		q.Channel, q.Country = reminder.Channel(channel), reminder.Country(strings.ToUpper(country))
		var err error
		if q.Address, err = newQuestions(c).line("The phone number or mail address"); err != nil {
			return err
		}
		var r web.Barred
		if err := s.post(c.Context(), "/v1/addresses/bars", q, &r); err != nil {
			return err
		}
		return render(c, r, func(w io.Writer) {
			_, _ = fmt.Fprintf(w, "Address  %s\nBarred   %s\nAt       %s\n", r.Hash, yes(r.Barred), when(r.At))
		})
	})
	return c
}

func wrongCommand() *cobra.Command {
	const short = "Take down that somebody gets messages at an address that are not theirs"
	var channel, country string
	var q web.WrongNumber
	c := &cobra.Command{
		Use:   "wrong",
		Short: short,
		Long: short + ".\nWho they are meant for need not be known: the address is blocked for everybody behind it until it is proven anew, what went there is\n" +
			"noted (husk reply misdeliveries), and what waits goes to the letter list.\nThe address is read from standard input.",
		Args: noArgs,
	}
	f := c.Flags()
	f.StringVar(&channel, "channel", "", "sms or email (required)")
	f.StringVar(&country, "country", "", "country of a phone number without a country code: DK, SE, NO, FI or IS; without it the first unit's")
	f.StringVar(&q.Reason, "reason", "", "who told it and how, for the audit (required)")
	c.RunE = withClient(func(c *cobra.Command, s *client, _ []string) error {
		q.Channel, q.Country = reminder.Channel(channel), reminder.Country(strings.ToUpper(country))
		var err error
		if q.Address, err = newQuestions(c).line("The phone number or mail address"); err != nil {
			return err
		}
		var r web.Blocked
		if err := s.post(c.Context(), "/v1/addresses/wrong", q, &r); err != nil {
			return err
		}
		return render(c, r, func(w io.Writer) {
			_, _ = fmt.Fprintf(w, "Address  %s\nBlocked  yes\nAware    %s\n", r.Hash, when(r.Aware))
		})
	})
	return c
}
