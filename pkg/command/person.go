package command

import (
	"fmt"
	"io"
	"net/url"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/husk-reminders/husk/pkg/consent"
	"github.com/husk-reminders/husk/pkg/web"
)

// naming is what every command about a person says of how to name one.
const naming = "The person is named on standard input, by country and national id on one line, or by --person and the person key."

func personCommand() *cobra.Command {
	return group("person", "What is known of a person: consent, addresses, reminders",
		personShow(),
		group("consent", "What a person has said about messages",
			consentCommand("grant", consent.Granted, "Take down that the person said yes"),
			consentCommand("notice", consent.Noticed, "Take down that the person was told of the messages and may object"),
			consentCommand("withdraw", consent.Withdrawn, "Take down that the person takes a yes back, or objects"),
			consentCommand("refuse", consent.Refused, "Take down that the person was asked and said no"),
			consentExport(),
		),
		standingGroup(),
		personImport(), personExport(), personErase(), personMerge(),
		group("address", "Phone numbers and mail addresses of a person", addressCommands()...),
	)
}

func personFlag(c *cobra.Command) *string {
	return c.Flags().String("person", "", "person key; without it the person is read from standard input")
}

func personShow() *cobra.Command {
	var reason string
	c := &cobra.Command{
		Use:   "show",
		Short: "Show consent, addresses (as hashes) and reminders of a person",
		Long:  naming + "\nWho looked, and why, is kept in the audit.",
		Args:  noArgs,
	}
	person := personFlag(c)
	c.Flags().StringVar(&reason, "reason", "", "why you look, for the audit (required)")
	c.RunE = withClient(func(c *cobra.Command, s *client, _ []string) error {
		key, err := whom(c, s, newQuestions(c), *person)
		if err != nil {
			return err
		}
		var p web.Person
		if err := s.get(c.Context(), "/v1/persons/"+url.PathEscape(string(key)), url.Values{"reason": {reason}}, &p); err != nil {
			return err
		}
		return render(c, p, func(w io.Writer) { printPerson(w, p) })
	})
	return c
}

func printPerson(w io.Writer, p web.Person) {
	_, _ = fmt.Fprintf(w, "Person     %s\nKnown      %s\nProtected  %s\nDeceased   %s\n\n", p.Person, yes(p.Known), yes(p.Protected), yes(p.Deceased))
	var rows [][]string
	for _, a := range p.Addresses {
		var proofs []string
		for _, x := range a.Proofs {
			proofs = append(proofs, fmt.Sprintf("%s (%s) %s", x.Method, x.Level, x.At.Local().Format("2006-01-02")))
		}
		rows = append(rows, []string{string(a.Channel), string(a.Hash), stateOf(a), strings.Join(proofs, ", "), strconv.Itoa(a.Persons)})
	}
	table(w, "No addresses.", []string{"CHANNEL", "ADDRESS HASH", "STATE", "PROOFS", "PERSONS"}, rows)
	_, _ = fmt.Fprintln(w)
	for _, g := range p.Guardians {
		_, _ = fmt.Fprintf(w, "Guardian   %s, custody as of %s, told the place: %s\n", g.Person, when(g.Since), yes(!g.NoPlace))
	}
	rows = nil
	for _, r := range p.Consent {
		rows = append(rows, []string{
			when(r.EventTime), string(r.Type), string(p.Worth[r.ID]), words(r.Purposes), words(r.Channels), strings.TrimSuffix(string(r.Scope.Kind)+":"+r.Scope.Ref, ":"),
			string(r.Method), strings.TrimSuffix(string(r.Actor.Kind)+":"+r.Actor.Ref, ":"), when(r.ValidUntil), r.Notice.ID,
		})
	}
	table(w, "No word about messages.", []string{"SAID", "TYPE", "WORTH", "PURPOSES", "CHANNELS", "SCOPE", "METHOD", "ACTOR", "VALID UNTIL", "NOTICE"}, rows)
	_, _ = fmt.Fprintln(w)
	printMayAsk(w, p.MayAsk)
	printReminders(w, p.Reminders)
}

// printMayAsk says who may ask the person for a yes now, and for what.
func printMayAsk(w io.Writer, all []web.MayAsk) {
	var rows [][]string
	for _, x := range all {
		may := "yes"
		switch {
		case x.May:
		case x.Why == "yes":
			may = "no: there is a yes that holds"
		case !x.From.IsZero():
			may = "from " + x.From.Local().Format("2006-01-02") + ": a no is left alone until then"
		case x.Why == "no":
			may = "no: a no is left alone"
		default:
			may = "no: " + x.Why
		}
		rows = append(rows, []string{x.Unit, string(x.Purpose), string(x.Channel), may})
	}
	table(w, "Nothing to ask for.", []string{"UNIT", "PURPOSE", "CHANNEL", "MAY BE ASKED NOW"}, rows)
	_, _ = fmt.Fprintln(w)
}

// stateOf is the first thing that speaks against an address.
func stateOf(a web.Address) string {
	for _, x := range []struct {
		is   bool
		word string
	}{{a.Barred, "barred"}, {a.Wrong, "wrong"}, {a.Removed, "removed"}, {a.Bounced, "bounced"}, {a.Changed, "changed"}, {a.Usable, "usable"}} {
		if x.is {
			return x.word
		}
	}
	return "unverified"
}

func printRecorded(w io.Writer, r web.Recorded) {
	_, _ = fmt.Fprintf(w, "Recorded  %s\nPerson    %s\nAt        %s\n", r.ID, r.Person, when(r.Recorded))
	if r.Hash != "" {
		_, _ = fmt.Fprintf(w, "Address   %s\n", r.Hash)
	}
}
