package browser

import (
	"context"
	_ "embed"
	"encoding/json"
	"fmt"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// hand is somebody at a browser of their own, who knows the pages by what stands on them.
type hand struct {
	t     *testing.T
	h     *house
	who   string
	ctx   context.Context
	words words

	mu    sync.Mutex
	asked []string // addresses that the pages asked for
	codes map[string]int64
}

// sit seats somebody at a browser. Nobody is signed in.
func sit(t *testing.T, who string) *hand {
	t.Helper()
	return open(t).seat(t, who)
}

// seat seats somebody at a browser, at the pages of this house.
func (h *house) seat(t *testing.T, who string) *hand {
	t.Helper()
	return newHand(t, h, who)
}

func newHand(t *testing.T, at *house, who string) *hand {
	t.Helper()
	h := &hand{t: t, h: at, who: who, ctx: theChromium.tab(t), words: wordsOf(t, "en"), codes: map[string]int64{}}
	chromedp.ListenTarget(h.ctx, func(e any) {
		h.mu.Lock()
		defer h.mu.Unlock()
		switch e := e.(type) {
		case *network.EventRequestWillBeSent:
			h.asked = append(h.asked, e.Request.URL)
		case *network.EventResponseReceived:
			if e.Type == network.ResourceTypeDocument {
				h.codes[e.Response.URL] = e.Response.Status
			}
		}
	})
	// Leaving a page with a text that is not saved asks first; whoever leaves here means it.
	chromedp.ListenTarget(h.ctx, func(e any) {
		if _, ok := e.(*page.EventJavascriptDialogOpening); ok {
			go func() { _ = chromedp.Run(h.ctx, page.HandleJavaScriptDialog(true)) }()
		}
	})
	t.Cleanup(func() {
		h.mu.Lock()
		defer h.mu.Unlock()
		for _, s := range h.asked {
			if u, err := url.Parse(s); err != nil || u.Scheme != "data" && u.Scheme != "blob" && !isHere(u.Hostname()) {
				t.Errorf("a page asked for %s: another machine", s)
			}
		}
		if len(h.asked) == 0 {
			t.Error("no page asked for anything: the test would not see it")
		}
		theChromium.nothingStrayed(t)
	})
	return h
}

// signedIn seats somebody and has them sign in.
func signedIn(t *testing.T, who string) *hand {
	t.Helper()
	h := sit(t, who)
	h.visit("/")
	h.signIn()
	if h.sees(h.w("signin.text")) {
		t.Fatalf("%s was not let in:\n%s", who, h.text())
	}
	return h
}

// signIn goes from the sign-in page by way of the provider's own form.
func (h *hand) signIn() {
	h.t.Helper()
	h.press(h.w("signin.button"))
	h.fill("Username:", h.who)
	h.fill("Password:", passwordOf(h.who))
	h.press("Login")
}

// step logs what somebody does.
func (h *hand) step(format string, args ...any) {
	h.t.Helper()
	if *steps {
		h.t.Logf("%s: %s", h.who, fmt.Sprintf(format, args...))
	}
}

//go:embed find.js
var finder string

// js evaluates an expression in the page; it works with the page's own scripts switched off too.
func (h *hand) js(expression string, out any) error {
	ctx, cancel := context.WithTimeout(h.ctx, patience)
	defer cancel()
	return chromedp.Run(ctx, chromedp.Evaluate("(() => {"+finder+"\nreturn "+expression+"})()", out))
}

// must evaluates an expression in the page.
func (h *hand) must(expression string, out any) {
	h.t.Helper()
	if err := h.js(expression, out); err != nil {
		h.t.Fatalf("%s: %v", expression, err)
	}
}

// spot is where something that was found stands.
type spot struct {
	X, Y float64
	Why  string // it was not found
	Tag  string // select, input …
	Type string
}

// find finds what can be used by its words: kind is link, button, field, choice or summary.
func (h *hand) find(kind, words, within string) spot {
	h.t.Helper()
	var s spot
	args, _ := json.Marshal([]string{kind, words, within})
	h.must("find(..."+string(args)+")", &s)
	if s.Why != "" {
		h.t.Fatalf("%s finds no %s %q: %s\nat %s:\n%s", h.who, kind, words, s.Why, h.path(), h.text())
	}
	return s
}

func (h *hand) run(actions ...chromedp.Action) { h.t.Helper(); h.runFor(patience, actions...) }

func (h *hand) runFor(limit time.Duration, actions ...chromedp.Action) {
	h.t.Helper()
	ctx, cancel := context.WithTimeout(h.ctx, limit)
	defer cancel()
	if err := chromedp.Run(ctx, actions...); err != nil {
		h.t.Fatalf("%s at %s: %v", h.who, h.path(), err)
	}
}

// click clicks on what was found.
func (h *hand) click(kind, words, within string) {
	h.t.Helper()
	s := h.find(kind, words, within)
	h.run(chromedp.MouseClickXY(s.X, s.Y))
}

// leads does what leads to another page, and waits until that is there.
func (h *hand) leads(do func()) {
	h.t.Helper()
	h.must("(window.before = true)", nil)
	do()
	end := time.Now().Add(patience)
	for {
		var there bool
		if err := h.js(`document.readyState === "complete" && !window.before`, &there); err == nil && there {
			return
		}
		if time.Now().After(end) {
			h.t.Fatalf("%s: nothing came after %s:\n%s", h.who, h.path(), h.text())
		}
		time.Sleep(5 * time.Millisecond)
	}
}

// visit opens a path, as somebody does who has it among their bookmarks.
func (h *hand) visit(path string) {
	h.t.Helper()
	h.step("opens %s", path)
	h.run(chromedp.Navigate(h.h.url + path))
}

// follow follows a link.
func (h *hand) follow(words string) { h.t.Helper(); h.followIn("", words) }

// followIn follows a link in the row, item or section that has a text.
func (h *hand) followIn(within, words string) {
	h.t.Helper()
	h.step("follows %q%s", words, at(within))
	h.leads(func() { h.click("link", words, within) })
}

// press presses a button that leads on.
func (h *hand) press(words string) { h.t.Helper(); h.pressIn("", words) }

// pressIn presses a button in the row, item or section that has a text.
func (h *hand) pressIn(within, words string) {
	h.t.Helper()
	h.step("presses %q%s", words, at(within))
	h.leads(func() { h.click("button", words, within) })
}

func at(within string) string {
	if within == "" {
		return ""
	}
	return fmt.Sprintf(" beside %q", within)
}

// open opens what is folded up.
func (h *hand) open(words string) {
	h.t.Helper()
	h.step("opens %q", words)
	h.click("summary", words, "")
}

// fill fills a field in.
func (h *hand) fill(label, text string) {
	h.t.Helper()
	h.step("fills in %q", strings.TrimSuffix(label, ":"))
	s := h.find("field", label, "")
	if s.Type == "date" || s.Type == "time" {
		h.must("set("+quoted(label)+", "+quoted(text)+")", nil)
		return
	}
	h.run(chromedp.MouseClickXY(s.X, s.Y))
	h.must("document.activeElement.select()", nil)
	if text == "" {
		h.run(chromedp.KeyEvent(kb.Delete))
		return
	}
	h.run(chromedp.ActionFunc(func(ctx context.Context) error { return input.InsertText(text).Do(ctx) }))
}

// choose chooses in a list.
func (h *hand) choose(label, option string) {
	h.t.Helper()
	h.step("chooses %q under %q", option, label)
	h.find("field", label, "")
	var ok bool
	if h.must("choose("+quoted(label)+", "+quoted(option)+")", &ok); !ok {
		h.t.Fatalf("%s finds no %q under %q:\n%s", h.who, option, label, h.text())
	}
}

// tick chooses one of several, or ticks a box.
func (h *hand) tick(label string) {
	h.t.Helper()
	h.step("chooses %q", label)
	h.click("choice", label, "")
}

func quoted(s string) string {
	b, _ := json.Marshal(s)
	return string(b)
}

// keys presses keys.
func (h *hand) keys(keys string) { h.t.Helper(); h.run(chromedp.KeyEvent(keys)) }

// text is what can be read on the page.
func (h *hand) text() string {
	h.t.Helper()
	var s string
	h.must("document.body.innerText", &s)
	return s
}

// path is the path of the page.
func (h *hand) path() string {
	var s string
	if err := h.js("location.pathname", &s); err != nil {
		return err.Error()
	}
	return s
}

// code is the status that the page was answered with.
func (h *hand) code() int64 {
	h.t.Helper()
	var s string
	h.must("location.href", &s)
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.codes[s]
}

// value is what stands in a field.
func (h *hand) value(label string) string {
	h.t.Helper()
	h.find("field", label, "")
	var s string
	h.must("field("+quoted(label)+").value", &s)
	return s
}

// sees reports whether a text can be read on the page.
func (h *hand) sees(text string) bool {
	h.t.Helper()
	return strings.Contains(flat(h.text()), flat(text))
}

// reads fails the test unless each of some texts can be read on the page.
func (h *hand) reads(texts ...string) {
	h.t.Helper()
	for _, s := range texts {
		if !h.sees(s) {
			h.t.Fatalf("%s does not read %q at %s:\n%s", h.who, s, h.path(), h.text())
		}
		h.step("reads %q", s)
	}
}

// readsNot fails the test if a text can be read on the page.
func (h *hand) readsNot(text string) {
	h.t.Helper()
	if h.sees(text) {
		h.t.Fatalf("%s reads %q at %s:\n%s", h.who, text, h.path(), h.text())
	}
}

// waits waits until a text can be read on the page, without loading it again.
func (h *hand) waits(text string) {
	h.t.Helper()
	for end := time.Now().Add(patience); !h.sees(text); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			h.t.Fatalf("%s does not come to read %q at %s:\n%s", h.who, text, h.path(), h.text())
		}
	}
	h.step("reads %q, without loading the page again", text)
}

// flat is a text with one blank wherever there is white space.
func flat(s string) string { return strings.Join(strings.Fields(s), " ") }

// withoutScripts switches JavaScript off.
func (h *hand) withoutScripts() {
	h.t.Helper()
	h.run(emulation.SetScriptExecutionDisabled(true))
}
