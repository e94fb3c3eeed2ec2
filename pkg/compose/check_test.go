package compose_test

import (
	"maps"
	"strings"
	"testing"

	"github.com/husk-reminders/husk/pkg/compose"
	"github.com/husk-reminders/husk/pkg/reminder"
	"github.com/husk-reminders/husk/pkg/template"
)

func parse(t *testing.T, text string) template.Template {
	t.Helper()
	tp, err := template.Parse("da/reminder.sms.txt", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return tp
}

func TestCheck(t *testing.T) {
	const good = "{date} {time} {unit} {phone} STOP"
	for _, c := range []struct {
		name, text, want string
		line             int
		refused          bool
		spoil            func(*reminder.Unit)
	}{
		{name: "nothing", text: good},
		{name: "no contact", text: "{date} {time} {unit} STOP", want: "neither {phone} nor {mail}", line: 1, refused: true},
		{name: "a number in the literal text", text: good + "\nsag 311299-5004", want: "the literal text may not be sent", line: 2, refused: true},
		{name: "a class line before it", text: "Class: 1\n\n" + good + "\n12 34 56", want: "the literal text may not be sent", line: 4, refused: true},
		{name: "too long on the longest day", text: good + strings.Repeat(" ord", 22), want: "longer than", line: 1, refused: true},
		{name: "brackets give way", text: good + strings.Repeat(" ord", 20) + "[, {entrance}]", want: "brackets are left out down to", line: 1},
		{name: "no phone", text: good, want: "a fact is missing: {phone}", line: 1, refused: true, spoil: func(u *reminder.Unit) { u.Phone.Text = "" }},
		{name: "a specialty", text: good, want: "over the policy pack's ceiling", line: 1, refused: true, spoil: func(u *reminder.Unit) { u.Phone.Class = 2 }},
		{name: "a number for an address", text: good + " {address}", want: "the value of {address} may not be sent: cpr", line: 1, refused: true,
			spoil: func(u *reminder.Unit) { u.Address.Text = "311299-5004" }},
		{name: "a number for an entrance", text: good + "[ {entrance}]", want: "{entrance} may not be sent: its neutral text is shown", line: 1,
			spoil: func(u *reminder.Unit) { u.Entrance.Text = "311299-5004" }},
		{name: "a letter outside of the alphabet", text: good + " – og husk dit gule sygesikringsbevis", want: "2 segments (ucs2)", line: 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			l := newLine(t)
			u := l.unit
			u.Names = maps.Clone(u.Names)
			if c.spoil != nil {
				c.spoil(&u)
			}
			got := l.composer().Check(parse(t, c.text), reminder.Remind, l.pack(), u)
			if c.want == "" {
				if len(got) > 0 {
					t.Errorf("%v", got)
				}
				return
			}
			if len(got) != 1 || !strings.Contains(got[0].Reason, c.want) || got[0].Line != c.line || got[0].Refused != c.refused || got[0].Template != "da/reminder.sms" {
				t.Errorf("got %+v, want %s in line %d, refused %v", got, c.want, c.line, c.refused)
			}
			for _, p := range got {
				if strings.Contains(p.String(), "311299") {
					t.Errorf("the problem tells the value: %s", p)
				}
			}
		})
	}
}

func TestCheckUnitLooksAtEveryTextOfAUnit(t *testing.T) {
	l := newLine(t)
	l.unit.Channels = reminder.Channels
	c, p := l.composer(), l.pack()
	if got := refused(c.CheckUnit(p, l.unit)); len(got) > 0 {
		t.Errorf("a usual unit: %v", got)
	}
	u := l.unit
	u.Phone.Text = ""
	templates := map[string]bool{}
	for _, x := range refused(c.CheckUnit(p, u)) {
		templates[x.Template] = true
		if x.Unit != u.ID {
			t.Errorf("%+v names no unit", x)
		}
	}
	if len(templates) != 36 { // six languages, two channels, three purposes
		t.Errorf("%d texts checked: %v", len(templates), templates)
	}
	u = l.unit
	u.Templates = map[reminder.Purpose]string{reminder.Changed: "none"}
	if got := refused(c.CheckUnit(p, u)); len(got) != 2 || !strings.Contains(got[0].Reason, "no template") {
		t.Errorf("a set that does not exist: %v", got)
	}
}

func refused(ps []compose.Problem) []compose.Problem {
	var out []compose.Problem
	for _, p := range ps {
		if p.Refused {
			out = append(out, p)
		}
	}
	return out
}
