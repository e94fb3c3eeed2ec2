package receipt_test

import (
	"testing"

	"github.com/husk-reminders/husk/pkg/receipt"
)

func TestFollow(t *testing.T) {
	for _, c := range []struct{ now, next, want receipt.Status }{
		{receipt.Intended, receipt.Accepted, receipt.Accepted},
		{receipt.Intended, receipt.NotBegun, receipt.NotBegun},
		{receipt.Intended, receipt.Delivered, receipt.Delivered}, // a report before our own outcome was journalled
		{receipt.Unknown, receipt.Accepted, receipt.Accepted},
		{receipt.Unknown, receipt.Delivered, receipt.Delivered},
		{receipt.Unknown, receipt.NotBegun, receipt.Unknown}, // a doubt never becomes a second message
		{receipt.Unknown, receipt.Refused, receipt.Unknown},
		{receipt.Accepted, receipt.Delivered, receipt.Delivered},
		{receipt.Accepted, receipt.Refused, receipt.Accepted},
		{receipt.Accepted, receipt.Unknown, receipt.Accepted},
		{receipt.Delivered, receipt.Accepted, receipt.Delivered},      // late transient reports change nothing
		{receipt.Delivered, receipt.Undelivered, receipt.Undelivered}, // a failure stands, whichever came first
		{receipt.Undelivered, receipt.Delivered, receipt.Undelivered},
		{receipt.NotBegun, receipt.Accepted, receipt.Accepted}, // its carrier has it after all
		{receipt.NotBegun, receipt.Unknown, receipt.NotBegun},
		{receipt.NotBegun, receipt.Refused, receipt.NotBegun},
		{receipt.Refused, receipt.Accepted, receipt.Accepted},
		{receipt.Refused, receipt.Delivered, receipt.Delivered},
		{receipt.Refused, receipt.Undelivered, receipt.Undelivered},
		{receipt.Refused, receipt.Rejected, receipt.Refused},
		{receipt.Rejected, receipt.Accepted, receipt.Rejected},
	} {
		got, moved := receipt.Follow(c.now, c.next)
		if got != c.want || moved != (c.want != c.now) {
			t.Errorf("%s then %s: %s, moved %v; want %s", c.now, c.next, got, moved, c.want)
		}
	}
}
