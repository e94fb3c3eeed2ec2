package app

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/zap"

	"github.com/husk-reminders/husk/pkg/config"
	"github.com/husk-reminders/husk/pkg/provider"
	"github.com/husk-reminders/husk/pkg/provider/outbox"
	"github.com/husk-reminders/husk/pkg/receipt"
	"github.com/husk-reminders/husk/pkg/reminder"
)

// stalling is an outbox that stands still in the middle of each hand-over: after it wrote to the first number, before it
// writes to any other.
type stalling struct{ *outbox.Outbox }

func (s stalling) Open(ctx context.Context) (provider.Slot, error) {
	x, err := s.Outbox.Open(ctx)
	return stallingSlot{x}, err
}

type stallingSlot struct{ provider.Slot }

func (s stallingSlot) Send(ctx context.Context, m reminder.Message) (provider.Accepted, error) {
	if m.To.Reveal() == number(1).Reveal() {
		if _, err := s.Slot.Send(ctx, m); err != nil {
			return provider.Accepted{}, err
		}
	}
	select {}
}

// blind is a carrier that can't be asked: it writes a line for each message and, where told so, never answers.
type blind struct {
	file   string
	stalls bool
}

func (b blind) Encode(m reminder.Message) (reminder.Wire, error) {
	return reminder.Wire{Format: reminder.WireText, Body: m.Text}, nil
}

func (b blind) Open(context.Context) (provider.Slot, error) { return blindSlot{b}, nil }

type blindSlot struct{ blind }

func (blindSlot) Close() {}

func (b blindSlot) Send(_ context.Context, m reminder.Message) (provider.Accepted, error) {
	f, err := os.OpenFile(b.file, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err == nil {
		_, err = fmt.Fprintln(f, m.Reference)
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return provider.Accepted{}, err
	}
	if b.stalls {
		select {}
	}
	return provider.Accepted{CarrierID: m.Reference}, nil
}

// withBlind adds the carrier that can't be asked, and a stalling outbox.
func withBlind(stalls bool) (set func(*config.Config), undo func()) {
	carriers["blind"] = func(_ config.Settings, c carrierContext) (provider.Sender, int, error) {
		return blind{filepath.Join(c.data, "blind.log"), stalls}, 2, nil
	}
	carriers["stalling"] = func(_ config.Settings, c carrierContext) (provider.Sender, int, error) {
		b, err := outbox.New(outbox.Options{Dir: filepath.Join(c.data, "outbox"), Now: c.now})
		return stalling{b}, 4, err
	}
	return func(c *config.Config) {
			c.Carriers["email"] = &config.Carrier{Type: "blind"}
			if stalls {
				c.Carriers["sms"] = &config.Carrier{Type: "stalling"}
			}
		}, func() {
			delete(carriers, "blind")
			delete(carriers, "stalling")
		}
}

var mail = reminder.NewAddress(reminder.Email, "anna@hansen.example")

// sendChild brings three messages to the carriers, which do not answer, and says so.
func sendChild(dir string) error {
	ctx := context.Background()
	set, _ := withBlind(true)
	c, err := configIn(dir, set)
	if err != nil {
		return err
	}
	clock := newClock(noon)
	a, err := Open(ctx, Options{Config: c, Log: zap.NewNop(), Now: clock.Now, ByHand: true, Rest: 3 * time.Millisecond})
	if err != nil {
		return err
	}
	failed := make(chan error, 1)
	go func() { failed <- a.Run(ctx) }()
	select {
	case err := <-failed:
		return err
	case <-a.Running():
	}
	for n, to := range map[int]reminder.Address{1: number(1), 2: number(2), 3: mail} {
		if err := yes(ctx, a, n, to); err != nil {
			return err
		}
		subject, data := event(n, 1)
		if err := a.Publish(ctx, subject, "", data); err != nil {
			return err
		}
	}
	for {
		s, err := a.Ledger.Status(ctx)
		if err != nil {
			return err
		}
		if s.Counts[receipt.Planned] == 6 {
			clock.to(firstDue.Add(time.Minute))
		}
		ws := 0
		for _, to := range []reminder.Address{number(1), number(2), mail} {
			open, err := a.State.Wires(ctx, a.Pseudonyms.Address(to), "")
			if err != nil {
				return err
			}
			ws += len(open)
		}
		files, err := filepath.Glob(filepath.Join(dir, "outbox", "messages", "*.txt"))
		if err != nil {
			return err
		}
		log, _ := os.ReadFile(filepath.Join(dir, "blind.log"))
		if ws == 3 && len(files) == 1 && strings.Count(string(log), "\n") == 1 {
			fmt.Println("sending")
			select {} // until it is killed
		}
		time.Sleep(5 * time.Millisecond)
	}
}

// A process that was killed with three messages on the wire: one that left and one that did not, at a carrier that can be
// asked, and one at a carrier that can't. The next process finds out, and sends nothing twice.
func TestKilledOnTheWire(t *testing.T) {
	w := &world{T: t, ctx: t.Context(), dir: t.TempDir(), clock: newClock(firstDue.Add(2 * time.Minute))}
	c, said := child(t, "send", w.dir)
	if said != "sending" {
		t.Fatalf("the child said %q", said)
	}
	kill(c)
	set, undo := withBlind(false)
	defer undo()
	w.set = append(w.set, set)
	for range 2 { // and once more, for the next process finds what this one found
		w.start()
		w.settle()
		ms := w.messages()
		if len(ms) != 2 || len(ms[number(1).Reveal()]) != 1 || len(ms[number(2).Reveal()]) != 1 {
			t.Errorf("%d messages to the first number, %d to the second, want one each", len(ms[number(1).Reveal()]), len(ms[number(2).Reveal()]))
		}
		if got := w.counts(); got[receipt.Accepted] != 2 || got[receipt.Unknown] != 1 || got[receipt.Intended] != 0 || got[receipt.Planned] != 3 {
			t.Errorf("counts %v", got)
		}
		log, err := os.ReadFile(filepath.Join(w.dir, "blind.log"))
		w.ok(err)
		if n := strings.Count(string(log), "\n"); n != 1 {
			t.Errorf("%d messages at the carrier that can't be asked", n)
		}
		vs, err := w.Ledger.Reminders(w.ctx, filterOf(receipt.Accepted))
		w.ok(err)
		attempts := 0
		for _, v := range vs {
			attempts += len(v.Attempts)
		}
		if attempts != 3 {
			t.Errorf("%d attempts for the two accepted, want 1 found by its reference and 2 of the one that did not leave", attempts)
		}
		w.ok(w.end())
	}
}
