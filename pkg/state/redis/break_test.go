package redis_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	goredis "github.com/redis/go-redis/v9"

	"github.com/husk-reminders/husk/pkg/receipt"
	"github.com/husk-reminders/husk/pkg/reminder"
	"github.com/husk-reminders/husk/pkg/state"
	"github.com/husk-reminders/husk/pkg/state/redis"
)

// The tests in this file break a Redis of their own in the ways that it can break, and see that it says no until a projector
// has read it again and vouched.

// server is a Redis that a test may break.
type server struct {
	t   *testing.T
	dir string
	env map[string]string
}

func newServer(t *testing.T, config string) *server {
	t.Helper()
	if _, err := os.Stat(peerScript); err != nil {
		t.Fatal(err)
	}
	s := &server{t: t, dir: t.TempDir()}
	t.Setenv("HUSK_TEST_REDIS_CONFIG", config)
	env, err := startPeer(s.dir)
	if exit := new(exec.ExitError); errors.As(err, &exit) && exit.ExitCode() == 3 {
		absent(t, err.Error())
	}
	s.env = must(env, err)(t)
	t.Cleanup(s.stop)
	return s
}

func (s *server) stop() {
	s.t.Helper()
	if err := stopPeer(s.dir); err != nil {
		s.t.Error(err)
	}
}

// restart begins again on the same port with the files that are there.
func (s *server) restart() {
	s.t.Helper()
	_, port, _ := net.SplitHostPort(s.env["ADDR"])
	s.env = must(startPeer(s.dir, port))(s.t)
}

// files copies the server's files, which must be stopped, to or from a place.
func copyFiles(t *testing.T, from, to string) {
	t.Helper()
	if err := os.RemoveAll(to); err != nil {
		t.Fatal(err)
	}
	if err := os.CopyFS(to, os.DirFS(from)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
}

// line is a projector and a worker in two processes, and the journal between them.
type line struct {
	*testing.T
	addr      atomic.Pointer[string] // where both connect to, as after a Sentinel's word
	raw       *goredis.Client
	projector *redis.State
	worker    *redis.State
	journal   [reminder.Shards][]state.Change
	seq       state.Vector
}

func newLine(t *testing.T, addr string, change ...func(*redis.Options)) *line {
	t.Helper()
	w := &line{T: t}
	w.addr.Store(&addr)
	open := func() *redis.State {
		o := redis.Options{Client: w.client(), Quiet: time.Millisecond}
		for _, c := range change {
			c(&o)
		}
		return must(redis.New(o))(t)
	}
	w.raw, w.projector, w.worker = w.client(), open(), open()
	return w
}

func (w *line) client() *goredis.Client {
	w.Helper()
	c := goredis.NewClient(&goredis.Options{
		Addr: "elsewhere", DialerRetries: 1,
		Dialer: func(ctx context.Context, network, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, network, *w.addr.Load())
		},
	})
	w.Cleanup(func() { c.Close() })
	return c
}

// move makes everybody connect to another server from now on.
func (w *line) move(addr string) {
	old := *w.addr.Swap(&addr)
	c := goredis.NewClient(&goredis.Options{Addr: old})
	defer c.Close()
	c.ClientKillByFilter(w.Context(), "TYPE", "normal", "SKIPME", "yes")
}

// note journals without folding.
func (w *line) note(shard int, p reminder.PersonKey, bodies ...any) {
	for _, b := range bodies {
		cs, to := changes(w.seq, p, b)
		w.seq = to
		w.journal[shard] = append(w.journal[shard], cs...)
	}
}

// fold folds of one shard what is journalled and not folded, as the ledger does.
func (w *line) foldShard(shard int) error {
	from, err := w.projector.Applied(w.Context(), shard)
	if err != nil {
		return err
	}
	to := from
	for _, c := range w.journal[shard] {
		to[c.Stream] = max(to[c.Stream], c.Seq)
	}
	return w.projector.Fold(w.Context(), state.Run{Shard: shard, From: from, To: to, Changes: w.journal[shard]})[0]
}

func (w *line) write(shard int, p reminder.PersonKey, bodies ...any) {
	w.Helper()
	w.note(shard, p, bodies...)
	w.ok(w.foldShard(shard))
}

// replay is what a projector does at its start.
func (w *line) replay() {
	w.Helper()
	_, err := w.projector.Begin(w.Context())
	w.ok(err)
	for shard := range w.journal {
		if len(w.journal[shard]) > 0 {
			w.ok(w.foldShard(shard))
		}
	}
}

func (w *line) ok(err error) {
	w.Helper()
	if err != nil {
		w.Fatal(err)
	}
}

