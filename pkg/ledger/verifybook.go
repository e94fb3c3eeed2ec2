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
		delete(v.owed, x)
	}
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

// Awaits reports whether a usable register of the country has yet to say whose the person's addresses are: it was not asked, did
// not answer, or what it said holds no longer. Then SweepAgain asks it.
func (v *Verification) Awaits(p reminder.PersonKey, c reminder.Country) bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	now := v.o.Ledger.o.Now()
	waits := false
	for _, r := range v.o.Registers {
		if r.Country != c || !r.Verifier.Fitness().Usable {
			continue
		}
		x := asked{p, methodOf(r)}
		if !v.owed[x] && now.Before(v.book[x]) {
			continue
		}
		waits = true
		if !v.owed[x] {
			v.tidy(now)
			v.book[x], v.owed[x] = now, true
		}
	}
	return waits
}

// tidy drops what is long past, when the book has grown: a process that does not sweep would else keep all that it waits for.
func (v *Verification) tidy(now time.Time) {
	if len(v.book) < v.full {
		return
	}
	maps.DeleteFunc(v.book, func(_ asked, at time.Time) bool { return now.Sub(at) > bookAge })
	maps.DeleteFunc(v.owed, func(x asked, _ bool) bool { _, ok := v.book[x]; return !ok })
	v.full = max(bookSize, 2*len(v.book))
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
	maps.DeleteFunc(v.book, func(x asked, at time.Time) bool { return !now.Before(at) })
	maps.DeleteFunc(v.owed, func(x asked, _ bool) bool { _, ok := v.book[x]; return !ok })
}
