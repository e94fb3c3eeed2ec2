package code

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"math/big"
	"strings"
	"time"

	"go.uber.org/zap"

	"github.com/husk-reminders/husk/pkg/policy"
	"github.com/husk-reminders/husk/pkg/reminder"
)

// Options is what Codes needs. Store, Sender, Standings, Hash and Key are required.
type Options struct {
	Store     Store
	Sender    Sender
	Standings Standings
	// Hash is the installation's keyed hash of an address.
	Hash func(reminder.Address) reminder.AddressHash
	// Key is for the hashes of codes and of clerks: 32 bytes or more, used for nothing else, kept outside the store.
	Key    []byte
	Limits Limits // DefaultLimits when zero
	// Random is where codes come from; crypto/rand when nil.
	Random io.Reader
	Logger *zap.Logger // nil: none
}

// Codes sends codes and checks them. Many may use it at once, in many processes.
type Codes struct{ o Options }

// New checks the options.
func New(o Options) (*Codes, error) {
	if o.Store == nil || o.Sender == nil || o.Standings == nil || o.Hash == nil {
		return nil, errors.New("code: Options: want Store, Sender, Standings and Hash")
	}
	if len(o.Key) < 32 {
		return nil, errors.New("code: Options.Key: want at least 32 bytes")
	}
	if o.Limits.Address == nil && o.Limits.Person == nil && o.Limits.Clerk == nil {
		o.Limits = DefaultLimits()
	}
	if !o.Limits.valid() {
		return nil, errors.New("code: Options.Limits: want at least one limit each, of 1 to 1000 codes in some time")
	}
	if o.Random == nil {
		o.Random = rand.Reader
	}
	if o.Logger == nil {
		o.Logger = zap.NewNop()
	}
	o.Key = append([]byte(nil), o.Key...)
	return &Codes{o}, nil
}

// Request asks for a code.
type Request struct {
	Person   reminder.PersonKey
	Address  reminder.Address // a phone number
	Clerk    string           // who asks: the staff key's id
	Unit     string
	Language string
}

// Started is a code on its way.
type Started struct {
	Reference string
	Address   reminder.AddressHash
	Expires   time.Time
	// Sure: the carrier took it. False: it may have left or not; the code is good if it arrives.
	Sure bool
}

// Start sends a new code; the person's former one is void from here on, whether or not the new one leaves. It refuses with
// ErrRequest, ErrBarred, ErrDisputed, ErrForbidden, ErrUnknown, a LimitError, ErrStore, or ErrNotSent; a refused or failed
// code counts in the limits from the moment they let it pass.
func (c *Codes) Start(ctx context.Context, r Request, now time.Time) (Started, error) {
	if err := r.check(); err != nil {
		return Started{}, err
	}
	hash := c.o.Hash(r.Address)
	if err := c.standing(ctx, r.Person, hash); err != nil {
		return Started{}, err
	}
	if err := c.count(ctx, r, hash, now); err != nil {
		return Started{}, err
	}
	ch, digits, err := c.draw(r.Person, hash, now)
	if err != nil {
		return Started{}, err
	}
	// On record before it is sent: a code that is out without a record could never be right.
	_, err = c.change(ctx, r.Person, now, func(challenge) (challenge, bool) { return ch, true })
	if err != nil {
		return Started{}, err
	}
	err = c.o.Sender.Send(ctx, Message{
		Person: r.Person, Address: r.Address, Hash: hash, Code: reminder.Mask(digits), Unit: r.Unit, Language: r.Language,
		Reference: ch.ID, NotAfter: ch.Issued.Add(Life),
	})
	if errors.Is(err, ErrNotSent) {
		// Even if this fails: nobody has the code.
		_, _ = c.change(ctx, r.Person, now, func(kept challenge) (challenge, bool) {
			return kept.void(NotSent, now), kept.ID == ch.ID
		})
		return Started{}, notSent(err)
	}
	if err != nil {
		c.o.Logger.Warn("nobody knows whether a code was sent", zap.String("person", string(r.Person)))
	}
	return Started{Reference: ch.ID, Address: hash, Expires: ch.Issued.Add(Life), Sure: err == nil}, nil
}

