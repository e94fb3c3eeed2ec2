package bench

import (
	"slices"
	"time"
)

// percentile is the smallest value that at least the share p of vs does not exceed; vs is sorted. 0 of nothing.
func percentile(vs []time.Duration, p float64) time.Duration {
	if len(vs) == 0 {
		return 0
	}
	n := int(p * float64(len(vs)))
	if float64(n) < p*float64(len(vs)) {
		n++
	}
	return vs[max(n, 1)-1]
}

func delays(ds []time.Duration) Delays {
	slices.Sort(ds)
	if len(ds) == 0 {
		return Delays{}
	}
	return Delays{N: len(ds), P50: percentile(ds, .5).Seconds(), P99: percentile(ds, .99).Seconds(), Last: ds[len(ds)-1].Seconds()}
}

func perSecond(n int, d time.Duration) float64 {
	if d <= 0 {
		return 0
	}
	return float64(n) / d.Seconds()
}

func ratio(a, b float64) float64 {
	if b <= 0 {
		return 0
	}
	return a / b
}

func milliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }
