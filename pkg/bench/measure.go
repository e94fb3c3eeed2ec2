package bench

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/husk-reminders/husk/pkg/receipt"
)

// bareLoops times both bare loops once.
func (r *run) bareLoops(ctx context.Context) (Loops, error) {
	least := 5 * time.Second
	if r.Quick {
		least = 500 * time.Millisecond
	}
	var l Loops
	var err error
	if l.Rate, err = r.bare.measure(ctx, r.bare.queue, least, r.Now); err != nil {
		return l, err
	}
	err = r.profiled("bare", func() (err error) {
		l.Lean, err = r.bare.measure(ctx, r.bare.lean, least, r.Now)
		return err
	})
	return l, err
}

func (r *run) bareBefore(ctx context.Context) (said string, err error) {
	r.report.Bare.Before, err = r.bareLoops(ctx)
	return r.report.Bare.Before.said(), err
}

func (r *run) bareAfter(ctx context.Context) (said string, err error) {
	b := &r.report.Bare
	b.After, err = r.bareLoops(ctx)
	b.Loops = Loops{(b.Before.Rate + b.After.Rate) / 2, (b.Before.Lean + b.After.Lean) / 2}
	p := &r.report
	p.Intake.Ratio, p.Dispatch.Ratio, p.HTTP.Ratio = ratio(p.Intake.Rate, b.Rate), ratio(p.Dispatch.Rate, b.Rate), ratio(p.HTTP.Rate, b.Rate)
	p.Intake.RatioLean, p.Dispatch.RatioLean, p.HTTP.RatioLean = ratio(p.Intake.Rate, b.Lean), ratio(p.Dispatch.Rate, b.Lean), ratio(p.HTTP.Rate, b.Lean)
	if a := p.Asynq; a != nil {
		a.Ratio, a.RatioLean = ratio(a.Rate, b.Rate), ratio(a.Rate, b.Lean)
	}
	return b.After.said(), err
}

func (l Loops) said() string {
	return fmt.Sprintf("%.0f a second; the lean form %.0f", l.Rate, l.Lean)
}

// The time that a part of a quick run may take.
const (
	peopleShare   = 3 * time.Second
	eventsShare   = 1200 * time.Millisecond
	dispatchShare = 4 * time.Second // dispatch is faster than intake, by whose rate its load is chosen
	httpShare     = time.Second
	burstShare    = 2500 * time.Millisecond
	bareShare     = 2 * time.Second
	rebuildShare  = 3 * time.Second
)

// enterPeople enters one person a reminder: as many as there shall be, or as the time allows.
func (r *run) enterPeople(ctx context.Context) (string, error) {
	if err := r.open(ctx, false); err != nil {
		return "", err
	}
	if err := r.line.project(ctx); err != nil {
		return "", err
	}
	began := r.Now()
	for r.people < r.Reminders && (r.people < leastSize || r.inTime(began, peopleShare)) {
		next := min(r.people+min(crowd, r.Reminders), r.Reminders)
		if err := enter(ctx, r.line.App, r.people, next); err != nil {
			return "", err
		}
		r.people = next
		r.progress("people", r.people, r.Reminders)
	}
	return fmt.Sprintf("%d with consent and a verified number", r.people), nil
}

// inTime reports whether a quick run may go on with what began then.
func (r *run) inTime(began time.Time, share time.Duration) bool {
	return !r.Quick || r.Now().Sub(began) < share
}

// publishEvents puts the first load's events on the broker's disk, while nothing takes them.
func (r *run) publishEvents(ctx context.Context) (string, error) {
	r.nextLoad()
	began := r.Now()
	for r.published < r.people && (r.published < leastSize || r.inTime(began, eventsShare)) {
		next := min(r.published+2*publishers, r.people)
		if err := r.publish(ctx, r.published, next); err != nil {
			return "", err
		}
		r.published = next
		r.progress("events", r.published, r.people)
	}
	return fmt.Sprintf("%d published", r.published), r.measureSize(ctx, &r.sizeEmpty)
}

// nextLoad begins another load: its reminders are due at another hour, a week before the appointments start.
func (r *run) nextLoad() {
	r.due = r.hour(firstDue + r.loads)
	r.loads++
	r.load, r.starts = fmt.Sprintf("load-%d", r.loads), r.due.AddDate(0, 0, 7)
}

// measureIntake begins the rest of the line, over the events that wait.
func (r *run) measureIntake(ctx context.Context) (string, error) {
	r.line.begin(r.line.Dispatcher.Run)
	began := r.Now()
	r.line.begin(r.line.Intake.Run)
	err := r.profiled("intake", func() error {
		return r.line.until(ctx, time.Millisecond, longest, func() (bool, error) {
			return int(r.line.planned.Load()) >= r.published, nil
		})
	})
	if err != nil {
		return "", fmt.Errorf("%d of %d events planned: %w", r.line.planned.Load(), r.published, err)
	}
	rate := perSecond(r.published, r.Now().Sub(began))
	r.report.Intake = Intake{N: r.published, Rate: rate}

	n, err := r.line.count(ctx, receipt.Planned)
	if err == nil && n != r.published {
		err = fmt.Errorf("%d reminders planned of %d events", n, r.published)
	}
	return rateSaid(rate), err
}

