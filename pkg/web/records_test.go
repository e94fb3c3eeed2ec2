package web

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/husk-reminders/husk/pkg/consent"
	"github.com/husk-reminders/husk/pkg/ledger"
	"github.com/husk-reminders/husk/pkg/reminder"
)

// recordsFake counts what it is asked.
type recordsFake struct {
	Records
	calls int
}

func (f *recordsFake) Erase(context.Context, ledger.Erasing) (ledger.Erasure, error) {
	f.calls++
	return ledger.Erasure{}, nil
}

func (f *recordsFake) Export(context.Context, reminder.PersonKey, ledger.Exporting) (ledger.Export, error) {
	f.calls++
	return ledger.Export{}, nil
}

func (f *recordsFake) Merge(context.Context, ledger.Merging) (ledger.MergeResult, error) {
	f.calls++
	return ledger.MergeResult{}, ledger.ErrMerged
}

func (f *recordsFake) Import(context.Context, ledger.Importing) (ledger.ImportResult, error) {
	f.calls++
	return ledger.ImportResult{}, nil
}

func (f *recordsFake) ImportedThrough(context.Context, string) (int, error) { f.calls++; return 7, nil }

func (f *recordsFake) Holders(context.Context) ([]ledger.Holder, error) { f.calls++; return nil, nil }

func (f *recordsFake) Forget(context.Context, string) error { f.calls++; return ErrNotFound }

// What concerns a whole record is for the admin socket alone, whatever an API key's role; and it is in the audit before it is done.
func TestRecordsAreForTheSocketAlone(t *testing.T) {
	file := strings.Repeat("ab", 32)
	calls := []struct {
		method, path, body string
		code               int
	}{
		{"GET", "/v1/persons/" + somebody + "/export?reason=x", "", 200},
		{"GET", "/v1/persons/" + somebody + "/export?reason=x&reveal=true", "", 200},
		{"POST", "/v1/persons/" + somebody + "/erase", `{"reason":"x"}`, 200},
		{"POST", "/v1/persons/" + somebody + "/merge", `{"into":"1-0123456789abcdef0123456789abcde0","evidence":"x","reason":"x"}`, 409},
		{"GET", "/v1/imports/" + file, "", 200},
		{"POST", "/v1/imports/" + file, `{"rows":[],"through":1,"reason":"x"}`, 200},
		{"GET", "/v1/keys/holders", "", 200},
		{"POST", "/v1/keys/holders/0123456789ab/forget", `{"reason":"x"}`, 404},
	}
	l := &fake{}
	x, leave, why := openDoor(t, l).enter()
	if x == nil {
		t.Fatal(why)
	}
	defer leave()
	a, f := x.api, &recordsFake{}
	a.o.Records = f
	ask := func(method, path, body string, c *caller) int {
		w := httptest.NewRecorder()
		a.serve(w, httptest.NewRequest(method, path, strings.NewReader(body)), c)
		return w.Code
	}
	for _, x := range calls {
		for _, role := range Roles {
			if code := ask(x.method, x.path, x.body, &caller{actor: "key", role: role}); code != http.StatusForbidden {
				t.Errorf("%s %s as %s: %d", x.method, x.path, role, code)
			}
		}
		if f.calls > 0 {
			t.Fatalf("%s %s was done for a key", x.method, x.path)
		}
		l.audits, l.noAudit = nil, errors.New("full")
		if code := ask(x.method, x.path, x.body, &caller{actor: "root"}); code != http.StatusServiceUnavailable || f.calls > 0 {
			t.Errorf("%s %s without an audit: %d, %d calls", x.method, x.path, code, f.calls)
		}
		l.noAudit = nil
		if code := ask(x.method, x.path, x.body, &caller{actor: "root"}); code != x.code || f.calls == 0 || len(l.audits) == 0 {
			t.Errorf("%s %s: %d, %d calls, %d audited", x.method, x.path, code, f.calls, len(l.audits))
		}
		f.calls = 0
		bad := strings.ReplaceAll(strings.ReplaceAll(x.body, `"reason":"x"`, `"reason":""`), "reason=x", "reason=")
		if path := strings.ReplaceAll(x.path, "reason=x", "reason="); strings.Contains(x.path+x.body, "reason") {
			if code := ask(x.method, path, bad, &caller{actor: "root"}); code != http.StatusBadRequest || f.calls > 0 {
				t.Errorf("%s %s without a reason: %d, %d calls", x.method, x.path, code, f.calls)
			}
		}
	}
}

// Of a day alone a yes is taken for its beginning, a no for its end, by the country's clock.
func TestImportedDay(t *testing.T) {
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	for _, c := range []struct {
		said string
		no   bool
		want string
	}{
		{"2025-11-03", false, "2025-11-02T23:00:00Z"},
		{"2025-11-03", true, "2025-11-03T22:59:59Z"},
		{"2025-07-03", false, "2025-07-02T22:00:00Z"},
		{"2026-03-01", true, "2026-03-01T12:00:00Z"}, // today, so by now
		{"2025-11-03T10:00:00+01:00", true, "2025-11-03T09:00:00Z"},
		{"2026-03-02", true, ""},
		{"2026-03-01T12:00:01Z", false, ""},
		{"03.11.2025", false, ""},
	} {
		got, err := said(c.said, "DK", c.no, now)
		if c.want == "" {
			if err == nil {
				t.Errorf("%s: %v", c.said, got)
			}
		} else if err != nil || got.Format(time.RFC3339) != c.want {
			t.Errorf("%s, a no %v: %v, %v; want %s", c.said, c.no, got, err, c.want)
		}
	}
	if consent.Unknown.CanGrant() {
		t.Error("an unknown method grants")
	}
}
