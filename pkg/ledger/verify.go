package ledger

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"
	"golang.org/x/time/rate"

	"github.com/husk-reminders/husk/pkg/consent"
	"github.com/husk-reminders/husk/pkg/contact"
	"github.com/husk-reminders/husk/pkg/journal"
	"github.com/husk-reminders/husk/pkg/plan"
	"github.com/husk-reminders/husk/pkg/reminder"
	"github.com/husk-reminders/husk/pkg/state"
)

// Register is one source of evidence, and whom it knows.
type Register struct {
	Verifier contact.Verifier
	Country  reminder.Country // whose national ids it takes: nobody else is asked about
	Batch    int              // how many persons at once, 1 to 500
	// Objection is how a person's reservation in the register is taken down; "" = the register has none.
	Objection consent.Method
}

// VerifyOptions of a Verification. Metrics may be nil.
type VerifyOptions struct {
	Ledger *Ledger
	// Replies, where the disputes about addresses are: what a register vouches for is proof as any other, and ends those that are older
	// than the register's own date. nil = nothing ends any.
	Replies   *Replies
	Registers []Register
	// Wants says whether the registers are to be asked about somebody whose reminder is due at due, of whose addresses known is
	// known: without the addresses, which stay sealed. Required.
	Wants func(a reminder.Appointment, known []contact.State, due, now time.Time) bool
	// PerSecond bounds how many persons a sweep asks about, of all registers together; 50 when zero.
	PerSecond float64
	// Ahead is how far ahead of a reminder's due time a sweep looks; 7 days when zero.
	Ahead   time.Duration
	Metrics prometheus.Registerer
}

// Verification asks registers whose an address is, and journals what they vouch for. It guarantees that the audit is written
// before anybody is asked about; that a national id is unsealed for the call alone, and that a register which does not answer
// changes nothing. It must never put an id or an address into an error, a log or a label.
type Verification struct {
	o       VerifyOptions
	answers *prometheus.CounterVec
	pace    *rate.Limiter

	mu   sync.Mutex
	book map[asked]time.Time // who is not asked about before when
	owed map[asked]bool      // of those, who is asked about again then
	full int                 // how long the book is when it is tidied next

	since map[asked]time.Time // of those, for whom a decision waits: since when
}

// asked is one person at one register.
type asked struct {
	person reminder.PersonKey
	method string
}

// Verified is what one register came to about one person. It holds no address.
type Verified struct {
	Person    reminder.PersonKey     `json:"person"`
	Method    string                 `json:"method"` // the register's, as policy.Method
	Verdict   string                 `json:"verdict"`
	Reason    contact.Reason         `json:"reason,omitempty"` // of no and unknown
	Retry     time.Time              `json:"retry,omitzero"`   // of unknown: when it is asked again
	Until     time.Time              `json:"until,omitzero"`   // of yes and no: how long the answer holds
	Addresses []reminder.AddressHash `json:"addresses"`        // that the register vouches for
	Recorded  int                    `json:"recorded"`         // how many of them were new evidence
	Reserved  bool                   `json:"reserved"`         // the person objects to digital contact
}

// VerifyAction begins the audit's action of every use of a register: "verify krr".
const VerifyAction = "verify "

// What the sweep takes when the options are silent.
const (
	verifyPerSecond = 50
	verifyAhead     = 7 * 24 * time.Hour
)

// bySweep asks where no clerk does.
const bySweep = "husk"

