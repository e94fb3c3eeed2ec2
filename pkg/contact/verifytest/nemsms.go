package verifytest

import (
	"crypto/rand"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"
)

// The names of NemSMS' servers on a bench.
const (
	STSStage         = "sts"
	AccessTokenStage = "accesstoken"
	NemSMSStage      = "nemsms"
)

// NemSMS is the Security Token Service, the access token service and PostForespoerg, as public clients speak to them. Each
// wants the client's certificate.
type NemSMS struct {
	STSURL, TokenURL, URL string
	CVR                   string
	Client                *x509.Certificate
	Clock                 *Clock
	Life                  time.Duration // of an access token

	mu     sync.Mutex
	has    map[string]bool
	fail   map[string]int // CPR → the status to answer with
	saml   map[string]time.Time
	access map[string]time.Time
	calls  map[string]bool // X-TransaktionsId seen
	asked  int
	samls  int
	tokens int
	why    []string
}

// NemSMS starts the servers for a client's certificate.
func (b *Bench) NemSMS(cvr string, client *x509.Certificate) *NemSMS {
	n := &NemSMS{
		CVR: cvr, Client: client, Clock: b.Clock, Life: time.Hour,
		has: map[string]bool{}, fail: map[string]int{}, saml: map[string]time.Time{}, access: map[string]time.Time{}, calls: map[string]bool{},
	}
	n.STSURL = b.Serve(STSStage, n.locked(n.issue), b.Authority.Pool) + "/runtime/api/rest/wstrust/v1/issue"
	n.TokenURL = b.Serve(AccessTokenStage, n.locked(n.exchange), b.Authority.Pool) + "/service/AccessTokenService_1/token"
	n.URL = b.Serve(NemSMSStage, n.locked(n.question), b.Authority.Pool) + "/service/PostForespoerg_1/nemsms"
	return n
}

// Put says whether a person has NemSMS; Fail makes the question for a person an error.
func (n *NemSMS) Put(cpr string, has bool) { n.mu.Lock(); defer n.mu.Unlock(); n.has[cpr] = has }

// Fail makes the question for a person a status.
func (n *NemSMS) Fail(cpr string, status int) { n.mu.Lock(); defer n.mu.Unlock(); n.fail[cpr] = status }

// Revoke makes the access tokens void, and the SAML tokens too if all.
func (n *NemSMS) Revoke(all bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	clear(n.access)
	if all {
		clear(n.saml)
	}
}

// Counts are the SAML tokens and access tokens given and the questions answered.
func (n *NemSMS) Counts() (saml, access, asked int) {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.samls, n.tokens, n.asked
}

// Refusals is why requests were refused.
func (n *NemSMS) Refusals() []string { n.mu.Lock(); defer n.mu.Unlock(); return slices.Clone(n.why) }

func (n *NemSMS) locked(f func(w http.ResponseWriter, r *http.Request) (int, string)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		n.mu.Lock()
		defer n.mu.Unlock()
		status, body := http.StatusForbidden, "certificate"
		if r.TLS != nil && len(r.TLS.PeerCertificates) > 0 && r.TLS.PeerCertificates[0].Equal(n.Client) {
			status, body = f(w, r)
		}
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Date", n.Clock.Now().Format(http.TimeFormat))
		w.WriteHeader(status)
		if status != http.StatusOK {
			n.why = append(n.why, body)
			body = fmt.Sprintf(`{"message":%q,"url":%q}`, body, r.URL) // as services do that were not asked to be careful
		}
		_, _ = fmt.Fprint(w, body) //nolint:gosec // JSON to a client under test
	})
}

const entityID = "http://entityid.kombit.dk/service/postforespoerg/1"

