package smtp_test

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-message/mail"
	gosmtp "github.com/emersion/go-smtp"

	"github.com/husk-reminders/husk/pkg/provider"
	"github.com/husk-reminders/husk/pkg/provider/providertest"
	"github.com/husk-reminders/husk/pkg/provider/smtp"
	"github.com/husk-reminders/husk/pkg/reminder"
)

var clock = time.Date(2026, 3, 10, 8, 0, 0, 0, time.FixedZone("CET", 3600))

const subject, text = "Påmindelse: din aftale på Regionshospitalet tirsdag den 17. marts 2026 klokken 14.30",
	"Husk din aftale tirsdag kl. 14.30.\n\n.En linje der begynder med punktum.\nÆøå € " +
		"og en linje som er meget længere end de 76 tegn, der er plads til i quoted-printable, før den må brydes.\n"

func message(reference, to string) reminder.Message {
	return reminder.Message{
		Reference: reference, Channel: reminder.Email, Purpose: reminder.Remind,
		To: reminder.NewAddress(reminder.Email, to), Sender: "Regionshospitalet <rh@mail.example.org>", ReplyTo: "ortho@example.org",
		Subject: reminder.Mask(subject), Text: reminder.Mask(text), Language: "da", Template: "da/reminder.email@1", Unit: "rh-ortho",
	}
}

// plaintext is a configuration for the line peer.
func plaintext(host string, port int) smtp.Config {
	return smtp.Config{
		Host: host, Port: port, TLS: smtp.None, AllowPlaintext: true, Domain: "example.org", Slots: 2,
		WriteTimeout: time.Second, ReplyTimeout: time.Second, DialTimeout: 2 * time.Second,
	}
}

func secure(p *peer, a authority) smtp.Config {
	return smtp.Config{Host: p.host, Port: p.port, CAFile: a.file, Domain: "example.org", Slots: 2}
}

