package deploy

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/husk-reminders/husk/pkg/intake"
	"github.com/husk-reminders/husk/pkg/journal"
)

// secrets are what config/nats.conf takes from the environment: the hashes are those of "husk-secret", "north-secret" and
// "south-secret".
var secrets = []string{
	"NATS_STORE_KEY=6f0c1f1f0b6a4a0f8c2b1d3e5f60718293a4b5c6d7e8f90123456789abcdef01",
	"NATS_HUSK_PASSWORD=$2a$04$Ek0THSk1SZS.b6vwg6Gs6uCiG.5n1QoaMJfGpzBkqFKJ6R3Ihywim",
	"NATS_NORTH_PASSWORD=$2a$04$2FIWniZf.6z3WSUyGiOdXexasiLkg.NzwMZhtJsr8qN2EOCtTT3OO",
	"NATS_SOUTH_PASSWORD=$2a$04$qSd00IcatKCQN2YgZufAqe2B2a27wEvZKdX2we1.Ks3gCk.pSAQHO",
}

func startNATS(t *testing.T) *peer {
	t.Helper()
	return start(t, "nats", append(secrets, "HUSK_TEST_NATS_CONFIG="+config(t, "nats.conf"))...)
}

// client is a connection, and what the server refused it.
type client struct {
	*nats.Conn
	t       *testing.T
	refused chan error
}

func connect(t *testing.T, p *peer, user, password string, o ...nats.Option) *client {
	t.Helper()
	c := &client{t: t, refused: make(chan error, 100)}
	o = append(o, nats.UserInfo(user, password), nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) { c.refused <- err }))
	c.Conn = must(nats.Connect(p.said["URL"], o...))(t)
	t.Cleanup(c.Close)
	return c
}

// denied asserts that the server refuses what do does, and says so with that word.
func (c *client) denied(what, word string, do func() error) {
	c.t.Helper()
	if err := errors.Join(do(), c.Flush()); err != nil {
		c.t.Fatal(err)
	}
	select {
	case err := <-c.refused:
		if !errors.Is(err, nats.ErrPermissionViolation) || !strings.Contains(err.Error(), word) {
			c.t.Errorf("%s: %v", what, err)
		}
	case <-time.After(10 * time.Second):
		c.t.Errorf("%s is allowed", what)
	}
}

// ends are how many messages each stream has ever had.
func ends(t *testing.T, js jetstream.JetStream) map[string]uint64 {
	t.Helper()
	m := map[string]uint64{}
	infos := js.ListStreams(t.Context())
	for info := range infos.Info() {
		m[info.Config.Name] = info.State.LastSeq
	}
	if err := infos.Err(); err != nil {
		t.Fatal(err)
	}
	return m
}

// buckets are those that Husk makes.
var buckets = []string{"husk_templates", "husk_units", "husk_lock", "husk_installation"}

// makeStreams does with every stream and bucket what Husk does with them.
func makeStreams(t *testing.T, husk *client) (jetstream.JetStream, jetstream.Stream) {
	t.Helper()
	js := must(jetstream.New(husk.Conn))(t)
	events := must(js.CreateOrUpdateStream(t.Context(), intake.StreamConfig(intake.StreamOptions{})))(t)
	must(events.CreateOrUpdateConsumer(t.Context(), intake.ConsumerConfig(0)))(t)
	j := must(journal.Open(t.Context(), journal.Options{Conn: husk.Conn}))(t)
	t.Cleanup(j.Close)
	for _, s := range journal.Streams {
		must(j.End(t.Context(), s))(t)
		if err := j.Purge(t.Context(), s, 1); err != nil {
			t.Fatal(err)
		}
	}
	for _, bucket := range buckets {
		kv := must(js.CreateOrUpdateKeyValue(t.Context(), jetstream.KeyValueConfig{Bucket: bucket, Storage: jetstream.FileStorage}))(t)
		rev := must(kv.Create(t.Context(), "key", []byte("a")))(t)
		must(kv.Update(t.Context(), "key", []byte("b"), rev))(t)
		w := must(kv.Watch(t.Context(), "key"))(t)
		if e := <-w.Updates(); string(e.Value()) != "b" {
			t.Errorf("%s: %q", bucket, e.Value())
		}
		if err := errors.Join(w.Stop(), kv.Delete(t.Context(), "key")); err != nil {
			t.Fatal(err)
		}
	}
	return js, events
}

const marker = "an-event-that-nobody-may-read"

