package command

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/husk-reminders/husk/pkg/web"
)

// configured has the program read a configuration file with this content.
func (p *place) configured(content string) {
	p.t.Helper()
	file := filepath.Join(filepath.Dir(p.dir), "husk.yaml")
	if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
		p.t.Fatal(err)
	}
	p.t.Setenv("HUSK_CONFIG", file)
}

// The carrier "far" is one whose server nobody runs.
const twoCarriers = `
send: {test_sms: "+4520123456"}
carriers:
  sms: {type: outbox, day_cap: 3}
  far: {type: gatewayapi, settings: {url: "https://127.0.0.1:9", token_file: TOKEN, dial_timeout: 200ms}}
  email: {type: none}
routes:
  sms: [{carriers: [sms], countries: [DK]}, {carriers: [far, sms]}]
`

func (p *place) withTwoCarriers() {
	p.t.Helper()
	token := filepath.Join(filepath.Dir(p.dir), "token")
	if err := os.WriteFile(token, []byte("secret-0123456789\n"), 0o600); err != nil {
		p.t.Fatal(err)
	}
	p.configured(strings.Replace(twoCarriers, "TOKEN", token, 1))
}

func TestCarrierListAndCheck(t *testing.T) {
	p := newPlace(t)
	p.withTwoCarriers()
	_, stop := p.serve()
	defer stop()
	var cs []web.Carrier
	p.read(&cs, "", "carrier", "list")
	known := map[string]web.Carrier{}
	for _, x := range cs {
		known[x.Name] = x
	}
	if x := known["sms"]; len(cs) != 2 || x.Type != "outbox" || x.Limit.Messages != 3 || x.Used.Messages != 0 || x.Health != "well" || x.Tried {
		t.Errorf("%+v", cs)
	}
	p.must("", "stop", "carrier:far", "--reason", "trying it")
	out := p.must("", "carrier", "list")
	for _, want := range []string{"NAME", "outbox", "gatewayapi", "0 of 3", "STOPPED: trying it"} {
		if !strings.Contains(out, want) {
			t.Errorf("%q is missing in\n%s", want, out)
		}
	}
	if out := p.must("", "carrier", "check", "sms"); !strings.Contains(out, "answers") || strings.Contains(out, "far") {
		t.Error(out)
	}
	out, errs, code := p.husk("", "carrier", "check")
	if code == 0 || !strings.Contains(out, "gatewayapi") {
		t.Errorf("a carrier that can't be reached: %d\n%s%s", code, out, errs)
	}
	if _, errs, code := p.husk("", "carrier", "check", "pigeon"); code != 1 || !strings.Contains(errs, "husk carrier list") {
		t.Errorf("a carrier that there is not: %d %s", code, errs)
	}
	if strings.Contains(p.all.String(), "secret-0123456789") {
		t.Error("the token was printed")
	}
}

func TestSendTest(t *testing.T) {
	p := newPlace(t)
	p.withTwoCarriers()
	_, stop := p.serve()
	defer stop()
	send := []string{"send", "test", "--carrier"}
	var x web.CarrierTest
	p.read(&x, "", append(send, "sms", "--reason", "new contract")...)
	if x.Carrier != "sms" || x.Channel != "sms" || x.Outcome != "accepted" || x.Reference == "" {
		t.Errorf("%+v", x)
	}
	files, err := filepath.Glob(filepath.Join(p.dir, "outbox", "messages", "*.txt"))
	if err != nil || len(files) != 1 {
		t.Fatalf("%v %v", files, err)
	}
	b, err := os.ReadFile(files[0])
	if err != nil || !strings.Contains(string(b), "To: +4520123456\n") || !strings.Contains(string(b), "Test from Husk.") {
		t.Errorf("%s %v", b, err)
	}
	var cs []web.Carrier
	p.read(&cs, "", "carrier", "list")
	for _, x := range cs {
		if x.Name == "sms" && x.Used.Messages != 1 {
			t.Errorf("it does not count: %+v", x)
		}
	}
	for _, c := range []struct{ name, want string }{
		{"far", "did not accept"}, {"pigeon", "husk carrier list"},
	} {
		if _, errs, code := p.husk("", append(send, c.name)...); code != 1 || !strings.Contains(errs, c.want) {
			t.Errorf("by %s: %d %s", c.name, code, errs)
		}
	}
	p.must("", "stop", "all", "--reason", "trying it")
	if _, errs, code := p.husk("", append(send, "sms")...); code != 1 || !strings.Contains(errs, "not stopped") {
		t.Errorf("while all is stopped: %d %s", code, errs)
	}
	if _, errs, code := p.husk("", append(send, "sms", "anna@mail.example")...); code != 2 || !strings.Contains(errs, "takes no recipient") || strings.Contains(errs, "anna") {
		t.Errorf("a recipient of one's own: %d %s", code, errs)
	}
	if out := p.must("", "audit", "list"); !strings.Contains(out, "carrier.test") || !strings.Contains(out, "new contract") {
		t.Errorf("the audit:\n%s", out)
	}
	if out := p.must("", "reminder", "list"); strings.Contains(out, "trial") {
		t.Error(out)
	}
	if again, _ := filepath.Glob(filepath.Join(p.dir, "outbox", "messages", "*.txt")); len(again) != 1 {
		t.Errorf("%d messages", len(again))
	}
}
