package web

import (
	"cmp"
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/husk-reminders/husk/pkg/consent"
	"github.com/husk-reminders/husk/pkg/ledger"
	"github.com/husk-reminders/husk/pkg/reminder"
)

// How long a session lasts: idle, and at most.
const (
	SessionIdle    = 30 * time.Minute
	SessionLongest = 10 * time.Hour
)

// sessionTouch is how old the last sign of life may be before a new one is written: not every page view is a write.
const sessionTouch = time.Minute

// ErrNoSession means that there is no such session: none was begun, or it is over or revoked.
var ErrNoSession = errors.New("web: no session")

// SignedIn is a session as staff see it.
type SignedIn struct {
	ID      string    `json:"id"`
	Subject string    `json:"subject"`
	Name    string    `json:"name"`
	Grants  []Grant   `json:"grants"`
	Begun   time.Time `json:"begun"`
	Seen    time.Time `json:"seen"` // the last sign of life, a minute late perhaps
	// Wall is when it was turned into a wall session, which shows the day and does nothing else; absent = it was not.
	Wall time.Time `json:"wall,omitzero"`
}

// Notice is one sentence for the next page that a session sees: the key of a text and what goes into it, no personal data.
type Notice struct {
	Kind string   `json:"kind"` // done, note or error
	Key  string   `json:"key"`
	Args []string `json:"args,omitempty"`
}

// Session is what is kept of somebody who is signed in.
type Session struct {
	SignedIn
	Active  int      `json:"active"` // index of the grant that they work in
	Notices []Notice `json:"notices,omitempty"`
	// Opened are the persons that they work with, the newest last, so that one reason does for all that is done with a person.
	Opened []Opened `json:"opened,omitempty"`
	// Shown is the information that people were shown who said yes last, so that it need not be typed for each.
	Shown consent.Notice `json:"shown,omitzero"`
}

// Opened is a person, by the pseudonym, and the reason that was given for looking.
type Opened struct {
	Person reminder.PersonKey `json:"person"`
	Reason string             `json:"reason"`
}

// mostOpened is how many persons a session remembers the reasons of.
const mostOpened = 20

// Open remembers why a person is looked at.
func (s *Session) Open(p reminder.PersonKey, reason string) {
	s.Opened = append(slices.DeleteFunc(s.Opened, func(o Opened) bool { return o.Person == p }), Opened{p, reason})
	s.Opened = s.Opened[max(0, len(s.Opened)-mostOpened):]
}

// Why is the reason that a person is looked at; "" = none was given, or too many others since.
func (s Session) Why(p reminder.PersonKey) string {
	for _, o := range s.Opened {
		if o.Person == p {
			return o.Reason
		}
	}
	return ""
}

// Staff is who the session calls the staff API as.
func (s Session) Staff() Staff {
	x := Staff{Subject: s.Subject, Name: s.Name, Wall: s.OnWall()}
	if s.Active >= 0 && s.Active < len(s.Grants) {
		x.Role, x.Units = s.Grants[s.Active].Role, s.Grants[s.Active].Units
	}
	return x
}

func (s Session) over(now time.Time) bool {
	if s.OnWall() {
		return !now.Before(s.Wall.Add(WallLongest))
	}
	return !now.Before(s.Seen.Add(SessionIdle)) || !now.Before(s.Begun.Add(SessionLongest))
}

// sessionShelf begins the names of sessions on the shelf. Behind it is a hash of the token, which is the session's id: the token is
// not kept. The value is a keyed hash and the record that it is over, so that a record which was changed on the shelf is none.
const sessionShelf = "session."

func sessionID(token string) (string, bool) {
	b, err := base64.RawURLEncoding.DecodeString(token)
	if err != nil || len(b) != 32 {
		return "", false
	}
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:16]), true
}

func (a *API) sealSession(s Session) ([]byte, error) {
	b, err := json.Marshal(s)
	if err != nil {
		return nil, fmt.Errorf("web: %w", err)
	}
	return append(a.sessionSum(s.ID, b), b...), nil
}

func (a *API) openSession(id string, b []byte) (Session, error) {
	var s Session
	if len(b) <= sha256.Size || !hmac.Equal(b[:sha256.Size], a.sessionSum(id, b[sha256.Size:])) || json.Unmarshal(b[sha256.Size:], &s) != nil || s.ID != id {
		return Session{}, ErrNoSession
	}
	return s, nil
}

