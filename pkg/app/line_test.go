package app

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"github.com/husk-reminders/husk/pkg/config"
	"github.com/husk-reminders/husk/pkg/journal"
	"github.com/husk-reminders/husk/pkg/receipt"
	"github.com/husk-reminders/husk/pkg/state"
)

// The whole line, stopped and started wherever something waits: each message comes once.
func TestLineWithRestarts(t *testing.T) {
	w := newWorld(t)
	for n := 1; n <= 3; n++ {
		w.ok(yes(w.ctx, w.App, n, number(n)))
	}
	w.publish(1, 1)
	w.publish(2, 1)
	w.publish(3, 1)
	w.publish(4, 1) // who never said yes
	w.settle()
	if got, want := w.counts(), map[receipt.Status]int{receipt.Planned: 8}; !maps.Equal(got, want) {
		t.Fatalf("planned: %v, want %v", got, want)
	}
	w.ok(w.end())

	// Down when the reminders become due, and an hour more.
	w.clock.to(firstDue.Add(time.Minute))
	w.start()
	w.settle()
	check := func(want map[string]int) {
		t.Helper()
		got := map[string]int{}
		for to, ms := range w.messages() {
			got[to] = len(ms)
		}
		if !maps.Equal(got, want) {
			t.Fatalf("messages %v, want %v", got, want)
		}
	}
	once := map[string]int{"+4520100001": 1, "+4520100002": 1, "+4520100003": 1}
	check(once)
	if m := w.messages()["+4520100001"][0]; !strings.Contains(m, "Purpose: reminder") || !strings.Contains(m, "12") || strings.Contains(m, cpr(1)) {
		t.Errorf("the message:\n%s", m)
	}
	w.restart()
	w.settle()
	check(once)

	// Moved: told anew. Stopped: silence. Cancelled: told.
	w.ok(w.Ledger.Stop(w.ctx, number(2), "test"))
	w.publish(1, 2, at("2026-03-18T09:00:00"))
	w.publish(2, 2, at("2026-03-18T09:00:00"))
	w.publish(3, 2, cancelled)
	w.publish(1, 1) // late, and to be ignored
	w.settle()
	w.restart()
	w.settle()
	check(map[string]int{"+4520100001": 2, "+4520100002": 1, "+4520100003": 2})
	if ms := strings.Join(w.messages()["+4520100001"], ""); !strings.Contains(ms, "Purpose: changed") {
		t.Errorf("the messages:\n%s", ms)
	}
	if ms := strings.Join(w.messages()["+4520100003"], ""); !strings.Contains(ms, "Purpose: cancelled") {
		t.Errorf("the messages:\n%s", ms)
	}

	// The reminders of the one that stands, and the end.
	for days := range 8 {
		w.clock.to(firstDue.AddDate(0, 0, days))
		w.settle()
	}
	w.clock.to(firstDue.AddDate(0, 0, 20))
	for _, sweep := range []string{"expired", "open_attempts", "previews", "remembered", "retention"} {
		_, err := w.Sweep(w.ctx, sweep)
		w.ok(err)
	}
	w.settle()
	check(map[string]int{"+4520100001": 4, "+4520100002": 1, "+4520100003": 2})
	if c := w.counts(); c[receipt.Planned]+c[receipt.Intended]+c[receipt.Unknown] != 0 || c[receipt.Accepted] != 7 {
		t.Errorf("at the end %v", c)
	}
	if _, err := w.Sweep(w.ctx, "nothing"); err == nil {
		t.Error("an unknown sweep")
	}
}

