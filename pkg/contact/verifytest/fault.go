package verifytest

import (
	"bytes"
	"compress/gzip"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/husk-reminders/husk/pkg/contact"
)

// Fault is a way for a server to fail. One of Handler, TLS and Conn is set.
type Fault struct {
	Name    string
	Handler func(next http.Handler) http.Handler
	TLS     func(b *Bench, good *tls.Config) (*tls.Config, error)
	Conn    func(c net.Conn)
	Slow    bool // the verifier waits for it until its time is over
	// Reasons are those that the answer may have.
	Reasons []contact.Reason
}

// say is a fixed answer. The text it can hold: what was asked, since a careless client quotes it.
func say(status int, contentType string, headers map[string]string, body func(r *http.Request) string) func(http.Handler) http.Handler {
	return func(http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			asked, _ := io.ReadAll(r.Body)
			w.Header().Set("Content-Type", contentType)
			for k, v := range headers {
				w.Header().Set(k, v)
			}
			w.WriteHeader(status)
			_, _ = fmt.Fprint(w, strings.ReplaceAll(body(r), "{asked}", r.URL.String()+string(asked))) //nolint:gosec // JSON to a client under test
		})
	}
}

func text(s string) func(*http.Request) string { return func(*http.Request) string { return s } }

const jsonType = "application/json"

// bomb is 16 MiB of blanks, packed.
var bomb = sync.OnceValue(func() []byte {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	chunk := []byte(strings.Repeat(" ", 1<<20))
	for range 16 {
		_, _ = z.Write(chunk)
	}
	_ = z.Close()
	return b.Bytes()
})

