package compose_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/husk-reminders/husk/pkg/compose"
	"github.com/husk-reminders/husk/pkg/provider"
	"github.com/husk-reminders/husk/pkg/provider/elks"
	"github.com/husk-reminders/husk/pkg/provider/gatewayapi"
	"github.com/husk-reminders/husk/pkg/provider/httpsms"
	"github.com/husk-reminders/husk/pkg/provider/kannel"
	"github.com/husk-reminders/husk/pkg/provider/link"
	"github.com/husk-reminders/husk/pkg/provider/sinch"
	"github.com/husk-reminders/husk/pkg/provider/twilio"
	"github.com/husk-reminders/husk/pkg/reminder"
)

// overHTTP are the carriers over HTTP, with accounts and addresses full of digits.
func overHTTP(t *testing.T) map[string]provider.Sender {
	t.Helper()
	file := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(file, []byte("3112995004-3112995004\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	made := map[string]provider.Sender{}
	keep := func(name string) func(provider.Sender, error) {
		return func(s provider.Sender, err error) {
			if err != nil {
				t.Fatal(err)
			}
			made[name] = s
		}
	}
	const back = "https://husk.example.org/v1/carriers/sms/Zr3112995004"
	caller := httpsms.CallerConfig{User: "u20202020", PasswordFile: file}
	g, err := gatewayapi.New(gatewayapi.Options{Config: gatewayapi.Config{Config: httpsms.Config{URL: "https://messaging.gatewayapi.eu"}, TokenFile: file}})
	keep("gatewayapi")(g, err)
	e, err := elks.New(elks.Options{Callback: back, Config: elks.Config{CallerConfig: caller, Username: "u", PasswordFile: file}})
	keep("46elks")(e, err)
	s, err := sinch.New(sinch.Options{Config: sinch.Config{ServicePlan: "311299-5004", TokenFile: file}})
	keep("sinch")(s, err)
	l, err := link.New(link.Options{Callback: back, Config: link.Config{Config: httpsms.Config{URL: "https://wsx.sp247.net"}, CallerConfig: caller, Username: "u", PasswordFile: file,
		PlatformID: "3112995012", PartnerID: "30978123", Gate: "99887766"}})
	keep("link")(l, err)
	w, err := twilio.New(twilio.Options{Callback: back, Config: twilio.Config{AccountSID: "AC" + strings.Repeat("31129950", 4), AuthTokenFile: file, MessagingServiceSID: "MG" + strings.Repeat("31129950", 4)}})
	keep("twilio")(w, err)
	k, err := kannel.New(kannel.Options{Callback: back, Config: kannel.Config{Config: httpsms.Config{URL: "http://127.0.0.1:13013"}, CallerConfig: caller,
		Username: "u20202020", PasswordFile: file}})
	keep("kannel")(k, err)
	return made
}

// TestWhatCarriersOverHTTPEncodeIsClean: neither accounts and addresses of ours, nor times of validity, nor the random reference hold a
// message that is clean; and what else is put beside it is held.
func TestWhatCarriersOverHTTPEncodeIsClean(t *testing.T) {
	for name, by := range overHTTP(t) {
		for _, sender := range []string{"Hospital", "4535453545"} {
			inspectOften(t, name, sender, by)
		}
	}
}

func inspectOften(t *testing.T, name, sender string, by provider.Sender) {
	t.Helper()
	l := newLine(t)
	l.unit.SenderID.Text = sender
	c := l.composer()
	for n := range 150 {
		m, err := l.encoded(c, by)
		if err != nil {
			t.Fatal(err)
		}
		if err := c.Inspect(l.permit(), m); err != nil {
			t.Fatalf("%s: %v\n%s", name, err, m.Wire.Body.Reveal())
		}
		if n > 0 {
			continue
		}
		was, leaks := m.Wire.Body.Reveal(), []string{"&patient=311299-5004", "311299-5004", "%33112995004"}
		if m.Wire.Format == reminder.WireJSON {
			was, leaks = strings.TrimSuffix(was, "}"), []string{`,"patient":"311299-5004"}`, `,"patient":3112995004}`, `,"311299-5004":true}`}
		}
		for _, leak := range leaks {
			m.Wire.Body = reminder.Mask(was + leak)
			if err := c.Inspect(l.permit(), m); !errors.Is(err, compose.ErrHeld) {
				t.Errorf("%s: a leak passes: %v", name, err)
			}
		}
	}
}
