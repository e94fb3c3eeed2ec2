package consent

import (
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/husk-reminders/husk/pkg/policy"
	"github.com/husk-reminders/husk/pkg/reminder"
)

// Type is what a record says.
type Type string

// The types. Noticed says that the person was told of the messages and of the right to object; it is a yes only where
// the pack's basis is reservation.
const (
	Granted   Type = "granted"
	Noticed   Type = "noticed"
	Refused   Type = "refused"   // asked, and said no
	Withdrawn Type = "withdrawn" // took a yes back, or objected
)

// What is known of the person, and bears on whom may be written to. It is kept among the words because it decides with them,
// under one version of the person. A program that is too old to know these types takes them for a no.
const (
	CareEnded       Type = "care-ended"       // the care contact within the scope has ended
	Custody         Type = "custody"          // Actor is a guardian with custody
	CustodyEnded    Type = "custody-ended"    // Actor is so no longer
	Protected       Type = "protected"        // the person's address is protected, as of EventTime
	ProtectionEnded Type = "protection-ended" // the same source says: no longer
	Deceased        Type = "deceased"         // as of EventTime
	NotDeceased     Type = "not-deceased"     // the same source says: that was a mistake
)

// Types lists all types: Words, and what is known of the person.
var Types = []Type{
	Granted, Noticed, Refused, Withdrawn,
	CareEnded, Custody, CustodyEnded, Protected, ProtectionEnded, Deceased, NotDeceased,
}

// Everywhere reports whether what the type says is known of the person as such, and so holds in the whole installation: custody,
// protection and death. A record of it has the controller's scope. Care alone ends within a scope.
func (t Type) Everywhere() bool {
	switch t {
	case Custody, CustodyEnded, Protected, ProtectionEnded, Deceased, NotDeceased:
		return true
	}
	return false
}

// Words are the types of what somebody said about messages.
var Words = Types[:4:4]

// Method is how the record came about.
type Method string

// The methods. SMS and Email are replies such as STOP: they can say no, never yes. Unknown, Imported and PreTicked are kept
// as history and are never a yes (EDPB Guidelines 05/2020; Datatilsynet: the person must clearly have said yes).
const (
	Desk      Method = "desk"
	Phone     Method = "phone"
	Letter    Method = "letter"
	WebEID    Method = "web-eid"  // logged in with a national eID
	NemSMS    Method = "nemsms"   // Denmark: the terms of NemSMS
	KRR       Method = "krr"      // Norway: Kontakt- og reservasjonsregisteret
	Register  Method = "register" // the population register (CPR, PU, Folkeregisteret): custody, protection, death; never a yes
	SMS       Method = "sms"
	Email     Method = "email"
	Imported  Method = "imported"
	PreTicked Method = "pre-ticked"
	Unknown   Method = "unknown"
)

// Methods lists all methods.
var Methods = []Method{Desk, Phone, Letter, WebEID, NemSMS, KRR, Register, SMS, Email, Imported, PreTicked, Unknown}

// CanGrant reports whether a yes given this way can count.
func (m Method) CanGrant() bool {
	switch m {
	case Desk, Phone, Letter, WebEID, NemSMS, KRR:
		return true
	}
	return false
}

// ActorKind is who spoke.
type ActorKind string

// The kinds of actors. Staff is somebody who set down the person's word at a desk, by phone or from a letter.
const (
	Self     ActorKind = "self"
	Guardian ActorKind = "guardian"
	Staff    ActorKind = "staff"
	Registry ActorKind = "registry"
)

// Actors lists all kinds of actors.
var Actors = []ActorKind{Self, Guardian, Staff, Registry}

// Actor is who spoke; of Custody and CustodyEnded, the guardian it is about. Ref is a pseudonym or a role (a PersonKey, a staff
// id), never a name.
type Actor struct {
	Kind ActorKind `json:"kind"`
	Ref  string    `json:"ref,omitempty"`
}

// Scope is how far the word reaches. Ref is the id of the hospital or the unit; the controller needs none.
type Scope struct {
	Kind policy.Scope `json:"kind"`
	Ref  string       `json:"ref,omitempty"`
}

// covers reports whether the scope reaches the unit.
func (s Scope) covers(u reminder.Unit) bool {
	switch s.Kind {
	case policy.ControllerScope:
		return true
	case policy.HospitalScope:
		return s.Ref != "" && s.Ref == u.Hospital
	case policy.UnitScope:
		return s.Ref != "" && s.Ref == u.ID
	}
	return false
}

// Notice is the information that the person was shown, so that it can be proven (GDPR Article 7(1), recital 42).
type Notice struct {
	ID       string `json:"id"`       // name and version
	Hash     string `json:"hash"`     // SHA-256 of the text shown, 64 hex digits
	Language string `json:"language"` // BCP 47 primary tag
}