func sender(t *testing.T, c smtp.Config) *smtp.Sender {
	t.Helper()
	s, err := smtp.New(smtp.Options{Config: c, Now: func() time.Time { return clock }})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

func send(t *testing.T, s *smtp.Sender, m reminder.Message) (provider.Accepted, error) {
	t.Helper()
	slot, err := s.Open(t.Context())
	if err != nil {
		return provider.Accepted{}, fmt.Errorf("open: %w", err)
	}
	defer slot.Close()
	return providertest.Send(t.Context(), s, slot, m)
}

// The same contract for the plainest mail, and for a signed one with all that a mail can have on connections that carry few.
func TestContract(t *testing.T) {
	t.Run("plain", func(t *testing.T) { contract(t, message, func(*smtp.Config) {}) })
	file := keyFile(t, "PRIVATE KEY", newRSA(t, 2048))
	t.Run("rich", func(t *testing.T) {
		contract(t, func(reference, to string) reminder.Message {
			m := rich(reference)
			m.To = reminder.NewAddress(reminder.Email, to)
			return m
		}, func(c *smtp.Config) {
			c.DKIM = smtp.DKIM{Selector: "husk2026", KeyFile: file}
			c.MessagesPerConnection = 2
		})
	})
}

func contract(t *testing.T, letter func(reference, to string) reminder.Message, change func(*smtp.Config)) {
	t.Helper()
	ca := newAuthority(t, "localhost", loopback)
	providertest.Run(t, func(t *testing.T) providertest.Harness {
		p := newPeer(t, peerOptions{tls: ca.server})
		config := secure(p, ca)
		change(&config)
		p.onRcpt = func(_ *gosmtp.Conn, to string) error {
			if strings.HasPrefix(to, "refused") {
				return says(550, gosmtp.EnhancedCode{5, 1, 1}, "<"+to+">: no such user")
			}
			return nil
		}
		return providertest.Harness{
			Sender: sender(t, config), Slots: 2,
			Message: func(r string) reminder.Message { return letter(r, "anna.jensen@example.org") },
			Refused: func(r string) reminder.Message { return letter(r, "refused.jensen@example.org") },
			Count: func(_ *testing.T, r string) int {
				n := 0
				for _, l := range p.letters() {
					if strings.Contains(l.data, "Message-ID: <"+r+"@example.org>\r\n") {
						n++
					}
				}
				return n
			},
			Written: func(t *testing.T, r string) string {
				for _, l := range p.letters() {
					if strings.Contains(l.data, "Message-ID: <"+r+"@example.org>\r\n") {
						return l.data
					}
				}
				t.Fatal("no such letter")
				return ""
			},
		}
	})
}

func TestWhatArrives(t *testing.T) {
	ca := newAuthority(t, "localhost", loopback)
	p := newPeer(t, peerOptions{tls: ca.server, utf8: true})
	c := secure(p, ca)
	c.ReturnPath = "bounce+{reference}@example.org"
	a, err := send(t, sender(t, c), message("00aa", "anna@example.org"))
	if err != nil {
		t.Fatal(err)
	}
	if a.CarrierID != "00aa@example.org" || !a.At.Equal(clock) {
		t.Errorf("accepted: %+v", a)
	}
	l := p.letters()
	if len(l) != 1 {
		t.Fatalf("%d letters", len(l))
	}
	got := l[0]
	if got.from != "bounce+00aa@example.org" || got.to != "anna@example.org" || !got.tls || got.utf8 {
		t.Errorf("envelope %q %q, tls %v, utf8 %v", got.from, got.to, got.tls, got.utf8)
	}
	for i, b := range []byte(got.data) {
		if b > 126 || (b < 32 && b != '\r' && b != '\n') {
			t.Fatalf("byte %#x at %d: want printable ASCII on the wire", b, i)
		}
	}
	for n, line := range strings.Split(got.data, "\r\n") {
		if len(line) > 78 || strings.Contains(line, "\n") {
			t.Errorf("line %d is %d long, or ends in LF alone", n, len(line))
		}
	}
	m, err := mail.CreateReader(strings.NewReader(got.data))
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{
		"From": "Regionshospitalet", "To": "<anna@example.org>", "Reply-To": "<ortho@example.org>", "Message-Id": "<00aa@example.org>",
		"Subject": subject, "Date": "Tue, 10 Mar 2026 08:00:00 +0100", "Auto-Submitted": "auto-generated", "Mime-Version": "1.0",
		"Content-Type": "text/plain; charset=UTF-8", "Content-Transfer-Encoding": "quoted-printable",
	}
	for f := m.Header.Fields(); f.Next(); {
		v, err := f.Text()
		if err != nil {
			t.Error(err)
		}
		w, known := want[f.Key()]
		if !known {
			t.Errorf("a header nobody asked for: %s", f.Key())
		} else if f.Key() == "From" && !strings.Contains(v, w) || f.Key() != "From" && v != w {
			t.Errorf("%s: %q, want %q", f.Key(), v, w)
		}
		delete(want, f.Key())
	}
	if len(want) != 0 {
		t.Errorf("missing: %v", want)
	}
	part, err := m.NextPart()
	if err != nil {
		t.Fatal(err)
	}
	body := new(strings.Builder)
	if _, err := fmt.Fprint(body, readAll(t, part.Body)); err != nil {
		t.Fatal(err)
	}
	if strings.ReplaceAll(body.String(), "\r\n", "\n") != text {
		t.Errorf("text: %q", body)
	}
}

// Each row is one place where the dialogue ends, and what may be said of the message then.
func TestOutcomes(t *testing.T) {
	for name, c := range map[string]struct {
		script  map[string]string
		outcome provider.Outcome
		code    string
	}{
		"greeting 554":             {map[string]string{"": "554 5.3.2 not now"}, provider.Retry, "554 5.3.2"},
		"greeting 421":             {map[string]string{"": "421 4.3.2 busy"}, provider.Retry, "421 4.3.2"},
		"dropped at greeting":      {map[string]string{"": "drop"}, provider.Retry, "connection_lost"},
		"MAIL 451":                 {map[string]string{"MAIL": "451 4.3.0 <rh@mail.example.org> later"}, provider.Retry, "451 4.3.0"},
		"MAIL 550":                 {map[string]string{"MAIL": "550 5.7.1 no"}, provider.Reject, "550 5.7.1"},
		"MAIL 530 wants a login":   {map[string]string{"MAIL": "530 5.7.0 log in"}, provider.Retry, "530 5.7.0"},
		"MAIL dropped":             {map[string]string{"MAIL": "drop"}, provider.Retry, "connection_lost"},
		"MAIL stalls":              {map[string]string{"MAIL": "stall"}, provider.Retry, "timeout"},
		"RCPT 550":                 {map[string]string{"RCPT": "550 5.1.1 <anna@example.org>: no such user"}, provider.Reject, "550 5.1.1"},
		"RCPT 550 without detail":  {map[string]string{"RCPT": "550 anna@example.org"}, provider.Reject, "550"},
		"RCPT 450":                 {map[string]string{"RCPT": "450 4.2.0 grey"}, provider.Retry, "450 4.2.0"},
		"RCPT dropped":             {map[string]string{"RCPT": "drop"}, provider.Retry, "connection_lost"},
		"RCPT nonsense":            {map[string]string{"RCPT": "hello anna@example.org"}, provider.Retry, "connection_lost"},
		"DATA 451":                 {map[string]string{"DATA": "451 4.3.2 later"}, provider.Retry, "451 4.3.2"},
		"DATA 554":                 {map[string]string{"DATA": "554 5.5.1 no"}, provider.Reject, "554 5.5.1"},
		"DATA 250 is out of place": {map[string]string{"DATA": "250 ok"}, provider.Retry, "250"},
		"DATA dropped":             {map[string]string{"DATA": "drop"}, provider.Retry, "connection_lost"},
		"DATA stalls":              {map[string]string{"DATA": "stall"}, provider.Retry, "timeout"},
		// From here on the text has begun.
		"dropped within the text":     {map[string]string{"DATA": "drop mid-text"}, provider.Unknown, "connection_lost"},
		"dropped after the text":      {map[string]string{".": "drop"}, provider.Unknown, "connection_lost"},
		"stalls after the text":       {map[string]string{".": "stall"}, provider.Unknown, "timeout"},
		"nonsense after the text":     {map[string]string{".": "ok anna@example.org"}, provider.Unknown, "connection_lost"},
		"354 after the text":          {map[string]string{".": "354 more"}, provider.Unknown, "354"},
		"451 after the text":          {map[string]string{".": "451 4.2.1 later"}, provider.Retry, "451 4.2.1"},
		"421 after the text":          {map[string]string{".": "421 4.3.2 closing"}, provider.Retry, "421 4.3.2"},
		"554 after the text":          {map[string]string{".": "554 5.7.1 spam"}, provider.Reject, "554 5.7.1"},
		"another yes after the text":  {map[string]string{".": "251 will forward"}, provider.Unknown, "accepted"},
		"the usual yes":               {nil, provider.Unknown, "accepted"},
		"a yes and a dead connection": {map[string]string{"RSET": "drop"}, provider.Unknown, "accepted"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			config := plaintext(line(t, c.script))
			m := message("00aa", "anna@example.org")
			if strings.Contains(name, "within") { // enough that the peer hangs up on unread bytes
				m.Text = reminder.Mask(strings.Repeat("0123456789\n", 50_000))
				config.WriteTimeout = 5 * time.Second
			}
			_, err := send(t, sender(t, config), m)
			if c.code == "accepted" {
				if err != nil {
					t.Errorf("%v (%v)", err, errors.Unwrap(err))
				}
				return
			}
			var e *provider.Error
			if !errors.As(err, &e) {
				t.Fatalf("%v is no *provider.Error", err)
			}
			if e.Outcome != c.outcome || e.Code != c.code {
				t.Errorf("%v %q (%v), want %v %q", e.Outcome, e.Code, e.Err, c.outcome, c.code)
			}
			if strings.Contains(err.Error(), "example.org") {
				t.Errorf("the text tells an address: %v", err)
			}
		})
	}
}

