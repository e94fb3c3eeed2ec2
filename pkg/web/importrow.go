package web

import (
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/husk-reminders/husk/pkg/consent"
	"github.com/husk-reminders/husk/pkg/contact"
	"github.com/husk-reminders/husk/pkg/ledger"
	"github.com/husk-reminders/husk/pkg/policy"
	"github.com/husk-reminders/husk/pkg/reminder"
)

// ImportRow is one row of a list of words or addresses, as the file has it: everything is text. Which fields a row must have depends
// on its kind; see config/import.md.
type ImportRow struct {
	Line           int    `json:"line"`
	Country        string `json:"country"`
	ID             string `json:"id"`
	Kind           string `json:"kind"` // consent or address
	Type           string `json:"type"`
	Said           string `json:"said"`
	Method         string `json:"method"`
	Evidence       string `json:"evidence"`
	Channel        string `json:"channel,omitempty"` // sms or email; of a consent, both with a space between
	Address        string `json:"address,omitempty"`
	Level          string `json:"level,omitempty"`
	Purposes       string `json:"purposes,omitempty"`
	Scope          string `json:"scope,omitempty"`
	Notice         string `json:"notice,omitempty"`
	NoticeHash     string `json:"notice_hash,omitempty"`
	NoticeLanguage string `json:"notice_language,omitempty"`
	ValidUntil     string `json:"valid_until,omitempty"`
	LegalBasis     string `json:"legal_basis,omitempty"`
	Ceiling        string `json:"ceiling,omitempty"`
	Actor          string `json:"actor,omitempty"`
	RecordedBy     string `json:"recorded_by,omitempty"`
}

// maxField is the most bytes of one field.
const maxField = 500

// fields are the row's texts by name.
func (r ImportRow) fields() map[string]string {
	return map[string]string{
		"country": r.Country, "id": r.ID, "kind": r.Kind, "type": r.Type, "said": r.Said, "method": r.Method, "evidence": r.Evidence, "channel": r.Channel,
		"address": r.Address, "level": r.Level, "purposes": r.Purposes, "scope": r.Scope, "notice": r.Notice, "notice_hash": r.NoticeHash,
		"notice_language": r.NoticeLanguage, "valid_until": r.ValidUntil, "legal_basis": r.LegalBasis, "ceiling": r.Ceiling, "actor": r.Actor,
		"recorded_by": r.RecordedBy,
	}
}

// checkText refuses what no field may hold: what could steer a terminal, or become a formula when it is exported to a spreadsheet.
func (r ImportRow) checkText() error {
	for name, s := range r.fields() {
		switch {
		case len(s) > maxField:
			return want(name, "at most 500 bytes")
		case !utf8.ValidString(s) || strings.ContainsFunc(s, func(c rune) bool { return !unicode.IsPrint(c) }):
			return want(name, "printable text in UTF-8, on one line")
		case s != strings.TrimSpace(s):
			return want(name, "no space at its beginning or end")
		case name != "address" && strings.ContainsAny(firstOf(s), "=+-@"):
			return want(name, "text that does not begin like a formula (= + - @)")
		}
	}
	return nil
}

func firstOf(s string) string {
	_, n := utf8.DecodeRuneInString(s)
	return s[:n]
}

// zones are where a day without a time is counted.
var zones = map[reminder.Country]string{
	"DK": "Europe/Copenhagen", "SE": "Europe/Stockholm", "NO": "Europe/Oslo", "FI": "Europe/Helsinki", "IS": "Atlantic/Reykjavik",
}

// moment reads an RFC 3339 instant, or a day of the country: its beginning, or with end its last second.
func moment(field, s string, c reminder.Country, end bool) (time.Time, error) {
	if t, err := time.Parse(time.RFC3339, s); err == nil {
		return t.UTC(), nil
	}
	loc, err := reminder.LoadZone(zones[c])
	if err != nil {
		return time.Time{}, err
	}
	t, err := time.ParseInLocation(time.DateOnly, s, loc)
	if err != nil {
		return t, want(field, "a day as 2026-03-12, or an instant as 2026-03-12T14:30:00+01:00")
	}
	if end {
		t = t.AddDate(0, 0, 1).Add(-time.Second)
	}
	return t.UTC(), nil
}

// importRow makes a record of a row. What is wrong is a *FieldError, which repeats nothing of it.
func (a *API) importRow(r ImportRow, now time.Time) (ledger.ImportRow, error) {
	out := ledger.ImportRow{Line: r.Line, Evidence: r.Evidence}
	if err := r.checkText(); err != nil {
		return out, err
	}
	country := reminder.Country(r.Country)
	switch {
	case !slices.Contains(countries, country):
		return out, want("country", "one of DK, SE, NO, FI, IS")
	case r.Evidence == "":
		return out, want("evidence", "where the proof is kept: the number of a form, scan, call or record")
	case r.Kind != "consent" && r.Kind != "address":
		return out, want("kind", "consent or address")
	}
	p, err := a.o.Person(country, r.ID)
	if err != nil {
		return out, err
	}
	if r.Kind == "address" {
		out.Address, err = a.importAddress(r, p, country, now)
	} else {
		out.Word, err = a.importWord(r, p, country, now)
	}
	return out, err
}

// wordTypes are what may be imported of words; what is known of a person (custody, protection, death) comes from its register.
var wordTypes = consent.Words

