package policy

import (
	"fmt"
	"slices"
	"strings"
)

// Level is how well a method proves that an address is the person's.
type Level int

// The levels.
const (
	Unproven   Level = iota // nobody checked
	Claimed                 // staff noted what the person said
	Proven                  // the person, identified, showed that the address is theirs
	Registered              // a national register that checks addresses and identities vouches for it
)

var levelNames = []string{"unproven", "claimed", "proven", "registered"}

// String is the level's name in pack files.
func (l Level) String() string {
	if l < 0 || int(l) >= len(levelNames) {
		return fmt.Sprintf("level(%d)", int(l))
	}
	return levelNames[l]
}

// MarshalText writes the level's name.
func (l Level) MarshalText() ([]byte, error) {
	if l < 0 || int(l) >= len(levelNames) {
		return nil, fmt.Errorf("policy: level %d: want 0 to %d", int(l), len(levelNames)-1)
	}
	return []byte(levelNames[l]), nil
}

// UnmarshalText reads a level's name.
func (l *Level) UnmarshalText(b []byte) error {
	i := slices.Index(levelNames, string(b))
	if i < 0 {
		return fmt.Errorf("policy: level: want one of %s", strings.Join(levelNames, ", "))
	}
	*l = Level(i)
	return nil
}

// Method is how an address came to be known as the person's.
type Method string

// The methods.
const (
	NemSMS   Method = "nemsms"   // Denmark: the number is registered with NemSMS, which validates it
	KRR      Method = "krr"      // Norway: Kontakt- og reservasjonsregisteret
	WebEID   Method = "web-eid"  // the person, logged in with a national eID, entered it and answered a code
	Code     Method = "code"     // a one-time code to the address, told back by the identified person
	DeskID   Method = "desk-id"  // identity shown at the desk and the address read back
	Staff    Method = "staff"    // staff noted it on the person's word
	Imported Method = "imported" // came with another system's data
	Unknown  Method = "unknown"
)

var methodLevels = map[Method]Level{
	NemSMS: Registered, KRR: Registered, WebEID: Registered,
	Code: Proven, DeskID: Proven,
	Staff: Claimed, Imported: Unproven, Unknown: Unproven,
}

// Methods lists all methods, the strongest first.
var Methods = []Method{NemSMS, KRR, WebEID, Code, DeskID, Staff, Imported, Unknown}

// Level is the highest level the method can prove; Unproven for a method that is not in Methods.
func (m Method) Level() Level { return methodLevels[m] }

// Register reports whether the method copies an address from a register that has a date of its own.
func (m Method) Register() bool { return m == NemSMS || m == KRR }
