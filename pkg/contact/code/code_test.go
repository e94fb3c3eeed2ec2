package code_test

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest/observer"

	"github.com/husk-reminders/husk/pkg/contact"
	"github.com/husk-reminders/husk/pkg/contact/code"
	"github.com/husk-reminders/husk/pkg/policy"
	"github.com/husk-reminders/husk/pkg/reminder"
)

const (
	anna = reminder.PersonKey("1-0123456789abcdef0123456789abcdef")
	bo   = reminder.PersonKey("1-fedcba9876543210fedcba9876543210")
	num  = "+4520123456"
)

var (
	phone = reminder.NewAddress(reminder.SMS, num)
	other = reminder.NewAddress(reminder.SMS, "+4520654321")
	start = time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)
)

// world is Codes with everything around it in the test's hands.
type world struct {
	t        *testing.T
	codes    *code.Codes
	store    *shaky
	now      time.Time
	hash     func(reminder.Address) reminder.AddressHash
	logs     *observer.ObservedLogs
	mu       sync.Mutex
	sent     []code.Message
	sendErr  error
	standing code.Standing
	standErr error
}

func (w *world) Send(_ context.Context, m code.Message) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.sent = append(w.sent, m)
	return w.sendErr
}

func (w *world) Standing(context.Context, reminder.PersonKey, reminder.AddressHash) (code.Standing, error) {
	return w.standing, w.standErr
}

// shaky is a store that fails when told to, and shows what is in it.
type shaky struct {
	*code.Memory
	getErr, putErr error
	garbage        []byte
	before         func(key string)
	seen           bytes.Buffer
	mu             sync.Mutex
}

func (s *shaky) Get(ctx context.Context, key string) ([]byte, uint64, error) {
	if s.getErr != nil {
		return nil, 0, s.getErr
	}
	v, r, err := s.Memory.Get(ctx, key)
	if s.garbage != nil {
		v = s.garbage
	}
	return v, r, err
}

func (s *shaky) Put(ctx context.Context, key string, v []byte, r uint64, until time.Time) error {
	if s.before != nil {
		s.before(key)
	}
	if s.putErr != nil {
		return s.putErr
	}
	s.mu.Lock()
	_, _ = fmt.Fprintf(&s.seen, "%s=%s\n", key, v)
	s.mu.Unlock()
	return s.Memory.Put(ctx, key, v, r, until)
}

func open(t *testing.T, change ...func(*code.Options)) *world {
	t.Helper()
	ps, err := reminder.NewPseudonyms(1, bytes.Repeat([]byte{7}, 32))
	if err != nil {
		t.Fatal(err)
	}
	core, logs := observer.New(zapcore.DebugLevel)
	w := &world{t: t, store: &shaky{Memory: code.NewMemory()}, now: start, hash: ps.Address, logs: logs, standing: code.Clear}
	o := code.Options{
		Store: w.store, Sender: w, Standings: w, Hash: ps.Address, Key: bytes.Repeat([]byte{9}, 32), Logger: zap.New(core),
		Limits: code.Limits{Address: []code.Limit{{Max: 99, Per: time.Hour}}, Person: []code.Limit{{Max: 99, Per: time.Hour}}, Clerk: []code.Limit{{Max: 99, Per: time.Hour}}},
	}
	for _, f := range change {
		f(&o)
	}
	if w.codes, err = code.New(o); err != nil {
		t.Fatal(err)
	}
	return w
}

func request() code.Request {
	return code.Request{Person: anna, Address: phone, Clerk: "desk-7", Unit: "rh-ortho", Language: "da"}
}

// begin starts a code and gives it.
func (w *world) begin() string {
	w.t.Helper()
	if _, err := w.codes.Start(w.t.Context(), request(), w.now); err != nil {
		w.t.Fatal(err)
	}
	return w.last()
}

func (w *world) last() string { return w.sent[len(w.sent)-1].Code.Reveal() }