func (a *API) importWord(r ImportRow, p reminder.PersonKey, c reminder.Country, now time.Time) (*consent.Record, error) {
	t := consent.Type(r.Type)
	no := t == consent.Refused || t == consent.Withdrawn
	switch {
	case !slices.Contains(wordTypes, t):
		return nil, want("type", "granted, noticed, refused or withdrawn")
	case r.Address != "" || r.Level != "":
		return nil, want("address", "nothing in a row of kind consent: an address is a row of its own")
	case longNumber(r.RecordedBy):
		return nil, want("recorded_by", "a role or staff id, no number that could be a person's")
	}
	method := consent.Method(r.Method)
	if no && !slices.Contains(consent.Methods, method) {
		method = consent.Unknown // a no counts, however it came
	}
	kind, ref, _ := strings.Cut(orElse(r.Scope, string(policy.ControllerScope)), ":")
	actor, actorRef, _ := strings.Cut(orElse(r.Actor, string(consent.Self)), ":")
	rec := consent.Record{
		Person: p, Type: t, Scope: consent.Scope{Kind: policy.Scope(kind), Ref: ref}, Method: method,
		Actor:  consent.Actor{Kind: consent.ActorKind(actor), Ref: actorRef},
		Notice: consent.Notice{ID: r.Notice, Hash: r.NoticeHash, Language: r.NoticeLanguage}, LegalBasis: consent.LegalBasis(r.LegalBasis),
		Ceiling: consent.Ceiling(r.Ceiling), RecordedBy: r.RecordedBy,
	}
	if _, err := reminder.ParsePersonKey(actorRef); err != nil && longNumber(actorRef) {
		return nil, want("actor", "self, guardian, staff or registry, perhaps with :<role or pseudonym>, no number that could be a person's")
	}
	if err := a.scopeKnown(rec.Scope); err != nil {
		return nil, err
	}
	for _, s := range strings.Fields(r.Purposes) {
		rec.Purposes = append(rec.Purposes, reminder.Purpose(s))
	}
	for _, s := range strings.Fields(r.Channel) {
		rec.Channels = append(rec.Channels, reminder.Channel(s))
	}
	var err error
	if rec.EventTime, err = said(r.Said, c, no, now); err != nil {
		return nil, err
	}
	if r.ValidUntil != "" {
		if rec.ValidUntil, err = moment("valid_until", r.ValidUntil, c, false); err != nil {
			return nil, err
		}
	}
	if !no {
		rec.Pack = a.packOf(rec.Scope, now).Ref()
	}
	return &rec, nil
}

// said is when something was said. Of a day alone a yes is taken for its beginning and a no for its end, so that of the two the no
// comes last.
func said(s string, c reminder.Country, no bool, now time.Time) (time.Time, error) {
	t, err := moment("said", s, c, no)
	if err != nil {
		return t, err
	}
	if day := t.Truncate(24 * time.Hour); no && len(s) == len(time.DateOnly) && t.After(now) && !day.After(now) {
		t = now // said today
	}
	if t.After(now) {
		return t, want("said", "no time in the future")
	}
	return t, nil
}

func (a *API) importAddress(r ImportRow, p reminder.PersonKey, c reminder.Country, now time.Time) (*contact.Record, error) {
	t := contact.Type(r.Type)
	rec := contact.Record{Person: p, Type: t, Method: policy.Method(r.Method), By: r.RecordedBy}
	switch {
	case !slices.Contains(addressTypes, t):
		return nil, want("type", "added, verified, removed or wrong")
	case r.Purposes+r.Notice+r.NoticeHash+r.NoticeLanguage+r.ValidUntil+r.LegalBasis+r.Ceiling+r.Scope+r.Actor != "":
		return nil, want("kind", "consent where there are purposes, notice, scope and the like: an address has none")
	case !rec.IsBad() && !slices.Contains(policy.Methods, rec.Method):
		return nil, want("method", "how it is known that it is the person's: "+join(policy.Methods))
	case longNumber(r.RecordedBy):
		return nil, want("recorded_by", "a role or staff id, no number that could be a person's")
	case r.Address == "":
		return nil, want("address", "the phone number or mail address")
	}
	var err error
	if rec.Address, err = contact.Normalise(reminder.Channel(r.Channel), r.Address, c); err != nil {
		return nil, want("address", strings.TrimPrefix(behind(err, contact.ErrAddress), "want "))
	}
	if rec.EventTime, err = said(r.Said, c, rec.IsBad(), now); err != nil {
		return nil, err
	}
	if t != contact.Verified {
		return &rec, nil
	}
	rec.Level = rec.Method.Level()
	if r.Level != "" {
		if rec.Level.UnmarshalText([]byte(r.Level)) != nil {
			return nil, want("level", "claimed, proven or registered")
		}
	}
	if rec.Level <= policy.Unproven { // the method proves nothing: it is kept as hearsay
		rec.Type, rec.Level = contact.Added, policy.Unproven
	}
	return &rec, nil
}

func orElse(s, other string) string {
	if s == "" {
		return other
	}
	return s
}

func join[T ~string](ts []T) string {
	ss := make([]string, len(ts))
	for i, t := range ts {
		ss[i] = string(t)
	}
	return strings.Join(ss, ", ")
}
