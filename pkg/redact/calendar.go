package redact

import (
	"strings"
	"time"
)

// readCalendar unfolds a calendar file, takes the escapes of its texts off (RFC 5545 sections 3.1 and 3.3.11), and says where the
// times of its components stand.
func readCalendar(text string) (string, []cover) {
	var b strings.Builder
	b.Grow(len(text))
	var covers []cover
	zone := false // in a time zone, whose rules begin long ago
	for text != "" {
		line, rest := cutContentLine(text)
		text = rest
		upperLine := line
		if len(line) <= 64 {
			upperLine = strings.ToUpper(line)
		}
		switch upperLine {
		case "BEGIN:VTIMEZONE":
			zone = true
		case "END:VTIMEZONE":
			zone = false
		}
		if from := stampAt(line, zone); from >= 0 {
			covers = append(covers, cover{b.Len() + from, b.Len() + len(line)})
		}
		unescapeLine(&b, line)
		b.WriteByte('\n')
	}
	return b.String(), covers
}

// cutContentLine cuts the first content line off, unfolded.
func cutContentLine(text string) (line, rest string) {
	line, rest = cutLine(text)
	if rest == "" || rest[0] != ' ' && rest[0] != '\t' {
		return line, rest
	}
	var b strings.Builder
	b.WriteString(line)
	for rest != "" && (rest[0] == ' ' || rest[0] == '\t') {
		line, rest = cutLine(rest)
		b.WriteString(line[1:])
	}
	return b.String(), rest
}

// stampAt is where the value of a line begins that is a time and nothing else, -1 when it is none.
func stampAt(line string, zone bool) int {
	if len(line) > 200 {
		return -1
	}
	name, _, _ := strings.Cut(line, ":")
	name, _, _ = strings.Cut(name, ";")
	switch strings.ToUpper(name) {
	case "DTSTART", "DTEND", "DTSTAMP", "TRIGGER", "CREATED", "LAST-MODIFIED":
	default:
		return -1
	}
	from := strings.LastIndexByte(line, ':') + 1
	value := strings.TrimSuffix(line[from:], "Z")
	t, err := time.Parse("20060102T150405", value)
	if err != nil {
		t, err = time.Parse("20060102", value)
	}
	if err != nil || t.Year() >= 2100 || t.Year() < 2020 && (!zone || t.Year() < 1970) {
		return -1
	}
	return from
}

// unescapeLine writes a line without the escapes of a text.
func unescapeLine(b *strings.Builder, line string) {
	for {
		i := strings.IndexByte(line, '\\')
		if i < 0 || i+1 == len(line) {
			b.WriteString(line)
			return
		}
		b.WriteString(line[:i])
		switch c := line[i+1]; c {
		case 'n', 'N':
			b.WriteByte('\n')
		case ',', ';', '\\':
			b.WriteByte(c)
		default:
			b.WriteString(line[i : i+2])
		}
		line = line[i+2:]
	}
}
