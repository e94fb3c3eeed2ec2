package redact

import (
	"slices"
	"strconv"
	"strings"
)

// parameter is one of a Content-Type or Content-Disposition, decoded and put together.
type parameter struct{ name, value string }

// section is a parameter as it is written: "filename*1*=…" is section 1 of filename, extended.
type section struct {
	name     string
	n        int // -1 = whole
	extended bool
	value    string
}

// parameters reads `type/subtype; name=value; …` with quoted values, continuations and charsets (RFC 2045 section 5.1, RFC 2231,
// RFC 5987). Comments, a repeated name, a gap between continuations, or a charset other than UTF-8, US-ASCII and ISO-8859-1
// is not ok: programs differ in how they read them.
func parameters(text string) (kind string, ps []parameter, ok bool) {
	kind, rest, _ := strings.Cut(text, ";")
	kind = strings.Trim(kind, " \t")
	for i := range len(kind) {
		if kind[i] != '/' && !tokenByte(kind[i]) {
			return "", nil, false
		}
	}
	var sections []section
	for {
		rest = strings.TrimLeft(rest, " \t")
		if rest == "" {
			break
		}
		name, after, found := strings.Cut(rest, "=")
		var s section
		if s, ok = sectionOf(strings.ToLower(strings.Trim(name, " \t"))); !found || !ok {
			return "", nil, false
		}
		if s.value, rest, ok = parameterValue(strings.TrimLeft(after, " \t")); !ok {
			return "", nil, false
		}
		for _, o := range sections {
			if o.name == s.name && o.n == s.n && (o.extended == s.extended || s.n >= 0) {
				return "", nil, false
			}
		}
		if sections = append(sections, s); len(sections) > maxPieces {
			return "", nil, false
		}
	}
	ps, ok = assemble(sections)
	return kind, ps, ok && kind != ""
}

func tokenByte(c byte) bool {
	return c > ' ' && c < 0x7f && strings.IndexByte(`()<>@,;:\"/[]?=`, c) < 0
}

// sectionOf reads the name of a parameter.
func sectionOf(name string) (s section, ok bool) {
	s.n = -1
	for i := range len(name) {
		if !tokenByte(name[i]) {
			return s, false
		}
	}
	name, star, starred := strings.Cut(name, "*")
	s.name = name
	if !starred {
		return s, name != ""
	}
	number, extended := strings.CutSuffix(star, "*")
	if star == "" {
		number, extended = "", true
	}
	s.extended = extended
	if number == "" {
		return s, name != "" && star == ""
	}
	n, err := strconv.Atoi(number)
	s.n = n
	return s, name != "" && err == nil && n >= 0 && strconv.Itoa(n) == number
}

// parameterValue reads a token or a quoted string, and the semicolon behind it.
func parameterValue(text string) (value, rest string, ok bool) {
	i := 0
	if text != "" && text[0] == '"' {
		var b strings.Builder
		for i = 1; i < len(text) && text[i] != '"'; i++ {
			if text[i] == '\\' && i+1 < len(text) {
				i++
			}
			b.WriteByte(text[i])
		}
		if i == len(text) {
			return "", "", false
		}
		value = b.String()
		i++
	} else {
		for i < len(text) && (tokenByte(text[i]) || text[i] >= 0x80) {
			i++
		}
		if value = text[:i]; i == 0 {
			return "", "", false
		}
	}
	rest = strings.TrimLeft(text[i:], " \t")
	if rest == "" {
		return value, "", true
	}
	return value, rest[1:], rest[0] == ';'
}

// assemble puts continuations together and decodes extended values. A name that is there both plain and extended gives both.
func assemble(sections []section) (ps []parameter, ok bool) {
	slices.SortStableFunc(sections, func(a, b section) int {
		if c := strings.Compare(a.name, b.name); c != 0 {
			return c
		}
		return a.n - b.n
	})
	for i := 0; i < len(sections); {
		s := sections[i]
		value, charset := s.value, ""
		if s.extended {
			if charset, value, ok = extendedValue(s.value); !ok {
				return nil, false
			}
		}
		i++
		if s.n > 0 {
			return nil, false
		}
		for n := 1; s.n == 0 && i < len(sections) && sections[i].name == s.name; n++ {
			more := sections[i].value
			if sections[i].n != n {
				return nil, false
			}
			if sections[i].extended {
				if more, ok = unpercent(more); !ok {
					return nil, false
				}
			}
			value += more
			i++
		}
		if value, ok = decodeCharset(value, charset); !ok {
			return nil, false
		}
		ps = append(ps, parameter{s.name, value})
	}
	return ps, true
}

// extendedValue reads charset'language'percent-encoded (RFC 5987 section 3.2).
func extendedValue(text string) (charset, value string, ok bool) {
	charset, rest, ok := strings.Cut(text, "'")
	if !ok {
		return "", "", false
	}
	language, rest, ok := strings.Cut(rest, "'")
	if !ok || strings.Trim(language, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-") != "" {
		return "", "", false
	}
	value, ok = unpercent(rest)
	return strings.ToLower(charset), value, ok
}

func unpercent(text string) (string, bool) {
	var b strings.Builder
	for i := 0; i < len(text); i++ {
		if text[i] != '%' {
			b.WriteByte(text[i])
			continue
		}
		if i+2 >= len(text) || unhex(text[i+1]) < 0 || unhex(text[i+2]) < 0 {
			return "", false
		}
		b.WriteByte(byte(unhex(text[i+1])<<4 | unhex(text[i+2])))
		i += 2
	}
	return b.String(), true
}
