package web

import (
	"context"
	"net/http"
	"strconv"
	"strings"
)

// unsubscribeRoute is the label of metrics of one-click unsubscriptions.
const unsubscribeRoute = "unsubscribe"

// Unsubscribe answers one-click unsubscriptions of mail (RFC 8058) below a path that ends with "/", one token behind it, and nothing
// else: it is for a listener that is reached from outside, where neither staff nor metrics answer. There is no key: the token is one.
// An address that asks too often is sent away before its token is looked at. No path is logged, for it holds the token.
func (d *Door) Unsubscribe(path string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if wait := d.unsubscribers.take(network(r.RemoteAddr), d.o.Now()); wait > 0 {
			d.tooMany(w, "unsubscribe_rate", wait)
			return
		}
		token, ok := strings.CutPrefix(r.URL.Path, path)
		if !ok || token == "" || strings.Contains(token, "/") {
			fail(w, http.StatusNotFound, Error{Text: "no such path"})
			return
		}
		x, leave, _ := d.enter()
		if x == nil {
			w.Header().Set("Retry-After", "60")
			fail(w, http.StatusServiceUnavailable, Error{Text: "not ready"})
			return
		}
		defer leave()
		if x.api.o.Unsubscribe == nil {
			fail(w, http.StatusNotFound, Error{Text: "no such path"})
			return
		}
		ctx := r.Context()
		if r.Method == http.MethodPost {
			ctx = context.WithoutCancel(ctx) // a STOP that has come goes on when the one who brought it has hung up
		}
		ctx, cancel := context.WithCancel(ctx)
		defer cancel()
		defer context.AfterFunc(x.ctx, cancel)()
		n := &counted{ResponseWriter: w, code: http.StatusOK}
		x.api.o.Unsubscribe.ServeHTTP(n, r.WithContext(ctx))
		d.requests.WithLabelValues(unsubscribeRoute, strconv.Itoa(n.code)).Inc()
	})
}
