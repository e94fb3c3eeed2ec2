package acceptance

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"io"
	"log"
	"math/big"
	"net"
	"net/mail"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/emersion/go-smtp"
)

// letter is one message in the carrier's own record.
type letter struct {
	reference string // of the Message-ID
	to        string // of the envelope
	replyTo   string // tells the unit
	by        string // of the greeting; tells the house
	at        time.Time
	raw       string
}

// carrier is a mail server that writes down every message it has fully received before it answers.
type carrier struct {
	host, ca string
	port     int

	// answer decides the answer to a message that was fully received; nil = yes. What it refuses is not in the record; after
	// errDrop the message is, and its sender hears nothing. It is set before the first message comes.
	answer func(letter) error
	delay  atomic.Int64 // before the answer, in nanoseconds

	mu      sync.Mutex
	letters []letter
	hold    chan struct{} // answers are held while it is not nil
	held    []letter      // recorded, and their answer is held
}

// newCarrier starts a mail server with STARTTLS on a free port, its certificate by an authority of its own.
func newCarrier(t *testing.T) *carrier {
	t.Helper()
	server, ca := authority(t)
	c := &carrier{ca: ca}
	s := smtp.NewServer(smtp.BackendFunc(func(conn *smtp.Conn) (smtp.Session, error) { return &session{carrier: c, conn: conn}, nil }))
	s.Domain, s.TLSConfig, s.ErrorLog = "localhost", server, log.New(io.Discard, "", 0)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	a := l.Addr().(*net.TCPAddr)
	c.host, c.port = a.IP.String(), a.Port
	done := make(chan struct{})
	go func() { defer close(done); _ = s.Serve(l) }()
	t.Cleanup(func() {
		c.release()
		_ = s.Close()
		<-done
	})
	return c
}

// stall holds the answers from now on: messages are recorded, and their sender hears nothing.
func (c *carrier) stall() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.hold, c.held = make(chan struct{}), nil
}

// release lets the held answers go.
func (c *carrier) release() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.hold != nil {
		close(c.hold)
		c.hold = nil
	}
}

// holding is how many messages are recorded and not answered.
func (c *carrier) holding() int { return c.holdingOf("") }

// holdingOf is how many of them came from one house; "" = any.
func (c *carrier) holdingOf(by string) (n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, l := range c.held {
		if by == "" || l.by == by {
			n++
		}
	}
	return n
}

// record is what the carrier has, in the order of arrival.
func (c *carrier) record() []letter {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.letters)
}

func (c *carrier) count() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.letters)
}

// take records a letter and answers it.
func (c *carrier) take(l letter) error {
	var err error
	if c.answer != nil {
		if err = c.answer(l); err != nil && !errors.Is(err, errDrop) {
			return err
		}
	}
	c.mu.Lock()
	l.at = time.Now()
	c.letters = append(c.letters, l)
	hold := c.hold
	if hold != nil {
		c.held = append(c.held, l)
	}
	c.mu.Unlock()
	if hold != nil {
		<-hold
	}
	time.Sleep(time.Duration(c.delay.Load()))
	return err
}

type session struct {
	carrier *carrier
	conn    *smtp.Conn
	to      string
}

func (s *session) Reset()        { s.to = "" }
func (s *session) Logout() error { return nil }

func (s *session) Mail(string, *smtp.MailOptions) error {
	if _, ok := s.conn.TLSConnectionState(); !ok {
		return refusal(530, "Must issue a STARTTLS command first")
	}
	return nil
}

func (s *session) Rcpt(to string, _ *smtp.RcptOptions) error {
	s.to = to
	return nil
}

func (s *session) Data(r io.Reader) error {
	raw, err := io.ReadAll(r)
	if err != nil {
		return err // the sender went away before the end: not received
	}
	m, err := mail.ReadMessage(strings.NewReader(string(raw)))
	if err != nil {
		return refusal(554, "not a message")
	}
	reference, _, _ := strings.Cut(strings.Trim(m.Header.Get("Message-Id"), "<>"), "@")
	replyTo, err := mail.ParseAddress(m.Header.Get("Reply-To"))
	if reference == "" || err != nil {
		return refusal(554, "no reference or no way to reply")
	}
	err = s.carrier.take(letter{reference: reference, to: s.to, replyTo: replyTo.Address, by: s.conn.Hostname(), raw: string(raw)})
	if errors.Is(err, errDrop) {
		_ = s.conn.Conn().Close()
	}
	return err
}

// errDrop hangs up without an answer.
var errDrop = errors.New("drop")

func refusal(code int, text string) error {
	return &smtp.SMTPError{Code: code, EnhancedCode: smtp.EnhancedCode{code / 100, 0, 0}, Message: text}
}

// authority makes a certificate authority and a certificate for the loopback address, and returns the server's side and the
// file with the authority's certificate.
func authority(t *testing.T) (*tls.Config, string) {
	t.Helper()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	issue := func(c, parent *x509.Certificate, by *ecdsa.PrivateKey) ([]byte, *ecdsa.PrivateKey) {
		key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		must(err)
		if by == nil {
			by = key
		}
		c.NotBefore, c.NotAfter = time.Now().Add(-time.Hour), time.Now().Add(time.Hour)
		der, err := x509.CreateCertificate(rand.Reader, c, parent, &key.PublicKey, by)
		must(err)
		return der, key
	}
	ca := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "throw-away authority"}, IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageCertSign,
	}
	caDER, caKey := issue(ca, ca, nil)
	leaf := &x509.Certificate{
		SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: "carrier"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	der, key := issue(leaf, ca, caKey)
	file := filepath.Join(t.TempDir(), "ca.pem")
	must(os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: caDER}), 0o600))
	return &tls.Config{MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}}, file
}
