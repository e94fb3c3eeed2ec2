package app

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	defaults "github.com/husk-reminders/husk/config"
	"github.com/husk-reminders/husk/pkg/config"
	"github.com/husk-reminders/husk/pkg/provider"
	"github.com/husk-reminders/husk/pkg/reminder"
	"github.com/husk-reminders/husk/pkg/state"
)

// team is where the notices of a test go.
const team = "team@example.org"

// toldByMail gives the unit rh-ortho a function address, and other units too.
func toldByMail(t *testing.T, to string, others ...string) func(*config.Config) {
	t.Helper()
	is := defaults.Units
	for _, u := range append(others, "rh-ortho") {
		with := bytes.Replace(is, []byte("      - id: "+u), []byte("      - function_mail: "+to+"\n        from: {text: \"husk@example.org\", class: 0}\n        id: "+u), 1)
		if bytes.Equal(is, with) {
			t.Fatalf("there is no unit %s", u)
		}
		is = with
	}
	file := filepath.Join(t.TempDir(), "units.yaml")
	if err := os.WriteFile(file, is, 0o600); err != nil {
		t.Fatal(err)
	}
	return func(c *config.Config) {
		c.Units.File, c.Notices.Allow, c.Pages.URL = file, config.List{"example.org"}, "https://husk.hospital.example"
	}
}

// wishes has somebody write that they may not come, and two days go by.
func (w *world) wishes() {
	w.Helper()
	w.publish(1, 1)
	w.settle()
	w.ok(yes(w.ctx, w.App, 1, number(1)))
	w.ok(w.Replies.Wish(w.ctx, number(1), "outbox"))
	w.clock.to(w.clock.Now().Add(48 * time.Hour))
}

func (w *world) notice(want int) {
	w.Helper()
	if n, err := w.Sweep(w.ctx, "notices"); err != nil || n != want {
		w.Errorf("%d units are told, %v; want %d", n, err, want)
	}
}

// A unit is told once a day, also by the process that comes after.
func TestNoticeOnceADay(t *testing.T) {
	w := newWorld(t, toldByMail(t, team))
	w.notice(0)
	w.wishes()
	w.notice(1)
	w.notice(0)
	w.restart()
	w.notice(0)
	mails := w.messages()[team]
	if len(mails) != 1 || len(w.messages()) != 1 {
		t.Fatalf("%v", w.messages())
	}
	_, text, _ := strings.Cut(mails[0], "\n\n")
	for _, want := range []string{"Purpose: staff-notice\n", "From: husk@example.org\n", "Subject: Husk: noget venter på jer\n"} {
		if !strings.Contains(mails[0], want) {
			t.Errorf("without %q:\n%s", want, mails[0])
		}
	}
	if !strings.Contains(text, "Ønsker om afbud: 1\nhttps://husk.hospital.example/replies\n") || strings.Contains(text, cpr(1)) || strings.Contains(text, "A-1") {
		t.Errorf("the mail is:\n%s", text)
	}
	w.clock.to(w.clock.Now().Add(24 * time.Hour))
	w.notice(1)
	ws, err := w.Replies.Wishes(w.ctx, "")
	w.ok(err)
	w.ok(w.Replies.Handled(w.ctx, ws[0].ID, "karen"))
	w.clock.to(w.clock.Now().Add(24 * time.Hour))
	w.notice(0)
}

// Without an allow-list nobody is written to, and with one no other unit is opened at all.
func TestNoticeAllowList(t *testing.T) {
	off := toldByMail(t, team)
	w := newWorld(t, off, func(c *config.Config) { c.Notices.Allow = nil })
	w.wishes()
	w.notice(0)
	if len(w.messages()) != 0 {
		t.Errorf("sent %v", w.messages())
	}
	c, err := configIn(t.TempDir(), toldByMail(t, "team@elsewhere.example"))
	w.ok(err)
	_, err = Open(t.Context(), Options{Config: c})
	if err == nil || !strings.Contains(err.Error(), `unit "rh-ortho": function_mail`) || !strings.Contains(err.Error(), "notices.allow") || strings.Contains(err.Error(), "team@") {
		t.Errorf("another domain: %v", err)
	}
}

