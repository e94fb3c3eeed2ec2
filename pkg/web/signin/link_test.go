package signin_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"reflect"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/husk-reminders/husk/pkg/web"
	"github.com/husk-reminders/husk/pkg/web/signin"
)

// trial is a Link and whether others than invented people are known.
type trial struct {
	*signin.Link
	t        *testing.T
	clock    *clock
	stranger atomic.Bool
	failure  atomic.Pointer[error]
	looks    atomic.Int64
}

func newTrial(t *testing.T) *trial {
	t.Helper()
	x := &trial{t: t, clock: &clock{}}
	l, err := signin.NewLink(signin.LinkOptions{
		Address: "http://127.0.0.1:8486", Units: []string{"rh-eye", "rh-ortho"}, Now: x.clock.Now,
		OnlyInvented: func(context.Context) (bool, error) {
			x.looks.Add(1)
			if err := x.failure.Load(); err != nil {
				return true, *err
			}
			return !x.stranger.Load(), nil
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	x.Link = l
	return x
}

func (x *trial) link() string {
	x.t.Helper()
	address, until, err := x.New(x.t.Context())
	if err != nil {
		x.t.Fatal(err)
	}
	token, ok := strings.CutPrefix(address, "http://127.0.0.1:8486"+signin.LinkPath)
	if d := until.Sub(x.clock.Now()); !ok || len(token) != 43 || d > 15*time.Minute || d < 14*time.Minute {
		x.t.Fatalf("got %q until %s", address, until)
	}
	return token
}

func (x *trial) use(method, token string) (signin.Identity, error) {
	r := httptest.NewRequest(method, signin.LinkPath+token, strings.NewReader(url.Values{signin.LinkField: {token}}.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return x.Finish(httptest.NewRecorder(), r)
}

func TestLinkLetsOnePersonInOnce(t *testing.T) {
	x := newTrial(t)
	one, two := x.link(), x.link()
	if _, err := x.use(http.MethodGet, one); !errors.Is(err, signin.ErrLink) {
		t.Errorf("by looking at it: %v", err)
	}
	a, err := x.use(http.MethodPost, one)
	if err != nil {
		t.Fatal(err)
	}
	units := []string{"rh-eye", "rh-ortho"}
	want := []signin.Grant{{Role: web.Clerk, Units: units}, {Role: web.Approver}, {Role: web.Incident}, {Role: web.Auditor}, {Role: web.Administrator}}
	if !a.Trial || a.Name != "trial 1" || !signin.IsTrial(a.Subject) || !reflect.DeepEqual(a.Grants, want) {
		t.Errorf("got %+v", a)
	}
	if _, err := x.use(http.MethodPost, one); !errors.Is(err, signin.ErrLink) {
		t.Errorf("a second time: %v", err)
	}
	b, err := x.use(http.MethodPost, two)
	if err != nil || b.Subject == a.Subject || b.Name != "trial 2" {
		t.Errorf("another link: %+v, %v", b, err)
	}
	// Another process, or this one started again, takes nobody for somebody else.
	y := newTrial(t)
	if c, err := y.use(http.MethodPost, y.link()); err != nil || c.Subject == a.Subject {
		t.Errorf("another process: %+v, %v", c, err)
	}
	for _, token := range []string{"", "x", two, strings.Repeat("A", 43)} {
		if _, err := x.use(http.MethodPost, token); !errors.Is(err, signin.ErrLink) {
			t.Errorf("%q: %v", token, err)
		}
	}
}

func TestLinkIsOverAfterAQuarterOfAnHour(t *testing.T) {
	x := newTrial(t)
	token := x.link()
	x.clock.move(signin.LinkTime)
	if _, err := x.use(http.MethodPost, token); !errors.Is(err, signin.ErrLink) {
		t.Errorf("got %v", err)
	}
}

func TestLinkIsUsedByOneOfManyAtOnce(t *testing.T) {
	x := newTrial(t)
	token := x.link()
	var in atomic.Int64
	var all sync.WaitGroup
	for range 16 {
		all.Go(func() {
			if _, err := x.use(http.MethodPost, token); err == nil {
				in.Add(1)
			}
		})
	}
	all.Wait()
	if in.Load() != 1 {
		t.Errorf("%d were let in", in.Load())
	}
}

func TestStrangersEndATrial(t *testing.T) {
	x := newTrial(t)
	token := x.link()
	who, err := x.use(http.MethodPost, x.link())
	if err != nil {
		t.Fatal(err)
	}
	looks := x.looks.Load()
	for range 5 {
		if err := x.Holds(t.Context(), who.Subject); err != nil {
			t.Error(err)
		}
	}
	if x.looks.Load() != looks {
		t.Error("looked at everybody for every page")
	}
	x.stranger.Store(true)
	x.clock.move(time.Second)
	if err := x.Holds(t.Context(), who.Subject); !errors.Is(err, signin.ErrNotTrial) {
		t.Errorf("the session: %v", err)
	}
	if _, err := x.use(http.MethodPost, token); !errors.Is(err, signin.ErrNotTrial) {
		t.Errorf("a link from before: %v", err)
	}
	if _, _, err := x.New(t.Context()); !errors.Is(err, signin.ErrNotTrial) {
		t.Errorf("a new link: %v", err)
	}
	if err := x.Ready(t.Context()); !errors.Is(err, signin.ErrNotTrial) {
		t.Errorf("the page: %v", err)
	}
}

func TestWhatCannotBeToldIsNo(t *testing.T) {
	x := newTrial(t)
	token := x.link()
	down := errors.New("down")
	x.failure.Store(&down)
	x.clock.move(time.Second)
	if _, err := x.use(http.MethodPost, token); !errors.Is(err, signin.ErrUnavailable) {
		t.Errorf("got %v", err)
	}
	if err := x.Holds(t.Context(), "trial-bcdfghjk-1"); !errors.Is(err, signin.ErrUnavailable) {
		t.Errorf("got %v", err)
	}
	x.failure.Store(nil)
	if _, err := x.use(http.MethodPost, token); err != nil {
		t.Errorf("the link was used up by a failure: %v", err)
	}
	if err := x.Holds(t.Context(), "bcdfghjk:bcdfghjkmnpqrstv"); !errors.Is(err, signin.ErrEnded) {
		t.Errorf("a provider's session: %v", err)
	}
}

func TestNoLinksInProduction(t *testing.T) {
	o := signin.LinkOptions{
		Address: "http://127.0.0.1:8486", Units: []string{"rh-eye"}, OnlyInvented: func(context.Context) (bool, error) { return true, nil }, Production: true,
	}
	if _, err := signin.NewLink(o); !errors.Is(err, signin.ErrOptions) {
		t.Errorf("got %v", err)
	}
}
