package ledger

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/husk-reminders/husk/pkg/journal"
	"github.com/husk-reminders/husk/pkg/reminder"
)

// What an answer is about. Each has its own limit a day, see Replies.Answer.
const (
	AnswerStop   = "stop"   // the one confirmation of a STOP
	AnswerStart  = "start"  // of a START
	AnswerCancel = "cancel" // that the appointment is not cancelled yet
	AnswerOther  = "other"  // that nobody reads here
)

// answerEvery is how long the next answer about the same has to wait.
const answerEvery = 24 * time.Hour

// replyWindow is how far back Replies reads at start: what is older is neither answered nor on a list.
const replyWindow = 60 * 24 * time.Hour

// The actions of the audit that Replies folds.
const (
	actionAnswered    = "reply.answered"
	actionWish        = "reply.wish"
	actionHandled     = "reply.handled"
	actionMisdelivery = "misdelivery"
	actionTaken       = "reply.taken"
)

// replyEntry is the clear body of the audit entries that Replies writes and folds. It holds pseudonyms, random ids, times and
// template names, and nothing of what was written.
type replyEntry struct {
	Audit
	ID           string                    `json:"id,omitempty"`
	About        string                    `json:"about,omitempty"`        // of an answer
	Appointments []reminder.AppointmentKey `json:"appointments,omitempty"` // of a wish
	Persons      []reminder.PersonKey      `json:"persons,omitempty"`      // of a misdelivery
	Messages     []SentThere               `json:"messages,omitempty"`     // of a misdelivery
	Proven       time.Time                 `json:"proven,omitzero"`        // of the end of a dispute: the proof's own time
}

// ReplyOptions of Replies.
type ReplyOptions struct {
	Ledger *Ledger
	// Class is the class of the messages of a template version; false = not known. Nil = of none.
	Class func(template string) (reminder.Class, bool)
}

// Replies is a Ledger with what comes of people's answers: the limit of our own answers, the wishes for the clinics, the
// misdeliveries. All of it is written to the audit stream and folded from there in its order, so that of two processes that would
// answer the same person one does, and a restart forgets nothing.
type Replies struct {
	*Ledger
	class func(string) (reminder.Class, bool)

	mu       sync.Mutex
	grew     chan struct{} // closed and made anew when seen moves
	seen     uint64
	answers  map[reminder.AddressHash]answers
	wishes   map[string]*wish
	misses   []Misdelivery
	disputes map[reminder.AddressHash]time.Time // since when
	newest   time.Time
}

// NewReplies checks the options. Run makes it work.
func NewReplies(o ReplyOptions) (*Replies, error) {
	if o.Ledger == nil {
		return nil, errors.New("ledger: ReplyOptions.Ledger is required")
	}
	if o.Class == nil {
		o.Class = func(string) (reminder.Class, bool) { return 0, false }
	}
	return &Replies{
		Ledger: o.Ledger, class: o.Class, grew: make(chan struct{}), answers: map[reminder.AddressHash]answers{}, wishes: map[string]*wish{},
		disputes: map[reminder.AddressHash]time.Time{},
	}, nil
}

// Run follows the audit until ctx ends, and then returns nil. While it does not run, nothing is answered and no list is told.
func (r *Replies) Run(ctx context.Context) error {
	from, err := r.began(ctx, journal.StreamAudit, r.o.Now().Add(-replyWindow))
	if err != nil {
		return r.ended(ctx, err)
	}
	r.mu.Lock()
	from = max(from, r.seen+1)
	r.moved(from - 1)
	r.mu.Unlock()
	return r.ended(ctx, r.o.Journal.Follow(ctx, journal.StreamAudit, from, func(es []journal.Entry) error {
		r.mu.Lock()
		defer r.mu.Unlock()
		for _, e := range es {
			if e.Kind == journal.KindAudit {
				var b replyEntry
				if err := unmarshal(e.Clear, &b); err != nil {
					return err
				}
				r.fold(e.Seq, b)
			}
			r.moved(e.Seq)
		}
		return nil
	}))
}

// ended is the error that Run ends with: none when it was told to end.
func (r *Replies) ended(ctx context.Context, err error) error {
	if ctx.Err() == nil {
		return fmt.Errorf("ledger: replies: %w", err)
	}
	return nil
}

// moved tells those who wait how far it is folded. The lock is held.
func (r *Replies) moved(seq uint64) {
	r.seen = max(r.seen, seq)
	close(r.grew)
	r.grew = make(chan struct{})
}

