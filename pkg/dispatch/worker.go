package dispatch

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"time"

	"go.uber.org/zap"

	"github.com/husk-reminders/husk/pkg/compose"
	"github.com/husk-reminders/husk/pkg/gate"
	"github.com/husk-reminders/husk/pkg/receipt"
	"github.com/husk-reminders/husk/pkg/reminder"
)

// worker works one channel's route, or a channel that has none: then it has no carriers, and it opens and sends nothing. A token
// stands for a slot: it is taken before leasing and given back when the outcome is journalled, so that no crash leaves more
// doubts than the route has slots.
type worker struct {
	*Dispatcher
	route    string
	carriers map[string]*berth // by name
	tokens   chan struct{}
	sends    sync.WaitGroup
	log      *zap.Logger
}

// job is one permitted reminder on its way.
type job struct {
	permit  gate.Permit
	message reminder.Message
	unfit   error // why the carrier can't carry the message: what it answers
	*passage
	intent receipt.Intent
	by     time.Time // when it must have begun to leave
}

// run goes round until ctx ends. What is leased is seen through under hand, which ends later.
func (w *worker) run(ctx, hand context.Context) {
	var trouble string // as logged last
	var again time.Time
	for ctx.Err() == nil {
		n, err := w.round(ctx, hand)
		switch now := w.o.Now(); {
		case err == nil:
			trouble = ""
		case ctx.Err() == nil && (err.Error() != trouble || now.After(again)):
			w.log.Warn("round", zap.Error(err))
			trouble, again = err.Error(), now.Add(time.Minute)
		}
		if n > 0 && err == nil {
			continue
		}
		select {
		case <-ctx.Done():
		case <-time.After(w.o.Idle):
		}
	}
}

// take takes tokens: it waits for the first, and takes what else is free, up to limit.
func (w *worker) take(ctx context.Context, limit int) int {
	select {
	case w.tokens <- struct{}{}:
	case <-ctx.Done():
		return 0
	}
	for n := 1; n < limit; n++ {
		select {
		case w.tokens <- struct{}{}:
		default:
			return n
		}
	}
	return limit
}

func (w *worker) give(n int) {
	for range n {
		<-w.tokens
	}
}

// round leases once and sees what it leased through. The sends themselves go on after it returns; each gives its own
// token back. It returns how many reminders were leased.
func (w *worker) round(ctx, hand context.Context) (int, error) {
	n := w.take(ctx, w.o.Batch)
	if n == 0 {
		return 0, nil
	}
	free := n // tokens this round still holds
	defer func() { w.give(free) }()
	limit, err := w.room(ctx, n)
	if err != nil || limit == 0 {
		return 0, err
	}
	ls, err := w.o.Queue.Lease(ctx, w.route, w.o.Now(), limit)
	if err != nil || len(ls) == 0 {
		return 0, err
	}
	ctx = hand
	jobs, err := w.decide(ctx, w.pace(ctx, ls))
	w.embark(ctx, w.compose(ctx, jobs), func(group []job) {
		kept, refused := w.confirm(ctx, w.intend(ctx, group))
		for _, j := range kept {
			free--
			w.m.open.WithLabelValues(w.route).Inc()
			w.sends.Go(func() {
				defer w.give(1)
				defer w.m.open.WithLabelValues(w.route).Dec()
				w.send(ctx, j)
			})
		}
		w.putBack(ctx, refused)
	})
	return len(ls), err
}

// room is how many reminders are taken at once, at most n. None are while no carrier can be given any: they wait where they are.
func (w *worker) room(ctx context.Context, n int) (int, error) {
	if len(w.carriers) == 0 {
		return n, nil
	}
	stopped, err := stoppedBy(ctx, w.o.Stopped)
	if err != nil {
		return 0, err
	}
	limit := w.o.Router.Room(reminder.Channel(w.route), n, stopped)
	shut := 0.0
	if limit == 0 {
		shut = 1
	}
	w.m.shut.WithLabelValues(w.route).Set(shut)
	return limit, nil
}

