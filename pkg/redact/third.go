package redact

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// thirdParties looks for other people: names of the negative list anywhere, and unexplained capitalised words beside a
// kinship word, behind a title, or behind a greeting that names somebody else than the recipient. Approved literal text of
// a template cannot leak a booking's people, so words that lie in it whole are not looked at in Scan.
func (s *scan) thirdParties(v *view, found flags) {
	listed := len(s.names.words) > 0
	for i := range s.words {
		w := &s.words[i]
		if listed {
			if c := v.text[w.start]; c >= 0x80 || s.names.heads[c|0x20] {
				s.listed(v, i)
			}
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
			s.greeted(v, i+1)
		}
	}
	if !s.strict {
		s.patronymics(v)
	}
	if listed && found&flagCapitals != 0 {
		s.initials(v)
	}
	if listed && found&flagApart != 0 {
		s.apart(v)
	}
}

// greeted looks at who is greeted: "Hej Karen", "Hej Anna og Karen".
func (s *scan) greeted(v *view, n int) {
	for n < len(s.words) && s.near(v, n-1, n) {
		switch {
		case s.stranger(v, n):
			s.addName(v, n)
			return
		case s.words[n].lex.class&cAnd == 0 && !s.explainedName(v, n):
			return
		}
		n++
	}
}

// listed holds word i when it is a name of the negative list.
func (s *scan) listed(v *view, i int) {
	w := &s.words[i]
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
	for n < len(s.words) && n <= i+2 && !s.words[n].capital && v.text[s.words[n-1].end:s.words[n].start] == "-" {
		n++ // "mother-in-law"
	}
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
// capitalised anyway, so it counts before a comma, bracket or dash, or in the
// genitive ("Peters mor") only.
func (s *scan) nameBefore(v *view, i int) {
	n := i - 1
	if n >= 0 && s.words[n].lex.class&cPossessive != 0 {
		n--
	}
	if n < 0 || n == i-1 && s.words[i].lex.class&cKinWeak != 0 || !s.near(v, n, n+1) || !s.stranger(v, n) {
		return
	}
	genitive := n == i-1 && v.text[s.words[n].end-1] == 's'
	if s.sentenceStart(v, n) && !genitive && !strings.ContainsAny(v.text[s.words[n].end:s.words[n+1].start], ",(-") {
		return
	}
	s.addName(v, n)
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

// initials holds "P.J.", "P. J." and "PJ" of the negative list.
func (s *scan) initials(v *view) {
	var in [maxInitials]byte
	for i := 0; i < len(s.words); {
		w := &s.words[i]
		if !w.capital || w.end-w.start > maxInitials {
			i++
			continue
		}
		j, n := i, 0
		if w.end-w.start > 1 { // "PJ"
			n = copy(in[:], v.text[w.start:w.end])
			j++
		}
		for ; j < len(s.words) && n < maxInitials && s.words[j].capital && s.words[j].end-s.words[j].start == 1 && (j == i || initialGap(v.text[s.words[j-1].end:s.words[j].start])); j++ {
			in[n] = v.text[s.words[j].start]
			n++
		}
		if n > 1 && s.names.initials(in[:n]) && !s.literal(v, w) && !s.covered(v.origin(int(w.start)), v.originEnd(int(s.words[j-1].end))) {
			s.add(v, KindThird, "", int(w.start), int(s.words[j-1].end))
		}
		i = max(j, i+1)
	}
}

// initialGap reports what stands between initials.
func initialGap(gap string) bool {
	return gap == "." || gap == ". " || gap == " " || gap == "-" || gap == ".-"
}

// apart holds names of the negative list with their letters or syllables apart: "P e t e r", "Pe-ter".
func (s *scan) apart(v *view) {
	for i := 0; i+1 < len(s.words); {
		j, single := i+1, s.words[i].end-s.words[i].start == 1
		for j < len(s.words) && s.beyond(v, j, single) {
			j++
		}
		if j > i+1 && (!single || j > i+3) {
			s.together(v, i, j)
		}
		i = j
	}
}

// beyond reports that word j goes on the word before it: a single letter after one, or a syllable behind a hyphen.
func (s *scan) beyond(v *view, j int, single bool) bool {
	a, b := s.words[j-1].end, s.words[j].start
	if single {
		return s.words[j].end-b == 1 && b-a <= maxGap
	}
	return b-a == 1 && v.text[a] == '-'
}

// together holds the words from i up to j when they are one name.
func (s *scan) together(v *view, i, j int) {
	var buf [2 * longestName]byte
	f := buf[:0]
	for k := i; k < j && len(f) < longestName/2; k++ {
		f = fold(f, v.text[s.words[k].start:s.words[k].end])
	}
	if s.names.match(f, false) && !s.literal(v, &s.words[i]) && !s.covered(v.origin(int(s.words[i].start)), v.originEnd(int(s.words[j-1].end))) {
		s.add(v, KindThird, "", int(s.words[i].start), int(s.words[j-1].end))
	}
}

// stranger reports that word n is capitalised, no calendar or common word, and nobody known.
func (s *scan) stranger(v *view, n int) bool {
	w := &s.words[n]
	if !w.capital || w.lex.class&(cCalendar|cTitle|cKin|cCommon|cPossessive|cGreet) != 0 || s.literal(v, w) {
		return false
	}
	return !s.explainedName(v, n)
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

// near reports that between two words stand a space, comma, colon, dash or bracket, but no digit, no sentence end and no blank line.
func (s *scan) near(v *view, a, b int) bool {
	if s.words[a].groups != s.words[b].groups {
		return false
	}
	gap := v.text[s.words[a].end:s.words[b].start]
	return len(gap) <= 6 && !strings.ContainsAny(gap, ".!?") && strings.Count(gap, "\n") < 2
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
