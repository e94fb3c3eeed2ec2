package browser

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/target"
	"github.com/chromedp/chromedp"
)

// chromium is a running Chromium without a window.
type chromium struct {
	once   sync.Once
	err    error
	ctx    context.Context // of the browser
	cancel []context.CancelFunc
	out    *wayOut
}

// theChromium is the one that all tests use. Each person has cookies of their own in it.
var theChromium = &chromium{}

func (c *chromium) start() {
	path, err := exec.LookPath("chromium")
	if err != nil {
		c.err = err
		return
	}
	if c.out, c.err = newWayOut(); c.err != nil {
		return
	}
	options := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(path),
		chromedp.ProxyServer(c.out.address), chromedp.Flag("proxy-bypass-list", "<-loopback>"), // this machine too by way of the proxy
		chromedp.Flag("lang", "en"), chromedp.Flag("accept-lang", "en"), chromedp.Flag("force-prefers-reduced-motion", true),
		chromedp.Flag("disable-component-update", true), chromedp.Flag("no-pings", true), chromedp.WindowSize(1280, 900),
		chromedp.Flag("disable-features", "Translate,OptimizationHints,MediaRouter,AutofillServerCommunication,CertificateTransparencyComponentUpdater"),
		chromedp.ModifyCmdFunc(func(c *exec.Cmd) { c.SysProcAttr = noOrphan() }),
	)
	if os.Geteuid() == 0 {
		options = append(options, chromedp.NoSandbox)
	}
	allocator, cancel := chromedp.NewExecAllocator(context.Background(), options...)
	c.cancel = append(c.cancel, cancel)
	ctx, cancel := chromedp.NewContext(allocator)
	c.cancel = append(c.cancel, cancel)
	c.ctx, c.err = ctx, chromedp.Run(ctx)
}

func (c *chromium) close() {
	for i := len(c.cancel) - 1; i >= 0; i-- {
		c.cancel[i]()
	}
	if c.out != nil {
		_ = c.out.srv.Close()
	}
}

// tab is a tab in a window of its own, with cookies of its own.
func (c *chromium) tab(t *testing.T) context.Context {
	t.Helper()
	c.once.Do(c.start)
	if c.err != nil {
		missing(t, "no Chromium (scripts/peers/chromium install)", c.err)
	}
	owner := cdp.WithExecutor(c.ctx, chromedp.FromContext(c.ctx).Browser)
	jar, err := target.CreateBrowserContext().Do(owner)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = target.DisposeBrowserContext(jar).Do(owner) })
	id, err := target.CreateTarget("about:blank").WithBrowserContextID(jar).WithNewWindow(true).Do(owner)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := chromedp.NewContext(c.ctx, chromedp.WithTargetID(id))
	t.Cleanup(cancel)
	if err := chromedp.Run(ctx, network.Enable()); err != nil {
		t.Fatal(err)
	}
	return ctx
}

// window makes a tab's page so wide, in CSS pixels.
func window(ctx context.Context, width, height int64) error {
	return chromedp.Run(ctx, emulation.SetDeviceMetricsOverride(width, height, 1, false))
}

// zoomed makes a tab's page 1280 device pixels wide and magnifies it four times: 320 CSS pixels are left.
func zoomed(ctx context.Context) error {
	return chromedp.Run(ctx, emulation.SetDeviceMetricsOverride(320, 256, 4, false))
}

// patience is how long a page may take.
const patience = 15 * time.Second

// nothingStrayed holds that the browser wanted to speak to no other machine.
func (c *chromium) nothingStrayed(t *testing.T) {
	t.Helper()
	if _, strays := c.out.took(); len(strays) > 0 {
		t.Errorf("the browser wanted to speak to other machines: %v", strays)
	}
}

// TestNothingLeavesThisMachine: the browser has no other way than the proxy, which sees what goes by it, and would see what strays.
func TestNothingLeavesThisMachine(t *testing.T) {
	ctx := theChromium.tab(t)
	theChromium.nothingStrayed(t)
	before, _ := theChromium.out.took()
	h := open(t)
	err := chromedp.Run(ctx, chromedp.Navigate(h.url+"/sign-in"))
	if after, _ := theChromium.out.took(); err != nil || after == before {
		t.Errorf("the proxy did not see the sign-in page: %v", err)
	}
	for _, to := range []string{`data:text/html,<img src="http://elsewhere.example/x.png">`, "http://127.0.0.1:1/", "https://elsewhere.example/"} {
		_ = chromedp.Run(ctx, chromedp.Navigate(to)) // what is refused is an error
	}
	_, strays := theChromium.out.took() // it may knock twice
	if fmt.Sprint(slices.Compact(strays)) != "[GET elsewhere.example CONNECT elsewhere.example:443]" {
		t.Errorf("the proxy saw %v go elsewhere", strays)
	}
}
