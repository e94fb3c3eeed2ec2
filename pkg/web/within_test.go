package web

import (
	"errors"
	"strings"
	"testing"

	"github.com/husk-reminders/husk/pkg/ledger"
)

// The admin socket's caller has no role and every right. Nobody who is signed in can become it, nor a clerk of all units.
func TestNobodyIsTheAdminSocket(t *testing.T) {
	f := &fake{}
	d := openDoor(t, f)
	for name, s := range map[string]Staff{
		"nobody":                       {},
		"without a role":               {Subject: "k", Name: "Karen"},
		"without a role, of a unit":    {Subject: "k", Name: "Karen", Units: []string{own}},
		"of an unknown role":           {Subject: "k", Name: "Karen", Role: "root"},
		"without a subject":            {Name: "Karen", Role: Administrator},
		"a clerk of all units":         {Subject: "k", Name: "Karen", Role: Clerk},
		"a clerk of no unit":           {Subject: "k", Name: "Karen", Role: Clerk, Units: []string{""}},
		"an auditor of a unit":         {Subject: "k", Name: "Karen", Role: Auditor, Units: []string{own}},
		"an administrator of one unit": {Subject: "k", Name: "Karen", Role: Administrator, Units: []string{own}},
	} {
		for _, path := range []string{"/v1/status", "/v1/apikeys", "/v1/keys/holders"} {
			if err := d.Call(t.Context(), s, "GET", path, nil, nil); !errors.Is(err, ErrGrant) {
				t.Errorf("%s: %s: %v", name, path, err)
			}
		}
		if _, err := d.Sessions().Begin(t.Context(), s.Subject, s.Name, []Grant{{s.Role, s.Units}}); !errors.Is(err, ErrGrant) {
			t.Errorf("%s: signed in: %v", name, err)
		}
	}
	if _, err := d.Sessions().Begin(t.Context(), "k", "Karen", nil); !errors.Is(err, ErrGrant) {
		t.Errorf("without a grant: %v", err)
	}
	if len(f.calls) != 0 {
		t.Errorf("the ledger was asked: %v", f.calls)
	}
	for id := range rights {
		if Role("").May(id) {
			t.Errorf("no role may %s", id)
		}
	}
}

// A session whose grants are gone wrong calls nothing.
func TestASessionWithoutAGrantCallsNothing(t *testing.T) {
	for _, x := range []Session{{}, {SignedIn: SignedIn{Subject: "k", Grants: []Grant{clerkGrant}}, Active: 1}, {SignedIn: SignedIn{Subject: "k", Grants: []Grant{clerkGrant}}, Active: -1}} {
		if err := openDoor(t, &fake{}).Call(t.Context(), x.Staff(), "GET", "/v1/status", nil, nil); !errors.Is(err, ErrGrant) {
			t.Errorf("%+v: %v", x, err)
		}
	}
}

func TestACallInsideTheProcess(t *testing.T) {
	f := &fake{}
	d := openDoor(t, f)
	karen := Staff{Subject: "karen@idp", Name: "Karen Holm", Role: Clerk, Units: []string{own}}
	var k Key
	if err := d.Call(t.Context(), karen, "POST", "/v1/persons/key", map[string]string{"country": "DK", "id": "0101701234"}, &k); err != nil || k.Person != somebody {
		t.Fatalf("%+v %v", k, err)
	}
	a := f.audits[0]
	if !strings.HasPrefix(a.Actor, "staff:") || !strings.HasSuffix(a.Actor, " Karen Holm") || strings.Contains(a.Actor, "idp") || a.Action != "person.key" {
		t.Errorf("audit %+v", a)
	}
	var e *Error
	for what, x := range map[string]struct {
		method, path string
		in           any
		code         int
		field        string
	}{
		"another role's":  {"GET", "/v1/audit", nil, 403, ""},
		"another unit's":  {"GET", "/v1/letters?unit=" + other, nil, 403, ""},
		"for the socket":  {"GET", "/v1/keys/holders", nil, 403, ""},
		"a field":         {"POST", "/v1/persons/key", map[string]string{"country": "DK", "id": "1"}, 400, "id"},
		"unknown":         {"GET", "/v1/nothing", nil, 404, ""},
		"unknown methods": {"PUT", "/v1/status", nil, 404, ""},
		"a parameter":     {"GET", "/v1/status?x=1", nil, 400, "query"},
	} {
		if err := d.Call(t.Context(), karen, x.method, x.path, x.in, nil); !errors.As(err, &e) || e.GetStatus() != x.code || e.Field != x.field || e.Text == "" {
			t.Errorf("%s: %+v", what, err)
		}
	}
	if err := d.Call(t.Context(), karen, "GET", "://", nil, nil); err == nil || errors.As(err, &e) && e.GetStatus() == 200 {
		t.Errorf("no path: %v", err)
	}
	d.Shut("starting")
	if err := d.Call(t.Context(), karen, "GET", "/v1/status", nil, nil); !errors.As(err, &e) || e.GetStatus() != 503 || e.Text != "not ready: starting" {
		t.Errorf("shut: %v", err)
	}
}