// NewVerification checks the options. No register is asked.
func NewVerification(o VerifyOptions) (*Verification, error) {
	switch {
	case o.Ledger == nil:
		return nil, errors.New("ledger: VerifyOptions.Ledger is required")
	case o.Wants == nil:
		return nil, errors.New("ledger: VerifyOptions.Wants is required")
	case o.PerSecond < 0 || o.Ahead < 0:
		return nil, errors.New("ledger: VerifyOptions.PerSecond and Ahead: want no less than zero")
	}
	burst := 1
	for _, r := range o.Registers {
		burst = max(burst, r.Batch)
		if r.Verifier == nil || r.Country == "" || r.Batch < 1 || r.Batch > sweepBatch {
			return nil, fmt.Errorf("ledger: VerifyOptions.Registers: want a verifier, a country and a batch of 1 to %d each", sweepBatch)
		}
	}
	if o.PerSecond == 0 {
		o.PerSecond = verifyPerSecond
	}
	if o.Ahead == 0 {
		o.Ahead = verifyAhead
	}
	v := &Verification{
		o: o, pace: rate.NewLimiter(rate.Limit(o.PerSecond), burst), book: map[asked]time.Time{}, owed: map[asked]bool{},
		since: map[asked]time.Time{},
		answers: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "husk_verify_answers_total", Help: "Answers of registers about persons, by method, verdict and reason.",
		}, []string{"method", "verdict", "reason"}),
	}
	for _, r := range o.Registers {
		m := methodOf(r)
		v.answers.WithLabelValues(m, contact.Yes.String(), "")
		for _, why := range contact.NoReasons {
			v.answers.WithLabelValues(m, contact.No.String(), string(why))
		}
		for _, why := range contact.UnknownReasons {
			v.answers.WithLabelValues(m, contact.Unknown.String(), string(why))
		}
	}
	if o.Metrics != nil {
		if err := o.Metrics.Register(v.answers); err != nil {
			return nil, fmt.Errorf("ledger: %w", err)
		}
	}
	return v, nil
}

func methodOf(r Register) string { return string(r.Verifier.Fitness().Method) }

// Registers are those that can be asked.
func (v *Verification) Registers() []Register { return slices.Clone(v.o.Registers) }

// Verify asks every register about those persons whose national id is of its country, now, and journals what it vouches for.
// by is who asks, for the audit. The answers are in the order of the registers, then of the keys; about whom no register was
// asked there is none. An error ends it where it stands: what was journalled before stays, and it may be asked again.
func (v *Verification) Verify(ctx context.Context, by string, keys ...reminder.PersonKey) ([]Verified, error) {
	keys = distinct(keys)
	var out []Verified
	for _, r := range v.o.Registers {
		n, err := v.ask(ctx, r, by, keys, nil)
		out = append(out, n...)
		if err != nil {
			return out, err
		}
	}
	return out, nil
}

// distinct drops what is there twice and keeps the order.
func distinct(keys []reminder.PersonKey) []reminder.PersonKey {
	seen := map[reminder.PersonKey]bool{}
	return slices.DeleteFunc(slices.Clone(keys), func(k reminder.PersonKey) bool {
		was := seen[k]
		seen[k] = true
		return was
	})
}

// Sweep asks the usable registers about those who have a reminder due in the next days and of whom Wants says so, the soonest due
// first, unless the last answer holds for a while yet. It returns about how many it asked.
func (v *Verification) Sweep(ctx context.Context) (int, error) {
	if len(v.o.Registers) == 0 {
		return 0, nil
	}
	v.forget()
	keys, err := v.wanted(ctx)
	if err != nil {
		return 0, err
	}
	return v.sweep(ctx, keys, func(r Register, k reminder.PersonKey) bool { return v.free(asked{k, methodOf(r)}) })
}

// SweepAgain asks about those once more whom a register could not tell of, when the time has come that it named. It returns
// about how many it asked.
func (v *Verification) SweepAgain(ctx context.Context) (int, error) {
	due := v.due()
	if len(due) == 0 {
		return 0, nil
	}
	keys := distinct(func() (out []reminder.PersonKey) {
		for x := range due {
			out = append(out, x.person)
		}
		slices.Sort(out)
		return out
	}())
	return v.sweep(ctx, keys, func(r Register, k reminder.PersonKey) bool { return due[asked{k, methodOf(r)}] })
}

func (v *Verification) sweep(ctx context.Context, keys []reminder.PersonKey, pick func(Register, reminder.PersonKey) bool) (int, error) {
	n := 0
	for _, r := range v.o.Registers {
		if !r.Verifier.Fitness().Usable {
			continue // nothing would come of it that a decision may rest on
		}
		mine := slices.DeleteFunc(slices.Clone(keys), func(k reminder.PersonKey) bool { return !pick(r, k) })
		as, err := v.ask(ctx, r, bySweep, mine, v.pace)
		n += len(as)
		if err != nil {
			return n, err
		}
	}
	return n, nil
}

