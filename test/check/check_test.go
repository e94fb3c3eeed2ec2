package check

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/husk-reminders/husk/pkg/reminder"
	"github.com/husk-reminders/husk/test/scenario"
)

func TestARunWithoutAFaultIsGreen(t *testing.T) {
	s := story(t)
	ls := perfect(t, s)
	r, err := Run(file(t, s), outbox(t, ls))
	if err != nil {
		t.Fatal(err)
	}
	if !r.OK() {
		t.Fatalf("a run without a fault is red:\n%s", r)
	}
	total := 0
	for _, n := range r.Confirmed {
		total += n
	}
	if total != r.Expected || r.Expected != len(ls) || r.Messages != len(ls) {
		t.Errorf("confirmed %d, expected %d, messages %d, want %d each", total, r.Expected, r.Messages, len(ls))
	}
}

func TestAnEmptyOutboxMissesEverything(t *testing.T) {
	s := story(t)
	r, err := Run(file(t, s), outbox(t, nil))
	if err != nil {
		t.Fatal(err)
	}
	if n := r.Counts()[Missing]; n != r.Expected || n == 0 {
		t.Errorf("missing %d of %d", n, r.Expected)
	}
}

// fault plants one fault into a run that has none.
type fault struct {
	name  string
	plant func(t *testing.T, s *scenario.Scenario, ls []letter) []letter
	want  map[Kind]int
}

// pick is the index of the first letter that f likes.
func pick(t *testing.T, ls []letter, f func(letter) bool) int {
	t.Helper()
	i := slices.IndexFunc(ls, f)
	if i < 0 {
		t.Fatal("the scenario has no such message")
	}
	return i
}

func sms(lang string) func(letter) bool {
	return func(l letter) bool {
		return l.channel == reminder.SMS && l.purpose == reminder.Remind && l.lang == lang
	}
}

// extra is a reminder to an address at a time, from a unit that then sends.
func extra(t *testing.T, s *scenario.Scenario, address string, from time.Time, unit string) letter {
	t.Helper()
	if unit == "" {
		unit = s.Units[slices.IndexFunc(s.Units, func(u scenario.Unit) bool { return u.Country == "DK" })].ID
	}
	zone, err := time.LoadLocation("Europe/Copenhagen")
	if err != nil {
		t.Fatal(err)
	}
	e := scenario.Expect{Unit: unit, NotBefore: from, NotAfter: from.Add(5 * 24 * time.Hour), Shows: []string{"Ambulatorium 3"}, Start: time.Date(2026, 4, 30, 9, 0, 0, 0, zone)}
	return letter{ref: "extra", to: address, unit: unit, lang: "da", channel: reminder.SMS, purpose: reminder.Remind, at: sentAt(t, s, e), text: text(e, "da")}
}

// toDenied is an extra reminder to somebody whose state forbids it.
func toDenied(why string) func(*testing.T, *scenario.Scenario, []letter) []letter {
	return func(t *testing.T, s *scenario.Scenario, ls []letter) []letter {
		t.Helper()
		for _, n := range s.Never {
			if n.Why == why && n.Address != "" {
				from := n.From
				if from.IsZero() {
					from = s.Begin
				}
				return append(ls, extra(t, s, n.Address, from.Add(time.Minute), ""))
			}
		}
		t.Fatalf("nobody in the scenario is denied as %s", why)
		return nil
	}
}

// rewrite changes one letter.
func rewrite(like func(letter) bool, change func(s *scenario.Scenario, l *letter)) func(*testing.T, *scenario.Scenario, []letter) []letter {
	return func(t *testing.T, s *scenario.Scenario, ls []letter) []letter {
		t.Helper()
		change(s, &ls[pick(t, ls, like)])
		return ls
	}
}

func expected(s *scenario.Scenario, l *letter) scenario.Expect {
	for _, e := range s.Expect {
		if e.Address == l.to && e.Purpose == l.purpose && e.Unit == l.unit && toldIn(l.text, e.Start) {
			return e
		}
	}
	panic("no expectation behind the letter")
}

func addressee(s *scenario.Scenario, l *letter) scenario.Person {
	return s.People[expected(s, l).Person]
}

