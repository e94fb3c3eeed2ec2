package reminder_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"go.yaml.in/yaml/v3"

	"github.com/husk-reminders/husk/pkg/reminder"
)

const (
	unitsFile   = "../../config/units.yaml"
	unitsSchema = "../../config/units.schema.json"
)

func TestExampleUnits(t *testing.T) {
	f, err := os.Open(unitsFile)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	d, err := reminder.ReadUnits(f)
	if err != nil {
		t.Fatal(err)
	}
	perHospital := map[string]int{}
	countries := map[reminder.Country]bool{}
	deadlines := map[time.Duration]bool{}
	for _, u := range d.Units() {
		perHospital[u.Hospital]++
		countries[u.Country] = true
		deadlines[u.Deadline] = true
		if got, ok := d.Unit(u.ID); !ok || got.ID != u.ID {
			t.Errorf("unit %s is listed but not found", u.ID)
		}
		if u.Name("xx").Text != u.Names[u.Language].Text {
			t.Errorf("unit %s: an unknown language does not fall back to the unit's own", u.ID)
		}
		if !strings.HasSuffix(u.Mail.Text, ".example") || !strings.HasSuffix(u.From.Text, ".example") {
			t.Errorf("unit %s: a mail address that may be somebody's", u.ID)
		}
	}
	if len(perHospital) != 3 || len(countries) != 3 {
		t.Errorf("hospitals %v in %v: want three in three countries", perHospital, countries)
	}
	for _, u := range d.Units() {
		if (u.Analysis != "") != (u.Country == "SE") {
			t.Errorf("unit %s: analysis %q", u.ID, u.Analysis)
		}
	}
	for h, n := range perHospital {
		if n < 3 {
			t.Errorf("hospital %s has %d units, want at least 3", h, n)
		}
	}
	for _, want := range []time.Duration{24 * time.Hour, 48 * time.Hour, 72 * time.Hour} {
		if !deadlines[want] {
			t.Errorf("no unit has the deadline %v", want)
		}
	}

	eye, _ := d.Unit("rh-eye")
	if r := eye.RulesFor("surgery"); len(r) != 3 || r[0].Before != 14*24*time.Hour {
		t.Errorf("rules for surgery: %v", r)
	}
	if r := eye.RulesFor("visit"); len(r) != 2 || r[1] != (reminder.Rule{Name: "48h", Before: 48 * time.Hour}) {
		t.Errorf("rules for any other kind: %v, want the hospital's default", r)
	}
	child, _ := d.Unit("fh-barn")
	if r := child.RulesFor("phone-call"); len(r) != 0 {
		t.Errorf("an empty list of rules makes reminders: %v", r)
	}
	day, _ := d.Unit("lv-dagvard")
	if day.Window != (reminder.Window{From: 9 * time.Hour, Until: 18 * time.Hour}) || day.Channels[0] != reminder.Email || day.Zone != "Europe/Stockholm" {
		t.Errorf("a unit's own window and channels do not win, or the hospital's zone is lost: %+v", day)
	}
	if _, ok := d.Unit("nowhere"); ok {
		t.Error("an unknown unit is found")
	}
}

func TestExampleUnitsFitTheSchema(t *testing.T) {
	s, err := jsonschema.NewCompiler().Compile(unitsSchema)
	if err != nil {
		t.Fatal(err)
	}
	check := func(text string) error {
		var v any
		if err := yaml.Unmarshal([]byte(text), &v); err != nil {
			t.Fatal(err)
		}
		j, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(j))
		if err != nil {
			t.Fatal(err)
		}
		return s.Validate(doc)
	}
	file, err := os.ReadFile(unitsFile)
	if err != nil {
		t.Fatal(err)
	}
	if err := check(string(file)); err != nil {
		t.Error(err)
	}
	if err := check(oneUnit); err != nil {
		t.Error(err)
	}
	for _, c := range badUnits {
		if c.schemaBlind {
			continue
		}
		if check(strings.Replace(oneUnit, c.old, c.new, 1)) == nil {
			t.Errorf("%s: the schema takes it", c.name)
		}
	}
}

const oneUnit = `hospitals:
  - id: h
    country: DK
    language: da
    zone: Europe/Copenhagen
    units:
      - id: u-1
        names: {da: {text: Ambulatorium 1, class: 1}}
        address: {text: Vej 1, class: 1}
        entrance: {text: Indgang A, class: 1.5}
        phone: {text: 70 99 10 11, class: 1.5}
        mail: {text: a@b.example, class: 1.5}
        link: {text: "https://b.example/clinic-1", class: 1.5}
        sender_id: {text: Hospital, class: 0}
        from: {text: f@b.example, class: 0}
        cancel_deadline: 24h
        window: {hours: "08:00-20:00"}
        channels: [sms]
        rules: {default: [{name: 7d, before: 7d}]}
        templates: {reminder: reminder}
`

