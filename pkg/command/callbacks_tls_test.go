package command

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// identity is a certificate that is its own authority, for either end of a connection on this machine: in files and at hand.
func identity(t *testing.T, name string) (cert, key string, pair tls.Certificate) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	x := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: name}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, x, x, &private.PublicKey, private)
	if err != nil {
		t.Fatal(err)
	}
	b, err := x509.MarshalECPrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	cert, key = filepath.Join(dir, name+".pem"), filepath.Join(dir, name+".key")
	for file, block := range map[string]*pem.Block{cert: {Type: "CERTIFICATE", Bytes: der}, key: {Type: "EC PRIVATE KEY", Bytes: b}} {
		if err := os.WriteFile(file, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if pair, err = tls.LoadX509KeyPair(cert, key); err != nil {
		t.Fatal(err)
	}
	return cert, key, pair
}

// With callbacks.client_ca a carrier must show a certificate beside all else that proves it: whoever has read its address and password
// gets no further than the handshake.
func TestCarriersShowCertificates(t *testing.T) {
	ours, oursKey, server := identity(t, "husk")
	theirs, _, carrier := identity(t, "carrier")
	_, _, stranger := identity(t, "stranger")
	p := newPlace(t)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	at := l.Addr().String()
	_ = l.Close()
	secret := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(secret, []byte(strings.Repeat("ab", 32)), 0o600); err != nil {
		t.Fatal(err)
	}
	p.configured(strings.NewReplacer("LISTEN", at, "SECRET", secret, "CERT", ours, "KEY", oursKey, "AUTHORITY", theirs).Replace(`
callbacks: {url: "https://husk.hospital.example", listen: "LISTEN", secret_file: SECRET, cert: CERT, key: KEY, client_ca: AUTHORITY}
`))
	_, stop := p.serve()
	defer stop()
	call := func(shown ...tls.Certificate) (int, error) {
		t.Helper()
		c := &tls.Config{RootCAs: x509.NewCertPool()}
		c.RootCAs.AddCert(server.Leaf)
		if len(shown) > 0 { // whatever the server asks for, as one that means harm would
			c.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return &shown[0], nil }
		}
		h := &http.Client{Transport: &http.Transport{TLSClientConfig: c}}
		defer h.CloseIdleConnections()
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "https://"+at+"/v1/carriers/sms/guessed", http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		res, err := h.Do(r)
		if err != nil {
			return 0, err
		}
		return res.StatusCode, res.Body.Close()
	}
	if code, err := call(carrier); code != http.StatusNotFound || err != nil {
		t.Errorf("with the carrier's certificate: %d %v, want that its address is looked at", code, err)
	}
	if code, err := call(); err == nil {
		t.Errorf("without a certificate: %d", code)
	}
	if code, err := call(stranger); err == nil {
		t.Errorf("with a stranger's certificate: %d", code)
	}
}
