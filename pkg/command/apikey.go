package command

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/husk-reminders/husk/pkg/web"
)

// apiCommand are the commands about the staff API itself.
func apiCommand() *cobra.Command {
	return group("api", "The staff API", &cobra.Command{
		Use:   "openapi",
		Short: "Print the OpenAPI 3.1 description of the staff API",
		Args:  noArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			b, err := web.Document()
			if err != nil {
				return err
			}
			_, err = c.OutOrStdout().Write(b)
			return err
		},
	})
}

func apiKeyCommand() *cobra.Command {
	return group("apikey", "API keys: who may call the staff API over HTTP (api.listen)", apiKeyNew(), apiKeyList(), apiKeyRevoke())
}

func apiKeyNew() *cobra.Command {
	var q web.NewAPIKey
	var role, expires string
	c := &cobra.Command{
		Use:   "new",
		Short: "Make an API key and print it, this once",
		Long: "Make an API key and print it, this once: it is kept as a keyed hash alone.\n\n" +
			"clerk          patients and reminders of some units (--unit)\n" +
			"approver       confirms that sending goes on; writes nothing\n" +
			"incident       finds out what went wrong, and stops it\n" +
			"auditor        reads the audit alone\n" +
			"administrator  carriers, dead letters and API keys; no patient\n\n" +
			"One key for one person or system: two keys with the same --holder count as one person where two are needed.",
		Args: noArgs,
		RunE: withClient(func(c *cobra.Command, s *client, _ []string) error {
			q.Role = web.Role(role)
			var err error
			if q.Expires, err = lasting(expires, time.Now()); err != nil {
				return err
			}
			var k web.MadeAPIKey
			if err := s.post(c.Context(), "/v1/apikeys", q, &k); err != nil {
				return err
			}
			return render(c, k, func(w io.Writer) {
				_, _ = fmt.Fprintf(w, "Id       %s\nRole     %s\nUnits    %s\nExpires  %s\nKey      %s\n\nKeep it now: it can't be shown again.\n",
					k.ID, k.Role, unitsOf(k.APIKey), when(k.Expires), k.Key)
			})
		}),
	}
	names := make([]string, len(web.Roles))
	for i, r := range web.Roles {
		names[i] = string(r)
	}
	f := c.Flags()
	f.StringVar(&role, "role", "", strings.Join(names, ", ")+" (required)")
	f.StringSliceVar(&q.Units, "unit", nil, "id of a unit that the key is for; several times or with commas; a clerk's key needs one")
	f.StringVar(&q.Holder, "holder", "", "whose it is, for the audit: a staff id or the name of a system")
	f.StringVar(&expires, "expires", "90d", "when it ends: after a time such as 12h or 90d, on a day such as 2027-12-31, or RFC 3339; at most 400 days ahead")
	return c
}

// lasting reads when something ends: a duration, in days too, or an instant.
func lasting(s string, now time.Time) (time.Time, error) {
	if days, ok := strings.CutSuffix(s, "d"); ok {
		if n, err := strconv.ParseUint(days, 10, 16); err == nil {
			return now.AddDate(0, 0, int(n)), nil
		}
	}
	if d, err := time.ParseDuration(s); err == nil {
		return now.Add(d), nil
	}
	t, err := instant("expires", s)
	if err != nil || t.IsZero() {
		return t, usageError{errors.New("--expires: want a time such as 12h or 90d, a day as 2027-12-31 or an instant as 2027-12-31T12:00:00+01:00")}
	}
	return t, nil
}

func unitsOf(k web.APIKey) string { return cmp.Or(strings.Join(k.Units, " "), "all") }

func apiKeyList() *cobra.Command {
	return &cobra.Command{
		Use:   "list",
		Short: "List API keys, the newest first",
		Args:  noArgs,
		RunE: withClient(func(c *cobra.Command, s *client, _ []string) error {
			var ks []web.APIKey
			if err := s.get(c.Context(), "/v1/apikeys", nil, &ks); err != nil {
				return err
			}
			return render(c, ks, func(w io.Writer) {
				var rows [][]string
				for _, k := range ks {
					rows = append(rows, []string{k.ID, string(k.Role), unitsOf(k), k.Holder, when(k.Made), k.By, when(k.Expires), when(k.Revoked)})
				}
				table(w, "No API keys.", []string{"ID", "ROLE", "UNITS", "HOLDER", "MADE", "BY", "EXPIRES", "REVOKED"}, rows)
			})
		}),
	}
}

func apiKeyRevoke() *cobra.Command {
	return &cobra.Command{
		Use:   "revoke <id>",
		Short: "Revoke an API key: from the next request on it is not let in",
		Args:  someArgs(1, "the id of one API key"),
		RunE: withClient(func(c *cobra.Command, s *client, args []string) error {
			var k web.APIKey
			if err := s.post(c.Context(), "/v1/apikeys/"+url.PathEscape(args[0])+"/revoke", nil, &k); err != nil {
				return err
			}
			return render(c, k, func(w io.Writer) { _, _ = fmt.Fprintf(w, "Revoked %s, a key of the role %s.\n", k.ID, k.Role) })
		}),
	}
}
