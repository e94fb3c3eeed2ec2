package app

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/husk-reminders/husk/pkg/consent"
	"github.com/husk-reminders/husk/pkg/contact"
	"github.com/husk-reminders/husk/pkg/contact/code"
	"github.com/husk-reminders/husk/pkg/ledger"
	"github.com/husk-reminders/husk/pkg/policy"
	"github.com/husk-reminders/husk/pkg/receipt"
	"github.com/husk-reminders/husk/pkg/reminder"
	"github.com/husk-reminders/husk/pkg/state"
	"github.com/husk-reminders/husk/pkg/web"
)

func personOf(a *App, n int) reminder.PersonKey {
	return a.Pseudonyms.Person(reminder.NewNationalID("DK", cpr(n)))
}

// begin asks for a code to the nth number for the nth person.
func (w *world) begin(n int, change ...func(*code.Request)) (code.Started, error) {
	r := code.Request{Person: personOf(w.App, n), Address: number(n), Clerk: "desk-7", Unit: "rh-ortho"}
	for _, f := range change {
		f(&r)
	}
	return w.codes.Start(w.ctx, r)
}

// tell tells a code back.
func (w *world) tell(n int, told string) (code.Result, error) {
	return w.codes.Check(w.ctx, code.Guess{Person: personOf(w.App, n), Address: w.Pseudonyms.Address(number(n)), Code: reminder.Mask(told)}, "desk-7")
}

var sixDigits = regexp.MustCompile(`\b[0-9]{6}\b`)

// sent begins a code and gives it as it was received: in the one message that there was not before.
func (w *world) sent(n int) string {
	w.Helper()
	before := w.messages()[number(n).Reveal()]
	s, err := w.begin(n)
	w.ok(err)
	if !s.Sure {
		w.Fatal("nobody knows whether it was sent")
	}
	now := slices.DeleteFunc(w.messages()[number(n).Reveal()], func(m string) bool { return slices.Contains(before, m) })
	if len(now) != 1 {
		w.Fatalf("%d new messages to the number", len(now))
	}
	_, text, _ := strings.Cut(now[0], "\n\n")
	return sixDigits.FindString(text)
}

// consents lets the nth person be reminded, without any address, and books an appointment.
func (w *world) consents(n int) {
	w.Helper()
	when := w.Now().Add(-time.Hour)
	w.ok(w.Ledger.Consent(w.ctx, consent.Record{
		Person: personOf(w.App, n), Type: consent.Granted, Purposes: []reminder.Purpose{reminder.Remind}, Channels: []reminder.Channel{reminder.SMS},
		Scope: consent.Scope{Kind: policy.ControllerScope}, Notice: consent.Notice{ID: "n", Hash: strings.Repeat("ab", 32), Language: "da"},
		Method: consent.Desk, Actor: consent.Actor{Kind: consent.Self}, EventTime: when, Recorded: when,
	}))
	w.publish(n, 1)
	w.settle()
}

func wrongOf(right string) string {
	if right == "000000" {
		return "000001"
	}
	return "000000"
}

