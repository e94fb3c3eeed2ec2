//go:build unix

package acceptance

import (
	"bufio"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-smtp"
)

// carrierFaults are those of the mail server, and the stop that an operator pulls.
func carrierFaults(t *testing.T) (*outage, []fault) {
	c, stranger, open := newCarrier(t), newCarrier(t), newCarrier(t)
	var mu sync.Mutex
	var refuse error // the answer to every message
	says := func(err error) {
		mu.Lock()
		defer mu.Unlock()
		refuse = err
	}
	c.answer = func(letter) error {
		mu.Lock()
		defer mu.Unlock()
		return refuse
	}
	door := newProxy(t, net.JoinHostPort(c.host, strconv.Itoa(c.port)))
	h := newHouse(t, c, "")
	host, port, err := net.SplitHostPort(door.addr())
	h.must(err)
	h.settings["carriers.email.settings.host"], h.settings["carriers.email.settings.port"] = host, port
	h.settings["carriers.email.settings.dial_timeout"], h.settings["carriers.email.settings.reply_timeout"] = "1s", "3s"
	x := newOutage(t, h, c)
	x.strays = []*carrier{stranger, open}

	lead := func(to string) func(*outage) { return func(*outage) { door.lead(to) } }
	mend := lead(net.JoinHostPort(c.host, strconv.Itoa(c.port)))
	closed := decides("route_closed")
	stop := func(on bool) func(*outage) {
		return func(x *outage) {
			x.t.Helper()
			x.h.must(x.staff.ask(http.MethodPost, "/v1/switches", map[string]any{"name": "all", "on": on, "reason": "a trial of the stop"}, nil))
		}
	}
	return x, []fault{
		{name: "the carrier hangs up", strike: lead(""), told: closed, repair: mend},
		{name: "nobody listens where the carrier was", strike: lead(freePort(t)), told: closed, repair: mend},
		{name: "the carrier is silent", strike: lead(peer(t, func(conn net.Conn) { _, _ = io.Copy(io.Discard, conn) })), told: closed, repair: mend},
		{name: "the carrier has no time (421)", strike: lead(peer(t, speaks("421 4.3.2 come back later"))), told: closed, repair: mend},
		{name: "the carrier speaks another language", strike: lead(peer(t, speaks("HTTP/1.1 200 OK"))), told: closed, repair: mend},
		{name: "the carrier's certificate is another authority's", strike: lead(net.JoinHostPort(stranger.host, strconv.Itoa(stranger.port))), told: closed, repair: mend},
		{name: "the carrier offers no TLS", strike: lead(clearly(t, open)), told: closed, repair: mend},
		{
			name: "the carrier refuses for now (451)", strike: func(*outage) { says(refusal(451, "not now")) },
			told:   counts("husk_dispatch_outcomes_total", `outcome="refused"`, `route="email"`),
			repair: func(*outage) { says(nil) },
		},
		{name: "everything is stopped", strike: stop(true), told: decides("kill_switch"), repair: stop(false)},
	}
}

// peer is a server that does one thing with each connection. It returns its address.
func peer(t *testing.T, with func(net.Conn)) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			wg.Go(func() {
				defer func() { _ = conn.Close() }()
				with(conn)
			})
		}
	})
	t.Cleanup(wg.Wait)
	t.Cleanup(func() { _ = l.Close() })
	return l.Addr().String()
}

// speaks says one line and listens to one.
func speaks(line string) func(net.Conn) {
	return func(conn net.Conn) {
		_, _ = fmt.Fprintf(conn, "%s\r\n", line)
		_, _ = bufio.NewReader(conn).ReadString('\n')
	}
}

// clearly is a carrier's second door, at which it takes mail in the clear.
func clearly(t *testing.T, c *carrier) string {
	t.Helper()
	s := smtp.NewServer(smtp.BackendFunc(func(conn *smtp.Conn) (smtp.Session, error) { return &trusting{session{carrier: c, conn: conn}}, nil }))
	s.Domain, s.ErrorLog = "localhost", log.New(io.Discard, "", 0)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() { defer close(done); _ = s.Serve(l) }()
	t.Cleanup(func() { _ = s.Close(); <-done })
	return l.Addr().String()
}

// trusting is a session that asks for no TLS.
type trusting struct{ session }

func (*trusting) Mail(string, *smtp.MailOptions) error { return nil }

