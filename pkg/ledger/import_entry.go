package ledger

import (
	"github.com/husk-reminders/husk/pkg/consent"
	"github.com/husk-reminders/husk/pkg/contact"
	"github.com/husk-reminders/husk/pkg/journal"
)

// Source is where an imported record came from. It is sealed with it.
type Source struct {
	File     string `json:"file"` // SHA-256, 64 hex digits
	Line     int    `json:"line"` // from 1
	Evidence string `json:"evidence"`
	By       string `json:"by,omitempty"` // who imported it
}

// word is a record of consent as it is sealed. Its fields are only ever added to.
type word struct {
	consent.Record
	Source *Source `json:"source,omitempty"`
}

// addressWord is an address record as it is sealed.
type addressWord struct {
	sealedRecord
	Source *Source `json:"source,omitempty"`
}

// consentEntry is the entry of a valid record whose person has a data key. What restricts stands with the withdrawals.
func (l *Ledger) consentEntry(r consent.Record, from *Source) (journal.Entry, error) {
	e := journal.Entry{Stream: journal.StreamPeople, Kind: journal.KindConsent, Shard: r.Person.Shard(), Person: r.Person, At: l.o.Now()}
	if r.Restricts() {
		e.Stream = journal.StreamStop
	}
	var err error
	e.Sealed, err = l.seal(r.Person, sealedConsent, word{r, from})
	return e, err
}

// contactEntry is the entry of a valid address record whose person has a data key. The address is sealed twice: once it stays so
// in the state.
func (l *Ledger) contactEntry(r contact.Record, from *Source) (journal.Entry, error) {
	e := journal.Entry{Stream: journal.StreamPeople, Kind: journal.KindContact, Shard: r.Person.Shard(), Person: r.Person, At: l.o.Now()}
	w := addressWord{sealedRecord{Record: r}, from}
	var err error
	if !r.Address.IsZero() {
		if w.Address, err = l.o.Keys.Seal(r.Person, sealedAddress, []byte(r.Address.Reveal())); err != nil {
			return e, err
		}
	}
	e.Sealed, err = l.seal(r.Person, sealedContact, w)
	return e, err
}
