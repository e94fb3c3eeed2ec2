package redis

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	goredis "github.com/redis/go-redis/v9"
)

// ErrUnfit is what Check says of a Redis that Husk must not run on.
var ErrUnfit = errors.New("redis: unfit")

func unfit(text string) error { return fmt.Errorf("%w: %s", ErrUnfit, text) }

// ErrLoading is what Check says of a Redis that is reading its files after a start: what it says of itself is not so yet.
var ErrLoading = errors.New("redis: it is reading its files")

// Check refuses a Redis that may evict, that keeps no append-only file, that is older than 7 (which copies scripts to
// replicas), or that is a replica. It needs the command INFO, and of a Cluster asks every master.
func Check(ctx context.Context, client goredis.UniversalClient) error {
	return masters(ctx, client, func(ctx context.Context, c goredis.UniversalClient) error {
		if err := isMaster(ctx, c); err != nil {
			return err
		}
		about := map[string]string{}
		for _, section := range []string{"server", "memory", "persistence"} {
			if err := info(ctx, c, section, about); err != nil {
				return err
			}
		}
		if about["loading"] == "1" {
			return ErrLoading
		}
		major, _, _ := strings.Cut(about["redis_version"], ".")
		if n, err := strconv.Atoi(major); err != nil || n < 7 {
			return unfit("its version is " + strconv.Quote(about["redis_version"]) + ": want 7.0 or later")
		}
		if p := about["maxmemory_policy"]; p != "noeviction" {
			return unfit("it may evict keys: set maxmemory-policy noeviction; it is " + strconv.Quote(p))
		}
		if about["aof_enabled"] != "1" {
			return unfit("it keeps no append-only file: set appendonly yes")
		}
		return nil
	})
}

func isMaster(ctx context.Context, c goredis.UniversalClient) error {
	about := map[string]string{}
	if err := info(ctx, c, "replication", about); err != nil {
		return err
	}
	if about["role"] != "master" {
		return unfit("it is a replica: want the master's address, or Sentinel's")
	}
	return nil
}

// info reads one section of what a server says of itself.
func info(ctx context.Context, c goredis.UniversalClient, section string, into map[string]string) error {
	said, err := c.Info(ctx, section).Result()
	if err != nil {
		return failure(err)
	}
	for line := range strings.Lines(said) {
		if k, v, ok := strings.Cut(strings.TrimSpace(line), ":"); ok {
			into[k] = v
		}
	}
	return nil
}
