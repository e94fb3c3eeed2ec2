package command

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/husk-reminders/husk/pkg/app"
	"github.com/husk-reminders/husk/pkg/config"
	"github.com/husk-reminders/husk/pkg/ledger"
	"github.com/husk-reminders/husk/pkg/web"
)

const (
	person = "DK 010170-1234\n"
	number = "20 12 34 56\n"
)

// place is a data directory with a path short enough for a socket, and the program as people call it there.
type place struct {
	t   *testing.T
	dir string
	all bytes.Buffer // everything that was printed
}

func newPlace(t *testing.T) *place {
	t.Helper()
	dir, err := os.MkdirTemp("/tmp", "husk")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	t.Setenv("XDG_CONFIG_HOME", dir) // no configuration of whoever runs the test
	return &place{t: t, dir: filepath.Join(dir, "data")}
}

// husk runs a command and returns its output, its errors and its exit code.
func (p *place) husk(stdin string, args ...string) (string, string, int) {
	p.t.Helper()
	var out, errs bytes.Buffer
	code := run(p.t.Context(), append([]string{"--data", p.dir}, args...), strings.NewReader(stdin), &out, &errs)
	p.all.Write(out.Bytes())
	p.all.Write(errs.Bytes())
	return out.String(), errs.String(), code
}

// must is husk for what must succeed.
func (p *place) must(stdin string, args ...string) string {
	p.t.Helper()
	out, errs, code := p.husk(stdin, args...)
	if code != 0 {
		p.t.Fatalf("husk %s: %d\n%s%s", strings.Join(args, " "), code, out, errs)
	}
	return out
}

// read is must with --json.
func (p *place) read(into any, stdin string, args ...string) {
	p.t.Helper()
	out := p.must(stdin, append(args, "--json")...)
	if err := json.Unmarshal([]byte(out), into); err != nil {
		p.t.Fatalf("husk %s: %v\n%s", strings.Join(args, " "), err, out)
	}
}

// serve runs husk serve until stop is called, and returns the line it printed when it was ready.
func (p *place) serve(args ...string) (ready string, stop func() int) {
	p.t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	r, w := io.Pipe()
	code, errs := make(chan int, 1), &lockedBuffer{}
	go func() {
		code <- run(ctx, append([]string{"--data", p.dir, "serve", "--http-listen", "127.0.0.1:0"}, args...), strings.NewReader(""), w, errs)
		_ = w.Close()
	}()
	stop = sync.OnceValue(func() int { cancel(); return <-code })
	p.t.Cleanup(func() { stop() })
	said := bufio.NewReader(r)
	line, err := said.ReadString('\n')
	if err != nil {
		p.t.Fatalf("husk serve: %v: %d\n%s", err, stop(), errs)
	}
	go func() { _, _ = io.Copy(io.Discard, said) }() // until it has ended: what is printed later must not hold it up
	return line, stop
}

type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

// both runs a test without and beside a running husk serve.
func both(t *testing.T, before func(p *place), test func(t *testing.T, p *place, serving bool)) {
	for _, serving := range []bool{false, true} {
		t.Run(map[bool]string{false: "alone", true: "beside serve"}[serving], func(t *testing.T) {
			p := newPlace(t)
			if before != nil {
				before(p)
			}
			if serving {
				_, stop := p.serve()
				defer func() {
					if code := stop(); code != 0 {
						t.Errorf("husk serve: exit code %d", code)
					}
				}()
			}
			test(t, p, serving)
		})
	}
}

