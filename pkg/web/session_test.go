package web

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/husk-reminders/husk/pkg/reminder"
)

const visiting = "0123456789abcdef0123456789abcdef" // the id of a session

var clerkGrant = Grant{Clerk, []string{own}}

// signedIn puts the session visiting on the shelf.
func signedIn(t *testing.T, a *API) {
	t.Helper()
	b, err := a.sealSession(Session{SignedIn: SignedIn{ID: visiting, Subject: "s", Name: "Karen", Grants: []Grant{clerkGrant}, Begun: noon, Seen: noon}})
	if err != nil {
		t.Fatal(err)
	}
	if _, revision, err := a.o.Shelf.Read(t.Context(), sessionShelf+visiting); err == nil {
		if err := a.o.Shelf.Remove(t.Context(), sessionShelf+visiting, revision); err != nil {
			t.Fatal(err)
		}
	}
	if err := a.o.Shelf.Write(t.Context(), sessionShelf+visiting, b, 0); err != nil {
		t.Fatal(err)
	}
}

func begin(t *testing.T, d *Door, grants ...Grant) string {
	t.Helper()
	token, err := d.Sessions().Begin(t.Context(), "8d7c-karen", "Karen Holm", grants)
	if err != nil {
		t.Fatal(err)
	}
	return token
}

func TestASession(t *testing.T) {
	f, shelf := &fake{}, newDrawer()
	here, there := openDoorWith(t, f, shelf), openDoorWith(t, &fake{}, shelf)
	token := begin(t, here, clerkGrant, Grant{Role: Approver})
	if len(f.audits) != 1 || !strings.HasPrefix(f.audits[0].Action, "session.begin ") || !strings.HasSuffix(f.audits[0].Actor, " Karen Holm") {
		t.Fatalf("audit %+v", f.audits)
	}
	for name, b := range shelf.values {
		if strings.Contains(string(b), token) || strings.Contains(name, token) {
			t.Error("the token is on the shelf")
		}
	}
	x, err := there.Sessions().Find(t.Context(), token)
	if err != nil || x.Staff().Role != Clerk || !slices.Equal(x.Staff().Units, []string{own}) {
		t.Fatalf("in another process: %+v %v", x, err)
	}
	if _, err := here.Sessions().Change(t.Context(), token, func(s *Session) {
		s.Active, s.Grants, s.Subject = 1, []Grant{{Role: Administrator}}, "else"
		s.Notices = append(s.Notices, Notice{Kind: "done", Key: "saved"})
	}); err != nil {
		t.Fatal(err)
	}
	if x, err = there.Sessions().Find(t.Context(), token); err != nil || x.Staff().Role != Approver || x.Subject != "8d7c-karen" || len(x.Notices) != 1 {
		t.Errorf("changed: %+v %v", x, err)
	}
	if x, err = here.Sessions().Change(t.Context(), token, func(s *Session) { s.Active = 2 }); err != nil || x.Active != 1 {
		t.Errorf("a grant that is none: %+v %v", x, err)
	}
	if err := here.Sessions().End(t.Context(), token); err != nil {
		t.Fatal(err)
	}
	if a := f.audits[len(f.audits)-1]; !strings.HasPrefix(a.Action, "session.end ") {
		t.Errorf("audit %+v", a)
	}
	if _, err := there.Sessions().Find(t.Context(), token); !errors.Is(err, ErrNoSession) {
		t.Errorf("after its end: %v", err)
	}
	if err := here.Sessions().End(t.Context(), token); err != nil {
		t.Errorf("ended twice: %v", err)
	}
}

func TestASessionEndsByItself(t *testing.T) {
	f := &fake{}
	shelf := newDrawer()
	s := openDoorWith(t, f, shelf).Sessions()
	token, err := s.Begin(t.Context(), "k", "Karen", []Grant{clerkGrant})
	if err != nil {
		t.Fatal(err)
	}
	f.later = SessionIdle - time.Second
	if _, err := s.Peek(t.Context(), token); err != nil {
		t.Errorf("shortly before: %v", err)
	}
	f.later = SessionIdle
	if _, err := s.Find(t.Context(), token); !errors.Is(err, ErrNoSession) {
		t.Errorf("idle, though it was peeked at: %v", err)
	}
	if token, err = s.Begin(t.Context(), "k", "Karen", []Grant{clerkGrant}); err != nil {
		t.Fatal(err)
	}
	if len(shelf.values) != 1 {
		t.Errorf("%d sessions are left on the shelf", len(shelf.values))
	}
	for f.later < SessionIdle+SessionLongest-10*time.Minute {
		f.later += 10 * time.Minute
		if _, err := s.Find(t.Context(), token); f.later < SessionIdle+SessionLongest && err != nil {
			t.Fatalf("at work after %s: %v", f.later, err)
		}
	}
	f.later += 10 * time.Minute
	if _, err := s.Find(t.Context(), token); !errors.Is(err, ErrNoSession) {
		t.Errorf("after the longest time: %v", err)
	}
}

