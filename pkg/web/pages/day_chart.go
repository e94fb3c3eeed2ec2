package pages

import (
	"math"
	"time"

	"github.com/husk-reminders/husk/pkg/web"
)

// The chart's measures, in units of its own: it is drawn to the width that there is.
const (
	chartHour   = 60  // wide
	chartHeight = 260 // of the tallest bar
	chartTop    = 40  // above it, for the number
	chartFoot   = 40  // below, for the hours
	chartBar    = 24  // wide
	fewestHours = 10
)

// chart is the day by hour.
type chart struct {
	Width, Height int
	Base          int // where the bars stand
	Hours         []hour
	Now           float64 // where the instant of counting is; below 0 = elsewhere
}

// hour is one hour of the chart, and a row of the table that says the same.
type hour struct {
	From            time.Time
	Due, HandedOver int
	X, Middle       int
	DueBar, OverBar bar
}

// bar is a rectangle and where its number stands.
type bar struct {
	X, Width  int
	Y, Height float64
	Middle    int
	Above     float64
}

// chartOf draws the hours from the first to the last with something in it, and at least fewestHours of them.
func chartOf(d web.Day, zone *time.Location) chart {
	hours := int(d.Until.Sub(d.From) / time.Hour)
	hours = min(max(hours, 0), len(d.Hours))
	first, last, most := -1, -1, 0
	for i, h := range d.Hours[:hours] {
		if h.Due > 0 || h.HandedOver > 0 {
			if first < 0 {
				first = i
			}
			last = i
		}
		most = max(most, h.Due, h.HandedOver)
	}
	c := chart{Now: -1, Base: chartTop + chartHeight, Height: chartTop + chartHeight + chartFoot}
	if first < 0 {
		return c
	}
	for last-first+1 < min(fewestHours, hours) {
		if last+1 < hours {
			last++
		}
		if last-first+1 < min(fewestHours, hours) && first > 0 {
			first--
		}
	}
	draw := func(x, n int) bar {
		h := tenth(chartHeight * float64(n) / float64(most))
		return bar{X: x, Width: chartBar, Y: tenth(float64(c.Base) - h), Height: h, Middle: x + chartBar/2, Above: tenth(float64(c.Base) - h - 6)}
	}
	for i := first; i <= last; i++ {
		x := (i - first) * chartHour
		h := d.Hours[i]
		c.Hours = append(c.Hours, hour{
			From: d.From.Add(time.Duration(i) * time.Hour).In(zone), Due: h.Due, HandedOver: h.HandedOver, X: x, Middle: x + chartHour/2,
			DueBar: draw(x+chartHour/2-chartBar-1, h.Due), OverBar: draw(x+chartHour/2+1, h.HandedOver),
		})
	}
	c.Width = len(c.Hours) * chartHour
	if at := d.At.Truncate(time.Minute).Sub(d.From).Hours() - float64(first); at >= 0 && at <= float64(len(c.Hours)) {
		c.Now = tenth(at * chartHour)
	}
	return c
}

// tenth rounds to one decimal.
func tenth(x float64) float64 { return math.Round(10*x) / 10 }