// The context is the write deadline, not the end of our patience for the answer.
func TestTheContextCountsUntilTheTextBegins(t *testing.T) {
	ca := newAuthority(t, "localhost", loopback)
	p := newPeer(t, peerOptions{tls: ca.server})
	ctx, cancel := context.WithCancel(t.Context())
	p.onData = func(*gosmtp.Conn) error { cancel(); time.Sleep(50 * time.Millisecond); return nil }
	s := sender(t, secure(p, ca))
	slot, err := s.Open(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := providertest.Send(ctx, s, slot, message("00aa", "anna@example.org")); err != nil {
		t.Errorf("cancelled after the text was written: %v", err)
	}
	slot.Close()

	ctx, cancel = context.WithCancel(t.Context())
	p.onRcpt = func(*gosmtp.Conn, string) error { cancel(); <-p.release; return nil }
	slot, err = s.Open(ctx)
	if err != nil {
		t.Fatal(err)
	}
	defer slot.Close()
	if _, err = providertest.Send(ctx, s, slot, message("00bb", "anna@example.org")); provider.OutcomeOf(err) != provider.Retry || !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled before the text: %v, want retry", err)
	}
	if n := len(p.letters()); n != 1 {
		t.Errorf("%d letters, want 1", n)
	}
}

func TestTLS(t *testing.T) {
	good, other := newAuthority(t, "localhost", loopback), newAuthority(t, "localhost", loopback)
	wrongName := newAuthority(t, "mail.example.net")
	old := newAuthority(t, "localhost", loopback)
	old.server.MaxVersion = tls.VersionTLS11
	for name, c := range map[string]struct {
		peer peerOptions
		set  func(*smtp.Config)
		code string // "" = it sends
	}{
		"STARTTLS":                      {peerOptions{tls: good.server}, func(c *smtp.Config) { c.CAFile = good.file }, ""},
		"implicit":                      {peerOptions{tls: good.server, implicit: true}, func(c *smtp.Config) { c.CAFile, c.TLS = good.file, smtp.Implicit }, ""},
		"no STARTTLS offered":           {peerOptions{}, func(c *smtp.Config) { c.CAFile = good.file }, "starttls_missing"},
		"unknown authority":             {peerOptions{tls: good.server}, func(c *smtp.Config) { c.CAFile = other.file }, "certificate"},
		"the system's authorities":      {peerOptions{tls: good.server}, func(*smtp.Config) {}, "certificate"},
		"implicit, unknown authority":   {peerOptions{tls: good.server, implicit: true}, func(c *smtp.Config) { c.CAFile, c.TLS = other.file, smtp.Implicit }, "certificate"},
		"a certificate of another name": {peerOptions{tls: wrongName.server}, func(c *smtp.Config) { c.CAFile = wrongName.file }, "certificate"},
		"TLS 1.1":                       {peerOptions{tls: old.server}, func(c *smtp.Config) { c.CAFile = old.file }, "tls"},
		"implicit where there is none":  {peerOptions{}, func(c *smtp.Config) { c.CAFile, c.TLS = good.file, smtp.Implicit }, "tls"},
	} {
		t.Run(name, func(t *testing.T) {
			p := newPeer(t, c.peer)
			config := smtp.Config{Host: p.host, Port: p.port, Domain: "example.org"}
			c.set(&config)
			s := sender(t, config)
			_, err := send(t, s, message("00aa", "anna@example.org"))
			checked := s.Check(t.Context())
			if c.code == "" {
				if err != nil || checked != nil || len(p.letters()) != 1 || !p.letters()[0].tls {
					t.Errorf("%v; check: %v; %d letters", err, checked, len(p.letters()))
				}
				return
			}
			var e *provider.Error
			if !errors.As(err, &e) || e.Code != c.code || e.Outcome != provider.Retry {
				t.Errorf("%v (%v), want retry %s", err, errors.Unwrap(errors.Unwrap(err)), c.code)
			}
			if checked == nil {
				t.Error("check finds nothing wrong")
			}
			if len(p.letters()) != 0 {
				t.Error("it was sent all the same")
			}
		})
	}
}