// pace puts reminders that are late, after an outage, back a little, so that catching up is spread. News of an appointment
// that was moved or cancelled does not wait: somebody may be about to set out.
func (w *worker) pace(ctx context.Context, ls []reminder.Lease) []reminder.Lease {
	now := w.o.Now()
	kept := ls[:0]
	for _, l := range ls {
		urgent := l.Purpose == reminder.Changed || l.Purpose == reminder.Cancel
		if now.Sub(l.Due) > w.o.LateAfter && l.Tries == 0 && !urgent {
			if d := w.catchUp.Reserve().Delay(); d > time.Second {
				w.retry(ctx, l, now.Add(d), w.route)
				continue
			}
		}
		kept = append(kept, l)
	}
	return kept
}

// decide asks the gate, and sees to all that may not go now.
func (w *worker) decide(ctx context.Context, ls []reminder.Lease) ([]job, error) {
	now := w.o.Now()
	ds, err := w.o.Gate.Decide(ctx, ls, now)
	if len(ds) != len(ls) { // not an answer to what was asked
		ds = make([]gate.Decision, len(ls))
		for i, l := range ls {
			ds[i] = gate.Decision{Reason: gate.Unavailable, Until: now.Add(backoff(l.Tries))}
		}
	}
	var jobs []job
	var vs []receipt.Verdict
	var ruled []reminder.Lease
	for i, l := range ls {
		d := ds[i]
		w.m.decisions.WithLabelValues(w.route, d.Outcome.String(), string(d.Reason)).Inc()
		switch d.Outcome {
		case gate.Allow:
			if r := string(d.Permit.Channel()); r != w.route || len(w.carriers) == 0 {
				w.elsewhere(ctx, l, r)
				continue
			}
			jobs = append(jobs, job{permit: d.Permit})
		case gate.Deny:
			vs, ruled = append(vs, verdict(l, receipt.Denied, string(d.Reason), d.Pack.ID, d.Pack.Hash)), append(ruled, l)
		case gate.Expire:
			vs, ruled = append(vs, verdict(l, receipt.Expired, "", d.Pack.ID, d.Pack.Hash)), append(ruled, l)
		default:
			w.retry(ctx, l, d.Until, w.route)
		}
	}
	w.rule(ctx, vs, ruled)
	return jobs, err
}

// elsewhere moves a reminder to the route of the channel it may go on. Where that channel has none it waits here.
func (w *worker) elsewhere(ctx context.Context, l reminder.Lease, route string) {
	if !w.Dispatcher.route(route) {
		w.m.decisions.WithLabelValues(w.route, gate.Defer.String(), string(gate.RouteClosed)).Inc()
		w.retry(ctx, l, w.o.Now().Add(backoff(l.Tries)), w.route)
		return
	}
	w.retry(ctx, l, w.o.Now(), route)
}

func verdict(l reminder.Lease, s receipt.Status, reason, pack, hash string) receipt.Verdict {
	return receipt.Verdict{Reminder: l.Reminder, Person: l.Person, Version: l.Version, Status: s, Decision: receipt.Decision{Reason: reason, Pack: pack, PackHash: hash}}
}

// rule journals verdicts and ends their leases. When the journal does not take them, the leases end by themselves and the
// gate is asked again.
func (w *worker) rule(ctx context.Context, vs []receipt.Verdict, ls []reminder.Lease) {
	if len(vs) == 0 {
		return
	}
	if err := w.o.Receipts.Rule(ctx, vs); err != nil {
		w.log.Warn("verdicts are not journalled", zap.Int("count", len(vs)), zap.Error(err))
		return
	}
	for _, l := range ls {
		w.done(ctx, l)
	}
}

