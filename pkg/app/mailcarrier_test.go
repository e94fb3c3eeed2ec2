package app

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/zap"
	"go.yaml.in/yaml/v3"

	"github.com/husk-reminders/husk/pkg/config"
	"github.com/husk-reminders/husk/pkg/provider"
)

// The mail carrier is built from all the settings it has, those in sections too, as a file gives them.
func TestTheMailCarriersSettings(t *testing.T) {
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "dkim.pem")
	if err := os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
	text := `
host: mail.hospital.example
domain: hospital.example
return_path: bounce+{reference}@hospital.example
messages_per_connection: 50
dkim: {selector: husk2026, key_file: ` + file + `}
bounces: {dir: ` + t.TempDir() + `}
`
	cc := carrierContext{data: t.TempDir(), writeDeadline: time.Second, now: time.Now, log: zap.NewNop()}
	for name, c := range map[string]struct{ from, to, want string }{
		"all":                 {"", "", ""},
		"an unknown key":      {"selector:", "selektor:", "selektor"},
		"an unknown section":  {"bounces:", "bounce:", "bounce"},
		"a key that is none":  {file, filepath.Dir(file), "dkim.key_file"},
		"another's signature": {"selector:", "domain: other.example, selector:", "dkim.domain"},
	} {
		var s map[string]any
		if err := yaml.Unmarshal([]byte(strings.Replace(text, c.from, c.to, 1)), &s); err != nil {
			t.Fatal(err)
		}
		sender, _, err := carriers["smtp"](config.Settings(s), cc)
		switch {
		case c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)):
			t.Errorf("%s: %v, want a word of %s", name, err, c.want)
		case c.want == "" && err != nil:
			t.Errorf("%s: %v", name, err)
		case c.want == "":
			if _, ok := sender.(provider.Poller); !ok {
				t.Errorf("%s: it is not asked for what comes back", name)
			}
		}
	}
}
