package smpp_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/linxGnu/gosmpp/pdu"

	"github.com/husk-reminders/husk/pkg/provider"
	"github.com/husk-reminders/husk/pkg/provider/providertest"
	"github.com/husk-reminders/husk/pkg/provider/smpp"
	"github.com/husk-reminders/husk/pkg/reminder"
	"github.com/husk-reminders/husk/pkg/sms"
)

const peerScript = "../../../scripts/peers/smsc"

// smsc is a server of others, started for a test.
type smsc struct {
	t       *testing.T
	env     map[string]string
	control string
}

// newSMSC starts one, or skips the test where it is not installed; CI must have it.
func newSMSC(t *testing.T) smsc {
	t.Helper()
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
	env := map[string]string{}
	for s := bufio.NewScanner(bytes.NewReader(out)); s.Scan(); {
		k, v, _ := strings.Cut(strings.TrimPrefix(s.Text(), "HUSK_TEST_SMSC_"), "=")
		env[k] = v
	}
	return smsc{t, env, env["CONTROL"]}
}

// port is one of its ports.
func (s smsc) port(name string) int {
	n, err := strconv.Atoi(s.env[name])
	if err != nil {
		s.t.Fatal(err)
	}
	return n
}

// config is a configuration that speaks to it over TLS.
func (s smsc) config() smpp.Config {
	return smpp.Config{
		Host: "127.0.0.1", Port: s.port("TLS_PORT"), CAFile: s.env["CA"], SystemID: "husk", PasswordFile: s.env["PASSWORD_FILE"],
		ResponseIDs: smpp.Hex, ReceiptIDs: smpp.Decimal, WriteTimeout: 5 * time.Second, // two cores under the race detector
	}
}

// ask steers the server, or reads its record.
func (s smsc) ask(method, path string, body, answer any) {
	s.t.Helper()
	var send io.Reader
	if body != nil {
		raw, err := json.Marshal(body)
		if err != nil {
			s.t.Fatal(err)
		}
		send = bytes.NewReader(raw)
	}
	req, err := http.NewRequestWithContext(s.t.Context(), method, s.control+path, send)
	if err != nil {
		s.t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		s.t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	if answer == nil {
		return
	}
	if err := json.NewDecoder(resp.Body).Decode(answer); err != nil {
		s.t.Fatal(err)
	}
}

type state struct {
	Binds, Sessions, Refused, Waiting int
}

func (s smsc) state() (is state) {
	s.t.Helper()
	s.ask(http.MethodGet, "/state", nil, &is)
	return is
}

// bound waits until it has been bound to n times: then the session before is over.
func (s smsc) bound(n int) {
	s.t.Helper()
	for end := time.Now().Add(20 * time.Second); s.state().Binds < n; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			s.t.Fatalf("want %d binds: %+v", n, s.state())
		}
	}
}

// mo is a deliver_sm for the server to send.
type mo struct {
	From    string         `json:"from"`
	TON     *int           `json:"ton,omitempty"`
	Class   int            `json:"class"`
	Coding  int            `json:"coding"`
	Octets  string         `json:"octets"`
	Options map[string]any `json:"options,omitempty"`
}

// deliver has the server send a deliver_sm, and returns what it is answered.
func (s smsc) deliver(m mo) int {
	s.t.Helper()
	var answer struct{ Status int }
	s.ask(http.MethodPost, "/deliver", m, &answer)
	return answer.Status
}

// got is a message as the server has it, its segments put together.
type got struct {
	to, text, from string
	octets         string // of all its PDUs, the sequence numbers 0
	ids            []int
}

// messages is the server's record, read with another decoder than the carrier writes with.
func (s smsc) messages() []got {
	s.t.Helper()
	var record []struct {
		Octets string
		ID     int
	}
	s.ask(http.MethodGet, "/messages", nil, &record)
	var out []got
	open := map[string]int{}
	for _, r := range record {
		raw, err := hex.DecodeString(r.Octets)
		if err != nil {
			s.t.Fatal(err)
		}
		parsed, err := pdu.Parse(bytes.NewReader(raw))
		if err != nil {
			s.t.Fatal(err)
		}
		p := parsed.(*pdu.SubmitSM)
		text, err := p.Message.GetMessage()
		if err != nil {
			s.t.Fatal(err)
		}
		if p.RegisteredDelivery != 1 {
			s.t.Error("no receipt is asked for")
		}
		one := got{to: p.DestAddr.Address(), from: p.SourceAddr.Address(), text: text, octets: string(raw), ids: []int{r.ID}}
		if total, number, ref, ok := p.Message.UDH().GetConcatInfo(); ok {
			key := fmt.Sprint(one.to, " ", ref, " ", total)
			if number == 1 {
				open[key] = len(out)
			} else if i, there := open[key]; there {
				out[i].text += one.text
				out[i].octets += one.octets
				out[i].ids = append(out[i].ids, r.ID)
				continue
			}
		}
		out = append(out, one)
	}
	return out
}

