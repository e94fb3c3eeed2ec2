package template

import (
	"strconv"
	"strings"

	"github.com/husk-reminders/husk/pkg/reminder"
)

// numbers refuses dates, times of day and phone numbers in the literal text, and digits that touch a placeholder and so change
// the number it shows. Long runs of other digits are left to the scanner, which allows none in a template.
func (j *judge) numbers(r reading) {
	_, answer := reminder.AnswerOfSet(j.t.Set())
	ws, clocks, calls := r.words, j.marks(r, wordClock), j.marks(r, wordCall)
	for i, w := range ws {
		if w.digits == "" {
			continue
		}
		if i > 0 && ws[i-1].fact != "" && joins(r.text[ws[i-1].end:w.start]) {
			j.at(r, w.start, "digits touch {%s}: put words between them, or leave the digits out", ws[i-1].fact)
			continue
		}
		if i+1 < len(ws) && ws[i+1].fact != "" && joins(r.text[w.end:ws[i+1].start]) {
			j.at(r, w.start, "digits touch {%s}: put words between them, or leave the digits out", ws[i+1].fact)
			continue
		}
		if i > 0 && ws[i-1].digits != "" && grouped(r.text[ws[i-1].end:w.start]) {
			continue // told with the first of them
		}
		run := w.digits
		k := i + 1
		for ; k < len(ws) && ws[k].digits != "" && grouped(r.text[ws[k-1].end:ws[k].start]); k++ {
			run += ws[k].digits
		}
		clock := i > 0 && clocks[i-1] || k < len(ws) && clocks[k]
		switch {
		case k == i+1 && clock && isTime(w.digits), k == i+2 && isDate(w.digits) && isTime(ws[i+1].digits), k == i+1 && isDate(w.digits),
			k == i+1 && isDateTime(w.digits):
			j.at(r, w.start, "a date or time in bare digits, which reads like a national id: write {date} {time}")
		case run == emergency && answer:
		case len(run) >= 3 && i > 0 && calls[i-1] && ws[i].after < afterStop, len(run) >= 5 && strings.HasSuffix(r.text[:w.start], "+"):
			j.at(r, w.start, "a phone number: write {phone}, which shows the unit's own")
		}
	}
}

// joins reports whether what stands between digits and a placeholder makes one number of them.
func joins(gap string) bool { return len(gap) == 0 || len(gap) == 1 && strings.Contains("-./:+", gap) }

// grouped reports whether two runs of digits are groups of one number.
func grouped(gap string) bool { return len(gap) == 1 && strings.Contains(" -.", gap) }

// isTime reports whether s may be a time of day without a separator: "0845", "845".
func isTime(s string) bool {
	if len(s) != 3 && len(s) != 4 {
		return false
	}
	return between(s[:len(s)-2], 0, 24) && between(s[len(s)-2:], 0, 59)
}

// isDate reports whether s may be a date without separators: day, month and year in either order, the year in two digits or four.
func isDate(s string) bool {
	switch len(s) {
	case 6:
		return between(s[:2], 1, 31) && between(s[2:4], 1, 12) || between(s[2:4], 1, 12) && between(s[4:], 1, 31)
	case 8:
		return between(s[:2], 1, 31) && between(s[2:4], 1, 12) && between(s[4:], 1900, 2199) ||
			between(s[:4], 1900, 2199) && between(s[4:6], 1, 12) && between(s[6:], 1, 31)
	}
	return false
}

// isDateTime reports whether s may be a date and a time of day in one.
func isDateTime(s string) bool {
	return (len(s) == 10 || len(s) == 12) && isDate(s[:len(s)-4]) && isTime(s[len(s)-4:])
}

func between(s string, low, high int) bool {
	n, err := strconv.Atoi(s)
	return err == nil && low <= n && n <= high
}
