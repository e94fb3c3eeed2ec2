package command

import (
	"fmt"
	"io"
	"maps"
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
