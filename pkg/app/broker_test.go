package app

import (
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"github.com/husk-reminders/husk/pkg/config"
	"github.com/husk-reminders/husk/pkg/journal"
	"github.com/husk-reminders/husk/pkg/receipt"
)

func freePort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// A booking system may publish events and hear that they were taken, and nothing else: it reads nobody's data and writes
// nothing into the journal.
func TestBookingSystemsPort(t *testing.T) {
	addr := freePort(t)
	w := newWorld(t, func(c *config.Config) {
		c.Broker.Listen, c.Broker.User, c.Broker.PasswordFile = addr, "cosmic", filepath.Join(c.Data, "password")
		if err := os.WriteFile(c.Broker.PasswordFile, []byte("hunter2\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	})
	if _, err := nats.Connect("nats://" + addr); err == nil {
		t.Error("connected without a password")
	}
	if _, err := nats.Connect("nats://"+addr, nats.UserInfo("husk", "hunter2")); err == nil {
		t.Error("connected as ourselves")
	}
	var mu sync.Mutex
	denied := 0
	nc, err := nats.Connect("nats://"+addr, nats.UserInfo("cosmic", "hunter2"), nats.ErrorHandler(func(*nats.Conn, *nats.Subscription, error) {
		mu.Lock()
		denied++
		mu.Unlock()
	}))
	w.ok(err)
	defer nc.Close()
	var seen []string
	listen := func(subject string) {
		_, err := nc.Subscribe(subject, func(m *nats.Msg) {
			mu.Lock()
			seen = append(seen, m.Subject+" "+string(m.Data))
			mu.Unlock()
		})
		w.ok(err)
	}
	listen("_INBOX.>")
	for _, s := range []string{">", "husk.>", "husk.events.>", "$JS.>", "$SYS.>", "$KV.>"} {
		listen(s)
	}
	w.ok(nc.Flush())

	subject, data := event(1, 1)
	answer, err := nc.Request(subject, data, 5*time.Second)
	if err != nil || !strings.Contains(string(answer.Data), `"stream":"HUSK_EVENTS"`) {
		t.Fatalf("the event is not taken: %v", err)
	}
	w.wait("the event is planned", func() bool { return w.counts()[receipt.Planned] == 2 })
	ends := map[journal.Stream]uint64{}
	for _, s := range journal.Streams {
		e, err := w.journal.End(t.Context(), s)
		w.ok(err)
		ends[s] = e.Last
	}
	for _, s := range []string{"husk.journal.plan.00", "husk.stop.00", "$JS.API.STREAM.PURGE.HUSK_STOP", "$JS.API.STREAM.NAMES", "$KV.husk_units.x"} {
		w.ok(nc.Publish(s, []byte(`{"v":1,"k":"bar"}`)))
		// An acknowledgement that is asked for there must not land in the journal.
		w.ok(nc.PublishMsg(&nats.Msg{Subject: subject, Reply: s, Data: data}))
	}
	w.ok(nc.Flush())
	w.settle()
	w.publish(2, 1)
	w.settle()
	for _, s := range journal.Streams {
		if s == journal.StreamKeys || s == journal.StreamJournal {
			continue // the second appointment's
		}
		if e, err := w.journal.End(t.Context(), s); err != nil || e.Last != ends[s] {
			t.Errorf("%s went from %d to %d, %v", s, ends[s], e.Last, err)
		}
	}
	if got := w.counts(); got[receipt.Planned] != 4 {
		t.Errorf("counts %v", got)
	}
	w.is(w.State.Certified(t.Context()), nil)
	mu.Lock()
	defer mu.Unlock()
	for _, s := range seen {
		if strings.Contains(s, cpr(1)) || strings.Contains(s, cpr(2)) || strings.Contains(s, "husk.journal") || strings.Contains(s, "HUSK_KEYS") {
			t.Errorf("the booking system sees %.80s", s)
		}
	}
	if denied < 6 {
		t.Errorf("%d subscriptions and publishes were denied", denied)
	}
}

// What a booking system chooses, a subject above all, can hold a national id: the broker complains of it without a word of it.
func TestBrokerLogTellsNothingASystemChose(t *testing.T) {
	const id = "0101701234"
	core, logs := observer.New(zap.DebugLevel)
	addr, dir := freePort(t), t.TempDir()
	c := config.Default().Broker
	c.Listen, c.User, c.PasswordFile = addr, "cosmic", filepath.Join(dir, "password")
	if err := os.WriteFile(c.PasswordFile, []byte("hunter2\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	b, err := startBroker(c, filepath.Join(dir, "broker"), make([]byte, 32), zap.New(core))
	if err != nil {
		t.Fatal(err)
	}
	defer b.stop()
	counted := func(complaint string) int {
		return logs.Filter(func(e observer.LoggedEntry) bool { return e.ContextMap()["complaint"] == complaint }).Len()
	}
	told := func(complaint string, at int) {
		t.Helper()
		for end := time.Now().Add(10 * time.Second); counted(complaint) < at; time.Sleep(5 * time.Millisecond) {
			if time.Now().After(end) {
				t.Fatalf("%q was told %d times, want %d; the log: %+v", complaint, counted(complaint), at, logs.All())
			}
		}
	}
	nc, err := nats.Connect("nats://"+addr, nats.UserInfo("cosmic", "hunter2"), nats.Name("for "+id), nats.ErrorHandler(func(*nats.Conn, *nats.Subscription, error) {}))
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	for _, err := range []error{
		nc.Publish("husk.event.cosmic."+id, nil),
		nc.PublishRequest("husk.events.cosmic."+id, "%d."+id, nil),
		nc.PublishRequest("husk.event.cosmic."+id, "_INBOX."+id, nil),
		nc.Flush(),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	told("publish violation", 2)
	_, err = nc.SubscribeSync("husk.journal." + id + ".%s")
	_, errQueue := nc.QueueSubscribeSync("husk.journal."+id, "q"+id)
	if err := errors.Join(err, errQueue, nc.Flush()); err != nil {
		t.Fatal(err)
	}
	told("subscription violation", 2)
	for _, e := range logs.Filter(func(e observer.LoggedEntry) bool { return e.ContextMap()["complaint"] != nil }).All() {
		if e.ContextMap()["user"] != "cosmic" {
			t.Errorf("whose it is is not told: %+v", e)
		}
	}
	if _, err := nats.Connect("nats://"+addr, nats.UserInfo(id, "hunter2")); err == nil {
		t.Error("connected as somebody else")
	}
	told("authentication error", 1)
	raw, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer raw.Close()
	if _, err := raw.Write([]byte("CONNECT {\"user\":\"cosmic\",\"pass\":\"hunter2\"}\r\nPUBB " + id + "\r\n")); err != nil {
		t.Fatal(err)
	}
	told("parser error", 1)
	for _, e := range logs.All() {
		if text := fmt.Sprint(e.Message, e.ContextMap()); strings.Contains(text, id) || strings.Contains(text, "hunter2") {
			t.Errorf("the log holds what a system chose: %s", text)
		}
	}
	// What is the broker's own is still told.
	if logs.FilterMessageSnippet("Starting JetStream").Len()+logs.FilterMessageSnippet("Server is ready").Len() == 0 {
		t.Errorf("nothing of the broker's own is in the log: %+v", logs.All())
	}
}

// The embedded broker opens no port unless asked, and its files hold nothing in the clear.
func TestBrokerKeepsToItself(t *testing.T) {
	w := newWorld(t)
	if a := w.broker.ns.Addr(); a != nil {
		t.Errorf("listens on %v", a)
	}
	w.publish(1, 1, func(e map[string]any) { e["patient"].(map[string]any)["given_name"] = "Kanariafugl" })
	w.settle()
	w.ok(yes(w.ctx, w.App, 1, number(1)))
	vs, err := w.Ledger.Reminders(t.Context(), filterOf(receipt.Planned))
	w.ok(err)
	w.ok(w.end())
	files := 0
	w.ok(filepath.Walk(w.dir, func(path string, f os.FileInfo, err error) error {
		if err != nil || f.IsDir() {
			return err
		}
		b, err := os.ReadFile(path)
		files++
		for _, s := range []string{cpr(1), "Kanariafugl", "20100001", string(vs[0].ID), "A-1\""} {
			if strings.Contains(string(b), s) {
				t.Errorf("%s holds %s", path, s)
			}
		}
		if f.Mode().Perm()&0o077 != 0 && !strings.Contains(path, string(filepath.Separator)+"broker"+string(filepath.Separator)) {
			t.Errorf("%s is open to others: %v", path, f.Mode())
		}
		return err
	}))
	if files < 10 {
		t.Errorf("%d files", files)
	}
}