// of are the messages whose text names the reference.
func (s smsc) of(reference string) (out []got) {
	s.t.Helper()
	for _, m := range s.messages() {
		if strings.Contains(m.text, "ref "+reference+".") {
			out = append(out, m)
		}
	}
	return out
}

const to = "+4520123456"

// message is one of a single segment.
func message(reference string) reminder.Message {
	return reminder.Message{
		Reference: reference, Channel: reminder.SMS, Purpose: reminder.Remind, To: reminder.NewAddress(reminder.SMS, to), Sender: "Sygehuset",
		Text: reminder.Mask("Påmindelse: æøå ÆØÅ € {x} ref " + reference + "."), Language: "da", Template: "da/reminder.sms@3f2a91c0",
		Unit: "kir-1", NotAfter: time.Now().Add(50 * time.Hour),
	}
}

// long is one of three segments.
func long(reference string) reminder.Message {
	m := message(reference)
	m.Text = reminder.Mask(m.Text.Reveal() + strings.Repeat(" Husk din tid ~", 18))
	return m
}

func addressed(m reminder.Message, number string) reminder.Message {
	m.To = reminder.NewAddress(reminder.SMS, number)
	return m
}

// sender makes one, closed at the end.
func sender(t *testing.T, c smpp.Config) *smpp.Sender {
	t.Helper()
	s, err := smpp.New(smpp.Options{Config: c})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// send sends one message as a worker does.
func send(t *testing.T, s *smpp.Sender, m reminder.Message) (provider.Accepted, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	slot, err := s.Open(ctx)
	for ; err != nil; slot, err = s.Open(ctx) {
		if ctx.Err() != nil || provider.OutcomeOf(err) != provider.Retry {
			t.Fatalf("open: %v (%v)", err, errors.Unwrap(err))
		}
		time.Sleep(10 * time.Millisecond) // there is no session yet
	}
	defer slot.Close()
	return providertest.Send(ctx, s, slot, m)
}

// notices polls until done says so of what has come, or the time is up.
func notices(t *testing.T, s *smpp.Sender, done func([]provider.Notice) bool) []provider.Notice {
	t.Helper()
	var mu sync.Mutex
	var got []provider.Notice
	for end := time.Now().Add(20 * time.Second); !done(got); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("not what was waited for: %d notices %+v", len(got), got)
		}
		if err := s.Poll(t.Context(), func(_ context.Context, n provider.Notice) error {
			mu.Lock()
			defer mu.Unlock()
			got = append(got, n)
			return nil
		}); err != nil {
			t.Fatal(err)
		}
	}
	return got
}

// some waits for n notices.
func some(n int) func([]provider.Notice) bool {
	return func(got []provider.Notice) bool { return len(got) >= n }
}

// line is a TCP proxy that can be cut.
type line struct {
	port int
	mu   sync.Mutex
	open map[net.Conn]bool
	cuts int
}

// newLine stands before a port of this machine.
func newLine(t *testing.T, before int) *line {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	x := &line{port: l.Addr().(*net.TCPAddr).Port, open: map[net.Conn]bool{}}
	go func() {
		for {
			in, err := l.Accept()
			if err != nil {
				return
			}
			out, err := net.Dial("tcp", fmt.Sprint("127.0.0.1:", before))
			if err != nil {
				_ = in.Close()
				continue
			}
			x.mu.Lock()
			x.open[in], x.open[out] = true, true
			x.mu.Unlock()
			pass := func(to, from net.Conn) {
				_, _ = io.Copy(to, from)
				_ = to.Close()
				_ = from.Close()
				x.mu.Lock()
				delete(x.open, to)
				delete(x.open, from)
				x.mu.Unlock()
			}
			go pass(in, out)
			go pass(out, in)
		}
	}()
	return x
}

// cut resets every connection, each side at once, and counts when there was one.
func (x *line) cut() {
	x.mu.Lock()
	defer x.mu.Unlock()
	if len(x.open) > 0 {
		x.cuts++
	}
	for c := range x.open {
		if rand.IntN(2) == 0 {
			_ = c.(*net.TCPConn).SetLinger(0)
		}
		_ = c.Close()
	}
}

// septets is a text in the octets of data_coding 0.
func septets(text string) string {
	_, b := sms.Encode(text)
	return hex.EncodeToString(b)
}
