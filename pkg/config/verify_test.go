package config

import (
	"slices"
	"strings"
	"testing"
	"time"
)

func TestValidateRegisters(t *testing.T) {
	krr := func(c *Config) {
		c.Verify.KRR = KRR{Environment: TestRegister, ClientID: "client", KeyFile: "/key.pem", KeyID: "k1"}
	}
	nemsms := func(c *Config) {
		c.Verify.NemSMS = NemSMS{Environment: ProductionRegister, CVR: "12345678", CertificateFile: "/cert.pem", KeyFile: "/key.pem"}
	}
	for _, tt := range []struct {
		name   string
		change []func(*Config)
		keys   []string // those refused
		want   string   // in the error
	}{
		{"both", []func(*Config){krr, nemsms}, nil, ""},
		{"a business certificate", []func(*Config){krr, func(c *Config) { c.Verify.KRR.KeyID, c.Verify.KRR.CertificateFile = "", "/c.pem" }}, nil, ""},
		{"a misspelt environment", []func(*Config){func(c *Config) { c.Verify.KRR.Environment = "prod" }}, []string{"verify.krr.environment"}, "none, test, production"},
		{"nothing but the environment", []func(*Config){func(c *Config) {
			c.Verify.KRR.Environment, c.Verify.NemSMS.Environment = TestRegister, TestRegister
		}}, []string{
			"verify.krr.client_id", "verify.krr.key_file", "verify.krr.key_id", "verify.nemsms.cvr", "verify.nemsms.certificate_file", "verify.nemsms.key_file",
		}, "chmod 600"},
		{"key id and certificate", []func(*Config){krr, func(c *Config) { c.Verify.KRR.CertificateFile = "/c.pem" }}, []string{"verify.krr.key_id"}, "one of the two"},
		{"all but the environment", []func(*Config){krr, func(c *Config) { c.Verify.KRR.Environment = NoRegister }}, []string{"verify.krr.environment"}, "leave those out"},
		{"a consumer that is none", []func(*Config){krr, func(c *Config) { c.Verify.KRR.ConsumerOrg = "12" }}, []string{"verify.krr.consumer_org"}, "nine digits"},
		{"a CVR with a space", []func(*Config){nemsms, func(c *Config) { c.Verify.NemSMS.CVR = "1234 5678" }}, []string{"verify.nemsms.cvr"}, "eight digits"},
		{"a demo", []func(*Config){krr, func(c *Config) { c.Mode = ModeDemo }}, []string{"verify.krr.environment"}, "invented"},
		{"the test register in production", []func(*Config){krr, func(c *Config) {
			c.Mode, c.Carriers["sms"].Type, c.Carriers["email"].Type = ModeProduction, None, "smtp"
		}}, []string{"verify.krr.environment"}, "real people"},
		{"too long", []func(*Config){func(c *Config) { c.Verify.Timeout = time.Hour }}, []string{"verify.timeout"}, "1s to 1m"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := Default()
			for _, f := range tt.change {
				f(&c)
			}
			var keys []string
			for _, p := range c.problems() {
				keys = append(keys, p.Key)
			}
			if !slices.Equal(keys, tt.keys) {
				t.Errorf("refused %v, want %v", keys, tt.keys)
			}
			if err := c.Validate(); err != nil && !strings.Contains(err.Error(), tt.want) {
				t.Errorf("no %q in %v", tt.want, err)
			}
		})
	}
}

func TestRegisterFilesAreAbsolute(t *testing.T) {
	c := Default()
	c.Data = t.TempDir()
	c.Verify.KRR = KRR{Environment: TestRegister, ClientID: "client", KeyFile: "key.pem", CertificateFile: "chain.pem"}
	c, err := c.Resolved()
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(c.Verify.KRR.KeyFile, "/") || !strings.HasPrefix(c.Verify.KRR.CertificateFile, "/") || c.Verify.NemSMS.KeyFile != "" {
		t.Errorf("%+v", c.Verify)
	}
}
