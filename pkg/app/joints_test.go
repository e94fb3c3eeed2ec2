package app

import (
	"context"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	policies "github.com/husk-reminders/husk/config/policy"
	"github.com/husk-reminders/husk/pkg/gate"
	"github.com/husk-reminders/husk/pkg/intake"
	"github.com/husk-reminders/husk/pkg/ledger"
	"github.com/husk-reminders/husk/pkg/plan"
	"github.com/husk-reminders/husk/pkg/policy"
	"github.com/husk-reminders/husk/pkg/provider"
	"github.com/husk-reminders/husk/pkg/reminder"
	"github.com/husk-reminders/husk/pkg/state"
	"github.com/husk-reminders/husk/pkg/state/memory"
)

// stateErrors is every sentinel of package state; the gate never sees ErrStale, which is between projectors.
var stateErrors = map[string]error{
	"ErrNotCertified": state.ErrNotCertified, "ErrLost": state.ErrLost, "ErrClaim": state.ErrClaim, "ErrMoved": state.ErrMoved,
	"ErrBarred": state.ErrBarred, "ErrStopped": state.ErrStopped, "ErrCapped": state.ErrCapped, "ErrTooLate": state.ErrTooLate,
}

func TestEveryStateErrorHasItsGateError(t *testing.T) {
	files, err := filepath.Glob("../state/*.go")
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	declared := 0
	for _, f := range files {
		tree, err := parser.ParseFile(token.NewFileSet(), f, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(tree, func(n ast.Node) bool {
			v, ok := n.(*ast.ValueSpec)
			if !ok {
				return true
			}
			for _, name := range v.Names {
				if strings.HasPrefix(name.Name, "Err") {
					declared++
					if stateErrors[name.Name] == nil && name.Name != "ErrStale" {
						t.Errorf("state.%s: say here what it is to the gate", name.Name)
					}
				}
			}
			return true
		})
	}
	if declared != len(stateErrors)+1 {
		t.Errorf("%d errors declared", declared)
	}
	want := map[string]error{
		"ErrNotCertified": gate.ErrNotCertified, "ErrLost": gate.ErrLost, "ErrClaim": gate.ErrClaim, "ErrMoved": gate.ErrMoved,
		"ErrBarred": gate.ErrBarred, "ErrStopped": gate.ErrStopped, "ErrCapped": gate.ErrCapped, "ErrTooLate": gate.ErrOld,
	}
	for name, ours := range stateErrors {
		for _, err := range []error{ours, fmt.Errorf("wrapped: %w", ours)} {
			if got := gateError(err); !errors.Is(got, want[name]) {
				t.Errorf("%s becomes %v, want %v", name, got, want[name])
			}
		}
		if outcome, _ := gate.Refusal(gateError(ours)); outcome == gate.Allow {
			t.Errorf("%s comes to a yes", name)
		}
	}
	other := errors.New("other")
	if !errors.Is(gateError(other), other) || gateError(nil) != nil {
		t.Error("any other error stays what it is")
	}
}

// answers is a state that answers Confirm and Switches as told.
type answers struct {
	state.State
	got  []state.Confirmation
	errs []error
	err  error
}

func (a *answers) Confirm(_ context.Context, cs []state.Confirmation) ([]error, error) {
	a.got = cs
	return a.errs, a.err
}

func (a *answers) Switches(context.Context) (map[string]string, error) {
	return map[string]string{"all": "drill"}, a.err
}

func TestConfirmPassesEverything(t *testing.T) {
	at := time.Now()
	c := gate.Confirmation{
		Reminder: "r", Person: "p", Token: "t", Version: 3, PersonVersion: 4, Attempt: 5, Claim: "c", Address: "a", Switches: []string{"all"},
		Cap: policy.Cap{Max: 6, Per: time.Hour}, At: at, NotAfter: at.Add(time.Minute),
	}
	for i := range reflect.ValueOf(c).NumField() {
		if reflect.ValueOf(c).Field(i).IsZero() {
			t.Fatalf("the test leaves %s empty", reflect.TypeOf(c).Field(i).Name)
		}
	}
	s := &answers{errs: []error{nil, state.ErrBarred}}
	p := people{s: s}
	errs, err := p.Confirm(t.Context(), []gate.Confirmation{c, {}})
	if err != nil || len(errs) != 2 || errs[0] != nil || !errors.Is(errs[1], gate.ErrBarred) {
		t.Errorf("answers %v, %v", errs, err)
	}
	want := state.Confirmation{
		Reminder: "r", Person: "p", Token: "t", Version: 3, PersonVersion: 4, Attempt: 5, Claim: "c", Address: "a", Switches: []string{"all"},
		CapMax: 6, CapPer: time.Hour, At: at, NotAfter: at.Add(time.Minute),
	}
	for i := range reflect.ValueOf(want).NumField() {
		if reflect.ValueOf(want).Field(i).IsZero() {
			t.Fatalf("the state checks %s, which the gate does not give", reflect.TypeOf(want).Field(i).Name)
		}
	}
	if !reflect.DeepEqual(s.got[0], want) {
		t.Errorf("got %+v", s.got[0])
	}
	s.errs, s.err = nil, fmt.Errorf("x: %w", state.ErrNotCertified)
	if _, err := p.Confirm(t.Context(), nil); !errors.Is(err, gate.ErrNotCertified) {
		t.Errorf("got %v", err)
	}
	if _, err := p.Stopped(t.Context()); !errors.Is(err, gate.ErrNotCertified) {
		t.Errorf("got %v", err)
	}
	s.err = nil
	if m, err := p.Stopped(t.Context()); err != nil || m["all"] != "drill" {
		t.Errorf("switches %v, %v", m, err)
	}
}

// A store that has lost data answers that no switch is on. Who asks for an answer learns that nobody vouches for that.
func TestLostSwitchesAreNotVouchedFor(t *testing.T) {
	packs, err := policy.Load(policies.FS)
	if err != nil {
		t.Fatal(err)
	}
	s := memory.New()
	p := people{s: s}
	g, err := gate.New(gate.Options{
		People: p, Switches: p, Confirmer: p, Packs: packs, Units: onlyUnit{}, Certified: p.Certified,
		Hash: func(reminder.Address) reminder.AddressHash { return "h" },
	})
	if err != nil {
		t.Fatal(err)
	}
	r := gate.Reply{To: reminder.NewAddress(reminder.SMS, "+4520123456"), Text: reminder.AnswerStopped, Unit: "rh-ortho", Route: "sms"}
	if m, err := p.Stopped(t.Context()); err != nil || len(m) != 0 {
		t.Fatalf("switches %v, %v", m, err)
	}
	if permit, err := g.Answer(t.Context(), r, time.Now()); !errors.Is(err, gate.ErrNotCertified) || !permit.IsZero() {
		t.Errorf("answered from a store that nobody vouches for: %v", err)
	}
	if err := s.Certify(t.Context(), time.Minute); err != nil {
		t.Fatal(err)
	}
	permit, err := g.Answer(t.Context(), r, time.Now())
	if err != nil || permit.IsZero() {
		t.Fatalf("certified: %v", err)
	}
	if err := s.Certify(t.Context(), -time.Minute); err != nil {
		t.Fatal(err)
	}
	if err := g.ConfirmAnswer(t.Context(), permit, "da/reply-stopped.sms@1"); !errors.Is(err, gate.ErrNotCertified) {
		t.Errorf("confirmed from a store that nobody vouches for: %v", err)
	}
}

type onlyUnit struct{}

func (onlyUnit) Unit(id string) (reminder.Unit, bool) {
	return reminder.Unit{ID: id, Country: "DK", Language: "da", Zone: "Europe/Copenhagen"}, true
}

func TestSink(t *testing.T) {
	w := newWorld(t)
	start := noon.AddDate(0, 0, 15)
	a := reminder.Appointment{
		Key: w.Pseudonyms.Appointment("cosmic", "A"), System: "cosmic", ID: "A", Status: reminder.Booked, Start: start, Unit: "rh-ortho",
		Person: w.Pseudonyms.Person(reminder.NewNationalID("DK", cpr(1))), Order: reminder.Order{Sequence: 1},
	}
	unknown, incomplete := a, a
	unknown.Key, unknown.Unit = w.Pseudonyms.Appointment("cosmic", "B"), "no-such"
	incomplete.Key, incomplete.Status = w.Pseudonyms.Appointment("cosmic", "C"), ""
	errs, err := sink{w.Ledger}.Accept(t.Context(), []reminder.Appointment{a, unknown, incomplete})
	w.ok(err)
	if errs[0] != nil || !errors.Is(errs[1], intake.ErrRefused) || !errors.Is(errs[1], plan.ErrUnknownUnit) || !errors.Is(errs[2], intake.ErrRefused) {
		t.Errorf("element errors %v", errs)
	}
	d := intake.DeadLetter{
		Subject: "husk.events.cosmic.rh-ortho", ContentType: "text/plain", Reason: intake.ReasonMalformed, Detail: "unit: want one", Shape: "1 byte",
		Data: []byte("x"), Received: noon, Sequence: 9,
	}
	w.ok(sink{w.Ledger}.Bury(t.Context(), []intake.DeadLetter{d}))
	ds, err := w.Ledger.DeadLetters(t.Context())
	w.ok(err)
	got, err := w.Ledger.DeadLetter(t.Context(), ds[0].ID)
	w.ok(err)
	want := ledger.DeadLetter{
		ID: 1, Station: "intake", System: "cosmic", Reason: "malformed", Detail: "unit: want one", Shape: "1 byte", Received: noon, Sequence: 9,
		Subject: d.Subject, Type: "text/plain", Data: []byte("x"),
	}
	if len(ds) != 1 || !reflect.DeepEqual(got, want) {
		t.Errorf("buried %+v, want %+v", got, want)
	}
	// Of a carrier's reports only the final ones settle anything.
	for _, s := range []provider.Status{provider.Pending, "odd", ""} {
		w.ok(register{w.Replies}.Report(t.Context(), provider.Report{Reference: "x", Status: s}, "test"))
	}
	if !slices.Equal(slices.Sorted(slices.Values([]string{string(reports[provider.Delivered]), string(reports[provider.Undelivered])})), []string{"delivered", "undelivered"}) {
		t.Errorf("reports %v", reports)
	}
}
