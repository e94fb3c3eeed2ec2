package consent

import (
	"time"

	"github.com/husk-reminders/husk/pkg/policy"
)

// MayAsk reports whether the person may be asked for a yes to what q is about, and if not, from when; a zero time is never by
// itself. Nobody is asked who has a yes that holds, or about what the pack gives no basis. Who said no is left alone for the
// pack's AskAgain, counted from when it was last said or, where that is not known, taken down; a pack without one never has
// them asked again.
func MayAsk(records []Record, q Query, at time.Time) (bool, time.Time) {
	if _, ok := q.Pack.Basis[q.Purpose]; !ok || !q.Pack.Allows(q.Channel) {
		return false, time.Time{}
	}
	s := Fold(records, q, at)
	if s.Allows() {
		return false, time.Time{}
	}
	var last time.Time
	denied := false
	for _, r := range records {
		if !r.IsNo() || r.Recorded.After(at) || !r.concerns(q) {
			continue
		}
		said := r.EventTime
		if said.IsZero() || said.After(r.Recorded) {
			said = r.Recorded
		}
		denied, last = true, later(last, said)
	}
	switch {
	case !denied:
		return true, time.Time{}
	case q.Pack.AskAgain == policy.Period{}:
		return false, time.Time{}
	}
	if from := q.Pack.AskAgain.After(last); at.Before(from) {
		return false, from
	}
	return true, time.Time{}
}
