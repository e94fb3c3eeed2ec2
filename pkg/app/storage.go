package app

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/nats-io/nats.go/jetstream"
)

// leastRoom is how much room the broker gets before it is started. On a full disk it can't open the streams that are there,
// goes on without them, and would let new ones be made in their place.
const leastRoom = 8 << 20

// ErrNoRoom means that the disk is too full to open the data safely.
var ErrNoRoom = errors.New("app: data: the disk is full")

// ErrStreamLost means that the broker could not open a stream that is on disk.
var ErrStreamLost = errors.New("app: broker: a stream that is on disk can't be opened")

// room refuses to go on where the disk is full.
func room(dir string) error {
	// Where the free space is not known, it is not asked for.
	if free, err := Free(dir); err == nil && free < leastRoom {
		return fmt.Errorf("%w: %d KiB free where %s is: make room, at least %d MiB", ErrNoRoom, free>>10, dir, leastRoom>>20)
	}
	return nil
}

// whole refuses to go on when the broker has not opened every stream that its storage holds: whatever is missing would be
// made anew, empty, and its data lost. It runs before anything makes a stream.
func whole(ctx context.Context, js jetstream.JetStream, storage string) error {
	dirs, err := filepath.Glob(filepath.Join(storage, "jetstream", "*", "streams", "*"))
	if err != nil {
		return fmt.Errorf("app: broker: %w", err)
	}
	for _, dir := range dirs {
		if !holdsData(dir) {
			continue // a process died while it made the stream
		}
		name := filepath.Base(dir)
		_, err := js.Stream(ctx, name)
		if errors.Is(err, jetstream.ErrStreamNotFound) {
			return fmt.Errorf("%w: %s: nothing was changed; see the broker's warnings in the log, mend the disk or restore %s from its backup", ErrStreamLost, name, dir)
		}
		if err != nil {
			return fmt.Errorf("app: broker: stream %s: %w", name, err)
		}
	}
	return nil
}

// holdsData reports whether a stream's directory has a description or messages.
func holdsData(dir string) bool {
	if _, err := os.Stat(filepath.Join(dir, "meta.inf")); !errors.Is(err, fs.ErrNotExist) {
		return true
	}
	blocks, err := filepath.Glob(filepath.Join(dir, "msgs", "*.blk"))
	return err != nil || len(blocks) > 0
}
