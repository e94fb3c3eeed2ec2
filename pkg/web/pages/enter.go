package pages

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"

	"go.uber.org/zap"

	"github.com/husk-reminders/husk/pkg/web"
	"github.com/husk-reminders/husk/pkg/web/signin"
)

// callbackPath is where people come back to when they have shown who they are.
const callbackPath = "/sign-in/callback"

// The cookies. Over TLS their names begin with __Host-, which binds them to this host, to TLS, and to no other path.
const (
	sessionCookie  = "husk"
	languageCookie = "husk-language"
	nextCookie     = "husk-next" // the page that was asked for before somebody had signed in
)

func (p *Pages) cookieName(name string) string {
	if p.secure {
		return "__Host-" + name
	}
	return name
}

// cookie sets a cookie; age 0 = as long as the browser is open, below 0 = it is taken away.
func (v *visit) cookie(name, value string, age time.Duration) {
	//nolint:gosec // Secure wherever there is TLS; without it on this machine alone
	c := &http.Cookie{Name: v.cookieName(name), Value: value, Path: "/", HttpOnly: true, Secure: v.secure, SameSite: http.SameSiteLaxMode}
	c.MaxAge = int(age / time.Second)
	http.SetCookie(v.w, c)
}

func (v *visit) readCookie(name string) string {
	c, err := v.r.Cookie(v.cookieName(name))
	if err != nil {
		return ""
	}
	return c.Value
}

// enter finds the session of the browser's cookie.
func (v *visit) enter(find func(ctx context.Context, token string) (web.Session, error)) error {
	v.token = v.readCookie(sessionCookie)
	if v.token == "" {
		return web.ErrNoSession
	}
	s, err := find(v.ctx(), v.token)
	if err != nil {
		return err
	}
	if err := v.o.SignIn.Holds(v.ctx(), s.Subject); errors.Is(err, signin.ErrEnded) {
		return web.ErrNoSession
	} else if err != nil {
		return notInError{signin.Reason(err)}
	}
	v.session = s
	return nil
}

// leave leads somebody without a session to where they can sign in, and from there back to the page that they asked for, unless it is
// about one person.
func (v *visit) leave() {
	if v.token != "" {
		v.cookie(sessionCookie, "", -time.Second)
	}
	v.signInFirst()
}

// signInFirst leads there and leaves the browser's session, which may be a wall session, as it is.
func (v *visit) signInFirst() {
	v.session = web.Session{}
	if v.r.Method == http.MethodGet && v.page.pattern != "" && !strings.Contains(v.page.pattern, "{") {
		v.cookie(nextCookie, v.r.URL.EscapedPath(), 10*time.Minute)
	}
	_ = v.see("/sign-in")
}

// ownPages are about the one who is signed in.
func (p *Pages) ownPages() []page {
	return []page{
		{method: http.MethodPost, pattern: "/sign-out", wall: true, serve: (*visit).signOut},
		{method: http.MethodPost, pattern: "/role", serve: (*visit).setRole},
	}
}

// onWall reports whether the browser has a wall session, for what is there without a session.
func (v *visit) onWall() bool {
	token := v.readCookie(sessionCookie)
	if token == "" {
		return false
	}
	s, err := v.o.Sessions.Peek(v.ctx(), token)
	return err == nil && s.OnWall()
}

func (v *visit) signInPage() error {
	v.wall = v.onWall()
	_, link := v.o.SignIn.(*signin.Link)
	return v.show("sign-in", struct{ Link bool }{link})
}

// linkPage asks who follows a one-time link to press a button: what only looks at the link does not use it up.
func (v *visit) linkPage() error {
	return v.show("sign-in-link", map[string]string{"Path": v.r.URL.EscapedPath(), "Field": signin.LinkField, "Token": v.r.PathValue("token")})
}

// notInError is somebody who was not let in, and why in one word of signin.
type notInError struct{ reason string }

// Error implements error.
func (n notInError) Error() string { return "pages: not let in: " + n.reason }

func (v *visit) beginSignIn() error {
	v.o.SignIn.Begin(v.w, v.r)
	return nil
}

// finishSignIn begins a session for who has shown who they are. A session that the browser had is ended, so that nobody works on in
// another's.
func (v *visit) finishSignIn() error {
	who, err := v.o.SignIn.Finish(v.w, v.r)
	if err != nil {
		return notInError{signin.Reason(err)}
	}
	token, err := v.o.Sessions.Begin(v.ctx(), who.Subject, who.Name, who.Grants)
	if errors.Is(err, web.ErrGrant) {
		v.o.Log.Warn("somebody without a grant was not let in", zap.Error(err))
		return notInError{signin.Reason(signin.ErrNoGrant)}
	}
	if err != nil {
		return err
	}
	if old := v.readCookie(sessionCookie); old != "" {
		if err := v.o.Sessions.End(v.ctx(), old); err != nil {
			v.o.Log.Warn("the session before was not ended", zap.Error(err))
		}
	}
	v.cookie(sessionCookie, token, 0)
	next := v.readCookie(nextCookie)
	v.cookie(nextCookie, "", -time.Second)
	if !local(next) {
		next = "/"
	}
	return v.see(next)
}

func (v *visit) signOut() error {
	if err := v.o.Sessions.End(v.ctx(), v.token); err != nil {
		return err
	}
	v.cookie(sessionCookie, "", -time.Second)
	if to := v.o.SignIn.Logout(); to != "" {
		return v.see(to)
	}
	return v.see("/sign-in")
}

// setRole chooses the grant that somebody works in.
func (v *visit) setRole() error {
	n, err := strconv.Atoi(v.r.PostFormValue("grant"))
	if err != nil || n < 0 || n >= len(v.session.Grants) {
		return errNotHere
	}
	if _, err := v.o.Sessions.Change(v.ctx(), v.token, func(s *web.Session) { s.Active = n }); err != nil {
		return err
	}
	return v.see("/")
}

// setLanguage chooses a language for this browser. A wall session's stays as it is.
func (v *visit) setLanguage() error {
	if v.onWall() {
		return errWall
	}
	tag := v.r.PostFormValue("language")
	if _, ok := v.Pages.words[tag]; !ok {
		return errNotHere
	}
	v.cookie(languageCookie, tag, 365*24*time.Hour)
	back := v.r.PostFormValue("back")
	if !local(back) {
		back = "/"
	}
	return v.see(back)
}