func (w *line) is(err, want error) {
	w.Helper()
	if !errors.Is(err, want) {
		w.Errorf("got %v, want %v", err, want)
	}
}

// vouch certifies for longer than a test takes, so that a no is never a lapse.
func (w *line) vouch() error { return w.projector.Certify(w.Context(), time.Minute) }

// attempt books the nth person's visit, leases it and folds the intent: ready to confirm.
func (w *line) attempt(n int) state.Confirmation {
	w.Helper()
	p := key(n)
	w.write(p.Shard(), p, planned(appointment(n), p, 1, noon))
	ls, err := w.worker.Lease(w.Context(), "sms", noon, 1, time.Minute)
	w.ok(err)
	if len(ls) != 1 {
		w.Fatalf("%d leases", len(ls))
	}
	l := ls[0]
	ps, err := w.worker.Persons(w.Context(), []reminder.PersonKey{p})
	w.ok(err)
	i := receipt.Intent{Reminder: l.Reminder, Person: p, Attempt: l.Attempt, Claim: reminder.NewClaim(p), Version: l.Version, Address: hash(n), Route: "sms"}
	w.write(p.Shard(), p, i)
	return state.Confirmation{
		Reminder: l.Reminder, Person: p, Token: l.Token, Version: l.Version, PersonVersion: ps[0].Version, Attempt: l.Attempt, Claim: i.Claim,
		Address: hash(n), At: noon,
	}
}

func (w *line) confirm(c state.Confirmation) error {
	w.Helper()
	errs, err := w.worker.Confirm(w.Context(), []state.Confirmation{c})
	w.ok(err)
	return errs[0]
}

// silent sees that every gate is shut, to the worker and to the projector itself.
func (w *line) silent(c state.Confirmation) {
	w.Helper()
	for _, s := range []*redis.State{w.worker, w.projector} {
		w.is(s.Certified(w.Context()), state.ErrNotCertified)
		_, err := s.Lease(w.Context(), "sms", noon.AddDate(1, 0, 0), 9, time.Minute)
		w.is(err, state.ErrNotCertified)
		_, err = s.Persons(w.Context(), []reminder.PersonKey{c.Person})
		w.is(err, state.ErrNotCertified)
		_, err = s.Behind(w.Context(), []reminder.AddressHash{c.Address})
		w.is(err, state.ErrNotCertified)
		errs, err := s.Confirm(w.Context(), []state.Confirmation{c})
		w.ok(err)
		w.is(errs[0], state.ErrNotCertified)
		gone, err := s.Forsake(w.Context(), []receipt.Open{{Intent: receipt.Intent{Person: c.Person, Claim: c.Claim}}})
		if w.ok(err); gone[0] {
			w.Error("forsaken in a store that nobody vouches for")
		}
		// A STOP would be acknowledged over the marks that were lost, a report thrown away, the journal cut.
		_, err = s.Wires(w.Context(), c.Address, "")
		w.is(err, state.ErrNotCertified)
		_, err = s.Wires(w.Context(), "", c.Person)
		w.is(err, state.ErrNotCertified)
		_, err = s.Claimants(w.Context(), []string{c.Claim})
		w.is(err, state.ErrNotCertified)
		_, err = s.Needs(w.Context())
		w.is(err, state.ErrNotCertified)
	}
	// The worker has seen a certificate in its time.
	_, err := w.worker.Appointments(w.Context(), []reminder.AppointmentKey{appointment(1)})
	w.is(err, state.ErrNotCertified)
	w.marks(c.Address, 0)
}

func (w *line) marks(a reminder.AddressHash, want int) {
	w.Helper()
	n, err := w.raw.HLen(w.Context(), fmt.Sprintf("husk:{%02x}:marks:%s", a.Shard(), a)).Result()
	if w.ok(err); int(n) != want {
		w.Errorf("%d marks, want %d", n, want)
	}
}

func (w *line) barredInStore(a reminder.AddressHash) bool {
	w.Helper()
	is, err := w.raw.SIsMember(w.Context(), fmt.Sprintf("husk:{%02x}:stops", a.Shard()), string(a)).Result()
	w.ok(err)
	return is
}

// busy is a line that has worked for a while: an attempt that may go, and one whose address has said STOP.
func busy(t *testing.T, addr string, change ...func(*redis.Options)) (w *line, free, stopped state.Confirmation) {
	t.Helper()
	w = newLine(t, addr, change...)
	w.write(0, key(64), planned(appointment(64), key(64), 1, noon.AddDate(2, 0, 0)))
	w.ok(w.vouch())
	free, stopped = w.attempt(1), w.attempt(2)
	w.write(stopped.Address.Shard(), "", state.Bar{Address: stopped.Address})
	return w, free, stopped
}

