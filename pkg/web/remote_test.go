package web

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"maps"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
)

func TestWhoIsLetIn(t *testing.T) {
	f, shelf := &fake{}, newDrawer()
	d := openDoorWith(t, f, shelf)
	h := remote(t, d)
	k := keyFor(t, d.open.api, Auditor, nil, "INC desk")
	stranger := keyFor(t, openDoor(t, &fake{}).open.api, Auditor, nil, "")
	f.calls = nil
	for name, key := range map[string]string{
		"none": "", "no key": "0101701234", "another installation's": stranger.Key, "cut": k.Key[:len(k.Key)-1], "longer": k.Key + "A",
		"another secret": k.Key[:18] + strings.Repeat("A", 43), "another prefix": "x" + k.Key, "an id alone": "husk_" + k.ID, "an id that is none": "husk_../.._" + k.Key[18:],
		"the secret of another": "husk_" + stranger.ID + "_" + k.Key[18:],
	} {
		w := call(h, key, "GET", "/v1/audit", "")
		if w.Code != http.StatusUnauthorized || w.Header().Get("WWW-Authenticate") != "Bearer" || len(f.calls) != 0 || key != "" && strings.Contains(w.Body.String(), key) {
			t.Errorf("%s: %d %s, %v", name, w.Code, w.Body, f.calls)
		}
	}
	if w := call(h, k.Key, "GET", "/v1/audit", ""); w.Code != http.StatusOK || f.audits[len(f.audits)-1].Actor != "key:"+k.ID+" INC desk" {
		t.Errorf("%d %s %+v", w.Code, w.Body, f.audits)
	}
	for _, b := range shelf.values {
		if strings.Contains(string(b), k.Key[18:]) {
			t.Error("the key is on the shelf")
		}
	}
	f.later = 25 * time.Hour
	if w := call(h, k.Key, "GET", "/v1/audit", ""); w.Code != http.StatusUnauthorized {
		t.Errorf("after its time: %d", w.Code)
	}
}

func TestARecordThatWasChangedFitsNoKey(t *testing.T) {
	for name, change := range map[string]func(*keyRecord){
		"role": func(k *keyRecord) { k.Role = Incident }, "units": func(k *keyRecord) { k.Units = nil },
		"expires": func(k *keyRecord) { k.Expires = k.Expires.Add(time.Hour) }, "holder": func(k *keyRecord) { k.Holder = "ole" },
		"hash": func(k *keyRecord) { k.Hash = nil },
	} {
		shelf := newDrawer()
		d := openDoorWith(t, &fake{}, shelf)
		k := keyFor(t, d.open.api, Clerk, []string{own}, "karen")
		if w := call(remote(t, d), k.Key, "GET", "/v1/status", ""); w.Code != 200 {
			t.Fatal(w.Code)
		}
		var r keyRecord
		if err := json.Unmarshal(shelf.values[keyShelf+k.ID], &r); err != nil {
			t.Fatal(err)
		}
		change(&r)
		b, err := json.Marshal(r)
		if err != nil {
			t.Fatal(err)
		}
		shelf.values[keyShelf+k.ID] = b
		if w := call(remote(t, d), k.Key, "GET", "/v1/status", ""); w.Code != http.StatusUnauthorized {
			t.Errorf("%s: %d", name, w.Code)
		}
	}
}

