package ledger_test

import (
	"bytes"
	"context"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/husk-reminders/husk/pkg/consent"
	"github.com/husk-reminders/husk/pkg/contact"
	"github.com/husk-reminders/husk/pkg/ledger"
	"github.com/husk-reminders/husk/pkg/policy"
	"github.com/husk-reminders/husk/pkg/receipt"
	"github.com/husk-reminders/husk/pkg/reminder"
)

// The number and code of these tests: neither may stand anywhere in the clear.
const (
	codeNumber = "+4529876511"
	codeDigits = "839217"
)

// code is a code for the nth person that is due now.
func (w *world) code(n int, reference string) ledger.Code {
	return ledger.Code{
		Person: w.person(n), Challenge: reminder.Challenge{Address: reminder.NewAddress(reminder.SMS, codeNumber), Code: reminder.Mask(codeDigits)},
		Unit: "rh-eye", Language: "en", Reference: reference, NotAfter: w.now().Add(10 * time.Minute),
	}
}

func (w *world) codeStatus(n int, reference string) ledger.CodeState {
	w.Helper()
	s, err := w.CodeState(w.ctx, w.person(n), reference)
	w.ok(err)
	return s
}

// A code goes the way of a reminder, is opened by its lease alone, and outlives a restart.
func TestCodeOnTheLine(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.accept(w.appointment(1))
	c := w.code(1, "ab12")
	w.ok(w.PlanCode(w.ctx, c))
	w.ok(w.PlanCode(w.ctx, c)) // the same again folds to nothing
	w.restart()
	ls := w.lease(9)
	if len(ls) != 1 {
		t.Fatalf("%d leases, want the code's", len(ls))
	}
	l := ls[0]
	if l.Purpose != reminder.Verify || !l.Expires.Equal(c.NotAfter) || l.Appointment.Unit != "rh-eye" || l.Appointment.Language != "en" || l.Appointment.Person != w.person(1) ||
		l.Appointment.System != reminder.HusksOwn || l.Appointment.Challenge == nil || !l.Appointment.NationalID.IsZero() {
		t.Fatalf("%+v", l)
	}
	if x := l.Appointment.Challenge; x.Address.Reveal() != codeNumber || x.Code.Reveal() != codeDigits || strings.Contains(fmt.Sprintf("%v %+v %#v", l, l, *x), codeDigits) {
		t.Error("the lease has another number or code, or prints it")
	}
	to := w.p.Address(c.Challenge.Address)
	x := attempt{lease: l, intent: intentOf(l, to)}
	w.ok(w.Intend(w.ctx, []receipt.Intent{x.intent}))
	if s := w.codeStatus(1, "ab12"); s.Over() || s.Status != receipt.Intended {
		t.Errorf("%+v", s)
	}
	if s, err := w.DropCode(w.ctx, w.person(1), "ab12", "late"); err != nil || s.Status != receipt.Intended {
		t.Errorf("what is on its way is taken back: %+v %v", s, err)
	}
	w.ok(w.confirm(x))
	w.settle(x, receipt.Accepted)
	if s := w.codeStatus(1, "ab12"); !s.Over() || !s.Sure() || !s.Left() {
		t.Errorf("%+v", s)
	}
	if units, err := w.Units(w.ctx, w.person(1)); err != nil || !slices.Equal(units, []string{"rh-ortho"}) {
		t.Errorf("units %v %v: a code makes nobody a clinic's patient", units, err)
	}
	ps, err := w.People(w.ctx, []reminder.PersonKey{w.person(1)})
	w.ok(err)
	if ps[0].BirthDate.IsZero() {
		t.Error("what the booking system said is gone")
	}

	// Told back: the number of the code that was sent, and no other.
	rec := contact.Record{Person: w.person(1), Hash: to, Method: policy.Code, Level: policy.Proven, By: "desk-7", EventTime: w.now()}
	other := rec
	other.Hash = w.p.Address(number)
	w.is(w.ProveCode(w.ctx, "ab12", other), ledger.ErrNoCode)
	w.is(w.ProveCode(w.ctx, "cd34", rec), ledger.ErrNoCode)
	other = rec
	other.Person = w.person(2)
	w.is(w.ProveCode(w.ctx, "ab12", other), ledger.ErrNoCode)
	if done, err := w.CodeProven(w.ctx, w.person(1), "ab12"); err != nil || done {
		t.Errorf("proven before: %v %v", done, err)
	}
	w.ok(w.ProveCode(w.ctx, "ab12", rec))
	w.ok(w.ProveCode(w.ctx, "ab12", rec))
	if done, err := w.CodeProven(w.ctx, w.person(1), "ab12"); err != nil || !done {
		t.Errorf("not proven: %v %v", done, err)
	}
	ps, err = w.People(w.ctx, []reminder.PersonKey{w.person(1)})
	w.ok(err)
	if c := ps[0].Contact; len(c) != 1 || c[0].Type != contact.Verified || c[0].Address.Reveal() != codeNumber || c[0].By != "desk-7" {
		t.Errorf("%+v", c)
	}

	// One that waits is taken back; one in doubt may have left; nobody's is none.
	w.ok(w.PlanCode(w.ctx, w.code(1, "ef56")))
	if s, err := w.DropCode(w.ctx, w.person(1), "ef56", "late"); err != nil || !s.Over() || s.Left() || s.Reason != "late" {
		t.Errorf("%+v %v", s, err)
	}
	w.ok(w.PlanCode(w.ctx, w.code(1, "0a0b")))
	x = w.wire(c.Challenge.Address)
	w.settle(x, receipt.Unknown)
	if s := w.codeStatus(1, "0a0b"); !s.Over() || s.Sure() || !s.Left() {
		t.Errorf("%+v", s)
	}
	_, err = w.CodeState(w.ctx, w.person(1), "none")
	w.is(err, ledger.ErrNoCode)
	if ls, err := w.Letters(w.ctx, ledger.LetterFilter{}, func(string) bool { return true }); err != nil || len(ls.Letters) != 0 {
		t.Errorf("letters %+v %v", ls, err)
	}

	// Erased: nothing is left of the number.
	_, err = w.Erase(w.ctx, ledger.Erasing{Person: w.person(1)})
	w.ok(err)
	_, err = w.CodeAddress(w.ctx, w.person(1), "ab12")
	w.is(err, ledger.ErrNoCode)
	w.is(w.ProveCode(w.ctx, "ab12", rec), ledger.ErrNoCode)
}

