package smpp

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/linxGnu/gosmpp/data"
	"go.uber.org/zap"

	"github.com/husk-reminders/husk/pkg/provider"
	"github.com/husk-reminders/husk/pkg/reminder"
)

// waiting is a Sender with an inbox and no SMSC.
func waiting(queue int) *Sender {
	s := &Sender{inbox: newInbox(queue, time.Second), said: newSaid(), now: time.Now, log: zap.NewNop()}
	s.start.Do(func() {})
	return s
}

// answers are what the SMSC was answered, by what the notice was called.
type answers struct {
	mu sync.Mutex
	by map[string][]data.CommandStatusType
}

func (a *answers) of(name string) []data.CommandStatusType {
	a.mu.Lock()
	defer a.mu.Unlock()
	return slices.Clone(a.by[name])
}

// item is one that the SMSC waits for an answer to.
func (a *answers) item(name string, n provider.Notice) *item {
	return &item{notice: n, answer: []func(data.CommandStatusType){func(s data.CommandStatusType) {
		a.mu.Lock()
		defer a.mu.Unlock()
		if a.by == nil {
			a.by = map[string][]data.CommandStatusType{}
		}
		a.by[name] = append(a.by[name], s)
	}}}
}

func wrote(from, text string) provider.Notice {
	return provider.Notice{Kind: provider.Reply, From: reminder.NewAddress(reminder.SMS, from), Text: reminder.Mask(text)}
}

func told(id string) provider.Notice {
	return provider.Notice{Kind: provider.ReportKind, CarrierID: id, Status: provider.Delivered}
}

// A STOP that comes in while a thousand receipts are being handled, and while another STOP waits for a message on the wire, is handled at once.
func TestAStopWaitsForNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, a := waiting(1000), &answers{}
		for i := range 1000 {
			s.inbox.put(a.item("report", told(fmt.Sprint("id-", i))))
		}
		s.inbox.put(a.item("hangs", wrote("+4520000001", "STOP")))
		var said time.Time
		began := time.Now()
		took, after := time.Duration(-1), 0
		go func() {
			time.Sleep(300 * time.Millisecond)
			said = time.Now()
			s.inbox.put(a.item("late", wrote("+4520000002", "STOP")))
		}()
		var mu sync.Mutex
		handle := func(_ context.Context, n provider.Notice) error {
			switch {
			case n.Kind == provider.ReportKind:
				time.Sleep(10 * time.Millisecond)
				mu.Lock()
				defer mu.Unlock()
				if took >= 0 {
					after++
				}
			case n.From.Reveal() == "+4520000001":
				time.Sleep(6 * time.Second)
			default:
				mu.Lock()
				defer mu.Unlock()
				took = time.Since(said)
			}
			return nil
		}
		for len(a.of("report")) < 1000 {
			if err := s.Poll(t.Context(), handle); err != nil {
				t.Fatal(err)
			}
		}
		if took < 0 || took > 50*time.Millisecond || after == 0 {
			t.Errorf("handled after %s; %d reports then", took, after)
		}
		if all := time.Since(began); all > 11*time.Second {
			t.Errorf("%s for all: the reports waited for a STOP", all)
		}
		for _, name := range []string{"hangs", "late"} {
			if got := a.of(name); !slices.Equal(got, []data.CommandStatusType{data.ESME_ROK}) {
				t.Errorf("%s is answered with %v", name, got)
			}
		}
	})
}

// What one person writes is handled in its order and never at the same time, and no more than sixteen people's at once.
func TestOfOnePersonInOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, a := waiting(1000), &answers{}
		for i := range 3 {
			for p := range 40 {
				s.inbox.put(a.item("", wrote(fmt.Sprintf("+45200000%02d", p), fmt.Sprint(i))))
			}
		}
		var mu sync.Mutex
		now, most, texts := map[string]int{}, 0, map[string]string{}
		began := time.Now()
		if err := s.Poll(t.Context(), func(_ context.Context, n provider.Notice) error {
			from := n.From.Reveal()
			mu.Lock()
			now[from]++
			if now[from] > 1 {
				t.Errorf("two at once of one person")
			}
			most = max(most, len(now))
			texts[from] += n.Text.Reveal()
			mu.Unlock()
			time.Sleep(time.Second / 10)
			mu.Lock()
			delete(now, from)
			mu.Unlock()
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		if most != repliesAtOnce || time.Since(began) > 12*time.Second/10 {
			t.Errorf("%d at once, in %s", most, time.Since(began))
		}
		for from, got := range texts {
			if got != "012" {
				t.Errorf("%s: %q", from, got)
			}
		}
		if len(texts) != 40 {
			t.Errorf("%d people", len(texts))
		}
	})
}