func TestWhatIsNoSession(t *testing.T) {
	shelf := newDrawer()
	d := openDoorWith(t, &fake{}, shelf)
	token := begin(t, d, clerkGrant)
	other := begin(t, d, clerkGrant)
	id, _ := sessionID(token)
	otherID, _ := sessionID(other)
	for _, s := range []string{"", "x", id, token[:42], token + "A", strings.Repeat("A", 43)} {
		if _, err := d.Sessions().Find(t.Context(), s); !errors.Is(err, ErrNoSession) {
			t.Errorf("%q: %v", s, err)
		}
	}
	kept := maps.Clone(shelf.values)
	more := slices.Clone(kept[sessionShelf+id])
	for name, b := range map[string][]byte{
		"empty": nil, "another's": kept[sessionShelf+otherID], "another role": []byte(strings.Replace(string(more), `"clerk"`, `"incident"`, 1)), "the sum alone": more[:32],
	} {
		shelf.values[sessionShelf+id] = b
		if _, err := d.Sessions().Find(t.Context(), token); !errors.Is(err, ErrNoSession) {
			t.Errorf("%s: %v", name, err)
		}
	}
	shelf.values = kept
	if _, err := d.Sessions().Find(t.Context(), token); err != nil {
		t.Fatal(err)
	}
	shelf.err = errors.New("the broker is gone")
	var e *Error
	if _, err := d.Sessions().Find(t.Context(), token); !errors.As(err, &e) || e.GetStatus() != 500 {
		t.Errorf("a shelf that does not answer: %v", err)
	}
	shelf.err = nil
	d.Shut("the state is being rebuilt")
	if _, err := d.Sessions().Find(t.Context(), token); !errors.As(err, &e) || e.GetStatus() != 503 || !strings.Contains(e.Text, "rebuilt") {
		t.Errorf("while the line is shut: %v", err)
	}
}

func TestNoAuditNoSession(t *testing.T) {
	shelf := newDrawer()
	f := &fake{noAudit: errors.New("disk full")}
	d := openDoorWith(t, f, shelf)
	if token, err := d.Sessions().Begin(t.Context(), "k", "Karen", []Grant{clerkGrant}); err == nil || token != "" || len(shelf.values) != 0 {
		t.Errorf("%q %v %d", token, err, len(shelf.values))
	}
}

// An administrator sees who is signed in and signs them out; what is over is not in the list.
func TestSessionsAreListedAndRevoked(t *testing.T) {
	f, shelf := &fake{}, newDrawer()
	here, there := openDoorWith(t, f, shelf), openDoorWith(t, &fake{}, shelf)
	token := begin(t, here, clerkGrant)
	admin := Staff{Subject: "a", Name: "Ole", Role: Administrator}
	var all []SignedIn
	if err := there.Call(t.Context(), admin, "GET", "/v1/sessions", nil, &all); err != nil || len(all) != 1 || all[0].Name != "Karen Holm" {
		t.Fatalf("%+v %v", all, err)
	}
	if b, err := json.Marshal(all); err != nil || strings.Contains(string(b), token) {
		t.Errorf("the listing has the token: %s %v", b, err)
	}
	if err := there.Call(t.Context(), admin, "POST", "/v1/sessions/"+all[0].ID+"/revoke", nil, nil); err != nil {
		t.Fatal(err)
	}
	if _, err := here.Sessions().Find(t.Context(), token); !errors.Is(err, ErrNoSession) {
		t.Errorf("revoked: %v", err)
	}
	var e *Error
	if err := there.Call(t.Context(), admin, "POST", "/v1/sessions/"+all[0].ID+"/revoke", nil, nil); !errors.As(err, &e) || e.GetStatus() != 404 {
		t.Errorf("twice: %v", err)
	}
	begin(t, here, clerkGrant)
	f.later = time.Hour
	if err := here.Call(t.Context(), admin, "GET", "/v1/sessions", nil, &all); err != nil || len(all) != 0 {
		t.Errorf("what is over is listed: %+v %v", all, err)
	}
}

// A session remembers why the last persons were looked at, each once, and forgets those of long ago.
func TestWhyAPersonIsLookedAt(t *testing.T) {
	var s Session
	key := func(n int) reminder.PersonKey { return reminder.PersonKey(fmt.Sprintf("1-%032x", n)) }
	for n := range mostOpened + 5 {
		s.Open(key(n), fmt.Sprint("why ", n))
	}
	s.Open(key(10), "another why")
	if len(s.Opened) != mostOpened || s.Why(key(4)) != "" || s.Why(key(5)) != "why 5" || s.Why(key(10)) != "another why" || s.Why("1-") != "" {
		t.Errorf("%+v", s.Opened)
	}
}
