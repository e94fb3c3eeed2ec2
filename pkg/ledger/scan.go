package ledger

import (
	"cmp"
	"container/heap"
	"context"
	"errors"
	"fmt"
	"slices"
)

// scansAtOnce is how many lists are made of everybody's at once: each takes memory for what it finds, and time of everybody else's.
const scansAtOnce = 2

// ErrBusy means that others' lists were being made until the caller's time was over.
var ErrBusy = errors.New("ledger: other lists are being made")

// scan waits for a turn to look through everybody. The caller calls leave when its list is made.
func (l *Ledger) scan(ctx context.Context) (leave func(), err error) {
	select {
	case l.scans <- struct{}{}:
		return func() { <-l.scans }, nil
	case <-ctx.Done():
		return nil, fmt.Errorf("%w: %w", ErrBusy, ctx.Err())
	}
}

// first keeps, of all reminders that it is shown, those that are due first.
type first struct {
	most int // 0 = all of them
	held waiting
}

// takes reports whether one with these would be kept.
func (f *first) takes(v *ReminderView) bool {
	return f.most <= 0 || len(f.held) < f.most || byDue(v, &f.held[0].view) < 0
}

func (f *first) add(x found) {
	switch {
	case f.most <= 0:
		f.held = append(f.held, x)
	case len(f.held) < f.most:
		heap.Push(&f.held, x)
	default:
		f.held[0] = x
		heap.Fix(&f.held, 0)
	}
}

// sorted are those that were kept, the earliest due first.
func (f *first) sorted() []found {
	slices.SortFunc(f.held, func(a, b found) int { return byDue(&a.view, &b.view) })
	return f.held
}

// found is a reminder with its appointment, as long as that is not unsealed.
type found struct {
	view   ReminderView
	sealed []byte
	opened bool
}

func byDue(a, b *ReminderView) int {
	return cmp.Or(a.Due.Compare(b.Due), cmp.Compare(a.ID, b.ID), cmp.Compare(a.Person, b.Person))
}

// waiting is a heap with the one that is due last on top.
type waiting []found

// Len implements heap.Interface.
func (w waiting) Len() int { return len(w) }

// Less implements heap.Interface.
func (w waiting) Less(i, j int) bool { return byDue(&w[i].view, &w[j].view) > 0 }

// Swap implements heap.Interface.
func (w waiting) Swap(i, j int) { w[i], w[j] = w[j], w[i] }

// Push implements heap.Interface.
func (w *waiting) Push(x any) { *w = append(*w, x.(found)) } //nolint:forcetypeassert,errcheck // only first pushes

// Pop implements heap.Interface.
func (w *waiting) Pop() any {
	old := *w
	x := old[len(old)-1]
	*w = old[:len(old)-1]
	return x
}