func TestGrantShowWithdraw(t *testing.T) {
	both(t, nil, func(t *testing.T, p *place, _ bool) {
		notice := filepath.Join(p.dir, "..", "notice.txt")
		if err := os.WriteFile(notice, []byte("We remind you by SMS."), 0o600); err != nil {
			t.Fatal(err)
		}
		p.must(person, "person", "consent", "grant", "--channels", "sms", "--method", "desk", "--notice", "sms-1", "--notice-file", notice, "--notice-language", "da")
		var rec web.Recorded
		p.read(&rec, person+number, "person", "address", "verify", "--channel", "sms", "--method", "desk-id")
		var x web.Person
		p.read(&x, "", "person", "show", "--person", string(rec.Person), "--reason", "test")
		if !x.Known || len(x.Consent) != 1 || len(x.Addresses) != 1 || !x.Addresses[0].Usable || x.Addresses[0].Hash != rec.Hash {
			t.Fatalf("%+v", x)
		}
		p.must(person, "person", "consent", "withdraw", "--method", "phone")
		p.must("", "person", "address", "wrong", "--channel", "sms", "--hash", string(rec.Hash), "--person", string(rec.Person))
		p.read(&x, person, "person", "show", "--reason", "test")
		if len(x.Consent) != 2 || x.Consent[1].Type != "withdrawn" || x.Addresses[0].Usable || !x.Addresses[0].Wrong {
			t.Fatalf("%+v", x)
		}
		if out := p.must(person, "person", "show", "--reason", "test"); !strings.Contains(out, "withdrawn") || !strings.Contains(out, "wrong") {
			t.Error(out)
		}
		for _, secret := range []string{"0101701234", "010170-1234", "20123456", "20 12 34 56"} {
			if strings.Contains(p.all.String(), secret) {
				t.Errorf("%q was printed", secret)
			}
		}
	})
}

func TestNationalIDOnTheCommandLine(t *testing.T) {
	p := newPlace(t)
	for _, args := range [][]string{
		{"person", "show", "0101701234"},
		{"person", "show", "--person", "010170-1234"},
		{"person", "show", "--person=010170-1234", "--reason", "x"},
		{"person", "show", "DK", "010170", "1234"},
		{"person", "0101701234"},
		{"0101701234"},
		{"--0101701234"},
		{"status", "--next", "0101701234"},
		{"person", "show", "--reason", "for 131052-308T"},
		{"person", "show", "131052A308T"},
		{"person", "show", "19121212-1212"},
		{"person", "show", "121212+1212"},
		{"person", "show", "01010112345"},
		{"person", "show", "010101 12345"},
		{"person", "show", "0101701AB4"},
		{"reminder", "show", "0101701234"},
	} {
		out, errs, code := p.husk("", args...)
		if code != 2 || !strings.Contains(errs, "national id does not belong on the command line") {
			t.Errorf("%v: %d %s%s", args, code, out, errs)
		}
		for _, a := range args {
			if strings.ContainsAny(a, "0123456789") && strings.Contains(out+errs, strings.TrimLeft(a, "-")) {
				t.Errorf("%v: the message repeats it: %s", args, errs)
			}
		}
	}
	if _, err := os.Stat(p.dir); err == nil {
		t.Error("a command that was refused touched the data directory")
	}
	// What merely has digits passes.
	for _, args := range [][]string{
		{"--data", "/tmp/TestGrant1234567890/001"},
		{"--data=/srv/0123456789/husk"},
		{"--person", "1-01234567890123456789012345678901"},
		{"dead", "replay", "123456789"},
		{"--valid-until", "2026-03-12T14:30:00+01:00"},
	} {
		if err := refuseNationalIDs(args); err != nil {
			t.Errorf("%v: %v", args, err)
		}
	}
}

func TestBadInputOnStandardInput(t *testing.T) {
	p := newPlace(t)
	for stdin, want := range map[string]string{
		"":                    "nothing on standard input",
		"0101701234\n":        "country and national id",
		"DK 0101701234567\n":  "id: want",
		"XX 0101701234\n":     "country: want one of",
		"DK 9999999999\n":     "id: want",
		person:                "nothing on standard input: want the phone number",
		person + "12345678x":  "a number has no letters",
		person + "2012345\n":  "address: ",
		person + "0101701234": "address: ",
	} {
		_, errs, code := p.husk(stdin, "person", "address", "add", "--channel", "sms", "--method", "staff")
		if code == 0 || !strings.Contains(errs, want) {
			t.Errorf("%q: %d %s, want %q", stdin, code, errs, want)
		}
		for _, word := range strings.Fields(stdin) {
			if len(word) > 4 && strings.Contains(errs, word) {
				t.Errorf("%q is repeated: %s", word, errs)
			}
		}
	}
}

