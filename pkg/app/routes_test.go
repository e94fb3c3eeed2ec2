package app

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/zap"

	"github.com/husk-reminders/husk/pkg/config"
	"github.com/husk-reminders/husk/pkg/gate"
	"github.com/husk-reminders/husk/pkg/reminder"
	"github.com/husk-reminders/husk/pkg/state"
)

// sentBy are the recipients of an outbox carrier's messages.
func (w *world) sentBy(dir string) []string {
	w.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "messages", "*.txt"))
	w.ok(err)
	out := []string{}
	for _, f := range files {
		b, err := os.ReadFile(f)
		w.ok(err)
		_, to, _ := strings.Cut(string(b), "\nTo: ")
		to, _, _ = strings.Cut(to, "\n")
		out = append(out, to)
	}
	slices.Sort(out)
	return out
}

// The country of the number chooses the carrier, not that of the clinic. While the preferred one is stopped, the next one takes over.
func TestRoutesByCountry(t *testing.T) {
	here, abroad := t.TempDir(), t.TempDir()
	w := newWorld(t, func(c *config.Config) {
		c.Carriers["sms"] = &config.Carrier{Type: "outbox", Settings: config.Settings{"dir": here}}
		c.Carriers["abroad"] = &config.Carrier{Type: "outbox", Settings: config.Settings{"dir": abroad}}
		c.Routes.SMS = config.Rules{
			{Carriers: config.List{"abroad", "sms"}, Countries: config.List{"SE", "NO"}},
			{Carriers: config.List{"sms"}},
		}
	})
	swedish, norwegian := reminder.NewAddress(reminder.SMS, "+46701740605"), reminder.NewAddress(reminder.SMS, "+4790000003")
	for n, to := range map[int]reminder.Address{1: number(1), 2: swedish} {
		w.publish(n, 1)
		w.ok(yes(w.ctx, w.App, n, to))
	}
	w.settle()
	w.clock.to(noon.Add(8 * 24 * time.Hour))
	w.settle()
	if got, want := w.sentBy(here), []string{number(1).Reveal()}; !slices.Equal(got, want) {
		t.Errorf("by sms: %v, want %v", got, want)
	}
	if got, want := w.sentBy(abroad), []string{swedish.Reveal()}; !slices.Equal(got, want) {
		t.Errorf("by abroad: %v, want %v", got, want)
	}
	w.ok(w.Ledger.Switch(w.ctx, state.Switch{Name: gate.SwitchCarrier + "abroad", On: true, Reason: "test"}))
	w.publish(3, 1, at("2026-03-26T12:00:00"))
	w.ok(yes(w.ctx, w.App, 3, norwegian))
	w.settle()
	w.clock.to(noon.Add(17 * 24 * time.Hour))
	w.settle()
	if got := w.sentBy(here); !slices.Contains(got, norwegian.Reveal()) {
		t.Errorf("while abroad is stopped: %v", got)
	}
	if got := w.sentBy(abroad); slices.Contains(got, norwegian.Reveal()) {
		t.Errorf("by a carrier that is stopped: %v", got)
	}
}

func TestRoutesOfUnknownUnits(t *testing.T) {
	c, err := configIn(t.TempDir(), func(c *config.Config) {
		c.Routes.SMS = config.Rules{{Carriers: config.List{"sms"}, Units: config.List{"rh-nowhere"}}, {Carriers: config.List{"sms"}}}
	})
	if err != nil {
		t.Fatal(err)
	}
	a, err := Open(t.Context(), Options{Config: c, Log: zap.NewNop()})
	if err == nil {
		a.Close()
	}
	if err == nil || !strings.Contains(err.Error(), "routes.sms: line 1: rh-nowhere") {
		t.Errorf("%v", err)
	}
}
