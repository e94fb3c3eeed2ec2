package signin

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"

	"go.uber.org/zap"

	"github.com/husk-reminders/husk/pkg/web"
)

// LinkTime is how long a link can be used.
const LinkTime = 15 * time.Minute

// LinkPath begins the path of a link; its token follows. Its page has one button, which posts the token to the same path: what looks
// at a link without pressing it does not use it up.
const LinkPath = "/sign-in/link/"

// LinkField is the form's field with the token.
const LinkField = "token"

// lookTime is for how long it counts that nobody else is known, for sessions that have begun.
const lookTime = time.Second

// mostLinks is how many unused links there are at once; a further one takes the place of the oldest.
const mostLinks = 16

// LinkOptions of a Link. All but Now and Log are required.
type LinkOptions struct {
	Address    string   // of the pages, without a slash at its end
	Production bool     // then there are no links
	Units      []string // all there are
	// OnlyInvented reports whether nobody but the demonstration's people is known. What it can't tell is no.
	OnlyInvented func(ctx context.Context) (bool, error)
	Now          func() time.Time // nil = time.Now
	Log          *zap.Logger
}

// Link lets people in for a trial, by one-time links that this process makes and keeps. Every link is somebody else, so that what takes
// two people takes two links. Whoever comes by one may be in every role, for every unit.
type Link struct {
	o       LinkOptions
	process string // tells the subjects of two processes apart

	mu    sync.Mutex
	fine  time.Time // when it was last seen that nobody else is known
	made  int
	links []link // the oldest first
}

type link struct {
	hash   [sha256.Size]byte
	number int
	until  time.Time
}

// NewLink checks the options.
func NewLink(o LinkOptions) (*Link, error) {
	switch {
	case o.Production:
		return nil, invalid("Production", "an OpenID provider in production (pages.sign_in.issuer): links are for trials")
	case !trusted(o.Address):
		return nil, invalid("Address", "https, or an address of this machine")
	case len(o.Units) == 0:
		return nil, invalid("Units", "the units there are")
	case o.OnlyInvented == nil:
		return nil, invalid("OnlyInvented", "a function")
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Log == nil {
		o.Log = zap.NewNop()
	}
	sum := sha256.Sum256([]byte(random()))
	return &Link{o: o, process: spell(sum[:], 8)}, nil
}

// New makes a link: the address that lets one person in once, and until when; ErrNotTrial.
func (l *Link) New(ctx context.Context) (address string, until time.Time, err error) {
	if err := l.Ready(ctx); err != nil {
		return "", time.Time{}, err
	}
	token, until := random(), l.o.Now().Add(LinkTime)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.made++
	l.links = append(l.links, link{sha256.Sum256([]byte(token)), l.made, until})
	if len(l.links) > mostLinks {
		l.links = l.links[len(l.links)-mostLinks:]
	}
	return l.o.Address + LinkPath + token, until, nil
}

// Ready says why no link lets anybody in: ErrNotTrial, or what keeps it from being known.
func (l *Link) Ready(ctx context.Context) error {
	only, err := l.o.OnlyInvented(ctx)
	switch {
	case err != nil:
		return fmt.Errorf("%w: %w", ErrUnavailable, err)
	case !only:
		return ErrNotTrial
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.fine = l.o.Now()
	return nil
}

// Begin sends the browser to the sign-in page, which tells where links come from.
func (l *Link) Begin(w http.ResponseWriter, r *http.Request) {
	http.Redirect(w, r, l.o.Address+"/sign-in", http.StatusSeeOther)
}

// Finish lets in whoever posts the token of a link in LinkField: ErrLink, ErrNotTrial. The link is used up.
func (l *Link) Finish(_ http.ResponseWriter, r *http.Request) (Identity, error) {
	who, err := l.finish(r)
	if err != nil {
		l.o.Log.Warn("nobody was let in", zap.String("reason", Reason(err)))
	}
	return who, err
}

func (l *Link) finish(r *http.Request) (Identity, error) {
	if r.Method != http.MethodPost {
		return Identity{}, ErrLink
	}
	if err := l.Ready(r.Context()); err != nil {
		return Identity{}, err
	}
	number, err := l.use(r.PostFormValue(LinkField))
	if err != nil {
		return Identity{}, err
	}
	who := Identity{Subject: fmt.Sprintf("%s%s-%d", trialPrefix, l.process, number), Name: fmt.Sprintf("trial %d", number), Trial: true}
	for _, role := range web.Roles {
		g := Grant{Role: role}
		if errors.Is(g.Check(), web.ErrGrant) {
			g.Units = l.o.Units
		}
		who.Grants = append(who.Grants, g)
	}
	return who, nil
}

// use takes a link away and returns its number.
func (l *Link) use(token string) (int, error) {
	hash, now := sha256.Sum256([]byte(token)), l.o.Now()
	l.mu.Lock()
	defer l.mu.Unlock()
	for i, x := range l.links {
		if same(string(x.hash[:]), string(hash[:])) {
			l.links = append(l.links[:i:i], l.links[i+1:]...)
			if !now.Before(x.until) {
				return 0, ErrLink
			}
			return x.number, nil
		}
	}
	return 0, ErrLink
}

// Holds says that the session of a subject is over: ErrEnded when no link began it, ErrNotTrial when somebody is known by now who is
// not of the demonstration. It is looked at once a second at most.
func (l *Link) Holds(ctx context.Context, subject string) error {
	if !IsTrial(subject) {
		return ErrEnded
	}
	l.mu.Lock()
	since := l.o.Now().Sub(l.fine)
	l.mu.Unlock()
	if since >= 0 && since < lookTime {
		return nil
	}
	return l.Ready(ctx)
}

// Origins are none: the pages' own forms are all there are.
func (l *Link) Origins() []string { return nil }

// Logout is nowhere.
func (l *Link) Logout() string { return "" }
