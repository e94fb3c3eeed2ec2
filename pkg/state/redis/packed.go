package redis

import (
	"encoding/binary"
	"encoding/hex"
	"time"

	"github.com/husk-reminders/husk/pkg/plan"
	"github.com/husk-reminders/husk/pkg/reminder"
	"github.com/husk-reminders/husk/pkg/state"
)

// Pseudonyms and claims are hex; where many are kept they are stored as bytes, at half the length. What has not their form is
// stored as it is: it is longer or shorter, or does not begin like one.

// pack is a pseudonym, "1-" and 32 hex digits, as 17 bytes.
func pack(key string) string {
	if len(key) != 34 || key[1] != '-' || !isLowerHex(key[2:]) {
		return key
	}
	b := make([]byte, 1, 17)
	b[0] = key[0]
	b, _ = hex.AppendDecode(b, []byte(key[2:]))
	return string(b)
}

// unpack undoes pack.
func unpack(text string) string {
	if len(text) != 17 {
		return text
	}
	b := make([]byte, 2, 34)
	b[0], b[1] = text[0], '-'
	return string(hex.AppendEncode(b, []byte(text[1:])))
}

// packClaim is a claim without the shard, which it is stored in; "" is what is no claim.
func packClaim(claim string) string {
	if _, ok := reminder.ClaimShard(claim); !ok || !isLowerHex(claim) {
		return ""
	}
	b, _ := hex.DecodeString(claim[2:])
	return string(b)
}

func isLowerHex(s string) bool {
	for i := range len(s) {
		if c := s[i]; (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return false
		}
	}
	return true
}

// holding is how a person holds an appointment: what state.HeldBy chooses by.
type holding struct {
	order  reminder.Order
	status plan.Status
	seq    uint64
}

func holdingOf(a *state.Appointment) holding { return holding{a.Order, a.Status, a.Seq} }

// text writes it: the numbers, and the status behind them.
func (h holding) text() string {
	b := make([]byte, 0, 32)
	b = binary.AppendUvarint(b, h.seq)
	b = binary.AppendUvarint(b, h.order.Revision)
	b = binary.AppendUvarint(b, h.order.Sequence)
	if t := h.order.SourceTime; t.IsZero() {
		b = append(b, 0)
	} else {
		b = binary.AppendUvarint(binary.AppendVarint(append(b, 1), t.Unix()), uint64(t.Nanosecond()))
	}
	return string(append(b, h.status...))
}

func parseHolding(text string) (holding, error) {
	var h holding
	b, ok := []byte(text), true
	number := func() uint64 {
		n, k := binary.Uvarint(b)
		if k <= 0 {
			ok = false
			return 0
		}
		b = b[k:]
		return n
	}
	h.seq, h.order.Revision, h.order.Sequence = number(), number(), number()
	if timed := number(); timed == 1 && ok {
		sec, k := binary.Varint(b)
		if ok = k > 0; ok {
			b = b[k:]
			h.order.SourceTime = time.Unix(sec, int64(number())).UTC()
		}
	}
	if !ok {
		return h, ErrFormat
	}
	h.status = plan.Status(b)
	return h, nil
}
