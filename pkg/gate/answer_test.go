package gate_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/husk-reminders/husk/pkg/contact"
	"github.com/husk-reminders/husk/pkg/gate"
	"github.com/husk-reminders/husk/pkg/reminder"
)

func wrote() gate.Reply {
	return gate.Reply{To: number, Text: reminder.AnswerStopped, Unit: "rh-ortho", Language: "en", Route: "sms"}
}

// An answer asks for nothing that a person said or has: also who is barred, and who is nobody, gets it.
func TestAnswerPassesABar(t *testing.T) {
	w := newWorld(t)
	w.person(func(p *gate.Person) { p.Barred = map[reminder.AddressHash]bool{hash(number): true}; p.Protected = true })
	w.evidence(about(contact.Wrong, number, now))
	w.peopleErr = errDown
	g := w.gate(t)
	p, err := g.Answer(t.Context(), wrote(), now)
	if err != nil {
		t.Fatal(err)
	}
	if p.IsZero() || p.Answer() != reminder.AnswerStopped || p.Address() != number || p.AddressHash() != hash(number) || p.Channel() != reminder.SMS ||
		p.Unit().ID != "rh-ortho" || p.Pack().ID != "dk-2019" || p.Language() != "en" || p.Basis() != "" {
		t.Errorf("permit %+v", p)
	}
	l := p.Lease()
	if l.Purpose != reminder.Reply || l.Person != "" || !l.Appointment.Start.IsZero() || !l.Expires.After(now) || l.Expires.After(now.Add(time.Hour)) {
		t.Errorf("lease %+v", l)
	}
	if err := g.ConfirmAnswer(t.Context(), p, "da/reply-stopped.sms@0a0b0c0d"); err != nil {
		t.Error(err)
	}
	if len(w.asked) != 0 {
		t.Error("an answer is marked as an attempt")
	}
	r := wrote()
	r.Language = ""
	if p, err := g.Answer(t.Context(), r, now); err != nil || p.Language() != "da" {
		t.Errorf("without a language: %v, %v", p.Language(), err)
	}
}

// lost is a store that answers the switches, and none is on any more, but does not vouch for it.
func lost(w *world) func() error {
	w.stopped = nil
	return func() error { return fmt.Errorf("x: %w", gate.ErrNotCertified) }
}

func TestNoAnswer(t *testing.T) {
	stopped := func(names ...string) func(*world, *gate.Reply) {
		return func(w *world, _ *gate.Reply) {
			w.stopped = map[string]string{}
			for _, n := range names {
				w.stopped[n] = "drill"
			}
		}
	}
	for name, c := range map[string]struct {
		spoil func(*world, *gate.Reply)
		want  error
	}{
		"all stopped":        {stopped("all"), gate.ErrNoAnswer},
		"the unit":           {stopped("unit:rh-ortho"), gate.ErrNoAnswer},
		"the country":        {stopped("country:DK"), gate.ErrNoAnswer},
		"the pack":           {stopped("pack:dk-2019"), gate.ErrNoAnswer},
		"the carrier":        {stopped("carrier:sms"), gate.ErrNoAnswer},
		"all answers' texts": {stopped("template:reply"), gate.ErrNoAnswer},
		"this answer's":      {stopped("template:reply-stopped"), gate.ErrNoAnswer},
		"the unit's own set": {func(w *world, r *gate.Reply) {
			w.unit(func(u *reminder.Unit) { u.Templates = map[reminder.Purpose]string{reminder.Reply: "friendly"} })
			stopped("template:friendly")(w, r)
		}, gate.ErrNoAnswer},
		"nothing of it":          {stopped("unit:rh-eye", "country:SE", "carrier:email", "template:reminder", "template:reply-unread"), nil},
		"switches do not answer": {func(w *world, _ *gate.Reply) { w.switchErr = errDown }, errDown},
		"nobody vouches":         {func(w *world, _ *gate.Reply) { w.switchErr = gate.ErrNotCertified }, gate.ErrNotCertified},
		"the store lost data":    {func(w *world, _ *gate.Reply) { w.certified = lost(w) }, gate.ErrNotCertified},
		"an unknown unit":        {func(_ *world, r *gate.Reply) { r.Unit = "rh-none" }, gate.ErrNoAnswer},
		"no unit":                {func(_ *world, r *gate.Reply) { r.Unit = "" }, gate.ErrNoAnswer},
		"another unit's entry":   {func(w *world, _ *gate.Reply) { w.unit(func(u *reminder.Unit) { u.ID = "rh-eye" }) }, gate.ErrNoAnswer},
		"no pack":                {func(w *world, _ *gate.Reply) { w.unit(func(u *reminder.Unit) { u.Country = "IS" }) }, gate.ErrNoAnswer},
		"a channel of no pack":   {func(_ *world, r *gate.Reply) { r.To = reminder.NewAddress("fax", "1") }, gate.ErrNoAnswer},
		"nobody":                 {func(_ *world, r *gate.Reply) { r.To = reminder.Address{} }, gate.ErrNoAnswer},
		"no route":               {func(_ *world, r *gate.Reply) { r.Route = "" }, gate.ErrNoAnswer},
		"no text":                {func(_ *world, r *gate.Reply) { r.Text = "" }, gate.ErrNoAnswer},
		"a text of nobody's":     {func(_ *world, r *gate.Reply) { r.Text = "hello" }, gate.ErrNoAnswer},
	} {
		w, r := newWorld(t), wrote()
		c.spoil(w, &r)
		p, err := w.gate(t).Answer(t.Context(), r, now)
		if !errors.Is(err, c.want) || (c.want == nil) == p.IsZero() {
			t.Errorf("%s: %v, permit %v", name, err, !p.IsZero())
		}
	}
}

