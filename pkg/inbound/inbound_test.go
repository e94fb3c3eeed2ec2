package inbound_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"github.com/husk-reminders/husk/pkg/inbound"
	"github.com/husk-reminders/husk/pkg/provider"
	"github.com/husk-reminders/husk/pkg/provider/outbox"
	"github.com/husk-reminders/husk/pkg/reminder"
)

// register writes down what it is asked, and fails while fail says so.
type register struct {
	mu   sync.Mutex
	did  []string
	said []time.Time // when each STOP and START came in that was asked for, also in vain
	fail func(what string) error
}

func (r *register) came(said time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.said = append(r.said, said)
}

func (r *register) do(what string) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.fail != nil {
		if err := r.fail(what); err != nil {
			return err
		}
	}
	r.did = append(r.did, what)
	return nil
}

func (r *register) list() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.did)
}

func (r *register) Stop(_ context.Context, a reminder.Address, via string, said time.Time) error {
	r.came(said)
	return r.do("stop " + a.Reveal() + " " + via)
}

func (r *register) Start(_ context.Context, a reminder.Address, via string, said time.Time) error {
	r.came(said)
	return r.do("start " + a.Reveal() + " " + via)
}

func (r *register) WrongNumber(_ context.Context, a reminder.Address, via string) error {
	return r.do("wrong " + a.Reveal() + " " + via)
}

func (r *register) Other(_ context.Context, a reminder.Address, via string) error {
	return r.do("other " + a.Reveal() + " " + via)
}

func (r *register) Report(_ context.Context, p provider.Report, via string) error {
	return r.do(fmt.Sprintf("report %s %s %s", p.Reference, p.Status, via))
}

func lower(a reminder.Address) (reminder.Address, error) {
	if !strings.ContainsAny(a.Reveal(), "@+") {
		return reminder.Address{}, errors.New("no address")
	}
	return reminder.NewAddress(a.Channel, strings.ToLower(strings.TrimSpace(a.Reveal()))), nil
}

// polled is a Poller out of a list: what is handled is gone.
type polled struct {
	mu      sync.Mutex
	waiting []provider.Notice
	err     error
}

func (p *polled) Poll(ctx context.Context, handle func(context.Context, provider.Notice) error) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	errs := []error{p.err}
	p.waiting = slices.DeleteFunc(p.waiting, func(n provider.Notice) bool {
		err := handle(ctx, n)
		errs = append(errs, err)
		return err == nil
	})
	return errors.Join(errs...)
}

// add has a notice come in while it is polled.
func (p *polled) add(n provider.Notice) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.waiting = append(p.waiting, n)
}

func says(from, text string) provider.Notice {
	c := reminder.SMS
	if strings.Contains(from, "@") {
		c = reminder.Email
	}
	return provider.Notice{Kind: provider.Reply, From: reminder.NewAddress(c, from), Text: reminder.Mask(text)}
}

func station(t *testing.T, o inbound.Options) *inbound.Inbound {
	t.Helper()
	if o.Normalise == nil {
		o.Normalise = lower
	}
	in, err := inbound.New(o)
	if err != nil {
		t.Fatal(err)
	}
	return in
}

