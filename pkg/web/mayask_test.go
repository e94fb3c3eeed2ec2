package web

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/husk-reminders/husk/pkg/consent"
	"github.com/husk-reminders/husk/pkg/policy"
	"github.com/husk-reminders/husk/pkg/reminder"
)

// Whether a clerk may ask for a yes: not who has one, nor who said no less than a year ago.
func TestMayAsk(t *testing.T) {
	word := func(typ consent.Type, days int) consent.Record {
		at := noon.AddDate(0, 0, -days)
		r := consent.Record{
			ID: "w1", Person: somebody, Type: typ, Purposes: []reminder.Purpose{reminder.Remind}, Channels: []reminder.Channel{reminder.SMS},
			Scope: consent.Scope{Kind: policy.ControllerScope}, Method: consent.Desk, Actor: consent.Actor{Kind: consent.Self}, EventTime: at, Recorded: at,
		}
		if typ == consent.Granted {
			r.Notice = consent.Notice{ID: "n-1", Hash: strings.Repeat("0123456789abcdef", 4), Language: "da"}
		}
		if typ == consent.Deceased || typ == consent.Protected {
			r.Purposes, r.Channels, r.Method, r.Actor = nil, nil, consent.Register, consent.Actor{Kind: consent.Registry}
		}
		return r
	}
	adult := reminder.Date{Year: 1970, Month: 1, Day: 1}
	for name, x := range map[string]struct {
		word consent.Record
		born reminder.Date
		may  bool
		why  string
		from time.Time
	}{
		"nothing said":        {consent.Record{}, adult, true, "", time.Time{}},
		"a yes that holds":    {word(consent.Granted, 30), adult, false, "yes", time.Time{}},
		"a yes of nobody's":   {word(consent.Granted, 30), reminder.Date{}, true, "", time.Time{}},
		"a no a month ago":    {word(consent.Refused, 30), adult, false, "no", noon.AddDate(0, 0, -30).AddDate(1, 0, 0)},
		"a no two years ago":  {word(consent.Withdrawn, 730), adult, true, "", time.Time{}},
		"dead":                {word(consent.Deceased, 30), adult, false, "deceased", time.Time{}},
		"a protected address": {word(consent.Protected, 30), adult, false, "protected", time.Time{}},
	} {
		f := &fake{units: []string{own, other}, unit: own, word: x.word, born: x.born}
		d := openDoor(t, f)
		k := keyFor(t, d.open.api, Clerk, []string{own}, "")
		w := call(remote(t, d), k.Key, "GET", "/v1/persons/"+somebody+"?reason=x", "")
		var p Person
		if err := json.Unmarshal(w.Body.Bytes(), &p); err != nil || w.Code != 200 {
			t.Fatalf("%s: %d %s", name, w.Code, w.Body)
		}
		found := false
		for _, m := range p.MayAsk {
			if m.Unit != own {
				t.Errorf("%s: of another unit: %+v", name, m)
			}
			if m.Purpose == reminder.Remind && m.Channel == reminder.SMS {
				found = true
				if m.May != x.may || m.Why != x.why || m.From.Format(time.DateOnly) != x.from.Format(time.DateOnly) {
					t.Errorf("%s: %+v", name, m)
				}
			}
		}
		if !found {
			t.Errorf("%s: %s", name, w.Body)
		}
	}
	// Nobody's appointment, and no unit of the key: by the country's pack.
	var p Person
	w := ask(openDoor(t, &fake{}).Staff(), "GET", "/v1/persons/"+somebody+"?reason=x", "")
	if err := json.Unmarshal(w.Body.Bytes(), &p); err != nil || len(p.MayAsk) == 0 || p.MayAsk[0].Unit != "" || !p.MayAsk[0].May {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}
