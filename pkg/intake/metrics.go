package intake

import (
	"fmt"

	"github.com/prometheus/client_golang/prometheus"
)

// Results of an event beside the reasons of dead letters.
const (
	resultAccepted = "accepted"
	resultRetried  = "retried"
)

type metrics struct {
	events  *prometheus.CounterVec
	batches prometheus.Counter
	seconds prometheus.Histogram
}

func newMetrics(r prometheus.Registerer) (*metrics, error) {
	m := &metrics{
		events: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "husk_intake_events_total",
			Help: "Booking events by what became of them; every other result than accepted and retried is a dead letter.",
		}, []string{"result"}),
		batches: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "husk_intake_batches_total",
			Help: "Batches of booking events handled.",
		}),
		seconds: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name:    "husk_intake_batch_seconds",
			Help:    "Time from a decoded batch to its last acknowledgement.",
			Buckets: prometheus.ExponentialBuckets(0.001, 2.5, 12),
		}),
	}
	for _, result := range []string{resultAccepted, resultRetried} {
		m.events.WithLabelValues(result)
	}
	for _, reason := range Reasons {
		m.events.WithLabelValues(string(reason))
	}
	if r == nil {
		return m, nil
	}
	for _, c := range []prometheus.Collector{m.events, m.batches, m.seconds} {
		if err := r.Register(c); err != nil {
			return nil, fmt.Errorf("intake: metrics: %w", err)
		}
	}
	return m, nil
}
