package ledger

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/husk-reminders/husk/pkg/consent"
	"github.com/husk-reminders/husk/pkg/journal"
	"github.com/husk-reminders/husk/pkg/receipt"
	"github.com/husk-reminders/husk/pkg/reminder"
	"github.com/husk-reminders/husk/pkg/state"
)

// Erasing says whom to erase.
type Erasing struct {
	Person reminder.PersonKey
	// NoProof keeps nothing of the person's words. Else they are kept, with no address and no name, for as long as it must be
	// provable that the messages which were sent were allowed (GDPR Article 17(3)(b) and (e); the pack's proof_years).
	NoProof bool
	// Unknown erases a person of whom nothing is held, so that an old list does not bring them in. Else that is ErrNothingHeld.
	Unknown bool
	// Later leaves the destroying of the keys to the next SweepRetention: what was dropped opens nowhere here from now on, but in
	// a copy of the journal it does until then.
	Later bool
}

// Erasure is what an erasing came to.
type Erasure struct {
	Person    reminder.PersonKey   `json:"person"`
	Also      []reminder.PersonKey `json:"also,omitempty"` // keys that the person went by before
	At        time.Time            `json:"at"`
	Cancelled int                  `json:"cancelled"`          // reminders that waited
	Left      []string             `json:"left,omitempty"`     // claims of messages that had gone out, or may have, by then
	Words     int                  `json:"words"`              // kept for proof
	Until     time.Time            `json:"until,omitzero"`     // how long they are
	Complete  bool                 `json:"complete"`           // the keys are destroyed: nothing in any copy opens any more
	Waiting   []Holder             `json:"waiting,omitempty"`  // of the old epoch key: their processes have not followed yet
	KeysAlive int                  `json:"keysAlive,omitzero"` // data keys that were rewrapped
}

// Holder is a keyset file of one or more processes.
type Holder struct {
	ID   string `json:"id"`
	Host string `json:"host"`
	File string `json:"file"`
	Old  bool   `json:"old"` // false = it has the epoch key that is now
}

// Holders are the keyset files that processes have told of; none where one process owns the data.
func (l *Ledger) Holders(context.Context) ([]Holder, error) {
	now := l.o.Keys.EpochName()
	out := []Holder{}
	for _, h := range l.o.Keys.Holders() {
		out = append(out, Holder{h.ID, h.Host, h.File, h.Epoch != now})
	}
	return out, nil
}

// Forget takes a keyset file off the list, which somebody has destroyed. journal.ErrNotFound when there is no such.
func (l *Ledger) Forget(ctx context.Context, holder string) error {
	return l.o.Keys.Forget(ctx, holder)
}

// ErrNothingHeld means that there is nothing to erase.
var ErrNothingHeld = errors.New("ledger: nothing is held of this person, so nothing was done")

// Erase forgets a person. What was said of them, and what booking systems had told, is taken out of the state, what waits is
// cancelled, and what was said by now never counts again, whoever imports or repeats it: the note of that is kept with the
// person key, and so are statuses and random ids, so that nothing is sent twice. Bars are kept: they are the address's.
// It then waits, as a withdrawal does, until nothing for the person is on the wire, nor about anybody to an address that was the
// person's; what still is after that is in Left and in the audit. Then the data key is dropped, and all others rewrapped under a new epoch key: at that moment Erasure is complete, and
// says so. It is not while a keyset file of another process still has the old epoch key, or with Later.
//
// A new event of the booking, or a new yes, from after it is a new beginning, with another key. Broken off, it is to be called
// again.
func (l *Ledger) Erase(ctx context.Context, x Erasing) (Erasure, error) {
	out := Erasure{Person: x.Person, At: l.o.Now()}
	people, err := l.family(ctx, x.Person)
	if err != nil {
		return out, err
	}
	held := false
	for _, p := range people {
		held = held || p.Version > 0 || len(l.o.Keys.Owners(func(o reminder.PersonKey) bool { return o == p.Key })) > 0
	}
	if !held && !x.Unknown {
		return out, ErrNothingHeld
	}
	keys := make([]reminder.PersonKey, len(people))
	for i, p := range people {
		keys[i] = p.Key
	}
	shut, err := l.beginErasing(ctx, people, keys, x, &out)
	if err != nil {
		return out, err
	}
	// Nothing for them begins any more. What has begun must be over before its keys go.
	for _, p := range people {
		l.silenced(ctx, p.Key, "")
		left, err := l.leftFor(ctx, p)
		if err != nil {
			return out, err
		}
		out.Left = append(out.Left, left...)
	}
	out.Also = keys[1:]
	if err := l.insist(ctx, func() error { return l.o.Keys.DropShut(ctx, out.At, shut) }); err != nil {
		return out, err
	}
	if x.Later {
		return out, nil
	}
	err = l.destroy(ctx, &out)
	return out, err
}

