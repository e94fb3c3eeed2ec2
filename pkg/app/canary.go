package app

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"

	"github.com/husk-reminders/husk/pkg/config"
	"github.com/husk-reminders/husk/pkg/ledger"
	"github.com/husk-reminders/husk/pkg/template"
	"github.com/husk-reminders/husk/pkg/web"
)

// canaries ends the trial shares of templates' versions. Whoever leads sweeps: it counts what became of the messages, judges, and writes
// the end into the template's record, over the revision that was read; by that record every process sends.
type canaries struct {
	ledger   *ledger.Ledger
	versions *versions
	now      func() time.Time
	log      *zap.Logger
	from     uint64 // where STOPs are read from; of the sweep alone, which never runs twice at once
	running  prometheus.Gauge
	ended    *prometheus.CounterVec
}

func newCanaries(a *App) *canaries {
	c := &canaries{
		ledger: a.Ledger, versions: a.versions, now: a.Now, log: a.log.Named("templates"),
		running: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "husk_template_canaries", Help: "Versions of templates on their trial share, as this process has seen when it swept last.",
		}),
		ended: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "husk_template_canaries_ended_total", Help: "Trial shares that this process has ended, by how.",
		}, []string{"end"}),
	}
	for _, e := range template.Ends {
		c.ended.WithLabelValues(string(e))
	}
	a.Metrics.MustRegister(c.running, c.ended)
	return c
}

// canaryRule is the rule as configured.
func canaryRule(c config.Canary) template.Rule {
	return template.Rule{Share: c.Share, Messages: c.Messages, WorseBy: float64(c.WorseBy), For: c.For}
}

// sweep ends what is to end. It returns how many it has ended.
func (c *canaries) sweep(ctx context.Context) (int, error) {
	records, err := c.versions.Records(ctx)
	if err != nil {
		return 0, err
	}
	now, n, running := c.now().UTC(), 0, 0
	q := ledger.TextQuestion{Ripening: template.Ripening, StopWithin: template.StopWithin, StopsFrom: c.from}
	for _, r := range records {
		if t, _ := r.Trying(now); t != nil && (q.Since.IsZero() || t.From.Before(q.Since)) {
			q.Since = t.From
		}
	}
	var errs []error
	for name, r := range records {
		t, before := r.Trying(now)
		if t == nil {
			continue
		}
		running++
		x := q
		x.Since, x.Versions = t.From, []string{t.Version, before}
		counts, from, err := c.ledger.CountTexts(ctx, x)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		if t.From.Equal(q.Since) {
			c.from = from
		}
		newer, older := tallyOf(counts[t.Version]), tallyOf(counts[before])
		end := t.Canary.Judge(newer, older, now)
		if end == "" {
			continue
		}
		if err := c.end(ctx, name, t.Version, template.Verdict{At: now, End: end, New: newer, Old: older}); errors.Is(err, web.ErrRaced) || errors.Is(err, template.ErrNoCanary) {
			continue // somebody has changed the record: the next sweep sees what to
		} else if err != nil {
			errs = append(errs, err)
			continue
		}
		n, running = n+1, running-1
	}
	c.running.Set(float64(running))
	return n, errors.Join(errs...)
}

// end writes a verdict: into the audit first.
func (c *canaries) end(ctx context.Context, name, id string, v template.Verdict) error {
	r, revision, err := c.versions.Record(ctx, name)
	if err != nil {
		return err
	}
	if err := r.Conclude(id, v); err != nil {
		return fmt.Errorf("app: %w", err)
	}
	if err := c.ledger.Audit(ctx, ledger.Audit{At: v.At, Actor: "husk", Action: "template.trial_share " + id, Reason: v.Why()}); err != nil {
		return fmt.Errorf("app: %w", err)
	}
	if err := c.versions.Write(ctx, r, revision); err != nil {
		return err
	}
	c.ended.WithLabelValues(string(v.End)).Inc()
	say := c.log.Info
	if v.End == template.EndStopped {
		say = c.log.Error
	}
	say("a text's trial share has ended", zap.String("template", id), zap.String("why", v.Why()))
	return nil
}

func tallyOf(x ledger.TextCount) template.Tally { return template.Tally(x) }
