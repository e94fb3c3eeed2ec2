package bench

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/husk-reminders/husk/pkg/app"
	"github.com/husk-reminders/husk/pkg/dispatch"
	"github.com/husk-reminders/husk/pkg/intake/native"
	"github.com/husk-reminders/husk/pkg/plan"
	"github.com/husk-reminders/husk/pkg/receipt"
	"github.com/husk-reminders/husk/pkg/reminder"
	"github.com/husk-reminders/husk/pkg/state"
)

// slots is how many messages may be open at a carrier at once.
const slots = 512

// line is an open App, and what of it runs.
type line struct {
	*app.App
	planned atomic.Int64 // reminders folded as planned
	mu      sync.Mutex
	barred  map[reminder.AddressHash]chan time.Time // told when the address's bar is folded
	runs    []station
	failed  chan error
}

// station is a part of the line that runs.
type station struct {
	stop  context.CancelFunc
	ended chan struct{}
}

// open opens the App on the run's data directory.
func (r *run) open(ctx context.Context, rebuild bool) error {
	l := &line{barred: map[reminder.AddressHash]chan time.Time{}, failed: make(chan error, 1)}
	var err error
	l.App, err = app.Open(ctx, app.Options{
		Config: r.config, Log: r.Log, Now: r.clock.Now, Observe: func(c state.Change) { l.observe(c, r.Now) }, ByHand: true, Rebuild: rebuild,
		Routes: []dispatch.Route{{Name: string(reminder.SMS), Sender: r.carrier, Slots: slots}},
	})
	r.line = l
	return err
}

// observe sees each entry when it is folded.
func (l *line) observe(c state.Change, now func() time.Time) {
	switch b := c.Body.(type) {
	case state.Planned:
		if b.Plan.Status == plan.Booked {
			l.planned.Add(int64(len(b.Plan.Reminders)))
		}
	case state.Bar:
		l.mu.Lock()
		defer l.mu.Unlock()
		if told := l.barred[b.Address]; told != nil {
			told <- now()
			delete(l.barred, b.Address)
		}
	}
}

// project runs the projector, and returns when the state is certified.
func (l *line) project(ctx context.Context) error {
	l.begin(l.Project)
	return l.until(ctx, time.Millisecond, time.Minute, l.ready)
}

// ready reports whether the state is certified.
func (l *line) ready() (bool, error) {
	select {
	case <-l.Ledger.Ready():
		return true, nil
	default:
		return false, nil
	}
}

// begin runs a station of the line. Each has a context of its own, so that end can stop one after the other.
func (l *line) begin(run func(context.Context) error) {
	ctx, cancel := context.WithCancel(context.Background())
	s := station{stop: cancel, ended: make(chan struct{})}
	l.runs = append(l.runs, s)
	go func() {
		defer close(s.ended)
		if err := run(ctx); ctx.Err() == nil {
			select {
			case l.failed <- errors.Join(errors.New("the line ended by itself"), err):
			default:
			}
		}
	}()
}

// halt stops what runs, the newest first.
func (l *line) halt() {
	for i := len(l.runs) - 1; i >= 0; i-- {
		l.runs[i].stop()
		<-l.runs[i].ended
	}
	l.runs = nil
}

// end stops what runs and closes the App. Calling it again does nothing.
func (l *line) end() {
	if l == nil || l.App == nil {
		return
	}
	l.halt()
	l.Close()
	l.App = nil
}

// until waits until done says so, at most for the time most.
func (l *line) until(ctx context.Context, every, most time.Duration, done func() (bool, error)) error {
	limit := time.NewTimer(most)
	defer limit.Stop()
	for {
		ok, err := done()
		if ok || err != nil {
			return err
		}
		select {
		case err := <-l.failed:
			return err
		case <-ctx.Done():
			return ctx.Err()
		case <-limit.C:
			return errSlow
		case <-time.After(every):
		}
	}
}

// errSlow means that a part did not come to its end in its time.
var errSlow = errors.New("it does not come to its end")

// publishers is how many booking systems publish at once: one alone would wait for the disk at every event.
const publishers = 256

// publish publishes the last load's events of people from to until, and returns when all are on the broker's disk.
func (r *run) publish(ctx context.Context, from, until int) error {
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(publishers)
	for n := from; n < until && ctx.Err() == nil; n++ {
		g.Go(func() error {
			data, err := event(r.load, n, r.starts)
			if err != nil {
				return err
			}
			return r.line.Publish(ctx, subject, "", data)
		})
	}
	return g.Wait()
}

// book plans the last load's appointments of people from to until as intake does, but without the broker's queue before it.
func (r *run) book(ctx context.Context, from, until int) error {
	decoder, err := native.New(native.Options{Pseudonyms: r.line.Pseudonyms})
	if err != nil {
		return err
	}
	const batch = 512
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(4)
	for ; from < until && ctx.Err() == nil; from += batch {
		first, last := from, min(from+batch, until)
		g.Go(func() error {
			var as []reminder.Appointment
			for n := first; n < last; n++ {
				data, err := event(r.load, n, r.starts)
				if err != nil {
					return err
				}
				a, err := decoder.Decode(subject, nil, data)
				if err != nil {
					return err
				}
				a.Order.Sequence = r.sequence.Add(1)
				as = append(as, a)
			}
			refused, err := r.line.Ledger.Accept(ctx, as)
			return errors.Join(append(refused, err)...)
		})
	}
	if err := g.Wait(); err != nil {
		return fmt.Errorf("load: %w", err)
	}
	return nil
}

// count is how many reminders are in a status.
func (l *line) count(ctx context.Context, s receipt.Status) (int, error) {
	all, err := l.State.Counts(ctx)
	return all[s], err
}

// folded is how many journal entries this App has folded.
func (l *line) folded() (int, error) {
	all, err := l.Metrics.Gather()
	if err != nil {
		return 0, err
	}
	for _, f := range all {
		if f.GetName() == "husk_ledger_folded_total" {
			return int(f.GetMetric()[0].GetCounter().GetValue()), nil
		}
	}
	return 0, fmt.Errorf("no count of folded entries among %d metrics", len(all))
}
