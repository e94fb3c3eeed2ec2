package redis_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/husk-reminders/husk/pkg/contact"
	"github.com/husk-reminders/husk/pkg/policy"
	"github.com/husk-reminders/husk/pkg/reminder"
	"github.com/husk-reminders/husk/pkg/state"
	"github.com/husk-reminders/husk/pkg/state/redis"
)

// TestWhoseWhileItIsFolded: a fold says in the address's shard who is behind it before it commits the person, and may die between the
// two. Whoever takes a wrong number down then must neither miss one who can still be written to there, nor take one for there who is
// not.
func TestWhoseWhileItIsFolded(t *testing.T) {
	o := options(t)
	s := must(redis.New(o))(t)
	if err := s.Certify(t.Context(), time.Minute); err != nil {
		t.Fatal(err)
	}
	p, q, a := key(1), key(2), hash(3)
	fold(t, s, p, state.Contact{Record: contact.Record{
		ID: "n", Person: p, Type: contact.Verified, Hash: a, Channel: reminder.SMS, Method: policy.DeskID, Level: policy.Proven, EventTime: noon, Recorded: noon,
	}})
	cells := fmt.Sprintf("%s:{%02x}:behind:%s", o.Prefix, a.Shard(), a)
	for _, cell := range []string{"1 1", "9 "} { // as folded; as told by a fold that takes the address from the person
		if err := o.Client.HSet(t.Context(), cells, string(p), cell, string(q), "9 1").Err(); err != nil {
			t.Fatal(err)
		}
		if got := must(s.Whose(t.Context(), a))(t); !slices.Equal(got, []reminder.PersonKey{p}) {
			t.Errorf("the cell is %q: it is that of %v, want %s", cell, got, p)
		}
	}
}