func (a *API) sessionSum(id string, b []byte) []byte {
	m := hmac.New(sha256.New, a.o.Secret)
	_, _ = m.Write([]byte("husk session 1\x00" + id + "\x00"))
	_, _ = m.Write(b)
	return m.Sum(nil)
}

// Sessions are those of the people who use the pages. They are on the shelf, which every call asks, so that who signs out or is
// revoked is out of every process at once. While the line is shut each call is refused with an *Error of status 503.
type Sessions struct{ d *Door }

// Sessions returns the sessions of the line behind the door.
func (d *Door) Sessions() *Sessions { return &Sessions{d} }

// with calls f with the line behind the door.
func (s *Sessions) with(ctx context.Context, f func(ctx context.Context, a *API, now time.Time) error) error {
	x, leave, why := s.d.enter()
	if x == nil {
		return &Error{code: http.StatusServiceUnavailable, Text: "not ready: " + why}
	}
	defer leave()
	ctx, cancel := context.WithTimeout(ctx, readTime)
	defer cancel()
	err := f(ctx, x.api, x.api.o.Now())
	if err == nil || errors.Is(err, ErrNoSession) || errors.Is(err, ErrGrant) {
		return err
	}
	return x.api.refusal("session", err)
}

// Begin lets somebody in and returns the token that their browser shows from now on. Every grant must be one (ErrGrant), and there
// must be one. It is in the audit before there is a session.
func (s *Sessions) Begin(ctx context.Context, subject, name string, grants []Grant) (token string, err error) {
	if len(grants) == 0 {
		return "", fmt.Errorf("%w: none is given", ErrGrant)
	}
	for _, g := range grants {
		if err := g.Check(); err != nil {
			return "", err
		}
	}
	var secret [32]byte
	_, _ = rand.Read(secret[:])
	token = base64.RawURLEncoding.EncodeToString(secret[:])
	id, _ := sessionID(token)
	err = s.with(ctx, func(ctx context.Context, a *API, now time.Time) error {
		x := Session{SignedIn: SignedIn{ID: id, Subject: subject, Name: plainName(name), Grants: grants, Begun: now.UTC(), Seen: now.UTC()}}
		c, err := x.Staff().caller()
		if err != nil {
			return err
		}
		if err := a.note(ctx, c, ledger.Audit{Action: "session.begin " + id}); err != nil {
			return err
		}
		a.sweepSessions(ctx, now)
		b, err := a.sealSession(x)
		if err != nil {
			return err
		}
		return a.o.Shelf.Write(ctx, sessionShelf+id, b, 0)
	})
	if err != nil {
		return "", err
	}
	return token, nil
}

// Find returns the session of a token and takes it for a sign of life; ErrNoSession.
func (s *Sessions) Find(ctx context.Context, token string) (Session, error) {
	x, quiet, err := s.peek(ctx, token)
	if err != nil || quiet < sessionTouch {
		return x, err
	}
	return s.Change(ctx, token, func(*Session) {})
}

// Peek returns the session of a token and does not take it for a sign of life: for what a page asks by itself. ErrNoSession.
func (s *Sessions) Peek(ctx context.Context, token string) (Session, error) {
	x, _, err := s.peek(ctx, token)
	return x, err
}

// peek says besides for how long there was no sign of life.
func (s *Sessions) peek(ctx context.Context, token string) (x Session, quiet time.Duration, err error) {
	id, ok := sessionID(token)
	if !ok {
		return Session{}, 0, ErrNoSession
	}
	err = s.with(ctx, func(ctx context.Context, a *API, now time.Time) error {
		x, _, err = a.readSession(ctx, id, now)
		quiet = now.Sub(x.Seen)
		return err
	})
	return x, quiet, err
}

// Change changes the session of a token; f may be called several times, where others change it at the same time. What it does to
// who they are and what they are granted is not kept. ErrNoSession.
func (s *Sessions) Change(ctx context.Context, token string, f func(*Session)) (x Session, err error) {
	id, ok := sessionID(token)
	if !ok {
		return Session{}, ErrNoSession
	}
	err = s.with(ctx, func(ctx context.Context, a *API, now time.Time) error {
		for {
			was, revision, err := a.readSession(ctx, id, now)
			if err != nil {
				return err
			}
			x = was
			x.Notices, x.Opened = slices.Clone(was.Notices), slices.Clone(was.Opened)
			f(&x)
			x.SignedIn = was.SignedIn
			x.Seen = now.UTC()
			if x.Active < 0 || x.Active >= len(x.Grants) {
				x.Active = was.Active
			}
			b, err := a.sealSession(x)
			if err != nil {
				return err
			}
			if err := a.o.Shelf.Write(ctx, sessionShelf+id, b, revision); !errors.Is(err, ErrRaced) {
				return err
			}
		}
	})
	return x, err
}

