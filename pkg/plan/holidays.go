package plan

import (
	"sync"
	"time"

	"github.com/rickar/cal/v2"
	"github.com/rickar/cal/v2/aa"
	"github.com/rickar/cal/v2/dk"
	"github.com/rickar/cal/v2/no"
	"github.com/rickar/cal/v2/se"

	"github.com/husk-reminders/husk/pkg/reminder"
)

// calendars are the days kept as public holidays. The library's lists leave out Easter Day and Whit Sunday where they
// are no extra day off; a unit that sends on Sundays but not on holidays needs them. Finland and Iceland are not in
// the library; theirs are put together here.
//
// Sources: DK lov om folkekirkens helligdage and lov nr. 214 af 6. marts 2023 (no Store Bededag from 2024), Grundlovsdag
// as the library has it; SE lag (1989:253) om allmänna helgdagar, with the three eves that are kept like holidays; NO
// lov 24. februar 1995 nr. 12 and lov 26. april 1947 nr. 1; FI kirkkolaki and laki itsenäisyyspäivän viettämisestä
// (388/1937), with the two eves; IS lög nr. 88/1971, 6. gr., and lög um helgidagafrið nr. 32/1997 (all of Christmas Eve
// and New Year's Eve).
var calendars = map[reminder.Country][]*cal.Holiday{
	"DK": append([]*cal.Holiday{aa.Easter, aa.Pentecost}, dk.Holidays...),
	"SE": append([]*cal.Holiday{aa.Easter, aa.Pentecost}, se.Holidays...),
	"NO": append([]*cal.Holiday{aa.Easter, aa.Pentecost}, no.Holidays...),
	"FI": {
		aa.NewYear, aa.Epiphany, aa.GoodFriday, aa.Easter, aa.EasterMonday, aa.WorkersDay, aa.AscensionDay, aa.Pentecost,
		se.Midsommarafton, se.Midsommardagen, se.AllaHelgonsDag, fixed(time.December, 6), fixed(time.December, 24),
		aa.ChristmasDay, aa.ChristmasDay2,
	},
	"IS": {
		aa.NewYear, aa.MaundyThursday, aa.GoodFriday, aa.Easter, aa.EasterMonday,
		first(time.Thursday, time.April, 19), // sumardagurinn fyrsti
		aa.WorkersDay, aa.AscensionDay, aa.Pentecost, aa.PentecostMonday, fixed(time.June, 17),
		first(time.Monday, time.August, 1), // frídagur verslunarmanna
		fixed(time.December, 24), aa.ChristmasDay, aa.ChristmasDay2, fixed(time.December, 31),
	},
}

func fixed(m time.Month, day int) *cal.Holiday {
	return &cal.Holiday{Month: m, Day: day, Func: cal.CalcDayOfMonth}
}

// first is the first such weekday from that day on.
func first(w time.Weekday, m time.Month, day int) *cal.Holiday {
	return &cal.Holiday{Month: m, Day: day, Weekday: w, Offset: 1, Func: cal.CalcWeekdayFrom}
}

type countryYear struct {
	country reminder.Country
	year    int
}

// holidayYears remembers the holidays of a country's year: map[countryYear]map[monthDay]bool.
var holidayYears sync.Map

type monthDay struct {
	month time.Month
	day   int
}

// Holiday reports whether the day of at, in at's zone, is kept as a public holiday in the country. A country without a
// calendar has none; reminder.ReadUnits knows no such country.
func Holiday(c reminder.Country, at time.Time) bool {
	year, month, day := at.Date()
	k := countryYear{c, year}
	days, ok := holidayYears.Load(k)
	if !ok {
		m := map[monthDay]bool{}
		for _, h := range calendars[c] {
			if on, _ := h.Calc(year); !on.IsZero() {
				_, month, day := on.Date()
				m[monthDay{month, day}] = true
			}
		}
		days, _ = holidayYears.LoadOrStore(k, m)
	}
	return days.(map[monthDay]bool)[monthDay{month, day}]
}
