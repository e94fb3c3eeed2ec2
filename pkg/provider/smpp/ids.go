package smpp

import (
	"math/big"
	"strings"
)

// canonical is a message_id in the one form that ids are compared in; "" of what is none.
func canonical(id string, written IDs) string {
	if id = strings.TrimSpace(id); !cString(id, 64) {
		return ""
	}
	base := 0
	switch written {
	case Hex:
		base = 16
	case Decimal:
		base = 10
	case Verbatim:
		return id
	}
	if n, ok := new(big.Int).SetString(id, base); ok && n.Sign() >= 0 {
		return n.String()
	}
	return id // it is no such number after all
}
