package smtp

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ed25519"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"

	"github.com/emersion/go-msgauth/dkim"
)

// Resolver asks the DNS; *net.Resolver is one.
type Resolver interface {
	// LookupTXT is each TXT record of a name, its strings joined. Where there is no such name or record the error is a *net.DNSError that
	// IsNotFound.
	LookupTXT(ctx context.Context, name string) ([]string, error)
}

// What can be wrong with the public half of a key.
var (
	ErrNoRecord    = errors.New("smtp: dkim: the DNS has no key there")
	ErrOtherRecord = errors.New("smtp: dkim: the key in the DNS does not prove our signatures")
	ErrNoDNS       = errors.New("smtp: dkim: the DNS does not answer")
)

// Record is the name of the TXT record that the public half of the key belongs in (RFC 6376 section 3.6.2.1), and what is to stand there.
// The error is ErrKey.
func (d DKIM) Record() (name, text string, err error) {
	name = d.Selector + "._domainkey." + strings.ToLower(d.Domain)
	key, err := d.key()
	if err != nil {
		return name, "", err
	}
	kind, public, err := "rsa", []byte(nil), error(nil)
	if k, ok := key.Public().(ed25519.PublicKey); ok {
		kind, public = "ed25519", k // RFC 8463 section 4
	} else if public, err = x509.MarshalPKIXPublicKey(key.Public()); err != nil {
		return name, "", fmt.Errorf("%w: %w", ErrKey, err)
	}
	return name, "v=DKIM1; k=" + kind + "; p=" + base64.StdEncoding.EncodeToString(public), nil
}

// probe is what Published signs.
var probe = []byte("From: <husk@example.org>\r\nSubject: probe\r\n\r\nprobe\r\n")

// Published asks the DNS for the public half of the key, as who gets a mail does, and tries it on a signature. The error is ErrKey,
// ErrNoRecord, ErrOtherRecord or ErrNoDNS; nil = mails are proven to be ours.
func (d DKIM) Published(ctx context.Context, dns Resolver) error {
	key, err := d.key()
	if err != nil {
		return err
	}
	name, _, err := d.Record()
	if err != nil {
		return err
	}
	records, err := dns.LookupTXT(ctx, name+".") // no search list
	var answer *net.DNSError
	switch {
	case errors.As(err, &answer) && answer.IsNotFound, err == nil && len(records) == 0:
		return ErrNoRecord
	case err != nil:
		return ErrNoDNS
	}
	if why := d.proves(key, records); why != nil {
		return fmt.Errorf("%w: %w", ErrOtherRecord, why)
	}
	return nil
}

// errTesting is a record after which receivers take a mail for unsigned, whatever its signature (RFC 6376 section 3.6.1, t=y).
var errTesting = errors.New("it says t=y, which stands for a trial: take that out")

// proves signs a mail and has it verified with the records.
func (d DKIM) proves(key crypto.Signer, records []string) error {
	var mail bytes.Buffer
	if err := dkim.Sign(&mail, bytes.NewReader(probe), &dkim.SignOptions{Domain: strings.ToLower(d.Domain), Selector: d.Selector, Signer: key}); err != nil {
		return err
	}
	found, err := dkim.VerifyWithOptions(&mail, &dkim.VerifyOptions{LookupTXT: func(string) ([]string, error) { return records, nil }})
	if err != nil {
		return err
	}
	for _, v := range found {
		if v.Err != nil {
			return v.Err
		}
	}
	for tag := range strings.SplitSeq(records[0], ";") {
		if name, flags, _ := strings.Cut(tag, "="); strings.TrimSpace(name) == "t" && slices.Contains(strings.FieldsFunc(flags, func(r rune) bool { return r == ':' || r == ' ' }), "y") {
			return errTesting
		}
	}
	return nil
}
