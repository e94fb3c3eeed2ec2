package web

import (
	"math"
	"net/netip"
	"strconv"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// maxTracked is for how many names a limit keeps count at once, about 200 bytes each.
const maxTracked = 10_000

// limit is a rate for each of many names: so many a second, and twice as many at once.
type limit struct {
	perSecond int

	mu     sync.Mutex
	all    map[string]*rate.Limiter
	forgot time.Time // when names were last dropped
}

func newLimit(perSecond int) *limit {
	return &limit{perSecond: perSecond, all: map[string]*rate.Limiter{}}
}

// take returns zero, or how long the name must wait before it is let through.
func (l *limit) take(name string, now time.Time) time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	x := l.all[name]
	if x == nil {
		if len(l.all) >= maxTracked {
			l.forget(now)
		}
		if len(l.all) >= maxTracked {
			name = "" // all others share one
		}
		if x = l.all[name]; x == nil {
			x = rate.NewLimiter(rate.Limit(l.perSecond), 2*l.perSecond)
			l.all[name] = x
		}
	}
	r := x.ReserveN(now, 1)
	wait := r.DelayFrom(now)
	if wait > 0 {
		r.CancelAt(now)
	}
	return wait
}

// forget drops who has not come for as long as makes no difference: once a second, so that who comes under many names gains nothing.
func (l *limit) forget(now time.Time) {
	if now.Sub(l.forgot) < time.Second {
		return
	}
	l.forgot = now
	for name, x := range l.all {
		if x.TokensAt(now) >= float64(x.Burst()) {
			delete(l.all, name)
		}
	}
}

// retryAfter is a wait as the header of this name has it: whole seconds, at least one (RFC 9110, 10.2.3).
func retryAfter(wait time.Duration) string {
	return strconv.Itoa(max(1, int(math.Ceil(wait.Seconds()))))
}

// network is whom a request is counted against: its address, of IPv6 the /64 that one customer has.
func network(remote string) string {
	p, err := netip.ParseAddrPort(remote)
	if err != nil {
		return remote
	}
	a := p.Addr().Unmap()
	if a.Is4() {
		return a.String()
	}
	n, err := a.WithZone("").Prefix(64)
	if err != nil {
		return a.String()
	}
	return n.String()
}
