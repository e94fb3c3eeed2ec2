package krr

import (
	"encoding/json"
	"time"

	"github.com/husk-reminders/husk/pkg/contact/register"
)

// person is one entry of an answer, as "Attributter i KRR" describes it. A nil field was not there.
type person struct {
	ID            string   `json:"personidentifikator"`
	Reservation   string   `json:"reservasjon"` // JA, NEI
	ReservedSince string   `json:"reservasjonstidspunkt"`
	Status        string   `json:"status"`          // AKTIV, SLETTET, IKKE_REGISTRERT
	Notify        string   `json:"varslingsstatus"` // KAN_VARSLES, KAN_IKKE_VARSLES
	Contact       *details `json:"kontaktinformasjon"`
	Language      string   `json:"spraak"` // nb, nn, en, se
}

// details are the addresses. The newer _sist_validert (a one-time code was answered) and _duplisert (others have the same
// one) are read from public clients of the register; Digdir's page does not describe them yet.
type details struct {
	Mail           string          `json:"epostadresse"`
	MailUpdated    string          `json:"epostadresse_oppdatert"`
	MailConfirmed  string          `json:"epostadresse_sist_verifisert"`
	MailValidated  string          `json:"epostadresse_sist_validert"`
	MailShared     json.RawMessage `json:"epostadresse_duplisert"`
	Phone          string          `json:"mobiltelefonnummer"`
	PhoneUpdated   string          `json:"mobiltelefonnummer_oppdatert"`
	PhoneConfirmed string          `json:"mobiltelefonnummer_sist_verifisert"`
	PhoneValidated string          `json:"mobiltelefonnummer_sist_validert"`
	PhoneShared    json.RawMessage `json:"mobiltelefonnummer_duplisert"`
}

// entry is what an answer says of one person: nothing of use when it says two things.
type entry struct {
	person
	twice bool
}

// decode reads an answer: the entries by id, and how many of them are of nobody who was asked about. ok is false when it is
// no answer of the register at all. An entry that can't be read is left out.
func decode(body []byte, asked map[string]bool) (found map[string]entry, strangers int, ok bool) {
	var a struct {
		Persons *[]json.RawMessage `json:"personer"`
	}
	if register.Unmarshal(body, &a) != nil || a.Persons == nil {
		return nil, 0, false
	}
	found = make(map[string]entry, len(*a.Persons))
	for _, raw := range *a.Persons {
		var p person
		if json.Unmarshal(raw, &p) != nil {
			// Which person it is of may still be told: then what is left of it must not pass for the whole.
			var who struct {
				ID string `json:"personidentifikator"`
			}
			if json.Unmarshal(raw, &who) != nil || !asked[who.ID] {
				continue
			}
			p = person{ID: who.ID}
		}
		if !asked[p.ID] {
			strangers++
			continue
		}
		_, twice := found[p.ID]
		found[p.ID] = entry{p, twice}
	}
	return found, strangers, true
}

// shared reads _duplisert, whose values are not documented: what is there and no plain no means that others have the
// address.
func shared(raw json.RawMessage) bool {
	switch string(raw) {
	case "", "null", "false", `""`, `"NEI"`, `"nei"`, `"false"`, `"N"`:
		return false
	}
	return true
}

// The layouts of dates that the register's pages show: an offset of hours alone, or in full.
var layouts = []string{time.RFC3339Nano, "2006-01-02T15:04:05.999999999Z07", "2006-01-02T15:04:05.999999999Z0700"}

// date reads one; zero and true for "".
func date(s string) (time.Time, bool) {
	if s == "" {
		return time.Time{}, true
	}
	for _, l := range layouts {
		if t, err := time.Parse(l, s); err == nil {
			return t.UTC(), true
		}
	}
	return time.Time{}, false
}
