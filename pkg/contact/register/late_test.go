package register

import (
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/husk-reminders/husk/pkg/contact"
)

// late is a server that answers at the moment when the caller gives up. A TLS connection says that it closes before it
// does, so such an answer may still be heard.
type late struct{ code int }

func (l late) RoundTrip(r *http.Request) (*http.Response, error) {
	<-r.Context().Done()
	w := httptest.NewRecorder()
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(l.code)
	return w.Result(), nil
}

func TestLateAnswer(t *testing.T) {
	for _, code := range []int{http.StatusOK, http.StatusNoContent, http.StatusForbidden, http.StatusBadGateway} {
		c, err := New(Options{Timeout: time.Millisecond})
		if err != nil {
			t.Fatal(err)
		}
		c.http.Transport = late{code}
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "https://127.0.0.1/", http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		if reply, f := c.Do(t.Context(), r); f == nil || f.Reason != contact.Timeout || reply.Body != nil {
			t.Errorf("%d after the time was over counts: %+v", code, f)
		}
	}
}
