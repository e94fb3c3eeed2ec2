package smpp

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/linxGnu/gosmpp/data"
	"github.com/linxGnu/gosmpp/pdu"

	"github.com/husk-reminders/husk/pkg/provider"
	"github.com/husk-reminders/husk/pkg/reminder"
)

// tiny is an SMSC for what one of others can't be made to do: it keeps to a small window, and answers when a test says so.
type tiny struct {
	t      *testing.T
	listen net.Listener

	mu        sync.Mutex
	queue     [][]byte // deliver_sm in their order
	sent      map[uint32][]byte
	answers   []data.CommandStatusType
	window    int
	submitted func(conn net.Conn, sequences []uint32) // once a message of two segments is there
	seen      []uint32
	hungUp    int // connections that are over
}

func newTiny(t *testing.T, window int) *tiny {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	x := &tiny{t: t, listen: l, window: window, sent: map[uint32][]byte{}}
	var wg sync.WaitGroup
	t.Cleanup(func() { _ = l.Close(); wg.Wait() })
	wg.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			wg.Go(func() { x.serve(c) })
		}
	})
	return x
}

// response is a PDU of an answer.
func response(command uint32, status data.CommandStatusType, sequence uint32, body string) []byte {
	b := binary.BigEndian.AppendUint32(nil, uint32(header+len(body)))
	b = binary.BigEndian.AppendUint32(b, command)
	b = binary.BigEndian.AppendUint32(b, uint32(status))
	return append(binary.BigEndian.AppendUint32(b, sequence), body...)
}

func (x *tiny) serve(c net.Conn) {
	defer func() {
		_ = c.Close()
		x.mu.Lock()
		defer x.mu.Unlock()
		x.hungUp++
	}()
	for {
		frame, err := readFrame(c)
		if err != nil {
			return
		}
		command, sequence := binary.BigEndian.Uint32(frame[4:]), binary.BigEndian.Uint32(frame[12:])
		x.mu.Lock()
		switch command {
		case uint32(data.BIND_TRANSCEIVER), uint32(data.ENQUIRE_LINK), uint32(data.UNBIND):
			_, _ = c.Write(response(command|0x80000000, 0, sequence, map[bool]string{true: "tiny\x00"}[command == uint32(data.BIND_TRANSCEIVER)]))
		case uint32(data.SUBMIT_SM):
			if x.seen = append(x.seen, sequence); len(x.seen) == 2 && x.submitted != nil {
				go x.submitted(c, x.seen)
			}
		case 0x80000005: // deliver_sm_resp
			delete(x.sent, sequence)
			x.answers = append(x.answers, data.CommandStatusType(binary.BigEndian.Uint32(frame[8:])))
		}
		for len(x.queue) > 0 && len(x.sent) < x.window && command != uint32(data.UNBIND) {
			x.sent[binary.BigEndian.Uint32(x.queue[0][12:])] = x.queue[0]
			_, _ = c.Write(x.queue[0])
			x.queue = x.queue[1:]
		}
		x.mu.Unlock()
	}
}

// deliver queues a deliver_sm.
func (x *tiny) deliver(sequence uint32, class byte, text string) {
	body := "\x00\x01\x014520123456\x00\x00\x001204\x00" + string([]byte{class, 0, 0, 0, 0, 0, 0, 3, 0, byte(len(text))}) + text
	x.mu.Lock()
	defer x.mu.Unlock()
	x.queue = append(x.queue, response(uint32(data.DELIVER_SM), 0, sequence, body))
}

// sender is one that speaks to it.
func (x *tiny) sender(set func(*Config)) *Sender {
	x.t.Helper()
	password := filepath.Join(x.t.TempDir(), "password")
	if err := os.WriteFile(password, []byte("secret12"), 0o600); err != nil {
		x.t.Fatal(err)
	}
	c := Config{Host: "127.0.0.1", Port: x.listen.Addr().(*net.TCPAddr).Port, TLS: None, SystemID: "husk", PasswordFile: password}
	if set != nil {
		set(&c)
	}
	s, err := New(Options{Config: c})
	if err != nil {
		x.t.Fatal(err)
	}
	x.t.Cleanup(func() {
		if err := s.Close(); err != nil {
			x.t.Error(err)
		}
	})
	return s
}

