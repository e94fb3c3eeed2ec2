package ledger

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/husk-reminders/husk/pkg/consent"
	"github.com/husk-reminders/husk/pkg/contact"
	"github.com/husk-reminders/husk/pkg/journal"
	"github.com/husk-reminders/husk/pkg/receipt"
	"github.com/husk-reminders/husk/pkg/reminder"
	"github.com/husk-reminders/husk/pkg/state"
)

// What sealed values are bound to.
const (
	sealedAppointment = "appointment"
	sealedFlags       = "flags"
	sealedConsent     = "consent"
	sealedContact     = "contact"
	sealedAddress     = "address"
	sealedDead        = "dead"
	sealedReason      = "reason"
	sealedProof       = "proof"
	sealedMerge       = "merge"
)

// appointment is the sealed form of reminder.Appointment. Its fields are only ever added to.
type appointment struct {
	Key        reminder.AppointmentKey `json:"key"`
	System     string                  `json:"system"`
	ID         string                  `json:"id"`
	Order      reminder.Order          `json:"order"`
	Status     reminder.Status         `json:"status"`
	Start      time.Time               `json:"start"`
	Zone       string                  `json:"zone"`
	Length     time.Duration           `json:"length"`
	Unit       string                  `json:"unit"`
	Kind       string                  `json:"kind,omitempty"`
	Person     reminder.PersonKey      `json:"person"`
	Country    reminder.Country        `json:"country,omitempty"`
	NationalID string                  `json:"nationalId,omitempty"`
	GivenName  string                  `json:"givenName,omitempty"`
	Language   string                  `json:"language,omitempty"`
	BirthDate  string                  `json:"birthDate,omitempty"`
	Protected  bool                    `json:"protected,omitempty"`
	Deceased   bool                    `json:"deceased,omitempty"`
	Others     []other                 `json:"others,omitempty"`
	Challenge  *challenge              `json:"challenge,omitempty"`
}

type challenge struct {
	Channel reminder.Channel `json:"channel"`
	Address string           `json:"address"`
	Code    string           `json:"code"`
}

type other struct {
	Role   reminder.Role `json:"role"`
	Names  []string      `json:"names,omitempty"`
	Phones []string      `json:"phones,omitempty"`
	Mails  []string      `json:"mails,omitempty"`
}

// flags is the small sealed part of a plan entry that the fold reads.
type flags struct {
	System    string `json:"s"`
	Protected bool   `json:"p,omitempty"`
	Deceased  bool   `json:"d,omitempty"`
}

func encodeAppointment(a reminder.Appointment) ([]byte, error) {
	w := appointment{
		Key: a.Key, System: a.System, ID: a.ID, Order: a.Order, Status: a.Status, Start: a.Start.UTC(), Zone: a.ZoneName(), Length: a.Length,
		Unit: a.Unit, Kind: a.Kind, Person: a.Person, Country: a.NationalID.Country, NationalID: a.NationalID.Reveal(),
		GivenName: a.GivenName.Reveal(), Language: a.Language, BirthDate: a.BirthDate.ISO(), Protected: a.Protected, Deceased: a.Deceased,
	}
	for _, o := range a.Others {
		w.Others = append(w.Others, other{o.Role, reveal(o.Names), reveal(o.Phones), reveal(o.Mails)})
	}
	if c := a.Challenge; c != nil {
		w.Challenge = &challenge{c.Address.Channel, c.Address.Reveal(), c.Code.Reveal()}
	}
	return json.Marshal(w)
}

