package web

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"os"
)

// TLS is the configuration of the staff API's listener: TLS 1.2 or later with the certificate and key of two PEM files. With
// clientCA, a PEM file, only those get through whose certificate one of its authorities has signed, before a byte of theirs is read.
func TLS(cert, key, clientCA string) (*tls.Config, error) {
	pair, err := tls.LoadX509KeyPair(cert, key)
	if err != nil {
		return nil, fmt.Errorf("api.cert, api.key: %w", err)
	}
	t := &tls.Config{MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{pair}, NextProtos: []string{"h2", "http/1.1"}}
	if clientCA == "" {
		return t, nil
	}
	pem, err := os.ReadFile(clientCA)
	if err != nil {
		return nil, fmt.Errorf("api.client_ca: %w", err)
	}
	t.ClientCAs, t.ClientAuth = x509.NewCertPool(), tls.RequireAndVerifyClientCert
	if !t.ClientCAs.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("api.client_ca: %s holds no certificate in PEM", clientCA)
	}
	return t, nil
}
