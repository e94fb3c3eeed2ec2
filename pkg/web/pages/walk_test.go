package pages_test

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"golang.org/x/net/html"

	"github.com/husk-reminders/husk/pkg/web"
)

// The pages as they came: what a page without a wildcard is asked for. One with a wildcard has a test beside it.
var tags = []string{"da", "sv", "nb", "en"}

// Every page without a wildcard, in every role and language: it answers whom the table lets in and refuses others, and is HTML that
// people can use.
func TestEveryPageInEveryRoleAndLanguage(t *testing.T) {
	h := newHouse(t)
	for _, g := range grants() {
		h.as("walk", g)
		for _, row := range h.pages.Table() {
			if row.Method != http.MethodGet || strings.Contains(row.Pattern, "{") {
				continue
			}
			for _, tag := range tags {
				at := strings.Join([]string{string(g.Role), strings.Join(g.Units, ","), tag, row.Pattern}, " ")
				x := h.get(row.Pattern, "Accept-Language", tag)
				may := row.Operation == "" || g.Role.May(row.Operation)
				// What is the whole installation's is refused to a role that is for a unit, by the staff API.
				ofUnit := len(g.Units) > 0 && x.code == http.StatusForbidden
				if x.code != http.StatusOK && (may && !ofUnit || !may && x.code != http.StatusForbidden) || !may && x.code == http.StatusOK {
					t.Errorf("%s: %d", at, x.code)
					continue
				}
				checkHTML(t, at, tag, x.body)
			}
		}
	}
}

// The menu has what the role may open, and nothing else.
func TestTheMenuIsTheRoles(t *testing.T) {
	h := newHouse(t)
	for _, g := range grants() {
		h.as("menu", g)
		menu := links(t, h.get("/day").body, "nav")
		for _, row := range h.pages.Table() {
			if row.Section == "" {
				continue
			}
			if may := row.Operation == "" || g.Role.May(row.Operation); may != slices.Contains(menu, row.Pattern) {
				t.Errorf("%s: %s in the menu: %v, want %v", g.Role, row.Pattern, !may, may)
			}
		}
	}
}

// Nobody without a session gets to a page, whatever its method; the way leads to the sign-in.
func TestNoSessionNoPage(t *testing.T) {
	h := newHouse(t)
	for _, row := range h.pages.Table() {
		path := strings.NewReplacer("{id}", "0123456789abcdef0123456789abcdef").Replace(row.Pattern)
		form := url.Values(nil)
		if row.Method == http.MethodPost {
			form = url.Values{"reason": {"x"}}
		}
		for _, cookie := range []string{"", "husk=x", "husk=" + strings.Repeat("A", 43)} {
			h.leave()
			if x := h.do(row.Method, path, form, "Cookie", cookie); x.code != http.StatusSeeOther || x.to() != "/sign-in" {
				t.Errorf("%s %s with %q: %d to %q", row.Method, path, cookie, x.code, x.to())
			}
		}
	}
}

// A role that may not use a page's operation is refused before anything is called, GET and POST.
func TestARoleThatMayNot(t *testing.T) {
	h := newHouse(t)
	for _, g := range grants() {
		h.as("may", g)
		called := 0
		h.call = func(ctx context.Context, s web.Staff, method, path string, in, out any) error {
			called++
			return door.Call(ctx, s, method, path, in, out)
		}
		for _, row := range h.pages.Table() {
			if row.Operation == "" || g.Role.May(row.Operation) {
				continue
			}
			path, form := row.Pattern, url.Values(nil)
			if row.Method == http.MethodPost {
				form = url.Values{"reason": {"x"}}
			}
			path = strings.NewReplacer("{id}", "0123456789abcdef0123456789abcdef").Replace(path)
			if x := h.do(row.Method, path, form); x.code != http.StatusForbidden || called != 0 || !strings.Contains(x.body, html.EscapeString(h.pages.Text("da", "may."+string(g.Role)))) {
				t.Errorf("%s: %s %s: %d, %d calls", g.Role, row.Method, path, x.code, called)
			}
		}
		h.call = nil
	}
}

