package smtp_test

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"net/mail"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-msgauth/dkim"

	"github.com/husk-reminders/husk/pkg/provider/smtp"
	"github.com/husk-reminders/husk/pkg/reminder"
)

// rich is a message with all that a mail can have.
func rich(reference string) reminder.Message {
	m := message(reference, "anna@example.org")
	m.HTML = reminder.Mask("<!DOCTYPE html>\n<html lang=\"da\">\n<head><meta charset=\"utf-8\"><title>Påmindelse</title></head>\n<body>\n<p>Husk din aftale.</p>\n</body>\n</html>\n")
	m.Event = &reminder.Event{
		UID: "abcdefghijklmnopabcdefghijklmnop", Sequence: 2, Start: time.Date(2026, 3, 17, 14, 30, 0, 0, time.FixedZone("CET", 3600)),
		Summary: reminder.Mask("Aftale: Regionshospitalet; øre, næse, hals"), Location: reminder.Mask("Vej 1, 8000 Aarhus C, " + strings.Repeat("indgang æøå ", 8)),
	}
	m.Unsubscribe = reminder.Unsubscribe{URL: "https://husk.example.org/unsubscribe/" + strings.Repeat("Ab-_9", 15), Mail: "stop@example.org"}
	return m
}

// keyFile writes a private key.
func keyFile(t *testing.T, kind string, key any) string {
	t.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	if kind == "RSA PRIVATE KEY" {
		der = x509.MarshalPKCS1PrivateKey(key.(*rsa.PrivateKey))
	}
	return write(t, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}))
}

func write(t *testing.T, data []byte) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "key.pem")
	if err := os.WriteFile(file, data, 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

func newRSA(t *testing.T, bits int) *rsa.PrivateKey {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, bits)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func newEd25519(t *testing.T) ed25519.PrivateKey {
	t.Helper()
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// record is what stands in the DNS for a key.
func record(t *testing.T, key crypto.Signer) string {
	t.Helper()
	if public, ok := key.Public().(ed25519.PublicKey); ok {
		return "v=DKIM1; k=ed25519; p=" + base64.StdEncoding.EncodeToString(public)
	}
	der, err := x509.MarshalPKIXPublicKey(key.Public())
	if err != nil {
		t.Fatal(err)
	}
	return "v=DKIM1; k=rsa; p=" + base64.StdEncoding.EncodeToString(der)
}

func signing(file string) smtp.Config {
	return smtp.Config{Host: "mail.example.org", Domain: "mail.example.org", DKIM: smtp.DKIM{Domain: "example.org", Selector: "husk2026", KeyFile: file}}
}

// verify has a mail's one signature verified.
func verify(t *testing.T, wire, txt string) (*dkim.Verification, error) {
	t.Helper()
	vs, err := dkim.VerifyWithOptions(strings.NewReader(wire), &dkim.VerifyOptions{LookupTXT: func(domain string) ([]string, error) {
		if domain != "husk2026._domainkey.example.org" {
			return nil, fmt.Errorf("asked for %s", domain)
		}
		return []string{txt}, nil
	}})
	if err != nil || len(vs) != 1 {
		t.Fatalf("%d signatures, %v", len(vs), err)
	}
	return vs[0], vs[0].Err
}

func TestSignature(t *testing.T) {
	large, small := newRSA(t, 2048), newEd25519(t)
	for name, c := range map[string]struct {
		file string
		key  crypto.Signer
	}{
		"RSA, PKCS 8": {keyFile(t, "PRIVATE KEY", large), large},
		"RSA, PKCS 1": {keyFile(t, "RSA PRIVATE KEY", large), large},
		"ed25519":     {keyFile(t, "PRIVATE KEY", small), small},
	} {
		t.Run(name, func(t *testing.T) {
			w, err := sender(t, signing(c.file)).Encode(rich("00aa"))
			if err != nil {
				t.Fatal(err)
			}
			wire, txt := w.Body.Reveal(), record(t, c.key)
			v, err := verify(t, wire, txt)
			if err != nil || v.Domain != "example.org" {
				t.Fatalf("domain %s: %v\n%s", v.Domain, err, wire)
			}
			for _, name := range []string{"From", "To", "Subject", "Date", "Message-ID", "List-Unsubscribe", "List-Unsubscribe-Post", "Content-Type", "MIME-Version"} {
				n := 0
				for _, k := range v.HeaderKeys {
					if strings.EqualFold(k, name) {
						n++
					}
				}
				if n != 2 {
					t.Errorf("%s is signed %d times, want 2: itself, and that there is no other", name, n)
				}
			}
			for line := range strings.Lines(wire) {
				if len(line) > 998+2 || !strings.HasSuffix(line, "\r\n") {
					t.Errorf("a line of %d bytes, or without CRLF", len(line))
				}
			}
			for what, forged := range map[string]string{
				"a changed text":             strings.Replace(wire, "14.30", "15.30", 1),
				"a changed one-click":        strings.Replace(wire, "husk.example.org/unsubscribe", "evil.example.org/unsubscribe", 1),
				"another List-Unsubscribe":   "List-Unsubscribe: <https://evil.example.org/x>\r\n" + wire,
				"another From":               "From: <evil@example.org>\r\n" + wire,
				"another Subject":            "Subject: Ring 90 00 00 00\r\n" + wire,
				"a Reply-To":                 "Reply-To: <evil@example.org>\r\n" + wire,
				"no List-Unsubscribe-Post":   strings.Replace(wire, "List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n", "", 1),
				"another calendar":           strings.Replace(wire, "20260317T133000Z", "20260318T133000Z", 1),
				"another type for the whole": "Content-Type: text/html\r\n" + wire,
			} {
				if forged == wire {
					t.Fatalf("%s changes nothing", what)
				}
				if _, err := verify(t, forged, txt); err == nil {
					t.Errorf("%s passes", what)
				}
			}
			if again, err := mail.ReadMessage(strings.NewReader(wire)); err != nil || again.Header.Get("User-Agent")+again.Header.Get("X-Mailer") != "" {
				t.Errorf("%v, or it tells with what it was made", err)
			}
		})
	}
}

// A verifier that others wrote (dkimpy, in Debian python3-dkim) takes our RSA signature, and does not take a changed mail.
func TestAnotherVerifier(t *testing.T) {
	const program = "import sys,dkim\ntxt=sys.argv[1].encode()\nsys.exit(0 if dkim.verify(sys.stdin.buffer.read(),dnsfunc=lambda name,**k:txt) else 9)"
	if err := exec.Command("/usr/bin/python3", "-c", "import dkim").Run(); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatalf("no dkimpy: run scripts/peers/mail install: %v", err)
		}
		t.Skip("no dkimpy: run scripts/peers/mail install")
	}
	key := newRSA(t, 2048)
	w, err := sender(t, signing(keyFile(t, "PRIVATE KEY", key))).Encode(rich("00aa"))
	if err != nil {
		t.Fatal(err)
	}
	run := func(mail string) error {
		c := exec.Command("/usr/bin/python3", "-c", program, record(t, key))
		c.Stdin = strings.NewReader(mail)
		return c.Run()
	}
	if err := run(w.Body.Reveal()); err != nil {
		t.Errorf("refused: %v", err)
	}
	exit := new(exec.ExitError)
	if err := run(strings.Replace(w.Body.Reveal(), "One-Click", "one-click", 1)); !errors.As(err, &exit) || exit.ExitCode() != 9 {
		t.Errorf("a changed List-Unsubscribe-Post: %v, want it refused", err)
	}
}