func faults() []fault {
	one := func(k Kind) map[Kind]int { return map[Kind]int{k: 1} }
	fs := []fault{
		{"a message is missing", func(_ *testing.T, _ *scenario.Scenario, ls []letter) []letter { return ls[1:] }, one(Missing)},
		{"a message is there twice", func(_ *testing.T, _ *scenario.Scenario, ls []letter) []letter {
			twin := ls[0]
			twin.ref = "twin"
			return append(ls, twin)
		}, one(Doubled)},
		{"a message nobody asked for", func(t *testing.T, s *scenario.Scenario, ls []letter) []letter {
			i := pick(t, ls, func(l letter) bool {
				return l.purpose == reminder.Remind && !silentOnce[l.to]
			})
			return append(ls, extra(t, s, ls[i].to, s.Begin, ""))
		}, one(Unexpected)},
		{"a message to an address nobody has", func(t *testing.T, s *scenario.Scenario, ls []letter) []letter {
			return append(ls, extra(t, s, "+4500000000", s.Begin, ""))
		}, one(Denied)},
		{"a message after STOP", toDenied("barred"), one(AfterStop)},
		{"a stopped unit sends", func(t *testing.T, s *scenario.Scenario, ls []letter) []letter {
			stop := s.Never[slices.IndexFunc(s.Never, func(n scenario.Never) bool { return n.Why == "kill_switch" })]
			for i, l := range ls {
				e := expected(s, &l)
				if at := stop.From.Add(time.Hour); l.unit == stop.Unit && e.NotBefore.Before(at) && e.NotAfter.After(at) {
					ls[i].at = at
					return ls
				}
			}
			t.Fatal("nothing is due while the unit is stopped")
			return nil
		}, one(Stopped)},
		{"a national id in the text", rewrite(sms("da"), func(s *scenario.Scenario, l *letter) { l.text += " " + addressee(s, l).ID }), one(IDInside)},
		{"a national id with separators", rewrite(sms("nb"), func(s *scenario.Scenario, l *letter) {
			id := addressee(s, l).ID
			l.text += " " + id[:2] + "." + id[2:4] + "-" + id[4:6] + " " + id[6:]
		}), one(IDInside)},
		{"a Swedish number without its century", rewrite(func(l letter) bool { return sms("sv")(l) && l.to[:3] == "+46" && strings.HasPrefix(l.unit, "lv") }, func(s *scenario.Scenario, l *letter) {
			for _, p := range s.People {
				if p.Country == "SE" {
					l.text += " " + p.ID[2:8] + "-" + p.ID[8:]
					return
				}
			}
		}), one(IDInside)},
		{"a national id in full-width digits", rewrite(sms("da"), func(s *scenario.Scenario, l *letter) {
			l.text += strings.Map(func(r rune) rune { return r - '0' + '０' }, addressee(s, l).ID)
		}), one(IDInside)},
		{"a national id in the subject", rewrite(func(l letter) bool { return l.channel == reminder.Email }, func(s *scenario.Scenario, l *letter) { l.subject += " " + addressee(s, l).ID }), one(IDInside)},
		{"a relative's name", rewrite(hasOthers, func(s *scenario.Scenario, l *letter) {
			l.text += " " + strings.Fields(addressee(s, l).Others[0].Names[0])[1]
		}), one(OthersInside)},
		{"a relative's number", rewrite(hasOthers, func(s *scenario.Scenario, l *letter) {
			n := addressee(s, l).Others[0].Phones[0]
			l.text += " " + n[3:6] + " " + n[6:]
		}), one(OthersInside)},
		{"another patient's mail address", rewrite(sms("sv"), func(s *scenario.Scenario, l *letter) {
			for _, p := range s.People {
				for _, a := range p.Addresses {
					if a.Channel == reminder.Email {
						l.text += " " + a.Address
						return
					}
				}
			}
		}), one(OthersInside)},
		{"the wrong hour", rewrite(sms("da"), func(s *scenario.Scenario, l *letter) {
			e := expected(s, l)
			e.Start = e.Start.Add(time.Hour)
			l.text = text(e, "da")
		}), one(WrongTime)},
		{"the wrong day", rewrite(sms("sv"), func(s *scenario.Scenario, l *letter) {
			e := expected(s, l)
			e.Start = e.Start.AddDate(0, 0, 1)
			l.text = text(e, "sv")
		}), one(WrongTime)},
		{"the wrong day of the week", rewrite(sms("nb"), func(s *scenario.Scenario, l *letter) {
			day := expected(s, l).Start.Weekday()
			l.text = strings.Replace(l.text, weekdays["nb"][day], weekdays["nb"][(day+1)%7], 1)
		}), one(WrongTime)},
		{"too late", rewrite(func(l letter) bool { return sms("da")(l) && !silentOnce[l.to] }, func(s *scenario.Scenario, l *letter) {
			e := expected(s, l)
			e.NotBefore, e.NotAfter = e.NotAfter.Add(time.Hour), e.NotAfter.Add(200*time.Hour)
			l.at = mustSend(s, e)
		}), one(WrongWindow)},
		{"in the night", rewrite(sms("da"), func(_ *scenario.Scenario, l *letter) {
			y, m, d := l.at.Date()
			l.at = time.Date(y, m, d, 23, 30, 0, 0, l.at.Location())
		}), one(OutsideHours)},
		{"in another language", rewrite(sms("da"), func(s *scenario.Scenario, l *letter) { l.lang, l.text = "sv", text(expected(s, l), "sv") }), one(WrongWords)},
		{"in another language than it says", rewrite(sms("sv"), func(s *scenario.Scenario, l *letter) { l.text = text(expected(s, l), "nb") }), one(WrongWords)},
		{"another clinic's name", rewrite(sms("da"), func(s *scenario.Scenario, l *letter) {
			e := expected(s, l)
			e.Shows = []string{"Ambulatorium 99"}
			l.text = text(e, "da")
		}), one(WrongPlace)},
		{"140 characters", rewrite(func(l letter) bool { return sms("da")(l) && strings.HasPrefix(l.unit, "rh") }, func(_ *scenario.Scenario, l *letter) {
			for len([]rune(l.text)) < 140 {
				l.text += "."
			}
		}), nil},
		{"141 characters", rewrite(func(l letter) bool { return sms("da")(l) && strings.HasPrefix(l.unit, "rh") }, func(_ *scenario.Scenario, l *letter) {
			for len([]rune(l.text)) < 141 {
				l.text += "."
			}
		}), one(TooLong)},
		{"a reply to somebody who did not write", func(_ *testing.T, s *scenario.Scenario, ls []letter) []letter {
			return append(ls, letter{ref: "reply", to: ls[0].to, unit: ls[0].unit, lang: "da", channel: reminder.SMS, purpose: reminder.Reply, at: s.Begin, text: "Du får ikke flere beskeder."})
		}, one(BadReply)},
		{"a reply to a STOP", func(t *testing.T, s *scenario.Scenario, ls []letter) []letter { return append(ls, answer(s, "r1")) }, nil},
		{"two replies to a STOP", func(t *testing.T, s *scenario.Scenario, ls []letter) []letter {
			return append(ls, answer(s, "r1"), answer(s, "r2"))
		}, one(BadReply)},
		{"two different replies to a STOP", func(t *testing.T, s *scenario.Scenario, ls []letter) []letter {
			other := answer(s, "r2")
			other.text = "Vi læser ikke svar."
			return append(ls, answer(s, "r1"), other)
		}, one(BadReply)},
	}
	for _, why := range []string{
		"no_basis", "declined", "withdrawn", "unverified", "stale_verification", "wrong_number", "shared_number", "protected", "deceased", "guardian", "over_ceiling", "held",
	} {
		fs = append(fs, fault{"a message against " + why, toDenied(why), one(Denied)})
	}
	return fs
}