func decodeAppointment(b []byte) (reminder.Appointment, error) {
	var w appointment
	if err := json.Unmarshal(b, &w); err != nil {
		return reminder.Appointment{}, fmt.Errorf("%w: sealed appointment", journal.ErrFormat)
	}
	loc, err := reminder.LoadZone(w.Zone)
	if err != nil {
		return reminder.Appointment{}, fmt.Errorf("%w: sealed appointment: zone not known to this program", journal.ErrFormat)
	}
	a := reminder.Appointment{
		Key: w.Key, System: w.System, ID: w.ID, Order: w.Order, Status: w.Status, Start: w.Start.In(loc), Length: w.Length, Unit: w.Unit,
		Kind: w.Kind, Person: w.Person, NationalID: reminder.NewNationalID(w.Country, w.NationalID), GivenName: reminder.Mask(w.GivenName),
		Language: w.Language, Protected: w.Protected, Deceased: w.Deceased,
	}
	if w.BirthDate != "" {
		if a.BirthDate, err = reminder.ParseDate(w.BirthDate); err != nil {
			return reminder.Appointment{}, fmt.Errorf("%w: sealed appointment: birth date", journal.ErrFormat)
		}
	}
	for _, o := range w.Others {
		a.Others = append(a.Others, reminder.Other{Role: o.Role, Names: mask(o.Names), Phones: mask(o.Phones), Mails: mask(o.Mails)})
	}
	if c := w.Challenge; c != nil {
		a.Challenge = &reminder.Challenge{Address: reminder.NewAddress(c.Channel, c.Address), Code: reminder.Mask(c.Code)}
	}
	return a, nil
}

func reveal(ms []reminder.Masked) []string {
	out := make([]string, len(ms))
	for i, m := range ms {
		out[i] = m.Reveal()
	}
	return out
}

func mask(ss []string) []reminder.Masked {
	var out []reminder.Masked
	for _, s := range ss {
		out = append(out, reminder.Mask(s))
	}
	return out
}

// clear makes an entry whose body is readable without keys.
func clearEntry(s journal.Stream, k journal.Kind, shard int, p reminder.PersonKey, at time.Time, body any) (journal.Entry, error) {
	b, err := json.Marshal(body)
	if err != nil {
		return journal.Entry{}, fmt.Errorf("ledger: encode %s: %w", k, err)
	}
	return journal.Entry{Stream: s, Kind: k, Shard: shard, Person: p, At: at, Clear: b}, nil
}

// record is an entry of a person in HUSK_JOURNAL.
func record(k journal.Kind, p reminder.PersonKey, at time.Time, body any) (journal.Entry, error) {
	return clearEntry(journal.StreamJournal, k, p.Shard(), p, at, body)
}

// change turns an entry into what the state folds. A sealed entry whose key is gone folds to nothing.
func (l *Ledger) change(e journal.Entry) (state.Change, error) {
	c := state.Change{Seq: e.Seq, At: e.At, Person: e.Person}
	switch e.Stream {
	case journal.StreamStop:
		c.Stream = state.Stop
	case journal.StreamPeople:
		c.Stream = state.People
	case journal.StreamJournal:
		c.Stream = state.Journal
	default:
		return c, fmt.Errorf("%w: stream %s is not folded", journal.ErrFormat, e.Stream)
	}
	var err error
	c.Body, err = l.body(e)
	if errors.Is(err, journal.ErrErased) {
		c.Body, err = nil, nil
	}
	if err != nil {
		return c, fmt.Errorf("%s at %d: %w", e.Stream, e.Seq, err)
	}
	return c, nil
}

