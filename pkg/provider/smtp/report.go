package smtp

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	stdmail "net/mail"
	"net/textproto"
	"path"
	"regexp"
	"strings"
	"time"

	"github.com/emersion/go-message"
	_ "github.com/emersion/go-message/charset" // answers come in the charsets of old

	"github.com/husk-reminders/husk/pkg/provider"
	"github.com/husk-reminders/husk/pkg/reminder"
)

// The most that is looked at of one mail.
const (
	maxDepth  = 4   // parts in parts
	maxParts  = 40  // in all
	maxGroups = 100 // recipients of a report
	maxAnswer = 64 << 10
)

// errForPeople says that a mail is nothing that we understand.
var errForPeople = errors.New("smtp: a mail that is neither a report nor an answer to one of ours")

// returned is what is found in a mail that came back.
type returned struct {
	header   message.Header
	kind     string          // Content-Type of the whole
	status   []fields        // of a delivery status: the message, and then each recipient
	feedback fields          // of a complaint
	original *message.Header // of the mail that it is about
	text     *string         // of an answer
	page     string          // the words of an answer's HTML
	parts    int
}

// readMail reads a mail that came back. Everything in it may be forged, so it counts only with a reference that we gave a message: nobody
// else has seen that but its recipient and the servers on the way.
func (s *Sender) readMail(raw []byte, at time.Time) (provider.Notice, error) {
	raw = raw[:min(len(raw), longestMail)]
	e, err := message.ReadWithOptions(bytes.NewReader(raw), &message.ReadOptions{MaxHeaderBytes: 64 << 10})
	if e == nil || err != nil && !message.IsUnknownCharset(err) && !message.IsUnknownEncoding(err) {
		return provider.Notice{}, errForPeople
	}
	r := &returned{header: e.Header}
	r.kind, _, _ = e.Header.ContentType()
	r.walk(e, 0)
	reference, ok := s.referenceOf(r)
	sum := sha256.Sum256(raw)
	n := provider.Notice{ID: hex.EncodeToString(sum[:16]), Reference: reference, At: at.UTC()}
	switch {
	case r.feedback != nil:
		return r.complaint(n, ok)
	case r.status != nil && ok:
		return r.report(n)
	case r.status != nil, strings.EqualFold(r.kind, "multipart/report"):
		return provider.Notice{}, errForPeople
	}
	return s.answer(r, n, ok)
}

// walk looks at a part and those in it.
func (r *returned) walk(e *message.Entity, depth int) {
	if r.parts++; r.parts > maxParts || depth > maxDepth {
		return
	}
	kind, _, _ := e.Header.ContentType()
	if parts := e.MultipartReader(); parts != nil {
		for r.parts <= maxParts {
			p, err := parts.NextPart()
			if p == nil || err != nil && !message.IsUnknownCharset(err) && !message.IsUnknownEncoding(err) {
				return // the end, or as far as it can be read
			}
			r.walk(p, depth+1)
		}
		return
	}
	switch strings.ToLower(kind) {
	case "message/delivery-status", "message/global-delivery-status":
		if r.status == nil {
			r.status = groupsOf(e.Body)
		}
	case "message/feedback-report":
		if g := groupsOf(e.Body); r.feedback == nil && len(g) > 0 {
			r.feedback = g[0]
		}
	case "message/rfc822", "message/global", "text/rfc822-headers", "message/rfc822-headers", "message/global-headers":
		if r.original != nil {
			return
		}
		raw, _ := io.ReadAll(io.LimitReader(e.Body, longestMail))
		o, err := message.ReadWithOptions(io.MultiReader(bytes.NewReader(raw), strings.NewReader("\r\n\r\n")), &message.ReadOptions{MaxHeaderBytes: 64 << 10})
		if o != nil && (err == nil || message.IsUnknownCharset(err) || message.IsUnknownEncoding(err)) {
			r.original = &o.Header
		}
	case "text/plain", "":
		if r.text == nil {
			raw, _ := io.ReadAll(io.LimitReader(e.Body, maxAnswer))
			text := strings.ToValidUTF8(string(raw), "")
			r.text = &text
		}
	case "text/html":
		if r.page == "" {
			r.page = wordsIn(io.LimitReader(e.Body, maxAnswer))
		}
	}
}

