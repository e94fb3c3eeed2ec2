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
		most, all := r.IntN(6), make([]found, r.IntN(30))
		f := first[found]{most: most, by: byDue}
		for i := range all {
			all[i] = found{view: ReminderView{ID: reminder.ID(fmt.Sprint(r.IntN(40))), Due: time.Unix(int64(r.IntN(5)), 0), Person: reminder.PersonKey(fmt.Sprint(i))}}
			if f.takes(&all[i]) {
				f.add(all[i])
			}
			if most > 0 && len(f.held) > most {
				t.Fatalf("%d are held of %d", len(f.held), most)
			}
		}
		slices.SortFunc(all, func(a, b found) int { return byDue(&a, &b) })
		if most > 0 && len(all) > most {
			all = all[:most]
		}
		if !slices.EqualFunc(f.sorted(), all, func(x, y found) bool { return x.view.Person == y.view.Person }) {
			t.Fatalf("kept %+v, want %+v", f.held, all)
		}
	}
}
