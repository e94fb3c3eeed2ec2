package providertest

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/husk-reminders/husk/pkg/provider"
)

var quiet = log.New(io.Discard, "", 0)

// raw takes the connection from the server and writes what it is given on it.
func raw(w http.ResponseWriter, text string, then func(net.Conn)) {
	c, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return
	}
	defer func() { _ = c.Close() }()
	_, _ = io.WriteString(c, text)
	if then != nil {
		then(c)
	}
}

func broken(t *testing.T, h HTTP) {
	v, s := h.open(t)
	yes := func(got Received) string { return h.Yes(got).Body }
	for name, text := range map[string]func(Received) string{
		"nothing":     func(Received) string { return "" },
		"half a line": func(Received) string { return "HTTP/1.1 20" },
		"half a head": func(Received) string { return "HTTP/1.1 201 Created\r\nContent-Type: app" },
		"half a body": func(g Received) string { return "HTTP/1.1 201 Created\r\nContent-Length: 9999\r\n\r\n" + yes(g) },
		"half a chunk": func(g Received) string {
			return "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nfff\r\n" + yes(g)
		},
		"half a no": func(Received) string { return "HTTP/1.1 400 Bad Request\r\nContent-Length: 99\r\n\r\n{" },
		"no HTTP":   func(Received) string { return "220 mail.example ESMTP\r\n\r\n" },
		"endless head": func(Received) string {
			return "HTTP/1.1 200 OK\r\n" + strings.Repeat("X-A: "+strings.Repeat("a", 1000)+"\r\n", 200) + "\r\n"
		},
		"endless body": func(Received) string { return "HTTP/1.1 200 OK\r\n\r\n" + strings.Repeat(" ", 1<<20) },
		"a long yes": func(g Received) string {
			body := yes(g) + strings.Repeat(" ", 100_000)
			return "HTTP/1.1 200 OK\r\nContent-Length: " + strconv.Itoa(len(body)) + "\r\n\r\n" + body
		},
		"many answers": func(Received) string { return strings.Repeat("HTTP/1.1 102 Processing\r\n\r\n", 100) },
		"another's reply": func(Received) string {
			return "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}HTTP/1.1 201 Created\r\n\r\n"
		},
	} {
		v.will(func(w http.ResponseWriter, _ *http.Request, got Received) { raw(w, text(got), nil) })
		reference := "broken-" + strings.ReplaceAll(strings.ReplaceAll(name, " ", "-"), "'", "")
		err := h.send(t, s, reference)
		want(t, name, err, provider.Unknown, "")
		if n := len(v.sent(t, reference)); n != 1 {
			t.Errorf("%s: sent %d times", name, n)
		}
	}
	v.will(nil)
	if err := h.send(t, s, "broken-no-more"); err != nil {
		t.Errorf("after broken answers the carrier no longer sends: %v (%v)", err, errors.Unwrap(err))
	}
	// Informational answers may come before the real one.
	v.will(func(w http.ResponseWriter, _ *http.Request, got Received) {
		w.WriteHeader(http.StatusEarlyHints)
		write(w, h.Yes(got))
	})
	if err := h.send(t, s, "broken-hints"); err != nil {
		t.Errorf("an answer behind an informational one: %v", err)
	}
}