func TestLogin(t *testing.T) {
	ca := newAuthority(t, "localhost", loopback)
	file := filepath.Join(t.TempDir(), "password")
	for name, c := range map[string]struct{ password, offered, code string }{
		"right":       {"correct horse\n", "husk", ""},
		"wrong":       {"battery staple", "husk", "535 5.7.8"},
		"not offered": {"correct horse", "", "auth_missing"},
		"empty file":  {"\n", "husk", "password_file"},
	} {
		t.Run(name, func(t *testing.T) {
			if err := os.WriteFile(file, []byte(c.password), 0o600); err != nil {
				t.Fatal(err)
			}
			p := newPeer(t, peerOptions{tls: ca.server, user: c.offered})
			config := secure(p, ca)
			config.Username, config.PasswordFile = "husk", file
			_, err := send(t, sender(t, config), message("00aa", "anna@example.org"))
			if c.code == "" {
				if err != nil || len(p.letters()) != 1 || p.letters()[0].user != "husk" {
					t.Errorf("%v", err)
				}
				return
			}
			var e *provider.Error
			if !errors.As(err, &e) || e.Outcome != provider.Retry || e.Code != c.code {
				t.Errorf("%v, want retry %s", err, c.code)
			}
			if err != nil && (strings.Contains(err.Error(), "horse") || strings.Contains(err.Error(), "staple")) {
				t.Error("the error tells the password")
			}
		})
	}
}

