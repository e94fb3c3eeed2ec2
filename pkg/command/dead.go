package command

import (
	"context"
	"fmt"
	"io"
	"net/url"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/husk-reminders/husk/pkg/config"
	"github.com/husk-reminders/husk/pkg/ledger"
	"github.com/husk-reminders/husk/pkg/web"
)

func deadCommand() *cobra.Command {
	return group("dead", "Booking events that could not be understood", deadList(), deadShow(), deadReplay())
}

func deadList() *cobra.Command {
	return &cobra.Command{
		Use:   "list",
		Short: "List dead letters by reason and shape, the oldest first",
		Args:  noArgs,
		RunE: withClient(func(c *cobra.Command, s *client, _ []string) error {
			ds, err := deadLetters(c, s)
			if err != nil {
				return err
			}
			return render(c, ds, func(w io.Writer) {
				var rows [][]string
				for _, d := range ds {
					rows = append(rows, []string{strconv.FormatUint(d.ID, 10), when(d.Received), d.Station, d.System, d.Reason, d.Detail, d.Shape})
				}
				table(w, "No dead letters.", []string{"ID", "RECEIVED", "STATION", "SYSTEM", "REASON", "DETAIL", "SHAPE"}, rows)
			})
		}),
	}
}

func deadLetters(c *cobra.Command, s *client) ([]ledger.DeadLetter, error) {
	var ds []ledger.DeadLetter
	err := s.get(c.Context(), "/v1/dead", nil, &ds)
	return ds, err
}

func deadShow() *cobra.Command {
	var reason string
	c := &cobra.Command{
		Use:   "show <id>",
		Short: "Show a dead letter as it came: personal data, and in the audit",
		Args:  someArgs(1, "the id of one dead letter, as husk dead list shows it"),
		RunE: withClient(func(c *cobra.Command, s *client, args []string) error {
			var d web.DeadLetter
			if err := s.get(c.Context(), "/v1/dead/"+url.PathEscape(args[0]), url.Values{"reason": {reason}}, &d); err != nil {
				return err
			}
			return render(c, d, func(w io.Writer) {
				_, _ = fmt.Fprintf(w, "Dead letter  %d\nReceived     %s\nReason       %s %s\nSubject      %s\n", d.ID, when(d.Received), plain(d.Reason), d.Detail, plain(d.Subject))
				_, _ = fmt.Fprintf(w, "\n%s\n", plainLines(d.Content))
			})
		}),
	}
	c.Flags().StringVar(&reason, "reason", "", "why you look, for the audit (required)")
	return c
}

func deadReplay() *cobra.Command {
	var all bool
	c := &cobra.Command{
		Use:   "replay <id>... | --all",
		Short: "Put dead letters back into the intake, once what was wrong is mended",
		Long: "Each is taken in as what came when it first did. One that came before its person was erased is not put back: it is taken away,\n" +
			"and the answer says so.",
		Args: func(c *cobra.Command, args []string) error {
			if (len(args) == 0) == !all {
				return usageError{fmt.Errorf("%s: want the ids of dead letters, or --all", c.CommandPath())}
			}
			return nil
		},
		RunE: withClient(func(c *cobra.Command, s *client, args []string) error {
			if all {
				ds, err := deadLetters(c, s)
				if err != nil {
					return err
				}
				for _, d := range ds {
					args = append(args, strconv.FormatUint(d.ID, 10))
				}
			}
			done := []web.Replayed{}
			for _, id := range args {
				var r web.Replayed
				if err := s.post(c.Context(), "/v1/dead/"+url.PathEscape(id)+"/replay", nil, &r); err != nil {
					return fmt.Errorf("after %d replayed: %w", len(done), err)
				}
				done = append(done, r)
			}
			return render(c, done, func(w io.Writer) {
				refused := 0
				for _, r := range done {
					if r.Refused != "" {
						refused++
						_, _ = fmt.Fprintf(w, "Dead letter %d is not put back, and is gone: %s.\n", r.ID, plain(r.Refused))
					}
				}
				_, _ = fmt.Fprintf(w, "Put back: %d.\n", len(done)-refused)
				if s.local && len(done) > refused {
					_, _ = fmt.Fprintln(w, "husk serve takes them in when it runs.")
				}
			})
		}),
	}
	c.Flags().BoolVar(&all, "all", false, "all that there are now")
	return c
}

func stateCommand() *cobra.Command {
	return group("state", "The state that is folded from the journal", &cobra.Command{
		Use:   "rebuild",
		Short: "Throw the state away and make it again from the journal",
		Long: "A running husk serve stops sending and taking events meanwhile, and goes on by itself. It returns when the state is certified.\n" +
			"With a store outside the process (redis.url) it is emptied and filled again, for all processes that share it. A store that\n" +
			"was ahead of the journal tells that the journal was restored from a backup: then sending is off until husk resume.",
		Args: noArgs,
		RunE: withClientOf(remake, func(c *cobra.Command, s *client, _ []string) error {
			var r web.Rebuilt
			if s.made != nil {
				r = *s.made
			} else if err := s.post(c.Context(), "/v1/state/rebuild", nil, &r); err != nil {
				return err
			}
			return render(c, r, func(w io.Writer) {
				_, _ = fmt.Fprintf(w, "Rebuilt and certified: %d entries in %.1f s.\n", r.Entries, r.Seconds)
			})
		}),
	})
}

// remake is connect for a command that makes the state again.
func remake(ctx context.Context, cfg config.Config, logs io.Writer) (*client, error) {
	return connectOr(ctx, cfg, logs, true)
}
