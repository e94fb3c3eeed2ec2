package app

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"github.com/husk-reminders/husk/pkg/config"
	"github.com/husk-reminders/husk/pkg/dispatch"
	"github.com/husk-reminders/husk/pkg/provider"
	"github.com/husk-reminders/husk/pkg/reminder"
	"github.com/husk-reminders/husk/pkg/state"
)

// writes is a person's message through the carrier's folder; it returns when Husk has dealt with it. head are further header lines.
func (w *world) writes(from reminder.Address, text string, head ...string) {
	w.Helper()
	w.drop(fmt.Sprintf("From: %s\nChannel: %s\n%s\n%s\n", from.Reveal(), from.Channel, strings.Join(append(head, ""), "\n"), text))
}

func (w *world) drop(file string) {
	w.Helper()
	replies := filepath.Join(w.dir, "outbox", "replies")
	name := filepath.Join(replies, fmt.Sprintf("%d", time.Now().UnixNano()))
	w.ok(os.WriteFile(name+".part", []byte(file), 0o600))
	w.ok(os.Rename(name+".part", name+".txt"))
	w.wait("the reply was read", func() bool {
		left, err := filepath.Glob(filepath.Join(replies, "*.txt"))
		w.ok(err)
		return len(left) == 0
	})
}

// answered are the texts of the answers that an address got.
func (w *world) answered(to reminder.Address) []string {
	w.Helper()
	var out []string
	for _, m := range w.messages()[to.Reveal()] {
		if strings.Contains(m, "\nPurpose: reply\n") {
			_, text, _ := strings.Cut(m, "\n\n")
			out = append(out, text)
		}
	}
	return out
}

func (w *world) barred(a reminder.Address) bool {
	w.Helper()
	as, err := w.State.Behind(w.ctx, []reminder.AddressHash{w.Pseudonyms.Address(a)})
	w.ok(err)
	return as[0].Barred
}

// Who writes is answered once, also behind the bar that their STOP set, with the words of the clinic that wrote to them.
func TestPeopleAreAnswered(t *testing.T) {
	w := newWorld(t)
	for n := 1; n <= 4; n++ {
		w.ok(yes(w.ctx, w.App, n, number(n)))
		w.publish(n, 1)
	}
	w.settle()
	w.clock.to(firstDue.Add(time.Minute))
	w.settle()
	expect := func(to reminder.Address, want ...string) {
		t.Helper()
		got := w.answered(to)
		if len(got) != len(want) {
			t.Errorf("answers %q, want %q", got, want)
			return
		}
		for i := range want { // files are not in the order of time
			if !strings.Contains(strings.Join(got, "\n"), want[i]) {
				t.Errorf("answers %q, want %q", got, want)
			}
		}
	}
	stop, cancel, odd := number(1), number(2), number(3)
	const stopped, notCancelled, unread, phone = "Du får ikke flere sms'er fra os", "En aftale er IKKE aflyst", "Vi læser ikke svar", "70 99 10 31"

	w.writes(stop, "STOP")
	if !w.barred(stop) {
		t.Fatal("it is not barred")
	}
	expect(stop, stopped)
	w.writes(stop, "stop!!")
	w.writes(stop, "hvad er klokken?")
	expect(stop, stopped)
	if m := w.answered(stop)[0]; !strings.Contains(m, phone) {
		t.Errorf("not the words of the clinic that wrote: %s", m)
	}

	w.writes(cancel, "Jeg kan ikke komme på tirsdag")
	expect(cancel, notCancelled)
	if m := w.answered(cancel)[0]; !strings.Contains(m, phone) || w.barred(cancel) {
		t.Errorf("barred, or without a phone: %s", m)
	}

	w.writes(odd, "er der parkering?")
	w.writes(odd, "hallo")
	expect(odd, unread)
	if m := w.answered(odd)[0]; !strings.Contains(m, phone) || !strings.Contains(m, "112") {
		t.Errorf("no way to the clinic, or to help: %s", m)
	}
	w.clock.to(firstDue.Add(25 * time.Hour))
	w.writes(odd, "hallo igen")
	expect(odd, unread, unread)

	// Who was never written to gets the words of the first unit.
	stranger := reminder.NewAddress(reminder.SMS, "+4520999999")
	w.writes(stranger, "Forkert nummer")
	expect(stranger, "Vi skriver ikke mere til dette nummer")

	// START is confirmed, and grants nothing.
	w.writes(stop, "START")
	expect(stop, stopped, "Vi kan igen sende sms'er")
	if w.barred(stop) {
		t.Error("START lifts nothing")
	}

	// A mail is answered by mail, and says that a machine wrote it.
	mail := reminder.NewAddress(reminder.Email, "anna@example.org")
	w.writes(mail, "STOP", "Subject: Re: Husk din aftale")
	ms := w.messages()[mail.Reveal()]
	if len(ms) != 1 || !strings.Contains(ms[0], "\nAuto-Submitted: auto-replied\n") || strings.Contains(ms[0], "List-Unsubscribe") || !strings.Contains(ms[0], "\nSubject: Du får ikke flere e-mails") {
		t.Errorf("mails %q", ms)
	}
	w.restart() // the day's answers are remembered
	w.writes(mail, "STOP nu!")
	if n := len(w.messages()[mail.Reveal()]); n != 1 {
		t.Errorf("%d mails after a restart", n)
	}
}

