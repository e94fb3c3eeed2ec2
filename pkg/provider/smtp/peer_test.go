package smtp_test

import (
	"bufio"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"io"
	"log"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/emersion/go-sasl"
	gosmtp "github.com/emersion/go-smtp"
)

// letter is what the peer received and took.
type letter struct {
	from, to string
	utf8     bool
	tls      bool
	user     string
	data     string
}

// peer is a mail server whose every answer a test can script.
type peer struct {
	host string
	port int

	onMail, onRcpt func(c *gosmtp.Conn, address string) error
	onData         func(c *gosmtp.Conn) error // after the whole text was read

	connections atomic.Int32
	release     chan struct{} // closed at the end: stalled sessions wait for it
	mu          sync.Mutex
	taken       []letter
}

func (p *peer) letters() []letter {
	p.mu.Lock()
	defer p.mu.Unlock()
	return append([]letter(nil), p.taken...)
}

type peerOptions struct {
	tls      *tls.Config
	implicit bool
	user     string // "" = no AUTH
	utf8     bool
}

func newPeer(t *testing.T, o peerOptions) *peer {
	t.Helper()
	p := &peer{release: make(chan struct{})}
	s := gosmtp.NewServer(gosmtp.BackendFunc(func(c *gosmtp.Conn) (gosmtp.Session, error) {
		if o.user != "" {
			return &authSession{&session{peer: p, conn: c}, o.user}, nil
		}
		return &session{peer: p, conn: c}, nil
	}))
	s.Domain, s.TLSConfig, s.EnableSMTPUTF8 = "localhost", o.tls, o.utf8
	s.ErrorLog = log.New(io.Discard, "", 0)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	a := l.Addr().(*net.TCPAddr)
	p.host, p.port = a.IP.String(), a.Port
	l = counting{l, &p.connections}
	if o.implicit {
		l = tls.NewListener(l, o.tls)
	}
	done := make(chan struct{})
	go func() { defer close(done); _ = s.Serve(l) }()
	t.Cleanup(func() {
		close(p.release)
		_ = s.Close()
		_ = l.Close() // Serve may not have told the server of it yet
		<-done
	})
	return p
}

// counting counts connections; go-smtp makes two sessions of one that turns to TLS.
type counting struct {
	net.Listener
	n *atomic.Int32
}

func (l counting) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err == nil {
		l.n.Add(1)
	}
	return c, err
}

type session struct {
	peer *peer
	conn *gosmtp.Conn
	now  letter
	user string
}

func (s *session) Reset()        { s.now = letter{} }
func (s *session) Logout() error { return nil }

func (s *session) Mail(from string, o *gosmtp.MailOptions) error {
	_, isTLS := s.conn.TLSConnectionState()
	s.now = letter{from: from, utf8: o.UTF8, tls: isTLS, user: s.user}
	if s.peer.onMail != nil {
		return s.peer.onMail(s.conn, from)
	}
	return nil
}

func (s *session) Rcpt(to string, _ *gosmtp.RcptOptions) error {
	s.now.to = to
	if s.peer.onRcpt != nil {
		return s.peer.onRcpt(s.conn, to)
	}
	return nil
}

func (s *session) Data(r io.Reader) error {
	raw, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	if s.peer.onData != nil {
		if err := s.peer.onData(s.conn); err != nil {
			return err
		}
	}
	s.now.data = string(raw)
	s.peer.mu.Lock()
	s.peer.taken = append(s.peer.taken, s.now)
	s.peer.mu.Unlock()
	return nil
}

// authSession demands a login.
type authSession struct {
	*session
	want string
}

func (s *authSession) AuthMechanisms() []string { return []string{sasl.Plain} }

func (s *authSession) Auth(string) (sasl.Server, error) {
	return sasl.NewPlainServer(func(_, user, password string) error {
		if user != s.want || password != "correct horse" {
			return gosmtp.ErrAuthFailed
		}
		s.user = user
		return nil
	}), nil
}

func (s *authSession) Mail(from string, o *gosmtp.MailOptions) error {
	if s.user == "" {
		return gosmtp.ErrAuthRequired
	}
	return s.session.Mail(from, o)
}

func says(code int, enhanced gosmtp.EnhancedCode, text string) error {
	return &gosmtp.SMTPError{Code: code, EnhancedCode: enhanced, Message: text}
}

// authority is a certificate authority with one server certificate.
type authority struct {
	file   string // PEM
	server *tls.Config
}

func newAuthority(t *testing.T, name string, ips ...net.IP) authority {
	t.Helper()
	must := func(err error) {
		if err != nil {
			t.Helper()
			t.Fatal(err)
		}
	}
	caKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(err)
	ca := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test authority"}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), KeyUsage: x509.KeyUsageCertSign,
	}
	caDER, err := x509.CreateCertificate(rand.Reader, ca, ca, &caKey.PublicKey, caKey)
	must(err)
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(err)
	leaf := &x509.Certificate{
		SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: name}, DNSNames: []string{name}, IPAddresses: ips,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, leaf, ca, &key.PublicKey, caKey)
	must(err)
	file := filepath.Join(t.TempDir(), "ca.pem")
	must(os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: caDER}), 0o600))
	return authority{file, &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}}}
}

var loopback = net.IPv4(127, 0, 0, 1)

// line is a peer of one reply a command, for what go-smtp cannot be made to say. The script maps a command's first word
// ("" is the greeting, "." the end of the text) to a reply; "drop" hangs up, "stall" falls silent, "drop mid-text" as the
// reply to DATA takes the first line of the text and hangs up.
func line(t *testing.T, script map[string]string) (host string, port int) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	end := make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			wg.Go(func() { defer func() { _ = c.Close() }(); talk(c, script, end) })
		}
	})
	t.Cleanup(func() { close(end); _ = l.Close(); wg.Wait() })
	a := l.Addr().(*net.TCPAddr)
	return a.IP.String(), a.Port
}

func talk(c net.Conn, script map[string]string, end chan struct{}) {
	plain := map[string]string{"": "220 hi", "EHLO": "250 hi", "MAIL": "250 ok", "RCPT": "250 ok", "DATA": "354 go on", ".": "250 taken", "RSET": "250 ok", "QUIT": "221 bye"}
	r := bufio.NewReader(c)
	for word, text := "", false; ; {
		reply, ok := script[word]
		if !ok {
			reply = plain[word]
		}
		switch reply {
		case "drop":
			return
		case "stall":
			<-end
			return
		case "drop mid-text":
			_, _ = io.WriteString(c, "354 go on\r\n")
			_, _ = r.ReadString('\n')
			return
		}
		if _, err := io.WriteString(c, reply+"\r\n"); err != nil || word == "QUIT" {
			return
		}
		text = word == "DATA" && strings.HasPrefix(reply, "354")
		for {
			s, err := r.ReadString('\n')
			if err != nil {
				return
			}
			s = strings.TrimRight(s, "\r\n")
			if !text {
				word, _, _ = strings.Cut(s, " ")
				break
			}
			if s == "." {
				word = "."
				break
			}
		}
	}
}