// Neither number nor code is in the clear in anything that was written, though the broker encrypts nothing here.
func TestCodesStaySealed(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.accept(w.appointment(1))
	c := w.code(1, "ab12")
	w.ok(w.PlanCode(w.ctx, c))
	x := w.wire(c.Challenge.Address)
	w.settle(x, receipt.Accepted)
	w.ok(w.ProveCode(w.ctx, "ab12", contact.Record{Person: w.person(1), Hash: w.p.Address(c.Challenge.Address), Method: policy.Code, Level: policy.Proven, EventTime: w.now()}))
	if strings.Contains(w.dump(), codeDigits) || strings.Contains(w.dump(), codeNumber) {
		t.Error("the state has the number or code in the clear")
	}
	masked, err := w.Export(w.ctx, w.person(1), ledger.Exporting{})
	w.ok(err)
	revealed, err := w.Export(w.ctx, w.person(1), ledger.Exporting{Reveal: true})
	w.ok(err)
	if len(masked.Codes) != 1 || len(revealed.Codes) != 1 || strings.Contains(masked.Codes[0].Address, codeNumber) || revealed.Codes[0].Address != codeNumber ||
		masked.Codes[0].Unit != "rh-eye" || len(masked.Appointments) != 1 || strings.Contains(fmt.Sprintf("%+v", revealed), codeDigits) {
		t.Errorf("exported %+v and %+v", masked.Codes, revealed.Codes)
	}
	w.ok(w.end())
	size := 0
	w.ok(filepath.WalkDir(w.dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := os.ReadFile(path)
		size += len(b)
		for _, s := range []string{codeNumber, codeDigits} {
			for _, f := range forms(s) {
				if bytes.Contains(b, []byte(f)) {
					t.Errorf("%s holds %q in the clear", path, f)
				}
			}
		}
		return err
	}))
	if size < 1000 {
		t.Fatalf("%d bytes: there is nothing to look at", size)
	}
}

// Whoever says that an address or a person is not to be written to ends the codes that are out, at once.
func TestWordsEndCodes(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	var told []string
	w := newWorld(t, func(o *ledger.Options) {
		o.Silenced = func(_ context.Context, p reminder.PersonKey, a reminder.AddressHash) {
			mu.Lock()
			defer mu.Unlock()
			told = append(told, strings.Trim(string(p)+"|"+string(a), "|"))
		}
	})
	hash := string(w.p.Address(number))
	everything, reminders := w.word(w.person(2), consent.Refused), w.word(w.person(2), consent.Refused)
	everything.Purposes = nil
	protected := w.word(w.person(2), consent.Protected)
	protected.Purposes, protected.Channels = nil, nil
	wrong := w.proof(w.person(2), number)
	wrong.Type, wrong.Method, wrong.Level = contact.Wrong, "", 0
	for _, x := range []struct {
		name string
		do   func() error
		want []string
	}{
		{"a booking", func() error { _, err := w.Accept(w.ctx, []reminder.Appointment{w.appointment(2)}); return err }, nil},
		{"STOP", func() error { return w.Stop(w.ctx, number, "test") }, []string{hash}},
		{"START", func() error { return w.Start(w.ctx, number, "test") }, nil},
		{"a wrong number that is nobody's", func() error { return w.WrongNumber(w.ctx, number, "test") }, []string{hash}},
		{"a number that is somebody else's", func() error { return w.Contact(w.ctx, wrong) }, []string{hash}},
		{"a proof", func() error { return w.Contact(w.ctx, w.proof(w.person(2), mailOf())) }, nil},
		{"a no to reminders", func() error { return w.Consent(w.ctx, reminders) }, nil},
		{"a no to everything", func() error { return w.Consent(w.ctx, everything) }, []string{string(w.person(2))}},
		{"protection", func() error { return w.Consent(w.ctx, protected) }, []string{string(w.person(2))}},
		{"a booking system's word", func() error {
			_, err := w.Accept(w.ctx, []reminder.Appointment{w.appointment(3, func(a *reminder.Appointment) { a.Deceased = true })})
			return err
		}, []string{string(w.person(3))}},
		{"a merge", func() error {
			_, err := w.Merge(w.ctx, ledger.Merging{From: w.person(3), Into: w.person(4), Evidence: "x"})
			return err
		}, []string{string(w.person(3))}},
		{"an erasure", func() error {
			_, err := w.Erase(w.ctx, ledger.Erasing{Person: w.person(2), Later: true})
			return err
		}, []string{string(w.person(2))}},
	} {
		told = nil
		w.ok(x.do())
		if !slices.Equal(told, x.want) {
			t.Errorf("%s: %v, want %v", x.name, told, x.want)
		}
	}
}

