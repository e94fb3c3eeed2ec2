package signintest

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"errors"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/zitadel/oidc/v3/example/server/storage"
	"github.com/zitadel/oidc/v3/pkg/oidc"
	"github.com/zitadel/oidc/v3/pkg/op"
)

// people is the provider's user store.
type people []Person

func (ps people) find(is func(Person) bool) (Person, bool) {
	for _, x := range ps {
		if is(x) {
			return x, true
		}
	}
	return Person{}, false
}

func userOf(x Person, ok bool) *storage.User {
	if !ok {
		return nil
	}
	return &storage.User{ID: x.Subject, Username: x.Username, Password: x.Password, FirstName: "Test", LastName: "Person"}
}

// GetUserByID implements storage.UserStore.
func (ps people) GetUserByID(id string) *storage.User {
	return userOf(ps.find(func(x Person) bool { return x.Subject == id }))
}

// GetUserByUsername implements storage.UserStore.
func (ps people) GetUserByUsername(name string) *storage.User {
	return userOf(ps.find(func(x Person) bool { return x.Username == name }))
}

// ExampleClientID implements storage.UserStore.
func (ps people) ExampleClientID() string { return "nobody" }

// store is zitadel's example storage with the people's groups and factors.
type store struct {
	*storage.Storage
	p *Provider
}

func (s *store) person(subject string) Person {
	x, _ := people(s.p.o.People).find(func(x Person) bool { return x.Subject == subject })
	return x
}

// request is a sign-in under way.
type request struct {
	*storage.AuthRequest
	s *store
}

// GetACR implements op.AuthRequest.
func (r request) GetACR() string { return r.s.person(r.UserID).ACR }

// GetAMR implements op.AuthRequest.
func (r request) GetAMR() []string { return r.s.person(r.UserID).AMR }

// GetAuthTime implements op.AuthRequest.
func (r request) GetAuthTime() time.Time {
	return r.AuthRequest.GetAuthTime().Add(-r.s.person(r.UserID).Since)
}

func (s *store) wrap(r op.AuthRequest, err error) (op.AuthRequest, error) {
	x, ok := r.(*storage.AuthRequest)
	if err != nil || !ok {
		return r, err
	}
	return request{x, s}, nil
}

// AuthRequestByID implements op.Storage.
func (s *store) AuthRequestByID(ctx context.Context, id string) (op.AuthRequest, error) {
	return s.wrap(s.Storage.AuthRequestByID(ctx, id))
}

// AuthRequestByCode implements op.Storage.
func (s *store) AuthRequestByCode(ctx context.Context, code string) (op.AuthRequest, error) {
	return s.wrap(s.Storage.AuthRequestByCode(ctx, code))
}

// CreateAccessToken implements op.Storage.
func (s *store) CreateAccessToken(ctx context.Context, r op.TokenRequest) (string, time.Time, error) {
	if x, ok := r.(request); ok {
		r = x.AuthRequest
	}
	return s.Storage.CreateAccessToken(ctx, r)
}

// SetUserinfoFromRequest implements op.CanSetUserinfoFromRequest.
func (s *store) SetUserinfoFromRequest(ctx context.Context, info *oidc.UserInfo, t op.IDTokenRequest, scopes []string) error {
	if s.p.o.UserInfoOnly {
		info.Subject = t.GetSubject()
		return nil
	}
	if err := s.Storage.SetUserinfoFromRequest(ctx, info, t, scopes); err != nil {
		return err
	}
	s.describe(info, t.GetSubject())
	return nil
}

// SetUserinfoFromToken implements op.Storage.
func (s *store) SetUserinfoFromToken(ctx context.Context, info *oidc.UserInfo, token, subject, origin string) error {
	if err := s.Storage.SetUserinfoFromToken(ctx, info, token, subject, origin); err != nil {
		return err
	}
	s.describe(info, subject)
	if s.p.lies().OtherUser {
		info.Subject = "somebody-else"
	}
	return nil
}

func (s *store) describe(info *oidc.UserInfo, subject string) {
	x := s.person(subject)
	info.PreferredUsername = x.Username
	if x.Groups != nil {
		info.AppendClaims("groups", x.Groups)
	}
}

// GetKeyByIDAndClientID implements op.Storage.
func (s *store) GetKeyByIDAndClientID(_ context.Context, id, client string) (*jose.JSONWebKey, error) {
	if s.p.o.Key == nil || id != s.p.o.KeyID || client != ClientID {
		return nil, errors.New("signintest: no such key")
	}
	return &jose.JSONWebKey{KeyID: id, Use: "sig", Key: s.p.o.Key}, nil
}

// SigningKey implements op.Storage.
func (s *store) SigningKey(ctx context.Context) (op.SigningKey, error) {
	k, err := s.Storage.SigningKey(ctx)
	if err != nil || !s.p.lies().WrongKey {
		return k, err
	}
	other, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return nil, err
	}
	return wrongKey{k, other}, nil
}

type wrongKey struct {
	op.SigningKey
	key *rsa.PrivateKey
}

// Key implements op.SigningKey.
func (k wrongKey) Key() any { return k.key }

// GetClientByClientID implements op.Storage.
func (s *store) GetClientByClientID(ctx context.Context, id string) (op.Client, error) {
	c, err := s.Storage.GetClientByClientID(ctx, id)
	if err != nil {
		return nil, err
	}
	return client{c, s.p}, nil
}

// client is Husk.
type client struct {
	op.Client
	p *Provider
}

// IDTokenUserinfoClaimsAssertion implements op.Client.
func (c client) IDTokenUserinfoClaimsAssertion() bool { return !c.p.o.UserInfoOnly }

// PostLogoutRedirectURIs implements op.Client.
func (c client) PostLogoutRedirectURIs() []string { return c.p.o.SignOuts }

// AuthMethod implements op.Client.
func (c client) AuthMethod() oidc.AuthMethod {
	if c.p.o.Key != nil {
		return oidc.AuthMethodPrivateKeyJWT
	}
	return c.Client.AuthMethod()
}
