package smtp_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"github.com/husk-reminders/husk/pkg/provider"
	"github.com/husk-reminders/husk/pkg/provider/smtp"
	"github.com/husk-reminders/husk/pkg/reminder"
)

// reading is a carrier that reads what comes back into a folder, and what it logs.
func reading(t *testing.T, dir string) (*smtp.Sender, *observer.ObservedLogs) {
	t.Helper()
	core, logs := observer.New(zap.DebugLevel)
	s, err := smtp.New(smtp.Options{Config: smtp.Config{
		Host: "mail.example.org", Domain: "example.org", ReturnPath: "bounce+{reference}@example.org", Bounces: smtp.Bounces{Dir: dir},
	}, Log: zap.New(core)})
	if err != nil {
		t.Fatal(err)
	}
	return s, logs
}

// maildir is an empty Maildir.
func maildir(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for _, d := range []string{"new", "cur", "tmp"} {
		if err := os.Mkdir(filepath.Join(dir, d), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// arrives puts a mail into a folder; the later ones are younger.
func arrives(t *testing.T, dir, name, mail string, age time.Duration) {
	t.Helper()
	file := filepath.Join(dir, name)
	if err := os.WriteFile(file, []byte(mail), 0o600); err != nil {
		t.Fatal(err)
	}
	at := time.Now().Add(-age)
	if err := os.Chtimes(file, at, at); err != nil {
		t.Fatal(err)
	}
}

func example(t *testing.T, name string) string {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join("testdata", "returned", name+".eml"))
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

// files lists a folder.
func files(t *testing.T, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
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

// told is a notice in a line.
func told(n provider.Notice) string {
	return strings.TrimSpace(fmt.Sprintf("%s %s %s %s %s %s %s", n.Kind, n.Reference, n.Status, n.Code, n.Fault, n.From.Reveal(), n.Unsubscribe))
}

// The examples are what Postfix 3.7 and Exim 4.96 wrote, and mails after the shape of Exchange's and of RFC 5965.
func TestWhatComesBack(t *testing.T) {
	for name, want := range map[string]string{
		"postfix-unknown":     "report 10aabbccddeeff00112233445566 undelivered 5.1.1 not_in_use",
		"postfix-full":        "report 11aabbccddeeff00112233445566 undelivered 5.2.2",
		"postfix-delayed":     "report 12aabbccddeeff00112233445566 pending 4.2.0",
		"postfix-filtered":    "report 13aabbccddeeff00112233445566 undelivered 5.7.1",
		"exim-unknown":        "report 00aabbccddeeff00112233445566 undelivered 5.1.1 not_in_use",
		"exim-delayed":        "report 01aabbccddeeff00112233445566 pending 4.2.1",
		"exim-filtered":       "report 02aabbccddeeff00112233445566 undelivered 5.7.1",
		"exim-failed":         "report 03aabbccddeeff00112233445566 undelivered 5.0.0",
		"exchange-unknown":    "report 20aabbccddeeff00112233445566 undelivered 5.1.10 not_in_use",
		"forwarded-unknown":   "report 22aabbccddeeff00112233445566 undelivered 5.1.1", // where the patient forwards it to is not the address we have
		"complaint":           "complaint 21aabbccddeeff00112233445566  feedback   AbCdEf-_123",
		"complaint-redacted":  "complaint 21aabbccddeeff00112233445566  feedback   AbCdEf-_123",
		"answer-stop":         "reply 23aabbccddeeff00112233445566    anna@patients.example",
		"unsubscribe-by-mail": "reply     anna@patients.example",
		"absence":             "reply 24aabbccddeeff00112233445566    anna@patients.example",
		"not-spam":            "",
		"read-receipt":        "",
	} {
		t.Run(name, func(t *testing.T) {
			dir := maildir(t)
			arrives(t, filepath.Join(dir, "new"), "1.eml", example(t, name), time.Minute)
			s, logs := reading(t, dir)
			var got []provider.Notice
			if err := s.Poll(t.Context(), func(_ context.Context, n provider.Notice) error { got = append(got, n); return nil }); err != nil {
				t.Fatal(err)
			}
			left, aside := files(t, filepath.Join(dir, "new")), files(t, filepath.Join(dir, "cur"))
			if want == "" {
				if len(got) != 0 || len(left) != 0 || !slices.Equal(aside, []string{"1.eml:2,"}) {
					t.Errorf("%d notices, left %q, put aside %q; want it put aside", len(got), left, aside)
				}
				return
			}
			if len(got) != 1 || told(got[0]) != want {
				t.Fatalf("%v, want %s", got, want)
			}
			n := got[0]
			if n.Signed || len(n.ID) != 32 || time.Since(n.At) > 2*time.Minute || len(left)+len(aside) != 0 {
				t.Errorf("signed %v, ID %q, at %v, left %q, aside %q", n.Signed, n.ID, n.At, left, aside)
			}
			switch name {
			case "answer-stop":
				if !strings.HasPrefix(n.Text.Reveal(), "STOP") || n.Automatic || !strings.Contains(n.Text.Reveal(), "på hospitalet") {
					t.Errorf("text %q, automatic %v", n.Text.Reveal(), n.Automatic)
				}
			case "unsubscribe-by-mail":
				if n.Text.Reveal() != "STOP" || n.Automatic {
					t.Errorf("text %q, automatic %v", n.Text.Reveal(), n.Automatic)
				}
			case "absence":
				if !n.Automatic {
					t.Error("a machine's answer is taken for a person's")
				}
			}
			for _, e := range logs.All() {
				if strings.Contains(fmt.Sprint(e), "patients.example") {
					t.Error("the log tells an address")
				}
			}
		})
	}
}

// Nobody's word counts about a message whose reference they do not know, or where they name two.
func TestForgedBounces(t *testing.T) {
	bounce := example(t, "postfix-unknown")
	for name, mail := range map[string]string{
		"no reference":               strings.ReplaceAll(bounce, "10aabbccddeeff00112233445566", ""),
		"another domain's":           strings.ReplaceAll(bounce, "@example.org", "@evil.example"),
		"two references":             strings.Replace(bounce, "Message-ID: <10aabb", "Message-ID: <11aabb", 1),
		"no status":                  strings.NewReplacer("Action: failed", "X: y", "Status: 5.1.1", "Y: z", "Diagnostic-Code", "Z").Replace(bounce),
		"an action that is none":     strings.Replace(bounce, "Action: failed", "Action: eaten by the dog", 1),
		"an answer without a sender": strings.Replace(example(t, "answer-stop"), "Anna Andersen <anna@patients.example>", "nobody", 1),
		"a machine's of its own":     strings.NewReplacer("In-Reply-To", "X-A", "bounce+24", "bounce-24").Replace(example(t, "absence")),
		"a complaint about nothing":  strings.NewReplacer("21aabbccddeeff00112233445566@example.org", "x@evil.example", "List-Unsubscribe:", "X-A:").Replace(example(t, "complaint")),
		"no mail at all":             "\x00\xff\x00",
		"nothing":                    "",
	} {
		dir := maildir(t)
		arrives(t, filepath.Join(dir, "new"), "1", mail, time.Minute)
		s, _ := reading(t, dir)
		if err := s.Poll(t.Context(), func(_ context.Context, n provider.Notice) error {
			t.Errorf("%s: %s", name, told(n))
			return nil
		}); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if aside := files(t, filepath.Join(dir, "cur")); len(aside) != 1 {
			t.Errorf("%s: put aside %q, want it kept for people", name, aside)
		}
	}
}

func TestABounceIsReadAgainUntilItCounts(t *testing.T) {
	dir := maildir(t)
	in := filepath.Join(dir, "new")
	first := example(t, "answer-stop")
	arrives(t, in, "b", first, 3*time.Minute)
	arrives(t, in, "a", strings.Replace(first, "STOP", "START", 1), 2*time.Minute)
	arrives(t, in, "c", example(t, "postfix-unknown"), time.Minute)
	s, _ := reading(t, dir)
	var got []string
	var ids []string
	var reports atomic.Int32
	broken := errors.New("journal is down")
	handle := func(_ context.Context, n provider.Notice) error {
		if n.Kind == provider.ReportKind { // beside them
			reports.Add(1)
			return nil
		}
		word, _, _ := strings.Cut(n.Text.Reveal(), "\n")
		got, ids = append(got, strings.TrimSpace(word)), append(ids, n.ID)
		return broken
	}
	if err := s.Poll(t.Context(), handle); !errors.Is(err, broken) || strings.Contains(err.Error(), dir) {
		t.Errorf("%v", err)
	}
	if want := []string{"STOP"}; !slices.Equal(got, want) || reports.Load() != 1 {
		t.Errorf("%q, want %q: nobody's START overtakes their STOP; %d reports", got, want, reports.Load())
	}
	if left := files(t, in); !slices.Equal(left, []string{"a", "b"}) {
		t.Errorf("left %q", left)
	}
	broken = nil
	if err := s.Poll(t.Context(), handle); err != nil {
		t.Error(err)
	}
	if want := []string{"STOP", "STOP", "START"}; !slices.Equal(got, want) || reports.Load() != 1 {
		t.Errorf("%q, want %q; %d reports", got, want, reports.Load())
	}
	if ids[0] != ids[1] || ids[0] == ids[2] {
		t.Errorf("IDs %q: want the same for the same mail", ids)
	}
	if left := files(t, in); len(left) != 0 {
		t.Errorf("left %q", left)
	}
}

func TestAFolderOfFiles(t *testing.T) {
	dir := t.TempDir()
	arrives(t, dir, "box", strings.ReplaceAll(example(t, "postfix-unknown"), "\n", "\r\n"), 3*time.Minute)
	arrives(t, dir, "one.eml", example(t, "postfix-full"), 2*time.Minute)
	arrives(t, dir, "spam.eml", example(t, "read-receipt"), time.Minute)
	arrives(t, dir, "growing.eml", "From: half", 0)
	arrives(t, dir, ".hidden", "x", time.Minute)
	if err := os.Symlink("/etc/passwd", filepath.Join(dir, "link")); err != nil {
		t.Fatal(err)
	}
	s, _ := reading(t, dir)
	var got []string
	if err := s.Poll(t.Context(), func(_ context.Context, n provider.Notice) error {
		got = append(got, n.Reference[:2]+n.Code)
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	if want := []string{"105.1.1", "115.2.2"}; !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
	if left := files(t, dir); !slices.Contains(left, "growing.eml") || slices.Contains(left, "box") || slices.Contains(left, "one.eml") {
		t.Errorf("left %q", left)
	}
	if aside := files(t, filepath.Join(dir, "other")); !slices.Contains(aside, "spam.eml") {
		t.Errorf("put aside %q", aside)
	}
	if _, err := os.Lstat(filepath.Join(dir, "other", "growing.eml")); err == nil {
		t.Error("a file that is still written was taken")
	}
	// A second of the same name is not lost.
	arrives(t, dir, "spam.eml", example(t, "read-receipt"), time.Minute)
	if err := s.Poll(t.Context(), func(context.Context, provider.Notice) error { return nil }); err != nil {
		t.Fatal(err)
	}
	if aside := files(t, filepath.Join(dir, "other")); !slices.Contains(aside, "2-spam.eml") {
		t.Errorf("put aside %q", aside)
	}
	gone, _ := reading(t, filepath.Join(dir, "none"))
	if err := gone.Poll(t.Context(), nil); err == nil || strings.Contains(err.Error(), dir) {
		t.Errorf("no such folder: %v", err)
	}
	none, _ := reading(t, "")
	if err := none.Poll(t.Context(), nil); err != nil {
		t.Errorf("nothing configured: %v", err)
	}
}

// An mbox may grow while it is read, so it is left as it is, and said so. What lies beside it is read.
func TestAnMboxIsRefused(t *testing.T) {
	dir := t.TempDir()
	mbox := "From MAILER-DAEMON Sun Nov 22 14:25:42 2026\n" + example(t, "answer-stop")
	arrives(t, dir, "box", mbox, 3*time.Minute)
	arrives(t, dir, "one.eml", example(t, "postfix-full"), 2*time.Minute)
	s, _ := reading(t, dir)
	n := 0
	err := s.Poll(t.Context(), func(context.Context, provider.Notice) error { n++; return nil })
	if !errors.Is(err, smtp.ErrMbox) || n != 1 {
		t.Errorf("%v, %d notices", err, n)
	}
	if raw, err := os.ReadFile(filepath.Join(dir, "box")); err != nil || string(raw) != mbox {
		t.Errorf("the mbox is not as it was: %v", err)
	}
}

// What is written to a file while its mail is dealt with is not removed with it.
func TestAFileThatGrowsIsReadAgain(t *testing.T) {
	dir := t.TempDir()
	arrives(t, dir, "a.eml", example(t, "answer-stop"), time.Minute)
	s, _ := reading(t, dir)
	n := 0
	handle := func(context.Context, provider.Notice) error {
		if n++; n == 1 {
			arrives(t, dir, "a.eml", example(t, "answer-stop")+"more", time.Minute)
		}
		return nil
	}
	if err := s.Poll(t.Context(), handle); err == nil || !slices.Contains(files(t, dir), "a.eml") {
		t.Errorf("%v, left %q", err, files(t, dir))
	}
	if err := s.Poll(t.Context(), handle); err != nil || n != 2 || slices.Contains(files(t, dir), "a.eml") {
		t.Errorf("%v, %d notices, left %q", err, n, files(t, dir))
	}
}

// Two processes share a folder: while one reads, the other hands nothing over.
func TestOneProcessReadsAtATime(t *testing.T) {
	dir := maildir(t)
	arrives(t, filepath.Join(dir, "new"), "1", example(t, "answer-stop"), time.Minute)
	first, _ := reading(t, dir)
	second, _ := reading(t, dir)
	n := 0
	count := func(context.Context, provider.Notice) error { n++; return nil }
	if err := first.Poll(t.Context(), func(ctx context.Context, x provider.Notice) error {
		if err := second.Poll(ctx, count); err != nil || n != 0 {
			t.Errorf("the second: %v, %d notices", err, n)
		}
		return errors.New("down")
	}); err == nil {
		t.Error("want the first one's error")
	}
	if err := second.Poll(t.Context(), count); err != nil || n != 1 {
		t.Errorf("when the first has gone: %v, %d notices", err, n)
	}
}

// People's mail programs say STOP in many ways.
func TestWaysToSayStopByMail(t *testing.T) {
	const head = "From: anna@patients.example\r\nTo: clinic@example.org\r\n"
	for name, c := range map[string]struct{ mail, text, token string }{
		"HTML alone": {head + "Subject: Re: Your appointment\r\nContent-Type: text/html; charset=utf-8\r\n\r\n" +
			"<html><head><style>p {color: red}</style></head><body><p>STOP</p><blockquote>Our <blockquote>older</blockquote> words</blockquote></body></html>", "STOP", ""},
		"in the subject":             {head + "Subject: STOP\r\n\r\nSent from my iPhone", "STOP\nSent from my iPhone", ""},
		"beside a subject of ours":   {head + "Subject: SV: Your appointment\r\n\r\nSTOP", "STOP", ""},
		"a token in what it answers": {"From: anna@patients.example\r\nTo: stop+AbC_1@example.org\r\nIn-Reply-To: <10aabbccddeeff00112233445566@example.org>\r\nSubject: unsubscribe\r\n\r\n", "unsubscribe", "AbC_1"},
		"to the return path":         {"From: anna@patients.example\r\nTo: bounce+10aabbccddeeff00112233445566@example.org\r\nSubject: Re: x\r\n\r\nSTOP", "STOP", ""},
	} {
		dir := maildir(t)
		arrives(t, filepath.Join(dir, "new"), "1", c.mail, time.Minute)
		s, _ := reading(t, dir)
		n := 0
		if err := s.Poll(t.Context(), func(_ context.Context, x provider.Notice) error {
			n++
			if x.Kind != provider.Reply || strings.TrimSpace(x.Text.Reveal()) != c.text || x.Unsubscribe != c.token {
				t.Errorf("%s: text %q, token %q", name, x.Text.Reveal(), x.Unsubscribe)
			}
			return nil
		}); err != nil || n != 1 {
			t.Errorf("%s: %v, %d notices", name, err, n)
		}
	}
}

// An answer with a large picture on it is read as far as its words.
func TestALongAnswerIsRead(t *testing.T) {
	dir := maildir(t)
	arrives(t, filepath.Join(dir, "new"), "1", example(t, "answer-stop")+strings.Repeat("\n0123456789", 1<<20), time.Minute)
	s, _ := reading(t, dir)
	var got string
	if err := s.Poll(t.Context(), func(_ context.Context, n provider.Notice) error { got = n.Text.Reveal(); return nil }); err != nil || !strings.HasPrefix(got, "STOP") {
		t.Errorf("%v, text %.10q", err, got)
	}
}

// A refusal at the recipient's name tells of the address; one of our own address, or for the text, does not.
func TestFaultsWhileSending(t *testing.T) {
	for name, c := range map[string]struct {
		script map[string]string
		fault  provider.Fault
	}{
		"no such user":          {map[string]string{"RCPT": "550 5.1.1 <anna@example.org>: no such user"}, provider.NotInUse},
		"a domain without mail": {map[string]string{"RCPT": "556 5.1.10 null MX"}, provider.NotInUse},
		"after the text":        {map[string]string{".": "550 5.1.1 no such user"}, provider.NotInUse},
		"our own address":       {map[string]string{"MAIL": "550 5.1.1 no such sender"}, provider.NoFault},
		"full":                  {map[string]string{"RCPT": "552 5.2.2 full"}, provider.NoFault},
		"policy":                {map[string]string{"RCPT": "550 5.7.1 refused"}, provider.NoFault},
		"for now":               {map[string]string{"RCPT": "450 4.1.1 not now"}, provider.NoFault},
		"a soft code":           {map[string]string{"RCPT": "450 5.1.1 not now"}, provider.NoFault},
		"without a code":        {map[string]string{"RCPT": "550 no"}, provider.NoFault},
	} {
		_, err := send(t, sender(t, plaintext(line(t, c.script))), message("00aa", "anna@example.org"))
		var e *provider.Error
		if !errors.As(err, &e) || e.Fault != c.fault {
			t.Errorf("%s: %v, fault %q, want %q", name, err, e.Fault, c.fault)
		}
	}
}

func FuzzReturned(f *testing.F) {
	entries, err := os.ReadDir(filepath.Join("testdata", "returned"))
	if err != nil {
		f.Fatal(err)
	}
	for _, e := range entries {
		raw, err := os.ReadFile(filepath.Join("testdata", "returned", e.Name()))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(raw)
	}
	s, err := smtp.New(smtp.Options{Config: smtp.Config{Host: "mail.example.org", Domain: "example.org", ReturnPath: "bounce+{reference}@example.org"}})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		n, err := smtp.ReadMail(s, raw, time.Unix(1_700_000_000, 0))
		if err != nil {
			if n.Kind != "" {
				t.Error("a notice beside an error")
			}
			return
		}
		switch n.Kind {
		case provider.ReportKind:
			if n.Reference == "" || n.Status == "" {
				t.Errorf("a report of nothing: %s", told(n))
			}
			if n.Fault != "" && n.Status != provider.Undelivered {
				t.Errorf("a fault of what was not refused: %s", told(n))
			}
		case provider.Complaint:
			if n.Reference == "" && n.Unsubscribe == "" {
				t.Error("a complaint about nothing")
			}
		case provider.Reply:
			if n.From.IsZero() || n.From.Channel != reminder.Email {
				t.Error("an answer of nobody")
			}
		default:
			t.Errorf("kind %q", n.Kind)
		}
		if n.Reference != "" && !provider.ValidReference(n.Reference) || n.Signed {
			t.Errorf("reference %q, signed %v", n.Reference, n.Signed)
		}
	})
}
