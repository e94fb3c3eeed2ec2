package memory_test

import (
	"fmt"
	"testing"

	"github.com/husk-reminders/husk/pkg/consent"
	"github.com/husk-reminders/husk/pkg/reminder"
	"github.com/husk-reminders/husk/pkg/state"
	"github.com/husk-reminders/husk/pkg/state/memory"
	"github.com/husk-reminders/husk/pkg/state/statetest"
)

func TestConformance(t *testing.T) {
	statetest.Run(t, func(*testing.T) state.State { return memory.New() })
}

// key is the nth person, in shard n.
func key(n int) reminder.PersonKey {
	return reminder.PersonKey(fmt.Sprintf("1-%02x%030x", n%reminder.Shards, n))
}

// hash is the nth address, in shard n.
func hash(n int) reminder.AddressHash {
	return reminder.AddressHash(fmt.Sprintf("1-%02x%030x", n%reminder.Shards, 1000+n))
}

func fold(t *testing.T, s state.State, p reminder.PersonKey, bodies ...any) {
	t.Helper()
	foldShard(t, s, p.Shard(), p, bodies...)
}

// foldShard folds bodies as one entry each. One goroutine a shard may call it at a time.
func foldShard(t *testing.T, s state.State, shard int, p reminder.PersonKey, bodies ...any) {
	t.Helper()
	from, err := s.Applied(t.Context(), shard)
	if err != nil {
		t.Error(err)
		return
	}
	to := from
	changes := make([]state.Change, len(bodies))
	for i, b := range bodies {
		stream := state.Journal
		switch b.(type) {
		case state.Bar, state.Switch:
			stream = state.Stop
		case consent.Record, state.Contact:
			stream = state.People
		}
		to[stream]++
		changes[i] = state.Change{Stream: stream, Seq: to[stream], At: noon, Person: p, Body: b}
	}
	if err := s.Fold(t.Context(), state.Run{Shard: shard, From: from, To: to, Changes: changes})[0]; err != nil {
		t.Error(err)
	}
}
