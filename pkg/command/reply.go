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

	"github.com/husk-reminders/husk/pkg/web"
)

func replyCommand() *cobra.Command {
	return group("reply", "What patients' answers left for the clinics: who may want to cancel, and what went to the wrong person",
		replyWishes(), replyTake(), replyDone(), replyMisdeliveries())
}

func replyWishes() *cobra.Command {
	var unit string
	c := &cobra.Command{
		Use:   "wishes",
		Short: "List who may want to cancel, the soonest appointment first",
		Long: "Somebody who was reminded answered what may mean that they won't come. Their appointment stands, and they were told so, until\n" +
			"the clinic takes it off in the booking system. Take an entry off this list with `husk reply done`.",
		Args: noArgs,
		RunE: withClient(func(c *cobra.Command, s *client, _ []string) error {
			var ws []web.CancelWish
			if err := s.get(c.Context(), "/v1/replies/wishes", ofUnit(unit), &ws); err != nil {
				return err
			}
			return render(c, ws, func(w io.Writer) {
				var rows [][]string
				for _, x := range ws {
					rows = append(rows, []string{x.ID, x.Unit, when(x.Start), x.System, x.Appointment, string(x.Person), strconv.Itoa(x.Hours) + " h"})
				}
				table(w, "Nobody.", []string{"WISH", "UNIT", "START", "SYSTEM", "APPOINTMENT", "PERSON", "AGE"}, rows)
			})
		}),
	}
	c.Flags().StringVar(&unit, "unit", "", "of this unit alone")
	return c
}

// ofUnit is the query for one unit's part of a list, or for all of it.
func ofUnit(unit string) url.Values {
	q := url.Values{}
	if unit != "" {
		q.Set("unit", unit)
	}
	return q
}

// replyPath is where something is done with a wish, or with a misdelivery.
func replyPath(misdelivery bool, id, do string) string {
	kind := "wishes"
	if misdelivery {
		kind = "misdeliveries"
	}
	return "/v1/replies/" + kind + "/" + url.PathEscape(id) + "/" + do
}

func replyTake() *cobra.Command {
	var q web.Take
	var misdelivery bool
	c := &cobra.Command{
		Use:   "take <wish>",
		Short: "See to a wish to cancel, or to a misdelivery, from whoever did before",
		Args:  someArgs(1, "the id of one wish or misdelivery"),
		RunE: withClient(func(c *cobra.Command, s *client, args []string) error {
			var x web.Taken
			if err := s.post(c.Context(), replyPath(misdelivery, args[0], "take"), q, &x); err != nil {
				return err
			}
			return render(c, x, func(w io.Writer) { _, _ = fmt.Fprintf(w, "Taken  %s\nBy     %s\n", x.ID, plain(x.Owner)) })
		}),
	}
	c.Flags().BoolVar(&misdelivery, "misdelivery", false, "it is a misdelivery")
	c.Flags().StringVar(&q.Reason, "reason", "", "why, for the audit")
	return c
}

func replyDone() *cobra.Command {
	var q web.Done
	var misdelivery bool
	c := &cobra.Command{
		Use:   "done <wish>",
		Short: "Take a wish to cancel off the list, or note of a misdelivery: somebody has seen to it",
		Long:  "It cancels nothing: the appointment is taken off in the booking system. A misdelivery stays on its list; it needs a reason.",
		Args:  someArgs(1, "the id of one wish or misdelivery, as its list has it"),
		RunE: withClient(func(c *cobra.Command, s *client, args []string) error {
			var h web.Handled
			if err := s.post(c.Context(), replyPath(misdelivery, args[0], "done"), q, &h); err != nil {
				return err
			}
			return render(c, h, func(w io.Writer) { _, _ = fmt.Fprintf(w, "Done  %s\nAt    %s\n", h.ID, when(h.At)) })
		}),
	}
	c.Flags().BoolVar(&misdelivery, "misdelivery", false, "it is a misdelivery")
	c.Flags().StringVar(&q.Reason, "reason", "", "what was done, for the audit")
	return c
}

func replyMisdeliveries() *cobra.Command {
	var unit string
	c := &cobra.Command{
		Use:   "misdeliveries",
		Short: "List what went to somebody who is not the patient, and how much is left of the 72 hours",
		Long: "From when the controller becomes aware of it, a breach is to be notified to the authority within 72 hours, unless it is unlikely\n" +
			"to be a risk to anybody (GDPR article 33). The list goes sixty days back, the oldest first.",
		Args: noArgs,
		RunE: withClient(func(c *cobra.Command, s *client, _ []string) error {
			var ms []web.Misdelivery
			if err := s.get(c.Context(), "/v1/replies/misdeliveries", ofUnit(unit), &ms); err != nil {
				return err
			}
			return render(c, ms, func(w io.Writer) {
				var rows [][]string
				for _, x := range ms {
					left := "over"
					if x.HoursLeft > 0 {
						left = strconv.Itoa(x.HoursLeft) + " h"
					}
					rows = append(rows, []string{
						x.ID, when(x.Aware), left, cmp.Or(plain(x.Owner), "-"), cmp.Or(when(x.Done), "-"), x.Via, strconv.Itoa(len(x.Persons)), strconv.Itoa(x.Count), cmp.Or(classes(x.Classes), "-"), string(x.Address),
					})
				}
				table(w, "None.", []string{"MISDELIVERY", "AWARE SINCE", "LEFT", "OWNER", "DONE", "VIA", "PERSONS", "MESSAGES", "OF CLASS", "ADDRESS HASH"}, rows)
			})
		}),
	}
	c.Flags().StringVar(&unit, "unit", "", "the part of this unit alone")
	return c
}

// classes are how many messages there were of each content class: "1×0, 2×1.5".
func classes(of map[string]int) string {
	var out []string
	for _, class := range slices.Sorted(maps.Keys(of)) {
		out = append(out, fmt.Sprintf("%d×%s", of[class], class))
	}
	return strings.Join(out, ", ")
}
