package ledger

import (
	"maps"
	"time"

	"github.com/husk-reminders/husk/pkg/contact"
	"github.com/husk-reminders/husk/pkg/reminder"
	"github.com/husk-reminders/husk/pkg/state"
)

// The book of a Verification is in memory: a restart forgets it, and the next sweep asks anew.

// note remembers until when the answers hold, and when to ask again.
func (v *Verification) note(method string, persons []state.Person, answers []contact.Answer) {
	v.mu.Lock()
	defer v.mu.Unlock()
	for i, a := range answers {
		x := asked{persons[i].Key, method}
		if a.Verdict == contact.Unknown {
			v.book[x], v.owed[x] = a.Retry, true
			continue
		}
		v.book[x] = a.Until
		v.unowe(x)
	}
}

// unowe takes it that nobody waits for a register's word about a person any more. The lock is held.
func (v *Verification) unowe(x asked) {
	delete(v.owed, x)
	delete(v.since, x)
}

// unasked notes of persons about whom a register was to be asked, and can't be, that it will not speak: what waits for it is decided
// without it.
func (v *Verification) unasked(method string, keys []reminder.PersonKey) {
	v.mu.Lock()
	defer v.mu.Unlock()
	until := v.o.Ledger.o.Now().Add(unaskable)
	for _, k := range keys {
		if x := (asked{k, method}); v.owed[x] {
			v.book[x] = until
			v.unowe(x)
		}
	}
}

// unaskable is how long it holds that there is no national id to ask a register by.
const unaskable = time.Hour

// awaited are those of persons for whom a decision waits on a register's word.
func (v *Verification) awaited(method string, persons []state.Person) []bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	out := make([]bool, len(persons))
	for i, p := range persons {
		_, out[i] = v.since[asked{p.Key, method}]
	}
	return out
}

// spare is how long an answer must hold yet for a sweep to be content with it: with a sweep a day and answers that hold for a day
// it is asked anew each day.
const spare = 12 * time.Hour

// free reports whether what was said of the person holds no longer, or not for long. Who is owed an answer has a time of their own.
func (v *Verification) free(x asked) bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	now := v.o.Ledger.o.Now()
	if !v.owed[x] {
		now = now.Add(spare)
	}
	return !now.Before(v.book[x])
}

// Awaits names the usable register of the country, by its method, that has yet to say whose the person's addresses are, and since when
// it is waited for; "" = none. It was not asked, did not answer, or what it said holds no longer. Then SweepAgain asks it. Of several
// it is the one waited for longest.
func (v *Verification) Awaits(p reminder.PersonKey, c reminder.Country) (method string, since time.Time) {
	v.mu.Lock()
	defer v.mu.Unlock()
	now := v.o.Ledger.o.Now()
	for _, r := range v.o.Registers {
		if r.Country != c || !r.Verifier.Fitness().Usable {
			continue
		}
		x := asked{p, methodOf(r)}
		if !v.owed[x] && now.Before(v.book[x]) {
			continue
		}
		if !v.owed[x] {
			v.tidy(now)
			v.book[x], v.owed[x] = now, true
		}
		if v.since[x].IsZero() {
			v.since[x] = now
		}
		if method == "" || v.since[x].Before(since) {
			method, since = x.method, v.since[x]
		}
	}
	return method, since
}

// tidy drops what is long past, when the book has grown: a process that does not sweep would else keep all that it waits for.
func (v *Verification) tidy(now time.Time) {
	if len(v.book) < v.full {
		return
	}
	maps.DeleteFunc(v.book, func(_ asked, at time.Time) bool { return now.Sub(at) > bookAge })
	v.clean()
	v.full = max(bookSize, 2*len(v.book))
}

// clean drops what the book no longer has. The lock is held.
func (v *Verification) clean() {
	maps.DeleteFunc(v.owed, func(x asked, _ bool) bool { _, ok := v.book[x]; return !ok })
	maps.DeleteFunc(v.since, func(x asked, _ time.Time) bool { return !v.owed[x] })
}

// How long ago somebody may have been owed an answer, and how many the book holds before it is tidied.
const (
	bookAge  = time.Hour
	bookSize = 10_000
)

// due are those who are to be asked about again now.
func (v *Verification) due() map[asked]bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	now := v.o.Ledger.o.Now()
	out := map[asked]bool{}
	for x := range v.owed {
		if !now.Before(v.book[x]) {
			out[x] = true
		}
	}
	return out
}

// forget drops what holds no longer; who is owed an answer is found anew by the sweep that calls it.
func (v *Verification) forget() {
	v.mu.Lock()
	defer v.mu.Unlock()
	now := v.o.Ledger.o.Now()
	maps.DeleteFunc(v.book, func(_ asked, at time.Time) bool { return !now.Before(at) })
	v.clean()
}