var badUnits = []struct {
	name, old, new string
	says           []string
	schemaBlind    bool // only the program can see it
}{
	{"unknown field", "cancel_deadline", "deadline", []string{"deadline"}, false},
	{"two fields of one name", "channels: [sms]", "cancel_deadline: 24h", []string{"cancel_deadline"}, true},
	{"country", "DK", "XX", []string{`unit "u-1"`, "country", `"XX"`, "DK, SE, NO"}, false},
	{"zone", "Europe/Copenhagen", "Europe/Nowhere", []string{`unit "u-1"`, "zone", "Nowhere", "IANA"}, true},
	{"local zone", "Europe/Copenhagen", "Local", []string{"zone", "Local"}, true},
	{"norwegian", "language: da", "language: no", []string{"language", "want nb"}, false},
	{"no name in own language", "names: {da", "names: {sv", []string{"names", `"da"`}, true},
	{"id", "u-1", "U 1", []string{`"U 1"`, "a-z"}, false},
	{"class missing", "class: 1.5}\n        phone", "}\n        phone", []string{"entrance.class", "0, 1, 1.5 or 2"}, false},
	{"class unknown", "Vej 1, class: 1}", "Vej 1, class: 3}", []string{"address.class", `"3"`}, false},
	{"no entrance", "entrance: {text: Indgang A, class: 1.5}", "", []string{"entrance"}, false},
	{"text with line break", "Vej 1", `"Vej\n1"`, []string{"address.text", "one line"}, true},
	{"phone", "70 99 10 11", "call us", []string{"phone", `"call us"`}, false},
	{"mail", "a@b.example", "b.example", []string{"mail", "b.example"}, false},
	{"mail with name", "a@b.example", `"A <a@b.example>"`, []string{"mail", "bare"}, false},
	{"link without https", "https://b", "http://b", []string{"link", "http://b"}, false},
	{"link with a query", "clinic-1", "clinic?p=1", []string{"link", "no query"}, false},
	{"link with a fragment", "clinic-1", "clinic#p", []string{"link"}, false},
	{"link with a port", "b.example/", "b.example:8443/", []string{"link", "port"}, false},
	{"link with a user", "//b.example", "//u@b.example", []string{"link", "user"}, false},
	{"link to a number", "b.example/", "127.0.0.1/", []string{"link", "host name"}, false},
	{"link that climbs", "clinic-1", "../clinic", []string{"link", "plain path"}, false},
	{"link in encoded letters", "clinic-1", "clinic%201", []string{"link"}, false},
	{"link too long", "clinic-1", strings.Repeat("c", 80), []string{"link", "at most 80"}, false},
	{"link without class", "clinic-1\", class: 1.5}", "clinic-1\"}", []string{"link.class"}, false},
	{"sender too long", "text: Hospital", "text: HospitalRavn", []string{"sender_id", "HospitalRavn", "11"}, false},
	{"sender of few digits", "text: Hospital", `text: "12"`, []string{"sender_id", "letter", "3 to 15 digits"}, false},
	{"sender as it is printed", "text: Hospital", `text: "70 99 10 99"`, []string{"sender_id", "3 to 15 digits"}, false},
	{"sender with a zero behind the plus", "text: Hospital", `text: "+04570991099"`, []string{"sender_id"}, false},
	{"sender of none", "        sender_id: {text: Hospital, class: 0}\n", "", []string{"sender_id"}, true},
	{"replies to letters", "text: Hospital, class: 0", "text: Hospital, class: 0, replies: number", []string{"sender_id.replies", "nobody can answer"}, false},
	{"replies by what", "text: Hospital, class: 0", "text: Hospital, class: 0, replies: yes", []string{"sender_id.replies", `"yes"`}, false},
	{"keyword without replies", "text: Hospital, class: 0", `text: "1204", class: 0, keyword: RAVN`, []string{"sender_id.keyword", "RAVN", "replies: number"}, false},
	{"keyword that is read", "text: Hospital, class: 0", `text: "1204", class: 0, replies: number, keyword: Stop`, []string{"sender_id.keyword", "STOP"}, false},
	{"keyword of two words", "text: Hospital, class: 0", `text: "1204", class: 0, replies: number, keyword: RAVN HOLT`, []string{"sender_id.keyword"}, false},
	{"deadline unit", "24h", "1week", []string{"cancel_deadline", "1week", "30d"}, false},
	{"deadline too long", "24h", "31d", []string{"cancel_deadline", "31d", "30d"}, true},
	{"window turned round", "08:00-20:00", "20:00-08:00", []string{"window.hours", "20:00-08:00"}, true},
	{"window form", "08:00-20:00", "8-20", []string{"window.hours", `"8-20"`}, false},
	{"window past midnight", "08:00-20:00", "08:00-24:30", []string{"window.hours"}, true},
	{"channel", "[sms]", "[fax]", []string{"channels", "fax", "sms, email"}, false},
	{"channel twice", "[sms]", "[sms, sms]", []string{"channels"}, false},
	{"rule too near", "before: 7d", "before: 1h", []string{"rules.default.before", `"1h"`, "3h to 90d"}, true},
	{"rule twice", "{name: 7d, before: 7d}", "{name: a, before: 7d}, {name: a, before: 2d}", []string{"rules.default.name", `"a"`}, true},
	{"purpose", "{reminder: reminder}", "{hello: reminder}", []string{"templates", "hello", "cancelled"}, false},
	{"no units", oneUnit[strings.Index(oneUnit, "    units:"):], "    units: []\n", []string{`hospital "h"`, "units", "at least one"}, false},
	{"empty", oneUnit, "", []string{"empty"}, true},
	{"no hospitals", oneUnit, "hospitals: []\n", []string{"hospitals", "at least one"}, false},
	{"two documents", "templates: {reminder: reminder}\n", "channels: [sms]\n---\nhospitals: []\n", []string{"units"}, true},
}