// End signs out. It is in the audit; a session that is over already is no error.
func (s *Sessions) End(ctx context.Context, token string) error {
	id, ok := sessionID(token)
	if !ok {
		return nil
	}
	err := s.with(ctx, func(ctx context.Context, a *API, now time.Time) error {
		x, _, err := a.readSession(ctx, id, now)
		if err != nil {
			return err
		}
		c, err := x.Staff().caller()
		if err != nil {
			return err
		}
		if err := a.note(ctx, c, ledger.Audit{Action: "session.end " + id}); err != nil {
			return err
		}
		return a.removeSession(ctx, id)
	})
	if errors.Is(err, ErrNoSession) {
		return nil
	}
	return err
}

// readSession returns a session that holds now; ErrNoSession.
func (a *API) readSession(ctx context.Context, id string, now time.Time) (Session, uint64, error) {
	b, revision, err := a.o.Shelf.Read(ctx, sessionShelf+id)
	if errors.Is(err, ErrNotFound) {
		return Session{}, 0, ErrNoSession
	}
	if err != nil {
		return Session{}, 0, err
	}
	x, err := a.openSession(id, b)
	if err == nil && x.over(now) {
		err = ErrNoSession
	}
	if err != nil {
		return Session{}, 0, err
	}
	return x, revision, nil
}

// removeSession takes a session off the shelf, whatever else becomes of it meanwhile.
func (a *API) removeSession(ctx context.Context, id string) error {
	for {
		_, revision, err := a.o.Shelf.Read(ctx, sessionShelf+id)
		if err == nil {
			err = a.o.Shelf.Remove(ctx, sessionShelf+id, revision)
		}
		switch {
		case errors.Is(err, ErrNotFound):
			return nil
		case errors.Is(err, ErrRaced) && ctx.Err() == nil:
			continue
		}
		return err
	}
}

// sweepSessions takes away what is over. What goes wrong with it is tried again at the next sign-in.
func (a *API) sweepSessions(ctx context.Context, now time.Time) {
	all, err := a.o.Shelf.List(ctx, sessionShelf)
	if err != nil {
		return
	}
	for id, b := range all {
		if x, err := a.openSession(id, b); err != nil || x.over(now) {
			_ = a.removeSession(ctx, id)
		}
	}
}

// listSessions lists who is signed in, the newest first.
func (a *API) listSessions(ctx context.Context, c *caller, _ *struct{}) ([]SignedIn, error) {
	if err := a.audit(ctx, c, everybody, "session.list", "", "", ""); err != nil {
		return nil, err
	}
	all, err := a.o.Shelf.List(ctx, sessionShelf)
	if err != nil {
		return nil, err
	}
	out, now := []SignedIn{}, a.o.Now()
	for id, b := range all {
		if x, err := a.openSession(id, b); err == nil && !x.over(now) {
			out = append(out, x.SignedIn)
		}
	}
	slices.SortFunc(out, func(x, y SignedIn) int { return cmp.Or(y.Begun.Compare(x.Begun), cmp.Compare(x.ID, y.ID)) })
	return out, nil
}

type sessionInput struct {
	ID string `path:"id" pattern:"^[0-9a-f]{32}$" patternDescription:"the id of a session, 32 hexadecimal digits, as the listing has it"`
}

// EndedSession answers POST /v1/sessions/{id}/revoke.
type EndedSession struct {
	ID string `json:"id"`
}

// revokeSession ends somebody's session: its next request finds none.
func (a *API) revokeSession(ctx context.Context, c *caller, in *sessionInput) (EndedSession, error) {
	if err := a.audit(ctx, c, everybody, "session.revoke "+in.ID, "", "", ""); err != nil {
		return EndedSession{}, err
	}
	if _, _, err := a.readSession(ctx, in.ID, a.o.Now()); errors.Is(err, ErrNoSession) {
		return EndedSession{}, ErrNotFound
	} else if err != nil {
		return EndedSession{}, err
	}
	return EndedSession{in.ID}, a.removeSession(ctx, in.ID)
}
