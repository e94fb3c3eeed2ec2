package redact

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// thirdParties looks for other people: names of the negative list anywhere, and unexplained capitalised words beside a
// kinship word, behind a title, or behind a greeting that names somebody else than the recipient. Approved literal text of
// a template cannot leak a booking's people, so words that lie in it whole are not looked at in Scan.
func (s *scan) thirdParties(v *view) {
	listed := len(s.names.words) > 0
	for i := range s.words {
		w := &s.words[i]
		if listed {
			s.listed(v, i)
		}
		c := w.lex.class
		if c&(cKin|cTitle|cGreet) == 0 || (c&cKinWeak != 0 && !s.possessed(i)) {
			continue
		}
		switch {
		case c&(cKin|cTitle) != 0:
			s.nameBehind(v, i, c)
			if c&cKin != 0 && c&cGerman == 0 {
				s.nameBefore(v, i)
			}
		case c&cGreet != 0 && len(s.known.Recipient) > 0:
			if i+1 < len(s.words) && s.near(v, i, i+1) && s.stranger(v, i+1) {
				s.addName(v, i+1)
			}
		}
	}
	if !s.strict {
		s.patronymics(v)
	}
	if len(s.names.inits) > 0 {
		s.initials(v)
	}
}

// listed holds word i when it is a name of the negative list.
func (s *scan) listed(v *view, i int) {
	w := &s.words[i]
	c := v.text[w.start]
	if c < 0x80 && !s.names.heads[c|0x20] {
		return
	}
	if s.literal(v, w) {
		return
	}
	var buf [longestName + 4]byte
	f := fold(buf[:0], v.text[w.start:w.end])
	if s.names.match(f, w.capital) && !s.explainedName(v, i) {
		s.add(v, KindThird, "", int(w.start), int(w.end))
	}
}

// nameBehind looks behind a kinship word or title: "din søn Mads", "din søn, der hedder Mads", "dr. Hansen".
func (s *scan) nameBehind(v *view, i int, c class) {
	n := i + 1
	for skipped := 0; n < len(s.words) && skipped < 3 && s.words[n].lex.class&(cFill|cPossessive) != 0 && !s.words[n].capital; skipped++ {
		n++
	}
	if n >= len(s.words) {
		return
	}
	if gap := v.text[s.words[n-1].end:s.words[n].start]; c&cTitle != 0 && n == i+1 && gap == ". " {
		// "dr. Hansen"
	} else if !s.near(v, n-1, n) {
		return
	}
	if s.stranger(v, n) {
		s.addName(v, n)
	}
}

// nameBefore looks before a kinship word: "tid til Mads, din søn", "Mads (din søn)". The first word of a sentence is
// capitalised anyway and does not count.
func (s *scan) nameBefore(v *view, i int) {
	n := i - 1
	if n >= 0 && s.words[n].lex.class&cPossessive != 0 {
		n--
	}
	if n < 0 || n == i-1 && s.words[i].lex.class&cKinWeak != 0 || !s.near(v, n, n+1) || s.sentenceStart(v, n) {
		return
	}
	if s.stranger(v, n) {
		s.addName(v, n)
	}
}

// patronymics holds "Peter Jensen" in plain text: two capitalised words of which the second is a family name by its ending.
func (s *scan) patronymics(v *view) {
	for i := 1; i < len(s.words); i++ {
		if !s.words[i].capital || !s.words[i-1].capital || v.text[s.words[i-1].end:s.words[i].start] != " " ||
			!familyName(v.text[s.words[i].start:s.words[i].end]) {
			continue
		}
		if i+1 < len(s.words) && (s.words[i+1].capital || s.words[i+1].lex.class&cStreet != 0) && v.text[s.words[i].end:s.words[i+1].start] == " " {
			continue // "Niels Jensens Vej"
		}
		if s.words[i-1].lex.class&^(cFill) == 0 && s.stranger(v, i) {
			s.addName(v, i)
		}
	}
}