func (n *NemSMS) issue(_ http.ResponseWriter, r *http.Request) (int, string) {
	var q struct {
		TokenType, RequestType, KeyType, UseKey string
		AnvenderKontekst                        struct{ Cvr string }
		AppliesTo                               struct{ EndpointReference struct{ Address string } }
		OnBehalfOf                              *string
	}
	d := json.NewDecoder(r.Body)
	d.DisallowUnknownFields()
	switch {
	case r.Method != http.MethodPost || r.Header.Get("Content-Type") != "application/json" || d.Decode(&q) != nil:
		return 400, "not a request for a token"
	case q.TokenType != "http://docs.oasis-open.org/wss/oasis-wss-saml-token-profile-1.1#SAMLV2.0",
		q.RequestType != "http://docs.oasis-open.org/ws-sx/ws-trust/200512/Issue", q.KeyType != "http://docs.oasis-open.org/ws-sx/ws-trust/200512/PublicKey":
		return 400, "types"
	case q.AnvenderKontekst.Cvr != n.CVR:
		return 400, "Cvr"
	case q.UseKey != base64.StdEncoding.EncodeToString(n.Client.Raw):
		return 400, "UseKey"
	case q.AppliesTo.EndpointReference.Address != entityID:
		return 400, "AppliesTo"
	}
	end := n.Clock.Now().Add(8 * time.Hour)
	assertion := base64.StdEncoding.EncodeToString(fmt.Appendf(nil,
		`<?xml version="1.0" encoding="UTF-8"?><saml:Assertion xmlns:saml="urn:oasis:names:tc:SAML:2.0:assertion" ID=%q><saml:Conditions NotBefore=%q NotOnOrAfter=%q/></saml:Assertion>`,
		random(), n.Clock.Now().Format(time.RFC3339), end.Format("2006-01-02T15:04:05.000Z")))
	n.saml[assertion] = end
	n.samls++
	body, _ := json.Marshal(map[string]any{
		"TokenType": q.TokenType, "RequestedSecurityToken": map[string]string{"Assertion": assertion}, "Lifetime": end.Format("01/02/2006 15:04:05"),
	})
	return 200, string(body)
}

func (n *NemSMS) exchange(_ http.ResponseWriter, r *http.Request) (int, string) {
	if r.Method != http.MethodPost || r.Header.Get("Content-Type") != "application/x-www-form-urlencoded" || r.ParseForm() != nil || r.URL.RawQuery != "" {
		return 400, "not an exchange"
	}
	if end := n.saml[r.PostForm.Get("saml-token")]; !end.After(n.Clock.Now()) {
		return 401, "saml-token"
	}
	token := random()
	n.access[token] = n.Clock.Now().Add(n.Life)
	n.tokens++
	return 200, fmt.Sprintf(`{"access_token":%q,"token_type":"Holder-of-key","expires_in":%d}`, token, int(n.Life.Seconds()))
}

var uuidRE = regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`)

func (n *NemSMS) question(_ http.ResponseWriter, r *http.Request) (int, string) {
	token, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Holder-of-key ")
	if end := n.access[token]; !ok || !end.After(n.Clock.Now()) {
		return 401, "token"
	}
	id := r.Header.Get("X-TransaktionsId")
	at, err := time.Parse("2006-01-02T15:04:05Z", r.Header.Get("X-TransaktionsTid"))
	q := r.URL.Query()
	switch {
	case r.Method != http.MethodGet || r.URL.Path != "/service/PostForespoerg_1/nemsms" || len(q) != 1:
		return 404, "not the question"
	case !uuidRE.MatchString(id) || n.calls[id] || err != nil || at.Sub(n.Clock.Now()).Abs() > time.Minute:
		return 400, "transaction"
	case n.fail[q.Get("cprNumber")] != 0:
		return n.fail[q.Get("cprNumber")], "told to"
	}
	n.calls[id] = true
	n.asked++
	return 200, fmt.Sprintf(`{"result":%t}`, n.has[q.Get("cprNumber")]) // false to nonsense too, as the real one
}

func random() string {
	var raw [16]byte
	_, _ = rand.Read(raw[:])
	return hex.EncodeToString(raw[:])
}
