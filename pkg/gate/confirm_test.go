package gate_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/husk-reminders/husk/pkg/gate"
	"github.com/husk-reminders/husk/pkg/reminder"
)

// permit is a good one for the lease.
func permit(t *testing.T, w *world, l reminder.Lease) gate.Permit {
	t.Helper()
	ds, err := w.gate(t).Decide(context.Background(), []reminder.Lease{l}, now)
	if err != nil || ds[0].Outcome != gate.Allow {
		t.Fatalf("%+v, %v", ds[0], err)
	}
	return ds[0].Permit
}

func attempt(p gate.Permit) gate.Attempt {
	return gate.Attempt{Permit: p, Claim: reminder.NewClaim(anna), Attempt: 1, Template: "da/reminder.sms@3f2a91c0", Route: "sms-a"}
}

func TestConfirm(t *testing.T) {
	w := newWorld(t)
	w.clock = now.Add(2 * time.Second)
	a := attempt(permit(t, w, lease()))
	errs, err := w.gate(t).Confirm(context.Background(), []gate.Attempt{a})
	if err != nil || len(errs) != 1 || errs[0] != nil {
		t.Fatalf("%v, %v", errs, err)
	}
	c := w.asked[0][0]
	if c.Reminder != "1-aa" || c.Person != anna || c.Token != "t1" || c.Version != 3 || c.PersonVersion != 7 || c.Attempt != 1 ||
		c.Claim != a.Claim || c.Address != hash(number) || c.Cap != a.Permit.Pack().Cap || c.Cap.Max == 0 || !c.At.Equal(w.clock) ||
		!c.NotAfter.Equal(now.Add(30*time.Second)) {
		t.Errorf("%+v", c)
	}
	for _, name := range []string{
		"all", "unit:rh-ortho", "pack:dk-2019", "country:DK", "template:reminder", "template:da/reminder.sms",
		"template:da/reminder.sms@3f2a91c0", "carrier:sms-a",
	} {
		if !slices.Contains(c.Switches, name) || !gate.IsSwitch(name) {
			t.Errorf("%s does not stop it: %v", name, c.Switches)
		}
	}
	b := attempt(permit(t, w, lease()))
	b.Route = "sms-b"
	if _, err := w.gate(t).Confirm(context.Background(), []gate.Attempt{b}); err != nil {
		t.Fatal(err)
	}
	if s := w.asked[1][0].Switches; !slices.Contains(s, "carrier:sms-a") || !slices.Contains(s, "carrier:sms-b") {
		t.Errorf("both routes stop it: %v", s)
	}
}

// Where a route has several carriers the switch of the one that is to take the message stops it, beside the route's, and no other's.
func TestConfirmAsksForTheCarrier(t *testing.T) {
	w := newWorld(t)
	a := attempt(permit(t, w, lease()))
	a.Carrier = "spare"
	b := a
	b.Carrier = a.Route // a route of one carrier, by one name
	for i, x := range []gate.Attempt{a, b} {
		if errs, err := w.gate(t).Confirm(context.Background(), []gate.Attempt{x}); err != nil || errs[0] != nil {
			t.Fatal(errs, err)
		}
		got := slices.DeleteFunc(slices.Clone(w.asked[i][0].Switches), func(s string) bool { return !strings.HasPrefix(s, gate.SwitchCarrier) })
		slices.Sort(got)
		want := []string{"carrier:sms-a", "carrier:spare"}
		if x.Carrier == x.Route {
			want = want[:1]
		}
		if !slices.Equal(slices.Compact(got), want) {
			t.Errorf("by %s: %v, want %v", x.Carrier, got, want)
		}
	}
}

