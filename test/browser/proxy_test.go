package browser

import (
	"errors"
	"net"
	"net/http"
	"net/http/httputil"
	"regexp"
	"sync"
)

// wayOut is the browser's only way to any server: a proxy that lets through to this machine alone, and remembers who wanted elsewhere.
// Chromium calls its maker whatever it is told; that is refused as well, and not remembered: what a page asks for, of whatever
// server, hand sees besides.
type wayOut struct {
	address string
	srv     *http.Server
	mu      sync.Mutex
	passed  int
	strays  []string
}

func newWayOut() (*wayOut, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	w := &wayOut{address: l.Addr().String()}
	through := &httputil.ReverseProxy{
		Rewrite:       func(*httputil.ProxyRequest) {}, // it goes where it was sent
		FlushInterval: -1,                              // events at once
		ErrorHandler:  func(rw http.ResponseWriter, _ *http.Request, _ error) { rw.WriteHeader(http.StatusBadGateway) },
	}
	w.srv = &http.Server{Handler: http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if !w.admits(r) {
			rw.WriteHeader(http.StatusForbidden)
			return
		}
		through.ServeHTTP(rw, r)
	})}
	go func() {
		if err := w.srv.Serve(l); !errors.Is(err, http.ErrServerClosed) {
			panic(err)
		}
	}()
	return w, nil
}

func (w *wayOut) admits(r *http.Request) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if r.Method == http.MethodConnect || !isHere(r.URL.Hostname()) {
		if !makers.MatchString(r.URL.Hostname()) {
			w.strays = append(w.strays, r.Method+" "+r.Host)
		}
		return false
	}
	w.passed++
	return true
}

// makers are the servers that Chromium calls by itself.
var makers = regexp.MustCompile(`(^|\.)(google|googleapis|gvt1)\.com$`)

// isHere reports whether a host is this machine.
func isHere(host string) bool { return net.ParseIP(host).IsLoopback() }

// took is how many requests were let through, and who wanted elsewhere since it was asked last.
func (w *wayOut) took() (passed int, strays []string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	passed, strays, w.strays = w.passed, w.strays, nil
	return passed, strays
}
