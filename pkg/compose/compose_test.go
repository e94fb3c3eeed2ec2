package compose_test

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/husk-reminders/husk/pkg/compose"
	"github.com/husk-reminders/husk/pkg/consent"
	"github.com/husk-reminders/husk/pkg/contact"
	"github.com/husk-reminders/husk/pkg/gate"
	"github.com/husk-reminders/husk/pkg/policy"
	"github.com/husk-reminders/husk/pkg/redact"
	"github.com/husk-reminders/husk/pkg/reminder"
	"github.com/husk-reminders/husk/pkg/template"
	"github.com/husk-reminders/husk/templates"
)

const pack = `
id: dk-test
country: DK
zone: Europe/Copenhagen
valid_from: 2019-07-16
basis: {reminder: consent, changed: consent, cancelled: consent}
consent: {scope: controller, guardian_until_age: 15, proof_years: 5}
channels:
  sms: {max_length: 140, ceiling: 1.5, max_age: 24 months}
  email: {ceiling: 1.5, max_age: 24 months}
verification:
  min_level: proven
  methods: [nemsms, web-eid, code, desk-id]
  register_freshness: 24 months
  max_persons: 6
cap: {max: 6, per: 24h}
`

var (
	zone = func() *time.Location {
		l, err := time.LoadLocation("Europe/Copenhagen")
		if err != nil {
			panic(err)
		}
		return l
	}()
	now   = time.Date(2026, 3, 10, 10, 0, 0, 0, zone)
	start = time.Date(2026, 3, 12, 14, 30, 0, 0, zone)
)

// line is a gate and a composer with one patient and one unit, each free to be changed before the permit is asked for.
type line struct {
	t         *testing.T
	unit      reminder.Unit
	lease     reminder.Lease
	channel   reminder.Channel
	templates compose.Templates
	registry  *prometheus.Registry
	law       string // the pack file
}

func newLine(t *testing.T) *line {
	set, err := template.Load(templates.FS)
	if err != nil {
		t.Fatal(err)
	}
	fact := func(text string, class reminder.Class) reminder.Fact { return reminder.Fact{Text: text, Class: class} }
	return &line{
		t: t, channel: reminder.SMS, templates: set, registry: prometheus.NewRegistry(), law: pack,
		unit: reminder.Unit{
			ID: "rh-ortho", Hospital: "rh", Country: "DK", Language: "da", Zone: "Europe/Copenhagen",
			Names:   map[string]reminder.Fact{"da": fact("Rigshospitalet", 0), "en": fact("Rigshospitalet", 0)},
			Address: fact("Blegdamsvej 9, 2100 København Ø", 1), Entrance: fact("Indgang 3", 1.5),
			Phone: fact("35 45 35 45", 1.5), Mail: fact("tid@hospital.example", 1.5),
			SenderID: fact("Hospital", 0), Replies: reminder.NumberReplies, From: fact("husk@hospital.example", 0),
		},
		lease: reminder.Lease{
			Person: "1-00000000000000000000000000000001", Purpose: reminder.Remind, Rule: "48h", Expires: start.Add(-2 * time.Hour), Attempt: 1,
			Appointment: reminder.Appointment{
				Person: "1-00000000000000000000000000000001", Unit: "rh-ortho", Start: start, Length: 30 * time.Minute, Status: reminder.Booked,
				GivenName: reminder.Mask("Anna"), BirthDate: reminder.Date{Year: 1970, Month: 1, Day: 1},
			},
		},
	}
}

func (l *line) People(_ context.Context, keys []reminder.PersonKey) ([]gate.Person, error) {
	at := now.AddDate(0, -1, 0)
	address := reminder.NewAddress(reminder.SMS, "+4520123456")
	if l.channel == reminder.Email {
		address = reminder.NewAddress(reminder.Email, "anna@patient.example")
	}
	return []gate.Person{{
		Key: keys[0], Known: true, Version: 7,
		Consent: []consent.Record{{
			ID: "c1", Person: keys[0], Type: consent.Granted, Purposes: []reminder.Purpose{reminder.Remind}, Channels: reminder.Channels,
			Scope: consent.Scope{Kind: policy.ControllerScope}, Method: consent.Desk, Actor: consent.Actor{Kind: consent.Self},
			Notice: consent.Notice{ID: "da-1", Hash: strings.Repeat("0", 64), Language: "da"}, EventTime: at, Recorded: at,
		}},
		Contact: []contact.Record{{
			ID: "a1", Person: keys[0], Type: contact.Verified, Address: address, Hash: hash(address), Channel: address.Channel,
			Method: policy.Code, Level: policy.Proven, EventTime: at, Recorded: at,
		}},
	}}, nil
}