func TestConfirmRefusesByItself(t *testing.T) {
	w := newWorld(t)
	good := permit(t, w, lease())
	soon := lease()
	soon.Expires = now.Add(5 * time.Second)
	ends := permit(t, w, soon)
	for name, c := range map[string]struct {
		a     func() gate.Attempt
		after time.Duration
		want  error
	}{
		"good":               {func() gate.Attempt { return attempt(good) }, 30 * time.Second, nil},
		"zero permit":        {func() gate.Attempt { return attempt(gate.Permit{}) }, 0, gate.ErrNoPermit},
		"old":                {func() gate.Attempt { return attempt(good) }, 30*time.Second + 1, gate.ErrOld},
		"from a later clock": {func() gate.Attempt { return attempt(good) }, -time.Minute, gate.ErrOld},
		"expired meanwhile":  {func() gate.Attempt { return attempt(ends) }, 5 * time.Second, gate.ErrOld},
		"no claim":           {func() gate.Attempt { a := attempt(good); a.Claim = "x"; return a }, 0, gate.ErrAttempt},
		"another shard":      {func() gate.Attempt { a := attempt(good); a.Claim = "02" + a.Claim[2:]; return a }, 0, gate.ErrAttempt},
		"attempt 0":          {func() gate.Attempt { a := attempt(good); a.Attempt = 0; return a }, 0, gate.ErrAttempt},
		"attempt 2 of a 1":   {func() gate.Attempt { a := attempt(good); a.Attempt = 2; return a }, 0, gate.ErrAttempt},
		"no template":        {func() gate.Attempt { a := attempt(good); a.Template = ""; return a }, 0, gate.ErrAttempt},
		"no route":           {func() gate.Attempt { a := attempt(good); a.Route = ""; return a }, 0, gate.ErrAttempt},
	} {
		w.asked, w.clock = nil, now.Add(c.after)
		errs, err := w.gate(t).Confirm(context.Background(), []gate.Attempt{c.a()})
		if err != nil || !errors.Is(errs[0], c.want) || (errs[0] == nil) != (c.want == nil) {
			t.Errorf("%s: %v, %v", name, errs, err)
		}
		if (len(w.asked) == 0) != (c.want != nil) {
			t.Errorf("%s: asked %d times", name, len(w.asked))
		}
	}
	w.clock = now
	errs, err := w.gate(t).Confirm(context.Background(), []gate.Attempt{attempt(good), attempt(good)})
	if err != nil || errs[0] != nil || !errors.Is(errs[1], gate.ErrClaim) {
		t.Errorf("one reminder twice: %v, %v", errs, err)
	}
}

func TestConfirmRefusals(t *testing.T) {
	for _, want := range []error{
		gate.ErrBarred, gate.ErrMoved, gate.ErrLost, gate.ErrClaim, gate.ErrStopped, gate.ErrCapped, gate.ErrNotCertified, errDown,
	} {
		w := newWorld(t)
		l := lease()
		l.Reminder = "1-bb"
		w.refusals = map[reminder.ID]error{"1-bb": want}
		as := []gate.Attempt{attempt(gate.Permit{}), attempt(permit(t, w, lease())), attempt(permit(t, w, l))}
		errs, err := w.gate(t).Confirm(context.Background(), as)
		if err != nil || !errors.Is(errs[0], gate.ErrNoPermit) || errs[1] != nil || !errors.Is(errs[2], want) {
			t.Errorf("%v: %v, %v", want, errs, err)
		}
	}
}

func TestConfirmFaultsNeverAllow(t *testing.T) {
	for name, plant := range map[string]func(*world){
		"an error":         func(w *world) { w.confErr = errDown },
		"too few answers":  func(w *world) { w.confSpoil = func(es []error) []error { return es[:1] } },
		"no answer":        func(w *world) { w.confSpoil = func([]error) []error { return nil } },
		"too many answers": func(w *world) { w.confSpoil = func(es []error) []error { return append(es, nil) } },
	} {
		w := newWorld(t)
		l := lease()
		l.Reminder = "1-bb"
		as := []gate.Attempt{attempt(permit(t, w, lease())), attempt(permit(t, w, l))}
		plant(w)
		errs, err := w.gate(t).Confirm(context.Background(), as)
		if err == nil || len(errs) != 2 || errs[0] == nil || errs[1] == nil {
			t.Errorf("%s: %v, %v", name, errs, err)
		}
		for _, e := range errs {
			if o, r := gate.Refusal(e); o != gate.Defer || r != gate.Unavailable {
				t.Errorf("%s: %s %s", name, o, r)
			}
		}
	}
	if errs, err := newWorld(t).gate(t).Confirm(context.Background(), nil); len(errs) != 0 || err != nil {
		t.Errorf("nothing asked: %v, %v", errs, err)
	}
}
