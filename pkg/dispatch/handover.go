package dispatch

import (
	"context"
	"errors"
	"sync"
	"time"

	"go.uber.org/zap"

	"github.com/husk-reminders/husk/pkg/gate"
	"github.com/husk-reminders/husk/pkg/provider"
	"github.com/husk-reminders/husk/pkg/receipt"
	"github.com/husk-reminders/husk/pkg/reminder"
	"github.com/husk-reminders/husk/pkg/routing"
)

func after(err error) time.Duration {
	var e *provider.Error
	if errors.As(err, &e) {
		return e.After
	}
	return 0
}

// intend journals the intents. When that fails they may be there all the same, and only the fold may say so: the leases end by
// themselves, and of those claims it is journalled that nothing was begun under them, which nobody else could know.
func (w *worker) intend(ctx context.Context, jobs []job) []job {
	if len(jobs) == 0 {
		return nil
	}
	is := make([]receipt.Intent, len(jobs))
	for i := range jobs {
		j := &jobs[i]
		l, pack := j.permit.Lease(), j.permit.Pack()
		j.intent = receipt.Intent{
			Reminder: l.Reminder, Person: l.Person, Attempt: l.Attempt, Claim: j.message.Reference, Version: l.Version, Route: w.route,
			Channel: j.permit.Channel(), Carrier: j.Carrier, Address: j.permit.AddressHash(), Template: j.message.Template, Segments: j.message.Segments,
			Decision: receipt.Decision{Basis: j.permit.Basis(), Pack: pack.ID, PackHash: pack.Hash},
		}
		is[i] = j.intent
		w.inHand.Store(j.intent.Claim, true)
	}
	if err := w.o.Receipts.Intend(ctx, is); err != nil {
		w.log.Warn("intents are not journalled", zap.Int("count", len(jobs)), zap.Error(err))
		w.sends.Go(func() { w.forgo(ctx, jobs) })
		letGo(jobs)
		return nil
	}
	return jobs
}

// letGo gives back what jobs hold that surely do not leave. All do it at once: where nobody answers who counts for the carriers, each waits
// for it until its time is over.
func letGo(jobs []job) {
	var all sync.WaitGroup
	for _, j := range jobs {
		all.Go(func() { j.end(routing.Neither, false) })
	}
	all.Wait()
}

// forgo settles attempts that were perhaps intended and surely do not begin.
func (w *worker) forgo(ctx context.Context, jobs []job) {
	os := make([]receipt.Outcome, len(jobs))
	for i, j := range jobs {
		os[i] = outcomeOf(j.intent, receipt.NotBegun, "not_journalled", w.o.Now().Add(again(j.permit.Lease())))
	}
	if err := w.o.Receipts.Settle(ctx, os); err != nil {
		w.log.Warn("outcomes are not journalled", zap.Int("count", len(os)), zap.Error(err))
	}
	for _, j := range jobs {
		w.inHand.Delete(j.intent.Claim)
	}
}

// refusal is a job whose hand-over the gate refused, and why.
type refusal struct {
	job
	err error
}

// confirm asks the gate for the last time. What it allows must begin to leave within the write deadline, counted from
// before the question: that long, and a little more, a STOP waits for it.
func (w *worker) confirm(ctx context.Context, jobs []job) (kept []job, refused []refusal) {
	if len(jobs) == 0 {
		return nil, nil
	}
	as := make([]gate.Attempt, len(jobs))
	for i, j := range jobs {
		as[i] = gate.Attempt{Permit: j.permit, Claim: j.intent.Claim, Attempt: j.intent.Attempt, Template: j.message.Template, Route: w.route, Carrier: j.Carrier}
	}
	by := time.Now().Add(w.o.WriteDeadline) //nolint:forbidigo // real time, as the write deadline and a STOP's patience are
	errs, err := w.o.Gate.Confirm(ctx, as)
	if err != nil {
		w.log.Warn("hand-over is not confirmed", zap.Error(err))
	}
	for i, j := range jobs {
		err := gate.ErrUnavailable // also of a gate that does not answer every question
		if len(errs) == len(jobs) {
			err = errs[i]
		}
		if err == nil {
			j.by = by
			kept = append(kept, j)
		} else {
			refused = append(refused, refusal{j, err})
		}
	}
	return kept, refused
}

// putBack settles what the gate refused, which surely does not leave, as not begun. It comes after what was allowed is on its
// way: the journal may keep it waiting.
func (w *worker) putBack(ctx context.Context, refused []refusal) {
	if len(refused) == 0 {
		return
	}
	var os []receipt.Outcome
	var vs []receipt.Verdict
	var settled, ruled []reminder.Lease
	jobs := make([]job, len(refused))
	for i, j := range refused {
		jobs[i] = j.job
		w.inHand.Delete(j.intent.Claim) // it will not be sent
		l, pack := j.permit.Lease(), j.permit.Pack()
		outcome, reason := gate.Refusal(j.err)
		w.m.decisions.WithLabelValues(w.route, outcome.String(), string(reason)).Inc()
		os = append(os, outcomeOf(j.intent, receipt.NotBegun, string(reason), w.o.Now().Add(again(l))))
		if outcome == gate.Deny {
			vs, ruled = append(vs, verdict(l, receipt.Denied, string(reason), pack.ID, pack.Hash)), append(ruled, l)
		} else {
			settled = append(settled, l)
		}
	}
	var held sync.WaitGroup
	defer held.Wait()
	held.Go(func() { letGo(jobs) }) // beside the outcomes, for which a STOP may wait
	if err := w.o.Receipts.Settle(ctx, os); err != nil {
		w.log.Warn("outcomes are not journalled", zap.Int("count", len(os)), zap.Error(err))
		return
	}
	w.rule(ctx, vs, ruled)
	for _, l := range settled {
		w.done(ctx, l)
	}
}

