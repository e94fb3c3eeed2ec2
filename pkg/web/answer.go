package web

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"time"

	"go.uber.org/zap"

	"github.com/husk-reminders/husk/pkg/compose"
	"github.com/husk-reminders/husk/pkg/consent"
	"github.com/husk-reminders/husk/pkg/contact"
	"github.com/husk-reminders/husk/pkg/ledger"
	"github.com/husk-reminders/husk/pkg/state"
	"github.com/husk-reminders/husk/pkg/template"
)

// maxBody is the most a request may hold, in bytes.
const maxBody = 64 << 10

// maxText is that of a request with a template's text: each letter may be escaped.
const maxText = 6*template.MaxText + 4<<10

// busyWait is how long one waits who was not let in to a list.
const busyWait = 5 * time.Second

// ErrNotFound means that there is no such thing.
var ErrNotFound = errors.New("web: not found")

// Error is the body of every answer that is not a success. It holds no personal data.
type Error struct {
	Text  string `json:"error" doc:"What is wrong, and what is wanted instead"`
	Field string `json:"field,omitempty" doc:"The field or parameter that is wrong"`
	// Reason is set where a one-time code was not sent: limit, forbidden, or a reason of the gate or the line.
	Reason string `json:"reason,omitempty" doc:"Of a one-time code that was not sent: why, in a word"`

	Problems []compose.Problem `json:"problems,omitempty" doc:"What is wrong with a text, and where"`
	Latest   *TemplateVersion  `json:"latest,omitempty" doc:"Of a text that somebody else has saved meanwhile: theirs"`

	code  int
	retry time.Duration // of 429 and 503
}

// Error implements error.
func (e *Error) Error() string { return e.Text }

// GetStatus is the answer's status code.
func (e *Error) GetStatus() int { return e.code }

// Wait is how long to wait before asking again, of 429 and 503; zero = it is not said.
func (e *Error) Wait() time.Duration { return e.retry }

// GetHeaders are the answer's headers beside those of every answer.
func (e *Error) GetHeaders() http.Header {
	h := http.Header{}
	if e.retry > 0 {
		h.Set("Retry-After", retryAfter(e.retry))
	}
	return h
}

// FieldError is a field that can't be accepted. It names the field and what is wanted, never the value.
type FieldError struct {
	Field string
	Want  string
}

// Error implements error.
func (e *FieldError) Error() string { return "web: " + e.Field + ": want " + e.Want }

func want(field, what string) error { return &FieldError{field, what} }

func answer(w http.ResponseWriter, code int, v any) {
	b, err := json.Marshal(v)
	if err != nil {
		code, b = http.StatusInternalServerError, []byte(`{"error":"the answer can't be written"}`)
	}
	w.Header().Set("Content-Type", "application/json")
	quiet(w.Header())
	w.WriteHeader(code)
	_, _ = w.Write(append(b, '\n'))
}

// quiet sets the headers of every answer.
func quiet(h http.Header) {
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
}

func fail(w http.ResponseWriter, code int, e Error) { answer(w, code, e) }

// refusal is an error as it is answered. What is no fault of the caller's is in the log.
func (a *API) refusal(operation string, err error) *Error {
	var field *FieldError
	var no *forbidden
	at := zap.String("operation", operation)
	if e := codeRefusal(err, a.o.Now()); e != nil {
		if e.code == http.StatusServiceUnavailable {
			a.o.Log.Warn("no answer about a code", at, zap.Error(err))
		}
		return e
	}
	if e := templateRefusal(err); e != nil {
		return e
	}
	if e := clinicRefusal(err); e != nil {
		return e
	}
	switch {
	case errors.As(err, &field):
		return &Error{code: http.StatusBadRequest, Text: "want " + field.Want, Field: field.Field}
	case errors.As(err, &no):
		return &Error{code: http.StatusForbidden, Text: no.text}
	case errors.Is(err, errSame):
		return &Error{code: http.StatusForbidden, Text: "it takes two people: another one than who asked must confirm it, with a key of their own"}
	case errors.Is(err, errOtherWish):
		return &Error{code: http.StatusConflict, Field: "wish", Text: "the wish that was looked at does not wait any more: another took its place, or it is over; look at what waits now"}
	case errors.Is(err, consent.ErrRecord):
		return recordError(err, consent.ErrRecord)
	case errors.Is(err, contact.ErrRecord):
		return recordError(err, contact.ErrRecord)
	case errors.Is(err, contact.ErrAddress):
		return &Error{code: http.StatusBadRequest, Text: behind(err, contact.ErrAddress), Field: "address"}
	case errors.Is(err, ErrNotFound):
		return &Error{code: http.StatusNotFound, Text: "not found"}
	case errors.Is(err, ErrRaced):
		return &Error{code: http.StatusConflict, Text: "somebody else has changed it meanwhile: look again"}
	case errors.Is(err, ledger.ErrNothingHeld):
		return &Error{code: http.StatusNotFound, Text: "nothing is held of this person, so nothing was done"}
	case errors.Is(err, ledger.ErrMerged):
		return &Error{code: http.StatusConflict, Text: "the person goes by another national id now: use that"}
	case errors.Is(err, ledger.ErrMerge):
		return recordError(err, ledger.ErrMerge)
	case errors.Is(err, ledger.ErrNoReplay):
		return &Error{code: http.StatusConflict, Text: "dead letters can't be replayed here"}
	case errors.Is(err, ledger.ErrNotReleasable):
		return &Error{code: http.StatusConflict, Text: "only a reminder that is held with the reason " + ledger.HeldRestored + ", or for nothing but digits that nothing explains, can be released"}
	case errors.Is(err, ledger.ErrNotWaiting):
		return &Error{code: http.StatusConflict, Text: "only a reminder that is planned or held can be cancelled, and no worker may have been faster"}
	case errors.Is(err, ledger.ErrBusy):
		return &Error{code: http.StatusServiceUnavailable, retry: busyWait, Text: "other lists are being made: wait as long as Retry-After says, or ask for one person"}
	case errors.Is(err, ledger.ErrBehind):
		return &Error{code: http.StatusServiceUnavailable, Text: "it is on disk but not in the state yet; it will take effect: look again before repeating it"}
	case errors.Is(err, state.ErrNotCertified):
		return &Error{code: http.StatusServiceUnavailable, Text: "the state is not certified now: nobody who has read the whole journal vouches for it"}
	case errors.Is(err, errNoAudit):
		a.o.Log.Error("no audit, no answer", at, zap.Error(err))
		return &Error{code: http.StatusServiceUnavailable, Text: "the audit can't be written now, so there is no answer"}
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
		a.o.Log.Warn("no answer in time", at, zap.Error(err))
		return &Error{code: http.StatusServiceUnavailable, Text: "no answer in time; look again before repeating a change"}
	}
	a.o.Log.Error("no answer", at, zap.Error(err))
	return &Error{code: http.StatusInternalServerError, Text: "journal or state did not answer rightly: see the log"}
}

// recordError takes "package: record: field: want what" apart.
func recordError(err, sentinel error) *Error {
	text := behind(err, sentinel)
	if field, what, ok := strings.Cut(text, ": "); ok {
		return &Error{code: http.StatusBadRequest, Text: what, Field: field}
	}
	return &Error{code: http.StatusBadRequest, Text: text}
}

// behind is what an error says behind its sentinel.
func behind(err, sentinel error) string {
	_, text, _ := strings.Cut(err.Error(), sentinel.Error()+": ")
	return text
}
