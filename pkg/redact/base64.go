package redact

import (
	"encoding/base64"
	"strings"
	"unicode/utf8"
)

// tokens reads what base64 and base64url tokens decode to: each token of eight characters or more as a whole, and its
// pieces between marks.
func (s *scan) tokens(v *view, depth int) {
	text := v.text
	for i := 0; i < len(text); {
		if !base64Byte(text[i]) {
			i++
			continue
		}
		j := i
		for j < len(text) && base64Byte(text[j]) {
			j++
		}
		if !s.token(v, i, j, depth) {
			for k := i; k < j; {
				e := k
				for e < j && isAlnum(text[e]) {
					e++
				}
				if e-k < j-i {
					s.token(v, k, e, depth)
				}
				k = e + 1
			}
		}
		i = j
	}
}

func base64Byte(c byte) bool {
	return isAlnum(c) || c == '+' || c == '/' || c == '-' || c == '_' || c == '='
}

func (s *scan) token(v *view, from, to, depth int) bool {
	if to-from < 8 || s.covered(v.origin(from), v.originEnd(to)) {
		return false
	}
	mixed := false
	for _, c := range []byte(v.text[from+1 : to]) {
		mixed = mixed || c < 'a' && isAlnum(c)
	}
	if !mixed {
		return false
	}
	p, ok := decode64(v.text[from:to])
	if !ok || !readable(p) {
		return false
	}
	if s.strict || depth == maxLayers {
		s.add(v, KindEncoded, "", from, to)
	}
	if depth == maxLayers {
		return true
	}
	b := newBuilder(v)
	b.put(p, from)
	b.off = append(b.off, int32(v.originEnd(to)))
	u := &view{text: string(b.b), off: b.off}
	s.layer(u, depth+1)
	s.look(u)
	return true
}

func decode64(t string) ([]byte, bool) {
	t = strings.TrimRight(t, "=")
	if len(t)%4 == 1 {
		return nil, false
	}
	enc := base64.RawStdEncoding
	if strings.ContainsAny(t, "-_") {
		enc = base64.RawURLEncoding
	}
	p, err := enc.DecodeString(t)
	return p, err == nil
}

// readable reports text: UTF-8 without control characters.
func readable(p []byte) bool {
	for i := 0; i < len(p); {
		r, n := utf8.DecodeRune(p[i:])
		if r == utf8.RuneError && n <= 1 || hidden(r) || r > 0x2fff && digitOf(r) < 0 {
			return false
		}
		i += n
	}
	return len(p) > 0
}
