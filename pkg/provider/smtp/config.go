package smtp

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/mail"
	"os"
	"regexp"
	"strings"
	"time"

	"github.com/husk-reminders/husk/pkg/provider"
)

// Name names this carrier in configuration, metrics and records.
const Name = "smtp"

// TLS says when the connection is encrypted.
type TLS string

// The ways of TLS.
const (
	Mandatory TLS = "mandatory" // STARTTLS, and nothing without it; the default
	Implicit  TLS = "implicit"  // TLS from the first byte (RFC 8314)
	None      TLS = "none"      // in the clear; only with AllowPlaintext, to this machine, and never with a password
)

// placeholder in ReturnPath stands for the message's reference.
const placeholder = "{reference}"

// Config is the carrier's part of the configuration file.
type Config struct {
	Host string `yaml:"host" mapstructure:"host"` // name or address of the mail server, as its certificate has it
	Port int    `yaml:"port" mapstructure:"port"` // 0 = 587, with implicit TLS 465, without TLS 25

	TLS            TLS    `yaml:"tls" mapstructure:"tls"`                         // "" = mandatory
	AllowPlaintext bool   `yaml:"allow_plaintext" mapstructure:"allow_plaintext"` // must be said besides tls: none
	CAFile         string `yaml:"ca_file" mapstructure:"ca_file"`                 // PEM of the authorities to trust; "" = the system's

	Username     string `yaml:"username" mapstructure:"username"`           // "" = no authentication
	PasswordFile string `yaml:"password_file" mapstructure:"password_file"` // read at each connection, so it can be changed

	// Domain is the domain we send as: From addresses must be at it or below it, Message-IDs are at it.
	Domain string `yaml:"domain" mapstructure:"domain"`
	Helo   string `yaml:"helo" mapstructure:"helo"` // our name in EHLO; "" = Domain
	// ReturnPath is where bounces go; "{reference}" in it becomes the message's reference. "" = the From address.
	ReturnPath string `yaml:"return_path" mapstructure:"return_path"`

	DKIM DKIM `yaml:"dkim" mapstructure:"dkim"` // zero = we sign nothing

	Bounces Bounces `yaml:"bounces" mapstructure:"bounces"` // zero = we read none

	Slots         int     `yaml:"slots" mapstructure:"slots"`                     // connections at a time; 0 = 4
	RatePerSecond float64 `yaml:"rate_per_second" mapstructure:"rate_per_second"` // messages; 0 = no limit

	DialTimeout  time.Duration `yaml:"dial_timeout" mapstructure:"dial_timeout"`   // connect, TLS and login together; 0 = 10s
	WriteTimeout time.Duration `yaml:"write_timeout" mapstructure:"write_timeout"` // from Send to the last byte of the message; 0 = 1s
	ReplyTimeout time.Duration `yaml:"reply_timeout" mapstructure:"reply_timeout"` // for the answer to a whole message; 0 = 30s
	IdleTimeout  time.Duration `yaml:"idle_timeout" mapstructure:"idle_timeout"`   // how long an unused connection is kept; 0 = 30s

	// MessagesPerConnection is after how many messages a connection is closed, so that a server behind a balancer gets no more than its
	// share; 0 = 100.
	MessagesPerConnection int `yaml:"messages_per_connection" mapstructure:"messages_per_connection"`
}

// domainName is a host name of letters, digits and hyphens with at least one dot, or "localhost".
var domainName = regexp.MustCompile(`^(localhost|([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z0-9-]{1,63})$`)

// withDefaults fills the empty fields.
func (c Config) withDefaults() Config {
	if c.TLS == "" {
		c.TLS = Mandatory
	}
	if c.Port == 0 {
		c.Port = map[TLS]int{Mandatory: 587, Implicit: 465, None: 25}[c.TLS]
	}
	c.Domain = strings.ToLower(c.Domain)
	if c.Helo == "" {
		c.Helo = c.Domain
	}
	if c.Slots == 0 {
		c.Slots = 4
	}
	if c.MessagesPerConnection == 0 {
		c.MessagesPerConnection = 100
	}
	if c.DKIM.Domain = strings.ToLower(c.DKIM.Domain); c.DKIM.Domain == "" && c.DKIM.Selector+c.DKIM.KeyFile != "" {
		c.DKIM.Domain = c.Domain
	}
	for _, d := range []struct {
		field *time.Duration
		unset time.Duration
	}{{&c.DialTimeout, 10 * time.Second}, {&c.WriteTimeout, time.Second}, {&c.ReplyTimeout, 30 * time.Second}, {&c.IdleTimeout, 30 * time.Second}} {
		if *d.field == 0 {
			*d.field = d.unset
		}
	}
	return c
}

