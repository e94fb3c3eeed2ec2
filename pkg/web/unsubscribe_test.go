package web

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// unsubscribing is what stands behind the door: it says what it was asked.
type unsubscribing struct{ asked []string }

func (u *unsubscribing) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method == http.MethodPost && r.Context().Err() != nil {
		u.asked = append(u.asked, "cut short")
	}
	u.asked = append(u.asked, r.Method+" "+r.URL.Path)
	w.WriteHeader(http.StatusOK)
}

func TestUnsubscribe(t *testing.T) {
	f := &fake{}
	d := openDoor(t, f)
	u := &unsubscribing{}
	h := d.Unsubscribe("/unsubscribe/")
	for _, x := range []string{"/unsubscribe/abc", "/"} {
		if w := ask(h, "POST", x, ""); w.Code != http.StatusNotFound {
			t.Errorf("%s where nothing is offered: %d", x, w.Code)
		}
	}
	d.open.api.o.Unsubscribe = u
	for path, want := range map[string]int{
		"/unsubscribe/abc": 200, "/unsubscribe/": 404, "/unsubscribe": 404, "/unsubscribe/a/b": 404, "/": 404, "/v1/status": 404, "/metrics": 404, "/healthz": 404,
		"/openapi.json": 404, "/other/abc": 404,
	} {
		if w := ask(h, "POST", path, "List-Unsubscribe=One-Click"); w.Code != want {
			t.Errorf("%s: %d, want %d", path, w.Code, want)
		}
	}
	if len(u.asked) != 1 || u.asked[0] != "POST /unsubscribe/abc" || len(f.calls)+len(f.audits) != 0 {
		t.Errorf("asked %v, and the ledger %v", u.asked, f.calls)
	}
	// A mail provider that hangs up has said STOP all the same.
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("POST", "/unsubscribe/abc", nil).WithContext(gone))
	if len(u.asked) != 2 || u.asked[1] != "POST /unsubscribe/abc" {
		t.Errorf("after it was hung up: %v", u.asked)
	}
	d.Shut("starting anew")
	w := ask(h, "POST", "/unsubscribe/abc", "")
	if w.Code != http.StatusServiceUnavailable || w.Header().Get("Retry-After") == "" || strings.Contains(w.Body.String(), "abc") {
		t.Errorf("while the line is shut: %d %v %s", w.Code, w.Header(), w.Body)
	}
}

// Too many from one address are sent away; others are not, and the staff API has a limit of its own.
func TestUnsubscribeRate(t *testing.T) {
	d := openDoor(t, &fake{})
	d.unsubscribers = newLimit(2)
	u := &unsubscribing{}
	d.open.api.o.Unsubscribe = u
	h := d.Unsubscribe("/u/")
	from := func(remote string) int {
		r := httptest.NewRequest("POST", "/u/abc", nil)
		r.RemoteAddr = remote
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		return w.Code
	}
	refused := 0
	for range 20 {
		if from("192.0.2.1:1000") == http.StatusTooManyRequests {
			refused++
		}
	}
	if refused < 10 || len(u.asked) != 20-refused {
		t.Errorf("%d of 20 are refused, %d asked", refused, len(u.asked))
	}
	if code := from("192.0.2.2:1000"); code != http.StatusOK {
		t.Errorf("another address: %d", code)
	}
	if w := ask(d.Staff(), "GET", "/v1/switches", ""); w.Code != http.StatusOK {
		t.Errorf("staff: %d", w.Code)
	}
}