func TestACodeProvesANumber(t *testing.T) {
	w := newWorld(t)
	w.consents(1)
	w.consents(2)
	for _, sweep := range []string{"previews"} {
		_, err := w.Sweep(w.ctx, sweep)
		w.ok(err)
	}
	letters := func() map[reminder.PersonKey]string {
		ls, err := w.Ledger.Letters(w.ctx, ledger.LetterFilter{}, nil)
		w.ok(err)
		out := map[reminder.PersonKey]string{}
		for _, l := range ls.Letters {
			out[l.Person] = l.Reason
		}
		return out
	}
	if got := letters(); len(got) != 2 || got[personOf(w.App, 1)] != "unverified" {
		t.Fatalf("letters %v, want one each for want of proof", got)
	}
	// At night, and with the frequency cap all but used: whoever is on the phone gets the code.
	w.clock.to(time.Date(2026, 3, 2, 2, 0, 0, 0, time.UTC).AddDate(0, 0, 1))
	right := w.sent(1)
	if len(right) != 6 {
		t.Fatalf("the message has no code: %v", w.messages())
	}
	text := w.messages()[number(1).Reveal()][0]
	for _, want := range []string{"Ambulatorium 3, Ravnsholt Hospital", "10 min"} {
		if !strings.Contains(text, want) {
			t.Errorf("the message lacks %q: %s", want, text)
		}
	}
	if r, err := w.tell(1, wrongOf(right)); err != nil || r.Outcome != code.Wrong || r.Left != 4 {
		t.Errorf("a wrong code: %+v %v", r, err)
	}
	r, err := w.tell(1, right)
	if err != nil || r.Outcome != code.Right {
		t.Fatalf("the right code: %+v %v", r, err)
	}
	ps, err := w.Ledger.People(w.ctx, []reminder.PersonKey{personOf(w.App, 1)})
	w.ok(err)
	c := ps[0].Contact
	if len(c) != 1 || c[0].Type != contact.Verified || c[0].Method != policy.Code || c[0].Level != policy.Code.Level() || c[0].By != "desk-7" ||
		c[0].Address.Reveal() != number(1).Reveal() || c[0].EventTime.IsZero() {
		t.Fatalf("the proof is %+v", c)
	}
	if r, err := w.tell(1, right); err != nil || r.Outcome != code.NoCode {
		t.Errorf("told twice: %+v %v", r, err)
	}
	// What a code leaves behind: no letter, no relation to the clinic, no flag, no birth date gone.
	if got := letters(); len(got) != 2 {
		t.Errorf("letters %v", got)
	}
	if ps[0].BirthDate.IsZero() || ps[0].Protected {
		t.Error("a code is taken for what a booking system says")
	}
	rs, err := w.Ledger.Reminders(w.ctx, ledger.Filter{Person: personOf(w.App, 1)})
	w.ok(err)
	found := 0
	for _, r := range rs {
		if r.Purpose != reminder.Verify {
			continue
		}
		found++
		if r.System != reminder.HusksOwn || r.Unit != "rh-ortho" || r.Status != receipt.Accepted || r.Letter != "" || len(r.Attempts) != 1 || r.Attempts[0].Basis != "request" {
			t.Errorf("the code's reminder %+v", r)
		}
	}
	if found != 1 {
		t.Errorf("%d reminders of codes", found)
	}
	// Another event of the booking leaves it alone, and the sweeps too.
	w.publish(1, 2, func(e map[string]any) { e["minutes"] = 45 })
	w.settle()
	for _, sweep := range []string{"expired", "previews", "remembered", "verify", "retention"} {
		_, err := w.Sweep(w.ctx, sweep)
		w.ok(err)
	}
	// What waited for a proof goes out; who has none is denied.
	w.clock.to(firstDue.Add(time.Minute))
	w.settle()
	if m := w.messages(); len(m[number(1).Reveal()]) != 2 || len(m[number(2).Reveal()]) != 0 {
		t.Errorf("messages %v", m)
	}
	if got := letters(); len(got) != 1 || got[personOf(w.App, 2)] == "" {
		t.Errorf("letters %v", got)
	}
	x, err := w.Ledger.Export(w.ctx, personOf(w.App, 1), ledger.Exporting{Reveal: true})
	w.ok(err)
	if len(x.Codes) != 1 || x.Codes[0].Address != number(1).Reveal() || strings.Contains(fmt.Sprintf("%+v", x), right) {
		t.Errorf("exported codes %+v", x.Codes)
	}
	for _, a := range x.Appointments {
		if a.System == reminder.HusksOwn {
			t.Errorf("a code is exported as an appointment: %+v", a)
		}
	}
	// After a restart the code is still told, and the person is as before.
	w.restart()
	if r, err := w.tell(1, right); err != nil || r.Outcome != code.NoCode {
		t.Errorf("after a restart: %+v %v", r, err)
	}
}

