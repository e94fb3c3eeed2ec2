package web

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"time"

	"github.com/husk-reminders/husk/pkg/contact/code"
	"github.com/husk-reminders/husk/pkg/gate"
	"github.com/husk-reminders/husk/pkg/reminder"
	"github.com/husk-reminders/husk/pkg/template"
)

// Codes sends one-time codes, and takes down what they prove.
type Codes interface {
	// Start sends a code; see code.Codes.Start for what it refuses.
	Start(ctx context.Context, r code.Request) (code.Started, error)
	// Check compares a code that was told back. The outcome Right is journalled as a proof, by names who took it down; ErrNotTaken when
	// the journal did not take it.
	Check(ctx context.Context, g code.Guess, by string) (code.Result, error)
}

// ErrNotTaken means that a code was right, and that the proof is not in the journal. The same call again puts it there.
var ErrNotTaken = errors.New("web: a proof by one-time code was not taken down")

// CodeWanted is what POST /v1/persons/{key}/codes takes.
type CodeWanted struct {
	Address  string           `json:"address"`            // the phone number, as staff write it
	Country  reminder.Country `json:"country,omitempty"`  // of a number without a country code; absent = the installation's
	Unit     string           `json:"unit"`               // the clinic that asks
	Language string           `json:"language,omitempty"` // of the message, as a language tag; absent = the unit's
	Reason   string           `json:"reason,omitempty"`   // for the audit
}

// CodeSent answers it.
type CodeSent struct {
	Person    reminder.PersonKey   `json:"person"`
	Reference string               `json:"reference"`
	Hash      reminder.AddressHash `json:"hash"` // of the number
	Expires   time.Time            `json:"expires"`
	// Sure is false where nobody knows whether it left: if it arrives, it is good.
	Sure bool `json:"sure"`
}

type codeInput struct {
	Key  string `path:"key" pattern:"^[1-9]-[0-9a-f]{32}$" patternDescription:"a person key; POST /v1/persons/key makes one of a national id"`
	Body CodeWanted
}

// sendCode sends a person a code, to a number that they say is theirs.
func (a *API) sendCode(ctx context.Context, c *caller, in *codeInput) (CodeSent, error) {
	key, q, none := reminder.PersonKey(in.Key), in.Body, CodeSent{}
	if _, ok := a.o.Units.Unit(q.Unit); !ok {
		return none, want("unit", "the id of a unit in the unit directory")
	}
	if q.Language != "" && !slices.Contains(template.Languages(), reminder.PrimaryLanguage(q.Language)) {
		return none, want("language", "one that messages are written in, or nothing")
	}
	if q.Address == "" {
		return none, want("address", "a phone number")
	}
	to, err := a.normalise(reminder.SMS, q.Address, q.Country)
	if err != nil {
		return none, err
	}
	reason, err := reasonOf(q.Reason, false)
	if err != nil {
		return none, err
	}
	if err := ofUnit(q.Unit)(ctx, a, c); err != nil {
		return none, a.denied(ctx, c, "code.send", key, err)
	}
	if err := a.audit(ctx, c, ofPerson(key), "code.send", key, a.o.Hash(to), reason); err != nil {
		return none, err
	}
	s, err := a.o.Codes.Start(ctx, code.Request{
		Person: key, Address: to, Clerk: c.actor, Unit: q.Unit, Language: reminder.PrimaryLanguage(q.Language),
	})
	return CodeSent{Person: key, Reference: s.Reference, Hash: s.Address, Expires: s.Expires, Sure: s.Sure}, err
}

// CodeTold is what POST /v1/persons/{key}/codes/check takes.
type CodeTold struct {
	Address string               `json:"address,omitempty"` // the phone number that the code was sent to
	Country reminder.Country     `json:"country,omitempty"`
	Hash    reminder.AddressHash `json:"hash,omitempty"` // in its place: the hash, as the answer to sending it has it
	Code    string               `json:"code"`           // six digits; spaces and hyphens don't matter
	Reason  string               `json:"reason,omitempty"`
}

// CodeChecked answers it.
type CodeChecked struct {
	Person  reminder.PersonKey   `json:"person"`
	Hash    reminder.AddressHash `json:"hash"`
	Proven  bool                 `json:"proven"`
	Outcome string               `json:"outcome" enum:"right,wrong,too_many,too_late,no_code"`
	Left    int                  `json:"left,omitempty"` // tries
}

type codeCheckInput struct {
	Key  string `path:"key" pattern:"^[1-9]-[0-9a-f]{32}$" patternDescription:"a person key; POST /v1/persons/key makes one of a national id"`
	Body CodeTold
}

