package command

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"go.uber.org/zap"

	"github.com/husk-reminders/husk/pkg/app"
	"github.com/husk-reminders/husk/pkg/config"
	"github.com/husk-reminders/husk/pkg/state"
	"github.com/husk-reminders/husk/pkg/web"
	"github.com/husk-reminders/husk/pkg/web/signin"
)

// lastWait is the longest that the engine waits before it opens again after a failure.
const lastWait = 30 * time.Second

// errStopping is what a rebuilding is told when the process ends first.
var errStopping = errors.New("the process is stopping")

// engine keeps one App open behind a Door: it opens it, runs it, and closes and opens it again when the state is to be
// rebuilt or, where it keeps going, when the line has failed.
type engine struct {
	cfg       config.Config
	log       *zap.Logger
	run       func(*app.App, context.Context) error // the whole line, or the projector alone
	keepGoing bool
	firstWait time.Duration  // before it opens again after a failure; doubles up to lastWait
	started   func(*app.App) // called once, when the line runs for the first time; nil = nobody waits for it

	door     *web.Door
	link     atomic.Pointer[signin.Link] // to the pages; nil = there are no links
	app      *app.App                    // nil while closed
	folded   atomic.Int64
	first    sync.Once
	rebuilds chan chan<- rebuilt
	opened   chan struct{} // closed when the door was opened for the first time
	ended    chan struct{} // closed when loop has returned
}

type rebuilt struct {
	web.Rebuilt
	err error
}

func newEngine(cfg config.Config, log *zap.Logger, run func(*app.App, context.Context) error) (*engine, error) {
	e := &engine{cfg: cfg, log: log, run: run, firstWait: time.Second, rebuilds: make(chan chan<- rebuilt), opened: make(chan struct{}), ended: make(chan struct{})}
	o := web.DoorOptions{
		Rebuild: e.rebuild, AddressRate: cfg.API.AddressRate, KeyRate: cfg.API.KeyRate, UnsubscribeRate: cfg.Unsubscribe.Rate, CallbackRate: cfg.Callbacks.Rate, PageRate: cfg.Pages.Rate, Log: log.Named("web"),
	}
	if byLink(cfg) {
		o.Link = e.newLink
	}
	var err error
	e.door, err = web.NewDoor(o)
	return e, err
}

// open opens the App.
func (e *engine) open(ctx context.Context, rebuild bool) error {
	e.folded.Store(0)
	o := app.Options{Config: e.cfg, Log: e.log, Rebuild: rebuild, Observe: func(state.Change) { e.folded.Add(1) }}
	if byLink(e.cfg) {
		var err error
		if o.Invented, err = invented(); err != nil {
			return err
		}
	}
	a, err := app.Open(ctx, o)
	e.app = a
	return err
}

// close closes the App; loop has returned or was never called.
func (e *engine) close() {
	if e.app != nil {
		e.app.Close()
		e.app = nil
	}
}

// rebuild asks loop to make the state again, and waits for it.
func (e *engine) rebuild(ctx context.Context) (web.Rebuilt, error) {
	done := make(chan rebuilt, 1)
	select {
	case e.rebuilds <- done:
	case <-e.ended:
		return web.Rebuilt{}, errStopping
	case <-ctx.Done():
		return web.Rebuilt{}, ctx.Err()
	}
	select {
	case r := <-done:
		return r.Rebuilt, r.err
	case <-e.ended:
		return web.Rebuilt{}, errStopping
	}
}

// loop runs the App, which is open, until ctx ends or it can't go on. The last App is left open for close.
func (e *engine) loop(ctx context.Context) error {
	defer close(e.ended)
	wait := e.firstWait
	var waiting *rebuilding
	for {
		if e.app == nil {
			if err := e.open(ctx, waiting != nil); err != nil {
				if err := e.pause(ctx, err, &wait); err != nil {
					return err
				}
				continue
			}
		}
		since := time.Now()
		next, err := e.once(ctx, waiting)
		waiting = next
		if err == nil && waiting == nil {
			return nil
		}
		e.close()
		if err == nil {
			continue
		}
		if time.Since(since) > lastWait {
			wait = e.firstWait
		}
		if err := e.pause(ctx, err, &wait); err != nil {
			return err
		}
	}
}

// rebuilding is a rebuilding under way.
type rebuilding struct {
	began time.Time
	done  chan<- rebuilt
}

// once runs the open App until ctx ends (nil, nil), it fails, or the state is to be rebuilt. waiting, if any, is told when the
// state is certified.
func (e *engine) once(ctx context.Context, waiting *rebuilding) (*rebuilding, error) {
	// The line is stopped by us, after the door was shut.
	line, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	ended := make(chan error, 1)
	go func() { ended <- e.run(e.app, line) }()
	end := func(why string) error {
		e.door.Shut(why)
		stop()
		return <-ended
	}
	ready, running, rebuilds := e.app.Ledger.Ready(), e.app.Running(), (chan chan<- rebuilt)(nil)
	for {
		select {
		case <-ready:
			api, err := e.app.Staff()
			if err != nil {
				return nil, errors.Join(err, end(err.Error()))
			}
			e.door.Open(api)
			e.first.Do(func() { close(e.opened) })
			if waiting != nil {
				waiting.done <- rebuilt{Rebuilt: web.Rebuilt{Entries: e.folded.Load(), Seconds: time.Since(waiting.began).Seconds()}}
				waiting = nil
			}
			ready, rebuilds = nil, e.rebuilds
		case <-running:
			running = nil
			if e.started != nil {
				e.started(e.app)
				e.started = nil
			}
		case done := <-rebuilds:
			began := time.Now()
			if err := end("the state is being rebuilt"); err != nil {
				done <- rebuilt{err: err}
				return nil, err
			}
			return &rebuilding{began, done}, nil
		case err := <-ended:
			if err == nil {
				err = errors.New("the line ended by itself")
			}
			e.door.Shut(err.Error())
			if waiting != nil {
				waiting.done <- rebuilt{err: err}
			}
			return nil, err
		case <-ctx.Done():
			return nil, end("stopping")
		}
	}
}

// pause waits before the next opening. It returns an error when there is to be none, and nil at once when ctx ends.
func (e *engine) pause(ctx context.Context, err error, wait *time.Duration) error {
	e.door.Shut(err.Error())
	if app.Lasting(err) || !e.keepGoing {
		return err
	}
	e.log.Error("the line has failed; it is opened again", zap.Error(err), zap.Duration("in", *wait))
	select {
	case <-time.After(*wait):
		*wait = min(2**wait, lastWait)
		return nil
	case <-ctx.Done():
		return fmt.Errorf("stopped while the line was down: %w", err)
	}
}
