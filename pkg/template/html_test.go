package template_test

import (
	"strings"
	"testing"
	"time"

	"golang.org/x/net/html"

	"github.com/husk-reminders/husk/pkg/reminder"
	"github.com/husk-reminders/husk/pkg/template"
	"github.com/husk-reminders/husk/templates"
)

const richText = `Subject: Husk din aftale på {unit}
HTML: yes
Calendar: yes

Hej[ {name}]

Husk din aftale {weekday} {date} {time} på {unit}.
Ring til <afdelingen> på {phone} & sig til.[

Læs mere: {link}]


Svar STOP for ikke at få flere.
`

func richFacts() reminder.Facts {
	return reminder.Facts{
		Purpose: reminder.Remind, Start: time.Date(2026, 3, 17, 14, 30, 0, 0, time.UTC), GivenName: reminder.Mask("Anna"),
		Unit: reminder.Unit{
			Language: "da", Names: map[string]reminder.Fact{"da": {Text: `Øre & "Næse"`}}, Phone: reminder.Fact{Text: "35 45 35 45"},
			Link: reminder.Fact{Text: "https://hospital.example/tid"},
		},
	}
}

func TestHTML(t *testing.T) {
	r, err := load(t, "da/reminder.email.txt", richText).Render(richFacts())
	if err != nil {
		t.Fatal(err)
	}
	if len(r.Parts) != 3 || r.Parts[0].Kind != reminder.PartSubject || r.Parts[1].Kind != reminder.PartHTML || r.Parts[2].Kind != reminder.PartText {
		t.Fatalf("parts %+v", r.Parts)
	}
	const want = `<!DOCTYPE html>
<html lang="da">
<head><meta charset="utf-8"><title>Husk din aftale på Øre &amp; &#34;Næse&#34;</title></head>
<body>
<p>Hej Anna</p>
<p>Husk din aftale tirsdag 17. marts kl. 14.30 på Øre &amp; &#34;Næse&#34;.<br>
Ring til &lt;afdelingen&gt; på 35 45 35 45 &amp; sig til.</p>
<p>Læs mere: <a href="https://hospital.example/tid">https://hospital.example/tid</a></p>
<p>Svar STOP for ikke at få flere.</p>
</body>
</html>
`
	got := r.Parts[1].Text.Reveal()
	if got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	at := 0
	facts := map[string]int{}
	for _, s := range r.Parts[1].Spans {
		if s.Start != at || s.End <= s.Start {
			t.Errorf("span %+v after byte %d", s, at)
		}
		at = s.End
		facts[s.Fact]++
	}
	if at != len(got) || facts["link"] != 2 || facts["name"] != 1 || facts["unit"] != 2 || facts["phone"] != 1 {
		t.Errorf("spans end at %d of %d, facts %v", at, len(got), facts)
	}
}

// What the shipped texts become is HTML without anything that a mail program fetches, and says what the text says.
func TestHTMLOfTheShippedTexts(t *testing.T) {
	set, err := template.Load(templates.FS)
	if err != nil {
		t.Fatal(err)
	}
	for _, shipped := range set.All() {
		if shipped.Channel() != reminder.Email {
			continue
		}
		data, err := templates.FS.ReadFile(shipped.File())
		if err != nil {
			t.Fatal(err)
		}
		text := strings.Replace(string(data), "\n\n", "\nHTML: yes\n\n", 1)
		x := load(t, shipped.File(), text)
		f := x.LongestFacts(x.LongestUnit(), reminder.Remind)
		r, err := x.Render(f)
		if err != nil {
			t.Fatal(err)
		}
		doc, err := html.Parse(strings.NewReader(r.Parts[1].Text.Reveal()))
		if err != nil {
			t.Fatal(err)
		}
		var words strings.Builder
		for n := range doc.Descendants() {
			switch n.Type {
			case html.ElementNode:
				switch n.Data {
				case "html", "head", "meta", "title", "body", "p", "br", "a":
				default:
					t.Errorf("%s: an element %s", shipped.Name(), n.Data)
				}
				for _, a := range n.Attr {
					if a.Key != "lang" && a.Key != "charset" && a.Key != "href" {
						t.Errorf("%s: an attribute %s", shipped.Name(), a.Key)
					}
				}
			case html.TextNode:
				if n.Parent.Data != "title" {
					words.WriteString(" " + n.Data)
				}
			}
		}
		if got, want := strings.Fields(words.String()), strings.Fields(r.Parts[2].Text.Reveal()); strings.Join(got, " ") != strings.Join(want, " ") {
			t.Errorf("%s says\n%q\nand not\n%q", shipped.Name(), got, want)
		}
	}
}

func TestChoices(t *testing.T) {
	x := load(t, "da/reminder.email.txt", richText)
	if !x.HTML() || !x.Calendar() {
		t.Error("the choices are not read")
	}
	if p := x.Lint(reminder.Remind); len(p) != 0 {
		t.Errorf("%v", p)
	}
	found := false
	for _, p := range x.Lint(reminder.Reply) {
		found = found || strings.Contains(p.Reason, "Calendar")
	}
	if !found {
		t.Error("an answer may have a calendar file")
	}
	plain := strings.NewReplacer("HTML: yes\n", "", "Calendar: yes\n", "").Replace(richText)
	y := load(t, "da/reminder.email.txt", plain)
	if y.HTML() || y.Calendar() || y.ID() == x.ID() {
		t.Error("a text without choices has some, or the same version: a choice has to be approved too")
	}
	for name, c := range map[string]struct{ path, text, want string }{
		"another value": {"da/reminder.email.txt", strings.Replace(richText, "HTML: yes", "HTML: no", 1), "2:7: want HTML: yes"},
		"twice":         {"da/reminder.email.txt", strings.Replace(richText, "HTML: yes", "HTML: yes\nHTML: yes", 1), "3:1: HTML is there twice"},
		"of an SMS":     {"da/reminder.sms.txt", "Calendar: yes\n\nHusk {date} {time} {unit} {phone} STOP", "1:1: Calendar is a choice of e-mail"},
	} {
		if _, err := template.Parse(c.path, []byte(c.text)); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
}
