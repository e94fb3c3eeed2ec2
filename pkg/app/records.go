package app

import (
	"context"
	"errors"
	"fmt"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/husk-reminders/husk/pkg/consent"
	"github.com/husk-reminders/husk/pkg/ledger"
	"github.com/husk-reminders/husk/pkg/web"
)

// records lets the staff API ask the ledger about whole records.
type records struct{ *ledger.Ledger }

var _ web.Records = records{}

// Forget implements web.Records.
func (r records) Forget(ctx context.Context, holder string) error {
	return webError(r.Ledger.Forget(ctx, holder))
}

// proofYears is how long a word must be provable after it ended: as the pack says that it was asked for under, else the one in force
// where the installation is. Where there is none, the longest that any pack asks.
func (a *App) proofYears(r consent.Record) int {
	longest := 0
	for _, p := range a.Packs.Packs() {
		if r.Pack.ID != "" && p.ID == r.Pack.ID {
			return p.ProofYears
		}
		longest = max(longest, p.ProofYears)
	}
	if p, ok := a.Packs.For(a.country(), a.Now()); ok {
		return p.ProofYears
	}
	return longest
}

// marksBucket holds how far something has come that may be broken off: nothing is folded from it.
const marksBucket = "husk_marks"

// marks is that bucket.
type marks struct{ kv jetstream.KeyValue }

var _ ledger.Marks = (*marks)(nil)

func openMarks(ctx context.Context, js jetstream.JetStream, replicas int) (*marks, error) {
	kv, err := js.CreateOrUpdateKeyValue(ctx, jetstream.KeyValueConfig{Bucket: marksBucket, History: 1, Storage: jetstream.FileStorage, Replicas: max(replicas, 1)})
	if err != nil {
		return nil, fmt.Errorf("app: %s: %w", marksBucket, err)
	}
	return &marks{kv}, nil
}

// Mark implements ledger.Marks.
func (m *marks) Mark(ctx context.Context, name string) (string, error) {
	e, err := m.kv.Get(ctx, name)
	if errors.Is(err, jetstream.ErrKeyNotFound) {
		return "", nil
	}
	if err != nil {
		return "", fmt.Errorf("app: %s: %w", marksBucket, err)
	}
	return string(e.Value()), nil
}

// SetMark implements ledger.Marks.
func (m *marks) SetMark(ctx context.Context, name, value string) error {
	var err error
	if value == "" {
		err = m.kv.Delete(ctx, name)
	} else {
		_, err = m.kv.PutString(ctx, name, value)
	}
	if err != nil {
		return fmt.Errorf("app: %s: %w", marksBucket, err)
	}
	return nil
}
