package web

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// The state is certified for a moment after the broker has gone: who asks whether the line is ready is told no all the same.
func TestNotReadyWithoutTheBroker(t *testing.T) {
	for name, streams := range map[string]func(context.Context) ([]Stream, error){
		"it is gone": func(context.Context) ([]Stream, error) { return nil, errors.New("no responders") },
		"it hangs": func(ctx context.Context) ([]Stream, error) {
			<-ctx.Done()
			return nil, ctx.Err()
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d := openDoor(t, &fake{})
				answers := func(code int, gauge string) {
					t.Helper()
					for _, h := range []http.Handler{d.Staff(), d.Public()} {
						began := time.Now()
						if w := ask(h, "GET", "/readyz", ""); w.Code != code {
							t.Errorf("ready: %d %s", w.Code, w.Body)
						}
						if took := time.Since(began); took > readyTime {
							t.Errorf("answered after %v", took)
						}
						if w := ask(h, "GET", "/healthz", ""); w.Code != http.StatusOK {
							t.Errorf("alive: %d", w.Code)
						}
						if w := ask(h, "GET", "/metrics", ""); !strings.Contains(w.Body.String(), gauge) {
							t.Errorf("metrics without %s", gauge)
						}
					}
				}
				d.open.api.o.Streams = func(context.Context) ([]Stream, error) { return []Stream{}, nil }
				answers(http.StatusOK, "husk_web_ready 1")
				d.open.api.o.Streams = streams
				answers(http.StatusServiceUnavailable, "husk_web_ready 0")
			})
		})
	}
}

// A store that hangs is told of as soon as a broker that does.
func TestNotReadyWithoutTheStore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := openDoor(t, &fake{})
		d.open.api.o.Ready = func(ctx context.Context) error {
			<-ctx.Done()
			return ctx.Err()
		}
		began := time.Now()
		if w := ask(d.Public(), "GET", "/readyz", ""); w.Code != http.StatusServiceUnavailable {
			t.Errorf("ready: %d %s", w.Code, w.Body)
		}
		if took := time.Since(began); took > readyTime {
			t.Errorf("answered after %v", took)
		}
	})
}