func hash(a reminder.Address) reminder.AddressHash {
	return reminder.AddressHash("1-" + string(a.Channel))
}

func (l *line) Stopped(context.Context) (map[string]string, error) { return nil, nil }

func (l *line) Confirm(context.Context, []gate.Confirmation) ([]error, error) {
	return nil, errors.New("composing confirms nothing")
}

func (l *line) Unit(string) (reminder.Unit, bool) { return l.unit, true }

func (l *line) pack() policy.Pack {
	l.t.Helper()
	packs := l.packs()
	p, ok := packs.For("DK", now)
	if !ok {
		l.t.Fatal("no pack")
	}
	return p
}

func (l *line) packs() *policy.Set {
	l.t.Helper()
	packs, err := policy.Load(fstest.MapFS{"dk-test.yaml": {Data: []byte(l.law)}})
	if err != nil {
		l.t.Fatal(err)
	}
	return packs
}

func (l *line) permit() gate.Permit {
	l.t.Helper()
	l.unit.Channels = []reminder.Channel{l.channel}
	g, err := gate.New(gate.Options{People: l, Switches: l, Confirmer: l, Packs: l.packs(), Units: l, Numbers: l, Hash: hash})
	if err != nil {
		l.t.Fatal(err)
	}
	ds, err := g.Decide(context.Background(), []reminder.Lease{l.lease}, now)
	if err != nil || ds[0].Permit.IsZero() {
		l.t.Fatalf("the gate gives no permit: %+v %v", ds, err)
	}
	return ds[0].Permit
}

func (l *line) composer() *compose.Composer {
	l.t.Helper()
	s, err := redact.New(redact.Options{Checked: template.Checked()})
	if err != nil {
		l.t.Fatal(err)
	}
	c, err := compose.New(compose.Options{Templates: l.templates, Scanner: s, Metrics: l.registry})
	if err != nil {
		l.t.Fatal(err)
	}
	return c
}

func (l *line) compose() (reminder.Message, error) {
	l.t.Helper()
	return l.composer().Compose(context.Background(), l.permit())
}

// use puts one template in the place of all others.
func (l *line) use(path, text string) {
	l.t.Helper()
	s, err := template.Load(fstest.MapFS{path: {Data: []byte(text)}})
	if err != nil {
		l.t.Fatal(err)
	}
	l.templates = s
}

func TestMessage(t *testing.T) {
	m, err := newLine(t).compose()
	if err != nil {
		t.Fatal(err)
	}
	// The address gives way: with it the text has 145 letters, and Denmark allows 140.
	const want = "Husk din aftale torsdag 12. marts kl. 14.30 på Rigshospitalet, Indgang 3. Afbud 35 45 35 45. Stop sms: svar STOP"
	if got := m.Text.Reveal(); got != want {
		t.Errorf("got  %q\nwant %q", got, want)
	}
	if m.Channel != reminder.SMS || m.To.Reveal() != "+4520123456" || m.Sender != "Hospital" || m.ReplyTo != "tid@hospital.example" ||
		m.Segments != 1 || m.Class != 1.5 || m.Unit != "rh-ortho" || !m.NotAfter.Equal(start.Add(-2*time.Hour)) || m.Language != "da" ||
		m.Purpose != reminder.Remind || !strings.HasPrefix(m.Template, "da/reminder.sms@") || !m.Subject.IsZero() || m.Reference != "" {
		t.Errorf("%+v to %s", m, m.To.Reveal())
	}
}

