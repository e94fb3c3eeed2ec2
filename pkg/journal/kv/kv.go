// Package kv keeps what the journal's entries refer to by name: each version of a template, each state of the unit
// directory. A message that was sent can be rendered again as long as its version is kept.
//
// It guarantees that a key, once kept, keeps its value: versions are never overwritten. It must never hold personal data.
package kv

import (
	"context"
	"errors"
	"fmt"

	"github.com/nats-io/nats.go/jetstream"
)

// The buckets.
const (
	Templates = "husk_templates"
	Units     = "husk_units"
)

// ErrNotFound is returned for a key that was never kept.
var ErrNotFound = errors.New("kv: no such version")

// Store is one bucket.
type Store struct{ kv jetstream.KeyValue }

// Open makes the bucket if it is not there.
func Open(ctx context.Context, js jetstream.JetStream, bucket string, replicas int) (*Store, error) {
	kv, err := js.CreateOrUpdateKeyValue(ctx, jetstream.KeyValueConfig{Bucket: bucket, History: 1, Storage: jetstream.FileStorage, Replicas: max(replicas, 1)})
	if err != nil {
		return nil, fmt.Errorf("kv: bucket %s: %w", bucket, err)
	}
	return &Store{kv}, nil
}

// Keep keeps value under key, which holds of [-/_=.a-zA-Z0-9]. A key that is kept already stays as it is.
func (s *Store) Keep(ctx context.Context, key string, value []byte) error {
	if _, err := s.kv.Create(ctx, key, value); err != nil && !errors.Is(err, jetstream.ErrKeyExists) {
		return fmt.Errorf("kv: keep %s: %w", key, err)
	}
	return nil
}

// Get returns what is kept under key.
func (s *Store) Get(ctx context.Context, key string) ([]byte, error) {
	e, err := s.kv.Get(ctx, key)
	if errors.Is(err, jetstream.ErrKeyNotFound) {
		return nil, ErrNotFound
	}
	if err != nil {
		return nil, fmt.Errorf("kv: get %s: %w", key, err)
	}
	return e.Value(), nil
}
