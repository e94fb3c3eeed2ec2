package verifytest

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"
)

// The names of KRR's servers on a bench.
const (
	MaskinportenStage = "maskinporten"
	KRRStage          = "krr"
)

// KRR is Maskinporten's token endpoint and the register's look-up, as docs.digdir.no describes them.
type KRR struct {
	TokenURL string // the endpoint
	URL      string // the look-up, version 2
	Audience string // what a grant's aud must be
	ClientID string
	Scope    string
	Key      *rsa.PublicKey // the client's registered key
	KeyID    string
	Clock    *Clock        // the servers' own
	Life     time.Duration // of a token

	mu      sync.Mutex
	persons map[string]string // id → the entry as JSON
	reject  map[string]bool   // ids that make the whole request a 400
	tokens  map[string]time.Time
	grants  map[string]bool // jti seen
	batches []int           // persons in each look-up
	given   int             // tokens
	why     []string        // why requests were refused
	change  func(body string) string
}

// KRR starts the servers.
func (b *Bench) KRR(client string, key *rsa.PublicKey, keyID string) *KRR {
	k := &KRR{
		Audience: "https://test.maskinporten.no/", ClientID: client, Scope: "krr:global/kontaktinformasjon.read", Key: key, KeyID: keyID,
		Clock: b.Clock, Life: 600 * time.Second,
		persons: map[string]string{}, reject: map[string]bool{}, tokens: map[string]time.Time{}, grants: map[string]bool{},
	}
	k.TokenURL = b.Serve(MaskinportenStage, http.HandlerFunc(k.token), nil) + "/token"
	k.URL = b.Serve(KRRStage, http.HandlerFunc(k.lookup), nil) + "/rest/v2/personer"
	return k
}

// Put sets what the register says of a person: the entry without braces and personidentifikator.
func (k *KRR) Put(id, entry string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.persons[id] = fmt.Sprintf(`{"personidentifikator":%q,%s}`, id, entry)
}

// Reject makes a look-up with this id a 400.
func (k *KRR) Reject(id string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.reject[id] = true
}

// Change puts a function between the register's answers and the wire.
func (k *KRR) Change(f func(body string) string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.change = f
}

// Revoke makes all tokens void.
func (k *KRR) Revoke() {
	k.mu.Lock()
	defer k.mu.Unlock()
	clear(k.tokens)
}

// Batches are the numbers of persons of the look-ups so far; Tokens how many tokens were given; Refusals why requests were
// not answered.
func (k *KRR) Batches() []int { k.mu.Lock(); defer k.mu.Unlock(); return slices.Clone(k.batches) }

// Tokens is how many tokens were given.
func (k *KRR) Tokens() int { k.mu.Lock(); defer k.mu.Unlock(); return k.given }

// Refusals is why requests were refused.
func (k *KRR) Refusals() []string { k.mu.Lock(); defer k.mu.Unlock(); return slices.Clone(k.why) }

func (k *KRR) refuse(w http.ResponseWriter, status int, why string) {
	k.why = append(k.why, why)
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Date", k.Clock.Now().Format(http.TimeFormat))
	w.WriteHeader(status)
	_, _ = fmt.Fprintf(w, `{"error":"invalid_grant","error_description":%q}`, why)
}

func (k *KRR) token(w http.ResponseWriter, r *http.Request) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if r.Method != http.MethodPost || r.URL.Path != "/token" || r.Header.Get("Content-Type") != "application/x-www-form-urlencoded" || r.ParseForm() != nil {
		k.refuse(w, 400, "not a token request")
		return
	}
	if r.URL.RawQuery != "" || r.PostForm.Get("grant_type") != "urn:ietf:params:oauth:grant-type:jwt-bearer" {
		k.refuse(w, 400, "grant_type")
		return
	}
	if why := k.grant(r.PostForm.Get("assertion")); why != "" {
		k.refuse(w, 400, why)
		return
	}
	var raw [24]byte
	_, _ = rand.Read(raw[:])
	token := hex.EncodeToString(raw[:])
	k.tokens[token] = k.Clock.Now().Add(k.Life)
	k.given++
	w.Header().Set("Content-Type", "application/json;charset=UTF-8")
	w.Header().Set("Cache-Control", "no-store")
	_, _ = fmt.Fprintf(w, `{"access_token":%q,"token_type":"Bearer","expires_in":%d,"scope":%q}`, token, int(k.Life.Seconds()), k.Scope)
}

