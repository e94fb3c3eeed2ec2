package pages

import (
	"slices"
	"strings"
	"testing"

	"github.com/husk-reminders/husk/pkg/compose"
	"github.com/husk-reminders/husk/pkg/redact"
	"github.com/husk-reminders/husk/pkg/reminder"
	"github.com/husk-reminders/husk/pkg/template"
)

// Whatever a template's own checks say of a text is told in the visit's language.
func TestEveryReasonOfATextHasWords(t *testing.T) {
	all, err := readWords()
	if err != nil {
		t.Fatal(err)
	}
	told := map[string]bool{}
	const fit = "{date} {time} {unit} {phone} STOP"
	for _, x := range []struct{ path, text string }{
		{"da/x.sms.txt", "a\u200bb"}, {"da/x.sms.txt", "a\rb"}, {"da/x.sms.txt", "e\u0301"}, {"da/x.sms.txt", "\xff"}, {"da/x.sms.txt", "{Date}"},
		{"da/x.sms.txt", "{nothing}"}, {"da/x.sms.txt", "{entrance}"}, {"da/x.sms.txt", "a}"}, {"da/x.sms.txt", "a]"}, {"da/x.sms.txt", "[{date}"},
		{"da/x.sms.txt", "[[{date}]]"}, {"da/x.sms.txt", "[a]"}, {"da/x.sms.txt", strings.Repeat("[{date}]", 17)}, {"da/x.sms.txt", "Class: 7\n\na"},
		{"da/x.email.txt", "a"}, {"da/x.email.txt", "Subject: a\nLetters: plain\n\na"}, {"da/x.sms.txt", "Letters: no\n\na"}, {"da/x.sms.txt", "Letters: plain\nLetters: plain\n\na"}, {"da/x.email.txt", "Subject: \n\na"}, {"da/x.email.txt", "Subject: a\nb"}, {"da/x.sms.txt", "\n"},
		{"da/x.sms.txt", "Velkommen på hudklinikken. Scanning. Diabetes. Panodil. " + fit}, {"da/x.sms.txt", "Hej"}, {"da/x.sms.txt", "{phone}[, {entrance}]12 " + fit},
		{"da/reply-unread.sms.txt", "Hej {date}"}, {"da/x.email.txt", "Class: 1\nSubject: a\n\n{date}"}, {"da/x.sms.txt", "{code} " + fit},
		{"da/x.sms.txt", "Se hospital.dk/tid, skriv til tid@hospitalet. 0{phone}. 120326 0845. Ring 1813. " + fit},
		{"da/x.sms.txt", "Udfyld skemaet. Giv os besked. Svar JA. Kommer du? Har du feber. Dit prøvesvar er klar. Særligt tilbud. " + fit},
	} {
		var reasons []string
		y, err := template.Parse(x.path, []byte(x.text))
		for _, p := range template.Problems(err) {
			reasons = append(reasons, p.Reason)
		}
		for _, purpose := range reminder.Purposes {
			for _, p := range y.Lint(purpose) {
				reasons = append(reasons, p.Reason)
			}
		}
		for _, reason := range reasons {
			for tag, w := range all {
				s := (&visit{words: w}).textReason(reason)
				if s.English || strings.HasPrefix(s.Text, "templates.") || strings.Contains(s.Text, "{0}") {
					t.Errorf("%s: %q: %q", tag, reason, s.Text)
				}
			}
			for _, k := range knownReasons {
				if k.re.MatchString(reason) {
					told[k.key] = true
					break
				}
			}
		}
	}
	for key, said := range map[string]string{
		"unused": "no unit uses this template: x", "neutral": "the value of {unit} may not be sent: its neutral text is shown", "value": "the value of {unit} may not be sent: cpr",
		"linkunit": "{link} is left out: the unit has no link", "linkpack": "{link} is left out: dk-2019 allows no link by sms", "channel": "dk-2019 allows no message by sms",
		"long": "200 letters with values as long as the unit directory allows, dk-2019 allows 140: see it with the units", "gives": "200 letters, dk-2019 allows 140: brackets are left out down to 130",
		"segments": "200 letters go out as 2 segments (gsm7)", "placeless": compose.ErrOverCeiling.Error() + ": da/x.sms can't do without the place",
		"ceiling": compose.ErrOverCeiling.Error() + ": da/x.sms is 2 for unit rh-eye, dk-2019 allows 1.5", "toolong": compose.ErrTooLong.Error() + ": da/x.sms is 200 letters for unit rh-eye, dk-2019 allows 140",
		"nostop":        `no working way to stop: no answer to Hospital reaches us: write, for example, "Stop sms: ring {phone}", or give the unit a sender_id that takes replies`,
		"nostopword":    `no working way to stop: answers to 1204 reach us behind the keyword RAVN alone: write, for example, "Stop sms: svar RAVN STOP"`,
		"falsestop":     `the text says to answer STOP, and no answer to Hospital reaches us: write, for example, "Stop sms: ring {phone}"`,
		"falsestopword": `the text says to answer STOP, and answers to 1204 reach us behind the keyword RAVN alone: write, for example, "Stop sms: svar RAVN STOP"`,
		"stop":          `no working way to stop: write, for example, "Stop sms: svar STOP"`,
		"sender":        compose.ErrNoSender.Error(), "fact": template.ErrMissing.Error() + ": {phone} in da/x.sms",
	} {
		told[key] = matches(t, said, key)
	}
	for key, err := range map[string]error{
		"same": template.ErrSame, "waslive": template.ErrWasLive, "approved": template.ErrApproved, "notdraft": template.ErrNotDraft, "waits": template.ErrWaits, "collision": template.ErrCollision,
	} {
		told[key] = matches(t, strings.TrimPrefix(err.Error(), "template: "), key)
	}
	for _, k := range knownReasons {
		if _, err := all["da"].text("templates.reason." + k.key); err != nil || !told[k.key] {
			t.Errorf("%s: %v, told: %v", k.key, err, told[k.key])
		}
	}
	if s := (&visit{words: all["da"]}).textReason("something new"); !s.English || s.Text != "something new" {
		t.Errorf("%+v", s)
	}
}