// What one person asks for, the same person does not confirm: neither in another role, nor under another name.
func TestOnePersonIsNotTwo(t *testing.T) {
	f := &fake{fourEyes: true, stopped: map[string]string{"unit:" + own: "leak"}}
	d := openDoor(t, f)
	stop := Switch{Name: "unit:" + own, Reason: "mended", Mended: "it"}
	if err := d.Call(t.Context(), Staff{Subject: "k", Name: "Karen", Role: Clerk, Units: []string{own}}, "POST", "/v1/switches", stop, nil); err != nil {
		t.Fatal(err)
	}
	confirm := Confirm{Name: stop.Name, Reason: "looked"}
	var e *Error
	if err := d.Call(t.Context(), Staff{Subject: "k", Name: "K. Holm", Role: Approver}, "POST", "/v1/switches/confirm", confirm, nil); !errors.As(err, &e) || e.GetStatus() != 403 {
		t.Errorf("the same: %v", err)
	}
	if err := d.Call(t.Context(), Staff{Subject: "o", Name: "Karen", Role: Approver}, "POST", "/v1/switches/confirm", confirm, nil); err != nil {
		t.Errorf("another of the same name: %v", err)
	}
}

func TestOneWhoAsksTooOften(t *testing.T) {
	d := openDoor(t, &fake{})
	d.keys = newLimit(1)
	k, o := Staff{Subject: "k", Role: Auditor}, Staff{Subject: "o", Role: Auditor}
	var err error
	for range 3 {
		err = d.Call(t.Context(), k, "GET", "/v1/status", nil, nil)
	}
	var e *Error
	if !errors.As(err, &e) || e.GetStatus() != 429 || e.Wait() <= 0 {
		t.Errorf("the third: %v", err)
	}
	if err := d.Call(t.Context(), o, "GET", "/v1/status", nil, nil); err != nil {
		t.Errorf("another person: %v", err)
	}
	d.visitors = newLimit(1)
	for range 2 {
		if wait := d.Admit("192.0.2.1:1"); wait > 0 {
			t.Error("sent away too early")
		}
	}
	if wait := d.Admit("192.0.2.1:2"); wait <= 0 {
		t.Error("an address that asks too often is let in")
	}
}

// Every name makes an actor that the audit takes.
func TestNamesForTheAudit(t *testing.T) {
	for name, want := range map[string]string{
		"Karen Holm": "Karen Holm", " Åse Ø. ": "Åse Ø.", "": "", "Ole 0101701234": "", "Ole 01 01 70 12 34": "", "B27 desk": "B27 desk", "ole@region.dk": "",
		"\u202eevil": "", strings.Repeat("å", 40): "", strings.Repeat("å", 32): strings.Repeat("å", 32),
	} {
		if got := plainName(name); got != want {
			t.Errorf("%q: %q, want %q", name, got, want)
		}
		c, err := Staff{Subject: name + "x", Name: name, Role: Auditor}.caller()
		if err != nil || checkActor(c.actor) != nil {
			t.Errorf("%q: %+v %v", name, c, err)
		}
		if err := openDoor(t, &fake{}).open.api.note(t.Context(), c, ledger.Audit{Action: "x"}); err != nil {
			t.Errorf("%q: %v", name, err)
		}
	}
}
