package bench

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/husk-reminders/husk/pkg/config"
	"github.com/husk-reminders/husk/pkg/intake/native"
	"github.com/husk-reminders/husk/pkg/reminder"
)

// tiny is the smallest run there is.
func tiny(t *testing.T) Options {
	return Options{Quick: true, Reminders: leastSize, Dir: t.TempDir(), Now: time.Now}
}

// check looks at what a report says. Run itself errs when anything was not handed over exactly once.
func check(t *testing.T, r Report) {
	t.Helper()
	b, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	var v any
	if err := json.Unmarshal(b, &v); err != nil {
		t.Fatal(err)
	}
	get := func(path string) float64 {
		t.Helper()
		at := v
		for name := range strings.SplitSeq(path, ".") {
			m, ok := at.(map[string]any)
			if !ok {
				t.Fatalf("no %s in %s", path, b)
			}
			at = m[name]
		}
		n, ok := at.(float64)
		if !ok {
			t.Fatalf("%s is not a number in %s", path, b)
		}
		return n
	}
	for _, path := range []string{
		"intake.rate", "intake.ratio", "dispatch.rate", "dispatch.ratio", "http.rate", "http.ratio", "burst.n", "burst.p50_s", "burst.p99_s", "burst.last_s",
		"stop.n", "stop.p99_ms", "stop.final_p99_ms", "bytes_per_pending", "bare.rate", "bare.lean", "sync_ms", "seconds",
	} {
		if get(path) <= 0 {
			t.Errorf("%s is %v", path, get(path))
		}
	}
	for path, want := range map[string]float64{"intake.n": leastSize, "dispatch.n": leastSize, "http.n": leastSize, "burst.n": leastSize} {
		if got := get(path); got != want {
			t.Errorf("%s is %v, want %v", path, got, want)
		}
	}
	if a, b := get("burst.p50_s"), get("burst.p99_s"); a > b || b > get("burst.last_s") {
		t.Errorf("the delays of the burst are out of order: %v, %v, %v", a, b, get("burst.last_s"))
	}
	if get("stop.p99_ms") > get("stop.final_p99_ms")+1 {
		t.Error("STOPs are acknowledged before they bar")
	}
	if r.Asynq != nil {
		for _, path := range []string{"asynq.rate", "asynq.burst.p99_s", "asynq.pending.p99_s", "dispatch.vs_asynq"} {
			if get(path) <= 0 {
				t.Errorf("%s is %v", path, get(path))
			}
		}
	}
	// A consent, an address and a plan, an intent and an outcome of each load.
	if want := float64(leastSize * (2 + 3 + 2*2)); r.Rebuild != nil && r.Rebuild.Whole && get("rebuild.entries") < want {
		t.Errorf("%v entries in the journal, want at least %v", get("rebuild.entries"), want)
	}
}

// needRedis skips a test where there is no Redis, but not in CI.
func needRedis(t *testing.T) {
	if _, err := exec.LookPath("redis-server"); err != nil {
		if os.Getenv("CI") != "" {
			t.Fatal(err)
		}
		t.Skip(err)
	}
}

