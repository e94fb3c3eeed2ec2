// Package providertest is the conformance suite of the carrier contract: every provider.Sender must pass it, against
// the carrier's own record of what arrived and never against what the Sender says of itself.
package providertest

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/husk-reminders/husk/pkg/provider"
	"github.com/husk-reminders/husk/pkg/reminder"
)

// Harness is one carrier under test.
type Harness struct {
	Sender provider.Sender
	// Slots is how many slots the Sender is configured with, at least 2.
	Slots int
	// Message makes a message the carrier accepts, with this reference.
	Message func(reference string) reminder.Message
	// Refused makes a message the carrier itself refuses for good; nil when it refuses none.
	Refused func(reference string) reminder.Message
	// Count is how often the carrier's own record holds the reference.
	Count func(t *testing.T, reference string) int
	// Written is what the carrier's own record says it was given of the reference, as Encode writes it.
	Written func(t *testing.T, reference string) string
	// Idempotent says that the carrier makes one message of one reference, however often it is sent.
	Idempotent bool
}

// Run runs the suite; open makes a fresh harness for each test.
func Run(t *testing.T, open func(t *testing.T) Harness) {
	for _, c := range []struct {
		name string
		run  func(*testing.T, Harness)
	}{
		{"accepts a message", accepts},
		{"writes what was encoded", written},
		{"sends nothing that was not encoded", unencoded},
		{"sends a reference twice", twice},
		{"refuses fields that would grow into headers", injection},
		{"says reject when the carrier refuses", refused},
		{"sends nothing once the context has ended", cancelled},
		{"carries one message a slot", used},
		{"closes a slot as often as asked", closes},
		{"opens no more slots than configured", limited},
		{"sends from many goroutines", concurrent},
		{"finds what it sent", lookup},
		{"can be checked", check},
	} {
		t.Run(c.name, func(t *testing.T) { c.run(t, open(t)) })
	}
}

// slot opens a slot, or fails the test.
func slot(t *testing.T, h Harness) provider.Slot {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	s, err := h.Sender.Open(ctx)
	if err != nil {
		t.Fatalf("open: %v (%v)", err, errors.Unwrap(err))
	}
	return s
}

// send encodes, opens a slot, sends and closes.
func send(t *testing.T, h Harness, m reminder.Message) (provider.Accepted, error) {
	t.Helper()
	s := slot(t, h)
	defer s.Close()
	a, err := Send(t.Context(), h.Sender, s, m)
	clean(t, err, m)
	return a, err
}

// Send encodes a message and sends it in a slot, as a worker does.
func Send(ctx context.Context, by provider.Sender, in provider.Slot, m reminder.Message) (a provider.Accepted, err error) {
	if m.Wire, err = by.Encode(m); err != nil {
		return a, err
	}
	return in.Send(ctx, m)
}

// clean fails when the error's text holds the address, a part of it, or a word of the message.
func clean(t *testing.T, err error, m reminder.Message) {
	t.Helper()
	if err == nil {
		return
	}
	text := err.Error()
	secrets := append(strings.Fields(m.Text.Reveal()), strings.Fields(m.Subject.Reveal())...)
	local, _, _ := strings.Cut(m.To.Reveal(), "@")
	for _, s := range append(secrets, m.To.Reveal(), local) {
		if len(s) > 3 && strings.Contains(strings.ToLower(text), strings.ToLower(s)) {
			t.Errorf("the error's text holds a part of the message or its address: %q", text)
		}
	}
}

func wantCount(t *testing.T, h Harness, reference string, want int) {
	t.Helper()
	if got := h.Count(t, reference); got != want {
		t.Errorf("the carrier has %d messages of this reference, want %d", got, want)
	}
}

func accepts(t *testing.T, h Harness) {
	a, err := send(t, h, h.Message("accepts-1"))
	if err != nil {
		t.Fatalf("send: %v (%v)", err, errors.Unwrap(err))
	}
	if a.CarrierID == "" || a.At.IsZero() {
		t.Errorf("accepted without id or time: %+v", a)
	}
	wantCount(t, h, "accepts-1", 1)
}

