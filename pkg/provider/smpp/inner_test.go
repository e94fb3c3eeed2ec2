package smpp

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/linxGnu/gosmpp/data"
	"github.com/linxGnu/gosmpp/pdu"

	"github.com/husk-reminders/husk/pkg/provider"
	"github.com/husk-reminders/husk/pkg/redact"
	"github.com/husk-reminders/husk/pkg/reminder"
)

func TestSettle(t *testing.T) {
	yes := func(id string) answer { return answer{id: id} }
	no := func(s data.CommandStatusType) answer { return answer{status: s} }
	gone := answer{err: ErrUnbound}
	own, err := Config{
		Codes: map[string]string{"0x400": "reject", "0x402": "opted_out"}, Faults: map[string]string{"0x400": "not_mobile", "11": "barred", "0x58": "barred"},
	}.rulings()
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name    string
		answers []answer
		ids     []string
		want    provider.Error
	}{
		{"one, taken", []answer{yes("a")}, []string{"a"}, provider.Error{}},
		{"all taken", []answer{yes("a"), yes("b"), yes("c")}, []string{"a", "b", "c"}, provider.Error{}},
		{"throttled", []answer{no(data.ESME_RTHROTTLED)}, nil, provider.Error{Outcome: provider.Retry, Code: "ESME_RTHROTTLED"}},
		{"full", []answer{no(data.ESME_RMSGQFUL), no(data.ESME_RMSGQFUL)}, nil, provider.Error{Outcome: provider.Retry, Code: "ESME_RMSGQFUL"}},
		{"throttled, then refused", []answer{no(data.ESME_RTHROTTLED), no(data.ESME_RINVDSTADR)}, nil, provider.Error{Outcome: provider.Retry, Code: "ESME_RTHROTTLED"}},
		{"refused, then throttled", []answer{no(data.ESME_RINVDSTADR), no(data.ESME_RTHROTTLED)}, nil,
			provider.Error{Outcome: provider.Reject, Code: "ESME_RINVDSTADR"}},
		{"throttled, then doubt", []answer{no(data.ESME_RTHROTTLED), no(data.ESME_RSUBMITFAIL)}, nil, provider.Error{Code: "ESME_RSUBMITFAIL"}},
		{"refused, opted out, and doubt", []answer{no(data.ESME_RINVDSTADR), no(0x402), no(0x401)}, nil, provider.Error{Code: "0x401"}},
		{"throttled, then opted out", []answer{no(data.ESME_RTHROTTLED), no(0x402)}, nil, provider.Error{Outcome: provider.OptedOut, Code: "0x402"}},
		{"taken, then doubt", []answer{yes("a"), no(0x401)}, nil, provider.Error{Code: "partial 0x401"}},
		{"taken, then throttled", []answer{yes("a"), no(data.ESME_RTHROTTLED)}, nil, provider.Error{Code: "partial ESME_RTHROTTLED"}},
		{"throttled, then taken", []answer{no(data.ESME_RTHROTTLED), yes("b")}, nil, provider.Error{Code: "partial ESME_RTHROTTLED"}},
		{"taken, then silence", []answer{yes("a"), gone}, nil, provider.Error{Code: "connection_lost"}},
		{"throttled, then silence", []answer{no(data.ESME_RTHROTTLED), gone}, nil, provider.Error{Code: "connection_lost"}},
		{"silence", []answer{gone}, nil, provider.Error{Code: "connection_lost"}},
		{"no answer in time", []answer{{err: errNoAnswer}}, nil, provider.Error{Code: "timeout"}},
		{"a vendor's code", []answer{no(0x401)}, nil, provider.Error{Code: "0x401"}},
		{"a vendor's code that is known", []answer{no(0x400)}, nil, provider.Error{Outcome: provider.Reject, Code: "0x400", Fault: provider.NotMobile}},
		{"said to have failed", []answer{no(data.ESME_RSUBMITFAIL)}, nil, provider.Error{Code: "ESME_RSUBMITFAIL"}},
	} {
		ids, err := settle(c.answers, own)
		if !slices.Equal(ids, c.ids) {
			t.Errorf("%s: ids %v", c.name, ids)
		}
		if c.want == (provider.Error{}) {
			if err != nil {
				t.Errorf("%s: %v", c.name, err)
			}
			continue
		}
		var e *provider.Error
		if !errors.As(err, &e) || e.Outcome != c.want.Outcome || e.Code != c.want.Code || e.Fault != c.want.Fault {
			t.Errorf("%s: %+v, want %+v", c.name, e, c.want)
		}
	}
}

