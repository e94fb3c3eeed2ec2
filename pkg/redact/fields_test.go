package redact_test

import (
	"encoding/json"
	"fmt"
	"net/url"
	"strings"
	"testing"

	"github.com/husk-reminders/husk/pkg/redact"
	"github.com/husk-reminders/husk/pkg/reminder"
)

const smsText = "Husk din tid torsdag 12.03.2026 kl. 14.30. Ring 35 45 35 45"

// jsonOf is a message as carriers write it in JSON, with other words in some of its places.
func jsonOf(change ...string) reminder.Wire {
	body := strings.NewReplacer(change...).Replace(`{"sender":"Rigshosp","message":"` + smsText + `","recipient":4520123456,"to":["+4520123456"],"destination":"+4520123456",` +
		`"reference":"k7Gq2xT9pLm4","expiration":"PT359M","expire_at":"2026-03-12T12:30:00Z","platformPartnerId":"30978123","useDeliveryReport":true,"nothing":null,"nested":{"list":["GATE"]}}`)
	return reminder.Wire{Format: reminder.WireJSON, Body: reminder.Mask(body), Fixed: masked("30978123", "")}
}

// formOf is a message as carriers write it in a form, with other values in some of its fields.
func formOf(change ...string) reminder.Wire {
	v := url.Values{"From": {"Rigshosp"}, "To": {"+4520123456"}, "Body": {smsText}, "MessagingServiceSid": {"MG0123456789abcdef0123456789abcdef"},
		"StatusCallback": {"https://u:s3cr3t1234567@husk.example/hooks/9876543210?ref=k7Gq2xT9pLm4"}, "ValidityPeriod": {"36000"}, "dontlog": {"message"}}
	for i := 0; i+1 < len(change); i += 2 {
		v.Set(change[i], change[i+1])
	}
	return reminder.Wire{Format: reminder.WireForm, Body: reminder.Mask(v.Encode()), Fixed: masked("MG0123456789abcdef0123456789abcdef", "https://u:s3cr3t1234567@husk.example/hooks/9876543210?ref=")}
}

func fieldsKnown() redact.Known {
	k := wireKnown()
	k.To, k.Refs[1] = "+4520123456", "da/reminder.sms@3f2a91c0"
	return k
}

func TestCleanFieldsPass(t *testing.T) {
	s := newScanner(t, "date", "time")
	for name, w := range map[string]reminder.Wire{"json": jsonOf(), "form": formOf(), "a text of two lines": formOf("Body", smsText+"\nHilsen"), "minutes": formOf("validity", "10080", "dlr-mask", "31"), "letters": jsonOf("Rigshosp", "Ører")} {
		if got := s.ScanWire(w, reminder.Rendered{}, fieldsKnown()); got != nil {
			t.Errorf("%s: %+v\n%s", name, got, w.Body.Reveal())
		}
	}
}