func mailOf() reminder.Address { return reminder.NewAddress(reminder.Email, "anna@b.example") }

// Disputes are everybody's, for sixty days, and end when the number is proven by another way.
func TestDisputed(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	r := w.replies()
	other := reminder.NewAddress(reminder.SMS, codeNumber)
	hashes := []reminder.AddressHash{w.p.Address(number), w.p.Address(other)}
	want := func(what string, first, second bool) {
		t.Helper()
		got, err := r.Disputed(w.ctx, hashes)
		w.ok(err)
		if got[0] != first || got[1] != second {
			t.Errorf("%s: %v", what, got)
		}
	}
	want("nothing was said", false, false)
	w.ok(r.WrongNumber(w.ctx, number, "outbox")) // of nobody's
	want("nobody's number", true, false)
	w.known(w.person(1), other)
	w.ok(r.WrongNumber(w.ctx, other, "outbox"))
	want("both", true, true)
	proof := func(m policy.Method, l policy.Level, change ...func(*contact.Record)) {
		t.Helper()
		c := contact.Record{Person: w.person(1), Type: contact.Verified, Address: other, Method: m, Level: l}
		for _, f := range change {
			f(&c)
		}
		w.ok(w.Audit(w.ctx, ledger.Audit{Actor: "key:1", Action: "address.verified", Person: w.person(1), Address: hashes[1]}))
		w.ok(r.Contact(w.ctx, c))
	}
	before := w.now().Add(-time.Hour)
	w.at(w.now().Add(time.Minute))
	w.ok(w.Audit(w.ctx, ledger.Audit{Actor: "key:1", Action: "address.verified", Person: w.person(1), Address: hashes[1]}))
	want("asked for, and then not taken down", true, true)
	proof(policy.Staff, policy.Claimed)
	proof(policy.DeskID, policy.Claimed)
	proof(policy.Code, policy.Proven)
	proof(policy.DeskID, policy.Proven, func(c *contact.Record) { c.EventTime = before })
	proof(policy.DeskID, policy.Unproven, func(c *contact.Record) { c.Type = contact.Added })
	want("no fresh proof by another way than a code", true, true)
	proof(policy.DeskID, policy.Proven)
	want("proven at the desk", true, false)
	w.at(w.now().Add(time.Minute))
	w.ok(w.Audit(w.ctx, ledger.Audit{Actor: "key:1", Action: "address.wrong", Person: w.person(1), Address: hashes[1]}))
	want("a clerk heard of it", true, true)
	w.ok(w.Audit(w.ctx, ledger.Audit{Actor: "key:1", Action: "code.check", Person: w.person(1), Address: hashes[0]}))
	want("a code changes nothing", true, true)
	if got, err := w.replies().Disputed(w.ctx, hashes); err != nil || !got[0] || !got[1] {
		t.Errorf("after a restart: %v %v", got, err)
	}
	if err := r.Contact(w.ctx, contact.Record{Person: w.person(1), Type: contact.Verified, Address: other, Method: policy.Staff, Level: policy.Proven}); err == nil {
		t.Error("staff prove nothing")
	}
	want("a proof that is none", true, true)
	w.at(w.now().AddDate(0, 0, 61))
	want("two months later", false, false)
}

// The number is in dispute while what is on the wire to it is waited for, also when it is nobody's: what is marked after that finds it.
func TestDisputedBeforeTheWireIsSettled(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	r := w.replies()
	w.accept(w.appointment(1))
	w.due()
	x := w.wire(number)
	ctx, cancel := contextFor(t, 300*time.Millisecond)
	defer cancel()
	w.is(r.WrongNumber(ctx, number, "outbox"), context.DeadlineExceeded)
	if got, err := r.Disputed(w.ctx, []reminder.AddressHash{w.p.Address(number)}); err != nil || !got[0] {
		t.Errorf("%v, %v", got, err)
	}
	w.settle(x, receipt.Accepted)
	w.ok(r.WrongNumber(w.ctx, number, "outbox"))
}
