package compose_test

import (
	"crypto/rand"
	"encoding/base64"
	"errors"
	"strings"
	"testing"

	"github.com/husk-reminders/husk/pkg/compose"
	"github.com/husk-reminders/husk/pkg/reminder"
)

// What a reminder by e-mail offers mail programs passes the last scan, whatever the token; another header like it does not.
func TestUnsubscribeIsClean(t *testing.T) {
	for name, by := range carriers(t) {
		l := newLine(t)
		l.channel = reminder.Email
		c := l.composer()
		for range 100 {
			m, err := c.Compose(t.Context(), l.permit())
			if err != nil {
				t.Fatal(err)
			}
			m.Reference = reminder.NewClaim(l.lease.Person)
			sealed := make([]byte, 56) // as inbound.Tokens seals a claim
			_, _ = rand.Read(sealed)
			token := base64.RawURLEncoding.EncodeToString(sealed)
			m.Unsubscribe = reminder.Unsubscribe{URL: "https://husk.region.example/unsubscribe/" + token, Mail: "stop@region.example"}
			if m.Wire, err = by.Encode(m); err != nil {
				t.Fatal(err)
			}
			if !strings.Contains(m.Wire.Body.Reveal(), token) {
				t.Fatalf("%s writes no token", name)
			}
			if err := c.Inspect(l.permit(), m); err != nil {
				t.Fatalf("%s: %v\n%s", name, err, m.Wire.Body.Reveal())
			}
			other := m
			other.Unsubscribe = reminder.Unsubscribe{URL: "https://husk.region.example/unsubscribe/other"}
			if err := c.Inspect(l.permit(), other); !errors.Is(err, compose.ErrHeld) {
				t.Fatalf("%s: a header of another message: %v", name, err)
			}
		}
	}
}