// wanted are those whom a sweep asks about, the soonest due first.
func (v *Verification) wanted(ctx context.Context) ([]reminder.PersonKey, error) {
	l := v.o.Ledger
	now := l.o.Now()
	type waiting struct {
		person reminder.PersonKey
		due    time.Time
		sealed []byte
		known  []contact.Record
	}
	var all []waiting
	err := l.o.State.Agenda(ctx, state.Expiring, time.Time{}, func(p *state.Person) error {
		if p.Protected() || p.Deceased() {
			return nil // nothing is sent
		}
		x := waiting{person: p.Key}
		for _, r := range p.Reminders {
			a := p.Appointments[r.Appointment]
			if a == nil || a.Status == plan.Single || !r.Pending() || r.At().After(now.Add(v.o.Ahead)) || (!x.due.IsZero() && !r.At().Before(x.due)) {
				continue
			}
			x.due, x.sealed = r.At(), slices.Clone(a.Sealed)
		}
		if x.due.IsZero() {
			return nil
		}
		for _, c := range p.Contact {
			x.known = append(x.known, c.Record)
		}
		all = append(all, x)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("ledger: %w", err)
	}
	slices.SortFunc(all, func(a, b waiting) int { return cmp.Or(a.due.Compare(b.due), cmp.Compare(a.person, b.person)) })
	var out []reminder.PersonKey
	for _, x := range all {
		a, err := l.openAppointment(x.person, x.sealed)
		switch {
		case errors.Is(err, journal.ErrErased):
		case err != nil:
			l.steppedOver("the appointment of a reminder can't be read", err, zap.String("person", string(x.person)))
		case v.o.Wants(a, contact.Fold(x.known, now), x.due, now):
			out = append(out, x.person)
		}
	}
	return out, nil
}

// ask asks one register about those of keys that are its country's, batch by batch. Each batch is audited, asked and journalled
// before the next. pace is nil where a clerk waits.
func (v *Verification) ask(ctx context.Context, r Register, by string, keys []reminder.PersonKey, pace *rate.Limiter) ([]Verified, error) {
	var out []Verified
	for part := range slices.Chunk(keys, r.Batch) {
		persons, err := v.o.Ledger.o.State.Persons(ctx, part)
		if err != nil {
			return out, fmt.Errorf("ledger: %w", err)
		}
		var never []reminder.PersonKey
		persons = slices.DeleteFunc(persons, func(p state.Person) bool {
			id, err := v.nationalID(p)
			if err == nil && id.Country != r.Country {
				never = append(never, p.Key)
			}
			return err != nil || id.Country != r.Country
		})
		v.unasked(methodOf(r), never)
		if len(persons) == 0 {
			continue
		}
		if pace != nil {
			if err := pace.WaitN(ctx, len(persons)); err != nil {
				return out, fmt.Errorf("ledger: %w", err)
			}
		}
		vs, err := v.batch(ctx, r, by, persons)
		out = append(out, vs...)
		if err != nil {
			return out, err
		}
	}
	return out, nil
}

// nationalID unseals a person's national id, from the newest appointment; zero when there is none, or its key is gone. An error, which
// is logged, says that it can't be read now.
func (v *Verification) nationalID(p state.Person) (reminder.NationalID, error) {
	if len(p.Sealed) == 0 {
		return reminder.NationalID{}, nil
	}
	a, err := v.o.Ledger.openAppointment(p.Key, p.Sealed)
	switch {
	case errors.Is(err, journal.ErrErased):
		return reminder.NationalID{}, nil
	case err != nil:
		v.o.Ledger.steppedOver("what is known of a person can't be read", err, zap.String("person", string(p.Key)))
		return reminder.NationalID{}, err
	}
	return a.NationalID, nil
}

// batch audits, asks and journals. The ids live in the questions alone.
func (v *Verification) batch(ctx context.Context, r Register, by string, persons []state.Person) ([]Verified, error) {
	l, method := v.o.Ledger, methodOf(r)
	now := l.o.Now()
	audits := make([]journal.Entry, len(persons))
	for i, p := range persons {
		var err error
		a := Audit{At: now, Actor: by, Action: VerifyAction + method, Person: p.Key}
		if audits[i], err = clearEntry(journal.StreamAudit, journal.KindAudit, 0, p.Key, now, a); err != nil {
			return nil, err
		}
	}
	if _, err := l.o.Journal.Append(ctx, audits...); err != nil {
		return nil, fmt.Errorf("ledger: audit: %w", err)
	}
	questions := make([]contact.Question, len(persons))
	for i, p := range persons {
		id, _ := v.nationalID(p) // unreadable meanwhile: the zero id has no answer
		questions[i] = contact.Question{Person: p.Key, NationalID: id}
	}
	answers := contact.Ask(ctx, r.Verifier, now, questions)
	clear(questions)

	out := make([]Verified, len(answers))
	var entries []journal.Entry
	var proofs []contact.Record
	for i, a := range answers {
		p := persons[i]
		v.answers.WithLabelValues(method, a.Verdict.String(), string(a.Reason)).Inc()
		out[i] = Verified{
			Person: p.Key, Method: method, Verdict: a.Verdict.String(), Reason: a.Reason, Retry: a.Retry, Until: a.Until, Reserved: a.Reserved,
			Addresses: []reminder.AddressHash{},
		}
		if id, err := v.nationalID(p); err == nil && id.IsZero() { // erased while the register was asked
			answers[i] = contact.Answer{Verdict: contact.No} // nothing to take down, and nothing owed
			continue
		}
		for _, rec := range a.Records(p.Key, l.o.Pseudonyms.Address, NewID, l.o.Now()) {
			out[i].Addresses = append(out[i].Addresses, rec.Hash)
			proofs = append(proofs, rec) // what is known too: it may not have been said that it ended a dispute
			if known(p, rec) {
				continue
			}
			rec.By = method
			rec, err := l.complete(ctx, rec)
			if err != nil {
				return nil, err
			}
			e, err := l.contactEntry(rec, nil)
			if err != nil {
				return nil, err
			}
			entries = append(entries, e)
			out[i].Recorded++
		}
	}
	// A no comes before a yes: what the person objects to must not be allowed for a moment by what was just learned.
	for i, a := range answers {
		if err := v.object(ctx, r, persons[i], a); err != nil {
			return nil, err
		}
	}
	for part := range slices.Chunk(entries, sweepBatch) {
		if err := l.write(ctx, part...); err != nil {
			return nil, err
		}
	}
	if v.o.Replies != nil {
		if err := v.o.Replies.settle(ctx, proofs...); err != nil {
			return nil, err
		}
	}
	if err := v.decideAnew(ctx, v.awaited(method, persons), persons, out); err != nil {
		return nil, err
	}
	v.note(method, persons, answers) // last: what was not journalled is asked about again
	return out, nil
}

// known reports whether the state has this very evidence: the same method says the same of the same day. Journalling it daily
// would fill a stream that is kept for good.
func known(p state.Person, r contact.Record) bool {
	return slices.ContainsFunc(p.Contact, func(c state.Contact) bool {
		return c.Type == r.Type && c.Hash == r.Hash && c.Method == r.Method && c.EventTime.Equal(r.EventTime)
	})
}

// object takes a reservation down as the person's objection, the register as its source: to everything, on every channel. One
// that is known is not repeated, so that a yes which the person gave since holds; a register that does not say since when
// speaks of today.
func (v *Verification) object(ctx context.Context, r Register, p state.Person, a contact.Answer) error {
	if !a.Reserved || r.Objection == "" {
		return nil
	}
	now := v.o.Ledger.o.Now()
	since := a.ReservedSince
	if since.After(now) {
		since = now
	}
	for _, c := range p.Consent {
		told := c.Type == consent.Withdrawn && c.Method == r.Objection && c.Actor.Kind == consent.Registry
		if told && !since.IsZero() && !c.EventTime.Before(since) {
			return nil
		}
		if told && since.IsZero() && !slices.ContainsFunc(p.Consent, func(y consent.Record) bool {
			return y.Type == consent.Granted && y.EventTime.After(c.EventTime)
		}) {
			return nil
		}
	}
	return v.o.Ledger.Consent(ctx, consent.Record{
		Person: p.Key, Type: consent.Withdrawn, Scope: consent.Scope{Kind: "controller"}, Method: r.Objection,
		Actor: consent.Actor{Kind: consent.Registry, Ref: methodOf(r)}, EventTime: since, Recorded: now, RecordedBy: methodOf(r),
	})
}
