package krr

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"

	"go.uber.org/zap"

	"github.com/husk-reminders/husk/pkg/contact"
	"github.com/husk-reminders/husk/pkg/contact/register"
	"github.com/husk-reminders/husk/pkg/policy"
	"github.com/husk-reminders/husk/pkg/reminder"
)

// The register's addresses, version 2 of the interface (from 22 August 2023). Version 1 (/rest/v1/personer) answers alike.
const (
	ProductionURL = "https://kontaktregisteret.no/rest/v2/personer"
	TestURL       = "https://test.kontaktregisteret.no/rest/v2/personer"
)

// Scope is the one that a token needs: addresses with their dates, whether they may be used, and the language.
const Scope = "krr:global/kontaktinformasjon.read"

// MaxBatch is the most persons in one request.
const MaxBatch = 1000

// Tokens gives Bearer tokens; maskinporten.Source does.
type Tokens interface {
	Token(ctx context.Context) (string, *register.Fault)
	Drop(token string)
}

// Options is how to ask.
type Options struct {
	URL    string // ProductionURL or TestURL
	Tokens Tokens
	Client *register.Client
	// Freshness is how old an address' newest date may be; 18 months when zero (eForvaltningsforskriften § 32). A pack may
	// ask for less, the gate sees to it.
	Freshness policy.Period
	// Validity is how long an answer may be used; 24 h when zero. The terms of use ask for a look-up at each sending.
	Validity time.Duration
	Logger   *zap.Logger // nil: none
}

// Verifier is the register as a contact.Verifier.
type Verifier struct {
	o   Options
	url string
}

var _ contact.Verifier = (*Verifier)(nil)

// ErrOptions is wrapped by what New refuses. The text names the field and what is wanted.
var ErrOptions = errors.New("krr: options")

// New checks the options.
func New(o Options) (*Verifier, error) {
	u, err := register.Endpoint("URL", o.URL)
	switch {
	case err != nil:
		return nil, fmt.Errorf("%w: %w", ErrOptions, err)
	case o.Tokens == nil || o.Client == nil:
		return nil, fmt.Errorf("%w: Tokens and Client: want both", ErrOptions)
	case o.Validity < 0 || o.Validity > 7*24*time.Hour:
		return nil, fmt.Errorf("%w: Validity: want up to 168h: the register is not to be copied", ErrOptions)
	}
	if o.Freshness.IsZero() {
		o.Freshness = policy.Period{Months: 18}
	}
	if o.Validity == 0 {
		o.Validity = 24 * time.Hour
	}
	if o.Logger == nil {
		o.Logger = zap.NewNop()
	}
	return &Verifier{o: o, url: u.String()}, nil
}

// Fitness says what the register vouches for.
func (v *Verifier) Fitness() contact.Fitness {
	why := "Norway's register of mobile numbers and mail addresses, each with the date the person last confirmed it"
	do := ""
	if v.url != ProductionURL {
		why += "; not the production register"
		do = "set the register's production address before real people are asked about"
	}
	return contact.Fitness{Method: policy.KRR, Usable: true, Why: why, Do: do}
}

// Verify asks for up to MaxBatch persons at once, one request after the other; a person who is in several questions is
// asked about once.
func (v *Verifier) Verify(ctx context.Context, now time.Time, qs []contact.Question) []contact.Answer {
	r := rules{now: now, freshness: v.o.Freshness, validity: v.o.Validity}
	out := make([]contact.Answer, len(qs))
	places := map[string][]int{}
	var ids []string
	for i, q := range qs {
		id := q.NationalID.Reveal()
		switch {
		case q.NationalID.IsZero():
			out[i] = r.odd(contact.NoID)
		case q.NationalID.Country != reminder.Country("NO"):
			out[i] = r.no(contact.OtherCountry)
		case !askable(id):
			out[i] = r.no(contact.MalformedID)
		default:
			if len(places[id]) == 0 {
				ids = append(ids, id)
			}
			places[id] = append(places[id], i)
		}
	}
	for len(ids) > 0 {
		n := min(len(ids), MaxBatch)
		spare := splits
		for id, said := range v.ask(ctx, ids[:n], &spare) {
			for _, i := range places[id] {
				out[i] = said.answer(r, qs[i])
			}
		}
		ids = ids[n:]
	}
	return out
}

