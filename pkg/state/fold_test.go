package state_test

import (
	"testing"
	"time"

	"github.com/husk-reminders/husk/pkg/receipt"
	"github.com/husk-reminders/husk/pkg/reminder"
	"github.com/husk-reminders/husk/pkg/state"
)

func TestFold(t *testing.T) {
	retry := noon.AddDate(0, 0, 1)
	cases := []struct {
		name  string
		steps []step
		want  string
	}{
		// Plans.
		{"nothing", nil, "nothing"},
		{"booked", []step{book(1, "A")}, "booked A v1 told -: 48h@A planned"},
		{"booked, the same again", []step{book(1, "A"), inert(book(1, "A"))}, "booked A v1 told -: 48h@A planned"},
		{"booked, a newer event of the same start", []step{book(1, "A"), book(2, "A")}, "booked A v2 told -: 48h@A planned"},
		{"moved before anything was sent", []step{book(1, "A"), book(2, "B")}, "booked B v2 told -: 48h@A cancelled, 48h@B planned"},
		{"moved, the older event comes later", []step{book(2, "B"), inert(book(1, "A"))}, "booked B v1 told -: 48h@B planned"},
		{"moved to a past start", []step{book(1, "A"), folds(past(visit, 2, "B"))}, "booked B v2 told -: 48h@A cancelled"},
		{"there and back before anything was sent", []step{book(1, "A"), book(2, "B"), book(3, "A")},
			"booked A v3 told -: 48h@A planned, 48h@B cancelled"},
		{"cancelled before anything was sent", []step{book(1, "A"), cancel(2)}, "cancelled cancelled v2 told -: 48h@A cancelled"},
		{"cancelled, the older event comes later", []step{cancel(2), inert(book(1, "A"))}, "cancelled cancelled v1 told -: "},
		{"cancelled, then booked again", []step{book(1, "A"), cancel(2), book(3, "A")}, "booked A v3 told -: 48h@A planned"},
		{"remembered", []step{folds(remembered(visit, 1, "A"))}, "remembered A v1 told -: "},
		{"remembered, the same again", []step{folds(remembered(visit, 1, "A")), inert(folds(remembered(visit, 1, "A")))}, "remembered A v1 told -: "},
		{"remembered, then planned by the sweep from the same event", []step{folds(remembered(visit, 1, "A")), book(1, "A")},
			"booked A v2 told -: 48h@A planned"},
		{"remembered, planned, and the event comes again", []step{folds(remembered(visit, 1, "A")), book(1, "A"), inert(folds(remembered(visit, 1, "A")))},
			"booked A v2 told -: 48h@A planned"},
		{"remembered, cancelled, and the sweep comes too late", []step{folds(remembered(visit, 1, "A")), cancel(2), inert(book(1, "A"))},
			"cancelled cancelled v2 told -: "},
		{"remembered from a newer event, an older plan", []step{folds(remembered(visit, 2, "B")), inert(book(1, "A"))}, "remembered B v1 told -: "},

		// Notices.
		{"moved after the reminder was accepted", []step{book(1, "A"), sent("48h@A"), book(2, "B")},
			"booked B v2 told A: 48h@A accepted, 48h@B planned, changed#1@B planned"},
		{"moved twice, the first notice still waits", []step{book(1, "A"), sent("48h@A"), book(2, "B"), book(3, "C")},
			"booked C v3 told A: 48h@A accepted, 48h@B cancelled, 48h@C planned, changed#1@B cancelled, changed#2@C planned"},
		{"there and back, the notice still waits", []step{book(1, "A"), sent("48h@A"), book(2, "B"), book(3, "A")},
			"booked A v3 told A: 48h@A accepted, 48h@B cancelled, changed#1@B cancelled"},
		{"there and back, the notice of B was accepted: A is told again", []step{book(1, "A"), sent("48h@A"), book(2, "B"), sent("changed#1@B"), book(3, "A")},
			"booked A v3 told B: 48h@A accepted, 48h@B cancelled, changed#1@B accepted, changed#2@A planned"},
		{"there and back, both told", []step{book(1, "A"), sent("48h@A"), book(2, "B"), sent("changed#1@B"), book(3, "A"), sent("changed#2@A")},
			"booked A v3 told A: 48h@A accepted, 48h@B cancelled, changed#1@B accepted, changed#2@A accepted"},
		{"there and back, the notice of B is on its way and is accepted", []step{book(1, "A"), sent("48h@A"), book(2, "B"), intend("changed#1@B", "n"), book(3, "A"),
			settle("changed#1@B", "n", receipt.Accepted)},
			"booked A v3 told B: 48h@A accepted, 48h@B cancelled, changed#1@B accepted, changed#2@A planned"},
		{"there and back, the notice of B is on its way and is refused", []step{book(1, "A"), sent("48h@A"), book(2, "B"), intend("changed#1@B", "n"), book(3, "A"),
			settle("changed#1@B", "n", receipt.Refused)},
			"booked A v3 told A: 48h@A accepted, 48h@B cancelled, changed#1@B cancelled"},
		{"moved while the reminder is on its way, which is accepted", []step{book(1, "A"), intend("48h@A", "x"), book(2, "B"), settle("48h@A", "x", receipt.Accepted)},
			"booked B v2 told A: 48h@A accepted, 48h@B planned, changed#1@B planned"},
		{"moved while the reminder is on its way, which is in doubt", []step{book(1, "A"), intend("48h@A", "x"), book(2, "B"), settle("48h@A", "x", receipt.Unknown)},
			"booked B v2 told A: 48h@A unknown, 48h@B planned, changed#1@B planned"},
		{"moved while the reminder is on its way, which is rejected", []step{book(1, "A"), intend("48h@A", "x"), book(2, "B"), settle("48h@A", "x", receipt.Rejected)},
			"booked B v2 told -: 48h@A rejected, 48h@B planned"},
		{"moved while the reminder is on its way, which never began", []step{book(1, "A"), intend("48h@A", "x"), book(2, "B"), settle("48h@A", "x", receipt.NotBegun)},
			"booked B v2 told -: 48h@A cancelled, 48h@B planned"},
		{"there and back while the reminder is on its way, which never began", []step{book(1, "A"), intend("48h@A", "x"), book(2, "B"), book(3, "A"),
			settle("48h@A", "x", receipt.NotBegun)}, "booked A v3 told -: 48h@A planned, 48h@B cancelled"},
		{"cancelled after the reminder was accepted", []step{book(1, "A"), sent("48h@A"), cancel(2)},
			"cancelled cancelled v2 told A: 48h@A accepted, cancelled#1@cancelled planned"},
		{"cancelled, told", []step{book(1, "A"), sent("48h@A"), cancel(2), sent("cancelled#1@cancelled")},
			"cancelled cancelled v2 told cancelled: 48h@A accepted, cancelled#1@cancelled accepted"},
		{"cancelled, told, cancelled again", []step{book(1, "A"), sent("48h@A"), cancel(2), sent("cancelled#1@cancelled"), cancel(3)},
			"cancelled cancelled v3 told cancelled: 48h@A accepted, cancelled#1@cancelled accepted"},
		{"cancelled, not told, booked again", []step{book(1, "A"), sent("48h@A"), cancel(2), book(3, "A")},
			"booked A v3 told A: 48h@A accepted, cancelled#1@cancelled cancelled"},
		{"cancelled, told, booked again", []step{book(1, "A"), sent("48h@A"), cancel(2), sent("cancelled#1@cancelled"), book(3, "A")},
			"booked A v3 told cancelled: 48h@A accepted, cancelled#1@cancelled accepted, changed#2@A planned"},
		{"cancelled while the reminder is on its way, which is in doubt", []step{book(1, "A"), intend("48h@A", "x"), cancel(2), settle("48h@A", "x", receipt.Unknown)},
			"cancelled cancelled v2 told A: 48h@A unknown, cancelled#1@cancelled planned"},
		{"cancelled while the reminder is on its way, which never began", []step{book(1, "A"), intend("48h@A", "x"), cancel(2), settle("48h@A", "x", receipt.NotBegun)},
			"cancelled cancelled v2 told -: 48h@A cancelled"},
		{"moved to a past start after it was told: nothing left to tell", []step{book(1, "A"), sent("48h@A"), folds(past(visit, 2, "B"))},
			"booked B v2 told A: 48h@A accepted"},

		// Attempts.
		{"intended", []step{book(1, "A"), intend("48h@A", "x")}, "booked A v1 told -: 48h@A intended"},
		{"a second claim on the attempt", []step{book(1, "A"), intend("48h@A", "x"),
			inert(folds(receipt.Intent{Reminder: reminderID(visit, "A"), Attempt: 1, Claim: "y", Version: 1})),
			inert(folds(receipt.Intent{Reminder: reminderID(visit, "A"), Attempt: 2, Claim: "y", Version: 1})),
			inert(settle("48h@A", "y", receipt.Accepted))}, "booked A v1 told -: 48h@A intended"},
		{"an attempt out of turn", []step{book(1, "A"), inert(folds(receipt.Intent{Reminder: reminderID(visit, "A"), Attempt: 2, Claim: "x", Version: 1}))},
			"booked A v1 told -: 48h@A planned"},
		{"an attempt that was settled comes again", []step{book(1, "A"), intend("48h@A", "x"), settle("48h@A", "x", receipt.NotBegun),
			inert(folds(receipt.Intent{Reminder: reminderID(visit, "A"), Attempt: 1, Claim: "x", Version: 1}))}, "booked A v1 told -: 48h@A planned"},
		{"an intent made under an older plan", []step{book(1, "A"), book(2, "A"),
			inert(folds(receipt.Intent{Reminder: reminderID(visit, "A"), Attempt: 1, Claim: "x", Version: 1}))}, "booked A v2 told -: 48h@A planned"},
		{"an intent for a cancelled reminder", []step{book(1, "A"), cancel(2),
			inert(folds(receipt.Intent{Reminder: reminderID(visit, "A"), Attempt: 1, Claim: "x", Version: 2}))}, "cancelled cancelled v2 told -: 48h@A cancelled"},
		{"an intent for a reminder never planned", []step{book(1, "A"),
			inert(folds(receipt.Intent{Reminder: reminderID(visit, "B"), Attempt: 1, Claim: "x", Version: 1}))}, "booked A v1 told -: 48h@A planned"},
		{"accepted", []step{book(1, "A"), sent("48h@A")}, "booked A v1 told A: 48h@A accepted"},
		{"accepted, then any other word of ours", []step{book(1, "A"), sent("48h@A"), inert(settle("48h@A", "sent-48h@A", receipt.NotBegun)),
			inert(settle("48h@A", "sent-48h@A", receipt.Refused)), inert(settle("48h@A", "sent-48h@A", receipt.Unknown)), inert(book(1, "A"))},
			"booked A v1 told A: 48h@A accepted"},
		{"delivered", []step{book(1, "A"), sent("48h@A"), report("sent-48h@A", receipt.Delivered), inert(report("sent-48h@A", receipt.Accepted))},
			"booked A v1 told A: 48h@A delivered"},
		{"delivered and failed", []step{book(1, "A"), sent("48h@A"), report("sent-48h@A", receipt.Delivered), report("sent-48h@A", receipt.Undelivered),
			inert(report("sent-48h@A", receipt.Delivered))}, "booked A v1 told A: 48h@A undelivered"},
		{"undelivered", []step{book(1, "A"), sent("48h@A"), report("sent-48h@A", receipt.Undelivered)}, "booked A v1 told A: 48h@A undelivered"},
		{"the report overtakes our own outcome", []step{book(1, "A"), intend("48h@A", "x"), report("x", receipt.Delivered), settle("48h@A", "x", receipt.Accepted),
			inert(settle("48h@A", "x", receipt.Accepted))}, "booked A v1 told A: 48h@A delivered"},
		{"a report for nobody's claim", []step{book(1, "A"), inert(report("z", receipt.Delivered))}, "booked A v1 told -: 48h@A planned"},
		{"in doubt", []step{book(1, "A"), intend("48h@A", "x"), settle("48h@A", "x", receipt.Unknown)}, "booked A v1 told A: 48h@A unknown"},
		{"a doubt is never sent again", []step{book(1, "A"), intend("48h@A", "x"), settle("48h@A", "x", receipt.Unknown),
			inert(settle("48h@A", "x", receipt.NotBegun)), inert(settle("48h@A", "x", receipt.Refused)), book(2, "A"),
			inert(folds(receipt.Intent{Reminder: reminderID(visit, "A"), Attempt: 2, Claim: "y", Version: 2}))}, "booked A v2 told A: 48h@A unknown"},
		{"a doubt that the carrier settles", []step{book(1, "A"), intend("48h@A", "x"), settle("48h@A", "x", receipt.Unknown), report("x", receipt.Accepted)},
			"booked A v1 told A: 48h@A accepted"},
		{"a doubt that turns out rejected", []step{book(1, "A"), intend("48h@A", "x"), settle("48h@A", "x", receipt.Unknown), settle("48h@A", "x", receipt.Rejected)},
			"booked A v1 told A: 48h@A rejected"},
		{"never began: planned again", []step{book(1, "A"), intend("48h@A", "x"), settle("48h@A", "x", receipt.NotBegun)}, "booked A v1 told -: 48h@A planned"},
		{"refused: planned again", []step{book(1, "A"), intend("48h@A", "x"), settleUntil("48h@A", "x", receipt.Refused, retry)}, "booked A v1 told -: 48h@A planned"},
		{"refused, then accepted", []step{book(1, "A"), intend("48h@A", "x"), settle("48h@A", "x", receipt.Refused), sent("48h@A")}, "booked A v1 told A: 48h@A accepted"},
		{"a late word on an older attempt", []step{book(1, "A"), intend("48h@A", "x"), settle("48h@A", "x", receipt.Refused), sent("48h@A"), report("x", receipt.Delivered)},
			"booked A v1 told A: 48h@A accepted"},

		// What surely had not left did: it is not sent again.
		{"refused, and delivered", []step{book(1, "A"), intend("48h@A", "x"), settle("48h@A", "x", receipt.Refused), report("x", receipt.Delivered), noNext},
			"booked A v1 told A: 48h@A delivered"},
		{"refused, and failed", []step{book(1, "A"), intend("48h@A", "x"), settle("48h@A", "x", receipt.Refused), report("x", receipt.Undelivered), noNext},
			"booked A v1 told A: 48h@A undelivered"},
		{"never began, and on its way", []step{book(1, "A"), intend("48h@A", "x"), settle("48h@A", "x", receipt.NotBegun), report("x", receipt.Accepted), noNext,
			report("x", receipt.Delivered), inert(report("x", receipt.Delivered)), inert(settle("48h@A", "x", receipt.NotBegun))}, "booked A v1 told A: 48h@A delivered"},
		{"delivered, and then refused", []step{book(1, "A"), intend("48h@A", "x"), report("x", receipt.Delivered), inert(settle("48h@A", "x", receipt.Refused))},
			"booked A v1 told A: 48h@A delivered"},
		{"refused twice, and the first is delivered", []step{book(1, "A"), intend("48h@A", "x"), settle("48h@A", "x", receipt.Refused), intend("48h@A", "y"),
			settle("48h@A", "y", receipt.Refused), report("x", receipt.Delivered), noNext}, "booked A v1 told A: 48h@A delivered"},
		{"the first is delivered while the second is on its way, which is refused", []step{book(1, "A"), intend("48h@A", "x"), settle("48h@A", "x", receipt.Refused),
			intend("48h@A", "y"), report("x", receipt.Delivered), settle("48h@A", "y", receipt.Refused), noNext}, "booked A v1 told A: 48h@A delivered"},
		{"refused five times, and the last is delivered", append(refusedTimes(receipt.MaxAttempts), report("e", receipt.Delivered)), "booked A v1 told A: 48h@A delivered"},
		{"refused, held, and delivered", []step{book(1, "A"), intend("48h@A", "x"), settle("48h@A", "x", receipt.Refused), verdict("48h@A", 1, receipt.Held),
			report("x", receipt.Delivered), inert(verdict("48h@A", 1, receipt.Planned)), noNext}, "booked A v1 told A: 48h@A delivered"},
		{"refused, moved, and delivered: who knows the old time is told the new", []step{book(1, "A"), intend("48h@A", "x"), settle("48h@A", "x", receipt.Refused),
			book(2, "B"), report("x", receipt.Delivered)}, "booked B v2 told A: 48h@A delivered, 48h@B planned, changed#1@B planned"},
		{"refused, moved, told, and delivered: the newer time stands", []step{book(1, "A"), intend("48h@A", "x"), settle("48h@A", "x", receipt.Refused), book(2, "B"),
			sent("48h@B"), report("x", receipt.Delivered)}, "booked B v2 told B: 48h@A delivered, 48h@B accepted"},
		{"refused and then rejected, and the first is delivered", []step{book(1, "A"), intend("48h@A", "x"), settle("48h@A", "x", receipt.Refused),
			intend("48h@A", "y"), settle("48h@A", "y", receipt.Rejected), report("x", receipt.Delivered), toldOf("A"), report("x", receipt.Undelivered), noNext},
			"booked A v1 told A: 48h@A undelivered"},
		{"the first is delivered while the second is on its way, which is rejected", []step{book(1, "A"), intend("48h@A", "x"),
			settle("48h@A", "x", receipt.Refused), intend("48h@A", "y"), report("x", receipt.Delivered), settle("48h@A", "y", receipt.Rejected), toldOf("A"), noNext},
			"booked A v1 told A: 48h@A delivered"},
		{"the first is delivered while the second is on its way, moved, and the second is rejected: who knows the old time is told the new",
			[]step{book(1, "A"), intend("48h@A", "x"), settle("48h@A", "x", receipt.Refused), intend("48h@A", "y"), report("x", receipt.Delivered), book(2, "B"),
				settle("48h@A", "y", receipt.Rejected)}, "booked B v2 told A: 48h@A delivered, 48h@B planned, changed#1@B planned"},
		{"refused and then rejected, moved, and the first is delivered", []step{book(1, "A"), intend("48h@A", "x"), settle("48h@A", "x", receipt.Refused),
			intend("48h@A", "y"), settle("48h@A", "y", receipt.Rejected), book(2, "B"), report("x", receipt.Delivered), toldOf("A")},
			"booked B v2 told A: 48h@A delivered, 48h@B planned, changed#1@B planned"},
		{"the first is delivered, and somebody says that the second, in doubt, did not leave", []step{book(1, "A"), intend("48h@A", "x"),
			settle("48h@A", "x", receipt.Refused), intend("48h@A", "y"), settle("48h@A", "y", receipt.Unknown), report("x", receipt.Delivered),
			byHand("48h@A", "y", receipt.Rejected), noNext}, "booked A v1 told A: 48h@A delivered"},
		{"refused, moved, told, moved back, and delivered: the newer word stands", []step{book(1, "A"), intend("48h@A", "x"), settle("48h@A", "x", receipt.Refused),
			book(2, "B"), sent("48h@B"), book(3, "A"), report("x", receipt.Delivered)},
			"booked A v3 told B: 48h@A delivered, 48h@B accepted, changed#2@A planned"},
		{"moved, told, moved back, rejected, and what was refused before is delivered: the newer word stands", []step{book(1, "A"), intend("48h@A", "x"),
			settle("48h@A", "x", receipt.Refused), book(2, "B"), sent("48h@B"), book(3, "A"), intend("48h@A", "y"), report("x", receipt.Delivered),
			settle("48h@A", "y", receipt.Rejected)}, "booked A v3 told B: 48h@A delivered, 48h@B accepted, changed#2@A planned"},
		{"told, moved, refused, moved back, and delivered: it was the last word", []step{book(1, "A"), sent("48h@A"), book(2, "B"), intend("48h@B", "x"),
			settle("48h@B", "x", receipt.Refused), book(3, "A"), report("x", receipt.Delivered)},
			"booked A v3 told B: 48h@A accepted, 48h@B delivered, changed#1@B cancelled, changed#2@A planned"},
		{"told, moved, refused, the notice rejected, moved back, and delivered: what was rejected told nothing", []step{book(1, "A"), sent("48h@A"), book(2, "B"),
			intend("48h@B", "x"), settle("48h@B", "x", receipt.Refused), intend("changed#1@B", "n"), settle("changed#1@B", "n", receipt.Rejected), book(3, "A"),
			report("x", receipt.Delivered)}, "booked A v3 told B: 48h@A accepted, 48h@B delivered, changed#1@B rejected, changed#2@A planned"},
		{"rejected", []step{book(1, "A"), intend("48h@A", "x"), settle("48h@A", "x", receipt.Rejected), inert(report("x", receipt.Delivered))},
			"booked A v1 told -: 48h@A rejected"},
		{"refused five times: rejected", refusedTimes(receipt.MaxAttempts), "booked A v1 told -: 48h@A rejected"},
		{"refused four times: planned again", refusedTimes(receipt.MaxAttempts - 1), "booked A v1 told -: 48h@A planned"},
		{"never begun does not count", append(refusedTimes(receipt.MaxAttempts-1), intend("48h@A", "n"), settle("48h@A", "n", receipt.NotBegun)),
			"booked A v1 told -: 48h@A planned"},

		// Verdicts.
		{"denied", []step{book(1, "A"), verdict("48h@A", 1, receipt.Denied)}, "booked A v1 told -: 48h@A denied"},
		{"denied under an older plan", []step{book(1, "A"), book(2, "A"), inert(verdict("48h@A", 1, receipt.Denied))}, "booked A v2 told -: 48h@A planned"},
		{"expired, whatever the plan", []step{book(1, "A"), book(2, "A"), verdict("48h@A", 0, receipt.Expired)}, "booked A v2 told -: 48h@A expired"},
		{"denied stays denied", []step{book(1, "A"), verdict("48h@A", 1, receipt.Denied), inert(verdict("48h@A", 1, receipt.Expired))}, "booked A v1 told -: 48h@A denied"},
		{"a verdict on what is on its way", []step{book(1, "A"), intend("48h@A", "x"), inert(verdict("48h@A", 0, receipt.Expired))}, "booked A v1 told -: 48h@A intended"},
		{"held", []step{book(1, "A"), verdict("48h@A", 1, receipt.Held), inert(verdict("48h@A", 1, receipt.Held)), inert(verdict("48h@A", 1, receipt.Denied))},
			"booked A v1 told -: 48h@A held"},
		{"held, then mended by a newer plan", []step{book(1, "A"), verdict("48h@A", 1, receipt.Held), book(2, "A")}, "booked A v2 told -: 48h@A planned"},
		{"held, then moved", []step{book(1, "A"), verdict("48h@A", 1, receipt.Held), book(2, "B")}, "booked B v2 told -: 48h@A cancelled, 48h@B planned"},
		{"held, then expired", []step{book(1, "A"), verdict("48h@A", 1, receipt.Held), verdict("48h@A", 0, receipt.Expired)}, "booked A v1 told -: 48h@A expired"},

		// Another's.
		{"given to another person", []step{book(1, "A"), folds(state.Owned{Appointment: visit, Order: order(2)})}, "taken cancelled v2 told -: 48h@A cancelled"},
		{"given away by an older event", []step{book(2, "A"), inert(folds(state.Owned{Appointment: visit, Order: order(1)}))}, "booked A v1 told -: 48h@A planned"},
		{"given to two under one order, and taken from this one", []step{book(2, "A"), folds(state.Owned{Appointment: visit, Order: order(2)}), inert(book(2, "A")),
			inert(folds(state.Owned{Appointment: visit, Order: order(2)}))}, "taken cancelled v2 told -: 48h@A cancelled"},
		{"given away, never heard of", []step{inert(folds(state.Owned{Appointment: visit, Order: order(2)}))}, "nothing"},
		{"given away after it was told: no notice, it is not this person's any more", []step{book(1, "A"), sent("48h@A"), book(2, "B"),
			folds(state.Owned{Appointment: visit, Order: order(3)})}, "taken cancelled v3 told A: 48h@A accepted, 48h@B cancelled, changed#1@B cancelled"},
		{"given away while on its way, which is refused", []step{book(1, "A"), intend("48h@A", "x"), folds(state.Owned{Appointment: visit, Order: order(2)}),
			settle("48h@A", "x", receipt.Refused)}, "taken cancelled v2 told -: 48h@A cancelled"},
		{"given away while on its way, which is accepted", []step{book(1, "A"), intend("48h@A", "x"), folds(state.Owned{Appointment: visit, Order: order(2)}),
			settle("48h@A", "x", receipt.Accepted)}, "taken cancelled v2 told A: 48h@A accepted"},
		{"cancelled, the notice on its way, given away and cancelled again, and the notice never began", []step{book(1, "A"), sent("48h@A"), cancel(2),
			intend("cancelled#1@cancelled", "n"), folds(state.Owned{Appointment: visit, Order: order(3)}), cancel(4),
			settle("cancelled#1@cancelled", "n", receipt.NotBegun)}, "cancelled cancelled v4 told A: 48h@A accepted, cancelled#1@cancelled planned"},
		{"given away and back", []step{book(1, "A"), folds(state.Owned{Appointment: visit, Order: order(2)}), book(3, "A")}, "booked A v3 told -: 48h@A planned"},

		// Retention.
		{"trimmed", []step{book(1, "A"), sent("48h@A"), folds(state.Trim{Before: start("A").AddDate(0, 0, 2)})}, "nothing"},
		{"not trimmed, it has not ended", []step{book(1, "A"), sent("48h@A"), inert(folds(state.Trim{Before: start("A").Truncate(24 * 3600e9)}))},
			"booked A v1 told A: 48h@A accepted"},
		{"not trimmed, a reminder waits", []step{book(1, "A"), inert(folds(state.Trim{Before: start("A").AddDate(1, 0, 0)}))}, "booked A v1 told -: 48h@A planned"},
		{"not trimmed, an attempt is open", []step{book(1, "A"), intend("48h@A", "x"), inert(folds(state.Trim{Before: start("A").AddDate(1, 0, 0)}))},
			"booked A v1 told -: 48h@A intended"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			if got := summary(run(t, c.steps...)); got != c.want {
				t.Errorf("got  %s\nwant %s", got, c.want)
			}
		})
	}
}

