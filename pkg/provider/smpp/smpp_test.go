package smpp_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/husk-reminders/husk/pkg/provider"
	"github.com/husk-reminders/husk/pkg/provider/providertest"
	"github.com/husk-reminders/husk/pkg/reminder"
)

func TestContract(t *testing.T) {
	x := newSMSC(t)
	for name, make := range map[string]func(string) reminder.Message{"of one segment": message, "of three segments": long} {
		t.Run(name, func(t *testing.T) {
			run := 0
			providertest.Run(t, func(t *testing.T) providertest.Harness {
				run++
				x := smsc{t, x.env, x.control}
				mine := fmt.Sprintf("%s-%d-", strings.ReplaceAll(name, " ", "-"), run) // the server keeps its record between tests
				prefixed := func(m func(string) reminder.Message) func(string) reminder.Message {
					return func(r string) reminder.Message { return m(mine + r) }
				}
				c := x.config()
				c.Window, c.Segments = 9, 3
				return providertest.Harness{
					Sender: sender(t, c), Slots: 3, Message: prefixed(make),
					Refused: prefixed(func(r string) reminder.Message { return addressed(make(r), "+4529000011") }),
					Count:   func(t *testing.T, r string) int { return len(x.of(mine + r)) },
					Written: func(t *testing.T, r string) string {
						got := x.of(mine + r)
						if len(got) != 1 {
							t.Fatalf("%d messages", len(got))
						}
						return got[0].octets
					},
				}
			})
		})
	}
}

func TestArrivesWhole(t *testing.T) {
	x := newSMSC(t)
	for _, bits := range []int{8, 16} {
		c := x.config()
		c.ReferenceBits = bits
		s := sender(t, c)
		for i, text := range []string{
			"Påmindelse: æøå ÆØÅ € {x} [~]", "Þú átt tíma 😀", strings.Repeat("Øre næse hals ~ ", 20), strings.Repeat("tími þinn 😀 ", 15),
		} {
			m := message(fmt.Sprintf("whole-%d-%d", bits, i))
			m.Text = reminder.Mask(text + " ref " + m.Reference + ".")
			a, err := send(t, s, m)
			if err != nil {
				t.Fatal(err)
			}
			if bits == 16 && len(a.Parts) > 0 { // the other decoder knows the reference of 8 bits alone
				continue
			}
			got := x.of(m.Reference)
			if len(got) != 1 || got[0].text != m.Text.Reveal() || got[0].to != to[1:] || got[0].from != "Sygehuset" {
				t.Fatalf("the SMSC has %+v", got)
			}
			ids := []string{a.CarrierID}
			ids = append(ids, a.Parts...)
			if want := strings.Fields(strings.Trim(fmt.Sprint(got[0].ids), "[]")); !slices.Equal(ids, want) {
				t.Errorf("ids %v, the SMSC gave %v", ids, want)
			}
		}
	}
}

// The answers of the SMSC, each with what becomes of a message of one segment and of three.
func TestAnswers(t *testing.T) {
	x := newSMSC(t)
	c := x.config()
	c.Codes, c.Faults = map[string]string{"0x400": "opted_out"}, map[string]string{"0x0b": "not_in_use"}
	c.ReplyTimeout = 2 * time.Second
	s := sender(t, c)
	for number, want := range map[string]struct{ one, three provider.Error }{
		"+4529000088": {provider.Error{Outcome: provider.Retry, Code: "ESME_RTHROTTLED"}, provider.Error{Outcome: provider.Retry, Code: "ESME_RTHROTTLED"}},
		"+4529000020": {provider.Error{Outcome: provider.Retry, Code: "ESME_RMSGQFUL"}, provider.Error{Outcome: provider.Retry, Code: "ESME_RMSGQFUL"}},
		"+4529000011": {
			provider.Error{Outcome: provider.Reject, Code: "ESME_RINVDSTADR", Fault: provider.NotInUse},
			provider.Error{Outcome: provider.Reject, Code: "ESME_RINVDSTADR", Fault: provider.NotInUse},
		},
		"+4529000010": {provider.Error{Outcome: provider.Reject, Code: "ESME_RINVSRCADR"}, provider.Error{Outcome: provider.Reject, Code: "ESME_RINVSRCADR"}},
		"+4529000069": {provider.Error{Code: "ESME_RSUBMITFAIL"}, provider.Error{Code: "ESME_RSUBMITFAIL"}},
		"+4529001024": {provider.Error{Outcome: provider.OptedOut, Code: "0x400"}, provider.Error{Outcome: provider.OptedOut, Code: "0x400"}},
		"+4529001025": {provider.Error{Code: "0x401"}, provider.Error{Code: "0x401"}},
		"+4529100088": {provider.Error{}, provider.Error{Code: "partial ESME_RTHROTTLED"}},
		"+4529200000": {provider.Error{Code: "timeout"}, provider.Error{Code: "timeout"}},
	} {
		for i, m := range []reminder.Message{message("answers-" + number[1:]), long("answers-long-" + number[1:])} {
			want := []provider.Error{want.one, want.three}[i]
			a, err := send(t, s, addressed(m, number))
			if want == (provider.Error{}) {
				if err != nil || a.CarrierID == "" {
					t.Errorf("%s: %v", number, err)
				}
				continue
			}
			var e *provider.Error
			if !errors.As(err, &e) || e.Outcome != want.Outcome || e.Code != want.Code || e.Fault != want.Fault || e.Label() != want.Code {
				t.Errorf("%s, message %d: %+v, want %+v", number, i, e, want)
			}
		}
	}
	if a, err := send(t, s, addressed(message("no-id"), "+4529500000")); err != nil || a.CarrierID != "no-id" {
		t.Errorf("an empty message_id: %+v, %v", a, err)
	}
}

