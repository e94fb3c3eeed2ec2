package memory

import (
	"container/heap"
	"time"

	"github.com/husk-reminders/husk/pkg/reminder"
)

// dueIndex orders waiting reminders by time, one heap a route.
type dueIndex struct {
	routes map[string]*dueHeap
	items  map[ref]*dueItem
}

// ref names a reminder. An appointment that was given to another person has the same reminder with both.
type ref struct {
	person reminder.PersonKey
	id     reminder.ID
}

type dueItem struct {
	ref   ref
	at    time.Time
	route string
	pos   int
}

type dueHeap []*dueItem

func newDueIndex() *dueIndex {
	return &dueIndex{routes: map[string]*dueHeap{}, items: map[ref]*dueItem{}}
}

func (d *dueIndex) put(route string, r ref, at time.Time) {
	d.remove(r)
	h := d.routes[route]
	if h == nil {
		h = &dueHeap{}
		d.routes[route] = h
	}
	it := &dueItem{ref: r, at: at, route: route}
	d.items[r] = it
	heap.Push(h, it)
}

func (d *dueIndex) remove(r ref) {
	if it := d.items[r]; it != nil {
		heap.Remove(d.routes[it.route], it.pos)
		delete(d.items, r)
	}
}

// pop takes the first of a route that is due at now.
func (d *dueIndex) pop(route string, now time.Time) (ref, bool) {
	h := d.routes[route]
	if h == nil || h.Len() == 0 || (*h)[0].at.After(now) {
		return ref{}, false
	}
	it := heap.Pop(h).(*dueItem)
	delete(d.items, it.ref)
	return it.ref, true
}

// pending counts what is due at now, and finds the next that is not.
func (d *dueIndex) pending(now time.Time) (n int, next time.Time) {
	for _, h := range d.routes {
		n += h.pending(0, now, &next)
	}
	return n, next
}

func (h dueHeap) pending(i int, now time.Time, next *time.Time) int {
	if i >= len(h) {
		return 0
	}
	if at := h[i].at; at.After(now) {
		if next.IsZero() || at.Before(*next) {
			*next = at
		}
		return 0 // everything below is later still
	}
	return 1 + h.pending(2*i+1, now, next) + h.pending(2*i+2, now, next)
}

func (h dueHeap) Len() int           { return len(h) }
func (h dueHeap) Less(i, j int) bool { return h[i].at.Before(h[j].at) }
func (h dueHeap) Swap(i, j int) {
	h[i], h[j] = h[j], h[i]
	h[i].pos, h[j].pos = i, j
}

// Push implements heap.Interface.
func (h *dueHeap) Push(x any) {
	it := x.(*dueItem)
	it.pos = len(*h)
	*h = append(*h, it)
}

// Pop implements heap.Interface.
func (h *dueHeap) Pop() any {
	old := *h
	it := old[len(old)-1]
	old[len(old)-1] = nil
	*h = old[:len(old)-1]
	return it
}
