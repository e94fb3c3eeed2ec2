package provider_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/husk-reminders/husk/pkg/provider"
	"github.com/husk-reminders/husk/pkg/reminder"
)

func TestOutcomeOf(t *testing.T) {
	reject := &provider.Error{Outcome: provider.Reject, Code: "550 5.1.1"}
	for name, c := range map[string]struct {
		err  error
		want provider.Outcome
	}{
		"an error of another kind":  {errors.New("x"), provider.Unknown},
		"a cancelled context":       {context.Canceled, provider.Unknown},
		"an Error that says no":     {reject, provider.Reject},
		"a wrapped one":             {fmt.Errorf("y: %w", reject), provider.Reject},
		"an Error that says naught": {&provider.Error{}, provider.Unknown},
		"nil":                       {nil, provider.Unknown},
	} {
		if got := provider.OutcomeOf(c.err); got != c.want {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
	}
}

// A carrier that puts its server's words into Code or Err must not leak them.
func TestErrorTextHoldsNoAddress(t *testing.T) {
	for _, leak := range []string{"550 <anna@example.org>", "no user +4520123456", "4520123456", strings.Repeat("husk ", 20), "Åse", "550\r\nBcc"} {
		e := &provider.Error{Outcome: provider.Reject, Code: leak, Err: errors.New(leak)}
		if got := e.Error(); got != "provider: reject" {
			t.Errorf("%q comes out as %q", leak, got)
		}
	}
	e := &provider.Error{Outcome: provider.Retry, Code: "451 4.2.1", Err: os.ErrDeadlineExceeded}
	if got := e.Error(); got != "provider: retry: 451 4.2.1" {
		t.Errorf("text is %q", got)
	}
	if !errors.Is(e, os.ErrDeadlineExceeded) {
		t.Error("the cause is lost")
	}
}

func TestCause(t *testing.T) {
	for want, err := range map[string]error{
		"cancelled":          fmt.Errorf("x: %w", context.Canceled),
		"timeout":            &net.OpError{Op: "dial", Err: os.ErrDeadlineExceeded},
		"connection_refused": &net.OpError{Op: "dial", Err: errors.New("refused")},
		"connection_lost":    &net.OpError{Op: "read", Err: errors.New("reset")},
	} {
		if got := provider.Cause(err); got != want {
			t.Errorf("%v: %s, want %s", err, got, want)
		}
	}
}

func TestInspect(t *testing.T) {
	good := func() reminder.Message {
		return reminder.Message{
			Reference: "00aa11", Channel: reminder.Email, Purpose: reminder.Remind,
			To: reminder.NewAddress(reminder.Email, "anna@example.org"), Sender: "x@example.org", ReplyTo: "y@example.org",
			Subject: reminder.Mask("Husk"), Text: reminder.Mask("Husk din aftale\nkl. 9"), Language: "da", Unit: "u", Template: "t",
		}
	}
	if err := provider.Inspect(good(), reminder.Email); err != nil {
		t.Fatalf("a good message: %v", err)
	}
	for name, c := range map[string]struct {
		spoil func(*reminder.Message)
		want  error
	}{
		"no reference":             {func(m *reminder.Message) { m.Reference = "" }, provider.ErrReference},
		"a path as reference":      {func(m *reminder.Message) { m.Reference = "../x" }, provider.ErrReference},
		"another channel":          {func(m *reminder.Message) { m.Channel = reminder.SMS }, provider.ErrChannel},
		"nobody":                   {func(m *reminder.Message) { m.To = reminder.Address{} }, provider.ErrTo},
		"address of other channel": {func(m *reminder.Message) { m.To = reminder.NewAddress(reminder.SMS, "+4520123456") }, provider.ErrTo},
		"CRLF in recipient": {func(m *reminder.Message) {
			m.To = reminder.NewAddress(reminder.Email, "a@example.org>\r\nRCPT TO:<b@example.org")
		}, provider.ErrHeader},
		"LF in subject":           {func(m *reminder.Message) { m.Subject = reminder.Mask("a\nBcc: b@example.org") }, provider.ErrHeader},
		"CR in sender":            {func(m *reminder.Message) { m.Sender = "a@example.org\rX: y" }, provider.ErrHeader},
		"NEL in reply-to":         {func(m *reminder.Message) { m.ReplyTo = "a@example.org\u0085X" }, provider.ErrHeader},
		"line separator in unit":  {func(m *reminder.Message) { m.Unit = "a\u2028b" }, provider.ErrHeader},
		"NUL in template":         {func(m *reminder.Message) { m.Template = "a\x00b" }, provider.ErrHeader},
		"bytes that are no UTF-8": {func(m *reminder.Message) { m.Language = "\xff" }, provider.ErrHeader},
		"no text":                 {func(m *reminder.Message) { m.Text = reminder.Masked{} }, provider.ErrText},
	} {
		m := good()
		c.spoil(&m)
		err := provider.Inspect(m, reminder.Email)
		if !errors.Is(err, c.want) || provider.OutcomeOf(err) != provider.Reject {
			t.Errorf("%s: %v (%v)", name, err, errors.Unwrap(err))
		}
	}
}

func TestLimit(t *testing.T) {
	for _, c := range []struct {
		slots int
		rate  float64
	}{{0, 0}, {-1, 0}, {1, -1}} {
		if _, err := provider.NewLimit(c.slots, c.rate); err == nil {
			t.Errorf("%+v is taken", c)
		}
	}
	l, err := provider.NewLimit(1, 0)
	if err != nil {
		t.Fatal(err)
	}
	release, err := l.Take(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	if _, err := l.Take(ctx); provider.OutcomeOf(err) != provider.Retry {
		t.Errorf("a second slot of one: %v", err)
	}
	release()
	release() // must not make a second slot
	if _, err := l.Take(t.Context()); err != nil {
		t.Fatal(err)
	}
	again, stop := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer stop()
	if _, err := l.Take(again); err == nil {
		t.Error("releasing twice made a slot")
	}
}

// A rate's refusal must give the slot back, or the carrier starves.
func TestLimitGivesTheSlotBackWhenTheRateRefuses(t *testing.T) {
	l, err := provider.NewLimit(1, 10)
	if err != nil {
		t.Fatal(err)
	}
	for range 10 { // one second's worth
		release, err := l.Take(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		release()
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	if _, err := l.Take(ctx); provider.OutcomeOf(err) != provider.Retry {
		t.Fatalf("beyond the rate: %v", err)
	}
	release, err := l.Take(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	release()
}