// grant says what is wrong with a JWT grant, "" when nothing is.
func (k *KRR) grant(jwt string) string {
	parts := strings.Split(jwt, ".")
	if len(parts) != 3 {
		return "MP-011 not a JWT"
	}
	var raw [3][]byte
	for i, p := range parts {
		var err error
		if raw[i], err = base64.RawURLEncoding.DecodeString(p); err != nil {
			return "MP-011 not base64url"
		}
	}
	var head struct {
		Alg string   `json:"alg"`
		Kid string   `json:"kid"`
		X5c []string `json:"x5c"`
	}
	var c struct {
		Aud, Iss, Scope, Jti string
		Iat, Exp             int64
	}
	if json.Unmarshal(raw[0], &head) != nil || json.Unmarshal(raw[1], &c) != nil {
		return "MP-011 not JSON"
	}
	now := k.Clock.Now()
	hash := sha256.Sum256([]byte(parts[0] + "." + parts[1]))
	iat, exp := time.Unix(c.Iat, 0), time.Unix(c.Exp, 0)
	switch {
	case head.Alg != "RS256":
		return "alg"
	case (head.Kid == "") == (len(head.X5c) == 0), head.Kid != "" && head.Kid != k.KeyID:
		return "kid or x5c"
	case rsa.VerifyPKCS1v15(k.Key, crypto.SHA256, hash[:], raw[2]) != nil:
		return "MP-124 signature"
	case c.Aud != k.Audience:
		return "MP-110 aud"
	case c.Iss != k.ClientID:
		return "MP-100 client"
	case c.Scope != k.Scope:
		return "MP-200 scope"
	case iat.After(now.Add(10 * time.Second)):
		return "issue time is after now"
	case iat.Before(now.Add(-10 * time.Second)), !exp.After(now):
		return "MP-130 expired"
	case exp.Sub(iat) > 120*time.Second, exp.Sub(iat) <= 0:
		return "exp - iat > 120"
	case c.Jti == "" || k.grants[c.Jti]:
		return "MP-012 grant is used before"
	}
	k.grants[c.Jti] = true
	return ""
}

func (k *KRR) lookup(w http.ResponseWriter, r *http.Request) {
	k.mu.Lock()
	defer k.mu.Unlock()
	token, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	if until := k.tokens[token]; !ok || !until.After(k.Clock.Now()) {
		k.refuse(w, 401, "token")
		return
	}
	if r.Method != http.MethodPost || r.URL.Path != "/rest/v2/personer" || r.URL.RawQuery != "" || !strings.HasPrefix(r.Header.Get("Content-Type"), "application/json") {
		k.refuse(w, 404, "not the look-up")
		return
	}
	var q struct {
		IDs []string `json:"personidentifikatorer"`
	}
	d := json.NewDecoder(r.Body)
	d.DisallowUnknownFields()
	if d.Decode(&q) != nil || len(q.IDs) < 1 || len(q.IDs) > 1000 {
		k.refuse(w, 400, "1...1000 personidentifikatorer")
		return
	}
	k.batches = append(k.batches, len(q.IDs))
	var out []string
	seen := map[string]bool{}
	for _, id := range q.IDs {
		if len(id) != 11 || k.reject[id] || seen[id] {
			k.refuse(w, 400, "ugyldig personidentifikator "+id)
			return
		}
		seen[id] = true
		entry, ok := k.persons[id]
		if !ok {
			entry = fmt.Sprintf(`{"personidentifikator":%q,"reservasjon":"NEI","status":"IKKE_REGISTRERT","varslingsstatus":"KAN_IKKE_VARSLES"}`, id)
		}
		out = append(out, entry)
	}
	body := `{"personer":[` + strings.Join(out, ",") + `]}`
	if k.change != nil {
		body = k.change(body)
	}
	w.Header().Set("Content-Type", "application/json;charset=UTF-8")
	_, _ = fmt.Fprint(w, body)
}
