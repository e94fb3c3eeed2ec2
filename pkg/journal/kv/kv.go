// Package kv keeps what the journal's entries refer to by name: each version of a template, each state of the unit
// directory. A message that was sent can be rendered again as long as its version is kept.
//
// It guarantees that a key, once kept, keeps its value: versions are never overwritten. Records, of whom each version is and which
// is live, are written over the revision that was read, or not at all. It must never hold personal data.
package kv

import (
	"context"
	"errors"
	"fmt"
	"strings"

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

// Records are values that change, beside the versions, which don't. Their keys begin with a word and a dot, which no version's does.

// ErrRaced means that somebody else has written the key since it was read.
var ErrRaced = errors.New("kv: somebody else has written it since")

// Read returns a record and its revision; ErrNotFound when there is none.
func (s *Store) Read(ctx context.Context, key string) ([]byte, uint64, error) {
	e, err := s.kv.Get(ctx, key)
	if errors.Is(err, jetstream.ErrKeyNotFound) {
		return nil, 0, ErrNotFound
	}
	if err != nil {
		return nil, 0, fmt.Errorf("kv: read %s: %w", key, err)
	}
	return e.Value(), e.Revision(), nil
}

// Write puts a record in the place of a revision, 0 = of none. ErrRaced when another is there.
func (s *Store) Write(ctx context.Context, key string, value []byte, revision uint64) error {
	var err error
	if revision == 0 {
		_, err = s.kv.Create(ctx, key, value)
	} else {
		_, err = s.kv.Update(ctx, key, value, revision)
	}
	var api *jetstream.APIError
	if errors.Is(err, jetstream.ErrKeyExists) || errors.As(err, &api) && api.ErrorCode == jetstream.JSErrCodeStreamWrongLastSequence {
		return ErrRaced
	}
	if err != nil {
		return fmt.Errorf("kv: write %s: %w", key, err)
	}
	return nil
}

// List returns all records whose keys begin with prefix, which ends in a dot, by the rest of their keys.
func (s *Store) List(ctx context.Context, prefix string) (map[string][]byte, error) {
	w, err := s.kv.Watch(ctx, prefix+">", jetstream.IgnoreDeletes())
	if err != nil {
		return nil, fmt.Errorf("kv: list %s: %w", prefix, err)
	}
	defer func() { _ = w.Stop() }()
	all := map[string][]byte{}
	for {
		select {
		case e, ok := <-w.Updates():
			if !ok {
				return nil, fmt.Errorf("kv: list %s: the broker ended it", prefix)
			}
			if e == nil { // that was all there is
				return all, nil
			}
			all[strings.TrimPrefix(e.Key(), prefix)] = e.Value()
		case <-ctx.Done():
			return nil, fmt.Errorf("kv: list %s: %w", prefix, ctx.Err())
		}
	}
}

// Last is a number that grows with each write to the bucket: as long as it stays, nothing has changed.
func (s *Store) Last(ctx context.Context) (uint64, error) {
	st, err := s.kv.Status(ctx)
	if err != nil {
		return 0, fmt.Errorf("kv: %w", err)
	}
	b, ok := st.(*jetstream.KeyValueBucketStatus)
	if !ok {
		return 0, errors.New("kv: the bucket does not tell its last revision")
	}
	return b.StreamInfo().State.LastSeq, nil
}
