package acceptance

import (
	"strconv"
	"strings"
	"testing"
)

// account is what Husk says of the reminders beside what the carrier has.
type account struct {
	tally
	lost    int    // never at the carrier, and not listed as unknown
	unknown []view // listed as unknown
}

// accountFor compares Husk's word with the carrier's record, booking by booking: it fails the test where something is lost or there
// twice, where what Husk calls accepted is not there once, and where one is neither accepted nor unknown.
func accountFor(h *house, staff *staff, c *carrier, all []booking, people int) account {
	h.t.Helper()
	t := h.t
	y, at := reckon(t, c.record(), all)
	of := places(h, staff, people)
	x := account{tally: y, unknown: staff.reminders("unknown")}
	doubtful := map[place]bool{}
	for _, v := range x.unknown {
		doubtful[of(v)] = true
	}
	for _, p := range y.missing {
		if !doubtful[p] {
			x.lost++
			if x.lost <= 10 {
				t.Errorf("lost: %s for %s", p.to, p.replyTo)
			}
		}
	}
	if x.lost > 0 || y.more > 0 {
		t.Errorf("%d lost, %d there twice", x.lost, y.more)
	}
	listed := h.output("reminder", "list", "--status", "unknown", "--max", strconv.Itoa(most), "--json")
	for _, v := range x.unknown {
		if !strings.Contains(listed, v.ID) {
			t.Errorf("husk reminder list --status unknown does not show %s", v.ID)
		}
	}
	for _, v := range staff.reminders("accepted") {
		if at[of(v)] != 1 {
			t.Errorf("%s is accepted, and the carrier has it %d times", v.ID, at[of(v)])
		}
	}
	st := staff.status()
	if sum := st.Counts["accepted"] + st.Counts["unknown"]; sum != len(all) || st.Counts["unknown"] != len(x.unknown) {
		t.Errorf("status counts %v, want %d accepted or unknown", st.Counts, len(all))
	}
	return x
}

// places tells where the carrier's record shows a reminder.
func places(h *house, staff *staff, people int) func(view) place {
	h.t.Helper()
	got := make([]string, people)
	h.must(each(people, 16, func(i int) (err error) { got[i], err = staff.key(someone(i)); return err }))
	keys := make(map[string]int, people)
	for i, k := range got {
		keys[k] = i
	}
	return func(v view) place {
		h.t.Helper()
		p, ok := keys[v.Person]
		if !ok {
			h.t.Fatalf("a reminder of a person who is not ours: %s", v.ID)
		}
		return place{someone(p).mail, unitMail(v.Unit)}
	}
}

// kinds counts the unknown whose last attempt the carrier has, and those that a sweep settled because no worker was left to.
func (x account) kinds(t *testing.T, record []letter) (there, abandoned int) {
	t.Helper()
	has := map[string]bool{}
	for _, l := range record {
		has[l.reference] = true
	}
	for _, v := range x.unknown {
		if len(v.Attempts) == 0 {
			t.Fatalf("%s is unknown, and has no attempt", v.ID)
		}
		last := v.Attempts[len(v.Attempts)-1]
		if has[last.Claim] {
			there++
		}
		if last.Code == "no_answer" {
			abandoned++
		}
	}
	return there, abandoned
}