// A submit_sm_resp after the time was up still says what became of the message.
func TestLateAnswerSettles(t *testing.T) {
	x := newSMSC(t)
	c := x.config()
	c.ReplyTimeout = 100 * time.Millisecond
	s := sender(t, c)
	if _, err := send(t, s, addressed(message("late-1"), "+4529302000")); provider.OutcomeOf(err) != provider.Unknown {
		t.Fatalf("%v, want unknown", err)
	}
	got := notices(t, s, some(2))
	id := fmt.Sprint(x.of("late-1")[0].ids[0])
	if n := got[0]; n.Reference != "late-1" || n.CarrierID != id || n.Status != provider.Pending || !n.Signed {
		t.Errorf("%+v", n)
	}
	if n := got[1]; n.CarrierID != id || n.Status != provider.Delivered {
		t.Errorf("%+v", n)
	}
}

func TestReceipts(t *testing.T) {
	x := newSMSC(t)
	c := x.config()
	c.Faults = map[string]string{"001": "not_in_use"}
	s := sender(t, c)
	want := map[string]provider.Notice{}
	for i := range 4 { // by turns in the one form and in the other
		a, err := send(t, s, message(fmt.Sprint("receipt-", i)))
		if err != nil {
			t.Fatal(err)
		}
		want[a.CarrierID] = provider.Notice{Status: provider.Delivered, Code: "DELIVRD"}
		if a, err = send(t, s, addressed(message(fmt.Sprint("bad-", i)), "+4529400000")); err != nil {
			t.Fatal(err)
		}
		want[a.CarrierID] = provider.Notice{Status: provider.Undelivered, Code: "UNDELIV 001", Fault: provider.NotInUse}
		if a, err = send(t, s, long(fmt.Sprint("long-", i))); err != nil {
			t.Fatal(err)
		}
		for _, id := range append(a.Parts, a.CarrierID) {
			want[id] = provider.Notice{Status: provider.Delivered, Code: "DELIVRD"}
		}
	}
	for _, n := range notices(t, s, some(len(want))) {
		w, ok := want[n.CarrierID]
		if !ok {
			t.Errorf("a receipt of %q, which is not awaited", n.CarrierID)
		}
		delete(want, n.CarrierID)
		if n.Kind != provider.ReportKind || n.Status != w.Status || n.Fault != w.Fault || !strings.HasPrefix(w.Code, n.Code) || n.Code == "" || !n.Signed || n.Reference != "" {
			t.Errorf("got %+v, want %+v", n, w)
		}
	}
}

// What is not handled is not answered, stays, and keeps what the same person wrote later behind it.
func TestAnsweredOnlyAfterHandling(t *testing.T) {
	x := newSMSC(t)
	s := sender(t, x.config())
	if err := s.Poll(t.Context(), nil); err != nil { // binds
		t.Fatal(err)
	}
	for x.state().Sessions == 0 {
		time.Sleep(10 * time.Millisecond)
	}
	answered := make(chan int, 3)
	for _, m := range []mo{{From: "4520123456", Octets: septets("STOP")}, {From: "4520123456", Octets: septets("START")}, {From: "4520999999", Octets: septets("Hej")}} {
		go func() { answered <- x.deliver(m) }()
		select {
		case <-s.Came(): // it is in the inbox, behind the ones before
		case <-time.After(20 * time.Second):
			t.Fatal("it never came in")
		}
	}
	answer := func() int {
		select {
		case got := <-answered:
			return got
		case <-time.After(20 * time.Second):
			t.Fatal("no answer")
			return -1
		}
	}
	var mu sync.Mutex
	seen := map[string][]string{}
	broken := errors.New("the disk is full")
	poll := func(fail bool) error {
		return s.Poll(t.Context(), func(_ context.Context, n provider.Notice) error {
			mu.Lock()
			defer mu.Unlock()
			seen[n.From.Reveal()] = append(seen[n.From.Reveal()], n.Text.Reveal())
			if fail && n.From.Reveal() == to {
				return broken
			}
			return nil
		})
	}
	if err := poll(true); !errors.Is(err, broken) {
		t.Errorf("got %v", err)
	}
	if got := answer(); got != 0 {
		t.Errorf("the stranger's is answered with %d", got)
	}
	select {
	case got := <-answered:
		t.Errorf("answered with %d before it was handled", got)
	case <-time.After(100 * time.Millisecond):
	}
	for end := time.Now().Add(20 * time.Second); len(seen[to]) < 3 && time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		if err := poll(false); err != nil {
			t.Error(err)
		}
	}
	for range 2 {
		if got := answer(); got != 0 {
			t.Errorf("answered with %d", got)
		}
	}
	if !slices.Equal(seen[to], []string{"STOP", "STOP", "START"}) || !slices.Equal(seen["+4520999999"], []string{"Hej"}) {
		t.Errorf("handed over %q", seen)
	}
}

