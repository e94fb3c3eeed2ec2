package outbox_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"github.com/husk-reminders/husk/pkg/provider"
	"github.com/husk-reminders/husk/pkg/provider/outbox"
	"github.com/husk-reminders/husk/pkg/reminder"
)

// drop puts a reply file into the folder, age old.
func drop(t *testing.T, dir, name, content string, age time.Duration) {
	t.Helper()
	f := filepath.Join(dir, "replies", name)
	if err := os.WriteFile(f, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	at := time.Now().Add(-age)
	if err := os.Chtimes(f, at, at); err != nil {
		t.Fatal(err)
	}
}

func list(t *testing.T, parts ...string) []string {
	t.Helper()
	entries, err := os.ReadDir(filepath.Join(parts...))
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, e := range entries {
		if !e.IsDir() {
			out = append(out, e.Name())
		}
	}
	return out
}

func sms(from, text string) string { return "From: " + from + "\nChannel: sms\n\n" + text + "\n" }

// poll polls once and returns "from text" of what was handed over.
func poll(t *testing.T, b *outbox.Outbox, fail map[string]bool) ([]string, error) {
	t.Helper()
	var got []string
	err := b.Poll(t.Context(), func(_ context.Context, n provider.Notice) error {
		s := n.From.Reveal() + " " + n.Text.Reveal()
		got = append(got, s)
		if fail[s] {
			return errors.New("not yet")
		}
		return nil
	})
	return got, err
}

func TestRepliesOldestFirst(t *testing.T) {
	dir := t.TempDir()
	b := open(t, dir)
	drop(t, dir, "a.txt", sms("+4520000001", "third"), 10*time.Second)
	drop(t, dir, "b.txt", sms("+4520000002", "first\nand more"), 30*time.Second)
	drop(t, dir, "c.txt", "Channel: email\r\nFrom: anna@example.org\r\n\r\nsecond\r\n", 20*time.Second)
	drop(t, dir, ".d.txt", sms("+4520000004", "hidden"), time.Minute)
	drop(t, dir, "e.txt.part", sms("+4520000005", "half"), time.Minute)
	drop(t, dir, "f.md", "notes", time.Minute)
	got, err := poll(t, b, nil)
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"+4520000002 first\nand more", "anna@example.org second", "+4520000001 third"}
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	if left, want := list(t, dir, "replies"), []string{".d.txt", "e.txt.part", "f.md"}; !slices.Equal(left, want) {
		t.Errorf("left %q, want %q", left, want)
	}
	if done, want := list(t, dir, "replies", "done"), []string{"a.txt", "b.txt", "c.txt"}; !slices.Equal(done, want) {
		t.Errorf("done %q, want %q", done, want)
	}
	if got, _ := poll(t, b, nil); len(got) != 0 {
		t.Errorf("handed over twice: %q", got)
	}
}