// goesOn sees that after a replay and a new certificate everything is as it was.
func (w *line) goesOn(free, stopped state.Confirmation) {
	w.Helper()
	w.ok(w.vouch())
	w.ok(w.worker.Certified(w.Context()))
	w.is(w.confirm(stopped), state.ErrBarred)
	w.marks(stopped.Address, 0)
	err := w.confirm(free)
	if !errors.Is(err, state.ErrLost) { // its lease may have gone with the store: then it is leased again
		w.ok(err)
		w.is(w.confirm(free), state.ErrClaim)
		w.marks(free.Address, 1)
	}
	w.attempt(3)
}

func TestFlushed(t *testing.T) {
	w, free, stopped := busy(t, newServer(t, "").env["ADDR"])
	w.ok(w.raw.FlushAll(t.Context()).Err())
	if w.barredInStore(stopped.Address) {
		t.Fatal("nothing was lost")
	}
	w.silent(free)
	for range 3 { // whatever its caller makes of the first answer
		w.is(w.vouch(), redis.ErrRolledBack)
	}
	w.silent(free)
	w.note(3, key(3), planned(appointment(3), key(3), 1, noon))
	w.is(w.projector.Fold(t.Context(), state.Run{Shard: 3, To: w.seq, Changes: w.journal[3]})[0], redis.ErrRolledBack)
	w.replay()
	w.silent(free)
	w.goesOn(free, stopped)
}

// TestFlushedUnseen is a flush that only the fold meets: a shard that had nothing folded is as it was.
func TestFlushedUnseen(t *testing.T) {
	w, free, _ := busy(t, newServer(t, "").env["ADDR"])
	w.ok(w.raw.FlushAll(t.Context()).Err())
	w.note(9, key(9), planned(appointment(9), key(9), 1, noon))
	w.is(w.projector.Fold(t.Context(), state.Run{Shard: 9, To: w.seq, Changes: w.journal[9]})[0], redis.ErrRolledBack)
	for shard := range reminder.Shards { // somebody who only looks does not begin
		_, err := w.projector.Applied(t.Context(), shard)
		w.ok(err)
	}
	w.is(w.vouch(), redis.ErrRolledBack)
	w.silent(free)
}

// TestFlushedStale is a flush that a fold takes for another projector's work: Applied says what it is.
func TestFlushedStale(t *testing.T) {
	s := newServer(t, "")
	w, free, stopped := busy(t, s.env["ADDR"])
	other := must(redis.New(redis.Options{Client: w.client(), Quiet: time.Millisecond}))(t)
	w.ok(w.raw.FlushAll(t.Context()).Err())
	first := w.journal[1][0]
	w.ok(other.Fold(t.Context(), state.Run{Shard: 1, To: state.Vector{state.Journal: first.Seq}, Changes: []state.Change{first}})[0]) // another begins to replay
	_, err := w.projector.Applied(t.Context(), 1)
	w.is(err, redis.ErrRolledBack)
	w.is(w.vouch(), redis.ErrRolledBack)
	w.replay()
	w.silent(free)
	w.goesOn(free, stopped)
}

func TestScriptsFlushed(t *testing.T) {
	w, free, stopped := busy(t, newServer(t, "").env["ADDR"])
	w.ok(w.raw.ScriptFlush(t.Context()).Err())
	w.silent(free)
	w.goesOn(free, stopped) // nothing was lost: the projector sees it by itself
}

func TestRestarted(t *testing.T) {
	s := newServer(t, "--appendfsync always")
	w, free, stopped := busy(t, s.env["ADDR"])
	s.stop()
	if err := w.vouch(); err == nil {
		t.Fatal("vouches for a store that is not there")
	}
	errs, err := w.worker.Confirm(t.Context(), []state.Confirmation{free})
	if w.ok(err); errs[0] == nil {
		t.Fatal("confirmed by a store that is not there")
	}
	s.restart()
	w.silent(free)
	if !w.barredInStore(stopped.Address) {
		t.Fatal("the append-only file lost a STOP")
	}
	w.goesOn(free, stopped)
}

func TestRestoredFromOlderFiles(t *testing.T) {
	s := newServer(t, "--appendfsync always")
	w, free, stopped := busy(t, s.env["ADDR"])
	late := w.attempt(5)
	s.stop()
	backup := filepath.Join(t.TempDir(), "backup")
	copyFiles(t, s.env["DIR"], backup)
	s.restart()
	w.ok(w.vouch())
	w.write(late.Address.Shard(), "", state.Bar{Address: late.Address})
	w.is(w.confirm(late), state.ErrBarred)
	s.stop()
	copyFiles(t, backup, s.env["DIR"])
	s.restart()
	if w.barredInStore(late.Address) || !w.barredInStore(stopped.Address) {
		t.Fatal("the files are not the older ones")
	}
	w.silent(late)
	w.is(w.vouch(), redis.ErrRolledBack)
	w.silent(late)
	w.replay()
	w.silent(late)
	w.goesOn(free, late)
	w.is(w.confirm(stopped), state.ErrBarred)
}

