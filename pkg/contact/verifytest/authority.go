package verifytest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"sync"
	"testing"
	"time"
)

// Authority issues certificates.
type Authority struct {
	Pool *x509.CertPool
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

// wall is the time that certificates are checked by, whatever a bench's clock says.
var wall = time.Now //nolint:forbidigo // crypto/tls reads the wall clock

// NewAuthority is one that nobody else trusts.
func NewAuthority(t testing.TB) *Authority {
	t.Helper()
	key := ecKey(t)
	c := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "verifytest authority"}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: wall().Add(-time.Hour), NotAfter: wall().Add(time.Hour), KeyUsage: x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, c, c, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	a := &Authority{Pool: x509.NewCertPool(), cert: cert, key: key}
	a.Pool.AddCert(cert)
	return a
}

func ecKey(t testing.TB) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// PEM is the authority's certificate, for a file of those to trust.
func (a *Authority) PEM() []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: a.cert.Raw})
}

// Server is a certificate for a server at ip that goes by names too, valid for so long from now on; less than zero: it has
// run out.
func (a *Authority) Server(t testing.TB, ip string, valid time.Duration, names ...string) tls.Certificate {
	t.Helper()
	key := ecKey(t)
	return a.issue(t, &x509.Certificate{
		Subject: pkix.Name{CommonName: "server"}, IPAddresses: []net.IP{net.ParseIP(ip)}, DNSNames: names,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}, NotBefore: wall().Add(-30 * time.Minute), NotAfter: wall().Add(valid),
	}, &key.PublicKey, key)
}

// Client is a certificate for a client, with an RSA key as the Nordic organisation certificates have.
func (a *Authority) Client(t testing.TB, name string) tls.Certificate {
	t.Helper()
	key := RSAKey(t)
	return a.issue(t, &x509.Certificate{
		Subject: pkix.Name{CommonName: name}, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
		NotBefore: wall().Add(-30 * time.Minute), NotAfter: wall().Add(time.Hour),
	}, &key.PublicKey, key)
}

func (a *Authority) issue(t testing.TB, c *x509.Certificate, public, private any) tls.Certificate {
	t.Helper()
	serial, err := rand.Int(rand.Reader, big.NewInt(1<<62))
	if err != nil {
		t.Fatal(err)
	}
	c.SerialNumber, c.KeyUsage = serial, x509.KeyUsageDigitalSignature
	der, err := x509.CreateCertificate(rand.Reader, c, a.cert, public, a.key)
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der, a.cert.Raw}, PrivateKey: private, Leaf: leaf}
}

var rsaKey = sync.OnceValues(func() (*rsa.PrivateKey, error) { return rsa.GenerateKey(rand.Reader, 2048) })

// RSAKey is one key for all tests of a run: making one takes long.
func RSAKey(t testing.TB) *rsa.PrivateKey {
	t.Helper()
	key, err := rsaKey()
	if err != nil {
		t.Fatal(err)
	}
	return key
}
