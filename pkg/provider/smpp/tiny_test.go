package smpp

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
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
	defer func() { _ = c.Close() }()
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
	stopped := make(chan struct{})
	var once sync.Once
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	for done := false; !done; {
		_ = s.Poll(ctx, func(_ context.Context, n provider.Notice) error {
			if n.Kind == provider.Reply {
				once.Do(func() { close(stopped) })
				return nil
			}
			return errors.New("no room for what nobody here knows")
		})
		select {
		case <-stopped:
			done = true
		case <-s.Came():
		case <-ctx.Done():
			t.Fatal("the STOP never came in")
		}
	}
	for ctx.Err() == nil {
		x.mu.Lock()
		n, said := len(x.answers), fmt.Sprint(x.answers[:min(2, len(x.answers))])
		x.mu.Unlock()
		if n == 101 {
			if want := fmt.Sprint([]data.CommandStatusType{data.ESME_RX_T_APPN, data.ESME_RX_T_APPN}); said != want {
				t.Errorf("receipts are answered with %s, want %s", said, want)
			}
			return
		}
		time.Sleep(5 * time.Millisecond)
	}
	t.Error("not all are answered")
}

// When one segment was refused, a yes to the other that comes too late is no yes to the message; and a no is one.
func TestALateYesToHalfAMessage(t *testing.T) {
	for name, c := range map[string]struct {
		late data.CommandStatusType
		want string
	}{
		"yes": {data.ESME_ROK, ""},
		"no":  {data.ESME_RMSGQFUL, "undelivered ESME_RMSGQFUL"},
	} {
		t.Run(name, func(t *testing.T) {
			x := newTiny(t, 9)
			is := make(chan struct{})
			x.submitted = func(conn net.Conn, n []uint32) {
				_, _ = conn.Write(response(0x80000004, data.ESME_RTHROTTLED, n[1], ""))
				<-is
				_, _ = conn.Write(response(0x80000004, c.late, n[0], "id-1\x00"))
			}
			s := x.sender(func(c *Config) { c.ReplyTimeout, c.MessageRef = 100*time.Millisecond, true })
			slot, err := s.Open(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			defer slot.Close()
			m := reminder.Message{
				Reference: "claim-1", Channel: reminder.SMS, To: reminder.NewAddress(reminder.SMS, "+4520123456"), Sender: "Sygehuset",
				Text: reminder.Mask(strings.Repeat("Husk din tid ", 15)),
			}
			if m.Wire, err = s.Encode(m); err != nil {
				t.Fatal(err)
			}
			if _, err = slot.Send(t.Context(), m); provider.OutcomeOf(err) != provider.Unknown {
				t.Fatalf("%v", err)
			}
			close(is)
			// What is told of the other segment names the message no more, but that it did not arrive.
			options := map[pdu.Tag][]byte{pdu.TagUserMessageReference: binary.BigEndian.AppendUint16(nil, messageReference("claim-1"))}
			half := s.receiptNotice(delivery{from: "4520123456", options: options}, receipt{id: "id-1", status: provider.Delivered})
			if half.Reference != "" || half.Status != provider.Pending {
				t.Errorf("half of it is delivered: %+v", half)
			}
			var got []string
			for end := time.Now().Add(300 * time.Millisecond); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
				if err := s.Poll(t.Context(), func(_ context.Context, n provider.Notice) error {
					got = append(got, strings.TrimSpace(fmt.Sprint(n.Status, " ", n.Code)))
					return nil
				}); err != nil {
					t.Fatal(err)
				}
			}
			if strings.Join(got, ", ") != c.want {
				t.Errorf("told %q, want %q", got, c.want)
			}
		})
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
