package contact_test

import (
	"encoding/json"
	"errors"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/husk-reminders/husk/pkg/contact"
	"github.com/husk-reminders/husk/pkg/policy"
	"github.com/husk-reminders/husk/pkg/reminder"
)

const person = reminder.PersonKey("1-0123456789abcdef0123456789abcdef")

var day0 = time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC)

func day(n int) time.Time { return day0.AddDate(0, 0, n) }

// rec is a record about the number that hash stands for.
func rec(id string, t contact.Type, hash string, said, recorded int, m ...policy.Method) contact.Record {
	r := contact.Record{
		ID: id, Person: person, Type: t, Address: reminder.NewAddress(reminder.SMS, "+45"+hash),
		Hash: reminder.AddressHash(hash), Channel: reminder.SMS, EventTime: day(said), Recorded: day(recorded),
	}
	if t == contact.Added || t == contact.Verified {
		r.Method = policy.Code
	}
	if len(m) > 0 {
		r.Method = m[0]
	}
	if t == contact.Verified {
		r.Level = r.Method.Level()
	}
	return r
}

const (
	added, verified, failed = contact.Added, contact.Verified, contact.Failed
	removed, wrong          = contact.Removed, contact.Wrong
)

// brief is a State in a word: what is wrong with it, and the methods that prove it.
func brief(ss []contact.State) string {
	var out []string
	for _, s := range ss {
		w := []string{string(s.Hash)}
		for _, f := range []struct {
			on   bool
			name string
		}{{s.Usable(), "usable"}, {s.Wrong, "wrong"}, {s.Bounced, "bounced"}, {s.Changed, "changed"}, {s.Removed, "removed"}} {
			if f.on {
				w = append(w, f.name)
			}
		}
		for _, p := range s.Proofs {
			w = append(w, string(p.Method))
		}
		out = append(out, strings.Join(w, " "))
	}
	return strings.Join(out, "; ")
}

