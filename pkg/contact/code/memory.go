package code

import (
	"bytes"
	"context"
	"sync"
	"time"
)

// Memory is a Store in the process: for one process alone, as beside the embedded broker. A restart forgets it: then open
// codes are void, and the limits begin anew.
type Memory struct {
	mu       sync.Mutex
	revision uint64
	entries  map[string]memoryEntry
}

type memoryEntry struct {
	value    []byte
	revision uint64
	until    time.Time
}

var _ Store = (*Memory)(nil)

// NewMemory is an empty store.
func NewMemory() *Memory { return &Memory{entries: map[string]memoryEntry{}} }

// Get implements Store.
func (m *Memory) Get(_ context.Context, key string) ([]byte, uint64, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	e := m.entries[key]
	return bytes.Clone(e.value), e.revision, nil
}

// Put implements Store.
func (m *Memory) Put(_ context.Context, key string, value []byte, revision uint64, until time.Time) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.entries[key].revision != revision {
		return ErrConflict
	}
	m.revision++
	m.entries[key] = memoryEntry{bytes.Clone(value), m.revision, until}
	return nil
}

// Sweep forgets what need not be kept any longer, and says how many entries are left.
func (m *Memory) Sweep(now time.Time) int {
	m.mu.Lock()
	defer m.mu.Unlock()
	for k, e := range m.entries {
		if now.After(e.until) {
			delete(m.entries, k)
		}
	}
	return len(m.entries)
}
