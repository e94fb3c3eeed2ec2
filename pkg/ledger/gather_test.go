package ledger

import (
	"testing"

	"github.com/husk-reminders/husk/pkg/journal"
	"github.com/husk-reminders/husk/pkg/state"
)

// A STOP waits for one batch of what else is folded, never for another.
func TestStopGoesWithTheNextBatch(t *testing.T) {
	p := &projector{}
	for s := range p.in {
		p.in[s] = make(chan []journal.Entry, 8)
	}
	for range 4 {
		p.in[state.People] <- make([]journal.Entry, foldBatch)
		p.in[state.Journal] <- make([]journal.Entry, foldBatch)
	}
	for range 3 {
		p.in[state.Stop] <- []journal.Entry{{Stream: journal.StreamStop}}
	}
	stops := 0
	batch := p.gather(<-p.in[state.Journal]) // as many as are folded in one go already
	for _, e := range batch {
		if e.Stream == journal.StreamStop {
			stops++
		}
	}
	if stops != 3 || len(batch) != foldBatch+3 {
		t.Errorf("%d STOPs among %d entries, want the 3 that have come and no more of the others", stops, len(batch))
	}
}