// noNext intends another attempt, which must not be one.
func noNext(s *script) {
	s.t.Helper()
	inert(intend("48h@A", "next"))(s)
}

// toldOf looks at the appointment that the person was told of.
func toldOf(sealed string) step {
	return func(s *script) {
		s.t.Helper()
		if got := string(s.p.Appointments[visit].ToldOf); got != sealed {
			s.t.Errorf("told of %q, want %q", got, sealed)
		}
	}
}

// byHand settles a doubt.
func byHand(name, claim string, st receipt.Status) step {
	return func(s *script) {
		s.t.Helper()
		id, _ := named(s.t, s.p, name)
		s.apply(receipt.Outcome{Reminder: id, Person: anna, Claim: claim, Status: st, Code: receipt.ByHand, By: "berit"})
	}
}

func refusedTimes(n int) []step {
	steps := []step{book(1, "A")}
	for i := range n {
		claim := string(rune('a' + i))
		steps = append(steps, intend("48h@A", claim), settle("48h@A", claim, receipt.Refused))
	}
	return steps
}

func TestFoldKeepsTimes(t *testing.T) {
	retry := noon.AddDate(0, 0, 1)
	p := run(t, book(1, "A"), intend("48h@A", "x"), settleUntil("48h@A", "x", receipt.Refused, retry))
	_, r := named(t, p, "48h@A")
	if !r.At().Equal(retry) || r.NextAttempt() != 2 || !r.Since.Equal(noon.Add(3*60e9)) || r.Reason != "" {
		t.Errorf("after a refusal: due %v, next attempt %d, since %v, reason %q", r.Due, r.NextAttempt(), r.Since, r.Reason)
	}
	if a := r.Attempts[0]; a.Status != receipt.Refused || a.Code != "code-refused" || !a.At.Equal(noon.Add(2*60e9)) || !a.Settled.Equal(noon.Add(3*60e9)) {
		t.Errorf("attempt %+v", a)
	}
	// A newer plan sets the time anew.
	later := booked(visit, 2, "A")
	later.Plan.Reminders[0].Due = noon.AddDate(0, 0, 3)
	later.Plan.Reminders[0].Route = "email"
	p.Apply(state.Change{Seq: 9, At: noon, Person: anna, Body: later})
	if _, r := named(t, p, "48h@A"); !r.Due.Equal(noon.AddDate(0, 0, 3)) || r.Route != "email" {
		t.Errorf("after a newer plan: due %v on %s", r.Due, r.Route)
	}
	p = run(t, refusedTimes(receipt.MaxAttempts)...)
	if _, r := named(t, p, "48h@A"); r.Reason != "attempts" {
		t.Errorf("rejected because of %q", r.Reason)
	}
	if a := p.Appointments[visit]; a.Seq != 1 || a.First != 1 {
		t.Errorf("plan entries %d to %d", a.First, a.Seq)
	}
}

