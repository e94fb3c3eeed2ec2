package app

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	defaults "github.com/husk-reminders/husk/config"
	"github.com/husk-reminders/husk/pkg/config"
	"github.com/husk-reminders/husk/pkg/ledger"
	"github.com/husk-reminders/husk/pkg/receipt"
	"github.com/husk-reminders/husk/pkg/reminder"
)

// What came before a person was erased, and was put aside for want of its unit, does not bring the person back when the unit is there
// and it is put back; what came after it is taken in.
func TestReplayBringsNobodyBack(t *testing.T) {
	units := filepath.Join(t.TempDir(), "units.yaml")
	write := func(b []byte) {
		if err := os.WriteFile(units, b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(bytes.Replace(defaults.Units, []byte("- id: rh-ortho"), []byte("- id: rh-renamed"), 1))
	w := newWorld(t, func(c *config.Config) { c.Units.File = units })
	w.publish(1, 1)
	w.publish(1, 1, func(e map[string]any) { e["appointment"] = "B-1" })
	w.settle()
	w.clock.to(noon.Add(time.Hour))
	_, err := w.Ledger.Erase(w.ctx, ledger.Erasing{Person: w.Pseudonyms.Person(reminder.NewNationalID("DK", cpr(1))), Unknown: true})
	w.ok(err)
	w.clock.to(noon.Add(2 * time.Hour))
	w.publish(1, 1, func(e map[string]any) { e["appointment"] = "C-1" })
	w.settle()
	write(defaults.Units)
	w.restart()
	ds, err := w.Ledger.DeadLetters(w.ctx)
	w.ok(err)
	if len(ds) != 3 || ds[0].Reason != "unknown_unit" || ds[0].Received.Before(noon) || ds[0].Received.After(noon.Add(time.Hour)) {
		t.Fatalf("dead letters %+v", ds)
	}
	old, err := w.Ledger.DeadLetter(w.ctx, ds[1].ID)
	w.ok(err)
	w.clock.to(noon.Add(3 * time.Hour))

	// Whoever puts it back is told at once, of nobody.
	err = w.Ledger.Replay(w.ctx, ds[0].ID)
	w.is(err, ledger.ErrForgotten)
	if err != nil && (strings.Contains(err.Error(), cpr(1)) || strings.Contains(err.Error(), "A-1")) {
		t.Errorf("the answer tells of whom: %v", err)
	}
	// Put back before the erasing, and come to the intake after it.
	w.ok(w.putBack(w.ctx, old))
	w.settle()
	if c := w.counts(); len(c) != 0 {
		t.Errorf("an erased person is back: %v", c)
	}
	w.ok(w.Ledger.Replay(w.ctx, ds[2].ID))
	w.settle()
	if c := w.counts(); len(c) != 1 || c[receipt.Planned] != 2 {
		t.Errorf("of the new booking %v, want its two reminders", c)
	}
	if ds, err = w.Ledger.DeadLetters(w.ctx); err != nil || len(ds) != 1 || ds[0].ID != old.ID {
		t.Errorf("dead letters left %+v, %v: want the one that was not replayed", ds, err)
	}
}
