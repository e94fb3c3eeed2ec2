package web

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"time"

	"github.com/husk-reminders/husk/pkg/consent"
	"github.com/husk-reminders/husk/pkg/contact"
	"github.com/husk-reminders/husk/pkg/gate"
	"github.com/husk-reminders/husk/pkg/ledger"
	"github.com/husk-reminders/husk/pkg/policy"
	"github.com/husk-reminders/husk/pkg/reminder"
)

// Key answers POST /v1/persons/key.
type Key struct {
	Person reminder.PersonKey `json:"person"`
}

// countries have a rule for national ids.
var countries = []reminder.Country{"DK", "SE", "NO", "FI", "IS"}

// NationalID is what POST /v1/persons/key takes.
type NationalID struct {
	Country reminder.Country `json:"country"`
	ID      string           `json:"id"`
}

type nationalIDInput struct{ Body NationalID }

// personKey turns a national id into its pseudonym. The id travels in the body alone and stays in this function.
func (a *API) personKey(ctx context.Context, c *caller, in *nationalIDInput) (Key, error) {
	if !slices.Contains(countries, in.Body.Country) {
		return Key{}, want("country", "one of DK, SE, NO, FI, IS")
	}
	p, err := a.o.Person(in.Body.Country, in.Body.ID)
	if err != nil {
		return Key{}, err
	}
	if err := a.audit(ctx, c, anybody, "person.key", p, "", ""); err != nil {
		return Key{}, err
	}
	return Key{p}, nil
}

// Person is what staff may see of a person: no name, no national id, no address.
type Person struct {
	Person    reminder.PersonKey `json:"person"`
	Known     bool               `json:"known"` // false = nothing is known, it was erased, or it can't be read (see the log)
	Protected bool               `json:"protected"`
	Deceased  bool               `json:"deceased"`
	Addresses []Address          `json:"addresses"`
	Guardians []Guardian         `json:"guardians"` // with custody today
	Consent   []consent.Record   `json:"consent"`   // as said, the newest last
	// Worth is what each record of Consent is worth today, by its id, under the pack of the installation's country.
	Worth     map[string]consent.Status `json:"worth"`
	MayAsk    []MayAsk                  `json:"may_ask"` // for a yes, now
	Reminders []ledger.ReminderView     `json:"reminders"`
}

// Guardian is one who has custody of the person, by a pseudonym.
type Guardian struct {
	Person  reminder.PersonKey `json:"person"`
	Since   time.Time          `json:"since"` // as of, by whoever proved it
	NoPlace bool               `json:"no_place,omitempty"`
}

// Address is an address without the address: its keyed hash tells two apart, and whoever has the address on paper finds its
// hash in the answer to entering it.
type Address struct {
	Channel reminder.Channel     `json:"channel"`
	Hash    reminder.AddressHash `json:"hash"`
	Usable  bool                 `json:"usable"` // proven, and nothing speaks against it; whether the proof is enough is the pack's to say
	Barred  bool                 `json:"barred,omitempty"`
	Wrong   bool                 `json:"wrong,omitempty"`
	Bounced bool                 `json:"bounced,omitempty"`
	Changed bool                 `json:"changed,omitempty"`
	Removed bool                 `json:"removed,omitempty"`
	New     time.Time            `json:"new,omitzero"` // since when it has been in another address's place
	Persons int                  `json:"persons"`      // how many have it as theirs
	Proofs  []Proof              `json:"proofs"`
}

// Proof is evidence that an address is the person's.
type Proof struct {
	Method policy.Method `json:"method"`
	Level  policy.Level  `json:"level"`
	At     time.Time     `json:"at"`
	By     string        `json:"by,omitempty"` // who took it down
}

type personInput struct {
	Key    string `path:"key" pattern:"^[1-9]-[0-9a-f]{32}$" patternDescription:"a person key; POST /v1/persons/key makes one of a national id"`
	Reason string `query:"reason" required:"true" doc:"Why, for the audit; no number, no name"`
}