// Record is one word of one person, as the journal keeps it.
type Record struct {
	ID     string             `json:"id"`
	Person reminder.PersonKey `json:"person"`
	Type   Type               `json:"type"`
	// Purposes it is about. A yes to "reminder" alone covers "changed" and "cancelled" too: they correct what a reminder
	// said, and whoever asked to be reminded would else act on what is no longer so. A yes that itself names one of the two
	// is taken to the letter. Empty is every purpose in a no, and nothing in a yes.
	Purposes   []reminder.Purpose `json:"purposes,omitempty"`
	Channels   []reminder.Channel `json:"channels,omitempty"` // empty is every channel in a no, and none in a yes
	Scope      Scope              `json:"scope"`
	Notice     Notice             `json:"notice,omitzero"`
	Method     Method             `json:"method"`
	Actor      Actor              `json:"actor"`
	EventTime  time.Time          `json:"event_time"`           // when it was said
	Recorded   time.Time          `json:"recorded"`             // when Husk took it down; never before EventTime
	ValidUntil time.Time          `json:"valid_until,omitzero"` // a yes or custody ends here; zero = until it is taken back
	Validity   Validity           `json:"validity,omitzero"`    // when else a yes ends
	LegalBasis LegalBasis         `json:"legal_basis,omitempty"`
	Pack       policy.Ref         `json:"pack,omitzero"`     // the rules it was asked for under
	Ceiling    Ceiling            `json:"ceiling,omitempty"` // of a yes: no message above this content class; "" = the pack's alone
	Sample     Sample             `json:"sample,omitzero"`
	TakeBack   []Method           `json:"take_back,omitempty"`   // the ways to take a yes back that the person was told of
	RecordedBy string             `json:"recorded_by,omitempty"` // role or staff id of who took it down, never a name
	NoPlace    bool               `json:"no_place,omitempty"`    // of Custody: this guardian is not to be told where the person will be
}

// ErrRecord is the error of a record that cannot be kept.
var ErrRecord = errors.New("consent: record")

func invalid(field, want string) error { return fmt.Errorf("%w: %s: want %s", ErrRecord, field, want) }

// Validate checks a record before it is journalled. The error wraps ErrRecord and names the field and what is wanted,
// never the value. A valid record of an unknown, imported or pre-ticked yes is kept, and never counts.
func (r Record) Validate() error {
	if r.ID == "" {
		return invalid("id", "a unique id")
	}
	if _, err := reminder.ParsePersonKey(string(r.Person)); err != nil {
		return invalid("person", "a person key")
	}
	if err := r.check(); err != nil {
		return err
	}
	if r.Type.Everywhere() && r.Scope.Kind != policy.ControllerScope { // not in check: what was kept before is still read
		return invalid("scope.kind", "controller: custody, protection and death are of the person, not of one unit or hospital")
	}
	return nil
}

// check is what Fold asks of a yes: everything but the ids.
func (r Record) check() error {
	switch {
	case !slices.Contains(Types, r.Type):
		return invalid("type", list(Types))
	case !slices.Contains(Methods, r.Method):
		return invalid("method", list(Methods))
	case !slices.Contains(Actors, r.Actor.Kind):
		return invalid("actor.kind", list(Actors))
	case !slices.Contains(policy.Scopes, r.Scope.Kind):
		return invalid("scope.kind", list(policy.Scopes))
	case r.Scope.Kind == policy.ControllerScope && r.Scope.Ref != "":
		return invalid("scope.ref", "nothing: one installation serves one controller")
	case r.Scope.Kind != policy.ControllerScope && r.Scope.Ref == "":
		return invalid("scope.ref", "the id of the "+string(r.Scope.Kind))
	case r.EventTime.IsZero():
		return invalid("event_time", "when it was said")
	case r.Recorded.IsZero():
		return invalid("recorded", "when it was taken down")
	case r.EventTime.After(r.Recorded):
		return invalid("event_time", "no later than recorded")
	}
	for _, p := range r.Purposes {
		if !slices.Contains(reminder.Purposes, p) {
			return invalid("purposes", list(reminder.Purposes))
		}
	}
	for _, c := range r.Channels {
		if !slices.Contains(reminder.Channels, c) {
			return invalid("channels", list(reminder.Channels))
		}
	}
	if err := r.checkProof(); err != nil {
		return err
	}
	switch r.Type {
	case Granted, Noticed:
		return r.checkYes()
	case Refused, Withdrawn:
		if !r.ValidUntil.IsZero() {
			return invalid("valid_until", "nothing: a no does not end by itself")
		}
		return nil
	}
	return r.checkFact()
}

func (r Record) checkYes() error {
	switch {
	case len(r.Purposes) == 0:
		return invalid("purposes", "at least one, for a yes")
	case len(r.Channels) == 0:
		return invalid("channels", "at least one, for a yes")
	case r.Notice.ID == "":
		return invalid("notice.id", "the name and version of the notice shown")
	case !isSHA256(r.Notice.Hash):
		return invalid("notice.hash", "the SHA-256 of the notice shown, 64 lower-case hex digits")
	case r.Notice.Language == "":
		return invalid("notice.language", "the language of the notice shown")
	case !r.ValidUntil.IsZero() && !r.ValidUntil.After(r.EventTime):
		return invalid("valid_until", "later than event_time")
	}
	register := r.Method == NemSMS || r.Method == KRR
	switch {
	case r.Type != Granted || !r.Method.CanGrant():
		return nil
	case (r.Actor.Kind == Registry) != register:
		return invalid("actor.kind", "registry with the methods nemsms and krr, and with no other")
	case r.Actor.Kind == Staff && r.Method == WebEID:
		return invalid("actor.kind", "self or guardian: nobody else logs in with the person's eID")
	}
	return nil
}

func isSHA256(s string) bool {
	b, err := hex.DecodeString(s)
	return err == nil && len(b) == 32 && s == strings.ToLower(s)
}

func list[T ~string](ts []T) string {
	ss := make([]string, len(ts))
	for i, t := range ts {
		ss[i] = string(t)
	}
	return "one of " + strings.Join(ss, ", ")
}
