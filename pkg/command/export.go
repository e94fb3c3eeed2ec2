package command

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/husk-reminders/husk/pkg/ledger"
)

func personExport() *cobra.Command {
	var reason string
	var reveal bool
	c := &cobra.Command{
		Use:   "export",
		Short: "Print everything that is held of a person",
		Long: "Prints everything that is held of a person: words of consent and where they came from, addresses, appointments as they were told,\n" +
			"reminders and attempts with time, status and the carrier's reference, decisions with the policy pack and the reason, and who read or\n" +
			"changed it. " + naming + "\nAddresses, national id and name are masked unless --reveal is given. Other people of a booking are counted, not named.\n" +
			"With --json it is one JSON object. It reads the whole journal, which takes a while. Who asked, and why, is in the audit.",
		Args: noArgs,
	}
	person := personFlag(c)
	f := c.Flags()
	f.StringVar(&reason, "reason", "", "why, for the audit (required)")
	f.BoolVar(&reveal, "reveal", false, "write addresses, national id and name out")
	c.RunE = withClient(func(c *cobra.Command, s *client, _ []string) error {
		key, err := whom(c, s, newQuestions(c), *person)
		if err != nil {
			return err
		}
		q := url.Values{"reason": {reason}, "reveal": {strconv.FormatBool(reveal)}}
		var x ledger.Export
		if err := s.get(c.Context(), "/v1/persons/"+url.PathEscape(string(key))+"/export", q, &x); err != nil {
			return err
		}
		return render(c, x, func(w io.Writer) { printExport(w, x) })
	})
	return c
}

