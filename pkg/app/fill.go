package app

import (
	"context"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"

	"github.com/husk-reminders/husk/pkg/intake"
)

// The intake stream is looked at every fillEvery, and an alarm is raised when it is fuller than fillAlarm: full, it
// refuses new events.
const (
	fillEvery = 10 * time.Second
	fillAlarm = 0.7
)

// watchFill measures how full the intake stream is, until ctx ends.
func (a *App) watchFill(ctx context.Context) error {
	fill := prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "husk_intake_stream_fill_ratio", Help: "How full the stream of events not yet taken in is, 0 to 1; at 1 new events are refused.",
	})
	a.Metrics.MustRegister(fill)
	defer a.Metrics.Unregister(fill)
	t := time.NewTicker(fillEvery)
	defer t.Stop()
	alarm := false
	for {
		i, err := a.events.Info(ctx)
		if err == nil {
			ratio := float64(i.State.Bytes) / float64(i.Config.MaxBytes)
			fill.Set(ratio)
			if full := ratio > fillAlarm; full != alarm {
				alarm = full
				if full {
					a.log.Error("events are not taken in as fast as they come: the stream will refuse new ones when it is full",
						zap.String("stream", intake.StreamName), zap.Float64("fill", ratio))
				} else {
					a.log.Info("the stream of events has room again", zap.String("stream", intake.StreamName), zap.Float64("fill", ratio))
				}
			}
		}
		select {
		case <-ctx.Done():
			return nil
		case <-t.C:
		}
	}
}
