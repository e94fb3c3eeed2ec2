package command

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"go.uber.org/zap/zapcore"

	"github.com/husk-reminders/husk/pkg/bench"
	"github.com/husk-reminders/husk/pkg/config"
)

func benchCommand() *cobra.Command {
	var o bench.Options
	var mode string
	c := &cobra.Command{
		Use:   "bench",
		Short: "Measure the line on this machine, with a load of its own",
		Long: "Makes invented people and appointments in a data directory of its own, sends their reminders through the whole line to a carrier\n" +
			"that does nothing, and measures. Every write to the journal is on disk before it counts. Rates are set against a bare loop\n" +
			"over the same kind of broker, and against the job queue asynq with an empty handler, which both need a Redis: one of its\n" +
			"own, if redis-server is installed, or that of --redis. Nothing reaches anybody.",
		Args: noArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			o.Mode = bench.Mode(mode)
			if o.Mode != bench.Embedded && o.Mode != bench.External {
				return usageError{fmt.Errorf("--mode: want embedded or external")}
			}
			var err error
			if o.Config, err = config.Load(c.InheritedFlags()); err != nil { // --mode is our own here
				return err
			}
			if o.Log, err = logger(o.Config, c.ErrOrStderr(), zapcore.ErrorLevel); err != nil {
				return err
			}
			p := &progress{out: c.ErrOrStderr(), live: isTerminal(c.ErrOrStderr()), began: time.Now()}
			o.Progress = p.show
			r, err := bench.Run(c.Context(), o)
			p.clear()
			if err != nil {
				return err
			}
			if !asJSON(c) {
				benchTable(c.OutOrStdout(), r)
			}
			return json.NewEncoder(c.OutOrStdout()).Encode(r) // one line
		},
	}
	c.Flags().BoolVar(&o.Quick, "quick", false, "end within 40 s, with smaller loads")
	c.Flags().IntVar(&o.Reminders, "reminders", 0, "reminders of a load (default 100,000, or 5,000 with --quick)")
	c.Flags().StringVar(&mode, "mode", string(bench.Embedded), "embedded, or external: on a NATS and a Redis of their own")
	c.Flags().StringVar(&o.Redis, "redis", "", "URL of a Redis to compare with, which holds nothing that matters")
	c.Flags().StringVar(&o.Profiles, "cpuprofile", "", "directory for a CPU profile of each part")
	return c
}

// progress shows how far a run is: a line that changes on a terminal, else a line for what is done.
type progress struct {
	out   io.Writer
	live  bool
	began time.Time
	shown bool
}

func (p *progress) show(s bench.Progress) {
	since := fmt.Sprintf("%5.1f s", time.Since(p.began).Seconds())
	switch {
	case s.Said != "":
		p.clear()
		_, _ = fmt.Fprintf(p.out, "%s  %-18s  %s\n", since, s.Part, s.Said)
	case !p.live:
	case s.Total > 0:
		p.clear()
		_, _ = fmt.Fprintf(p.out, "%s  %-18s  %d of %d", since, s.Part, s.Done, s.Total)
		p.shown = true
	default:
		p.clear()
		_, _ = fmt.Fprintf(p.out, "%s  %-18s  …", since, s.Part)
		p.shown = true
	}
}

// clear takes the changing line away.
func (p *progress) clear() {
	if p.shown {
		_, _ = fmt.Fprint(p.out, "\r\x1b[K")
		p.shown = false
	}
}

// benchTable shows a report to people.
func benchTable(w io.Writer, r bench.Report) {
	rate := func(v float64) string { return fmt.Sprintf("%.0f/s", v) }
	times := func(v *float64) string {
		if v == nil {
			return ""
		}
		return fmt.Sprintf("%.2f", *v)
	}
	rows := [][]string{
		{"intake", fmt.Sprint(r.Intake.N), rate(r.Intake.Rate), times(&r.Intake.Ratio), times(&r.Intake.RatioLean), ""},
		{"dispatch", fmt.Sprint(r.Dispatch.N), rate(r.Dispatch.Rate), times(&r.Dispatch.Ratio), times(&r.Dispatch.RatioLean), times(r.Dispatch.VsAsynq)},
		{"dispatch over HTTP", fmt.Sprint(r.HTTP.N), rate(r.HTTP.Rate), times(&r.HTTP.Ratio), times(&r.HTTP.RatioLean), times(r.HTTP.VsAsynq)},
		{"bare loop", "", rate(r.Bare.Rate), "1.00", "", ""},
		{"bare loop, lean", "", rate(r.Bare.Lean), "", "1.00", ""},
	}
	if r.Rebuild != nil {
		rows = append(rows, []string{"rebuild", fmt.Sprint(r.Rebuild.Entries), rate(r.Rebuild.Rate), "", "", ""})
	}
	if a := r.Asynq; a != nil {
		rows = append(rows, []string{"asynq", fmt.Sprint(a.N), rate(a.Rate), times(&a.Ratio), times(&a.RatioLean), "1.00"})
	}
	_, _ = fmt.Fprintln(w)
	table(w, "", []string{"PART", "N", "RATE", "TO BARE LOOP", "TO LEAN", "TO ASYNQ"}, rows)

	delays := func(name string, d bench.Delays, against string) []string {
		return []string{name, fmt.Sprint(d.N), fmt.Sprintf("%.2f s", d.P50), fmt.Sprintf("%.2f s", d.P99), fmt.Sprintf("%.2f s", d.Last), against}
	}
	rows = [][]string{delays("burst", r.Burst.Delays, times(r.Burst.VsAsynq))}
	if a := r.Asynq; a != nil {
		rows = append(rows, delays("asynq, scheduled", a.Burst, ""), delays("asynq, in its queue", a.Pending, ""))
	}
	_, _ = fmt.Fprintln(w)
	table(w, "", []string{"DUE AT ONE INSTANT", "N", "P50", "P99", "LAST", "ASYNQ'S P99 BY OURS"}, rows)

	_, _ = fmt.Fprintf(w, "\nSTOP to barred, under that load: p50 %.1f ms, p99 %.1f ms, of %d; to acknowledged: p99 %.1f ms\n", r.Stop.P50, r.Stop.P99, r.Stop.N, r.Stop.FinalP99)
	if r.BytesPerPending != nil {
		_, _ = fmt.Fprintf(w, "State: %.0f bytes a pending reminder\n", *r.BytesPerPending)
	}
	_, _ = fmt.Fprintf(w, "Machine: the bare loop made %s before and %s after, the lean one %s and %s; one write and fsync takes %.2f ms\nTook %.0f s, %s\n",
		rate(r.Bare.Before.Rate), rate(r.Bare.After.Rate), rate(r.Bare.Before.Lean), rate(r.Bare.After.Lean), r.Sync, r.Seconds, r.Mode)
	for _, n := range r.Notes {
		_, _ = fmt.Fprintln(w, "Note: "+strings.TrimSpace(n))
	}
	_, _ = fmt.Fprintln(w)
}
