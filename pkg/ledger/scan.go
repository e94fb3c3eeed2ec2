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

// first keeps, of all that it is shown, those that come first. While it has a most, held is a heap with the last of them on top.
type first[T any] struct {
	most int // 0 = all of them
	by   func(a, b *T) int
	held []T
}

// takes reports whether x would be kept.
func (f *first[T]) takes(x *T) bool {
	return f.most <= 0 || len(f.held) < f.most || f.by(x, &f.held[0]) < 0
}

// add keeps one that it takes.
func (f *first[T]) add(x T) {
	switch {
	case f.most <= 0:
		f.held = append(f.held, x)
	case len(f.held) < f.most:
		heap.Push(f, x)
	default:
		f.held[0] = x
		heap.Fix(f, 0)
	}
}

// sorted are those that were kept, in order. Nothing is added after it.
func (f *first[T]) sorted() []T {
	slices.SortFunc(f.held, func(a, b T) int { return f.by(&a, &b) })
	return f.held
}

// Len implements heap.Interface.
func (f *first[T]) Len() int { return len(f.held) }

// Less implements heap.Interface.
func (f *first[T]) Less(i, j int) bool { return f.by(&f.held[i], &f.held[j]) > 0 }

// Swap implements heap.Interface.
func (f *first[T]) Swap(i, j int) { f.held[i], f.held[j] = f.held[j], f.held[i] }

// Push implements heap.Interface.
func (f *first[T]) Push(x any) { f.held = append(f.held, x.(T)) } //nolint:forcetypeassert // only add pushes

// Pop implements heap.Interface.
func (f *first[T]) Pop() any {
	x := f.held[len(f.held)-1]
	f.held = f.held[:len(f.held)-1]
	return x
}

// found is a reminder with its appointment, as long as that is not unsealed.
type found struct {
	view   ReminderView
	sealed []byte
	opened bool
}

func byDue(a, b *found) int {
	return cmp.Or(a.view.Due.Compare(b.view.Due), cmp.Compare(a.view.ID, b.view.ID), cmp.Compare(a.view.Person, b.view.Person))
}

func byStart(a, b *Letter) int {
	return cmp.Or(a.Start.Compare(b.Start), cmp.Compare(a.Appointment, b.Appointment), cmp.Compare(a.System, b.System), cmp.Compare(a.Person, b.Person))
}