func TestFoldKeepsWhatWasTold(t *testing.T) {
	p := run(t, book(1, "A"), intend("48h@A", "x"))
	if _, r := named(t, p, "48h@A"); string(r.Sealed) != "A" {
		t.Errorf("the open attempt is rendered from %q", r.Sealed)
	}
	p = run(t, book(1, "A"), intend("48h@A", "x"), book(2, "B"), settle("48h@A", "x", receipt.Accepted))
	a := p.Appointments[visit]
	if string(a.ToldOf) != "A" || string(a.Sealed) != "B" {
		t.Errorf("told of %q, now %q", a.ToldOf, a.Sealed)
	}
	if _, r := named(t, p, "48h@A"); r.Sealed != nil {
		t.Error("a settled attempt keeps its appointment")
	}
	_, n := named(t, p, "changed#1@B")
	if !n.Due.Equal(noon) || n.Route != "sms" || !n.Expires.Equal(start("B").Add(-2*3600e9)) || n.Rule != "" {
		t.Errorf("notice %+v", n)
	}
}

func TestFoldHeldKeepsFindings(t *testing.T) {
	p := run(t, book(1, "A"), verdict("48h@A", 1, receipt.Held))
	if _, r := named(t, p, "48h@A"); r.Reason != "because" || len(r.Findings) != 1 {
		t.Errorf("held because of %q with %d findings", r.Reason, len(r.Findings))
	}
	p = run(t, book(1, "A"), verdict("48h@A", 1, receipt.Held), book(2, "A"))
	if _, r := named(t, p, "48h@A"); r.Reason != "" || len(r.Findings) != 0 {
		t.Errorf("planned again, with reason %q and %d findings", r.Reason, len(r.Findings))
	}
}