// person shows what is known of a person; of other units' words and reminders only who is limited to no unit sees any.
func (a *API) person(ctx context.Context, c *caller, in *personInput) (Person, error) {
	key := reminder.PersonKey(in.Key)
	reason, err := reasonOf(in.Reason, true)
	if err != nil {
		return Person{}, err
	}
	if err := a.audit(ctx, c, ofPerson(key), "person.show", key, "", reason); err != nil {
		return Person{}, err
	}
	found, err := a.o.Ledger.People(ctx, []reminder.PersonKey{key})
	if err != nil {
		return Person{}, err
	}
	p, now := found[0], a.o.Now()
	s := consent.Stand(p.Consent, now)
	out := Person{
		Person: key, Known: p.Known, Protected: p.Protected || s.Protected, Deceased: p.Deceased || s.Deceased,
		Addresses: []Address{}, Guardians: []Guardian{}, Consent: []consent.Record{}, Worth: map[string]consent.Status{},
	}
	for _, g := range s.Guardians {
		out.Guardians = append(out.Guardians, Guardian{g.Guardian, g.Since, g.NoPlace})
	}
	for _, e := range consent.History(p.Consent, p.BirthDate, a.packOf(consent.Scope{}, now), now) {
		if a.sees(c, e.Record) {
			out.Worth[e.Record.ID] = e.Status
		}
	}
	out.Consent = append(out.Consent, a.seen(c, p.Consent)...)
	for _, s := range contact.Fold(p.Contact, now) {
		x := Address{
			Channel: s.Channel, Hash: s.Hash, Usable: s.Usable() && !p.Barred[s.Hash], Barred: p.Barred[s.Hash], Wrong: s.Wrong,
			Bounced: s.Bounced, Changed: s.Changed, Removed: s.Removed, New: s.New, Persons: p.Shared[s.Hash], Proofs: []Proof{},
		}
		for _, q := range s.Proofs {
			x.Proofs = append(x.Proofs, Proof(q))
		}
		out.Addresses = append(out.Addresses, x)
	}
	if out.MayAsk, err = a.mayAsk(ctx, c, p, s, now); err != nil {
		return Person{}, err
	}
	if out.Reminders, err = a.o.Ledger.Reminders(ctx, ledger.Filter{Person: key}); err != nil {
		return Person{}, err
	}
	out.Reminders = slices.DeleteFunc(out.Reminders, func(r ledger.ReminderView) bool { return !c.covers(r.Unit) })
	return out, nil
}

// ConsentPage answers GET /v1/persons/{key}/consent?as=page.
type ConsentPage struct {
	Language string `json:"language"`
	HTML     string `json:"html"`
}

type exportInput struct {
	Key      string `path:"key" pattern:"^[1-9]-[0-9a-f]{32}$" patternDescription:"a person key; POST /v1/persons/key makes one of a national id"`
	As       string `query:"as" required:"true" enum:"fhir,page"`
	Language string `query:"language" maxLength:"8" doc:"Of the page, as a language tag: en"`
	Reason   string `query:"reason" required:"true" doc:"Why, for the audit; no number, no name"`
}

// consentExport hands out a person's record of consent: a FHIR R4 Bundle (as=fhir), or a page for the person (as=page).
func (a *API) consentExport(ctx context.Context, c *caller, in *exportInput) (any, error) {
	key, as, language := reminder.PersonKey(in.Key), in.As, in.Language
	reason, err := reasonOf(in.Reason, true)
	if err != nil {
		return nil, err
	}
	switch {
	case as != "fhir" && as != "page":
		return nil, want("as", "fhir or page")
	case as == "page" && !slices.Contains(consent.PageLanguages, language):
		return nil, want("language", "one of "+strings.Join(consent.PageLanguages, ", "))
	}
	if err := a.audit(ctx, c, ofPerson(key), "consent.export", key, "", reason); err != nil {
		return nil, err
	}
	found, err := a.o.Ledger.People(ctx, []reminder.PersonKey{key})
	if err != nil {
		return nil, err
	}
	now := a.o.Now()
	f := consent.Facts{Person: key, BirthDate: found[0].BirthDate, Pack: a.packOf(consent.Scope{}, now), Controller: a.o.Controller, At: now}
	if as == "page" {
		b, err := consent.Page(a.seen(c, found[0].Consent), f, language)
		return ConsentPage{language, string(b)}, err
	}
	b, err := consent.FHIR(a.seen(c, found[0].Consent), f)
	return json.RawMessage(b), err
}