func TestAFullQueueIsRefusedForNow(t *testing.T) {
	x := newSMSC(t)
	c := x.config()
	c.Queue = 2
	s := sender(t, c)
	for i := range 6 {
		if _, err := send(t, s, message(fmt.Sprint("full-", i))); err != nil {
			t.Fatal(err)
		}
	}
	for x.state().Refused == 0 {
		time.Sleep(10 * time.Millisecond)
	}
	notices(t, s, some(6)) // the SMSC comes again
	if is := x.state(); is.Waiting != 0 {
		t.Errorf("%+v", is)
	}
}

func TestReplies(t *testing.T) {
	x := newSMSC(t)
	s := sender(t, x.config())
	notices(t, s, func([]provider.Notice) bool { return x.state().Sessions == 1 })
	national, name := 2, 5
	for what, m := range map[string]struct {
		sent mo
		want string
		from string
	}{
		"STOP in GSM-7":              {mo{From: "4520123456", Octets: septets("STOP")}, "STOP", to},
		"letters of Scandinavia":     {mo{From: "4520123456", Octets: septets("Æblegrød {€}")}, "Æblegrød {€}", to},
		"STOP in UCS-2":              {mo{From: "4520123456", Coding: 8, Octets: "00530054004f0050"}, "STOP", to},
		"an emoji":                   {mo{From: "4520123456", Coding: 8, Octets: "d83dde00"}, "😀", to},
		"Latin-1":                    {mo{From: "4520123456", Coding: 3, Octets: "53746f70e6f8e5"}, "Stopæøå", to},
		"IA5":                        {mo{From: "4520123456", Coding: 1, Octets: "53544f50"}, "STOP", to},
		"of a GSM class":             {mo{From: "4520123456", Coding: 0xf1, Octets: septets("STOP")}, "STOP", to},
		"a national number":          {mo{From: "20123456", TON: &national, Octets: septets("STOP")}, "STOP", "20123456"},
		"a name":                     {mo{From: "Netto", TON: &name, Octets: septets("Hej")}, "Hej", "Netto"},
		"octets that are no text":    {mo{From: "4520123456", Coding: 4, Octets: "0001"}, "", to},
		"nothing":                    {mo{From: "4520123456"}, "", to},
		"in message_payload":         {mo{From: "4520123456", Coding: 8, Options: map[string]any{"message_payload": "STOP"}}, "STOP", to},
		"a header of something":      {mo{From: "4520123456", Class: 0x40, Octets: "0401020000" + septets("STOP")}, "STOP", to},
		"a header that is not there": {mo{From: "4520123456", Class: 0x40, Octets: septets("STOP")}, "STOP", to},
		"what looks like a receipt":  {mo{From: "4520123456", Octets: septets("id:1000 stat:DELIVRD err:000")}, "id:1000 stat:DELIVRD err:000", to},
	} {
		answered := make(chan int, 1)
		go func() { answered <- x.deliver(m.sent) }()
		n := notices(t, s, some(1))[0]
		if n.Kind != provider.Reply || n.Text.Reveal() != m.want || n.From.Reveal() != m.from || n.From.Channel != reminder.SMS || n.At.IsZero() || !n.Signed {
			t.Errorf("%s: %q from %s at %s, want %q", what, n.Text.Reveal(), n.From.Reveal(), n.At, m.want)
		}
		if got := <-answered; got != 0 {
			t.Errorf("%s: answered with %d", what, got)
		}
	}
}

func TestRepliesInSegments(t *testing.T) {
	x := newSMSC(t)
	for name, c := range map[string]struct {
		join  time.Duration
		parts [][2]string
	}{
		"put together":                       {time.Minute, [][2]string{{"02", "OP"}, {"01", "ST"}}},
		"the first of one that is not whole": {300 * time.Millisecond, [][2]string{{"01", "STOP"}}},
	} {
		t.Run(name, func(t *testing.T) {
			config := x.config()
			config.JoinTimeout = c.join
			s := sender(t, config)
			notices(t, s, func([]provider.Notice) bool { return x.state().Sessions == 1 })
			answered := make(chan int, len(c.parts))
			for _, p := range c.parts {
				go func() {
					answered <- x.deliver(mo{From: "4520123456", Class: 0x40, Octets: "05000307" + "02" + p[0] + septets(p[1])})
				}()
			}
			if got := notices(t, s, some(1)); got[0].Text.Reveal() != "STOP" {
				t.Errorf("%q", got[0].Text.Reveal())
			}
			for range c.parts {
				if got := <-answered; got != 0 {
					t.Errorf("a part is answered with %d", got)
				}
			}
		})
	}
}
