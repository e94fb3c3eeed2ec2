package web

import (
	"context"

	"github.com/husk-reminders/husk/pkg/ledger"
	"github.com/husk-reminders/husk/pkg/reminder"
)

type lettersDoneInput struct {
	Unit string `query:"unit" maxLength:"64" doc:"Of the unit with this id alone; a key that is for some units must name one"`
}

// lettersDone lists what somebody has marked done within the last day.
func (a *API) lettersDone(ctx context.Context, c *caller, in *lettersDoneInput) ([]ledger.LetterDone, error) {
	if err := a.unitKnown(in.Unit); err != nil {
		return nil, err
	}
	if err := a.audit(ctx, c, ofUnit(in.Unit), "letter.seen", "", "", ""); err != nil {
		return nil, err
	}
	return a.o.Ledger.LettersDone(ctx, in.Unit)
}

// LetterDone is what POST /v1/letters/{id}/done takes.
type LetterDone struct {
	Undo   bool   `json:"undo,omitempty"`   // it has not gone after all
	Reason string `json:"reason,omitempty"` // what was done, for the audit
}

type letterDoneInput struct {
	ID   string `path:"id" pattern:"^[1-9]-[0-9a-f]{32}$" patternDescription:"a letter's id, as the list has it"`
	Body LetterDone
}

func (a *API) letterDone(ctx context.Context, c *caller, in *letterDoneInput) (ledger.LetterDone, error) {
	none := ledger.LetterDone{}
	reason, err := reasonOf(in.Body.Reason, false)
	if err != nil {
		return none, err
	}
	id := reminder.AppointmentKey(in.ID)
	x, err := a.o.Ledger.LetterOf(ctx, id, a.hasUnit)
	if err != nil {
		return none, err
	}
	action := "letter.done "
	if in.Body.Undo {
		action = "letter.undone "
	}
	if err := a.audit(ctx, c, ofUnit(x.Unit), action+in.ID, x.Person, "", reason); err != nil {
		return none, err
	}
	return a.o.Ledger.DoneLetter(ctx, id, c.actor, in.Body.Undo, a.hasUnit)
}
