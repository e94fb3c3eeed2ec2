package pages

import (
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/husk-reminders/husk/pkg/web"
	"github.com/husk-reminders/husk/pkg/web/signin"
)

// page is one route. All are in one table, so that menus, the check of rights and the tests see the same.
type page struct {
	method, pattern string // as http.ServeMux has them, such as GET and /templates/{id}; a GET page answers HEAD too
	// operation is the one of the staff API whose rights say who gets the page and sees it in menus; "" = everybody signed in. The
	// staff API checks again, with the units, whatever the page calls.
	operation string
	section   string // the menu's entry, for the page that it leads to; "" = none
	under     string // the section that the page is of, where its path does not tell; "" = it does
	wall      bool   // a wall session may have it too
	serve     func(v *visit) error
}

// sections are the menu's entries, in its order. A section's words are nav.<section>.
var sections = []string{"day", "templates", "people", "replies", "sent", "letters", "unknown", "stops", "carriers", "dead", "audit", "sessions", "keys"}

// pages are all pages for people who are signed in. Each area has its own list.
func (p *Pages) pages() []page {
	return slices.Concat(
		p.dayPages(),
		p.templatePages(),
		p.peoplePages(),
		p.sentPages(),
		p.adminPages(),
		p.ownPages(),
	)
}

// routes puts the table, and what is there without a session, on the mux.
func (p *Pages) routes() error {
	for _, x := range p.table {
		may := func(r web.Role) bool { return r.May(x.operation) }
		switch {
		case x.method != http.MethodGet && x.method != http.MethodPost:
			return fmt.Errorf("pages: %s %s: want GET or POST", x.method, x.pattern)
		case x.operation != "" && !slices.ContainsFunc(web.Roles, may):
			return fmt.Errorf("pages: %s %s: no role may call %s", x.method, x.pattern, x.operation)
		case x.section != "" && (!slices.Contains(sections, x.section) || x.method != http.MethodGet || strings.Contains(x.pattern, "{")):
			return fmt.Errorf("pages: %s %s: no section of the menu leads there", x.method, x.pattern)
		case x.under != "" && !slices.Contains(sections, x.under):
			return fmt.Errorf("pages: %s %s: it is under no section of the menu", x.method, x.pattern)
		}
		p.handle(x.method+" "+x.pattern, p.signedIn(x))
	}
	for pattern, serve := range map[string]func(*visit) error{
		"GET /{$}":                            p.signedIn(page{method: http.MethodGet, pattern: "/{$}", serve: (*visit).home}),
		"GET /sign-in":                        (*visit).signInPage,
		"POST /sign-in":                       (*visit).beginSignIn,
		"GET " + callbackPath:                 (*visit).finishSignIn,
		"GET " + signin.LinkPath + "{token}":  (*visit).linkPage,
		"POST " + signin.LinkPath + "{token}": (*visit).finishSignIn,
		"POST /language":                      (*visit).setLanguage,
		"/":                                   (*visit).nowhere,
	} {
		p.handle(pattern, serve)
	}
	p.mux.Handle("GET "+assetPath, p.assets)
	return nil
}

func (p *Pages) handle(pattern string, serve func(*visit) error) {
	p.mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
		v, _ := r.Context().Value(visitKey{}).(*visit)
		v.r, v.route = r, r.Pattern
		if err := serve(v); err != nil {
			v.fail(err)
		}
	})
}

// signedIn lets through to a page who is signed in, in a role that may.
func (p *Pages) signedIn(x page) func(*visit) error {
	return func(v *visit) error {
		v.page = x
		find := p.o.Sessions.Find
		if v.r.Header.Get("Accept") == eventStream { // asked by a page that is left open, not by somebody
			find = p.o.Sessions.Peek
		}
		if err := v.enter(find); err != nil {
			return err
		}
		if v.session.OnWall() && !x.wall {
			return errWall
		}
		if x.operation != "" && !v.may(x.operation) {
			return errRole
		}
		return x.serve(v)
	}
}

// nowhere says that there is no such page; who is signed in keeps the menu, so that they get on.
func (v *visit) nowhere() error {
	if v.enter(v.o.Sessions.Peek) != nil || v.session.OnWall() {
		v.wall, v.session = v.session.OnWall(), web.Session{}
	}
	return errNotHere
}

// eventStream is the media type of server-sent events.
const eventStream = "text/event-stream"
