package command

import (
	"fmt"
	"io"
	"net/url"
	"strings"

	"github.com/spf13/cobra"

	"github.com/husk-reminders/husk/pkg/web"
)

// pagesSessions lists who is signed in to the pages.
func pagesSessions() *cobra.Command {
	return &cobra.Command{
		Use:   "sessions",
		Short: "List who is signed in, the newest first",
		Args:  noArgs,
		RunE: withClient(func(c *cobra.Command, s *client, _ []string) error {
			var all []web.SignedIn
			if err := s.get(c.Context(), "/v1/sessions", nil, &all); err != nil {
				return err
			}
			return render(c, all, func(w io.Writer) {
				var rows [][]string
				for _, x := range all {
					roles := make([]string, len(x.Grants))
					for i, g := range x.Grants {
						roles[i] = strings.TrimSpace(string(g.Role) + " " + strings.Join(g.Units, ","))
					}
					rows = append(rows, []string{x.ID, x.Name, strings.Join(roles, "; "), when(x.Begun), when(x.Seen), when(x.Wall)})
				}
				table(w, "Nobody is signed in.", []string{"ID", "NAME", "ROLES", "BEGUN", "SEEN", "WALL SINCE"}, rows)
			})
		}),
	}
}

// pagesRevoke signs somebody out.
func pagesRevoke() *cobra.Command {
	return &cobra.Command{
		Use:   "revoke <session>",
		Short: "Sign somebody out: their next click finds no session",
		Args:  someArgs(1, "the id of one session, as husk pages sessions lists it"),
		RunE: withClient(func(c *cobra.Command, s *client, args []string) error {
			var x web.EndedSession
			if err := s.post(c.Context(), "/v1/sessions/"+url.PathEscape(args[0])+"/revoke", nil, &x); err != nil {
				return err
			}
			return render(c, x, func(w io.Writer) { _, _ = fmt.Fprintf(w, "Signed out %s.\n", x.ID) })
		}),
	}
}
