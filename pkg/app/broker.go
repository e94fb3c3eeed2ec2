package app

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"github.com/husk-reminders/husk/pkg/config"
)

// broker is this process's connection to the NATS server, and the server where it is embedded.
type broker struct {
	ns   *server.Server // nil = outside the process
	nc   *nats.Conn
	lost chan struct{} // closed when a stream could not be written; nil = outside
}

// startBroker starts the embedded broker: encrypted storage below dir, every write synced (the broker's default acknowledges
// up to two minutes before the disk has it), and no port unless one is asked for.
func startBroker(c config.Broker, dir string, key []byte, log *zap.Logger) (*broker, error) {
	secret := make([]byte, 16)
	_, _ = rand.Read(secret)
	internal := &server.User{Username: "husk", Password: hex.EncodeToString(secret)}
	o := &server.Options{
		ServerName: "husk", JetStream: true, StoreDir: dir, SyncAlways: c.Sync, NoSigs: true, NoLog: false, DontListen: true,
		JetStreamKey: hex.EncodeToString(key), JetStreamCipher: server.AES, MaxPayload: maxPayload,
		JetStreamMaxStore: maxStore,
		Users:             []*server.User{internal},
	}
	if c.Listen != "" {
		host, port, err := net.SplitHostPort(c.Listen)
		if err != nil {
			return nil, fmt.Errorf("app: broker.listen: %w", err)
		}
		if o.Port, err = strconv.Atoi(port); err != nil {
			return nil, fmt.Errorf("app: broker.listen: %w", err)
		}
		password, err := os.ReadFile(c.PasswordFile)
		if err != nil {
			return nil, fmt.Errorf("app: broker.password_file: %w", err)
		}
		o.Host, o.DontListen = host, false
		// A booking system may publish events and read its acknowledgements, nothing else. It has an account of its own: in ours
		// it would see what is delivered to our inboxes, and an acknowledgement sent where a publisher asks for it could land
		// in the journal.
		booking := server.NewAccount(bookingAccount)
		o.Accounts = []*server.Account{booking}
		o.Users = append(o.Users, &server.User{
			Username: c.User, Password: strings.TrimSpace(string(password)), Account: booking,
			Permissions: &server.Permissions{
				Publish:   &server.SubjectPermission{Allow: []string{"husk.events.>"}},
				Subscribe: &server.SubjectPermission{Allow: []string{"_INBOX.>"}},
			},
		})
	}
	ns, err := server.NewServer(o)
	if err != nil {
		return nil, fmt.Errorf("app: broker: %w", err)
	}
	lost := make(chan struct{})
	ns.SetLoggerV2(&brokerLog{log: log.Named("broker"), lost: lost, user: c.User}, false, false, false)
	ns.Start()
	b := &broker{ns: ns, lost: lost}
	if !ns.ReadyForConnections(30*time.Second) || !ns.JetStreamEnabled() {
		b.stop()
		return nil, fmt.Errorf("app: broker: it did not start: is there room below %s?", filepath.Base(dir))
	}
	if c.Listen != "" {
		if err := bridge(ns); err != nil {
			b.stop()
			return nil, fmt.Errorf("app: broker: %w", err)
		}
	}
	b.nc, err = nats.Connect("", nats.InProcessServer(ns), nats.UserInfo(internal.Username, internal.Password), nats.Name("husk"),
		nats.MaxReconnects(-1), nats.ReconnectWait(200*time.Millisecond), nats.RetryOnFailedConnect(false))
	if err != nil {
		b.stop()
		return nil, fmt.Errorf("app: broker: %w", err)
	}
	return b, nil
}

// bookingAccount is the broker's account of the booking systems.
const bookingAccount = "BOOKING"

// bridge lets events, and nothing else, pass from the booking systems' account to ours. A server with a second account
// leaves it to us to enable our own account's streams.
func bridge(ns *server.Server) error {
	booking, err := ns.LookupAccount(bookingAccount)
	if err != nil {
		return err
	}
	ours := ns.GlobalAccount()
	if err := ours.EnableJetStream(nil, nil); err != nil {
		return err
	}
	if err := ours.AddServiceExport("husk.events.>", []*server.Account{booking}); err != nil {
		return err
	}
	return booking.AddServiceImport(ours, "husk.events.>", "husk.events.>")
}

