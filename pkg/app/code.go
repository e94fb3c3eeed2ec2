package app

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"

	"github.com/husk-reminders/husk/pkg/consent"
	"github.com/husk-reminders/husk/pkg/contact"
	"github.com/husk-reminders/husk/pkg/contact/code"
	"github.com/husk-reminders/husk/pkg/gate"
	"github.com/husk-reminders/husk/pkg/journal"
	"github.com/husk-reminders/husk/pkg/ledger"
	"github.com/husk-reminders/husk/pkg/reminder"
	"github.com/husk-reminders/husk/pkg/web"
)

// codesBucket holds what of one-time codes must outlive the moment, for all processes: keyed hashes, tries, and how many were sent.
// It is no part of the journal: nothing is folded from it.
const codesBucket = "husk_codes"

// codesKept is how long the bucket keeps a key that nobody writes: no key asks for more than a day.
const codesKept = 49 * time.Hour

// codeStore is that bucket.
type codeStore struct{ kv jetstream.KeyValue }

var _ code.Store = (*codeStore)(nil)

func openCodeStore(ctx context.Context, js jetstream.JetStream, replicas int) (*codeStore, error) {
	kv, err := js.CreateOrUpdateKeyValue(ctx, jetstream.KeyValueConfig{
		Bucket: codesBucket, History: 1, TTL: codesKept, Storage: jetstream.FileStorage, Replicas: max(replicas, 1),
	})
	if err != nil {
		return nil, fmt.Errorf("app: %s: %w", codesBucket, err)
	}
	return &codeStore{kv}, nil
}

// Get implements code.Store.
func (s *codeStore) Get(ctx context.Context, key string) ([]byte, uint64, error) {
	e, err := s.kv.Get(ctx, key)
	switch {
	case errors.Is(err, jetstream.ErrKeyNotFound):
		return nil, 0, nil
	case err != nil:
		return nil, 0, fmt.Errorf("app: %s: %w", codesBucket, err)
	}
	return e.Value(), e.Revision(), nil
}

// Put implements code.Store. The bucket forgets by itself, later than any key asks for.
func (s *codeStore) Put(ctx context.Context, key string, value []byte, revision uint64, _ time.Time) error {
	var err error
	if revision == 0 {
		_, err = s.kv.Create(ctx, key, value)
	} else {
		_, err = s.kv.Update(ctx, key, value, revision)
	}
	if raced(err) {
		return code.ErrConflict
	}
	if err != nil {
		return fmt.Errorf("app: %s: %w", codesBucket, err)
	}
	return nil
}

// raced reports whether the broker refused a write because somebody else has written the key since.
func raced(err error) bool {
	var api *jetstream.APIError
	return errors.Is(err, jetstream.ErrKeyExists) || (errors.As(err, &api) && api.ErrorCode == jetstream.JSErrCodeStreamWrongLastSequence)
}

// codeSecret is what codes are hashed with: it comes from the keyset, and tells nothing of it.
func codeSecret(k journal.Keyset) []byte {
	m := hmac.New(sha256.New, k.Pseudonym)
	_, _ = m.Write([]byte("husk one-time codes 1"))
	return m.Sum(nil)
}

// codeDesk sends codes and takes down what they prove.
type codeDesk struct {
	codes  *code.Codes
	ledger *ledger.Ledger
	now    func() time.Time
	log    *zap.Logger

	begun, checked *prometheus.CounterVec
}

var _ web.Codes = (*codeDesk)(nil)

// openCodes makes the desk.
func (a *App) openCodes(ctx context.Context, keys journal.Keyset) (*codeDesk, error) {
	store, err := openCodeStore(ctx, a.js, a.Config.NATS.Replicas)
	if err != nil {
		return nil, err
	}
	d := &codeDesk{
		ledger: a.Ledger, now: a.Now, log: a.log.Named("code"),
		begun: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "husk_code_begun_total", Help: "One-time codes that somebody asked for, by what came of it.",
		}, []string{"outcome"}),
		checked: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "husk_code_checked_total", Help: "One-time codes that were told back, by what came of it.",
		}, []string{"outcome"}),
	}
	a.Metrics.MustRegister(d.begun, d.checked)
	d.codes, err = code.New(code.Options{
		Store: store, Sender: codeLine{a, codeWait}, Standings: codeStandings{a}, Hash: a.Pseudonyms.Address, Key: codeSecret(keys), Logger: d.log,
	})
	if err != nil {
		return nil, fmt.Errorf("app: %w", err)
	}
	return d, nil
}

// Start implements web.Codes.
func (d *codeDesk) Start(ctx context.Context, r code.Request) (code.Started, error) {
	s, err := d.codes.Start(ctx, r, d.now())
	outcome := "sent"
	switch {
	case err != nil:
		outcome = codeOutcome(err)
	case !s.Sure:
		outcome = "unknown"
	}
	d.begun.WithLabelValues(outcome).Inc()
	return s, err
}