// An SMSC that awaits no more than two answers at a time has a STOP behind a hundred receipts that can't be handled here: it comes through.
func TestAStopBehindReceiptsThatFail(t *testing.T) {
	x := newTiny(t, 2)
	for i := range 100 {
		x.deliver(uint32(i+1), classReceipt, fmt.Sprintf("id:%d stat:DELIVRD", i))
	}
	x.deliver(101, 0, "STOP")
	s := x.sender(nil)
	stopped := false
	for end := time.Now().Add(20 * time.Second); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		_ = s.Poll(t.Context(), func(_ context.Context, n provider.Notice) error {
			if n.Kind == provider.Reply { // there is one alone
				stopped = true
				return nil
			}
			return errors.New("no room for what nobody here knows")
		})
		x.mu.Lock()
		n, said := len(x.answers), fmt.Sprint(x.answers[:min(2, len(x.answers))])
		x.mu.Unlock()
		if n == 101 && stopped {
			if want := fmt.Sprint([]data.CommandStatusType{data.ESME_RX_T_APPN, data.ESME_RX_T_APPN}); said != want {
				t.Errorf("receipts are answered with %s, want %s", said, want)
			}
			return
		}
	}
	t.Error("not all are answered, or the STOP never came in")
}

// What an SMSC delivers to a check stays with it, unanswered, for who binds next.
func TestACheckAnswersForNobody(t *testing.T) {
	x := newTiny(t, 2)
	x.deliver(1, 0, "STOP")
	x.deliver(2, classReceipt, "id:1 stat:DELIVRD")
	if err := x.sender(nil).Check(t.Context()); err != nil {
		t.Fatal(err)
	}
	for end := time.Now().Add(10 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		x.mu.Lock()
		over, sent, answers := x.hungUp == 1, len(x.sent), len(x.answers)
		x.mu.Unlock()
		if over {
			if sent != 2 || answers != 0 {
				t.Errorf("%d are delivered and unanswered, want 2; %d are answered", sent, answers)
			}
			return
		}
		if time.Now().After(end) {
			t.Fatal("it does not hang up")
		}
	}
}

// Once a bind was in vain, nobody waits for the next.
func TestNobodyWaitsForASMSCThatIsAway(t *testing.T) {
	x := newTiny(t, 9)
	s := x.sender(func(c *Config) { c.RebindMax = 100 * time.Millisecond })
	slot, err := s.Open(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	slot.Close()
	at := x.listen.Addr().String()
	_ = x.listen.Close()
	s.mu.Lock()
	s.session.end(io.EOF)
	s.mu.Unlock()
	open := func() (time.Duration, error) {
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		began := time.Now()
		slot, err := s.Open(ctx)
		if err == nil {
			slot.Close()
		}
		return time.Since(began), err
	}
	for range 3 {
		took, err := open()
		var e *provider.Error
		if !errors.As(err, &e) || e.Outcome != provider.Retry || e.Code != "connection_refused" || took > 3*time.Second {
			t.Errorf("%v after %s", err, took)
		}
	}
	l, err := net.Listen("tcp", at)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	go func() {
		if c, err := l.Accept(); err == nil {
			x.serve(c)
		}
	}()
	for end := time.Now().Add(10 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		if _, err := open(); err == nil {
			return
		} else if time.Now().After(end) {
			t.Fatalf("it is there again: %v", err)
		}
	}
}

// A message never goes out in more segments than it was counted with, whatever the reference.
func TestNoMoreSegmentsThanCounted(t *testing.T) {
	for _, text := range []string{strings.Repeat("a", 306), strings.Repeat("þ", 134), strings.Repeat("a", 305), strings.Repeat("a", 300), "a"} {
		s, err := New(Options{Config: Config{Host: "localhost", Port: 1, SystemID: "husk", PasswordFile: "x", ReferenceBits: 16}})
		if err != nil {
			t.Fatal(err)
		}
		w, err := s.Encode(reminder.Message{
			Reference: "claim-1", Channel: reminder.SMS, To: reminder.NewAddress(reminder.SMS, "+4520123456"), Sender: "Sygehuset", Text: reminder.Mask(text),
		})
		if err != nil {
			t.Fatal(err)
		}
		out, err := frames(w)
		if want := map[bool]int{true: 1, false: 2}[len(text) == 1]; err != nil || len(out) != want {
			t.Errorf("%d letters: %d segments, want %d (%v)", len([]rune(text)), len(out), want, err)
		}
		wide := len(text) == 300 // 16 bits where they cost nothing
		if got := strings.Contains(w.Body.Reveal(), "\x06\x08\x04"); got != wide {
			t.Errorf("%d letters: a reference of 16 bits: %v", len(text), got)
		}
	}
}

// A receipt without an id names the message by its user_message_reference, and one with neither names none.
func TestAReceiptWithoutAnID(t *testing.T) {
	x := newTiny(t, 9)
	s := x.sender(func(c *Config) { c.MessageRef = true })
	s.doubts.begin("+4520123456", "claim-1", 1)
	option := func(reference string) string {
		return "\x02\x04\x00\x02" + string(binary.BigEndian.AppendUint16(nil, messageReference(reference)))
	}
	const receipt = "stat:DELIVRD"
	body := "\x00\x01\x014520123456\x00\x00\x001204\x00" + string([]byte{classReceipt, 0, 0, 0, 0, 0, 0, 3, 0, byte(len(receipt))}) + receipt
	x.queue = [][]byte{
		response(uint32(data.DELIVER_SM), 0, 1, body+option("claim-2")),
		response(uint32(data.DELIVER_SM), 0, 2, body),
		response(uint32(data.DELIVER_SM), 0, 3, body+option("claim-1")),
	}
	var got []provider.Notice
	for end := time.Now().Add(10 * time.Second); len(got) == 0 && time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		if err := s.Poll(t.Context(), func(_ context.Context, n provider.Notice) error { got = append(got, n); return nil }); err != nil {
			t.Fatal(err)
		}
	}
	if len(got) != 1 || got[0].Reference != "claim-1" || got[0].Status != provider.Delivered || got[0].CarrierID != "" {
		t.Errorf("%+v", got)
	}
	if ids := s.doubts.end("+4520123456", "claim-1"); len(ids) != 0 {
		t.Errorf("held back: %q", ids)
	}
}