// compose makes the messages, and puts aside what can't be written cleanly.
func (w *worker) compose(ctx context.Context, jobs []job) []job {
	kept := jobs[:0]
	var vs []receipt.Verdict
	var ruled []reminder.Lease
	for _, j := range jobs {
		err := w.write(ctx, &j)
		l, pack := j.permit.Lease(), j.permit.Pack()
		if err == nil {
			kept = append(kept, j)
			continue
		}
		v := refused(err, l, pack.ID, pack.Hash)
		w.log.Warn("a message can't be composed", zap.String("reminder", string(l.Reminder)), zap.Error(err))
		w.m.decisions.WithLabelValues(w.route, string(v.Status), v.Decision.Reason).Inc()
		vs, ruled = append(vs, v), append(ruled, l)
	}
	w.rule(ctx, vs, ruled)
	return kept
}

// write composes a job's message.
func (w *worker) write(ctx context.Context, j *job) (err error) {
	j.message, err = written(ctx, w.o.Composer, j.permit, reminder.NewClaim(j.permit.Lease().Person), w.o.Unsubscribe)
	return err
}

// written composes the message of a permit under a reference. No carrier has encoded it yet.
func written(
	ctx context.Context, c Composer, p gate.Permit, reference string, offer func(string) (reminder.Unsubscribe, error),
) (m reminder.Message, err error) {
	if m, err = c.Compose(ctx, p); err != nil {
		return m, err
	}
	m.Reference = reference
	if offer != nil && m.Channel == reminder.Email {
		m.Unsubscribe, err = offer(reference)
	}
	return m, err
}

// refused is the verdict that an error of compose comes to. None of its refusals goes away by trying again: what a clerk
// can mend is held, the rest is denied.
func refused(err error, l reminder.Lease, pack, hash string) receipt.Verdict {
	var held *compose.HeldError
	switch {
	case errors.As(err, &held):
		v := verdict(l, receipt.Held, "content", pack, hash)
		v.Template = held.Template
		for _, f := range held.Findings {
			v.Findings = append(v.Findings, reminder.Finding{
				Kind: f.Kind, Name: f.Name, Layout: f.Layout, Part: f.Part, Fact: f.Fact, Offset: f.Offset, Length: f.Length, Releasable: f.Releasable(),
			})
		}
		for i, f := range held.Findings {
			if i == 0 || !f.Releasable() {
				v.Decision.Reason = f.Kind
			}
			if !f.Releasable() {
				break
			}
		}
		return v
	case errors.Is(err, compose.ErrNoTemplate):
		return verdict(l, receipt.Denied, string(gate.NoTemplate), pack, hash)
	case errors.Is(err, compose.ErrOverCeiling):
		return verdict(l, receipt.Denied, string(gate.OverCeiling), pack, hash)
	case errors.Is(err, compose.ErrTooLong):
		return verdict(l, receipt.Held, "too_long", pack, hash)
	}
	return verdict(l, receipt.Held, "template", pack, hash)
}

func (w *worker) retry(ctx context.Context, l reminder.Lease, at time.Time, route string) {
	if at.After(l.Expires) {
		at = l.Expires // then it is due once more, to be expired
	}
	if err := w.o.Queue.Retry(ctx, l, at, route); err != nil {
		w.log.Debug("a lease was not given back", zap.String("reminder", string(l.Reminder)), zap.Error(err))
	}
}

func (w *worker) done(ctx context.Context, l reminder.Lease) {
	if err := w.o.Queue.Done(ctx, l); err != nil {
		w.log.Debug("a lease was not ended", zap.String("reminder", string(l.Reminder)), zap.Error(err))
	}
}

// again is how long a reminder waits whose attempt did not begin. The attempt is in the journal, and who leases it next has not tried
// yet, so the number of attempts counts as well: what is refused each time is journalled ever more seldom.
func again(l reminder.Lease) time.Duration { return backoff(max(l.Tries, l.Attempt-1)) }

// backoff is 5 s doubling to 5 min with tries, ±20 %.
func backoff(tries int) time.Duration {
	d := min(5*time.Second<<min(tries, 6), 5*time.Minute)
	return d*8/10 + rand.N(d*4/10)
}
