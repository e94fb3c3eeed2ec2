package app

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"errors"
	"fmt"
	"strings"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/husk-reminders/husk/pkg/journal"
	"github.com/husk-reminders/husk/pkg/web"
)

// staffBucket holds what the staff API keeps: API keys, as keyed hashes, and wishes to resume. It is no part of the journal: nothing is
// folded from it, and what was done with it is in the audit.
const staffBucket = "husk_staff"

// shelf is the staff API's bucket.
type shelf struct{ kv jetstream.KeyValue }

var _ web.Shelf = (*shelf)(nil)

func openShelf(ctx context.Context, js jetstream.JetStream, replicas int) (*shelf, error) {
	kv, err := js.CreateOrUpdateKeyValue(ctx, jetstream.KeyValueConfig{Bucket: staffBucket, History: 1, Storage: jetstream.FileStorage, Replicas: max(replicas, 1)})
	if err != nil {
		return nil, fmt.Errorf("app: %s: %w", staffBucket, err)
	}
	return &shelf{kv}, nil
}

// Read implements web.Shelf.
func (s *shelf) Read(ctx context.Context, name string) ([]byte, uint64, error) {
	e, err := s.kv.Get(ctx, name)
	if err != nil {
		return nil, 0, shelfError(err)
	}
	return e.Value(), e.Revision(), nil
}

// List implements web.Shelf.
func (s *shelf) List(ctx context.Context, prefix string) (map[string][]byte, error) {
	w, err := s.kv.Watch(ctx, prefix+">", jetstream.IgnoreDeletes())
	if err != nil {
		return nil, shelfError(err)
	}
	defer func() { _ = w.Stop() }()
	all := map[string][]byte{}
	for {
		select {
		case e := <-w.Updates():
			if e == nil { // that was all there is
				return all, nil
			}
			all[strings.TrimPrefix(e.Key(), prefix)] = e.Value()
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// Write implements web.Shelf.
func (s *shelf) Write(ctx context.Context, name string, value []byte, revision uint64) error {
	var err error
	if revision == 0 {
		_, err = s.kv.Create(ctx, name, value)
	} else {
		_, err = s.kv.Update(ctx, name, value, revision)
	}
	return shelfError(err)
}

// Remove implements web.Shelf.
func (s *shelf) Remove(ctx context.Context, name string, revision uint64) error {
	return shelfError(s.kv.Delete(ctx, name, jetstream.LastRevision(revision)))
}

// shelfError is the broker's answer in the staff API's words.
func shelfError(err error) error {
	var api *jetstream.APIError
	switch {
	case err == nil:
		return nil
	case errors.Is(err, jetstream.ErrKeyNotFound):
		return web.ErrNotFound
	case errors.Is(err, jetstream.ErrKeyExists), errors.As(err, &api) && api.ErrorCode == jetstream.JSErrCodeStreamWrongLastSequence:
		return web.ErrRaced
	}
	return fmt.Errorf("app: %s: %w", staffBucket, err)
}

// apiSecret is what API keys are hashed with: it comes from the keyset, and tells nothing of it.
func apiSecret(k journal.Keyset) []byte {
	m := hmac.New(sha256.New, k.Pseudonym)
	_, _ = m.Write([]byte("husk api keys 1"))
	return m.Sum(nil)
}
