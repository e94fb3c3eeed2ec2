package command

import (
	"io"
	"net/url"
	"strings"

	"github.com/spf13/cobra"

	"github.com/husk-reminders/husk/pkg/contact"
	"github.com/husk-reminders/husk/pkg/policy"
	"github.com/husk-reminders/husk/pkg/reminder"
	"github.com/husk-reminders/husk/pkg/web"
)

func addressCommands() []*cobra.Command {
	return []*cobra.Command{
		addressCommand("add", contact.Added, "Take down that the person is said to have an address"),
		addressCommand("verify", contact.Verified, "Take down that an address was proven to be the person's"),
		addressCommand("remove", contact.Removed, "Take down that an address is not to be used"),
		addressCommand("wrong", contact.Wrong, "Take down that somebody else has an address"),
		codeGroup(),
	}
}

func addressCommand(use string, t contact.Type, short string) *cobra.Command {
	var channel, country, method, level, hash, at, by, why string
	c := &cobra.Command{
		Use:   use,
		Short: short,
		Long:  short + ".\n" + naming + "\nThe address is read from standard input, on the next line.",
		Args:  noArgs,
	}
	person := personFlag(c)
	f := c.Flags()
	good := t == contact.Added || t == contact.Verified
	f.StringVar(&channel, "channel", "", "sms or email (required)")
	f.StringVar(&country, "country", "", "country of a phone number without a country code: DK, SE, NO, FI or IS; without it the first unit's")
	if good {
		f.StringVar(&method, "method", "", "how it is known: "+words(web.ByHand)+" (required)")
	} else {
		f.StringVar(&hash, "hash", "", "hash of the address, as husk person show has it, in place of the address")
	}
	if t == contact.Verified {
		f.StringVar(&level, "level", "", "what was proven, if less than the method can prove: claimed, proven or registered")
	}
	f.StringVar(&by, "by", "", "role or staff id of who takes it down, never a name")
	f.StringVar(&at, "at", "", "when it happened, as 2026-03-12 or RFC 3339; without it now")
	f.StringVar(&why, "reason", "", "a note for the audit")
	c.RunE = withClient(func(c *cobra.Command, s *client, _ []string) error {
		body := web.AddressChange{
			Type: t, Channel: reminder.Channel(channel), Country: reminder.Country(strings.ToUpper(country)), Method: policy.Method(method),
			Hash: reminder.AddressHash(hash), By: by, Reason: why,
		}
		var err error
		if body.EventTime, err = instant("at", at); err != nil {
			return err
		}
		if level != "" {
			body.Level = new(policy.Level)
			if err := body.Level.UnmarshalText([]byte(level)); err != nil {
				return usageError{err}
			}
		}
		q := newQuestions(c)
		key, err := whom(c, s, q, *person)
		if err != nil {
			return err
		}
		if hash == "" {
			if body.Address, err = q.line("The phone number or mail address"); err != nil {
				return err
			}
		}
		var r web.Recorded
		if err := s.post(c.Context(), "/v1/persons/"+url.PathEscape(string(key))+"/addresses", body, &r); err != nil {
			return err
		}
		return render(c, r, func(w io.Writer) { printRecorded(w, r) })
	})
	if t == contact.Verified {
		askable(c, person, &why)
	}
	return c
}
