package web

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"unicode/utf8"

	"github.com/husk-reminders/husk/pkg/ledger"
)

// DeadLetter is a dead letter as it came: personal data.
type DeadLetter struct {
	ledger.DeadLetter
	Subject  string `json:"subject"`
	Encoding string `json:"encoding"` // of Content: utf-8 or base64
	Content  string `json:"content"`
}

// Replayed answers POST /v1/dead/{id}/replay.
type Replayed struct {
	ID      uint64 `json:"id"`
	Refused string `json:"refused,omitempty"` // why it was not put back: it never can be, and the dead letter is gone
}

// forgotten is why a dead letter is not put back that ledger.ErrForgotten is answered for.
const forgotten = "it came before the person was erased"

// deadLetters lists reason and shape alone.
func (a *API) deadLetters(ctx context.Context, c *caller, _ *struct{}) ([]ledger.DeadLetter, error) {
	if err := a.audit(ctx, c, everybody, "dead.list", "", "", ""); err != nil {
		return nil, err
	}
	ds, err := a.o.Ledger.DeadLetters(ctx)
	if err != nil {
		return nil, err
	}
	return append([]ledger.DeadLetter{}, ds...), nil
}

type deadInput struct {
	ID     uint64 `path:"id" minimum:"1" doc:"The number of a dead letter"`
	Reason string `query:"reason" required:"true" doc:"Why, for the audit; no number, no name"`
}

// deadLetter shows one as it came.
func (a *API) deadLetter(ctx context.Context, c *caller, in *deadInput) (DeadLetter, error) {
	reason, err := reasonOf(in.Reason, true)
	if err != nil {
		return DeadLetter{}, err
	}
	if err := a.audit(ctx, c, everybody, fmt.Sprintf("dead.show %d", in.ID), "", "", reason); err != nil {
		return DeadLetter{}, err
	}
	d, err := a.o.Ledger.DeadLetter(ctx, in.ID)
	if err != nil {
		return DeadLetter{}, err
	}
	out := DeadLetter{DeadLetter: d, Subject: d.Subject, Encoding: "utf-8", Content: string(d.Data)}
	if !utf8.Valid(d.Data) {
		out.Encoding, out.Content = "base64", base64.StdEncoding.EncodeToString(d.Data)
	}
	return out, nil
}

type replayInput struct {
	ID uint64 `path:"id" minimum:"1" doc:"The number of a dead letter"`
}

func (a *API) replay(ctx context.Context, c *caller, in *replayInput) (Replayed, error) {
	if err := a.audit(ctx, c, everybody, fmt.Sprintf("dead.replay %d", in.ID), "", "", ""); err != nil {
		return Replayed{}, err
	}
	err := a.o.Ledger.Replay(ctx, in.ID)
	if errors.Is(err, ledger.ErrForgotten) {
		return Replayed{in.ID, forgotten}, nil
	}
	if err != nil {
		return Replayed{}, err
	}
	return Replayed{ID: in.ID}, nil
}