// fileFaults are those of what the process reads at its start.
func fileFaults(t *testing.T) (*outage, []fault) {
	c := newCarrier(t)
	h := newHouse(t, c, "")
	x := newOutage(t, h, c)
	keys, units := filepath.Join(h.data, "keys", "keyset.json"), h.units
	packs, texts := x.shipped("config/policy", ".yaml"), x.shipped("templates", ".txt")
	until := "valid_from: 2019-07-16\n"
	none := x.replaced(packs, "dk-2019.yaml", until, until)
	delete(none, "dk-2019.yaml")
	yesterday := time.Now().AddDate(0, 0, -1).Format(time.DateOnly)

	dir := func(files map[string]string) func(*outage) string {
		return func(x *outage) string { return x.directory(files) }
	}
	withUnits := func(text string) func(*outage) { return again(func(x *outage) { x.h.units = text }) }
	backUnits := func(x *outage) { x.halt(); x.h.units = units; x.h.serve() }
	withKeys := func(change func(x *outage) error) func(*outage) {
		return again(func(x *outage) {
			x.h.must(os.Rename(keys, keys+".kept"))
			x.h.must(change(x))
		})
	}
	backKeys := func(x *outage) { x.halt(); x.h.must(os.Rename(keys+".kept", keys)); x.h.serve() }
	return x, []fault{
		{name: "started again, and nothing wrong", sound: true, strike: again(func(*outage) {})},
		{name: "no pack for the country", strike: set("policy.dir", dir(none)), told: decides("policy_missing"), repair: unset("policy.dir")},
		{
			name: "the pack has expired", strike: set("policy.dir", dir(x.replaced(packs, "dk-2019.yaml", until, until+"valid_until: "+yesterday+"\n"))),
			told: decides("policy_missing"), repair: unset("policy.dir"),
		},
		{
			name: "the pack is damaged", early: true, strike: set("policy.dir", dir(x.replaced(packs, "dk-2019.yaml", "basis:", "basis: [:"))),
			told: refuses("dk-2019"), repair: unset("policy.dir"),
		},
		{name: "the directory has not the unit", early: true, strike: withUnits(unitsFile(unitIDs[1:]...)), told: decides("unavailable"), repair: backUnits},
		{name: "the directory is damaged", early: true, strike: withUnits(units[:len(units)/2]), told: refuses("units"), repair: backUnits},
		{
			name: "a template says a number that nothing explains", strike: set("templates.dir", dir(x.replaced(texts, "da/reminder.email.txt", "Venlig hilsen", "Ring 47 11 08 15 16.\nVenlig hilsen"))),
			told: func(x *outage) bool { return x.staff.status().Counts["held"] >= roundSize },
			repair: func(x *outage) {
				unset("templates.dir")(x)
				for i := range x.round { // the booking system says them again
					x.round[i].revision = 2
					x.publish(x.round[i])
				}
			},
		},
		{
			name: "a template is damaged", early: true, strike: set("templates.dir", dir(x.replaced(texts, "da/reminder.email.txt", "{weekday} {date}\n", "{weekday} {datum}\n"))),
			told: refuses("reminder.email"), repair: unset("templates.dir"),
		},
		{name: "the keyset is lost", early: true, strike: withKeys(func(*outage) error { return nil }), told: refuses("keyset"), repair: backKeys},
		{
			name: "the keyset is another installation's", early: true, strike: withKeys(func(x *outage) error {
				x.h.output("keys", "new")
				return nil
			}), told: refuses("key"), repair: backKeys,
		},
		{name: "the data can't be written", early: true, needs: mounts, strike: again(readOnly), told: refuses("read-only"), repair: func(x *outage) {
			x.halt()
			x.undo[0]()
			x.undo = nil
			x.h.serve()
		}},
	}
}

// readOnly makes the data directory one that nobody can write to, root included.
func readOnly(x *outage) {
	x.t.Helper()
	for _, args := range [][]string{{"--bind", x.h.data, x.h.data}, {"-o", "remount,bind,ro", x.h.data}} {
		if out, err := exec.Command("mount", args...).CombinedOutput(); err != nil {
			x.t.Fatalf("mount: %s", out)
		}
		if len(x.undo) == 0 {
			x.undo = append(x.undo, func() {
				if out, err := exec.Command("umount", x.h.data).CombinedOutput(); err != nil {
					x.t.Errorf("umount: %s", out)
				}
			})
		}
	}
}