func TestFoldPreview(t *testing.T) {
	preview := func(version uint64, late bool, reason string) step {
		return folds(receipt.Preview{Reminder: reminderID(visit, "A"), Person: anna, Version: version, Late: late, Reason: reason})
	}
	anew := func(version uint64) step {
		return folds(receipt.Preview{Reminder: reminderID(visit, "A"), Person: anna, Version: version, Again: true})
	}
	undecided := func(version uint64) step {
		return folds(receipt.Preview{Reminder: reminderID(visit, "A"), Person: anna, Version: version, Late: true, Reason: "undecided", Undecided: true})
	}
	for _, c := range []struct {
		name            string
		steps           []step
		previewed, late bool
		letter          string
	}{
		{"not yet", []step{book(1, "A")}, false, false, ""},
		{"would be sent", []step{book(1, "A"), preview(1, false, "")}, true, false, ""},
		{"would not, first and late", []step{book(1, "A"), preview(1, false, "no_basis"), preview(1, true, "declined")}, true, true, "declined"},
		{"would after all", []step{book(1, "A"), preview(1, false, "no_basis"), preview(1, true, "")}, true, true, ""},
		{"to be asked anew", []step{book(1, "A"), preview(1, false, "no_basis"), preview(1, true, "barred"), anew(1)}, false, false, ""},
		{"anew, of an older plan", []step{book(1, "A"), book(2, "A"), preview(2, true, "barred"), inert(anew(1))}, true, true, "barred"},
		{"asked anew", []step{book(1, "A"), preview(1, true, "barred"), anew(1), preview(1, false, "no_basis")}, true, false, "no_basis"},
		{"could not be said", []step{book(1, "A"), preview(1, false, "unverified"), undecided(1)}, false, false, "undecided"},
		{"could be said then", []step{book(1, "A"), undecided(1), preview(1, true, "")}, true, true, ""},
		{"could not be said of an older plan", []step{book(1, "A"), book(2, "A"), preview(2, true, ""), inert(undecided(1))}, true, true, ""},
		{"of an older plan", []step{book(1, "A"), book(2, "A"), inert(preview(1, false, "no_basis"))}, false, false, ""},
		{"planned again after a cancellation", []step{book(1, "A"), preview(1, true, "no_basis"), cancel(2), book(3, "A")}, false, false, ""},
	} {
		_, r := named(t, run(t, c.steps...), "48h@A")
		if r.Previewed != c.previewed || r.Late != c.late || r.Letter != c.letter || r.Status != receipt.Planned {
			t.Errorf("%s: previewed %v, late %v, letter %q, %s", c.name, r.Previewed, r.Late, r.Letter, r.Status)
		}
	}
}

