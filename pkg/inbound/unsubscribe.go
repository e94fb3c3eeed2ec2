package inbound

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"encoding/base64"
	"errors"
	"fmt"
	"html/template"
	"mime"
	"net/http"
	"path"
	"strings"

	"go.uber.org/zap"

	"github.com/husk-reminders/husk/pkg/provider"
)

// What an Unsubscriber may answer.
var (
	// ErrToken means that a token is not one that this installation made.
	ErrToken = errors.New("inbound: unsubscribe: not a token of this installation")
	// ErrUnknownAttempt means that the attempt a token is of is no longer kept. Attempts returns it.
	ErrUnknownAttempt = errors.New("inbound: unsubscribe: the message is no longer known")
)

// How a STOP came that is no answer.
const (
	viaOneClick = "list-unsubscribe"
	viaMail     = "list-unsubscribe-mail"
)

// Tokens seals the reference of an attempt into the opaque token of its List-Unsubscribe, and opens it. A token holds neither
// address nor person, can't be made by others, and differs each time.
type Tokens struct{ aead cipher.AEAD }

// tokenUse binds a token to what it is for.
const tokenUse = "husk list-unsubscribe 1" //nolint:gosec // no secret: what the key is used for

// NewTokens takes a key of 32 bytes that is used for nothing else.
func NewTokens(key []byte) (*Tokens, error) {
	if len(key) != 32 {
		return nil, errors.New("inbound: unsubscribe: want a key of 32 bytes")
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, fmt.Errorf("inbound: unsubscribe: %w", err)
	}
	aead, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		return nil, fmt.Errorf("inbound: unsubscribe: %w", err)
	}
	return &Tokens{aead}, nil
}

// Make makes a token of 75 to 123 characters, for references of 28 to 64: safe in a path, and in a mail address whose server
// takes a local part of more than 64 octets (RFC 5321 section 4.5.3.1.1).
func (t *Tokens) Make(reference string) (string, error) {
	if !provider.ValidReference(reference) {
		return "", provider.ErrReference
	}
	return base64.RawURLEncoding.EncodeToString(t.aead.Seal(nil, nil, []byte(reference), []byte(tokenUse))), nil
}

// Open is the reference of a token. ErrToken when it is not one of ours.
func (t *Tokens) Open(token string) (string, error) {
	sealed, err := base64.RawURLEncoding.Strict().DecodeString(token)
	if err != nil || len(sealed) > 256 {
		return "", ErrToken
	}
	b, err := t.aead.Open(nil, nil, sealed, []byte(tokenUse))
	if err != nil || !provider.ValidReference(string(b)) {
		return "", ErrToken
	}
	return string(b), nil
}

// Attempts bars the address that an attempt went to.
type Attempts interface {
	// StopAttempt is Register.Stop for the address of the attempt with the reference. ErrUnknownAttempt when it is not kept.
	StopAttempt(ctx context.Context, reference, via string) error
}

// Unsubscriber takes one-click unsubscriptions (RFC 8058). It is an http.Handler for POST and GET <base>/<token>; each is the whole
// STOP of an address, final when it is answered. It sets no cookie, redirects nowhere, and logs neither token nor URL.
type Unsubscriber struct {
	tokens   *Tokens
	attempts Attempts
	log      *zap.Logger
}

// NewUnsubscriber checks its parts. log may be nil.
func NewUnsubscriber(t *Tokens, a Attempts, log *zap.Logger) (*Unsubscriber, error) {
	if t == nil || a == nil {
		return nil, errors.New("inbound: unsubscribe: want Tokens and Attempts")
	}
	if log == nil {
		log = zap.NewNop()
	}
	return &Unsubscriber{t, a, log}, nil
}

func (u *Unsubscriber) stop(ctx context.Context, token, via string) error {
	reference, err := u.tokens.Open(token)
	if err != nil {
		return err
	}
	return u.attempts.StopAttempt(ctx, reference, via)
}

// largestForm is the most that is read of a POST: the one field is 27 bytes.
const largestForm = 4 << 10

