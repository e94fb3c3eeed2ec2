package intake_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"github.com/husk-reminders/husk/pkg/intake"
	"github.com/husk-reminders/husk/pkg/reminder"
)

// textDecoder takes the event's bytes for the appointment's id: intake is tested without a format.
type textDecoder struct{}

func (textDecoder) Decode(_ string, _ nats.Header, data []byte) (reminder.Appointment, error) {
	switch s := string(data); {
	case strings.HasPrefix(s, "bad"):
		return reminder.Appointment{}, &intake.MalformedError{Reason: intake.ReasonMalformed, Field: "start", Fix: "want a time"}
	case strings.HasPrefix(s, "foreign"):
		return reminder.Appointment{}, fmt.Errorf("%w: %s", intake.ErrMalformed, s)
	case strings.HasPrefix(s, "panic"):
		panic(s)
	default:
		return reminder.Appointment{ID: s}, nil
	}
}

// sink is a Sink whose answers a test chooses.
type sink struct {
	mu      sync.Mutex
	calls   [][]string
	taken   []reminder.Appointment
	letters []intake.DeadLetter
	accept  func(id string) error    // for one element
	whole   func(ids []string) error // for the call
	bury    func([]intake.DeadLetter) error
	block   func(ctx context.Context)
}

func (s *sink) Accept(ctx context.Context, as []reminder.Appointment) ([]error, error) {
	if s.block != nil {
		s.block(ctx)
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	var ids []string
	for _, a := range as {
		ids = append(ids, a.ID)
	}
	s.calls = append(s.calls, ids)
	if s.whole != nil {
		if err := s.whole(ids); err != nil {
			return nil, err
		}
	}
	if s.accept == nil {
		s.taken = append(s.taken, as...)
		return nil, nil
	}
	errs := make([]error, len(as))
	for i, a := range as {
		if errs[i] = s.accept(a.ID); errs[i] == nil {
			s.taken = append(s.taken, a)
		}
	}
	return errs, nil
}

func (s *sink) Bury(_ context.Context, letters []intake.DeadLetter) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.bury != nil {
		if err := s.bury(letters); err != nil {
			return err
		}
	}
	s.letters = append(s.letters, letters...)
	return nil
}

func (s *sink) ids() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var ids []string
	for _, a := range s.taken {
		ids = append(ids, a.ID)
	}
	return ids
}

func (s *sink) dead() []intake.DeadLetter {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.letters)
}

// rig is an embedded broker with the stream and an intake on it.
type rig struct {
	t       *testing.T
	js      jetstream.JetStream
	stream  jetstream.Stream
	options intake.Options
	sink    *sink
	metrics *prometheus.Registry
	log     *bytes.Buffer
}

func newRig(t *testing.T, change func(*rig)) *rig {
	t.Helper()
	ns, err := server.NewServer(&server.Options{DontListen: true, JetStream: true, StoreDir: t.TempDir(), NoLog: true, NoSigs: true})
	if err != nil {
		t.Fatal(err)
	}
	ns.Start()
	if !ns.ReadyForConnections(10 * time.Second) {
		t.Fatal("the embedded broker does not start")
	}
	t.Cleanup(func() { ns.Shutdown(); ns.WaitForShutdown() })
	nc, err := nats.Connect("", nats.InProcessServer(ns), nats.MaxReconnects(-1))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nc.Close)
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	ctx := t.Context()
	st, err := js.CreateStream(ctx, intake.StreamConfig(intake.StreamOptions{MaxBytes: 64 << 20}))
	if err != nil {
		t.Fatal(err)
	}
	c, err := st.CreateConsumer(ctx, intake.ConsumerConfig(0))
	if err != nil {
		t.Fatal(err)
	}
	r := &rig{t: t, js: js, stream: st, sink: &sink{}, metrics: prometheus.NewRegistry(), log: &bytes.Buffer{}}
	enc := zapcore.NewJSONEncoder(zap.NewProductionEncoderConfig())
	r.options = intake.Options{
		Consumer: c, Decoders: map[string]intake.Decoder{"": textDecoder{}}, Sink: r.sink, Metrics: r.metrics,
		RetryFirst: 5 * time.Millisecond, RetryMax: 20 * time.Millisecond,
		Log: zap.New(zapcore.NewCore(enc, zapcore.AddSync(r.log), zap.DebugLevel)),
	}
	if change != nil {
		change(r)
	}
	return r
}