// Faults are those of any server that speaks JSON over HTTPS.
func Faults() []Fault {
	garbled := []contact.Reason{contact.Garbled}
	insecure := []contact.Reason{contact.Insecure, contact.Unreachable}
	json := func(name, body string) Fault {
		return Fault{Name: name, Reasons: garbled, Handler: say(200, jsonType, nil, text(body))}
	}
	status := func(name string, code int, headers map[string]string, reasons ...contact.Reason) Fault {
		return Fault{Name: name, Reasons: reasons, Handler: say(code, jsonType, headers, text(`{"error":"no","error_description":"{asked}"}`))}
	}
	with := func(name string, change func(b *Bench, c *tls.Config) error) Fault {
		return Fault{Name: name, Reasons: insecure, TLS: func(b *Bench, c *tls.Config) (*tls.Config, error) { return c, change(b, c) }}
	}
	return []Fault{
		status("500 that quotes the question", 500, nil, contact.Broken),
		status("502", 502, nil, contact.Broken),
		status("503", 503, nil, contact.Broken),
		status("503 with Retry-After", 503, map[string]string{"Retry-After": "120"}, contact.Busy),
		status("429 with Retry-After", 429, map[string]string{"Retry-After": "120"}, contact.Busy),
		status("429 without", 429, nil, contact.Busy),
		status("429 with a mad Retry-After", 429, map[string]string{"Retry-After": "-5"}, contact.Busy),
		status("400", 400, nil, contact.Refused, contact.Unauthorised, contact.ClockWrong),
		status("401 for good", 401, nil, contact.Unauthorised, contact.ClockWrong),
		status("403", 403, nil, contact.Refused),
		status("404", 404, nil, contact.Refused),
		status("204", 204, nil, contact.Garbled),
		status("206", 206, nil, contact.Garbled),
		json("nothing", ""),
		json("a number", "7"),
		json("null", "null"),
		json("an empty object", "{}"),
		json("an empty list", "[]"),
		json("garbage", "\x00\xff\xfe{{{"),
		json("everything is null", `{"result":null,"personer":null,"access_token":null,"token_type":null,"expires_in":null,"RequestedSecurityToken":null}`),
		json("everything is text", `{"result":"true","personer":"x","access_token":"","token_type":"Bearer","expires_in":"60","RequestedSecurityToken":"x"}`),
		json("everything twice", `{"result":false,"Result":true,"personer":[],"PERSONER":[],"access_token":"a","Access_Token":"b","RequestedSecurityToken":{},"requestedsecuritytoken":{}}`),
		json("deep", strings.Repeat("[", 20_000)),
		{Name: "200 that is HTML", Reasons: garbled, Handler: say(200, "text/html", nil, text("<html>Logg inn</html>"))},
		{Name: "the right answer as text/plain", Reasons: garbled, Handler: rewrite(func(w http.ResponseWriter, body []byte) {
			w.Header().Set("Content-Type", "text/plain")
			_, _ = w.Write(body)
		})},
		{Name: "the right answer and then more", Reasons: garbled, Handler: rewrite(func(w http.ResponseWriter, body []byte) {
			w.Header().Set("Content-Type", jsonType)
			_, _ = w.Write(append(body, "{}"...))
		})},
		{Name: "the right answer cut short", Reasons: garbled, Handler: rewrite(func(w http.ResponseWriter, body []byte) {
			w.Header().Set("Content-Type", jsonType)
			_, _ = w.Write(body[:len(body)/2])
		})},
		{Name: "the right answer that breaks off", Reasons: []contact.Reason{contact.Garbled, contact.Unreachable}, Handler: rewrite(func(w http.ResponseWriter, body []byte) {
			w.Header().Set("Content-Type", jsonType)
			w.Header().Set("Content-Length", fmt.Sprint(len(body)))
			_, _ = w.Write(body[:len(body)-1])
			panic(http.ErrAbortHandler)
		})},
		{Name: "an answer without end", Reasons: garbled, Handler: func(http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Type", jsonType)
				chunk := []byte(strings.Repeat(" ", 64<<10))
				for {
					if _, err := w.Write(chunk); err != nil {
						return
					}
				}
			})
		}},
		{Name: "a small answer that unpacks to a huge one", Reasons: garbled, Handler: func(http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Type", jsonType)
				w.Header().Set("Content-Encoding", "gzip")
				_, _ = w.Write(bomb())
			})
		}},
		{Name: "silence", Slow: true, Reasons: []contact.Reason{contact.Timeout}, Handler: func(http.Handler) http.Handler {
			return http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
				_, _ = io.Copy(io.Discard, r.Body)
				<-r.Context().Done()
				panic(http.ErrAbortHandler) // a handler that returns has answered
			})
		}},
		{Name: "a byte now and then", Slow: true, Reasons: []contact.Reason{contact.Timeout}, Handler: func(http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				_, _ = io.Copy(io.Discard, r.Body)
				w.Header().Set("Content-Type", jsonType)
				for r.Context().Err() == nil {
					if _, err := fmt.Fprint(w, " "); err != nil {
						return
					}
					_ = http.NewResponseController(w).Flush()
					time.Sleep(50 * time.Millisecond)
				}
			})
		}},
		{Name: "the connection breaks", Reasons: []contact.Reason{contact.Unreachable}, Handler: func(http.Handler) http.Handler {
			return http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) })
		}},
		{Name: "not HTTP", Reasons: []contact.Reason{contact.Unreachable, contact.Garbled}, Handler: func(http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				c, _, err := http.NewResponseController(w).Hijack()
				if err != nil {
					return
				}
				_, _ = fmt.Fprintf(c, "200 %s\r\n\r\n", r.URL) // net/http quotes it in its error
				_ = c.Close()
			})
		}},
		{Name: "the door is shut", Reasons: insecure, Conn: func(c net.Conn) { _ = c.Close() }},
		{Name: "HTTP without TLS", Reasons: insecure, Conn: func(c net.Conn) {
			_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 15\r\n\r\n{\"result\":true}")
			time.Sleep(50 * time.Millisecond)
			_ = c.Close()
		}},
		with("a certificate of an unknown authority", func(b *Bench, c *tls.Config) error {
			c.Certificates = []tls.Certificate{NewAuthority(b.T).Server(b.T, "127.0.0.1", time.Hour)}
			return nil
		}),
		with("a certificate that has run out", func(b *Bench, c *tls.Config) error {
			c.Certificates = []tls.Certificate{b.Authority.Server(b.T, "127.0.0.1", -time.Minute)}
			return nil
		}),
		with("another host's certificate", func(b *Bench, c *tls.Config) error {
			c.Certificates = []tls.Certificate{b.Authority.Server(b.T, "192.0.2.1", time.Hour)}
			return nil
		}),
		with("TLS 1.1", func(_ *Bench, c *tls.Config) error {
			c.MinVersion, c.MaxVersion = tls.VersionTLS10, tls.VersionTLS11
			return nil
		}),
		with("a handshake that is refused", func(*Bench, *tls.Config) error { return errors.New("no") }),
	}
}

// rewrite gives what the server would say to a function that says it otherwise.
func rewrite(how func(w http.ResponseWriter, body []byte)) func(http.Handler) http.Handler {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			rec := &recorder{header: http.Header{}}
			next.ServeHTTP(rec, r)
			how(w, rec.body)
		})
	}
}

type recorder struct {
	header http.Header
	body   []byte
}

func (r *recorder) Header() http.Header { return r.header }
func (r *recorder) WriteHeader(int)     {}
func (r *recorder) Write(b []byte) (int, error) {
	r.body = append(r.body, b...)
	return len(b), nil
}

// Redirect sends callers to another server, with each status that does.
func Redirect(to string) []Fault {
	var out []Fault
	for _, code := range []int{301, 302, 303, 307, 308} {
		out = append(out, Fault{
			Name: fmt.Sprintf("%d to another server", code), Reasons: []contact.Reason{contact.Redirected},
			Handler: func(http.Handler) http.Handler {
				return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, to, code) })
			},
		})
	}
	return out
}
