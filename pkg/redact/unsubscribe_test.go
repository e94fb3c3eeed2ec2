package redact_test

import (
	"strings"
	"testing"

	"github.com/husk-reminders/husk/pkg/reminder"
)

// The message's own List-Unsubscribe is explained as a whole, in that header alone, and nothing like it.
func TestListUnsubscribe(t *testing.T) {
	const token = "q83vASNFZ4mrze8BI0VniavN7wEjRWeJq83vASNFZ4mrze8BI0VniavN7wEjRWeJ112233445566"
	const own = "<https://husk.region.example/unsubscribe/" + token + ">, <mailto:stop@region.example?subject=STOP>"
	// As mail programs fold it: at the blanks.
	folded := strings.ReplaceAll(own, ", ", ",\n ")
	const was = "<https://rh.example/husk/stop>,\n <mailto:ort@rh.example>"
	s := newScanner(t, "date", "time")
	known := wireKnown()
	known.Unsubscribe = own
	for name, c := range map[string]struct {
		change []string
		clean  bool
	}{
		"as it is":             {[]string{was, own}, true},
		"folded":               {[]string{was, "\n " + folded}, true},
		"with One-Click":       {[]string{was, own + "\nList-Unsubscribe-Post: " + reminder.OneClick}, true},
		"another token":        {[]string{was, strings.Replace(own, "112233445566", "3112995004", 1)}, false},
		"something behind it":  {[]string{was, own + ", <mailto:a3112995004@rh.example>"}, false},
		"in another header":    {[]string{was, own + "\nX-Other: " + own}, false},
		"in the text":          {[]string{was, own, "TEXT", token}, false},
		"where none is known":  {[]string{was, "<https://elsewhere.example/1122334455>"}, false},
		"two of them":          {[]string{was, own + "\nList-Unsubscribe: <mailto:x3112995004@rh.example>"}, false},
		"another's in its row": {[]string{was, "<https://elsewhere.example/stop>"}, false},
	} {
		got := s.ScanWire(mailOf(c.change...), reminder.Rendered{}, known)
		if (len(got) == 0) != c.clean {
			t.Errorf("%s: %+v", name, got)
		}
	}
	known.Unsubscribe = ""
	if got := s.ScanWire(mailOf(was, own), reminder.Rendered{}, known); len(got) == 0 {
		t.Error("it passes where the message has none")
	}
}