func printExport(w io.Writer, x ledger.Export) {
	_, _ = fmt.Fprintf(w, "Person     %s\nAs of      %s\nProtected  %s\nDeceased   %s\n", x.Person, when(x.At), yes(x.Protected), yes(x.Deceased))
	for _, k := range x.Also {
		_, _ = fmt.Fprintf(w, "Before     %s\n", k)
	}
	if x.Into != "" {
		_, _ = fmt.Fprintf(w, "Goes by    %s\n", x.Into)
	}
	if !x.Erased.IsZero() {
		_, _ = fmt.Fprintf(w, "Erased     %s: what was held until then is gone\n", when(x.Erased))
	}
	if x.Unreadable > 0 {
		_, _ = fmt.Fprintf(w, "Unreadable %d entries, of which the key is destroyed\n", x.Unreadable)
	}
	part := func(title string) { _, _ = fmt.Fprintf(w, "\n%s\n", title) }

	part("What was said about messages")
	var rows [][]string
	for _, r := range x.Words {
		from := ""
		if r.Source != nil {
			from = fmt.Sprintf("%s (file %.12s, line %d)", r.Source.Evidence, r.Source.File, r.Source.Line)
		}
		rows = append(rows, []string{
			when(r.EventTime), when(r.Recorded), string(r.Type), words(r.Purposes), words(r.Channels), strings.TrimSuffix(string(r.Scope.Kind)+":"+r.Scope.Ref, ":"),
			string(r.Method), strings.TrimSuffix(string(r.Actor.Kind)+":"+r.Actor.Ref, ":"), when(r.ValidUntil), r.Notice.ID, r.Pack.ID, from,
		})
	}
	table(w, "Nothing.", []string{"SAID", "TAKEN DOWN", "TYPE", "PURPOSES", "CHANNELS", "SCOPE", "METHOD", "WHO SPOKE", "VALID UNTIL", "NOTICE", "RULES", "IMPORTED FROM"}, rows)
	if len(x.Proof) > 0 {
		part("Words of before the erasure, kept as proof until " + when(x.ProofUntil))
		rows = nil
		for _, r := range x.Proof {
			rows = append(rows, []string{when(r.EventTime), string(r.Type), words(r.Purposes), words(r.Channels), string(r.Method)})
		}
		table(w, "", []string{"SAID", "TYPE", "PURPOSES", "CHANNELS", "METHOD"}, rows)
	}

	part("Addresses")
	rows = nil
	for _, a := range x.Addresses {
		from := ""
		if a.Source != nil {
			from = fmt.Sprintf("%s (file %.12s, line %d)", a.Source.Evidence, a.Source.File, a.Source.Line)
		}
		rows = append(rows, []string{when(a.EventTime), string(a.Type), string(a.Channel), cmp.Or(a.Address, string(a.Hash)), string(a.Method), a.Level.String(), a.By, yes(a.Barred), from})
	}
	table(w, "None.", []string{"WHEN", "WHAT", "CHANNEL", "ADDRESS", "METHOD", "LEVEL", "BY", "BARRED", "IMPORTED FROM"}, rows)

	part("Appointments, as booking systems told them")
	rows = nil
	for _, a := range x.Appointments {
		rows = append(rows, []string{when(a.Told), a.System, a.ID, string(a.Status), when(a.Start), a.Unit, a.Kind, a.NationalID, a.GivenName, a.BirthDate, a.Language, others(a)})
	}
	table(w, "None.", []string{"TOLD", "SYSTEM", "APPOINTMENT", "STATUS", "START", "UNIT", "KIND", "NATIONAL ID", "NAME", "BORN", "LANGUAGE", "OTHERS"}, rows)

	if len(x.Codes) > 0 {
		part("One-time codes that were to be sent")
		rows = nil
		for _, c := range x.Codes {
			rows = append(rows, []string{when(c.At), c.Reference, c.Unit, c.Language, c.Address, string(c.Hash)})
		}
		table(w, "None.", []string{"AT", "REFERENCE", "UNIT", "LANGUAGE", "ADDRESS", "ADDRESS HASH"}, rows)
	}

	part("Reminders and attempts")
	rows = nil
	for _, r := range x.Reminders {
		rows = append(rows, []string{string(r.ID), string(r.Purpose), when(r.Due), string(r.Status), r.Reason, "", "", "", ""})
		for _, t := range r.Attempts {
			rows = append(rows, []string{"  " + t.Claim, string(t.Channel), when(t.Intended), string(t.Status), t.Code, t.CarrierID, t.Template, t.Pack, t.Basis})
		}
	}
	table(w, "None.", []string{"REMINDER", "PURPOSE", "TIME", "STATUS", "REASON", "CARRIER'S REFERENCE", "TEMPLATE", "RULES", "BASIS"}, rows)

	part("Decisions")
	rows = nil
	for _, d := range x.Decisions {
		rows = append(rows, []string{when(d.At), string(d.What), string(d.Reminder), d.Claim, string(d.Status), d.Decision.Reason, d.Decision.Basis, d.Decision.Pack, short(d.Decision.PackHash), d.Carrier, d.By})
	}
	table(w, "None.", []string{"AT", "WHAT", "REMINDER", "REFERENCE", "STATUS", "REASON", "BASIS", "RULES", "THEIR HASH", "CARRIER'S", "BY"}, rows)

	for _, m := range x.Merges {
		_, _ = fmt.Fprintf(w, "\nMerged at %s: from %s into %s, %s\n", when(m.At), m.From, m.Into, plain(m.Evidence))
	}

	part("Who read or changed it")
	rows = nil
	for _, a := range x.Audits {
		rows = append(rows, []string{when(a.At), a.Actor, a.Action, a.Reason, strings.Join(a.Left, ", ")})
	}
	table(w, "Nobody.", []string{"AT", "WHO", "WHAT", "WHY", "LEFT BEFORE"}, rows)
}

func others(a ledger.ExportedAppointment) string {
	var out []string
	for _, role := range slices.Sorted(maps.Keys(a.Others)) {
		out = append(out, fmt.Sprintf("%d %s", a.Others[role], role))
	}
	return strings.Join(out, ", ")
}

func short(hash string) string { return hash[:min(12, len(hash))] }
