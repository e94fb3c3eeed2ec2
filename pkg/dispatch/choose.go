package dispatch

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"go.uber.org/zap"

	"github.com/husk-reminders/husk/pkg/gate"
	"github.com/husk-reminders/husk/pkg/provider"
	"github.com/husk-reminders/husk/pkg/receipt"
	"github.com/husk-reminders/husk/pkg/reminder"
	"github.com/husk-reminders/husk/pkg/routing"
)

// named gives carriers without a name their channel's.
func named(rs []Route) ([]Route, error) {
	rs = slices.Clone(rs)
	seen := map[[2]string]bool{}
	for i := range rs {
		if rs[i].Carrier == "" {
			rs[i].Carrier = rs[i].Name
		}
		key := [2]string{rs[i].Name, rs[i].Carrier}
		if seen[key] {
			return nil, fmt.Errorf("dispatch: route %q: carrier %q is there twice", key[0], key[1])
		}
		seen[key] = true
	}
	return rs, nil
}

// inOrder are rules by which each channel's carriers are taken in the order in which they stand.
func inOrder(rs []Route) map[reminder.Channel][]routing.Rule {
	out := map[reminder.Channel][]routing.Rule{}
	for _, r := range rs {
		c := reminder.Channel(r.Name)
		if out[c] == nil {
			out[c] = make([]routing.Rule, 1)
		}
		out[c][0].Carriers = append(out[c][0].Carriers, r.Carrier)
	}
	return out
}

// berth is a carrier of a worker's channel, and the slots that the worker has taken there.
type berth struct {
	Route
	slots chan struct{}
}

// passage is what a job has at a carrier: a slot of the worker's, the router's leave, and the carrier's own slot.
type passage struct {
	*berth
	slot provider.Slot
	pass *routing.Pass
	once sync.Once
}

// end gives everything back. judgement and left are as for routing.Pass.
func (p *passage) end(j routing.Judgement, left bool) {
	p.once.Do(func() {
		if p.slot != nil {
			p.slot.Close()
		}
		p.pass.End(j, left)
		<-p.slots
	})
}

// errNoBerth means that a carrier's slots are all taken.
var errNoBerth = errors.New("dispatch: the carrier's slots are all taken")

// stoppedBy are the carriers that a switch stops; an error says that all must be taken to be.
func stoppedBy(ctx context.Context, ask func(context.Context) (map[string]string, error)) (func(carrier string) bool, error) {
	if ask == nil {
		return func(string) bool { return false }, nil
	}
	on, err := ask(ctx)
	if err != nil {
		return nil, err
	}
	return func(carrier string) bool { _, is := on[gate.SwitchCarrier+carrier]; return is }, nil
}

// countryOf is where a message belongs: where its address does, else its unit.
func countryOf(of func(reminder.Address) reminder.Country, p gate.Permit) reminder.Country {
	if of != nil {
		if c := of(p.Address()); c != "" {
			return c
		}
	}
	return p.Unit().Country
}

// soon reports whether a carrier that is well has no room for a moment: the message waits for it, and goes by no other.
// That its own package holds it up, by its rate or its slots, is the same.
func soon(err error) bool {
	return errors.Is(err, errNoBerth) || errors.Is(err, routing.ErrRate) || routing.Busy(err)
}

// gather is how long a job that has its place waits for others, to be journalled with them. It is short against an account's second, so
// that messages leave as their turns come, and not all in the instant of the last one's.
const gather = 100 * time.Millisecond

// embark finds each job a carrier and has that carrier encode it, look at what it encoded, and open a slot: rate, window and connection are
// waited for before anything is intended. Those that have their places depart in groups, while the others still wait. What no carrier can
// take now goes back.
func (w *worker) embark(ctx context.Context, jobs []job, depart func([]job)) {
	if len(jobs) == 0 {
		return
	}
	stopped, err := stoppedBy(ctx, w.o.Stopped)
	if err != nil {
		stopped = func(string) bool { return true }
		w.log.Warn("it is not known which carriers are stopped", zap.Error(err))
	}
	errs := make([]error, len(jobs))
	came := make(chan int, len(jobs))
	for i := range jobs {
		go func() {
			errs[i] = w.board(ctx, &jobs[i], stopped)
			came <- i
		}()
	}
	var group []job
	var leave <-chan time.Time
	for left := len(jobs); left > 0; {
		select {
		case i := <-came:
			if left--; errs[i] == nil {
				group = append(group, jobs[i])
			}
			if leave == nil && len(group) > 0 {
				leave = time.After(gather)
			}
		case <-leave:
			depart(group)
			group, leave = nil, nil
		}
	}
	depart(group)
	w.stay(ctx, jobs, errs)
}