// A key that is revoked while its holder works is out from the next request on, on a connection that stays open, and where another
// process has revoked it.
func TestRevokedWhileAtWork(t *testing.T) {
	shelf := newDrawer()
	here, there := openDoorWith(t, &fake{}, shelf), openDoorWith(t, &fake{}, shelf)
	k := keyFor(t, here.open.api, Auditor, nil, "")
	s := httptest.NewServer(remote(t, here))
	defer s.Close()
	get := func() int {
		t.Helper()
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.URL+"/v1/audit", nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Authorization", "Bearer "+k.Key)
		res, err := s.Client().Do(r)
		if err != nil {
			t.Fatal(err)
		}
		_, _ = io.Copy(io.Discard, res.Body)
		_ = res.Body.Close()
		return res.StatusCode
	}
	if code := get(); code != 200 {
		t.Fatal(code)
	}
	if w := ask(there.Staff(), "POST", "/v1/apikeys/"+k.ID+"/revoke", ""); w.Code != 200 {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	if code := get(); code != http.StatusUnauthorized {
		t.Errorf("after it was revoked: %d", code)
	}
	if w := ask(here.Staff(), "GET", "/v1/apikeys", ""); !strings.Contains(w.Body.String(), `"revoked":"2026-03-01T12:00:00Z"`) || strings.Contains(w.Body.String(), "hash") {
		t.Errorf("listed as %s", w.Body)
	}
	if w := ask(here.Staff(), "POST", "/v1/apikeys/"+strings.Repeat("b", 12)+"/revoke", ""); w.Code != http.StatusNotFound {
		t.Errorf("one that is not: %d", w.Code)
	}
}

// No audit, no answer: of every operation, and of refusals too.
func TestNoAuditNoAnswerOverHTTP(t *testing.T) {
	routes := readSpec(t).routes()
	f, shelf := &fake{fourEyes: true}, newDrawer()
	d := openDoorWith(t, f, shelf)
	d.addresses, d.keys = newLimit(10_000), newLimit(10_000)
	a, h := d.open.api, remote(t, d)
	for i, who := range callers {
		*f = fake{}
		k := keyFor(t, a, who.role, who.units, "")
		kept, last := maps.Clone(shelf.values), maps.Clone(shelf.last)
		for _, row := range matrix {
			*f = fake{unit: own, units: []string{own}, stopped: map[string]string{"unit:" + own: "leak", "all": "leak"}}
			shelf.values, shelf.last = maps.Clone(kept), maps.Clone(last)
			for name := range f.stopped {
				if err := a.wish(t.Context(), &caller{actor: "ole", self: "ole"}, Switch{Name: name, Reason: "x", Mended: "y"}, "leak"); err != nil {
					t.Fatal(err)
				}
			}
			f.calls, f.noAudit = nil, errors.New("disk full")
			route := routes[row.operation]
			path := pathOf(route[1], k.ID)
			w := call(h, k.Key, route[0], path+"?"+strings.ReplaceAll(row.query, "UNIT", own), strings.ReplaceAll(row.body, "UNIT", own))
			if w.Code != http.StatusServiceUnavailable || !strings.Contains(w.Body.String(), "audit") {
				t.Errorf("%s by %s (%c): %d %s", row.operation, who.name, row.may[i], w.Code, w.Body)
			}
			for _, c := range f.calls {
				if !slices.Contains(reads, c) {
					t.Errorf("%s by %s: the ledger was asked %v", row.operation, who.name, f.calls)
				}
			}
		}
	}
}

func TestRateOfAnAddress(t *testing.T) {
	now := noon
	d, err := NewDoor(DoorOptions{Rebuild: openDoor(t, &fake{}).o.Rebuild, AddressRate: 2, Now: func() time.Time { return now }})
	if err != nil {
		t.Fatal(err)
	}
	h := remote(t, d) // shut: what gets through is answered with 503
	from := func(address string) *httptest.ResponseRecorder {
		r := httptest.NewRequest("GET", "/v1/status", nil)
		r.RemoteAddr = address
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		return w
	}
	for i := range 4 { // twice as many at once
		if w := from("192.0.2.1:" + strconv.Itoa(1000+i)); w.Code != http.StatusServiceUnavailable {
			t.Fatalf("request %d: %d", i, w.Code)
		}
	}
	w := from("192.0.2.1:2000")
	if w.Code != http.StatusTooManyRequests || w.Header().Get("Retry-After") != "1" {
		t.Errorf("%d, Retry-After %q", w.Code, w.Header().Get("Retry-After"))
	}
	if w := from("192.0.2.2:1000"); w.Code != http.StatusServiceUnavailable {
		t.Errorf("another address: %d", w.Code)
	}
	now = now.Add(time.Second)
	if w := from("192.0.2.1:2000"); w.Code != http.StatusServiceUnavailable {
		t.Errorf("a second later: %d", w.Code)
	}
	for name, same := range map[string][2]string{"IPv6 of one network": {"[2001:db8:0:1::1]:1", "[2001:db8:0:1::2]:2"}, "IPv4 in IPv6": {"[::ffff:192.0.2.1]:1", "192.0.2.1:2"}} {
		if network(same[0]) != network(same[1]) {
			t.Errorf("%s: %s and %s", name, network(same[0]), network(same[1]))
		}
	}
	if network("[2001:db8:0:1::1]:1") == network("[2001:db8:0:2::1]:1") {
		t.Error("two networks count as one")
	}
}

func TestRateOfAKey(t *testing.T) {
	f := &fake{}
	d := openDoor(t, f)
	d.keys = newLimit(1)
	now := noon
	d.o.Now = func() time.Time { return now }
	h := remote(t, d)
	k, k2 := keyFor(t, d.open.api, Auditor, nil, ""), keyFor(t, d.open.api, Auditor, nil, "")
	for range 2 {
		if w := call(h, k.Key, "GET", "/v1/audit", ""); w.Code != 200 {
			t.Fatal(w.Code)
		}
	}
	f.calls = nil
	if w := call(h, k.Key, "GET", "/v1/audit", ""); w.Code != http.StatusTooManyRequests || w.Header().Get("Retry-After") != "1" || len(f.calls) != 0 {
		t.Errorf("%d, Retry-After %q, %v", w.Code, w.Header().Get("Retry-After"), f.calls)
	}
	if w := call(h, k2.Key, "GET", "/v1/audit", ""); w.Code != 200 {
		t.Errorf("another key: %d", w.Code)
	}
	if now = now.Add(time.Second); call(h, k.Key, "GET", "/v1/audit", "").Code != 200 {
		t.Error("a second later it is still refused")
	}
	m := ask(d.Public(), "GET", "/metrics", "").Body.String()
	if !strings.Contains(m, `husk_web_refused_total{why="key_rate"} 1`) {
		t.Error("it is not counted")
	}
}

func TestALimitForgets(t *testing.T) {
	l := newLimit(1)
	for i := range maxTracked {
		l.take(fmt.Sprint(i), noon)
	}
	if l.take("new", noon.Add(time.Hour)); len(l.all) != 1 {
		t.Errorf("%d are kept after an hour", len(l.all))
	}
	for i := range 2 * maxTracked {
		l.take(fmt.Sprint(i), noon.Add(time.Hour))
	}
	if len(l.all) > maxTracked+1 {
		t.Errorf("%d are kept", len(l.all))
	}
}

// What is logged of a request has no path, no query and no body.
func TestTheLogOfRequests(t *testing.T) {
	var b bytes.Buffer
	f := &fake{units: []string{own}}
	d := openDoor(t, f)
	log := zap.New(zapcore.NewCore(zapcore.NewJSONEncoder(zap.NewProductionEncoderConfig()), zapcore.AddSync(&b), zapcore.DebugLevel))
	d.o.Log, d.open.api.o.Log = log, log
	h := remote(t, d)
	k := keyFor(t, d.open.api, Clerk, []string{own}, "")
	call(h, k.Key, "POST", "/v1/persons/key", `{"country":"DK","id":"0101701234"}`)
	call(h, k.Key, "GET", "/v1/persons/0101701234?reason=Anna", "")
	call(h, k.Key, "GET", "/v1/persons/"+somebody+"?reason=Anna", "")
	call(h, k.Key, "GET", "/v1/anna/0101701234", "")
	f.err = errors.New("torn")
	call(h, k.Key, "POST", "/v1/persons/"+somebody+"/consent", `{"type":"withdrawn","method":"desk","actor":{"kind":"self","ref":"Anna"}}`)
	call(h, "husk_0101701234", "GET", "/v1/status", "")
	if !strings.Contains(b.String(), `"route":"GET /v1/persons/{key}","code":200`) || !strings.Contains(b.String(), k.ID) {
		t.Error(b.String())
	}
	for _, secret := range []string{"0101701234", "Anna", "anna", somebody, "reason=", k.Key[18:]} {
		if strings.Contains(b.String(), secret) {
			t.Errorf("%q is in the log:\n%s", secret, b.String())
		}
	}
}

// authority signs certificates for a test.
type authority struct {
	t    *testing.T
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
	file string
}

func newAuthority(t *testing.T, name string) *authority {
	t.Helper()
	a := &authority{t: t}
	der, key := a.make(name, nil)
	var err error
	if a.cert, err = x509.ParseCertificate(der); err != nil {
		t.Fatal(err)
	}
	a.key, a.file = key, writePEM(t, name+".ca", "CERTIFICATE", der)
	return a
}

func (a *authority) make(name string, by *authority) ([]byte, *ecdsa.PrivateKey) {
	a.t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		a.t.Fatal(err)
	}
	x := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: name}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
		IsCA: by == nil, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
	}
	parent, signer := x, key
	if by != nil {
		parent, signer = by.cert, by.key
	}
	der, err := x509.CreateCertificate(rand.Reader, x, parent, &key.PublicKey, signer)
	if err != nil {
		a.t.Fatal(err)
	}
	return der, key
}

