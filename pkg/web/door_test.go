package web

import (
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestAShutDoor(t *testing.T) {
	d := openDoor(t, &fake{})
	d.Shut("the disk is full")
	for _, h := range []http.Handler{d.Staff(), d.Public()} {
		if w := ask(h, "GET", "/healthz", ""); w.Code != http.StatusOK {
			t.Errorf("alive: %d", w.Code)
		}
		if w := ask(h, "GET", "/readyz", ""); w.Code != http.StatusServiceUnavailable || !strings.Contains(w.Body.String(), "the disk is full") {
			t.Errorf("ready: %d %s", w.Code, w.Body)
		}
		if w := ask(h, "GET", "/metrics", ""); w.Code != http.StatusOK || !strings.Contains(w.Body.String(), "husk_web_ready 0") {
			t.Errorf("metrics: %d", w.Code)
		}
	}
	for _, x := range touching {
		if w := ask(d.Staff(), x.method, x.path, x.body); w.Code != http.StatusServiceUnavailable || !strings.Contains(w.Body.String(), "the disk is full") {
			t.Errorf("%s %s: %d %s", x.method, x.path, w.Code, w.Body)
		}
	}
}

func TestThePublicSideHasNoStaffAPI(t *testing.T) {
	d := openDoor(t, &fake{})
	for _, x := range touching {
		if w := ask(d.Public(), x.method, x.path, x.body); w.Code != http.StatusNotFound {
			t.Errorf("%s %s: %d", x.method, x.path, w.Code)
		}
	}
	if w := ask(d.Public(), "POST", "/v1/state/rebuild", ""); w.Code != http.StatusNotFound {
		t.Errorf("rebuild: %d", w.Code)
	}
	if w := ask(d.Public(), "GET", "/readyz", ""); w.Code != http.StatusOK {
		t.Errorf("ready: %d %s", w.Code, w.Body)
	}
}

func TestShutWaitsForWhatIsInHand(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fake{block: make(chan struct{})}
		d := openDoor(t, f)
		answered, shut := make(chan int, 1), make(chan struct{})
		go func() { answered <- ask(d.Staff(), "GET", "/v1/status", "").Code }()
		synctest.Wait()
		go func() { d.Shut("stopping"); close(shut) }()
		synctest.Wait()
		select {
		case <-shut:
			t.Fatal("shut while a request was in hand")
		default:
		}
		if w := ask(d.Staff(), "GET", "/v1/status", ""); w.Code != http.StatusServiceUnavailable {
			t.Errorf("a new request: %d", w.Code)
		}
		time.Sleep(time.Second)
		close(f.block)
		<-shut
		if code := <-answered; code != http.StatusOK {
			t.Errorf("the request in hand: %d", code)
		}
	})
}

func TestRebuild(t *testing.T) {
	f := &fake{}
	d := openDoor(t, f)
	w := ask(d.Staff(), "POST", "/v1/state/rebuild", "")
	var r Rebuilt
	if err := json.Unmarshal(w.Body.Bytes(), &r); err != nil || r != (Rebuilt{Entries: 7, Seconds: 0.5}) {
		t.Errorf("%d %s: %v", w.Code, w.Body, err)
	}
	if len(f.audits) != 1 || f.audits[0].Action != "state.rebuild" {
		t.Errorf("audit %+v", f.audits)
	}
	f.err = errors.New("no room")
	if w := ask(d.Staff(), "POST", "/v1/state/rebuild", ""); w.Code != http.StatusServiceUnavailable || !strings.Contains(w.Body.String(), "no room") {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

func TestRequestsAreCounted(t *testing.T) {
	d := openDoor(t, &fake{})
	ask(d.Staff(), "GET", "/v1/persons/"+somebody+"?reason=x", "")
	ask(d.Staff(), "GET", "/v1/persons/0101701234?reason=x", "")
	m := ask(d.Staff(), "GET", "/metrics", "").Body.String()
	for _, want := range []string{
		`husk_web_requests_total{code="200",route="GET /v1/persons/{key}"} 1`,
		`husk_web_requests_total{code="400",route="GET /v1/persons/{key}"} 1`,
		"husk_web_ready 1",
	} {
		if !strings.Contains(m, want) {
			t.Errorf("no %s", want)
		}
	}
	if strings.Contains(m, "0101701234") || strings.Contains(m, somebody) {
		t.Error("a person is in the metrics")
	}
}
