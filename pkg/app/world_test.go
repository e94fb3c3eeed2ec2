package app

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
	"go.uber.org/zap"

	"github.com/husk-reminders/husk/pkg/config"
	"github.com/husk-reminders/husk/pkg/consent"
	"github.com/husk-reminders/husk/pkg/contact"
	"github.com/husk-reminders/husk/pkg/ledger"
	"github.com/husk-reminders/husk/pkg/policy"
	"github.com/husk-reminders/husk/pkg/receipt"
	"github.com/husk-reminders/husk/pkg/reminder"
)

// childEnv makes this test binary play another process; see the functions of children.
const childEnv = "HUSK_TEST_CHILD"

var children = map[string]func(dir string) error{"hold": holdChild, "send": sendChild}

func TestMain(m *testing.M) {
	if what, dir, ok := strings.Cut(os.Getenv(childEnv), ":"); ok {
		if err := children[what](dir); err != nil {
			fmt.Println("child:", err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	goleak.VerifyTestMain(m)
}

// noon is a Monday, two weeks before the appointments.
var noon = time.Date(2026, 3, 2, 11, 0, 0, 0, time.UTC)

// firstDue is when the first reminder of such an appointment is due: a week before, at its hour.
var firstDue = time.Date(2026, 3, 10, 11, 0, 0, 0, time.UTC)

// clock goes on by itself and can be moved ahead.
type clock struct {
	mu       sync.Mutex
	at, from time.Time
}

func newClock(at time.Time) *clock { return &clock{at: at, from: time.Now()} }

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at.Add(time.Since(c.from))
}

func (c *clock) to(at time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at, c.from = at, time.Now()
}

// configIn is a configuration whose data lies in dir.
func configIn(dir string, change ...func(*config.Config)) (config.Config, error) {
	c := config.Default()
	c.Mode, c.Data, c.HTTP.Listen = config.ModeTrial, dir, ""
	c.Keys.File = filepath.Join(dir, "keys", "keyset.json")
	c.Admin.Socket = filepath.Join(dir, "admin.sock")
	for _, f := range change {
		f(&c)
	}
	return c, nil
}

// world is an App on a directory.
type world struct {
	*testing.T
	*App
	ctx   context.Context
	dir   string
	clock *clock
	set   []func(*config.Config)
	end   func() error
}

func newWorld(t *testing.T, set ...func(*config.Config)) *world {
	t.Helper()
	w := &world{T: t, ctx: t.Context(), dir: t.TempDir(), clock: newClock(noon), set: set}
	w.start()
	return w
}

// start opens the App and runs it.
func (w *world) start() {
	w.Helper()
	w.open()
	w.run()
}

func (w *world) open() {
	w.Helper()
	c, err := configIn(w.dir, w.set...)
	w.ok(err)
	w.App, err = Open(w.ctx, Options{Config: c, Log: zap.NewNop(), Now: w.clock.Now, ByHand: true, Rest: 3 * time.Millisecond})
	w.ok(err)
	w.Cleanup(w.Close)
}

func (w *world) run() {
	w.Helper()
	ctx, cancel := context.WithCancel(context.WithoutCancel(w.ctx))
	done := make(chan error, 1)
	a := w.App
	go func() { done <- a.Run(ctx) }()
	var once sync.Once
	var err error
	w.end = func() error {
		once.Do(func() {
			cancel()
			err = <-done
			a.Close()
		})
		return err
	}
	w.Cleanup(func() { _ = w.end() })
	select {
	case <-a.Running():
	case err := <-done:
		w.Fatalf("Run ended: %v", err)
	case <-time.After(30 * time.Second):
		w.Fatal("it does not come to run")
	}
}

func (w *world) restart() {
	w.Helper()
	w.ok(w.end())
	w.start()
}

func (w *world) ok(err error) {
	w.Helper()
	if err != nil {
		w.Fatal(err)
	}
}

func (w *world) is(err, want error) {
	w.Helper()
	if !errors.Is(err, want) {
		w.Errorf("got %v, want %v", err, want)
	}
}

// event is a booking event of the nth appointment of the nth person.
func event(n, revision int, change ...func(map[string]any)) (subject string, data []byte) {
	e := map[string]any{
		"system": "cosmic", "appointment": fmt.Sprintf("A-%d", n), "revision": revision, "status": "booked", "start": "2026-03-17T12:00:00",
		"zone": "Europe/Copenhagen", "minutes": 30, "unit": "rh-ortho",
		"patient": map[string]any{"id": cpr(n), "country": "DK", "language": "da", "birth_date": "1970-01-01"},
	}
	for _, f := range change {
		f(e)
	}
	b, err := json.Marshal(e)
	if err != nil {
		panic(err)
	}
	return "husk.events.cosmic.rh-ortho", b
}

func at(start string) func(map[string]any) { return func(e map[string]any) { e["start"] = start } }

func cancelled(e map[string]any) { e["status"] = "cancelled" }

// cpr is the nth person's number, of the fictional range with a day beyond 60.
func cpr(n int) string { return fmt.Sprintf("010170%04d", 1000+n) }

func number(n int) reminder.Address {
	return reminder.NewAddress(reminder.SMS, fmt.Sprintf("+45201000%02d", n))
}

// publish publishes the nth event.
func (w *world) publish(n, revision int, change ...func(map[string]any)) {
	w.Helper()
	subject, data := event(n, revision, change...)
	w.ok(w.Publish(w.ctx, subject, "", data))
}

// yes lets the nth person be reminded at an address.
func yes(ctx context.Context, a *App, n int, to reminder.Address) error {
	p := a.Pseudonyms.Person(reminder.NewNationalID("DK", cpr(n)))
	when := a.Now().Add(-time.Hour)
	return errors.Join(
		a.Ledger.Consent(ctx, consent.Record{
			Person: p, Type: consent.Granted, Purposes: []reminder.Purpose{reminder.Remind}, Channels: []reminder.Channel{to.Channel},
			Scope: consent.Scope{Kind: policy.ControllerScope}, Notice: consent.Notice{ID: "n", Hash: strings.Repeat("ab", 32), Language: "da"},
			Method: consent.Desk, Actor: consent.Actor{Kind: consent.Self}, EventTime: when, Recorded: when,
		}),
		a.Ledger.Contact(ctx, contact.Record{
			Person: p, Type: contact.Verified, Address: to, Method: policy.DeskID, Level: policy.DeskID.Level(), EventTime: when, Recorded: when,
		}),
	)
}

// settle waits until nothing is left to do at this instant.
func (w *world) settle() {
	w.Helper()
	w.wait("nothing is left to do", func() bool {
		idle, _, err := w.Idle(w.ctx)
		w.ok(err)
		return idle
	})
}

func (w *world) wait(what string, until func() bool) {
	w.Helper()
	for range 4000 {
		if until() {
			return
		}
		time.Sleep(5 * time.Millisecond)
	}
	w.Fatalf("waited in vain until %s", what)
}

// messages are the outbox's, by recipient.
func (w *world) messages() map[string][]string {
	w.Helper()
	files, err := filepath.Glob(filepath.Join(w.dir, "outbox", "messages", "*.txt"))
	w.ok(err)
	out := map[string][]string{}
	for _, f := range files {
		b, err := os.ReadFile(f)
		w.ok(err)
		_, to, _ := strings.Cut(string(b), "\nTo: ")
		to, _, _ = strings.Cut(to, "\n")
		out[to] = append(out[to], string(b))
	}
	return out
}

func (w *world) counts() map[receipt.Status]int {
	w.Helper()
	s, err := w.Ledger.Status(w.ctx)
	w.ok(err)
	for k, n := range s.Counts {
		if n == 0 {
			delete(s.Counts, k)
		}
	}
	return s.Counts
}

func filterOf(s receipt.Status) ledger.Filter { return ledger.Filter{Status: s} }
