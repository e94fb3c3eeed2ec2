package web

import (
	"errors"
	"net/http"
	"time"

	"go.uber.org/zap"
)

// Remote answers the staff API over HTTP: for callers with an API key. An address that asks too often is sent away before anything
// it sent is looked at, and a key that does before its call is. The log has route, status and the key's id: no path, no query, no body.
func (d *Door) Remote() (http.Handler, error) {
	document, err := Document()
	if err != nil {
		return nil, err
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		began := d.o.Now()
		if wait := d.addresses.take(network(r.RemoteAddr), began); wait > 0 {
			d.tooMany(w, "address_rate", wait)
			return
		}
		if r.Method == http.MethodGet && r.URL.Path == "/openapi.json" {
			quiet(w.Header())
			w.Header().Set("Content-Type", "application/openapi+json")
			_, _ = w.Write(document)
			return
		}
		x, leave, why := d.enter()
		if x == nil {
			fail(w, http.StatusServiceUnavailable, Error{Text: "not ready: " + why})
			return
		}
		defer leave()
		c, err := x.api.authenticate(r.Context(), r.Header.Get("Authorization"))
		switch {
		case errors.Is(err, errKey):
			d.refused.WithLabelValues("key").Inc()
			w.Header().Set("WWW-Authenticate", "Bearer")
			fail(w, http.StatusUnauthorized, Error{Text: "want an API key that holds: Authorization: Bearer and the key", Field: "Authorization"})
			return
		case err != nil:
			e := x.api.refusal("authenticate", err)
			fail(w, e.code, *e)
			return
		}
		if wait := d.keys.take(c.self, d.o.Now()); wait > 0 {
			d.tooMany(w, "key_rate", wait)
			return
		}
		route, code := d.pass(w, r, x, c)
		d.o.Log.Info("request", zap.String("route", route), zap.Int("code", code), zap.String("key", c.self), zap.Duration("took", d.o.Now().Sub(began)))
	}), nil
}

func (d *Door) tooMany(w http.ResponseWriter, why string, wait time.Duration) {
	d.refused.WithLabelValues(why).Inc()
	w.Header().Set("Retry-After", retryAfter(wait))
	fail(w, http.StatusTooManyRequests, Error{Text: "too many requests: wait as long as Retry-After says"})
}
