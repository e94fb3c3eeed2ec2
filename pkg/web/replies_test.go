package web

import (
	"encoding/json"
	"errors"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/husk-reminders/husk/pkg/ledger"
	"github.com/husk-reminders/husk/pkg/reminder"
)

func TestCancelWishes(t *testing.T) {
	f := &fake{unit: own}
	h := openDoor(t, f).Staff()
	var got []CancelWish
	w := ask(h, "GET", "/v1/replies/wishes", "")
	if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil || len(got) != 1 || got[0].Hours != 1 || got[0].ID != wished || got[0].Unit != own {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	f.calls, f.audits = nil, nil
	w = ask(h, "POST", "/v1/replies/wishes/"+wished+"/done", `{"reason":"rang back"}`)
	if w.Code != http.StatusOK || !slices.Equal(f.calls, []string{"wishes ", "audit", "handled " + wished}) {
		t.Errorf("%d %s, asked %v", w.Code, w.Body, f.calls)
	}
	if a := f.audits[0]; a.Action != "reply.done "+wished || a.Person != somebody || a.Reason != "rang back" {
		t.Errorf("audit %+v", a)
	}
	f.calls = nil
	if w = ask(h, "POST", "/v1/replies/wishes/"+strings.Repeat("a", 24)+"/done", `{}`); w.Code != http.StatusNotFound || len(f.calls) != 1 {
		t.Errorf("of no entry: %d %s, asked %v", w.Code, w.Body, f.calls)
	}
	f.noAudit, f.calls = errors.New("disk full"), nil
	if w = ask(h, "POST", "/v1/replies/wishes/"+wished+"/done", `{}`); w.Code != http.StatusServiceUnavailable || len(f.calls) != 1 {
		t.Errorf("without an audit: %d %s, asked %v", w.Code, w.Body, f.calls)
	}
}

func TestMisdeliveries(t *testing.T) {
	class := reminder.Class(1.5)
	m := func(id string, ago time.Duration, messages ...ledger.SentThere) ledger.Misdelivery {
		return ledger.Misdelivery{ID: id, Aware: noon.Add(-ago), Messages: messages}
	}
	f := &fake{misses: []ledger.Misdelivery{
		m("over", 73*time.Hour, ledger.SentThere{}),
		m("late", 71*time.Hour+30*time.Minute, ledger.SentThere{Class: &class}, ledger.SentThere{Class: &class}, ledger.SentThere{Class: new(reminder.Class)}),
		m("new", time.Minute),
	}}
	h := openDoor(t, f).Staff()
	var got []Misdelivery
	w := ask(h, "GET", "/v1/replies/misdeliveries", "")
	if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil || len(got) != 3 {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	for i, want := range []struct {
		left, count int
		classes     map[string]int
	}{{0, 1, map[string]int{"unknown": 1}}, {0, 3, map[string]int{"1.5": 2, "0": 1}}, {71, 0, map[string]int{}}} {
		if x := got[i]; x.HoursLeft != want.left || x.Count != want.count || !maps.Equal(x.Classes, want.classes) || !x.Until.Equal(x.Aware.Add(72*time.Hour)) {
			t.Errorf("%+v, want %+v", x, want)
		}
	}
	var s Status
	w = ask(h, "GET", "/v1/status", "")
	if err := json.Unmarshal(w.Body.Bytes(), &s); err != nil || s.Inbox == nil || s.Inbox.Wishes != 1 || s.Inbox.Misdeliveries != 2 || !s.Inbox.Next.Equal(noon.Add(30*time.Minute)) {
		t.Errorf("status %s", w.Body)
	}
}

// The status answers when the inbox can't be read.
func TestStatusWithoutInbox(t *testing.T) {
	f := &fake{noInbox: errors.New("the broker is gone")}
	w := ask(openDoor(t, f).Staff(), "GET", "/v1/status", "")
	if w.Code != http.StatusOK || strings.Contains(w.Body.String(), "inbox") {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

// By the address alone: nobody's key is asked for, and the answer does not tell whether it is anybody's.
func TestWrongNumberByTheNumber(t *testing.T) {
	f := &fake{}
	w := ask(openDoor(t, f).Staff(), "POST", "/v1/addresses/wrong", `{"channel":"sms","address":"20 12 34 56","reason":"rang"}`)
	var got map[string]any
	if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil || w.Code != http.StatusOK || !slices.Equal(slices.Sorted(maps.Keys(got)), []string{"aware", "hash"}) {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	if a := f.audits[0]; a.Address != somebody || a.Reason != "rang" {
		t.Errorf("audit %+v", a)
	}
}
