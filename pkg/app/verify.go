package app

import (
	"cmp"
	"context"
	"crypto"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"time"

	"go.uber.org/zap"

	"github.com/husk-reminders/husk/pkg/config"
	"github.com/husk-reminders/husk/pkg/consent"
	"github.com/husk-reminders/husk/pkg/contact"
	"github.com/husk-reminders/husk/pkg/contact/krr"
	"github.com/husk-reminders/husk/pkg/contact/krr/maskinporten"
	"github.com/husk-reminders/husk/pkg/contact/nemsms"
	registry "github.com/husk-reminders/husk/pkg/contact/register"
	"github.com/husk-reminders/husk/pkg/gate"
	"github.com/husk-reminders/husk/pkg/ledger"
	"github.com/husk-reminders/husk/pkg/policy"
	"github.com/husk-reminders/husk/pkg/reminder"
)

// verifyAgain is how often it is looked whether a register that did not answer is to be asked again: it names the time itself.
const verifyAgain = time.Minute

// objectionsWithin is how long before a reminder is due the register is asked whether the person objects, where objecting is all
// that stops it: with a sweep a day everybody is asked within the last day.
const objectionsWithin = 48 * time.Hour

// verification makes the registers and who asks them. A register that can't be made refuses the start in production; elsewhere
// the log tells, and it is not asked.
func (a *App) verification(o Options) error {
	registers := o.Registers
	if registers == nil {
		rs, closers, err := Registers(a.Config, a.Now, a.log.Named("register"))
		for _, c := range closers {
			a.defers(func() { _ = c.Close() })
		}
		switch {
		case err != nil && a.Config.Mode == config.ModeProduction:
			return err
		case err != nil:
			a.log.Error("a register can't be asked; production would refuse to start", zap.Error(err))
		}
		registers = rs
	}
	a.verifyEvery = cmp.Or(o.Rest, verifyAgain)
	var err error
	a.Verification, err = ledger.NewVerification(ledger.VerifyOptions{
		Ledger: a.Ledger, Replies: a.Replies, Registers: registers, Wants: a.wants, Metrics: a.Metrics,
	})
	if err != nil {
		return fmt.Errorf("app: %w", err)
	}
	return nil
}

// awaits is for gate.Options.Awaits. What is awaited is in this process' memory, so this process asks, see askAgain.
func (a *App) awaits(l reminder.Lease) gate.Silence {
	register, since := a.Verification.Awaits(l.Person, l.Appointment.NationalID.Country)
	return gate.Silence{Register: register, Since: since}
}

// askAgain asks the registers that this process' own decisions wait for, until ctx ends. Each process that decides runs it, whoever
// leads: another one knows neither what was put off here nor, of a no, what was answered.
func (a *App) askAgain(ctx context.Context) error {
	t := time.NewTicker(a.verifyEvery)
	defer t.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-t.C:
			a.swept(ctx, "verify_again")
		}
	}
}

// wants reports whether a reminder of the appointment, due at due, would lack a proof of an address that the pack then in force
// asks for; and shortly before, where the person's silence is the basis, whether they have spoken in the register.
func (a *App) wants(x reminder.Appointment, known []contact.State, due, now time.Time) bool {
	u, ok := a.Units.Unit(x.Unit)
	if !ok {
		return false
	}
	pack, ok := a.Packs.For(u.Country, due)
	if !ok {
		return false
	}
	if pack.Basis[reminder.Remind] == policy.Reservation && due.Before(now.Add(objectionsWithin)) {
		return true
	}
	v := pack.Verification
	return !slices.ContainsFunc(known, func(s contact.State) bool {
		if s.Wrong || s.Bounced || s.Changed || s.Removed { // Usable would want the address itself
			return false
		}
		return slices.Contains(u.Channels, s.Channel) && slices.ContainsFunc(s.Proofs, func(p contact.Proof) bool {
			return p.Level >= v.MinLevel && slices.Contains(v.Methods, p.Method) && !p.At.Before(v.Since(p.Method, s.Channel, due))
		})
	})
}

// Registers makes the configured registers; nobody is asked. An error names the keys that are wrong, and the registers without
// one are there all the same. The closers let their connections go.
func Registers(c config.Config, now func() time.Time, log *zap.Logger) (out []ledger.Register, closers []io.Closer, err error) {
	v := c.Verify
	if v.KRR.Environment != config.NoRegister {
		r, closer, e := openKRR(v, now, log)
		if err = errors.Join(err, e); e == nil {
			out, closers = append(out, r), append(closers, closer)
		}
	}
	if v.NemSMS.Environment != config.NoRegister {
		r, closer, e := openNemSMS(v, now, log)
		if err = errors.Join(err, e); e == nil {
			out, closers = append(out, r), append(closers, closer)
		}
	}
	return out, closers, err
}

