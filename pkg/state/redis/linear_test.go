package redis_test

import (
	"testing"
	"time"

	"github.com/husk-reminders/husk/pkg/state"
	"github.com/husk-reminders/husk/pkg/state/statetest"
)

// several do many things to a store at the same time: the projector in one process, everybody else in another. Confirm takes
// several steps, and marks first.
func several() statetest.Linear {
	operations := 50_000
	if testing.Short() {
		operations = 8_000
	}
	return statetest.Linear{
		Open:       func(t *testing.T) (projector, others state.State) { return pair(t) },
		Operations: operations, Spoilt: 5000, Addresses: 20, Workers: 8, Citizens: 4, Look: 50 * time.Millisecond, EarlyMarks: true,
		Compose: 2 * time.Millisecond, Rest: 3 * time.Millisecond, Erased: 5 * time.Millisecond,
		Pause: 10 * time.Millisecond, // a STOP takes some round trips
	}
}

func TestLinearizable(t *testing.T) { several().Run(t) }

// TestLinearizableFindsFaults: the test above would notice a store that is wrong.
func TestLinearizableFindsFaults(t *testing.T) { several().Faults(t) }