func TestKeysThatAreRefused(t *testing.T) {
	curve, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv("GODEBUG", "rsa1024min=0") // or the standard library makes no such key
	weak := keyFile(t, "RSA PRIVATE KEY", newRSA(t, 1024))
	secret := base64.StdEncoding.EncodeToString([]byte("a secret that is no key"))
	for name, file := range map[string]string{
		"no file":           filepath.Join(t.TempDir(), "none.pem"),
		"no PEM":            write(t, []byte(secret)),
		"garbage in PEM":    write(t, []byte("-----BEGIN PRIVATE KEY-----\n"+secret+"\n-----END PRIVATE KEY-----\n")),
		"another kind":      keyFile(t, "PRIVATE KEY", curve),
		"RSA of 1024 bits":  weak,
		"a public key only": write(t, []byte("-----BEGIN PUBLIC KEY-----\n"+secret+"\n-----END PUBLIC KEY-----\n")),
	} {
		_, err := smtp.New(smtp.Options{Config: signing(file)})
		if !errors.Is(err, smtp.ErrKey) || !strings.Contains(err.Error(), "dkim.key_file") {
			t.Errorf("%s: %v", name, err)
		} else if strings.Contains(err.Error(), secret) {
			t.Errorf("%s: the error tells what is in the file", name)
		}
	}
	good := keyFile(t, "PRIVATE KEY", newEd25519(t))
	for field, d := range map[string]smtp.DKIM{
		"dkim.selector": {Domain: "example.org", KeyFile: good},
		"dkim.key_file": {Selector: "s"},
		"dkim.domain":   {Domain: "example.net", Selector: "s", KeyFile: good},
	} {
		c := signing(good)
		c.DKIM = d
		if _, err := smtp.New(smtp.Options{Config: c}); err == nil || !strings.Contains(err.Error(), field) {
			t.Errorf("%s: %v", field, err)
		}
	}
	dated := signing(good)
	dated.DKIM.Selector = "s20260101"
	if err := dated.Validate(); err == nil || !strings.Contains(err.Error(), "dkim.selector") {
		t.Errorf("a selector that looks like a number: %v", err)
	}
	c := signing(good)
	c.DKIM.Domain = "" // the domain we send as
	w, err := sender(t, c).Encode(rich("00aa"))
	if err != nil || !bytes.Contains([]byte(w.Body.Reveal()), []byte("d=mail.example.org;")) {
		t.Errorf("%v\n%s", err, w.Body.Reveal())
	}
	if !slices.ContainsFunc(strings.Split(w.Body.Reveal(), "\r\n"), func(l string) bool { return strings.HasPrefix(l, "DKIM-Signature: ") }) {
		t.Error("no signature")
	}
}