// said is what came of asking for one person: an entry, or a fault.
type said struct {
	entry entry
	fault *register.Fault
}

func (s said) answer(r rules, q contact.Question) contact.Answer {
	if s.fault != nil {
		return s.fault.Answer(r.now)
	}
	return r.judge(q, s.entry)
}

// splits is how many further requests one batch may cost when the register refuses it whole (400): enough to find one bad
// id among a thousand.
const splits = 22

// ask asks for one batch. It answers for every id. A batch that is refused as malformed is halved, so that one id which the
// register does not take can't deny the other 999 for good.
func (v *Verifier) ask(ctx context.Context, ids []string, spare *int) map[string]said {
	body, fault := v.call(ctx, ids)
	if fault != nil {
		if fault.Status == http.StatusBadRequest && len(ids) > 1 && *spare >= 2 {
			*spare -= 2
			out := v.ask(ctx, ids[:len(ids)/2], spare)
			for id, s := range v.ask(ctx, ids[len(ids)/2:], spare) {
				out[id] = s
			}
			return out
		}
		if fault.Status == http.StatusBadRequest && len(ids) == 1 {
			fault.After = time.Hour // this id will not be taken in a minute either
		}
		v.o.Logger.Warn("register did not answer", zap.String("method", string(policy.KRR)), zap.String("reason", string(fault.Reason)),
			zap.Int("status", fault.Status), zap.Int("persons", len(ids)))
		return everybody(ids, fault)
	}
	asked := make(map[string]bool, len(ids))
	for _, id := range ids {
		asked[id] = true
	}
	found, strangers, ok := decode(body, asked)
	if !ok {
		v.o.Logger.Warn("register's answer can't be read", zap.String("method", string(policy.KRR)), zap.Int("persons", len(ids)))
		return everybody(ids, register.NewFault(contact.Garbled))
	}
	if missing := len(ids) - len(found); strangers > 0 || missing > 0 {
		v.o.Logger.Warn("register's answer is not of those who were asked about", zap.String("method", string(policy.KRR)),
			zap.Int("persons", len(ids)), zap.Int("missing", missing), zap.Int("strangers", strangers))
	}
	out := make(map[string]said, len(ids))
	for _, id := range ids {
		e, ok := found[id]
		if !ok {
			out[id] = said{fault: &register.Fault{Reason: contact.Missing, After: retryOdd}}
			continue
		}
		out[id] = said{entry: e}
	}
	return out
}

func everybody(ids []string, f *register.Fault) map[string]said {
	out := make(map[string]said, len(ids))
	for _, id := range ids {
		out[id] = said{fault: f}
	}
	return out
}

// call makes the request, and once more with a new token when the first was not taken.
func (v *Verifier) call(ctx context.Context, ids []string) ([]byte, *register.Fault) {
	body, err := json.Marshal(map[string][]string{"personidentifikatorer": ids})
	if err != nil {
		return nil, register.NewFault(contact.Garbled)
	}
	for first := true; ; first = false {
		token, fault := v.o.Tokens.Token(ctx)
		if fault != nil {
			return nil, aside(fault)
		}
		r, err := http.NewRequestWithContext(ctx, http.MethodPost, v.url, bytes.NewReader(body))
		if err != nil {
			return nil, register.NewFault(contact.Garbled)
		}
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set("Authorization", "Bearer "+token)
		register.Lookup(r)
		reply, fault := v.o.Client.Do(ctx, r)
		if fault == nil {
			return reply.Body, nil
		}
		if fault.Reason != contact.Unauthorised {
			return nil, fault
		}
		v.o.Tokens.Drop(token)
		if !first {
			return nil, fault
		}
	}
}

// aside is a fault of the token service: its status says nothing about the batch.
func aside(f *register.Fault) *register.Fault {
	return &register.Fault{Reason: f.Reason, After: f.After}
}