// fields are the fields of one group of a report, by their names in lower case.
type fields map[string]string

// groupsOf reads groups of fields parted by blank lines (RFC 3464 section 2.1). Lines that are no field are passed over.
func groupsOf(body io.Reader) []fields {
	raw, _ := io.ReadAll(io.LimitReader(body, longestMail))
	var out []fields
	var now fields
	last := ""
	for line := range strings.Lines(string(raw)) {
		line = strings.TrimRight(line, "\r\n")
		name, value, ok := strings.Cut(line, ":")
		switch {
		case strings.TrimSpace(line) == "":
			now, last = nil, ""
		case line[0] == ' ' || line[0] == '\t':
			if last != "" && len(now[last]) < 4<<10 {
				now[last] += " " + strings.TrimSpace(line)
			}
		case ok && len(out) < maxGroups:
			if now == nil {
				now = fields{}
				out = append(out, now)
			}
			last = strings.ToLower(strings.TrimSpace(name))
			if _, twice := now[last]; !twice {
				now[last] = strings.TrimSpace(value)
			}
		}
	}
	return out
}

// messageIDs are the Message-IDs in a header field.
var messageIDs = regexp.MustCompile(`<([A-Za-z0-9_-]{1,64})@([^<>\s@]{1,255})>`)

// referenceOf is the reference of the message that a mail is about: from the address it came to, where the return path has it, from the
// header of the mail that is returned, or from what the mail answers. ok is false when there is none, and when two disagree.
func (s *Sender) referenceOf(r *returned) (reference string, ok bool) {
	disagree := false
	take := func(found string) {
		if !provider.ValidReference(found) || disagree {
			return
		}
		disagree = reference != "" && reference != found
		reference = found
	}
	for _, name := range []string{"Delivered-To", "X-Original-To", "Envelope-To", "X-Delivered-To", "To"} {
		for f := r.header.FieldsByKey(name); f.Next(); {
			take(s.returnTo(f.Value()))
		}
	}
	own := func(h *message.Header, names ...string) {
		for _, name := range names {
			for f := h.FieldsByKey(name); f.Next(); {
				for _, m := range messageIDs.FindAllStringSubmatch(f.Value(), 20) {
					if strings.EqualFold(m[2], s.config.Domain) {
						take(m[1])
					}
				}
			}
		}
	}
	if r.original != nil {
		own(r.original, "Message-Id")
		take(s.returnTo(r.original.Get("Return-Path")))
	}
	take(s.returnTo(r.feedback["original-mail-from"]))
	if reference == "" {
		own(&r.header, "In-Reply-To")
	}
	if reference == "" {
		own(&r.header, "References")
	}
	return reference, reference != "" && !disagree
}

// returnTo is the reference in an address made from the return path, "" when it is another address.
func (s *Sender) returnTo(value string) string {
	before, after, ok := strings.Cut(s.config.ReturnPath, placeholder)
	if !ok {
		return ""
	}
	address := strings.TrimSpace(value)
	if a, err := stdmail.ParseAddress(address); err == nil {
		address = a.Address
	}
	if len(address) <= len(before)+len(after) || !strings.EqualFold(address[:len(before)], before) || !strings.EqualFold(address[len(address)-len(after):], after) {
		return ""
	}
	return address[len(before) : len(address)-len(after)]
}

