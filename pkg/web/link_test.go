package web

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"testing"
)

// A one-time link is made over the admin socket alone, once the audit has it, and not where an OpenID provider lets people in.
func TestLinkIsForTheAdminSocket(t *testing.T) {
	f := &fake{}
	d := openDoor(t, f)
	made := 0
	link := func(context.Context) (SignInLink, error) {
		made++
		return SignInLink{Address: "http://127.0.0.1:8486/sign-in/link/x", Until: noon}, nil
	}
	if w := ask(d.Staff(), "POST", linkPath, ""); w.Code != http.StatusNotFound || !strings.Contains(w.Body.String(), "no one-time links") {
		t.Errorf("with an OpenID provider: %d %s", w.Code, w.Body)
	}
	d.o.Link = link
	var l SignInLink
	w := ask(d.Staff(), "POST", linkPath, "")
	if err := json.Unmarshal(w.Body.Bytes(), &l); err != nil || w.Code != http.StatusOK || l.Address == "" || !l.Until.Equal(noon) || made != 1 {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	if len(f.audits) != 1 || f.audits[0].Action != "session.link" {
		t.Errorf("audit %+v", f.audits)
	}
	if w := ask(d.Staff(), "GET", linkPath, ""); w.Code == http.StatusOK || made != 1 {
		t.Errorf("by GET: %d", w.Code)
	}
	for _, role := range []Role{Administrator, Incident, Auditor} {
		err := d.Call(t.Context(), Staff{Subject: "s", Name: "ane", Role: role}, "POST", linkPath, nil, &l)
		if err == nil || made != 1 {
			t.Errorf("%s gets a link on the pages: %v", role, err)
		}
	}
	if w := ask(d.Public(), "POST", linkPath, ""); w.Code != http.StatusNotFound || made != 1 {
		t.Errorf("beside metrics: %d", w.Code)
	}
	d.o.Link = func(context.Context) (SignInLink, error) { return SignInLink{}, errors.New("somebody real is known") }
	if w := ask(d.Staff(), "POST", linkPath, ""); w.Code != http.StatusConflict || !strings.Contains(w.Body.String(), "somebody real") {
		t.Errorf("refused: %d %s", w.Code, w.Body)
	}
	d.o.Link = link
	d.Shut("restoring")
	if w := ask(d.Staff(), "POST", linkPath, ""); w.Code != http.StatusServiceUnavailable || made != 1 {
		t.Errorf("while the line is shut, so without an audit: %d", w.Code)
	}
}
