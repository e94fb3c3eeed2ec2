package web

import (
	"context"
	"encoding/base64"
	"fmt"
	"net/http"
	"strconv"
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
	ID uint64 `json:"id"`
}

// deadLetters lists reason and shape alone.
func (a *API) deadLetters(ctx context.Context, _ *http.Request) (any, error) {
	ds, err := a.o.Ledger.DeadLetters(ctx)
	if err != nil {
		return nil, err
	}
	return append([]ledger.DeadLetter{}, ds...), nil
}

func (a *API) deadLetter(ctx context.Context, r *http.Request) (any, error) {
	id, err := deadID(r)
	if err != nil {
		return nil, err
	}
	reason, err := reasonOf(r.URL.Query().Get("reason"), true)
	if err != nil {
		return nil, err
	}
	if err := a.audit(ctx, r, fmt.Sprintf("dead.show %d", id), "", "", reason); err != nil {
		return nil, err
	}
	d, err := a.o.Ledger.DeadLetter(ctx, id)
	if err != nil {
		return nil, err
	}
	out := DeadLetter{DeadLetter: d, Subject: d.Subject, Encoding: "utf-8", Content: string(d.Data)}
	if !utf8.Valid(d.Data) {
		out.Encoding, out.Content = "base64", base64.StdEncoding.EncodeToString(d.Data)
	}
	return out, nil
}

func (a *API) replay(ctx context.Context, r *http.Request) (any, error) {
	id, err := deadID(r)
	if err != nil {
		return nil, err
	}
	if err := a.audit(ctx, r, fmt.Sprintf("dead.replay %d", id), "", "", ""); err != nil {
		return nil, err
	}
	if err := a.o.Ledger.Replay(ctx, id); err != nil {
		return nil, err
	}
	return Replayed{id}, nil
}

func deadID(r *http.Request) (uint64, error) {
	id, err := strconv.ParseUint(r.PathValue("id"), 10, 64)
	if err != nil || id == 0 {
		return 0, want("id", "the number of a dead letter")
	}
	return id, nil
}