// beginErasing takes persons out, and has their keys seal nothing more before the moment that the erasing counts from: what is said
// after it, while the wire is waited for, is sealed with a key that is not dropped then.
func (l *Ledger) beginErasing(ctx context.Context, people []state.Person, keys []reminder.PersonKey, x Erasing, out *Erasure) (journal.Shut, error) {
	l.erasing.Lock()
	defer l.erasing.Unlock()
	shut, err := l.o.Keys.Shut(ctx, out.At, keys...)
	if err != nil {
		return shut, err
	}
	out.At = l.o.Now()
	if err := l.takeOut(ctx, people, x, out); err != nil {
		return shut, err
	}
	return shut, l.insist(ctx, func() error { return l.o.Keys.NoteErased(ctx, out.At, keys...) })
}

// family is the person and who they were before, each as a copy.
func (l *Ledger) family(ctx context.Context, key reminder.PersonKey) ([]state.Person, error) {
	var out []state.Person
	seen := map[reminder.PersonKey]bool{}
	for next := []reminder.PersonKey{key}; len(next) > 0; next = next[1:] {
		if seen[next[0]] {
			continue
		}
		seen[next[0]] = true
		p, err := l.whole(ctx, next[0])
		if err != nil {
			return nil, err
		}
		out, next = append(out, p), append(next, p.From...)
	}
	return out, nil
}

// takeOut journals that persons are erased, with what is kept for proof, and waits until it is folded.
func (l *Ledger) takeOut(ctx context.Context, people []state.Person, x Erasing, out *Erasure) error {
	var entries []journal.Entry
	for _, p := range people {
		if !x.NoProof {
			e, err := l.proof(ctx, p, out)
			if err != nil {
				return err
			}
			entries = append(entries, e...)
		}
		for _, r := range p.Reminders {
			if r.Status == receipt.Planned || r.Status == receipt.Held {
				out.Cancelled++
			}
		}
		es, err := erasedEntries(p.Key, out.At)
		if err != nil {
			return err
		}
		entries = append(entries, es...)
	}
	return l.insist(ctx, func() error { return l.writeBatches(ctx, entries) })
}

// erasedEntries say that a person was erased, in both streams.
func erasedEntries(p reminder.PersonKey, at time.Time) ([]journal.Entry, error) {
	var out []journal.Entry
	for _, s := range []journal.Stream{journal.StreamPeople, journal.StreamJournal} {
		e, err := clearEntry(s, journal.KindErased, p.Shard(), p, at, state.Erased{At: at})
		if err != nil {
			return nil, err
		}
		out = append(out, e)
	}
	return out, nil
}

// eraseAgain journals erasures that a restored journal lacks: the keyring knows of them from beside the keyset.
func (l *Ledger) eraseAgain(ctx context.Context) error {
	var entries []journal.Entry
	for p, at := range l.o.Keys.AllErased() {
		x, err := l.whole(ctx, p)
		if err != nil {
			return err
		}
		if !x.Erased.Before(at) {
			continue
		}
		es, err := erasedEntries(p, at)
		if err != nil {
			return err
		}
		entries = append(entries, es...)
	}
	return l.writeBatches(ctx, entries)
}

// leftFor waits until nothing is on the wire for a person, nor to an address that was theirs, where a guardian is written to about
// a child, and returns what still is after that; the audit names it.
func (l *Ledger) leftFor(ctx context.Context, p state.Person) ([]string, error) {
	to := p.Addresses() // as they were before
	lefts, errs := make([][]string, 1+len(to)), make([]error, 1+len(to))
	var wg sync.WaitGroup
	wait := func(i int, a reminder.AddressHash, k reminder.PersonKey) {
		wg.Go(func() {
			if errs[i] = l.settled(ctx, "erased", a, k); errs[i] != nil {
				return
			}
			open, err := l.o.State.Wires(ctx, a, k)
			if err != nil {
				errs[i] = fmt.Errorf("ledger: %w", err)
			}
			for _, w := range open {
				lefts[i] = append(lefts[i], w.Claim)
			}
		})
	}
	wait(0, "", p.Key)
	for i, a := range to {
		wait(1+i, a, "")
	}
	wg.Wait()
	left := slices.Concat(lefts...)
	slices.Sort(left)
	return slices.Compact(left), errors.Join(errs...)
}

