package web

import (
	"context"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/husk-reminders/husk/pkg/ledger"
	"github.com/husk-reminders/husk/pkg/reminder"
)

type auditsInput struct {
	Person string `query:"person" pattern:"^[1-9]-[0-9a-f]{32}$" patternDescription:"a person key" doc:"About the person with this pseudonym alone"`
	Max    int    `query:"max" default:"100" minimum:"1" maximum:"10000"`
	Reason string `query:"reason" doc:"Why, for the audit; no number, no name"`
}

// audits lists who read or changed whom, and why, the newest last. The reading is in the audit too.
func (a *API) audits(ctx context.Context, c *caller, in *auditsInput) ([]ledger.Audit, error) {
	p := reminder.PersonKey(in.Person)
	reason, err := reasonOf(in.Reason, false)
	if err != nil {
		return nil, err
	}
	if err := a.audit(ctx, c, everybody, "audit.list", p, "", reason); err != nil {
		return nil, err
	}
	return a.o.Ledger.LastAudits(ctx, p, in.Max)
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

// IsReason reports whether the audit can keep s as the reason of something that needs one.
func IsReason(s string) bool {
	_, err := reasonOf(s, true)
	return err == nil
}

// IsName reports whether s may stand in the audit as somebody's name: 1 to 32 printable characters, no long number and no mail
// address.
func IsName(s string) bool {
	n := utf8.RuneCountInString(s)
	return n > 0 && n <= 32 && utf8.ValidString(s) && strings.TrimSpace(s) != "" && !strings.Contains(s, "@") && !longNumber(s) &&
		!strings.ContainsFunc(s, func(r rune) bool { return !unicode.IsPrint(r) })
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
