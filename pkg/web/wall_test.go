package web

import (
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"
)

// A wall session keeps who they are and the grant that they work in, idle or not, for a day from when it was turned.
func TestAWallSession(t *testing.T) {
	f, shelf := &fake{}, newDrawer()
	here, there := openDoorWith(t, f, shelf), openDoorWith(t, &fake{}, shelf)
	token := begin(t, here, Grant{Role: Approver}, clerkGrant)
	s := here.Sessions()
	if _, err := s.Change(t.Context(), token, func(x *Session) {
		x.Active, x.Notices = 1, []Notice{{Kind: "done", Key: "saved"}}
		x.Open("1-00000000000000000000000000000000", "rang")
	}); err != nil {
		t.Fatal(err)
	}
	f.later = time.Minute
	x, err := s.Wall(t.Context(), token)
	if err != nil || !x.OnWall() || len(x.Opened) != 0 || len(x.Notices) != 0 || len(x.Grants) != 1 {
		t.Fatalf("%+v %v", x, err)
	}
	if last := f.audits[len(f.audits)-1]; last.Action != "session.wall "+x.ID || !strings.HasSuffix(last.Actor, " Karen Holm") {
		t.Errorf("audit %+v", last)
	}
	if x, err = there.Sessions().Peek(t.Context(), token); err != nil {
		t.Fatal(err)
	}
	if who := x.Staff(); !who.Wall || who.Role != Clerk || !slices.Equal(who.Units, []string{own}) || who.Subject != "8d7c-karen" {
		t.Errorf("in another process: %+v", who)
	}

	// Nothing turns it back, and nothing makes it last longer.
	f.later = time.Hour
	if _, err := s.Change(t.Context(), token, func(x *Session) {
		x.Wall, x.Active, x.Grants = time.Time{}, 0, []Grant{{Role: Administrator}}
	}); err != nil {
		t.Fatal(err)
	}
	noted := len(f.audits)
	if x, err = s.Wall(t.Context(), token); err != nil || !x.Wall.Equal(noon.Add(time.Minute)) || x.Staff().Role != Clerk || len(f.audits) != noted {
		t.Errorf("turned again: %+v %v", x, err)
	}
	f.later = time.Minute + WallLongest - time.Second
	if _, err := s.Peek(t.Context(), token); err != nil {
		t.Errorf("shortly before a day: %v", err)
	}
	f.later += time.Second
	if _, err := s.Find(t.Context(), token); !errors.Is(err, ErrNoSession) {
		t.Errorf("after a day: %v", err)
	}
	if _, err := s.Wall(t.Context(), token); !errors.Is(err, ErrNoSession) {
		t.Errorf("one that is over, turned: %v", err)
	}
}

// Of the whole API a wall session may call one operation, and that is refused to the role, or beside the units, all the same.
func TestWhatAWallSessionMayCall(t *testing.T) {
	f := &fake{}
	d := openDoor(t, f)
	clerk := Staff{Subject: "k", Name: "Karen", Role: Clerk, Units: []string{own}, Wall: true}
	status := func(s Staff, method, path string) int {
		t.Helper()
		var e *Error
		switch err := d.Call(t.Context(), s, method, path, nil, nil); {
		case err == nil:
			return http.StatusOK
		case errors.As(err, &e):
			return e.GetStatus()
		default:
			t.Fatal(err)
			return 0
		}
	}
	if code := status(clerk, "GET", "/v1/day?unit="+own); code != http.StatusOK {
		t.Errorf("its own day: %d", code)
	}
	for _, path := range []string{"/v1/day", "/v1/day?unit=" + other} {
		if code := status(clerk, "GET", path); code != http.StatusForbidden {
			t.Errorf("%s: %d", path, code)
		}
	}
	if code := status(Staff{Subject: "a", Role: Auditor, Wall: true}, "GET", "/v1/day"); code != http.StatusForbidden {
		t.Errorf("a role that may not: %d", code)
	}
	routes := readSpec(t).routes()
	for op, route := range routes {
		if op == wallOperation {
			continue
		}
		for _, r := range Roles {
			who := Staff{Subject: "k " + op, Role: r, Wall: true} // each for itself: nobody may call as often
			if limits[r].must {
				who.Units = []string{own}
			}
			noted := len(f.audits)
			if code := status(who, route[0], pathOf(route[1], "abcdefabcdefabcd")); who.May(op) || code != http.StatusForbidden {
				t.Errorf("%s as %s: %d", op, r, code)
			}
			if len(f.audits) != noted+1 || f.audits[noted].Action != "denied "+op {
				t.Errorf("%s as %s: audit %+v", op, r, f.audits[noted:])
			}
		}
	}
	if len(routes) != len(rights) {
		t.Errorf("%d operations, want %d", len(routes), len(rights))
	}
}

func TestNoAuditNoWall(t *testing.T) {
	f := &fake{}
	d := openDoor(t, f)
	token := begin(t, d, clerkGrant)
	f.noAudit = errors.New("disk full")
	if _, err := d.Sessions().Wall(t.Context(), token); err == nil {
		t.Error("turned without an audit")
	}
	if x, err := d.Sessions().Peek(t.Context(), token); err != nil || x.OnWall() {
		t.Errorf("%+v %v", x, err)
	}
}

// What somebody changes while the session is turned does not undo it.
func TestATurnIsNotLost(t *testing.T) {
	d := openDoor(t, &fake{})
	token := begin(t, d, clerkGrant)
	turned := false
	x, err := d.Sessions().Change(t.Context(), token, func(*Session) {
		if !turned {
			turned = true
			if _, err := d.Sessions().Wall(t.Context(), token); err != nil {
				t.Error(err)
			}
		}
	})
	if err != nil || !x.OnWall() {
		t.Errorf("%+v %v", x, err)
	}
	if x, err = d.Sessions().Peek(t.Context(), token); err != nil || !x.OnWall() {
		t.Errorf("%+v %v", x, err)
	}
}
