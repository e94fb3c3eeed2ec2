package acceptance

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	goredis "github.com/redis/go-redis/v9"
)

// site is a broker and a store of their own, which several houses share.
type site struct {
	t     *testing.T
	dir   string // the servers' files, the keyset
	keys  string // the keyset's file
	nats  *server
	redis *server
	store string // host:port that the houses find the store at: the server's, unless a test puts something before it
}

// The passwords at a site's broker.
const (
	huskPassword    = "husk-of-the-site"
	bookingPassword = "booking-of-the-site"
)

// newSite starts a broker and an empty store, with the broker's files and the keyset of origin; "" = a new installation.
func newSite(t *testing.T, origin string) *site {
	t.Helper()
	program := redisServer(t)
	dir, err := os.MkdirTemp(scratch, "s")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	s := &site{t: t, dir: dir, keys: filepath.Join(dir, "keyset.json")}
	if origin != "" {
		if err := copyTree(dir, origin); err != nil {
			t.Fatal(err)
		}
	}
	s.nats, s.redis = s.broker(), newStore(t, program, filepath.Join(dir, "redis"))
	s.store = s.redis.addr
	s.nats.up()
	s.redis.up()
	return s
}

// broker describes the NATS server: every write on disk before it is acknowledged, an account for Husk, and one for booking
// systems, from which events pass and to which acknowledgements do.
func (s *site) broker() *server {
	s.t.Helper()
	program, err := natsServer()
	if err != nil {
		s.t.Fatal(err)
	}
	addr, file := freePort(s.t), filepath.Join(s.dir, "nats.conf")
	config := fmt.Sprintf(`
server_name: husk-acceptance
listen: %q
max_payload: 1MB
jetstream { store_dir: %q, sync_interval: always, max_file_store: 100GB, max_memory_store: 64MB }
accounts {
  HUSK {
    jetstream: enabled
    users: [ { user: husk, password: %q } ]
    exports: [ { service: "husk.events.>", accounts: [BOOKING] } ]
  }
  BOOKING {
    users: [ { user: %s, password: %q, permissions { publish { allow: ["husk.events.>"] }, subscribe { allow: ["_INBOX.>"] } } } ]
    imports: [ { service: { account: HUSK, subject: "husk.events.>" } } ]
  }
}
`, addr, filepath.Join(s.dir, "nats"), huskPassword, bookingUser, bookingPassword)
	if err := os.WriteFile(file, []byte(config), 0o600); err != nil {
		s.t.Fatal(err)
	}
	return newServer(s.t, "nats", addr, s.dir, func() error {
		nc, err := nats.Connect(s.brokerURL(), nats.Timeout(time.Second))
		if err != nil {
			return err
		}
		defer nc.Close()
		js, err := jetstream.New(nc)
		if err != nil {
			return err
		}
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		_, err = js.AccountInfo(ctx)
		return err
	}, program, "-c", file)
}

func (s *site) brokerURL() string {
	return (&url.URL{Scheme: "nats", User: url.UserPassword("husk", huskPassword), Host: s.nats.addr}).String()
}

// newStore describes a Redis as Husk wants it, in a directory of its own.
func newStore(t *testing.T, program, dir string, more ...string) *server {
	t.Helper()
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	addr := freePort(t)
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		t.Fatal(err)
	}
	args := append([]string{
		program, "--bind", host, "--port", port, "--dir", dir, "--daemonize", "no", "--save", "", "--maxmemory-policy", "noeviction",
		"--appendonly", "yes", "--appendfsync", "everysec", "--repl-diskless-sync-delay", "0",
	}, more...)
	return newServer(t, "redis", addr, filepath.Dir(dir), func() error { return redisDo(addr, "PING").Err() }, args...)
}

// redisDo sends one command to a store.
func redisDo(addr string, args ...any) *goredis.Cmd {
	c := goredis.NewClient(&goredis.Options{Addr: addr, MaxRetries: -1, DialerRetries: 1})
	defer func() { _ = c.Close() }()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	return c.Do(ctx, args...)
}

// house is a house of the site, with data of its own.
func (s *site) house(c *carrier) *house {
	s.t.Helper()
	h := newHouse(s.t, c, "")
	h.site, h.nats, h.password = s, s.nats.addr, bookingPassword
	h.settings["carriers.email.settings.helo"] = h.greeting()
	// What a process that is no more has left open is settled two leases later.
	h.settings["send.lease"], h.settings["sweeps.open_attempts"] = lease.String(), "@every 2s"
	return h
}

// open starts so many houses and waits until they work.
func (s *site) open(c *carrier, n int) []*house {
	s.t.Helper()
	var hs []*house
	for range n {
		h := s.house(c)
		h.launch()
		hs = append(hs, h)
	}
	for _, h := range hs {
		h.ready(time.Minute)
	}
	return hs
}

// greeting is what a house of a site calls itself at the carrier, whose record so tells the houses apart.
func (h *house) greeting() string { return filepath.Base(h.dir) + "." + domain }

// lease is a site's send.lease.
const lease = 10 * time.Second

// settings are the keys of the configuration that every house of the site has.
func (s *site) settings() map[string]string {
	return map[string]string{
		"keys.file": s.keys, "nats.url": s.brokerURL(), "redis.url": "redis://" + s.store,
	}
}

var seedSiteOnce sync.Once

// seedSite is a directory with the broker's files and the keyset of a site that knows the persons. It is made once, through a
// house's admin socket; each caller makes a site of it.
func seedSite(t *testing.T) string {
	t.Helper()
	redisServer(t)
	origin := filepath.Join(scratch, "seed-site")
	seedSiteOnce.Do(func() {
		s := newSite(t, "")
		h := s.house(newCarrier(t))
		h.bin = build(t, false)
		h.output("keys", "new")
		h.serve()
		begin := time.Now()
		staff := h.staff()
		h.must(each(persons, 48, func(i int) error { return staff.welcome(someone(i)) }))
		t.Logf("seeded %d persons at a site in %.1f s", persons, time.Since(begin).Seconds())
		h.stop()
		s.nats.stop()
		h.must(errors.Join(os.Mkdir(origin, 0o700), os.Rename(filepath.Join(s.dir, "nats"), filepath.Join(origin, "nats")),
			os.Rename(s.keys, filepath.Join(origin, "keyset.json"))))
	})
	if _, err := os.Stat(filepath.Join(origin, "keyset.json")); err != nil {
		t.Fatal("the site could not be seeded")
	}
	return origin
}

// leads reports whether a house leads the others of its site.
func (h *house) leads() bool { return h.gauge("husk_leading") == 1 }

// leader waits until one of the houses leads, and returns its place among them.
func leader(t *testing.T, hs ...*house) int {
	t.Helper()
	for end := time.Now().Add(30 * time.Second); time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
		for i, h := range hs {
			if h.leads() {
				return i
			}
		}
	}
	t.Fatal("nobody leads")
	return 0
}