func TestEmail(t *testing.T) {
	l := newLine(t)
	l.channel = reminder.Email
	m, err := l.compose()
	if err != nil {
		t.Fatal(err)
	}
	if m.Subject.Reveal() != "Husk din aftale torsdag 12. marts" || !strings.HasPrefix(m.Text.Reveal(), "Hej Anna\n\nHusk din aftale torsdag 12. marts 2026 kl. 14.30 på") {
		t.Errorf("%q\n%s", m.Subject.Reveal(), m.Text.Reveal())
	}
	if m.Sender != "husk@hospital.example" || m.Segments != 0 || m.To.Reveal() != "anna@patient.example" {
		t.Errorf("%+v", m)
	}
}

func TestEveryDefaultTextComposes(t *testing.T) {
	for _, lang := range template.Languages() {
		for _, ch := range reminder.Channels {
			for _, p := range []reminder.Purpose{reminder.Remind, reminder.Changed, reminder.Cancel} {
				l := newLine(t)
				l.channel, l.lease.Purpose, l.lease.Appointment.Language = ch, p, lang
				l.lease.Told = time.Date(2026, 3, 20, 8, 15, 0, 0, time.UTC) // 09:15 at the clinic
				m, err := l.compose()
				if err != nil {
					t.Errorf("%s %s %s: %v", lang, ch, p, err)
					continue
				}
				if m.Language != lang {
					t.Errorf("%s %s %s: written in %s", lang, ch, p, m.Language)
				}
				if told := strings.Contains(m.Text.Reveal(), "20"+map[string]string{"da": ". marts", "sv": " mars", "nb": ". mars", "fi": ". maaliskuuta", "de": ". März", "en": " March"}[lang]); told != (p != reminder.Remind) {
					t.Errorf("%s %s %s: names the day told before: %v: %s", lang, ch, p, told, m.Text.Reveal())
				}
				if p == reminder.Cancel && !strings.Contains(strings.ReplaceAll(m.Text.Reveal(), ".", ":"), "9:15") {
					t.Errorf("%s %s %s: not in the clinic's zone: %s", lang, ch, p, m.Text.Reveal())
				}
			}
		}
	}
}

// What is chosen beforehand is what the message is then made of.
func TestChosen(t *testing.T) {
	for _, asked := range []string{"", "pl", "en-GB", "no"} {
		l := newLine(t)
		l.lease.Appointment.Language = asked
		c := l.composer()
		m, err := c.Compose(t.Context(), l.permit())
		if got := c.Chosen(l.permit()); err != nil || got == "" || got != m.Template {
			t.Errorf("%q: chosen %q, composed %q, %v", asked, got, m.Template, err)
		}
	}
	if got := newLine(t).composer().Chosen(gate.Permit{}); got != "" {
		t.Errorf("without a permit: %q", got)
	}
}

func TestZeroPermitIsRefused(t *testing.T) {
	m, err := newLine(t).composer().Compose(context.Background(), gate.Permit{})
	if !errors.Is(err, compose.ErrNoPermit) || !reflect.ValueOf(m).IsZero() {
		t.Errorf("%+v %v", m, err)
	}
}

func TestCancelledContext(t *testing.T) {
	l := newLine(t)
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := l.composer().Compose(ctx, l.permit()); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
}

func TestLanguageFallsBackToTheUnits(t *testing.T) {
	for asked, want := range map[string]string{"": "da", "pl": "da", "en": "en", "en-GB": "en", "no": "nb", "sv": "sv"} {
		l := newLine(t)
		l.lease.Appointment.Language = asked
		if m, err := l.compose(); err != nil || m.Language != want {
			t.Errorf("%q: got %q, want %q: %v", asked, m.Language, want, err)
		}
	}
}

func TestUnitChoosesItsTemplateSet(t *testing.T) {
	const text = "{date} {time} {unit} {phone} STOP"
	l := newLine(t)
	l.unit.Templates = map[reminder.Purpose]string{reminder.Remind: "short"}
	if _, err := l.compose(); !errors.Is(err, compose.ErrNoTemplate) {
		t.Errorf("a set that does not exist: %v", err)
	}
	l = newLine(t)
	l.use("da/short.sms.txt", text)
	l.unit.Templates = map[reminder.Purpose]string{reminder.Remind: "short"}
	m, err := l.compose()
	if err != nil || m.Text.Reveal() != "12. marts kl. 14.30 Rigshospitalet 35 45 35 45 STOP" {
		t.Errorf("%q %v", m.Text.Reveal(), err)
	}
}

