package ledger_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/husk-reminders/husk/pkg/journal"
	"github.com/husk-reminders/husk/pkg/reminder"
	"github.com/husk-reminders/husk/pkg/state"
)

// A STOP and a START of one address, in any order of writing, and again: the one counts that was said last, and of two of the same
// moment the STOP.
func TestStartReadAgain(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	r := w.replies()
	type said struct {
		what string
		ago  time.Duration
	}
	for i, c := range []struct {
		name string
		says []said
		want bool
	}{
		{"after a STOP", []said{{"stop", 3 * time.Minute}, {"start", time.Minute}}, false},
		{"both waited while Husk was down", []said{{"stop", 50 * time.Hour}, {"start", 49 * time.Hour}}, false},
		{"read again", []said{{"stop", 3 * time.Minute}, {"start", time.Minute}, {"start", time.Minute}}, false},
		{"read again after a later STOP", []said{{"start", 3 * time.Minute}, {"stop", time.Minute}, {"start", 3 * time.Minute}}, true},
		{"read again after a click", []said{{"stop", 5 * time.Minute}, {"start", 3 * time.Minute}, {"click", 0}, {"start", 3 * time.Minute}}, true},
		{"of the same moment", []said{{"stop", time.Minute}, {"start", time.Minute}}, true},
		{"said anew", []said{{"start", 3 * time.Minute}, {"stop", 2 * time.Minute}, {"start", 3 * time.Minute}, {"start", time.Minute}}, false},
		{"a STOP that says tomorrow", []said{{"stop", -24 * time.Hour}, {"wait", time.Minute}, {"start", 0}}, false},
	} {
		a := reminder.NewAddress(reminder.SMS, "+452088880"+string(rune('0'+i)))
		noon := w.now()
		for _, x := range c.says {
			w.at(w.now().Add(time.Millisecond))
			at := noon.Add(-x.ago)
			switch x.what {
			case "stop":
				w.ok(r.StopSaid(w.ctx, a, "outbox", at))
			case "click":
				w.ok(r.Stop(w.ctx, a, "list-unsubscribe"))
			case "wait":
				w.at(w.now().Add(x.ago))
			default:
				if x.ago == 0 {
					at = w.now()
				}
				w.ok(r.StartSaid(w.ctx, a, "outbox", at))
			}
		}
		if w.barred(a) != c.want {
			t.Errorf("%s: barred %v, want %v", c.name, w.barred(a), c.want)
		}
		w.at(w.now().Add(time.Hour))
	}
	if len(w.audits("start.refused")) != 4 {
		t.Errorf("the audit has %d of a START that came too late, want 4", len(w.audits("start.refused")))
	}
}

// A STOP that was written between the look and the lift is found when the START has been written, or is read again.
func TestStartBesideAStop(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	r := w.replies()
	start := w.now().Add(-time.Minute)
	w.ok(r.Stop(w.ctx, number, "list-unsubscribe"))
	// As if the process had died here, with the START on disk.
	b, err := json.Marshal(state.Bar{Address: w.p.Address(number), Lifted: true, Via: "outbox", Said: start})
	w.ok(err)
	_, err = w.journal.Append(w.ctx, journal.Entry{Stream: journal.StreamStop, Kind: journal.KindBar, Shard: w.p.Address(number).Shard(), At: w.now(), Clear: b})
	w.ok(err)
	w.folded(journal.StreamStop)
	if w.barred(number) {
		t.Fatal("the fold goes by when it was said; there is nothing to mend")
	}
	w.ok(r.StartSaid(w.ctx, number, "outbox", start))
	if !w.barred(number) {
		t.Error("a START that was said before the STOP has lifted it")
	}
	// Once it is mended, nothing more is written.
	end := w.last(journal.StreamStop)
	w.ok(r.StartSaid(w.ctx, number, "outbox", start))
	if n := w.last(journal.StreamStop); n != end || !w.barred(number) {
		t.Errorf("%d entries after %d, barred %v", n, end, w.barred(number))
	}
}