func TestParseReceipt(t *testing.T) {
	for text, want := range map[string]receipt{
		"id:0123456789 sub:001 dlvrd:001 submit date:2611221200 done date:2611221201 stat:DELIVRD err:000 Text:Husk din aftale": {
			id: "0123456789", word: "DELIVRD", status: provider.Delivered, error: "000"},
		"id:7f3a stat:UNDELIV err:001 text:id:1 stat:DELIVRD": {id: "7f3a", word: "UNDELIV", status: provider.Undelivered, error: "001"},
		"ID: abc-1 STAT: expired ERR: 027":                    {id: "abc-1", word: "EXPIRED", status: provider.Undelivered, error: "027"},
		"id:1,sub:001,stat:REJECTD":                           {id: "1", word: "REJECTD", status: provider.Undelivered},
		"id:1 stat:ENROUTE":                                   {id: "1", word: "ENROUTE", status: provider.Pending},
		"id:1 stat:ACCEPTD":                                   {id: "1", word: "ACCEPTD", status: provider.Pending},
		"id:1 stat:UNKNOWN":                                   {id: "1", word: "UNKNOWN", status: provider.Pending},
		"id:1 stat:VENDORS":                                   {id: "1", word: "VENDORS", status: provider.Pending},
		"id:1 stat:DELIVRD stat:UNDELIV":                      {id: "1", word: "DELIVRD", status: provider.Delivered},
		"text:id:1 stat:DELIVRD":                              {status: provider.Pending},
		"paid:1 restat:DELIVRD":                               {status: provider.Pending},
		"":                                                    {status: provider.Pending},
	} {
		if got := parseReceipt(text); got != want {
			t.Errorf("%q: %+v, want %+v", text, got, want)
		}
	}
}

func TestReadReceipt(t *testing.T) {
	s := &Sender{config: Config{Faults: map[string]string{"00b": "not_mobile"}}}
	for name, c := range map[string]struct {
		d    delivery
		want receipt
	}{
		"fields before text": {delivery{class: 4, message: []byte("id:1 stat:DELIVRD"), options: map[pdu.Tag][]byte{
			pdu.TagReceiptedMessageID: []byte("2\x00"), pdu.TagMessageStateOption: {5}, pdu.TagNetworkErrorCode: {3, 0, 1},
		}}, receipt{id: "2", word: "UNDELIV", status: provider.Undelivered, fault: provider.NotInUse}},
		"a fault of another network": {delivery{class: 4, message: []byte("id:1 stat:UNDELIV"), options: map[pdu.Tag][]byte{pdu.TagNetworkErrorCode: {1, 0, 1}}},
			receipt{id: "1", word: "UNDELIV", status: provider.Undelivered}},
		"a fault that is configured": {delivery{class: 4, message: []byte("id:1 stat:UNDELIV err:00b")},
			receipt{id: "1", word: "UNDELIV", status: provider.Undelivered, error: "00b", fault: provider.NotMobile}},
		"no fault of what was delivered": {delivery{class: 4, message: []byte("id:1 stat:DELIVRD err:00b")},
			receipt{id: "1", word: "DELIVRD", status: provider.Delivered, error: "00b"}},
		"not the last word": {delivery{class: 0x20, message: []byte("id:1 stat:UNDELIV")}, receipt{id: "1", word: "UNDELIV", status: provider.Pending}},
		"a state nobody knows": {delivery{class: 4, message: []byte("id:1 stat:DELIVRD"), options: map[pdu.Tag][]byte{pdu.TagMessageStateOption: {99}}},
			receipt{id: "1", word: "DELIVRD", status: provider.Delivered}},
		"of no message": {delivery{class: 4, message: []byte("stat:DELIVRD")}, receipt{word: "DELIVRD", status: provider.Delivered}},
	} {
		if got := s.readReceipt(c.d); got != c.want {
			t.Errorf("%s: %+v; want %+v", name, got, c.want)
		}
	}
}

func TestIDs(t *testing.T) {
	for _, c := range []struct {
		id   string
		is   IDs
		want string
	}{
		{"00FF", Hex, "255"}, {"ff", Hex, "255"}, {"0000000255", Decimal, "255"}, {"0000000255", Verbatim, "0000000255"}, {" a-b ", Verbatim, "a-b"},
		{"a-b", Hex, "a-b"}, {"-1", Decimal, "-1"}, {"\x07", Verbatim, ""}, {strings.Repeat("1", 65), Decimal, ""},
		{"ffffffffffffffffffff", Hex, "1208925819614629174706175"},
	} {
		if got := canonical(c.id, c.is); got != c.want {
			t.Errorf("%q as %q: %q, want %q", c.id, c.is, got, c.want)
		}
	}
}