// TestPlantedLeaksInFields plants a number in each field of JSON and of a form. It is held, with other words in the same place the
// message passes, and with the field's scan taken out the number passes: no other scan covers for it.
func TestPlantedLeaksInFields(t *testing.T) {
	s := newScanner(t)
	held := func(name, sort string, leak, clean reminder.Wire) {
		t.Helper()
		if got := s.ScanWire(leak, reminder.Rendered{}, fieldsKnown()); len(got) == 0 || got[0].Kind == redact.KindEncoded {
			t.Errorf("%s: %+v", name, got)
		}
		if got := s.ScanWireWithout(sort, leak, reminder.Rendered{}, fieldsKnown()); len(got) != 0 {
			t.Errorf("%s: still held without %s: %+v", name, sort, got)
		}
		if got := s.ScanWire(clean, reminder.Rendered{}, fieldsKnown()); len(got) != 0 {
			t.Errorf("%s: the clean twin is held: %+v", name, got)
		}
	}
	for name, c := range map[string]struct{ sort, place, leak, clean string }{
		"text":                    {"text", "Husk din", "311299-5004", "Kom til din"},
		"text, escaped":           {"text", "Husk din", `31129\u0039-5\u00304`, `\u004bom`},
		"text, a name of others":  {"text", "Husk din", "Mads Holm", "Anna"},
		"sender":                  {"sender", "Rigshosp", "3112995004", "Ort"},
		"another recipient":       {"field", `"recipient":4520123456`, `"recipient":3112995004`, `"recipient":"+4520123456"`},
		"more than the recipient": {"field", `["+4520123456"]`, `["+4520123456","3112995004"]`, `["4520123456"]`},
		"recipient elsewhere":     {"field", "GATE", "4520123456", "gate"},
		"reference":               {"field", `"k7Gq2xT9pLm4"`, `"k7Gq2xT9pLm4 311299-5004"`, `"k7Gq2xT9pLm4 x"`},
		"expiration":              {"field", "PT359M", "PT3112995004M", "PT1M"},
		"time":                    {"field", "2026-03-12T12:30:00Z", "1999-12-31T12:30:00Z", "2027-03-12T12:30:00+01:00"},
		"time with a number":      {"field", "2026-03-12T12:30:00Z", "2026-03-12T12:30:00Z 311299-5004", "2027-03-12T12:30:00Z"},
		"behind what is fixed":    {"field", "30978123", "30978123-5004", "30978"},
		"what is fixed elsewhere": {"field", "GATE", "311299 30978123", "gate"},
		"nested":                  {"field", "GATE", "311299-5004", "gate"},
		"nested, as a number":     {"field", `"GATE"`, `3112995004`, `31`},
		"a number with a point":   {"field", `"GATE"`, `311299.5004`, `3.1`},
		"name of a field":         {"field", `"nothing"`, `"x311299-5004"`, `"x"`},
		"name of an object":       {"field", `"nested"`, `"311299-5004"`, `"x"`},
		"name of a truth":         {"field", `"useDeliveryReport":true`, `"311299-5004":true`, `"x":false`},
	} {
		held("json, "+name, c.sort, jsonOf(c.place, c.leak), jsonOf(c.place, c.clean))
	}
	for name, c := range map[string]struct{ sort, field, leak, clean string }{
		"text":              {"text", "Body", smsText + " 311299-5004", smsText + " igen"},
		"sender":            {"sender", "From", "3112995004", "Ort"},
		"another recipient": {"field", "To", "+4531415926", "4520123456"},
		"callback":          {"field", "StatusCallback", "https://u:s3cr3t1234567@husk.example/hooks/9876543210?ref=k7Gq2xT9pLm4&p=3112995004", "https://u:s3cr3t1234567@husk.example/hooks/9876543210?ref="},
		"other reference":   {"field", "StatusCallback", "https://u:s3cr3t1234567@husk.example/hooks/9876543210?ref=3112995004", "x"},
		"service":           {"field", "MessagingServiceSid", "MG3112995004", "MG0123456789abcdef0123456789abcdef"},
		"validity":          {"field", "ValidityPeriod", "3112995004", "60"},
		"minutes":           {"field", "validity", "3112995004", "60"},
		"text by that name": {"text", "text", "311299-5004", smsText},
		"another field":     {"field", "X", "311299-5004", "y"},
		"name of a field":   {"field", "X-311299-5004", "y", ""},
	} {
		clean := formOf(c.field, c.clean)
		if name == "name of a field" {
			clean = formOf("X", "y")
		}
		held("form, "+name, c.sort, formOf(c.field, c.leak), clean)
	}
}

// TestFieldsKeepProvenance: a text that was rendered keeps what the renderer knows of it, so that a release holds in JSON too.
func TestFieldsKeepProvenance(t *testing.T) {
	s := newScanner(t, "date", "time")
	text := "Tid 01.02.2027 kl. 08.15"
	r := reminder.Rendered{Parts: []reminder.Part{{Kind: reminder.PartText, Text: reminder.Mask(text), Spans: []reminder.Span{{Start: 0, End: 4}, {Start: 4, End: 14, Fact: "date"}, {Start: 14, End: 19}, {Start: 19, End: 24, Fact: "time"}}}}}
	w := jsonOf(smsText, text)
	if got := s.ScanWire(w, r, fieldsKnown()); got != nil {
		t.Errorf("%+v", got)
	}
	got := s.ScanWire(w, reminder.Rendered{}, fieldsKnown())
	if len(got) == 0 || got[0].Part != reminder.PartText || got[0].Offset != 4 {
		t.Errorf("without it: %+v", got)
	}
}

