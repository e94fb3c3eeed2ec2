package config

import (
	"regexp"
	"time"
)

// Verify are the registers that are asked whose an address is.
type Verify struct {
	KRR     KRR           `key:"krr"`
	NemSMS  NemSMS        `key:"nemsms"`
	Timeout time.Duration `key:"timeout"` // of one call
}

// Environment is which of a register's installations is asked.
type Environment string

// The environments. NoRegister asks nobody.
const (
	NoRegister         Environment = None
	TestRegister       Environment = "test" // invented people alone
	ProductionRegister Environment = "production"
)

// KRR is Norway's Kontakt- og reservasjonsregisteret, asked with tokens of Maskinporten.
type KRR struct {
	Environment     Environment `key:"environment"`
	ClientID        string      `key:"client_id"`
	KeyFile         string      `key:"key_file"`         // PEM, RSA: signs the grants
	KeyID           string      `key:"key_id"`           // of a key that was registered with the client; else CertificateFile
	CertificateFile string      `key:"certificate_file"` // PEM: the organisation's business certificate, the leaf first
	ConsumerOrg     string      `key:"consumer_org"`     // on whose behalf a supplier asks; empty = our own
}

// NemSMS is Denmark's Digital Post, asked through Serviceplatformen.
type NemSMS struct {
	Environment     Environment `key:"environment"`
	CVR             string      `key:"cvr"`
	CertificateFile string      `key:"certificate_file"` // PEM: OCES3, the leaf first
	KeyFile         string      `key:"key_file"`         // PEM
}

var (
	cvrRE = regexp.MustCompile(`^[1-9][0-9]{7}$`)
	orgRE = regexp.MustCompile(`^[0-9]{9}$`)
)

// registers checks how addresses are verified.
func (c Config) registers(k *checker) {
	v := c.Verify
	span(k, "verify.timeout", v.Timeout, time.Second, time.Minute)
	if c.environment(k, "verify.krr", v.KRR.Environment, v.KRR == KRR{Environment: v.KRR.Environment}) {
		k.check("verify.krr.client_id", v.KRR.ClientID != "", "the client's id at Maskinporten")
		k.check("verify.krr.key_file", v.KRR.KeyFile != "", "a file with the client's RSA key in PEM, for its owner alone (chmod 600)")
		k.check("verify.krr.key_id", (v.KRR.KeyID == "") != (v.KRR.CertificateFile == ""),
			"the id of the key that is registered with the client, or else verify.krr.certificate_file: one of the two")
		k.check("verify.krr.consumer_org", v.KRR.ConsumerOrg == "" || orgRE.MatchString(v.KRR.ConsumerOrg), "an organisation number, nine digits, or nothing")
	}
	if c.environment(k, "verify.nemsms", v.NemSMS.Environment, v.NemSMS == NemSMS{Environment: v.NemSMS.Environment}) {
		k.check("verify.nemsms.cvr", cvrRE.MatchString(v.NemSMS.CVR), "the authority's CVR number, eight digits")
		k.check("verify.nemsms.certificate_file", v.NemSMS.CertificateFile != "", "a file with the OCES3 certificate in PEM")
		k.check("verify.nemsms.key_file", v.NemSMS.KeyFile != "", "a file with the certificate's key in PEM, for its owner alone (chmod 600)")
	}
}

// environment checks which register is asked, and reports whether one is.
func (c Config) environment(k *checker, section string, e Environment, bare bool) bool {
	key := section + ".environment"
	oneOf(k, key, e, NoRegister, TestRegister, ProductionRegister)
	k.check(key, e == NoRegister || c.Mode != ModeDemo, "none in a demo: its people are invented")
	k.check(key, e != TestRegister || c.Mode != ModeProduction, "production or none in production: real people are not in the test register")
	k.check(key, e != NoRegister || bare, "test or production, since other keys of "+section+" are set; or leave those out")
	return e == TestRegister || e == ProductionRegister
}

// paths are the files that are named here, by key.
func (v *Verify) paths() map[string]*string {
	return map[string]*string{
		"verify.krr.key_file": &v.KRR.KeyFile, "verify.krr.certificate_file": &v.KRR.CertificateFile,
		"verify.nemsms.key_file": &v.NemSMS.KeyFile, "verify.nemsms.certificate_file": &v.NemSMS.CertificateFile,
	}
}
