package code

import (
	"context"
	"encoding/json"
	"time"

	"github.com/husk-reminders/husk/pkg/contact"
	"github.com/husk-reminders/husk/pkg/policy"
	"github.com/husk-reminders/husk/pkg/reminder"
)

// Verifier reads the proofs of the last day as a contact.Verifier. It sends nothing: a code is begun by a clerk.
type Verifier struct{ codes *Codes }

var _ contact.Verifier = Verifier{}

// Verifier is the proofs as a contact.Verifier.
func (c *Codes) Verifier() Verifier { return Verifier{c} }

// Fitness says what a code proves.
func (v Verifier) Fitness() contact.Fitness {
	return contact.Fitness{Method: policy.Code, Usable: true,
		Why: "a one-time code by SMS, told back by a person whose identity somebody has checked"}
}

// retry is when to ask a store again that did not answer.
const retry = 30 * time.Second

// Verify answers a question that names a person and a number: Yes when a code sent there was told back within a day. A
// question without a number is a No: the store keeps hashes, so it has no number to tell.
func (v Verifier) Verify(ctx context.Context, now time.Time, qs []contact.Question) []contact.Answer {
	out := make([]contact.Answer, len(qs))
	for i, q := range qs {
		out[i] = v.one(ctx, q, now)
	}
	return out
}

func (v Verifier) one(ctx context.Context, q contact.Question, now time.Time) contact.Answer {
	if _, err := reminder.ParsePersonKey(string(q.Person)); err != nil {
		return contact.NotKnown(contact.NoID, now.Add(15*time.Minute))
	}
	until := now.Add(Life)
	if q.Address.IsZero() {
		return contact.Nay(contact.NotTold, until)
	}
	raw, _, err := v.codes.o.Store.Get(ctx, "code."+string(q.Person))
	if err != nil {
		return contact.NotKnown(contact.Unreachable, now.Add(retry))
	}
	var ch challenge
	if len(raw) > 0 && (json.Unmarshal(raw, &ch) != nil || ch.Person != q.Person) {
		return contact.NotKnown(contact.Garbled, now.Add(retry))
	}
	switch {
	case ch.Phase != Proven, ch.Address != v.codes.o.Hash(q.Address), !now.Before(ch.Closed.Add(keep)):
		return contact.Nay(contact.NotProven, until)
	case ch.Closed.After(now):
		return contact.NotKnown(contact.Contradictory, now.Add(retry)) // the clock was set back
	}
	return contact.Answer{Verdict: contact.Yes, Until: ch.Closed.Add(keep), Found: []contact.Found{{
		Address: q.Address, Method: policy.Code, Level: policy.Code.Level(), AsOf: ch.Closed,
	}}}
}
