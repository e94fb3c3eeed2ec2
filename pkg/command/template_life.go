package command

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"net/url"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/husk-reminders/husk/pkg/compose"
	"github.com/husk-reminders/husk/pkg/template"
	"github.com/husk-reminders/husk/pkg/web"
)

func templateListCommand() *cobra.Command {
	q := map[string]*string{}
	c := &cobra.Command{
		Use:   "list",
		Short: "List message texts: which version is live, and what waits",
		Args:  noArgs,
		RunE: withClient(func(c *cobra.Command, s *client, _ []string) error {
			v := url.Values{}
			for name, value := range q {
				if *value != "" {
					v.Set(name, *value)
				}
			}
			var ts web.Templates
			if err := s.get(c.Context(), "/v1/templates", v, &ts); err != nil {
				return err
			}
			return render(c, ts, func(w io.Writer) { printTemplates(w, ts) })
		}),
	}
	for name, what := range map[string]string{
		"unit": "used by this unit", "purpose": "used for this purpose", "channel": "for sms or email", "language": "in this language, such as da",
		"state": "with a version that is " + words(template.States),
	} {
		q[name] = c.Flags().String(name, "", what)
	}
	return c
}

func printTemplates(w io.Writer, ts web.Templates) {
	var rows [][]string
	for _, t := range ts.Templates {
		waits := ""
		switch {
		case t.Broken != "":
			waits = "can't be used: nothing is sent with it"
		case t.Canary != nil && t.Canary.Ended == nil:
			waits = fmt.Sprintf("trial share of %d %%, until %s at the latest", t.Canary.Share, when(t.Canary.Until))
		case t.Canary != nil:
			waits = versionOf(t.Canary.Version) + " " + t.Canary.Ended.Why()
		case t.Waiting != "":
			waits = "approved " + versionOf(t.Waiting) + " from " + when(t.From)
		case t.Draft != "":
			waits = "draft " + versionOf(t.Draft)
		case t.Foreign != "":
			waits = "its file says something else"
		}
		since := when(t.Since)
		if t.Live != "" && since == "" {
			since = "from the files"
		}
		rows = append(rows, []string{t.Name, versionOf(t.Live), since, fmt.Sprint(len(t.Units)), waits})
	}
	table(w, "No templates.", []string{"TEMPLATE", "LIVE", "SINCE", "UNITS", "WAITS"}, rows)
	for _, s := range ts.Sets {
		if len(s.Without) > 0 {
			_, _ = fmt.Fprintf(w, "No %s.%s in the language of %s: nothing can be sent there.\n", s.Set, s.Channel, strings.Join(s.Without, ", "))
		}
	}
}

// versionOf is the part of a version's id behind the template's name.
func versionOf(id string) string {
	_, v, _ := strings.Cut(id, "@")
	return v
}

func templateShowCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "show <template>",
		Short: "Show a text's versions, and what its draft would change",
		Args:  someArgs(1, "a template, as da/reminder.sms"),
		RunE: withClient(func(c *cobra.Command, s *client, args []string) error {
			h, err := history(c, s, args[0])
			if err != nil {
				return err
			}
			return render(c, h, func(w io.Writer) { printHistory(w, h) })
		}),
	}
}

func history(c *cobra.Command, s *client, name string) (h web.TemplateHistory, err error) {
	if _, ok := template.Path(name); !ok {
		return h, usageError{errors.New("want the name of a template, as da/reminder.sms")}
	}
	return h, s.get(c.Context(), "/v1/templates/"+name, nil, &h)
}

func printHistory(w io.Writer, h web.TemplateHistory) {
	var rows [][]string
	for _, v := range h.Versions {
		rows = append(rows, []string{v.ID, string(v.State), cmp.Or(v.By, "the files"), when(v.At), v.Note})
	}
	table(w, "No versions.", []string{"VERSION", "STATE", "BY", "AT", "NOTE"}, rows)
	rows = nil
	for _, t := range h.Turns {
		what := "approved"
		switch {
		case t.Cancelled != nil:
			what = "cancelled"
		case t.Back:
			what = "rolled back to"
		}
		rows = append(rows, []string{versionOf(t.Version), what, when(t.From), t.By, t.Reason})
	}
	if len(rows) > 0 {
		_, _ = fmt.Fprintln(w)
		table(w, "", []string{"VERSION", "WAS", "FROM", "BY", "REASON"}, rows)
	}
	for _, v := range h.Versions {
		if v.State == template.Serving || v.State == template.Draft || v.State == template.Approved {
			_, _ = fmt.Fprintf(w, "\n%s (%s):\n%s", v.ID, v.State, plainLines(strings.TrimSuffix(v.Text, "\n")+"\n"))
		}
	}
	printTextProblems(w, h.Problems)
	printChange(w, h.Change)
}

