package check

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/husk-reminders/husk/pkg/reminder"
	"github.com/husk-reminders/husk/test/scenario"
)

// letter is a message of a hand-made outbox.
type letter struct {
	ref, to, unit, lang, subject, text string
	channel                            reminder.Channel
	purpose                            reminder.Purpose
	at                                 time.Time
}

// story is the scenario of the example directory.
func story(t *testing.T) *scenario.Scenario {
	t.Helper()
	b, err := os.ReadFile("../../config/units.yaml")
	if err != nil {
		t.Fatal(err)
	}
	d, err := reminder.ReadUnits(bytes.NewReader(scenario.WithSlip(b)))
	if err != nil {
		t.Fatal(err)
	}
	s, err := scenario.Build(d.Units())
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// text writes an expected message as a clinic would.
func text(e scenario.Expect, lang string) string {
	d, m, w := e.Start.Day(), months[lang][e.Start.Month()-1], weekdays[lang][e.Start.Weekday()]
	switch lang {
	case "sv":
		return fmt.Sprintf("Kom ihåg din tid %s %d %s kl. %s på %s. Avboka 08-465 004 11.", w, d, m, e.Start.Format("15:04"), e.Shows[0])
	case "nb":
		return fmt.Sprintf("Husk timen din %s %d. %s kl. %s ved %s. Avbestill 21 00 90 11.", w, d, m, e.Start.Format("15:04"), e.Shows[0])
	case "en":
		return fmt.Sprintf("Your appointment: %s, %d %s at %s, %s. To cancel: 70 99 10 31.", w, d, m, e.Start.Format("3:04 pm"), e.Shows[0])
	}
	return fmt.Sprintf("Husk din aftale %s d. %d. %s kl. %s på %s. Afbud 70 99 10 31.", w, d, m, e.Start.Format("15.04"), e.Shows[0])
}

// sentAt finds a moment in e's window at which its unit sends and is not stopped.
func sentAt(t *testing.T, s *scenario.Scenario, e scenario.Expect) time.Time {
	t.Helper()
	u := s.Units[slices.IndexFunc(s.Units, func(u scenario.Unit) bool { return u.ID == e.Unit })]
	for at := e.NotBefore.In(e.Start.Location()).Add(time.Minute); at.Before(e.NotAfter); at = at.Add(5 * time.Minute) {
		stopped := slices.ContainsFunc(s.Never, func(n scenario.Never) bool {
			return n.Address == "" && n.Unit == u.ID && at.After(n.From) && at.Before(n.Until)
		})
		if h := at.Format("15:04"); h >= u.From && h < u.Until && !slices.Contains(u.Closed, at.Format(time.DateOnly)) && !stopped {
			return at
		}
	}
	t.Fatalf("%s %s: no moment from %s to %s at which %s sends", e.Appointment, e.Why, e.NotBefore, e.NotAfter, e.Unit)
	return time.Time{}
}

// perfect is the outbox of a run without a fault: letters in the order of s.Expect, the optional ones left out.
func perfect(t *testing.T, s *scenario.Scenario) []letter {
	t.Helper()
	var ls []letter
	for i, e := range s.Expect {
		if e.Optional {
			continue
		}
		l := letter{
			ref: fmt.Sprintf("%028x", i), to: e.Address, unit: e.Unit, lang: e.Language, channel: e.Channel, purpose: e.Purpose,
			at: sentAt(t, s, e), text: text(e, e.Language),
		}
		if e.Channel == reminder.Email {
			l.subject = "Husk"
		}
		ls = append(ls, l)
	}
	return ls
}

// String is the letter as the outbox carrier writes it.
func (l letter) String() string {
	s := fmt.Sprintf("Reference: %s\nChannel: %s\nPurpose: %s\nTo: %s\nFrom: Ravnsholt\nDate: %s\nUnit: %s\nLanguage: %s\nTemplate: t@1\n",
		l.ref, l.channel, l.purpose, l.to, l.at.Format(time.RFC3339), l.unit, l.lang)
	if l.subject != "" {
		s += "Subject: " + l.subject + "\n"
	} else {
		s += "Segments: 1\n"
	}
	return s + "\n" + l.text + "\n"
}

// outbox writes letters into a folder.
func outbox(t *testing.T, ls []letter) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "messages"), 0o700); err != nil {
		t.Fatal(err)
	}
	for _, l := range ls {
		if err := os.WriteFile(filepath.Join(dir, "messages", l.ref+".txt"), []byte(l.String()), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// parsed reads letters without a folder.
func parsed(t *testing.T, ls []letter) []*message {
	t.Helper()
	var ms []*message
	for _, l := range ls {
		m, err := parse(l.ref+".txt", l.String())
		if err != nil {
			t.Fatal(err)
		}
		ms = append(ms, m)
	}
	return ms
}

// file stores the scenario.
func file(t *testing.T, s *scenario.Scenario) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "scenario.json")
	if err := s.Write(path); err != nil {
		t.Fatal(err)
	}
	return path
}
