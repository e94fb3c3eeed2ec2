package app

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/robfig/cron/v3"
	"go.uber.org/zap"

	"github.com/husk-reminders/husk/pkg/dispatch"
)

// Project runs the projector alone, and what follows people's answers, until ctx ends: all that commands need which read and write while no line runs. Where
// processes share the state, it waits for its turn while another one projects.
func (a *App) Project(ctx context.Context) error {
	s := &stages{failed: make(chan error, 8), log: a.log}
	defer s.end()
	a.project(ctx, s, false)
	s.begin(context.WithoutCancel(ctx), "replies", a.replies)
	select {
	case err := <-s.failed:
		return err
	case <-ctx.Done():
		return nil
	}
}

// project begins the stages that keep the state.
func (a *App) project(ctx context.Context, s *stages, sweeps bool) {
	hand := context.WithoutCancel(ctx)
	if a.lead == nil {
		s.begin(hand, "projector", a.Ledger.Run)
		return
	}
	s.begin(hand, "witness", a.Ledger.Witness)
	a.lead.able = a.Ledger.Steady
	s.begin(hand, "lead", func(ctx context.Context) error { return a.lead.run(ctx, a.office(sweeps), Lasting) })
}

// Run runs the line until ctx ends, then stops in reverse order: the doors first, then the workers, who finish what is in
// hand, then the projector, which has folded it and writes the snapshot. An error says that the line can't go on as it is.
func (a *App) Run(ctx context.Context) error {
	s := &stages{failed: make(chan error, 8), log: a.log}
	hand := context.WithoutCancel(ctx)
	defer s.end()
	a.project(ctx, s, true)
	s.begin(hand, "broker", a.broker.watch)
	s.begin(hand, "replies", a.replies)
	s.begin(hand, "fill", a.watchFill)
	select {
	case <-a.Ledger.Ready():
	case err := <-s.failed:
		return err
	case <-ctx.Done():
		return nil
	}
	var err error
	if a.lead == nil {
		if err = a.settleOpen(ctx); err != nil {
			return err
		}
		if err = a.resume(ctx); err != nil {
			return err
		}
		if !a.byHand {
			s.begin(hand, "sweeps", a.cron)
		}
	}
	if !a.byHand {
		s.begin(hand, "registers", a.askAgain)
	}
	s.begin(hand, "dispatch", a.Dispatcher.Run)
	s.begin(hand, "inbound", a.Inbound.Run)
	s.begin(hand, "intake", a.Intake.Run)
	close(a.running)
	select {
	case err = <-s.failed:
	case <-ctx.Done():
	}
	s.end()
	if err == nil {
		select {
		case err = <-s.failed: // something went wrong on the way down
		default:
		}
	}
	return err
}

// settleOpen settles what a dead process left open, before anything new is handed over. It alone owned the data, as this one
// does now; where processes share it, a sweep sees to it when the lease is long over.
func (a *App) settleOpen(ctx context.Context) error {
	n, err := a.Dispatcher.SettleOpen(ctx, a.Ledger, a.began)
	if err != nil {
		return fmt.Errorf("app: open attempts: %w", err)
	}
	if n > 0 {
		a.log.Warn("settled attempts that the last process left open", zap.Int("count", n))
	}
	return nil
}

// Running is closed when everything runs.
func (a *App) Running() <-chan struct{} { return a.running }

// stages are what runs, in the order of its beginning.
type stages struct {
	failed chan error
	log    *zap.Logger
	all    []stage
}

// slowEnd is after how long it is told that a stage has not ended yet.
const slowEnd = 5 * time.Second

// replies keeps what comes of people's answers. A broker that is gone for a while is asked again.
func (a *App) replies(ctx context.Context) error {
	for {
		err := a.Replies.Run(ctx)
		if err == nil || ctx.Err() != nil || Lasting(err) {
			return err
		}
		a.log.Warn("people's answers are not followed", zap.Error(err))
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(time.Second):
		}
	}
}

type stage struct {
	name   string
	cancel context.CancelFunc
	done   chan struct{}
}

