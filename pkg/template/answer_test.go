package template_test

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/husk-reminders/husk/pkg/reminder"
	"github.com/husk-reminders/husk/pkg/sms"
	"github.com/husk-reminders/husk/pkg/template"
)

// answerFile is what the golden file of a channel's answers in a language is named.
const answerFile = "answers.%s.golden"

// Every answer is there in every language, says what it must, and is whole with and without a phone: one SMS of at most 140 letters.
func TestAnswers(t *testing.T) {
	set := defaults(t)
	n := 0
	for _, lang := range template.Languages() {
		for _, c := range reminder.Channels {
			var b strings.Builder
			for _, text := range reminder.AnswerTexts {
				tp, ok := set.Find(reminder.Unit{}.AnswerSet(text), c, lang)
				if !ok {
					t.Fatalf("no answer %s by %s in %s", text, c, lang)
				}
				n++
				if ps := tp.Lint(reminder.Reply); len(ps) > 0 {
					t.Errorf("%s: %v", tp.Name(), ps)
				}
				f := facts()
				for _, phone := range []string{"35 45 35 45", "+45-00-00-00-00-00-00", ""} {
					f.Unit.Phone.Text = phone
					r, err := tp.Render(f)
					if err != nil {
						t.Fatalf("%s with the phone %q: %v", tp.Name(), phone, err)
					}
					body := r.Parts[len(r.Parts)-1].Text.Reveal()
					if count := sms.Count(body); c == reminder.SMS && (count.Segments != 1 || utf8.RuneCountInString(body) > 140 || count.Encoding != sms.GSM7) {
						t.Errorf("%s: %d letters, %+v", tp.Name(), utf8.RuneCountInString(body), count)
					}
					if strings.ContainsAny(body, "[]{}") || strings.Contains(body, "  ") || strings.Contains(body, " .") || strings.Contains(body, ": .") {
						t.Errorf("%s with the phone %q has a hole: %q", tp.Name(), phone, body)
					}
					if len(phone) != 21 {
						fmt.Fprintf(&b, "--- %s, phone %q\n", text, phone)
						write(&b, r)
					}
				}
			}
			golden(t, filepath.Join("testdata", lang, fmt.Sprintf(answerFile, c)), b.String())
		}
	}
	all := 0
	for _, tp := range set.All() {
		if strings.HasPrefix(tp.Set(), "reply") {
			all++
		}
	}
	if all != n {
		t.Errorf("%d answers in the files, %d tested", all, n)
	}
}

func TestLintOfAnswers(t *testing.T) {
	for _, c := range []struct{ path, text, want string }{
		{"da/reply-unread.sms.txt", "Ring til {unit} på {phone}. I nødstilfælde: ring 112.", ""},
		{"da/reply-unread.sms.txt", "Ring til {unit}[ på {phone}]. I nødstilfælde: ring 112.", ""},
		{"da/friendly-unread.sms.txt", "Ring til {unit}[ på {phone}].", "112 is missing"},
		{"da/reply-unread.sms.txt", "Ring til {unit}[ på {phone}, i nødstilfælde ring 112].", "112 is missing"},
		{"da/reply-unread.sms.txt", "Ring til {unit}. I nødstilfælde: ring 112.", "{phone} is missing"},
		{"da/reply-not-cancelled.sms.txt", "En aftale er IKKE aflyst.", "{phone} is missing"},
		{"da/reply-stopped-not-cancelled.sms.txt", "En aftale er IKKE aflyst.", "{phone} is missing"},
		{"da/reply-stopped.sms.txt", "Du får ikke flere sms'er.", ""},
		{"da/reply-stopped.sms.txt", "Du får ikke flere sms'er om {date}.", "{date} in an answer"},
		{"da/reply-stopped.sms.txt", "Du får ikke flere sms'er[, {name}].", "{name} in an answer"},
		{"da/reply-stopped.sms.txt", "Du får ikke flere sms'er[ om {link}].", "{link} in an answer"},
		{"da/reply-stopped.sms.txt", "Du får ikke flere sms'er fra {address}.", "{address} in an answer"},
		{"da/reply-stopped.sms.txt", "Du får ikke flere sms'er. Ring 113.", "a phone number"},
		{"da/reply-stopped.sms.txt", "Du får ikke flere sms'er. Ring 112 345.", "a phone number"},
		{"da/reply-stopped.sms.txt", "Du får ikke flere sms'er. Godt?", "a question"},
		{"da/reply-stopped.sms.txt", "Du får ikke flere sms'er. Svar JA.", "asks for a reply"},
		{"da/thanks.sms.txt", "Tak for din besked.", ""}, // fit by itself; no unit uses it for an answer
	} {
		ps := load(t, c.path, c.text).Lint(reminder.Reply)
		if c.want == "" && len(ps) > 0 || c.want != "" && (len(ps) != 1 || !strings.Contains(ps[0].Reason, c.want)) {
			t.Errorf("%s %q: %v, want %q", c.path, c.text, ps, c.want)
		}
	}
}