// TestFoldTouched: stores keep their due index by what Apply says it touched.
func TestFoldTouched(t *testing.T) {
	s := &script{t: t, p: &state.Person{Key: anna}}
	want := func(what string, got []reminder.ID, ids ...reminder.ID) {
		t.Helper()
		have := map[reminder.ID]bool{}
		for _, id := range got {
			have[id] = true
		}
		for _, id := range ids {
			if !have[id] {
				t.Errorf("%s: %s is not named", what, id)
			}
			delete(have, id)
		}
		if len(have) > 0 {
			t.Errorf("%s: also named: %v", what, have)
		}
	}
	a, b, n := reminderID(visit, "A"), reminderID(visit, "B"), reminder.NoticeID(visit, reminder.Changed, 1)
	want("booked", s.apply(booked(visit, 1, "A")), a)
	want("another visit", s.apply(booked(other, 1, "A")), reminderID(other, "A"))
	want("a newer plan of the same start", s.apply(booked(visit, 2, "A")), a)
	want("an older plan", s.apply(booked(visit, 1, "B")))
	want("intent", s.apply(receipt.Intent{Reminder: a, Attempt: 1, Claim: "x", Version: 2}), a)
	want("moved", s.apply(booked(visit, 3, "B")), b)
	want("outcome", s.apply(receipt.Outcome{Reminder: a, Claim: "x", Status: receipt.Accepted}), a, n)
	want("report", s.apply(receipt.Report{Claim: "x", Status: receipt.Delivered}), a)
	want("back", s.apply(booked(visit, 4, "A")), b, n)
	want("denied", s.apply(receipt.Verdict{Reminder: reminderID(other, "A"), Status: receipt.Denied}), reminderID(other, "A"))
	want("trimmed", s.apply(state.Trim{Before: start("C")}), a, b, n, reminderID(other, "A"))
}

