package journal_test

import (
	"fmt"
	"testing"

	"github.com/husk-reminders/husk/pkg/journal"
)

// BenchmarkAppend is what a synced write costs: one entry a call, batches, and single entries of many callers, which the
// writer puts together. Look at entries/s.
func BenchmarkAppend(b *testing.B) {
	for _, n := range []int{1, 16, 256, journal.MaxBatch} {
		b.Run(fmt.Sprintf("batch=%d", n), func(b *testing.B) {
			j := newBroker(b).open(0)
			es := entries("x", n, 300)
			for b.Loop() {
				if _, err := j.Append(b.Context(), es...); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(n*b.N)/b.Elapsed().Seconds(), "entries/s")
		})
	}
	for _, callers := range []int{16, 128} {
		b.Run(fmt.Sprintf("callers=%d", callers), func(b *testing.B) {
			j := newBroker(b).open(0)
			e := entry(1, "x", 300)
			b.SetParallelism(callers)
			b.ResetTimer()
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					if _, err := j.Append(b.Context(), e); err != nil {
						b.Error(err)
						return
					}
				}
			})
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "entries/s")
		})
	}
}

func BenchmarkSeal(b *testing.B) {
	j := newBroker(b).open(0)
	keys, err := j.OpenKeyring(b.Context(), journal.NewKeyset())
	if err != nil {
		b.Fatal(err)
	}
	if err := keys.Ensure(b.Context(), noon, person(1)); err != nil {
		b.Fatal(err)
	}
	plain := make([]byte, 600)
	for b.Loop() {
		sealed, err := keys.Seal(person(1), "appointment", plain)
		if err != nil {
			b.Fatal(err)
		}
		if _, err := keys.Open(person(1), "appointment", sealed); err != nil {
			b.Fatal(err)
		}
	}
}
