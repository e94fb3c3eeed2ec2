//go:build unix

package acceptance

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/husk-reminders/husk/pkg/contact/verifytest"
)

// The hosts that the program knows as the test environments of Norway's register and its token service.
const (
	tokenHost    = "test.maskinporten.no"
	registerHost = "test.kontaktregisteret.no"
)

// registerFaults are those of the register that alone knows people's addresses, and of the service that gives the tokens for it.
// The program asks the hosts that it is made for, by way of a proxy that leads to servers of the test.
func registerFaults(t *testing.T) (*outage, []fault) {
	const client, kid = "husk-acceptance", "key-1"
	bench := verifytest.NewBench(t, tokenHost, registerHost)
	bench.Clock = verifytest.WallClock()
	key := verifytest.RSAKey(t)
	krr := bench.KRR(client, &key.PublicKey, kid)

	c := newCarrier(t)
	h := newHouse(t, c, "")
	h.units = strings.NewReplacer("country: DK", `country: "NO"`, "language: da", "language: nb", "names: {da:", "names: {nb:", "Europe/Copenhagen", "Europe/Oslo").Replace(h.units)
	der, err := x509.MarshalPKCS8PrivateKey(key)
	h.must(err)
	secret, roots := filepath.Join(h.dir, "krr.pem"), filepath.Join(h.dir, "roots.pem")
	h.must(os.WriteFile(secret, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), 0o600))
	h.must(os.WriteFile(roots, bench.Authority.PEM(), 0o600))
	way := tunnel(t, map[string]string{tokenHost + ":443": hostOf(t, krr.TokenURL), registerHost + ":443": hostOf(t, krr.URL)})
	h.env = []string{"HTTPS_PROXY=" + way, "https_proxy=", "NO_PROXY=", "no_proxy=", "SSL_CERT_FILE=" + roots}
	for k, v := range map[string]string{
		"environment": "test", "client_id": client, "key_file": secret, "key_id": kid,
	} {
		h.settings["verify.krr."+k] = v
	}
	h.settings["verify.timeout"], h.settings["sweeps.verify"] = "3s", "@every 1s"
	x := newOutage(t, h, c)
	x.soon = 3 * time.Second // the register is asked every second
	x.event = func(b booking) (string, []byte) {
		e := b.fields()
		e["zone"] = "Europe/Oslo"
		e["patient"] = map[string]any{"id": norwegian(b.person), "country": "NO", "given_name": canaryName, "language": "nb"}
		data, err := json.Marshal(e)
		h.must(err)
		return b.subject(), data
	}
	x.welcome = func(p int) error {
		krr.Put(norwegian(p), fmt.Sprintf(`"reservasjon":"NEI","status":"AKTIV","varslingsstatus":"KAN_VARSLES","spraak":"nb",`+
			`"kontaktinformasjon":{"epostadresse":%q,"epostadresse_oppdatert":%q}`, someone(p).mail, time.Now().AddDate(0, -1, 0).Format(time.RFC3339)))
		k, err := x.norwegianKey(p)
		if err != nil {
			return err
		}
		return x.staff.consent(k, "email")
	}

	unknown := func(reason string) func(*outage) bool {
		return counts("husk_verify_answers_total", `method="krr"`, `reason="`+reason+`"`, `verdict="unknown"`)
	}
	broken := func(name, stage string, f verifytest.Fault, reason string) fault {
		return fault{
			name: name, strike: func(*outage) { bench.Break(stage, &f) }, told: unknown(reason),
			repair: func(x *outage) { bench.Break(stage, nil); x.askAgain() },
		}
	}
	shelf := func(name string) verifytest.Fault {
		all := verifytest.Faults()
		i := slices.IndexFunc(all, func(f verifytest.Fault) bool { return f.Name == name })
		if i < 0 {
			t.Fatalf("verifytest has no fault %q", name)
		}
		return all[i]
	}
	changed := func(name string, how func(body string) string, reason string) fault {
		return fault{
			name: name, strike: func(*outage) { krr.Change(how) }, told: unknown(reason),
			repair: func(x *outage) { krr.Change(nil); x.askAgain() },
		}
	}
	const at, tokens = verifytest.KRRStage, verifytest.MaskinportenStage
	refused := broken("the token service refuses", tokens, shelf("401 for good"), "unauthorised")
	refused.strike = both(refused.strike, func(*outage) { krr.Revoke() }) // else the token is good for a while
	late := verifytest.Fault{TLS: func(b *verifytest.Bench, c *tls.Config) (*tls.Config, error) {
		c.Certificates = []tls.Certificate{b.Authority.Server(b.T, "127.0.0.1", -time.Minute, registerHost)}
		return c, nil
	}}
	return x, []fault{
		broken("the register is silent", at, shelf("silence"), "timeout"),
		broken("the register says 500", at, shelf("500 that quotes the question"), "broken"),
		broken("the register says garbage", at, shelf("garbage"), "garbled"),
		broken("the register's certificate is another authority's", at, shelf("a certificate of an unknown authority"), "insecure"),
		broken("the register's certificate has run out", at, late, "insecure"),
		broken("the register's door is shut", at, shelf("the door is shut"), "unreachable"),
		changed("the register answers for nobody who was asked about", func(string) string { return `{"personer":[]}` }, "missing"),
		changed("the register answers for another person", func(body string) string {
			return idRE.ReplaceAllString(body, `"personidentifikator":"`+norwegian(9999)+`"`)
		}, "missing"),
		refused,
		{
			name:   "the token service's clock is an hour ahead",
			strike: func(*outage) { bench.Clock.Advance(time.Hour) }, told: unknown("clock"),
			repair: func(x *outage) { bench.Clock.Advance(-time.Hour); x.askAgain() },
		},
	}
}

