// Package scenario makes the story that `husk demo` plays: three hospitals, some 170 fictional people and 300 booking
// events, consents and numbers in every state, and the replies of citizens. Beside what happens it holds what must
// follow: every message that is expected, and every address that must stay silent.
//
// The expectations are labels of their own. They are worked out here from the rules a clinic is promised (days before
// the start, the send window, the cancellation deadline, who said yes to what), never by calling the program's packages;
// so package check can hold a run against them.
//
// It guarantees that Build with the same units gives the same scenario byte for byte, and that no label hangs on a
// choice the rules leave open: where two readings would give two answers, the case is laid differently. All people,
// numbers and addresses are made up; national ids come from test ranges. It must never read a clock or a real register.
package scenario

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/husk-reminders/husk/pkg/reminder"
)

// Scenario is a whole demo: who exists, what happens when, and what must and must not be sent.
type Scenario struct {
	Begin  time.Time `json:"begin"`
	End    time.Time `json:"end"`
	Seed   uint64    `json:"seed"`
	Units  []Unit    `json:"units"`
	People []Person  `json:"people"`
	Steps  []Step    `json:"steps"`  // by At
	Expect []Expect  `json:"expect"` // by NotBefore
	Never  []Never   `json:"never"`
}

// Unit is what a checker must know of a clinic.
type Unit struct {
	ID       string           `json:"id"`
	Hospital string           `json:"hospital"`
	Country  reminder.Country `json:"country"`
	Zone     string           `json:"zone"`
	From     string           `json:"from"`      // messages leave from this wall clock time, "08:00"
	Until    string           `json:"until"`     // and before this one
	Closed   []string         `json:"closed"`    // days without messages, YYYY-MM-DD
	SMSLimit int              `json:"sms_limit"` // characters
}

// Person is a fictional patient as the registers know them before Begin.
type Person struct {
	Country   reminder.Country `json:"country"` // of the register ID belongs to
	ID        string           `json:"id"`      // national id, canonical
	GivenName string           `json:"given_name"`
	Language  string           `json:"language"`
	BirthDate string           `json:"birth_date"`
	Protected bool             `json:"protected,omitempty"`
	Deceased  bool             `json:"deceased,omitempty"`
	Addresses []Address        `json:"addresses"`
	Consents  []Consent        `json:"consents"`
	Others    []Other          `json:"others,omitempty"` // everybody else on this person's bookings
	Case      string           `json:"case"`             // the case this person plays
}

// Address is a person's number or mail address and what is known of it.
type Address struct {
	Channel  reminder.Channel `json:"channel"`
	Address  string           `json:"address"` // E.164 or a mail address
	Recorded time.Time        `json:"recorded"`
	Verified *Verification    `json:"verified"`       // null: nobody has shown that it is the person's
	Wrong    time.Time        `json:"wrong,omitzero"` // when somebody reported that it is another person's
}

// Verification is the evidence that an address is the person's.
type Verification struct {
	Method string    `json:"method"`
	At     time.Time `json:"at"`
}

// Consent is one entry of a person's consent record.
type Consent struct {
	Type       string             `json:"type"` // granted, refused, withdrawn, custody
	Actor      string             `json:"actor"`
	Guardian   string             `json:"guardian,omitempty"` // national id of the guardian, in the person's own country
	Purposes   []reminder.Purpose `json:"purposes"`
	Channels   []reminder.Channel `json:"channels"`
	Scope      string             `json:"scope"` // a unit's id; "" = the whole controller
	Method     string             `json:"method"`
	EventTime  time.Time          `json:"event_time"` // when the person said it
	Recorded   time.Time          `json:"recorded"`   // when it was entered
	ValidUntil time.Time          `json:"valid_until,omitzero"`
}

// Other is somebody else on a booking.
type Other struct {
	Role   reminder.Role `json:"role"`
	Names  []string      `json:"names,omitempty"`
	Phones []string      `json:"phones,omitempty"`
	Mails  []string      `json:"mails,omitempty"`
}

