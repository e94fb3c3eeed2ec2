package state

import (
	"hash/fnv"
	"time"

	"github.com/husk-reminders/husk/pkg/receipt"
	"github.com/husk-reminders/husk/pkg/reminder"
)

// Name is what a carrier calls a message, or one segment of it: some carriers report by nothing else.
type Name struct {
	Carrier string // as the configuration names it
	ID      string // its own id
}

// Key is the name in one word.
func (n Name) Key() string { return n.Carrier + " " + n.ID }

// Names are what the attempt's carrier calls it and its segments, for which it is found; none where that is our own reference, by which
// it is found anyway.
func (t *Attempt) Names() []Name {
	if t.Carrier == "" || t.CarrierID == "" || t.CarrierID == t.Claim {
		return nil
	}
	out := []Name{{t.Carrier, t.CarrierID}}
	for _, id := range t.Parts {
		out = append(out, Name{t.Carrier, id})
	}
	return out
}

// ids are the carrier's ids of the attempt, of each segment where it numbers them.
func (t *Attempt) ids() []string {
	if t.CarrierID == "" {
		return nil
	}
	return append([]string{t.CarrierID}, t.Parts...)
}

// Orphan is a delivery report for which there is no attempt yet: its carrier was faster than the journal, or it is of a message that nobody
// here knows. With Gone it is no longer kept, since its attempt was found or its time has passed. It is of nobody, and is journalled in the
// shard of its carrier's id.
type Orphan struct {
	receipt.Report
	Since time.Time `json:"-"` // when it was journalled; set when it is read
	Gone  bool      `json:"gone,omitempty"`
}

// Name is what the report calls the message.
func (o Orphan) Name() Name { return Name{o.Carrier, o.CarrierID} }

// Key tells an orphan from all others. The same report, said again, is the same orphan.
func (o Orphan) Key() string {
	k := o.Name().Key() + " " + string(o.Status) + " " + string(o.Fault)
	if o.Signed {
		k += " signed"
	}
	return k
}

// Shard is where the orphan is kept.
func (o Orphan) Shard() int {
	h := fnv.New32a()
	_, _ = h.Write([]byte(o.Name().Key()))
	return int(h.Sum32() % reminder.Shards)
}
