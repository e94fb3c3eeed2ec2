package smpp_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/husk-reminders/husk/pkg/provider"
	"github.com/husk-reminders/husk/pkg/provider/providertest"
	"github.com/husk-reminders/husk/pkg/provider/smpp"
)

func TestWrongPassword(t *testing.T) {
	x := newSMSC(t)
	c := x.config()
	c.PasswordFile = filepath.Join(t.TempDir(), "password")
	if err := os.WriteFile(c.PasswordFile, []byte("hunter22\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	s := sender(t, c)
	err := s.Check(t.Context())
	if !errors.Is(err, smpp.ErrAuth) || strings.Contains(err.Error(), "hunter22") || !strings.Contains(err.Error(), "ESME_RINVPASWD") {
		t.Errorf("check: %v", err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
	defer cancel()
	_, err = s.Open(ctx)
	var e *provider.Error
	if !errors.As(err, &e) || e.Outcome != provider.Retry || e.Code != "ESME_RINVPASWD" || !errors.Is(err, smpp.ErrAuth) {
		t.Errorf("open: %v", err)
	}
	// The password is read at each bind.
	if err := os.WriteFile(c.PasswordFile, []byte("secret12\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := s.Check(t.Context()); err != nil {
		t.Error(err)
	}
	if _, err := send(t, s, message("mended")); err != nil {
		t.Error(err)
	}
}

func TestCannotBind(t *testing.T) {
	x := newSMSC(t)
	for what, c := range map[string]struct {
		spoil func(*smpp.Config)
		code  string
	}{
		"no server":         {func(c *smpp.Config) { c.Port = 1 }, "connection_refused"},
		"no TLS there":      {func(c *smpp.Config) { c.Port = x.port("PORT") }, "connection_lost"},
		"another authority": {func(c *smpp.Config) { c.CAFile = "" }, "certificate"},
		"TLS unawares":      {func(c *smpp.Config) { c.TLS = smpp.None }, "unbound"},
		"no password file":  {func(c *smpp.Config) { c.PasswordFile = "/nonexistent" }, "password_file"},
	} {
		config := x.config()
		config.DialTimeout = 10 * time.Second
		c.spoil(&config)
		s := sender(t, config)
		if err := s.Check(t.Context()); err == nil {
			t.Errorf("%s: no error", what)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
		defer cancel()
		_, err := s.Open(ctx)
		var e *provider.Error
		if !errors.As(err, &e) || e.Outcome != provider.Retry || e.Code != c.code {
			t.Errorf("%s: %v (%v), want %s", what, err, errors.Unwrap(err), c.code)
		}
	}
}

// To this machine itself it may go in the clear; then nothing proves who is there.
func TestWithoutTLSNothingIsSigned(t *testing.T) {
	x := newSMSC(t)
	c := x.config()
	c.TLS, c.Port = smpp.None, x.port("PORT")
	s := sender(t, c)
	if _, err := send(t, s, message("clear")); err != nil {
		t.Fatal(err)
	}
	if n := notices(t, s, some(1))[0]; n.Signed || n.Status != provider.Delivered {
		t.Errorf("%+v", n)
	}
}

func TestBindsAgain(t *testing.T) {
	x := newSMSC(t)
	l := newLine(t, x.port("TLS_PORT"))
	c := x.config()
	c.Port = l.port
	s := sender(t, c)
	for i, end := range []func(){func() {}, l.cut, func() { x.ask(http.MethodPost, "/unbind", map[string]any{}, nil) }} {
		if end(); i > 0 {
			x.bound(i + 1) // what is written into a session that has just ended is in doubt
		}
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
		defer cancel()
		for { // a slot of the session that ended says that nothing left
			_, err := send(t, s, message(fmt.Sprint("again-", i)))
			if err == nil {
				break
			}
			if provider.OutcomeOf(err) != provider.Retry || ctx.Err() != nil {
				t.Fatalf("after end %d: %v", i, err)
			}
		}
		if n := len(x.of(fmt.Sprint("again-", i))); n != 1 {
			t.Errorf("the SMSC has %d", n)
		}
	}
	if is := x.state(); is.Binds != 3 || is.Sessions != 1 {
		t.Errorf("%+v", is)
	}
	if err := s.Check(t.Context()); err != nil {
		t.Errorf("check of a bound session: %v", err)
	}
}

// A slot whose session has ended is of no use, and nothing of its message leaves.
func TestASlotOfAnEndedSession(t *testing.T) {
	x := newSMSC(t)
	l := newLine(t, x.port("TLS_PORT"))
	c := x.config()
	c.Port = l.port
	s := sender(t, c)
	slot, err := s.Open(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer slot.Close()
	l.cut()
	x.bound(2)
	if _, err := providertest.Send(t.Context(), s, slot, message("ended")); provider.OutcomeOf(err) != provider.Retry {
		t.Errorf("%v, want retry", err)
	}
	if n := len(x.of("ended")); n != 0 {
		t.Errorf("the SMSC has %d", n)
	}
}

func TestASilentSMSC(t *testing.T) {
	x := newSMSC(t)
	c := x.config()
	c.EnquireLink, c.ReplyTimeout, c.DialTimeout = 100*time.Millisecond, 2*time.Second, 2*time.Second
	s := sender(t, c)
	if _, err := send(t, s, message("loud")); err != nil {
		t.Fatal(err)
	}
	time.Sleep(400 * time.Millisecond)
	if is := x.state(); is.Binds != 1 {
		t.Errorf("a session that answers enquire_link did not hold: %+v", is)
	}
	x.ask(http.MethodPost, "/silent", map[string]any{"on": true}, nil)
	end := time.Now().Add(20 * time.Second)
	for {
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		slot, err := s.Open(ctx)
		cancel()
		if err != nil {
			break // the session was given up
		}
		slot.Close()
		if time.Now().After(end) {
			t.Fatal("a silent session counts as bound")
		}
		time.Sleep(20 * time.Millisecond)
	}
	x.ask(http.MethodPost, "/silent", map[string]any{"on": false}, nil)
	if _, err := send(t, s, message("loud again")); err == nil {
		t.Error("a reference with a space is taken")
	}
	if _, err := send(t, s, message("loud-again")); err != nil {
		t.Error(err)
	}
}

func TestCloseUnbinds(t *testing.T) {
	x := newSMSC(t)
	s, err := smpp.New(smpp.Options{Config: x.config()})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := send(t, s, message("bye")); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if is := x.state(); is.Sessions != 0 {
		t.Errorf("%+v", is)
	}
	if _, err := s.Open(t.Context()); provider.OutcomeOf(err) != provider.Retry || !errors.Is(err, smpp.ErrClosed) {
		t.Errorf("open after close: %v", err)
	}
	if err := s.Check(t.Context()); !errors.Is(err, smpp.ErrClosed) {
		t.Errorf("check after close: %v", err)
	}
	never, err := smpp.New(smpp.Options{Config: x.config()})
	if err != nil {
		t.Fatal(err)
	}
	if err := never.Close(); err != nil {
		t.Error(err)
	}
}