func TestFieldsThatCannotBeReadAreHeld(t *testing.T) {
	s := newScanner(t)
	text := func(f reminder.WireFormat, body string) reminder.Wire {
		return reminder.Wire{Format: f, Body: reminder.Mask(body)}
	}
	j, f := reminder.WireJSON, reminder.WireForm
	for name, w := range map[string]reminder.Wire{
		"no JSON":            text(j, "Husk din tid"),
		"nothing":            text(j, ""),
		"a list":             text(j, `["tid"]`),
		"a word":             text(j, `"tid"`),
		"cut":                text(j, `{"message":"tid"`),
		"cut in a list":      text(j, `{"to":["tid"`),
		"more behind":        text(j, `{"message":"tid"} {"message":"311299-5004"}`),
		"words behind":       text(j, `{"message":"tid"}tid`),
		"a name twice":       text(j, `{"message":"tid","message":"tid"}`),
		"a name twice below": text(j, `{"x":{"a":"1","a":"2"}}`),
		"half a pair":        text(j, `{"message":"\ud83e"}`),
		"bad escape":         text(j, `{"message":"\x41"}`),
		"no UTF-8":           text(j, "{\"message\":\"\xff\"}"),
		"too deep":           text(j, `{"a":[[[[["tid"]]]]]}`),
		"too many":           text(j, `{"a":[`+strings.TrimSuffix(strings.Repeat(`"tid",`, 300), ",")+`]}`),
		"too many lists":     text(j, `{"a":[`+strings.TrimSuffix(strings.Repeat(`[],`, 300), ",")+`]}`),
		"empty form":         text(f, ""),
		"no pair":            text(f, "Body"),
		"bad percent":        text(f, "Body=%zz"),
		"bad name":           text(f, "%z=tid"),
		"a field twice":      text(f, "Body=a&Body=b"),
		"a semicolon":        text(f, "Body=a;To=b"),
		"bad bytes":          text(f, "Body=%ff"),
		"too many fields":    text(f, manyFields()),
	} {
		closed := false
		for _, x := range s.ScanWire(w, reminder.Rendered{}, fieldsKnown()) {
			closed = closed || x.Kind == redact.KindEncoded && !x.Releasable()
		}
		if !closed {
			t.Errorf("%s: passes", name)
		}
	}
}

func manyFields() string {
	var b strings.Builder
	for i := range 300 {
		fmt.Fprintf(&b, "a%d=tid&", i)
	}
	return strings.TrimSuffix(b.String(), "&")
}

// FuzzFields: bytes of any kind make no panic; and whatever a field is named and holds beside it, a number in it is held.
func FuzzFields(f *testing.F) {
	s := newScanner(f)
	f.Add(jsonOf().Body.Reveal(), "reference", "k7Gq2xT9pLm4")
	f.Add(formOf().Body.Reveal(), "Body", "Husk din tid")
	f.Add("{}", "to", "+4520123456")
	f.Fuzz(func(t *testing.T, body, name, value string) {
		planted, err := json.Marshal(map[string]any{name: []string{value, "311299-5004"}})
		if err != nil {
			t.Skip()
		}
		for _, w := range []reminder.Wire{
			{Format: reminder.WireJSON, Body: reminder.Mask(string(planted))},
			{Format: reminder.WireForm, Body: reminder.Mask(url.Values{name: {value + " 311299-5004"}}.Encode())},
		} {
			if got := s.ScanWire(w, reminder.Rendered{}, redact.Known{To: "+4520123456", Refs: []string{"k7Gq2xT9pLm4"}}); len(got) == 0 {
				t.Errorf("passes: %s", w.Body.Reveal())
			}
		}
		for _, format := range []reminder.WireFormat{reminder.WireJSON, reminder.WireForm} {
			_ = s.ScanWire(reminder.Wire{Format: format, Body: reminder.Mask(body)}, reminder.Rendered{}, redact.Known{})
		}
	})
}