func (r Request) check() error {
	if _, err := reminder.ParsePersonKey(string(r.Person)); err != nil {
		return fmt.Errorf("%w: person: want a person key", ErrRequest)
	}
	if r.Address.IsZero() || r.Address.Channel != reminder.SMS {
		return fmt.Errorf("%w: address: want a phone number", ErrRequest)
	}
	if r.Clerk == "" {
		return fmt.Errorf("%w: clerk: want who asks", ErrRequest)
	}
	return nil
}

// standing is nil when nothing speaks against the number.
func (c *Codes) standing(ctx context.Context, person reminder.PersonKey, hash reminder.AddressHash) error {
	s, err := c.o.Standings.Standing(ctx, person, hash)
	if err != nil {
		return ErrUnknown // the error below may quote anything
	}
	switch s {
	case Clear:
		return nil
	case Barred:
		return ErrBarred
	case Disputed:
		return ErrDisputed
	case Forbidden:
		return ErrForbidden
	}
	return ErrUnknown
}

// draw makes a challenge and its code, each code as likely as any other.
func (c *Codes) draw(person reminder.PersonKey, hash reminder.AddressHash, now time.Time) (challenge, string, error) {
	var id [16]byte
	if _, err := io.ReadFull(c.o.Random, id[:]); err != nil {
		return challenge{}, "", errors.New("code: no randomness to be had")
	}
	n, err := rand.Int(c.o.Random, big.NewInt(1_000_000))
	if err != nil {
		return challenge{}, "", errors.New("code: no randomness to be had")
	}
	digits := fmt.Sprintf("%0*d", Digits, n)
	ch := challenge{ID: hex.EncodeToString(id[:]), Person: person, Address: hash, Issued: now.UTC(), Phase: Open}
	ch.MAC = ch.mac(c.o.Key, digits)
	return ch, digits, nil
}

// Guess is a code told back.
type Guess struct {
	Person  reminder.PersonKey
	Address reminder.AddressHash // the number it is said to have come to
	Code    reminder.Masked
}

// Outcome is what a guess came to. The zero Outcome is no proof.
type Outcome int

// The outcomes.
const (
	NoCode    Outcome = iota // no code is open for this person and number
	Right                    // proven, now and once
	Wrong                    // another try is left
	TooMany                  // no try is left: send a new code
	TooLate                  // the code has run out: send a new one
	Malformed                // not six digits; it cost no try
)

var outcomeNames = []string{"no_code", "right", "wrong", "too_many", "too_late", "malformed"}

// String is the outcome as a label of metrics.
func (o Outcome) String() string {
	if o < 0 || int(o) >= len(outcomeNames) {
		return outcomeNames[NoCode]
	}
	return outcomeNames[o]
}

// Result is the answer to a guess.
type Result struct {
	Outcome Outcome
	Left    int // tries, of Wrong
	// Of Right: what may be journalled as a contact.Verified record.
	Reference string
	Method    policy.Method
	Level     policy.Level
	At        time.Time
}