// closer is a Close that can't fail.
type closer func()

// Close implements io.Closer.
func (c closer) Close() error { c(); return nil }

func openKRR(v config.Verify, now func() time.Time, log *zap.Logger) (ledger.Register, io.Closer, error) {
	k, env, url := v.KRR, maskinporten.Test, krr.TestURL
	if k.Environment == config.ProductionRegister {
		env, url = maskinporten.Production, krr.ProductionURL
	}
	key, err := signer("verify.krr.key_file", k.KeyFile)
	if err != nil {
		return ledger.Register{}, nil, err
	}
	var chain []*x509.Certificate
	if k.CertificateFile != "" {
		if chain, err = certificates("verify.krr.certificate_file", k.CertificateFile); err != nil {
			return ledger.Register{}, nil, err
		}
	}
	client, err := registry.New(registry.Options{Timeout: v.Timeout, Now: now})
	if err != nil {
		return ledger.Register{}, nil, fmt.Errorf("app: verify.krr: %w", err)
	}
	tokens, err := maskinporten.New(maskinporten.Options{
		Environment: env, ClientID: k.ClientID, Scope: krr.Scope, Key: key, KeyID: k.KeyID, Chain: chain, ConsumerOrg: k.ConsumerOrg,
		Client: client, Now: now,
	})
	if err != nil {
		return ledger.Register{}, nil, fmt.Errorf("app: verify.krr: %w", err)
	}
	r, err := krr.New(krr.Options{URL: url, Tokens: tokens, Client: client, Logger: log})
	if err != nil {
		return ledger.Register{}, nil, fmt.Errorf("app: verify.krr: %w", err)
	}
	return ledger.Register{Verifier: r, Country: "NO", Batch: 500, Objection: consent.KRR}, closer(client.Close), nil
}

func openNemSMS(v config.Verify, now func() time.Time, log *zap.Logger) (ledger.Register, io.Closer, error) {
	n, env := v.NemSMS, nemsms.Test
	if n.Environment == config.ProductionRegister {
		env = nemsms.Production
	}
	secret, err := secretFile("verify.nemsms.key_file", n.KeyFile)
	if err != nil {
		return ledger.Register{}, nil, err
	}
	public, err := os.ReadFile(n.CertificateFile)
	if err != nil {
		return ledger.Register{}, nil, fmt.Errorf("app: verify.nemsms.certificate_file: %w", err)
	}
	pair, err := tls.X509KeyPair(public, secret)
	if err != nil {
		return ledger.Register{}, nil, errors.New("app: verify.nemsms.certificate_file, verify.nemsms.key_file: want a certificate and its own key, both in PEM")
	}
	r, err := nemsms.New(nemsms.Options{Environment: env, CVR: n.CVR, Certificate: &pair, Timeout: v.Timeout, Now: now, Logger: log})
	if err != nil {
		return ledger.Register{}, nil, fmt.Errorf("app: verify.nemsms: %w", err)
	}
	return ledger.Register{Verifier: r, Country: "DK", Batch: 50}, closer(r.Close), nil
}

// secretFile reads a file that must not be readable by others.
func secretFile(key, path string) ([]byte, error) {
	st, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("app: %s: %w", key, err)
	}
	if st.Mode().Perm()&0o077 != 0 {
		return nil, fmt.Errorf("app: %s: %s is open to others (%v): chmod 600 it", key, path, st.Mode().Perm())
	}
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("app: %s: %w", key, err)
	}
	return b, nil
}

// signer reads a private key: PKCS #8, or PKCS #1 as older tools write it.
func signer(key, path string) (crypto.Signer, error) {
	b, err := secretFile(key, path)
	if err != nil {
		return nil, err
	}
	want := fmt.Errorf("app: %s: want a private key in PEM (PKCS #8, not encrypted)", key)
	block, _ := pem.Decode(b)
	if block == nil {
		return nil, want
	}
	if k, err := x509.ParsePKCS1PrivateKey(block.Bytes); err == nil {
		return k, nil
	}
	k, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	s, ok := k.(crypto.Signer)
	if err != nil || !ok {
		return nil, want
	}
	return s, nil
}

// certificates reads a chain, the leaf first.
func certificates(key, path string) ([]*x509.Certificate, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("app: %s: %w", key, err)
	}
	var out []*x509.Certificate
	for block, rest := pem.Decode(b); block != nil; block, rest = pem.Decode(rest) {
		if block.Type != "CERTIFICATE" {
			continue
		}
		c, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, fmt.Errorf("app: %s: want certificates in PEM that can be read", key)
		}
		out = append(out, c)
	}
	if len(out) == 0 {
		return nil, fmt.Errorf("app: %s: want a certificate in PEM, the leaf first", key)
	}
	return out, nil
}
