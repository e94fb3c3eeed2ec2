package app

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	goredis "github.com/redis/go-redis/v9"
	"go.uber.org/zap"

	"github.com/husk-reminders/husk/pkg/config"
	"github.com/husk-reminders/husk/pkg/journal"
	"github.com/husk-reminders/husk/pkg/ledger"
	"github.com/husk-reminders/husk/pkg/state/redis"
)

// ErrUnreachable means that the broker or the store does not answer; it may later.
var ErrUnreachable = errors.New("app: not reachable")

// passing reports whether an error is of a broker or store that is away or not ready, and may come back.
func passing(err error) bool {
	for _, e := range []error{
		context.DeadlineExceeded, io.EOF, nats.ErrTimeout, nats.ErrNoResponders, nats.ErrConnectionClosed, nats.ErrDisconnected, nats.ErrConnectionReconnecting,
		jetstream.ErrNoStreamResponse, jetstream.ErrJetStreamNotEnabled, journal.ErrRefused, journal.ErrUncertain, journal.ErrDisconnected, redis.ErrLoading,
	} {
		if errors.Is(err, e) {
			return true
		}
	}
	var line *net.OpError
	var broker *jetstream.APIError
	var store goredis.Error
	switch {
	case errors.As(err, &line):
		return true
	case errors.As(err, &broker):
		return broker.Code == http.StatusServiceUnavailable
	case errors.As(err, &store):
		first, _, _ := strings.Cut(store.Error(), " ")
		return slices.Contains([]string{"LOADING", "MASTERDOWN", "READONLY", "CLUSTERDOWN", "TRYAGAIN"}, first)
	}
	return false
}

// oldestBroker is the first version of NATS that takes atomic batches.
const oldestBroker = "2.12.0"

// dialWait is how long a server may take to answer.
const dialWait = 5 * time.Second

// connectBroker connects to the broker of nats.url. The connection mends itself; while it is down nothing is kept for later:
// what is written then is refused at once.
func connectBroker(c config.NATS, log *zap.Logger) (*broker, error) {
	o := []nats.Option{
		nats.Name("husk"), nats.MaxReconnects(-1), nats.ReconnectWait(200 * time.Millisecond), nats.ReconnectJitter(100*time.Millisecond, 300*time.Millisecond),
		nats.ReconnectBufSize(-1), nats.Timeout(dialWait), nats.PingInterval(2 * time.Second), nats.MaxPingsOutstanding(2),
		// A broker that refuses the password twice is asked again all the same: somebody may be changing it, there or here.
		nats.IgnoreAuthErrorAbort(),
		nats.DisconnectErrHandler(func(_ *nats.Conn, err error) {
			if err != nil {
				log.Warn("the connection to the broker is lost", zap.Error(err))
			}
		}),
		nats.ReconnectHandler(func(*nats.Conn) { log.Info("connected to the broker again") }),
		nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) {
			log.Warn("the broker complains", zap.Error(complaint(err)))
		}),
	}
	if c.Creds != "" {
		if _, err := os.Stat(c.Creds); err != nil {
			return nil, fmt.Errorf("app: nats.creds: %w", err)
		}
		o = append(o, nats.UserCredentials(c.Creds))
	}
	if c.TLS != (config.TLS{}) {
		t, err := tlsConfig("nats.tls", c.TLS)
		if err != nil {
			return nil, err
		}
		o = append(o, nats.Secure(t))
	}
	nc, err := nats.Connect(c.URL.Reveal(), o...)
	if err != nil {
		// The library's error may quote the URL, and with it the password.
		return nil, fmt.Errorf("%w: nats.url: %s", ErrUnreachable, withoutURL(err))
	}
	if v := nc.ConnectedServerVersion(); !atLeast(v, oldestBroker) {
		nc.Close()
		return nil, fmt.Errorf("app: nats.url: NATS server %s: want %s or later", v, oldestBroker)
	}
	return &broker{nc: nc}, nil
}

// complaint is an error of the broker without the subject it quotes, which a booking system may have chosen.
func complaint(err error) error {
	for _, known := range []error{nats.ErrPermissionViolation, nats.ErrSlowConsumer, nats.ErrAuthorization, nats.ErrAuthExpired, nats.ErrAuthRevoked} {
		if errors.Is(err, known) {
			return known
		}
	}
	return errors.New("see the broker's own log")
}

// withoutURL is an error's text without what it quotes of a URL.
func withoutURL(err error) string {
	var u *url.Error
	if errors.As(err, &u) {
		return u.Err.Error()
	}
	return err.Error()
}

