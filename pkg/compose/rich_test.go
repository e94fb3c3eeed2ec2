package compose_test

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/husk-reminders/husk/pkg/compose"
	"github.com/husk-reminders/husk/pkg/provider/smtp"
	"github.com/husk-reminders/husk/pkg/reminder"
	"github.com/husk-reminders/husk/pkg/template"
	"github.com/husk-reminders/husk/templates"
)

// rich puts the lines of the choices before the shipped e-mail, and a link into it.
func (l *line) rich() {
	l.t.Helper()
	data, err := templates.FS.ReadFile("da/reminder.email.txt")
	if err != nil {
		l.t.Fatal(err)
	}
	text := strings.Replace(string(data), "\n\nHej", "\nHTML: yes\nCalendar: yes\n\nHej", 1)
	text = strings.Replace(text, "\n\nVenlig hilsen", "[\n\nLæs mere: {link}]\n\nVenlig hilsen", 1)
	l.use("da/reminder.email.txt", text)
	l.channel = reminder.Email
	l.lease.Appointment.Key, l.lease.Version = "1-0123456789abcdef0123456789abcdef", 3
}

// signed is a carrier that signs with a new key.
func signed(t *testing.T, key any) *smtp.Sender {
	t.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "key.pem")
	if err := os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
	s, err := smtp.New(smtp.Options{Config: smtp.Config{
		Host: "mail.hospital.example", Domain: "hospital.example", DKIM: smtp.DKIM{Selector: "husk2026", KeyFile: file},
	}, Now: func() time.Time { return now }})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// Nothing that a mail of text, HTML, a calendar file and a signature consists of holds it, whatever the reference, the signature and the
// appointment's pseudonym.
func TestARichMailIsClean(t *testing.T) {
	_, small, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	large, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	for name, key := range map[string]any{"ed25519": small, "RSA": large} {
		t.Run(name, func(t *testing.T) {
			by, l := signed(t, key), newLine(t)
			l.rich()
			l.lease.Appointment.Others = []reminder.Other{{Role: reminder.Relative, Names: []reminder.Masked{reminder.Mask("Peter Jensen")}}}
			c := l.composer()
			for range 60 {
				l.lease.Appointment.Key = reminder.AppointmentKey("1-" + reminder.NewClaim(l.lease.Person))
				m, err := l.encoded(c, by)
				if err != nil {
					t.Fatal(err)
				}
				if err := c.Inspect(l.permit(), m); err != nil {
					var held *compose.HeldError
					errors.As(err, &held)
					t.Fatalf("%v %+v\n%s", err, held, m.Wire.Body.Reveal())
				}
			}
		})
	}
}

// What the HTML and the calendar file say is looked at as the text is.
func TestWhatHidesInTheOtherPartsIsHeld(t *testing.T) {
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	by := signed(t, key)
	for name, spoil := range map[string]func(*reminder.Message){
		"a number in the HTML":     func(m *reminder.Message) { m.HTML = reminder.Mask(m.HTML.Reveal() + "<p>311299-5004</p>") },
		"a number parted by tags":  func(m *reminder.Message) { m.HTML = reminder.Mask(m.HTML.Reveal() + "<p>311<b>299-50</b>04</p>") },
		"a number in an attribute": func(m *reminder.Message) { m.HTML = reminder.Mask(m.HTML.Reveal() + `<p title="311299-5004">x</p>`) },
		"a link to elsewhere": func(m *reminder.Message) {
			m.HTML = reminder.Mask(m.HTML.Reveal() + `<img src="https://track.example/1">`)
		},
		"a relative in the summary": func(m *reminder.Message) { m.Event.Summary = reminder.Mask("Aftale med Peter Jensen") },
		"a number in a folded location": func(m *reminder.Message) {
			m.Event.Location = reminder.Mask(strings.Repeat("Indgang ", 8) + "311299-5004")
		},
		"a number as the UID":      func(m *reminder.Message) { m.Event.UID = "311299-5004@hospital.example" },
		"a number as the sequence": func(m *reminder.Message) { m.Event.Sequence = 3112995004 },
	} {
		l := newLine(t)
		l.rich()
		l.lease.Appointment.Others = []reminder.Other{{Role: reminder.Relative, Names: []reminder.Masked{reminder.Mask("Peter Jensen")}}}
		c := l.composer()
		m, err := c.Compose(t.Context(), l.permit())
		if err != nil {
			t.Fatal(err)
		}
		uid := m.Event.UID
		spoil(&m)
		m.Reference = reminder.NewClaim(l.lease.Person)
		if m.Wire, err = by.Encode(m); err != nil {
			t.Fatal(err)
		}
		m.Event.UID = uid // the scanner knows what Compose gave, not what a carrier makes of it
		if err := c.Inspect(l.permit(), m); !errors.Is(err, compose.ErrHeld) {
			t.Errorf("%s: %v, want it held\n%s", name, err, m.Wire.Body.Reveal())
		}
	}
}

