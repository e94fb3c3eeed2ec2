package browser

import (
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"
)

// atMost is how many pages of one kind are looked at; 1 of those that are not here.
var atMost = map[string]int{"/sent/*": 4, "/templates/*/*": 3, "/templates/*/*/edit": 2}

// noPages answer with something else than a page.
var noPages = regexp.MustCompile(`^/letters/download|^/static/|^/day/events`)

var anID = regexp.MustCompile(`^[^/]*[0-9][^/]{7,}$|^[a-z]{2}$|\.(sms|email)$`)

// kindOf is what kind of page a path leads to: ids are no difference.
func kindOf(path string) string {
	path, _, _ = strings.Cut(path, "?")
	parts := strings.Split(path, "/")
	for i, p := range parts {
		if anID.MatchString(p) {
			parts[i] = "*"
		}
	}
	return strings.Join(parts, "/")
}

// walk follows every link there is, from the menu on, and returns the paths of all kinds of pages.
func (h *hand) walk(from ...string) (paths []string) {
	h.t.Helper()
	seen := map[string]int{}
	for todo := append(from, "/"); len(todo) > 0; {
		path := todo[0]
		todo = todo[1:]
		kind := kindOf(path)
		if seen[kind] >= max(1, atMost[kind]) || noPages.MatchString(path) || slices.Contains(paths, path) {
			continue
		}
		seen[kind]++
		h.visit(path)
		if c := h.code(); c != http.StatusOK {
			h.t.Errorf("%s follows a link to %s: %d", h.who, path, c)
			continue
		}
		paths = append(paths, path)
		var links []string
		h.must(`[...document.querySelectorAll("a[href]")].map((a) => a.href)`, &links)
		for _, l := range links {
			if u, err := url.Parse(l); err == nil && u.Scheme+"://"+u.Host == h.h.url {
				todo = append(todo, u.RequestURI())
			}
		}
	}
	return paths
}

// speak has the pages come in a language.
func (h *hand) speak(language string) {
	h.t.Helper()
	h.run(network.SetCookie("husk-language", language).WithURL(h.h.url))
	h.words = wordsOf(h.t, language)
}

// sideways tells what makes a page wider than the window; "" = nothing.
func (h *hand) sideways() (what string) {
	h.t.Helper()
	h.must(`sideways()`, &what)
	return what
}

// width sets the window's width, in CSS pixels.
func (h *hand) width(n int64) {
	h.t.Helper()
	if err := window(h.ctx, n, 900); err != nil {
		h.t.Fatal(err)
	}
}

