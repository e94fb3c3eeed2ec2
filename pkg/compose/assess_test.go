package compose_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/husk-reminders/husk/pkg/compose"
	"github.com/husk-reminders/husk/pkg/policy"
	"github.com/husk-reminders/husk/pkg/reminder"
	"github.com/husk-reminders/husk/pkg/template"
)

func TestAssessMeasuresTheLongestText(t *testing.T) {
	l := newLine(t)
	tp, _ := l.templates.Find("reminder", reminder.SMS, "da")
	c := l.composer()
	a := c.Assess(tp, reminder.Remind, l.pack(), l.unit)
	const want = "Husk din aftale tirsdag 10. september kl. 22.30 på Rigshospitalet, Indgang 3. Afbud 35 45 35 45. Stop sms: svar STOP"
	if a.Text != want || a.Characters != 116 || a.Whole != 149 || a.Limit != 140 || a.Encoding != "gsm7" || a.Segments != 1 || a.Refused() {
		t.Errorf("%+v", a)
	}
	if !slices.Equal(a.GivesWay, []string{"[, {address}]"}) {
		t.Errorf("gives way: %q", a.GivesWay)
	}
	if a.Template != tp.ID() || a.Unit != "rh-ortho" || a.Pack != "dk-test" || a.Language != "da" || a.Class != 1.5 || a.Declared != 0 {
		t.Errorf("%+v", a)
	}
	// The address gives way on the longest day and is shown on others, so it counts.
	for _, fact := range []string{"address", "entrance", "phone"} {
		if !slices.ContainsFunc(a.Sources, func(s compose.Source) bool {
			return s.Source == compose.FromFact && s.Fact == fact && s.Class >= 1 && !s.Warning
		}) {
			t.Errorf("no {%s} among %+v", fact, a.Sources)
		}
	}
	if !slices.IsSortedFunc(a.Sources, func(x, y compose.Source) int { return int(10 * (y.Class - x.Class)) }) {
		t.Errorf("not the highest first: %+v", a.Sources)
	}
	l.unit.Address.Class = 2
	if a := c.Assess(tp, reminder.Remind, l.pack(), l.unit); !a.Refused() || a.Class != 2 {
		t.Errorf("an address of class 2 that is left out on the longest day alone: %+v", a)
	}
}

func TestAssessWithoutAUnit(t *testing.T) {
	l := newLine(t)
	c := l.composer()
	for _, lang := range template.Languages() {
		for _, ch := range reminder.Channels {
			tp, ok := l.templates.Find("reminder", ch, lang)
			if !ok {
				t.Fatal(lang)
			}
			a := c.Assess(tp, reminder.Remind, l.pack(), reminder.Unit{})
			if a.Refused() || a.Unit != "" || a.Characters < 160 || ch == reminder.SMS && (a.Segments < 2 || a.Encoding != "ucs2" || len(a.Problems) != 1) {
				t.Errorf("%s %s: %+v", lang, ch, a)
			}
		}
	}
	if a := c.Assess(parse(t, "Class: 2\n\n{date} {time} {unit} {phone} STOP"), reminder.Remind, l.pack(), reminder.Unit{}); !a.Refused() {
		t.Errorf("a declared class over the ceiling: %+v", a)
	}
	if a := c.Assess(template.Template{}, reminder.Remind, l.pack(), reminder.Unit{}); !a.Refused() {
		t.Error("the zero template is taken")
	}
}

