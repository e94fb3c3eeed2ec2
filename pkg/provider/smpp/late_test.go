package smpp

import (
	"context"
	"encoding/binary"
	"fmt"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/linxGnu/gosmpp/data"
	"github.com/linxGnu/gosmpp/pdu"

	"github.com/husk-reminders/husk/pkg/provider"
	"github.com/husk-reminders/husk/pkg/reminder"
)

// A message of several segments is accepted once the SMSC has said yes to each, in time or late. A yes to one of them is none to the message,
// and the id of one is none of the whole; a no is one.
func TestLateAnswersOfSegments(t *testing.T) {
	const yes = data.ESME_ROK
	type said = map[int]data.CommandStatusType // by segment, from 0
	for name, c := range map[string]struct {
		now, late said
		want      string
	}{
		"one refused, then a yes":   {said{1: data.ESME_RTHROTTLED}, said{0: yes}, ""},
		"one refused, then a no":    {said{1: data.ESME_RTHROTTLED}, said{0: data.ESME_RMSGQFUL}, "undelivered claim-1  ESME_RMSGQFUL"},
		"silence, then one yes":     {said{}, said{0: yes}, ""},
		"silence, then each a yes":  {said{}, said{0: yes, 1: yes}, "pending claim-1  "},
		"silence, then yes and no":  {said{}, said{0: yes, 1: data.ESME_RMSGQFUL}, "undelivered claim-1  ESME_RMSGQFUL"},
		"a yes, then the other yes": {said{1: yes}, said{0: yes}, "pending claim-1  "},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel() // they wait
			x := newTiny(t, 9)
			is := make(chan struct{})
			x.submitted = func(conn net.Conn, n []uint32) {
				answer := func(what said) {
					for i, n := range n {
						if status, there := what[i]; there {
							_, _ = conn.Write(response(0x80000004, status, n, fmt.Sprint("id-", i, "\x00")))
						}
					}
				}
				answer(c.now)
				<-is
				answer(c.late)
				x.deliver(1, 0, "Ja")
				_, _ = conn.Write(response(uint32(data.ENQUIRE_LINK), 0, 1, "")) // its answer brings it
			}
			s := x.sender(func(c *Config) { c.ReplyTimeout, c.MessageRef = 2*time.Second, true })
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
			if c.now[1] == data.ESME_RTHROTTLED { // what is told of the other segment names the message no more, but that it did not arrive
				options := map[pdu.Tag][]byte{pdu.TagUserMessageReference: binary.BigEndian.AppendUint16(nil, messageReference("claim-1"))}
				half := s.receiptNotice(delivery{from: "4520123456", options: options}, receipt{id: "id-0", status: provider.Delivered})
				if half.Reference != "" || half.Status != provider.Pending {
					t.Errorf("half of it is delivered: %+v", half)
				}
			}
			var got []string
			whole := false
			poll := func() {
				if err := s.Poll(t.Context(), func(_ context.Context, n provider.Notice) error {
					if n.Kind == provider.Reply { // what was answered came in before it
						whole = true
						return nil
					}
					got = append(got, fmt.Sprint(n.Status, " ", n.Reference, " ", n.CarrierID, " ", n.Code))
					return nil
				}); err != nil {
					t.Fatal(err)
				}
			}
			for end := time.Now().Add(20 * time.Second); !whole && time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
				poll()
			}
			poll()
			if slices.Sort(got); !whole || strings.Join(got, ", ") != c.want {
				t.Errorf("told %q, want %q", got, c.want)
			}
		})
	}
}
