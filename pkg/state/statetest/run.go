package statetest

import (
	"testing"

	"github.com/husk-reminders/husk/pkg/state"
)

// Run holds a store to the contract of state.State. open returns an empty, uncertified store of its own for every test;
// what it must close it closes with t.Cleanup.
func Run(t *testing.T, open func(t *testing.T) state.State) {
	t.Helper()
	for _, c := range []struct {
		name string
		test func(*world)
	}{
		{"fold/applied moves and stale writers are refused", applied},
		{"fold/changes below applied are skipped", skipped},
		{"fold/an entry without a body only moves applied", bodyless},
		{"fold/await", await},
		{"fold/one writer of several wins", racingProjectors},
		{"certificate/nothing answers uncertified", uncertified},
		{"certificate/lapses after its time", lapses},
		{"people/persons", persons},
		{"people/what was read does not change", personsCopied},
		{"people/behind an address", behind},
		{"people/bars of an address and of others", barsApart},
		{"people/switches", switches},
		{"people/view and each", views},
		{"people/erased", erased},
		{"people/erased under a worker", erasedMovesOn},
		{"people/merged", merged},
		{"due/order, limit, route and time", leaseOrder},
		{"due/a lease tells what it is about", leaseContent},
		{"due/one a person", leaseOnePerson},
		{"due/who must wait for their turn hold up nobody", leasePastBlocked},
		{"due/a lease expires", leaseExpires},
		{"due/retry", retry},
		{"due/retry of what is not held", retryLost},
		{"due/done", done},
		{"due/a moved plan ends the lease", movedPlan},
		{"due/a cancelled plan is not handed out", cancelledPlan},
		{"due/pending and counts", pendingAndCounts},
		{"due/a single message", singleMessage},
		{"due/no reminder is leased twice at once", leaseRace},
		{"wire/confirm marks, the outcome takes the mark", confirmMarks},
		{"wire/a report takes the mark", reportTakesMark},
		{"wire/confirm refuses", confirmRefuses},
		{"wire/a refused confirmation leaves no mark", refusedLeavesNoMark},
		{"wire/a plan that moved after the intent", confirmMovedPlan},
		{"wire/a lease that expired", confirmExpiredLease},
		{"wire/uncertified", confirmUncertified},
		{"wire/frequency cap", frequencyCap},
		{"wire/frequency cap, not left", capSpared},
		{"wire/a batch is checked one by one", confirmBatch},
		{"wire/by address and by person", wires},
		{"wire/stop against confirm", stopRace},
		{"attempt/forsake closes what never began", forsake},
		{"attempt/forsake and confirm: one wins", forsakeRace},
		{"attempt/forsake needs an unbroken certificate", forsakeBroken},
		{"attempt/opens", opens},
		{"appointment/held", held},
		{"appointment/taken, in any order of shards", taken},
		{"appointment/held by several", shared},
		{"appointment/held by two under one order", sharedByOneOrder},
		{"appointment/trim", trim},
		{"appointment/what of the journal is needed", needs},
		{"attempt/claimants", claimants},
		{"attempt/settled by hand", settledByHand},
		{"attempt/found by its carrier's ids", namedAttempts},
		{"attempt/reports of segments", segmentReports},
		{"attempt/delivered after a refusal", contradicted},
		{"attempt/reports without an attempt", orphans},
		{"appointment/letters", letters},
		{"agenda/expiring", expiring},
		{"agenda/unasked", unasked},
		{"agenda/remembered", remembered},
		{"agenda/doubtful", doubtful},
		{"agenda/of many, and stopped", agendaOfMany},
	} {
		t.Run(c.name, func(t *testing.T) { c.test(newWorld(t, open(t))) })
	}
}