func printTextProblems(w io.Writer, problems []compose.Problem) {
	for _, p := range problems {
		note := "note: "
		if p.Refused {
			note = "refused: "
		}
		_, _ = fmt.Fprintln(w, plain(p.Place()+": "+note+p.Text()))
	}
}

func printChange(w io.Writer, x *web.TemplateChange) {
	if x == nil {
		return
	}
	var said []string
	braced := func(names []string) string { return "{" + strings.Join(names, "} {") + "}" }
	if len(x.Added) > 0 {
		said = append(said, "adds "+braced(x.Added))
	}
	if len(x.Removed) > 0 {
		said = append(said, "takes out "+braced(x.Removed))
	}
	if x.ClassFrom != x.ClassTo {
		said = append(said, fmt.Sprintf("class %v becomes %v", x.ClassFrom, x.ClassTo))
	}
	if x.SegmentsFrom != x.SegmentsTo {
		said = append(said, fmt.Sprintf("%d segments become %d", x.SegmentsFrom, x.SegmentsTo))
	}
	if len(x.Letters) > 0 {
		var as []string
		for _, l := range x.Letters {
			as = append(as, l.Letter+" as "+l.As)
		}
		said = append(said, "writes letters of its own otherwise: "+strings.Join(as, ", "))
	}
	used := fmt.Sprintf("used by %d units", len(x.Units))
	if x.Pending != nil {
		least := ""
		if x.Pending.AtLeast {
			least = "at least "
		}
		used += fmt.Sprintf(", %s%d reminders pending", least, x.Pending.Count)
	}
	_, _ = fmt.Fprintln(w, plain(strings.Join(append(said, used), "; ")))
}

func templateApproveCommand() *cobra.Command {
	var q web.ApproveTemplate
	var from string
	c := &cobra.Command{
		Use:   "approve <version>",
		Short: "Approve a draft: it takes over at once, or at an instant",
		Long: "Approves the draft with this id, as husk template show printed it, and no other. In production, and wherever the staff API listens\n" +
			"(api.listen), another person than its author has to.",
		Args: someArgs(1, "the id of one version, as da/reminder.sms@3f2a91c0"),
	}
	c.RunE = withClient(func(c *cobra.Command, s *client, args []string) error {
		q.ID = args[0]
		var err error
		if q.From, err = instant("from", from); err != nil {
			return err
		}
		return changeText(c, s, "approve", q)
	})
	c.Flags().StringVar(&from, "from", "", "when it takes over, as 2026-03-12 or RFC 3339; without it at once")
	c.Flags().BoolVar(&q.Whole, "whole", false, "for all at once, without a trial share; also for a version that is on its trial share")
	c.Flags().StringVar(&q.Reason, "reason", "", "a note for the audit")
	return c
}

func templateRollBackCommand() *cobra.Command {
	return templateMoveCommand("rollback <template> <version>", "Make a text live again that was so before, at once", 2, "a template and the version to go back to", "rollback")
}

func templateDiscardCommand() *cobra.Command {
	return templateMoveCommand("discard <version>", "Give a draft up", 1, "the id of one version, as da/reminder.sms@3f2a91c0", "discard")
}

func templateUnscheduleCommand() *cobra.Command {
	return templateMoveCommand("unschedule <version>", "Take an approval back before its start", 1, "the id of one version, as da/reminder.sms@3f2a91c0", "unschedule")
}

func templateMoveCommand(use, short string, args int, what, path string) *cobra.Command {
	var q web.MoveTemplate
	c := &cobra.Command{Use: use, Short: short, Args: func(c *cobra.Command, got []string) error {
		if len(got) != args {
			return usageError{fmt.Errorf("%s: want %s", c.CommandPath(), what)}
		}
		return nil
	}}
	c.RunE = withClient(func(c *cobra.Command, s *client, args []string) error {
		q.ID = args[len(args)-1]
		if len(args) == 2 && !strings.Contains(q.ID, "@") {
			q.ID = args[0] + "@" + q.ID
		}
		if len(args) == 2 && template.NameOf(q.ID) != args[0] {
			return usageError{errors.New("the version is of another template")}
		}
		return changeText(c, s, path, q)
	})
	c.Flags().StringVar(&q.Reason, "reason", "", "why, for the audit")
	return c
}

// changeText changes where a version is in its life, and prints what came of it.
func changeText(c *cobra.Command, s *client, path string, q any) error {
	var x web.ChangedTemplate
	err := s.post(c.Context(), "/v1/templates/"+path, q, &x)
	var refused *apiError
	if errors.As(err, &refused) && len(refused.body.Problems) > 1 {
		printTextProblems(c.ErrOrStderr(), refused.body.Problems)
	}
	if err != nil {
		return err
	}
	return render(c, x, func(w io.Writer) {
		from := ""
		if slices.Contains([]template.State{template.Serving, template.Approved}, x.State) {
			from = " from " + when(x.From)
		}
		_, _ = fmt.Fprintf(w, "%s is %s%s.\n", x.ID, x.State, from)
		printChange(w, x.Change)
	})
}
