package config

import (
	"cmp"
	"net/url"
	"regexp"
	"strings"
	"time"
)

// Pages are the clerks' pages, on a listener of their own; an empty Listen means none. Without Cert it is HTTP, on the loopback
// interface alone: for a proxy with TLS on this machine, or a trial.
type Pages struct {
	Listen string `key:"listen"`
	URL    string `key:"url"` // as browsers reach them: scheme, host and port alone; empty = http:// and Listen
	Cert   string `key:"cert"`
	Key    string `key:"key"`
	Rate   int    `key:"rate"` // requests a second from one address
	SignIn SignIn `key:"sign_in"`
}

// Address is how browsers reach the pages, without a slash at its end.
func (p Pages) Address() string {
	return cmp.Or(strings.TrimSuffix(p.URL, "/"), "http://"+p.Listen)
}

// CallbackPath is where under Address the OpenID provider sends people back to.
const CallbackPath = "/sign-in/callback"

// SignIn is who says who is at the pages: an OpenID provider; with an empty Issuer, one-time links, for trials.
type SignIn struct {
	Issuer           string        `key:"issuer"`
	ClientID         string        `key:"client_id"`
	ClientSecretFile string        `key:"client_secret_file"` // or else ClientKeyFile
	ClientKeyFile    string        `key:"client_key_file"`    // PEM: signs the client's assertions (private_key_jwt)
	ClientKeyID      string        `key:"client_key_id"`      // what the provider knows that key by
	Scopes           List          `key:"scopes"`
	ACR              List          `key:"acr"`     // the token must have one of them; none = not looked at
	AMR              List          `key:"amr"`     // as ACR
	MaxAge           time.Duration `key:"max_age"` // since the person gave their factors to the provider
	GroupsClaim      string        `key:"groups_claim"`
	NameClaim        string        `key:"name_claim"`
	Grants           Grants        `key:"grants"`
}

// firstFactors are authentication methods (RFC 8176) that are no second factor beside a password: what somebody knows, or where
// they are.
var firstFactors = regexp.MustCompile(`^(pwd|pin|kba|geo|rba|user|wia)$`)

var claimRE = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9_.:/-]{0,119}$`)

// pages checks the pages and who lets people in.
func (c Config) pages(k *checker) {
	p, production := c.Pages, c.Mode == ModeProduction
	TLS{Cert: p.Cert, Key: p.Key}.check(k, "pages")
	if p.Listen != "" {
		k.check("pages.listen", hostPort(p.Listen), "host:port, or empty for none")
		k.check("pages.listen", p.Cert != "" || loopback(p.Listen), "an address of this machine alone, for a proxy with TLS, or pages.cert and pages.key")
		k.check("pages.url", p.URL != "" || loopback(p.Listen) && p.Cert == "", "how browsers reach the pages, such as https://husk.hospital.example")
		k.check("pages.url", !production || strings.HasPrefix(p.URL, "https://"), "https:// and a host name in production: the pages show patients")
		k.check("pages.sign_in.issuer", !production || p.SignIn.Issuer != "", "an OpenID provider in production, since pages.listen is set: one-time links are for trials")
	}
	k.check("pages.url", p.URL == "" || origin(p.URL), "https:// and a host name, with a port if it is not 443, and no path; http:// for an address of this machine alone; or empty")
	within(k, "pages.rate", p.Rate, 1, 100_000)
	c.signIn(k)
}

// signIn checks what is known of the OpenID provider; what its grants name is checked where they are used.
func (c Config) signIn(k *checker) {
	const in = "pages.sign_in."
	s := c.Pages.SignIn
	if s.Issuer == "" {
		const alone = "it empty, since pages.sign_in.issuer is empty; or the issuer as well"
		k.check(in+"client_id", s.ClientID == "", alone)
		k.check(in+"client_secret_file", s.ClientSecretFile == "", alone)
		k.check(in+"client_key_file", s.ClientKeyFile == "", alone)
		k.check(in+"acr", len(s.ACR) == 0, alone)
		k.check(in+"amr", len(s.AMR) == 0, alone)
		k.check(in+"grants", len(s.Grants) == 0, alone)
		return
	}
	k.check(in+"issuer", issuer(s.Issuer), "the provider's issuer, to the letter: https://, a host name, perhaps a path, no query; http:// for an address of this machine alone")
	k.check(in+"issuer", c.Mode != ModeProduction || strings.HasPrefix(s.Issuer, "https://"), "https:// in production")
	k.check("pages.url", c.Pages.URL != "" || c.Pages.Listen == "", "how browsers reach the pages, since pages.sign_in.issuer is set: the provider sends people back there")
	k.check(in+"client_id", s.ClientID != "", "what the provider knows Husk by")
	k.check(in+"client_secret_file", (s.ClientSecretFile == "") != (s.ClientKeyFile == ""),
		"a file with the client's secret, for its owner alone (chmod 600), or else "+in+"client_key_file: one of the two")
	k.check(in+"client_key_id", s.ClientKeyID == "" || s.ClientKeyFile != "", "it empty, or "+in+"client_key_file")
	k.check(in+"scopes", s.Scopes.has("openid"), "openid and what else the provider asks for to tell groups and names")
	k.check(in+"amr", len(s.ACR)+len(s.AMR) > 0, "methods such as mfa, otp or hwk, or "+in+"acr: without one of the two a password alone would do")
	for _, m := range s.AMR {
		k.check(in+"amr", !firstFactors.MatchString(m), "methods that show a second factor, such as mfa, otp, hwk or swk: "+m+" does not")
	}
	span(k, in+"max_age", s.MaxAge, time.Minute, day)
	k.check(in+"groups_claim", claimRE.MatchString(s.GroupsClaim), "the claim that tells a person's groups, such as groups")
	k.check(in+"name_claim", claimRE.MatchString(s.NameClaim), "the claim that tells a person's user name, such as preferred_username")
	k.check(in+"grants", len(s.Grants) > 0, "at least one, such as {value: husk-clerks, role: clerk, units: [rh-ortho]}: nobody would be let in")
}

// origin reports whether s is a scheme, a host and perhaps a port, in clear for this machine alone.
func origin(s string) bool {
	u, ok := address(s)
	return ok && strings.Trim(u.Path, "/") == "" && strings.ToLower(s) == s
}

// issuer reports whether s can be an issuer (OpenID Connect Discovery 1.0, section 3), in clear on this machine alone.
func issuer(s string) bool {
	_, ok := address(s)
	return ok
}

func address(s string) (*url.URL, bool) {
	u, err := url.Parse(s)
	if err != nil || u.Hostname() == "" || u.User != nil || u.RawQuery != "" || u.ForceQuery || strings.Contains(s, "#") || len(s) > 200 {
		return nil, false
	}
	return u, u.Scheme == "https" || u.Scheme == "http" && here(u.Hostname())
}
