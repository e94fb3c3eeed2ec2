package app

import (
	"bytes"
	"fmt"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"

	"github.com/husk-reminders/husk/pkg/config"
	"github.com/husk-reminders/husk/pkg/reminder"
	"github.com/husk-reminders/husk/pkg/web"
	"github.com/husk-reminders/husk/pkg/web/signin"
)

// SigningIn is what the sign-in by the configured OpenID provider needs beside the configuration.
type SigningIn struct {
	Units   *reminder.Directory
	Secret  func() ([]byte, error) // see web.Door.SignInSecret
	Metrics prometheus.Registerer  // nil = nowhere
	Now     func() time.Time       // nil = time.Now
	Log     *zap.Logger
}

// OpenSignIn makes the sign-in by the OpenID provider that pages.sign_in names. It reads the client's secret or key, and calls nobody.
func OpenSignIn(p config.Pages, with SigningIn) (*signin.OIDC, error) {
	s := p.SignIn
	o := signin.Options{
		Issuer: s.Issuer, ClientID: s.ClientID, ClientKeyID: s.ClientKeyID, Callback: p.Address() + config.CallbackPath, Scopes: s.Scopes,
		ACR: s.ACR, AMR: s.AMR, MaxAge: s.MaxAge, GroupsClaim: s.GroupsClaim, NameClaim: s.NameClaim,
		Known:  func(unit string) bool { _, ok := with.Units.Unit(unit); return ok },
		Secret: with.Secret, Metrics: with.Metrics, Now: with.Now, Log: with.Log,
	}
	for _, g := range s.Grants {
		o.Rules = append(o.Rules, signin.Rule{Value: g.Value, Grant: signin.Grant{Role: web.Role(g.Role), Units: g.Units}})
	}
	var err error
	if s.ClientKeyFile != "" {
		if o.ClientKey, err = signer("pages.sign_in.client_key_file", s.ClientKeyFile); err != nil {
			return nil, err
		}
	} else {
		b, err := secretFile("pages.sign_in.client_secret_file", s.ClientSecretFile)
		if err != nil {
			return nil, err
		}
		if o.ClientSecret = string(bytes.TrimSpace(b)); o.ClientSecret == "" {
			return nil, fmt.Errorf("app: pages.sign_in.client_secret_file: want the client's secret in it")
		}
	}
	x, err := signin.New(o)
	if err != nil {
		return nil, fmt.Errorf("app: pages.sign_in: %w", err)
	}
	return x, nil
}
