package provider

import (
	"net/textproto"
	"strings"

	"github.com/husk-reminders/husk/pkg/reminder"
)

// Automatic reports whether the header of a mail says that a machine wrote it: an absence note, a bounce, a mailing list. RFC 3834
// section 2 forbids to answer those, for two machines could answer each other for ever: Auto-Submitted other than no, an empty
// Return-Path, a list; and what mail programs of before and beside it say.
func Automatic(h textproto.MIMEHeader) bool {
	if word(h.Get("Auto-Submitted")) != "" && word(h.Get("Auto-Submitted")) != "no" {
		return true
	}
	switch word(h.Get("Precedence")) {
	case "bulk", "junk", "list", "auto_reply":
		return true
	}
	if strings.ReplaceAll(h.Get("Return-Path"), " ", "") == "<>" {
		return true
	}
	for _, k := range []string{"List-Id", "List-Unsubscribe", "X-Autoreply", "X-Autorespond", "Feedback-Id"} {
		if h.Get(k) != "" {
			return true
		}
	}
	return strings.HasPrefix(strings.ToLower(h.Get("Content-Type")), "multipart/report")
}

// AutoSubmitted is the value of the header Auto-Submitted of a mail with a purpose (RFC 3834 section 5): no absence note shall answer
// it, and no Husk.
func AutoSubmitted(p reminder.Purpose) string {
	if p == reminder.Reply {
		return "auto-replied"
	}
	return "auto-generated"
}

// word is the first word of a header field, small, without what follows a semicolon.
func word(s string) string {
	s, _, _ = strings.Cut(s, ";")
	s, _, _ = strings.Cut(strings.TrimSpace(s), " ")
	return strings.ToLower(s)
}

// Plus is what stands between '+' and '@' in a mail address, "" when nothing does (RFC 5233).
func Plus(address string) string {
	local, _, ok := strings.Cut(address, "@")
	if !ok {
		return ""
	}
	_, detail, _ := strings.Cut(local, "+")
	return detail
}
