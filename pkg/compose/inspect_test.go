package compose_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/husk-reminders/husk/pkg/compose"
	"github.com/husk-reminders/husk/pkg/gate"
	"github.com/husk-reminders/husk/pkg/provider"
	"github.com/husk-reminders/husk/pkg/provider/outbox"
	"github.com/husk-reminders/husk/pkg/provider/smtp"
	"github.com/husk-reminders/husk/pkg/redact"
	"github.com/husk-reminders/husk/pkg/reminder"
)

// carriers are those that are shipped: what each makes of a message is looked at as it is.
func carriers(t *testing.T) map[string]provider.Sender {
	t.Helper()
	box, err := outbox.New(outbox.Options{Dir: t.TempDir(), Now: func() time.Time { return now }})
	if err != nil {
		t.Fatal(err)
	}
	mail, err := smtp.New(smtp.Options{Config: smtp.Config{Host: "127.0.0.1", Port: 25, TLS: smtp.None, AllowPlaintext: true, Domain: "hospital.example"}, Now: func() time.Time { return now }})
	if err != nil {
		t.Fatal(err)
	}
	return map[string]provider.Sender{"outbox": box, "smtp": mail}
}

// encoded is the message of the line's permit as a carrier encodes it.
func (l *line) encoded(c *compose.Composer, by provider.Sender) (reminder.Message, error) {
	l.t.Helper()
	m, err := c.Compose(l.t.Context(), l.permit())
	if err != nil {
		return m, err
	}
	m.Reference = reminder.NewClaim(l.lease.Person)
	m.Wire, err = by.Encode(m)
	if err != nil {
		l.t.Fatal(err)
	}
	return m, nil
}

// TestWhatCarriersEncodeIsClean: nothing that a carrier adds to a clean message of its own holds it, whatever the random
// reference. Names on the negative list that are also words of the approved text do not either.
func TestWhatCarriersEncodeIsClean(t *testing.T) {
	for name, by := range carriers(t) {
		for _, ch := range reminder.Channels {
			if name == "smtp" && ch == reminder.SMS {
				continue
			}
			l := newLine(t)
			l.channel = ch
			l.lease.Appointment.Others = []reminder.Other{{Role: reminder.Relative, Names: []reminder.Masked{reminder.Mask("Tid Marts"), reminder.Mask("Husk Hansen")}}}
			c := l.composer()
			for range 300 {
				m, err := l.encoded(c, by)
				if err != nil {
					t.Fatal(err)
				}
				if err := c.Inspect(l.permit(), m); err != nil {
					t.Fatalf("%s, %s: %v\n%s", name, ch, err, m.Wire.Body.Reveal())
				}
			}
		}
	}
}

// TestWhatACarrierAddsIsHeld: a carrier that writes more than it was given does not get it past the last scan.
func TestWhatACarrierAddsIsHeld(t *testing.T) {
	leak := map[string]func(wire string) string{
		"header":   func(w string) string { return "X-Patient: 311299-5004\r\n" + w },
		"text":     func(w string) string { return w + "\r\nRef. 3112=\r\n995004\r\n" },
		"name":     func(w string) string { return w + "\r\nHilsen Peter Jensen\r\n" },
		"file":     func(w string) string { return "Content-Disposition: attachment; filename=\"311299-5004.pdf\"\r\n" + w },
		"hidden":   func(w string) string { return w + "\r\n=E2=80=8B\r\n" },
		"charset":  func(w string) string { return strings.Replace(w, "charset=UTF-8", "charset=utf-7", 1) },
		"encoding": func(w string) string { return strings.Replace(w, "quoted-printable", "x-zip", 1) },
	}
	by := carriers(t)["smtp"]
	for name, add := range leak {
		l := newLine(t)
		l.channel = reminder.Email
		l.lease.Appointment.Others = []reminder.Other{{Role: reminder.Relative, Names: []reminder.Masked{reminder.Mask("Peter Jensen")}}}
		c := l.composer()
		m, err := l.encoded(c, by)
		if err != nil {
			t.Fatal(err)
		}
		was := m.Wire.Body.Reveal()
		m.Wire.Body = reminder.Mask(add(was))
		if m.Wire.Body.Reveal() == was {
			t.Fatalf("%s: nothing was added:\n%s", name, was)
		}
		err = c.Inspect(l.permit(), m)
		var held *compose.HeldError
		if !errors.As(err, &held) || held.Template != m.Template {
			t.Errorf("%s: %v, want it held", name, err)
		}
		if s := fmt.Sprintf("%v %+v", err, held); strings.Contains(s, "5004") || strings.Contains(s, "Jensen") {
			t.Errorf("%s: the error tells the value: %s", name, s)
		}
	}
}

