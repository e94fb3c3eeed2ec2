package web

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"os"
)

// TLS is the configuration of a listener: TLS 1.2 or later with the certificate and key of two PEM files. With clientCA, a PEM file, only
// those get through whose certificate one of its authorities has signed, before a byte of theirs is read. section is where the
// configuration names the files, for errors.
func TLS(section, cert, key, clientCA string) (*tls.Config, error) {
	pair, err := tls.LoadX509KeyPair(cert, key)
	if err != nil {
		return nil, fmt.Errorf("%s.cert, %[1]s.key: %w", section, err)
	}
	t := &tls.Config{MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{pair}, NextProtos: []string{"h2", "http/1.1"}}
	if clientCA == "" {
		return t, nil
	}
	pem, err := os.ReadFile(clientCA)
	if err != nil {
		return nil, fmt.Errorf("%s.client_ca: %w", section, err)
	}
	t.ClientCAs, t.ClientAuth = x509.NewCertPool(), tls.RequireAndVerifyClientCert
	if !t.ClientCAs.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("%s.client_ca: %s holds no certificate in PEM", section, clientCA)
	}
	return t, nil
}