// What is switched off between the two looks, or only known by then, still holds.
func TestConfirmAnswer(t *testing.T) {
	const version = "da/reply-stopped.sms@0a0b0c0d"
	for name, c := range map[string]struct {
		spoil    func(*world)
		template string
		want     error
	}{
		"as it was":           {func(*world) {}, version, nil},
		"stopped meanwhile":   {func(w *world) { w.stopped = map[string]string{"all": "x"} }, version, gate.ErrNoAnswer},
		"the version":         {func(w *world) { w.stopped = map[string]string{"template:" + version: "x"} }, version, gate.ErrNoAnswer},
		"the template":        {func(w *world) { w.stopped = map[string]string{"template:da/reply-stopped.sms": "x"} }, version, gate.ErrNoAnswer},
		"another version":     {func(w *world) { w.stopped = map[string]string{"template:da/reply-stopped.sms@ffffffff": "x"} }, version, nil},
		"no longer vouched":   {func(w *world) { w.switchErr = gate.ErrNotCertified }, version, gate.ErrNotCertified},
		"the store lost data": {func(w *world) { w.certified = lost(w) }, version, gate.ErrNotCertified},
		"too old":             {func(w *world) { w.clock = now.Add(31 * time.Second) }, version, gate.ErrOld},
		"of another time":     {func(w *world) { w.clock = now.Add(-31 * time.Second) }, version, gate.ErrOld},
		"no template chosen":  {func(*world) {}, "", gate.ErrNoPermit},
	} {
		w := newWorld(t)
		g := w.gate(t)
		p, err := g.Answer(t.Context(), wrote(), now)
		if err != nil {
			t.Fatal(err)
		}
		c.spoil(w)
		if err := g.ConfirmAnswer(t.Context(), p, c.template); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
	}
}

// The permit of an answer is none for a reminder, and the other way round.
func TestAnswersAndRemindersDoNotMix(t *testing.T) {
	w := newWorld(t)
	g := w.gate(t)
	p, err := g.Answer(t.Context(), wrote(), now)
	if err != nil {
		t.Fatal(err)
	}
	errs, err := g.Confirm(t.Context(), []gate.Attempt{{Permit: p, Claim: reminder.NewClaim(anna), Attempt: 1, Template: "x", Route: "sms"}})
	if err != nil || !errors.Is(errs[0], gate.ErrNoPermit) || len(w.asked) != 0 {
		t.Errorf("an answer is confirmed as an attempt: %v, %v", errs, err)
	}
	ds, err := g.Decide(t.Context(), []reminder.Lease{lease()}, now)
	if err != nil || ds[0].Outcome != gate.Allow {
		t.Fatal(ds, err)
	}
	for _, p := range []gate.Permit{ds[0].Permit, {}} {
		if err := g.ConfirmAnswer(t.Context(), p, "x"); !errors.Is(err, gate.ErrNoPermit) {
			t.Errorf("confirmed as an answer: %v", err)
		}
	}
}

// The store is asked to vouch after the switches: what it lost in between is not taken for off. Where nobody can be asked, nothing is
// answered.
func TestAnswerAsksForTheCertificateLast(t *testing.T) {
	w := newWorld(t)
	var order []string
	o := gate.Options{
		People: w, Switches: asked(func() { order = append(order, "switches") }), Confirmer: w, Packs: w.packs, Units: w, Hash: hash,
		Certified: func(context.Context) error { order = append(order, "certified"); return nil },
		Now:       func() time.Time { return now },
	}
	g, err := gate.New(o)
	if err != nil {
		t.Fatal(err)
	}
	p, err := g.Answer(t.Context(), wrote(), now)
	if err != nil {
		t.Fatal(err)
	}
	if err := g.ConfirmAnswer(t.Context(), p, "da/reply-stopped.sms@1"); err != nil {
		t.Error(err)
	}
	if want := []string{"switches", "certified", "switches", "certified"}; !slices.Equal(order, want) {
		t.Errorf("asked %v", order)
	}
	o.Certified = nil
	if g, err = gate.New(o); err != nil {
		t.Fatal(err)
	}
	if p, err := g.Answer(t.Context(), wrote(), now); !errors.Is(err, gate.ErrUnavailable) || !p.IsZero() {
		t.Errorf("nobody vouches: %v", err)
	}
}

// asked is switches that are all off, and a note that they were asked.
type asked func()

func (a asked) Stopped(context.Context) (map[string]string, error) { a(); return nil, nil }
