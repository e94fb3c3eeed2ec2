package bench

import (
	"context"
	"errors"
	"io"
	"runtime"

	"github.com/husk-reminders/husk/pkg/ledger"
	"github.com/husk-reminders/husk/pkg/state"
	"github.com/husk-reminders/husk/pkg/state/memory"
)

// measureSize sets size to what the state takes, in bytes; 0 where it can't be told.
func (r *run) measureSize(ctx context.Context, size *float64) (err error) {
	switch {
	case r.Mode == Embedded:
		*size, err = sizeOf(r.line.State)
	case r.Redis == "" || r.Redis == r.config.Redis.URL.Reveal():
		*size, err = r.usedMemory(ctx)
	}
	return err
}

// sizeOf is how many bytes of heap a state takes. A copy of it is made and let go: around the state itself the broker's
// caches come and go.
func sizeOf(s state.State) (float64, error) {
	from, ok := s.(ledger.Snapshotter)
	if !ok {
		return 0, errors.New("this state can't be copied")
	}
	with, err := heapWithCopy(from)
	return with - heap(), err
}

func heapWithCopy(s ledger.Snapshotter) (float64, error) {
	c, err := copyOf(s)
	size := heap()
	runtime.KeepAlive(c)
	return size, err
}

func copyOf(s ledger.Snapshotter) (*memory.State, error) {
	r, w := io.Pipe()
	go func() { _ = w.CloseWithError(s.Snapshot(w)) }()
	c := memory.New()
	err := c.Restore(r)
	_ = r.CloseWithError(err) // also ends a Snapshot that is not read to its end
	return c, err
}

// heap is what is reachable, in bytes.
func heap() float64 {
	runtime.GC()
	runtime.GC() // what had a finalizer goes with the second
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return float64(m.HeapAlloc)
}
