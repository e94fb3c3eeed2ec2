package command

import (
	"fmt"
	"io"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/husk-reminders/husk/pkg/web"
)

func dayCommand() *cobra.Command {
	var unit string
	c := &cobra.Command{
		Use:   "day",
		Short: "Show how the day goes: due, handed over, delivered, denied and why",
		Args:  noArgs,
		RunE: withClient(func(c *cobra.Command, s *client, _ []string) error {
			var d web.Day
			if err := s.get(c.Context(), "/v1/day", ofUnit(unit), &d); err != nil {
				return err
			}
			return render(c, d, func(w io.Writer) { printDay(w, d) })
		}),
	}
	c.Flags().StringVar(&unit, "unit", "", "of this unit alone, in its time zone")
	return c
}

func printDay(w io.Writer, d web.Day) {
	var rows [][]string
	for i, h := range d.Hours {
		if h.Due > 0 || h.HandedOver > 0 {
			at := d.From.Add(time.Duration(i) * time.Hour)
			rows = append(rows, []string{when(at), strconv.Itoa(h.Due), strconv.Itoa(h.HandedOver)})
		}
	}
	table(w, "Nothing is due today.", []string{"HOUR FROM", "DUE", "HANDED OVER"}, rows)
	_, _ = fmt.Fprintf(w, "\nDue %d, waiting %d (late %d, the oldest for %d min), handed over %d, delivered %d, undelivered %d, in doubt %d, rejected %d,\nheld %d, expired %d, cancelled %d\n",
		d.Due, d.Waiting, d.Late, d.OldestMinutes, d.HandedOver, d.Delivered, d.Undelivered, d.Unknown, d.Rejected, d.Held, d.Expired, d.Cancelled)
	for _, why := range slices.Sorted(maps.Keys(d.Denied)) {
		_, _ = fmt.Fprintf(w, "Denied  %-20s %d\n", plain(why), d.Denied[why])
	}
	for _, name := range slices.Sorted(maps.Keys(d.Routes)) {
		r := d.Routes[name]
		_, _ = fmt.Fprintf(w, "Carrier %-20s last %s at %s\n", plain(name), plain(string(r.Status)), plain(when(r.Last)))
	}
	for _, name := range slices.Sorted(maps.Keys(d.Stopped)) {
		_, _ = fmt.Fprintf(w, "STOPPED %-20s %s\n", plain(name), plain(d.Stopped[name]))
	}
}

func reminderText() *cobra.Command {
	var reason, person string
	c := &cobra.Command{
		Use:   "text <reminder>",
		Short: "Show a reminder's message as it left or would leave, masked",
		Args:  someArgs(1, "the id of one reminder"),
		RunE: withClient(func(c *cobra.Command, s *client, args []string) error {
			q := url.Values{"reason": {reason}}
			if person != "" {
				q.Set("person", person)
			}
			var x web.Text
			if err := s.get(c.Context(), "/v1/reminders/"+url.PathEscape(args[0])+"/text", q, &x); err != nil {
				return err
			}
			return render(c, x, func(w io.Writer) {
				for _, p := range x.Parts {
					_, _ = fmt.Fprintf(w, "%s\n%s\n", p.Kind, plainLines(p.Text))
					for _, f := range p.Findings {
						_, _ = fmt.Fprintf(w, "  %s %s at letter %d, %d letters; may be released: %s\n", f.Kind, plain(f.Layout), f.Offset+1, f.Length, yes(f.Releasable))
					}
					_, _ = fmt.Fprintln(w)
				}
			})
		}),
	}
	c.Flags().StringVar(&person, "person", "", "whose it is, as a person key: found sooner with it")
	c.Flags().StringVar(&reason, "reason", "", "why you look, for the audit (required)")
	return c
}

func replyTake() *cobra.Command {
	var q web.Take
	var misdelivery bool
	c := &cobra.Command{
		Use:   "take <wish>",
		Short: "See to a wish to cancel, or to a misdelivery, from whoever did before",
		Args:  someArgs(1, "the id of one wish or misdelivery"),
		RunE: withClient(func(c *cobra.Command, s *client, args []string) error {
			kind := "wishes"
			if misdelivery {
				kind = "misdeliveries"
			}
			var x web.Taken
			if err := s.post(c.Context(), "/v1/replies/"+kind+"/"+url.PathEscape(args[0])+"/take", q, &x); err != nil {
				return err
			}
			return render(c, x, func(w io.Writer) { _, _ = fmt.Fprintf(w, "Taken  %s\nBy     %s\n", x.ID, plain(x.Owner)) })
		}),
	}
	c.Flags().BoolVar(&misdelivery, "misdelivery", false, "it is a misdelivery")
	c.Flags().StringVar(&q.Reason, "reason", "", "why, for the audit")
	return c
}