// maxPayload is the largest message the broker takes; journal entries are far smaller, and events are refused beyond
// intake's own limit.
const maxPayload = 1 << 20

// maxStore is no limit: the disk is. The broker's own would be three quarters of what was free when it started, for good.
const maxStore = 1 << 50

func (b *broker) stop() {
	if b.nc != nil {
		b.nc.Close()
	}
	if b.ns == nil {
		return
	}
	b.ns.Shutdown()
	b.ns.WaitForShutdown()
}

// errStorage is returned by watch when the broker has given up its storage, as it does when the disk is full.
var errStorage = errors.New("app: the broker has given up its storage: the disk is full or failing")

// watch returns errStorage when the broker's storage is gone, or nil when ctx ends.
func (b *broker) watch(ctx context.Context) error {
	if b.lost == nil { // not ours to watch
		<-ctx.Done()
		return nil
	}
	t := time.NewTicker(time.Second)
	defer t.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-b.lost:
			return errStorage
		case <-t.C:
			if !b.ns.JetStreamEnabled() {
				return errStorage
			}
		}
	}
}

// brokerLog passes the broker's log on: stream names, sizes and errors of the disk. What a booking system may have chosen, a
// subject, its own name or a piece of what it wrote, can hold a national id, and is never passed on.
type brokerLog struct {
	log  *zap.Logger
	user string // that booking systems log in as; "" = none does
	lost chan struct{}
	once sync.Once
}

// chosen are words of messages that quote what a client chose. Messages about a client's connection begin with its number.
var chosen = []string{"cid:", "wid:", "mid:", "subject", "subscription", "violation", "removed sub", "request", "reply", "proto=", "header"}

// complaints are what may be said of such a message.
var complaints = []string{
	"publish violation", "subscription violation", "authentication error", "parser error", "maximum payload exceeded", "maximum subscriptions exceeded",
	"slow consumer", "took too long", "read error",
}

// line is what to log of a message of the broker.
func (l *brokerLog) line(f string, v []any) (string, []zap.Field) {
	text := fmt.Sprintf(f, v...)
	lower := strings.ToLower(text)
	within := func(part string) bool { return strings.Contains(lower, part) }
	if !slices.ContainsFunc(chosen, within) {
		return text, nil
	}
	var fields []zap.Field
	if i := slices.IndexFunc(complaints, within); i >= 0 {
		fields = append(fields, zap.String("complaint", complaints[i]))
	}
	if l.user != "" && strings.Contains(text, bookingAccount+"/user:"+l.user+`"`) {
		fields = append(fields, zap.String("user", l.user))
	}
	return "the broker complains of a client", fields
}

func (l *brokerLog) pass(level zapcore.Level, f string, v []any) {
	text, fields := l.line(f, v)
	l.log.Log(level, text, fields...)
}

func (l *brokerLog) Noticef(f string, v ...any) { l.pass(zap.DebugLevel, f, v) }
func (l *brokerLog) Warnf(f string, v ...any) {
	if strings.HasPrefix(f, "Plaintext passwords") {
		return // one is random and of this process alone, the other is read from a file of its own at start
	}
	l.pass(zap.WarnLevel, f, v)
}

// Errorf also hears that a stream could not be written. From then on the broker refuses every write to it, without an answer
// and also when there is room again, and tells nobody but its log.
func (l *brokerLog) Errorf(f string, v ...any) {
	l.pass(zap.ErrorLevel, f, v)
	if strings.Contains(strings.ToLower(f), "critical write error") {
		l.once.Do(func() { close(l.lost) })
	}
}
func (l *brokerLog) Fatalf(f string, v ...any) { l.pass(zap.ErrorLevel, f, v) }
func (l *brokerLog) Debugf(f string, v ...any) { l.pass(zap.DebugLevel, f, v) }
func (l *brokerLog) Tracef(string, ...any)     {}