// codeErrors are the refusals of codes as labels of metrics.
var codeErrors = []struct {
	err   error
	label string
}{
	{code.ErrRequest, "request"}, {code.ErrBarred, "barred"}, {code.ErrDisputed, "disputed"}, {code.ErrForbidden, "forbidden"},
	{code.ErrLimited, "limited"}, {code.ErrNotSent, "not_sent"}, {code.ErrUnknown, "unavailable"}, {code.ErrStore, "unavailable"},
}

func codeOutcome(err error) string {
	for _, x := range codeErrors {
		if errors.Is(err, x.err) {
			return x.label
		}
	}
	return "error"
}

// Check implements web.Codes. A right code is a proof only when it is in the journal. Where the journal did not take it, the same
// question again does it: that the code was right is kept for a day.
func (d *codeDesk) Check(ctx context.Context, g code.Guess, by string) (code.Result, error) {
	now := d.now()
	r, err := d.codes.Check(ctx, g, now)
	switch {
	case err != nil:
		d.checked.WithLabelValues(codeOutcome(err)).Inc()
		return r, err
	case r.Outcome == code.NoCode:
		if r, err = d.left(ctx, g, now); err != nil {
			return code.Result{}, err
		}
	}
	d.checked.WithLabelValues(r.Outcome.String()).Inc()
	if r.Outcome != code.Right {
		return r, nil
	}
	err = d.ledger.ProveCode(ctx, r.Reference, contact.Record{
		Person: g.Person, Hash: g.Address, Method: r.Method, Level: r.Level, By: by, EventTime: r.At, Recorded: now,
	})
	if err == nil || errors.Is(err, ledger.ErrBehind) {
		return r, err
	}
	d.log.Error("a code was told back rightly, and the journal does not take it down: it is to be told again", zap.String("person", string(g.Person)), zap.Error(err))
	return code.Result{}, fmt.Errorf("%w: %w", web.ErrNotTaken, err)
}

// left is the proof of a code that was told back rightly before and is not in the journal; else that there is no code.
func (d *codeDesk) left(ctx context.Context, g code.Guess, now time.Time) (code.Result, error) {
	none := code.Result{Outcome: code.NoCode}
	r, ok, err := d.codes.Proof(ctx, g.Person, g.Address, now)
	if err != nil || !ok {
		return none, err
	}
	if done, err := d.ledger.CodeProven(ctx, g.Person, r.Reference); err != nil || done {
		return none, err
	}
	return r, nil
}

// silenced ends the codes that are out for a person or to a number. What can't be ended now is refused when it is told back: then
// the certified state is asked.
func (a *App) silenced(ctx context.Context, person reminder.PersonKey, address reminder.AddressHash) {
	if a.codes == nil {
		return
	}
	var err error
	if now := a.Now(); person != "" {
		err = a.codes.codes.Void(ctx, person, now)
	} else {
		err = a.codes.codes.VoidAddress(ctx, address, now)
	}
	if err != nil {
		a.codes.log.Warn("a code that is out could not be ended", zap.Error(err))
	}
}

// codeStandings asks the certified state what speaks against a number, and what people have said of it.
type codeStandings struct{ a *App }

var _ code.Standings = codeStandings{}

// Standing implements code.Standings. The gate asks the same once more, with the unit's own pack, before the code leaves.
func (s codeStandings) Standing(ctx context.Context, person reminder.PersonKey, address reminder.AddressHash) (code.Standing, error) {
	a := s.a
	ps, err := a.Ledger.People(ctx, []reminder.PersonKey{person})
	if err != nil {
		return code.NotKnown, err
	}
	ns, err := numbers(s).Numbers(ctx, []reminder.AddressHash{address})
	if err != nil {
		return code.NotKnown, err
	}
	p, now := ps[0], a.Now()
	pack, ok := a.Packs.For(a.country(), now)
	if !ok {
		return code.NotKnown, nil
	}
	minor, known := pack.Minor(p.BirthDate, now)
	said := consent.Stand(p.Consent, now)
	switch {
	case !p.Known, p.Protected, p.Deceased, said.Protected, said.Deceased, minor, !known:
		return code.Forbidden, nil
	case ns[0].Barred:
		return code.Barred, nil
	case ns[0].Disputed, slices.ContainsFunc(contact.Fold(p.Contact, now), func(c contact.State) bool { return c.Hash == address && c.Wrong }):
		return code.Disputed, nil
	}
	return code.Clear, nil
}

// numbers tells the gate what speaks against numbers.
type numbers struct{ a *App }

var _ gate.Numbers = numbers{}

// Numbers implements gate.Numbers.
func (n numbers) Numbers(ctx context.Context, addresses []reminder.AddressHash) ([]gate.Number, error) {
	behind, err := n.a.State.Behind(ctx, addresses)
	if err != nil {
		return nil, gateError(err)
	}
	disputed, err := n.a.Replies.Disputed(ctx, addresses)
	if err != nil {
		return nil, err
	}
	out := make([]gate.Number, len(addresses))
	for i := range out {
		out[i] = gate.Number{Barred: behind[i].Barred, Disputed: disputed[i]}
	}
	return out, nil
}