// A report whose handling failed is refused for now and gone; a reply, and what we found out ourselves, stay, and are tried once a second.
func TestWhatFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, a := waiting(10), &answers{}
		s.inbox.put(a.item("report", told("a")))
		s.inbox.put(&item{notice: told("ours")})
		s.inbox.put(a.item("stop", wrote("+4520000001", "STOP")))
		s.inbox.put(a.item("start", wrote("+4520000001", "START")))
		s.inbox.put(a.item("complaint", wrote("+4520000002", "of nobody")))
		broken := errors.New("the disk is full")
		var mu sync.Mutex
		tries := map[string]int{}
		failing := true
		poll := func() error {
			return s.Poll(t.Context(), func(_ context.Context, n provider.Notice) error {
				mu.Lock()
				defer mu.Unlock()
				tries[n.CarrierID+n.Text.Reveal()]++
				if n.Text.Reveal() == "of nobody" {
					return provider.ErrUnknownMessage
				}
				if failing {
					return broken
				}
				return nil
			})
		}
		if err := poll(); !errors.Is(err, broken) || errors.Is(err, provider.ErrUnknownMessage) {
			t.Errorf("%v", err)
		}
		for range 50 { // it is woken again and again
			_ = poll()
		}
		if got := a.of("report"); !slices.Equal(got, []data.CommandStatusType{data.ESME_RX_T_APPN}) {
			t.Errorf("the report is answered with %v", got)
		}
		if got := a.of("complaint"); !slices.Equal(got, []data.CommandStatusType{data.ESME_ROK}) {
			t.Errorf("what nobody knows is answered with %v", got)
		}
		if tries["ours"] != 1 || tries["STOP"] != 1 || tries["START"] != 0 || len(a.of("stop")) != 0 || len(s.inbox.reports) != 1 || len(s.inbox.replies) != 2 {
			t.Errorf("tries %v, %d reports and %d replies wait", tries, len(s.inbox.reports), len(s.inbox.replies))
		}
		failing = false
		time.Sleep(round)
		if err := poll(); err != nil {
			t.Error(err)
		}
		if tries["ours"] != 2 || tries["STOP"] != 2 || tries["START"] != 1 || tries["a"] != 1 || len(s.inbox.reports)+len(s.inbox.replies) != 0 {
			t.Errorf("tries %v, %d reports and %d replies wait", tries, len(s.inbox.reports), len(s.inbox.replies))
		}
	})
}

// What failed is tried again while other people's replies are still in hand.
func TestWhatFailedIsTriedBesideOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, a := waiting(10), &answers{}
		s.inbox.put(a.item("hangs", wrote("+4520000001", "STOP")))
		s.inbox.put(a.item("fails", wrote("+4520000002", "STOP")))
		began, fails, took := time.Now(), 2, time.Duration(0)
		if err := s.Poll(t.Context(), func(_ context.Context, n provider.Notice) error {
			if n.From.Reveal() == "+4520000001" {
				time.Sleep(20 * time.Second)
				return nil
			}
			if fails--; fails >= 0 {
				return errors.New("not yet")
			}
			took = time.Since(began)
			return nil
		}); err != nil {
			t.Errorf("%v; in the end nothing failed", err)
		}
		if took == 0 || took > 5*time.Second {
			t.Errorf("it counts after %s", took)
		}
	})
}

// Poll hands over nothing more once its context has ended, and comes back though more reports than it has time for are there.
func TestPollEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, a := waiting(1000), &answers{}
		for i := range 1000 {
			s.inbox.put(a.item("", told(fmt.Sprint(i))))
		}
		slow := func(context.Context, provider.Notice) error { time.Sleep(10 * time.Millisecond); return nil }
		began := time.Now()
		if err := s.Poll(t.Context(), slow); err != nil || time.Since(began) > 2*round {
			t.Errorf("%v after %s", err, time.Since(began))
		}
		select {
		case <-s.Came():
		default:
			t.Error("it does not say that more is there")
		}
		left := len(s.inbox.reports)
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if err := s.Poll(ctx, slow); !errors.Is(err, context.Canceled) || len(s.inbox.reports) != left || left == 0 {
			t.Errorf("%v, %d of %d left", err, len(s.inbox.reports), left)
		}
	})
}
