package command

import (
	"bytes"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/husk-reminders/husk/pkg/contact"
	"github.com/husk-reminders/husk/pkg/ledger"
	"github.com/husk-reminders/husk/pkg/reminder"
	"github.com/husk-reminders/husk/pkg/web"
)

func TestAskTheRegisters(t *testing.T) {
	both(t, book(20), func(t *testing.T, p *place, _ bool) {
		var a web.Asked
		p.read(&a, person, "person", "address", "verify", "--ask", "--reason", "rang us")
		if a.Person == "" || len(a.Answers) != 0 {
			t.Errorf("%+v", a)
		}
		if out := p.must("", "person", "address", "verify", "--ask", "--person", string(a.Person)); !strings.Contains(out, "No register was asked") {
			t.Error(out)
		}
		var as []ledger.Audit
		p.read(&as, "", "audit", "list", "--person", string(a.Person))
		if !slices.ContainsFunc(as, func(x ledger.Audit) bool {
			return x.Action == "address.ask" && x.Reason == "rang us" && x.Actor == osUser()
		}) {
			t.Errorf("%+v", as)
		}
		for _, flag := range []string{"--method=krr", "--channel=sms", "--at=2026-01-01", "--level=claimed", "--country=no"} {
			if _, errs, code := p.husk(person, "person", "address", "verify", "--ask", flag); code != 2 || !strings.Contains(errs, "leave it out with --ask") {
				t.Errorf("%s: %d %s", flag, code, errs)
			}
		}
		if _, errs, code := p.husk("", "person", "address", "add", "--ask"); code != 2 {
			t.Errorf("add takes --ask: %d %s", code, errs)
		}
		for _, secret := range []string{"0101701234", "010170-1234"} {
			if strings.Contains(p.all.String(), secret) {
				t.Errorf("%q was printed", secret)
			}
		}
	})
}

func TestPrintAsked(t *testing.T) {
	at := time.Date(2026, 3, 2, 12, 0, 0, 0, time.Local)
	var b bytes.Buffer
	printAsked(&b, web.Asked{Answers: []ledger.Verified{
		{Method: "krr", Verdict: "yes", Addresses: []reminder.AddressHash{"1-aa", "1-bb"}, Recorded: 1, Until: at},
		{Method: "nemsms", Verdict: "unknown", Reason: contact.Busy, Retry: at, Reserved: true},
	}})
	for _, want := range []string{"1-aa, 1-bb", "unknown", "busy", "asked again 2026-03-02", "REGISTER"} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("no %q in\n%s", want, b.String())
		}
	}
}

// keyPair writes a certificate and its key.
func keyPair(t *testing.T, perm os.FileMode) (certificate, key string) {
	t.Helper()
	private, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	x := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "region"}, NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, x, x, &private.PublicKey, private)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	certificate, key = filepath.Join(dir, "certificate.pem"), filepath.Join(dir, "key.pem")
	for path, block := range map[string]*pem.Block{certificate: {Type: "CERTIFICATE", Bytes: der}, key: {Type: "PRIVATE KEY", Bytes: secret}} {
		if err := os.WriteFile(path, pem.EncodeToMemory(block), perm); err != nil {
			t.Fatal(err)
		}
	}
	return certificate, key
}

func TestDoctorTellsOfVerifiers(t *testing.T) {
	t.Run("none", func(t *testing.T) {
		fs := newPlace(t).findings(0)
		for text, l := range map[string]level{
			"no register is configured": fine, "code: usable": fine, "dk-2019 accepts proofs by nemsms": warning, "no-2014 accepts proofs by krr": warning,
		} {
			if !found(fs, "verifiers", l, text) {
				t.Errorf("no %s %q: %+v", l, text, fs)
			}
		}
	})
	t.Run("both", func(t *testing.T) {
		certificate, key := keyPair(t, 0o600)
		for k, v := range map[string]string{
			"NEMSMS_ENVIRONMENT": "production", "NEMSMS_CVR": "12345678", "NEMSMS_CERTIFICATE_FILE": certificate, "NEMSMS_KEY_FILE": key,
			"KRR_ENVIRONMENT": "test", "KRR_CLIENT_ID": "client", "KRR_KEY_FILE": key, "KRR_KEY_ID": "k1",
		} {
			t.Setenv("HUSK_VERIFY_"+k, v)
		}
		fs := newPlace(t).findings(0)
		for text, l := range map[string]level{
			"nemsms: not usable: the register tells that a person has NemSMS, never which number": warning,
			"krr: usable": warning, "dk-2019 accepts proofs by nemsms": warning,
		} {
			if !found(fs, "verifiers", l, text) {
				t.Errorf("no %s %q: %+v", l, text, fs)
			}
		}
		if found(fs, "verifiers", warning, "no-2014 accepts proofs by krr") || found(fs, "verifiers", fine, "no register") {
			t.Errorf("%+v", fs)
		}
	})
	t.Run("a key that others can read", func(t *testing.T) {
		certificate, key := keyPair(t, 0o644)
		for k, v := range map[string]string{"ENVIRONMENT": "test", "CVR": "12345678", "CERTIFICATE_FILE": certificate, "KEY_FILE": key} {
			t.Setenv("HUSK_VERIFY_NEMSMS_"+k, v)
		}
		if fs := newPlace(t).findings(1); !found(fs, "verifiers", problem, "chmod 600") {
			t.Errorf("%+v", fs)
		}
	})
}
