package template_test

import (
	"strings"
	"testing"

	"github.com/husk-reminders/husk/pkg/reminder"
)

func TestLint(t *testing.T) {
	for _, c := range []struct {
		text, want string
		line       int
	}{
		{"{date} {time} {unit} {phone} STOP", "", 0},
		{"{time} {unit} {phone} STOP", "{date} is missing", 1},
		{"{date} {time}[ {unit}] {phone} STOP", "{unit} is missing", 1},
		{"{date} {time} {unit} STOP", "neither {phone} nor {mail}", 1},
		{"{date} {time} {unit} {mail} STOPPEN", "no word STOP", 1},
		{"{date} {time} {unit} {mail} stop", "no word STOP", 1},
		{"{date} {time} {unit} {mail} [{name} STOP]", "no word STOP", 1},
		{"{date} {time} {unit}\n{mail} STOP?", "a question", 2},
		{"{date} {time} {unit} {mail} STOP HTTPS://x.example", "a link", 1},
		{"Class: 1\n\n{date} {time} {unit} {mail} STOP\nwww.x.example", "a link", 4},
	} {
		tp := load(t, "da/x.sms.txt", c.text)
		problems := tp.Lint(reminder.Remind)
		if c.want == "" {
			if len(problems) > 0 {
				t.Errorf("%q: %v", c.text, problems)
			}
			continue
		}
		if len(problems) != 1 || !strings.Contains(problems[0].Reason, c.want) || problems[0].Line != c.line {
			t.Errorf("%q: got %v, want %s in line %d", c.text, problems, c.want, c.line)
		}
	}
	for _, p := range []reminder.Purpose{reminder.Correction, ""} {
		if tp := load(t, "da/x.sms.txt", "{date} {time} {unit} {phone} STOP"); len(tp.Lint(p)) == 0 {
			t.Errorf("a template is said to be fit for %q", p)
		}
	}
}
