package routing_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/husk-reminders/husk/pkg/provider"
	"github.com/husk-reminders/husk/pkg/reminder"
	"github.com/husk-reminders/husk/pkg/routing"
)

func TestOrder(t *testing.T) {
	rules := []routing.Rule{
		{Carriers: []string{"a", "b"}, Countries: []reminder.Country{"DK"}, Units: []string{"eye"}},
		{Carriers: []string{"c"}, Countries: []reminder.Country{"SE", "NO"}},
		{Carriers: []string{"b", "a", "c"}},
	}
	for _, c := range []struct {
		q    routing.Question
		want []string
	}{
		{routing.Question{Country: "DK", Unit: "eye"}, []string{"a", "b"}},
		{routing.Question{Country: "DK", Unit: "eye", Refused: 0}, []string{"a", "b"}},
		{routing.Question{Country: "DK", Unit: "eye", Refused: 1}, []string{"b", "a"}},
		{routing.Question{Country: "DK", Unit: "eye", Refused: 2}, []string{"a", "b"}},
		{routing.Question{Country: "NO", Unit: "eye"}, []string{"c"}},
		{routing.Question{Country: "DK", Unit: "ear"}, []string{"b", "a", "c"}},
		{routing.Question{Refused: 2}, []string{"c", "b", "a"}},
	} {
		if got := routing.Order(rules, c.q); !slices.Equal(got, c.want) {
			t.Errorf("%+v: %v, want %v", c.q, got, c.want)
		}
	}
	if got := routing.Order(rules[:2], routing.Question{Country: "FI"}); got != nil {
		t.Errorf("nothing fits, and %v may", got)
	}
}

func TestJudge(t *testing.T) {
	for name, c := range map[string]struct {
		err  error
		took time.Duration
		want routing.Judgement
	}{
		"yes":                {nil, time.Second, routing.Good},
		"a slow yes":         {nil, routing.Slow + 1, routing.Bad},
		"doubt":              {errors.New("reset"), 0, routing.Bad},
		"throttled":          {&provider.Error{Outcome: provider.Retry, Code: "429"}, 0, routing.Bad},
		"no connection":      {&provider.Error{Outcome: provider.Retry, Code: "connection_refused"}, 0, routing.Bad},
		"our own slots":      {&provider.Error{Outcome: provider.Retry, Code: "no_slot"}, 0, routing.Neither},
		"a number not known": {&provider.Error{Outcome: provider.Reject, Code: "550"}, time.Hour, routing.Neither},
		"opted out":          {&provider.Error{Outcome: provider.OptedOut}, 0, routing.Neither},
	} {
		if got := routing.Judge(c.err, c.took); got != c.want {
			t.Errorf("%s: %d, want %d", name, got, c.want)
		}
	}
}

