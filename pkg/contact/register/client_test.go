package register_test

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/husk-reminders/husk/pkg/contact"
	"github.com/husk-reminders/husk/pkg/contact/register"
	"github.com/husk-reminders/husk/pkg/contact/verifytest"
)

func TestLongestBody(t *testing.T) {
	b := verifytest.NewBench(t)
	size := 0
	url := b.Serve("x", http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, strings.Repeat(" ", size-2)+"{}")
	}), nil)
	c, err := register.New(register.Options{Roots: b.Authority.Pool, Timeout: b.Timeout, MaxBody: 1000, Now: b.Clock.Now})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	for n, want := range map[int]contact.Reason{999: "", 1000: "", 1001: contact.Garbled, 100_000: contact.Garbled} {
		size = n
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		reply, f := c.Do(t.Context(), r)
		var got contact.Reason
		if f != nil {
			got = f.Reason
		}
		if got != want || (f == nil) != (len(reply.Body) == n) {
			t.Errorf("%d bytes: %q, %d read", n, got, len(reply.Body))
		}
	}
}

// A kept connection that the server has closed costs a look-up nothing, and a call that changes something is not sent twice.
func TestKeptConnections(t *testing.T) {
	b := verifytest.NewBench(t)
	url := b.Serve("x", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Values("Idempotency-Key") != nil {
			t.Error("the mark is on the wire")
		}
		_, _ = io.Copy(io.Discard, r.Body)
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, "{}")
	}), nil)
	c, err := register.New(register.Options{Roots: b.Authority.Pool, Timeout: b.Timeout, Now: b.Clock.Now})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	for i := range 20 {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url, strings.NewReader(fmt.Sprint(i)))
		if err != nil {
			t.Fatal(err)
		}
		register.Lookup(r)
		if _, f := c.Do(t.Context(), r); f != nil {
			t.Errorf("%d: %s", i, f)
		}
		b.Break("x", &verifytest.Fault{}) // closes the connections, and breaks nothing
		b.Break("x", nil)
	}
}
