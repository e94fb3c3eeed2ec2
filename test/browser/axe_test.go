package browser

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

// axe is the source of axe-core.
var axe = sync.OnceValues(func() (string, error) {
	b, err := os.ReadFile(filepath.Join("node_modules", "axe-core", "axe.min.js"))
	return string(b), err
})

// violation is something that keeps somebody from reading or using a page.
type violation struct {
	ID    string `json:"id"`
	Help  string `json:"help"`
	Nodes []struct {
		HTML    string `json:"html"`
		Summary string `json:"failureSummary"`
	} `json:"nodes"`
}

// String names what is wrong and where.
func (v violation) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %s", v.ID, v.Help)
	for i, n := range v.Nodes {
		if i == 3 {
			fmt.Fprintf(&b, "\n  and %d more", len(v.Nodes)-i)
			break
		}
		fmt.Fprintf(&b, "\n  %s\n  %s", n.HTML, strings.ReplaceAll(n.Summary, "\n", "\n    "))
	}
	return b.String()
}

// look is what axe-core looks for: WCAG 2.2 up to AA, and its own good practices.
const look = `axe.run(document, {resultTypes: ["violations"], runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22a", "wcag22aa", "best-practice"]})
	.then((r) => r.violations.map((v) => ({id: v.id, help: v.help, nodes: v.nodes.map((n) => ({html: n.html.slice(0, 300), failureSummary: n.failureSummary}))})))`

// violations has axe-core look at the page that is open.
func (h *hand) violations() (out []violation) {
	h.t.Helper()
	source, err := axe()
	if err != nil {
		missing(h.t, "no axe-core (npm ci in test/browser)", err)
	}
	var has bool
	if h.must("!!window.axe", &has); !has {
		h.run(chromedp.ActionFunc(func(ctx context.Context) error {
			_, exception, err := runtime.Evaluate(source).Do(ctx)
			if exception != nil {
				return exception
			}
			return err
		}))
	}
	h.awaits(look, &out)
	return out
}

// awaits evaluates a promise. axe-core takes long over a long page; that is not the page's doing.
func (h *hand) awaits(expression string, out any) {
	h.t.Helper()
	h.runFor(4*patience, chromedp.Evaluate(expression, out, func(p *runtime.EvaluateParams) *runtime.EvaluateParams { return p.WithAwaitPromise(true) }))
}

// looks holds that axe-core finds nothing on the page that is open, as it stands: what answers a form is on no list of pages.
func (h *hand) looks() {
	h.t.Helper()
	for _, v := range h.violations() {
		h.t.Errorf("%s: %v", h.path(), v)
	}
	if *shots != "" {
		h.pictures("answers", h.path())
	}
}
