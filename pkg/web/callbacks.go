package web

import (
	"context"
	"net/http"
	"strconv"
	"time"
)

// callbackRoute is the label of metrics of carriers' calls.
const callbackRoute = "callback"

// carrierCalls is how many times what an address without a secret may call a carrier may: each message can have several reports, and they
// come in waves.
const carrierCalls = 20

// knower is what Options.Callbacks may know beside: whose path one is, "" = nobody's. It must tell in constant time.
type knower interface{ Carrier(path string) string }

// Callbacks answers the carriers' calls and nothing else: it is for a listener that is reached from outside, where neither staff nor metrics
// answer. Who calls with a carrier's secret in the path is counted as that carrier, from wherever the call comes; all others are counted by
// address, and sent away when they call too often: a flood of strangers, be it through the same proxy, keeps no STOP out. No path is
// logged. While the line is shut the answer is 503, and a carrier comes again.
func (d *Door) Callbacks() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		x, leave, _ := d.enter()
		if x == nil {
			w.Header().Set("Retry-After", "60")
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		defer leave()
		if wait := d.called(x, r); wait > 0 {
			d.tooMany(w, "callback_rate", wait)
			return
		}
		if x.api.o.Callbacks == nil {
			w.WriteHeader(http.StatusNotFound)
			return
		}
		// A STOP that has come goes on when the carrier that brought it has hung up.
		ctx, cancel := context.WithCancel(context.WithoutCancel(r.Context()))
		defer cancel()
		defer context.AfterFunc(x.ctx, cancel)()
		n := &counted{ResponseWriter: w, code: http.StatusOK}
		x.api.o.Callbacks.ServeHTTP(n, r.WithContext(ctx))
		d.requests.WithLabelValues(callbackRoute, strconv.Itoa(n.code)).Inc()
	})
}

// called counts a call, and returns how long it must wait.
func (d *Door) called(x *opening, r *http.Request) time.Duration {
	if k, ok := x.api.o.Callbacks.(knower); ok {
		if carrier := k.Carrier(r.URL.Path); carrier != "" {
			return d.carriers.take(carrier, d.o.Now())
		}
	}
	return d.callers.take(network(r.RemoteAddr), d.o.Now())
}
