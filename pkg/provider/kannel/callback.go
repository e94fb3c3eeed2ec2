package kannel

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"
	"unicode/utf16"

	"github.com/husk-reminders/husk/pkg/provider"
	"github.com/husk-reminders/husk/pkg/provider/httpsms"
	"github.com/husk-reminders/husk/pkg/reminder"
)

// statuses are the values of %d: one bit each, and Kannel's two kinds of 2, a message that expired and one of which the SMSC knows nothing.
// The latter settles nothing; nor does a value that is not here.
var statuses = map[string]provider.Status{
	"1": provider.Delivered, "2": provider.Undelivered, "4": provider.Pending, "8": provider.Pending, "16": provider.Undelivered,
	"34": provider.Undelivered, "66": provider.Pending,
}

// Parse checks the caller's proofs and reads a delivery report or a message from a person.
func (s *Sender) Parse(r *http.Request) ([]provider.Notice, provider.Response, error) {
	query, refusal, err := httpsms.Query(r)
	if err != nil {
		return nil, refusal, err
	}
	notice, err := s.parse(r, query)
	if err != nil {
		return nil, httpsms.Refusal(err), fmt.Errorf("%s: %w", Name, err)
	}
	return []provider.Notice{notice}, provider.Response{Status: http.StatusOK}, nil
}

func (s *Sender) parse(r *http.Request, query string) (n provider.Notice, err error) {
	if err := s.caller.Prove(r); err != nil {
		return n, err
	}
	form, err := httpsms.Form([]byte(query))
	if err != nil {
		return n, err
	}
	if form["status"] == "" {
		return s.reply(form)
	}
	reference, code := httpsms.Reference(form["ref"]), httpsms.Code(form["status"])
	if reference == "" {
		return n, httpsms.ErrCallback
	}
	status, known := statuses[form["status"]]
	if !known {
		status = provider.Pending
	}
	return provider.Notice{
		ID: reference + ":" + code, Kind: provider.ReportKind, At: when(form["at"]),
		Reference: reference, CarrierID: reference, Status: status, Code: code,
	}, nil
}

// reply reads a message from a person.
func (s *Sender) reply(form map[string]string) (n provider.Notice, err error) {
	if !httpsms.ValidID(form["id"]) || form["from"] == "" {
		return n, httpsms.ErrCallback
	}
	return provider.Notice{
		ID: form["id"], Kind: provider.Reply, At: when(form["at"]), From: httpsms.From(form["from"]),
		Text: reminder.Mask(decoded(form["text"], form["charset"])),
	}, nil
}

// decoded is a text as UTF-8. Kannel hands over UCS-2 as it came, all else in UTF-8; of 8-bit data what is UTF-8 stays, so that a STOP in it
// is seen.
func decoded(text, charset string) string {
	if !strings.EqualFold(charset, "UTF-16BE") {
		return strings.ToValidUTF8(text, "\uFFFD")
	}
	units := make([]uint16, 0, len(text)/2)
	for ; len(text) >= 2; text = text[2:] {
		units = append(units, uint16(text[0])<<8|uint16(text[1]))
	}
	return string(utf16.Decode(units))
}

// when reads seconds since 1970; zero where they are none, or not of this century.
func when(s string) time.Time {
	n, err := strconv.ParseInt(s, 10, 64)
	if t := time.Unix(n, 0).UTC(); err == nil && t.Year() >= 2020 && t.Year() < 2100 {
		return t
	}
	return time.Time{}
}
