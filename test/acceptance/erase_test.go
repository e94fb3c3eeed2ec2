package acceptance

import (
	"bytes"
	"context"
	"crypto/aes"
	"crypto/cipher"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	natsd "github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	goredis "github.com/redis/go-redis/v9"

	"github.com/husk-reminders/husk/pkg/journal"
	"github.com/husk-reminders/husk/pkg/reminder"
	"github.com/husk-reminders/husk/pkg/state"
	"github.com/husk-reminders/husk/pkg/state/redis"
)

// erased is the part of an erasure's answer that the tests look at.
type erased struct {
	Complete  bool `json:"complete"`
	Cancelled int  `json:"cancelled"`
	Words     int  `json:"words"`
	Waiting   []struct{ File string }
}

// lived gives the first three persons a history: a word, an address, a letter that was sent, one that waits. It returns the
// pseudonym of the first.
func lived(h *house, c *carrier) string {
	h.t.Helper()
	s, b := h.staff(), h.bookings()
	var key string
	for i := range 3 {
		h.must(s.welcome(someone(i)))
		for unit, due := range []time.Time{time.Now().Add(3 * time.Second), time.Now().AddDate(0, 0, 20)} {
			x := booking{person: i, unit: unit, due: due}
			h.must(b.publish(x.subject(), x.event(), 10*time.Second))
		}
	}
	h.eventually(time.Minute, "no letters", func() bool { return c.count() == 3 && s.status().Counts["accepted"] == 3 })
	key, err := s.key(someone(0))
	h.must(err)
	return key
}

