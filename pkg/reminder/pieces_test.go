package reminder_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/husk-reminders/husk/pkg/reminder"
)

func TestPersonalDataPrintsMasked(t *testing.T) {
	const secret = "0101701234"
	values := []any{
		reminder.Mask(secret), reminder.NewNationalID("DK", secret), reminder.NewAddress(reminder.SMS, secret),
		reminder.Appointment{GivenName: reminder.Mask(secret), NationalID: reminder.NewNationalID("DK", secret)},
		reminder.Message{To: reminder.NewAddress(reminder.SMS, secret), Text: reminder.Mask(secret)},
		&reminder.Part{Text: reminder.Mask(secret)},
	}
	for _, v := range values {
		j, err := json.Marshal(v)
		if err != nil {
			t.Fatalf("%T: %v", v, err)
		}
		for _, s := range []string{fmt.Sprint(v), fmt.Sprintf("%v", v), fmt.Sprintf("%+v", v), fmt.Sprintf("%#v", v), fmt.Sprintf("%s", v), fmt.Sprintf("%x", v), fmt.Sprintf("%q", v), string(j)} {
			if strings.Contains(s, secret) || strings.Contains(s, fmt.Sprintf("%x", secret)) {
				t.Errorf("%T prints its value: %s", v, s)
			}
		}
	}
}

func TestPseudonyms(t *testing.T) {
	p, err := reminder.NewPseudonyms(1, []byte(strings.Repeat("k", 32)))
	if err != nil {
		t.Fatal(err)
	}
	k := p.Person(reminder.NewNationalID("DK", "0101701234"))
	if _, err := reminder.ParsePersonKey(string(k)); err != nil {
		t.Errorf("own key does not parse: %v", err)
	}
	if k == p.Person(reminder.NewNationalID("NO", "0101701234")) {
		t.Error("the country does not count")
	}
	if p.Appointment("a", "bc") == p.Appointment("ab", "c") {
		t.Error("parts run together")
	}
	c := reminder.NewClaim(k)
	if n, ok := reminder.ClaimShard(c); !ok || n != k.Shard() {
		t.Errorf("claim %s: shard %d %v, want %d", c, n, ok, k.Shard())
	}
	for _, bad := range []string{"", "0101701234", "010170-1234", "1-xyz", string(k) + "0"} {
		if _, err := reminder.ParsePersonKey(bad); err == nil {
			t.Errorf("%q is taken for a person key", bad)
		}
	}
}

func TestOrder(t *testing.T) {
	at := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	o := func(rev uint64, at time.Time, seq uint64) reminder.Order {
		return reminder.Order{Revision: rev, SourceTime: at, Sequence: seq}
	}
	for i, c := range []struct {
		a, b reminder.Order
		want bool
	}{
		{o(2, time.Time{}, 1), o(1, time.Time{}, 9), true},
		{o(1, time.Time{}, 9), o(1, time.Time{}, 1), false},
		{o(0, at.Add(1), 1), o(0, at, 9), true},
		{o(0, at, 2), o(0, at, 1), true},
		{o(0, time.Time{}, 2), o(5, at, 1), true},
		{o(0, time.Time{}, 2), o(0, time.Time{}, 2), false},
	} {
		if got := c.a.Newer(c.b); got != c.want {
			t.Errorf("case %d: got %v", i, got)
		}
	}
}

func TestAge(t *testing.T) {
	born := reminder.Date{Year: 2011, Month: 3, Day: 1}
	for day, want := range map[string]int{"2026-02-28": 14, "2026-03-01": 15, "2010-01-01": -1} {
		at, _ := time.Parse(time.DateOnly, day)
		if got := born.Age(at); got != want {
			t.Errorf("%s: %d, want %d", day, got, want)
		}
	}
}
