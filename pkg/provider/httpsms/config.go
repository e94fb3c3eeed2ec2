package httpsms

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/husk-reminders/husk/pkg/provider"
)

// Config is what the settings of all carriers over HTTP have in common.
type Config struct {
	// URL is where the carrier's interface is: scheme, host and, before the interface's own, a path.
	URL    string `yaml:"url" mapstructure:"url"`
	CAFile string `yaml:"ca_file" mapstructure:"ca_file"` // PEM of the authorities to trust; "" = the system's

	Slots         int     `yaml:"slots" mapstructure:"slots"`                     // connections at a time; 0 = 8
	RatePerSecond float64 `yaml:"rate_per_second" mapstructure:"rate_per_second"` // messages; 0 = no limit

	DialTimeout  time.Duration `yaml:"dial_timeout" mapstructure:"dial_timeout"`   // connect and TLS together; 0 = 10s
	WriteTimeout time.Duration `yaml:"write_timeout" mapstructure:"write_timeout"` // from Send to the last byte of the request; 0 = 1s
	ReplyTimeout time.Duration `yaml:"reply_timeout" mapstructure:"reply_timeout"` // for the whole answer; 0 = 30s
	// IdleTimeout is how long an unused connection is kept; 0 = 4s, less than after which common servers hang up: one that hangs
	// up just as we write leaves a doubt.
	IdleTimeout time.Duration `yaml:"idle_timeout" mapstructure:"idle_timeout"`
}

// WithDefaults fills the empty fields. url is the vendor's own address, "" where each customer has another.
func (c Config) WithDefaults(address string) Config {
	if c.URL == "" {
		c.URL = address
	}
	if c.Slots == 0 {
		c.Slots = 8
	}
	for _, d := range []struct {
		field *time.Duration
		unset time.Duration
	}{{&c.DialTimeout, 10 * time.Second}, {&c.WriteTimeout, time.Second}, {&c.ReplyTimeout, 30 * time.Second}, {&c.IdleTimeout, 4 * time.Second}} {
		if *d.field == 0 {
			*d.field = d.unset
		}
	}
	return c
}

// Local reports whether URL is on this machine.
func (c Config) Local() bool {
	u, err := address(c.URL)
	return err == nil && loopback(u.Hostname())
}

// Checker collects what is wrong with the settings of one carrier.
type Checker struct {
	name string
	errs []error
}

// NewChecker checks the settings of the carrier of this name.
func NewChecker(name string) *Checker { return &Checker{name: name} }

// Want adds text, which begins with the key, unless ok.
func (c *Checker) Want(ok bool, text string) {
	if !ok {
		c.errs = append(c.errs, errors.New(c.name+": "+text))
	}
}

// Err is everything that was wrong, nil when nothing was.
func (c *Checker) Err() error { return errors.Join(c.errs...) }

// Common checks the settings that all have in common, with their defaults filled.
func (c *Checker) Common(o Config) {
	_, err := address(o.URL)
	c.Want(err == nil, "url: want https://host, with a path where the carrier gave you one; http:// goes to this machine only")
	c.Want(o.Slots > 0 && o.Slots <= 256, "slots: want 1 to 256, or 0 for the default")
	c.Want(o.RatePerSecond >= 0, "rate_per_second: want 0 (no limit) or more")
	c.Want(o.DialTimeout > 0 && o.DialTimeout <= time.Minute, "dial_timeout: want up to 1m")
	c.Want(o.WriteTimeout > 0 && o.WriteTimeout <= 5*time.Second, "write_timeout: want up to 5s; a withdrawal waits for it")
	c.Want(o.ReplyTimeout > 0 && o.ReplyTimeout <= 10*time.Minute, "reply_timeout: want up to 10m")
	c.Want(o.IdleTimeout > 0 && o.IdleTimeout <= 5*time.Minute, "idle_timeout: want up to 5m")
}

// errURL refuses an address. It does not quote it: it may hold a password.
var errURL = errors.New("httpsms: want https://host/path")

// address takes https://host/path, and http:// to this machine.
func address(s string) (*url.URL, error) {
	u, err := url.Parse(s)
	if err != nil || u.Host == "" || u.Hostname() == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" || u.ForceQuery {
		return nil, errURL
	}
	if u.Scheme == "https" || u.Scheme == "http" && loopback(u.Hostname()) {
		return u, nil
	}
	return nil, errURL
}

// loopback reports a name or address of this machine.
func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// tlsConfig reads the authorities.
func (c Config) tlsConfig(host string) (*tls.Config, error) {
	t := &tls.Config{ServerName: host, MinVersion: tls.VersionTLS12, NextProtos: []string{"http/1.1"}}
	roots, err := provider.Authorities(c.CAFile)
	if err != nil {
		return nil, err
	}
	t.RootCAs = roots
	return t, nil
}

// ErrSecret is had when a file of secrets cannot be used.
var ErrSecret = errors.New("httpsms: file of a secret")

// Secret reads the secret that is in use: the first line of the file.
func Secret(file string) (string, error) {
	all, err := Secrets(file)
	if err != nil {
		return "", err
	}
	return all[0], nil
}

// Secrets reads a file of secrets, one a line: the one in use, and below it those that are still taken from others while a change
// of the secret is under way. There is at least one.
func Secrets(file string) ([]string, error) {
	raw, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrSecret, err)
	}
	var all []string
	for line := range strings.Lines(string(raw)) {
		if s := strings.TrimRight(line, "\r\n"); s != "" {
			all = append(all, s)
		}
	}
	if len(all) == 0 {
		return nil, fmt.Errorf("%w: it is empty", ErrSecret)
	}
	for _, s := range all {
		if strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r > '~' }) {
			return nil, fmt.Errorf("%w: want printable ASCII without spaces, one secret a line", ErrSecret)
		}
	}
	return all, nil
}
