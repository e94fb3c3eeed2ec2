package web

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/husk-reminders/husk/pkg/contact"
	"github.com/husk-reminders/husk/pkg/reminder"
)

// DefaultUnmaskRate is how many addresses one caller may be shown in full within an hour, in one process, where Options.UnmaskRate does
// not say otherwise: enough for a desk that rings patients, too few to copy a register out.
const DefaultUnmaskRate = 30

// Unmask is what POST /v1/persons/{key}/unmask takes.
type Unmask struct {
	Hash   reminder.AddressHash `json:"hash"`   // of the address, as the person's listing shows it
	Reason string               `json:"reason"` // for the audit
}

// Unmasked answers it. It is for the eyes of the one who asked: nothing keeps it.
type Unmasked struct {
	Channel reminder.Channel `json:"channel"`
	Address string           `json:"address"`
}

type unmaskInput struct {
	Key  string `path:"key" pattern:"^[1-9]-[0-9a-f]{32}$" patternDescription:"a person key; POST /v1/persons/key makes one of a national id"`
	Body Unmask
}

// unmask shows one address in full. The attempt is in the audit, and counts, whatever it comes to.
func (a *API) unmask(ctx context.Context, c *caller, in *unmaskInput) (Unmasked, error) {
	key, q, none := reminder.PersonKey(in.Key), in.Body, Unmasked{}
	if !idRE.MatchString(string(q.Hash)) {
		return none, want("hash", "the address's hash, as the person's listing shows it")
	}
	reason, err := reasonOf(q.Reason, true)
	if err != nil {
		return none, err
	}
	if err := a.audit(ctx, c, ofPerson(key), "address.unmask", key, q.Hash, reason); err != nil {
		return none, err
	}
	if wait := a.unmasked.take(c.self, a.o.Now()); wait > 0 {
		return none, &Error{
			code: http.StatusTooManyRequests, retry: wait,
			Text: fmt.Sprintf("%d addresses within an hour are shown to one caller: wait %s", a.unmasked.most, wait.Round(time.Second)),
		}
	}
	found, err := a.o.Ledger.People(ctx, []reminder.PersonKey{key})
	if err != nil {
		return none, err
	}
	i := slices.IndexFunc(found[0].Contact, func(r contact.Record) bool { return r.Hash == q.Hash && r.Address.Reveal() != "" })
	if i < 0 {
		return none, ErrNotFound
	}
	address := found[0].Contact[i].Address
	return Unmasked{address.Channel, address.Reveal()}, nil
}

// hourly lets each of many names through so many times within any hour.
type hourly struct {
	most int

	mu   sync.Mutex
	took map[string][]time.Time
}

func newHourly(most int) *hourly { return &hourly{most: most, took: map[string][]time.Time{}} }

// forget takes back that a name was let through.
func (h *hourly) forget(name string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if at := h.took[name]; len(at) > 0 {
		h.took[name] = at[:len(at)-1]
	}
}

// take returns zero, or how long the name must wait.
func (h *hourly) take(name string, now time.Time) time.Duration {
	h.mu.Lock()
	defer h.mu.Unlock()
	old := func(at time.Time) bool { return !at.After(now.Add(-time.Hour)) }
	for n, at := range h.took {
		if at = slices.DeleteFunc(at, old); len(at) == 0 {
			delete(h.took, n)
		} else {
			h.took[n] = at
		}
	}
	at := h.took[name]
	if len(at) >= h.most {
		return max(at[len(at)-h.most].Add(time.Hour).Sub(now), time.Second)
	}
	h.took[name] = append(at, now)
	return 0
}