// A switch that stops sending stops answers; what they asked for is done.
func TestNoAnswerWhileStopped(t *testing.T) {
	w := newWorld(t)
	for i, name := range []string{"all", "unit:rh-ortho", "country:DK", "pack:dk-2019", "carrier:sms", "template:reply", "template:reply-stopped", "template:da/reply-stopped.sms"} {
		w.ok(w.Ledger.Switch(w.ctx, state.Switch{Name: name, On: true, Reason: "drill"}))
		from := number(i)
		w.writes(from, "STOP")
		if got := w.answered(from); len(got) != 0 || !w.barred(from) {
			t.Errorf("%s: answered %q, barred %v", name, got, w.barred(from))
		}
		// It is not made up for.
		w.ok(w.Ledger.Switch(w.ctx, state.Switch{Name: name, Reason: "drill"}))
		w.writes(from, "STOP")
		if got := w.answered(from); len(got) != 0 {
			t.Errorf("%s: answered %q the same day", name, got)
		}
	}
	w.writes(number(20), "STOP")
	if got := w.answered(number(20)); len(got) != 1 {
		t.Errorf("with nothing stopped: answered %q", got)
	}
}

// Two installations that have each other's number answer each other to rest.
func TestTwoHusksComeToRest(t *testing.T) {
	for _, c := range []struct {
		name   string
		a, b   reminder.Address
		begins string
		most   int
	}{
		{"by sms", number(1), number(2), "hallo", 3},
		{"by sms, with a STOP", number(1), number(2), "STOP", 3},
		{"by mail", reminder.NewAddress(reminder.Email, "a@example.org"), reminder.NewAddress(reminder.Email, "b@example.org"), "hallo", 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			worlds := map[reminder.Address]*world{c.a: newWorld(t), c.b: newWorld(t)}
			other := map[reminder.Address]reminder.Address{c.a: c.b, c.b: c.a}
			worlds[c.a].writes(c.b, c.begins)
			carried := map[string]bool{}
			for rounds := 0; ; rounds++ {
				moved := 0
				for at, w := range worlds { // what w sends comes to the other from w's address
					for _, m := range w.messages()[other[at].Reveal()] {
						if carried[m] {
							continue
						}
						carried[m] = true
						moved++
						head, text, _ := strings.Cut(m, "\n\n")
						var lines []string
						for _, h := range []string{"Auto-Submitted", "Subject"} {
							if _, v, ok := strings.Cut(head, "\n"+h+": "); ok {
								v, _, _ = strings.Cut(v, "\n")
								lines = append(lines, h+": "+v)
							}
						}
						worlds[other[at]].writes(at, text, lines...)
					}
				}
				if moved == 0 {
					break
				}
				if rounds > 10 {
					t.Fatalf("no rest after %d messages", len(carried))
				}
			}
			if len(carried) == 0 || len(carried) > c.most {
				t.Errorf("%d answers went to and fro", len(carried))
			}
		})
	}
}

// stuck is a carrier that gives a slot and then nothing.
type stuck struct{ release chan struct{} }

func (s *stuck) Encode(m reminder.Message) (reminder.Wire, error) {
	return reminder.Wire{Format: reminder.WireText, Body: m.Text}, nil
}

func (s *stuck) Open(context.Context) (provider.Slot, error) { return s, nil }

func (s *stuck) Close() {}

func (s *stuck) Send(context.Context, reminder.Message) (provider.Accepted, error) {
	<-s.release
	return provider.Accepted{}, errors.New("reset")
}

// A carrier that hangs over an answer holds up neither the STOP nor those who write after it, and the log tells of nobody.
func TestAnAnswerHoldsUpNobody(t *testing.T) {
	core, logs := observer.New(zap.DebugLevel)
	w := &world{T: t, ctx: t.Context(), dir: t.TempDir(), clock: newClock(noon)}
	c, err := configIn(w.dir)
	w.ok(err)
	s := &stuck{make(chan struct{})}
	w.App, err = Open(w.ctx, Options{
		Config: c, Log: zap.New(core), Now: w.clock.Now, ByHand: true, Rest: 3 * time.Millisecond,
		Routes: []dispatch.Route{{Name: "sms", Sender: s, Slots: 1}},
	})
	w.ok(err)
	w.Cleanup(w.Close)
	w.run()
	began := time.Now()
	for n := range 20 {
		w.ok(w.Inbound.Handle(w.ctx, "outbox", provider.Notice{Kind: provider.Reply, From: number(n), Text: reminder.Mask("STOP, Kanariafugl")}))
		if !w.barred(number(n)) {
			t.Errorf("STOP %d is not final", n)
		}
	}
	if d := time.Since(began); d > 30*time.Second {
		t.Errorf("twenty STOPs take %v", d)
	}
	close(s.release)
	w.ok(w.end())
	for _, e := range logs.All() {
		if line := fmt.Sprint(e.Message, e.ContextMap()); strings.Contains(line, "20100") || strings.Contains(line, "Kanariafugl") {
			t.Errorf("the log tells who or what: %s", line)
		}
	}
}