// A plan never names what was due when it was made. What tells the same start and waits, for its turn or for its next try,
// stays wanted.
func TestFoldKeepsWhatIsDueAndWaits(t *testing.T) {
	due := noon.AddDate(0, 0, 8) // of 48h@A, as booked plans it
	later := func(rev uint64) step {
		b := booked(visit, rev, "A")
		b.Plan.Reminders, b.Plan.PlannedAt = nil, due.Add(time.Minute)
		return folds(b)
	}
	p := run(t, book(1, "A"), intend("48h@A", "x"), settleUntil("48h@A", "x", receipt.Refused, due.Add(time.Hour)), later(2))
	if _, r := named(t, p, "48h@A"); r.Status != receipt.Planned {
		t.Errorf("waiting for its next try: %s", r.Status)
	}
	p = run(t, book(1, "A"), later(2))
	if _, r := named(t, p, "48h@A"); r.Status != receipt.Planned {
		t.Errorf("due and waiting: %s", r.Status)
	}
	hold := func(reason string) step {
		return func(s *script) {
			id, _ := named(t, s.p, "48h@A")
			s.apply(receipt.Verdict{Reminder: id, Status: receipt.Held, Decision: receipt.Decision{Reason: reason}})
		}
	}
	for reason, want := range map[string]receipt.Status{"third": receipt.Planned, "restored": receipt.Held} {
		p = run(t, book(1, "A"), hold(reason), later(2))
		if _, r := named(t, p, "48h@A"); r.Status != want {
			t.Errorf("held for %s, and the value may be mended: %s", reason, r.Status)
		}
	}
}