// Explain is what POST /v1/persons/{key}/explain takes: would a message be sent, and why. Without a channel the unit's are
// gone through, without an instant it is now.
type Explain struct {
	Purpose reminder.Purpose `json:"purpose"`
	Channel reminder.Channel `json:"channel,omitempty"`
	Unit    string           `json:"unit"`
	Route   string           `json:"route,omitempty"`
	Age     int              `json:"age,omitempty"`     // of the person, where no booking has told the birth date
	Address string           `json:"address,omitempty"` // of the purpose verify: the number that a one-time code would go to
	At      time.Time        `json:"at,omitzero"`
	Reason  string           `json:"reason"` // for the audit
}

// Explainer asks the gate; see gate.Gate.Explain.
type Explainer func(ctx context.Context, q gate.Question) (gate.Explanation, error)

type explainInput struct {
	Key  string `path:"key" pattern:"^[1-9]-[0-9a-f]{32}$" patternDescription:"a person key; POST /v1/persons/key makes one of a national id"`
	Body Explain
}

// explain answers with the gate's own decision, step by step. What did not answer the gate shows in the steps as unknown.
func (a *API) explain(ctx context.Context, c *caller, in *explainInput) (gate.Explanation, error) {
	key, q, none := reminder.PersonKey(in.Key), in.Body, gate.Explanation{}
	_, unit := a.o.Units.Unit(q.Unit)
	switch {
	case !slices.Contains(reminder.Purposes, q.Purpose):
		return none, want("purpose", "one of reminder, changed, cancelled, verify, reply, correction")
	case q.Channel != "" && !slices.Contains(reminder.Channels, q.Channel):
		return none, want("channel", "sms, email, or nothing")
	case !unit:
		return none, want("unit", "the id of a unit in the unit directory")
	case q.Age < 0 || q.Age > 130:
		return none, want("age", "whole years, up to 130")
	case q.Route != "" && !slices.Contains(a.o.Routes, q.Route):
		return none, want("route", "the name of a carrier's route, or nothing")
	}
	to, err := a.explained(q)
	if err != nil {
		return none, err
	}
	reason, err := reasonOf(q.Reason, true)
	if err != nil {
		return none, err
	}
	if err := ofUnit(q.Unit)(ctx, a, c); err != nil {
		return none, a.denied(ctx, c, "person.explain", key, err)
	}
	if err := a.audit(ctx, c, ofPerson(key), "person.explain", key, "", reason); err != nil {
		return none, err
	}
	x, err := a.o.Explain(ctx, gate.Question{
		Person: key, Purpose: q.Purpose, Channel: q.Channel, Unit: q.Unit, Route: q.Route, At: q.At, Address: to, BirthDate: bornAged(q.Age, orNow(q.At, a.o.Now())),
	})
	if x.Outcome == "" {
		return none, err
	}
	return x, nil // a deferral is an answer
}

// explained is the number that a question about a one-time code is about; the zero address of any other question.
func (a *API) explained(q Explain) (reminder.Address, error) {
	switch {
	case q.Purpose == reminder.Verify && q.Address != "":
		return a.normalise(reminder.SMS, q.Address, "")
	case q.Address != "":
		return reminder.Address{}, want("address", "nothing but for the purpose verify")
	case q.Purpose == reminder.Verify:
		return reminder.Address{}, want("address", "the phone number that the code would go to")
	}
	return reminder.Address{}, nil
}

// bornAged is a birth date of somebody of an age; unknown for none.
func bornAged(age int, at time.Time) reminder.Date {
	if age == 0 {
		return reminder.Date{}
	}
	y, m, d := at.AddDate(-age, 0, -1).Date()
	return reminder.Date{Year: y, Month: m, Day: d}
}
