package memory_test

import (
	"testing"
	"time"

	"github.com/husk-reminders/husk/pkg/state"
	"github.com/husk-reminders/husk/pkg/state/memory"
	"github.com/husk-reminders/husk/pkg/state/statetest"
)

func TestConformance(t *testing.T) {
	statetest.Run(t, func(*testing.T) state.State { return memory.New() })
}

// The nth person and address are in shard n. One goroutine a shard may fold at a time.
var (
	key       = statetest.Person
	hash      = statetest.Address
	fold      = statetest.Fold
	foldShard = statetest.FoldShard
)

// several do many things to a store at the same time.
func several() statetest.Linear {
	return statetest.Linear{
		Open: func(*testing.T) (projector, others state.State) {
			s := memory.New()
			return s, s
		},
		Operations: 8000, Spoilt: 3000, Addresses: 6, Workers: 5, Citizens: 2, Look: 500 * time.Microsecond,
		Compose: 100 * time.Microsecond, Rest: 150 * time.Microsecond, Erased: 500 * time.Microsecond, Pause: 100 * time.Microsecond,
	}
}

func TestLinearizable(t *testing.T) { several().Run(t) }

// TestLinearizableFindsFaults: the test above would notice a store that is wrong.
func TestLinearizableFindsFaults(t *testing.T) { several().Faults(t) }
