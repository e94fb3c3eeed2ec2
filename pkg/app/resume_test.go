package app

import (
	"testing"
	"time"

	"github.com/husk-reminders/husk/pkg/config"
	"github.com/husk-reminders/husk/pkg/routing"
)

// A process that is begun anew in the middle of the day gives no carrier its day's messages a second time.
func TestCapsOutliveTheProcess(t *testing.T) {
	w := newWorld(t, func(c *config.Config) {
		c.Carriers["sms"].DayCap, c.Carriers["sms"].Cost, c.Carriers["sms"].CostCap = 10, 3, 100
	})
	w.publish(1, 1)
	w.ok(yes(w.ctx, w.App, 1, number(1)))
	w.settle()
	w.clock.to(noon.Add(8 * 24 * time.Hour))
	w.settle()
	s, _ := w.Router.Status(w.ctx, "sms")
	used := s.Used
	if used.Messages != 1 || used.Cost < 3 {
		t.Fatalf("used %+v", used)
	}
	w.restart()
	if s, _ := w.Router.Status(w.ctx, "sms"); s.Used != used {
		t.Errorf("begun anew: used %+v, want %+v", s.Used, used)
	}
	w.clock.to(w.clock.Now().Add(24 * time.Hour))
	w.restart()
	if s, _ := w.Router.Status(w.ctx, "sms"); s.Used != (routing.Used{}) {
		t.Errorf("the next day: used %+v", s.Used)
	}
}