// destroy destroys the dropped keys, and has a new snapshot written: the key of the old one is gone too.
func (l *Ledger) destroy(ctx context.Context, out *Erasure) error {
	r, err := l.o.Keys.Rotate(ctx, l.o.Now())
	if err != nil {
		return fmt.Errorf("ledger: the keys are dropped but not destroyed yet; the next sweep of retention tries again: %w", err)
	}
	l.renewSnapshot()
	out.Complete, out.KeysAlive = r.Complete(), r.Keys
	for _, h := range r.Waiting {
		out.Waiting = append(out.Waiting, Holder{h.ID, h.Host, h.File, true})
	}
	return nil
}

// KeysComplete reports whether nothing that was erased waits for its keys to be destroyed.
func (l *Ledger) KeysComplete() bool { return !l.o.Keys.Due() }

// proofPrefix begins the owner's name of a key under which proof is kept; the day follows after which it is destroyed.
const proofPrefix = "proof-"

// proofClear is the clear part of a proof entry.
type proofClear struct {
	Until time.Time `json:"until"`
	Owner string    `json:"owner"` // of the key
}

// proof is the entry that keeps a person's words, if there are any that must be proven, under a key of its own.
func (l *Ledger) proof(ctx context.Context, p state.Person, out *Erasure) ([]journal.Entry, error) {
	if l.o.ProofYears == nil {
		return nil, nil
	}
	var kept []consent.Record
	var until time.Time
	for _, r := range p.Consent {
		end := out.At
		if at, over := endOf(r, p.Consent); over && at.Before(end) {
			end = at
		}
		if end = end.AddDate(l.o.ProofYears(r), 0, 0); !end.After(out.At) {
			continue
		}
		kept = append(kept, r)
		if end.After(until) {
			until = end
		}
	}
	if len(kept) == 0 {
		return nil, nil
	}
	owner := reminder.PersonKey(proofPrefix + until.UTC().Format(time.DateOnly) + "-" + string(p.Key))
	if err := l.o.Keys.EnsureNamed(ctx, out.At, owner); err != nil {
		return nil, err
	}
	e, err := clearEntry(journal.StreamPeople, journal.KindProof, p.Key.Shard(), p.Key, out.At, proofClear{until, string(owner)})
	if err != nil {
		return nil, err
	}
	if e.Sealed, err = l.seal(owner, sealedProof, kept); err != nil {
		return nil, err
	}
	out.Words += len(kept)
	if until.After(out.Until) {
		out.Until = until
	}
	return []journal.Entry{e}, nil
}

// proven are the words of a proof entry; nil when their time is over.
func (l *Ledger) proven(e journal.Entry) ([]consent.Record, time.Time, error) {
	var c proofClear
	if err := unmarshal(e.Clear, &c); err != nil {
		return nil, c.Until, err
	}
	var kept []consent.Record
	err := l.open(reminder.PersonKey(c.Owner), sealedProof, e.Sealed, &kept)
	if errors.Is(err, journal.ErrErased) {
		return nil, c.Until, nil
	}
	return kept, c.Until, err
}

// isProofOver reports whether an owner is that of proof whose time is over.
func isProofOver(owner reminder.PersonKey, now time.Time) bool {
	day, ok := strings.CutPrefix(string(owner), proofPrefix)
	if !ok || len(day) < len(time.DateOnly) {
		return false
	}
	until, err := time.Parse(time.DateOnly, day[:len(time.DateOnly)])
	return err == nil && now.After(until.AddDate(0, 0, 1))
}

// endOf is when a word is over; false while it holds, or would again. A no is over when it was said: it ended a yes, or nothing.
// What is known of the person is over when it was said, too: it holds beside words, and not without them.
func endOf(r consent.Record, all []consent.Record) (time.Time, bool) {
	if r.Type != consent.Granted && r.Type != consent.Noticed {
		return r.EventTime, true
	}
	at, over := r.ValidUntil, !r.ValidUntil.IsZero()
	for _, no := range all {
		whole := len(no.Purposes) == 0 && len(no.Channels) == 0 && no.Scope.Ref == ""
		if no.IsNo() && (whole || sameReach(no, r)) && !no.EventTime.Before(r.EventTime) && (!over || no.EventTime.Before(at)) {
			at, over = no.EventTime, true
		}
	}
	return at, over
}