func written(t *testing.T, h Harness) {
	m := h.Message("written-1")
	w, err := h.Sender.Encode(m)
	if err != nil {
		t.Fatal(err)
	}
	if w.Format == "" || w.Body.IsZero() {
		t.Fatal("encoded to nothing")
	}
	m.Wire = w
	m.Subject, m.Text = reminder.Mask("another subject"), reminder.Mask("another text") // the wire alone counts
	s := slot(t, h)
	defer s.Close()
	if _, err := s.Send(t.Context(), m); err != nil {
		t.Fatal(err)
	}
	if got := h.Written(t, "written-1"); got != w.Body.Reveal() {
		t.Errorf("the carrier got\n%q\nand not what was encoded\n%q", got, w.Body.Reveal())
	}
}

func unencoded(t *testing.T, h Harness) {
	m := h.Message("unencoded-1")
	s := slot(t, h)
	defer s.Close()
	if _, err := s.Send(t.Context(), m); provider.OutcomeOf(err) != provider.Reject || !errors.Is(err, provider.ErrWire) {
		t.Errorf("a message without a wire: %v, want reject", err)
	}
	wantCount(t, h, "unencoded-1", 0)
}

func twice(t *testing.T, h Harness) {
	first, err := send(t, h, h.Message("twice-1"))
	if err != nil {
		t.Fatal(err)
	}
	second, err := send(t, h, h.Message("twice-1"))
	if err != nil {
		t.Fatal(err)
	}
	if !h.Idempotent {
		// One message a Send: nothing is swallowed, and nothing retried below the gate.
		wantCount(t, h, "twice-1", 2)
		return
	}
	wantCount(t, h, "twice-1", 1)
	if first.CarrierID != second.CarrierID || !first.At.Equal(second.At) {
		t.Errorf("the second answer is not the first's: %+v, %+v", first, second)
	}
}

func injection(t *testing.T, h Harness) {
	m := h.Message("injection-1")
	for name, spoil := range map[string]func(*reminder.Message){
		"subject":   func(m *reminder.Message) { m.Subject = reminder.Mask("Husk\r\nBcc: eve@example.org") },
		"sender":    func(m *reminder.Message) { m.Sender += "\nX: y" },
		"reply-to":  func(m *reminder.Message) { m.ReplyTo = "a@example.org\r\nX: y" },
		"recipient": func(m *reminder.Message) { m.To = reminder.NewAddress(m.Channel, m.To.Reveal()+"\r\nDATA") },
		"unit":      func(m *reminder.Message) { m.Unit = "x\n\ntext" },
		"reference": func(m *reminder.Message) { m.Reference = "../../etc/x" },
		"channel":   func(m *reminder.Message) { m.Channel = "fax" },
	} {
		bad := m
		spoil(&bad)
		if _, err := send(t, h, bad); provider.OutcomeOf(err) != provider.Reject {
			t.Errorf("%s: %v, want reject", name, err)
		}
	}
	wantCount(t, h, "injection-1", 0)
	if _, err := send(t, h, m); err != nil {
		t.Errorf("after refusals the carrier no longer sends: %v", err)
	}
}

func refused(t *testing.T, h Harness) {
	if h.Refused == nil {
		t.Skip("this carrier refuses nothing")
	}
	if _, err := send(t, h, h.Refused("refused-1")); provider.OutcomeOf(err) != provider.Reject {
		t.Errorf("%v, want reject", err)
	}
	wantCount(t, h, "refused-1", 0)
	if _, err := send(t, h, h.Message("refused-2")); err != nil {
		t.Errorf("after a refusal the carrier no longer sends: %v", err)
	}
}

