package ledger_test

import (
	"io"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/husk-reminders/husk/pkg/ledger"
	"github.com/husk-reminders/husk/pkg/receipt"
	"github.com/husk-reminders/husk/pkg/state/memory"
)

// endless is a state whose snapshots take as long as the test says.
type endless struct {
	*memory.State
	begun sync.Once
	began chan struct{}
	goOn  chan struct{}
}

func (e *endless) Snapshot(w io.Writer) error {
	e.begun.Do(func() { close(e.began) })
	<-e.goOn
	return e.State.Snapshot(w)
}

// A snapshot of a big state takes longer than a STOP may and longer than a certificate holds: neither waits for it.
func TestNothingWaitsForASnapshot(t *testing.T) {
	t.Parallel()
	e := &endless{began: make(chan struct{}), goOn: make(chan struct{})}
	var goOn sync.Once
	let := func() { goOn.Do(func() { close(e.goOn) }) }
	w := newWorld(t, func(o *ledger.Options) {
		e.State = o.State.(*memory.State)
		o.State, o.Snapshot.Every, o.FoldWait = e, 10, 2*time.Second
	})
	t.Cleanup(let)
	for n := range 12 {
		w.accept(w.appointment(n))
	}
	select {
	case <-e.began:
	case <-time.After(10 * time.Second):
		t.Fatal("no snapshot after more entries than asked for")
	}
	w.ok(w.Stop(w.ctx, number, "outbox"))
	if !w.barred(number) {
		t.Error("acknowledged and not barred")
	}
	for began := time.Now(); time.Since(began) < 2*ledger.CertifyFor; time.Sleep(50 * time.Millisecond) {
		w.ok(w.state.Certified(w.ctx))
	}
	for n := 12; n < 30; n++ { // more than asked for: one snapshot at a time
		w.accept(w.appointment(n))
	}
	w.known(w.person(1), number)
	w.due()
	w.settle(w.intend(number), receipt.Accepted)

	// It is broken off when the program stops, and the one that is written then has everything.
	want := w.dump()
	ended := make(chan error, 1)
	go func() { ended <- w.end() }()
	time.Sleep(50 * time.Millisecond)
	let()
	w.ok(<-ended)
	if _, err := os.Stat(w.snapshot() + ".new"); err == nil {
		t.Error("half a snapshot is left")
	}
	w.open()
	w.wantDump(w.dump(), want)
}