// StepKind says what a step does.
type StepKind string

// The kinds of steps and the fields each uses.
const (
	Event      StepKind = "event"   // publish Raw on Subject
	SetConsent StepKind = "consent" // enter Consent for Person
	SetAddress StepKind = "address" // enter Address for Person: verified or wrong from now on
	Reply      StepKind = "reply"   // a citizen writes Text from From on Channel
	Switch     StepKind = "switch"  // Text "stop" or "resume" for the unit Unit ("" = everything)
)

// Step is one thing that happens.
type Step struct {
	At      time.Time        `json:"at"`
	Kind    StepKind         `json:"kind"`
	Subject string           `json:"subject,omitempty"`
	Raw     string           `json:"raw,omitempty"`
	Person  int              `json:"person"` // index into People; -1 = nobody
	Consent *Consent         `json:"consent,omitempty"`
	Address *Address         `json:"address,omitempty"`
	From    string           `json:"from,omitempty"`
	Channel reminder.Channel `json:"channel,omitempty"`
	Text    string           `json:"text,omitempty"`
	Unit    string           `json:"unit,omitempty"`
	Label   string           `json:"label"` // in plain words, for the live display
}

// Expect is one message that must be sent, once, within its window.
type Expect struct {
	Person      int              `json:"person"` // index into People
	Address     string           `json:"address"`
	Appointment string           `json:"appointment"`
	Unit        string           `json:"unit"`
	Purpose     reminder.Purpose `json:"purpose"`
	Channel     reminder.Channel `json:"channel"`
	Start       time.Time        `json:"start"` // the appointment time the message tells, in the unit's zone
	NotBefore   time.Time        `json:"not_before"`
	NotAfter    time.Time        `json:"not_after"`
	Language    string           `json:"language"`
	Shows       []string         `json:"shows"` // texts that must be in it
	Optional    bool             `json:"optional,omitempty"`
	Why         string           `json:"why"`
}

// Never is an address, or all of a unit, that must get nothing in a stretch of time; From and Until zero = always.
type Never struct {
	Address string    `json:"address,omitempty"`
	Unit    string    `json:"unit,omitempty"` // alone: nobody hears from this unit; with Address: only that pair
	Person  int       `json:"person"`         // index into People; -1 = nobody in particular
	Why     string    `json:"why"`            // a deny reason, "held", or "kill_switch"
	From    time.Time `json:"from,omitzero"`
	Until   time.Time `json:"until,omitzero"`
}

// ErrScenario is wrapped by the errors of Read: the file is no scenario.
var ErrScenario = errors.New("scenario: not a scenario file")

// Write stores the scenario as indented JSON, readable by the owner alone as all files that look like patients' are.
func (s *Scenario) Write(path string) error {
	b, err := json.MarshalIndent(s, "", " ")
	if err != nil {
		return fmt.Errorf("scenario: encode: %w", err)
	}
	if err := os.WriteFile(path, append(b, '\n'), 0o600); err != nil {
		return fmt.Errorf("scenario: write: %w", err)
	}
	return nil
}

// Read loads what Write stored. Times of a message are put back into their unit's zone, which JSON does not keep.
func Read(path string) (*Scenario, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("scenario: read: %w", err)
	}
	var s Scenario
	if err := json.Unmarshal(b, &s); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrScenario, err)
	}
	zones := map[string]*time.Location{}
	for _, u := range s.Units {
		if zones[u.ID], err = time.LoadLocation(u.Zone); err != nil {
			return nil, fmt.Errorf("%w: zone of unit %q: want an IANA name", ErrScenario, u.ID)
		}
	}
	for i := range s.Expect {
		e := &s.Expect[i]
		z, ok := zones[e.Unit]
		if !ok || e.Person < 0 || e.Person >= len(s.People) {
			return nil, fmt.Errorf("%w: expect[%d]: want a unit and a person of this file", ErrScenario, i)
		}
		e.Start = e.Start.In(z)
	}
	return &s, nil
}