func router(t *testing.T, o routing.Options) *routing.Router {
	t.Helper()
	if o.Rules == nil {
		o.Rules = map[reminder.Channel][]routing.Rule{reminder.SMS: {{Carriers: []string{"a", "b"}}}}
	}
	r, err := routing.New(o)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// end lets a message go to a carrier and judges it; false when the carrier takes none.
func end(t *testing.T, r *routing.Router, carrier string, j routing.Judgement) bool {
	t.Helper()
	p, err := r.Board(t.Context(), carrier, 1)
	if errors.Is(err, routing.ErrResting) {
		return false
	}
	if err != nil {
		t.Fatal(err)
	}
	p.End(j, j == routing.Good)
	return true
}

func health(t *testing.T, r *routing.Router, carrier string) routing.Health {
	t.Helper()
	s, ok := r.Status(t.Context(), carrier)
	if !ok {
		t.Fatal("no such carrier")
	}
	return s.Health
}

func nobody(string) bool { return false }

// A carrier that fails rests, is given few messages, and is well again only after each of those went well.
func TestACarrierComesBackByDegrees(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := router(t, routing.Options{Metrics: prometheus.NewRegistry()})
		for range routing.Row - 1 {
			end(t, r, "a", routing.Bad)
		}
		end(t, r, "a", routing.Neither) // what is said of a message breaks no row
		if health(t, r, "a") != routing.Well {
			t.Fatal("it rests too soon")
		}
		end(t, r, "a", routing.Bad)
		if health(t, r, "a") != routing.Resting || end(t, r, "a", routing.Good) {
			t.Fatal("it does not rest")
		}
		if health(t, r, "b") != routing.Well || r.Room(reminder.SMS, 9, nobody) != 9 {
			t.Error("the other one suffers")
		}
		onlyA := func(c string) bool { return c == "b" }
		if n := r.Room(reminder.SMS, 9, onlyA); n != 0 {
			t.Errorf("room for %d while it rests", n)
		}
		time.Sleep(routing.Rest + time.Millisecond)
		if n := r.Room(reminder.SMS, 9, onlyA); n != routing.Probe {
			t.Errorf("room for %d when it returns, want %d", n, routing.Probe)
		}
		var open []*routing.Pass
		for range routing.Probe {
			p, err := r.Board(t.Context(), "a", 1)
			if err != nil {
				t.Fatal(err)
			}
			open = append(open, p)
		}
		if end(t, r, "a", routing.Good) {
			t.Error("it gets more than it may")
		}
		open[0].End(routing.Neither, false) // this one says nothing, so another may go
		if n := r.Room(reminder.SMS, 9, onlyA); n != 1 {
			t.Errorf("room for %d, want 1", n)
		}
		for _, p := range open[1:] {
			p.End(routing.Good, true)
		}
		if health(t, r, "a") != routing.Returning {
			t.Error("it is well too soon")
		}
		end(t, r, "a", routing.Good)
		if health(t, r, "a") != routing.Well {
			t.Error("it does not come back")
		}
		for range routing.Row {
			end(t, r, "a", routing.Bad)
		}
		time.Sleep(routing.Rest + time.Millisecond)
		end(t, r, "a", routing.Good)
		end(t, r, "a", routing.Bad)
		if health(t, r, "a") != routing.Resting {
			t.Error("one bad message of a returning carrier does not make it rest")
		}
	})
}

// Half of the last minute's messages is too much, however they are mixed; what is older counts no more.
func TestTheShareOfBadMessages(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := router(t, routing.Options{})
		for range routing.Least/2 - 1 {
			end(t, r, "a", routing.Good)
			end(t, r, "a", routing.Bad)
		}
		time.Sleep(routing.Window + 10*time.Second)
		end(t, r, "a", routing.Good)
		end(t, r, "a", routing.Bad)
		if health(t, r, "a") != routing.Well {
			t.Fatal("what is long past makes it rest")
		}
		for range routing.Least/2 - 1 {
			end(t, r, "a", routing.Good)
			end(t, r, "a", routing.Bad)
		}
		if health(t, r, "a") != routing.Resting {
			t.Error("it does not rest")
		}
	})
}