func (w *world) check(told string) code.Result {
	w.t.Helper()
	r, err := w.codes.Check(w.t.Context(), code.Guess{Person: anna, Address: w.hash(phone), Code: reminder.Mask(told)}, w.now)
	if err != nil {
		w.t.Fatal(err)
	}
	return r
}

// not is a code that is not the right one.
func not(right string) string {
	if right[0] == '9' {
		return "0" + right[1:]
	}
	return string(right[0]+1) + right[1:]
}

func (w *world) want(told string, o code.Outcome, left int) {
	w.t.Helper()
	if r := w.check(told); r.Outcome != o || r.Left != left {
		w.t.Errorf("%s with %d left, want %s with %d", r.Outcome, r.Left, o, left)
	}
}

func TestRightCode(t *testing.T) {
	w := open(t)
	c := w.begin()
	if len(c) != code.Digits || strings.Trim(c, "0123456789") != "" {
		t.Fatalf("a code of %d characters", len(c))
	}
	m := w.sent[0]
	if m.Person != anna || m.Address.Reveal() != num || m.Hash != w.hash(phone) || m.Unit != "rh-ortho" || m.Language != "da" ||
		!m.NotAfter.Equal(start.Add(10*time.Minute)) || m.Reference == "" {
		t.Errorf("%+v", m)
	}
	w.now = start.Add(10*time.Minute - time.Second)
	r := w.check(c)
	if r.Outcome != code.Right || r.Method != policy.Code || r.Level != policy.Proven || !r.At.Equal(w.now) || r.Reference != m.Reference {
		t.Errorf("%+v", r)
	}
	w.want(c, code.NoCode, 0) // once
}

func TestHowItIsTold(t *testing.T) {
	w := open(t)
	c := w.begin()
	for _, s := range []string{"", "12345", "1234567", "12345a", "１２３４５６", "١٢٣٤٥٦", "12.456", strings.Repeat(" ", 100) + c, c + c} {
		if got := w.check(s).Outcome; got != code.Malformed {
			t.Errorf("%q: %s", s, got)
		}
	}
	w.want(" "+c[:3]+"\u00a0"+c[3:5]+"-"+c[5:], code.Right, 0) // and none of those cost a try
}

func TestFiveTries(t *testing.T) {
	w := open(t)
	c := w.begin()
	for left := 4; left > 0; left-- {
		w.want(not(c), code.Wrong, left)
	}
	w.want(not(c), code.TooMany, 0)
	w.want(c, code.TooMany, 0)

	c = w.begin()
	for left := 4; left > 0; left-- {
		w.want(not(c), code.Wrong, left)
	}
	w.want(c, code.Right, 0) // the fifth may be right
}

func TestTenMinutes(t *testing.T) {
	for _, d := range []time.Duration{10 * time.Minute, time.Hour, -2 * time.Minute} { // the last: the clock was set back
		w := open(t)
		c := w.begin()
		w.now = start.Add(d)
		w.want(c, code.TooLate, 0)
		w.now = start.Add(time.Minute)
		w.want(c, code.TooLate, 0) // and stays so
	}
}

func TestANewCodeVoidsTheOld(t *testing.T) {
	w := open(t)
	first := w.begin()
	second := w.begin()
	for second == first {
		second = w.begin()
	}
	w.want(first, code.Wrong, 4)
	w.want(second, code.Right, 0)

	// To another number too.
	c := w.begin()
	r := request()
	r.Address = other
	if _, err := w.codes.Start(t.Context(), r, w.now); err != nil {
		t.Fatal(err)
	}
	w.want(c, code.NoCode, 0)
	w.want(w.last(), code.NoCode, 0) // nor does the other number's code prove this one
	if got, err := w.codes.Check(t.Context(), code.Guess{Person: anna, Address: w.hash(other), Code: reminder.Mask(w.last())}, w.now); err != nil || got.Outcome != code.Right {
		t.Errorf("%v %v", got.Outcome, err)
	}
}