// downCarrier is a carrier that can't be reached for a while.
type downCarrier struct {
	provider.Sender
	down  bool
	tried int
}

func (d *downCarrier) Open(ctx context.Context) (provider.Slot, error) {
	d.tried++
	if d.down {
		return nil, &provider.Error{Outcome: provider.Retry, Code: "connection_refused"}
	}
	return d.Sender.Open(ctx)
}

// A mail that can't leave is tried again by the next sweep; one that may have left is not.
func TestNoticeWhileTheCarrierIsDown(t *testing.T) {
	w := newWorld(t, toldByMail(t, team))
	w.wishes()
	n, err := w.openNoticesBy(func(s provider.Sender) provider.Sender { return &downCarrier{Sender: s, down: true} })
	w.ok(err)
	for range 2 {
		if told, err := n.sweep(w.ctx); told != 0 || provider.OutcomeOf(err) != provider.Retry || strings.Contains(err.Error(), "@") {
			t.Errorf("%d told, %v", told, err)
		}
	}
	w.notice(1)
	w.clock.to(w.clock.Now().Add(24 * time.Hour))
	n, err = w.openNoticesBy(func(s provider.Sender) provider.Sender { return doubtful{s} })
	w.ok(err)
	if told, err := n.sweep(w.ctx); told != 0 || err == nil || provider.OutcomeOf(err) != provider.Unknown {
		t.Errorf("%d told, %v", told, err)
	}
	w.notice(0)
}

// A unit that a switch stops is neither marked nor a failure: those behind it are told, however many are stopped, and it is told later.
func TestNoticeOfAStoppedUnit(t *testing.T) {
	stopped := []string{"rh-ortho", "rh-eye", "rh-xray"}
	w := newWorld(t, toldByMail(t, team, "rh-eye", "rh-xray", "rh-skin"))
	for i, u := range append(stopped, "rh-skin") {
		_, booked := event(i+1, 1, func(e map[string]any) { e["unit"] = u })
		w.ok(w.Publish(w.ctx, "husk.events.cosmic."+u, "", booked))
		w.settle()
		w.ok(yes(w.ctx, w.App, i+1, number(i+1)))
		w.ok(w.Replies.Wish(w.ctx, number(i+1), "outbox"))
	}
	w.clock.to(w.clock.Now().Add(48 * time.Hour))
	halt := func(u string, on bool) {
		w.Helper()
		w.ok(w.Ledger.Switch(w.ctx, state.Switch{Name: "unit:" + u, On: on, Reason: "test"}))
	}
	marked := func(want ...string) (writes uint64) {
		w.Helper()
		marks, err := w.shelf.List(w.ctx, noticePrefix)
		w.ok(err)
		if got := slices.Sorted(maps.Keys(marks)); !slices.Equal(got, want) {
			w.Errorf("marked are %v, want %v", got, want)
		}
		s, err := w.shelf.kv.Status(w.ctx)
		w.ok(err)
		return s.(*jetstream.KeyValueBucketStatus).StreamInfo().State.LastSeq
	}
	for _, u := range stopped {
		halt(u, true)
	}
	w.notice(1)
	before := marked("rh-skin")
	w.notice(0)
	if n := marked("rh-skin") - before; n != 0 {
		t.Errorf("a sweep writes %d times of units that are stopped", n)
	}
	halt("rh-eye", false) // and it is stopped again while the slot opens
	n, err := w.openNoticesBy(func(s provider.Sender) provider.Sender { return &lateSwitch{s, func() { halt("rh-eye", true) }} })
	w.ok(err)
	if told, err := n.sweep(w.ctx); told != 0 || err != nil {
		t.Errorf("%d told, %v", told, err)
	}
	marked("rh-skin")
	for _, u := range stopped {
		halt(u, false)
	}
	w.notice(3)
}

