package command

import (
	"strings"
	"testing"
	"time"

	"github.com/husk-reminders/husk/pkg/ledger"
)

func TestPrintReceipt(t *testing.T) {
	at := time.Date(2026, 3, 10, 11, 0, 0, 0, time.UTC)
	var b strings.Builder
	printReceipt(&b, ledger.Receipt{Reminder: "1-aa", Unit: "rh-ortho", Status: "undelivered", Complete: false, Attempts: []ledger.ReceiptAttempt{
		{Reference: "0a", Number: 1, Route: "sms", Carrier: "smpp", CarrierID: "77", Parts: []string{"78"}, Status: "undelivered", Fault: "barred", Steps: []ledger.LifeStep{
			{At: at, What: "intended"}, {At: at, What: "accepted", Carrier: "smpp"}, {At: at, What: "undelivered", Segment: 2, Code: "011", Fault: "barred", Signed: true, Told: at, Carrier: "smpp"},
		}},
		{Reference: "0b", Number: 2, Route: "sms", Status: "accepted", Unreported: true},
	}})
	out := b.String()
	for _, want := range []string{"77 78", "barred", "011", "yes", "Attempt     2", "Nothing was journalled", "has told nothing of it", "has more than was read"} {
		if !strings.Contains(out, want) {
			t.Errorf("%q is missing in\n%s", want, out)
		}
	}
	if strings.Count(out, "1-aa") != 1 {
		t.Errorf("the reminder is told again:\n%s", out)
	}
}
