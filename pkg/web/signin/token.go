package signin

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"slices"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"
)

// skew is how far the provider's clock may be off ours, either way.
const skew = time.Minute

// maxToken is more than any id_token: what is longer is not looked into.
const maxToken = 64 << 10

// said is what a checked id_token says, and the userinfo address.
type said struct {
	subject, name string
	groups        []string
}

// redeem turns a code into a checked token (OpenID Connect Core 1.0, 3.1.3).
func (o *OIDC) redeem(ctx context.Context, p *provider, code string, a attempt) (said, error) {
	ctx = oidc.ClientContext(ctx, o.client)
	with := []oauth2.AuthCodeOption{oauth2.VerifierOption(a.Verifier)}
	if o.key != nil {
		more, err := o.key.sign(o.o.Now())
		if err != nil {
			return said{}, err
		}
		with = append(with, more...)
	}
	t, err := p.oauth.Exchange(ctx, code, with...)
	if err != nil {
		return said{}, exchangeFault(err)
	}
	raw, ok := t.Extra("id_token").(string)
	if !ok || len(raw) > maxToken {
		return said{}, fmt.Errorf("%w: there is no id_token", ErrToken)
	}
	id, err := p.verifier.Verify(ctx, raw)
	if err != nil {
		return said{}, tokenFault(ctx, p, raw, err)
	}
	return o.check(ctx, p, t, id, a)
}

// check holds a token that is signed, in time, of the issuer and for the client against what was asked for.
func (o *OIDC) check(ctx context.Context, p *provider, t *oauth2.Token, id *oidc.IDToken, a attempt) (said, error) {
	var c claims
	var own struct {
		AZP      string  `json:"azp"`
		ACR      string  `json:"acr"`
		AuthTime float64 `json:"auth_time"`
	}
	if id.Claims(&c) != nil || id.Claims(&own) != nil {
		return said{}, fmt.Errorf("%w: the id_token can't be read", ErrToken)
	}
	now := o.o.Now()
	switch {
	case id.Subject == "" || len(id.Subject) > 255:
		return said{}, fmt.Errorf("%w: the id_token has no subject", ErrToken)
	case !same(id.Nonce, a.Nonce):
		return said{}, fmt.Errorf("%w: the id_token is of another sign-in", ErrToken)
	case own.AZP != "" && own.AZP != o.o.ClientID || own.AZP == "" && len(id.Audience) > 1:
		return said{}, fmt.Errorf("%w: the id_token is for another client", ErrToken)
	case id.IssuedAt.After(now.Add(skew)):
		return said{}, fmt.Errorf("%w: the id_token is of the future: compare the clocks", ErrToken)
	}
	if len(o.o.ACR) > 0 && !slices.Contains(o.o.ACR, own.ACR) {
		return said{}, ErrSecondFactor
	}
	if methods := c.words("amr"); len(o.o.AMR) > 0 && !slices.ContainsFunc(methods, func(m string) bool { return slices.Contains(o.o.AMR, m) }) {
		return said{}, ErrSecondFactor
	}
	at := time.Unix(int64(own.AuthTime), 0)
	switch {
	case own.AuthTime <= 0:
		return said{}, fmt.Errorf("%w: the id_token has no auth_time", ErrToken)
	case at.After(now.Add(skew)):
		return said{}, fmt.Errorf("%w: auth_time is of the future: compare the clocks", ErrToken)
	case at.Before(now.Add(-o.o.MaxAge - skew)):
		return said{}, ErrStale
	}
	return o.described(ctx, p, t, id.Subject, c)
}

// described adds groups and name, for which the userinfo address is asked where the token does not tell them.
func (o *OIDC) described(ctx context.Context, p *provider, t *oauth2.Token, subject string, c claims) (said, error) {
	_, grouped := c.find(o.o.GroupsClaim)
	_, named := c.find(o.o.NameClaim)
	s := said{subject: subject, groups: c.words(o.o.GroupsClaim), name: c.text(o.o.NameClaim)}
	if grouped && named || p.says.UserInfo == "" {
		return s, nil
	}
	more, err := userInfo(ctx, p, t, subject)
	switch {
	case err != nil && grouped:
		return s, nil // a name is not worth a refusal
	case err != nil:
		return said{}, err
	case !grouped:
		s.groups = more.words(o.o.GroupsClaim)
	}
	if !named {
		s.name = more.text(o.o.NameClaim)
	}
	return s, nil
}

// userInfo asks what else the provider says of the same person (OpenID Connect Core 1.0, 5.3.2).
func userInfo(ctx context.Context, p *provider, t *oauth2.Token, subject string) (claims, error) {
	info, err := p.UserInfo(ctx, oauth2.StaticTokenSource(t))
	if err != nil {
		return nil, fmt.Errorf("%w: the userinfo address gave no answer", ErrUnavailable)
	}
	var c claims
	if info.Subject != subject || info.Claims(&c) != nil {
		return nil, fmt.Errorf("%w: the userinfo address speaks of somebody else", ErrToken)
	}
	return c, nil
}

// exchangeFault says why there is no token, without the answer, which may hold anything.
func exchangeFault(err error) error {
	var refused *oauth2.RetrieveError
	var call *url.Error
	switch {
	case errors.As(err, &refused) && refused.ErrorCode == "invalid_grant":
		return fmt.Errorf("%w: the code was used or is over", ErrAttempt)
	case errors.As(err, &refused) && refused.ErrorCode == "invalid_client":
		return fmt.Errorf("%w: it does not know the client: see pages.sign_in.client_id and client_secret_file or client_key_file", ErrToken)
	case errors.As(err, &refused) && refused.Response != nil && refused.Response.StatusCode >= 500:
		return fmt.Errorf("%w: its token address answers %d", ErrUnavailable, refused.Response.StatusCode)
	case errors.As(err, &refused) && refused.Response != nil:
		return fmt.Errorf("%w: its token address answers %d", ErrToken, refused.Response.StatusCode)
	case errors.As(err, &call):
		return fmt.Errorf("%w: its token address: %w", ErrUnavailable, call.Err)
	}
	return fmt.Errorf("%w: its token address gave no token", ErrToken)
}

// tokenFault says why a token is none, without the token. That the keys could not be fetched, the library says in words alone: they
// are asked for once more.
func tokenFault(ctx context.Context, p *provider, raw string, err error) error {
	var late *oidc.TokenExpiredError
	if errors.As(err, &late) {
		return fmt.Errorf("%w: the id_token is over", ErrToken)
	}
	var call net.Error
	if _, err := p.keys.VerifySignature(ctx, raw); errors.As(err, &call) {
		return fmt.Errorf("%w: its keys can't be fetched", ErrUnavailable)
	}
	return fmt.Errorf("%w: signature, issuer, audience or time of the id_token is not right", ErrToken)
}
