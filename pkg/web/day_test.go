package web

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"testing"
	"time"

	"github.com/husk-reminders/husk/pkg/ledger"
	"github.com/husk-reminders/husk/pkg/receipt"
)

func (f *fake) Day(_ context.Context, bounds func(string) (time.Time, time.Time)) (ledger.Day, error) {
	from, until := bounds(own)
	if !from.Equal(noon.Add(-13*time.Hour)) || until.Sub(from) != 24*time.Hour { // midnight in Copenhagen, in winter
		return ledger.Day{}, errors.New("another day")
	}
	figures := func(n int) *ledger.Figures {
		x := &ledger.Figures{Due: n, Waiting: n, Late: n, Oldest: noon.Add(-time.Duration(n) * time.Minute), Denied: map[string]int{"no_basis": n}, Shares: map[string]int{"reminder sms": n}}
		x.Hours[9].Due = n
		return x
	}
	return ledger.Day{
		At: noon, Units: map[string]*ledger.Figures{own: figures(3), other: figures(4)},
		Routes: map[string]*ledger.Route{"sms": {Attempts: map[receipt.Status]int{receipt.Accepted: 7}, Last: noon, Status: receipt.Accepted}},
	}, f.call("day")
}

func TestDay(t *testing.T) {
	f := &fake{unit: own}
	d := openDoor(t, f)
	h := d.Staff()
	show := func(query string) (x Day) {
		t.Helper()
		w := ask(h, "GET", "/v1/day"+query, "")
		if err := json.Unmarshal(w.Body.Bytes(), &x); err != nil || w.Code != 200 {
			t.Fatalf("%d %s", w.Code, w.Body)
		}
		return x
	}
	x := show("?unit=" + own)
	if x.Due != 3 || x.Hours[9].Due != 3 || x.OldestMinutes != 3 || x.Denied["no_basis"] != 3 || x.Zone != "Europe/Copenhagen" || x.Routes["sms"].Attempts[receipt.Accepted] != 7 || x.Stopped["unit:rh-eye"] != "leak" {
		t.Errorf("%+v", x)
	}
	if x = show(""); x.Due != 7 || x.Hours[9].Due != 7 || x.OldestMinutes != 4 || x.Shares["reminder sms"] != 7 {
		t.Errorf("of all: %+v", x)
	}
	if x = show("?unit=" + other); x.Due != 4 || len(x.Stopped) != 0 {
		t.Errorf("%+v", x)
	}
	// A screen that asks all day is in the audit once an hour, for each of what it shows; another one for itself.
	for range 20 {
		show("?unit=" + own)
	}
	if len(f.audits) != 3 {
		t.Errorf("%d in the audit", len(f.audits))
	}
	f.later = time.Hour
	f.noAudit = errors.New("disk full")
	for range 2 { // what was not noted is not shown, and does not count as noted
		if w := ask(h, "GET", "/v1/day?unit="+own, ""); w.Code != http.StatusServiceUnavailable {
			t.Errorf("%d %s", w.Code, w.Body)
		}
	}
	f.noAudit = nil
	show("?unit=" + own)
	if askBy("ole", h, "GET", "/v1/day?unit="+own, ""); len(f.audits) != 5 {
		t.Errorf("%d in the audit", len(f.audits))
	}
	// A key for another unit is refused every time, and that is noted.
	k := keyFor(t, d.open.api, Clerk, []string{other}, "")
	for range 2 {
		if w := call(remote(t, d), k.Key, "GET", "/v1/day?unit="+own, ""); w.Code != http.StatusForbidden || f.audits[len(f.audits)-1].Action != "denied day.show" {
			t.Errorf("%d %s", w.Code, w.Body)
		}
	}
}
