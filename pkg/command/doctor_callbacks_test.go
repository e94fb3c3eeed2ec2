package command

import (
	"os"
	"strings"
	"testing"

	"github.com/husk-reminders/husk/pkg/config"
	"github.com/husk-reminders/husk/pkg/reminder"
)

func TestDoctorOnAnswers(t *testing.T) {
	whole := config.Callbacks{URL: "https://husk.hospital.example", SecretFile: "/etc/husk/callbacks", Listen: ":8487"}
	elks := config.Settings{"callback_user": "elks", "callback_password_file": "/etc/husk/elks"}
	for name, c := range map[string]struct {
		typ       string
		settings  config.Settings
		callbacks config.Callbacks
		want      level // "" = nothing is told
		do        string
	}{
		"all is set":          {"46elks", elks, whole, fine, ""},
		"no callbacks":        {"46elks", elks, config.Callbacks{}, problem, "callbacks.secret_file, callbacks.url"},
		"no address":          {"twilio", nil, config.Callbacks{SecretFile: "/s"}, problem, "set callbacks.url;"},
		"no secret":           {"twilio", nil, config.Callbacks{URL: "https://husk.example"}, problem, "set callbacks.secret_file;"},
		"no proof":            {"gatewayapi", nil, whole, problem, "carriers.main.settings.callback_key_file"},
		"no proof of sinch":   {"sinch", config.Settings{"callback_key_file": ""}, whole, problem, "carriers.main.settings.callback_key_file"},
		"a user alone":        {"link", config.Settings{"callback_user": "x"}, whole, problem, "set carriers.main.settings.callback_password_file;"},
		"kannel":              {"kannel", nil, whole, problem, "carriers.main.settings.callback_user"},
		"signs by its token":  {"twilio", nil, whole, fine, ""},
		"nobody listens":      {"twilio", nil, config.Callbacks{URL: whole.URL, SecretFile: "/s"}, warning, "callbacks.listen"},
		"brings them itself":  {"smpp", nil, config.Callbacks{}, "", ""},
		"a file of one's own": {config.Outbox, nil, config.Callbacks{}, "", ""},
	} {
		for _, replies := range []bool{true, false} {
			d := &doctor{cfg: config.Config{
				Mode: config.ModeProduction, Callbacks: c.callbacks, Carriers: config.Carriers{"main": {Type: c.typ, Settings: c.settings}, "second": {Type: "sinch"}},
				Routes: config.Routes{SMS: config.Rules{{Carriers: config.List{"second"}, Units: config.List{"another"}}, {Carriers: config.List{"main", "second"}}}},
			}}
			d.answers(unitsThat(t, replies))
			if c.want == "" || !replies {
				if len(d.findings) != 0 {
					t.Errorf("%s, replies %v: %+v", name, replies, d.findings)
				}
				continue
			}
			if len(d.findings) != 1 || d.findings[0].Level != c.want || !strings.Contains(d.findings[0].Do, c.do) || (c.want == fine) != (d.findings[0].Do == "") {
				t.Errorf("%s: %+v, want %s to do %q", name, d.findings, c.want, c.do)
			}
			if advised := strings.Contains(d.findings[0].Text, "#rc=5&rp=all"); advised != (c.want == fine && c.typ == "twilio") {
				t.Errorf("%s: %+v, told to have Twilio come again: %v", name, d.findings, advised)
			}
		}
	}
}

// unitsThat is the shipped directory, whose units all take replies, or none of them.
func unitsThat(t *testing.T, takeReplies bool) *reminder.Directory {
	t.Helper()
	b, err := os.ReadFile("../../config/units.yaml")
	if err != nil {
		t.Fatal(err)
	}
	text := string(b)
	if !takeReplies {
		text = strings.ReplaceAll(text, ", replies: number}", "}")
	}
	u, err := reminder.ReadUnits(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	return u
}
