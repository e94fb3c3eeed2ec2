package web

import (
	"net/http"
	"strings"
	"testing"
)

const secretCall = "https://husk.hospital.example/v1/carriers/sms/secret-0123456789"

// CallbackURL implements Carriers.
func (fakeCarriers) CallbackURL(carrier string) string {
	if carrier == "sms" {
		return secretCall
	}
	return ""
}

// The address that a carrier calls holds a secret: the host is told it, once it is in the audit, and no key ever is.
func TestCarriersAddressesAreToldOnTheHostAlone(t *testing.T) {
	f := &fake{}
	d := openDoor(t, f)
	w := ask(d.Staff(), "GET", "/v1/carriers", "")
	if w.Code != http.StatusOK || strings.Contains(w.Body.String(), secretCall) || len(f.audits) != 0 {
		t.Errorf("unasked: %d %s, audit %+v", w.Code, w.Body, f.audits)
	}
	w = ask(d.Staff(), "GET", "/v1/carriers?callbacks=true", "")
	if w.Code != http.StatusOK || strings.Count(w.Body.String(), secretCall) != 1 {
		t.Errorf("on the host: %d %s", w.Code, w.Body)
	}
	if len(f.audits) != 1 || f.audits[0].Action != "carrier.callbacks" || f.audits[0].Actor != "karen" {
		t.Errorf("audit %+v", f.audits)
	}
	for _, role := range []Role{Incident, Administrator, Clerk} {
		f := &fake{}
		d := openDoorWith(t, f, newDrawer())
		units := []string(nil)
		if role == Clerk {
			units = []string{own}
		}
		k := keyFor(t, d.open.api, role, units, "")
		f.audits = nil
		w := call(remote(t, d), k.Key, "GET", "/v1/carriers?callbacks=true", "")
		if n := len(f.audits); n == 0 || !strings.HasPrefix(f.audits[n-1].Action, "denied ") {
			t.Errorf("%s: audit %+v", role, f.audits)
		}
		if w.Code != http.StatusForbidden || strings.Contains(w.Body.String(), "/v1/carriers/") {
			t.Errorf("%s: %d %s", role, w.Code, w.Body)
		}
	}
}
