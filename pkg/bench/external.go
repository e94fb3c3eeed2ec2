package bench

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/husk-reminders/husk/pkg/config"
	"github.com/husk-reminders/husk/pkg/journal"
)

// ErrInUse means that the broker of external mode holds somebody's data.
var ErrInUse = errors.New("nats.url: this broker holds data of Husk already: measure on one that holds nothing")

// dialNATS connects to the broker of external mode.
func dialNATS(c config.NATS) (*nats.Conn, error) {
	o := []nats.Option{nats.Name("husk-bench"), nats.MaxReconnects(-1), nats.Timeout(5 * time.Second)}
	if c.Creds != "" {
		o = append(o, nats.UserCredentials(c.Creds))
	}
	if c.TLS.CA != "" {
		o = append(o, nats.RootCAs(c.TLS.CA))
	}
	if c.TLS.Cert != "" {
		o = append(o, nats.ClientCert(c.TLS.Cert, c.TLS.Key))
	}
	nc, err := nats.Connect(c.URL.Reveal(), o...)
	if err != nil {
		return nil, errors.New("nats.url: the broker does not answer") // the library's error may quote the URL
	}
	return nc, nil
}

// ours reports whether a stream of the broker is one of Husk's.
func ours(stream string) bool {
	return strings.HasPrefix(stream, "HUSK_") || strings.HasPrefix(stream, "KV_husk_")
}

// unclaimed makes sure that the broker is nobody else's: the streams of Husk hold nothing, and never did.
func (r *run) unclaimed(ctx context.Context) error {
	js, err := jetstream.New(r.nc)
	if err != nil {
		return err
	}
	streams := js.ListStreams(ctx)
	for i := range streams.Info() {
		if ours(i.Config.Name) && !strings.HasPrefix(i.Config.Name, bareStreams) && i.State.LastSeq > 0 {
			return fmt.Errorf("%w (%s)", ErrInUse, i.Config.Name)
		}
	}
	if err := streams.Err(); err != nil {
		return fmt.Errorf("nats.url: %w", err)
	}
	r.claimed = true
	return nil
}

// writeKeys makes the keyset, which a process that shares a broker does not make by itself.
func (r *run) writeKeys() error {
	if err := os.MkdirAll(filepath.Dir(r.config.Keys.File), 0o700); err != nil {
		return err
	}
	return journal.NewKeyset().Write(r.config.Keys.File)
}

// empty takes the state's keys out of the store of external mode.
func (r *run) empty() error {
	r.line.halt()
	c, ok := r.line.State.(interface{ Clear(context.Context) error })
	if !ok {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	return c.Clear(ctx)
}

// leave takes our streams out of a broker of external mode that is not our own.
func (r *run) leave(ctx context.Context) error {
	if !r.claimed || r.broker != nil {
		return nil
	}
	var err error
	names := r.bare.js.StreamNames(ctx)
	for name := range names.Name() {
		if ours(name) {
			err = errors.Join(err, r.bare.js.DeleteStream(ctx, name))
		}
	}
	return errors.Join(err, names.Err())
}

// usedMemory is what a Redis says it uses, in bytes.
func (r *run) usedMemory(ctx context.Context) (float64, error) {
	info, err := r.store.Info(ctx, "memory").Result()
	if err != nil {
		return 0, fmt.Errorf("redis: %w", err)
	}
	for line := range strings.Lines(info) {
		if v, ok := strings.CutPrefix(strings.TrimSpace(line), "used_memory:"); ok {
			return strconv.ParseFloat(v, 64)
		}
	}
	return 0, errors.New("redis: it does not say how much memory it uses")
}
