package kannel_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode/utf16"

	"github.com/husk-reminders/husk/pkg/provider"
	"github.com/husk-reminders/husk/pkg/provider/httpsms"
	"github.com/husk-reminders/husk/pkg/provider/kannel"
	"github.com/husk-reminders/husk/pkg/provider/providertest"
	"github.com/husk-reminders/husk/pkg/reminder"
)

const peerScript = "../../../scripts/peers/kannel"

// gateway is a Kannel that runs, and our end of its calls.
type gateway struct {
	t    *testing.T
	env  map[string]string
	back string // the address of our callbacks

	mu      sync.Mutex
	webhook provider.Webhook
	busy    int // how many calls are still answered with 503
	notices []provider.Notice
	marks   int
}

// newGateway starts one, or skips the test where it is not installed; CI must have it.
func newGateway(t *testing.T) *gateway {
	t.Helper()
	g := &gateway{t: t, env: map[string]string{}}
	srv := httptest.NewServer(http.HandlerFunc(g.called))
	t.Cleanup(srv.Close)
	g.back = srv.URL + hooks
	get := strings.Replace(g.back, "http://", "http://kannel:"+callback+"@", 1) + "?from=%q&text=%a&charset=%C&id=%I&at=%T"
	dir := t.TempDir()
	var said strings.Builder
	start := exec.Command(peerScript, "start", dir, get)
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
	for s := bufio.NewScanner(bytes.NewReader(out)); s.Scan(); {
		k, v, _ := strings.Cut(strings.TrimPrefix(s.Text(), "HUSK_TEST_KANNEL_"), "=")
		g.env[k] = v
	}
	g.webhook = g.sender("husk", g.env["PASSWORD_FILE"])
	return g
}

// called is what Kannel calls.
func (g *gateway) called(w http.ResponseWriter, r *http.Request) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.busy > 0 {
		g.busy--
		w.WriteHeader(http.StatusServiceUnavailable)
		return
	}
	notices, answer, err := g.webhook.Parse(r)
	if err != nil {
		g.t.Errorf("Kannel's call is refused: %v", err)
	}
	g.notices = append(g.notices, notices...)
	w.WriteHeader(answer.Status)
}

// now is our clock.
var now = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

func (g *gateway) sender(user, passwordFile string) *kannel.Sender {
	g.t.Helper()
	s, err := kannel.New(kannel.Options{Callback: g.back, Now: func() time.Time { return now }, Config: kannel.Config{
		Config:       httpsms.Config{URL: g.env["URL"], Slots: 2},
		CallerConfig: httpsms.CallerConfig{User: "kannel", PasswordFile: file(g.t, callback)},
		Username:     user, PasswordFile: passwordFile,
	}})
	if err != nil {
		g.t.Fatal(err)
	}
	g.t.Cleanup(func() { _ = s.Close() })
	return s
}

// message is one that the fakesmsc's record, which knows no references, can tell from others.
func message(reference string) reminder.Message {
	m := providertest.SMS(reference)
	m.Text, m.NotAfter = reminder.Mask(providertest.Text+" "+reference), now.Add(6*time.Hour)
	return m
}

// got is a message, or a segment of one, as the network got it.
type got struct{ from, to, header, text string } // text is in UCS-2 where it went so

var gotLine = regexp.MustCompile(`Got message \d+: <(\S+) (\S+)(?: udh (\S+))? (text|data|ucs-2) (.*)>$`)

// record is all that the network got. What was accepted before is in it: a message sent now comes last.
func (g *gateway) record() (all []got) {
	g.t.Helper()
	g.mu.Lock()
	g.marks++
	mark := fmt.Sprintf("mark-%d-", g.marks)
	g.mu.Unlock()
	password, err := os.ReadFile(g.env["PASSWORD_FILE"])
	if err != nil {
		g.t.Fatal(err)
	}
	q := url.Values{"username": {"husk"}, "password": {string(password)}, "from": {"mark"}, "to": {"+4500000000"}, "text": {mark}}
	ask, err := http.NewRequestWithContext(g.t.Context(), http.MethodGet, g.env["URL"]+"/cgi-bin/sendsms?"+q.Encode(), http.NoBody)
	if err != nil {
		g.t.Fatal(err)
	}
	r, err := http.DefaultClient.Do(ask)
	if err != nil {
		g.t.Fatal(err)
	}
	_ = r.Body.Close()
	var raw []byte
	g.within("the network has got it", func() bool {
		if raw, err = os.ReadFile(g.env["RECORD"]); err != nil {
			g.t.Fatal(err)
		}
		return bytes.Contains(raw, []byte("text "+mark+">"))
	})
	for line := range strings.Lines(string(raw)) {
		if f := gotLine.FindStringSubmatch(strings.TrimSuffix(line, "\n")); f != nil && f[1] != "mark" {
			all = append(all, got{f[1], f[2], f[3], g.written(f[4], f[5])})
		}
	}
	return all
}