func familyName(w string) bool {
	w = strings.TrimSuffix(w, "s")
	if len(w) < 5 {
		return false
	}
	switch w {
	case "Essen", "Wissen", "Lassen", "Person", "Saison", "Session", "Klassen":
		return false
	}
	for _, end := range []string{"sen", "sson", "dóttir", "dotter", "dottir", "sdatter"} {
		if strings.HasSuffix(w, end) {
			c := w[len(w)-len(end)-1]
			return end != "sen" || c != 's' && c != 'i'
		}
	}
	return strings.HasSuffix(w, "nen") && len(w) >= 7
}

// initials holds "P.J." and "P. J." of the negative list.
func (s *scan) initials(v *view) {
	for i := 1; i < len(s.words); i++ {
		a, b := &s.words[i-1], &s.words[i]
		if a.end-a.start != 1 || b.end-b.start != 1 || !a.capital || !b.capital || int(b.end) >= len(v.text) || v.text[b.end] != '.' {
			continue
		}
		if gap := v.text[a.end:b.start]; gap != "." && gap != ". " {
			continue
		}
		for _, in := range s.names.inits {
			if v.text[a.start] == in[0] && v.text[b.start] == in[1] && !s.literal(v, a) && !s.covered(v.origin(int(a.start)), v.originEnd(int(b.end))) {
				s.add(v, KindThird, "", int(a.start), int(b.end)+1)
			}
		}
	}
}

// stranger reports that word n is capitalised, no calendar or common word, and nobody known.
func (s *scan) stranger(v *view, n int) bool {
	w := &s.words[n]
	if !w.capital || w.lex.class&(cCalendar|cTitle|cKin|cCommon|cPossessive|cGreet) != 0 || s.literal(v, w) || acronym(v.text[w.start:w.end]) {
		return false
	}
	return !s.explainedName(v, n)
}

// acronym reports "SMS", "MR", "CT": capitals only, up to four.
func acronym(w string) bool {
	if len(w) < 2 || len(w) > 4 {
		return false
	}
	for i := range len(w) {
		if w[i]-'A' >= 26 {
			return false
		}
	}
	return true
}

func (s *scan) addName(v *view, n int) {
	end := n + 1
	for end < len(s.words) && end < n+3 && s.words[end].capital && v.text[s.words[end-1].end:s.words[end].start] == " " {
		end++
	}
	s.add(v, KindThird, "", int(s.words[n].start), int(s.words[end-1].end))
}

// explainedName reports a word that is the recipient's, a child's, staff's, or part of a text of the unit.
func (s *scan) explainedName(v *view, n int) bool {
	w := &s.words[n]
	if s.covered(v.origin(int(w.start)), v.originEnd(int(w.end))) {
		return true
	}
	var buf [longestName + 4]byte
	f := fold(buf[:0], v.text[w.start:w.end])
	return named(f, s.known.Recipient) || named(f, s.known.Children) || named(f, s.known.Staff)
}

// literal reports that a word lies in approved template text whole.
func (s *scan) literal(v *view, w *word) bool {
	if !s.strict || len(s.spans) == 0 {
		return false
	}
	from, to := v.origin(int(w.start)), v.originEnd(int(w.end))
	for _, sp := range s.spans {
		if sp.Start <= from && from < sp.End {
			return sp.Fact == "" && to <= sp.End
		}
	}
	return false
}

// possessed reports "din", "hendes" or the like before word i.
func (s *scan) possessed(i int) bool { return i > 0 && s.words[i-1].lex.class&cPossessive != 0 }

// near reports that between two words stand a space, comma, colon, dash or bracket, but no digit and no sentence end.
func (s *scan) near(v *view, a, b int) bool {
	if s.words[a].groups != s.words[b].groups {
		return false
	}
	gap := v.text[s.words[a].end:s.words[b].start]
	if len(gap) > 6 {
		return false
	}
	return !strings.ContainsAny(gap, ".!?")
}

// sentenceStart reports that word n is the first of a sentence.
func (s *scan) sentenceStart(v *view, n int) bool {
	for i := int(s.words[n].start); i > 0; {
		r, size := utf8.DecodeLastRuneInString(v.text[:i])
		i -= size
		switch {
		case r == '\n' || r == '.' || r == '!' || r == '?' || r == ':':
			return true
		case unicode.IsLetter(r) || unicode.IsNumber(r):
			return false
		}
	}
	return true
}