// checkHTML wants a page that assistive technology can read: a language, one h1, ids that are unique, a label for each input, a name
// for each button and link, references that lead somewhere, and nothing inline.
func checkHTML(t *testing.T, at, tag, body string) {
	t.Helper()
	doc, err := html.Parse(strings.NewReader(body))
	if err != nil {
		t.Errorf("%s: %v", at, err)
		return
	}
	p := page{ids: map[string]bool{}, labels: map[string]bool{}}
	p.collect(doc, false)
	wrong := p.wrong
	if p.lang != tag {
		wrong = append(wrong, "lang is "+p.lang)
	}
	if p.h1 != 1 || p.main != 1 || p.title == "" {
		wrong = append(wrong, "want one h1, one main and a title")
	}
	for _, id := range p.refers {
		if !p.ids[id] {
			wrong = append(wrong, "nothing has the id "+id)
		}
	}
	for _, id := range p.inputs {
		if !p.labels[id] {
			wrong = append(wrong, "no label for "+id)
		}
	}
	for _, w := range wrong {
		t.Errorf("%s: %s", at, w)
	}
}

type page struct {
	lang, title    string
	h1, main       int
	ids, labels    map[string]bool
	refers, inputs []string
	wrong          []string
}

func attr(n *html.Node, name string) string {
	for _, a := range n.Attr {
		if a.Key == name {
			return a.Val
		}
	}
	return ""
}

func text(n *html.Node) string {
	if n.Type == html.TextNode {
		return n.Data
	}
	var b strings.Builder
	for c := n.FirstChild; c != nil; c = c.NextSibling {
		b.WriteString(text(c))
	}
	return strings.TrimSpace(b.String())
}

func (p *page) collect(n *html.Node, labelled bool) {
	if n.Type == html.ElementNode {
		p.element(n, labelled)
		labelled = labelled || n.Data == "label"
	}
	for c := n.FirstChild; c != nil; c = c.NextSibling {
		p.collect(c, labelled)
	}
}

func (p *page) element(n *html.Node, labelled bool) {
	tell := func(what string) { p.wrong = append(p.wrong, n.Data+": "+what) }
	if id := attr(n, "id"); id != "" {
		if p.ids[id] {
			tell("the id " + id + " is there twice")
		}
		p.ids[id] = true
	}
	for _, a := range n.Attr {
		if strings.HasPrefix(a.Key, "on") || a.Key == "style" {
			tell("inline " + a.Key)
		}
		if (a.Key == "href" || a.Key == "src" || a.Key == "action") && !strings.HasPrefix(a.Val, "/") && !strings.HasPrefix(a.Val, "#") {
			tell("leads away: " + a.Val)
		}
	}
	p.refers = append(p.refers, strings.Fields(attr(n, "aria-describedby"))...)
	if to, ok := strings.CutPrefix(attr(n, "href"), "#"); ok {
		p.refers = append(p.refers, to)
	}
	switch n.Data {
	case "html":
		p.lang = attr(n, "lang")
	case "title":
		p.title = text(n)
	case "h1":
		p.h1++
	case "main":
		p.main++
	case "style":
		tell("inline")
	case "script":
		if attr(n, "src") == "" {
			tell("inline")
		}
	case "label":
		p.labels[attr(n, "for")] = true
		if text(n) == "" {
			tell("empty")
		}
	case "input", "select", "textarea":
		if attr(n, "type") != "hidden" && !labelled && attr(n, "aria-label") == "" {
			p.inputs = append(p.inputs, attr(n, "id"))
		}
	case "button", "a", "summary", "th", "h2", "h3", "legend":
		if text(n) == "" && attr(n, "aria-label") == "" {
			tell("has no name")
		}
	case "form":
		if attr(n, "method") != "post" && attr(n, "role") != "search" {
			tell("want method post, or role search")
		}
	}
}

// links are the targets of the links in every element of a kind.
func links(t *testing.T, body, in string) []string {
	t.Helper()
	doc, err := html.Parse(strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	var found []string
	var walk func(n *html.Node, inside bool)
	walk = func(n *html.Node, inside bool) {
		if n.Type == html.ElementNode {
			inside = inside || n.Data == in
			if inside && n.Data == "a" {
				found = append(found, attr(n, "href"))
			}
		}
		for c := n.FirstChild; c != nil; c = c.NextSibling {
			walk(c, inside)
		}
	}
	walk(doc, false)
	return found
}