// measureDispatch books what the load still lacks, measures what the state takes, and lets the load come due.
func (r *run) measureDispatch(ctx context.Context) (string, error) {
	n := max(r.published, r.within(r.people, r.report.Intake.Rate, dispatchShare))
	if err := r.book(ctx, r.published, n); err != nil {
		return "", err
	}
	var loaded float64
	if err := r.measureSize(ctx, &loaded); err != nil {
		return "", err
	}
	if each := (loaded - r.sizeEmpty) / float64(n); loaded > 0 {
		r.report.BytesPerPending = &each
	}
	rate, err := r.drain(ctx, "dispatch", n)
	r.report.Dispatch = Dispatch{N: n, Rate: rate}
	return rateSaid(rate), err
}

func rateSaid(rate float64) string { return fmt.Sprintf("%.0f a second", rate) }

// measureHTTP is dispatch once more, over a loopback server.
func (r *run) measureHTTP(ctx context.Context) (string, error) {
	g, err := openGateway(ctx)
	if err != nil {
		return "", err
	}
	defer g.close()
	n := r.within(r.people, r.report.Dispatch.Rate, httpShare)
	r.nextLoad()
	if err := r.book(ctx, 0, n); err != nil {
		return "", err
	}
	post := g.post
	r.carrier.post.Store(&post)
	defer r.carrier.post.Store(nil)
	rate, err := r.drain(ctx, "http", n)
	if served := g.served.Load(); err == nil && served != int64(n) {
		err = fmt.Errorf("the server was asked %d times for %d messages", served, n)
	}
	r.report.HTTP = Dispatch{N: n, Rate: rate}
	return rateSaid(rate), err
}

// longest is how long a load may take.
const longest = 30 * time.Minute

// drain makes the last load's n reminders due, and returns how many a second were handed over and settled.
func (r *run) drain(ctx context.Context, part string, n int) (float64, error) {
	before, err := r.line.count(ctx, receipt.Accepted)
	if err != nil {
		return 0, err
	}
	l := newLoad(n)
	l.began = r.clock.moveTo(r.due)
	r.carrier.load.Store(l)
	err = r.profiled(part, func() error { return r.finish(ctx, part, l, before, func() int { return 0 }) })
	return perSecond(n, r.Now().Sub(l.began)), err
}

// finish waits until every reminder of a load was handed over, or was barred, and is settled; before is how many were
// accepted before.
func (r *run) finish(ctx context.Context, part string, l *load, before int, stops func() int) error {
	n, told := len(l.after), r.Now()
	var accepted, denied int
	err := r.line.until(ctx, 2*time.Millisecond, longest, func() (bool, error) {
		handed := int(l.handed.Load())
		if now := r.Now(); now.Sub(told) > 200*time.Millisecond {
			told = now
			r.progress(part, handed, n)
		}
		if handed+stops() < n {
			return false, nil // the state is not asked while it is at work
		}
		all, err := r.line.State.Counts(ctx)
		if doubts := all[receipt.Unknown]; doubts > 0 {
			return false, fmt.Errorf("%d hand-overs are in doubt", doubts)
		}
		accepted, denied = all[receipt.Accepted]-before, all[receipt.Denied]
		return accepted+denied >= n, err
	})
	if err != nil {
		return fmt.Errorf("%d of %d handed over: %w", l.handed.Load(), n, err)
	}
	if twice := l.twice.Load(); twice > 0 {
		return fmt.Errorf("%d messages were handed over that must not be", twice)
	}
	if handed := int(l.handed.Load()); handed != accepted || handed+denied != n || denied > stops() {
		return fmt.Errorf("of %d due %d were handed over, %d are settled as accepted and %d as denied", n, handed, accepted, denied)
	}
	return nil
}

// measureRebuild makes the state again from the journal; of a quick run as much as its time allows.
func (r *run) measureRebuild(ctx context.Context) (string, error) {
	if r.Quick && r.left() < bareShare {
		r.note("The state was not made again: no time was left for it.")
		return "left out: no time", nil
	}
	r.line.end()
	if err := r.open(ctx, true); err != nil {
		return "", err
	}
	most := longest
	if r.Quick {
		most = min(rebuildShare, max(r.left()-bareShare, time.Second))
	}
	began := r.Now()
	err := r.profiled("rebuild", func() error {
		r.line.begin(r.line.Project)
		return r.line.until(ctx, time.Millisecond, most, r.line.ready)
	})
	took := r.Now().Sub(began)
	whole := !errors.Is(err, errSlow)
	if whole && err != nil {
		return "", err
	}
	n, err := r.line.folded()
	r.report.Rebuild = &Rebuild{Entries: n, Whole: whole, Seconds: took.Seconds(), Rate: perSecond(n, took)}
	return fmt.Sprintf("%d entries, %.0f a second", n, r.report.Rebuild.Rate), err
}
