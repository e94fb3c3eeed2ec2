package smtp_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/husk-reminders/husk/pkg/provider/smtp"
)

func TestConfig(t *testing.T) {
	good := smtp.Config{Host: "mail.example.org", Domain: "example.org"}
	if err := good.Validate(); err != nil {
		t.Fatal(err)
	}
	for field, spoil := range map[string]func(*smtp.Config){
		"host":            func(c *smtp.Config) { c.Host = "" },
		"port":            func(c *smtp.Config) { c.Port = 70000 },
		"tls":             func(c *smtp.Config) { c.TLS = "opportunistic" },
		"allow_plaintext": func(c *smtp.Config) { c.TLS = smtp.None },
		"remove it":       func(c *smtp.Config) { c.AllowPlaintext = true },
		"never sent in the clear": func(c *smtp.Config) {
			c.TLS, c.AllowPlaintext, c.Username, c.PasswordFile = smtp.None, true, "u", "f"
		},
		"password_file":   func(c *smtp.Config) { c.Username = "u" },
		"domain":          func(c *smtp.Config) { c.Domain = "exa mple" },
		"helo":            func(c *smtp.Config) { c.Helo = "a\r\nb" },
		"slots":           func(c *smtp.Config) { c.Slots = -1 },
		"rate_per_second": func(c *smtp.Config) { c.RatePerSecond = -1 },
		"dial_timeout":    func(c *smtp.Config) { c.DialTimeout = time.Hour },
		"write_timeout":   func(c *smtp.Config) { c.WriteTimeout = time.Minute },
		"reply_timeout":   func(c *smtp.Config) { c.ReplyTimeout = time.Hour },
		"idle_timeout":    func(c *smtp.Config) { c.IdleTimeout = -1 },
		"this machine alone": func(c *smtp.Config) {
			c.TLS, c.AllowPlaintext = smtp.None, true
		},
		"messages_per_connection": func(c *smtp.Config) { c.MessagesPerConnection = -1 },
		"return_path":             func(c *smtp.Config) { c.ReturnPath = "bounce {reference}" },
	} {
		c := good
		spoil(&c)
		if err := c.Validate(); err == nil || !strings.Contains(err.Error(), field) {
			t.Errorf("%s: %v", field, err)
		}
		if _, err := smtp.New(smtp.Options{Config: c}); err == nil {
			t.Errorf("%s: New takes it", field)
		}
	}
	good.CAFile = filepath.Join(t.TempDir(), "none.pem")
	if _, err := smtp.New(smtp.Options{Config: good}); err == nil {
		t.Error("a missing ca_file is taken")
	}
	if err := os.WriteFile(good.CAFile, []byte("no certificate"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := smtp.New(smtp.Options{Config: good}); err == nil {
		t.Error("a ca_file without certificate is taken")
	}
}