func (l *Ledger) body(e journal.Entry) (any, error) {
	switch e.Kind {
	case journal.KindPlan:
		b := state.Planned{Sealed: e.Sealed}
		if err := unmarshal(e.Clear, &b.Plan); err != nil {
			return nil, err
		}
		var f flags
		err := l.open(e.Person, sealedFlags, e.Flags, &f)
		if errors.Is(err, journal.ErrErased) {
			err = nil // the plan still folds: never twice needs no keys
		}
		b.System, b.Protected, b.Deceased = f.System, f.Protected, f.Deceased
		return b, err
	case journal.KindOwned:
		return decode[state.Owned](e, nil)
	case journal.KindIntent:
		return decode(e, func(b *receipt.Intent) { b.Person = e.Person })
	case journal.KindOutcome:
		return decode(e, func(b *receipt.Outcome) { b.Person = e.Person })
	case journal.KindVerdict:
		why, err := l.reason(e)
		if err != nil {
			return nil, err
		}
		return decode(e, func(b *receipt.Verdict) { b.Person, b.Decision.Reason = e.Person, why })
	case journal.KindPreview:
		why, err := l.reason(e)
		if err != nil {
			return nil, err
		}
		return decode(e, func(b *receipt.Preview) { b.Person, b.Reason = e.Person, why })
	case journal.KindReport:
		return decode(e, func(b *receipt.Report) { b.Person = e.Person })
	case journal.KindLetter:
		return decode[state.Letter](e, nil)
	case journal.KindOrphan:
		return decode[state.Orphan](e, nil)
	case journal.KindTrim:
		return decode[state.Trim](e, nil)
	case journal.KindBar:
		return decode[state.Bar](e, nil)
	case journal.KindSwitch:
		return decode[state.Switch](e, nil)
	case journal.KindErased:
		return decode[state.Erased](e, nil)
	case journal.KindMerged:
		return l.merged(e)
	case journal.KindProof:
		return nil, nil //nolint:nilnil // it is kept, and folds to nothing
	case journal.KindConsent:
		var r consent.Record
		err := l.open(e.Person, sealedConsent, e.Sealed, &r)
		return r, err
	case journal.KindContact:
		var w sealedRecord
		err := l.open(e.Person, sealedContact, e.Sealed, &w)
		return state.Contact{Record: w.Record, Sealed: w.Address}, err
	}
	return nil, fmt.Errorf("%w: kind %q", journal.ErrFormat, e.Kind)
}

// reason opens the sealed reason of a verdict or preview; "" where there is none, or its key is gone.
func (l *Ledger) reason(e journal.Entry) (string, error) {
	if len(e.Flags) == 0 {
		return "", nil
	}
	var why string
	err := l.open(e.Person, sealedReason, e.Flags, &why)
	if errors.Is(err, journal.ErrErased) {
		err = nil
	}
	return why, err
}

// sealedRecord is an address record as it is sealed: the address in it is sealed once more, and stays so in the state.
type sealedRecord struct {
	contact.Record
	Address []byte `json:"sealedAddress,omitempty"`
}

func decode[T any](e journal.Entry, fix func(*T)) (T, error) {
	var b T
	err := unmarshal(e.Clear, &b)
	if fix != nil {
		fix(&b)
	}
	return b, err
}

func unmarshal(b []byte, to any) error {
	if err := json.Unmarshal(b, to); err != nil {
		return fmt.Errorf("%w: clear part", journal.ErrFormat)
	}
	return nil
}

// seal seals v as JSON for a person.
func (l *Ledger) seal(p reminder.PersonKey, what string, v any) ([]byte, error) {
	b, err := json.Marshal(v)
	if err != nil {
		return nil, fmt.Errorf("ledger: encode %s: %w", what, err)
	}
	return l.o.Keys.Seal(p, what, b)
}

// open reads what seal sealed.
func (l *Ledger) open(p reminder.PersonKey, what string, sealed []byte, to any) error {
	b, err := l.o.Keys.Open(p, what, sealed)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(b, to); err != nil {
		return fmt.Errorf("%w: sealed %s", journal.ErrFormat, what)
	}
	return nil
}

// openAppointment reads a sealed appointment. Nothing is left of that of an erased person.
func (l *Ledger) openAppointment(p reminder.PersonKey, sealed []byte) (reminder.Appointment, error) {
	if len(sealed) == 0 {
		return reminder.Appointment{}, journal.ErrErased
	}
	b, err := l.o.Keys.Open(p, sealedAppointment, sealed)
	if err != nil {
		return reminder.Appointment{}, err
	}
	return decodeAppointment(b)
}
