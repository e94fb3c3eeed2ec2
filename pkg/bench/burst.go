package bench

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/husk-reminders/husk/pkg/receipt"
	"github.com/husk-reminders/husk/pkg/reminder"
)

// lead is how long before a burst the line's time is set: it runs as always when the instant comes.
const lead = time.Second

// measureBurst lets a load come due at one instant, and bars addresses meanwhile.
func (r *run) measureBurst(ctx context.Context) (string, error) {
	n := r.within(r.people, r.report.Dispatch.Rate, burstShare)
	r.nextLoad()
	if err := r.book(ctx, 0, n); err != nil {
		return "", err
	}
	before, err := r.line.count(ctx, receipt.Accepted)
	if err != nil {
		return "", err
	}
	l := newLoad(n)
	l.began = r.clock.moveTo(r.due.Add(-lead)).Add(lead)
	r.carrier.load.Store(l)
	s := &stopper{run: r, load: l, last: map[int]time.Time{}, expected: time.Duration(float64(n) / r.report.Dispatch.Rate * float64(time.Second))}
	over, cancel := context.WithCancel(ctx)
	defer cancel()
	ended := make(chan error, 1)
	go func() { ended <- s.stops(ctx, over) }()
	err = r.profiled("burst", func() error {
		return r.finish(ctx, "burst", l, before, func() int { return int(s.own.Load()) })
	})
	cancel()
	if err := errors.Join(err, <-ended); err != nil {
		return "", err
	}
	r.report.Burst = Burst{Delays: delays(l.delays()), Barred: n - int(l.handed.Load())}
	r.report.Burst.N = n
	r.report.Stop, err = s.report()
	b := r.report.Burst
	return fmt.Sprintf("%d due at once: p50 %.2f s, p99 %.2f s, last %.2f s; STOP p99 %.0f ms", n, b.P50, b.P99, b.Last, r.report.Stop.P99), err
}

// mostStops is how many STOPs come in during a burst, every other one from a person of the load.
const mostStops = 200

// stopper sends STOPs over the time that a burst is expected to take.
type stopper struct {
	*run
	load     *load
	expected time.Duration
	own      atomic.Int64 // STOPs from people of the load, so far
	mu       sync.Mutex
	barred   []time.Duration
	final    []time.Duration
	last     map[int]time.Time // by person of the load: when the STOP was acknowledged
}

// stops sends them one after the other, none waiting for another, until over. It returns when all are acknowledged.
func (s *stopper) stops(ctx, over context.Context) error {
	n := min(mostStops, 2*len(s.load.after)/10)
	every := max(s.expected*8/10/time.Duration(n), time.Millisecond)
	wait := time.NewTimer(s.load.began.Sub(s.Now()))
	defer wait.Stop()
	var wg sync.WaitGroup
	errs := make([]error, n)
	for i := range n {
		select {
		case <-wait.C:
			wait.Reset(every)
		case <-over.Done():
		}
		if over.Err() != nil {
			break
		}
		person := -1
		from := number(firstQuiet - firstNumber + i)
		if i%2 == 0 {
			person = len(s.load.after) * i / n // spread over the load
			from = number(person)
			s.own.Add(1)
		}
		wg.Go(func() { errs[i] = s.one(ctx, from, person) })
	}
	wg.Wait()
	return errors.Join(errs...)
}

// one sends one STOP.
func (s *stopper) one(ctx context.Context, from reminder.Address, person int) error {
	told := make(chan time.Time, 1)
	s.line.mu.Lock()
	s.line.barred[s.line.Pseudonyms.Address(from)] = told
	s.line.mu.Unlock()
	began := s.Now()
	if err := s.line.Ledger.Stop(ctx, from, "bench"); err != nil {
		return fmt.Errorf("STOP: %w", err)
	}
	final := s.Now()
	s.mu.Lock()
	s.barred = append(s.barred, (<-told).Sub(began))
	s.final = append(s.final, final.Sub(began))
	if person >= 0 {
		s.last[person] = final
	}
	s.mu.Unlock()
	return nil
}

// report is what the STOPs took, once the burst is over. It errs when anything left for an address after its STOP was
// acknowledged.
func (s *stopper) report() (Stop, error) {
	for person, final := range s.last {
		if left := s.load.after[person].Load(); left > 0 && s.load.began.Add(time.Duration(left)).After(final) {
			return Stop{}, errors.New("a message left after a STOP from its address was acknowledged")
		}
	}
	if len(s.barred) == 0 {
		return Stop{}, errors.New("no STOP came in while the burst lasted")
	}
	slices.Sort(s.barred)
	slices.Sort(s.final)
	return Stop{
		N: len(s.barred), P50: milliseconds(percentile(s.barred, .5)), P99: milliseconds(percentile(s.barred, .99)),
		FinalP99: milliseconds(percentile(s.final, .99)),
	}, nil
}