func TestAssessTellsWhatGivesTheClass(t *testing.T) {
	for _, c := range []struct {
		name, path, text string
		spoil            func(*reminder.Unit)
		want             compose.Source
		refused          bool
	}{
		{"declared", "da/reminder.sms.txt", "Class: 1.5\n\n" + usual, nil, compose.Source{Source: compose.FromLiteral, Class: 1.5, Line: 1, Column: 1}, false},
		{"a word that was not declared", "da/reminder.sms.txt", "Øjenklinik " + usual, nil,
			compose.Source{Source: compose.FromLiteral, Class: 2, Word: "Øjenklinik", Kind: template.Specialty, Line: 1, Column: 1}, true},
		{"a declared word", "da/reminder.sms.txt", "Class: 2\n\n" + usual + " insulin", nil,
			compose.Source{Source: compose.FromLiteral, Class: 2, Word: "insulin", Kind: template.Drug, Line: 3, Column: 35}, true},
		{"the subject", "da/reminder.email.txt", "Subject: Operation\n\n" + usual, nil,
			compose.Source{Source: compose.FromSubject, Class: 2, Word: "Operation", Kind: template.Procedure, Line: 1, Column: 10}, true},
		{"the sender id", "da/reminder.sms.txt", usual, func(u *reminder.Unit) { u.SenderID.Class = 2 }, compose.Source{Source: compose.FromSender, Class: 2}, true},
		{"From", "da/reminder.email.txt", "Subject: s\n\n" + usual, func(u *reminder.Unit) { u.From.Class = 2 }, compose.Source{Source: compose.FromFrom, Class: 2}, true},
		{"Reply-To", "da/reminder.email.txt", "Subject: s\n\n" + usual, func(u *reminder.Unit) { u.Mail.Class = 2 }, compose.Source{Source: compose.FromReplyTo, Class: 2}, true},
		{"a fact", "da/reminder.sms.txt", usual, func(u *reminder.Unit) { u.Phone.Class = 2 }, compose.Source{Source: compose.FromFact, Fact: "phone", Class: 2}, true},
		{"a word in a fact", "da/reminder.sms.txt", usual, func(u *reminder.Unit) { u.Names = map[string]reminder.Fact{"da": {Text: "Kræftklinikken", Class: 1}} },
			compose.Source{Source: compose.FromFact, Fact: "unit", Class: 2, Word: "Kræftklinikken", Kind: template.Diagnosis, Warning: true}, false},
		{"a word in the sender id", "da/reminder.sms.txt", usual, func(u *reminder.Unit) { u.SenderID.Text = "HUDKLINIK" },
			compose.Source{Source: compose.FromSender, Class: 2, Word: "HUDKLINIK", Kind: template.Specialty, Warning: true}, false},
		{"a word in From", "da/reminder.email.txt", "Subject: s\n\n" + usual, func(u *reminder.Unit) { u.From.Text = "hudklinik@h.example" },
			compose.Source{Source: compose.FromFrom, Class: 2, Word: "hudklinik", Kind: template.Specialty, Warning: true}, false},
		{"a word that text and fact make", "da/reminder.sms.txt", usual + " Hud{address}", func(u *reminder.Unit) { u.Address.Text = "klinikvej" },
			compose.Source{Source: compose.FromFact, Fact: "address", Class: 2, Word: "Hudklinikvej", Kind: template.Specialty, Warning: true}, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			l := newLine(t)
			if c.spoil != nil {
				c.spoil(&l.unit)
			}
			tp, err := template.Parse(c.path, []byte(c.text))
			if err != nil {
				t.Fatal(err)
			}
			a := l.composer().Assess(tp, reminder.Remind, l.pack(), l.unit)
			if !slices.Contains(a.Sources, c.want) || a.Class < c.want.Class || a.Refused() != c.refused {
				t.Errorf("class %v, refused %v: %+v\n%v", a.Class, a.Refused(), a.Sources, a.Problems)
			}
		})
	}
}

const usual = "{date} {time} {unit} {phone} STOP"

func TestWordsInUnitFactsAreWarnedOfOnce(t *testing.T) {
	l := newLine(t)
	l.unit.Channels = reminder.Channels
	l.unit.Names = map[string]reminder.Fact{"da": {Text: "Hudklinikken", Class: 1}, "en": {Text: "Clinic 1", Class: 1}}
	l.unit.From.Text = "kardiologi@hospital.example"
	var told []string
	for _, p := range l.composer().CheckUnit(l.pack(), l.unit) {
		if p.Template == "" {
			told = append(told, p.String())
		}
		if p.Refused {
			t.Errorf("refused: %v", p)
		}
	}
	if len(told) != 2 || !strings.HasPrefix(told[0], `unit rh-ortho: names.da: "Hudklinikken" names a specialty`) || !strings.Contains(told[1], `from: "kardiologi"`) {
		t.Errorf("%q", told)
	}
	if got := compose.CheckFacts(newLine(t).unit); len(got) > 0 {
		t.Errorf("a usual unit: %v", got)
	}
}

func TestLinkNeedsPackAndUnit(t *testing.T) {
	const text = usual + "[ {link}]"
	for _, c := range []struct {
		links []reminder.Channel
		link  string
		want  string
	}{
		{nil, "https://h.example/tid", "dk-test allows no link by sms"},
		{[]reminder.Channel{reminder.Email}, "https://h.example/tid", "dk-test allows no link by sms"},
		{[]reminder.Channel{reminder.SMS}, "", "the unit has no link"},
	} {
		l := newLine(t)
		l.unit.Link = reminder.Fact{Text: c.link, Class: 1.5}
		pack := l.pack()
		pack.Links = c.links
		a := l.composer().Assess(parse(t, text), reminder.Remind, pack, l.unit)
		if a.Refused() || len(a.Problems) != 1 || !strings.Contains(a.Problems[0].Reason, c.want) || strings.Contains(a.Text, "http") {
			t.Errorf("%v %q: %+v", c.links, c.link, a)
		}
		if slices.ContainsFunc(a.Sources, func(s compose.Source) bool { return s.Fact == "link" }) {
			t.Errorf("a link that is left out gives a class: %+v", a.Sources)
		}
	}
}

func TestAssessWithoutAPackOrOnAClosedChannel(t *testing.T) {
	l := newLine(t)
	c := l.composer()
	tp, _ := l.templates.Find("reminder", reminder.SMS, "da")
	if a := c.Assess(tp, reminder.Remind, policy.Pack{ID: "x", Channels: []reminder.Channel{reminder.Email}}, reminder.Unit{}); !a.Refused() {
		t.Errorf("a channel the pack does not allow: %+v", a)
	}
	if a := c.Assess(tp, reminder.Remind, policy.Pack{}, reminder.Unit{}); a.Refused() || a.Limit != 0 || len(a.Problems) > 0 {
		t.Errorf("no pack: %+v", a)
	}
}