func TestNothingToInspect(t *testing.T) {
	l := newLine(t)
	c, p := l.composer(), l.permit()
	m, err := c.Compose(t.Context(), p)
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Inspect(p, m); !errors.Is(err, compose.ErrNoWire) {
		t.Errorf("not encoded: %v", err)
	}
	m.Wire = reminder.Wire{Format: reminder.WireText, Body: m.Text}
	if err := c.Inspect(gate.Permit{}, m); !errors.Is(err, compose.ErrNoPermit) {
		t.Errorf("no permit: %v", err)
	}
	if err := c.Inspect(p, m); err != nil {
		t.Errorf("clean: %v", err)
	}
	for name, w := range map[string]reminder.Wire{"format": {Format: "fax", Body: m.Text}, "no format": {Body: m.Text}} {
		m.Wire = w
		if err := c.Inspect(p, m); !errors.Is(err, compose.ErrHeld) {
			t.Errorf("unknown %s: %v: what can't be read does not pass", name, err)
		}
	}
}

// TestRelease: digits that nothing explains pass where an approver let them pass, in that template's message, and nowhere else.
func TestRelease(t *testing.T) {
	const text = "{date} {time} {unit} {phone} STOP. Gade 12 34 56"
	l := newLine(t)
	l.use("da/reminder.sms.txt", text)
	write := func() error {
		l.registry = prometheus.NewRegistry()
		_, err := l.compose()
		return err
	}
	held := func() *compose.HeldError {
		t.Helper()
		err := write()
		var h *compose.HeldError
		if !errors.As(err, &h) {
			t.Fatalf("%v, want it held", err)
		}
		return h
	}
	release := func(h *compose.HeldError) *reminder.Release {
		r := &reminder.Release{Template: h.Template}
		for _, f := range h.Findings {
			r.Findings = append(r.Findings, reminder.Finding{Kind: f.Kind, Layout: f.Layout, Part: f.Part, Fact: f.Fact, Offset: f.Offset, Length: f.Length, Releasable: f.Releasable()})
		}
		return r
	}
	h := held()
	if len(h.Findings) != 1 || !h.Findings[0].Releasable() {
		t.Fatalf("%+v", h.Findings)
	}
	l.lease.Release = release(h)
	l.registry = prometheus.NewRegistry()
	c := l.composer()
	m, err := l.encoded(c, carriers(t)["outbox"])
	if err != nil || !strings.HasSuffix(m.Text.Reveal(), "12 34 56") {
		t.Fatalf("released: %v", err)
	}
	if err := c.Inspect(l.permit(), m); err != nil {
		t.Errorf("released, and held by the second scan: %v", err)
	}

	l.use("da/reminder.sms.txt", text+" ") // another version
	held()
	l.use("da/reminder.sms.txt", text)
	l.lease.Release.Findings[0].Offset--
	held()
	l.lease.Release.Findings[0].Offset++
	l.unit.Names["da"] = reminder.Fact{Text: "Rigshospitalet 1"}
	held() // the digits stand elsewhere
	l.unit.Names["da"] = reminder.Fact{Text: "Rigshospitalet"}
	if err := write(); err != nil {
		t.Errorf("as it was released: %v", err)
	}

	// What nobody may release is held, whatever the release says.
	l.use("da/reminder.sms.txt", "{date} {time} {unit} {phone} STOP. 311299-5004")
	h = held()
	if slices.ContainsFunc(h.Findings, redact.Finding.Releasable) {
		t.Errorf("%+v", h.Findings)
	}
	l.lease.Release = release(h)
	l.lease.Release.Findings[0].Releasable = true
	held()
}
