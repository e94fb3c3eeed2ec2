package command

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/husk-reminders/husk/pkg/config"
	"github.com/husk-reminders/husk/pkg/provider/smtp"
)

// txt are the TXT records of a DNS, by their full names; one with the name "!" does not answer.
type txt map[string]string

func (x txt) LookupTXT(ctx context.Context, name string) ([]string, error) {
	if _, limited := ctx.Deadline(); !limited {
		return nil, errors.New("asked without an end")
	}
	if _, dead := x["!"]; dead {
		return nil, &net.DNSError{Err: "i/o timeout", Name: name, IsTimeout: true, IsTemporary: true}
	}
	if s, ok := x[name]; ok {
		return []string{s}, nil
	}
	return nil, &net.DNSError{Err: "no such host", Name: name, IsNotFound: true}
}

// signingKey writes a private key and returns the record that belongs to it.
func signingKey(t *testing.T) (file, record string) {
	t.Helper()
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	file = filepath.Join(t.TempDir(), "dkim.pem")
	if err := os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, record, err = (smtp.DKIM{Domain: "hospital.example", Selector: "husk2026", KeyFile: file}).Record(); err != nil {
		t.Fatal(err)
	}
	return file, record
}

func TestDoctorOnSignatures(t *testing.T) {
	file, record := signingKey(t)
	_, other := signingKey(t)
	const at, url = "husk2026._domainkey.hospital.example.", "https://husk.hospital.example/u"
	signs := config.Settings{"domain": "hospital.example", "dkim": map[string]any{"selector": "husk2026", "key_file": file}}
	for name, c := range map[string]struct {
		settings config.Settings
		url      string
		dns      txt
		want     level
		text, do string
	}{
		"signs":                 {signs, url, txt{at: record}, fine, "husk2026._domainkey.hospital.example", ""},
		"the key is missing":    {signs, url, txt{}, problem, "has no key at husk2026._domainkey.hospital.example", record},
		"another key":           {signs, url, txt{at: other}, problem, "does not fit", record},
		"another record":        {signs, url, txt{at: "v=spf1 -all"}, problem, "does not fit", record},
		"the DNS is silent":     {signs, url, txt{"!": ""}, warning, "does not say", "run doctor again"},
		"no private key":        {config.Settings{"domain": "hospital.example", "dkim": map[string]any{"selector": "husk2026", "key_file": "/nowhere/k"}}, url, txt{}, problem, "dkim.key_file", "dkim.key_file"},
		"a domain above":        {config.Settings{"domain": "husk.hospital.example", "dkim": map[string]any{"domain": "hospital.example", "selector": "husk2026", "key_file": file}}, url, txt{at: record}, fine, at[:len(at)-1], ""},
		"one click, and none":   {config.Settings{"domain": "hospital.example"}, url, nil, warning, "RFC 8058", "dkim.selector"},
		"one click, a bare key": {config.Settings{"dkim": map[string]any{"domain": "hospital.example"}}, url, nil, warning, "RFC 8058", "dkim.selector"},
		"no click, and none":    {config.Settings{"domain": "hospital.example"}, "", nil, fine, "left to your mail server", ""},
	} {
		d := &doctor{dns: c.dns, cfg: config.Config{
			Unsubscribe: config.Unsubscribe{URL: c.url},
			Carriers:    config.Carriers{"sms": {Type: config.Outbox}, "email": {Type: "smtp", Settings: c.settings}},
		}}
		d.mail(t.Context())
		if len(d.findings) != 1 || d.findings[0].Level != c.want || !strings.Contains(d.findings[0].Text, c.text) || !strings.Contains(d.findings[0].Do, c.do) || (c.want == fine) != (d.findings[0].Do == "") {
			t.Errorf("%s: %+v, want %s with %q", name, d.findings, c.want, c.text)
		}
	}
}
