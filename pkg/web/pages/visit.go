package pages

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"go.uber.org/zap"

	"github.com/husk-reminders/husk/pkg/web"
)

type visitKey struct{}

// visit is one request of a browser, and what a page's handler works with.
type visit struct {
	*Pages
	w       http.ResponseWriter
	r       *http.Request
	words   *words // in the language of the visit
	route   string // the pattern that was met, for the log
	page    page
	token   string
	session web.Session // zero = nobody is signed in
	form    *form       // the one that was read, or is to be shown
	wall    bool        // there is a wall session, beside a page that needs none
	status  int         // of what show answers; 0 = 200
}

// ctx is the request's context.
func (v *visit) ctx() context.Context { return v.r.Context() }

// get asks the staff API. path has its query, made with the function query.
func (v *visit) get(path string, out any) error {
	return v.o.Call(v.ctx(), v.session.Staff(), http.MethodGet, path, nil, out)
}

// post has the staff API change something, or ask with what must not be in a URL. out may be nil.
func (v *visit) post(path string, in, out any) error {
	return v.o.Call(v.ctx(), v.session.Staff(), http.MethodPost, path, in, out)
}

// query joins a path and parameters, name after value; those without a value are left out.
func query(path string, pairs ...string) string {
	q := url.Values{}
	for i := 0; i+1 < len(pairs); i += 2 {
		if pairs[i+1] != "" {
			q.Set(pairs[i], pairs[i+1])
		}
	}
	if len(q) == 0 {
		return path
	}
	return path + "?" + q.Encode()
}

// may reports whether whoever is signed in may call an operation, in the role that they work in.
func (v *visit) may(operation string) bool { return v.session.Staff().May(operation) }

// isAnswer reports whether an error is the staff API's answer with a status.
func isAnswer(err error, status int) bool {
	var e *web.Error
	return errors.As(err, &e) && e.GetStatus() == status
}

// see answers a POST: the browser goes on to a page of ours, with GET.
func (v *visit) see(path string) error {
	http.Redirect(v.w, v.r, path, http.StatusSeeOther) //nolint:gosec // a path of the program, or one that local has seen, or Logout
	return nil
}

// say has the next page that the session sees begin with a sentence: kind is done, note or error. Nothing of a person may be in it.
func (v *visit) say(kind, key string, args ...string) error {
	x, err := v.o.Sessions.Change(v.ctx(), v.token, func(s *web.Session) {
		s.Notices = append(s.Notices, web.Notice{Kind: kind, Key: key, Args: args})
	})
	if err == nil {
		v.session = x
	}
	return err
}

// done leads on to a page that begins with what was done.
func (v *visit) done(path, key string) error { return v.lead(path, "done", key) }

// lead leads on to a page that begins with a sentence; see say.
func (v *visit) lead(path, kind, key string) error {
	if err := v.say(kind, key); err != nil {
		return err
	}
	return v.see(path)
}

// submit has the staff API take a form that is good, which done answers. again shows the form once more, with what is wrong with it.
func (v *visit) submit(f *form, path string, in any, done, again func() error) error {
	if f.OK() {
		err := v.post(path, in, nil)
		if err == nil {
			return done()
		}
		if !f.take(err) {
			return err
		}
	}
	return again()
}

// show answers with a view. data is $.D in it. Where v.form has errors they are told on top, and the status is 422.
func (v *visit) show(view string, data any) error {
	f := v.frame(data)
	if v.status == 0 && v.form != nil && !v.form.OK() {
		v.status = http.StatusUnprocessableEntity
	}
	var b bytes.Buffer
	if err := v.views[v.words.language].execute(&b, view, f); err != nil {
		return err
	}
	if len(v.session.Notices) > 0 && v.r.Method != http.MethodHead {
		told := len(v.session.Notices)
		if _, err := v.o.Sessions.Change(v.ctx(), v.token, func(s *web.Session) { s.Notices = slices.Delete(s.Notices, 0, min(told, len(s.Notices))) }); err != nil {
			return err
		}
	}
	v.w.Header().Set("Content-Type", "text/html; charset=utf-8")
	v.w.Header().Set("Content-Language", v.words.language)
	v.w.WriteHeader(max(v.status, http.StatusOK))
	_, _ = b.WriteTo(v.w)
	return nil
}

// The errors of the pages themselves.
var (
	errHost    = errors.New("pages: another host")
	errOrigin  = errors.New("pages: a request from another site")
	errRole    = errors.New("pages: the role may not")
	errNotHere = errors.New("pages: no such page")
	errWall    = errors.New("pages: a wall session may not")
)

// tooOftenError is a client that must wait.
type tooOftenError struct{ wait time.Duration }

// Error implements error.
func (t tooOftenError) Error() string { return "pages: too many requests" }

func tooMany(wait time.Duration) error { return tooOftenError{wait} }

// problem is what the page about an error shows.
type problem struct {
	Key    string   // error.<Key>.title and error.<Key>.text
	Said   string   // what the staff API said, in English; "" = nothing that helps
	Role   web.Role // of who may not
	Reason string   // why nobody was let in, in a word of signin
}

// fail answers with the page about an error, in plain words. Who is not signed in is led to where they can.
func (v *visit) fail(err error) {
	var e *web.Error
	var wait tooOftenError
	var out notInError
	x, code := problem{Key: "500"}, http.StatusInternalServerError
	switch {
	case errors.Is(err, web.ErrNoSession), errors.Is(err, web.ErrGrant):
		v.leave()
		return
	case errors.Is(err, errWall):
		v.signInFirst()
		return
	case errors.As(err, &wait):
		x.Key, code = "429", http.StatusTooManyRequests
		v.retry(wait.wait)
	case errors.Is(err, errOrigin):
		x.Key, code = "origin", http.StatusForbidden
	case errors.Is(err, errHost):
		x.Key, code = "host", http.StatusMisdirectedRequest
	case errors.Is(err, errNotHere):
		x.Key, code = "404", http.StatusNotFound
	case errors.Is(err, errRole):
		x.Key, code = "403", http.StatusForbidden
	case errors.As(err, &out):
		x.Key, code = "signin", http.StatusForbidden
		x.Reason = out.reason
	case errors.As(err, &e):
		code, x.Said = e.GetStatus(), e.Text
		v.retry(e.Wait())
		switch code {
		case http.StatusForbidden, http.StatusNotFound, http.StatusConflict, http.StatusTooManyRequests, http.StatusServiceUnavailable:
			x.Key = fmt.Sprint(code)
		case http.StatusBadRequest:
			x.Key = "400"
		}
	default:
		v.o.Log.Error("no page", zap.String("route", v.route), zap.Error(err))
	}
	x.Role = v.session.Staff().Role
	v.status, v.form, v.session.Notices = code, nil, nil
	if err := v.show("error", x); err != nil {
		v.o.Log.Error("no page about an error", zap.String("route", v.route), zap.Error(err))
		http.Error(v.w, http.StatusText(code), code)
	}
}

func (v *visit) retry(wait time.Duration) {
	if wait > 0 {
		v.w.Header().Set("Retry-After", fmt.Sprint(int(wait/time.Second)+1))
	}
}

// local reports whether a path is one of ours, so that nobody can be led elsewhere by it.
func local(path string) bool {
	u, err := url.Parse(path)
	return err == nil && u.Host == "" && u.Scheme == "" && strings.HasPrefix(path, "/") && !strings.HasPrefix(path, "//") && !strings.ContainsAny(path, "\\\r\n\t")
}
