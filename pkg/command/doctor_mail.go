package command

import (
	"context"
	"errors"
	"maps"
	"slices"
	"time"

	"github.com/husk-reminders/husk/pkg/provider/smtp"
)

// dnsWait is how long the DNS may take to answer.
const dnsWait = 5 * time.Second

// mail checks what the configuration says of signatures, and what the DNS has of their keys. A mail program offers one-click unsubscription
// only where a DKIM signature covers the two headers of it (RFC 8058 section 4), and without it some mail providers take reminders for spam.
func (d *doctor) mail(ctx context.Context) {
	for _, name := range slices.Sorted(maps.Keys(d.cfg.Carriers)) {
		carrier := d.cfg.Carriers[name]
		if carrier.Type != smtp.Name {
			continue
		}
		set, _ := carrier.Settings["dkim"].(map[string]any)
		text := func(key string) string { s, _ := set[key].(string); return s }
		key := smtp.DKIM{Domain: text("domain"), Selector: text("selector"), KeyFile: text("key_file")}
		if key.Domain == "" {
			key.Domain, _ = carrier.Settings["domain"].(string)
		}
		switch {
		case key.Selector != "":
			d.published(ctx, name, key)
		case d.cfg.Unsubscribe.URL != "":
			d.tell("dkim", warning, "set dkim.selector and dkim.key_file in the carrier's settings, unless your mail server signs what it hands on and covers both headers",
				"carrier %s signs nothing, so mail programs must not offer the one click of unsubscribe.url: RFC 8058 asks for a DKIM signature over "+
					"List-Unsubscribe and List-Unsubscribe-Post", name)
		default:
			d.tell("dkim", fine, "", "carrier %s signs nothing; that is left to your mail server", name)
		}
	}
}

// published looks for the public half of a carrier's key where those who get its mails look for it.
func (d *doctor) published(ctx context.Context, carrier string, key smtp.DKIM) {
	ctx, cancel := context.WithTimeout(ctx, dnsWait)
	defer cancel()
	record, text, err := key.Record()
	if err == nil {
		err = key.Published(ctx, d.dns)
	}
	const spam = "mails count as unsigned or forged and go to spam, or nowhere"
	switch {
	case err == nil:
		d.tell("dkim", fine, "", "carrier %s signs, and the DNS has its key at %s", carrier, record)
	case errors.Is(err, smtp.ErrNoDNS):
		d.tell("dkim", warning, "run doctor again where the DNS answers", "carrier %s signs, and the DNS does not say whether it has the key at %s", carrier, record)
	case errors.Is(err, smtp.ErrNoRecord):
		d.tell("dkim", problem, "put this TXT record there: "+text, "carrier %s signs, and the DNS has no key at %s: %s", carrier, record, spam)
	case errors.Is(err, smtp.ErrOtherRecord):
		d.tell("dkim", problem, "have this TXT record there and no other: "+text+"; or name the key that belongs to what is there", "carrier %s signs, and what the DNS has at %s does not fit: %v: %s",
			carrier, record, err, spam)
	default:
		d.tell("dkim", problem, "mend dkim.key_file in the carrier's settings", "carrier %s: %v", carrier, err)
	}
}
