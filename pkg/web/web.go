package web

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"

	"github.com/husk-reminders/husk/pkg/consent"
	"github.com/husk-reminders/husk/pkg/contact"
	"github.com/husk-reminders/husk/pkg/ledger"
	"github.com/husk-reminders/husk/pkg/policy"
	"github.com/husk-reminders/husk/pkg/reminder"
	"github.com/husk-reminders/husk/pkg/state"
	"github.com/husk-reminders/husk/pkg/template"
)

// Ledger is what the staff API reads and writes; see *ledger.Ledger. DeadLetter and Replay answer ErrNotFound for a letter that
// is not there.
type Ledger interface {
	Status(ctx context.Context) (ledger.Status, error)
	Reminders(ctx context.Context, f ledger.Filter) ([]ledger.ReminderView, error)
	Letters(ctx context.Context, unit string, known func(unit string) bool) ([]ledger.Letter, error)
	Release(ctx context.Context, p reminder.PersonKey, id reminder.ID, by, why string) error
	Cancel(ctx context.Context, p reminder.PersonKey, id reminder.ID, by string) error
	People(ctx context.Context, keys []reminder.PersonKey) ([]ledger.Person, error)
	Consent(ctx context.Context, r consent.Record) error
	Contact(ctx context.Context, r contact.Record) error
	Stop(ctx context.Context, a reminder.Address, via string) error
	Start(ctx context.Context, a reminder.Address, via string) error
	Switch(ctx context.Context, s state.Switch) error
	Audit(ctx context.Context, a ledger.Audit) error
	LastAudits(ctx context.Context, p reminder.PersonKey, most int) ([]ledger.Audit, error)
	DeadLetters(ctx context.Context) ([]ledger.DeadLetter, error)
	DeadLetter(ctx context.Context, id uint64) (ledger.DeadLetter, error)
	Replay(ctx context.Context, id uint64) error
}

// Carrier is what trying a carrier, without sending anything, came to.
type Carrier struct {
	Route   string `json:"route"`
	Tried   bool   `json:"tried"` // false = it can't be tried
	Problem string `json:"problem,omitempty"`
}

// Stream is one stream of the broker.
type Stream struct {
	Name     string  `json:"name"`
	Messages uint64  `json:"messages"`
	Bytes    uint64  `json:"bytes"`
	MaxBytes int64   `json:"maxBytes,omitempty"` // 0 = no limit but the disk
	Last     uint64  `json:"last"`               // sequence of its newest message
	Folded   *uint64 `json:"folded,omitempty"`   // up to here it is in the state; absent = it is not folded
}

// Options of an API. All but Carriers, Verify, Streams, Now and Log are required.
type Options struct {
	Ledger Ledger
	// Person makes the pseudonym of a national id; a *FieldError says what is wrong with one, without repeating it.
	Person    func(c reminder.Country, id string) (reminder.PersonKey, error)
	Hash      func(reminder.Address) reminder.AddressHash
	Country   reminder.Country // where numbers without a country code belong
	Units     *reminder.Directory
	Packs     *policy.Set
	Templates *template.Set
	Routes    []string // names of the carriers' routes
	Ready     func(ctx context.Context) error
	Metrics   prometheus.Gatherer
	Carriers  func(ctx context.Context) []Carrier
	// Verify asks the registers about persons, for by, and journals what they vouch for; nil = there are none.
	Verify  func(ctx context.Context, by string, keys ...reminder.PersonKey) ([]ledger.Verified, error)
	Streams func(ctx context.Context) ([]Stream, error)
	Now     func() time.Time // nil = time.Now
	Log     *zap.Logger
}

// API is the staff API over one open line. A Door serves it.
type API struct {
	o   Options
	mux *http.ServeMux
}

// New checks the options.
func New(o Options) (*API, error) {
	for name, missing := range map[string]bool{
		"Ledger": o.Ledger == nil, "Person": o.Person == nil, "Hash": o.Hash == nil, "Units": o.Units == nil, "Packs": o.Packs == nil,
		"Templates": o.Templates == nil, "Ready": o.Ready == nil, "Metrics": o.Metrics == nil,
	} {
		if missing {
			return nil, errors.New("web: Options." + name + " is required")
		}
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Log == nil {
		o.Log = zap.NewNop()
	}
	a := &API{o: o, mux: http.NewServeMux()}
	for pattern, h := range map[string]handler{
		"GET /v1/status":                   a.status,
		"GET /v1/carriers":                 a.carriers,
		"GET /v1/reminders":                a.reminders,
		"GET /v1/reminders/{id}":           a.reminder,
		"POST /v1/reminders/{id}/release":  a.release,
		"POST /v1/reminders/{id}/cancel":   a.cancel,
		"GET /v1/letters":                  a.letters,
		"POST /v1/persons/key":             a.personKey,
		"GET /v1/persons/{key}":            a.person,
		"POST /v1/persons/{key}/consent":   a.consent,
		"POST /v1/persons/{key}/addresses": a.address,
		"POST /v1/persons/{key}/verify":    a.verify,
		"POST /v1/addresses/bars":          a.bar,
		"POST /v1/switches":                a.setSwitch,
		"GET /v1/audit":                    a.audits,
		"GET /v1/dead":                     a.deadLetters,
		"GET /v1/dead/{id}":                a.deadLetter,
		"POST /v1/dead/{id}/replay":        a.replay,
	} {
		a.mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) { a.serve(w, r, h) })
	}
	a.mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) {
		fail(w, http.StatusNotFound, Error{Text: "no such path, or not with this method"})
	})
	return a, nil
}

// handler answers with a value that becomes JSON, or with an error that answerError knows.
type handler func(ctx context.Context, r *http.Request) (any, error)

// How long a question or a change may take. A withdrawal waits up to ten seconds for what is on the wire.
const (
	readTime   = 30 * time.Second
	changeTime = time.Minute
)

func (a *API) serve(w http.ResponseWriter, r *http.Request, h handler) {
	ctx, limit := r.Context(), readTime
	if r.Method != http.MethodGet {
		limit = changeTime
	}
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	r.Body = http.MaxBytesReader(w, r.Body, maxBody)
	v, err := h(ctx, r)
	if err != nil {
		a.answerError(w, r, err)
		return
	}
	answer(w, http.StatusOK, v)
}
