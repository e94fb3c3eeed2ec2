package smtp_test

import (
	"bufio"
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-message/mail"

	"github.com/husk-reminders/husk/pkg/provider"
	"github.com/husk-reminders/husk/pkg/provider/providertest"
	"github.com/husk-reminders/husk/pkg/provider/smtp"
	"github.com/husk-reminders/husk/pkg/reminder"
)

const peerScript = "../../../scripts/peers/mail"

// mailServer is the HUSK_TEST_MAIL_… environment of a real mail server: the one given, else one that is started here.
func mailServer(t *testing.T) map[string]string {
	t.Helper()
	env := map[string]string{}
	for _, k := range []string{"HOST", "PORT", "CA", "MAILDIR", "RETURNED", "QUEUE", "USERNAME", "PASSWORD_FILE"} {
		if v := os.Getenv("HUSK_TEST_MAIL_" + k); v != "" {
			env[k] = v
		}
	}
	if env["HOST"] != "" {
		return env
	}
	dir := t.TempDir()
	var said strings.Builder
	start := exec.Command(peerScript, "start", dir)
	start.Stderr = &said
	out, err := start.Output()
	if exit := new(exec.ExitError); errors.As(err, &exit) && exit.ExitCode() == 3 && os.Getenv("CI") != "true" {
		t.Skip(strings.TrimSpace(said.String()))
	}
	if err != nil {
		t.Fatalf("%v: %s", err, said.String())
	}
	t.Cleanup(func() {
		if out, err := exec.Command(peerScript, "stop", dir).CombinedOutput(); err != nil {
			t.Errorf("stop: %v: %s", err, out)
		}
	})
	for s := bufio.NewScanner(strings.NewReader(string(out))); s.Scan(); {
		k, v, _ := strings.Cut(strings.TrimPrefix(s.Text(), "HUSK_TEST_MAIL_"), "=")
		env[k] = v
	}
	return env
}

// arrived is the letters of a reference in the server's own Maildir, once the server has nothing left to deliver: a
// letter is in its queue from before the 250 until it is in the Maildir.
// firstHeader begins what Encode writes.
const firstHeader = "Auto-Submitted: "

func arrived(t *testing.T, env map[string]string, reference string) []string {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		queue, err := os.ReadDir(env["QUEUE"])
		if len(queue) == 0 && (err == nil || errors.Is(err, os.ErrNotExist)) {
			break
		}
		if time.Now().After(end) {
			t.Fatalf("the server still has %d files in its queue (%v)", len(queue), err)
		}
	}
	files, err := filepath.Glob(filepath.Join(env["MAILDIR"], "new", "*"))
	if err != nil {
		t.Fatal(err)
	}
	var found []string
	for _, f := range files {
		raw, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(raw), "Message-ID: <"+reference+"@example.org>\n") {
			found = append(found, string(raw))
		}
	}
	return found
}

