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

// Key answers POST /v1/persons/key.
type Key struct {
	Person reminder.PersonKey `json:"person"`
}

// countries have a rule for national ids.
var countries = []reminder.Country{"DK", "SE", "NO", "FI", "IS"}

// personKey turns a national id into its pseudonym. The id travels in the body alone and stays in this function.
func (a *API) personKey(ctx context.Context, r *http.Request) (any, error) {
	var q struct {
		Country reminder.Country `json:"country"`
		ID      string           `json:"id"`
	}
	if err := read(r, &q); err != nil {
		return nil, err
	}
	if !slices.Contains(countries, q.Country) {
		return nil, want("country", "one of DK, SE, NO, FI, IS")
	}
	p, err := a.o.Person(q.Country, q.ID)
	if err != nil {
		return nil, err
	}
	if err := a.audit(ctx, r, "person.key", p, "", ""); err != nil {
		return nil, err
	}
	return Key{p}, nil
}

// Person is what staff may see of a person: no name, no national id, no address.
type Person struct {
	Person    reminder.PersonKey    `json:"person"`
	Known     bool                  `json:"known"` // false = nothing is known, it was erased, or it can't be read (see the log)
	Protected bool                  `json:"protected"`
	Deceased  bool                  `json:"deceased"`
	Addresses []Address             `json:"addresses"`
	Consent   []consent.Record      `json:"consent"` // as said, the newest last
	Reminders []ledger.ReminderView `json:"reminders"`
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
	Persons int                  `json:"persons"` // how many have it as theirs
	Proofs  []Proof              `json:"proofs"`
}

// Proof is evidence that an address is the person's.
type Proof struct {
	Method policy.Method `json:"method"`
	Level  policy.Level  `json:"level"`
	At     time.Time     `json:"at"`
	By     string        `json:"by,omitempty"` // who took it down
}

func (a *API) person(ctx context.Context, r *http.Request) (any, error) {
	key, err := personOf(r)
	if err != nil {
		return nil, err
	}
	reason, err := reasonOf(r.URL.Query().Get("reason"), true)
	if err != nil {
		return nil, err
	}
	if err := a.audit(ctx, r, "person.show", key, "", reason); err != nil {
		return nil, err
	}
	found, err := a.o.Ledger.People(ctx, []reminder.PersonKey{key})
	if err != nil {
		return nil, err
	}
	p := found[0]
	out := Person{
		Person: key, Known: p.Known, Protected: p.Protected, Deceased: p.Deceased, Addresses: []Address{}, Consent: []consent.Record{},
	}
	out.Consent = append(out.Consent, p.Consent...)
	for _, s := range contact.Fold(p.Contact, a.o.Now()) {
		x := Address{
			Channel: s.Channel, Hash: s.Hash, Usable: s.Usable() && !p.Barred[s.Hash], Barred: p.Barred[s.Hash], Wrong: s.Wrong,
			Bounced: s.Bounced, Changed: s.Changed, Removed: s.Removed, Persons: p.Shared[s.Hash], Proofs: []Proof{},
		}
		for _, q := range s.Proofs {
			x.Proofs = append(x.Proofs, Proof(q))
		}
		out.Addresses = append(out.Addresses, x)
	}
	if out.Reminders, err = a.o.Ledger.Reminders(ctx, ledger.Filter{Person: key}); err != nil {
		return nil, err
	}
	return out, nil
}

// personOf reads the person key of the path. A national id is none, and is not repeated.
func personOf(r *http.Request) (reminder.PersonKey, error) {
	key, err := reminder.ParsePersonKey(r.PathValue("key"))
	if err != nil {
		return "", want("person", "a person key; POST /v1/persons/key makes one of a national id")
	}
	return key, nil
}
