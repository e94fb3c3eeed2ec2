package redis

import (
	"context"
	"errors"

	goredis "github.com/redis/go-redis/v9"
)

// Of names the streams that the store is the fold of, as Options.Streams does; "" when nothing is folded.
func (s *State) Of(ctx context.Context) (string, error) {
	of, err := s.client.Get(ctx, s.key(0, "streams")).Result()
	if errors.Is(err, goredis.Nil) {
		return "", nil
	}
	return of, failure(err)
}
