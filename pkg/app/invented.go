package app

import (
	"context"
	"errors"
	"fmt"

	"github.com/husk-reminders/husk/pkg/reminder"
	"github.com/husk-reminders/husk/pkg/state"
)

// errStranger ends the look through everybody.
var errStranger = errors.New("app: somebody who was not invented")

// onlyInvented reports whether everybody whom the state knows is one of the demonstration's people, whom Options.Invented lists. It
// looks at no more people than are listed, and one. Who was erased or let go was known too.
func (a *App) onlyInvented(ctx context.Context) (bool, error) {
	if err := a.State.Certified(ctx); err != nil {
		return false, fmt.Errorf("app: %w", err)
	}
	err := a.State.Each(ctx, func(p *state.Person) error {
		if !a.invented[p.Key] {
			return errStranger
		}
		return nil
	})
	if errors.Is(err, errStranger) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("app: %w", err)
	}
	return true, nil
}

// keysOf are the pseudonyms of national ids.
func keysOf(ids []reminder.NationalID, p reminder.Pseudonyms) map[reminder.PersonKey]bool {
	keys := make(map[reminder.PersonKey]bool, len(ids))
	for _, id := range ids {
		keys[p.Person(id)] = true
	}
	return keys
}