// written are the bytes of a line of the record.
func (g *gateway) written(kind, text string) string {
	g.t.Helper()
	if kind == "text" {
		return text
	}
	raw, err := url.QueryUnescape(text)
	if err != nil {
		g.t.Fatal(err)
	}
	return raw
}

// ucs2 is big-endian UCS-2 as UTF-8.
func ucs2(raw string) string {
	var units []uint16
	for ; len(raw) >= 2; raw = raw[2:] {
		units = append(units, uint16(raw[0])<<8|uint16(raw[1]))
	}
	return string(utf16.Decode(units))
}

func (g *gateway) within(what string, ok func() bool) {
	g.t.Helper()
	for end := time.Now().Add(20 * time.Second); !ok(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			g.t.Fatalf("not within 20s: %s", what)
		}
	}
}

// heard are the notices so far that pass.
func (g *gateway) heard(pass func(provider.Notice) bool) (all []provider.Notice) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, n := range g.notices {
		if pass(n) {
			all = append(all, n)
		}
	}
	return all
}

func send(t *testing.T, s provider.Sender, m reminder.Message) (provider.Accepted, error) {
	t.Helper()
	slot, err := s.Open(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer slot.Close()
	return providertest.Send(t.Context(), s, slot, m)
}

func TestKannelConformance(t *testing.T) {
	g := newGateway(t)
	of := func(reference string) (all []got) {
		for _, m := range g.record() {
			if strings.HasSuffix(m.text, " "+reference) {
				all = append(all, m)
			}
		}
		return all
	}
	providertest.Run(t, func(*testing.T) providertest.Harness {
		return providertest.Harness{
			Sender: g.sender("husk", g.env["PASSWORD_FILE"]), Slots: 2, Message: message,
			Refused: func(reference string) reminder.Message {
				m := message(reference)
				m.To = reminder.NewAddress(reminder.SMS, "20987654")
				return m
			},
			Count: func(_ *testing.T, reference string) int { return len(of(reference)) },
			// The network is told sender, number and text. The rest of what Kannel was given it shows by calling us, and by taking the message at all.
			Written: func(t *testing.T, reference string) string {
				all := of(reference)
				if len(all) != 1 {
					t.Fatalf("%d messages", len(all))
				}
				g.within("it is reported of", func() bool {
					return len(g.heard(func(n provider.Notice) bool { return n.Reference == reference && n.Status == provider.Delivered })) > 0
				})
				password, err := os.ReadFile(g.env["PASSWORD_FILE"])
				if err != nil {
					t.Fatal(err)
				}
				return url.Values{
					"from": {all[0].from}, "to": {all[0].to}, "text": {all[0].text}, "username": {"husk"}, "password": {string(password)}, "charset": {"UTF-8"},
					"coding": {"0"}, "validity": {"360"}, "dlr-mask": {"31"},
					"dlr-url": {strings.Replace(g.back, "http://", "http://kannel:"+callback+"@", 1) + "?status=%d&at=%T&ref=" + reference},
				}.Encode()
			},
		}
	})
}

// Every text comes out whole, and every message is reported of by its reference: taken by the SMSC, and delivered.
func TestKannelReports(t *testing.T) {
	g := newGateway(t)
	s := g.sender("husk", g.env["PASSWORD_FILE"])
	texts := map[string]string{
		"gsm7": "Påmindelse: æøå ÆØÅ € {x} [1] 1+1 100 %d %41 & <b> \"'", "ucs2": "Áigi: čđŋšŧž 👋 Łódź + %41",
		"long-gsm7": strings.Repeat("Husk din tid på Ambulatoriet + 100 % € ", 9), "long-ucs2": strings.Repeat("Muitte áiggi čđŋ 👋 ", 10),
	}
	for reference, text := range texts {
		m := message(reference)
		m.Text, m.Sender = reminder.Mask(text), "Husk"+reference[:1]+fmt.Sprint(len(text))
		if a, err := send(t, s, m); err != nil || a.CarrierID != reference {
			t.Fatalf("%s: %+v %v (%v)", reference, a, err, errors.Unwrap(err))
		}
	}
	record := g.record()
	time.Sleep(1500 * time.Millisecond) // a report whose answer Kannel takes for no yes comes again after a second
	for reference, text := range texts {
		var parts []got
		for _, m := range record {
			if m.from == "Husk"+reference[:1]+fmt.Sprint(len(text)) {
				parts = append(parts, m)
			}
		}
		slices.SortFunc(parts, func(a, b got) int { return strings.Compare(a.header, b.header) })
		whole := ""
		for _, p := range parts {
			whole += p.text
		}
		if strings.HasSuffix(reference, "ucs2") {
			whole = ucs2(whole)
		}
		if whole != text || (len(parts) > 1) != strings.HasPrefix(reference, "long") {
			t.Errorf("%s: %d segments\n%q\n%q", reference, len(parts), whole, text)
		}
		reports := func() []provider.Notice {
			return g.heard(func(n provider.Notice) bool { return n.Reference == reference })
		}
		g.within(reference+" is reported of", func() bool { return len(reports()) >= 2 })
		codes := []string{}
		for _, n := range reports() {
			codes = append(codes, n.Code)
			if n.Kind != provider.ReportKind || n.CarrierID != reference || n.Signed || time.Since(n.At).Abs() > time.Hour || (n.Status == provider.Delivered) != (n.Code == "1") {
				t.Errorf("%s: %+v", reference, n)
			}
		}
		if slices.Sort(codes); !slices.Equal(codes, []string{"1", "8"}) {
			t.Errorf("%s: reports %v, want one each of 1 and 8", reference, codes)
		}
	}
}

// Kannel's own noes, and its other yes.
func TestKannelAnswers(t *testing.T) {
	g := newGateway(t)
	for name, c := range map[string]struct {
		user, file string
		outcome    provider.Outcome
		code       string // "" = a yes
	}{
		"queued":         {user: "away", file: g.env["PASSWORD_FILE"]},
		"not routable":   {"nowhere", g.env["PASSWORD_FILE"], provider.Reject, "not_routable"},
		"wrong user":     {"nobody", g.env["PASSWORD_FILE"], provider.Retry, "authorization_failed"},
		"wrong password": {"husk", file(t, "another-password"), provider.Retry, "authorization_failed"},
	} {
		a, err := send(t, g.sender(c.user, c.file), message("answer-1"))
		var e *provider.Error
		switch {
		case c.code == "" && (err != nil || a.CarrierID != "answer-1"):
			t.Errorf("%s: %+v %v", name, a, err)
		case c.code != "" && (!errors.As(err, &e) || e.Outcome != c.outcome || e.Code != c.code):
			t.Errorf("%s: %v, want %v %s", name, err, c.outcome, c.code)
		}
	}
	if all := g.record(); len(all) != 0 {
		t.Errorf("%d messages went to the network", len(all))
	}
}

// A STOP that comes while we can't take it comes again, as the same; and nobody gets an answer that we did not send.
func TestKannelStop(t *testing.T) {
	g := newGateway(t)
	for i, c := range []struct{ said, want string }{
		{"text STOP", "STOP"}, {"text Stop nu, både æøå & %41 + 1", "Stop nu, både æøå & %41 + 1"}, {"ucs2 %00S%00t%00o%00p%01%07", "Stopć"},
	} {
		g.mu.Lock()
		g.busy, g.notices = max(0, 2-2*i), nil // the first comes twice in vain
		g.mu.Unlock()
		ctx, cancel := context.WithCancel(t.Context())
		var said bytes.Buffer
		person := exec.CommandContext(ctx, g.env["FAKESMSC"], "-H", "127.0.0.1", "-r", g.env["MO_PORT"], "-m", "1", "-i", "0.1", providertest.Recipient+" 1204 "+c.said)
		person.Stdout, person.Stderr = &said, &said
		if err := person.Start(); err != nil {
			t.Fatal(err)
		}
		g.within("it comes", func() bool { return len(g.heard(func(provider.Notice) bool { return true })) > 0 })
		time.Sleep(300 * time.Millisecond)
		cancel()
		_ = person.Wait() // it was killed
		all := g.heard(func(provider.Notice) bool { return true })
		n := all[0]
		if len(all) != 1 || n.Kind != provider.Reply || n.From.Reveal() != providertest.Recipient || n.Text.Reveal() != c.want || n.Signed || len(n.ID) != 36 || time.Since(n.At).Abs() > time.Hour {
			t.Errorf("%d: %d notices, %q %+v", i, len(all), n.Text.Reveal(), n)
		}
		if !strings.Contains(said.String(), "sent message 1") || strings.Contains(said.String(), "Got message") {
			t.Errorf("%d: the person was answered, or said nothing:\n%s", i, said.String())
		}
	}
}
