package web

import (
	"context"
	"slices"
	"time"

	"github.com/husk-reminders/husk/pkg/consent"
	"github.com/husk-reminders/husk/pkg/contact"
	"github.com/husk-reminders/husk/pkg/ledger"
	"github.com/husk-reminders/husk/pkg/policy"
	"github.com/husk-reminders/husk/pkg/reminder"
)

// Consent is one word of one person, or what is known of them (custody, protection, death, the end of care), as POST
// /v1/persons/{key}/consent takes it; see consent.Record for what the fields mean. Without a scope it is the controller's,
// without event_time it was said now.
type Consent struct {
	Type       consent.Type       `json:"type"`
	Purposes   []reminder.Purpose `json:"purposes,omitempty"`
	Channels   []reminder.Channel `json:"channels,omitempty"`
	Scope      consent.Scope      `json:"scope,omitzero"`
	Notice     consent.Notice     `json:"notice,omitzero"`
	Method     consent.Method     `json:"method"`
	Actor      consent.Actor      `json:"actor"`
	EventTime  time.Time          `json:"event_time,omitzero"`
	ValidUntil time.Time          `json:"valid_until,omitzero"`

	CareContact bool               `json:"care_contact,omitempty"` // a yes that ends with the care contact
	UntilAge    int                `json:"until_age,omitempty"`    // or at this age
	AddressAge  string             `json:"address_age,omitempty"`  // "12 months": how old the address's proof may be
	LegalBasis  consent.LegalBasis `json:"legal_basis,omitempty"`
	Ceiling     consent.Ceiling    `json:"ceiling,omitempty"`
	Sample      string             `json:"sample,omitempty"` // the exact text shown
	TakeBack    []consent.Method   `json:"take_back,omitempty"`
	RecordedBy  string             `json:"recorded_by,omitempty"` // a role or staff id, never a name
	NoPlace     bool               `json:"no_place,omitempty"`    // of custody
	Reason      string             `json:"reason,omitempty"`      // for the audit
}

// Recorded answers a change of a person.
type Recorded struct {
	ID       string               `json:"id"`
	Person   reminder.PersonKey   `json:"person"`
	Recorded time.Time            `json:"recorded"`
	Hash     reminder.AddressHash `json:"hash,omitempty"` // of the address, where it is about one
}

type consentInput struct {
	Key  string `path:"key" pattern:"^[1-9]-[0-9a-f]{32}$" patternDescription:"a person key; POST /v1/persons/key makes one of a national id"`
	Body Consent
}

// consent takes a word down. The answer to a withdrawal or a refusal comes when it is final.
func (a *API) consent(ctx context.Context, c *caller, in *consentInput) (Recorded, error) {
	key, q := reminder.PersonKey(in.Key), in.Body
	if q.Scope == (consent.Scope{}) {
		q.Scope.Kind = policy.ControllerScope
	}
	if err := a.scopeKnown(q.Scope); err != nil {
		return Recorded{}, err
	}
	now := a.o.Now()
	rec, err := a.word(key, q, now)
	if err != nil {
		return Recorded{}, err
	}
	if err := rec.Validate(); err != nil {
		return Recorded{}, err
	}
	reason, err := reasonOf(q.Reason, false)
	if err != nil {
		return Recorded{}, err
	}
	if err := a.audit(ctx, c, aboutWord(rec), "consent."+string(rec.Type), key, "", reason); err != nil {
		return Recorded{}, err
	}
	if err := a.o.Ledger.Consent(ctx, rec); err != nil {
		return Recorded{}, err
	}
	return Recorded{ID: rec.ID, Person: key, Recorded: rec.Recorded}, nil
}

// word is a record as it was sent, under the rules that are in force for whoever writes within its scope.
func (a *API) word(key reminder.PersonKey, q Consent, now time.Time) (consent.Record, error) {
	rec := consent.Record{
		ID: ledger.NewID(), Person: key, Type: q.Type, Purposes: q.Purposes, Channels: q.Channels, Scope: q.Scope, Notice: q.Notice,
		Method: q.Method, Actor: q.Actor, EventTime: orNow(q.EventTime, now), Recorded: now, ValidUntil: q.ValidUntil,
		Validity:   consent.Validity{CareContact: q.CareContact, UntilAge: q.UntilAge},
		LegalBasis: q.LegalBasis, Ceiling: q.Ceiling, TakeBack: q.TakeBack, RecordedBy: q.RecordedBy, NoPlace: q.NoPlace,
	}
	if _, err := reminder.ParsePersonKey(q.Actor.Ref); err != nil && longNumber(q.Actor.Ref) {
		return rec, want("actor.ref", "a role or a pseudonym, no number that could be a person's")
	}
	if longNumber(q.RecordedBy) {
		return rec, want("recorded_by", "a role or staff id, no number that could be a person's")
	}
	if q.Sample != "" {
		rec.Sample = consent.NewSample(q.Sample)
	}
	if q.AddressAge != "" {
		p, err := policy.ParsePeriod(q.AddressAge)
		if err != nil {
			return rec, want("address_age", `a period as "30 days", "18 months" or "2 years"`)
		}
		rec.Validity.AddressAge = p
	}
	if q.Type == consent.Granted || q.Type == consent.Noticed {
		rec.Pack = a.packOf(q.Scope, now).Ref()
	}
	return rec, nil
}