// lateSwitch is a carrier at which something happens while a slot opens.
type lateSwitch struct {
	provider.Sender
	then func()
}

func (l *lateSwitch) Open(ctx context.Context) (provider.Slot, error) {
	l.then()
	return l.Sender.Open(ctx)
}

// doubtful is a carrier that never says what became of a message.
type doubtful struct{ provider.Sender }

func (d doubtful) Open(context.Context) (provider.Slot, error) { return d, nil }

func (doubtful) Send(context.Context, reminder.Message) (provider.Accepted, error) {
	return provider.Accepted{}, errors.New("the line broke")
}

func (doubtful) Close() {}

// openNoticesBy makes notices that go by another carrier of e-mail.
func (w *world) openNoticesBy(by func(provider.Sender) provider.Sender) (*notices, error) {
	routes := slices.Clone(w.Routes)
	for i := range routes {
		routes[i].Sender = by(routes[i].Sender)
	}
	return w.openNotices(routes, nil)
}

// By a real mail server: it arrives as a mail that a machine wrote, in the unit's language.
func TestNoticeBySMTP(t *testing.T) {
	const script = "../../scripts/peers/mail"
	dir := t.TempDir()
	var said strings.Builder
	start := exec.CommandContext(t.Context(), script, "start", dir)
	start.Stderr = &said
	out, err := start.Output()
	if exit := new(exec.ExitError); errors.As(err, &exit) && exit.ExitCode() == 3 && os.Getenv("CI") != "true" {
		t.Skip(strings.TrimSpace(said.String()))
	}
	if err != nil {
		t.Fatalf("%v: %s", err, said.String())
	}
	t.Cleanup(func() {
		if out, err := exec.Command(script, "stop", dir).CombinedOutput(); err != nil {
			t.Errorf("stop: %v: %s", err, out)
		}
	})
	env := map[string]string{}
	for _, line := range strings.Split(string(out), "\n") {
		k, v, _ := strings.Cut(strings.TrimPrefix(line, "HUSK_TEST_MAIL_"), "=")
		env[k] = v
	}
	w := newWorld(t, toldByMail(t, team), func(c *config.Config) {
		c.Send.WriteDeadline, c.Send.Lease = 5*time.Second, time.Minute
		c.Carriers["email"] = &config.Carrier{Type: "smtp", Settings: config.Settings{
			"host": env["HOST"], "port": env["PORT"], "ca_file": env["CA"], "username": env["USERNAME"], "password_file": env["PASSWORD_FILE"], "domain": "example.org",
		}}
	})
	w.wishes()
	w.notice(1)
	w.notice(0)
	var mails []string
	w.wait("the mail has arrived", func() bool {
		files, err := filepath.Glob(filepath.Join(env["MAILDIR"], "new", "*"))
		w.ok(err)
		mails = nil
		for _, f := range files {
			b, err := os.ReadFile(f)
			w.ok(err)
			mails = append(mails, string(b))
		}
		return len(mails) > 0
	})
	if len(mails) != 1 {
		t.Fatalf("%d mails", len(mails))
	}
	for _, want := range []string{"\nEnvelope-to: " + team, "\nAuto-Submitted: auto-generated", "afbud: 1", "https://husk.hospital.example/replies"} {
		if !strings.Contains(mails[0], want) {
			t.Errorf("without %q:\n%s", want, mails[0])
		}
	}
	if strings.Contains(mails[0], "List-Unsubscribe") || strings.Contains(mails[0], "Reply-To") || strings.Contains(mails[0], fmt.Sprint(w.Pseudonyms.Person(reminder.NewNationalID("DK", cpr(1))))) {
		t.Errorf("too much:\n%s", mails[0])
	}
}
