package native_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
	_ "time/tzdata"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/husk-reminders/husk/pkg/intake"
	"github.com/husk-reminders/husk/pkg/intake/native"
	"github.com/husk-reminders/husk/pkg/reminder"
)

const subject = "husk.events.cosmic-nord.rh-ortho"

func pseudonyms(t testing.TB) reminder.Pseudonyms {
	t.Helper()
	p, err := reminder.NewPseudonyms(1, []byte(strings.Repeat("k", 32)))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func decoder(t testing.TB) *native.Decoder {
	t.Helper()
	d, err := native.New(native.Options{Pseudonyms: pseudonyms(t)})
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// corpus reads a folder of events by name.
func corpus(t testing.TB, folder string) map[string][]byte {
	t.Helper()
	files, err := filepath.Glob(filepath.Join("testdata", folder, "*.json"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no events in %s: %v", folder, err)
	}
	events := map[string][]byte{}
	for _, f := range files {
		if events[strings.TrimSuffix(filepath.Base(f), ".json")], err = os.ReadFile(f); err != nil {
			t.Fatal(err)
		}
	}
	return events
}

func TestFullEvent(t *testing.T) {
	a, err := decoder(t).Decode(subject, nil, corpus(t, "good")["full"])
	if err != nil {
		t.Fatal(err)
	}
	ps := pseudonyms(t)
	if a.Key != ps.Appointment("cosmic-nord", "A-1001") || a.System != "cosmic-nord" || a.ID != "A-1001" || a.Status != reminder.Booked ||
		a.Unit != "rh-ortho" || a.Kind != "visit" || a.Length != 30*time.Minute || a.Language != "da" || a.Protected || a.Deceased {
		t.Errorf("%+v", a)
	}
	if a.Order.Revision != 3 || !a.Order.SourceTime.Equal(time.Date(2026, 2, 1, 8, 15, 0, 0, time.UTC)) || a.Order.Sequence != 0 {
		t.Errorf("order %+v", a.Order)
	}
	if got := a.Start.Format(time.RFC3339); got != "2026-03-12T14:30:00+01:00" || a.ZoneName() != "Europe/Copenhagen" {
		t.Errorf("start %s in %s", got, a.ZoneName())
	}
	if a.Person != ps.Person(reminder.NewNationalID("DK", "0101701234")) || a.NationalID.Reveal() != "0101701234" || a.GivenName.Reveal() != "Anna" || a.BirthDate.ISO() != "1970-01-01" {
		t.Error("the patient is another")
	}
	if len(a.Others) != 1 || a.Others[0].Role != reminder.Relative || a.Others[0].Names[0].Reveal() != "Peter Jensen" || a.Others[0].Phones[0].Reveal() != "+4520123456" || a.Others[0].Mails[0].Reveal() != "p@x.example" {
		t.Error("the others are others")
	}
	for _, s := range []string{"0101701234", "Anna", "Jensen", "20123456", "p@x", "1970-01-01"} {
		if strings.Contains(fmt.Sprintf("%+v %#v", a, a), s) {
			t.Errorf("the appointment prints %q", s)
		}
	}
}

func TestStart(t *testing.T) {
	good := corpus(t, "good")
	for name, want := range map[string]string{
		"start-with-offset":           "2026-03-12T14:30:00+01:00",
		"start-without-seconds":       "2026-03-12T14:30:00+01:00",
		"start-with-fraction":         "2026-03-12T14:30:00+01:00",
		"start-twice-in-autumn":       "2026-10-25T02:30:00+02:00",
		"start-in-spring-with-offset": "2026-03-29T03:30:00+02:00",
	} {
		a, err := decoder(t).Decode(subject, nil, good[name])
		if err != nil || a.Start.Format(time.RFC3339Nano) != want {
			t.Errorf("%s: %s %v, want %s", name, a.Start.Format(time.RFC3339Nano), err, want)
		}
	}
}

// TestCorpusAgreesWithSchema holds decoder and published schema against each other. A bad event's file is named after
// the field the decoder must name: "patient.id--short.json".
func TestCorpusAgreesWithSchema(t *testing.T) {
	schema, err := jsonschema.NewCompiler().Compile("../../../config/events.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	d := decoder(t)
	for _, c := range []struct {
		folder         string
		schema, decode bool
	}{{"good", true, true}, {"bad", false, false}, {"bad-by-meaning", true, false}} {
		for name, data := range corpus(t, c.folder) {
			doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(data))
			if err != nil {
				t.Fatalf("%s/%s: %v", c.folder, name, err)
			}
			if err := schema.Validate(doc); (err == nil) != c.schema {
				t.Errorf("%s/%s: the schema says %v", c.folder, name, err)
			}
			_, err = d.Decode(subject, nil, data)
			if (err == nil) != c.decode {
				t.Errorf("%s/%s: the decoder says %v", c.folder, name, err)
			}
			if c.decode {
				continue
			}
			var m *intake.MalformedError
			if !errors.As(err, &m) || !errors.Is(err, intake.ErrMalformed) || m.Reason != intake.ReasonMalformed {
				t.Errorf("%s/%s: %v is not classified", c.folder, name, err)
				continue
			}
			if field, _, _ := strings.Cut(name, "--"); m.Field != field || m.Fix == "" {
				t.Errorf("%s/%s: the error names %q: %s", c.folder, name, m.Field, m.Fix)
			}
		}
	}
}

func TestErrorsTellNoValue(t *testing.T) {
	const secret = "Zq7hemmelig"
	full := string(corpus(t, "good")["full"])
	d := decoder(t)
	for _, old := range []string{
		`"cosmic-nord"`, `"A-1001"`, `"booked"`, `"2026-03-12T14:30:00"`, `"Europe/Copenhagen"`, `30,`, `"rh-ortho"`, `"visit"`,
		`"0101701234"`, `"DK"`, `"da"`, `"1970-01-01"`, `"2026-02-01T09:15:00+01:00"`, `"relative"`, `"given_name"`, `"role"`, `false`,
	} {
		with := `"` + secret + " " + secret + `"`
		if strings.HasSuffix(old, ",") {
			with += ","
		}
		event := strings.Replace(full, old, with, 1)
		if event == full {
			t.Fatalf("%s is not in the event", old)
		}
		_, err := d.Decode(subject, nil, []byte(event))
		if err == nil {
			t.Errorf("%s replaced: taken", old)
		} else if strings.Contains(err.Error(), secret) {
			t.Errorf("%s replaced: the error tells it: %v", old, err)
		}
	}
}

func TestRefusedAsAWhole(t *testing.T) {
	full := string(corpus(t, "good")["full"])
	for name, c := range map[string]struct {
		subject, data string
		want          intake.Reason
	}{
		"cut off":          {subject, full[:len(full)/2], intake.ReasonMalformed},
		"empty":            {subject, "", intake.ReasonMalformed},
		"two events":       {subject, full + full, intake.ReasonMalformed},
		"something behind": {subject, full + "x", intake.ReasonMalformed},
		"Latin-1":          {subject, strings.Replace(full, "Anna", "S\xf8ren", 1), intake.ReasonMalformed},
		"BOM":              {subject, "\ufeff" + full, intake.ReasonMalformed},
		"deep":             {subject, strings.Repeat("[", 5000) + strings.Repeat("]", 5000), intake.ReasonMalformed},
		"too large":        {subject, full + strings.Repeat(" ", intake.MaxEvent), intake.ReasonTooLarge},
		"another unit":     {"husk.events.cosmic-nord.rh-eye", full, intake.ReasonSubject},
		"another system":   {"husk.events.cosmic.rh-ortho", full, intake.ReasonSubject},
		"another stream":   {"other.events.cosmic-nord.rh-ortho", full, intake.ReasonSubject},
		"more tokens":      {subject + ".x", full, intake.ReasonSubject},
	} {
		_, err := decoder(t).Decode(c.subject, nil, []byte(c.data))
		var m *intake.MalformedError
		if !errors.As(err, &m) || m.Reason != c.want {
			t.Errorf("%s: %v, want %s", name, err, c.want)
		}
	}
	if _, err := native.New(native.Options{}); err == nil {
		t.Error("a decoder without a key")
	}
}

func FuzzDecode(f *testing.F) {
	for _, folder := range []string{"good", "bad", "bad-by-meaning"} {
		for _, data := range corpus(f, folder) {
			f.Add(data)
		}
	}
	schema, err := jsonschema.NewCompiler().Compile("../../../config/events.schema.json")
	if err != nil {
		f.Fatal(err)
	}
	d := decoder(f)
	f.Fuzz(func(t *testing.T, data []byte) {
		a, err := d.Decode(subject, nil, data)
		if err != nil {
			var m *intake.MalformedError
			if !errors.As(err, &m) {
				t.Fatalf("not classified: %v", err)
			}
			return
		}
		doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(data))
		if err != nil {
			t.Fatalf("the decoder takes what is not JSON: %v", err)
		}
		if err := schema.Validate(doc); err != nil {
			t.Errorf("the decoder takes what the schema refuses: %v", err)
		}
		if a.Key == "" || a.Person == "" || a.NationalID.IsZero() || a.Start.IsZero() || a.Length <= 0 || a.System+"."+a.Unit != "cosmic-nord.rh-ortho" {
			t.Errorf("taken, but not whole: %+v", a)
		}
	})
}

func BenchmarkDecode(b *testing.B) {
	d, data := decoder(b), corpus(b, "good")["full"]
	b.ReportAllocs()
	for b.Loop() {
		if _, err := d.Decode(subject, nil, data); err != nil {
			b.Fatal(err)
		}
	}
}