func TestReadUnitsRefuses(t *testing.T) {
	if _, err := reminder.ReadUnits(strings.NewReader(oneUnit)); err != nil {
		t.Fatal(err)
	}
	for _, c := range badUnits {
		text := strings.Replace(oneUnit, c.old, c.new, 1)
		if text == oneUnit {
			t.Errorf("%s: the case changes nothing", c.name)
		}
		_, err := reminder.ReadUnits(strings.NewReader(text))
		if !errors.Is(err, reminder.ErrUnits) {
			t.Errorf("%s: got %v, want ErrUnits", c.name, err)
			continue
		}
		for _, s := range c.says {
			if !strings.Contains(err.Error(), s) {
				t.Errorf("%s: %q does not say %q", c.name, err, s)
			}
		}
	}
}

func TestReadUnitsTellsEverythingAtOnce(t *testing.T) {
	text := strings.NewReplacer("DK", "XX", "[sms]", "[fax]", "24h", "never").Replace(oneUnit)
	_, err := reminder.ReadUnits(strings.NewReader(text))
	for _, s := range []string{"country", "channels", "cancel_deadline"} {
		if err == nil || !strings.Contains(err.Error(), s) {
			t.Errorf("%v does not tell of %s", err, s)
		}
	}
}

func TestLocalTime(t *testing.T) {
	l, err := reminder.LoadZone("Europe/Copenhagen")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		day, hour int
		month     time.Month
		want      string
		exists    bool
	}{
		{28, 14, time.March, "2026-03-28T14:30:00+01:00", true},
		{29, 1, time.March, "2026-03-29T01:30:00+01:00", true},
		{29, 2, time.March, "2026-03-29T03:30:00+02:00", false}, // skipped
		{29, 3, time.March, "2026-03-29T03:30:00+02:00", true},
		{25, 1, time.October, "2026-10-25T01:30:00+02:00", true},
		{25, 2, time.October, "2026-10-25T02:30:00+02:00", true}, // twice: the first
		{25, 3, time.October, "2026-10-25T03:30:00+01:00", true},
		{0, 12, time.March, "2026-02-28T12:30:00+01:00", true},
	} {
		got, exists := reminder.LocalTime(2026, c.month, c.day, c.hour, 30, 0, l)
		if got.Format(time.RFC3339) != c.want || exists != c.exists {
			t.Errorf("%v %d %d:30: %s %v, want %s %v", c.month, c.day, c.hour, got.Format(time.RFC3339), exists, c.want, c.exists)
		}
	}
	for _, bad := range []string{"", "Local", "Europe/Nowhere", "../etc/passwd"} {
		if _, err := reminder.LoadZone(bad); !errors.Is(err, reminder.ErrZone) || (bad != "" && strings.Contains(err.Error(), bad)) {
			t.Errorf("zone %q: %v", bad, err)
		}
	}
}
