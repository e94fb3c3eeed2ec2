//go:build unix

package acceptance

import (
	"errors"
	"io/fs"
	"os"
	"testing"
	"time"
)

// movedClock makes the program read a clock that is moved by as much as a file beside its data says.
var movedClock = []edit{{
	"pkg/app/app.go", "		o.Now = time.Now\n",
	`		o.Now = func() time.Time {
			text, err := os.ReadFile(o.Config.Data + ".clock")
			if err != nil {
				return time.Now()
			}
			by, err := time.ParseDuration(string(text))
			if err != nil {
				panic(err)
			}
			return time.Now().Round(0).Add(by) // the monotonic clock stays what it is
		}
`,
}}

// clockFaults are those of the machine's clock. A test can't set it, so the program's is moved.
func clockFaults(t *testing.T) (*outage, []fault) {
	c := newCarrier(t)
	h := newHouse(t, c, "")
	h.bin = plant(t, "husk-moved-clock", movedClock...)
	h.settings["sweeps.expired"], h.settings["sweeps.previews"] = "@every 1s", "@every 1s"
	x := newOutage(t, h, c)
	file := h.data + ".clock"
	move := func(by time.Duration) func(*outage) {
		return func(x *outage) {
			x.t.Helper()
			x.h.must(errors.Join(os.WriteFile(file+".new", []byte(by.String()), 0o600), os.Rename(file+".new", file)))
		}
	}
	back := func(x *outage) {
		x.t.Helper()
		if err := os.Remove(file); err != nil && !errors.Is(err, fs.ErrNotExist) {
			x.t.Fatal(err)
		}
	}
	const day = 24 * time.Hour
	return x, []fault{
		{name: "ahead, before the reminders are due", early: true, strike: move(day - 4*time.Hour), told: notReady, repair: back},
		{name: "ahead, beyond their use", early: true, strike: move(30 * day), told: notReady, repair: back},
		{name: "ahead, while bookings come in", strike: move(30 * day), told: notReady, repair: back},
		{name: "back", early: true, strike: move(-30 * day), told: notReady, repair: back},
		{name: "back, while bookings come in", strike: move(-30 * day), told: notReady, repair: back},
	}
}