// packOf is the pack in force for whoever writes within a scope: the unit's or hospital's country, else the installation's.
func (a *API) packOf(s consent.Scope, now time.Time) policy.Pack {
	country := a.o.Country
	for _, u := range a.o.Units.Units() {
		if (s.Kind == policy.UnitScope && s.Ref == u.ID) || (s.Kind == policy.HospitalScope && s.Ref == u.Hospital) {
			country = u.Country
			break
		}
	}
	p, _ := a.o.Packs.For(country, now)
	return p
}

// scopeKnown refuses a scope of a unit or hospital that is not there: a yes to it would never count, and a no would stop nothing.
func (a *API) scopeKnown(s consent.Scope) error {
	switch s.Kind {
	case policy.UnitScope:
		if _, ok := a.o.Units.Unit(s.Ref); !ok {
			return want("scope.ref", "the id of a unit in the unit directory")
		}
	case policy.HospitalScope:
		if !slices.ContainsFunc(a.o.Units.Units(), func(u reminder.Unit) bool { return u.Hospital == s.Ref }) {
			return want("scope.ref", "the id of a hospital in the unit directory")
		}
	}
	return nil
}

// AddressChange is one piece of evidence, as POST /v1/persons/{key}/addresses takes it; see contact.Record. Added and verified
// need the address; removed and wrong take its hash as well.
type AddressChange struct {
	Type      contact.Type         `json:"type"`
	Channel   reminder.Channel     `json:"channel"`
	Address   string               `json:"address,omitempty"`
	Hash      reminder.AddressHash `json:"hash,omitempty"`
	Country   reminder.Country     `json:"country,omitempty"` // of a number without a country code; "" = the installation's
	Method    policy.Method        `json:"method,omitempty"`
	Level     *policy.Level        `json:"level,omitempty"` // of verified; absent = what the method proves
	By        string               `json:"by,omitempty"`    // who took it down: a role or staff id, never a name
	EventTime time.Time            `json:"event_time,omitzero"`
	Reason    string               `json:"reason,omitempty"` // for the audit
}

// ByHand are the methods that staff may say. Proof by a code comes of a code that was checked, and a register's of the register.
var ByHand = []policy.Method{policy.WebEID, policy.DeskID, policy.Staff, policy.Imported, policy.Unknown}

// addressTypes are what staff may say of an address; failed is a carrier's or register's to say.
var addressTypes = []contact.Type{contact.Added, contact.Verified, contact.Removed, contact.Wrong}

type addressInput struct {
	Key  string `path:"key" pattern:"^[1-9]-[0-9a-f]{32}$" patternDescription:"a person key; POST /v1/persons/key makes one of a national id"`
	Body AddressChange
}

func (a *API) address(ctx context.Context, c *caller, in *addressInput) (Recorded, error) {
	key, q := reminder.PersonKey(in.Key), in.Body
	now := a.o.Now()
	rec, err := a.record(key, q, now)
	if err != nil {
		return Recorded{}, err
	}
	if err := rec.Validate(); err != nil {
		return Recorded{}, err
	}
	reason, err := reasonOf(q.Reason, false)
	if err != nil {
		return Recorded{}, err
	}
	if err := a.audit(ctx, c, ofPerson(key), "address."+string(rec.Type), key, rec.Hash, reason); err != nil {
		return Recorded{}, err
	}
	if err := a.o.Ledger.Contact(ctx, rec); err != nil {
		return Recorded{}, err
	}
	return Recorded{ID: rec.ID, Person: key, Recorded: rec.Recorded, Hash: rec.Hash}, nil
}

func (a *API) record(key reminder.PersonKey, q AddressChange, now time.Time) (contact.Record, error) {
	rec := contact.Record{
		ID: ledger.NewID(), Person: key, Type: q.Type, Channel: q.Channel, Hash: q.Hash, Method: q.Method, By: q.By,
		EventTime: orNow(q.EventTime, now), Recorded: now,
	}
	switch {
	case !slices.Contains(addressTypes, q.Type):
		return rec, want("type", "added, verified, removed or wrong")
	case q.Country != "" && !slices.Contains(countries, q.Country):
		return rec, want("country", "one of DK, SE, NO, FI, IS, or nothing")
	case longNumber(q.By):
		return rec, want("by", "a role or staff id, no number that could be a person's")
	case q.Address != "" && q.Hash != "":
		return rec, want("hash", "nothing where there is an address")
	case q.Address == "" && rec.IsBad() && !idRE.MatchString(string(q.Hash)):
		return rec, want("address", "the address, or its hash as the person's listing shows it")
	case q.Address == "" && !rec.IsBad():
		return rec, want("address", "the address")
	case q.Method != "" && !slices.Contains(ByHand, q.Method):
		return rec, want("method", "one of "+join(ByHand)+": proof by a code or a register is taken down when the code is checked or the register asked")
	}
	if q.Type == contact.Verified {
		if rec.Level = q.Method.Level(); q.Level != nil {
			rec.Level = *q.Level
		}
	}
	if q.Address == "" {
		return rec, nil
	}
	var err error
	if rec.Address, err = a.normalise(q.Channel, q.Address, q.Country); err != nil {
		return rec, err
	}
	rec.Hash = a.o.Hash(rec.Address)
	return rec, nil
}

// normalise reads an address as staff write it. Without a country a number is the installation's.
func (a *API) normalise(c reminder.Channel, address string, country reminder.Country) (reminder.Address, error) {
	switch {
	case country == "":
		country = a.o.Country
	case !slices.Contains(countries, country):
		return reminder.Address{}, want("country", "one of DK, SE, NO, FI, IS, or nothing")
	}
	return contact.Normalise(c, address, country)
}

func orNow(t, now time.Time) time.Time {
	if t.IsZero() {
		return now
	}
	return t
}
