package memory

import (
	"container/heap"
	"slices"
	"time"

	"github.com/husk-reminders/husk/pkg/reminder"
	"github.com/husk-reminders/husk/pkg/state"
)

// timeline orders what waits by time, one heap a list.
type timeline[K comparable] struct {
	lists map[string]*timeHeap[K]
	items map[K]*timed[K]
}

// ref names a reminder. An appointment that was given to another person has the same reminder with both.
type ref struct {
	person reminder.PersonKey
	id     reminder.ID
}

// entry is a person's on an agenda.
type entry struct {
	person reminder.PersonKey
	agenda state.Agenda
}

type timed[K comparable] struct {
	what K
	at   time.Time
	list string
	pos  int
}

type timeHeap[K comparable] []*timed[K]

func newTimeline[K comparable]() *timeline[K] {
	return &timeline[K]{lists: map[string]*timeHeap[K]{}, items: map[K]*timed[K]{}}
}

func (l *timeline[K]) put(list string, what K, at time.Time) {
	if it := l.items[what]; it != nil && it.list == list && it.at.Equal(at) {
		return
	}
	l.remove(what)
	h := l.lists[list]
	if h == nil {
		h = &timeHeap[K]{}
		l.lists[list] = h
	}
	it := &timed[K]{what: what, at: at, list: list}
	l.items[what] = it
	heap.Push(h, it)
}

func (l *timeline[K]) remove(what K) {
	if it := l.items[what]; it != nil {
		heap.Remove(l.lists[it.list], it.pos)
		delete(l.items, what)
	}
}

// first is when the first of a list is due; false when there is none.
func (l *timeline[K]) first(list string) (time.Time, bool) {
	if h := l.lists[list]; h != nil && h.Len() > 0 {
		return (*h)[0].at, true
	}
	return time.Time{}, false
}

// pop takes the first of a list that is not empty.
func (l *timeline[K]) pop(list string) K {
	it := heap.Pop(l.lists[list]).(*timed[K]) //nolint:forcetypeassert // nothing else is put there
	delete(l.items, it.what)
	return it.what
}

// firsts are the shards that have something on a route, and when the first of it is due. Nothing may be put there while it
// is used.
type firsts struct {
	route string
	heads []first
}

type first struct {
	due *timeline[ref]
	at  time.Time
}

func (s *State) firsts(route string) *firsts {
	f := &firsts{route: route, heads: make([]first, 0, reminder.Shards)}
	for n := range s.shards {
		due := s.shards[n].due
		if at, ok := due.first(route); ok {
			f.heads = append(f.heads, first{due, at})
		}
	}
	return f
}

// pop takes the first of all shards whose time has come.
func (f *firsts) pop(now time.Time) (x ref, ok bool) {
	best := -1
	for n := range f.heads {
		if best < 0 || f.heads[n].at.Before(f.heads[best].at) {
			best = n
		}
	}
	if best < 0 || f.heads[best].at.After(now) {
		return x, false
	}
	h := &f.heads[best]
	x = h.due.pop(f.route)
	if h.at, ok = h.due.first(f.route); !ok {
		f.heads = slices.Delete(f.heads, best, best+1)
	}
	return x, true
}

// pending counts what is due at now in all lists, and finds the next that is not.
func (l *timeline[K]) pending(now time.Time) (n int, next time.Time) {
	for _, h := range l.lists {
		h.walk(0, func(it *timed[K]) bool {
			if !it.at.After(now) {
				n++
				return true
			}
			if next.IsZero() || it.at.Before(next) {
				next = it.at
			}
			return false
		})
	}
	return n, next
}

// due are those of a list whose time has come.
func (l *timeline[K]) due(list string, come func(at time.Time) bool) (out []K) {
	if h := l.lists[list]; h != nil {
		h.walk(0, func(it *timed[K]) bool {
			if come(it.at) {
				out = append(out, it.what)
				return true
			}
			return false
		})
	}
	return out
}

// walk calls fn for item i and those below, which are later, unless fn says that these matter no more.
func (h timeHeap[K]) walk(i int, fn func(*timed[K]) bool) {
	if i < len(h) && fn(h[i]) {
		h.walk(2*i+1, fn)
		h.walk(2*i+2, fn)
	}
}

func (h timeHeap[K]) Len() int           { return len(h) }
func (h timeHeap[K]) Less(i, j int) bool { return h[i].at.Before(h[j].at) }
func (h timeHeap[K]) Swap(i, j int) {
	h[i], h[j] = h[j], h[i]
	h[i].pos, h[j].pos = i, j
}

// Push implements heap.Interface.
func (h *timeHeap[K]) Push(x any) {
	it := x.(*timed[K]) //nolint:forcetypeassert // nothing else is put there
	it.pos = len(*h)
	*h = append(*h, it)
}

// Pop implements heap.Interface.
func (h *timeHeap[K]) Pop() any {
	old := *h
	it := old[len(old)-1]
	old[len(old)-1] = nil
	*h = old[:len(old)-1]
	return it
}
