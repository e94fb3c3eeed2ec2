package command

import (
	"fmt"
	"io"
	"net/url"

	"github.com/spf13/cobra"

	"github.com/husk-reminders/husk/pkg/ledger"
	"github.com/husk-reminders/husk/pkg/web"
)

func personErase() *cobra.Command {
	var q web.Erase
	c := &cobra.Command{
		Use:   "erase",
		Short: "Erase a person: destroy the data key, cancel what waits, keep a note that stops an import",
		Long: "Erases a person. " + naming + "\nWhat is known of the person is taken out of the state, what waits is cancelled, and what was said until now never counts again,\n" +
			"whoever imports it. When nothing for the person is on its way any more, the data key is destroyed: all other keys are rewrapped under a\n" +
			"new epoch key, and the old one is written over in the keyset file. From then on no copy of the data tells anything of the person. The\n" +
			"answer says whether that is so (COMPLETE), and which keyset files of other processes have not followed yet.\n\n" +
			"Words of consent are kept, with no name and no address, for as long as it must be provable that messages were allowed (proof_years of\n" +
			"the policy pack; GDPR Article 17(3)(b) and (e)); --no-proof keeps none. Bars are kept: they are the address's.\n\n" +
			"If you keep a copy of the keyset, replace it afterwards, with the .ring file beside it, and destroy the old one: it opens old copies of\n" +
			"the data, and the new one alone opens what comes.",
		Args: noArgs,
	}
	person := personFlag(c)
	f := c.Flags()
	f.StringVar(&q.Reason, "reason", "", "why, for the audit (required)")
	f.BoolVar(&q.NoProof, "no-proof", false, "keep no words of consent")
	f.BoolVar(&q.Unknown, "unknown", false, "also when nothing is held: an old list must not bring the person in")
	f.BoolVar(&q.Later, "later", false, "leave the destroying of the key to the nightly sweep")
	c.RunE = withClient(func(c *cobra.Command, s *client, _ []string) error {
		key, err := whom(c, s, newQuestions(c), *person)
		if err != nil {
			return err
		}
		var x ledger.Erasure
		if err := s.post(c.Context(), "/v1/persons/"+url.PathEscape(string(key))+"/erase", q, &x); err != nil {
			return err
		}
		return render(c, x, func(w io.Writer) { printErasure(w, x) })
	})
	return c
}

func printErasure(w io.Writer, x ledger.Erasure) {
	_, _ = fmt.Fprintf(w, "Erased     %s\nAt         %s\nCancelled  %d reminders\n", x.Person, when(x.At), x.Cancelled)
	for _, k := range x.Also {
		_, _ = fmt.Fprintf(w, "Also       %s\n", k)
	}
	for _, claim := range x.Left {
		_, _ = fmt.Fprintf(w, "Left       %s had gone out, or may have, before\n", claim)
	}
	if x.Words > 0 {
		_, _ = fmt.Fprintf(w, "Kept       %d words of consent, without name and address, until %s\n", x.Words, x.Until.Local().Format("2006-01-02"))
	}
	switch {
	case x.Complete:
		_, _ = fmt.Fprintln(w, "Complete   yes: the data key is destroyed. Replace the copy of the keyset that you keep, and destroy the old one.")
	case len(x.Waiting) > 0:
		_, _ = fmt.Fprintln(w, "Complete   no: these keyset files have the old epoch key still, until their processes have run")
		for _, h := range x.Waiting {
			_, _ = fmt.Fprintf(w, "           %s  %s on %s\n", h.ID, plain(h.File), plain(h.Host))
		}
	default:
		_, _ = fmt.Fprintln(w, "Complete   no: the key is no longer used, and destroyed by the sweep of retention")
	}
}

func personMerge() *cobra.Command {
	var q web.Merge
	var into string
	c := &cobra.Command{
		Use:   "merge",
		Short: "Say that two national ids are one person's: what was said no to carries over, no yes does",
		Long: "Says that a person whom we knew by one national id (a replacement number, a D-number) goes by another from now on. The old one is\n" +
			"named on standard input, by country and national id on one line, or by --person; the one from now on on the next line, or by --into.\n" +
			"Withdrawals, refusals, wrong numbers, protection and death carry over; no yes and no proof of an address does. What waits for the old\n" +
			"id goes to the letter list, until the booking system's next event names the new one.",
		Args: noArgs,
	}
	person := personFlag(c)
	f := c.Flags()
	f.StringVar(&into, "into", "", "person key that the person goes by from now on")
	f.StringVar(&q.Evidence, "evidence", "", "where it stands that the two are one: a register's notice, a case (required; sealed)")
	f.StringVar(&q.By, "recorded-by", "", "role or staff id of who says so, never a name")
	f.StringVar(&q.Reason, "reason", "", "why, for the audit (required)")
	c.RunE = withClient(func(c *cobra.Command, s *client, _ []string) error {
		in := newQuestions(c)
		from, err := whom(c, s, in, *person)
		if err != nil {
			return err
		}
		if q.Into, err = whom(c, s, in, into); err != nil {
			return err
		}
		var x ledger.MergeResult
		if err := s.post(c.Context(), "/v1/persons/"+url.PathEscape(string(from))+"/merge", q, &x); err != nil {
			return err
		}
		return render(c, x, func(w io.Writer) {
			_, _ = fmt.Fprintf(w, "Merged     %s\nInto       %s\nCarried    %d words, %d addresses that are not to be used\nWaiting    %d reminders, until the next event\n",
				x.From, x.Into, x.Words, x.Addresses, x.Waiting)
		})
	})
	return c
}

func keysHolders() *cobra.Command {
	return &cobra.Command{
		Use:   "list",
		Short: "List the keyset files of the processes that share a broker, and whether they have the epoch key that is now",
		Args:  noArgs,
		RunE: withClient(func(c *cobra.Command, s *client, _ []string) error {
			var hs []ledger.Holder
			if err := s.get(c.Context(), "/v1/keys/holders", nil, &hs); err != nil {
				return err
			}
			return render(c, hs, func(w io.Writer) { printHolders(w, hs) })
		}),
	}
}

func keysForget() *cobra.Command {
	var reason string
	c := &cobra.Command{
		Use:   "forget ID",
		Short: "Take a keyset file off the list that was destroyed with its machine",
		Long: "Takes a keyset file off the list. Whoever has that file can read what was erased since, in copies of before: see that it is destroyed\n" +
			"first. ID is as husk keys list has it.",
		Args: someArgs(1, "the ID of one keyset file"),
		RunE: withClient(func(c *cobra.Command, s *client, args []string) error {
			var hs []ledger.Holder
			body := map[string]string{"reason": reason}
			if err := s.post(c.Context(), "/v1/keys/holders/"+url.PathEscape(args[0])+"/forget", body, &hs); err != nil {
				return err
			}
			return render(c, hs, func(w io.Writer) { printHolders(w, hs) })
		}),
	}
	c.Flags().StringVar(&reason, "reason", "", "why, for the audit (required)")
	return c
}

func printHolders(w io.Writer, hs []ledger.Holder) {
	var rows [][]string
	for _, h := range hs {
		rows = append(rows, []string{h.ID, h.Host, h.File, yes(!h.Old)})
	}
	table(w, "One process owns the data: there is one keyset file.", []string{"ID", "HOST", "FILE", "CURRENT"}, rows)
}