// TestRestoredForNewcomer: a projector that never saw what was lost begins where the store is.
func TestRestoredForNewcomer(t *testing.T) {
	s := newServer(t, "--appendfsync always")
	w, free, stopped := busy(t, s.env["ADDR"])
	w.ok(w.raw.FlushAll(t.Context()).Err())
	w.projector = must(redis.New(redis.Options{Client: w.client(), Quiet: time.Millisecond}))(t)
	w.silent(free)
	w.replay()
	w.silent(free)
	w.goesOn(free, stopped)
}

// replicaOf starts a replica and waits until it has everything.
func replicaOf(t *testing.T, s *server) (*server, *goredis.Client) {
	t.Helper()
	host, port, _ := net.SplitHostPort(s.env["ADDR"])
	r := newServer(t, fmt.Sprintf("--replicaof %s %s", host, port))
	c := client(t, r.env["ADDR"])
	wait(t, "the replica to catch up", func() bool {
		return strings.Contains(c.Info(t.Context(), "replication").Val(), "master_link_status:up")
	})
	wait(t, "the replica to write its first file, without which it can't be stopped", func() bool {
		said := c.Info(t.Context(), "persistence").Val()
		return strings.Contains(said, "aof_rewrite_in_progress:0") && strings.Contains(said, "aof_rewrite_scheduled:0")
	})
	return r, c
}

func wait(t *testing.T, what string, f func() bool) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); !f(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("waited in vain for %s", what)
		}
	}
}

func TestReplicaPromotedWithoutAStop(t *testing.T) {
	old := newServer(t, "--repl-diskless-sync-delay 0")
	w, free, stopped := busy(t, old.env["ADDR"])
	late := w.attempt(5)
	next, promoted := replicaOf(t, old)
	certificate := fmt.Sprintf("husk:{%02x}:certificate", late.Person.Shard())
	wait(t, "the certificate to be replicated", func() bool { return promoted.Exists(t.Context(), certificate).Val() == 1 })
	w.ok(promoted.ReplicaOf(t.Context(), "no", "one").Err())
	w.write(late.Address.Shard(), "", state.Bar{Address: late.Address}) // the old master alone hears of it
	w.is(w.confirm(late), state.ErrBarred)
	w.move(next.env["ADDR"])
	if w.barredInStore(late.Address) {
		t.Fatal("the replica has the STOP")
	}
	if until := must(w.raw.HGet(t.Context(), certificate, "until").Int64())(t); time.UnixMilli(until).Before(time.Now()) {
		t.Fatal("the replicated certificate has lapsed, which proves nothing")
	}
	w.silent(late)
	w.is(w.vouch(), redis.ErrRolledBack)
	w.silent(late)
	w.replay()
	w.silent(late)
	w.goesOn(free, late)
	w.is(w.confirm(stopped), state.ErrBarred)

	// The old master comes back as a replica, and is promoted in its turn: its scripts are of another time.
	host, port, _ := net.SplitHostPort(next.env["ADDR"])
	back := client(t, old.env["ADDR"])
	w.ok(back.ReplicaOf(t.Context(), host, port).Err())
	nonce := must(w.raw.HGet(t.Context(), certificate, "nonce").Result())(t)
	wait(t, "the old master to follow", func() bool { return back.HGet(t.Context(), certificate, "nonce").Val() == nonce })
	w.ok(back.ReplicaOf(t.Context(), "no", "one").Err())
	w.move(old.env["ADDR"])
	w.silent(w.journalled(6))
	w.ok(w.vouch())
	w.is(w.confirm(late), state.ErrBarred)
	w.is(w.confirm(free), state.ErrClaim) // it has left already
	w.attempt(6)
}

// journalled is a confirmation that no store has heard of.
func (w *line) journalled(n int) state.Confirmation {
	return state.Confirmation{Person: key(n), Address: hash(n), Claim: reminder.NewClaim(key(n)), At: noon}
}

// TestOldMasterThatStillAnswers: a worker that is cut off with the old master is told no when the certificate there lapses.
func TestOldMasterThatStillAnswers(t *testing.T) {
	w, free, _ := busy(t, newServer(t, "").env["ADDR"])
	w.ok(w.projector.Certify(t.Context(), 100*time.Millisecond))
	time.Sleep(200 * time.Millisecond)
	w.silent(free)
}