// hasOthers likes letters to people with a relative on the record who has a number.
func hasOthers(l letter) bool { return withOthers[l.to] }

// withOthers and silentOnce are addresses of the scenario: with other people on the booking, and with a time of silence.
var withOthers, silentOnce map[string]bool

func mustSend(s *scenario.Scenario, e scenario.Expect) time.Time {
	var t testing.T
	return sentAt(&t, s, e)
}

// answer is the fixed reply to the first STOP of the scenario.
func answer(s *scenario.Scenario, ref string) letter {
	st := s.Steps[slices.IndexFunc(s.Steps, func(st scenario.Step) bool { return st.Kind == scenario.Reply && st.Channel == reminder.SMS })]
	return letter{ref: ref, to: st.From, unit: s.Units[0].ID, lang: "da", channel: reminder.SMS, purpose: reminder.Reply, at: st.At.Add(time.Minute), text: "Du får ikke flere beskeder."}
}

// The checker is only worth something when each fault turns it red, and only as that fault.
func TestEachFaultIsRed(t *testing.T) {
	s := story(t)
	withOthers = map[string]bool{}
	for _, p := range s.People {
		if p.Case == "others on the booking" {
			withOthers[p.Addresses[0].Address] = true
		}
	}
	silentOnce = map[string]bool{}
	for _, n := range s.Never {
		silentOnce[n.Address] = true
	}
	base := perfect(t, s)
	for _, f := range faults() {
		t.Run(f.name, func(t *testing.T) {
			r, err := run(s, parsed(t, f.plant(t, s, slices.Clone(base))))
			if err != nil {
				t.Fatal(err)
			}
			got := r.Counts()
			for k, n := range f.want {
				if got[k] != n {
					t.Errorf("%s: %d, want %d", k, got[k], n)
				}
			}
			if r.OK() != (len(f.want) == 0) || len(got) != len(f.want) {
				t.Errorf("found %v, want %v\n%s", got, f.want, r)
			}
		})
	}
}

