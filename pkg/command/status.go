package command

import (
	"fmt"
	"io"
	"maps"
	"net/url"
	"runtime"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/husk-reminders/husk/pkg/receipt"
	"github.com/husk-reminders/husk/pkg/web"
)

func statusCommand() *cobra.Command {
	var next int
	c := &cobra.Command{
		Use:   "status",
		Short: "Counts by status, what is due next, what is stopped",
		Args:  noArgs,
		RunE: withClient(func(c *cobra.Command, s *client, _ []string) error {
			var st web.Status
			if err := s.get(c.Context(), "/v1/status", url.Values{"next": {strconv.Itoa(next)}}, &st); err != nil {
				return err
			}
			return render(c, st, func(w io.Writer) { printStatus(w, s, st) })
		}),
	}
	c.Flags().IntVar(&next, "next", 5, "how many of the reminders that are due next")
	return c
}

func printStatus(w io.Writer, s *client, st web.Status) {
	line := "running, process " + strconv.Itoa(st.Process)
	switch {
	case s.local:
		line = "not running: no husk serve on this data"
	case st.NotReady != "":
		line = "not ready: " + st.NotReady
	}
	_, _ = fmt.Fprintf(w, "Line        %s\n", line)
	_, _ = fmt.Fprintf(w, "Due now     %d, and %d in hand\n", st.Due, st.Leased)
	if !st.NextDue.IsZero() {
		_, _ = fmt.Fprintf(w, "Next due    %s\n", when(st.NextDue))
	}
	_, _ = fmt.Fprintf(w, "Dead        %d\n", st.Dead)
	if x := st.Inbox; x != nil {
		_, _ = fmt.Fprintf(w, "Wishes      %d to cancel, not seen to\n", x.Wishes)
		if x.Misdeliveries > 0 {
			_, _ = fmt.Fprintf(w, "MISDELIVERY %d, the first of 72 hours over %s\n", x.Misdeliveries, when(x.Next))
		}
	}
	for _, name := range slices.Sorted(maps.Keys(st.Stopped)) {
		_, _ = fmt.Fprintf(w, "STOPPED     %s: %s\n", plain(name), plain(st.Stopped[name]))
	}
	usable := map[string]bool{}
	for _, x := range st.Carriers {
		for _, channel := range x.Channels {
			usable[channel] = usable[channel] || x.Usable()
		}
		if !x.Usable() && x.Stopped == "" {
			_, _ = fmt.Fprintf(w, "CARRIER     %s: %s\n", plain(x.Name), plain(strings.Join(strings.Fields(x.Health+" "+x.Full+" "+x.Blind), " ")))
		}
	}
	for _, channel := range slices.Sorted(maps.Keys(usable)) {
		if !usable[channel] {
			_, _ = fmt.Fprintf(w, "NO CARRIER  takes %s now: what is due waits\n", plain(channel))
		}
	}
	var rows [][]string
	for _, x := range receipt.Statuses {
		if n := st.Counts[x]; n > 0 {
			rows = append(rows, []string{string(x), strconv.Itoa(n)})
		}
	}
	_, _ = fmt.Fprintln(w)
	table(w, "No reminders yet.", []string{"STATUS", "COUNT"}, rows)
	if len(st.Next) > 0 {
		_, _ = fmt.Fprintln(w)
		printReminders(w, st.Next)
	}
}

// version is what `husk version` prints.
type version struct {
	Version  string `json:"version"`
	Revision string `json:"revision,omitempty"`
	Time     string `json:"time,omitempty"`
	Modified bool   `json:"modified,omitempty"` // built from files that were not committed
	Go       string `json:"go"`
	System   string `json:"system"`
}

func versionCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Version of the program",
		Args:  noArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			v := programVersion()
			return render(c, v, func(w io.Writer) {
				_, _ = fmt.Fprintf(w, "husk %s (%s, %s)\n", v.Version, v.Go, v.System)
				if v.Revision != "" {
					_, _ = fmt.Fprintf(w, "revision %s of %s\n", v.Revision, v.Time)
				}
			})
		},
	}
}

func programVersion() version {
	v := version{Version: "unknown", Go: runtime.Version(), System: runtime.GOOS + "/" + runtime.GOARCH}
	b, ok := debug.ReadBuildInfo()
	if !ok {
		return v
	}
	v.Version = b.Main.Version
	for _, s := range b.Settings {
		switch s.Key {
		case "vcs.revision":
			v.Revision = s.Value
		case "vcs.time":
			v.Time = s.Value
		case "vcs.modified":
			v.Modified = s.Value == "true"
		}
	}
	return v
}
