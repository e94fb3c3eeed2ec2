package web

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/husk-reminders/husk/pkg/ledger"
	"github.com/husk-reminders/husk/pkg/reminder"
)

// ActorHeader names who asks: the operating system's user, as the command line fills it in. The audit keeps it.
const ActorHeader = "Husk-Actor"

// errNoAudit means that the audit was not written, so that nothing may be answered.
var errNoAudit = errors.New("web: the audit was not written")

// audit writes who does what to whom, and why. It comes before the answer and before the change.
func (a *API) audit(ctx context.Context, r *http.Request, action string, p reminder.PersonKey, h reminder.AddressHash, reason string) error {
	actor := r.Header.Get(ActorHeader)
	if err := checkActor(actor); err != nil {
		return err
	}
	if err := a.o.Ledger.Audit(ctx, ledger.Audit{Actor: actor, Action: action, Person: p, Address: h, Reason: reason}); err != nil {
		return fmt.Errorf("%w: %w", errNoAudit, err)
	}
	return nil
}

// audits lists who read or changed whom, and why, the newest last. The reading is in the audit too.
func (a *API) audits(ctx context.Context, r *http.Request) (any, error) {
	q := r.URL.Query()
	var p reminder.PersonKey
	if s := q.Get("person"); s != "" {
		var err error
		if p, err = reminder.ParsePersonKey(s); err != nil {
			return nil, want("person", "a person key")
		}
	}
	most, err := number(r, "max", defaultMax, highestMax)
	if err != nil {
		return nil, err
	}
	if most == 0 {
		return nil, want("max", "1 to "+strconv.Itoa(highestMax))
	}
	reason, err := reasonOf(q.Get("reason"), false)
	if err != nil {
		return nil, err
	}
	if err := a.audit(ctx, r, "audit.list", p, "", reason); err != nil {
		return nil, err
	}
	return a.o.Ledger.LastAudits(ctx, p, most)
}

func checkActor(s string) error {
	bad := func(r rune) bool { return !unicode.IsPrint(r) }
	if n := utf8.RuneCountInString(s); n == 0 || n > 64 || strings.ContainsFunc(s, bad) || longNumber(s) {
		return want(ActorHeader, "the header with the user who asks: 1 to 64 printable characters, no long number")
	}
	return nil
}

// reasonOf is a reason that people wrote. It is kept in the clear for years, so what could be a national id or a phone
// number is refused.
func reasonOf(s string, needed bool) (string, error) {
	s = strings.TrimSpace(s)
	bad := func(r rune) bool { return !unicode.IsPrint(r) }
	if n := utf8.RuneCountInString(s); (needed && n == 0) || n > 200 || strings.ContainsFunc(s, bad) || longNumber(s) || strings.Contains(s, "@") {
		return "", want("reason", "why, in up to 200 characters on one line, without a number of eight or more digits or a mail address: it is kept in the clear")
	}
	return s, nil
}

// longNumber reports whether s has eight or more digits with no more than one other character between any two: a national
// id or a phone number, however it is written.
func longNumber(s string) bool {
	digits, gap := 0, 0
	for _, r := range s {
		if unicode.IsDigit(r) {
			if digits++; digits == 8 {
				return true
			}
			gap = 0
			continue
		}
		if gap++; gap > 1 {
			digits = 0
		}
	}
	return false
}