// Nobody follows an answer or a trial: no receipt is asked of it, none is awaited, and nothing is told of it that comes late.
func TestWhatNobodyFollows(t *testing.T) {
	for purpose, follows := range map[reminder.Purpose]bool{
		reminder.Remind: true, reminder.Changed: true, reminder.Cancel: true, reminder.Verify: true, reminder.Correction: true, "": true,
		reminder.Reply: false, reminder.Trial: false,
	} {
		t.Run(string(purpose), func(t *testing.T) {
			x := newTiny(t, 9)
			is := make(chan struct{})
			x.submitted = func(conn net.Conn, n []uint32) {
				<-is
				for _, n := range n {
					_, _ = conn.Write(response(0x80000004, data.ESME_ROK, n, "id-1\x00"))
				}
				x.deliver(1, 0, "Ja")
				_, _ = conn.Write(response(uint32(data.ENQUIRE_LINK), 0, 1, "")) // its answer brings it
			}
			s := x.sender(func(c *Config) { c.ReplyTimeout, c.MessageRef = 50*time.Millisecond, true })
			slot, err := s.Open(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			defer slot.Close()
			m := reminder.Message{
				Reference: "claim-1", Channel: reminder.SMS, Purpose: purpose, To: reminder.NewAddress(reminder.SMS, "+4520123456"), Sender: "Sygehuset",
				Text: reminder.Mask(strings.Repeat("Husk din tid ", 15)),
			}
			if m.Wire, err = s.Encode(m); err != nil {
				t.Fatal(err)
			}
			out, err := frames(m.Wire)
			if err != nil || len(out) != 2 {
				t.Fatalf("%d segments, %v", len(out), err)
			}
			for _, f := range out {
				p, err := pdu.Parse(bytes.NewReader(f))
				if err != nil {
					t.Fatal(err)
				}
				if asks := p.(*pdu.SubmitSM).RegisteredDelivery == 1; asks != follows {
					t.Errorf("a receipt is asked for: %v", asks)
				}
			}
			if _, err = slot.Send(t.Context(), m); provider.OutcomeOf(err) != provider.Unknown {
				t.Fatalf("%v", err)
			}
			if n := len(s.doubts.by); (n == 1) != follows {
				t.Errorf("%d messages in doubt are remembered", n)
			}
			close(is)
			var mu sync.Mutex
			var told []provider.Kind
			whole := func() bool {
				return slices.Contains(told, provider.Reply) && (!follows || slices.Contains(told, provider.ReportKind))
			}
			poll := func() {
				if err := s.Poll(t.Context(), func(_ context.Context, n provider.Notice) error {
					mu.Lock() // a reply and a report are handled at the same time
					defer mu.Unlock()
					told = append(told, n.Kind)
					return nil
				}); err != nil {
					t.Fatal(err)
				}
			}
			for end := time.Now().Add(10 * time.Second); !whole() && time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
				poll()
			}
			time.Sleep(50 * time.Millisecond)
			poll()
			if !whole() || slices.Contains(told, provider.ReportKind) != follows {
				t.Errorf("told: %v", told)
			}
		})
	}
}
