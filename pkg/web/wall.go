package web

import (
	"context"
	"errors"
	"time"

	"github.com/husk-reminders/husk/pkg/ledger"
)

// WallLongest is how long a session lasts from when it was turned into a wall session. Idle it may be all the time.
const WallLongest = 24 * time.Hour

// wallOperation is the one that a wall session may call.
const wallOperation = "day.show"

// OnWall reports whether it is a wall session: one that is left open on a screen where anybody may come by.
func (s SignedIn) OnWall() bool { return !s.Wall.IsZero() }

// Wall turns the session of a token into a wall session: it keeps the grant that they work in, calls day.show and nothing else from now
// on, and ends by itself after WallLongest. There is no way back but to sign in again. It is in the audit before it is so. A wall
// session stays what it is, and lasts no longer for being turned again. ErrNoSession.
func (s *Sessions) Wall(ctx context.Context, token string) (x Session, err error) {
	id, ok := sessionID(token)
	if !ok {
		return Session{}, ErrNoSession
	}
	err = s.with(ctx, func(ctx context.Context, a *API, now time.Time) error {
		for noted := false; ; {
			was, revision, err := a.readSession(ctx, id, now)
			if err != nil {
				return err
			}
			if x = was; was.OnWall() {
				return nil
			}
			staff := was.Staff()
			c, err := staff.caller()
			if err != nil {
				return err
			}
			if !noted {
				if err := a.note(ctx, c, ledger.Audit{Action: "session.wall " + id}); err != nil {
					return err
				}
				noted = true
			}
			x = Session{SignedIn: was.SignedIn}
			x.Grants, x.Seen, x.Wall = []Grant{{staff.Role, staff.Units}}, now.UTC(), now.UTC()
			b, err := a.sealSession(x)
			if err != nil {
				return err
			}
			if err := a.o.Shelf.Write(ctx, sessionShelf+id, b, revision); !errors.Is(err, ErrRaced) {
				return err
			}
		}
	})
	if err != nil {
		return Session{}, err
	}
	return x, nil
}
