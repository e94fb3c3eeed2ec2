package web

import (
	"context"
	"net/http"
	"slices"
	"time"

	"github.com/husk-reminders/husk/pkg/consent"
	"github.com/husk-reminders/husk/pkg/contact"
	"github.com/husk-reminders/husk/pkg/ledger"
	"github.com/husk-reminders/husk/pkg/policy"
	"github.com/husk-reminders/husk/pkg/reminder"
)

// Consent is one word of one person, as POST /v1/persons/{key}/consent takes it; see consent.Record for what the fields mean.
// Without a scope it is the controller's, without event_time it was said now.
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
	Reason     string             `json:"reason,omitempty"` // for the audit
}

// Recorded answers a change of a person.
type Recorded struct {
	ID       string               `json:"id"`
	Person   reminder.PersonKey   `json:"person"`
	Recorded time.Time            `json:"recorded"`
	Hash     reminder.AddressHash `json:"hash,omitempty"` // of the address, where it is about one
}

// consent takes a word down. The answer to a withdrawal or a refusal comes when it is final.
func (a *API) consent(ctx context.Context, r *http.Request) (any, error) {
	key, err := personOf(r)
	if err != nil {
		return nil, err
	}
	var q Consent
	if err := read(r, &q); err != nil {
		return nil, err
	}
	if q.Scope == (consent.Scope{}) {
		q.Scope.Kind = policy.ControllerScope
	}
	if err := a.scopeKnown(q.Scope); err != nil {
		return nil, err
	}
	if longNumber(q.Actor.Ref) {
		return nil, want("actor.ref", "a role or a pseudonym, no number that could be a person's")
	}
	now := a.o.Now()
	rec := consent.Record{
		ID: ledger.NewID(), Person: key, Type: q.Type, Purposes: q.Purposes, Channels: q.Channels, Scope: q.Scope, Notice: q.Notice,
		Method: q.Method, Actor: q.Actor, EventTime: orNow(q.EventTime, now), Recorded: now, ValidUntil: q.ValidUntil,
	}
	if err := rec.Validate(); err != nil {
		return nil, err
	}
	reason, err := reasonOf(q.Reason, false)
	if err != nil {
		return nil, err
	}
	if err := a.audit(ctx, r, "consent."+string(rec.Type), key, "", reason); err != nil {
		return nil, err
	}
	if err := a.o.Ledger.Consent(ctx, rec); err != nil {
		return nil, err
	}
	return Recorded{ID: rec.ID, Person: key, Recorded: rec.Recorded}, nil
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
	EventTime time.Time            `json:"event_time,omitzero"`
	Reason    string               `json:"reason,omitempty"` // for the audit
}

// addressTypes are what staff may say of an address; failed is a carrier's or register's to say.
var addressTypes = []contact.Type{contact.Added, contact.Verified, contact.Removed, contact.Wrong}

func (a *API) address(ctx context.Context, r *http.Request) (any, error) {
	key, err := personOf(r)
	if err != nil {
		return nil, err
	}
	var q AddressChange
	if err := read(r, &q); err != nil {
		return nil, err
	}
	now := a.o.Now()
	rec, err := a.record(key, q, now)
	if err != nil {
		return nil, err
	}
	if err := rec.Validate(); err != nil {
		return nil, err
	}
	reason, err := reasonOf(q.Reason, false)
	if err != nil {
		return nil, err
	}
	if err := a.audit(ctx, r, "address."+string(rec.Type), key, rec.Hash, reason); err != nil {
		return nil, err
	}
	if err := a.o.Ledger.Contact(ctx, rec); err != nil {
		return nil, err
	}
	return Recorded{ID: rec.ID, Person: key, Recorded: rec.Recorded, Hash: rec.Hash}, nil
}

func (a *API) record(key reminder.PersonKey, q AddressChange, now time.Time) (contact.Record, error) {
	rec := contact.Record{
		ID: ledger.NewID(), Person: key, Type: q.Type, Channel: q.Channel, Hash: q.Hash, Method: q.Method,
		EventTime: orNow(q.EventTime, now), Recorded: now,
	}
	switch {
	case !slices.Contains(addressTypes, q.Type):
		return rec, want("type", "added, verified, removed or wrong")
	case q.Country != "" && !slices.Contains(countries, q.Country):
		return rec, want("country", "one of DK, SE, NO, FI, IS, or nothing")
	case q.Address != "" && q.Hash != "":
		return rec, want("hash", "nothing where there is an address")
	case q.Address == "" && rec.IsBad() && !idRE.MatchString(string(q.Hash)):
		return rec, want("address", "the address, or its hash as the person's listing shows it")
	case q.Address == "" && !rec.IsBad():
		return rec, want("address", "the address")
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
