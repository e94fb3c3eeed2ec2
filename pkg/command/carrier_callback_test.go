package command

import (
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// The address that husk carrier list shows is the one that the carrier's calls are taken at, and at no other.
func TestTheAddressThatCarrierListShowsIsAnswered(t *testing.T) {
	p := newPlace(t)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	at := l.Addr().String()
	_ = l.Close()
	dir := t.TempDir()
	file := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	p.configured(strings.NewReplacer("LISTEN", at, "SECRET", file("secret", strings.Repeat("ab", 32)), "API", file("api", "api-password-0123456789"),
		"CALL", file("call", "call-password-0123456789")).Replace(`
callbacks: {url: "https://husk.hospital.example", listen: "LISTEN", secret_file: SECRET}
carriers:
  sms: {type: 46elks, settings: {url: "https://127.0.0.1:9", username: husk, password_file: API, callback_user: elks, callback_password_file: CALL}}
  email: {type: outbox}
`))
	_, stop := p.serve()
	defer stop()
	out := p.must("", "carrier", "list")
	shown := regexp.MustCompile(`https://husk\.hospital\.example(/v1/carriers/sms/\S+)`).FindAllStringSubmatch(out, -1)
	if len(shown) != 1 || strings.Contains(out, "/v1/carriers/email") {
		t.Fatalf("want one address, of sms:\n%s", out)
	}
	post := func(path string) int {
		t.Helper()
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://"+at+path, strings.NewReader("direction=incoming&id=s1&from=%2B4520123456&to=%2B4570991099&message=STOP"))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.SetBasicAuth("elks", "call-password-0123456789")
		res, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		b, err := io.ReadAll(res.Body)
		_ = res.Body.Close()
		if err != nil || len(b) > 0 {
			t.Errorf("%d %q %v", res.StatusCode, b, err)
		}
		return res.StatusCode
	}
	if code := post(shown[0][1] + "x"); code != http.StatusNotFound {
		t.Errorf("at another address: %d", code)
	}
	if code := post(shown[0][1]); code != http.StatusNoContent {
		t.Errorf("at the address shown: %d", code)
	}
	if out := p.must("", "audit", "list"); !strings.Contains(out, "carrier.callbacks") {
		t.Errorf("the audit does not have that the address was shown:\n%s", out)
	}
	// The carrier's own server is nowhere, which is the problem that doctor finds.
	if fs := p.findings(1); !found(fs, "answers", fine, "carrier sms can bring replies") {
		t.Errorf("doctor: %+v", fs)
	}
}
