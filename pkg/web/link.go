package web

import (
	"context"
	"net/http"
	"time"

	"go.uber.org/zap"
)

// SignInLink lets one person in to the pages once, for a trial.
type SignInLink struct {
	Address string    `json:"address"`
	Until   time.Time `json:"until"`
}

// linkPath is answered by the door: links are the process's that serves the pages, not the line's.
const linkPath = "/v1/sessions/links"

// newLink is how a line answers that has no pages.
func (a *API) newLink(context.Context, *caller, *struct{}) (SignInLink, error) {
	return SignInLink{}, &forbidden{"this is for the admin socket alone"}
}

// link makes a one-time link, after the audit has it.
func (d *Door) link(w http.ResponseWriter, r *http.Request) {
	c := staffCaller(r)
	if err := checkActor(c.actor); err != nil {
		fail(w, http.StatusBadRequest, Error{Text: err.Error(), Field: ActorHeader})
		return
	}
	if d.o.Link == nil {
		fail(w, http.StatusNotFound, Error{Text: "no one-time links are made here: husk serve makes them, with pages.listen and without pages.sign_in.issuer"})
		return
	}
	x, leave, why := d.enter()
	if x == nil {
		fail(w, http.StatusServiceUnavailable, Error{Text: "not ready: " + why})
		return
	}
	err := x.api.audit(r.Context(), c, everybody, "session.link", "", "", "")
	leave()
	if err != nil {
		e := x.api.refusal("session.link", err)
		fail(w, e.code, *e)
		return
	}
	l, err := d.o.Link(r.Context())
	if err != nil {
		d.o.Log.Warn("no one-time link was made", zap.Error(err))
		fail(w, http.StatusConflict, Error{Text: err.Error()})
		return
	}
	answer(w, http.StatusOK, l)
}