func TestConnectionsAreKept(t *testing.T) {
	ca := newAuthority(t, "localhost", loopback)
	p := newPeer(t, peerOptions{tls: ca.server})
	var last *gosmtp.Conn
	p.onMail = func(c *gosmtp.Conn, _ string) error { last = c; return nil }
	c := secure(p, ca)
	c.IdleTimeout = 4 * time.Minute
	s := sender(t, c)
	step := func(s *smtp.Sender, reference string, connections int32) {
		t.Helper()
		if _, err := send(t, s, message(reference, "anna@example.org")); err != nil {
			t.Fatal(err)
		}
		if n := p.connections.Load(); n != connections {
			t.Errorf("%d connections, want %d", n, connections)
		}
	}
	step(s, "00aa", 1)
	step(s, "00ab", 1)
	_ = last.Conn().Close()
	time.Sleep(20 * time.Millisecond)
	step(s, "00ac", 2) // the idle one was dead, which Open notices
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Open(t.Context()); provider.OutcomeOf(err) != provider.Retry || !errors.Is(err, smtp.ErrClosed) {
		t.Errorf("after Close: %v", err)
	}
	c.IdleTimeout = 50 * time.Millisecond
	hasty := sender(t, c)
	step(hasty, "00ad", 3)
	time.Sleep(100 * time.Millisecond)
	step(hasty, "00ae", 4) // the idle one was too old
	if n := len(p.letters()); n != 5 {
		t.Errorf("%d letters, want 5", n)
	}
}

func TestAddresses(t *testing.T) {
	ca := newAuthority(t, "localhost", loopback)
	for name, c := range map[string]struct {
		change func(*reminder.Message)
		utf8   bool // what the server offers
		to     string
		code   string
	}{
		"a domain beyond ASCII goes as the DNS has it": {func(m *reminder.Message) { m.To = reminder.NewAddress(reminder.Email, "anna@blåbær.dk") }, false, "anna@xn--blbr-roah.dk", ""},
		"a local part beyond ASCII":                    {func(m *reminder.Message) { m.To = reminder.NewAddress(reminder.Email, "åse@example.org") }, true, "åse@example.org", ""},
		"the same where the server cannot":             {func(m *reminder.Message) { m.To = reminder.NewAddress(reminder.Email, "åse@example.org") }, false, "", "smtputf8_missing"},
		"two recipients in one":                        {func(m *reminder.Message) { m.To = reminder.NewAddress(reminder.Email, "a@example.org,b@example.org") }, false, "", "bad_recipient"},
		"a recipient with brackets":                    {func(m *reminder.Message) { m.To = reminder.NewAddress(reminder.Email, "A <a@example.org>") }, false, "", "bad_recipient"},
		"no address":                                   {func(m *reminder.Message) { m.To = reminder.NewAddress(reminder.Email, "anna") }, false, "", "bad_recipient"},
		"a sender of another domain":                   {func(m *reminder.Message) { m.Sender = "x@evil-example.org" }, false, "", "bad_sender"},
		"an SMS sender":                                {func(m *reminder.Message) { m.Sender = "RegionH" }, false, "", "bad_sender"},
		"a strange reply-to":                           {func(m *reminder.Message) { m.ReplyTo = "a@example.org, b@example.org" }, false, "", "bad_reply_to"},
		"no reply-to":                                  {func(m *reminder.Message) { m.ReplyTo = "" }, false, "anna@example.org", ""},
		"no subject":                                   {func(m *reminder.Message) { m.Subject = reminder.Masked{} }, false, "", "bad_subject"},
	} {
		t.Run(name, func(t *testing.T) {
			p := newPeer(t, peerOptions{tls: ca.server, utf8: c.utf8})
			m := message("00aa", "anna@example.org")
			c.change(&m)
			_, err := send(t, sender(t, secure(p, ca)), m)
			if c.code == "" {
				if err != nil || len(p.letters()) != 1 || p.letters()[0].to != c.to {
					t.Errorf("%v, letters %+v", err, p.letters())
				}
				return
			}
			var e *provider.Error
			if !errors.As(err, &e) || e.Outcome != provider.Reject || e.Code != c.code || len(p.letters()) != 0 {
				t.Errorf("%v, want reject %s", err, c.code)
			}
		})
	}
}
