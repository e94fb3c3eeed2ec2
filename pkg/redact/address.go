package redact

import (
	"strings"
	"unicode/utf8"
)

const longestMail = 254 // bytes, RFC 5321

// mails holds every mail address that is not the unit's.
func (s *scan) mails(v *view) {
	text := v.text
	for i := 0; ; {
		j := strings.IndexByte(text[i:], '@')
		if j < 0 {
			return
		}
		at := i + j
		i = at + 1
		from, to := at, at+1
		for from > 0 && at-from < longestMail && mailByte(text[from-1]) {
			from--
		}
		dot := false
		for to < len(text) && to-at < longestMail && (mailByte(text[to]) && text[to] != '+') {
			dot = dot || text[to] == '.' && to > at+1
			to++
		}
		for to > at && (text[to-1] == '.' || text[to-1] == '-') {
			to--
		}
		for from < at && text[from] == '.' {
			from++
		}
		if from == at || !dot || s.knownMail(v, from, to) {
			continue
		}
		kind := KindMail
		for k := range s.known.Others {
			for _, m := range s.known.Others[k].Mails {
				if strings.EqualFold(m.Reveal(), text[from:to]) {
					kind = KindThird
				}
			}
		}
		s.add(v, kind, "", from, to)
	}
}

func (s *scan) knownMail(v *view, from, to int) bool {
	for _, m := range s.known.Mails {
		if strings.EqualFold(m, v.text[from:to]) {
			return true
		}
	}
	if local, domain, _ := strings.Cut(v.text[from:to], "@"); s.knownDomain(domain) {
		for _, ref := range s.known.Refs { // a Message-ID
			if local == ref {
				return true
			}
		}
	}
	return s.covered(v.origin(from), v.originEnd(to))
}

// knownDomain reports the domain of one of the unit's mail addresses, or one above it.
func (s *scan) knownDomain(domain string) bool {
	for _, m := range s.known.Mails {
		_, at, _ := strings.Cut(m, "@")
		if n := len(at) - len(domain); n >= 0 && strings.IndexByte(domain, '.') > 0 && strings.EqualFold(at[n:], domain) && (n == 0 || at[n-1] == '.') {
			return true
		}
	}
	return false
}

func mailByte(c byte) bool {
	return isAlnum(c) || c >= 0x80 || strings.IndexByte(".-_+!#$%'*/=?^`{|}~", c) >= 0 && c != '/' && c != '=' && c != '\''
}

// links holds links that are not the unit's: in a message every one, also a bare "name.dk", which phones turn into links;
// in plain text those with a query or a user in them.
func (s *scan) links(v *view) {
	text := v.text
	for i := 0; ; {
		j := strings.Index(text[i:], "://")
		if j < 0 {
			break
		}
		from := i + j
		for from > 0 && isLetter(text[from-1]) && i+j-from < 12 {
			from--
		}
		to := linkEnd(text, i+j+3)
		i = to
		if s.knownLink(v, from, to) {
			continue
		}
		if s.strict || strings.ContainsAny(text[from:to], "?@") {
			s.add(v, KindLink, "", from, to)
		}
	}
	if !s.strict {
		return
	}
	for k := range s.words {
		w := &s.words[k]
		from, to := int(w.start), int(w.end)
		if w.lex.class&cDomain == 0 || from < 3 || text[from-1] != '.' || !isAlnum(text[from-2]) || !boundary(text, to) {
			continue
		}
		for from > 0 && (isAlnum(text[from-1]) || text[from-1] == '.' || text[from-1] == '-' || text[from-1] >= 0x80) && to-from < longestMail {
			from--
		}
		if from > 0 && (text[from-1] == '@' || text[from-1] == '/') {
			continue // of a mail address or link that was looked at
		}
		to = linkEnd(text, to)
		if !s.knownLink(v, from, to) {
			s.add(v, KindLink, "", from, to)
		}
	}
}

func linkEnd(text string, i int) int {
	for i < len(text) && text[i] > ' ' && text[i] != '<' && text[i] != '>' && text[i] != '"' {
		if text[i] >= 0x80 {
			if r, n := utf8.DecodeRuneInString(text[i:]); classify(r, n) != runeLetter {
				break
			}
		}
		i++
	}
	for i > 0 && strings.IndexByte(".,;:!?)'", text[i-1]) >= 0 {
		i--
	}
	return i
}

// knownLink reports a link of the unit. A prefix that is a host must be followed by its path, not by more of a name.
func (s *scan) knownLink(v *view, from, to int) bool {
	link := v.text[from:to]
	for _, k := range s.known.Links {
		if k == "" || len(link) < len(k) || !strings.EqualFold(link[:len(k)], k) {
			continue
		}
		if len(link) == len(k) || k[len(k)-1] == '/' || link[len(k)] == '/' {
			return strings.IndexByte(link[len(k):], '?') < 0
		}
	}
	return s.covered(v.origin(from), v.originEnd(to))
}