func TestACodeIsRefused(t *testing.T) {
	w := newWorld(t)
	for n := 1; n <= 9; n++ {
		w.consents(n)
	}
	w.publish(10, 1, func(e map[string]any) { e["patient"].(map[string]any)["birth_date"] = "2018-01-01" })
	w.settle()
	refused := func(n int, want error, change ...func(*code.Request)) {
		t.Helper()
		before := len(w.messages())
		if _, err := w.begin(n, change...); !errors.Is(err, want) {
			t.Errorf("person %d: %v, want %v", n, err, want)
		}
		if got := len(w.messages()); got != before {
			t.Errorf("person %d: a message left", n)
		}
	}
	unsent := func(n int, reason string, change ...func(*code.Request)) {
		t.Helper()
		_, err := w.begin(n, change...)
		var e *code.NotSentError
		if !errors.As(err, &e) || e.Reason != reason {
			t.Errorf("person %d: %v, want %s", n, err, reason)
		}
	}

	// Five wrong codes: void.
	right := w.sent(1)
	for range code.Tries {
		_, err := w.tell(1, wrongOf(right))
		w.ok(err)
	}
	if r, err := w.tell(1, right); err != nil || r.Outcome != code.TooMany {
		t.Errorf("after five wrong codes: %+v %v", r, err)
	}

	// STOP between sending and telling; a START does not bring the code back.
	right = w.sent(2)
	w.ok(w.Ledger.Stop(w.ctx, number(2), "test"))
	if r, err := w.tell(2, right); !errors.Is(err, code.ErrBarred) || r.Outcome == code.Right {
		t.Errorf("after STOP: %+v %v", r, err)
	}
	refused(2, code.ErrBarred)
	w.ok(w.Ledger.Start(w.ctx, number(2), "test"))
	if r, err := w.tell(2, right); err != nil || r.Outcome != code.NoCode {
		t.Errorf("after STOP and START: %+v %v", r, err)
	}

	// Somebody else's wrong number, also for whom it is new.
	right = w.sent(3)
	w.ok(w.Replies.WrongNumber(w.ctx, number(3), "test"))
	if r, err := w.tell(3, right); !errors.Is(err, code.ErrDisputed) || r.Outcome == code.Right {
		t.Errorf("after wrong number: %+v %v", r, err)
	}
	refused(4, code.ErrDisputed, func(r *code.Request) { r.Address = number(3) })

	// Protected by the booking system, and dead by a record: the code that is out is ended too.
	right = w.sent(5)
	w.publish(5, 2, func(e map[string]any) { e["patient"].(map[string]any)["protected"] = true })
	w.settle()
	if r, err := w.tell(5, right); !errors.Is(err, code.ErrForbidden) || r.Outcome == code.Right {
		t.Errorf("protected: %+v %v", r, err)
	}
	refused(5, code.ErrForbidden)
	w.publish(5, 3)
	w.settle()
	if r, err := w.tell(5, right); err != nil || r.Outcome != code.NoCode {
		t.Errorf("protected no more: %+v %v", r, err)
	}
	when := w.Now()
	w.ok(w.Ledger.Consent(w.ctx, consent.Record{
		Person: personOf(w.App, 6), Type: consent.Deceased, Scope: consent.Scope{Kind: policy.ControllerScope}, Method: consent.Desk,
		Actor: consent.Actor{Kind: consent.Staff}, EventTime: when, Recorded: when,
	}))
	refused(6, code.ErrForbidden)

	// A no to everything; and to reminders alone.
	no := consent.Record{
		Person: personOf(w.App, 7), Type: consent.Withdrawn, Scope: consent.Scope{Kind: policy.ControllerScope}, Method: consent.Desk,
		Actor: consent.Actor{Kind: consent.Self}, EventTime: when, Recorded: when,
	}
	w.ok(w.Ledger.Consent(w.ctx, no))
	unsent(7, "withdrawn")
	no.Person, no.Purposes = personOf(w.App, 8), []reminder.Purpose{reminder.Remind}
	w.ok(w.Ledger.Consent(w.ctx, no))
	w.sent(8)

	// A child; somebody of whom nothing is known; a unit that is not in the directory.
	refused(10, code.ErrForbidden)
	refused(12, code.ErrForbidden)
	unsent(9, "unavailable", func(r *code.Request) { r.Unit = "nowhere" })

	// Erased: the code that is out proves nothing.
	right = w.sent(4)
	_, err := w.Ledger.Erase(w.ctx, ledger.Erasing{Person: personOf(w.App, 4)})
	w.ok(err)
	if r, err := w.tell(4, right); err == nil && r.Outcome == code.Right {
		t.Error("an erased person's code is a proof")
	}
	if _, err := w.Ledger.CodeAddress(w.ctx, personOf(w.App, 4), "x"); !errors.Is(err, ledger.ErrNoCode) {
		t.Errorf("the number of an erased person's code: %v", err)
	}

	// Stopped: nothing leaves, neither now nor when sending goes on.
	w.clock.to(w.Now().Add(time.Hour))
	w.ok(w.Ledger.Switch(w.ctx, state.Switch{Name: "all", On: true, Reason: "test"}))
	unsent(9, "kill_switch")
	w.ok(w.Ledger.Switch(w.ctx, state.Switch{Name: "all"}))
	w.settle()
	if n := len(w.messages()[number(9).Reveal()]); n != 0 {
		t.Errorf("%d messages left when sending went on", n)
	}
}

