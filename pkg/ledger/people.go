package ledger

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"time"

	"go.uber.org/zap"

	"github.com/husk-reminders/husk/pkg/consent"
	"github.com/husk-reminders/husk/pkg/contact"
	"github.com/husk-reminders/husk/pkg/journal"
	"github.com/husk-reminders/husk/pkg/reminder"
	"github.com/husk-reminders/husk/pkg/state"
)

// Person is what is known of a person, unsealed for the gate.
type Person struct {
	Key       reminder.PersonKey
	Known     bool
	Version   uint64
	Consent   []consent.Record
	Contact   []contact.Record
	Barred    map[reminder.AddressHash]bool
	Shared    map[reminder.AddressHash]int
	BirthDate reminder.Date
	Protected bool
	Deceased  bool
}

// People answers in the order of keys. Who has no record, was erased, or has one that this program can't read is not Known:
// that is a no for this person and holds up nobody else.
func (l *Ledger) People(ctx context.Context, keys []reminder.PersonKey) ([]Person, error) {
	ps, err := l.o.State.Persons(ctx, keys)
	if err != nil {
		return nil, err
	}
	var hashes []reminder.AddressHash
	for _, p := range ps {
		for _, c := range p.Contact {
			hashes = append(hashes, c.Hash)
		}
	}
	behind, err := l.o.State.Behind(ctx, hashes)
	if err != nil {
		return nil, err
	}
	out := make([]Person, len(ps))
	for i, p := range ps {
		n := len(p.Contact)
		out[i], err = l.person(p, behind[:n])
		behind = behind[n:]
		if err == nil {
			continue
		}
		if errors.Is(err, journal.ErrDisconnected) {
			return nil, err // not to be taken for a person of whom nothing is known
		}
		out[i] = Person{Key: p.Key}
		if !errors.Is(err, journal.ErrErased) {
			l.steppedOver("what is known of a person can't be read", err, zap.String("person", string(p.Key)))
		}
	}
	return out, nil
}

// steppedOver tells of something sealed that this program can't read, by its pseudonym: the rest is not held up by it.
func (l *Ledger) steppedOver(what string, err error, at zap.Field) {
	l.o.Log.Error(what, at, zap.Error(err))
}

func (l *Ledger) person(p state.Person, behind []state.Address) (Person, error) {
	x := Person{
		Key: p.Key, Known: p.Version > 0, Version: p.Version, Consent: p.Consent, Protected: p.Protected(), Deceased: p.Deceased(),
		Barred: map[reminder.AddressHash]bool{}, Shared: map[reminder.AddressHash]int{},
	}
	for i, c := range p.Contact {
		r := c.Record
		if len(c.Sealed) > 0 {
			b, err := l.o.Keys.Open(p.Key, sealedAddress, c.Sealed)
			if err != nil {
				return x, err
			}
			r.Address = reminder.NewAddress(c.Channel, string(b))
		}
		x.Contact = append(x.Contact, r)
		if behind[i].Barred {
			x.Barred[c.Hash] = true
		}
		if behind[i].Persons > 0 {
			x.Shared[c.Hash] = behind[i].Persons
		}
	}
	if len(p.Sealed) > 0 {
		a, err := l.openAppointment(p.Key, p.Sealed)
		if err != nil {
			return x, err
		}
		x.BirthDate = a.BirthDate
	}
	return x, nil
}

// NewID is a random id for a record.
func NewID() string {
	var b [12]byte
	_, _ = rand.Read(b[:])
	return hex.EncodeToString(b[:])
}

// Consent journals a record of consent, or of what is known of the person. One that restricts returns when it is final: when no
// attempt for the person, or to an address of theirs (they may be the guardian of whom it is about), is on the wire any more, or
// its time has passed.
func (l *Ledger) Consent(ctx context.Context, r consent.Record) error {
	if r.ID == "" {
		r.ID = NewID()
	}
	if r.Recorded.IsZero() {
		r.Recorded = l.o.Now()
	}
	if r.EventTime.IsZero() {
		r.EventTime = r.Recorded
	}
	if r.Restricts() {
		return l.inherit(ctx, r.Person, func(k reminder.PersonKey) error {
			if isOfNobodyElse(r, k) {
				return nil
			}
			x := r
			x.Person = k
			return l.consent(ctx, x)
		})
	}
	if err := l.gaveUp(ctx, r.Person); err != nil {
		return err
	}
	return l.consent(ctx, r)
}