// atLeast compares versions such as 2.12.1-beta.
func atLeast(v, least string) bool {
	var a, b [3]int
	if n, _ := fmt.Sscanf(v, "%d.%d.%d", &a[0], &a[1], &a[2]); n < 2 {
		return false
	}
	_, _ = fmt.Sscanf(least, "%d.%d.%d", &b[0], &b[1], &b[2])
	for i := range a {
		if a[i] != b[i] {
			return a[i] > b[i]
		}
	}
	return true
}

// tlsConfig reads the files of a connection.
func tlsConfig(section string, c config.TLS) (*tls.Config, error) {
	t := &tls.Config{MinVersion: tls.VersionTLS12}
	if c.CA != "" {
		pem, err := os.ReadFile(c.CA)
		if err != nil {
			return nil, fmt.Errorf("app: %s.ca: %w", section, err)
		}
		t.RootCAs = x509.NewCertPool()
		if !t.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("app: %s.ca: %s holds no certificate in PEM", section, c.CA)
		}
	}
	if c.Cert != "" {
		pair, err := tls.LoadX509KeyPair(c.Cert, c.Key)
		if err != nil {
			return nil, fmt.Errorf("app: %s.cert, %s.key: %w", section, section, err)
		}
		t.Certificates = []tls.Certificate{pair}
	}
	return t, nil
}

// connectStore connects to the store of redis.url, and refuses one that may forget.
func connectStore(ctx context.Context, c config.Redis, log *zap.Logger) (goredis.UniversalClient, error) {
	goredis.SetLogger(storeLog{log.Sugar()})
	client, err := storeClient(c)
	if err != nil {
		return nil, err
	}
	err = redis.Check(ctx, client)
	if err == nil {
		return client, nil
	}
	_ = client.Close()
	if errors.Is(err, redis.ErrUnfit) {
		return nil, fmt.Errorf("app: redis.url: %w", err)
	}
	return nil, fmt.Errorf("%w: redis.url: %w", ErrUnreachable, err)
}

// storeLog takes what the library logs of connections.
type storeLog struct{ log *zap.SugaredLogger }

func (l storeLog) Printf(_ context.Context, format string, v ...any) { l.log.Debugf(format, v...) }

func storeClient(c config.Redis) (goredis.UniversalClient, error) {
	var t *tls.Config
	if c.TLS != (config.TLS{}) {
		var err error
		if t, err = tlsConfig("redis.tls", c.TLS); err != nil {
			return nil, err
		}
	}
	bad := func(err error) error { return fmt.Errorf("app: redis.url: %s", withoutURL(err)) }
	merge := func(into **tls.Config) {
		if t != nil && *into != nil {
			t.ServerName = (*into).ServerName
			*into = t
		}
	}
	switch {
	case c.Cluster:
		o, err := goredis.ParseClusterURL(c.URL.Reveal())
		if err != nil {
			return nil, bad(err)
		}
		merge(&o.TLSConfig)
		o.ReadOnly, o.RouteByLatency, o.RouteRandomly, o.ContextTimeoutEnabled, o.DialTimeout = false, false, false, true, dialWait
		return goredis.NewClusterClient(o), nil
	case c.Master != "":
		o, err := goredis.ParseFailoverURL(c.URL.Reveal())
		if err != nil {
			return nil, bad(err)
		}
		merge(&o.TLSConfig)
		if o.Username == "" && o.Password == "" {
			o.Username, o.Password = o.SentinelUsername, o.SentinelPassword
		}
		o.MasterName, o.ReplicaOnly, o.ContextTimeoutEnabled, o.DialTimeout = c.Master, false, true, dialWait
		return goredis.NewFailoverClient(o), nil
	}
	o, err := goredis.ParseURL(c.URL.Reveal())
	if err != nil {
		return nil, bad(err)
	}
	merge(&o.TLSConfig)
	o.ContextTimeoutEnabled, o.DialTimeout = true, dialWait
	return goredis.NewClient(o), nil
}

// streamsID names the journal's folded streams: a store that is the fold of others is another journal's.
func streamsID(ctx context.Context, j *journal.Journal) (string, error) {
	var ids []string
	for _, s := range []journal.Stream{journal.StreamStop, journal.StreamPeople, journal.StreamJournal} {
		end, err := j.End(ctx, s)
		if err != nil {
			return "", fmt.Errorf("app: %w", err)
		}
		ids = append(ids, end.ID)
	}
	return strings.Join(ids, " "), nil
}

// Lasting reports whether an error of the line does not mend by trying again: what is lost, of another journal, or not
// readable by this program.
func Lasting(err error) bool {
	for _, l := range []error{ledger.ErrAhead, journal.ErrFormat, redis.ErrStreams, redis.ErrFormat, ErrStreamLost, ErrOtherKeyset} {
		if errors.Is(err, l) {
			return true
		}
	}
	return false
}
