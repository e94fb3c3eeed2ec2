package ledger_test

import (
	"context"
	"testing"
	"time"

	"github.com/husk-reminders/husk/pkg/reminder"
	"github.com/husk-reminders/husk/pkg/state"
)

// Of 50,000 persons with two reminders each, half of the reminders due today, in memory: what one counting of the day takes, first with all
// of their appointments unsealed ("first"), then with what is known of them ("again"). The other figure is what going through everybody
// takes without counting ("scan"): machines differ, the ratio hardly does.
func BenchmarkDay(b *testing.B) {
	const persons, batch = 50_000, 500
	w := newWorld(b)
	for n := 0; n < persons; n += batch {
		as := make([]reminder.Appointment, batch)
		for i := range as {
			as[i] = w.appointment(n + i)
		}
		w.accept(as...)
	}
	w.due()
	w.at(w.now().Add(time.Minute))
	count := func() time.Duration {
		began := time.Now()
		w.ForgetDay()
		if _, err := w.Day(context.Background(), of(w.now)); err != nil {
			b.Fatal(err)
		}
		return time.Since(began)
	}
	first := count()
	var again, scan time.Duration
	for b.Loop() {
		again += count()
		began := time.Now()
		if err := w.state.Each(context.Background(), func(*state.Person) error { return nil }); err != nil {
			b.Fatal(err)
		}
		scan += time.Since(began)
	}
	b.ReportMetric(float64(first.Milliseconds()), "first-ms")
	b.ReportMetric(float64(again.Milliseconds())/float64(b.N), "again-ms")
	b.ReportMetric(float64(scan.Milliseconds())/float64(b.N), "scan-ms")
}