// offered is the address in a reminder's List-Unsubscribe.
var offered = regexp.MustCompile(`\nList-Unsubscribe: <(https://\S+)>, <mailto:stop@hospital\.example\?subject=STOP>\n`)

// Each reminder by e-mail offers how to stop. Looking at it does nothing; one click bars the address for good.
func TestOneClickUnsubscription(t *testing.T) {
	w := newWorld(t, func(c *config.Config) {
		c.Unsubscribe = config.Unsubscribe{URL: "https://husk.hospital.example/unsubscribe/", Mail: "stop@hospital.example", Listen: "127.0.0.1:0", Rate: 20}
	})
	to, sms := reminder.NewAddress(reminder.Email, "anna@example.org"), number(2)
	w.ok(yes(w.ctx, w.App, 1, to))
	w.ok(yes(w.ctx, w.App, 2, sms))
	w.publish(1, 1)
	w.publish(2, 1)
	w.settle()
	w.clock.to(firstDue.Add(time.Minute))
	w.settle()
	if ms := w.messages()[sms.Reveal()]; len(ms) != 1 || strings.Contains(ms[0], "Unsubscribe") {
		t.Fatalf("sms %q", ms)
	}
	ms := w.messages()[to.Reveal()]
	if len(ms) != 1 {
		t.Fatalf("%d mails", len(ms))
	}
	m := offered.FindStringSubmatch(ms[0])
	if m == nil || !strings.HasPrefix(m[1], "https://husk.hospital.example/unsubscribe/") || !strings.Contains(ms[0], "\nAuto-Submitted: auto-generated\n") {
		t.Fatalf("the mail:\n%s", ms[0])
	}
	ask := func(method, path string) int {
		t.Helper()
		r := httptest.NewRequest(method, path, strings.NewReader(url.Values{"List-Unsubscribe": {"One-Click"}}.Encode()))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		rec := httptest.NewRecorder()
		w.Unsubscriber.ServeHTTP(rec, r)
		return rec.Code
	}
	if code := ask(http.MethodGet, m[1]); code != http.StatusOK || w.barred(to) {
		t.Errorf("a look: %d, barred %v", code, w.barred(to))
	}
	if code := ask(http.MethodPost, m[1][:len(m[1])-4]+"AAAA"); code != http.StatusNotFound || w.barred(to) {
		t.Errorf("another token: %d, barred %v", code, w.barred(to))
	}
	if code := ask(http.MethodPost, m[1]); code != http.StatusOK || !w.barred(to) {
		t.Errorf("one click: %d, barred %v", code, w.barred(to))
	}
	w.restart() // the token opens after a restart too
	if code := ask(http.MethodPost, m[1]); code != http.StatusOK {
		t.Errorf("a second click: %d", code)
	}
	for days := range 8 {
		w.clock.to(firstDue.AddDate(0, 0, days))
		w.settle()
	}
	if n := len(w.messages()[to.Reveal()]); n != 1 {
		t.Errorf("%d mails after the click", n)
	}
	if n := len(w.messages()[sms.Reveal()]); n != 2 {
		t.Errorf("%d messages to somebody else", n)
	}
	// A token of an attempt that nobody knows.
	token, err := w.tokens.Make(reminder.NewClaim(w.Pseudonyms.Person(reminder.NewNationalID("DK", cpr(9)))))
	w.ok(err)
	if code := ask(http.MethodPost, "/unsubscribe/"+token); code != http.StatusNotFound {
		t.Errorf("an unknown attempt: %d", code)
	}
}

// A mail to the address of a token is the STOP of the address that the token is of, whoever sent it.
func TestUnsubscribeByMail(t *testing.T) {
	w := newWorld(t)
	to := reminder.NewAddress(reminder.Email, "anna@example.org")
	w.ok(yes(w.ctx, w.App, 1, to))
	w.publish(1, 1)
	w.settle()
	w.clock.to(firstDue.Add(time.Minute))
	w.settle()
	ms := w.messages()[to.Reveal()]
	if len(ms) != 1 || strings.Contains(ms[0], "List-Unsubscribe") {
		t.Fatalf("nothing is configured to be offered: %q", ms)
	}
	_, ref, _ := strings.Cut(ms[0], "Reference: ")
	ref, _, _ = strings.Cut(ref, "\n")
	token, err := w.tokens.Make(ref)
	w.ok(err)
	w.writes(reminder.NewAddress(reminder.Email, "other@example.org"), "", "To: stop+"+token+"@hospital.example", "Subject: STOP")
	if !w.barred(to) {
		t.Error("it is not barred")
	}
}
