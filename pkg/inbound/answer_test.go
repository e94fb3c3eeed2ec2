package inbound_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"github.com/husk-reminders/husk/pkg/inbound"
	"github.com/husk-reminders/husk/pkg/provider"
	"github.com/husk-reminders/husk/pkg/reminder"
)

// desk is a clinic's desk, and the sender of answers. It allows one answer an address and subject.
type desk struct {
	*register
	had     map[string]bool
	wrote   error
	enough  error
	replied error
	sent    []inbound.Answer
}

func newDesk() *desk { return &desk{register: &register{}, had: map[string]bool{}} }

func (d *desk) Wish(_ context.Context, a reminder.Address, via string) error {
	return d.do("wish " + a.Reveal() + " " + via)
}

func (d *desk) Wrote(_ context.Context, a reminder.Address) (string, string, error) {
	if slices.ContainsFunc(d.list(), func(s string) bool { return strings.HasPrefix(s, "wrong "+a.Reveal()) }) {
		return "", "", nil // nobody is behind it any more
	}
	return "rh-ortho", "da", d.wrote
}

func (d *desk) Answer(_ context.Context, a reminder.Address, about string) (bool, error) {
	key := a.Reveal() + about
	ok := !d.had[key]
	d.had[key] = true
	return ok, d.enough
}

func (d *desk) Reply(_ context.Context, a inbound.Answer) error {
	d.sent = append(d.sent, a)
	return d.replied
}

func (d *desk) texts() []string {
	var out []string
	for _, a := range d.sent {
		out = append(out, fmt.Sprint(a.To.Reveal(), " ", a.Text, " ", a.Unit, " ", a.Language, " ", a.Via))
	}
	return out
}

func (d *desk) station(t *testing.T, o inbound.Options) *inbound.Inbound {
	o.Register, o.Desk, o.Replier = d, d, d
	return station(t, o)
}

func TestAnswers(t *testing.T) {
	for _, c := range []struct {
		text string
		did  []string
		want inbound.Text
	}{
		{"STOP", []string{"stop"}, inbound.TextStopped},
		{"START", []string{"start"}, inbound.TextStarted},
		{"Forkert nummer", []string{"wrong"}, inbound.TextWrongNumber},
		{"Forkert nummer, stop", []string{"wrong", "stop"}, inbound.TextWrongNumber},
		{"Afbud, jeg er syg", []string{"wish"}, inbound.TextNotCancelled},
		{"STOP og aflys min tid", []string{"stop", "wish"}, inbound.TextStoppedNotCancelled},
		{"Hvor skal jeg gå hen?", []string{"other"}, inbound.TextUnread},
		{"HJÆLP", []string{"other"}, inbound.TextUnread},
		{"Ja, jeg kommer", []string{"other"}, inbound.TextUnread},
	} {
		d := newDesk()
		in := d.station(t, inbound.Options{})
		for range 2 { // the second time it is all done again, and not answered
			if err := in.Handle(t.Context(), "box", says("+4520000001", c.text)); err != nil {
				t.Fatal(err)
			}
		}
		var did []string
		for _, s := range append(c.did, c.did...) {
			did = append(did, s+" +4520000001 box")
		}
		if got := d.list(); !slices.Equal(got, did) {
			t.Errorf("%q does %q, want %q", c.text, got, did)
		}
		if got, want := d.texts(), []string{"+4520000001 " + string(c.want) + " rh-ortho da box"}; !slices.Equal(got, want) {
			t.Errorf("%q is answered %q, want %q", c.text, got, want)
		}
	}
}

