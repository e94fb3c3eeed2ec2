package template

import (
	"math"
	"time"
)

// The numbers of the comparison. Both rates are taken with one failure and one success added (Agresti and Caffo, The American
// Statistician 54, 2000), so that small counts don't look certain; what is compared is their difference, less the margin, in standard
// errors of it.
const (
	// SureStop is from how many standard errors on a version is stopped while its share goes on, at each look: one look is mistaken in
	// 1 of 740 by the normal law, if the version is worse by just the margin.
	SureStop = 3.0
	// SureEnd is the same when its time is over, and for a version that had all its messages: one look, 1 of 20.
	SureEnd = 1.645
	// FewestBad and FewestOld are how many failures of the new version, and how many messages of the old one, there must be for a stop.
	FewestBad = 5
	FewestOld = 20
)

// Judge says whether a trial share ends, and how; "" = it goes on. It is stopped as soon as the new version is surely worse than the old
// by more than the margin. It is for all after enough messages of it that are old enough, when its rate of failures is not above the old
// one's by more than the margin; and when its time is over, unless it is likely worse then.
func (c Canary) Judge(newer, older Tally, now time.Time) End {
	z := c.worse(newer, older)
	comparable := newer.Bad() >= FewestBad && older.Messages >= FewestOld
	switch over := !now.Before(c.Until); {
	case comparable && z >= SureStop, comparable && over && z >= SureEnd:
		return EndStopped
	case over:
		return EndTime
	case newer.Ripe >= c.Messages && older.Messages >= FewestOld && rate(newer)-rate(older) <= c.WorseBy/100:
		return EndWhole
	}
	return ""
}

func rate(t Tally) float64 { return float64(t.Bad()) / float64(max(t.Messages, 1)) }

// worse is by how many standard errors the new version is worse than the old by more than the margin.
func (c Canary) worse(newer, older Tally) float64 {
	p, n := float64(newer.Bad()+1)/float64(newer.Messages+2), float64(newer.Messages+2)
	q, m := float64(older.Bad()+1)/float64(older.Messages+2), float64(older.Messages+2)
	return (p - q - c.WorseBy/100) / math.Sqrt(p*(1-p)/n+q*(1-q)/m)
}
