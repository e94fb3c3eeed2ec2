package ledger

import (
	"context"

	"github.com/husk-reminders/husk/pkg/consent"
	"github.com/husk-reminders/husk/pkg/contact"
	"github.com/husk-reminders/husk/pkg/journal"
	"github.com/husk-reminders/husk/pkg/reminder"
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

// all are the keys that a no of a person is said of: theirs, and those that they go by since.
func (b *importBatch) all(p reminder.PersonKey) []reminder.PersonKey {
	next := func(k reminder.PersonKey) reminder.PersonKey { return b.persons[k].Into }
	return append([]reminder.PersonKey{p}, follow(p, next)...)
}

// addWord has a word written of everybody whom it is said of and who lacks it; false when nobody does.
func (b *importBatch) addWord(r consent.Record, from *Source) bool {
	added := false
	for _, p := range b.all(r.Person) {
		x := r
		if x.Person = p; b.has[string(p)+r.ID] || isOfNobodyElse(r, p) {
			continue
		}
		b.has[string(p)+r.ID], added = true, true
		b.words = append(b.words, importWord{x, from})
	}
	return added
}

// addSpot is addWord for an address.
func (b *importBatch) addSpot(r contact.Record, from *Source) bool {
	added := false
	for _, p := range b.all(r.Person) {
		x := r
		if x.Person = p; b.has[string(p)+r.ID] {
			continue
		}
		b.has[string(p)+r.ID], added = true, true
		b.spots = append(b.spots, importSpot{x, from})
	}
	return added
}

// writeAll writes what was decided. When it is folded, it looks whether a person of a no was given up for another meanwhile, of whom it
// is said then too; see Ledger.inherit.
func (b *importBatch) writeAll(ctx context.Context) error {
	for len(b.words)+len(b.spots) > 0 {
		if err := b.write(ctx); err != nil {
			return err
		}
		words, spots := b.words, b.spots
		b.words, b.spots = nil, nil
		if err := b.look(ctx); err != nil {
			return err
		}
		for _, w := range words {
			if w.Restricts() {
				b.addWord(w.Record, w.from)
			}
		}
		for _, w := range spots {
			if w.IsBad() {
				b.addSpot(w.Record, w.from)
			}
		}
	}
	return nil
}