func TestTheEventSaysNoMoreThanTheText(t *testing.T) {
	l := newLine(t)
	l.rich()
	c := l.composer()
	m, err := c.Compose(t.Context(), l.permit())
	if err != nil {
		t.Fatal(err)
	}
	e := m.Event
	if e == nil || e.Summary.Reveal() != "Aftale: Rigshospitalet" || e.Location.Reveal() != "Blegdamsvej 9, 2100 København Ø, Indgang 3" ||
		!e.Start.Equal(start) || e.Sequence != 3 || e.Gone || len(e.UID) != 32 {
		t.Fatalf("event %+v", e)
	}
	for _, value := range []string{l.unit.Names["da"].Text, l.unit.Address.Text, l.unit.Entrance.Text} {
		if !strings.Contains(m.Text.Reveal(), value) {
			t.Errorf("%q is not in the text", value)
		}
	}
	if strings.Contains(e.UID, "0123") || strings.ContainsAny(e.UID, "0123456789") {
		t.Errorf("UID %s", e.UID)
	}
	uid := e.UID
	l.lease.Version, l.lease.Appointment.Start = 4, start.AddDate(0, 0, 1)
	if m, err = c.Compose(t.Context(), l.permit()); err != nil || m.Event.UID != uid || m.Event.Sequence != 4 {
		t.Errorf("moved: %+v, %v; want the same UID and a higher sequence", m.Event, err)
	}
	l.lease.Appointment.Key = "1-0123456789abcdef0123456789abcdee"
	if m, err = c.Compose(t.Context(), l.permit()); err != nil || m.Event.UID == uid {
		t.Errorf("another appointment has the UID %s, %v", m.Event.UID, err)
	}

	// Where the place is left out of the text, it is left out of the event.
	short := newLine(t)
	short.use("da/reminder.email.txt", "Subject: Husk din aftale\nCalendar: yes\n\nHusk din aftale {weekday} {date} {time} på {unit}. Afbud: {phone}. Svar STOP for ikke at få flere.\n")
	short.channel, short.lease.Appointment.Key = reminder.Email, "1-0123456789abcdef0123456789abcdef"
	if m, err = short.compose(); err != nil || m.Event == nil || !m.Event.Location.IsZero() || !m.HTML.IsZero() {
		t.Errorf("%+v, %v: want an event without a place, and no HTML", m.Event, err)
	}
	if plain, err := newLine(t).compose(); err != nil || plain.Event != nil || !plain.HTML.IsZero() {
		t.Errorf("an SMS has an event or HTML: %+v, %v", plain.Event, err)
	}
}

func TestACancelledAppointmentIsTakenOutOfTheCalendar(t *testing.T) {
	set, err := template.Load(templates.FS)
	if err != nil {
		t.Fatal(err)
	}
	plain, _ := set.Find("cancelled", reminder.Email, "da")
	if plain.Calendar() || plain.HTML() {
		t.Fatal("the shipped text has choices")
	}
	l := newLine(t)
	data, err := templates.FS.ReadFile("da/cancelled.email.txt")
	if err != nil {
		t.Fatal(err)
	}
	l.use("da/cancelled.email.txt", strings.Replace(string(data), "\n\nHej", "\nCalendar: yes\n\nHej", 1))
	l.channel, l.lease.Purpose, l.lease.Told = reminder.Email, reminder.Cancel, start.AddDate(0, 0, -1)
	l.lease.Appointment.Key, l.lease.Appointment.Status = "1-0123456789abcdef0123456789abcdef", reminder.Cancelled
	c := l.composer()
	m, err := c.Compose(t.Context(), l.permit())
	if err != nil || m.Event == nil || !m.Event.Gone || !m.Event.Start.Equal(l.lease.Told) {
		t.Fatalf("%+v, %v: want the told start gone", m.Event, err)
	}
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	m, err = l.encoded(c, signed(t, key))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"METHOD:CANCEL\r\n", "STATUS:CANCELLED\r\n", "; method=CANCEL\r\n"} {
		if !strings.Contains(m.Wire.Body.Reveal(), want) {
			t.Errorf("no %q in the wire:\n%s", want, m.Wire.Body.Reveal())
		}
	}
	if err := c.Inspect(l.permit(), m); err != nil {
		t.Error(err)
	}
}