func (r *rig) publish(events ...string) {
	r.t.Helper()
	for _, e := range events {
		if _, err := r.js.Publish(r.t.Context(), "husk.events.s.u", []byte(e)); err != nil {
			r.t.Fatal(err)
		}
	}
}

// run starts the intake; the returned function stops it and waits.
func (r *rig) run() (stop func()) {
	r.t.Helper()
	in, err := intake.New(r.options)
	if err != nil {
		r.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- in.Run(ctx) }()
	stop = sync.OnceFunc(func() {
		cancel()
		select {
		case err := <-done:
			if err != nil {
				r.t.Errorf("run: %v", err)
			}
		case <-time.After(10 * time.Second):
			r.t.Error("run does not stop")
		}
	})
	r.t.Cleanup(stop)
	return stop
}

func (r *rig) eventually(what string, ok func() bool) {
	r.t.Helper()
	for range 2000 {
		if ok() {
			return
		}
		time.Sleep(5 * time.Millisecond)
	}
	r.t.Fatalf("never came: %s; taken %v, dead %v", what, len(r.sink.ids()), len(r.sink.dead()))
}

// left is how many events the stream still holds.
func (r *rig) left() int {
	r.t.Helper()
	info, err := r.stream.Info(context.Background())
	if err != nil {
		r.t.Fatal(err)
	}
	return int(info.State.Msgs)
}

func (r *rig) count(result string) float64 {
	r.t.Helper()
	got, err := r.metrics.Gather()
	if err != nil {
		r.t.Fatal(err)
	}
	for _, f := range got {
		for _, m := range f.GetMetric() {
			if f.GetName() == "husk_intake_events_total" && m.GetLabel()[0].GetValue() == result {
				return m.GetCounter().GetValue()
			}
		}
	}
	r.t.Fatalf("no metric for %s", result)
	return 0
}

func numbers(n int) []string {
	var s []string
	for i := range n {
		s = append(s, fmt.Sprintf("e%04d", i))
	}
	return s
}

func TestOrderAndAcknowledgement(t *testing.T) {
	r := newRig(t, nil)
	want := numbers(1000)
	r.publish(want...)
	stop := r.run()
	r.eventually("an empty stream", func() bool { return r.left() == 0 })
	stop()
	if got := r.sink.ids(); !slices.Equal(got, want) {
		t.Errorf("got %d events, not the published ones in order", len(got))
	}
	for i, a := range r.sink.taken {
		if a.Order.Sequence != uint64(i+1) {
			t.Fatalf("event %d has sequence %d", i, a.Order.Sequence)
		}
	}
	if n := len(r.sink.calls); n > 10 {
		t.Errorf("%d calls for 1000 events: not in batches", n)
	}
	if got := r.count("accepted"); got != 1000 {
		t.Errorf("counted %v", got)
	}
	if n, err := testutil.GatherAndCount(r.metrics, "husk_intake_batch_seconds", "husk_intake_batches_total"); err != nil || n != 2 {
		t.Errorf("batch metrics: %d %v", n, err)
	}
}

// TestNothingIsAcknowledgedBeforeTheSinkHasIt looks at the stream from inside the Sink's call.
func TestNothingIsAcknowledgedBeforeTheSinkHasIt(t *testing.T) {
	seen := make(chan int, 10)
	r := newRig(t, func(r *rig) {
		r.sink.block = func(context.Context) { seen <- r.left() }
	})
	r.publish(numbers(20)...)
	r.run()
	if n := <-seen; n != 20 {
		t.Errorf("the stream holds %d of 20 while the sink is still at work", n)
	}
	r.eventually("an empty stream", func() bool { return r.left() == 0 })
}

func TestSinkFailureLosesNothing(t *testing.T) {
	failures := 7
	r := newRig(t, func(r *rig) {
		r.sink.whole = func([]string) error {
			if failures--; failures >= 0 {
				return errors.New("ledger: disk full")
			}
			return nil
		}
	})
	want := numbers(600)
	r.publish(want...)
	r.run()
	r.eventually("an empty stream", func() bool { return r.left() == 0 })
	got := r.sink.ids()
	slices.Sort(got)
	if !slices.Equal(slices.Compact(got), want) {
		t.Errorf("taken %d of %d", len(got), len(want))
	}
	if len(r.sink.dead()) != 0 {
		t.Errorf("an outage made %d dead letters", len(r.sink.dead()))
	}
	if r.count("retried") == 0 {
		t.Error("no retry counted")
	}
}