// sealedOf counts the sealed parts of a person's entries, and how many of them open. No keyring opens none.
func sealedOf(t *testing.T, j *journal.Journal, ring *journal.Keyring, p reminder.PersonKey) (sealed, opened int) {
	t.Helper()
	for _, s := range []journal.Stream{journal.StreamStop, journal.StreamPeople, journal.StreamJournal} {
		err := j.Read(t.Context(), s, 1, func(e journal.Entry) error {
			for _, b := range [][]byte{e.Sealed, e.Flags} {
				if e.Person == p && len(b) > 0 {
					sealed++
					if opens(ring, p, b) {
						opened++
					}
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return sealed, opened
}

func opens(ring *journal.Keyring, p reminder.PersonKey, sealed []byte) bool {
	return ring != nil && slices.ContainsFunc([]string{"appointment", "flags", "consent", "contact", "address", "reason"}, func(what string) bool {
		_, err := ring.Open(p, what, sealed)
		return err == nil
	})
}

// keyring opens the data keys with a keyset's file; nil when they don't open.
func keyring(t *testing.T, j *journal.Journal, file string) *journal.Keyring {
	t.Helper()
	k, err := journal.ReadKeyset(file)
	if err != nil {
		t.Fatal(err)
	}
	ring, err := j.OpenKeyring(t.Context(), k)
	if err != nil && !errors.Is(err, journal.ErrKeyset) {
		t.Fatal(err)
	}
	return ring
}

// snapshotOpens reports whether a snapshot's foot opens with a keyset's key.
func snapshotOpens(t *testing.T, snapshot, keyset string) bool {
	t.Helper()
	k, err := journal.ReadKeyset(keyset)
	if err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(snapshot)
	if err != nil {
		t.Fatal(err)
	}
	block, err := aes.NewCipher(k.Snapshot)
	if err != nil {
		t.Fatal(err)
	}
	aead, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		t.Fatal(err)
	}
	end := len(b) - 4
	_, err = aead.Open(nil, nil, b[end-int(binary.BigEndian.Uint32(b[end:])):end], []byte("snapshot foot"))
	return err == nil
}

// tellNothing looks for the canaries of a person.
func tellNothing(t *testing.T, where, text string) {
	t.Helper()
	p := someone(0)
	for _, canary := range []string{p.id, p.name, p.mail, relativeName, relativeMail, relativeTel} {
		if strings.Contains(text, canary) {
			t.Errorf("%s holds %s", where, canary)
		}
	}
}

// TestErase: a copy of the data directory is taken; after the erasure nothing of the person's entries in it opens with the keyset, or
// with anything else on the live disk; before, everything did.
func TestErase(t *testing.T) {
	t.Parallel()
	c := newCarrier(t)
	h := newHouse(t, c, "")
	h.serve()
	key := lived(h, c)
	h.stop()
	backup := filepath.Join(h.dir, "copy")
	h.must(copyTree(backup, h.data))

	h.serve()
	s := h.staff()
	var e erased
	h.must(s.ask(http.MethodPost, "/v1/persons/"+key+"/erase", map[string]any{"reason": "the citizen asked for it"}, &e))
	if !e.Complete || e.Cancelled != 1 || e.Words != 1 {
		t.Errorf("%+v", e)
	}
	if rs := s.reminders("planned"); slices.ContainsFunc(rs, func(v view) bool { return v.Person == key }) || len(rs) != 2 {
		t.Errorf("%d wait, the erased person's among them", len(rs))
	}
	tellNothing(t, "the metrics", h.metrics())
	audit := get[[]map[string]any](s, "/v1/audit?max=1000")
	if !slices.ContainsFunc(audit, func(a map[string]any) bool { return a["action"] == "person.erase" && a["person"] == key }) {
		t.Error("it is not in the audit")
	}
	h.stop()
	log, err := os.ReadFile(h.log)
	h.must(err)
	tellNothing(t, "the log", string(log))

	keyset := filepath.Join(h.data, "keys", "keyset.json")
	old, err := journal.ReadKeyset(filepath.Join(backup, "keys", "keyset.json"))
	h.must(err)
	ns, err := natsd.NewServer(&natsd.Options{
		ServerName: "husk", JetStream: true, StoreDir: filepath.Join(backup, "broker"), NoSigs: true, NoLog: true, DontListen: true,
		JetStreamKey: hex.EncodeToString(old.Broker), JetStreamCipher: natsd.AES,
	})
	h.must(err)
	ns.Start()
	defer func() { ns.Shutdown(); ns.WaitForShutdown() }()
	if !ns.ReadyForConnections(30 * time.Second) {
		t.Fatal("the copy's broker does not start")
	}
	nc, err := nats.Connect("", nats.InProcessServer(ns))
	h.must(err)
	defer nc.Close()
	j, err := journal.Open(t.Context(), journal.Options{Conn: nc})
	h.must(err)
	defer j.Close()
	p := reminder.PersonKey(key)
	all, opened := sealedOf(t, j, keyring(t, j, filepath.Join(backup, "keys", "keyset.json")), p)
	if all < 5 || opened != all {
		t.Fatalf("before: %d of %d sealed parts open", opened, all)
	}
	if !snapshotOpens(t, filepath.Join(backup, "state", "snapshot"), filepath.Join(backup, "keys", "keyset.json")) {
		t.Error("before: the snapshot does not open")
	}
	if snapshotOpens(t, filepath.Join(backup, "state", "snapshot"), keyset) {
		t.Error("after: the copy's snapshot opens")
	}
	ring := keyring(t, j, keyset) // with the file beside it
	if n, opened := sealedOf(t, j, ring, p); n != all || opened != 0 {
		t.Errorf("after: %d of %d sealed parts open", opened, n)
	}
	pseudonyms, err := old.Pseudonyms()
	h.must(err)
	q := pseudonyms.Person(reminder.NewNationalID("DK", someone(1).id))
	if n, opened := sealedOf(t, j, ring, q); n < 5 || opened != n {
		t.Errorf("of another %d of %d sealed parts open", opened, n)
	}
	h.must(filepath.WalkDir(h.data, func(path string, d os.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		b, err := os.ReadFile(path)
		tellNothing(t, path, string(b))
		if bytes.Contains(b, []byte(base64.StdEncoding.EncodeToString(old.Epoch))) {
			t.Errorf("%s holds the old epoch key", path)
		}
		return err
	}))
}

// TestEraseShared: the same with a broker and a store outside, two processes and two keyset files, and with the store's dump.
func TestEraseShared(t *testing.T) {
	t.Parallel()
	program := redisServer(t)
	s, c := newSite(t, ""), newCarrier(t)
	one := s.house(c)
	one.output("keys", "new")
	two := s.house(c)
	other := filepath.Join(two.dir, "keyset.json")
	one.must(copyFile(other, s.keys))
	two.settings["keys.file"] = other
	up := func() {
		t.Helper()
		for _, h := range []*house{one, two} {
			h.launch()
		}
		for _, h := range []*house{one, two} {
			h.ready(time.Minute)
		}
	}
	up()
	key := lived(one, c)
	p := reminder.PersonKey(key)

	// The copy, with everything at rest.
	one.stop()
	two.stop()
	s.nats.stop()
	s.redis.stop()
	copied := &site{t: t, dir: filepath.Join(s.dir, "copy"), keys: filepath.Join(s.dir, "copy", "keyset.json")}
	one.must(os.MkdirAll(copied.dir, 0o700))
	for _, name := range []string{"nats", "redis"} {
		one.must(copyTree(filepath.Join(copied.dir, name), filepath.Join(s.dir, name)))
	}
	one.must(copyFile(copied.keys, s.keys))
	s.nats.up()
	s.redis.up()
	up()

	var e erased
	one.must(two.staff().ask(http.MethodPost, "/v1/persons/"+key+"/erase", map[string]any{"reason": "the citizen asked for it"}, &e))
	if !e.Complete || e.Cancelled != 1 || len(e.Waiting) > 0 {
		t.Errorf("%+v", e)
	}
	old, err := journal.ReadKeyset(copied.keys)
	one.must(err)
	for _, file := range []string{s.keys, other} {
		if k, err := journal.ReadKeyset(file); err != nil || bytes.Equal(k.Epoch, old.Epoch) {
			t.Errorf("%s has the old epoch key still: %v", file, err)
		}
	}
	// Both go on: a new person is taken in by the one, and written to by whichever.
	one.must(one.staff().welcome(someone(9)))
	b := booking{person: 9, due: time.Now().Add(2 * time.Second)}
	one.must(one.bookings().publish(b.subject(), b.event(), 10*time.Second))
	two.eventually(time.Minute, "nobody is written to any more", func() bool { return c.count() == 4 })
	tellNothing(t, "the metrics", one.metrics()+two.metrics())
	live := storeOf(t, s.redis.addr)
	if n := len(sealedIn(t, live, p)); n != 0 {
		t.Errorf("%d sealed values of the person are in the store", n)
	}
	if n := len(sealedIn(t, live, reminder.PersonKey(keyOf(one, 1)))); n == 0 {
		t.Error("and none of another's")
	}
	one.stop()
	two.stop()
	for _, h := range []*house{one, two} {
		log, err := os.ReadFile(h.log)
		h.must(err)
		tellNothing(t, "the log", string(log))
	}

	// What the copy tells.
	copied.nats, copied.redis = copied.broker(), newStore(t, program, filepath.Join(copied.dir, "redis"))
	copied.nats.up()
	copied.redis.up()
	nc, err := nats.Connect(copied.brokerURL())
	one.must(err)
	defer nc.Close()
	j, err := journal.Open(t.Context(), journal.Options{Conn: nc})
	one.must(err)
	defer j.Close()
	dump := sealedIn(t, storeOf(t, copied.redis.addr), p)
	count := func(ring *journal.Keyring) (n int) {
		for _, b := range dump {
			if opens(ring, p, b) {
				n++
			}
		}
		return n
	}
	ring := keyring(t, j, copied.keys)
	all, opened := sealedOf(t, j, ring, p)
	if all < 5 || opened != all || len(dump) < 3 || count(ring) != len(dump) {
		t.Fatalf("before: %d of %d sealed parts of the journal open, %d of %d of the store", opened, all, count(ring), len(dump))
	}
	for _, file := range []string{s.keys, other} {
		ring := keyring(t, j, file)
		if n, opened := sealedOf(t, j, ring, p); n != all || opened != 0 || count(ring) != 0 {
			t.Errorf("after: %d of %d sealed parts of the journal open, %d of the store", opened, n, count(ring))
		}
	}
	for _, dir := range []string{filepath.Join(s.dir, "redis"), filepath.Join(copied.dir, "redis")} {
		one.must(filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
			if err != nil || !d.Type().IsRegular() {
				return err
			}
			b, err := os.ReadFile(path)
			tellNothing(t, path, string(b))
			return err
		}))
	}
}

func keyOf(h *house, i int) string {
	h.t.Helper()
	key, err := h.staff().key(someone(i))
	h.must(err)
	return key
}

// storeOf reads a store.
func storeOf(t *testing.T, addr string) *redis.State {
	t.Helper()
	client := goredis.NewClient(&goredis.Options{Addr: addr})
	t.Cleanup(func() { _ = client.Close() })
	s, err := redis.New(redis.Options{Client: client})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// sealedIn are the sealed values that a store has of a person.
func sealedIn(t *testing.T, s *redis.State, key reminder.PersonKey) (out [][]byte) {
	t.Helper()
	add := func(b []byte) {
		if len(b) > 0 {
			out = append(out, bytes.Clone(b))
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	if err := s.View(ctx, key, func(p *state.Person) error {
		add(p.Sealed)
		for _, c := range p.Contact {
			add(c.Sealed)
		}
		for _, a := range p.Appointments {
			add(a.Sealed)
			add(a.ToldOf)
		}
		for _, r := range p.Reminders {
			add(r.Sealed)
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	return out
}