// A stop that comes when the code is on its way down the line: it is taken back while somebody waits, and never leaves.
func TestACodeIsTakenBack(t *testing.T) {
	w := newWorld(t)
	w.consents(1)
	m := code.Message{
		Person: personOf(w.App, 1), Address: number(1), Code: reminder.Mask("314159"), Unit: "rh-ortho", Reference: strings.Repeat("ab", 16),
		NotAfter: w.Now().Add(code.Life),
	}
	w.ok(w.Ledger.Switch(w.ctx, state.Switch{Name: "carrier:sms", On: true, Reason: "test"}))
	w.ok(w.Ledger.PlanCode(w.ctx, ledger.Code{
		Person: m.Person, Challenge: reminder.Challenge{Address: m.Address, Code: m.Code}, Unit: m.Unit, Reference: m.Reference, NotAfter: m.NotAfter,
	}))
	err := codeLine{w.App, 100 * time.Millisecond}.outcome(w.ctx, m)
	var e *code.NotSentError
	if !errors.As(err, &e) || e.Reason != codeLate || !errors.Is(err, code.ErrNotSent) {
		t.Errorf("%v, want %s", err, codeLate)
	}
	w.ok(w.Ledger.Switch(w.ctx, state.Switch{Name: "carrier:sms"}))
	w.clock.to(w.Now().Add(time.Minute))
	w.settle()
	if n := len(w.messages()); n != 0 {
		t.Errorf("%d messages", n)
	}
	// A line that says nothing: nobody knows.
	ctx, cancel := context.WithCancel(w.ctx)
	cancel()
	m.Reference = strings.Repeat("cd", 16)
	if err := (codeLine{w.App, time.Minute}).outcome(ctx, m); err == nil || errors.Is(err, code.ErrNotSent) {
		t.Errorf("%v, want that nobody knows", err)
	}
}

