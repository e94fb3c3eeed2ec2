package ledger

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/husk-reminders/husk/pkg/reminder"
)

// Whatever comes in whatever order, the earliest are kept, and never more than asked for.
func TestFirst(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 500 {
		most, all := r.IntN(6), make([]ReminderView, r.IntN(30))
		f := first{most: most}
		for i := range all {
			all[i] = ReminderView{ID: reminder.ID(fmt.Sprint(r.IntN(40))), Due: time.Unix(int64(r.IntN(5)), 0), Person: reminder.PersonKey(fmt.Sprint(i))}
			if f.takes(&all[i]) {
				f.add(found{view: all[i]})
			}
			if most > 0 && len(f.held) > most {
				t.Fatalf("%d are held of %d", len(f.held), most)
			}
		}
		slices.SortFunc(all, func(a, b ReminderView) int { return byDue(&a, &b) })
		if most > 0 && len(all) > most {
			all = all[:most]
		}
		if !slices.EqualFunc(f.sorted(), all, func(x found, v ReminderView) bool { return x.view.Person == v.Person }) {
			t.Fatalf("kept %+v, want %+v", f.held, all)
		}
	}
}
