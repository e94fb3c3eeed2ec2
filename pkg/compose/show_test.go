package compose_test

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/husk-reminders/husk/pkg/compose"
	"github.com/husk-reminders/husk/pkg/reminder"
)

// showing asks for the message of the line's permit.
func (l *line) showing() compose.Showing {
	l.t.Helper()
	p := l.permit()
	return compose.Showing{Lease: p.Lease(), Unit: p.Unit(), Pack: p.Pack(), Channel: p.Channel(), HidePlace: p.HidePlace()}
}

// What is shown is what is sent, but for the name.
func TestShow(t *testing.T) {
	l := newLine(t)
	l.use("da/reminder.sms.txt", "class: 1.5\n---\nHusk[ {name}] din aftale {weekday} {date} {time} på {unit}. Afbud {phone}. Stop sms: svar STOP\n")
	c := l.composer()
	m, err := c.Compose(t.Context(), l.permit())
	if err != nil {
		t.Fatal(err)
	}
	shown, err := c.Show(l.showing())
	if err != nil {
		t.Fatal(err)
	}
	name := l.permit().Lease().Appointment.GivenName.Reveal()
	if name == "" || !strings.Contains(m.Text.Reveal(), name) {
		t.Fatalf("the message does not name %q", name)
	}
	want := strings.ReplaceAll(m.Text.Reveal(), name, "████")
	if len(shown.Parts) != 2 || shown.Parts[0].Text != want || len(shown.Parts[0].Findings) != 0 || shown.Parts[1].Kind != reminder.PartSender || shown.Template != m.Template {
		t.Errorf("%+v\nwant %s", shown, want)
	}
}

// What a message is held for is marked, and nobody sees it.
func TestShowWhatIsHeld(t *testing.T) {
	l := newLine(t)
	l.use("da/reminder.sms.txt", "Husk[ {name}] æøå {date} {time} {unit} {phone} STOP. Gade 12 34 56, CPR 311299-5004")
	c := l.composer()
	_, err := c.Compose(t.Context(), l.permit())
	var held *compose.HeldError
	if !errors.As(err, &held) {
		t.Fatalf("not held: %v", err)
	}
	s := l.showing()
	elsewhere := reminder.Finding{Kind: "digits", Part: reminder.PartHeader, Offset: 3, Length: 8}
	s.Findings = []reminder.Finding{elsewhere}
	for _, x := range held.Findings {
		s.Findings = append(s.Findings, reminder.Finding{Kind: x.Kind, Name: x.Name, Layout: x.Layout, Part: x.Part, Fact: x.Fact, Offset: x.Offset, Length: x.Length, Releasable: x.Releasable()})
	}
	shown, err := c.Show(s)
	if err != nil {
		t.Fatal(err)
	}
	text := []rune(shown.Parts[0].Text)
	fs := shown.Parts[0].Findings
	if len(fs) < 2 {
		t.Fatalf("%+v of %+v", fs, held.Findings)
	}
	for _, f := range fs {
		if got := string(text[f.Offset : f.Offset+f.Length]); strings.Trim(got, "█") != "" {
			t.Errorf("%+v marks %q in %s", f, got, string(text))
		}
	}
	if !slices.ContainsFunc(fs, func(f compose.ShownFinding) bool { return f.Releasable && f.Layout == "2-2-2" }) ||
		!slices.ContainsFunc(fs, func(f compose.ShownFinding) bool { return !f.Releasable }) {
		t.Errorf("%+v", fs)
	}
	if !slices.Equal(shown.Elsewhere, []reminder.Finding{elsewhere}) {
		t.Errorf("elsewhere %+v", shown.Elsewhere)
	}
	b, err := json.Marshal(shown)
	if err != nil {
		t.Fatal(err)
	}
	for _, secret := range []string{"311299", "5004", "12 34 56", l.permit().Lease().Appointment.GivenName.Reveal()} {
		if strings.Contains(string(b), secret) {
			t.Errorf("%q is shown: %s", secret, b)
		}
	}
	// What somebody let pass is masked all the same.
	s.Lease.Release = &reminder.Release{Template: shown.Template, Findings: s.Findings[1:]}
	again, err := c.Show(s)
	if err != nil || strings.Contains(again.Parts[0].Text, "12 34 56") {
		t.Errorf("%+v, %v", again, err)
	}
}

func TestShowWithoutATemplate(t *testing.T) {
	l := newLine(t)
	s, c := l.showing(), l.composer()
	s.Channel = "fax"
	if _, err := c.Show(s); !errors.Is(err, compose.ErrNoTemplate) {
		t.Error(err)
	}
	s = l.showing()
	s.Unit.SenderID = reminder.Fact{}
	if _, err := c.Show(s); !errors.Is(err, compose.ErrNoSender) {
		t.Error(err)
	}
}