func TestAnothersCode(t *testing.T) {
	w := open(t)
	c := w.begin()
	if r, err := w.codes.Check(t.Context(), code.Guess{Person: bo, Address: w.hash(phone), Code: reminder.Mask(c)}, w.now); err != nil || r.Outcome != code.NoCode {
		t.Errorf("%v %v", r.Outcome, err)
	}
	w.want(c, code.Right, 0)
}

func TestVerifier(t *testing.T) {
	w := open(t)
	v := w.codes.Verifier()
	ask := func(q contact.Question) string {
		a := contact.Ask(t.Context(), v, w.now, []contact.Question{q})[0]
		return strings.TrimSpace(a.Verdict.String() + " " + string(a.Reason))
	}
	q := contact.Question{Person: anna, Address: phone}
	steps := func(want string, why string) {
		t.Helper()
		if got := ask(q); got != want {
			t.Errorf("%s: %s, want %s", why, got, want)
		}
	}
	steps("no not_proven", "nothing was sent")
	c := w.begin()
	steps("no not_proven", "sent")
	w.want(not(c), code.Wrong, 4)
	steps("no not_proven", "told wrongly")
	w.want(c, code.Right, 0)
	steps("yes", "told rightly")
	f, ok := contact.Ask(t.Context(), v, w.now, []contact.Question{q})[0].Vouches(phone)
	if !ok || f.Method != policy.Code || f.Level != policy.Proven || !f.AsOf.Equal(w.now) {
		t.Errorf("%+v", f)
	}
	for want, q := range map[string]contact.Question{
		"no not_proven": {Person: anna, Address: other}, "no not_told": {Person: anna}, "unknown no_id": {Address: phone},
	} {
		if got := ask(q); got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
	w.now = start.Add(-time.Hour)
	steps("unknown contradictory", "before it was told")
	w.now = start.Add(24*time.Hour - time.Second)
	steps("yes", "the next day")
	w.now = start.Add(24 * time.Hour)
	steps("no not_proven", "a day later")
	if f := v.Fitness(); !f.Usable || f.Method != policy.Code {
		t.Errorf("%+v", f)
	}
}

func TestMemorySweep(t *testing.T) {
	w := open(t)
	c := w.begin()
	if n := w.store.Sweep(start.Add(time.Hour - time.Second)); n != 4 {
		t.Errorf("%d entries, want the challenge and three tallies", n)
	}
	if n := w.store.Sweep(start.Add(2 * time.Hour)); n != 1 {
		t.Errorf("%d entries, want the challenge", n)
	}
	w.want(c, code.Right, 0)
	if n := w.store.Sweep(start.Add(25 * time.Hour)); n != 0 {
		t.Errorf("%d entries", n)
	}
}

func TestOptions(t *testing.T) {
	w := open(t)
	good := code.Options{Store: w.store, Sender: w, Standings: w, Hash: w.hash, Key: make([]byte, 32)}
	if _, err := code.New(good); err != nil {
		t.Error(err)
	}
	for name, change := range map[string]func(*code.Options){
		"store": func(o *code.Options) { o.Store = nil }, "sender": func(o *code.Options) { o.Sender = nil },
		"standings": func(o *code.Options) { o.Standings = nil }, "hash": func(o *code.Options) { o.Hash = nil },
		"key":             func(o *code.Options) { o.Key = make([]byte, 31) },
		"a limit missing": func(o *code.Options) { o.Limits = code.DefaultLimits(); o.Limits.Clerk = nil },
		"a limit of none": func(o *code.Options) {
			o.Limits = code.DefaultLimits()
			o.Limits.Person = []code.Limit{{Max: 0, Per: time.Hour}}
		},
	} {
		o := good
		change(&o)
		if _, err := code.New(o); err == nil {
			t.Error(name)
		}
	}
}
