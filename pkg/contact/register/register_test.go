package register

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/husk-reminders/husk/pkg/contact"
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func TestRetryAfter(t *testing.T) {
	for h, want := range map[string]time.Duration{
		"": 0, "120": 2 * time.Minute, "0": time.Second, "Sun, 01 Mar 2026 12:05:00 GMT": 5 * time.Minute, "Sun, 01 Mar 2026 11:00:00 GMT": time.Second,
		"999999": patience, "Mon, 01 Mar 2027 11:00:00 GMT": patience, "-5": 0, "soon": 0, "99999999999999999999": 0, "1.5": 0,
	} {
		if got := retryAfter(h, noon); got != want {
			t.Errorf("%q: %s, want %s", h, got, want)
		}
	}
}

func TestFaultSaysNothingMore(t *testing.T) {
	for _, r := range contact.UnknownReasons {
		f := NewFault(r)
		if f.After <= 0 || f.String() != "register: "+string(r) {
			t.Errorf("%s: %s %s", r, f, f.After)
		}
	}
	if got := (&Fault{Reason: contact.Refused, Status: 404}).String(); got != "register: refused (HTTP 404)" {
		t.Error(got)
	}
}

func TestEndpoint(t *testing.T) {
	if u, err := Endpoint("URL", "https://kontaktregisteret.no/rest/v2/personer"); err != nil || u.Host != "kontaktregisteret.no" {
		t.Error(err)
	}
	for _, s := range []string{"", "http://a.no/", "https://", "https:a", "https://u:hemmelig@a.no/", "https://a.no/?q=hemmelig", "https://a.no/#hemmelig", "://hemmelig", "file:///hemmelig"} {
		if _, err := Endpoint("URL", s); err == nil || strings.Contains(err.Error(), "hemmelig") || !strings.Contains(err.Error(), "URL") {
			t.Errorf("%q: %v", s, err)
		}
	}
}

func TestUnmarshal(t *testing.T) {
	for s, want := range map[string]bool{
		`{"a":1}`: true, ` {"a":{"a":1},"b":[{"a":1},{"a":2}]} `: true, `[]`: true, `7`: true,
		``: false, `{"a":1}{}`: false, `{"a":1,"a":1}`: false, `{"a":1,"A":1}`: false, `{"s":1,"ſ":1}`: false, `{"k":1,"K":1}`: false,
		`{"x":{"a":1,"a":2}}`: false, `[{"a":1,"\u0061":2}]`: false, `{"a":1`: false, `{a:1}`: false, "{\"a\":\"\xff\"}": false, `{"a":1]`: false,
	} {
		var v any
		if err := Unmarshal([]byte(s), &v); (err == nil) != want {
			t.Errorf("%s: %v", s, err)
		}
	}
	var n struct{ A int }
	if err := Unmarshal([]byte(`{"a":"hemmelig"}`), &n); err == nil || strings.Contains(err.Error(), "hemmelig") {
		t.Error(err)
	}
	if Unmarshal([]byte(strings.Repeat("[", maxDepth+2)+strings.Repeat("]", maxDepth+2)), new(any)) == nil {
		t.Error("too deep")
	}
}

func FuzzUnmarshal(f *testing.F) {
	for _, s := range []string{`{"a":[1,{"b":null}]}`, `{"a":1,"A":2}`, `[[[[`, `"\ud800"`, `{"":0,"":1}`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		var ours, theirs any
		if Unmarshal(data, &ours) == nil && json.Unmarshal(data, &theirs) != nil {
			t.Error("takes what is no JSON")
		}
	})
}

func TestClockSetBackDoesNotHoldForGood(t *testing.T) {
	now := noon
	c, err := New(Options{Now: func() time.Time { return now }})
	if err != nil {
		t.Fatal(err)
	}
	c.learn("h", &Fault{Reason: contact.Busy, After: time.Minute})
	if f := c.Held("h"); f == nil || f.After != time.Minute || f.Reason != contact.Busy {
		t.Fatalf("%v", f)
	}
	if c.Held("other") != nil {
		t.Error("another host is held")
	}
	now = noon.AddDate(0, -1, 0)
	if f := c.Held("h"); f != nil {
		t.Errorf("held for %s", f.After)
	}
}

func TestOptions(t *testing.T) {
	for _, o := range []Options{{Timeout: -1}, {MaxBody: -1}} {
		if _, err := New(o); err == nil {
			t.Errorf("%+v", o)
		}
	}
}