func TestUnreadableFilesAreErrors(t *testing.T) {
	s := story(t)
	path := file(t, s)
	if _, err := Run(path, t.TempDir()); !errors.Is(err, ErrOutbox) {
		t.Errorf("a folder without messages: %v", err)
	}
	if _, err := Run(filepath.Join(t.TempDir(), "none.json"), outbox(t, nil)); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("no scenario: %v", err)
	}
	for name, content := range map[string]string{
		"no blank line": "Reference: a\nChannel: sms\n",
		"no date":       "Reference: a\nChannel: sms\nPurpose: reminder\nTo: +4512345678\nUnit: u\nLanguage: da\n\nx",
		"no reference":  "Channel: sms\nPurpose: reminder\nTo: +4512345678\nUnit: u\nLanguage: da\nDate: 2026-03-20T10:00:00Z\n\nx",
		"no header":     "hello\n\nx",
	} {
		dir := outbox(t, nil)
		if err := os.WriteFile(filepath.Join(dir, "messages", "a.txt"), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := Run(path, dir); !errors.Is(err, ErrOutbox) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestTells(t *testing.T) {
	at := func(m time.Month, d, h, min int) time.Time { return time.Date(2026, m, d, h, min, 0, 0, time.UTC) }
	for _, c := range []struct {
		text, lang string
		at         time.Time
		want       bool
	}{
		{"Husk din aftale tirsdag d. 31. marts kl. 09.05", "da", at(3, 31, 9, 5), true},
		{"Husk din aftale tir 31. mar. 9.05", "da", at(3, 31, 9, 5), true},
		{"Husk din aftale 31/3 kl. 9:05", "da", at(3, 31, 9, 5), true},
		{"Husk din aftale tirsdag d. 31. marts kl. 09.05", "da", at(3, 31, 9, 15), false},
		{"Husk din aftale onsdag d. 31. marts kl. 09.05", "da", at(3, 31, 9, 5), false},
		{"Husk din aftale 31. mars kl. 09.05", "da", at(3, 31, 9, 5), false},
		{"Din tid tisdag 31 mars kl. 09:05", "sv", at(3, 31, 9, 5), true},
		{"Timen din torsdag 9. april kl. 14.30", "nb", at(4, 9, 14, 30), true},
		{"Timen din torsdag 19. april kl. 14.30", "nb", at(4, 9, 14, 30), false},
		{"Timen din 9. april kl. 14.30", "nb", at(4, 9, 4, 30), false},
		{"Your appointment: Thursday, 9 April, 2:30 pm", "en", at(4, 9, 14, 30), true},
		{"Your appointment: Thursday, April 9, 14:30", "en", at(4, 9, 14, 30), true},
		{"Your appointment: Thursday, April 9, 2:30 am", "en", at(4, 9, 14, 30), false},
		{"Din tid 2. april er flyttet til fredag 10. april kl. 8.15", "da", at(4, 10, 8, 15), true},
		{"Din tid 2. april er flyttet til fredag 10. april kl. 8.15", "da", at(4, 2, 8, 15), false},
	} {
		if got := tells(c.text, c.lang, c.at); got != c.want {
			t.Errorf("%q %s: %v", c.text, c.lang, got)
		}
	}
}

func TestInLanguage(t *testing.T) {
	e := scenario.Expect{Start: time.Date(2026, 3, 31, 9, 0, 0, 0, time.UTC), Shows: []string{"Ambulatorium 3, Ravnsholt Hospital"}}
	for l := range months {
		for o := range months {
			if got := inLanguage(text(e, l), o); got != (l == o) {
				t.Errorf("a text in %s taken for %s: %v", l, o, got)
			}
		}
	}
}

func TestDigits(t *testing.T) {
	for in, want := range map[string]string{"a1b-2": "12", "３１": "31", "𝟑𝟏": "31", "٣١": "31", "¹²": "12", "①": "1", "no": ""} {
		if got := digits(in); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
}
