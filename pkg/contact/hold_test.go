package contact_test

import (
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/husk-reminders/husk/pkg/contact"
	"github.com/husk-reminders/husk/pkg/policy"
)

var week = policy.Period{Days: 7}

func state(t *testing.T, rs []contact.Record, hash string, n int) contact.State {
	t.Helper()
	for _, s := range contact.Fold(rs, day(n)) {
		if string(s.Hash) == hash {
			return s
		}
	}
	t.Fatalf("%s is not known", hash)
	return contact.State{}
}

func TestHold(t *testing.T) {
	type records = []contact.Record
	before := rec("0", verified, "a", 0, 0)
	for name, c := range map[string]struct {
		records records
		at      int
		held    bool
	}{
		"the only one":                       {records{rec("1", verified, "b", 1, 1)}, 2, false},
		"proven as it changed":               {records{before, rec("1", verified, "b", 1, 1)}, 2, false},
		"proven after it changed":            {records{before, rec("1", added, "b", 1, 1, policy.Staff), rec("2", verified, "b", 2, 2)}, 3, false},
		"not proven":                         {records{before, rec("1", added, "b", 1, 1, policy.Staff)}, 2, true},
		"told by a register, of before":      {records{before, rec("1", verified, "b", 0, 5, policy.KRR)}, 6, true},
		"and a week later":                   {records{before, rec("1", verified, "b", 0, 5, policy.KRR)}, 12, false},
		"a moment before that":               {records{before, rec("1", verified, "b", 0, 5, policy.KRR)}, 11, true},
		"and proven since":                   {records{before, rec("1", verified, "b", 0, 5, policy.KRR), rec("2", verified, "b", 6, 6)}, 7, false},
		"told by the register as of now":     {records{before, rec("1", verified, "b", 5, 5, policy.KRR)}, 6, false},
		"added, and known to a register":     {records{before, rec("1", added, "b", 5, 5, policy.Staff), rec("2", verified, "b", 1, 6, policy.KRR)}, 7, true},
		"proven before, and noted late":      {records{before, rec("1", verified, "b", 1, 5, policy.DeskID)}, 6, false},
		"the old one again, from a register": {records{before, rec("1", verified, "b", 1, 1), rec("2", verified, "a", 1, 5, policy.KRR)}, 6, true},
		"another channel's is no change":     {records{mailOf(before), rec("1", added, "b", 1, 1, policy.Staff)}, 2, false},
		"only ever somebody else's":          {records{rec("0", wrong, "a", 0, 0), rec("1", added, "b", 1, 1, policy.Staff)}, 2, false},
	} {
		h := "b"
		if strings.HasPrefix(name, "the old one") {
			h = "a"
		}
		s := state(t, c.records, h, c.at)
		if got := s.Held(week, s.Proofs, day(c.at)); got != c.held {
			t.Errorf("%s: held %v, want %v (%+v)", name, got, c.held, s)
		}
		if s.Held(policy.Period{}, nil, day(c.at)) {
			t.Errorf("%s: held without a hold", name)
		}
	}
	// A proof that the pack does not take does not end the hold.
	s := state(t, []contact.Record{before, rec("1", verified, "b", 0, 5, policy.KRR), rec("2", verified, "b", 6, 6, policy.Staff)}, "b", 7)
	if s.Held(week, s.Proofs, day(7)) || !s.Held(week, nil, day(7)) {
		t.Errorf("%+v", s)
	}
}

func mailOf(r contact.Record) contact.Record {
	r.Channel, r.Address.Channel = "email", "email"
	return r
}

// A number that took another's place within the hold, and is used, has a proof that is as new as its taking that place.
func TestNoNewNumberIsUsedWithoutFreshProof(t *testing.T) {
	r := rand.New(rand.NewPCG(15, 16))
	held, free := 0, 0
	for range 5_000 {
		rs := make([]contact.Record, 2+r.IntN(6))
		for i := range rs {
			recorded := r.IntN(8)
			rs[i] = rec(string(rune('a'+i)), []contact.Type{added, verified, verified, removed}[r.IntN(4)], string(rune('x'+r.IntN(2))), r.IntN(recorded+1), recorded,
				[]policy.Method{policy.Code, policy.KRR, policy.Staff}[r.IntN(3)])
		}
		at := day(r.IntN(12))
		for _, s := range contact.Fold(rs, at) {
			if !s.Usable() || s.New.IsZero() {
				continue
			}
			if s.Held(week, s.Proofs, at) {
				held++
				if !at.Before(s.New.AddDate(0, 0, 7)) {
					t.Fatalf("held for longer than the hold: %+v", s)
				}
				continue
			}
			free++
			fresh := false
			for _, n := range rs {
				fresh = fresh || n.Type == verified && n.Hash == s.Hash && !n.Recorded.After(at) && !n.EventTime.Before(s.New)
			}
			if at.Before(s.New.AddDate(0, 0, 7)) && !fresh {
				t.Fatalf("used, new, and not proven since: %+v of %+v", s, rs)
			}
		}
	}
	if held < 100 || free < 100 {
		t.Errorf("%d held, %d free: the test looks at too little", held, free)
	}
}

func TestWhoTookTheProofDown(t *testing.T) {
	r := rec("1", verified, "a", 0, 0)
	r.By = "desk-7"
	if p, ok := contact.Fold([]contact.Record{r}, day(5))[0].Best(); !ok || p.By != "desk-7" || r.Validate() != nil {
		t.Errorf("%+v", p)
	}
	r.By = strings.Repeat("x", 201)
	if err := r.Validate(); err == nil || !strings.HasPrefix(err.Error(), "contact: record: by: want ") {
		t.Error(err)
	}
}
