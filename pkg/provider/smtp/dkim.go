package smtp

import (
	"bytes"
	"crypto"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"net/textproto"
	"os"
	"regexp"
	"strings"

	"github.com/emersion/go-msgauth/dkim"
)

// DKIM is how mails are signed (RFC 6376). The zero DKIM signs nothing.
//
// Its public half stands in the DNS as a TXT record at <selector>._domainkey.<domain>: "v=DKIM1; k=rsa; p=…" or "k=ed25519". Receivers that
// do not know ed25519 (RFC 8463) take the mail for unsigned; RSA is what all know.
type DKIM struct {
	Domain   string `yaml:"domain" mapstructure:"domain"`     // "" = the carrier's Domain, which must be at it or below it
	Selector string `yaml:"selector" mapstructure:"selector"` // names the key, so that it can be changed
	KeyFile  string `yaml:"key_file" mapstructure:"key_file"` // PEM: RSA of 2048 bits or more (PKCS #1 or #8), or ed25519 (PKCS #8)
}

// IsZero reports whether nothing is set.
func (d DKIM) IsZero() bool { return d == DKIM{} }

// ErrKey is had when the key of the signature cannot be used.
var ErrKey = errors.New("smtp: dkim.key_file")

// label is one label of a host name.
var label = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$`)

// leastRSA is the least size of a key in bits (RFC 8301 section 3.2: signers should use 2048).
const leastRSA = 2048

// key reads the private key.
func (d DKIM) key() (crypto.Signer, error) {
	raw, err := os.ReadFile(d.KeyFile)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrKey, err)
	}
	block, _ := pem.Decode(raw)
	if block == nil {
		return nil, fmt.Errorf("%w: want a private key in PEM", ErrKey)
	}
	var key any
	if block.Type == "RSA PRIVATE KEY" {
		key, err = x509.ParsePKCS1PrivateKey(block.Bytes)
	} else {
		key, err = x509.ParsePKCS8PrivateKey(block.Bytes)
	}
	if err != nil {
		return nil, fmt.Errorf("%w: want a private key in PEM that is not encrypted", ErrKey) // the parser's words could quote it
	}
	switch k := key.(type) {
	case *rsa.PrivateKey:
		if k.N.BitLen() < leastRSA {
			return nil, fmt.Errorf("%w: want an RSA key of %d bits or more", ErrKey, leastRSA)
		}
		return k, nil
	case ed25519.PrivateKey:
		return k, nil
	}
	return nil, fmt.Errorf("%w: want an RSA or ed25519 key", ErrKey)
}

// oversigned are the header fields of which nobody may add another: each is named once more than it is there (RFC 6376 section 8.15).
// The signature covers List-Unsubscribe and List-Unsubscribe-Post because without that no mail program may offer one click (RFC 8058
// section 4).
var oversigned = []string{
	"From", "To", "Cc", "Subject", "Date", "Reply-To", "Message-ID", "In-Reply-To", "References", "Auto-Submitted", "MIME-Version", "Content-Type",
	"Content-Transfer-Encoding", "List-Unsubscribe", "List-Unsubscribe-Post",
}

// signer signs mails.
type signer struct{ options dkim.SignOptions }

// newSigner reads the key. nil = nothing is signed.
func newSigner(c Config) (*signer, error) {
	if c.DKIM.IsZero() {
		return nil, nil
	}
	key, err := c.DKIM.key()
	if err != nil {
		return nil, err
	}
	return &signer{dkim.SignOptions{
		Domain: c.DKIM.Domain, Selector: c.DKIM.Selector, Signer: key,
		// What servers on the way do to white space breaks no relaxed signature.
		HeaderCanonicalization: dkim.CanonicalizationRelaxed, BodyCanonicalization: dkim.CanonicalizationRelaxed,
	}}, nil
}

// sign puts the signature before a mail whose header has the named fields.
func (s *signer) sign(mail []byte, header textproto.MIMEHeader) ([]byte, error) {
	o := s.options
	for _, name := range oversigned {
		for range len(header.Values(name)) + 1 {
			o.HeaderKeys = append(o.HeaderKeys, name)
		}
	}
	var b bytes.Buffer
	if err := dkim.Sign(&b, bytes.NewReader(mail), &o); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

// validate tells what is wrong, each text with the key.
func (d DKIM) validate(domain string, want func(ok bool, text string)) {
	if d.IsZero() {
		return
	}
	want(d.Selector != "" && len(d.Selector) <= 120 && allLabels(d.Selector), "dkim.selector: want the name of the key in the DNS, like husk2026")
	want(!digits.MatchString(d.Selector), "dkim.selector: six digits in a row look like somebody's number, and each mail would be held for it; want a name like husk2026")
	want(d.KeyFile != "", "dkim.key_file: want the file of the private key")
	want(domainName.MatchString(d.Domain) && (domain == d.Domain || strings.HasSuffix(domain, "."+d.Domain)),
		"dkim.domain: want the domain you send as or one above it, or DMARC will not count the signature")
}

// digits are as many in a row as no mail may have that is looked through before it leaves.
var digits = regexp.MustCompile(`[0-9]{6}`)

func allLabels(s string) bool {
	for part := range strings.SplitSeq(s, ".") {
		if !label.MatchString(part) {
			return false
		}
	}
	return true
}