// TestLongOutageBuriesNothing: when nothing gets through, no event is to blame, however often it was delivered.
func TestLongOutageBuriesNothing(t *testing.T) {
	var calls int
	down := true
	r := newRig(t, func(r *rig) {
		r.options.IsolateAfter, r.options.PoisonAfter = 2, 3
		r.sink.whole = func([]string) error {
			if calls++; down {
				return errors.New("down")
			}
			return nil
		}
	})
	r.publish(numbers(100)...)
	r.run()
	r.eventually("many failures", func() bool { r.sink.mu.Lock(); defer r.sink.mu.Unlock(); return calls > 150 })
	if r.left() != 100 || len(r.sink.dead()) != 0 {
		t.Errorf("in an outage %d of 100 are left, %d dead", r.left(), len(r.sink.dead()))
	}
	r.sink.mu.Lock()
	down = false
	r.sink.mu.Unlock()
	r.eventually("an empty stream", func() bool { return r.left() == 0 })
	if len(r.sink.dead()) != 0 {
		t.Errorf("%d dead letters", len(r.sink.dead()))
	}
}

func TestDeadLetters(t *testing.T) {
	r := newRig(t, func(r *rig) {
		r.sink.accept = func(id string) error {
			switch id {
			case "nowhere":
				return intake.Refuse(intake.ReasonUnknownUnit, errors.New("plan: unknown unit"))
			case "no":
				return fmt.Errorf("ledger: %w", intake.ErrRefused)
			}
			return nil
		}
	})
	r.publish("a", `bad`, `{"badly":1}`, "foreign Anna", "panic Anna", "nowhere", "no", "b", strings.Repeat("x", intake.MaxEvent+1))
	if _, err := r.js.PublishMsg(t.Context(), &nats.Msg{Subject: "husk.events.s.u", Data: []byte("<HL7/>"), Header: nats.Header{"Content-Type": {"application/xml; charset=utf-8"}}}); err != nil {
		t.Fatal(err)
	}
	stop := r.run()
	r.eventually("an empty stream", func() bool { return r.left() == 0 })
	stop()
	if got := r.sink.ids(); !slices.Contains(got, "a") || !slices.Contains(got, "b") {
		t.Errorf("the good ones: %v", got)
	}
	var got []string
	for _, l := range r.sink.dead() {
		got = append(got, fmt.Sprintf("%d %s|%s|%s", l.Sequence, l.Reason, l.Detail, l.Shape))
		if l.Subject != "husk.events.s.u" || len(l.Data) == 0 || l.Received.IsZero() {
			t.Errorf("letter %+v is not whole", l)
		}
		if strings.Contains(l.Detail+l.Shape, "Anna") {
			t.Errorf("the listing tells content: %+v", l)
		}
	}
	want := []string{
		"2 malformed|start: want a time|3 bytes, not JSON",
		"4 malformed|the decoder refused it|12 bytes, not JSON",
		"5 malformed|the decoder broke down on it: a fault in the program|10 bytes, not JSON",
		"6 unknown_unit|intake: refused: plan: unknown unit|7 bytes, not JSON",
		"7 refused|ledger: intake: refused|2 bytes, not JSON",
		"9 too_large|an event has at most 65536 bytes|65537 bytes, not looked into",
		"10 unknown_type|no decoder for its Content-Type|6 bytes, not JSON",
	}
	if !slices.Equal(got, want) {
		t.Errorf("dead letters:\n%s\nwant:\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	for reason, n := range map[intake.Reason]float64{intake.ReasonMalformed: 3, intake.ReasonUnknownUnit: 1, intake.ReasonRefused: 1, intake.ReasonTooLarge: 1, intake.ReasonUnknownType: 1, intake.ReasonPoison: 0} {
		if c := r.count(string(reason)); c != n {
			t.Errorf("%s: counted %v, want %v", reason, c, n)
		}
	}
	if strings.Contains(r.log.String(), "Anna") || r.log.Len() == 0 {
		t.Errorf("the log: %s", r.log)
	}
}

// What is put back is as old as when it first came, and stays so when it is put aside again. No header makes it newer.
func TestWhatIsPutBackIsAsOldAsItWas(t *testing.T) {
	r := newRig(t, nil)
	first := time.Now().Add(-48 * time.Hour).UTC()
	publish := func(data string, received ...string) {
		t.Helper()
		h := nats.Header{}
		if received != nil {
			h[intake.ReceivedHeader] = received
		}
		if _, err := r.js.PublishMsg(t.Context(), &nats.Msg{Subject: "husk.events.s.u", Data: []byte(data), Header: h}); err != nil {
			t.Fatal(err)
		}
	}
	began := time.Now().Add(-time.Second)
	publish("old", first.Format(time.RFC3339Nano))
	publish("bad", first.Format(time.RFC3339Nano))
	publish("new")
	publish("ahead", time.Now().Add(time.Hour).Format(time.RFC3339Nano))
	publish("odd", "yesterday, Anna")
	publish("twice", first.Format(time.RFC3339Nano), first.Format(time.RFC3339Nano))
	publish("empty", "")
	publish("never", time.Time{}.Format(time.RFC3339Nano))
	stop := r.run()
	r.eventually("an empty stream", func() bool { return r.left() == 0 })
	stop()
	if got := r.sink.ids(); !slices.Equal(got, []string{"old", "new", "ahead"}) {
		t.Fatalf("taken %v", got)
	}
	if at := r.sink.taken[0].Came; !at.Equal(first) {
		t.Errorf("what was put back came %v, want %v", at, first)
	}
	for _, a := range r.sink.taken[1:] {
		if a.Came.Before(began) || a.Came.After(time.Now()) {
			t.Errorf("%s came %v", a.ID, a.Came)
		}
	}
	dead := r.sink.dead()
	if len(dead) != 5 || !dead[0].Received.Equal(first) {
		t.Fatalf("dead letters %+v", dead)
	}
	for _, d := range dead[1:] {
		if d.Reason != intake.ReasonMalformed || !strings.HasPrefix(d.Detail, "header Husk-Received: want") || strings.Contains(d.Detail, "Anna") || d.Received.Before(began) {
			t.Errorf("%s: %s %s, received %v", d.Data, d.Reason, d.Detail, d.Received)
		}
	}
}

func TestDeadLettersThatCannotBeStoredComeAgain(t *testing.T) {
	failures := 2
	r := newRig(t, func(r *rig) {
		r.sink.bury = func([]intake.DeadLetter) error {
			if failures--; failures >= 0 {
				return errors.New("disk full")
			}
			return nil
		}
	})
	r.publish("a", "bad", "b")
	r.run()
	r.eventually("an empty stream", func() bool { return r.left() == 0 })
	if d := r.sink.dead(); len(d) != 1 || len(r.sink.ids()) != 2 {
		t.Errorf("dead %d, taken %v", len(d), r.sink.ids())
	}
}

// TestElementErrorIsTriedAgainAlone: an error that is no refusal concerns its element only.
func TestElementErrorIsTriedAgainAlone(t *testing.T) {
	failures := 3
	r := newRig(t, func(r *rig) {
		r.sink.accept = func(id string) error {
			if id == "e0002" {
				if failures--; failures >= 0 {
					return errors.New("later")
				}
			}
			return nil
		}
	})
	r.publish(numbers(5)...)
	r.run()
	r.eventually("an empty stream", func() bool { return r.left() == 0 })
	if got := r.sink.ids(); !slices.Equal(got, []string{"e0000", "e0001", "e0003", "e0004", "e0002"}) {
		t.Errorf("taken %v", got)
	}
}

// TestPoisonDoesNotBlock: some events, side by side and apart, make every call fail that has one of them.
func TestPoisonDoesNotBlock(t *testing.T) {
	poison := []string{"e0000", "e0001", "e0002", "e0003", "e0130", "e0299"}
	r := newRig(t, func(r *rig) {
		r.options.PoisonAfter = 5
		r.sink.whole = func(ids []string) error {
			for _, p := range poison {
				if slices.Contains(ids, p) {
					return errors.New("ledger: cannot")
				}
			}
			return nil
		}
	})
	r.publish(numbers(300)...)
	stop := r.run()
	r.eventually("the healthy ones", func() bool { return len(r.sink.ids()) >= 294 })
	r.publish("later")
	r.eventually("one that came later", func() bool { return slices.Contains(r.sink.ids(), "later") })
	// They are buried in a round in which others go through.
	for i := 0; r.left() > 0; i++ {
		if i > 500 {
			t.Fatalf("%d poisonous events are still there", r.left())
		}
		r.publish(fmt.Sprintf("more%d", i))
		time.Sleep(10 * time.Millisecond)
	}
	stop()
	var buried []string
	for _, l := range r.sink.dead() {
		if l.Reason != intake.ReasonPoison {
			t.Errorf("reason %s", l.Reason)
		}
		buried = append(buried, string(l.Data))
	}
	slices.Sort(buried)
	if !slices.Equal(buried, poison) {
		t.Errorf("buried %v, want %v", buried, poison)
	}
	if got := r.sink.ids(); len(slices.Compact(slices.Sorted(slices.Values(got)))) != len(got) {
		t.Error("an event was handed over twice")
	}
}

func TestStopFinishesWhatIsInHand(t *testing.T) {
	inside := make(chan struct{})
	var once sync.Once
	r := newRig(t, func(r *rig) {
		r.sink.block = func(context.Context) {
			once.Do(func() { close(inside) })
			time.Sleep(100 * time.Millisecond)
		}
	})
	r.publish(numbers(50)...)
	stop := r.run()
	<-inside
	stop()
	if got := r.sink.ids(); len(got) != 50 {
		t.Errorf("taken %d of 50", len(got))
	}
	if n := r.left(); n != 0 {
		t.Errorf("%d events are journalled but not acknowledged when Run has returned", n)
	}
}

func TestStopPutsBackWhatTakesTooLong(t *testing.T) {
	inside := make(chan struct{})
	var once sync.Once
	r := newRig(t, func(r *rig) {
		r.options.StopGrace = 30 * time.Millisecond
		r.sink.block = func(ctx context.Context) {
			once.Do(func() { close(inside) })
			<-ctx.Done()
		}
	})
	r.publish(numbers(50)...)
	stop := r.run()
	<-inside
	began := time.Now()
	stop()
	if d := time.Since(began); d > 3*time.Second {
		t.Errorf("stopping took %v", d)
	}
	if n := r.left(); n != 50 {
		t.Errorf("%d of 50 events are left", n)
	}
	r.sink.block = nil
	r.options.Metrics = nil
	r.run()
	r.eventually("an empty stream", func() bool { return r.left() == 0 }) // soon, not after the ack wait
	if got := r.sink.ids(); len(got) != 50 {
		t.Errorf("taken %d", len(got))
	}
}

func TestStreamRefuses(t *testing.T) {
	r := newRig(t, nil)
	if _, err := r.js.Publish(t.Context(), "husk.events.s.u", bytes.Repeat([]byte("x"), intake.MaxMessage+1)); err == nil {
		t.Error("an event of more than MaxMessage is taken")
	}
	cfg := intake.StreamConfig(intake.StreamOptions{MaxBytes: 256 << 10})
	if _, err := r.js.UpdateStream(t.Context(), cfg); err != nil {
		t.Fatal(err)
	}
	event := bytes.Repeat([]byte("x"), 60<<10)
	var err error
	taken := 0
	for err == nil && taken < 20 {
		if _, err = r.js.Publish(t.Context(), "husk.events.s.u", event); err == nil {
			taken++
		}
	}
	if err == nil || taken == 0 || r.left() != taken {
		t.Errorf("a full stream: took %d, holds %d, %v", taken, r.left(), err)
	}
	r.run()
	r.eventually("room again", func() bool {
		_, err := r.js.Publish(context.Background(), "husk.events.s.u", event)
		return err == nil
	})
}

func TestNewRefuses(t *testing.T) {
	r := newRig(t, nil)
	for name, change := range map[string]func(*intake.Options){
		"no consumer":        func(o *intake.Options) { o.Consumer = nil },
		"no sink":            func(o *intake.Options) { o.Sink = nil },
		"no decoder":         func(o *intake.Options) { o.Decoders = nil },
		"nil decoder":        func(o *intake.Options) { o.Decoders = map[string]intake.Decoder{"": textDecoder{}, "a/b": nil} },
		"batch":              func(o *intake.Options) { o.Batch = -1 },
		"timeout":            func(o *intake.Options) { o.AcceptTimeout = time.Hour },
		"retry turned round": func(o *intake.Options) { o.RetryFirst, o.RetryMax = time.Minute, time.Second },
	} {
		o := r.options
		o.Metrics = nil
		change(&o)
		if _, err := intake.New(o); err == nil || !strings.HasPrefix(err.Error(), "intake: ") {
			t.Errorf("%s: %v", name, err)
		}
	}
}