func (a *authority) sign(name string) (cert, key string) {
	der, k := a.make(name, a)
	b, err := x509.MarshalECPrivateKey(k)
	if err != nil {
		a.t.Fatal(err)
	}
	return writePEM(a.t, name+".cert", "CERTIFICATE", der), writePEM(a.t, name+".key", "EC PRIVATE KEY", b)
}

func writePEM(t *testing.T, name, kind string, der []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestTLS(t *testing.T) {
	ours, theirs := newAuthority(t, "ours"), newAuthority(t, "theirs")
	cert, key := ours.sign("server")
	d := openDoor(t, &fake{})
	k := keyFor(t, d.open.api, Auditor, nil, "")
	get := func(clientCA string, client *tls.Config) (int, error) {
		t.Helper()
		c, err := TLS("api", cert, key, clientCA)
		if err != nil {
			t.Fatal(err)
		}
		s := httptest.NewUnstartedServer(remote(t, d))
		s.Config.ErrorLog = zap.NewStdLog(zap.NewNop())
		s.TLS = c
		s.StartTLS()
		defer s.Close()
		client.RootCAs = x509.NewCertPool()
		client.RootCAs.AddCert(ours.cert)
		h := &http.Client{Transport: &http.Transport{TLSClientConfig: client}}
		defer h.CloseIdleConnections()
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.URL+"/v1/audit", nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Authorization", "Bearer "+k.Key)
		res, err := h.Do(r)
		if err != nil {
			return 0, err
		}
		_ = res.Body.Close()
		return res.StatusCode, nil
	}
	with := func(a *authority) *tls.Config {
		pair, err := tls.LoadX509KeyPair(a.sign("client"))
		if err != nil {
			t.Fatal(err)
		}
		return &tls.Config{Certificates: []tls.Certificate{pair}}
	}
	if code, err := get("", &tls.Config{}); code != 200 {
		t.Errorf("over TLS: %d %v", code, err)
	}
	if code, err := get("", &tls.Config{MaxVersion: tls.VersionTLS11}); err == nil {
		t.Errorf("over TLS 1.1: %d", code)
	}
	if code, err := get(ours.file, with(ours)); code != 200 {
		t.Errorf("with a certificate of the right authority: %d %v", code, err)
	}
	if code, err := get(ours.file, &tls.Config{}); err == nil {
		t.Errorf("without a certificate: %d", code)
	}
	// The client sends what it has, whatever the server names, as one that means harm would.
	wrong := with(theirs)
	pair := wrong.Certificates[0]
	wrong.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return &pair, nil }
	if code, err := get(ours.file, wrong); err == nil {
		t.Errorf("with a certificate of another authority: %d", code)
	}
	for name, files := range map[string][3]string{"no such file": {"/nowhere", key, ""}, "another key": {cert, cert, ""}, "no authority": {cert, key, key}} {
		for _, section := range []string{"api", "callbacks"} {
			if _, err := TLS(section, files[0], files[1], files[2]); err == nil || !strings.HasPrefix(err.Error(), section+".") {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
}