func TestEachNoticeReachesItsMethod(t *testing.T) {
	r := &register{}
	reg := prometheus.NewRegistry()
	core, logs := observer.New(zap.DebugLevel)
	p := &polled{waiting: []provider.Notice{
		says("+4520000001", "STOP"), says("Anna@Example.ORG ", "Frameld"), says("+4520000002", "START"), says("+4520000003", "HJÆLP"),
		says("+4520000004", "forkert nummer, stop"), says("+4520000005", "jeg kommer for sent"), says("4711", "STOP"),
		{Kind: provider.ReportKind, Reference: "00aa", Status: provider.Delivered, CarrierID: "x"},
	}}
	in := station(t, inbound.Options{Register: r, Pollers: []inbound.Source{{Name: "box", Poller: p}}, Metrics: reg, Log: zap.New(core)})
	if err := in.Poll(t.Context()); err != nil {
		t.Fatal(err)
	}
	want := []string{
		"stop +4520000001 box", "stop anna@example.org box", "start +4520000002 box", "other +4520000003 box", "wrong +4520000004 box",
		"stop +4520000004 box", "other +4520000005 box", "other 4711 box", "report 00aa delivered box",
	}
	if got := r.list(); !slices.Equal(got, want) {
		t.Errorf("got %q\nwant %q", got, want)
	}
	counts := `
# HELP husk_inbound_notices_total Notices of carriers that were dealt with, by what they were.
# TYPE husk_inbound_notices_total counter
husk_inbound_notices_total{kind="cancel_appointment"} 0
husk_inbound_notices_total{kind="complaint"} 0
husk_inbound_notices_total{kind="confirm"} 0
husk_inbound_notices_total{kind="help"} 1
husk_inbound_notices_total{kind="machine"} 0
husk_inbound_notices_total{kind="other"} 2
husk_inbound_notices_total{kind="report"} 1
husk_inbound_notices_total{kind="start"} 1
husk_inbound_notices_total{kind="stop"} 3
husk_inbound_notices_total{kind="wrong_number"} 1
`
	if err := testutil.GatherAndCompare(reg, strings.NewReader(counts), "husk_inbound_notices_total"); err != nil {
		t.Error(err)
	}
	for _, e := range logs.All() {
		if line := fmt.Sprint(e.Message, e.ContextMap()); strings.Contains(line, "20000") || strings.Contains(line, "4711") || strings.Contains(line, "sent") {
			t.Errorf("the log tells who or what: %s", line)
		}
	}
}

