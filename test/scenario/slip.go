package scenario

import (
	_ "embed"
	"slices"
)

// slipHospital is the one with the slip; no other case is laid there.
const slipHospital = "mosebro"

//go:embed slip.yaml
var slip []byte

// slipped is the case of the hospital with the slip.
var slipped = play{"the clinic's address shows a national id", 1, "", heldAddress}

// WithSlip is a unit directory, as it is written, with one more hospital behind its last: into the address of that one somebody wrote a
// patient's national id. Build lays the case of it where the directory has it.
func WithSlip(directory []byte) []byte { return slices.Concat(directory, slip) }

// heldAddress may be reached, but the message would show somebody's national id: it is held.
func heldAddress(st *story, name string) {
	u := st.smsUnit()
	p := st.join(st.w.silent(st.h, "held"), name)
	says(granted)(st.w, u, p)
	at := st.office(u, 0, 8)
	st.visit(p, u).book(at, st.slot(u, at, 9, 12), allRules)
}
