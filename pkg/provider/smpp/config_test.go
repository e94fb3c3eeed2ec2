package smpp

import (
	"strings"
	"testing"
	"time"
)

func TestConfig(t *testing.T) {
	good := Config{Host: "smsc.example", Port: 3550, SystemID: "husk", PasswordFile: "/etc/husk/smpp"}
	if err := good.Validate(); err != nil {
		t.Fatal(err)
	}
	if good.Slots() != 16 {
		t.Errorf("%d slots of a window of 64 for 4 segments", good.Slots())
	}
	if c := (Config{Window: 3}); c.Slots() != 1 || c.withDefaults().Segments != 3 {
		t.Errorf("a window of 3: %d slots, %d segments", c.Slots(), c.withDefaults().Segments)
	}
	for key, spoil := range map[string]func(*Config){
		"host":            func(c *Config) { c.Host = "" },
		"port":            func(c *Config) { c.Port = 0 },
		"tls":             func(c *Config) { c.TLS = "maybe" },
		"tls: none":       func(c *Config) { c.TLS = None },
		"cert_file":       func(c *Config) { c.CertFile = "x" },
		"system_id":       func(c *Config) { c.SystemID = "a\x00b" },
		"password_file":   func(c *Config) { c.PasswordFile = "" },
		"system_type":     func(c *Config) { c.SystemType = strings.Repeat("x", 13) },
		"address_range":   func(c *Config) { c.AddressRange = "æ" },
		"service_type":    func(c *Config) { c.ServiceType = "12345" },
		"window":          func(c *Config) { c.Window = 256 },
		"segments":        func(c *Config) { c.Window, c.Segments = 2, 3 },
		"rate_per_second": func(c *Config) { c.RatePerSecond = -1 },
		"reference_bits":  func(c *Config) { c.ReferenceBits = 7 },
		"response_ids":    func(c *Config) { c.ResponseIDs = "octal" },
		"receipt_ids":     func(c *Config) { c.ReceiptIDs = "octal" },
		"codes":           func(c *Config) { c.Codes = map[string]string{"0x400": "maybe"} },
		"faults":          func(c *Config) { c.Faults = map[string]string{"001": "dead"} },
		"write_timeout":   func(c *Config) { c.WriteTimeout = time.Minute },
		"reply_timeout":   func(c *Config) { c.ReplyTimeout = -1 },
		"enquire_link":    func(c *Config) { c.EnquireLink = time.Hour },
		"rebind_max":      func(c *Config) { c.RebindMax = -1 },
		"join_timeout":    func(c *Config) { c.JoinTimeout = time.Hour },
		"dial_timeout":    func(c *Config) { c.DialTimeout = time.Hour },
		"queue":           func(c *Config) { c.Queue = -1 },
	} {
		c := good
		spoil(&c)
		if err := c.Validate(); err == nil || !strings.Contains(err.Error(), "smpp: "+key) {
			t.Errorf("%s: %v", key, err)
		}
		if _, err := New(Options{Config: c}); err == nil {
			t.Errorf("%s: a Sender is made", key)
		}
	}
	for _, host := range []string{"127.0.0.1", "::1", "localhost"} {
		c := good
		c.Host, c.TLS = host, None
		if err := c.Validate(); err != nil {
			t.Errorf("%s: %v", host, err)
		}
	}
}
