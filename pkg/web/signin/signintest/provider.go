// Package signintest runs a real OpenID provider for tests: zitadel/oidc's server with its login form, in this process, on a port of
// this machine. What people are, and how the provider lies, the test says.
//
// It must never be imported by what is shipped.
package signintest

import (
	"context"
	"crypto"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/zitadel/oidc/v3/example/server/exampleop"
	"github.com/zitadel/oidc/v3/example/server/storage"
)

// What the provider knows Husk by.
const (
	ClientID     = "husk-pages"
	ClientSecret = "not a secret: for tests" //nolint:gosec // for tests
)

// Person is somebody whom the provider knows.
type Person struct {
	Subject  string // the provider's sub
	Username string // with Password, what the login form takes; preferred_username
	Password string
	Groups   []string
	ACR      string
	AMR      []string
	Since    time.Duration // how long ago the factors were given
}

// Options of a Provider.
type Options struct {
	Address   string // host:port on this machine; "" = any port
	Callbacks []string
	SignOuts  []string // where people may come back to after signing out
	People    []Person
	Key       crypto.PublicKey // of a client that signs assertions (private_key_jwt) in place of ClientSecret; nil = it has the secret
	KeyID     string
	// UserInfoOnly leaves groups and names out of the id_token: the userinfo address alone tells them.
	UserInfoOnly bool
}

// Lie is what the provider does wrong from now on; the zero Lie is nothing.
type Lie struct {
	Claims     map[string]any // in place of the id_token's own, signed as the others are; nil takes one away
	WrongKey   bool           // tokens are signed with a key that is nobody's
	OtherUser  bool           // the userinfo address speaks of somebody else
	Slow       time.Duration
	NoKeys     bool // the address of the keys fails
	OtherIss   bool // the discovery document is of another issuer
	EndlessDoc bool // the discovery document does not end
}

// Provider is a running OpenID provider.
type Provider struct {
	Issuer string

	o      Options
	srv    *http.Server
	ended  chan struct{}
	mu     sync.Mutex
	lie    Lie
	seen   []string // paths
	values []string // answers of the token address
}

// Start starts a provider.
func Start(o Options) (*Provider, error) {
	if o.Address == "" {
		o.Address = "127.0.0.1:0"
	}
	l, err := (&net.ListenConfig{}).Listen(context.Background(), "tcp", o.Address)
	if err != nil {
		return nil, err
	}
	p := &Provider{o: o, Issuer: "http://" + l.Addr().String(), ended: make(chan struct{})}
	client := storage.WebClient(ClientID, ClientSecret, o.Callbacks...)
	s := &store{Storage: storage.NewStorageWithClients(people(o.People), map[string]*storage.Client{ClientID: client}), p: p}
	h := exampleop.SetupServer(p.Issuer, s, slog.New(slog.DiscardHandler), false)
	p.srv = &http.Server{Handler: p.lying(h, s), ReadHeaderTimeout: 5 * time.Second}
	go func() {
		defer close(p.ended)
		if err := p.srv.Serve(l); !errors.Is(err, http.ErrServerClosed) {
			panic(err)
		}
	}()
	return p, nil
}

// Close stops the provider; its port is free afterwards.
func (p *Provider) Close() {
	_ = p.srv.Close()
	<-p.ended
}

// Tell makes the provider lie so from now on.
func (p *Provider) Tell(l Lie) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.lie = l
}

func (p *Provider) lies() Lie {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.lie
}

// Paths are the paths that were asked for, in order.
func (p *Provider) Paths() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return append([]string(nil), p.seen...)
}

// Given are the answers of the token address: nothing in them belongs into a log.
func (p *Provider) Given() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return append([]string(nil), p.values...)
}