// begin runs a stage. Its context is its own, so that end can stop one after the other.
func (s *stages) begin(ctx context.Context, name string, run func(context.Context) error) {
	ctx, cancel := context.WithCancel(ctx)
	x := stage{name, cancel, make(chan struct{})}
	s.all = append(s.all, x)
	go func() {
		defer close(x.done)
		err := run(ctx)
		if ctx.Err() == nil && err == nil {
			err = errors.New("ended by itself")
		}
		if err != nil && (ctx.Err() == nil || !errors.Is(err, context.Canceled)) {
			select {
			case s.failed <- fmt.Errorf("app: %s: %w", name, err):
			default:
			}
		}
	}()
}

// end stops the stages, the newest first, and waits for each.
func (s *stages) end() {
	for i := len(s.all) - 1; i >= 0; i-- {
		x := s.all[i]
		x.cancel()
		slow := time.AfterFunc(slowEnd, func() { s.log.Warn("still stopping", zap.String("stage", x.name)) })
		<-x.done
		slow.Stop()
	}
	s.all = nil
}

// sweeps are the repeated work, by name.
func (a *App) sweeps() map[string]func(context.Context) (int, error) {
	return map[string]func(context.Context) (int, error){
		"expired": a.Ledger.SweepExpired,
		"open_attempts": func(ctx context.Context) (int, error) {
			if a.lead != nil {
				return a.Dispatcher.SettleShared(ctx, a.Ledger, a.Config.Send.Lease)
			}
			return a.Dispatcher.SettleOpen(ctx, a.Ledger, a.Now().Add(-2*a.Config.Send.Lease))
		},
		"doubts":     func(ctx context.Context) (int, error) { return a.Dispatcher.AskAgain(ctx, a.Ledger) },
		"reports":    a.Ledger.SweepOrphans,
		"unreported": a.unreported,
		"previews": func(ctx context.Context) (int, error) {
			return dispatch.Preview(ctx, a.Ledger, a.Gate, a.Now())
		},
		"remembered": a.Ledger.SweepRemembered,
		"verify":     a.Verification.Sweep, "verify_again": a.Verification.SweepAgain,
		"notices":   a.notices.sweep,
		"canaries":  a.canaries.sweep,
		"retention": func(ctx context.Context) (int, error) { return 0, a.Ledger.SweepRetention(ctx) },
	}
}

// Sweep does one of the repeated works now. It returns how much it did.
func (a *App) Sweep(ctx context.Context, name string) (int, error) {
	sweep, ok := a.sweeps()[name]
	if !ok {
		return 0, fmt.Errorf("app: no sweep %q", name)
	}
	return sweep(ctx)
}

// cron runs the sweeps by their specifications. One that is still at work is not begun again.
func (a *App) cron(ctx context.Context) error {
	c := cron.New(cron.WithChain(cron.SkipIfStillRunning(cron.DiscardLogger)))
	specs := a.Config.Sweeps
	for name, spec := range map[string]string{
		"expired": specs.Expired, "open_attempts": specs.OpenAttempts, "doubts": specs.Doubts, "reports": specs.Reports, "unreported": specs.Unreported, "previews": specs.Previews, "remembered": specs.Remembered, "retention": specs.Retention,
		"verify": specs.Verify, "notices": specs.Notices, "canaries": specs.Canaries,
	} {
		_, err := c.AddFunc(spec, func() {
			a.swept(ctx, name)
		})
		if err != nil {
			return fmt.Errorf("sweeps.%s: %w", name, err)
		}
	}
	c.Start()
	<-ctx.Done()
	<-c.Stop().Done()
	return nil
}

// swept does one of the repeated works, and tells the log.
func (a *App) swept(ctx context.Context, name string) {
	n, err := a.Sweep(ctx, name)
	switch {
	case err != nil && ctx.Err() == nil:
		a.log.Warn("sweep", zap.String("sweep", name), zap.Error(err))
	case n > 0:
		a.log.Info("sweep", zap.String("sweep", name), zap.Int("count", n))
	}
}

// Idle reports whether nothing is left to do at this instant: every event is taken in, nothing that is due waits, and
// nobody holds a lease. next is when something will be due; zero when nothing will.
func (a *App) Idle(ctx context.Context) (idle bool, next time.Time, err error) {
	i, err := a.events.Info(ctx) // a work queue: what is in it is not taken in yet
	if err != nil {
		return false, next, fmt.Errorf("app: %w", err)
	}
	p, err := a.State.Pending(ctx, a.Now())
	if err != nil {
		return false, next, fmt.Errorf("app: %w", err)
	}
	return i.State.Msgs == 0 && p.Due == 0 && p.Leased == 0, p.Next, nil
}
