package app

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/zap"

	"github.com/husk-reminders/husk/pkg/config"
	"github.com/husk-reminders/husk/pkg/inbound"
	"github.com/husk-reminders/husk/pkg/provider"
)

// Each carrier over HTTP is built from its settings, and names the one that is missing or unknown.
func TestCarriersOverHTTP(t *testing.T) {
	file := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(file, []byte("a-secret-0123456789\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		settings config.Settings
		missing  string
	}{
		"gatewayapi": {config.Settings{"url": "https://messaging.gatewayapi.eu", "token_file": file, "callback_key_file": file, "slots": "3", "reply_timeout": "5s"}, "token_file"},
		"46elks":     {config.Settings{"username": "u", "password_file": file, "callback_user": "elks", "callback_password_file": file, "slots": 3}, "username"},
		"sinch":      {config.Settings{"service_plan": "plan", "token_file": file, "callback_key_file": file, "slots": 3, "rate_per_second": 20}, "service_plan"},
		"link":       {config.Settings{"url": "https://wsx.sp247.net", "username": "u", "password_file": file, "platform_id": "COOL", "partner_id": "1", "slots": 3}, "partner_id"},
		"twilio":     {config.Settings{"account_sid": "AC0123456789abcdef0123456789abcdef", "auth_token_file": file, "slots": 3}, "account_sid"},
		"kannel":     {config.Settings{"url": "http://127.0.0.1:13013", "username": "husk", "password_file": file, "callback_user": "kannel", "callback_password_file": file, "slots": 3}, "username"},
	} {
		cc := carrierContext{callback: "https://husk.example.org/v1/carriers/sms/secret", data: t.TempDir(), writeDeadline: time.Second, now: time.Now, log: zap.NewNop()}
		s, slots, err := carriers[name](c.settings, cc)
		if err != nil || slots != 3 {
			t.Errorf("%s: %d slots, %v", name, slots, err)
			continue
		}
		if _, ok := s.(provider.Webhook); !ok {
			t.Errorf("%s takes no callbacks", name)
		}
		if _, ok := s.(provider.Checker); !ok {
			t.Errorf("%s can't be checked", name)
		}
		delete(c.settings, c.missing)
		if _, _, err := carriers[name](c.settings, cc); err == nil || !strings.Contains(err.Error(), name+": "+c.missing) {
			t.Errorf("%s without %s: %v", name, c.missing, err)
		}
		c.settings["speed"] = 3
		if _, _, err := carriers[name](c.settings, cc); err == nil || !strings.Contains(err.Error(), "speed") {
			t.Errorf("%s with a setting that nobody knows: %v", name, err)
		}
		cc.writeDeadline = time.Minute
		delete(c.settings, "speed")
		if _, _, err := carriers[name](c.settings, cc); err == nil || !strings.Contains(err.Error(), "write_timeout") {
			t.Errorf("%s: the write deadline is not the configured one: %v", name, err)
		}
	}
}

// The address that a carrier is told is the one that its calls are taken at.
func TestCallbackAddress(t *testing.T) {
	file := filepath.Join(t.TempDir(), "secret")
	secret := strings.Repeat("callback-secret-", 3)
	if err := os.WriteFile(file, []byte(secret+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	got, err := callbackAddress(config.Callbacks{URL: "https://husk.example.org/", SecretFile: file}, "sms")
	if want := "https://husk.example.org" + inbound.CallbackPath([]byte(secret), "sms"); err != nil || got != want {
		t.Errorf("%s %v, want %s", got, err, want)
	}
	for _, c := range []config.Callbacks{{}, {URL: "https://husk.example.org"}, {SecretFile: file}} {
		if got, err := callbackAddress(c, "sms"); got != "" || err != nil {
			t.Errorf("%+v: %s %v", c, got, err)
		}
	}
	if _, err := callbackAddress(config.Callbacks{URL: "https://husk.example.org", SecretFile: file + "x"}, "sms"); err == nil || !strings.Contains(err.Error(), "callbacks.secret_file") {
		t.Error(err)
	}
}

// What one account reports comes in under one name, so the account has one.
func TestOneAccountHasOneName(t *testing.T) {
	token := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(token, []byte("a-token-0123456789\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	gateway := config.Carrier{Type: "gatewayapi", Settings: config.Settings{"url": "https://messaging.gatewayapi.eu", "token_file": token}}
	another := config.Carrier{Type: "gatewayapi", Settings: config.Settings{"url": "https://messaging.gatewayapi.eu", "token_file": token, "slots": 2}}
	outbox := config.Carrier{Type: config.Outbox}
	smpp := config.Carrier{Type: "smpp", Settings: config.Settings{"host": "127.0.0.1", "port": 9, "system_id": "husk", "password_file": token}}
	for name, c := range map[string]struct {
		one, two config.Carrier
		refused  bool
	}{
		"one that calls us":      {gateway, gateway, true},
		"one that is asked":      {smpp, smpp, true},
		"two accounts":           {gateway, another, false},
		"a folder on this host":  {outbox, outbox, false},
		"an account and another": {gateway, outbox, false},
	} {
		cfg, err := configIn(t.TempDir())
		if err != nil {
			t.Fatal(err)
		}
		cfg.Carriers["sms"], cfg.Carriers["night"], cfg.Carriers["email"] = &c.one, &c.two, &config.Carrier{Type: config.None}
		cfg.Routes.SMS = config.Rules{{Carriers: config.List{"sms"}, Units: config.List{"rh-eye"}}, {Carriers: config.List{"night", "sms"}}}
		routes, _, closers, err := buildCarriers(cfg, carrierContext{data: cfg.Data, writeDeadline: time.Second, now: time.Now, log: zap.NewNop()})
		for _, x := range closers {
			defer func() { _ = x.Close() }()
		}
		if c.refused {
			if err == nil || !strings.Contains(err.Error(), "carriers.night.settings: the same account as carriers.sms") {
				t.Errorf("%s: %v", name, err)
			}
		} else if err != nil || len(routes) != 2 {
			t.Errorf("%s: %d routes, %v", name, len(routes), err)
		}
	}
}