// Machines are not answered, and ask for nothing but a STOP or what a clinic should look at.
func TestMachinesAreNotAnswered(t *testing.T) {
	d := newDesk()
	reg := prometheus.NewRegistry()
	in := d.station(t, inbound.Options{Metrics: reg})
	automatic := func(text string) provider.Notice {
		n := says("anna@example.org", text)
		n.Automatic = true
		return n
	}
	for _, n := range []provider.Notice{
		automatic("Jeg er på ferie til den 3. marts"), automatic("START"), automatic("Forkert adresse"), automatic("STOP"), automatic("Kan ikke komme"),
		says("mailer-daemon@example.org", "Could not deliver"), says("no-reply@example.org", "Tak for din mail"), says("owner-list+x@example.org", "hej"),
		says("anna-request@example.org", "hej"), says("4711", "hej"),
	} {
		if err := in.Handle(t.Context(), "box", n); err != nil {
			t.Fatal(err)
		}
	}
	want := []string{
		"stop anna@example.org box", "wish anna@example.org box", "other mailer-daemon@example.org box", "other no-reply@example.org box",
		"other owner-list+x@example.org box", "other anna-request@example.org box", "other 4711 box",
	}
	if got := d.list(); !slices.Equal(got, want) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
	if len(d.sent) != 0 {
		t.Errorf("answered: %q", d.texts())
	}
	if n, err := testutil.GatherAndCount(reg, "husk_inbound_answers_total"); err != nil || n != 24 {
		t.Errorf("%d series of answers, %v", n, err)
	}
}

// Two machines that answer each other come to rest: each answer of ours begets one of theirs.
func TestTwoMachinesComeToRest(t *testing.T) {
	d := newDesk()
	in := d.station(t, inbound.Options{})
	texts := []string{"Tak for din besked, jeg er på ferie", "STOP", "START", "kan ikke komme"}
	rounds := 0
	for at := -1; len(d.sent) > at && rounds < 100; rounds++ {
		at = len(d.sent)
		for _, x := range texts {
			if err := in.Handle(t.Context(), "box", says("+4520000001", x)); err != nil {
				t.Fatal(err)
			}
		}
	}
	if rounds > 3 || len(d.sent) != 4 {
		t.Errorf("%d rounds, %d answers", rounds, len(d.sent))
	}
}

// What fails around an answer holds up nothing, is not tried again, and says nothing of who or what.
func TestAnAnswerThatFailsHoldsUpNothing(t *testing.T) {
	boom := errors.New("down")
	for name, c := range map[string]struct {
		fail func(*desk)
		sent int
		last string
	}{
		"the carrier":   {func(d *desk) { d.replied = boom }, 1, "failed"},
		"the limit":     {func(d *desk) { d.enough = boom }, 0, "failed"},
		"no answer":     {func(d *desk) { d.replied = fmt.Errorf("x: %w", &provider.Error{Code: "timeout"}) }, 1, "unknown"},
		"a refusal":     {func(d *desk) { d.replied = &provider.Error{Outcome: provider.Reject} }, 1, "failed"},
		"whose it is":   {func(d *desk) { d.wrote = boom }, 1, "sent"},
		"nothing fails": {func(*desk) {}, 1, "sent"},
	} {
		d := newDesk()
		c.fail(d)
		core, logs := observer.New(zap.DebugLevel)
		reg := prometheus.NewRegistry()
		in := d.station(t, inbound.Options{Log: zap.New(core), Metrics: reg})
		if err := in.Handle(t.Context(), "box", says("+4520000001", "STOP")); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if len(d.list()) != 1 || len(d.sent) != c.sent {
			t.Errorf("%s: did %q, sent %q", name, d.list(), d.texts())
		}
		if n := answered(t, reg, c.last); n != 1 {
			t.Errorf("%s: counted %v as %s", name, n, c.last)
		}
		for _, e := range logs.All() {
			if line := fmt.Sprint(e.Message, e.ContextMap()); strings.Contains(line, "20000") || strings.Contains(line, "STOP") {
				t.Errorf("%s: the log tells who or what: %s", name, line)
			}
		}
	}
}

func answered(t *testing.T, reg *prometheus.Registry, outcome string) float64 {
	t.Helper()
	fs, err := reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	n := 0.0
	for _, f := range fs {
		for _, m := range f.GetMetric() {
			for _, l := range m.GetLabel() {
				if f.GetName() == "husk_inbound_answers_total" && l.GetName() == "outcome" && l.GetValue() == outcome {
					n += m.GetCounter().GetValue()
				}
			}
		}
	}
	return n
}

// A wish that is not on disk is not answered, and comes again.
func TestAWishThatFailsComesAgain(t *testing.T) {
	d := newDesk()
	d.fail = func(string) error { return errors.New("no room") }
	in := d.station(t, inbound.Options{})
	if err := in.Handle(t.Context(), "box", says("+4520000001", "afbud")); err == nil || len(d.sent) > 0 {
		t.Errorf("%v, %q", err, d.texts())
	}
}