// both does one after the other.
func both(a, b func(*outage)) func(*outage) { return func(x *outage) { a(x); b(x) } }

var idRE = regexp.MustCompile(`"personidentifikator":"[0-9]{11}"`)

// norwegian is the fødselsnummer of person number i, with its second check digit.
func norwegian(i int) string {
	for n := i % 400; ; n++ {
		s := fmt.Sprintf("%02d%02d%02d%03d%d", 1+i%28, 1+i/28%12, 50+i/336%50, n%500, i%10)
		sum := 0
		for k, w := range []int{5, 4, 3, 2, 7, 6, 5, 4, 3, 2} {
			sum += w * int(s[k]-'0')
		}
		if d := (11 - sum%11) % 11; d < 10 {
			return s + fmt.Sprint(d)
		}
	}
}

func (x *outage) norwegianKey(p int) (string, error) {
	var k struct {
		Person string `json:"person"`
	}
	err := x.staff.ask(http.MethodPost, "/v1/persons/key", map[string]string{"country": "NO", "id": norwegian(p)}, &k)
	return k.Person, err
}

// askAgain asks the register once more about the round's people, as a clerk does who hears that it is back: by itself the line asks
// when it thought it would be.
func (x *outage) askAgain() {
	x.t.Helper()
	for _, b := range x.round {
		key, err := x.norwegianKey(b.person)
		x.h.must(err)
		x.h.eventually(30*time.Second, "the register does not answer", func() bool {
			var said struct {
				Answers []struct{ Verdict string }
			}
			x.h.must(x.staff.ask(http.MethodPost, "/v1/persons/"+key+"/verify", map[string]string{}, &said))
			return len(said.Answers) == 1 && said.Answers[0].Verdict == "yes"
		})
	}
}

func hostOf(t *testing.T, raw string) string {
	t.Helper()
	u, err := url.Parse(raw)
	if err != nil {
		t.Fatal(err)
	}
	return u.Host
}

// tunnel is an HTTP proxy that leads to servers of the test whoever asks for a host it knows, and nobody else anywhere.
func tunnel(t *testing.T, to map[string]string) string {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		addr, ok := to[r.Host]
		if !ok || r.Method != http.MethodConnect {
			http.Error(w, "not here", http.StatusForbidden)
			return
		}
		out, err := net.Dial("tcp", addr)
		if err != nil {
			http.Error(w, "nobody there", http.StatusBadGateway)
			return
		}
		defer func() { _ = out.Close() }()
		in, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			return
		}
		defer func() { _ = in.Close() }()
		_, _ = io.WriteString(in, "HTTP/1.1 200 Connection established\r\n\r\n")
		done := make(chan struct{})
		go func() {
			defer close(done)
			_, _ = io.Copy(out, in)
			_ = out.Close()
		}()
		_, _ = io.Copy(in, out)
		_ = in.Close()
		<-done
	}))
	t.Cleanup(s.Close)
	return s.URL
}
