package smtp_test

import (
	"net/mail"
	"strings"
	"testing"

	"github.com/husk-reminders/husk/pkg/provider"
	"github.com/husk-reminders/husk/pkg/reminder"
)

// What a mail server gets to see of a message beside its text: how it came about, and how to stop the next one.
func TestHeadersOfAMachine(t *testing.T) {
	ca := newAuthority(t, "localhost", loopback)
	token := strings.Repeat("Ab-_9", 15)
	both := reminder.Unsubscribe{URL: "https://husk.example.org/unsubscribe/" + token, Mail: "stop@example.org"}
	for name, c := range map[string]struct {
		purpose   reminder.Purpose
		offer     reminder.Unsubscribe
		submitted string
		list      string
		post      string
	}{
		"a reminder":             {reminder.Remind, both, "auto-generated", "<" + both.URL + ">, <mailto:stop@example.org?subject=STOP>", "List-Unsubscribe=One-Click"},
		"with a URL alone":       {reminder.Changed, reminder.Unsubscribe{URL: both.URL}, "auto-generated", "<" + both.URL + ">", "List-Unsubscribe=One-Click"},
		"with an address alone":  {reminder.Cancel, reminder.Unsubscribe{Mail: both.Mail}, "auto-generated", "<mailto:stop@example.org?subject=STOP>", ""},
		"with nothing":           {reminder.Remind, reminder.Unsubscribe{}, "auto-generated", "", ""},
		"an answer to who wrote": {reminder.Reply, reminder.Unsubscribe{}, "auto-replied", "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			p := newPeer(t, peerOptions{tls: ca.server})
			m := message("00aa", "anna@example.org")
			m.Purpose, m.Unsubscribe = c.purpose, c.offer
			if _, err := send(t, sender(t, secure(p, ca)), m); err != nil {
				t.Fatal(err)
			}
			got, err := mail.ReadMessage(strings.NewReader(p.letters()[0].data))
			if err != nil {
				t.Fatal(err)
			}
			for header, want := range map[string]string{
				"Auto-Submitted": c.submitted, "List-Unsubscribe": c.list, "List-Unsubscribe-Post": c.post, "In-Reply-To": "", "References": "",
			} {
				if v := got.Header[header]; strings.Join(v, "|") != want {
					t.Errorf("%s is %q, want %q", header, v, want)
				}
			}
			for line := range strings.Lines(p.letters()[0].data) {
				if len(line) > 998+2 {
					t.Errorf("a line of %d bytes", len(line))
				}
			}
		})
	}
	m := message("00ab", "anna@example.org")
	m.Unsubscribe.URL = "https://x.example/\r\nBcc: b@example.org"
	if _, err := send(t, sender(t, secure(newPeer(t, peerOptions{tls: ca.server}), ca)), m); provider.OutcomeOf(err) != provider.Reject {
		t.Errorf("a line break in the URL: %v", err)
	}
}
