package journal_test

import (
	"errors"
	"reflect"
	"strings"
	"testing"

	"github.com/husk-reminders/husk/pkg/journal"
)

func same(t *testing.T, got, want journal.Entry) {
	t.Helper()
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
}

func TestSubject(t *testing.T) {
	for want, e := range map[string]journal.Entry{
		"husk.stop.3f":            {Stream: journal.StreamStop, Kind: journal.KindBar, Shard: 63},
		"husk.people.consent.00":  {Stream: journal.StreamPeople, Kind: journal.KindConsent},
		"husk.journal.outcome.0a": {Stream: journal.StreamJournal, Kind: journal.KindOutcome, Shard: 10},
		"husk.keys.10":            {Stream: journal.StreamKeys, Kind: journal.KindKey, Shard: 16},
		"husk.audit.audit":        {Stream: journal.StreamAudit, Kind: journal.KindAudit},
		"husk.dead.dead":          {Stream: journal.StreamDead, Kind: journal.KindDead},
	} {
		e.Person = person(1)
		got := e.Subject()
		if got != want {
			t.Errorf("%s, want %s", got, want)
		}
		if strings.Contains(got, string(e.Person)) {
			t.Errorf("%s names the person: a subject each would cost the broker memory for good", got)
		}
	}
}

func TestDecodeRefuses(t *testing.T) {
	const good = `{"v":1,"k":"plan","at":"2026-03-02T12:00:00Z"}`
	if _, err := journal.Decode(journal.StreamJournal, "husk.journal.plan.3f", []byte(good)); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct{ subject, data string }{
		"nothing":           {"husk.journal.plan.00", ""},
		"not JSON":          {"husk.journal.plan.00", "{"},
		"another shape":     {"husk.journal.plan.00", "[]"},
		"no version":        {"husk.journal.plan.00", `{"k":"plan"}`},
		"a newer version":   {"husk.journal.plan.00", strings.Replace(good, `"v":1`, `"v":2`, 1)},
		"no time":           {"husk.journal.plan.00", strings.Replace(good, `2026-03-02`, `yesterday`, 1)},
		"a shard too high":  {"husk.journal.plan.40", good},
		"a shard below 0":   {"husk.journal.plan.-1", good},
		"a shard too long":  {"husk.journal.plan.3f0", good},
		"a shard too short": {"husk.journal.plan.3", good},
		"no shard":          {"husk.journal.plan", good},
		"no subject":        {"", good},
	} {
		if e, err := journal.Decode(journal.StreamJournal, c.subject, []byte(c.data)); !errors.Is(err, journal.ErrFormat) {
			t.Errorf("%s: %+v, %v", name, e, err)
		} else if strings.Contains(err.Error(), "yesterday") {
			t.Errorf("%s: the error repeats what it was given: %v", name, err)
		}
	}
}

// FuzzDecode: no bytes make Decode panic, and what it takes it writes again as it was.
func FuzzDecode(f *testing.F) {
	f.Add("husk.journal.plan.3f", []byte(`{"v":1,"k":"plan","p":"1-00","at":"2026-03-02T12:00:00Z","c":{"a":1},"s":"AAE=","f":"AA=="}`))
	f.Add("husk.stop.00", []byte(`{"v":1,"k":"bar","at":"2026-03-02T12:00:00.5+01:00","c":null}`))
	f.Fuzz(func(t *testing.T, subject string, data []byte) {
		e, err := journal.Decode(journal.StreamJournal, subject, data)
		if err != nil {
			if !errors.Is(err, journal.ErrFormat) {
				t.Fatal(err)
			}
			return
		}
		b, err := e.Encode()
		if err != nil {
			t.Fatal(err)
		}
		again, err := journal.Decode(journal.StreamJournal, subject, b)
		if err != nil {
			t.Fatalf("%s: %v", b, err)
		}
		if c, err := again.Encode(); err != nil || string(c) != string(b) {
			t.Errorf("%s, then %s, %v", b, c, err)
		}
	})
}