func outcomeOf(i receipt.Intent, s receipt.Status, code string, retry time.Time) receipt.Outcome {
	return receipt.Outcome{Reminder: i.Reminder, Person: i.Person, Attempt: i.Attempt, Claim: i.Claim, Status: s, Code: code, Retry: retry}
}

// send hands one message over and settles it.
func (w *worker) send(ctx context.Context, j job) {
	said, left := routing.Neither, false
	defer func() { j.end(said, left) }()
	defer w.inHand.Delete(j.intent.Claim)
	l := j.permit.Lease()
	var o receipt.Outcome
	var err error
	switch {
	case j.unfit != nil:
		o = outcomeOf(j.intent, receipt.Rejected, label(j.unfit), time.Time{}) // whatever it says: nothing left
	case time.Now().Before(j.by): //nolint:forbidigo // as above
		var accepted provider.Accepted
		write, cancel := context.WithDeadline(ctx, j.by)
		began := time.Now() //nolint:forbidigo // as above
		accepted, err = j.slot.Send(write, j.message)
		cancel()
		said = routing.Judge(err, time.Since(began)) //nolint:forbidigo // as above
		left = err == nil || provider.OutcomeOf(err) == provider.Unknown
		o = w.settlement(ctx, l, j, accepted, err)
		o.Carrier = j.Carrier
	default:
		o = outcomeOf(j.intent, receipt.NotBegun, "late", w.o.Now().Add(again(l)))
	}
	w.m.outcomes.WithLabelValues(w.route, string(o.Status)).Inc()
	if o.Status == receipt.Unknown {
		w.m.doubts.Inc()
	}
	if o.Status == receipt.Accepted {
		w.m.delay.WithLabelValues(w.route).Observe(max(0, w.o.Now().Sub(l.Due).Seconds()))
	}
	var stop sync.WaitGroup
	if err != nil && provider.OutcomeOf(err) == provider.OptedOut {
		stop.Go(func() { // beside the outcome, for which a STOP waits
			if err := w.o.Stop(ctx, j.permit.Address(), "carrier:"+j.Carrier); err != nil {
				w.log.Error("an opt-out the carrier told of is not journalled", zap.Error(err))
			}
		})
	}
	if err := w.o.Receipts.Settle(ctx, []receipt.Outcome{o}); err != nil {
		w.log.Error("an outcome is not journalled", zap.String("attempt", o.Claim), zap.Error(err))
	}
	stop.Wait()
	w.done(ctx, l)
}

// settlement is what a carrier's answer comes to.
func (w *worker) settlement(ctx context.Context, l reminder.Lease, j job, a provider.Accepted, err error) receipt.Outcome {
	i := j.intent
	if err == nil {
		return acceptedOf(i, a)
	}
	code := label(err)
	switch provider.OutcomeOf(err) {
	case provider.Retry:
		return outcomeOf(i, receipt.Refused, code, w.o.Now().Add(max(backoff(l.Attempt-1), after(err))))
	case provider.Reject:
		o := outcomeOf(i, receipt.Rejected, code, time.Time{})
		o.Fault = faultOf(err)
		return o
	case provider.OptedOut:
		return outcomeOf(i, receipt.Rejected, "opted_out", time.Time{})
	}
	if a, found := ask(ctx, j.Sender, i.Claim); found {
		return acceptedOf(i, a)
	}
	w.log.Warn("a hand-over is in doubt", zap.String("attempt", i.Claim), zap.Error(err))
	return outcomeOf(i, receipt.Unknown, code, time.Time{})
}

// label is the word a carrier has for its error.
func label(err error) string {
	var e *provider.Error
	if errors.As(err, &e) {
		return e.Label()
	}
	return ""
}

// faultOf is what a carrier's no says is wrong with the address for good.
func faultOf(err error) receipt.Fault {
	var e *provider.Error
	if errors.As(err, &e) {
		return receipt.Fault(e.Fault)
	}
	return ""
}

func acceptedOf(i receipt.Intent, a provider.Accepted) receipt.Outcome {
	o := outcomeOf(i, receipt.Accepted, "", time.Time{})
	o.CarrierID, o.Parts = a.CarrierID, a.Parts
	return o
}

// lookupWait is how long a carrier may take to say whether it has a message that is in doubt. A STOP may be waiting.
const lookupWait = 2 * time.Second

// ask asks the carrier, where it can be asked, whether it has the message after all. That it has not found it means nothing
// so soon: the message may still be on its way there.
func ask(ctx context.Context, s provider.Sender, claim string) (provider.Accepted, bool) {
	c, ok := s.(provider.Lookup)
	if !ok {
		return provider.Accepted{}, false
	}
	ctx, cancel := context.WithTimeout(ctx, lookupWait)
	defer cancel()
	a, found, err := c.Lookup(ctx, claim)
	return a, found && err == nil
}