func TestValidity(t *testing.T) {
	now := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	for end, want := range map[time.Time]string{
		{}:                               "",
		now.Add(29 * 24 * time.Hour):     "",
		now.Add(26*time.Hour + 61e9):     "000001020101000R",
		now.Add(-time.Hour):              "000000000100000R",
		now.Add(28 * 24 * time.Hour):     "000028000000000R",
		now.Add(90*time.Minute + 30*1e9): "000000013030000R",
	} {
		if got := validity(end, now); got != want {
			t.Errorf("%s: %q, want %q", end, got, want)
		}
	}
}

// Of several segments the message is delivered when all are; what was held back for that is told when the message was accepted after all.
func TestDoubts(t *testing.T) {
	d := newDoubts()
	ref := messageReference("claim-1")
	d.begin("+4520123456", "claim-1", 2)
	for _, c := range []struct {
		from string
		ref  uint16
		id   string
		is   provider.Status
		want string
		of   provider.Status
	}{
		{"4520123456", ref, "a", provider.Delivered, "claim-1", provider.Pending},
		{"4520123456", ref, "a", provider.Delivered, "claim-1", provider.Pending},
		{"4520123457", ref, "b", provider.Delivered, "", provider.Delivered},
		{"4520123456", ref + 1, "b", provider.Delivered, "", provider.Delivered},
		{"4520123456", ref, "b", provider.Pending, "claim-1", provider.Pending},
		{"4520123456", ref, "b", provider.Delivered, "claim-1", provider.Delivered},
		{"4520123456", ref, "b", provider.Undelivered, "claim-1", provider.Undelivered},
	} {
		if got, of := d.settle(c.from, c.ref, c.id, c.is); got != c.want || of != c.of {
			t.Errorf("%+v: %q %s", c, got, of)
		}
	}
	if got := d.end("+4520123456", "claim-1"); !slices.Equal(got, []string{"a", "b"}) {
		t.Errorf("held back: %v", got)
	}
	if got, _ := d.settle("4520123456", ref, "a", provider.Delivered); got != "" {
		t.Errorf("a message that is in doubt no more: %q", got)
	}
	// Segments without an id can't be told apart, and there is nothing to tell of them by.
	d.begin("+4520123456", "claim-1", 2)
	for range 2 {
		if _, of := d.settle("4520123456", ref, "", provider.Delivered); of != provider.Pending {
			t.Errorf("a segment without an id: %s", of)
		}
	}
	if got := d.end("+4520123456", "claim-1"); len(got) != 0 {
		t.Errorf("held back: %q", got)
	}
	for i := range mostDoubts + 10 {
		d.begin("+4520123456", fmt.Sprint("many-", i), 1)
	}
	if len(d.by) > mostDoubts || len(d.order) > 2*mostDoubts {
		t.Errorf("%d doubts, %d in order", len(d.by), len(d.order))
	}
}

// Segments that wait for the rest have no more room than replies have, and a repeated one is answered too.
func TestParts(t *testing.T) {
	b := newInbox(2, time.Second)
	now := time.Now()
	var confirmed []string
	part := func(text, confirm string) *item {
		return &item{
			notice: provider.Notice{Kind: provider.Reply, From: reminder.NewAddress(reminder.SMS, "+4520123456"), Text: reminder.Mask(text)},
			answer: []func(data.CommandStatusType){func(data.CommandStatusType) { confirmed = append(confirmed, confirm) }},
		}
	}
	if !b.putPart("a", 2, 3, part("O", "a2"), now) || !b.putPart("b", 1, 2, part("x", "b1"), now.Add(-time.Minute)) {
		t.Fatal("no room")
	}
	if b.putPart("c", 1, 2, part("y", "c1"), now) || !b.putPart("a", 2, 3, part("O", "a2 again"), now) || !b.putPart("a", 1, 3, part("ST", "a1"), now) {
		t.Error("room for what there is none, or none for what there is")
	}
	if b.overdue(now); len(b.replies) != 1 || b.replies[0].notice.Text.Reveal() != "x" {
		t.Errorf("overdue: %d", len(b.replies))
	}
	if !b.putPart("a", 3, 3, part("P", "a3"), now) {
		t.Error("no room for the last part")
	}
	s := &Sender{inbox: b, now: func() time.Time { return now }}
	s.start.Do(func() {})
	var texts []string
	if err := s.Poll(t.Context(), func(_ context.Context, n provider.Notice) error {
		texts = append(texts, n.Text.Reveal())
		return nil
	}); err != nil || !slices.Equal(texts, []string{"x", "STOP"}) || !slices.Equal(confirmed, []string{"b1", "a1", "a2", "a2 again", "a3"}) {
		t.Errorf("%v: %q, confirmed %q", err, texts, confirmed)
	}
}