// report reads a delivery status.
func (r *returned) report(n provider.Notice) (provider.Notice, error) {
	n.Kind = provider.ReportKind
	to := ""
	if r.original != nil {
		to = addressIn(r.original.Get("To"))
	}
	found := false
	for _, g := range r.status {
		_, final := g["final-recipient"]
		_, original := g["original-recipient"]
		if g["action"] == "" && !final && !original {
			continue // the message's own group
		}
		code := codeOf(g["status"], g["diagnostic-code"])
		action, _, _ := strings.Cut(strings.ToLower(strings.TrimSpace(g["action"])), " ")
		status, ok := statusOf(action, code)
		if !ok {
			continue
		}
		ours := to == "" || strings.EqualFold(recipientIn(g["final-recipient"]), to) || strings.EqualFold(recipientIn(g["original-recipient"]), to)
		if found && !ours {
			continue
		}
		found, n.Status, n.Code, n.Fault = true, status, code, provider.NoFault
		if status == provider.Undelivered && ours { // what became of a mail that was forwarded says nothing of the address we wrote to
			n.Fault = faultOf(code)
		}
		if ours {
			break
		}
	}
	if !found {
		return provider.Notice{}, errForPeople
	}
	return n, nil
}

// recipientIn is the address of "rfc822; anna@example.org".
func recipientIn(field string) string {
	if _, after, ok := strings.Cut(field, ";"); ok {
		field = after
	}
	return addressIn(field)
}

func addressIn(field string) string {
	field = strings.TrimSpace(field)
	if a, err := stdmail.ParseAddress(field); err == nil {
		return a.Address
	}
	return strings.Trim(field, "<> ")
}

// noComplaint are the kinds of feedback that complain of nothing (RFC 5965 section 7.3, RFC 6591, RFC 7489 section 7.3).
var noComplaint = map[string]bool{"not-spam": true, "auth-failure": true, "dmarc": true}

// complaint reads feedback (RFC 5965). A mail program's user took the message for spam: the address is written to no more.
func (r *returned) complaint(n provider.Notice, ok bool) (provider.Notice, error) {
	n.Kind, n.Code = provider.Complaint, "feedback"
	kind, _, _ := strings.Cut(strings.ToLower(r.feedback["feedback-type"]), " ")
	if r.original != nil {
		n.Unsubscribe = tokenIn(r.original.Get("List-Unsubscribe"))
	}
	if noComplaint[kind] || !ok && n.Unsubscribe == "" {
		return provider.Notice{}, errForPeople
	}
	if !ok {
		n.Reference = ""
	}
	return n, nil
}

// tokenIn is the token of our List-Unsubscribe, "" when there is no https address in it.
func tokenIn(value string) string {
	for item := range strings.SplitSeq(value, ",") {
		u := strings.Trim(strings.TrimSpace(item), "<>")
		if strings.HasPrefix(u, "https://") && len(u) <= 1<<10 {
			if t := path.Base(u); t != "." && t != "/" {
				return t
			}
		}
	}
	return ""
}

// answer reads what a person wrote, and a mail that a mail program sent to stop the messages. Whom it is from is for inbound to know; a
// machine's counts only as an answer to a mail of ours.
func (s *Sender) answer(r *returned, n provider.Notice, ok bool) (provider.Notice, error) {
	n.Kind = provider.Reply
	for _, name := range []string{"Delivered-To", "X-Original-To", "Envelope-To", "To"} {
		// A mail to stop the messages may say that it answers one; what came to the return path has no token.
		if to := addressIn(r.header.Get(name)); n.Unsubscribe == "" && s.returnTo(to) == "" {
			n.Unsubscribe = provider.Plus(to)
		}
	}
	h := textproto.MIMEHeader{}
	for f := r.header.Fields(); f.Next(); {
		h.Add(f.Key(), f.Value())
	}
	from, machine := addressIn(r.header.Get("From")), provider.Automatic(h)
	if _, err := bareAddress(from); err != nil || machine && !ok && n.Unsubscribe == "" {
		return provider.Notice{}, errForPeople
	}
	text := ""
	if r.text != nil {
		text = *r.text
	}
	if strings.TrimSpace(text) == "" {
		text = r.page
	}
	if subject, err := r.header.Text("Subject"); err == nil && (!machine || strings.TrimSpace(text) == "") {
		text = wordsOf(subject, text)
	}
	n.From, n.Text, n.Automatic = reminder.NewAddress(reminder.Email, from), reminder.Mask(text), machine
	return n, nil
}
