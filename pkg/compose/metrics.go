package compose

import (
	"errors"
	"fmt"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/husk-reminders/husk/pkg/template"
)

// outcomes are the values of the label outcome, with the error each stands for.
var outcomes = []struct {
	name string
	err  error
}{
	{"no_permit", ErrNoPermit}, {"no_wire", ErrNoWire}, {"no_template", ErrNoTemplate}, {"unfit", ErrUnfit}, {"no_sender", ErrNoSender}, {"held", ErrHeld},
	{"too_long", ErrTooLong}, {"over_ceiling", ErrOverCeiling}, {"fact_missing", template.ErrMissing},
}

type metrics struct {
	messages *prometheus.CounterVec
	replaced *prometheus.CounterVec
}

func newMetrics() metrics {
	m := metrics{
		messages: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "husk_compose_messages_total", Help: "Messages composed or refused, by outcome.",
		}, []string{"outcome"}),
		replaced: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "husk_compose_neutral_total", Help: "Facts shown by their neutral text because their value must not leave.",
		}, []string{"fact"}),
	}
	for _, o := range outcomes {
		m.messages.WithLabelValues(o.name)
	}
	m.messages.WithLabelValues("composed")
	m.messages.WithLabelValues("error")
	return m
}

func (m metrics) register(r prometheus.Registerer) error {
	if r == nil {
		return nil
	}
	for _, c := range []prometheus.Collector{m.messages, m.replaced} {
		if err := r.Register(c); err != nil {
			return fmt.Errorf("compose: metrics: %w", err)
		}
	}
	return nil
}

func (m metrics) count(err error) {
	name := "composed"
	if err != nil {
		name = "error"
		for _, o := range outcomes {
			if errors.Is(err, o.err) {
				name = o.name
			}
		}
	}
	m.messages.WithLabelValues(name).Inc()
}

func (m metrics) neutral(facts []string) {
	for _, f := range facts {
		m.replaced.WithLabelValues(f).Inc()
	}
}