// What is encoded is read back from its very octets before it leaves, and a national id in it is found wherever a segment ends.
func TestTheWireIsScanned(t *testing.T) {
	scanner, err := redact.New(redact.Options{})
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now
	for _, bits := range []int{8, 16} {
		s, err := New(Options{Config: Config{Host: "localhost", Port: 1, SystemID: "husk", PasswordFile: "x", ReferenceBits: bits, MessageRef: true}, Now: now})
		if err != nil {
			t.Fatal(err)
		}
		for _, text := range []string{"Husk din tid på mandag", strings.Repeat("Husk din tid ~ ", 20), strings.Repeat("Þú átt tíma 😀 ", 12)} {
			for at := 0; at <= len(text); at += 40 {
				for id, dirty := range map[string]bool{"": false, " 010190-1234 ": true} {
					cut := at
					for cut < len(text) && text[cut]&0xc0 == 0x80 {
						cut++
					}
					whole := text[:cut] + id + text[cut:]
					m := reminder.Message{
						Reference: "claim-1", Channel: reminder.SMS, To: reminder.NewAddress(reminder.SMS, "+4520123456"), Sender: "Sygehuset",
						Text: reminder.Mask(whole), NotAfter: now().Add(30 * time.Hour),
					}
					w, err := s.Encode(m)
					if err != nil {
						t.Fatal(err)
					}
					rendered := reminder.Rendered{Parts: []reminder.Part{
						{Kind: reminder.PartText, Text: m.Text, Spans: []reminder.Span{{Start: 0, End: len(whole)}}},
						{Kind: reminder.PartSender, Text: reminder.Mask(m.Sender), Spans: []reminder.Span{{Start: 0, End: len(m.Sender)}}},
					}}
					found := scanner.ScanWire(w, rendered, redact.Known{To: "+4520123456", Refs: []string{"claim-1"}})
					if (len(found) > 0) != dirty {
						t.Fatalf("%d bits, %q: %v", bits, whole, found)
					}
					if found := scanner.ScanWire(w, rendered, redact.Known{To: "+4520123457"}); len(found) == 0 {
						t.Fatal("another recipient passes")
					}
				}
			}
		}
	}
}

func FuzzDelivery(f *testing.F) {
	for _, s := range []string{
		"id:0123456789 sub:001 dlvrd:001 submit date:2611221200 done date:2611221201 stat:DELIVRD err:000 Text:Husk", "id:1", "stat:", ":::", "text:id:1",
	} {
		f.Add([]byte(s), byte(4), byte(0), []byte{0, 0x1e, 0, 2, '1', 0})
	}
	f.Add([]byte{5, 0, 3, 1, 2, 1, 'S'}, byte(0x40), byte(8), []byte{2, 0x0c, 0, 2, 0, 1, 2, 0x0e, 0, 1, 2, 2, 0x0f, 0, 1, 1})
	f.Fuzz(func(t *testing.T, message []byte, class, coding byte, options []byte) {
		if len(message) > 255 {
			message = message[:255]
		}
		body := append([]byte("\x00\x01\x014520123456\x00\x00\x001204\x00"), class, 0, 0, 0, 0, 0, 0, coding, 0, byte(len(message)))
		body = append(append(body, message...), options...)
		d, err := readDelivery(body)
		if err != nil {
			return
		}
		at, text := d.segment()
		if at.Total < 0 || at.Number > at.Total || len(text) > len(d.message) {
			t.Fatalf("%+v", at)
		}
		_ = read(d.coding, text)
		s := &Sender{config: Config{MessageRef: true}, doubts: newDoubts()}
		n := s.receiptNotice(d, s.readReceipt(d))
		if strings.ContainsAny(n.CarrierID, "\x00\n\r") || len(n.CarrierID) > 64 || len(n.Code) > 19 || strings.Count(n.Code, " ") > 1 {
			t.Fatalf("%+v", n)
		}
		if n.Status != provider.Delivered && n.Status != provider.Undelivered && n.Status != provider.Pending || n.Reference != "" || n.Signed {
			t.Fatalf("%+v", n)
		}
	})
}