// A START must not overtake the STOP before it whose handling failed; other people must not wait for it.
func TestAFailedReplyHoldsUpItsOwnAddressOnly(t *testing.T) {
	dir := t.TempDir()
	b := open(t, dir)
	drop(t, dir, "1.txt", sms("+4520000001", "STOP"), 30*time.Second)
	drop(t, dir, "2.txt", sms("+4520000001", "START"), 20*time.Second)
	drop(t, dir, "3.txt", sms("+4520000002", "STOP"), 10*time.Second)
	got, err := poll(t, b, map[string]bool{"+4520000001 STOP": true})
	if err == nil {
		t.Error("the failure is not told")
	}
	if want := []string{"+4520000001 STOP", "+4520000002 STOP"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	if left, want := list(t, dir, "replies"), []string{"1.txt", "2.txt"}; !slices.Equal(left, want) {
		t.Errorf("left %q, want %q", left, want)
	}
	got, err = poll(t, b, nil)
	if want := []string{"+4520000001 STOP", "+4520000001 START"}; !slices.Equal(got, want) || err != nil {
		t.Errorf("then got %q, %v, want %q", got, err, want)
	}
}

func TestMalformedRepliesMoveAwayWithoutALeak(t *testing.T) {
	const secret = "+4520999999"
	for reason, content := range map[string]string{
		"no empty line between header and text":                         "From: " + secret + "\nChannel: sms",
		"a header line is neither From: nor Channel: nor one of a mail": "From: " + secret + "\nX-Number: x\n\nSTOP",
		"a header line is there twice":                                  "From: " + secret + "\nFrom: " + secret + "\nChannel: sms\n\nSTOP",
		"no From: line with an address":                                 "Channel: sms\n\nSTOP " + secret,
		"Channel: is neither sms nor email":                             "From: " + secret + "\nChannel: fax\n\nSTOP",
		"no text":                                                       "From: " + secret + "\nChannel: sms\n\n \n",
		"it is not UTF-8":                                               "From: " + secret + "\nChannel: sms\n\nSTOP\xff",
		"it is longer than 64 KiB":                                      sms(secret, strings.Repeat("x", 70_000)),
	} {
		t.Run(reason, func(t *testing.T) {
			dir := t.TempDir()
			core, logs := observer.New(zap.DebugLevel)
			b, err := outbox.New(outbox.Options{Dir: dir, Log: zap.New(core)})
			if err != nil {
				t.Fatal(err)
			}
			drop(t, dir, secret+".txt", content, 0)
			if got, err := poll(t, b, nil); len(got) != 0 || err != nil {
				t.Errorf("while it may still be written: %q, %v", got, err)
			}
			if left := list(t, dir, "replies"); len(left) != 1 {
				t.Error("a file that may still be written was moved")
			}
			drop(t, dir, secret+".txt", content, time.Minute)
			drop(t, dir, "good.txt", sms("+4520000001", "STOP"), 0)
			if got, err := poll(t, b, nil); len(got) != 1 || err != nil {
				t.Errorf("got %q, %v; want the good one", got, err)
			}
			if bad := list(t, dir, "replies", "bad"); len(bad) != 1 {
				t.Errorf("%d files in bad, want 1", len(bad))
			}
			entries := logs.All()
			if len(entries) != 1 || entries[0].ContextMap()["reason"] != reason {
				t.Fatalf("log: %+v, want the reason %q", entries, reason)
			}
			if strings.Contains(entries[0].Message, secret) || len(entries[0].Context) != 1 {
				t.Error("the log tells more than the reason")
			}
		})
	}
}

func TestALinkIsNoReply(t *testing.T) {
	dir, other := t.TempDir(), filepath.Join(t.TempDir(), "secret.txt")
	b := open(t, dir)
	if err := os.WriteFile(other, []byte(sms("+4520000001", "STOP")), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(other, filepath.Join(dir, "replies", "link.txt")); err != nil {
		t.Fatal(err)
	}
	if got, _ := poll(t, b, nil); len(got) != 0 {
		t.Errorf("followed: %q", got)
	}
}

func TestDoneKeepsFilesOfTheSameName(t *testing.T) {
	dir := t.TempDir()
	b := open(t, dir)
	for range 3 {
		drop(t, dir, "r.txt", sms("+4520000001", "STOP"), time.Second)
		if _, err := poll(t, b, nil); err != nil {
			t.Fatal(err)
		}
	}
	if done, want := list(t, dir, "replies", "done"), []string{"r-2.txt", "r-3.txt", "r.txt"}; !slices.Equal(done, want) {
		t.Errorf("done %q, want %q", done, want)
	}
}

func TestPollStopsWithItsContextAndLosesNothing(t *testing.T) {
	dir := t.TempDir()
	b := open(t, dir)
	drop(t, dir, "1.txt", sms("+4520000001", "STOP"), 20*time.Second)
	drop(t, dir, "2.txt", sms("+4520000002", "STOP"), 10*time.Second)
	ctx, cancel := context.WithCancel(t.Context())
	n := 0
	err := b.Poll(ctx, func(context.Context, provider.Notice) error { n++; cancel(); return nil })
	if n != 1 || !errors.Is(err, context.Canceled) {
		t.Errorf("%d handed over, %v", n, err)
	}
	if got, err := poll(t, b, nil); len(got) != 1 || err != nil {
		t.Errorf("then %q, %v", got, err)
	}
}

// A notice must not print what a person wrote, nor who.
func TestANoticePrintsMasked(t *testing.T) {
	dir := t.TempDir()
	b := open(t, dir)
	drop(t, dir, "1.txt", sms("+4520000001", "I am ill"), time.Second)
	info, err := os.Stat(filepath.Join(dir, "replies", "1.txt"))
	if err != nil {
		t.Fatal(err)
	}
	err = b.Poll(t.Context(), func(_ context.Context, n provider.Notice) error {
		asJSON, err := json.Marshal(n)
		if err != nil {
			t.Error(err)
		}
		for _, s := range []string{string(asJSON), fmt.Sprintf("%v %+v %#v", n, &n, n)} {
			if strings.Contains(s, "20000001") || strings.Contains(s, "ill") {
				t.Errorf("printed: %s", s)
			}
		}
		if n.From.Channel != reminder.SMS || n.From.Reveal() != "+4520000001" || !n.At.Equal(info.ModTime()) {
			t.Error("who or when is lost")
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// What a mail's header tells: that a machine wrote it, and the token of a mailto in List-Unsubscribe.
func TestRepliesByMail(t *testing.T) {
	dir := t.TempDir()
	b, err := outbox.New(outbox.Options{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	const from = "Channel: email\nFrom: anna@example.org\n"
	for name, content := range map[string]string{
		"1.txt": from + "\nplain",
		"2.txt": from + "Auto-Submitted: auto-replied (vacation)\n\naway",
		"3.txt": from + "Auto-Submitted: no\n\nby hand",
		"4.txt": from + "Return-Path: <>\nContent-Type: multipart/report; report-type=delivery-status\n\nbounce",
		"5.txt": from + "To: stop+tok-en_1@example.net\nSubject: unsubscribe\n\n",
		"6.txt": from + "Subject: STOP\n\n \n",
		"7.txt": from + "Subject: Re: Husk din aftale STOP\n\n",
		"8.txt": "Channel: sms\nFrom: +4520000001\nAuto-Submitted: auto-replied\nTo: x+y@z\n\nSTOP",
	} {
		n, _ := strconv.Atoi(name[:1])
		drop(t, dir, name, content, time.Duration(60-n)*time.Second)
	}
	type got struct {
		text, token string
		automatic   bool
	}
	var have []got
	if err := b.Poll(t.Context(), func(_ context.Context, n provider.Notice) error {
		have = append(have, got{n.Text.Reveal(), n.Unsubscribe, n.Automatic})
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	want := []got{
		{"plain", "", false}, {"away", "", true}, {"by hand", "", false}, {"bounce", "", true}, {"unsubscribe", "tok-en_1", false}, {"STOP", "", false},
		{"STOP", "", false},
	}
	if !slices.Equal(have, want) {
		t.Errorf("got  %v\nwant %v", have, want)
	}
	if bad, _ := filepath.Glob(filepath.Join(dir, "replies", "bad", "*")); len(bad) != 1 || filepath.Base(bad[0]) != "7.txt" {
		t.Errorf("put aside: %v; want the answer without a text", bad)
	}
}