// fold takes one entry. The lock is held.
func (r *Replies) fold(seq uint64, b replyEntry) {
	r.foldDispute(b)
	switch b.Action {
	case actionAnswered:
		r.foldAnswer(seq, b)
	case actionWish:
		r.foldWish(b)
	case actionHandled:
		r.foldHandled(b)
	case actionTaken:
		r.foldTaken(b)
	case actionMisdelivery:
		r.misses = append(r.misses, Misdelivery{ID: b.ID, Aware: b.At, Via: b.Actor, Address: b.Address, Persons: b.Persons, Messages: b.Messages})
	default:
		return
	}
	if b.At.After(r.newest.Add(time.Hour)) {
		r.newest = b.At
		r.forget()
	}
}

// forget drops what is too old to count. The lock is held.
func (r *Replies) forget() {
	r.forgetDisputes(r.newest.Add(-replyWindow))
	for h, a := range r.answers {
		if a.newest().Before(r.newest.Add(-2 * answerEvery)) {
			delete(r.answers, h)
		}
	}
	r.misses = slices.DeleteFunc(r.misses, func(m Misdelivery) bool { return m.Aware.Before(r.newest.Add(-replyWindow)) })
	for id, w := range r.wishes {
		if w.at.Before(r.newest.Add(-replyWindow)) {
			delete(r.wishes, id)
		}
	}
}

// append writes entries to the audit and waits until they are folded here.
func (r *Replies) append(ctx context.Context, bs ...replyEntry) (uint64, error) {
	es := make([]journal.Entry, len(bs))
	for i, b := range bs {
		if b.At.IsZero() {
			b.At = r.o.Now()
		}
		var err error
		if es[i], err = clearEntry(journal.StreamAudit, journal.KindAudit, 0, b.Person, b.At, b); err != nil {
			return 0, err
		}
	}
	ps, err := r.Ledger.append(ctx, es...)
	if err != nil {
		return 0, err
	}
	var last uint64
	for _, p := range ps {
		last = max(last, p.Seq)
	}
	return last, r.caughtUp(ctx, last)
}

// caughtUp returns when the audit is folded up to seq.
func (r *Replies) caughtUp(ctx context.Context, seq uint64) error {
	deadline := time.After(r.o.FoldWait)
	for {
		r.mu.Lock()
		seen, grew := r.seen, r.grew
		r.mu.Unlock()
		if seen >= seq && seen > 0 {
			return nil
		}
		select {
		case <-grew:
		case <-ctx.Done():
			return ctx.Err()
		case <-deadline:
			return ErrBehind
		}
	}
}

// answers are the last ones to an address, by what they were about.
type answers map[string]answered

type answered struct {
	at  time.Time
	seq uint64
}

func (a answers) newest() time.Time {
	var t time.Time
	for _, x := range a {
		if x.at.After(t) {
			t = x.at
		}
	}
	return t
}

// within reports whether there was an answer about one of these in the day before at. A clock that was set back does not make
// room for another.
func (a answers) within(at time.Time, about ...string) bool {
	for _, s := range about {
		if x, ok := a[s]; ok && at.Sub(x.at) < answerEvery {
			return true
		}
	}
	return false
}

// allows is the whole rule of how much we answer. What is confirmed to one who said STOP is the last word for a day, unless they
// said START since; that nobody reads here is said when nothing was said for a day.
func (a answers) allows(about string, at time.Time) bool {
	switch about {
	case AnswerStop, AnswerStart:
		return !a.within(at, about)
	case AnswerCancel:
		return !a.within(at, AnswerCancel) && (!a.within(at, AnswerStop) || a[AnswerStart].seq > a[AnswerStop].seq)
	}
	return !a.within(at, AnswerStop, AnswerStart, AnswerCancel, AnswerOther)
}

func (r *Replies) foldAnswer(seq uint64, b replyEntry) {
	a := r.answers[b.Address]
	if a == nil {
		a = answers{}
		r.answers[b.Address] = a
	}
	if a.allows(b.About, b.At) {
		a[b.About] = answered{b.At, seq}
	}
}

// Answer takes the leave to answer an address about something, and reports whether there was one. It is taken before the answer
// goes: one that then does not go is not made up for. Any error means that no answer may go.
func (r *Replies) Answer(ctx context.Context, to reminder.Address, about string) (bool, error) {
	hash := r.o.Pseudonyms.Address(to)
	now := r.o.Now()
	r.mu.Lock()
	ok := r.answers[hash].allows(about, now)
	r.mu.Unlock()
	if !ok {
		return false, nil
	}
	seq, err := r.append(ctx, replyEntry{Audit: Audit{At: now, Actor: "husk", Action: actionAnswered, Address: hash}, About: about})
	if err != nil {
		return false, err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.answers[hash][about].seq == seq, nil
}
