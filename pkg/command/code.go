package command

import (
	"errors"
	"fmt"
	"io"
	"net/url"
	"strings"

	"github.com/spf13/cobra"

	"github.com/husk-reminders/husk/pkg/contact/code"
	"github.com/husk-reminders/husk/pkg/reminder"
	"github.com/husk-reminders/husk/pkg/web"
)

// errNotProven makes a check of a code fail that proved nothing: what it came to has been printed.
var errNotProven = errors.New("the number is not proven")

// codeGroup sends one-time codes and checks them.
func codeGroup() *cobra.Command {
	return group("code", "One-time codes: prove a phone number while you talk with the person", codeSend(), codeCheck())
}

func codeSend() *cobra.Command {
	var country, unit, language, why string
	c := &cobra.Command{
		Use:   "send",
		Short: "Send a one-time code to a phone number",
		Long: "Sends a code of six digits by SMS, to a number that a person whose identity you have checked says is theirs. It is good for ten\n" +
			"minutes and five tries; a new one ends the one before.\n" + naming + "\nThe number is read from standard input, on the next line.",
		Args: noArgs,
	}
	person := personFlag(c)
	f := c.Flags()
	f.StringVar(&unit, "unit", "", "unit that asks, as the unit directory has it (required)")
	f.StringVar(&country, "country", "", "country of a number without a country code: DK, SE, NO, FI or IS; without it the first unit's")
	f.StringVar(&language, "language", "", "language of the message, such as en; without it the unit's")
	f.StringVar(&why, "reason", "", "a note for the audit")
	c.RunE = withClient(func(c *cobra.Command, s *client, _ []string) error {
		body := web.CodeWanted{Country: reminder.Country(strings.ToUpper(country)), Unit: unit, Language: language, Reason: why}
		q := newQuestions(c)
		key, err := whom(c, s, q, *person)
		if err != nil {
			return err
		}
		if body.Address, err = q.line("The phone number"); err != nil {
			return err
		}
		var r web.CodeSent
		if err := s.post(c.Context(), "/v1/persons/"+url.PathEscape(string(key))+"/codes", body, &r); err != nil {
			return err
		}
		return render(c, r, func(w io.Writer) { printCodeSent(w, r) })
	})
	return c
}

func printCodeSent(w io.Writer, r web.CodeSent) {
	state := "the carrier has it"
	if !r.Sure {
		state = "nobody knows whether it left; if it arrives, it is good"
	}
	_, _ = fmt.Fprintf(w, "Code      %s\nAddress   %s\nGood until %s\n", state, r.Hash, when(r.Expires))
}

func codeCheck() *cobra.Command {
	var country, hash, why string
	c := &cobra.Command{
		Use:   "check",
		Short: "Check the code that the person told back",
		Long: "Compares a code as the person tells it. The right one is taken down as a proof that the number is theirs; anything else ends with\n" +
			"status 1.\n" + naming + "\nThe number, or with --hash not, and the code are read from standard input, each on the next line.",
		Args: noArgs,
	}
	person := personFlag(c)
	f := c.Flags()
	f.StringVar(&country, "country", "", "country of a number without a country code: DK, SE, NO, FI or IS; without it the first unit's")
	f.StringVar(&hash, "hash", "", "hash of the number, as sending the code printed it, in place of the number")
	f.StringVar(&why, "reason", "", "a note for the audit")
	c.RunE = withClient(func(c *cobra.Command, s *client, _ []string) error {
		body := web.CodeTold{Country: reminder.Country(strings.ToUpper(country)), Hash: reminder.AddressHash(hash), Reason: why}
		q := newQuestions(c)
		key, err := whom(c, s, q, *person)
		if err != nil {
			return err
		}
		if hash == "" {
			if body.Address, err = q.line("The phone number"); err != nil {
				return err
			}
		}
		if body.Code, err = q.line("The code"); err != nil {
			return err
		}
		var r web.CodeChecked
		if err := s.post(c.Context(), "/v1/persons/"+url.PathEscape(string(key))+"/codes/check", body, &r); err != nil {
			return err
		}
		if err := render(c, r, func(w io.Writer) { printCodeChecked(w, r) }); err != nil {
			return err
		}
		if !r.Proven {
			return errNotProven
		}
		return nil
	})
	return c
}

// codeOutcomes are what a check came to, in words.
var codeOutcomes = map[string]string{
	code.Right.String():   "right: the number is proven",
	code.TooMany.String(): "wrong, and no try is left: send a new code",
	code.TooLate.String(): "too late: send a new code",
	code.NoCode.String():  "no code is open for this person and number: send one",
}

func printCodeChecked(w io.Writer, r web.CodeChecked) {
	outcome, ok := codeOutcomes[r.Outcome]
	if !ok {
		outcome = fmt.Sprintf("%s: %d tries left", r.Outcome, r.Left)
	}
	_, _ = fmt.Fprintf(w, "Code      %s\nAddress   %s\n", outcome, r.Hash)
}