// checkCode compares a code that the person told back. The right one proves the number.
func (a *API) checkCode(ctx context.Context, c *caller, in *codeCheckInput) (CodeChecked, error) {
	key, q, none := reminder.PersonKey(in.Key), in.Body, CodeChecked{}
	switch {
	case q.Address != "" && q.Hash != "":
		return none, want("hash", "nothing where there is an address")
	case q.Address == "" && !idRE.MatchString(string(q.Hash)):
		return none, want("address", "the phone number, or its hash as the answer to sending the code has it")
	}
	hash := q.Hash
	if q.Address != "" {
		to, err := a.normalise(reminder.SMS, q.Address, q.Country)
		if err != nil {
			return none, err
		}
		hash = a.o.Hash(to)
	}
	reason, err := reasonOf(q.Reason, false)
	if err != nil {
		return none, err
	}
	if err := a.audit(ctx, c, ofPerson(key), "code.check", key, hash, reason); err != nil {
		return none, err
	}
	r, err := a.o.Codes.Check(ctx, code.Guess{Person: key, Address: hash, Code: reminder.Mask(q.Code)}, c.actor)
	if err != nil {
		return none, err
	}
	if r.Outcome == code.Malformed {
		return none, want("code", "six digits; it cost no try")
	}
	return CodeChecked{Person: key, Hash: hash, Proven: r.Outcome == code.Right, Outcome: r.Outcome.String(), Left: r.Left}, nil
}

// codeRefusal is an error of codes as it is answered; nil when it is none.
func codeRefusal(err error, now time.Time) *Error {
	var limit *code.LimitError
	var unsent *code.NotSentError
	switch {
	case errors.As(err, &limit):
		wait := max(limit.Next.Sub(now), time.Second)
		return &Error{
			code: http.StatusTooManyRequests, retry: wait, Reason: "limit",
			Text: "too many codes for this " + limit.By + ": wait " + wait.Round(time.Second).String() + ", or prove the number another way",
		}
	case errors.Is(err, code.ErrBarred):
		return &Error{code: http.StatusConflict, Reason: string(gate.Barred), Text: "a STOP came from this number: no code is sent there. The person can send START from it, or prove another number"}
	case errors.Is(err, code.ErrDisputed):
		return &Error{code: http.StatusConflict, Reason: string(gate.WrongNumber), Text: "somebody has said that this number is not who it is thought to be: prove it another way, at the desk or with an eID"}
	case errors.Is(err, code.ErrForbidden):
		return &Error{code: http.StatusConflict, Reason: "forbidden", Text: "this person is not sent codes: not known here, protected, deceased, or of an age (or none known) at which a guardian speaks"}
	case errors.As(err, &unsent):
		return &Error{code: http.StatusConflict, Reason: unsent.Reason, Text: "the code was not sent: " + unsentBecause(unsent.Reason)}
	case errors.Is(err, code.ErrUnknown), errors.Is(err, code.ErrStore):
		return &Error{code: http.StatusServiceUnavailable, Text: "what is known of the number can't be had now: try again"}
	case errors.Is(err, ErrNotTaken):
		return &Error{code: http.StatusServiceUnavailable, Text: "the code was right, and the journal did not take it down: check the same code again, within a day"}
	}
	return nil
}

// unsent are the line's reasons in plain words, where they say something to a clerk.
var unsent = map[string]string{
	"kill_switch": "sending is stopped", "route_closed": "no carrier takes SMS now", "withdrawn": "the person said no to all messages",
	"declined": "the person said no to all messages", "barred": "a STOP came from the number", "wrong_number": "the number is in dispute",
	"guardian": "a guardian speaks for the person, or the age is not known: prove the guardian's number as the guardian's own",
	"no_basis": "nothing is known of the person, or the policy pack allows no SMS", "policy_missing": "no policy pack is in force for the unit's country",
	"no_template":  "there is no approved text for it in the unit's language",
	"over_ceiling": "the unit's sender says more than a number that is not proven may be told", "not_in_time": "the line did not send it in time: try again",
	"not_certified": "the state is not certified now: try again", "expired": "the line did not send it in time: try again",
	"not_running": "the line is not running: start it with husk serve",
	"undelivered": "the carrier says that it did not arrive",
}

func unsentBecause(reason string) string {
	if text, ok := unsent[reason]; ok {
		return text
	}
	if reason == "" {
		return "the line does not say why"
	}
	return reason
}
