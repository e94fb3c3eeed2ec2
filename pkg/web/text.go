package web

import (
	"context"
	"errors"
	"net/http"
	"strings"

	"github.com/husk-reminders/husk/pkg/compose"
	"github.com/husk-reminders/husk/pkg/gate"
	"github.com/husk-reminders/husk/pkg/ledger"
	"github.com/husk-reminders/husk/pkg/policy"
	"github.com/husk-reminders/husk/pkg/reminder"
	"github.com/husk-reminders/husk/pkg/template"
)

// Text is the message of a reminder, written anew from its template and the booking's facts, and masked.
type Text struct {
	ID   reminder.ID `json:"id"`
	Unit string      `json:"unit"`
	Sent bool        `json:"sent"` // true = as it left, or may have; false = as it would leave now
	compose.Shown
	Held       bool `json:"held"`
	Releasable bool `json:"releasable"` // held for nothing but digits that nothing explains: see POST /v1/reminders/{id}/release
}

type textInput struct {
	ID     string `path:"id" pattern:"^[1-9]-[0-9a-f]{32}$" patternDescription:"a reminder's id"`
	Person string `query:"person" pattern:"^[1-9]-[0-9a-f]{32}$" patternDescription:"a person key" doc:"Whose it is: found sooner with it"`
	Reason string `query:"reason" required:"true" doc:"Why, for the audit; no number, no name"`
}

// errUnshown means that a message can't be written anew.
var errUnshown = errors.New("web: a message can't be written anew")

// text writes a reminder's message anew. The unit's own facts are those that the directory has now.
func (a *API) text(ctx context.Context, c *caller, in *textInput) (Text, error) {
	none := Text{}
	reason, err := reasonOf(in.Reason, true)
	if err != nil {
		return none, err
	}
	r, err := a.oneReminder(ctx, in.ID, in.Person)
	if err != nil {
		return none, err
	}
	if err := a.audit(ctx, c, ofUnit(r.Unit), "reminder.text "+in.ID, r.Person, "", reason); err != nil {
		return none, err
	}
	w, err := a.o.Ledger.Written(ctx, r.Person, r.ID)
	if err != nil {
		return none, err
	}
	s, err := a.showing(ctx, w)
	if err != nil {
		return none, err
	}
	shown, err := a.o.Composer.Show(s)
	if err != nil {
		return none, &refused{errUnshown, "the message can't be written anew: " + lastOf(err)}
	}
	return Text{ID: r.ID, Unit: r.Unit, Sent: w.Sent, Shown: shown, Held: len(w.Findings) > 0, Releasable: r.Releasable}, nil
}

// showing says how a message is or was to be written: by the pack and the template version that it left with, to whom the gate would
// have written then; where it has not left, as the gate decides now.
func (a *API) showing(ctx context.Context, w ledger.Written) (compose.Showing, error) {
	l := w.Lease
	u, ok := a.o.Units.Unit(l.Appointment.Unit)
	if !ok {
		return compose.Showing{}, &refused{errUnshown, "the message can't be written anew: its unit is not in the unit directory"}
	}
	s := compose.Showing{Lease: l, Unit: u, Channel: w.Channel, Findings: w.Findings}
	x, err := a.o.Explain(ctx, gate.Question{
		Person: l.Person, Purpose: l.Purpose, Channel: w.Channel, Unit: u.ID, Route: l.Route, BirthDate: l.Appointment.BirthDate, At: w.At,
	})
	if err != nil {
		return s, err
	}
	s.HidePlace = x.Outcome == gate.Allow.String() && x.HidePlace
	if w.Template != "" {
		if s.Template, err = a.version(ctx, w.Template); err != nil {
			return s, err
		}
		s.Channel = s.Template.Channel()
	}
	if s.Channel == "" {
		s.Channel = x.Channel
	}
	if s.Channel == "" && len(u.Channels) > 0 {
		s.Channel = u.Channels[0]
	}
	s.Pack, ok = a.o.Packs.Find(policy.Ref{ID: w.Decision.Pack, Hash: w.Decision.PackHash})
	if !ok || w.Decision.Pack == "" {
		s.Pack, _ = a.o.Packs.For(u.Country, a.o.Now())
	}
	return s, nil
}

// version finds a version of a template, an old one perhaps.
func (a *API) version(ctx context.Context, id string) (template.Template, error) {
	if t, ok := a.o.Templates.Version(id); ok {
		return t, nil
	}
	gone := &refused{errUnshown, "the message can't be written anew: the version of its template is not kept"}
	b, err := a.o.Versions.Text(ctx, id)
	if errors.Is(err, template.ErrNoVersion) {
		return template.Template{}, gone
	}
	if err != nil {
		return template.Template{}, err
	}
	t, err := template.Parse(template.NameOf(id)+".txt", b)
	if err != nil || t.ID() != id {
		return template.Template{}, gone
	}
	return t, nil
}

// refused is a call that can't be answered as things stand, with a text for whoever calls.
type refused struct {
	is   error
	text string
}

// Error implements error.
func (r *refused) Error() string { return r.is.Error() }

// Unwrap tells what it is.
func (r *refused) Unwrap() error { return r.is }

// asError is the answer to it.
func (r *refused) asError() *Error { return &Error{code: http.StatusConflict, Text: r.text} }

// lastOf is an error's text without the package that it is of.
func lastOf(err error) string {
	_, text, ok := strings.Cut(err.Error(), ": ")
	if !ok {
		return err.Error()
	}
	return text
}