func TestFold(t *testing.T) {
	type records = []contact.Record
	for name, c := range map[string]struct {
		records records
		want    string
	}{
		"nothing":              {nil, ""},
		"added":                {records{rec("1", added, "a", 0, 0)}, "a"},
		"verified":             {records{rec("1", added, "a", 0, 0), rec("2", verified, "a", 1, 1)}, "a usable code"},
		"verified alone":       {records{rec("1", verified, "a", 0, 0)}, "a usable code"},
		"in the future":        {records{rec("1", verified, "a", 9, 9)}, ""},
		"at one instant":       {records{rec("2", added, "a", 0, 0), rec("1", verified, "a", 0, 0)}, "a usable code"},
		"two proofs":           {records{rec("1", verified, "a", 0, 0, policy.NemSMS), rec("2", verified, "a", 1, 1, policy.Staff)}, "a usable nemsms staff"},
		"added again":          {records{rec("1", verified, "a", 0, 0), rec("2", added, "a", 1, 1)}, "a usable code"},
		"more than the method": {records{func() contact.Record { r := rec("1", verified, "a", 0, 0); r.Level = policy.Registered; return r }()}, ""},
		"no such method":       {records{rec("1", verified, "a", 0, 0, "guess")}, ""},

		"bounced":                        {records{rec("1", verified, "a", 0, 0), rec("2", failed, "a", 1, 1)}, "a bounced"},
		"wrong":                          {records{rec("1", verified, "a", 0, 0), rec("2", wrong, "a", 1, 1)}, "a wrong"},
		"removed":                        {records{rec("1", verified, "a", 0, 0), rec("2", removed, "a", 1, 1)}, "a removed"},
		"wrong at the same instant":      {records{rec("9", verified, "a", 0, 1), rec("1", wrong, "a", 0, 1)}, "a wrong"},
		"no such type is bad":            {records{rec("1", verified, "a", 0, 0), rec("2", "odd", "a", 1, 1)}, "a wrong"},
		"proven after wrong":             {records{rec("1", wrong, "a", 0, 0), rec("2", verified, "a", 1, 1)}, "a usable code"},
		"proven before wrong, late":      {records{rec("1", wrong, "a", 1, 1), rec("2", verified, "a", 0, 2)}, "a wrong"},
		"proven at the time of wrong":    {records{rec("1", wrong, "a", 1, 1), rec("2", verified, "a", 1, 2)}, "a wrong"},
		"wrong, noted late":              {records{rec("1", verified, "a", 1, 1), rec("2", wrong, "a", 0, 2)}, "a wrong"},
		"added does not mend wrong":      {records{rec("1", wrong, "a", 0, 0), rec("2", added, "a", 1, 1)}, "a wrong"},
		"added again after removal":      {records{rec("1", verified, "a", 0, 0), rec("2", removed, "a", 1, 1), rec("3", added, "a", 2, 2)}, "a"},
		"old proofs die with bad news":   {records{rec("1", verified, "a", 0, 0, policy.NemSMS), rec("2", failed, "a", 1, 1), rec("3", verified, "a", 2, 2)}, "a usable code"},
		"another is added":               {records{rec("1", verified, "a", 0, 0), rec("2", added, "b", 1, 1)}, "a changed code; b"},
		"another is proven":              {records{rec("1", verified, "a", 0, 0), rec("2", verified, "b", 1, 1)}, "b usable code; a changed code"},
		"an old one is imported late":    {records{rec("1", verified, "a", 1, 1), rec("2", added, "b", 0, 2)}, "a usable code; b"},
		"the old one again, unproven":    {records{rec("1", verified, "a", 0, 0), rec("2", verified, "b", 1, 1), rec("3", added, "a", 2, 2)}, "b changed code; a changed code"},
		"the old one again, proven":      {records{rec("1", verified, "a", 0, 0, policy.NemSMS), rec("2", verified, "b", 1, 1), rec("3", verified, "a", 2, 2)}, "a usable code; b changed code"},
		"the new one is taken back":      {records{rec("1", verified, "a", 0, 0), rec("2", added, "b", 1, 1), rec("3", removed, "b", 2, 2)}, "a changed code; b removed"},
		"both imported at once, unknown": {records{rec("1", added, "a", 0, 0), rec("2", added, "b", 0, 0)}, "a changed; b"},
	} {
		t.Run(name, func(t *testing.T) {
			if got := brief(contact.Fold(c.records, day(5))); got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

// Why an address reaches nobody is known until it is proven anew, and said of a failure alone.
func TestFault(t *testing.T) {
	bad := rec("2", failed, "a", 1, 1)
	bad.Fault = contact.NotInUse
	records := []contact.Record{rec("1", verified, "a", 0, 0), bad}
	if s := contact.Fold(records, day(5))[0]; !s.Bounced || s.Fault != contact.NotInUse {
		t.Errorf("%+v", s)
	}
	if s := contact.Fold(append(records, rec("3", verified, "a", 2, 2)), day(5))[0]; s.Bounced || s.Fault != "" {
		t.Errorf("proven anew: %+v", s)
	}
	if err := bad.Validate(); err != nil {
		t.Error(err)
	}
	for _, spoil := range []func(*contact.Record){
		func(r *contact.Record) { r.Fault = "odd" }, func(r *contact.Record) { r.Type = wrong },
	} {
		x := bad
		if spoil(&x); !errors.Is(x.Validate(), contact.ErrRecord) {
			t.Errorf("%s, %q is taken", x.Type, x.Fault)
		}
	}
}

func TestChannelsDoNotChangeEachOther(t *testing.T) {
	m := rec("2", added, "m", 1, 1)
	m.Channel, m.Address = reminder.Email, reminder.NewAddress(reminder.Email, "anna@example.org")
	if got := brief(contact.Fold([]contact.Record{rec("1", verified, "a", 0, 0), m}, day(5))); got != "a usable code; m" {
		t.Error(got)
	}
}

func TestErasedAddressIsNotUsable(t *testing.T) {
	r := rec("1", verified, "a", 0, 0)
	r.Address = reminder.Address{}
	s := contact.Fold([]contact.Record{r}, day(5))
	if len(s) != 1 || s[0].Usable() {
		t.Errorf("%v", brief(s))
	}
}

func TestBestAndNewest(t *testing.T) {
	s := contact.Fold([]contact.Record{rec("1", verified, "a", 0, 0, policy.NemSMS), rec("2", verified, "a", 2, 2, policy.Code),
		rec("3", verified, "a", 1, 3, policy.Code)}, day(5))[0]
	if p, ok := s.Best(); !ok || p.Method != policy.NemSMS || !p.At.Equal(day(0)) {
		t.Errorf("best %+v", p)
	}
	if !s.Newest().Equal(day(2)) {
		t.Errorf("newest %s", s.Newest())
	}
	if _, ok := (contact.State{}).Best(); ok || !(contact.State{}).Newest().IsZero() {
		t.Error("nothing has a proof")
	}
}

func TestOrderInTheSliceIsIrrelevant(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	usable := 0
	for range 5_000 {
		rs := make([]contact.Record, r.IntN(9))
		for i := range rs {
			recorded := r.IntN(5)
			rs[i] = rec(string(rune('a'+i)), append(contact.Types, "odd", verified)[r.IntN(7)], string(rune('x'+r.IntN(3))), r.IntN(recorded+1),
				recorded, policy.Methods[r.IntN(len(policy.Methods))])
		}
		at := day(r.IntN(6))
		want := contact.Fold(rs, at)
		for _, s := range want {
			if !s.Usable() {
				continue
			}
			usable++
			// The rule said again, plainly: an address in use has a proof newer than all its bad news.
			for _, n := range rs {
				if n.Hash == s.Hash && n.IsBad() && !n.Recorded.After(at) && !s.Newest().After(n.EventTime) {
					t.Fatalf("%s is usable against %+v", s.Hash, rs)
				}
			}
		}
		r.Shuffle(len(rs), func(i, j int) { rs[i], rs[j] = rs[j], rs[i] })
		if got := contact.Fold(rs, at); !reflect.DeepEqual(got, want) {
			t.Fatalf("%s, shuffled %s, of %+v", brief(want), brief(got), rs)
		}
	}
	if usable < 100 {
		t.Errorf("%d usable: the test looks at too little", usable)
	}
}

func TestValidate(t *testing.T) {
	with := func(change func(*contact.Record)) contact.Record {
		r := rec("1", verified, "a", 0, 0)
		change(&r)
		return r
	}
	for name, c := range map[string]struct {
		r     contact.Record
		field string
	}{
		"verified":           {rec("1", verified, "a", 0, 0), ""},
		"added by staff":     {rec("1", added, "a", 0, 0, policy.Staff), ""},
		"wrong, by hash":     {with(func(r *contact.Record) { r.Type, r.Address = wrong, reminder.Address{} }), ""},
		"no id":              {with(func(r *contact.Record) { r.ID = "" }), "id"},
		"national id":        {with(func(r *contact.Record) { r.Person = "0101701234" }), "person"},
		"type":               {with(func(r *contact.Record) { r.Type = "odd" }), "type"},
		"no address":         {with(func(r *contact.Record) { r.Address = reminder.Address{} }), "address"},
		"no hash":            {with(func(r *contact.Record) { r.Hash = "" }), "hash"},
		"channel":            {with(func(r *contact.Record) { r.Channel = "fax" }), "channel"},
		"other channel":      {with(func(r *contact.Record) { r.Channel = reminder.Email }), "channel"},
		"no event time":      {with(func(r *contact.Record) { r.EventTime = time.Time{} }), "event_time"},
		"no recorded":        {with(func(r *contact.Record) { r.Recorded = time.Time{} }), "recorded"},
		"happened later":     {with(func(r *contact.Record) { r.EventTime = day(1) }), "event_time"},
		"method":             {with(func(r *contact.Record) { r.Method = "guess" }), "method"},
		"no level":           {with(func(r *contact.Record) { r.Level = 0 }), "level"},
		"above the method":   {with(func(r *contact.Record) { r.Level = policy.Registered }), "level"},
		"imported, verified": {with(func(r *contact.Record) { r.Method, r.Level = policy.Imported, policy.Claimed }), "level"},
	} {
		err := c.r.Validate()
		if c.field == "" {
			if err != nil {
				t.Errorf("%s: %v", name, err)
			}
			continue
		}
		if !errors.Is(err, contact.ErrRecord) || !strings.HasPrefix(err.Error(), "contact: record: "+c.field+": want ") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestJSONHoldsNoAddress(t *testing.T) {
	b, err := json.Marshal(rec("1", verified, "1-aa", 0, 1))
	if err != nil {
		t.Fatal(err)
	}
	const golden = `{"id":"1","person":"1-0123456789abcdef0123456789abcdef","type":"verified","hash":"1-aa","channel":"sms",` +
		`"method":"code","level":"proven","event_time":"2026-03-01T09:00:00Z","recorded":"2026-03-02T09:00:00Z"}`
	if string(b) != golden {
		t.Errorf("the journal's form has changed:\n%s", b)
	}
}
