package acceptance

import (
	"os"
	"strconv"
	"strings"
	"testing"
	"time"
)

// TestSecondServe: a second serve on the same data is refused and told who holds it; so is one that comes by another configuration.
func TestSecondServe(t *testing.T) {
	t.Parallel()
	begin := time.Now()
	c := newCarrier(t)
	h := newHouse(t, c, "")
	h.serve()
	pid := strconv.Itoa(h.cmd.Process.Pid)

	other := newHouse(t, c, h.data) // other ports, the same data
	for name, second := range map[string]*house{"the same configuration": h, "another configuration": other} {
		out, errs, code := second.run("serve")
		if code == 0 {
			t.Errorf("%s: a second serve ran: %s", name, out)
		}
		if !strings.Contains(errs, pid) {
			t.Errorf("%s: the refusal does not name process %s: %s", name, pid, errs)
		}
	}
	// The refused ones have done no harm.
	if code := h.readyz(); code != 200 {
		t.Errorf("readyz says %d after the refusals", code)
	}
	h.must(h.staff().welcome(someone(0)))

	// What a killed one leaves behind does not hold the data.
	h.kill()
	if _, err := os.Stat(h.data + "/admin.sock"); err != nil {
		t.Error("kill -9 left no socket: the test shows nothing")
	}
	other.serve()
	other.stop()
	t.Logf("2 refused, the holder named; %.1f s", time.Since(begin).Seconds())
}
