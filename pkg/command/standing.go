package command

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/url"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/husk-reminders/husk/pkg/consent"
	"github.com/husk-reminders/husk/pkg/policy"
	"github.com/husk-reminders/husk/pkg/reminder"
	"github.com/husk-reminders/husk/pkg/web"
)

// standingGroup are the commands about what is known of a person, apart from what they said.
func standingGroup() *cobra.Command {
	return group("standing", "Guardians, protected address, death, the end of care",
		standingCommand("guardian", consent.Custody, "Take down that a guardian has custody of the person"),
		standingCommand("guardian-ended", consent.CustodyEnded, "Take down that a guardian has custody no longer"),
		standingCommand("protected", consent.Protected, "Take down that the person's address is protected: nothing is sent"),
		standingCommand("protection-ended", consent.ProtectionEnded, "Take down that the same source says that it is so no longer"),
		standingCommand("deceased", consent.Deceased, "Take down that the person is dead: nothing is sent"),
		standingCommand("not-deceased", consent.NotDeceased, "Take down that the same source says that this was a mistake"),
		standingCommand("care-ended", consent.CareEnded, "Take down that the care contact has ended, and what was agreed to for as long as it lasts"),
	)
}

func standingCommand(use string, t consent.Type, short string) *cobra.Command {
	var method, source, scope, at, until, by, why, guardian string
	var noPlace bool
	custody := t == consent.Custody || t == consent.CustodyEnded
	long := short + ".\n" + naming
	if custody {
		long += "\nThe guardian is named on the next line of it, or by --guardian."
	}
	c := &cobra.Command{Use: use, Short: short, Long: long, Args: noArgs}
	person := personFlag(c)
	f := c.Flags()
	f.StringVar(&method, "method", "", "how it is known: "+words(consent.Methods)+"; custody is proven by desk or register alone (required)")
	if custody {
		f.StringVar(&guardian, "guardian", "", "person key of the guardian; without it the guardian is read from standard input")
	} else {
		f.StringVar(&source, "source", "", "role or id of the source, never a name; what one source says another does not lift")
	}
	if t == consent.Custody {
		f.StringVar(&until, "valid-until", "", "when it ends, as 2027-12-31 or RFC 3339; without it it holds until it is ended")
		f.BoolVar(&noPlace, "no-place", false, "this guardian is not to be told where the appointment is")
	}
	if t == consent.CareEnded {
		f.StringVar(&scope, "scope", string(policy.ControllerScope), "where it has ended: controller, hospital:<id> or unit:<id>")
	}
	f.StringVar(&at, "at", "", "as of when the source says so, as 2026-03-12 or RFC 3339; without it now")
	f.StringVar(&by, "recorded-by", "", "role or staff id of who takes it down, never a name")
	f.StringVar(&why, "reason", "", "a note for the audit")
	c.RunE = withClient(func(c *cobra.Command, s *client, _ []string) error {
		b := web.Consent{
			Type: t, Method: consent.Method(method), Actor: consent.Actor{Kind: consent.Staff, Ref: source}, RecordedBy: by, NoPlace: noPlace, Reason: why,
		}
		if b.Method == consent.Register {
			b.Actor.Kind = consent.Registry
		}
		kind, ref, _ := strings.Cut(scope, ":")
		b.Scope = consent.Scope{Kind: policy.Scope(kind), Ref: ref}
		var err error
		if b.EventTime, err = instant("at", at); err != nil {
			return err
		}
		if b.ValidUntil, err = instant("valid-until", until); err != nil {
			return err
		}
		q := newQuestions(c)
		key, err := whom(c, s, q, *person)
		if err != nil {
			return err
		}
		if custody {
			k, err := whom(c, s, q, guardian)
			if err != nil {
				return fmt.Errorf("the guardian: %w", err)
			}
			b.Actor = consent.Actor{Kind: consent.Guardian, Ref: string(k)}
		}
		var r web.Recorded
		if err := s.post(c.Context(), "/v1/persons/"+url.PathEscape(string(key))+"/consent", b, &r); err != nil {
			return err
		}
		return render(c, r, func(w io.Writer) { printRecorded(w, r) })
	})
	return c
}

// consentExport writes a person's record of consent out.
func consentExport() *cobra.Command {
	var as, language, why, to string
	c := &cobra.Command{
		Use:   "export",
		Short: "Write out a person's record: as FHIR R4 Consent, or as a page for the person",
		Long:  "Write out a person's record: as a FHIR R4 Bundle of Consent resources, or as an HTML page for the person to read.\n" + naming,
		Args:  noArgs,
	}
	person := personFlag(c)
	f := c.Flags()
	f.StringVar(&as, "as", "fhir", "fhir or page")
	f.StringVar(&language, "language", "en", "language of the page: "+strings.Join(consent.PageLanguages, ", "))
	f.StringVar(&to, "to", "", "file to write, readable by you alone; without it standard output")
	f.StringVar(&why, "reason", "", "why you look, for the audit (required)")
	c.RunE = withClient(func(c *cobra.Command, s *client, _ []string) error {
		key, err := whom(c, s, newQuestions(c), *person)
		if err != nil {
			return err
		}
		b, err := export(c, s, key, url.Values{"as": {as}, "language": {language}, "reason": {why}})
		if err != nil {
			return err
		}
		if to == "" {
			_, err = c.OutOrStdout().Write(b)
			return err
		}
		return os.WriteFile(to, b, 0o600)
	})
	return c
}

func export(c *cobra.Command, s *client, key reminder.PersonKey, q url.Values) ([]byte, error) {
	path := "/v1/persons/" + url.PathEscape(string(key)) + "/consent"
	if q.Get("as") == "page" {
		var p web.ConsentPage
		err := s.get(c.Context(), path, q, &p)
		return []byte(p.HTML), err
	}
	var raw json.RawMessage
	if err := s.get(c.Context(), path, q, &raw); err != nil {
		return nil, err
	}
	var b bytes.Buffer
	err := json.Indent(&b, raw, "", "  ")
	return append(b.Bytes(), '\n'), err
}
