package command

import (
	"slices"
	"strings"

	"github.com/husk-reminders/husk/pkg/config"
	"github.com/husk-reminders/husk/pkg/reminder"
)

// callbackProofs are the settings without which a carrier over HTTP can't prove that a call is its own, so that none is taken.
var callbackProofs = map[string][]string{
	"gatewayapi": {"callback_key_file"},
	"sinch":      {"callback_key_file"},
	"46elks":     {"callback_user", "callback_password_file"},
	"link":       {"callback_user", "callback_password_file"},
	"kannel":     {"callback_user", "callback_password_file"},
	"twilio":     nil, // signs with auth_token_file, which it has anyway
}

// callbackAdvice is what else is to be set at a carrier that hardly comes again by itself, so that no STOP is lost while Husk is restarted.
var callbackAdvice = map[string]string{
	"twilio": ", with #rc=5&rp=all behind it, or Twilio does not come again after a 503; and as the fallback URL too",
}

// answers checks that the answers reach us which units' texts ask for: where a unit takes replies to its number, and its preferred carrier
// brings them by calling us, that carrier must have an address to call and a way to prove itself.
func (d *doctor) answers(dir *reminder.Directory) {
	var seen []string
	for _, u := range dir.Units() {
		if !u.TakesReplies() {
			continue
		}
		for _, r := range d.cfg.Channel(string(reminder.SMS)) {
			name := r.Carriers[0]
			if len(r.Units) > 0 && !slices.Contains(r.Units, u.ID) || slices.Contains(seen, name) {
				continue
			}
			seen = append(seen, name)
			d.answersBy(name, u.ID)
		}
	}
}

func (d *doctor) answersBy(name, unit string) {
	proofs, calls := callbackProofs[d.cfg.Carriers.Type(name)]
	if !calls {
		return
	}
	b := d.cfg.Callbacks
	var lacks []string
	for key, value := range map[string]string{"callbacks.url": b.URL, "callbacks.secret_file": b.SecretFile} {
		if value == "" {
			lacks = append(lacks, key)
		}
	}
	for _, key := range proofs {
		if value, _ := d.cfg.Carriers[name].Settings[key].(string); value == "" {
			lacks = append(lacks, "carriers."+name+".settings."+key)
		}
	}
	slices.Sort(lacks)
	switch {
	case len(lacks) > 0:
		d.tell("answers", problem, "set "+strings.Join(lacks, ", ")+"; or say replies: none of every unit whose answers nobody reads",
			"unit %s takes replies to its number, and carrier %s can't bring them: a STOP would be lost", unit, name)
	case b.Listen == "" && d.cfg.Mode == config.ModeProduction:
		d.tell("answers", warning, "set callbacks.listen, unless another process answers at callbacks.url", "this process does not answer carrier %s, which brings unit %s's replies", name, unit)
	default:
		d.tell("answers", fine, "", "carrier %s can bring replies: it must call the address that husk carrier list shows%s", name, callbackAdvice[d.cfg.Carriers.Type(name)])
	}
}
