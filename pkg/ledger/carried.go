package ledger

import (
	"context"
	"fmt"
	"time"

	"github.com/husk-reminders/husk/pkg/receipt"
	"github.com/husk-reminders/husk/pkg/state"
)

// Carried is what a carrier has carried.
type Carried struct{ Messages, Segments int }

// Carried counts, by carrier, the messages that have left since an instant, or may have. It looks through everybody: ErrBusy when ctx has
// ended before its turn has come.
func (l *Ledger) Carried(ctx context.Context, since time.Time) (map[string]Carried, error) {
	leave, err := l.scan(ctx)
	if err != nil {
		return nil, err
	}
	defer leave()
	out := map[string]Carried{}
	err = l.o.State.Each(ctx, func(p *state.Person) error {
		for _, r := range p.Reminders {
			for i := range r.Attempts {
				t := &r.Attempts[i]
				if t.Carrier == "" || t.At.Before(since) || receipt.Unbegun(t.Status) || t.Status == receipt.Rejected {
					continue
				}
				x := out[t.Carrier]
				out[t.Carrier] = Carried{x.Messages + 1, x.Segments + max(t.Segments, 1)}
			}
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("ledger: %w", err)
	}
	return out, nil
}
