package command

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/mattn/go-isatty"
	"github.com/spf13/cobra"
	"go.uber.org/zap"

	"github.com/husk-reminders/husk/pkg/app"
	"github.com/husk-reminders/husk/pkg/config"
	"github.com/husk-reminders/husk/pkg/dispatch"
	"github.com/husk-reminders/husk/pkg/gate"
	"github.com/husk-reminders/husk/test/check"
	"github.com/husk-reminders/husk/test/scenario"
)

// errRed is returned when the checker does not confirm the demo's outbox.
var errRed = errors.New("the checker found messages that must not be, or misses some that must")

func demoCommand() *cobra.Command {
	var o demoOptions
	c := &cobra.Command{
		Use:   "demo",
		Short: "Play three weeks of three hospitals, and show each message and each one that was not sent",
		Long: "Starts the embedded broker and store in a new folder, publishes some 300 booking events of invented patients, lets\n" +
			"time run fast, and shows what happens. A checker that reads only the scenario and the outbox confirms the result.",
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			o.out, o.color = c.OutOrStdout(), !o.plain && isTerminal(c.OutOrStdout())
			return demo(c.Context(), o)
		},
	}
	c.Flags().StringVar(&o.dir, "dir", "", "empty or new folder for data and outbox (default: a new one below the system's temporary folder)")
	c.Flags().BoolVar(&o.plain, "plain", false, "no colours")
	c.Flags().BoolVar(&o.quiet, "quiet", false, "the summary only")
	return c
}

func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && isatty.IsTerminal(f.Fd())
}

type demoOptions struct {
	dir          string
	plain, quiet bool
	color        bool
	out          io.Writer
	gate         func(*gate.Gate) dispatch.Gate // for the test that plants a run which skips the gate
}

// clock is the demo's time: it goes on by itself like any other, and is moved ahead when nothing is left to do.
type clock struct {
	mu   sync.Mutex
	at   time.Time
	from time.Time
}

func newClock(at time.Time) *clock { return &clock{at: at, from: time.Now()} }

// Now is the demo's time.
func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at.Add(time.Since(c.from))
}

// moveTo moves the time ahead to to; it never goes back.
func (c *clock) moveTo(to time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if now := c.at.Add(time.Since(c.from)); to.After(now) {
		c.at, c.from = to, time.Now()
	}
}

// watchable is the pause after each instant at which something happened, on a terminal.
const watchable = 25 * time.Millisecond

// demo plays the scenario and lets the checker judge the outbox.
func demo(ctx context.Context, o demoOptions) (err error) {
	began := time.Now()
	if o.dir == "" {
		if o.dir, err = os.MkdirTemp("", "husk-demo-"); err != nil {
			return fmt.Errorf("demo: %w", err)
		}
	}
	if es, err := os.ReadDir(o.dir); err == nil && len(es) > 0 {
		return fmt.Errorf("demo: %s is not empty: name a new folder with --dir", o.dir)
	}
	cfg := config.Default()
	cfg.Mode, cfg.Data, cfg.HTTP.Listen = config.ModeDemo, o.dir, ""
	cfg.Units.File = filepath.Join(o.dir, "units.yaml")
	if cfg, err = cfg.Resolved(); err != nil {
		return fmt.Errorf("demo: %w", err)
	}
	units, err := demoUnits()
	if err != nil {
		return fmt.Errorf("demo: %w", err)
	}
	story, err := scenario.Build(units)
	if err != nil {
		return fmt.Errorf("demo: %w", err)
	}
	file := filepath.Join(o.dir, "scenario.json")
	if err := os.MkdirAll(o.dir, 0o700); err != nil {
		return fmt.Errorf("demo: %w", err)
	}
	if err := os.WriteFile(cfg.Units.File, demoDirectory(), 0o600); err != nil {
		return fmt.Errorf("demo: %w", err)
	}
	if err := story.Write(file); err != nil {
		return fmt.Errorf("demo: %w", err)
	}

	p := &player{story: story, clock: newClock(story.Begin), dir: filepath.Join(o.dir, "outbox"), seen: map[string]bool{}, answered: map[string]bool{}}
	if o.color && !o.quiet {
		p.pace = watchable
	}
	p.show = newShow(o, story)
	p.app, err = app.Open(ctx, app.Options{
		Config: cfg, Log: zap.NewNop(), Now: p.clock.Now, Observe: p.show.observe, ByHand: true, Rest: 3 * time.Millisecond, Gate: o.gate,
	})
	if err != nil {
		return fmt.Errorf("demo: %w", err)
	}
	defer p.app.Close()
	p.show.names(p.app.Pseudonyms)

	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	ended := make(chan error, 1)
	go func() {
		err := p.app.Run(ctx)
		cancel() // playing on without the line would wait forever
		ended <- err
	}()
	playErr := p.play(ctx)
	if playErr == nil {
		playErr = p.show.summary(ctx, p.app)
	}
	cancel()
	if runErr := <-ended; runErr != nil {
		return fmt.Errorf("demo: %w", runErr)
	}
	if playErr != nil {
		return fmt.Errorf("demo: %w", playErr)
	}

	r, err := check.Run(file, p.dir)
	if err != nil {
		return fmt.Errorf("demo: %w", err)
	}
	_, _ = fmt.Fprintf(o.out, "\n%s\nEach message can be read in %s\nTook %.0f s.\n", r, filepath.Join(p.dir, "messages"), time.Since(began).Seconds())
	if !r.OK() {
		return errRed
	}
	return nil
}