// A booking system publishes its own events, hears that they are taken, and can do nothing else: not publish another's, not
// write into the journal, not read anything, not ask the broker for anything.
func TestBookingSystem(t *testing.T) {
	p := startNATS(t)
	husk := connect(t, p, "husk", "husk-secret")
	js, events := makeStreams(t, husk)

	systems := map[string]*client{"north": connect(t, p, "booking-north", "north-secret"), "south": connect(t, p, "booking-south", "south-secret")}
	for name, c := range systems {
		other := map[string]string{"north": "south", "south": "north"}[name]
		own := "husk.events.booking-" + name + ".unit-1"
		seen := make(chan *nats.Msg, 100)
		must(c.ChanSubscribe("_INBOX.>", seen))(t)
		ack := must(must(jetstream.New(c.Conn))(t).Publish(t.Context(), own, []byte(name+marker)))(t)
		if ack.Stream != intake.StreamName {
			t.Errorf("%s: acknowledged by %q", name, ack.Stream)
		}
		acknowledged(t, seen)

		before := ends(t, js)
		for _, s := range []string{
			"husk.events.booking-" + other + ".unit-1", "husk.events.booking-" + name, own + ".more", "husk.events.nobody.unit-1",
			"husk.stop.00", "husk.people.grant.00", "husk.journal.plan.00", "husk.keys.00", "husk.audit.read", "husk.dead.intake",
			"$JS.API.INFO", "$JS.API.STREAM.NAMES", "$JS.API.STREAM.INFO.HUSK_EVENTS", "$JS.API.STREAM.DELETE.HUSK_STOP",
			"$JS.API.STREAM.PURGE.HUSK_STOP", "$JS.API.STREAM.MSG.GET.HUSK_PEOPLE", "$JS.API.DIRECT.GET.HUSK_PEOPLE",
			"$JS.API.CONSUMER.MSG.NEXT.HUSK_EVENTS.husk-intake", "$JS.ACK.HUSK_EVENTS.husk-intake.1.1.1.1.0", "$KV.husk_lock.projector",
			"$SYS.REQ.SERVER.PING", "_INBOX.someone.else", "anything",
		} {
			c.denied(name+" publishes "+s, s, func() error { return c.Publish(s, []byte("x")) })
		}
		for _, s := range []string{
			">", "husk.>", own, "husk.events.booking-" + other + ".*", "husk.stop.*", "$JS.>", "$KV.>", "$SYS.>", "_R_.>", "*.*.*",
		} {
			c.denied(name+" subscribes to "+s, s, func() error { _, err := c.SubscribeSync(s); return err })
		}
		if after := ends(t, js); fmt.Sprint(after) != fmt.Sprint(before) {
			t.Errorf("%s: the streams went from %v to %v", name, before, after)
		}

		// An acknowledgement that it asks for on a subject of the journal lands in no stream.
		for _, s := range []string{"husk.stop.00", "husk.journal.plan.00", "$KV.husk_lock.projector", "husk.events.booking-" + other + ".unit-1"} {
			if err := c.PublishRequest(own, s, []byte(name+marker)); err != nil {
				t.Fatal(err)
			}
			before[intake.StreamName]++
		}
		must(c.Request(own, []byte(name+marker), 10*time.Second))(t)
		before[intake.StreamName]++
		acknowledged(t, seen)
		if after := ends(t, js); fmt.Sprint(after) != fmt.Sprint(before) {
			t.Errorf("%s: the streams went from %v to %v, want an event each", name, before, after)
		}

		// What goes to others' inboxes goes past it.
		must(systems[other].Request("husk.events.booking-"+other+".unit-1", []byte(other+marker), 10*time.Second))(t)
		must(events.Info(t.Context()))(t)
		if err := c.Flush(); err != nil {
			t.Fatal(err)
		}
		if n := len(seen); n > 0 {
			t.Errorf("%s hears %d messages to others", name, n)
		}
	}
}

// acknowledged takes the one acknowledgement that was heard.
func acknowledged(t *testing.T, seen <-chan *nats.Msg) {
	t.Helper()
	select {
	case m := <-seen:
		if !strings.Contains(string(m.Data), intake.StreamName) {
			t.Errorf("heard %q", m.Data)
		}
	case <-time.After(10 * time.Second):
		t.Error("heard no acknowledgement")
	}
}

func TestWrongPassword(t *testing.T) {
	p := startNATS(t)
	for _, o := range [][]nats.Option{
		nil,
		{nats.UserInfo("husk", "")},
		{nats.UserInfo("husk", "north-secret")},
		{nats.UserInfo("husk", strings.TrimPrefix(secrets[1], "NATS_HUSK_PASSWORD="))},
		{nats.UserInfo("booking-north", "south-secret")},
		{nats.UserInfo("booking-west", "north-secret")},
		{nats.Token("north-secret")},
	} {
		c, err := nats.Connect(p.said["URL"], o...)
		if err == nil {
			t.Error("somebody is let in")
			c.Close()
		}
		if !errors.Is(err, nats.ErrAuthorization) {
			t.Error(err)
		}
	}
}