// furnish makes that no page is empty.
func furnish(t *testing.T, h *house) {
	t.Helper()
	planned, told, denied, held := patient{60}, patient{61}, patient{62}, patient{63}
	h.welcome(t, planned)
	h.book(t, planned, ortho, 48*time.Hour)
	h.comes(t, told, ortho)
	h.comes(t, held, skin)
	h.book(t, denied, ortho, soon)
	h.publish(t, ortho, []byte(`{"system": "prove", "appointment": "A-1"}`))
	h.apiKey(t, ortho)
	eventually(t, "nothing is sent", func() bool { return len(h.sent(t, told.phone())) == 1 })
	h.reminder(t, denied, "denied")
	h.reminder(t, held, "held")
	h.doubtful(t, patient{64}, wing)

	// What came back: a wish to cancel, and a stranger who was written to.
	reply := filepath.Join(h.data, "outbox", "replies")
	text := "From: " + told.phone() + "\nChannel: sms\n\nJeg kan desværre ikke komme, vil gerne aflyse\n"
	if err := os.WriteFile(filepath.Join(reply, ".wish"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(filepath.Join(reply, ".wish"), filepath.Join(reply, "wish.txt")); err != nil {
		t.Fatal(err)
	}
	eventually(t, "nobody takes the reply in", func() bool {
		var wishes []any
		h.ask(t, http.MethodGet, "/v1/replies/wishes", nil, &wishes)
		return len(wishes) > 0
	})
	h.ask(t, http.MethodPost, "/v1/addresses/wrong", map[string]string{"channel": "sms", "address": told.phone(), "reason": "a stranger rang"}, nil)

	// A draft, a text that begins later, and a stop that somebody wants to end.
	writer, approver := signedIn(t, karen), signedIn(t, ida)
	for _, set := range []string{"reply-stopped", "reply-wrong-number"} {
		writer.toText(set)
		writer.follow(writer.w("templates.edit"))
		label := writer.w("templates.edit.label")
		writer.fill(label, strings.TrimSpace(writer.value(label))+" Tak.")
		writer.press(writer.w("templates.edit.save"))
		writer.reads(writer.w("templates.saved"))
	}
	approver.follow(approver.w("nav.templates"))
	approver.followIn(approver.title("reply-wrong-number"), approver.w("templates.open.read"))
	approver.fill(approver.w("templates.approve.day"), time.Now().AddDate(0, 0, 2).Format(time.DateOnly))
	approver.press(approver.w("templates.approve"))
	approver.reads(approver.w("templates.comes"))
	h.ask(t, http.MethodPost, "/v1/switches", map[string]any{"name": "template:da/verify.sms", "on": true, "reason": "for the walk"}, nil)
	h.ask(t, http.MethodPost, "/v1/switches", map[string]any{"name": "template:da/verify.sms", "on": false, "reason": "for the walk", "mended": "nothing"}, nil)
}

// meets has a clerk open a person, so that the person's pages can be seen, and returns their paths.
func (h *hand) meets(p patient) []string {
	h.t.Helper()
	h.visit("/people")
	h.choose(h.w("people.country"), h.w("people.country.DK"))
	h.fill(h.w("people.id"), p.id())
	h.fill(h.w("people.reason"), "Rang about the appointment")
	h.press(h.w("people.find.button"))
	return []string{h.path()}
}

// TestEveryPage: in every language axe-core finds nothing on any page that somebody can come to, in a narrow window and a wide one, and no
// page is wider than the window, however much it is magnified.
func TestEveryPage(t *testing.T) {
	furnish(t, open(t))
	var first sync.Map // of each kind of page, who looks at it in all languages; others do in English alone
	for _, x := range []struct {
		who   string
		meets bool
	}{{karen, true}, {mads, true}, {ida, false}, {ulla, false}, {jens, false}} {
		t.Run(x.who, func(t *testing.T) {
			t.Parallel()
			h := signedIn(t, x.who)
			var from []string
			if x.meets {
				from = h.meets(patient{61})
			}
			if x.who == karen {
				from = append(from, "/templates/da/reminder.sms/edit", "/unknown?unit="+wing, "/sent?unit="+skin) // where there is something
			}
			paths := h.walk(from...)
			t.Logf("%d pages: %v", len(paths), kinds(paths))
			for _, language := range languages {
				h.speak(language)
				for _, path := range append(paths, "/nowhere") {
					if who, _ := first.LoadOrStore(kindOf(path), x.who); who != x.who && language != "en" {
						continue
					}
					h.visit(path)
					h.checks(language, path)
				}
			}
		})
	}
	t.Run("nobody", func(t *testing.T) {
		t.Parallel()
		h := sit(t, karen)
		for _, language := range languages {
			h.speak(language)
			h.visit("/sign-in")
			h.checks(language, "/sign-in")
		}
	})
	t.Run("the wall", func(t *testing.T) {
		t.Parallel()
		h := signedIn(t, bo)
		h.visit("/day")
		h.open(h.w("day.wall.title"))
		h.press(h.w("day.wall.press"))
		for _, language := range languages {
			h.speak(language)
			h.visit("/day")
			h.checks(language, "/wall")
		}
	})
}

// checks has a page looked at in every width.
func (h *hand) checks(language, path string) {
	h.t.Helper()
	for _, width := range []int64{1280, 320} {
		h.width(width)
		for _, v := range h.violations() {
			h.t.Errorf("%s, %s, %s at %d px: %v", h.who, language, kindOf(path), width, v)
		}
		if what := h.sideways(); what != "" {
			h.t.Errorf("%s, %s, %s is wider than %d px: %s", h.who, language, kindOf(path), width, what)
		}
	}
	if err := zoomed(h.ctx); err != nil {
		h.t.Fatal(err)
	}
	if what := h.sideways(); what != "" {
		h.t.Errorf("%s, %s, %s at 400 %% is wider than the window: %s", h.who, language, kindOf(path), what)
	}
	if *shots != "" && (language == "en" || language == "da") {
		h.pictures(language, path)
	}
}

// pictures writes what a page looks like, on paper too.
func (h *hand) pictures(language, path string) {
	h.t.Helper()
	name := strings.Trim(strings.NewReplacer("/", "-", "*", "x").Replace(kindOf(path)), "-")
	for _, look := range []struct {
		width int64
		media string // "" = the screen
	}{{320, ""}, {768, ""}, {1280, ""}, {794, "print"}} {
		h.width(look.width)
		h.run(emulation.SetEmulatedMedia().WithMedia(look.media))
		h.must("document.body.offsetHeight", nil) // laid out anew
		var png []byte
		h.run(chromedp.FullScreenshot(&png, 100))
		dir := filepath.Join(*shots, h.who, language)
		if err := os.MkdirAll(dir, 0o755); err != nil {
			h.t.Fatal(err)
		}
		for i := 1; ; i++ {
			file := filepath.Join(dir, fmt.Sprintf("%s-%d-%d%s.png", name, i, look.width, look.media))
			if _, err := os.Stat(file); err == nil {
				continue
			}
			if err := os.WriteFile(file, png, 0o644); err != nil {
				h.t.Fatal(err)
			}
			break
		}
	}
	h.run(emulation.SetEmulatedMedia().WithMedia(""))
	h.width(1280)
}

func kinds(paths []string) (out []string) {
	for _, p := range paths {
		out = append(out, kindOf(p))
	}
	return slices.Compact(out)
}