// Validate names every field that is wrong and what is allowed. It opens no file.
func (c Config) Validate() error {
	var errs []error
	want := func(ok bool, text string) {
		if !ok {
			errs = append(errs, errors.New("smtp: "+text))
		}
	}
	c = c.withDefaults()
	want(c.Host != "" && !strings.ContainsAny(c.Host, " \t\r\n/@"), "host: want the mail server's name")
	want(c.Port > 0 && c.Port < 65536, "port: want 1 to 65535, or 0 for the default")
	want(c.TLS == Mandatory || c.TLS == Implicit || c.TLS == None, "tls: want mandatory, implicit or none")
	want(c.TLS != None || c.AllowPlaintext, "tls: none sends patients' mail in the clear; if that is meant, set allow_plaintext: true besides")
	want(c.TLS != None || loopbackHost(c.Host), "tls: none is for a mail server on this machine alone, host: want localhost, 127.0.0.1 or ::1")
	want(c.TLS == None || !c.AllowPlaintext, "allow_plaintext: it goes with tls: none only, remove it")
	want(c.TLS != None || c.Username == "", "username: a password is never sent in the clear, set tls: mandatory or implicit")
	want((c.Username == "") == (c.PasswordFile == ""), "username and password_file: set both or neither")
	want(domainName.MatchString(c.Domain), "domain: want the domain you send as, like example.org")
	want(domainName.MatchString(strings.ToLower(c.Helo)), "helo: want this host's full name, like husk.example.org")
	want(c.Slots > 0 && c.Slots <= 256, "slots: want 1 to 256, or 0 for the default")
	want(c.MessagesPerConnection > 0 && c.MessagesPerConnection <= 10_000, "messages_per_connection: want 1 to 10000, or 0 for the default")
	want(c.RatePerSecond >= 0, "rate_per_second: want 0 (no limit) or more")
	want(c.DialTimeout > 0 && c.DialTimeout <= time.Minute, "dial_timeout: want up to 1m")
	want(c.WriteTimeout > 0 && c.WriteTimeout <= 5*time.Second, "write_timeout: want up to 5s; a withdrawal waits for it")
	want(c.ReplyTimeout > 0 && c.ReplyTimeout <= 10*time.Minute, "reply_timeout: want up to 10m")
	want(c.IdleTimeout > 0 && c.IdleTimeout <= 5*time.Minute, "idle_timeout: want up to 5m")
	c.DKIM.validate(c.Domain, want)
	if c.ReturnPath != "" {
		_, err := bareAddress(strings.ReplaceAll(c.ReturnPath, placeholder, "x"))
		want(err == nil, "return_path: want a mail address, {reference} allowed in it")
	}
	return errors.Join(errs...)
}

// loopbackHost reports whether a host is this machine.
func loopbackHost(host string) bool {
	ip := net.ParseIP(host)
	return strings.EqualFold(host, "localhost") || ip != nil && ip.IsLoopback()
}

// tlsConfig reads the authorities.
func (c Config) tlsConfig() (*tls.Config, error) {
	t := &tls.Config{ServerName: c.Host, MinVersion: tls.VersionTLS12}
	roots, err := provider.Authorities(c.CAFile)
	if err != nil {
		return nil, fmt.Errorf("smtp: %w", err)
	}
	t.RootCAs = roots
	return t, nil
}

// ErrPassword is had when the password file cannot be used.
var ErrPassword = errors.New("smtp: password_file")

// password reads the file; a line break at its end does not count.
func (c Config) password() (string, error) {
	raw, err := os.ReadFile(c.PasswordFile)
	if err != nil {
		return "", fmt.Errorf("%w: %w", ErrPassword, err)
	}
	p := strings.TrimRight(string(raw), "\r\n")
	if p == "" {
		return "", fmt.Errorf("%w: it is empty", ErrPassword)
	}
	return p, nil
}

// errAddress refuses what is not one plain mail address.
var errAddress = errors.New("smtp: want one plain mail address")

// bareAddress takes local@domain without display name, comment, quoting or route, and returns it.
func bareAddress(s string) (string, error) {
	a, err := mail.ParseAddress(s)
	if err != nil || a.Address != s || strings.ContainsAny(s, " \t\"<>()[],:;\\") || strings.Count(s, "@") != 1 {
		return "", errAddress
	}
	return s, nil
}
