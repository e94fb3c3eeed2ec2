// Package signin says who is at the clerks' pages, and what they may do: OIDC by an OpenID provider of the controller (OpenID Connect
// Core 1.0, code flow with PKCE, RFC 7636), Link by a one-time link, for trials.
//
// It guarantees that nobody is let in without a second factor that the provider has signed for, a grant that the configuration
// gives, and the browser that began; that the subject of a person is a keyed pseudonym, since a provider's sub may be a national id;
// and that a provider which is down, slow or lying lets nobody in, and stops nothing else.
//
// It must never put a code, token or claim into an error, a log or a metric, and never take a person's rights from anything but a
// signed token or the provider's own userinfo address.
package signin
