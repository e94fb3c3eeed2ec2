package contact_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/husk-reminders/husk/pkg/contact"
	"github.com/husk-reminders/husk/pkg/reminder"
)

func TestNormalise(t *testing.T) {
	for _, c := range []struct {
		channel reminder.Channel
		raw     string
		country reminder.Country
		want    string // "" = refused
	}{
		{reminder.SMS, "20 12 34 56", "DK", "+4520123456"},
		{reminder.SMS, " +45 20-12-34-56 ", "SE", "+4520123456"},
		{reminder.SMS, "004520123456", "DK", "+4520123456"},
		{reminder.SMS, "45 20123456", "DK", "+4520123456"},
		{reminder.SMS, "33121212", "DK", "+4533121212"}, // Denmark's plan does not tell mobile from fixed
		{reminder.SMS, "+46 (0)70-174 06 05", "DK", "+46701740605"},
		{reminder.SMS, "070-174 06 05", "SE", "+46701740605"},
		{reminder.SMS, "0701740605", "DK", ""},    // a Swedish number in a Danish record is not guessed at
		{reminder.SMS, "08-123 456 78", "SE", ""}, // a landline
		{reminder.SMS, "0719 123456", "SE", ""},   // possible, but in no plan
		{reminder.SMS, "412 34 567", "NO", "+4741234567"},
		{reminder.SMS, "59 00 00 00", "NO", "+4759000000"}, // a mobile series the library does not know
		{reminder.SMS, "22 12 34 56", "NO", ""},            // a landline
		{reminder.SMS, "040 1234567", "FI", "+358401234567"},
		{reminder.SMS, "611 1234", "IS", "+3546111234"},
		{reminder.SMS, "٢٠١٢٣٤٥٦", "DK", "+4520123456"},
		{reminder.SMS, "12345678", "DK", ""},
		{reminder.SMS, "1204", "DK", ""}, // a short code
		{reminder.SMS, "20 12 34 56 mobil", "DK", ""},
		{reminder.SMS, "1-800-FLOWERS", "DK", ""},
		{reminder.SMS, "20123456 / 33121212", "DK", ""},
		{reminder.SMS, "20123456 33121212", "DK", ""},
		{reminder.SMS, "20123456, 33121212", "DK", ""},
		{reminder.SMS, "20123456;ext=5", "DK", ""},
		{reminder.SMS, "+4520123456+4533121212", "DK", ""},
		{reminder.SMS, "20123456", "", ""},
		{reminder.SMS, "+4520123456", "", "+4520123456"},
		{reminder.SMS, "", "DK", ""},
		{reminder.SMS, "+", "DK", ""},
		{reminder.SMS, strings.Repeat("1", 500), "DK", ""},

		{reminder.Email, " Anna.Jensen+husk@Example.ORG ", "DK", "anna.jensen+husk@example.org"},
		{reminder.Email, "anna@bücher.example", "DK", "anna@xn--bcher-kva.example"},
		{reminder.Email, "anna@sundhed.region.dk", "DK", "anna@sundhed.region.dk"},
		{reminder.Email, "o'neil@example.org", "DK", "o'neil@example.org"},
		{reminder.Email, "anna@example", "DK", ""},
		{reminder.Email, "anna@@example.org", "DK", ""},
		{reminder.Email, "anna@b@example.org", "DK", ""},
		{reminder.Email, "anna.example.org", "DK", ""},
		{reminder.Email, "@example.org", "DK", ""},
		{reminder.Email, "anna@", "DK", ""},
		{reminder.Email, "anna@127.0.0.1", "DK", ""},
		{reminder.Email, "anna@[127.0.0.1]", "DK", ""},
		{reminder.Email, "anna@exa mple.org", "DK", ""},
		{reminder.Email, "anna jensen@example.org", "DK", ""},
		{reminder.Email, "Anna <anna@example.org>", "DK", ""},
		{reminder.Email, "anna@example.org, bo@example.org", "DK", ""},
		{reminder.Email, "anna@example.org\r\nBcc: bo@example.org", "DK", ""},
		{reminder.Email, `"anna"@example.org`, "DK", ""},
		{reminder.Email, "søren@example.org", "DK", ""},
		{reminder.Email, ".anna@example.org", "DK", ""},
		{reminder.Email, "an..na@example.org", "DK", ""},
		{reminder.Email, strings.Repeat("a", 65) + "@example.org", "DK", ""},
		{reminder.Email, "anna@" + strings.Repeat("a", 64) + ".org", "DK", ""},
		{reminder.Email, "", "DK", ""},
		{"fax", "20123456", "DK", ""},
	} {
		a, err := contact.Normalise(c.channel, c.raw, c.country)
		if c.want == "" {
			if !errors.Is(err, contact.ErrAddress) || !a.IsZero() {
				t.Errorf("%s %q: %q, %v: want it refused", c.channel, c.raw, a.Reveal(), err)
			}
			if err != nil && len(c.raw) > 3 && strings.Contains(err.Error(), c.raw) {
				t.Errorf("%q is in the error", c.raw)
			}
			continue
		}
		if err != nil || a.Reveal() != c.want || a.Channel != c.channel {
			t.Errorf("%s %q %s: %q, %v, want %q", c.channel, c.raw, c.country, a.Reveal(), err, c.want)
			continue
		}
		if again, err := contact.Normalise(c.channel, a.Reveal(), "IS"); err != nil || again.Reveal() != c.want {
			t.Errorf("%q is not its own form: %q, %v", c.want, again.Reveal(), err)
		}
	}
}

func FuzzNormalise(f *testing.F) {
	for _, s := range []string{"20123456", "+46 (0)70-174 06 05", "Anna@Example.org", "a@bücher.example", "20 12 34 56 mobil", "٢٠١٢٣٤٥٦"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		for _, ch := range reminder.Channels {
			a, err := contact.Normalise(ch, raw, "DK")
			if err != nil {
				if !errors.Is(err, contact.ErrAddress) || !a.IsZero() {
					t.Fatalf("%v beside an address", err)
				}
				continue
			}
			if strings.ContainsAny(a.Reveal(), " \r\n\t<>,;") {
				t.Fatalf("%q has what could end a header", a.Reveal())
			}
			b, err := contact.Normalise(ch, a.Reveal(), "SE")
			if err != nil || b.Reveal() != a.Reveal() {
				t.Fatalf("%q becomes %q, %v", a.Reveal(), b.Reveal(), err)
			}
		}
	})
}
