package app

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/zap"

	"github.com/husk-reminders/husk/pkg/config"
	"github.com/husk-reminders/husk/pkg/contact"
	"github.com/husk-reminders/husk/pkg/contact/verifytest"
	"github.com/husk-reminders/husk/pkg/ledger"
	"github.com/husk-reminders/husk/pkg/policy"
	"github.com/husk-reminders/husk/pkg/reminder"
)

// pemFile writes blocks into a file with permissions.
func pemFile(t *testing.T, perm os.FileMode, kind string, blocks ...[]byte) string {
	t.Helper()
	var b []byte
	for _, x := range blocks {
		b = append(b, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: x})...)
	}
	path := filepath.Join(t.TempDir(), "file.pem")
	if err := os.WriteFile(path, b, perm); err != nil {
		t.Fatal(err)
	}
	return path
}

func pkcs8(t *testing.T, key any) []byte {
	t.Helper()
	b, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestRegisters(t *testing.T) {
	authority := verifytest.NewAuthority(t)
	pair := authority.Client(t, "region")
	private, ok := pair.PrivateKey.(*rsa.PrivateKey)
	if !ok {
		t.Fatal("no RSA key")
	}
	key, old := pemFile(t, 0o600, "PRIVATE KEY", pkcs8(t, private)), pemFile(t, 0o600, "RSA PRIVATE KEY", x509.MarshalPKCS1PrivateKey(private))
	open := pemFile(t, 0o644, "PRIVATE KEY", pkcs8(t, private))
	chain := pemFile(t, 0o644, "CERTIFICATE", pair.Certificate[0])
	another, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	other := pemFile(t, 0o600, "PRIVATE KEY", pkcs8(t, another))
	curve, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	elliptical := pemFile(t, 0o600, "PRIVATE KEY", pkcs8(t, curve))
	text := filepath.Join(t.TempDir(), "text")
	if err := os.WriteFile(text, []byte("20914695016"), 0o600); err != nil {
		t.Fatal(err)
	}
	none := config.Verify{KRR: config.KRR{Environment: config.NoRegister}, NemSMS: config.NemSMS{Environment: config.NoRegister}, Timeout: time.Second}
	krr := func(k config.KRR) config.Verify {
		v := none
		v.KRR, v.KRR.Environment, v.KRR.ClientID = k, config.ProductionRegister, "client"
		return v
	}
	nemsms := func(certificate, key string) config.Verify {
		v := none
		v.NemSMS = config.NemSMS{Environment: config.TestRegister, CVR: "12345678", CertificateFile: certificate, KeyFile: key}
		return v
	}
	for _, x := range []struct {
		name   string
		verify config.Verify
		want   string // in the error; "" = one register
	}{
		{"a registered key", krr(config.KRR{KeyFile: key, KeyID: "k1"}), ""},
		{"a key of older tools", krr(config.KRR{KeyFile: old, KeyID: "k1"}), ""},
		{"a business certificate", krr(config.KRR{KeyFile: key, CertificateFile: chain}), ""},
		{"a key that others can read", krr(config.KRR{KeyFile: open, KeyID: "k1"}), "verify.krr.key_file: " + open + " is open to others (-rw-r--r--): chmod 600 it"},
		{"no key file", krr(config.KRR{KeyFile: text + "2", KeyID: "k1"}), "verify.krr.key_file: "},
		{"no key in it", krr(config.KRR{KeyFile: text, KeyID: "k1"}), "verify.krr.key_file: want a private key in PEM"},
		{"a key of another kind", krr(config.KRR{KeyFile: elliptical, KeyID: "k1"}), "verify.krr: maskinporten: options: Key: want an RSA key"},
		{"another's certificate", krr(config.KRR{KeyFile: other, CertificateFile: chain}), "verify.krr: maskinporten: options: Chain"},
		{"no certificate in it", krr(config.KRR{KeyFile: key, CertificateFile: text}), "verify.krr.certificate_file: want a certificate in PEM"},
		{"NemSMS", nemsms(chain, key), ""},
		{"NemSMS with another's key", nemsms(chain, other), "verify.nemsms.certificate_file, verify.nemsms.key_file: want"},
		{"NemSMS with a key that others can read", nemsms(chain, open), "verify.nemsms.key_file: "},
		{"NemSMS without a certificate", nemsms(text, key), "verify.nemsms.certificate_file"},
	} {
		t.Run(x.name, func(t *testing.T) {
			c := config.Default()
			c.Verify = x.verify
			rs, closers, err := Registers(c, time.Now, zap.NewNop())
			for _, c := range closers {
				_ = c.Close()
			}
			if x.want == "" {
				if err != nil || len(rs) != 1 || len(closers) != 1 || rs[0].Verifier.Fitness().Why == "" {
					t.Errorf("%+v %v", rs, err)
				}
				return
			}
			if err == nil || !strings.Contains(err.Error(), x.want) || strings.Contains(err.Error(), "20914695016") || len(rs) != 0 {
				t.Errorf("%d registers, and %v: want %q", len(rs), err, x.want)
			}
		})
	}

	broken := func(mode config.Mode) error {
		c, err := configIn(t.TempDir(), func(c *config.Config) {
			c.Verify, c.Mode = krr(config.KRR{KeyFile: open, KeyID: "k1"}), mode
			c.Carriers["sms"].Type = config.None
		})
		if err != nil {
			t.Fatal(err)
		}
		a, err := Open(t.Context(), Options{Config: c, ByHand: true})
		if err == nil {
			a.Close()
		}
		return err
	}
	if err := broken(config.ModeProduction); err == nil || !strings.Contains(err.Error(), "chmod 600") {
		t.Errorf("production starts without its register: %v", err)
	}
	if err := broken(config.ModeTrial); err != nil {
		t.Errorf("a trial does not start: %v", err)
	}
}

// told is a register that vouches for one number, and remembers who was asked about.
type told struct {
	mu    sync.Mutex
	asked []reminder.PersonKey
	asof  time.Time

	silent, no bool // it does not answer; it does not have the person
}

// answers has it vouch as of an instant, or say no.
func (r *told) answers(asof time.Time, no bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.asof, r.silent, r.no = asof, false, no
}

func (r *told) Fitness() contact.Fitness {
	return contact.Fitness{Method: policy.NemSMS, Usable: true, Why: "a fake"}
}

func (r *told) Verify(_ context.Context, now time.Time, qs []contact.Question) []contact.Answer {
	r.mu.Lock()
	defer r.mu.Unlock()
	out := make([]contact.Answer, len(qs))
	for i, q := range qs {
		r.asked = append(r.asked, q.Person)
		switch {
		case r.silent:
			out[i] = contact.NotKnown(contact.Unreachable, now.Add(15*time.Minute))
			continue
		case r.no:
			out[i] = contact.Nay(contact.NotRegistered, now.Add(24*time.Hour))
			continue
		}
		out[i] = contact.Answer{Verdict: contact.Yes, Until: now.Add(24 * time.Hour), Found: []contact.Found{
			{Address: number(2), Method: policy.NemSMS, Level: policy.Registered, AsOf: r.asof},
		}}
	}
	return out
}

// A proof that will be stale when the reminder is due is asked for by the sweep, so that it is sent; a good one is not asked for.
func TestSweepVerifiesBeforeSending(t *testing.T) {
	w := &world{T: t, ctx: t.Context(), dir: t.TempDir(), clock: newClock(noon)}
	r := &told{asof: noon.AddDate(0, -1, 0)}
	c, err := configIn(w.dir)
	w.ok(err)
	w.App, err = Open(w.ctx, Options{
		Config: c, Now: w.clock.Now, ByHand: true, Rest: 3 * time.Millisecond, Registers: []ledger.Register{{Verifier: r, Country: "DK", Batch: 10}},
	})
	w.ok(err)
	w.Cleanup(w.Close)
	w.run()
	w.ok(yes(w.ctx, w.App, 1, number(1)))
	w.ok(yes(w.ctx, w.App, 2, number(2)))
	second := w.Pseudonyms.Person(reminder.NewNationalID("DK", cpr(2)))
	// The second's number was proven by the desk once; by the register it is newer.
	w.ok(w.Ledger.Contact(w.ctx, contact.Record{Person: second, Type: contact.Removed, Address: number(2)}))
	w.clock.to(w.Now().Add(time.Second))
	r.asof = w.Now()
	w.publish(1, 1)
	w.publish(2, 1)
	w.settle()
	if n, err := w.Sweep(w.ctx, "verify"); n != 0 || err != nil {
		t.Errorf("more than a week before: asked %d, %v", n, err)
	}
	w.clock.to(firstDue.Add(-24 * time.Hour))
	n, err := w.Sweep(w.ctx, "verify")
	w.ok(err)
	if n != 1 || len(r.asked) != 1 || r.asked[0] != second {
		t.Fatalf("asked %d about %v, want the second person alone", n, r.asked)
	}
	if n, err := w.Sweep(w.ctx, "verify_again"); n != 0 || err != nil {
		t.Errorf("asked again %d: %v", n, err)
	}
	w.clock.to(firstDue.Add(time.Minute))
	w.settle()
	w.wait("both have a message", func() bool {
		m := w.messages()
		return len(m[number(1).Reveal()]) == 1 && len(m[number(2).Reveal()]) == 1
	})
}

func TestWants(t *testing.T) {
	a := &App{}
	w := func(err error) {
		if err != nil {
			t.Fatal(err)
		}
	}
	a.Config = config.Default()
	w(a.load())
	var no, dk reminder.Unit
	for _, u := range a.Units.Units() {
		switch u.Country {
		case "NO":
			no = u
		case "DK":
			dk = u
		}
	}
	proof := func(m policy.Method, at time.Time) []contact.State {
		return contact.Fold([]contact.Record{{ // as the state has it, the address sealed apart
			ID: "1", Person: "1-0123456789abcdef0123456789abcdef", Type: contact.Verified, Hash: "1-00", Channel: reminder.SMS, Method: m,
			Level: m.Level(), EventTime: at, Recorded: noon,
		}}, noon)
	}
	soon, later := noon.Add(24*time.Hour), noon.Add(5*24*time.Hour)
	for _, x := range []struct {
		name  string
		unit  string
		known []contact.State
		due   time.Time
		want  bool
	}{
		{"nothing known", dk.ID, nil, later, true},
		{"proven at the desk", dk.ID, proof(policy.DeskID, noon), later, false},
		{"staff's word alone", dk.ID, proof(policy.Staff, noon), later, true},
		{"fresh now and stale when it is due", dk.ID, proof(policy.DeskID, noon.AddDate(-2, 0, 3)), later, true},
		{"no such unit", "nowhere", nil, later, false},
		{"Norway, fresh, and not due yet", no.ID, proof(policy.KRR, noon.AddDate(0, -17, 0)), later, false},
		{"Norway, 18 months on the day it is due", no.ID, proof(policy.KRR, noon.AddDate(0, -18, 2)), later, true},
		{"Norway, due tomorrow: may have objected", no.ID, proof(policy.KRR, noon), soon, true},
		{"Denmark, due tomorrow", dk.ID, proof(policy.DeskID, noon), soon, false},
	} {
		if x.unit == "" {
			t.Fatalf("%s: the example has no such unit", x.name)
		}
		if got := a.wants(reminder.Appointment{Unit: x.unit}, x.known, x.due, noon); got != x.want {
			t.Errorf("%s: %v", x.name, got)
		}
	}
}