// What was acknowledged to a booking system is there after a kill, and in the files nobody can read it.
func TestKilledBroker(t *testing.T) {
	p := startNATS(t)
	makeStreams(t, connect(t, p, "husk", "husk-secret"))
	north := connect(t, p, "booking-north", "north-secret")
	for range 50 {
		must(must(jetstream.New(north.Conn))(t).Publish(t.Context(), "husk.events.booking-north.unit-1", []byte(marker)))(t)
	}
	p.killed()
	js := must(jetstream.New(connect(t, p, "husk", "husk-secret").Conn))(t)
	events := must(js.Stream(t.Context(), intake.StreamName))(t)
	consumer := must(events.Consumer(t.Context(), intake.ConsumerName))(t)
	batch := must(consumer.Fetch(100, jetstream.FetchMaxWait(5*time.Second)))(t)
	n := 0
	for m := range batch.Messages() {
		if string(m.Data()) != marker {
			t.Errorf("event %d is %q", n, m.Data())
		}
		if n++; n == 50 {
			break
		}
	}
	if n != 50 {
		t.Errorf("%d of 50 acknowledged events are there", n)
	}
	if found := holding(t, p.said["DIR"], marker); found > 0 {
		t.Errorf("%d files show an event to whoever reads them", found)
	}
}

// The server that tests start without a configuration keeps what it acknowledged as well, in the clear.
func TestPeerKilled(t *testing.T) {
	p := start(t, "nats")
	js := must(jetstream.New(must(nats.Connect(p.said["URL"]))(t)))(t)
	t.Cleanup(js.Conn().Close)
	must(js.CreateStream(t.Context(), jetstream.StreamConfig{Name: "S", Subjects: []string{"s"}}))(t)
	must(js.Publish(t.Context(), "s", []byte(marker)))(t)
	p.killed()
	if holding(t, p.said["DIR"], marker) == 0 {
		t.Error("the search for an event in the files finds none where there is one")
	}
	js = must(jetstream.New(must(nats.Connect(p.said["URL"]))(t)))(t)
	t.Cleanup(js.Conn().Close)
	if m := must(must(js.Stream(t.Context(), "S"))(t).GetMsg(t.Context(), 1))(t); string(m.Data) != marker {
		t.Errorf("%q", m.Data)
	}
	if err := p.start(); err == nil {
		t.Error("a second server was started on the same files")
	}
}

// holding counts the files under dir that hold text.
func holding(t *testing.T, dir, text string) (n int) {
	t.Helper()
	files := 0
	if err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		b, err := os.ReadFile(path)
		files++
		if bytes.Contains(b, []byte(text)) {
			n++
		}
		return err
	}); err != nil {
		t.Fatal(err)
	}
	if files == 0 {
		t.Fatal("there are no files")
	}
	return n
}

// What the running server can't show: durability, encryption, the address, and that nothing writes payloads into the log.
func TestNATSOptions(t *testing.T) {
	t.Setenv("NATS_STORE_DIR", t.TempDir())
	for _, s := range secrets {
		k, v, _ := strings.Cut(s, "=")
		t.Setenv(k, v)
	}
	o := must(server.ProcessConfigFile(config(t, "nats.conf")))(t)
	if !o.SyncAlways || o.JetStreamCipher != server.AES || o.JetStreamKey == "" || o.MaxPayload != 1<<20 || o.Host != "127.0.0.1" ||
		o.Debug || o.Trace || o.HTTPHost != "" || o.HTTPPort != 0 || o.NoAuthUser != "" {
		t.Errorf("sync always %v, cipher %v, max_payload %d, host %q, debug %v, trace %v, monitoring %s:%d, no_auth_user %q",
			o.SyncAlways, o.JetStreamCipher, o.MaxPayload, o.Host, o.Debug, o.Trace, o.HTTPHost, o.HTTPPort, o.NoAuthUser)
	}
	for _, u := range o.Users {
		if !strings.HasPrefix(u.Password, "$2a$") {
			t.Errorf("the password of %s stands in the clear", u.Username)
		}
		if u.Account.Name != "HUSK" && (u.Permissions == nil || len(u.Permissions.Publish.Allow) != 1 || len(u.Permissions.Subscribe.Allow) != 1) {
			t.Errorf("%s may do more than its one thing", u.Username)
		}
	}
	// Where a variable is missing the server does not start.
	for _, s := range append([]string{"NATS_STORE_DIR="}, secrets...) {
		k, _, _ := strings.Cut(s, "=")
		was := os.Getenv(k)
		if err := os.Unsetenv(k); err != nil {
			t.Fatal(err)
		}
		if _, err := server.ProcessConfigFile(config(t, "nats.conf")); err == nil || !strings.Contains(err.Error(), k) {
			t.Errorf("without %s: %v", k, err)
		}
		t.Setenv(k, was)
	}
}