func TestEmbedded(t *testing.T) {
	o := tiny(t)
	o.Profiles = filepath.Join(t.TempDir(), "profiles")
	var parts []string
	o.Progress = func(p Progress) {
		if p.Said != "" {
			parts = append(parts, p.Part)
		}
	}
	r, err := Run(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	check(t, r)
	if r.Mode != Embedded || r.Asynq == nil && len(r.Notes) == 0 {
		t.Errorf("mode %s, asynq %v, notes %q", r.Mode, r.Asynq, r.Notes)
	}
	if !slices.Contains(parts, "burst") || slices.Compact(parts)[0] != "prepare" {
		t.Errorf("said of the parts %q", parts)
	}
	if left, err := os.ReadDir(o.Dir); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
	for _, part := range []string{"bare", "intake", "dispatch", "http", "burst", "rebuild"} {
		if b, err := os.ReadFile(filepath.Join(o.Profiles, part+".pprof")); err != nil || len(b) == 0 {
			t.Errorf("profile of %s: %d bytes, %v", part, len(b), err)
		}
	}
}

func TestExternalOnPeersOfItsOwn(t *testing.T) {
	needRedis(t)
	o := tiny(t)
	o.Mode = External
	r, err := Run(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	check(t, r)
}

// A broker that somebody uses is never loaded, and what is in it stays.
func TestBrokerInUseIsRefused(t *testing.T) {
	needRedis(t)
	dir := t.TempDir()
	ns, err := startBroker(dir, true)
	if err != nil {
		t.Fatal(err)
	}
	defer ns.WaitForShutdown()
	defer ns.Shutdown()
	s, err := startRedis(t.Context(), filepath.Join(dir, "redis"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = s.stop() }()
	nc, err := nats.Connect(ns.ClientURL())
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := js.CreateStream(t.Context(), jetstream.StreamConfig{Name: "HUSK_STOP", Subjects: []string{"husk.stop.*"}}); err != nil {
		t.Fatal(err)
	}
	if _, err := js.Publish(t.Context(), "husk.stop.00", []byte("{}")); err != nil {
		t.Fatal(err)
	}
	o := tiny(t)
	o.Mode = External
	o.Config.NATS.URL, o.Config.Redis.URL = config.Secret(ns.ClientURL()), config.Secret(s.url)
	if _, err := Run(t.Context(), o); !errors.Is(err, ErrInUse) {
		t.Errorf("got %v", err)
	}
	var names []string
	for name := range js.StreamNames(t.Context()).Name() {
		names = append(names, name)
	}
	if !slices.Equal(names, []string{"HUSK_STOP"}) {
		t.Errorf("streams %q", names)
	}
}

func TestBadOptions(t *testing.T) {
	for name, o := range map[string]Options{
		"too few": {Reminders: leastSize - 1}, "too many": {Reminders: mostSize + 1}, "mode": {Mode: "both"},
	} {
		if _, err := Run(t.Context(), o); err == nil {
			t.Errorf("%s: taken", name)
		}
	}
}

// TestTwiceIsFound: a hand-over that must not be is counted.
func TestTwiceIsFound(t *testing.T) {
	l := newLoad(3)
	l.began = time.Now()
	for _, to := range []reminder.Address{number(0), number(2), number(2), number(3), reminder.NewAddress(reminder.SMS, "+4512345678")} {
		l.hand(to, l.began.Add(time.Second))
	}
	if l.handed.Load() != 2 || l.twice.Load() != 3 || len(l.delays()) != 2 {
		t.Errorf("%d handed over, %d that must not be", l.handed.Load(), l.twice.Load())
	}
}

// TestPeopleAreAllDifferent: the load's people are valid to intake, and no two are the same person or share a number.
func TestPeopleAreAllDifferent(t *testing.T) {
	p, err := reminder.NewPseudonyms(1, bytes.Repeat([]byte("k"), 32))
	if err != nil {
		t.Fatal(err)
	}
	d, err := native.New(native.Options{Pseudonyms: p})
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for _, n := range []int{0, 1, 3999, 4000, 4001, 111_999, 112_000, 1_343_999, 1_344_000, mostSize - 1} {
		data, err := event("load", n, time.Date(2026, 3, 11, 10, 0, 0, 0, time.UTC))
		if err != nil {
			t.Fatal(err)
		}
		a, err := d.Decode(subject, nil, data)
		if err != nil {
			t.Fatalf("person %d: %v", n, err)
		}
		if personBehind(number(n)) != n {
			t.Errorf("person %d: the number is that of %d", n, personBehind(number(n)))
		}
		seen[string(a.Person)], seen[number(n).Reveal()] = true, true
	}
	if len(seen) != 20 {
		t.Errorf("%d different persons and numbers, want 20", len(seen))
	}
}

func TestPercentile(t *testing.T) {
	var vs []time.Duration
	for i := range 200 {
		vs = append(vs, time.Duration(i+1))
	}
	for p, want := range map[float64]time.Duration{.5: 100, .99: 198, 1: 200, 0: 1} {
		if got := percentile(vs, p); got != want {
			t.Errorf("%v: got %d, want %d", p, got, want)
		}
	}
	if percentile(nil, .5) != 0 {
		t.Error("something of nothing")
	}
}
