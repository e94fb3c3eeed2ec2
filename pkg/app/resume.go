package app

import (
	"context"
	"fmt"
	"time"

	"github.com/husk-reminders/husk/pkg/routing"
)

// resume lets the caps of carriers' accounts count on from what has left today, where the counts ended with the last process.
func (a *App) resume(ctx context.Context) error {
	if a.Router == nil {
		return nil
	}
	err := a.Router.Resume(func(since time.Time) (map[string]routing.Load, error) {
		carried, err := a.Ledger.Carried(ctx, since)
		out := make(map[string]routing.Load, len(carried))
		for name, x := range carried {
			out[name] = routing.Load(x)
		}
		return out, err
	})
	if err != nil {
		return fmt.Errorf("app: what carriers have carried today: %w", err)
	}
	return nil
}
