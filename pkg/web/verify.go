package web

import (
	"context"

	"github.com/husk-reminders/husk/pkg/ledger"
	"github.com/husk-reminders/husk/pkg/reminder"
)

// Ask is what POST /v1/persons/{key}/verify takes.
type Ask struct {
	Reason string `json:"reason,omitempty"` // for the audit
}

// Asked answers it: what each register came to. It is empty where no register knows persons of that country, or no booking has
// told the person's national id.
type Asked struct {
	Person  reminder.PersonKey `json:"person"`
	Answers []ledger.Verified  `json:"answers"`
}

type askInput struct {
	Key  string `path:"key" pattern:"^[1-9]-[0-9a-f]{32}$" patternDescription:"a person key; POST /v1/persons/key makes one of a national id"`
	Body Ask
}

// verify asks the registers about a person now, and takes down what they vouch for.
func (a *API) verify(ctx context.Context, c *caller, in *askInput) (Asked, error) {
	key := reminder.PersonKey(in.Key)
	reason, err := reasonOf(in.Body.Reason, false)
	if err != nil {
		return Asked{}, err
	}
	if err := a.audit(ctx, c, ofPerson(key), "address.ask", key, "", reason); err != nil {
		return Asked{}, err
	}
	out := Asked{Person: key, Answers: []ledger.Verified{}}
	if a.o.Verify == nil {
		return out, nil
	}
	got, err := a.o.Verify(ctx, c.actor, key)
	if err != nil {
		return Asked{}, err
	}
	out.Answers = append(out.Answers, got...)
	return out, nil
}
