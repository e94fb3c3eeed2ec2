package state

import (
	"cmp"
	"slices"
	"time"

	"github.com/husk-reminders/husk/pkg/receipt"
)

// report takes a delivery report to its attempt. One of a segment waits until all are heard of, or one has failed. One that says no more
// than that the carrier has the message names an attempt that has no name; while the carrier's answer is on its way that is all it does.
func (f *fold) report(b receipt.Report) {
	for id, r := range f.Reminders {
		for i := range r.Attempts {
			t := &r.Attempts[i]
			if t.Claim != b.Claim {
				continue
			}
			next := b.Status
			if b.Status == receipt.Accepted && b.CarrierID != "" {
				if t.CarrierID == "" {
					t.Carrier, t.CarrierID = cmp.Or(b.Carrier, t.Carrier), b.CarrierID
					f.touched = append(f.touched, id)
				}
				if t.Status == receipt.Intended { // by the name it is known to be taken, whatever the answer is that is on its way
					return
				}
			}
			if t.inSegments() && b.CarrierID != "" {
				t.Words = receipt.Hear(t.Words, receipt.Word{ID: b.CarrierID, Status: b.Status})
				switch {
				case b.Status != receipt.Delivered:
				case t.Status == receipt.Intended: // how many segments are reported is in its carrier's answer, which is on its way
					return
				default:
					if next = receipt.Merge(t.ids(), t.Words); next == "" {
						next = receipt.Accepted
					}
				}
			}
			f.settle(receipt.Outcome{Reminder: id, Claim: b.Claim, Status: next, Code: b.Code})
			// A message that was told to be delivered, too, says nothing against its address.
			if b.Fault != "" && b.Status == receipt.Undelivered && t.Status == receipt.Undelivered && !t.Reached {
				t.fail(b.Fault, f.at, b.At, b.Signed)
			}
			return
		}
	}
}

// News reports whether a report says of the attempt what is not known of it. Said again, nothing does.
func (t *Attempt) News(b receipt.Report) bool {
	if b.Status == receipt.Accepted && b.CarrierID != "" {
		if t.CarrierID == "" {
			return true
		}
		if t.Status == receipt.Intended {
			return false
		}
	}
	if t.inSegments() && b.CarrierID != "" {
		if !slices.Equal(receipt.Hear(t.Words, receipt.Word{ID: b.CarrierID, Status: b.Status}), t.Words) {
			return true
		}
		if b.Status == receipt.Delivered {
			return false // of a segment that is known to be
		}
	}
	if _, moved := receipt.Follow(t.stands(), b.Status); moved {
		return true
	}
	return b.Fault != "" && b.Status == receipt.Undelivered && t.Status == receipt.Undelivered && !t.Reached && (t.Fault == "" || b.Signed && !t.Proven)
}

// inSegments reports whether the attempt's carrier may report its segments each by itself.
func (t *Attempt) inSegments() bool {
	return len(t.Parts) > 0 || t.Status == receipt.Intended && t.Segments > 1
}

// named takes down what the carrier calls the attempt, and reports whether that is new.
func (t *Attempt) named(b receipt.Outcome) bool {
	if b.Status != receipt.Accepted && b.Status != receipt.Unknown {
		return false
	}
	if b.Carrier != "" {
		t.Carrier = b.Carrier
	}
	if b.CarrierID == "" || b.CarrierID == t.CarrierID && slices.Equal(b.Parts, t.Parts) {
		return false
	}
	t.CarrierID, t.Parts = b.CarrierID, b.Parts
	return true
}

// fail takes down what is wrong with the address. What the carrier itself has proven stays so.
func (t *Attempt) fail(why receipt.Fault, heard, fell time.Time, proven bool) {
	if t.Fault == "" {
		t.FaultAt = heard
	}
	if t.Fault == "" || proven && !t.Proven {
		t.Fault, t.Fell = why, fell
	}
	t.Proven = t.Proven || proven
}
