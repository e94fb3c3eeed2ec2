package routing_test

import (
	"errors"
	"testing"
	"time"

	"github.com/husk-reminders/husk/pkg/routing"
)

// A process that begins anew in the middle of a day counts on from what has left.
func TestCapsCountOn(t *testing.T) {
	now := time.Date(2026, 3, 12, 22, 30, 0, 0, time.UTC)
	o := routing.Options{
		Limits: map[string]routing.Limit{"a": {Cost: 4, CostCap: 12}, "b": {DayCap: 2}}, Zone: time.FixedZone("east", 2*3600), Now: func() time.Time { return now },
	}
	r := router(t, o)
	var since time.Time
	carried := func(from time.Time) (map[string]routing.Load, error) {
		since = from
		return map[string]routing.Load{"a": {Messages: 1, Segments: 2}, "b": {Messages: 2, Segments: 2}, "gone": {Messages: 5, Segments: 5}}, nil
	}
	if err := r.Resume(carried); err != nil {
		t.Fatal(err)
	}
	if want := time.Date(2026, 3, 12, 22, 0, 0, 0, time.UTC); !since.Equal(want) {
		t.Errorf("asked since %v, want %v", since, want)
	}
	if _, err := r.Board(t.Context(), "b", 1); !errors.Is(err, routing.ErrDayCap) {
		t.Errorf("at the day's cap: %v", err)
	}
	p, err := r.Board(t.Context(), "a", 1)
	if err != nil {
		t.Fatal(err)
	}
	p.End(routing.Good, true)
	if _, err := r.Board(t.Context(), "a", 1); !errors.Is(err, routing.ErrCostCap) {
		t.Errorf("at the cost's cap: %v", err)
	}
	now = now.AddDate(0, 0, 1)
	if p, err = r.Board(t.Context(), "b", 1); err != nil {
		t.Fatalf("the next day: %v", err)
	}
	p.End(routing.Good, true)

	down := errors.New("down")
	failing := func(time.Time) (map[string]routing.Load, error) { return nil, down }
	if err := router(t, o).Resume(failing); !errors.Is(err, down) {
		t.Errorf("%v", err)
	}
	for name, o := range map[string]routing.Options{"a rate alone": {Limits: map[string]routing.Limit{"a": {Rate: 5}}}, "a meter that others share": {Limits: o.Limits, Meter: blind{}}} {
		if err := router(t, o).Resume(failing); err != nil {
			t.Errorf("%s: it is asked: %v", name, err)
		}
	}
}
