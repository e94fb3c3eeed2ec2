package web

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"

	"go.uber.org/zap"

	"github.com/husk-reminders/husk/pkg/consent"
	"github.com/husk-reminders/husk/pkg/contact"
	"github.com/husk-reminders/husk/pkg/ledger"
	"github.com/husk-reminders/husk/pkg/state"
)

// maxBody is the most a request may hold, in bytes.
const maxBody = 64 << 10

// ErrNotFound means that there is no such thing.
var ErrNotFound = errors.New("web: not found")

// Error is the body of every answer that is not a success. It holds no personal data.
type Error struct {
	Text  string `json:"error"`
	Field string `json:"field,omitempty"` // the field or query parameter that is wrong
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
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(code)
	_, _ = w.Write(append(b, '\n'))
}

func fail(w http.ResponseWriter, code int, e Error) { answer(w, code, e) }

func (a *API) answerError(w http.ResponseWriter, r *http.Request, err error) {
	var field *FieldError
	switch {
	case errors.As(err, &field):
		fail(w, http.StatusBadRequest, Error{Text: "want " + field.Want, Field: field.Field})
	case errors.Is(err, consent.ErrRecord):
		fail(w, http.StatusBadRequest, recordError(err, consent.ErrRecord))
	case errors.Is(err, contact.ErrRecord):
		fail(w, http.StatusBadRequest, recordError(err, contact.ErrRecord))
	case errors.Is(err, contact.ErrAddress):
		fail(w, http.StatusBadRequest, Error{Text: behind(err, contact.ErrAddress), Field: "address"})
	case errors.Is(err, ErrNotFound):
		fail(w, http.StatusNotFound, Error{Text: "not found"})
	case errors.Is(err, ledger.ErrNoReplay):
		fail(w, http.StatusConflict, Error{Text: "dead letters can't be replayed here"})
	case errors.Is(err, ledger.ErrNotReleasable):
		fail(w, http.StatusConflict, Error{Text: "only a reminder that is held with the reason " + ledger.HeldRestored + ", or for nothing but digits that nothing explains, can be released"})
	case errors.Is(err, ledger.ErrNotWaiting):
		fail(w, http.StatusConflict, Error{Text: "only a reminder that is planned or held can be cancelled, and no worker may have been faster"})
	case errors.Is(err, ledger.ErrBehind):
		fail(w, http.StatusServiceUnavailable, Error{Text: "it is on disk but not in the state yet; it will take effect: look again before repeating it"})
	case errors.Is(err, state.ErrNotCertified):
		fail(w, http.StatusServiceUnavailable, Error{Text: "the state is not certified now: nobody who has read the whole journal vouches for it"})
	case errors.Is(err, errNoAudit):
		a.o.Log.Error("no audit, no answer", zap.String("route", r.Pattern), zap.Error(err))
		fail(w, http.StatusServiceUnavailable, Error{Text: "the audit can't be written now, so there is no answer"})
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
		a.o.Log.Warn("no answer in time", zap.String("route", r.Pattern), zap.Error(err))
		fail(w, http.StatusServiceUnavailable, Error{Text: "no answer in time; look again before repeating a change"})
	default:
		a.o.Log.Error("no answer", zap.String("route", r.Pattern), zap.Error(err))
		fail(w, http.StatusInternalServerError, Error{Text: "journal or state did not answer rightly: see the log"})
	}
}

// recordError takes "package: record: field: want what" apart.
func recordError(err, sentinel error) Error {
	text := behind(err, sentinel)
	if field, what, ok := strings.Cut(text, ": "); ok {
		return Error{Text: what, Field: field}
	}
	return Error{Text: text}
}

// behind is what an error says behind its sentinel.
func behind(err, sentinel error) string {
	_, text, _ := strings.Cut(err.Error(), sentinel.Error()+": ")
	return text
}

// read decodes a request's body strictly. What is wrong with it is told without repeating any of it.
func read(r *http.Request, to any) error {
	d := json.NewDecoder(r.Body)
	d.DisallowUnknownFields()
	err := d.Decode(to)
	if err == nil {
		if _, err = d.Token(); errors.Is(err, io.EOF) {
			return nil
		}
		return want("body", "one JSON object and nothing behind it")
	}
	var tooLarge *http.MaxBytesError
	var wrong *json.UnmarshalTypeError
	var field *FieldError
	switch {
	case errors.As(err, &tooLarge):
		return want("body", "at most 64 KiB")
	case errors.As(err, &wrong) && wrong.Field != "":
		return want(wrong.Field, "a value of another type: "+wrong.Type.String())
	case errors.As(err, &field):
		return field
	}
	return want("body", "a JSON object with this path's fields alone")
}