// A barred number that no check before the line has seen: the line's own refuses, and the reason comes back.
func TestTheLineAsksTheGateAgain(t *testing.T) {
	w := newWorld(t)
	w.consents(1)
	w.ok(w.Ledger.Stop(w.ctx, number(1), "test"))
	m := code.Message{Person: personOf(w.App, 1), Address: number(1), Reference: strings.Repeat("ab", 16)}
	w.ok(w.Ledger.PlanCode(w.ctx, ledger.Code{
		Person: m.Person, Challenge: reminder.Challenge{Address: m.Address, Code: reminder.Mask("314159")}, Unit: "rh-ortho", Reference: m.Reference,
		NotAfter: w.Now().Add(code.Life),
	}))
	var e *code.NotSentError
	if err := (codeLine{w.App, codeWait}).outcome(w.ctx, m); !errors.As(err, &e) || e.Reason != "barred" {
		t.Errorf("%v, want barred", err)
	}
	if len(w.messages()) != 0 {
		t.Error("a message left")
	}
	if ls, err := w.Ledger.Letters(w.ctx, ledger.LetterFilter{}, nil); err != nil || len(ls.Letters) != 0 {
		t.Errorf("letters %+v %v", ls, err)
	}
	// Nobody waits: it ends by itself, without a letter, and is not told again.
	w.ok(w.Ledger.Start(w.ctx, number(1), "test"))
	w.ok(w.Ledger.Switch(w.ctx, state.Switch{Name: "all", On: true, Reason: "test"}))
	m.Reference = strings.Repeat("cd", 16)
	w.ok(w.Ledger.PlanCode(w.ctx, ledger.Code{
		Person: m.Person, Challenge: reminder.Challenge{Address: m.Address, Code: reminder.Mask("314159")}, Unit: "rh-ortho", Reference: m.Reference,
		NotAfter: w.Now().Add(code.Life),
	}))
	w.clock.to(w.Now().Add(code.Life + time.Minute))
	if n, err := w.Sweep(w.ctx, "previews"); err != nil || n != 2 {
		t.Errorf("the gate was asked ahead about %d, want the two reminders of the booking: %v", n, err)
	}
	_, err := w.Sweep(w.ctx, "expired")
	w.ok(err)
	w.wait("it has expired", func() bool {
		s, err := w.Ledger.CodeState(w.ctx, m.Person, m.Reference)
		w.ok(err)
		return s.Status == receipt.Expired
	})
	ls, err := w.Ledger.Letters(w.ctx, ledger.LetterFilter{}, nil)
	w.ok(err)
	for _, l := range ls.Letters {
		if l.System == reminder.HusksOwn {
			t.Errorf("a letter for a code: %+v", l)
		}
	}
}

// The journal does not take a proof: the clerk is told so, and the same code again makes it one.
func TestAProofIsNotLost(t *testing.T) {
	w := newWorld(t)
	w.consents(1)
	right := w.sent(1)
	// The proof was given, and this process died before it was journalled.
	g := code.Guess{Person: personOf(w.App, 1), Address: w.Pseudonyms.Address(number(1)), Code: reminder.Mask(right)}
	if r, err := w.codes.codes.Check(w.ctx, g, w.Now()); err != nil || r.Outcome != code.Right {
		t.Fatalf("%+v %v", r, err)
	}
	w.restart()
	w.clock.to(w.Now().Add(time.Hour))
	if r, err := w.tell(1, right); err != nil || r.Outcome != code.Right {
		t.Fatalf("told again: %+v %v", r, err)
	}
	if r, err := w.tell(1, right); err != nil || r.Outcome != code.NoCode {
		t.Errorf("told a third time: %+v %v", r, err)
	}
	ps, err := w.Ledger.People(w.ctx, []reminder.PersonKey{personOf(w.App, 1)})
	w.ok(err)
	if len(ps[0].Contact) != 1 || ps[0].Contact[0].Type != contact.Verified {
		t.Errorf("%+v", ps[0].Contact)
	}
	if r, err := w.tell(2, right); err == nil && r.Outcome == code.Right {
		t.Error("another person's")
	}
	if !errors.Is(fmt.Errorf("%w: %w", web.ErrNotTaken, ledger.ErrNoCode), web.ErrNotTaken) {
		t.Error("the refusal is not told apart")
	}
}
