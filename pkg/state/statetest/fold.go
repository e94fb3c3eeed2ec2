package statetest

import (
	"testing"

	"github.com/husk-reminders/husk/pkg/consent"
	"github.com/husk-reminders/husk/pkg/reminder"
	"github.com/husk-reminders/husk/pkg/state"
)

// Person is the nth person, in shard n.
func Person(n int) reminder.PersonKey { return person(n) }

// Address is the nth address, in shard n.
func Address(n int) reminder.AddressHash { return address(n) }

// streamOf is where an entry with such a body stands in the journal.
func streamOf(body any) state.Stream {
	switch b := body.(type) {
	case state.Bar, state.Switch:
		return state.Stop
	case consent.Record:
		if b.Type == consent.Withdrawn || b.Type == consent.Refused {
			return state.Stop
		}
		return state.People
	case state.Contact, state.Merged:
		return state.People
	}
	return state.Journal
}

// Changes makes journal entries of bodies, after from, and tells where they end.
func Changes(from state.Vector, p reminder.PersonKey, bodies ...any) ([]state.Change, state.Vector) {
	out := make([]state.Change, len(bodies))
	for i, b := range bodies {
		stream := streamOf(b)
		from[stream]++
		out[i] = state.Change{Stream: stream, Seq: from[stream], At: noon, Person: p, Body: b}
	}
	return out, from
}

// FoldShard folds bodies as one entry each. One goroutine a shard may call it at a time.
func FoldShard(t testing.TB, s state.State, shard int, p reminder.PersonKey, bodies ...any) {
	t.Helper()
	from, err := s.Applied(t.Context(), shard)
	if err != nil {
		t.Error(err) // not Fatal: workers fold too
		return
	}
	changes, to := Changes(from, p, bodies...)
	if err := s.Fold(t.Context(), state.Run{Shard: shard, From: from, To: to, Changes: changes})[0]; err != nil {
		t.Error(err)
	}
}

// Fold folds bodies of one person, one entry each.
func Fold(t testing.TB, s state.State, p reminder.PersonKey, bodies ...any) {
	t.Helper()
	FoldShard(t, s, p.Shard(), p, bodies...)
}