// Check compares a code that was told back. Only Outcome Right is a proof, and a challenge gives one once. It refuses with
// ErrBarred, ErrDisputed or ErrForbidden when the number has become so since the code was sent (the code is void then),
// with ErrUnknown and ErrStore when that can't be known; no error is a proof.
func (c *Codes) Check(ctx context.Context, g Guess, now time.Time) (Result, error) {
	if _, err := reminder.ParsePersonKey(string(g.Person)); err != nil || g.Address == "" {
		return Result{}, fmt.Errorf("%w: want a person key and the hash of a number", ErrRequest)
	}
	told, ok := digits(g.Code.Reveal())
	if !ok {
		return Result{Outcome: Malformed}, nil
	}
	if err := c.standing(ctx, g.Person, g.Address); err != nil {
		if !errors.Is(err, ErrUnknown) {
			_, _ = c.change(ctx, g.Person, now, func(kept challenge) (challenge, bool) {
				return kept.void(Refused, now), kept.Phase == Open && kept.Address == g.Address
			})
		}
		return Result{}, err
	}

	var tried bool
	ch, err := c.change(ctx, g.Person, now, func(kept challenge) (challenge, bool) {
		if tried = false; kept.Address != g.Address {
			return kept, false
		}
		var next challenge
		next, tried = kept.try(now)
		return next, tried || next.Phase != kept.Phase
	})
	switch {
	case err != nil:
		return Result{}, err
	case !tried:
		return Result{Outcome: ch.over(g.Address)}, nil
	}

	right := hmac.Equal(ch.MAC, ch.mac(c.o.Key, told))
	var mine bool
	id := ch.ID
	ch, err = c.change(ctx, g.Person, now, func(kept challenge) (challenge, bool) {
		if mine = false; kept.ID != id || kept.Phase != Open {
			return kept, false
		}
		next := kept.settle(right, now)
		mine = next.Phase == Proven
		return next, next.Phase != kept.Phase
	})
	switch {
	case err != nil:
		return Result{}, err
	case mine:
		return Result{Outcome: Right, Reference: id, Method: policy.Code, Level: policy.Code.Level(), At: now}, nil
	case ch.ID == id && ch.Phase == Open:
		return Result{Outcome: Wrong, Left: Tries - ch.Tries}, nil
	}
	return Result{Outcome: ch.over(g.Address)}, nil
}

// over is the outcome for a challenge that takes no more tries.
func (c challenge) over(address reminder.AddressHash) Outcome {
	switch {
	case c.Address != address || c.Phase != Voided:
		return NoCode
	case c.Cause == Spent:
		return TooMany
	case c.Cause == Expired:
		return TooLate
	}
	return NoCode
}

// digits reads a code as it was told: spaces and hyphens don't matter, anything but six ASCII digits does.
func digits(s string) (string, bool) {
	if len(s) > 64 {
		return "", false
	}
	s = strings.NewReplacer(" ", "", "-", "", "\u00a0", "", "\t", "").Replace(s)
	if len(s) != Digits {
		return "", false
	}
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return "", false
		}
	}
	return s, true
}

// Void ends a person's open code: a STOP or a wrong number came, or the person is being erased.
func (c *Codes) Void(ctx context.Context, person reminder.PersonKey, now time.Time) error {
	_, err := c.change(ctx, person, now, func(kept challenge) (challenge, bool) {
		return kept.void(Withdrawn, now), kept.Phase == Open
	})
	return err
}

// VoidAddress ends the open codes to a number, whoever they are of: a STOP came from it, or somebody said that it is the wrong one.
func (c *Codes) VoidAddress(ctx context.Context, address reminder.AddressHash, now time.Time) error {
	t, _, err := c.tally(ctx, addressKey(address))
	if err != nil {
		return err
	}
	for person := range t.For {
		_, e := c.change(ctx, person, now, func(kept challenge) (challenge, bool) {
			return kept.void(Withdrawn, now), kept.Phase == Open && kept.Address == address
		})
		err = errors.Join(err, e)
	}
	return err
}

// Proof is the proof that a number is the person's by a code that was told back within a day, as Check gave it when it was told;
// false when there is none. With it a proof that could not be taken down when it was given is not lost.
func (c *Codes) Proof(ctx context.Context, person reminder.PersonKey, address reminder.AddressHash, now time.Time) (Result, bool, error) {
	ch, err := c.change(ctx, person, now, func(kept challenge) (challenge, bool) { return kept, false })
	if err != nil || ch.Phase != Proven || ch.Address != address || ch.Closed.After(now) || !now.Before(ch.Closed.Add(keep)) {
		return Result{}, false, err
	}
	return Result{Outcome: Right, Reference: ch.ID, Method: policy.Code, Level: policy.Code.Level(), At: ch.Closed}, true, nil
}

// clerkKey is the keyed hash of a clerk: no staff name in the store's keys.
func (c *Codes) clerkKey(clerk string) string {
	m := hmac.New(sha256.New, c.o.Key)
	_, _ = fmt.Fprintf(m, "clerk:%d:%s", len(clerk), clerk)
	return hex.EncodeToString(m.Sum(nil)[:16])
}