// TestMeter is the Local one's; the store's has the same in its own package.
func TestMeter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, m := t.Context(), routing.NewLocal()
		l := routing.Limit{DayCap: 3, CostCap: 25}
		take := func(day string, cost int, want error) {
			t.Helper()
			if _, err := m.Take(ctx, "a", day, l, cost); !errors.Is(err, want) {
				t.Errorf("%v, want %v", err, want)
			}
		}
		take("2026-03-12", 10, nil)
		take("2026-03-12", 10, nil)
		take("2026-03-12", 10, routing.ErrCostCap)
		take("2026-03-12", 5, nil)
		take("2026-03-12", 0, routing.ErrDayCap)
		if err := m.Give(ctx, "a", "2026-03-12", 10); err != nil {
			t.Fatal(err)
		}
		if u, _ := m.Used(ctx, "a", "2026-03-12"); u != (routing.Used{Messages: 2, Cost: 15}) {
			t.Errorf("used %+v", u)
		}
		take("2026-03-13", 25, nil)
		if err := m.Give(ctx, "a", "2026-03-12", 10); err != nil {
			t.Fatal(err)
		}
		if u, _ := m.Used(ctx, "a", "2026-03-13"); u != (routing.Used{Messages: 1, Cost: 25}) {
			t.Errorf("what is given back of yesterday changes today: %+v", u)
		}

		l = routing.Limit{Rate: 10}
		for i := range 11 {
			if wait, err := m.Take(ctx, "r", "d", l, 0); err != nil || wait != time.Duration(i)*100*time.Millisecond {
				t.Errorf("turn %d: in %v, %v", i, wait, err)
			}
		}
		if wait, err := m.Take(ctx, "r", "d", l, 0); !errors.Is(err, routing.ErrRate) || wait != 100*time.Millisecond {
			t.Errorf("%v, %v", wait, err)
		}
	})
}

// blind is a meter that can't be reached.
type blind struct{ routing.Meter }

func (blind) Take(context.Context, string, string, routing.Limit, int) (time.Duration, error) {
	return 0, errors.New("down")
}

func TestCapsAreTheDays(t *testing.T) {
	zone := time.FixedZone("east", 3600)
	now := time.Date(2026, 3, 12, 22, 30, 0, 0, time.UTC)
	r := router(t, routing.Options{
		Limits: map[string]routing.Limit{"a": {Cost: 4, CostCap: 12}}, Zone: zone, Now: func() time.Time { return now },
	})
	board := func(segments int, want error) *routing.Pass {
		t.Helper()
		p, err := r.Board(t.Context(), "a", segments)
		if !errors.Is(err, want) {
			t.Fatalf("%v, want %v", err, want)
		}
		return p
	}
	board(2, nil).End(routing.Good, true)
	last := board(1, nil)
	board(1, routing.ErrCostCap)
	onlyA := func(c string) bool { return c == "b" }
	if s, _ := r.Status(t.Context(), "a"); !errors.Is(s.Full, routing.ErrCostCap) || s.Used != (routing.Used{Messages: 2, Cost: 12}) {
		t.Errorf("%+v", s)
	}
	if r.Room(reminder.SMS, 5, onlyA) != 0 {
		t.Error("there is room at a cap")
	}
	last.End(routing.Bad, false) // it did not leave
	if r.Room(reminder.SMS, 5, onlyA) == 0 {
		t.Error("what did not leave is not given back")
	}
	board(1, nil).End(routing.Good, true)
	board(1, routing.ErrCostCap)
	now = now.Add(time.Hour) // midnight in the zone is past
	if r.Room(reminder.SMS, 5, onlyA) == 0 {
		t.Error("the day does not end at the zone's midnight")
	}
	board(3, nil).End(routing.Good, true)

	r = router(t, routing.Options{Limits: map[string]routing.Limit{"a": {DayCap: 1}}, Meter: blind{}})
	if _, err := r.Board(t.Context(), "a", 1); err == nil {
		t.Error("a message passes that can't be counted")
	}
	if p, err := r.Board(t.Context(), "b", 1); err != nil {
		t.Errorf("one without limits has to be counted: %v", err)
	} else {
		p.End(routing.Good, true)
	}
}

func TestNew(t *testing.T) {
	for name, o := range map[string]routing.Options{
		"no rules":         {},
		"a rule of nobody": {Rules: map[reminder.Channel][]routing.Rule{reminder.SMS: {{}}}},
		"a negative limit": {Rules: map[reminder.Channel][]routing.Rule{reminder.SMS: {{Carriers: []string{"a"}}}}, Limits: map[string]routing.Limit{"a": {DayCap: -1}}},
	} {
		if _, err := routing.New(o); err == nil {
			t.Errorf("%s is taken", name)
		}
	}
}
