package nemsms

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"sync"
	"time"

	"go.uber.org/zap"
	"golang.org/x/time/rate"

	"github.com/husk-reminders/husk/pkg/contact"
	"github.com/husk-reminders/husk/pkg/contact/register"
	"github.com/husk-reminders/husk/pkg/policy"
	"github.com/husk-reminders/husk/pkg/reminder"
)

// Environment is where the three calls go.
type Environment struct {
	STSURL   string // SAML tokens
	TokenURL string // access tokens
	URL      string // the question
}

// The environments, as the public clients have them.
var (
	Production = Environment{ //nolint:gosec // addresses, no credentials
		STSURL:   "https://n2adgangsstyring.stoettesystemerne.dk/runtime/api/rest/wstrust/v1/issue",
		TokenURL: "https://prod.serviceplatformen.dk/service/AccessTokenService_1/token",
		URL:      "https://prod.serviceplatformen.dk/service/PostForespoerg_1/nemsms",
	}
	Test = Environment{ //nolint:gosec // addresses, no credentials
		STSURL:   "https://n2adgangsstyring.eksterntest-stoettesystemerne.dk/runtime/api/rest/wstrust/v1/issue",
		TokenURL: "https://exttest.serviceplatformen.dk/service/AccessTokenService_1/token",
		URL:      "https://exttest.serviceplatformen.dk/service/PostForespoerg_1/nemsms",
	}
)

// Options is who asks, and how.
type Options struct {
	Environment
	CVR         string           // the authority's, eight digits
	Certificate *tls.Certificate // OCES3, with its key; shown at each call
	Roots       *x509.CertPool   // nil: the system's
	Timeout     time.Duration    // of one call; 10 s when zero
	// PerSecond bounds the questions a second, 10 when zero; there is one a person. Parallel is how many may be under way,
	// 4 when zero.
	PerSecond float64
	Parallel  int
	Validity  time.Duration    // how long an answer may be used; 24 h when zero
	Now       func() time.Time // time.Now when nil
	Logger    *zap.Logger      // nil: none
}

// Verifier is the register as a contact.Verifier.
type Verifier struct {
	o      Options
	url    url.URL
	client *register.Client
	tokens *tokens
	pace   *rate.Limiter
}

var _ contact.Verifier = (*Verifier)(nil)

// ErrOptions is wrapped by what New refuses. The text names the field and what is wanted.
var ErrOptions = errors.New("nemsms: options")

var cvrRE = regexp.MustCompile(`^[1-9][0-9]{7}$`)

// New checks the options.
func New(o Options) (*Verifier, error) {
	sts, err1 := register.Endpoint("STSURL", o.STSURL)
	tok, err2 := register.Endpoint("TokenURL", o.TokenURL)
	u, err3 := register.Endpoint("URL", o.URL)
	if err := errors.Join(err1, err2, err3); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrOptions, err)
	}
	key, ok := useKey(o.Certificate)
	switch {
	case !cvrRE.MatchString(o.CVR):
		return nil, fmt.Errorf("%w: CVR: want the authority's eight digits", ErrOptions)
	case !ok:
		return nil, fmt.Errorf("%w: Certificate: want the OCES3 certificate and its key", ErrOptions)
	case o.PerSecond < 0 || o.Parallel < 0 || o.Parallel > 64:
		return nil, fmt.Errorf("%w: PerSecond and Parallel: want no less than zero, and 64 at most in parallel", ErrOptions)
	case o.Validity < 0 || o.Validity > 7*24*time.Hour:
		return nil, fmt.Errorf("%w: Validity: want up to 168h", ErrOptions)
	}
	if o.PerSecond == 0 {
		o.PerSecond = 10
	}
	if o.Parallel == 0 {
		o.Parallel = 4
	}
	if o.Validity == 0 {
		o.Validity = 24 * time.Hour
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Logger == nil {
		o.Logger = zap.NewNop()
	}
	// Public clients of the service keep to HTTP/1.1: it resets streams of HTTP/2.
	client, err := register.New(register.Options{
		Roots: o.Roots, Certificate: o.Certificate, Timeout: o.Timeout, MaxBody: 1 << 20, HTTP1: true, Now: o.Now,
	})
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrOptions, err)
	}
	return &Verifier{
		o: o, url: *u, client: client, pace: rate.NewLimiter(rate.Limit(o.PerSecond), o.Parallel),
		tokens: &tokens{
			stsURL: sts.String(), tokenURL: tok.String(), cvr: o.CVR, useKey: key, client: client, now: o.Now, turn: make(chan struct{}, 1),
		},
	}, nil
}

