package web

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// hooked answers for the carriers, and sees what it is given.
type hooked struct{ paths []string }

func (h *hooked) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h.paths = append(h.paths, r.URL.Path)
	_, _ = io.Copy(io.Discard, r.Body)
	if r.Context().Err() != nil {
		w.WriteHeader(http.StatusInternalServerError)
		return
	}
	w.WriteHeader(http.StatusNoContent)
}

func TestCallbacks(t *testing.T) {
	f := &fake{unit: own}
	d := openDoor(t, f)
	at := time.Now()
	d.o.Now = func() time.Time { return at } // however slow the machine is
	h := d.Callbacks()
	call := func(path string) *httptest.ResponseRecorder {
		ctx, cancel := context.WithCancel(t.Context())
		cancel() // the carrier hangs up at once; its STOP counts
		r := httptest.NewRequestWithContext(ctx, http.MethodPost, path, strings.NewReader("x"))
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		return w
	}
	if w := call("/v1/carriers/one/x"); w.Code != 404 || w.Body.Len() != 0 {
		t.Errorf("where none come: %d %q", w.Code, w.Body)
	}
	c := &hooked{}
	d.open.api.o.Callbacks = c
	if w := call("/v1/carriers/one/x"); w.Code != 204 || len(c.paths) != 1 {
		t.Errorf("%d, %q", w.Code, c.paths)
	}
	// It is the carriers' alone: whatever else is asked for goes to them too, and nobody else answers.
	for _, path := range []string{"/v1/status", "/metrics", "/healthz"} {
		if w := call(path); w.Code != 204 || c.paths[len(c.paths)-1] != path {
			t.Errorf("%s: %d", path, w.Code)
		}
	}
	for range 2 * d.callers.perSecond {
		call("/v1/carriers/one/x")
	}
	n := len(c.paths)
	if w := call("/v1/carriers/one/x"); w.Code != http.StatusTooManyRequests || w.Header().Get("Retry-After") == "" || len(c.paths) != n {
		t.Errorf("too often: %d", w.Code)
	}
	d.callers = newLimit(100)
	d.Shut("closing")
	if w := call("/v1/carriers/one/x"); w.Code != 503 || w.Header().Get("Retry-After") == "" || len(c.paths) != n || w.Body.Len() != 0 {
		t.Errorf("while it is shut: %d %q", w.Code, w.Body)
	}
}

// known is hooked, and knows the address of one carrier.
type known struct{ hooked }

func (*known) Carrier(path string) string {
	if path == "/v1/carriers/one/secret" {
		return "one"
	}
	return ""
}

// Strangers and carriers come through one proxy, so from one address: a flood without the secret keeps no carrier out.
func TestAFloodOfStrangersKeepsNoCarrierOut(t *testing.T) {
	now := time.Now()
	d, err := NewDoor(DoorOptions{Rebuild: func(context.Context) (Rebuilt, error) { return Rebuilt{}, nil }, CallbackRate: 5, Now: func() time.Time { return now }})
	if err != nil {
		t.Fatal(err)
	}
	k := &known{}
	a := &API{}
	a.o.Callbacks = k
	d.Open(a)
	h := d.Callbacks()
	call := func(path string) int {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodPost, path, strings.NewReader("Body=STOP")))
		return w.Code
	}
	codes := map[int]int{}
	for range 200 {
		codes[call("/v1/carriers/one/guessed")]++
	}
	if codes[204] != 10 || codes[429] != 190 {
		t.Errorf("strangers: %v, want 10 let through", codes)
	}
	clear(codes)
	for range 200 { // 5 a second from an address are 100 of a carrier, and 200 at once
		codes[call("/v1/carriers/one/secret")]++
	}
	if codes[204] != 200 {
		t.Errorf("the carrier after the flood: %v", codes)
	}
	// Whoever has found out a carrier's address has an end too.
	if code := call("/v1/carriers/one/secret"); code != 429 {
		t.Errorf("a flood with the secret: %d", code)
	}
	now = now.Add(time.Second)
	if code := call("/v1/carriers/one/secret"); code != 204 {
		t.Errorf("a second later: %d", code)
	}
}