// consent is Consent for one key of the person.
func (l *Ledger) consent(ctx context.Context, r consent.Record) error {
	if err := r.Validate(); err != nil {
		return err
	}
	if err := l.o.Keys.Ensure(ctx, r.Recorded, r.Person); err != nil {
		return err
	}
	sealed, err := l.seal(r.Person, sealedConsent, r)
	if err != nil {
		return err
	}
	e := journal.Entry{Stream: journal.StreamPeople, Kind: journal.KindConsent, Shard: r.Person.Shard(), Person: r.Person, At: l.o.Now(), Sealed: sealed}
	if !r.Restricts() {
		return l.write(ctx, e)
	}
	e.Stream = journal.StreamStop
	if err := l.insist(ctx, func() error { return l.write(ctx, e) }); err != nil {
		return err
	}
	if endsCodes(r) {
		l.silenced(ctx, r.Person, "")
	}
	return errors.Join(l.settled(ctx, "withdrawn", "", r.Person), l.settledAt(ctx, r.Person))
}

// settledAt waits like settled, for every address of a person.
func (l *Ledger) settledAt(ctx context.Context, p reminder.PersonKey) error {
	ps, err := l.o.State.Persons(ctx, []reminder.PersonKey{p})
	if err != nil {
		return fmt.Errorf("ledger: %w", err)
	}
	var all error
	for _, a := range ps[0].Addresses() {
		all = errors.Join(all, l.settled(ctx, "withdrawn", a, ""))
	}
	return all
}

// Contact journals a record of an address. Removed, Wrong and Failed may leave Address empty when Hash is known; they
// return when they are final: when no attempt to the address is on the wire any more, or its time has passed.
func (l *Ledger) Contact(ctx context.Context, r contact.Record) error {
	r, err := l.contact(ctx, r)
	if err != nil || !r.IsBad() {
		return err
	}
	l.silenced(ctx, "", r.Hash)
	return l.settled(ctx, "address."+string(r.Type), r.Hash, "")
}

// contact is Contact without the wait; it returns the record as it was journalled.
func (l *Ledger) contact(ctx context.Context, r contact.Record) (contact.Record, error) {
	r = l.dated(r)
	if r.IsBad() {
		return l.contactOfAll(ctx, r)
	}
	r, err := l.complete(ctx, r)
	if err != nil {
		return r, err
	}
	e, err := l.contactEntry(r, nil)
	if err != nil {
		return r, err
	}
	return r, l.write(ctx, e)
}

// dated fills in an address record's id and times.
func (l *Ledger) dated(r contact.Record) contact.Record {
	if r.ID == "" {
		r.ID = NewID()
	}
	if r.Recorded.IsZero() {
		r.Recorded = l.o.Now()
	}
	if r.EventTime.IsZero() {
		r.EventTime = r.Recorded
	}
	return r
}

// complete fills an address record's defaults, checks it, and has its person's data key on disk.
func (l *Ledger) complete(ctx context.Context, r contact.Record) (contact.Record, error) {
	r = l.dated(r)
	if !r.IsBad() {
		if err := l.gaveUp(ctx, r.Person); err != nil {
			return r, err
		}
	}
	if r.Hash == "" && !r.Address.IsZero() {
		r.Hash, r.Channel = l.o.Pseudonyms.Address(r.Address), r.Address.Channel
	}
	if err := r.Validate(); err != nil {
		return r, err
	}
	return r, l.o.Keys.Ensure(ctx, r.Recorded, r.Person)
}

// settled waits until no attempt behind an address, or of a person where address is "", is on the wire, but no longer
// than five seconds past the write deadline. What is open then left before the withdrawal, and the audit names it. A state that
// nobody vouches for may lack marks: it is asked again as long.
func (l *Ledger) settled(ctx context.Context, action string, a reminder.AddressHash, p reminder.PersonKey) error {
	deadline := time.After(l.o.WriteDeadline + 5*time.Second)
	for {
		open, err := l.o.State.Wires(ctx, a, p)
		switch {
		case err == nil && len(open) == 0:
			return nil
		case err != nil && !errors.Is(err, state.ErrNotCertified):
			return fmt.Errorf("ledger: %w", err)
		}
		select {
		case <-deadline:
			if err != nil {
				return fmt.Errorf("ledger: %w", err)
			}
			left := make([]string, len(open))
			for i, w := range open {
				left[i] = w.Claim
			}
			return l.Audit(ctx, Audit{Actor: "husk", Action: action, Person: p, Address: a, Left: left})
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(5 * time.Millisecond):
		}
	}
}
