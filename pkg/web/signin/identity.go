package signin

import (
	"errors"
	"strings"

	"github.com/husk-reminders/husk/pkg/web"
)

// Grant is a role and the units it is for.
type Grant = web.Grant

// Identity is somebody who was let in.
type Identity struct {
	Subject string  // tells two people apart, whatever they do; a pseudonym
	Name    string  // for the audit and other staff: 1 to 32 printable characters, no long number, no mail address
	Grants  []Grant // at least one, each role once, in the order of web.Roles
	Trial   bool    // by a one-time link: to be marked on every page
}

// Why nobody was let in. Each text is for the person at the browser and holds nothing of them.
var (
	ErrUnavailable  = errors.New("signin: the sign-in service does not answer; try again in a moment")
	ErrAttempt      = errors.New("signin: this sign-in is over or was begun in another browser; begin again")
	ErrDeclined     = errors.New("signin: the sign-in service was told not to let you in, or you broke it off")
	ErrToken        = errors.New("signin: the sign-in service's answer can't be trusted; tell your administrator")
	ErrSecondFactor = errors.New("signin: a second factor is needed; sign in again with one")
	ErrStale        = errors.New("signin: you signed in too long ago; sign in again")
	ErrNoGrant      = errors.New("signin: you are in no group that may use Husk; ask your administrator")
	ErrLink         = errors.New("signin: this link was used, is over or never was; ask for a new one")
	ErrNotTrial     = errors.New("signin: others than the demonstration's people are known, so trial links let nobody in; set pages.sign_in.issuer")
	ErrEnded        = errors.New("signin: this session was begun in another way of signing in, and is over")
)

// labels are the outcomes as metrics and logs have them.
var labels = []struct {
	err   error
	label string
}{
	{ErrUnavailable, "unavailable"}, {ErrAttempt, "attempt"}, {ErrDeclined, "declined"}, {ErrToken, "token"}, {ErrSecondFactor, "second_factor"},
	{ErrStale, "stale"}, {ErrNoGrant, "no_grant"}, {ErrLink, "link"}, {ErrNotTrial, "not_trial"},
}

// Reason is an error of this package in one word, for metrics, logs and the texts of pages; "other" for any other.
func Reason(err error) string {
	for _, l := range labels {
		if errors.Is(err, l.err) {
			return l.label
		}
	}
	return "other"
}

// trialPrefix begins the subjects of links. No subject of a provider does: those have a colon behind the first eight letters.
const trialPrefix = "trial-"

// IsTrial reports whether a subject was let in by a one-time link.
func IsTrial(subject string) bool { return strings.HasPrefix(subject, trialPrefix) }

// letters make up pseudonyms: letters alone, since the audit takes long numbers for people's.
const letters = "bcdfghjkmnpqrstv"

// spell writes the first n bytes of sum as letters, four bits each.
func spell(sum []byte, n int) string {
	b := make([]byte, n)
	for i := range b {
		b[i] = letters[sum[i]%16]
	}
	return string(b)
}