// While a template is stopped nothing is intended of it; when it may go on, what waited goes out.
func TestStoppedTemplateIsNotIntended(t *testing.T) {
	w := newWorld(t)
	w.ok(yes(w.ctx, w.App, 1, number(1)))
	w.publish(1, 1)
	w.settle()
	const name = "template:da/reminder.sms"
	w.ok(w.Ledger.Switch(w.ctx, state.Switch{Name: name, On: true, Reason: "a wrong word"}))
	intents := func() (n int) {
		w.ok(w.journal.Read(w.ctx, journal.StreamJournal, 1, func(e journal.Entry) error {
			if e.Kind == journal.KindIntent {
				n++
			}
			return nil
		}))
		return n
	}
	for i := range 5 {
		w.clock.to(firstDue.Add(time.Duration(i+1) * 10 * time.Minute))
		w.settle()
	}
	if n := intents(); n != 0 || len(w.messages()) != 0 || w.counts()[receipt.Planned] == 0 {
		t.Errorf("%d intents, messages %v, %v", n, w.messages(), w.counts())
	}
	w.ok(w.Ledger.Switch(w.ctx, state.Switch{Name: name}))
	w.clock.to(firstDue.Add(2 * time.Hour))
	w.settle()
	if n := intents(); n != 1 || len(w.messages()["+4520100001"]) != 1 {
		t.Errorf("%d intents, messages %v", n, w.messages())
	}
}

// What can't be understood is put aside, and put back when the reason is gone.
func TestDeadLetterAndBack(t *testing.T) {
	w := newWorld(t)
	w.publish(1, 1, func(e map[string]any) { e["unit"] = "no-such" })
	w.ok(w.Publish(w.ctx, "husk.events.cosmic.rh-ortho", "application/odd", []byte("{}")))
	w.ok(w.Publish(w.ctx, "husk.events.cosmic.rh-ortho", "", []byte(cpr(1))))
	w.settle()
	ds, err := w.Ledger.DeadLetters(w.ctx)
	w.ok(err)
	got := map[string]bool{}
	for _, d := range ds {
		got[d.Reason] = true
		if strings.Contains(fmt.Sprintf("%+v", d), cpr(1)) {
			t.Errorf("the listing shows content: %+v", d)
		}
	}
	if len(ds) != 3 || !got["unknown_type"] || !got["malformed"] {
		t.Fatalf("dead letters %+v", ds)
	}
	for _, d := range ds {
		w.ok(w.Ledger.Replay(w.ctx, d.ID))
	}
	w.settle()
	again, err := w.Ledger.DeadLetters(w.ctx)
	w.ok(err)
	if len(again) != 3 {
		t.Errorf("%d dead letters after all were put back as they came, want the 3 again", len(again))
	}
}

// A citizen's STOP through the carrier's folder, while the line runs.
func TestStopThroughTheDoor(t *testing.T) {
	w := newWorld(t)
	w.ok(yes(w.ctx, w.App, 1, number(1)))
	w.publish(1, 1)
	w.settle()
	replies := filepath.Join(w.dir, "outbox", "replies")
	w.ok(os.WriteFile(filepath.Join(replies, "a.part"), []byte("From: 20100001\nChannel: sms\n\nSTOP\n"), 0o600))
	w.ok(os.Rename(filepath.Join(replies, "a.part"), filepath.Join(replies, "a.txt")))
	w.wait("the reply was read", func() bool {
		left, err := filepath.Glob(filepath.Join(replies, "*.txt"))
		w.ok(err)
		return len(left) == 0
	})
	w.clock.to(firstDue.Add(time.Minute))
	w.settle()
	if ms := w.messages(); len(ms) != 1 || len(ms[number(1).Reveal()]) != 1 || len(w.answered(number(1))) != 1 {
		t.Errorf("messages after STOP, want its confirmation alone: %q", ms)
	}
	if c := w.counts(); c[receipt.Denied] != 1 {
		t.Errorf("counts %v", c)
	}
}

