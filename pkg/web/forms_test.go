package web_test

import (
	"context"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"golang.org/x/net/html"

	"github.com/husk-reminders/husk/pkg/reminder"
	"github.com/husk-reminders/husk/pkg/web"
	"github.com/husk-reminders/husk/pkg/web/pages"
	"github.com/husk-reminders/husk/pkg/web/signin"
)

// counter are the clerks' pages over a desk.
type counter struct {
	*web.Desk
	t     *testing.T
	pages *pages.Pages
}

// still lets nobody in, and nobody out: the tests' sessions are begun without it.
type still struct{ pages.SignIn }

func (still) Holds(context.Context, string) error { return nil }
func (still) Origins() []string                   { return nil }
func (still) Logout() string                      { return "" }

func newCounter(t *testing.T) *counter {
	t.Helper()
	d := web.NewDesk(t)
	p, err := pages.New(pages.Options{
		Call: d.Door.Call, Sessions: d.Door.Sessions(), SignIn: still{}, URL: "http://example.com", Now: web.Noon,
		Units: func() *reminder.Directory { return d.Door.Units() },
	})
	if err != nil {
		t.Fatal(err)
	}
	return &counter{d, t, p}
}

func (c *counter) ask(token, method, path string, values url.Values) *httptest.ResponseRecorder {
	r := httptest.NewRequestWithContext(c.t.Context(), method, path, strings.NewReader(values.Encode()))
	if method == http.MethodPost {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	if token != "" {
		r.AddCookie(&http.Cookie{Name: "husk", Value: token})
	}
	w := httptest.NewRecorder()
	c.pages.ServeHTTP(w, r)
	return w
}

// theForm is a POST form as a page has it.
type theForm struct {
	page, action string
	checked      bool       // novalidate is missing: the browser would tell of it in its own words
	hidden       url.Values // what nobody types
	fields       []theField
}

type theField struct {
	name, kind, value string // value: the one that is chosen, else the first
	required          bool
}

// named are the parts of a path that name one thing.
var named = regexp.MustCompile(`^([1-9]-[0-9a-f]{32}|[0-9a-f]{24}|[0-9a-f]{28}|[0-9a-f]{32}|\d+|[bcdfghjkmnpqrstv]{12}|sms|email|[a-z-]+\.(sms|email))$`)

// kindOf is a path with what names one thing, and its query, left out.
func kindOf(path string) string {
	path, _, _ = strings.Cut(path, "?")
	path, _, _ = strings.Cut(path, "#")
	parts := strings.Split(path, "/")
	for i, p := range parts {
		if named.MatchString(p) || i == 2 && parts[1] == "templates" { // a language
			parts[i] = "*"
		}
	}
	return strings.Join(parts, "/")
}

func attr(n *html.Node, name string) (string, bool) {
	for _, a := range n.Attr {
		if a.Key == name {
			return a.Val, true
		}
	}
	return "", false
}

func has(n *html.Node, name string) bool { _, ok := attr(n, name); return ok }

func value(n *html.Node, name string) string { v, _ := attr(n, name); return v }

// each calls f with every element under one.
func each(n *html.Node, f func(*html.Node)) {
	for x := range n.Descendants() {
		if x.Type == html.ElementNode {
			f(x)
		}
	}
}

// read finds a page's forms and links.
func (c *counter) read(page, body string) (forms []theForm, links []string) {
	c.t.Helper()
	doc, err := html.Parse(strings.NewReader(body))
	if err != nil {
		c.t.Fatal(err)
	}
	each(doc, func(n *html.Node) {
		switch {
		case n.Data == "a" && strings.HasPrefix(value(n, "href"), "/"):
			links = append(links, value(n, "href"))
		case n.Data == "form" && value(n, "method") == "post":
			forms = append(forms, readForm(page, n))
		}
	})
	return forms, links
}

func readForm(page string, form *html.Node) theForm {
	x := theForm{page: page, action: value(form, "action"), checked: !has(form, "novalidate"), hidden: url.Values{}}
	if x.action == "" {
		x.action = page
	}
	field := func(name, kind, value string, chosen, required bool) {
		i := slices.IndexFunc(x.fields, func(f theField) bool { return f.name == name })
		switch {
		case i < 0:
			x.fields = append(x.fields, theField{name, kind, value, required})
		case chosen:
			x.fields[i].value = value
		}
	}
	each(form, func(n *html.Node) {
		name := value(n, "name")
		switch {
		case n.Data == "input" && value(n, "type") == "hidden":
			x.hidden.Add(name, value(n, "value"))
		case n.Data == "input" && (value(n, "type") == "radio" || value(n, "type") == "checkbox"):
			field(name, value(n, "type"), value(n, "value"), has(n, "checked"), requiredGroup(n))
		case n.Data == "input" || n.Data == "textarea":
			field(name, "text", value(n, "value"), false, has(n, "required"))
		case n.Data == "select":
			field(name, "select", "", false, has(n, "required"))
			first := true
			each(n, func(o *html.Node) {
				if v := value(o, "value"); o.Data == "option" && v != "" && (first || has(o, "selected")) {
					field(name, "select", v, true, false)
					first = false
				}
			})
		case n.Data == "button" && name != "":
			field(name, "button", value(n, "value"), false, false)
		}
	})
	return x
}

// requiredGroup reports whether one of several boxes has to be chosen: where none need be, the legend says so.
func requiredGroup(box *html.Node) bool {
	for p := range box.Ancestors() {
		if p.Data != "fieldset" || !strings.Contains(value(p, "class"), "field") {
			continue
		}
		required := true
		each(p, func(n *html.Node) { required = required && value(n, "class") != "optional" })
		return required
	}
	return false
}

// most is how many pages of one kind are looked at.
const most = 4

// crawl follows every link from the day, and from where no link leads while somebody has asked that a stop ends, or before a form is sent, and returns the forms of each kind that it meets.
func (c *counter) crawl(token string, into map[string]theForm) {
	c.t.Helper()
	person := "/people/" + string(web.Somebody)
	queue, seen, kinds := []string{"/day", "/people", "/stops/resume", person, person + "/code/" + string(web.Somebody)}, map[string]bool{}, map[string]int{}
	for len(queue) > 0 {
		path, _, _ := strings.Cut(queue[0], "#")
		queue = queue[1:]
		if kinds[kindOf(path)]++; seen[path] || kinds[kindOf(path)] > most {
			continue
		}
		seen[path] = true
		w := c.ask(token, http.MethodGet, path, nil)
		if w.Code >= http.StatusInternalServerError {
			c.t.Errorf("%s: %d %s", path, w.Code, w.Body)
		}
		if w.Code >= http.StatusBadRequest || !strings.HasPrefix(w.Header().Get("Content-Type"), "text/html") {
			continue
		}
		forms, links := c.read(path, w.Body.String())
		for _, f := range forms {
			if _, ok := into[kindOf(f.action)]; !ok {
				into[kindOf(f.action)] = f
			}
		}
		queue = append(queue, links...)
	}
}

// forms are all that the pages have when everything is a unit's, and who may do it sees them.
func (c *counter) forms(unit string) map[string]theForm {
	c.t.Helper()
	all := map[string]theForm{}
	for _, g := range []web.Grant{{Role: web.Clerk, Units: []string{unit}}, {Role: web.Approver}, {Role: web.Incident}, {Role: web.Administrator}} {
		for _, reason := range []string{"", "rang"} {
			c.crawl(c.Sit(c.t, "crawls-"+reason, g, reason), all)
		}
	}
	return all
}

// outside are the forms that are there before somebody has signed in.
func (c *counter) outside() []theForm {
	var all []theForm
	for _, path := range []string{"/sign-in", signin.LinkPath + "0123"} {
		forms, _ := c.read(path, c.ask("", http.MethodGet, path, nil).Body.String())
		if len(forms) < 2 {
			c.t.Errorf("%s: %d forms", path, len(forms))
		}
		all = append(all, forms...)
	}
	return all
}

// wantAll wants every POST form that a view has to have been met, so that what holds of forms holds of all.
func (c *counter) wantAll(all map[string]theForm) {
	c.t.Helper()
	files, err := filepath.Glob("pages/views/*.html")
	if err != nil || len(files) == 0 {
		c.t.Fatal(err)
	}
	action := regexp.MustCompile(`method="post"[^>]* action="([^"]*?(?:\{\{.*?\}\}[^"]*?)*)"`)
	for _, file := range files {
		b, err := os.ReadFile(file)
		if err != nil {
			c.t.Fatal(err)
		}
		for _, m := range action.FindAllStringSubmatch(string(b), -1) {
			path, _, _ := strings.Cut(regexp.MustCompile(`\{\{[^}]*\}\}`).ReplaceAllString(m[1], "\x00"), "?")
			if path == "\x00" || strings.HasSuffix(file, "sign-in-link.html") || strings.HasSuffix(file, "sign-in.html") {
				continue // of a part; of who is not signed in
			}
			is := regexp.MustCompile("^" + strings.ReplaceAll(regexp.QuoteMeta(path), "\x00", ".+") + "$")
			met := false
			for _, f := range all {
				to, _, _ := strings.Cut(f.action, "?")
				met = met || is.MatchString(to)
			}
			if !met {
				c.t.Errorf("%s: no page that was met has the form to %q", file, m[1])
			}
		}
	}
}

// A form that is sent empty comes back with a summary that leads to each field which must be filled in, and with words beside it. The
// browser does not come before with words of its own.
func TestEveryFormSaysWhatIsMissing(t *testing.T) {
	c := newCounter(t)
	all := c.forms(web.Own)
	c.wantAll(all)
	for _, f := range slices.Concat(slices.Collect(maps.Values(all)), c.outside()) {
		if f.checked {
			t.Errorf("%s: the form to %s has no novalidate", f.page, f.action)
		}
	}
	if t.Failed() {
		return
	}
	for kind, f := range all {
		var required []string
		for _, x := range f.fields {
			if x.required {
				required = append(required, x.name)
			}
		}
		if len(required) == 0 {
			continue // there is nothing to forget
		}
		done := false
		for _, role := range []web.Grant{{Role: web.Clerk, Units: []string{web.Own}}, {Role: web.Approver}, {Role: web.Incident}, {Role: web.Administrator}} {
			token := c.Sit(t, "empty", role, "rang")
			c.Set(t, web.Own)
			values := url.Values{}
			for name, v := range f.hidden {
				values[name] = v
			}
			for _, x := range f.fields {
				if x.kind == "button" {
					values.Set(x.name, x.value)
				}
			}
			w := c.ask(token, http.MethodPost, f.action, values)
			if w.Code == http.StatusForbidden {
				continue
			}
			done = true
			body := w.Body.String()
			if w.Code < 400 || w.Code >= 500 || !strings.Contains(body, `id="errors"`) {
				t.Errorf("%s, empty: %d %s", kind, w.Code, body)
				continue
			}
			for _, name := range required {
				if !strings.Contains(body, `href="#f-`+name+`"`) || !strings.Contains(body, `id="f-`+name+`"`) || !strings.Contains(body, `id="f-`+name+`-error"`) {
					t.Errorf("%s, empty: the field %s has no error, or the summary does not lead to it", kind, name)
				}
			}
			if changed := c.Changed(); len(changed) != 0 {
				t.Errorf("%s, empty: %v", kind, changed)
			}
		}
		if !done {
			t.Errorf("%s: nobody may send it", kind)
		}
	}
}
