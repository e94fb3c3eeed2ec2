package provider

import (
	"crypto/x509"
	"errors"
	"fmt"
	"os"
)

// Authorities reads the certificate authorities that a carrier's connection may trust from a file of PEM; "" gives nil, which is the system's.
// The error begins with the setting's key, ca_file.
func Authorities(file string) (*x509.CertPool, error) {
	if file == "" {
		return nil, nil //nolint:nilnil // crypto/tls takes a nil pool for the system's
	}
	pem, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("ca_file: %w", err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(pem) {
		return nil, errors.New("ca_file: want at least one certificate in PEM")
	}
	return pool, nil
}