func TestStopAndResume(t *testing.T) {
	both(t, nil, func(t *testing.T, p *place, serving bool) {
		if _, errs, code := p.husk("", "stop"); code != 1 || !strings.Contains(errs, "reason") {
			t.Errorf("no reason: %d %s", code, errs)
		}
		if _, errs, code := p.husk("", "stop", "unit:nowhere", "--reason", "x"); code != 1 || !strings.Contains(errs, "unit") {
			t.Errorf("no such unit: %d %s", code, errs)
		}
		p.must("", "stop", "--reason", "wrong texts")
		p.must("", "stop", "carrier:sms", "--reason", "too slow")
		out := p.must("", "status")
		for _, want := range []string{"all: wrong texts", "carrier:sms: too slow"} {
			if !strings.Contains(out, want) {
				t.Errorf("no %q in\n%s", want, out)
			}
		}
		if running := strings.Contains(out, "running, process "+strconv.Itoa(os.Getpid())); running != serving {
			t.Errorf("the line runs: %v, but status says\n%s", serving, out)
		}
		p.must("", "resume", "--reason", "mended")
		var now web.Switches
		p.read(&now, "", "resume", "carrier:sms", "--reason", "mended")
		if len(now.Stopped) != 0 {
			t.Errorf("still stopped: %v", now.Stopped)
		}
		if _, _, code := p.husk("", "resume", "--reason", "again"); code != 1 {
			t.Error("resumed what was not stopped")
		}
	})
}

// bury makes a dead letter, as a booking system with a fault does.
func bury(p *place) {
	p.t.Helper()
	c := config.Default()
	c.Data, c.HTTP.Listen = p.dir, ""
	c, err := c.Resolved()
	if err != nil {
		p.t.Fatal(err)
	}
	a, err := app.Open(p.t.Context(), app.Options{Config: c})
	if err != nil {
		p.t.Fatal(err)
	}
	defer a.Close()
	ctx, cancel := context.WithCancel(p.t.Context())
	ended := make(chan error, 1)
	go func() { ended <- a.Run(ctx) }()
	if err := a.Publish(ctx, "husk.events.his.nowhere", "", []byte("{\"torn \x1b[31moff")); err != nil {
		p.t.Fatal(err)
	}
	until(p.t, func() bool { ds, err := a.Ledger.DeadLetters(ctx); return err == nil && len(ds) == 1 })
	cancel()
	if err := <-ended; err != nil {
		p.t.Fatal(err)
	}
}

func until(t *testing.T, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); !ok(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("it never came to be")
		}
	}
}

func TestDeadLetters(t *testing.T) {
	both(t, bury, func(t *testing.T, p *place, serving bool) {
		if out := p.must("", "dead", "list"); !strings.Contains(out, "his") || strings.Contains(out, "torn") || strings.Contains(out, "nowhere") {
			t.Errorf("the listing shows content, or not enough:\n%s", out)
		}
		if _, errs, code := p.husk("", "dead", "show", "1"); code != 1 || !strings.Contains(errs, "reason") {
			t.Errorf("shown without a reason: %d %s", code, errs)
		}
		out := p.must("", "dead", "show", "1", "--reason", "test")
		if !strings.Contains(out, `{"torn `) || !strings.Contains(out, "husk.events.his.nowhere") || strings.Contains(out, "\x1b") {
			t.Errorf("%q", out)
		}
		if _, errs, code := p.husk("", "dead", "show", "2", "--reason", "test"); code != 1 || !strings.Contains(errs, "not found") {
			t.Errorf("one that is not: %d %s", code, errs)
		}
		p.must("", "dead", "replay", "--all")
		until(t, func() bool {
			var ds []ledger.DeadLetter
			p.read(&ds, "", "dead", "list")
			if serving { // it is still wrong, so it comes back
				return len(ds) == 1 && ds[0].ID == 2
			}
			return len(ds) == 0
		})
		if _, _, code := p.husk("", "dead", "replay"); code != 2 {
			t.Errorf("nothing to replay named: %d", code)
		}
	})
}

func TestStateRebuild(t *testing.T) {
	both(t, nil, func(t *testing.T, p *place, _ bool) {
		p.must(person, "person", "consent", "refuse", "--method", "desk")
		p.must("", "stop", "--reason", "x")
		var r web.Rebuilt
		p.read(&r, "", "state", "rebuild")
		if r.Entries != 2 || r.Seconds <= 0 {
			t.Errorf("%+v, want the refusal and the switch", r)
		}
		var x web.Person
		p.read(&x, person, "person", "show", "--reason", "x")
		if len(x.Consent) != 1 {
			t.Errorf("after the rebuilding: %+v", x)
		}
	})
}
