package config

import (
	"net"
	"net/url"
	"regexp"
	"strings"
)

// external checks the broker and the store outside the process.
func (c Config) external(k *checker) {
	if !c.Shared() {
		k.check("redis.url", c.Redis.URL == "", "it empty while nats.url is empty: with the embedded broker the state is in the process")
		for key, value := range map[string]string{"nats.creds": c.NATS.Creds, "redis.master": c.Redis.Master} {
			k.check(key, value == "", "it empty while nats.url is empty")
		}
		return
	}
	production := c.Mode == ModeProduction
	k.check("mode", c.Mode != ModeDemo, "trial or production: the demo has a broker of its own, so nats.url must be empty")
	k.check("broker.listen", c.Broker.Listen == "", "it empty: booking systems publish to the broker of nats.url")
	k.check("redis.url", c.Redis.URL != "", "redis://… or rediss://…: with nats.url the state must be where every process finds it")

	secure := true
	for _, one := range strings.Split(c.NATS.URL.Reveal(), ",") {
		u, err := url.Parse(strings.TrimSpace(one))
		ok := err == nil && (u.Scheme == "nats" || u.Scheme == "tls") && u.Hostname() != ""
		k.check("nats.url", ok, "nats://host:port or tls://host:port, several with commas")
		secure = secure && ok && (u.Scheme == "tls" || here(u.Hostname()))
	}
	k.check("nats.url", secure || !production || c.NATS.TLS.CA != "", "tls://… in production, or nats.tls.ca: events carry national ids")
	k.check("nats.replicas", c.NATS.Replicas == 1 || c.NATS.Replicas == 3 || c.NATS.Replicas == 5, "1, 3 or 5")
	c.NATS.TLS.check(k, "nats.tls")

	if c.Redis.URL != "" {
		u, err := url.Parse(c.Redis.URL.Reveal())
		ok := err == nil && (u.Scheme == "redis" || u.Scheme == "rediss") && u.Hostname() != ""
		k.check("redis.url", ok, "redis://user:password@host:port or rediss://…; further nodes as ?addr=host:port")
		if ok {
			k.check("redis.url", u.Query().Get("skip_verify") == "", "no skip_verify: name the authority in redis.tls.ca")
			k.check("redis.url", u.Scheme == "rediss" || here(u.Hostname()) || !production, "rediss://… in production, or a server on this machine")
			k.check("redis.tls.ca", c.Redis.TLS == TLS{} || u.Scheme == "rediss", "it empty, or redis.url to begin with rediss://")
		}
	}
	k.check("redis.cluster", !c.Redis.Cluster || c.Redis.Master == "", "false with redis.master: either Sentinel or a Cluster")
	k.check("redis.prefix", prefix.MatchString(c.Redis.Prefix), "1 to 32 letters, digits, - or _")
	c.Redis.TLS.check(k, "redis.tls")
}

var prefix = regexp.MustCompile(`^[A-Za-z0-9_-]{1,32}$`)

// check wants certificate and key together.
func (t TLS) check(k *checker, section string) {
	k.check(section+".cert", t.Cert != "" || t.Key == "", "the certificate that belongs to "+section+".key")
	k.check(section+".key", t.Key != "" || t.Cert == "", "the key that belongs to "+section+".cert")
}

// here reports whether a host is this machine.
func here(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}
