package consent

import (
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"unicode/utf8"

	"github.com/husk-reminders/husk/pkg/policy"
	"github.com/husk-reminders/husk/pkg/reminder"
)

// LegalBasis is why it is lawful to write after a yes, as the person was told (GDPR Articles 6 and 13(1)(c)).
type LegalBasis string

// The legal bases.
const (
	ByConsent LegalBasis = "consent"        // Article 6(1)(a)
	ByLaw     LegalBasis = "law"            // Article 6(1)(e), with a right to object
	ByTerms   LegalBasis = "registry-terms" // what the person accepted when registering with a register
)

// LegalBases lists all legal bases.
var LegalBases = []LegalBasis{ByConsent, ByLaw, ByTerms}

// Ceiling is the highest content class that somebody said yes to: "0", "1", "1.5" or "2"; "" is none of their own.
type Ceiling string

// Ceilings lists them from low to high.
var Ceilings = []Ceiling{"0", "1", "1.5", "2"}

var classes = map[Ceiling]reminder.Class{"0": 0, "1": 1, "1.5": 1.5, "2": 2}

// Class is the ceiling as a class. What is no ceiling is the lowest, but "", which asks nothing: then ok is false.
func (c Ceiling) Class() (class reminder.Class, ok bool) { return classes[c], c != "" }

// Validity is when a yes ends, besides at ValidUntil. The first that comes ends it; the zero Validity asks nothing.
type Validity struct {
	CareContact bool `json:"care_contact,omitempty"` // when the care contact ends: at a CareEnded whose scope reaches the unit
	UntilAge    int  `json:"until_age,omitempty"`    // on the birthday on which the person becomes so old
	// AddressAge is how old the proof of the address may be that is written to; it does not end the yes, the gate asks it of
	// each address beside what the pack asks.
	AddressAge policy.Period `json:"address_age,omitzero"`
}

// Sample is the exact text of a message as it was shown to the person who was asked, with no real person's facts in it (Region
// Stockholm: the information says exactly what the SMS will say).
type Sample struct {
	Text string `json:"text"`
	Hash string `json:"hash"` // SHA-256 of Text, 64 hex digits
}

// NewSample hashes a text.
func NewSample(text string) Sample {
	sum := sha256.Sum256([]byte(text))
	return Sample{text, hex.EncodeToString(sum[:])}
}

// What a record may hold of text.
const (
	maxSample = 2000 // characters
	maxRef    = 200  // bytes of a reference
	maxAge    = 130
)

// checkProof checks what makes a word provable and says when it ends. All of it is optional; entries of older releases have none.
func (r Record) checkProof() error {
	yes := r.Type == Granted || r.Type == Noticed
	switch {
	case r.LegalBasis != "" && !slices.Contains(LegalBases, r.LegalBasis):
		return invalid("legal_basis", list(LegalBases))
	case r.Ceiling != "" && !slices.Contains(Ceilings, r.Ceiling):
		return invalid("ceiling", list(Ceilings))
	case r.Sample != (Sample{}) && r.Sample != NewSample(r.Sample.Text):
		return invalid("sample.hash", "the SHA-256 of sample.text")
	case !utf8.ValidString(r.Sample.Text) || utf8.RuneCountInString(r.Sample.Text) > maxSample:
		return invalid("sample.text", "the text as shown, in UTF-8, at most 2000 characters")
	case len(r.RecordedBy) > maxRef:
		return invalid("recorded_by", "a role or staff id, at most 200 bytes")
	case r.Pack.Hash != "" && (r.Pack.ID == "" || !isSHA256(r.Pack.Hash)):
		return invalid("pack", "the pack's id and the SHA-256 of its file")
	case r.Validity.UntilAge < 0 || r.Validity.UntilAge > maxAge:
		return invalid("validity.until_age", "an age from 1 to 130, or nothing")
	case r.Validity.AddressAge.Months < 0 || r.Validity.AddressAge.Days < 0:
		return invalid("validity.address_age", "a period, or nothing")
	case !yes && r.Validity != (Validity{}):
		return invalid("validity", "nothing: only a yes ends by itself")
	case !yes && r.Ceiling != "":
		return invalid("ceiling", "nothing: only a yes has one")
	case r.NoPlace && r.Type != Custody:
		return invalid("no_place", "nothing: only custody has it")
	}
	for _, m := range r.TakeBack {
		if !slices.Contains(Methods, m) {
			return invalid("take_back", list(Methods))
		}
	}
	return nil
}

// checkFact checks what is known of the person.
func (r Record) checkFact() error {
	switch {
	case r.Type != Custody && !r.ValidUntil.IsZero():
		return invalid("valid_until", "nothing: it ends by another record")
	case !r.ValidUntil.IsZero() && !r.ValidUntil.After(r.EventTime):
		return invalid("valid_until", "later than event_time")
	case r.Type != Custody && r.Type != CustodyEnded:
		return nil
	case r.Actor.Kind != Guardian:
		return invalid("actor.kind", "guardian")
	}
	if k, ok := r.guardian(); !ok || k == r.Person {
		return invalid("actor.ref", "the person key of the guardian")
	}
	return nil
}

// guardian is the guardian who spoke, or who the record is about; false when it names none by key.
func (r Record) guardian() (reminder.PersonKey, bool) {
	if r.Actor.Kind != Guardian {
		return "", false
	}
	k, err := reminder.ParsePersonKey(r.Actor.Ref)
	return k, err == nil
}