func slow(t *testing.T, h HTTP) {
	v := h.serve(t, nil)
	hasty := v.site(t)
	hasty.ReplyTimeout = impatience
	s := h.at(t, hasty)
	for name, act := range map[string]func(http.ResponseWriter, *http.Request, Received){
		"silence": func(w http.ResponseWriter, _ *http.Request, _ Received) {
			raw(w, "", func(c net.Conn) { _, _ = io.Copy(io.Discard, c) })
		},
		"drops": func(w http.ResponseWriter, _ *http.Request, _ Received) {
			raw(w, "HTTP/1.1 200 OK\r\nContent-Length: 999\r\n\r\n", func(c net.Conn) {
				for {
					if _, err := io.WriteString(c, " "); err != nil {
						return
					}
					time.Sleep(20 * time.Millisecond)
				}
			})
		},
	} {
		v.will(act)
		begun := time.Now()
		err := h.send(t, s, "slow-"+name)
		want(t, name, err, provider.Unknown, "timeout")
		if d := time.Since(begun); d > patience/2 {
			t.Errorf("%s: waited %v", name, d)
		}
		once(t, v, "slow-"+name)
	}
	// Once the message has begun to leave, the caller's context no longer counts.
	s = h.at(t, v.site(t))
	slot, err := s.Open(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer slot.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
	defer cancel()
	v.will(func(w http.ResponseWriter, _ *http.Request, got Received) {
		<-ctx.Done()
		time.Sleep(50 * time.Millisecond)
		write(w, h.Yes(got))
	})
	if _, err := Send(ctx, s, slot, SMS("slow-context")); err != nil {
		t.Errorf("walked away from an answer: %v (%v)", err, errors.Unwrap(err))
	}
	// A server that takes the connection and never shakes hands.
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	mute := v.site(t)
	mute.URL = "https://" + l.Addr().String()
	gone := h.at(t, mute)
	mute.DialTimeout = impatience
	_, err = h.at(t, mute).Open(t.Context())
	h.clean(t, err)
	want(t, "no handshake", err, provider.Retry, "timeout")
	_ = l.Close()
	_, err = gone.Open(t.Context())
	want(t, "no server", err, provider.Retry, "connection_refused")
}

// once waits until the vendor has a message, which a carrier without patience need not have waited for, and fails when it came twice.
func once(t *testing.T, v *vendor, reference string) {
	t.Helper()
	for end := time.Now().Add(patience); len(v.sent(t, reference)) == 0 && time.Now().Before(end); {
		time.Sleep(5 * time.Millisecond)
	}
	if n := len(v.sent(t, reference)); n != 1 {
		t.Errorf("%s: sent %d times", reference, n)
	}
}

// kept has the vendor hang up just when the second message on a connection has been written.
func kept(t *testing.T, h HTTP) {
	v, s := h.open(t)
	if err := h.send(t, s, "kept-1"); err != nil {
		t.Fatal(err)
	}
	v.will(func(w http.ResponseWriter, _ *http.Request, _ Received) { raw(w, "", nil) })
	err := h.send(t, s, "kept-2")
	want(t, "hung up", err, provider.Unknown, "connection_lost")
	if n := len(v.sent(t, "kept-2")); n != 1 {
		t.Errorf("sent %d times", n)
	}
	v.will(nil)
	if err := h.send(t, s, "kept-3"); err != nil {
		t.Errorf("after a hang-up the carrier no longer sends: %v", err)
	}
}

// closedBefore has the vendor close a kept connection while nothing is being sent, and one with a slot open.
func closedBefore(t *testing.T, h HTTP) {
	v, s := h.open(t)
	if err := h.send(t, s, "closed-1"); err != nil {
		t.Fatal(err)
	}
	v.CloseClientConnections()
	time.Sleep(100 * time.Millisecond)
	if err := h.send(t, s, "closed-2"); err != nil {
		t.Errorf("a kept connection that was closed: %v (%v), want another", err, errors.Unwrap(err))
	}
	slot, err := s.Open(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer slot.Close()
	v.CloseClientConnections()
	time.Sleep(100 * time.Millisecond)
	_, err = Send(t.Context(), s, slot, SMS("closed-3"))
	want(t, "closed under a slot", err, provider.Retry, "connection_lost")
	if n := len(v.sent(t, "closed-3")); n != 0 {
		t.Errorf("sent %d times", n)
	}
}

func deadline(t *testing.T, h HTTP) {
	v, s := h.open(t)
	slot, err := s.Open(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer slot.Close()
	ctx, cancel := context.WithDeadline(t.Context(), time.Now().Add(-time.Millisecond))
	defer cancel()
	_, err = Send(ctx, s, slot, SMS("deadline-1"))
	want(t, "past the deadline", err, provider.Retry, "timeout")
	if n := len(v.sent(t, "deadline-1")); n != 0 {
		t.Errorf("sent %d times", n)
	}
}

// certificate makes one that is its own authority.
func certificate(t *testing.T, until time.Time, ip net.IP, name string) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	c := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "sms.example"}, NotBefore: until.Add(-240 * time.Hour), NotAfter: until,
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	if ip != nil {
		c.IPAddresses = []net.IP{ip}
	} else {
		c.DNSNames = []string{name}
	}
	der, err := x509.CreateCertificate(rand.Reader, c, c, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

func wrongTLS(t *testing.T, h HTTP) {
	here, soon := net.IPv4(127, 0, 0, 1), time.Now().Add(time.Hour)
	for name, c := range map[string]struct {
		certificate tls.Certificate
		change      func(*tls.Config)
		distrust    bool
		code        string // "" = it is right
	}{
		"right":             {certificate: certificate(t, soon, here, "")},
		"expired":           {certificate: certificate(t, time.Now().Add(-time.Hour), here, ""), code: "certificate"},
		"of another host":   {certificate: certificate(t, soon, nil, "other.example"), code: "certificate"},
		"nobody vouches":    {certificate: certificate(t, soon, here, ""), distrust: true, code: "certificate"},
		"TLS 1.1":           {certificate: certificate(t, soon, here, ""), change: old, code: "tls"},
		"of another number": {certificate: certificate(t, soon, net.IPv4(127, 0, 0, 2), ""), code: "certificate"},
	} {
		v := h.serve(t, func(x *tls.Config) {
			x.Certificates = []tls.Certificate{c.certificate}
			if c.change != nil {
				c.change(x)
			}
		})
		site := v.site(t)
		if c.distrust {
			site.CAFile = caFile(t, certificate(t, soon, here, "").Certificate[0])
		}
		s := h.Open(t, site)
		err := h.send(t, s, "tls-1")
		if c.code == "" {
			if err != nil {
				t.Errorf("%s: %v (%v)", name, err, errors.Unwrap(err))
			}
			continue
		}
		want(t, name, err, provider.Retry, c.code)
		if n := len(v.sent(t, "tls-1")); n != 0 {
			t.Errorf("%s: sent %d times", name, n)
		}
	}
}

// old is TLS as it was before RFC 8996.
func old(c *tls.Config) {
	c.MinVersion, c.MaxVersion = tls.VersionTLS10, tls.VersionTLS11
}

// checked tries the check of the account against a vendor that does not know it.
func checked(t *testing.T, h HTTP) {
	v, s := h.open(t)
	c, ok := s.(provider.Checker)
	if !ok {
		t.Fatal("a carrier over HTTP can be checked")
	}
	if err := c.Check(t.Context()); err != nil {
		t.Error(err)
	}
	v.mu.Lock()
	sent := len(v.got)
	v.mu.Unlock()
	if sent != 0 {
		t.Error("the check sent something")
	}
	v.Close()
	err := c.Check(t.Context())
	h.clean(t, err)
	if err == nil || !strings.Contains(err.Error(), "127.0.0.1") {
		t.Errorf("no vendor: %v, want its name", err)
	}
}