func TestHeld(t *testing.T) {
	for _, c := range []struct {
		name, fact string
		spoil      func(*line)
	}{
		{"a CPR number in the address", "address", func(l *line) { l.unit.Address.Text = "Blegdamsvej 9, 311299-5004" }},
		{"a CPR number put together by two facts", "", func(l *line) {
			l.use("da/reminder.sms.txt", "{date} {time} {unit} {phone} STOP {address} 5004")
			l.unit.Address.Text = "Vej 311299"
		}},
		{"a CPR number in the template", "", func(l *line) {
			l.use("da/reminder.sms.txt", "{date} {time} {unit} {phone} STOP 311299-5004")
		}},
		{"digits nobody explains in the template", "", func(l *line) {
			l.use("da/reminder.sms.txt", "{date} {time} {unit} {phone} STOP 12 34 56")
		}},
		{"a phone which is none", "phone", func(l *line) { l.unit.Phone.Text = "se bagsiden" }},
		{"an invisible letter in the address", "address", func(l *line) { l.unit.Address.Text = "Blegdams\u200bvej 9" }},
	} {
		t.Run(c.name, func(t *testing.T) {
			l := newLine(t)
			l.use("da/reminder.sms.txt", "{date} {time} {unit} {address} {phone} STOP")
			c.spoil(l)
			m, err := l.compose()
			var held *compose.HeldError
			if !errors.Is(err, compose.ErrHeld) || !errors.As(err, &held) {
				t.Fatalf("got %q, %v", m.Text.Reveal(), err)
			}
			if !reflect.ValueOf(m).IsZero() {
				t.Error("a held message was handed out")
			}
			if c.fact != "" && !slices.ContainsFunc(held.Findings, func(f redact.Finding) bool { return f.Fact == c.fact && f.Length > 0 }) {
				t.Errorf("no finding names {%s}: %+v", c.fact, held.Findings)
			}
			for _, secret := range []string{"311299", "5004", "bagsiden", "Blegdam", "Jensen"} {
				if s := fmt.Sprintf("%v %+v", err, held.Findings); strings.Contains(s, secret) {
					t.Errorf("the error tells %q: %s", secret, s)
				}
			}
			if n, err := testutil.GatherAndCount(l.registry, "husk_compose_messages_total"); err != nil || n == 0 {
				t.Errorf("not counted: %v", err)
			}
		})
	}
}

func TestNeutralTextStandsForAValueThatMustNotLeave(t *testing.T) {
	for _, c := range []struct {
		name    string
		channel reminder.Channel
		spoil   func(*line)
		want    string
	}{
		{"a CPR number in the unit's name", reminder.SMS, func(l *line) {
			l.unit.Names = map[string]reminder.Fact{"da": {Text: "Klinik 311299-5004", Class: 2}}
		}, "Husk din aftale torsdag 12. marts kl. 14.30 på hospitalet, Blegdamsvej 9, Indgang 3. Afbud 35 45 35 45. Stop sms: svar STOP"},
		{"a CPR number for an entrance", reminder.SMS, func(l *line) { l.unit.Entrance.Text = "311299-5004" },
			"Husk din aftale torsdag 12. marts kl. 14.30 på Rigshospitalet, Blegdamsvej 9. Afbud 35 45 35 45. Stop sms: svar STOP"},
		{"a CPR number for a given name", reminder.Email, func(l *line) { l.lease.Appointment.GivenName = reminder.Mask("3112995004") }, "Hej\n\nHusk"},
		{"another person's name for a given name", reminder.Email, func(l *line) {
			l.lease.Appointment.GivenName = reminder.Mask("Peter Jensen")
			l.lease.Appointment.Others = []reminder.Other{{Role: reminder.Relative, Names: []reminder.Masked{reminder.Mask("Peter Jensen")}}}
		}, "Hej\n\nHusk"},
		{"both", reminder.SMS, func(l *line) {
			l.unit.Names = map[string]reminder.Fact{"da": {Text: "Klinik 311299-5004"}}
			l.unit.Entrance.Text = "311299-5004"
		}, "Husk din aftale torsdag 12. marts kl. 14.30 på hospitalet, Blegdamsvej 9. Afbud 35 45 35 45. Stop sms: svar STOP"},
	} {
		t.Run(c.name, func(t *testing.T) {
			l := newLine(t)
			l.channel = c.channel
			l.unit.Address.Text = "Blegdamsvej 9"
			c.spoil(l)
			if c.channel == reminder.SMS { // without a length limit in the way
				l.use("da/reminder.sms.txt", "Husk din aftale {weekday} {date} {time} på {unit}, {address}[, {entrance}]. Afbud {phone}. Stop sms: svar STOP")
			}
			m, err := l.compose()
			if err != nil {
				t.Fatal(err)
			}
			if !strings.HasPrefix(m.Text.Reveal(), c.want) {
				t.Errorf("got  %q\nwant %q", m.Text.Reveal(), c.want)
			}
			if strings.Contains(m.Text.Reveal(), "311299") || m.Class != 1.5 {
				t.Errorf("class %v: %s", m.Class, m.Text.Reveal())
			}
			if n, err := testutil.GatherAndCount(l.registry, "husk_compose_neutral_total"); err != nil || n == 0 {
				t.Errorf("not counted: %v", err)
			}
		})
	}
}