// stay gives back the jobs for which no carrier has a place.
func (w *worker) stay(ctx context.Context, jobs []job, errs []error) {
	var vs []receipt.Verdict
	var ruled []reminder.Lease
	for i, j := range jobs {
		l, pack := j.permit.Lease(), j.permit.Pack()
		switch err := errs[i]; {
		case err == nil:
		case errors.As(err, new(unclean)):
			v := refused(err, l, pack.ID, pack.Hash)
			w.log.Warn("a message can't be written", zap.String("reminder", string(l.Reminder)), zap.Error(err))
			w.m.decisions.WithLabelValues(w.route, string(v.Status), v.Decision.Reason).Inc()
			vs, ruled = append(vs, v), append(ruled, l)
		default:
			w.m.decisions.WithLabelValues(w.route, gate.Defer.String(), string(gate.RouteClosed)).Inc()
			w.log.Warn("no carrier takes a message now", zap.Error(err))
			wait := max(backoff(l.Tries), after(err))
			if soon(err) {
				wait = routing.Patience
			}
			w.retry(context.WithoutCancel(ctx), l, w.o.Now().Add(wait), w.route)
		}
	}
	w.rule(context.WithoutCancel(ctx), vs, ruled)
}

// unclean is what speaks against a message as a carrier has encoded it.
type unclean struct{ error }

func (u unclean) Unwrap() error { return u.error }

// board tries the carriers that may carry a job, one after another. A carrier that can't encode it is passed over; where no other may carry
// it, that is the answer to the message.
func (w *worker) board(ctx context.Context, j *job, stopped func(string) bool) error {
	var why error
	var unfit *job
	order := w.o.Router.Order(reminder.Channel(w.route), routing.Question{
		Country: countryOf(w.o.Country, j.permit), Unit: j.permit.Unit().ID, Refused: j.permit.Lease().Refusals,
	})
	for _, name := range order {
		b := w.carriers[name]
		if b == nil || stopped(name) {
			why = errors.Join(why, fmt.Errorf("%s: %w", name, routing.ErrStopped))
			continue
		}
		x := *j
		wait, cancel := context.WithTimeout(ctx, w.o.OpenWait/time.Duration(len(order)))
		err := w.boardOne(wait, &x, b)
		cancel()
		switch {
		case err == nil && x.unfit == nil:
			*j = x
			if unfit != nil {
				unfit.end(routing.Neither, false)
			}
			return nil
		case err == nil && unfit == nil:
			unfit = &x
		case err == nil:
			x.end(routing.Neither, false)
		case errors.As(err, new(unclean)), soon(err):
			if unfit != nil {
				unfit.end(routing.Neither, false)
			}
			return err
		default:
			why = errors.Join(why, fmt.Errorf("%s: %w", name, err))
		}
	}
	if unfit == nil {
		return errors.Join(routing.ErrNone, why)
	}
	if why != nil { // another carrier may be able to, later
		unfit.end(routing.Neither, false)
		return why
	}
	*j = *unfit
	return nil
}

// boardOne gets a job a place at one carrier.
func (w *worker) boardOne(ctx context.Context, j *job, b *berth) (err error) {
	select {
	case b.slots <- struct{}{}:
	default:
		return errNoBerth
	}
	j.message.Wire, j.unfit = b.Sender.Encode(j.message)
	if j.unfit == nil {
		if err := w.o.Composer.Inspect(j.permit, j.message); err != nil {
			<-b.slots
			return unclean{err}
		}
	}
	pass, err := w.o.Router.Board(ctx, b.Carrier, j.message.Segments)
	if err != nil {
		<-b.slots
		return err
	}
	j.passage = &passage{berth: b, pass: pass}
	began := time.Now() //nolint:forbidigo // real time, as the carrier's is
	if j.slot, err = b.Sender.Open(ctx); err != nil {
		j.end(routing.Judge(err, time.Since(began)), false) //nolint:forbidigo // as above
		return err
	}
	return nil
}
