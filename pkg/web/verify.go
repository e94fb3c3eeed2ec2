package web

import (
	"context"
	"net/http"

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

// verify asks the registers about a person now, and takes down what they vouch for.
func (a *API) verify(ctx context.Context, r *http.Request) (any, error) {
	key, err := personOf(r)
	if err != nil {
		return nil, err
	}
	var q Ask
	if err := read(r, &q); err != nil {
		return nil, err
	}
	reason, err := reasonOf(q.Reason, false)
	if err != nil {
		return nil, err
	}
	if err := a.audit(ctx, r, "address.ask", key, "", reason); err != nil {
		return nil, err
	}
	out := Asked{Person: key, Answers: []ledger.Verified{}}
	if a.o.Verify == nil {
		return out, nil
	}
	got, err := a.o.Verify(ctx, r.Header.Get(ActorHeader), key)
	if err != nil {
		return nil, err
	}
	out.Answers = append(out.Answers, got...)
	return out, nil
}