// Close lets idle connections go.
func (v *Verifier) Close() { v.client.Close() }

// Fitness says that no number is proven by this register, and how far the protocol is known.
func (v *Verifier) Fitness() contact.Fitness {
	return contact.Fitness{
		Method: policy.NemSMS, Usable: false,
		Why: "the register tells that a person has NemSMS, never which number, so it proves no number; and the protocol is read from " +
			"public clients of Serviceplatformen, not tried against its test environment",
		Do: "verify numbers by code or at the desk; use the answer only to see who can be reached by NemSMS",
	}
}

// Verify asks for each person once, a few at a time.
func (v *Verifier) Verify(ctx context.Context, now time.Time, qs []contact.Question) []contact.Answer {
	out := make([]contact.Answer, len(qs))
	places := map[string][]int{}
	var ids []string
	for i, q := range qs {
		id := q.NationalID.Reveal()
		switch {
		case q.NationalID.IsZero():
			out[i] = contact.NotKnown(contact.NoID, now.Add(retryOdd))
		case q.NationalID.Country != reminder.Country("DK"):
			out[i] = contact.Nay(contact.OtherCountry, now.Add(v.o.Validity))
		case !askable(id):
			out[i] = contact.Nay(contact.MalformedID, now.Add(v.o.Validity))
		default:
			if len(places[id]) == 0 {
				ids = append(ids, id)
			}
			places[id] = append(places[id], i)
		}
	}
	var (
		wg     sync.WaitGroup
		mu     sync.Mutex
		faults = map[contact.Reason]int{}
		next   = make(chan string)
	)
	for range min(v.o.Parallel, len(ids)) {
		wg.Go(func() {
			for id := range next {
				has, fault := v.ask(ctx, id)
				if fault != nil {
					mu.Lock()
					faults[fault.Reason]++
					mu.Unlock()
				}
				for _, i := range places[id] { // each place is of one id, and each id of one worker
					out[i] = v.answer(now, qs[i], has, fault)
				}
			}
		})
	}
	for _, id := range ids {
		next <- id
	}
	close(next)
	wg.Wait()
	for reason, n := range faults {
		v.o.Logger.Warn("register did not answer", zap.String("method", string(policy.NemSMS)),
			zap.String("reason", string(reason)), zap.Int("persons", n))
	}
	return out
}

// retryOdd is when to ask again where waiting mends nothing.
const retryOdd = 15 * time.Minute

func (v *Verifier) answer(now time.Time, q contact.Question, has bool, fault *register.Fault) contact.Answer {
	until := now.Add(v.o.Validity)
	switch {
	case fault != nil:
		return fault.Answer(now)
	case !has:
		return contact.Nay(contact.NotRegistered, until)
	case !q.Address.IsZero():
		return contact.Nay(contact.NotTold, until)
	}
	return contact.Answer{Verdict: contact.Yes, Until: until}
}

// ask asks for one person, and once more with new tokens when the first were not taken.
func (v *Verifier) ask(ctx context.Context, id string) (bool, *register.Fault) {
	for first := true; ; first = false {
		access, fault := v.tokens.get(ctx)
		if fault != nil {
			return false, fault
		}
		if fault := v.client.Held(v.url.Host); fault != nil {
			return false, fault
		}
		if v.pace.Wait(ctx) != nil {
			return false, register.NewFault(contact.Interrupted)
		}
		u := v.url
		u.RawQuery = url.Values{"cprNumber": {id}}.Encode()
		r, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), http.NoBody)
		if err != nil {
			return false, register.NewFault(contact.Garbled)
		}
		r.Header.Set("Authorization", access)
		r.Header.Set("X-TransaktionsId", transaction())
		r.Header.Set("X-TransaktionsTid", v.o.Now().UTC().Format("2006-01-02T15:04:05Z"))
		reply, fault := v.client.Do(ctx, r)
		if fault == nil {
			return read(reply.Body)
		}
		if fault.Reason != contact.Unauthorised {
			return false, fault
		}
		v.tokens.drop(access)
		if !first {
			return false, fault
		}
	}
}

// read reads the answer: {"result": true} or {"result": false}, nothing else.
func read(body []byte) (bool, *register.Fault) {
	var a struct {
		Result *bool `json:"result"`
	}
	if register.Unmarshal(body, &a) != nil || a.Result == nil {
		return false, register.NewFault(contact.Garbled)
	}
	return *a.Result, nil
}

// transaction is a random UUID (RFC 9562 § 5.4): the service wants one with each call.
func transaction() string {
	var b [16]byte
	_, _ = rand.Read(b[:])
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}