func TestLimits(t *testing.T) {
	l := newLine(t)
	l.unit.Names = map[string]reminder.Fact{"da": {Text: strings.Repeat("Meget langt navn ", 8) + "x"}}
	if _, err := l.compose(); !errors.Is(err, compose.ErrTooLong) {
		t.Errorf("too long: %v", err)
	}
	for name, spoil := range map[string]func(*line){
		"name":    func(l *line) { l.unit.Names["da"] = reminder.Fact{Text: "Hudklinikken", Class: 2} },
		"phone":   func(l *line) { l.unit.Phone.Class = 2 },
		"literal": func(l *line) { l.use("da/reminder.sms.txt", "Class: 2\n\n{date} {time} {unit} {phone} STOP") },
	} {
		l := newLine(t)
		spoil(l)
		if _, err := l.compose(); !errors.Is(err, compose.ErrOverCeiling) {
			t.Errorf("%s: %v", name, err)
		}
	}
	l = newLine(t)
	l.channel, l.unit.Mail.Class = reminder.Email, 2
	l.use("da/reminder.email.txt", "Subject: x\n\n{date} {time} {unit} {phone} STOP")
	if _, err := l.compose(); !errors.Is(err, compose.ErrOverCeiling) {
		t.Errorf("the address for replies has a class too: %v", err)
	}
}

func TestWhatATemplateOrUnitLacks(t *testing.T) {
	for _, c := range []struct {
		name  string
		want  error
		spoil func(*line)
	}{
		{"no phone", template.ErrMissing, func(l *line) { l.unit.Phone.Text = "" }},
		{"no sender", compose.ErrNoSender, func(l *line) { l.unit.SenderID.Text = "" }},
		{"no contact", compose.ErrUnfit, func(l *line) { l.use("da/reminder.sms.txt", "{date} {time} {unit} STOP") }},
		{"a question", compose.ErrUnfit, func(l *line) { l.use("da/reminder.sms.txt", "{date} {time} {unit} {phone} STOP?") }},
		{"no template in any language", compose.ErrNoTemplate, func(l *line) { l.use("sv/reminder.sms.txt", "{date} {time} {unit} {phone} STOP") }},
		{"no template of the channel", compose.ErrNoTemplate, func(l *line) { l.use("da/reminder.email.txt", "Subject: x\n\n{date}") }},
	} {
		l := newLine(t)
		c.spoil(l)
		if _, err := l.compose(); !errors.Is(err, c.want) {
			t.Errorf("%s: got %v, want %v", c.name, err, c.want)
		}
	}
}

func TestOptions(t *testing.T) {
	s, err := redact.New(redact.Options{})
	if err != nil {
		t.Fatal(err)
	}
	for _, o := range []compose.Options{{Scanner: s}, {Templates: newLine(t).templates}} {
		if _, err := compose.New(o); err == nil {
			t.Errorf("%+v is taken", o)
		}
	}
}