func TestOpenRunCloseLeavesNothing(t *testing.T) {
	before := goleak.IgnoreCurrent()
	files := openFiles(t)
	for range 2 {
		w := newWorld(t)
		w.publish(1, 1)
		w.settle()
		w.ok(w.end())
		w.Close() // again
	}
	// Opened and never run; run and stopped at once.
	w := &world{T: t, ctx: t.Context(), dir: t.TempDir(), clock: newClock(noon)}
	w.open()
	w.Close()
	w.open()
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	w.ok(w.App.Run(gone))
	w.Close()
	// Not opened.
	c, err := configIn(w.dir, func(c *config.Config) { c.Carriers["sms"].Type = "pigeon" })
	w.ok(err)
	if _, err := Open(t.Context(), Options{Config: c}); err == nil || !strings.Contains(err.Error(), "carriers.sms.type") {
		t.Errorf("a carrier nobody knows: %v", err)
	}
	goleak.VerifyNone(t, before)
	if now := openFiles(t); now > files+2 {
		t.Errorf("%d files were open, now %d are", files, now)
	}
}

// openFiles counts this process's open files, 0 where the system does not tell.
func openFiles(t *testing.T) int {
	t.Helper()
	if runtime.GOOS != "linux" {
		return 0
	}
	fs, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(fs)
}

// When the broker gives up its storage the line ends with an error, and soon: a supervisor must start it anew.
func TestStorageLost(t *testing.T) {
	w := newWorld(t)
	ctx, cancel := context.WithTimeout(t.Context(), 40*time.Second)
	defer cancel()
	w.ok(w.end())
	w.open()
	done := make(chan error, 1)
	go func() { done <- w.App.Run(ctx) }()
	<-w.Running()
	w.ok(w.broker.ns.DisableJetStream())
	select {
	case err := <-done:
		if err == nil {
			t.Error("no error")
		}
	case <-ctx.Done():
		t.Fatal("it runs on without its journal")
	}
}

// Nothing personal is logged along the whole line, at the most talkative level.
func TestLogTellsNothingOfAnybody(t *testing.T) {
	var log bytes.Buffer
	w := &world{T: t, ctx: t.Context(), dir: t.TempDir(), clock: newClock(noon)}
	c, err := configIn(w.dir)
	w.ok(err)
	z := zap.New(zapcore.NewCore(zapcore.NewJSONEncoder(zap.NewDevelopmentEncoderConfig()), zapcore.Lock(zapcore.AddSync(&log)), zap.DebugLevel))
	w.App, err = Open(t.Context(), Options{Config: c, Log: z, Now: w.clock.Now, ByHand: true, Rest: 3 * time.Millisecond})
	w.ok(err)
	w.run()
	w.ok(yes(w.ctx, w.App, 1, number(1)))
	w.publish(1, 1, func(e map[string]any) {
		e["patient"].(map[string]any)["given_name"] = "Kanariafugl"
		e["others"] = []any{map[string]any{"role": "relative", "names": []string{"Perdix Rovfugl"}, "phones": []string{"+4529876502"}}}
	})
	w.publish(2, 1, func(e map[string]any) { e["unit"] = "Kanariafugl" })
	w.ok(w.Publish(w.ctx, "husk.events.cosmic.0101704938", "", []byte(`{"patient":"Kanariafugl 0101704938"}`)))
	w.settle()
	w.clock.to(firstDue.Add(time.Minute))
	w.settle()
	w.ok(w.Ledger.Stop(w.ctx, number(1), "test"))
	if len(w.messages()) != 1 {
		t.Fatal("nothing was sent: there is nothing to look at")
	}
	fs, err := w.Metrics.Gather()
	w.ok(err)
	w.ok(w.end())
	texts := map[string]string{"the log": log.String()}
	for _, f := range fs {
		texts["metric "+f.GetName()] = f.String()
	}
	for name, text := range texts {
		for _, s := range []string{cpr(1), cpr(2), "0101704938", "Kanariafugl", "Rovfugl", "20100001", "29876502", "A-1"} {
			if strings.Contains(text, s) {
				t.Errorf("%s holds %s", name, s)
			}
		}
	}
	if log.Len() == 0 {
		t.Error("nothing was logged")
	}
}
