package ledger_test

import (
	"context"

	"github.com/husk-reminders/husk/pkg/state"
)

// stuck is a state whose fold never comes: Await answers with the context's end.
type stuck struct{ state.State }

func newStuck(s state.State) stuck { return stuck{s} }

func (stuck) Await(ctx context.Context, _ int, _ state.Stream, _ uint64) error {
	<-ctx.Done()
	return ctx.Err()
}