// matches reports whether something said is known under a key, and under none before it.
func matches(t *testing.T, said, key string) bool {
	t.Helper()
	i := slices.IndexFunc(knownReasons, func(k knownReason) bool { return k.re.MatchString(said) })
	if i < 0 || knownReasons[i].key != key {
		t.Errorf("%q is not %s", said, key)
		return false
	}
	return true
}

// Every kind of finding and every word of a closed list that a page of texts shows has words.
func TestWordsOfTexts(t *testing.T) {
	all, err := readWords()
	if err != nil {
		t.Fatal(err)
	}
	v := &visit{words: all["en"]}
	for _, kind := range append(slices.Clone(redact.Kinds), compose.KindValue) {
		id := redact.Finding{Kind: kind}.NationalID()
		for _, said := range []string{"the literal text may not be sent: " + kind + ": leave it out", "the text may not be kept: " + kind + ": leave it out", "compose: held: " + kind} {
			s := v.textReason(said)
			if s.English || strings.HasPrefix(s.Text, "templates.") || id != strings.Contains(s.Text, "CPR") {
				t.Errorf("%s: %+v", said, s)
			}
		}
	}
	var keys []string
	for _, p := range template.Catalogue() {
		keys = append(keys, "fact."+p.Name)
	}
	for _, l := range template.Languages() {
		keys = append(keys, "language."+l)
	}
	for _, s := range template.States {
		keys = append(keys, "state."+string(s))
	}
	for _, c := range reminder.Channels {
		keys = append(keys, "channel."+string(c))
	}
	for _, s := range compose.Samples {
		keys = append(keys, "sample."+s.ID)
	}
	for _, a := range reminder.AnswerTexts {
		keys = append(keys, "set."+reminder.Unit{}.AnswerSet(a))
	}
	for _, k := range []template.WordKind{template.Specialty, template.Diagnosis, template.Procedure, template.Drug} {
		keys = append(keys, "word."+string(k))
	}
	for _, s := range []compose.SourceKind{compose.FromLiteral, compose.FromSubject, compose.FromFact, compose.FromSender, compose.FromFrom, compose.FromReplyTo} {
		keys = append(keys, "source."+string(s))
	}
	for _, c := range []string{"0", "1", "1.5", "2"} {
		keys = append(keys, "class."+c)
	}
	for _, p := range []reminder.Purpose{reminder.Remind, reminder.Changed, reminder.Cancel, reminder.Reply, reminder.Verify} {
		keys = append(keys, "purpose."+string(p))
	}
	for _, key := range keys {
		if _, err := all["en"].text("templates." + key); err != nil {
			t.Error(err)
		}
	}
}

func TestDiffOfTexts(t *testing.T) {
	show := func(ls []diffLine) string {
		var b strings.Builder
		for _, l := range ls {
			b.WriteString(map[string]string{"same": " ", "del": "-", "ins": "+"}[l.Kind])
			for _, w := range l.Words {
				if w.Changed {
					b.WriteString("<" + w.Text + ">")
				} else {
					b.WriteString(w.Text)
				}
			}
			b.WriteString("\n")
		}
		return b.String()
	}
	for _, x := range []struct{ before, after, want string }{
		{"a\nb\n", "a\nb\n", " a\n b\n"},
		{"", "a\n", "+a\n"},
		{"a\n", "", "-a\n"},
		{"Husk {date} på {unit}.\n", "Husk {time} på {unit}.\n", "-Husk <{date}> på {unit}.\n+Husk <{time}> på {unit}.\n"},
		{"a\nb\nc\n", "a\nc\nd\n", " a\n-b\n c\n+d\n"},
		{"a\nx y\nc\n", "a\nx z\nnew\nc\n", " a\n-x <y>\n+x <z>\n+new\n c\n"},
		{"one\ntwo", "one\n\ntwo", " one\n+\n two\n"},
	} {
		if got := show(diffTexts(x.before, x.after)); got != x.want {
			t.Errorf("%q to %q:\n%s", x.before, x.after, got)
		}
	}
	// What is too much to be compared is shown whole, and nothing of it is lost.
	before, after := strings.Repeat("a\n", 2000), strings.Repeat("b\n", 2000)
	got := diffTexts("x\n"+before+"y\n", "x\n"+after+"y\n")
	if len(got) != 4002 || got[0].Kind != "same" || got[4001].Kind != "same" {
		t.Errorf("%d lines", len(got))
	}
}