func cancelled(t *testing.T, h Harness) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if s, err := h.Sender.Open(ctx); provider.OutcomeOf(err) != provider.Retry {
		t.Errorf("open: %v, want retry", err)
		if err == nil {
			s.Close()
		}
	}
	m := h.Message("cancelled-1")
	s := slot(t, h)
	defer s.Close()
	_, err := Send(ctx, h.Sender, s, m)
	clean(t, err, m)
	if provider.OutcomeOf(err) != provider.Retry {
		t.Errorf("send: %v, want retry", err)
	}
	past, stop := context.WithDeadline(t.Context(), time.Now().Add(-time.Second))
	defer stop()
	late := slot(t, h)
	defer late.Close()
	if _, err := Send(past, h.Sender, late, m); provider.OutcomeOf(err) != provider.Retry {
		t.Errorf("send past the write deadline: %v, want retry", err)
	}
	wantCount(t, h, "cancelled-1", 0)
}

func used(t *testing.T, h Harness) {
	s := slot(t, h)
	defer s.Close()
	if _, err := Send(t.Context(), h.Sender, s, h.Message("used-1")); err != nil {
		t.Fatal(err)
	}
	if _, err := Send(t.Context(), h.Sender, s, h.Message("used-2")); provider.OutcomeOf(err) != provider.Retry {
		t.Errorf("a second message in one slot: %v, want retry", err)
	}
	wantCount(t, h, "used-1", 1)
	wantCount(t, h, "used-2", 0)
	s.Close()
	closed := slot(t, h)
	closed.Close()
	if _, err := Send(t.Context(), h.Sender, closed, h.Message("used-3")); provider.OutcomeOf(err) != provider.Retry {
		t.Errorf("a message in a closed slot: %v, want retry", err)
	}
	wantCount(t, h, "used-3", 0)
}

func closes(t *testing.T, h Harness) {
	open := make([]provider.Slot, 0, h.Slots)
	for range h.Slots {
		open = append(open, slot(t, h))
	}
	for range 3 {
		open[0].Close()
	}
	again := slot(t, h)
	defer again.Close()
	full(t, h) // closing thrice must not have made three slots
	for _, s := range open {
		s.Close()
	}
}

func limited(t *testing.T, h Harness) {
	open := make([]provider.Slot, 0, h.Slots)
	for range h.Slots {
		open = append(open, slot(t, h))
	}
	full(t, h)
	for _, s := range open {
		s.Close()
	}
	for range h.Slots {
		s := slot(t, h)
		defer s.Close()
	}
}

// full fails when there is another slot.
func full(t *testing.T, h Harness) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	s, err := h.Sender.Open(ctx)
	if err == nil {
		s.Close()
		t.Error("one slot too many")
	} else if provider.OutcomeOf(err) != provider.Retry {
		t.Errorf("no slot: %v, want retry", err)
	}
}

func concurrent(t *testing.T, h Harness) {
	n := 4 * h.Slots
	errs := make([]error, n)
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() {
			ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
			defer cancel()
			s, err := h.Sender.Open(ctx)
			if err != nil {
				errs[i] = err
				return
			}
			defer s.Close()
			_, errs[i] = Send(ctx, h.Sender, s, h.Message(fmt.Sprintf("concurrent-%d", i)))
		})
	}
	wg.Wait()
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
	for i := range n {
		wantCount(t, h, fmt.Sprintf("concurrent-%d", i), 1)
	}
}

func lookup(t *testing.T, h Harness) {
	l, ok := h.Sender.(provider.Lookup)
	if !ok {
		t.Skip("this carrier cannot be asked")
	}
	if _, found, err := l.Lookup(t.Context(), "lookup-1"); found || err != nil {
		t.Errorf("before sending: found %v, %v", found, err)
	}
	sent, err := send(t, h, h.Message("lookup-1"))
	if err != nil {
		t.Fatal(err)
	}
	got, found, err := l.Lookup(t.Context(), "lookup-1")
	if err != nil || !found || got.CarrierID != sent.CarrierID || !got.At.Equal(sent.At) {
		t.Errorf("after sending: %+v, found %v, %v; want %+v", got, found, err, sent)
	}
}

func check(t *testing.T, h Harness) {
	c, ok := h.Sender.(provider.Checker)
	if !ok {
		t.Skip("this carrier cannot be checked")
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	if err := c.Check(ctx); err != nil {
		t.Error(err)
	}
}