// A START that is read again was said when it was said: what came between is later, and stands.
func TestAStartReadAgainIsAsOldAsItWas(t *testing.T) {
	dir := t.TempDir()
	box, err := outbox.New(outbox.Options{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	f := filepath.Join(dir, "replies", "1.txt")
	if err := os.WriteFile(f, []byte("From: +4520000001\nChannel: sms\n\nSTART\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	at := time.Now().Add(-time.Hour).Truncate(time.Second)
	if err := os.Chtimes(f, at, at); err != nil {
		t.Fatal(err)
	}
	broken := errors.New("journal: no room")
	r := &register{fail: func(string) error { return broken }}
	in := station(t, inbound.Options{Register: r, Pollers: []inbound.Source{{Name: "outbox", Poller: box}}})
	for range 2 {
		if err := in.Poll(t.Context()); !errors.Is(err, broken) {
			t.Fatalf("%v, want the register's error", err)
		}
	}
	if len(r.said) != 2 || !r.said[0].Equal(at) || !r.said[1].Equal(at) {
		t.Errorf("said %v, want twice %v", r.said, at)
	}
}

func TestAnUnknownKindOfNoticeIsNotAcknowledged(t *testing.T) {
	r := &register{}
	in := station(t, inbound.Options{Register: r})
	if err := in.Handle(t.Context(), "box", provider.Notice{Text: reminder.Mask("STOP")}); err == nil {
		t.Error("it is")
	}
}

// From file to register and back: while the register fails the file stays, and STOP is read again until it counts.
func TestAStopIsReadAgainUntilItCounts(t *testing.T) {
	dir := t.TempDir()
	box, err := outbox.New(outbox.Options{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	for i, content := range []string{
		"From: +4520000001\nChannel: sms\n\nSTOP\n", "From: +4520000001\nChannel: sms\n\nSTART\n", "From: +4520000002\nChannel: sms\n\nStop\n",
	} {
		f := filepath.Join(dir, "replies", fmt.Sprintf("%d.txt", 9-i)) // names do not tell the order
		if err := os.WriteFile(f, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		at := time.Now().Add(time.Duration(i-10) * time.Second)
		if err := os.Chtimes(f, at, at); err != nil {
			t.Fatal(err)
		}
	}
	broken := errors.New("journal: no room")
	r := &register{fail: func(what string) error {
		if strings.HasPrefix(what, "stop +4520000001") {
			return broken
		}
		return nil
	}}
	reg := prometheus.NewRegistry()
	in := station(t, inbound.Options{Register: r, Pollers: []inbound.Source{{Name: "outbox", Poller: box}}, Metrics: reg})
	for range 3 {
		if err := in.Poll(t.Context()); !errors.Is(err, broken) {
			t.Fatalf("%v, want the register's error", err)
		}
	}
	if got, want := r.list(), []string{"stop +4520000002 outbox"}; !slices.Equal(got, want) {
		t.Fatalf("while the register fails: %q, want %q", got, want)
	}
	failures := `
# HELP husk_inbound_failures_total Notices that could not be dealt with and will be read again, and rounds of polling that failed.
# TYPE husk_inbound_failures_total counter
husk_inbound_failures_total{kind="cancel_appointment"} 0
husk_inbound_failures_total{kind="complaint"} 0
husk_inbound_failures_total{kind="confirm"} 0
husk_inbound_failures_total{kind="help"} 0
husk_inbound_failures_total{kind="machine"} 0
husk_inbound_failures_total{kind="other"} 0
husk_inbound_failures_total{kind="poll"} 3
husk_inbound_failures_total{kind="report"} 0
husk_inbound_failures_total{kind="start"} 0
husk_inbound_failures_total{kind="stop"} 3
husk_inbound_failures_total{kind="wrong_number"} 0
`
	if err := testutil.GatherAndCompare(reg, strings.NewReader(failures), "husk_inbound_failures_total"); err != nil {
		t.Error(err)
	}
	r.mu.Lock()
	r.fail = nil
	r.mu.Unlock()
	if err := in.Poll(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got, want := r.list(), []string{"stop +4520000002 outbox", "stop +4520000001 outbox", "start +4520000001 outbox"}; !slices.Equal(got, want) {
		t.Errorf("then: %q, want %q", got, want)
	}
}

// A half-done notice (the STOP counted, the wrong number did not) is not acknowledged.
func TestTwoThingsInOneNoticeBothCount(t *testing.T) {
	r := &register{fail: func(what string) error {
		if strings.HasPrefix(what, "wrong") {
			return errors.New("no")
		}
		return nil
	}}
	p := &polled{waiting: []provider.Notice{says("+4520000001", "STOP, forkert nummer")}}
	in := station(t, inbound.Options{Register: r, Pollers: []inbound.Source{{Name: "box", Poller: p}}})
	if err := in.Poll(t.Context()); err == nil || len(p.waiting) != 1 {
		t.Errorf("%v, %d waiting; want an error and the notice back", err, len(p.waiting))
	}
}

// On a number that others share an answer begins with our keyword, which is no part of what is said.
func TestTheKeywordOfASharedNumberIsTakenAway(t *testing.T) {
	for text, want := range map[string]string{
		"RAVN STOP": "stop", "ravn stop": "stop", " Ravn: stop": "stop", "RAVN\nSTOP": "stop", "STOP": "stop", "FALK24 STOP": "stop",
		"RAVN START": "start", "RAVN forkert nummer": "wrong", "falk24 START": "start", "RAVN": "other", "RAVNSHOLT START": "other",
	} {
		r := &register{}
		in := station(t, inbound.Options{Register: r, Keywords: []string{"FALK24", "RAVN"}})
		if err := in.Handle(t.Context(), "box", says("+4520000001", text)); err != nil {
			t.Fatal(err)
		}
		if got := r.list(); len(got) != 1 || !strings.HasPrefix(got[0], want) {
			t.Errorf("%q: %q, want %s", text, got, want)
		}
	}
	r := &register{}
	in := station(t, inbound.Options{Register: r, Keywords: []string{"RAVN"}})
	mail := provider.Notice{Kind: provider.Reply, From: reminder.NewAddress(reminder.Email, "anna@patient.example"), Text: reminder.Mask("Ravn START")}
	if err := in.Handle(t.Context(), "box", mail); err != nil {
		t.Fatal(err)
	}
	if got := r.list(); len(got) != 1 || strings.HasPrefix(got[0], "start") {
		t.Errorf("a mail: %q: it has no keyword", got)
	}
}

func TestOneBrokenCarrierHoldsUpNoOther(t *testing.T) {
	r := &register{}
	bad, good := &polled{err: errors.New("carrier is down")}, &polled{waiting: []provider.Notice{says("+4520000001", "STOP")}}
	in := station(t, inbound.Options{Register: r, Pollers: []inbound.Source{{Name: "bad", Poller: bad}, {Name: "good", Poller: good}}})
	if err := in.Poll(t.Context()); err == nil {
		t.Error("the failure is not told")
	}
	if got := r.list(); len(got) != 1 {
		t.Errorf("got %q", got)
	}
}

func TestRunPollsUntilItsContextEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rounds := 0
		p := pollFunc(func() error { rounds++; return errors.New("down") })
		in := station(t, inbound.Options{Register: &register{}, Pollers: []inbound.Source{{Name: "box", Poller: p}}, Every: 2 * time.Second})
		ctx, cancel := context.WithTimeout(t.Context(), 9*time.Second)
		defer cancel()
		if err := in.Run(ctx); err != nil {
			t.Error(err)
		}
		if rounds != 5 { // at 0, 2, 4, 6 and 8 seconds, failing all the time
			t.Errorf("%d rounds, want 5", rounds)
		}
	})
}

// A carrier that takes its time holds up nobody else's rounds, and one that says when something has come is asked then.
func TestEachCarrierHasItsOwnRounds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := &register{}
		slow := pollFunc(func() error { time.Sleep(time.Minute); return nil })
		quick, bell := &polled{}, &rung{came: make(chan struct{}, 1)}
		in := station(t, inbound.Options{Register: r, Pollers: []inbound.Source{{Name: "slow", Poller: slow}, {Name: "quick", Poller: quick}, {Name: "bell", Poller: bell}}})
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error)
		go func() { ended <- in.Run(ctx) }()
		time.Sleep(1500 * time.Millisecond)
		quick.add(says("+4520000001", "STOP"))
		bell.add(says("+4520000002", "STOP"))
		bell.came <- struct{}{}
		time.Sleep(time.Millisecond)
		if got := r.list(); !slices.Equal(got, []string{"stop +4520000002 bell"}) {
			t.Errorf("at once: %q", got)
		}
		time.Sleep(time.Second)
		if got := r.list(); len(got) != 2 {
			t.Errorf("in the next round: %q", got)
		}
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}

// rung says when something has come.
type rung struct {
	polled
	came chan struct{}
}

func (r *rung) Came() <-chan struct{} { return r.came }

// However often a carrier calls, it is told once a second that not all could be dealt with.
func TestFailingRoundsDoNotFloodTheLog(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		core, logs := observer.New(zap.WarnLevel)
		bell := &rung{polled: polled{err: errors.New("down")}, came: make(chan struct{}, 1)}
		in := station(t, inbound.Options{Register: &register{}, Pollers: []inbound.Source{{Name: "bell", Poller: bell}}, Log: zap.New(core)})
		ctx, cancel := context.WithTimeout(t.Context(), 2500*time.Millisecond)
		defer cancel()
		var calls sync.WaitGroup
		calls.Go(func() {
			for ctx.Err() == nil {
				select {
				case bell.came <- struct{}{}:
				default:
				}
				time.Sleep(time.Millisecond)
			}
		})
		if err := in.Run(ctx); err != nil {
			t.Error(err)
		}
		calls.Wait()
		if n := logs.Len(); n != 3 {
			t.Errorf("%d lines, want 3", n)
		}
	})
}

type pollFunc func() error

func (f pollFunc) Poll(context.Context, func(context.Context, provider.Notice) error) error {
	return f()
}

func TestNewRefuses(t *testing.T) {
	for name, o := range map[string]inbound.Options{
		"no register":      {Normalise: lower},
		"no normaliser":    {Register: &register{}},
		"a nameless one":   {Register: &register{}, Normalise: lower, Pollers: []inbound.Source{{Poller: &polled{}}}},
		"a source of none": {Register: &register{}, Normalise: lower, Pollers: []inbound.Source{{Name: "x"}}},
		"time backwards":   {Register: &register{}, Normalise: lower, Every: -1},
	} {
		if _, err := inbound.New(o); err == nil {
			t.Errorf("%s is taken", name)
		}
	}
}
