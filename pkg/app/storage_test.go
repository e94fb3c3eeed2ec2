package app

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"go.uber.org/zap"

	"github.com/husk-reminders/husk/pkg/config"
)

func TestAStreamThatCannotBeOpenedIsNotReplaced(t *testing.T) {
	c := config.Default()
	c.Data, c.Admin.Socket = t.TempDir(), filepath.Join(os.TempDir(), "unused.sock")
	c, err := c.Resolved()
	if err != nil {
		t.Fatal(err)
	}
	a, err := Open(t.Context(), Options{Config: c})
	if err != nil {
		t.Fatal(err)
	}
	a.Close()
	meta := filepath.Join(c.Data, "broker", "jetstream", "$G", "streams", "HUSK_KEYS", "meta.inf")
	good, err := os.ReadFile(meta)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(meta, good[:len(good)/2], 0o600); err != nil {
		t.Fatal(err)
	}
	if a, err := Open(t.Context(), Options{Config: c}); !errors.Is(err, ErrStreamLost) {
		t.Errorf("opened with a stream lost: %v", err)
		if err == nil {
			a.Close()
		}
	}
	if err := os.WriteFile(meta, good, 0o600); err != nil {
		t.Fatal(err)
	}
	if a, err = Open(t.Context(), Options{Config: c}); err != nil {
		t.Fatalf("after mending: %v", err)
	}
	a.Close()
}

func TestAWriteErrorOfTheBrokerIsHeard(t *testing.T) {
	l := &brokerLog{log: zap.NewNop(), lost: make(chan struct{})}
	b := &broker{lost: l.lost}
	l.Errorf("JetStream failed to store a msg on stream '%s > %s': %v", "$G", "HUSK_EVENTS", "maximum bytes exceeded")
	select {
	case <-l.lost:
		t.Fatal("a stream that is full by its own limit is taken for a lost one")
	default:
	}
	for range 2 {
		l.Errorf("Filestore [%s] Critical write error: %v", "HUSK_STOP", "no space left on device")
	}
	if err := b.watch(t.Context()); !errors.Is(err, errStorage) {
		t.Errorf("got %v", err)
	}
}
