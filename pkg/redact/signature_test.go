package redact_test

import (
	"encoding/base64"
	"strings"
	"testing"

	"github.com/husk-reminders/husk/pkg/redact"
	"github.com/husk-reminders/husk/pkg/reminder"
)

// A signature is explained as such, and is no place to hide anything.
func TestTheHeaderOfASignature(t *testing.T) {
	noise := func(n int) string {
		b := make([]byte, n)
		for i := range b {
			b[i] = byte(i*151 + 200)
		}
		return base64.StdEncoding.EncodeToString(b)
	}
	text := base64.StdEncoding.EncodeToString([]byte(strings.Repeat("CPR 311299-5004 ", 4)))
	ofLength := func(n int) string {
		return "a=rsa-sha256; bh=" + noise(32) + "; d=hospital.example; h=From; s=husk; t=1763800000; v=1; b=" + noise(n)
	}
	for name, c := range map[string]struct {
		value string
		held  bool
	}{
		"ed25519":               {ofLength(64), false},
		"RSA":                   {ofLength(256), false},
		"folded":                {strings.Replace(ofLength(256), noise(256)[:70], noise(256)[:70]+"\r\n ", 1), false},
		"a text as a signature": {strings.Replace(ofLength(64), noise(64), text, 1), true},
		"a text as a hash":      {strings.Replace(ofLength(64), noise(32), base64.StdEncoding.EncodeToString([]byte("CPR-nummer 311299-5004 er skrevet"[:32])), 1), true},
		"a number as a time":    {strings.Replace(ofLength(64), "1763800000", "3112995004", 1), true},
		"a number as selector":  {strings.Replace(ofLength(64), "s=husk", "s=311299-5004", 1), true},
		"another tag":           {ofLength(64) + "; z=311299-5004", true},
		"a tag twice":           {ofLength(64) + "; t=1763800000", true},
		"no signature":          {"t=1763800000", true},
	} {
		s, err := redact.New(redact.Options{})
		if err != nil {
			t.Fatal(err)
		}
		wire := reminder.Wire{Format: reminder.WireMail, Body: reminder.Mask("DKIM-Signature: " + c.value + "\r\n\r\nHej\r\n")}
		if found := s.ScanWire(wire, reminder.Rendered{}, redact.Known{}); (len(found) > 0) != c.held {
			t.Errorf("%s: %v, want held %v", name, found, c.held)
		}
	}
}