func TestRealMailServer(t *testing.T) {
	env := mailServer(t)
	port, err := strconv.Atoi(env["PORT"])
	if err != nil {
		t.Fatal(err)
	}
	config := smtp.Config{
		Host: env["HOST"], Port: port, CAFile: env["CA"], Username: env["USERNAME"], PasswordFile: env["PASSWORD_FILE"],
		Domain: "example.org", ReturnPath: "bounce+{reference}@example.org", Slots: 3,
		WriteTimeout: 5 * time.Second, // two cores under the race detector
	}

	t.Run("contract", func(t *testing.T) {
		providertest.Run(t, func(t *testing.T) providertest.Harness {
			// The server keeps its Maildir between tests: a prefix of our own tells them apart.
			mine := strconv.FormatInt(time.Now().UnixNano(), 36) + "-"
			return providertest.Harness{
				Sender: sender(t, config), Slots: 3,
				Message: func(r string) reminder.Message { return prefixed(mine, message(r, "anna.jensen@example.org")) },
				Refused: func(r string) reminder.Message { return prefixed(mine, message(r, "refused@example.org")) },
				Count:   func(t *testing.T, r string) int { return len(arrived(t, env, mine+r)) },
				Written: func(t *testing.T, r string) string {
					got := arrived(t, env, mine+r)
					if len(got) != 1 {
						t.Fatalf("%d letters", len(got))
					}
					// The server keeps lines in the Unix way, and writes its own header above ours.
					text := strings.ReplaceAll(got[0], "\n", "\r\n")
					return text[strings.Index(text, "\r\n"+firstHeader)+2:]
				},
			}
		})
	})

	t.Run("answers", func(t *testing.T) {
		s := sender(t, config)
		for to, want := range map[string]provider.Error{
			"refused@example.org":  {Outcome: provider.Reject, Code: "550 5.1.1"},
			"later@example.org":    {Outcome: provider.Retry, Code: "451 4.2.1"},
			"filtered@example.org": {Outcome: provider.Reject, Code: "550 5.7.1"},
			"full@example.org":     {Outcome: provider.Retry, Code: "451 4.2.2"},
			"anna@example.net":     {Outcome: provider.Reject, Code: "550 5.7.1"},
		} {
			_, err := send(t, s, message("answers-1", to))
			var e *provider.Error
			if !errors.As(err, &e) || e.Outcome != want.Outcome || e.Code != want.Code {
				t.Errorf("%s: %v, want %v", to, err, &want)
			}
		}
		if n := len(arrived(t, env, "answers-1")); n != 0 {
			t.Errorf("%d of them arrived", n)
		}
	})

	t.Run("arrives whole", func(t *testing.T) {
		if _, err := send(t, sender(t, config), message("whole-1", "anna@example.org")); err != nil {
			t.Fatal(err)
		}
		got := arrived(t, env, "whole-1")
		if len(got) != 1 {
			t.Fatalf("%d letters, want 1", len(got))
		}
		m, err := mail.CreateReader(strings.NewReader(got[0]))
		if err != nil {
			t.Fatal(err)
		}
		if p := m.Header.Get("Return-Path"); p != "<bounce+whole-1@example.org>" {
			t.Errorf("return path %s", p)
		}
		if to := m.Header.Get("Envelope-To"); to != "anna@example.org" {
			t.Errorf("envelope to %s", to)
		}
		if s, err := m.Header.Subject(); err != nil || s != subject {
			t.Errorf("subject %q, %v", s, err)
		}
		if !strings.Contains(got[0], "TLS") {
			t.Error("the server's Received header tells of no TLS")
		}
		part, err := m.NextPart()
		if err != nil {
			t.Fatal(err)
		}
		if body := readAll(t, part.Body); body != text {
			t.Errorf("text %q", body)
		}
	})

	t.Run("a signature arrives whole", func(t *testing.T) {
		key := newRSA(t, 2048)
		c := config
		c.DKIM = smtp.DKIM{Domain: "example.org", Selector: "husk2026", KeyFile: keyFile(t, "PRIVATE KEY", key)}
		if _, err := send(t, sender(t, c), rich("signed-1")); err != nil {
			t.Fatal(err)
		}
		got := arrived(t, env, "signed-1")
		if len(got) != 1 {
			t.Fatalf("%d letters, want 1", len(got))
		}
		if _, err := verify(t, strings.ReplaceAll(got[0], "\n", "\r\n"), record(t, key)); err != nil {
			t.Errorf("%v\n%s", err, got[0])
		}
	})

	t.Run("bounces", func(t *testing.T) {
		reference := "00" + strconv.FormatInt(time.Now().UnixNano(), 16)
		if _, err := send(t, sender(t, config), message(reference, "gone@example.org")); err != nil {
			t.Fatal(err)
		}
		_ = arrived(t, env, reference) // nothing is left in the queue
		c := config
		c.Bounces.Dir = env["RETURNED"]
		var got []string
		if err := sender(t, c).Poll(t.Context(), func(_ context.Context, n provider.Notice) error {
			if n.Reference == reference {
				got = append(got, string(n.Kind)+" "+string(n.Status))
			}
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		if len(got) != 1 || got[0] != "report undelivered" {
			t.Errorf("%q, want one report", got)
		}
	})

	t.Run("refuses a server it cannot trust", func(t *testing.T) {
		c := config
		c.CAFile = newAuthority(t, "localhost", loopback).file
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		_, err := sender(t, c).Open(ctx)
		var e *provider.Error
		if !errors.As(err, &e) || e.Code != "certificate" {
			t.Errorf("%v, want certificate", err)
		}
	})
}

func prefixed(p string, m reminder.Message) reminder.Message {
	if provider.ValidReference(m.Reference) {
		m.Reference = p + m.Reference
	}
	return m
}

func readAll(t *testing.T, r io.Reader) string {
	t.Helper()
	raw, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}