// ServeHTTP implements http.Handler. Mail software fetches the addresses in a header of its own accord, so a GET only shows a
// button (RFC 8058 section 1); a POST counts when it has the field List-Unsubscribe=One-Click, as form or as multipart.
func (u *Unsubscriber) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Cache-Control", "no-store")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("X-Robots-Tag", "noindex")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Content-Security-Policy", "default-src 'none'; form-action 'self'; frame-ancestors 'none'")
	token := path.Base(r.URL.Path)
	switch r.Method {
	case http.MethodGet, http.MethodHead:
		if _, err := u.tokens.Open(token); err != nil {
			show(w, http.StatusNotFound, pageUnknown)
			return
		}
		show(w, http.StatusOK, pageAsk)
	case http.MethodPost:
		if !oneClick(w, r) {
			show(w, http.StatusBadRequest, pageUnknown)
			return
		}
		err := u.stop(r.Context(), token, viaOneClick)
		switch {
		case err == nil:
			show(w, http.StatusOK, pageDone)
		case errors.Is(err, ErrToken), errors.Is(err, ErrUnknownAttempt):
			show(w, http.StatusNotFound, pageUnknown)
		default:
			u.log.Error("an unsubscription is not done", zap.Error(err))
			h.Set("Retry-After", "60")
			show(w, http.StatusServiceUnavailable, pageLater)
		}
	default:
		h.Set("Allow", "GET, HEAD, POST")
		show(w, http.StatusMethodNotAllowed, pageUnknown)
	}
}

// oneClick reports whether a POST has the one field.
func oneClick(w http.ResponseWriter, r *http.Request) bool {
	r.Body = http.MaxBytesReader(w, r.Body, largestForm)
	kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	switch {
	case err != nil:
		return false
	case strings.EqualFold(kind, "multipart/form-data"):
		err = r.ParseMultipartForm(largestForm) //nolint:gosec // the body is bounded above
	default:
		err = r.ParseForm()
	}
	return err == nil && r.PostForm.Get("List-Unsubscribe") == "One-Click"
}

// The pages, in the languages of the templates. They say nothing of anybody.
type page struct {
	Lines []string
	Ask   bool
}

var (
	pageAsk = page{Ask: true, Lines: []string{
		"Stop for beskeder", "Sluta få meddelanden", "Stopp meldinger", "Lopeta viestit", "Keine Nachrichten mehr", "Stop messages",
	}}
	pageDone = page{Lines: []string{
		"Du får ikke flere beskeder fra os.", "Du får inga fler meddelanden från oss.", "Du får ikke flere meldinger fra oss.", "Et saa meiltä enää viestejä.",
		"Sie erhalten keine Nachrichten mehr von uns.", "You will get no more messages from us.",
	}}
	pageUnknown = page{Lines: []string{
		"Linket virker ikke. Ring til klinikken.", "Länken fungerar inte. Ring mottagningen.", "Lenken virker ikke. Ring klinikken.",
		"Linkki ei toimi. Soita klinikalle.", "Der Link gilt nicht. Bitte rufen Sie die Klinik an.", "This link does not work. Please call the clinic.",
	}}
	pageLater = page{Lines: []string{
		"Prøv igen om lidt.", "Försök igen om en stund.", "Prøv igjen om litt.", "Yritä hetken kuluttua uudelleen.", "Bitte versuchen Sie es gleich noch einmal.",
		"Please try again in a moment.",
	}}
	pages = template.Must(template.New("page").Parse(`<!doctype html><html><head><meta charset="utf-8"><title>Husk</title></head><body>
{{if .Ask}}<form method="post"><input type="hidden" name="List-Unsubscribe" value="One-Click"><button>{{range $i, $l := .Lines}}{{if $i}} · {{end}}{{$l}}{{end}}</button></form>
{{else}}{{range .Lines}}<p>{{.}}</p>
{{end}}{{end}}</body></html>
`))
)

func show(w http.ResponseWriter, status int, p page) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	_ = pages.Execute(w, p) // whoever hung up reads nothing
}
