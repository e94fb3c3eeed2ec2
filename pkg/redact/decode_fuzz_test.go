package redact_test

import (
	"encoding/base64"
	"html"
	"io"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/husk-reminders/husk/pkg/redact"
	"github.com/husk-reminders/husk/pkg/reminder"
)

// FuzzScanWire: no bytes make ScanWire panic; a mail is taken into pieces that are no larger than it was by more than its
// charsets can make them; and what stands in the clear in a body that is only text is found there.
func FuzzScanWire(f *testing.F) {
	f.Add(mailOf().Body.Reveal())
	f.Add(nested(4))
	f.Add("To: a\n b\n\n311299-5004")
	f.Add("Content-Type: text/plain; charset*0=utf; charset*1=-8; name*=utf-8''%33\r\nContent-Transfer-Encoding: base64\r\n\r\nMzExMjk5LTUwMDQ=")
	f.Add("Content-Type: text/calendar\n\nDTSTART:20260312T143000Z\r\nSUMMARY:a\\, b\r\n c\\")
	s, err := redact.New(redact.Options{Checked: map[string]bool{"time": true}})
	if err != nil {
		f.Fatal(err)
	}
	known := wireKnown()
	f.Fuzz(func(t *testing.T, text string) {
		w := reminder.Wire{Format: reminder.WireMail, Body: reminder.Mask(text)}
		s.ScanWire(w, new(pieces).lit(text[:len(text)/2]).fact("time", text[len(text)/2:]).rendered(reminder.PartText), known)
		sorts, size := redact.Sorts(w)
		if len(sorts) > 256 || size > 3*len(text)+64*len(sorts) {
			t.Errorf("%d pieces of %d bytes from %d", len(sorts), size, len(text))
		}
		planted := "X-A: b\nContent-Type: text/plain; charset=utf-8\n\n" + text + "\n311299-5004\n"
		if s.ScanWire(reminder.Wire{Format: reminder.WireMail, Body: reminder.Mask(planted)}, reminder.Rendered{}, known) == nil {
			t.Error("a number behind it passes")
		}
	})
}

// FuzzEncodedWord: where the standard library reads an RFC 2047 word of UTF-8, the scanner reads the same.
func FuzzEncodedWord(f *testing.F) {
	f.Add("=?utf-8?B?VGlkIDMxMTI5OS01MDA0?=")
	f.Add("=?utf-8?q?Tid_311299=2D5004?= rest")
	f.Add("=?iso-8859-1?Q?=E5?=")
	f.Add("=??=")
	f.Fuzz(func(t *testing.T, text string) {
		if !strings.HasPrefix(text, "=?") {
			return
		}
		got, n := redact.EncodedWord(text)
		if n > len(text) || len(got) > 2*len(text) {
			t.Fatalf("%q: %d of %d bytes", text, len(got), n)
		}
		end := strings.Index(text[min(len(text), 2):], "?=")
		charset, rest, _ := strings.Cut(text[2:], "?")
		if end < 0 || len(text) > 1000 || !strings.EqualFold(charset, "utf-8") || strings.Count(rest, "?") != 2 || !strings.HasSuffix(rest, "?=") {
			return
		}
		var d mime.WordDecoder
		if want, err := d.Decode(text); err == nil && utf8.ValidString(want) && want != "" && want != string(got) {
			t.Errorf("%q: %q, the standard library %q", text, got, want)
		}
		if out, ok := redact.DecodeWords(text); ok && strings.Contains(out, "=?") {
			t.Errorf("%q: still encoded", text)
		}
	})
}

// FuzzEntities: what the standard library takes off, the scanner takes off, or one entity at a time more.
func FuzzEntities(f *testing.F) {
	for _, s := range []string{"&#51;&#x31;", "&nbsp", "&amp;#51;", "&notit;", "&#0;&#1114112;", "31&ndash;12", "a&b"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		got := redact.Entities(text)
		if len(got) > 4*len(text) {
			t.Fatalf("%q: %d bytes", text, len(got))
		}
		if strings.ContainsAny(text, "%\\=") {
			return
		}
		for i := 0; i < len(text); {
			j := strings.IndexByte(text[i:], '&')
			if j < 0 {
				break
			}
			if i += j + 1; !strings.Contains(text[i:min(len(text), i+31)], ";") {
				return // long names, and those without an end, may be read otherwise
			}
		}
		if want := html.UnescapeString(text); want != got {
			t.Errorf("%q: %q, the standard library %q", text, got, want)
		}
	})
}

// FuzzPrintable: what the standard library decodes from quoted-printable, the wire reads, and the scanner finds its digits.
func FuzzPrintable(f *testing.F) {
	for _, s := range []string{"=33=31", "31129=\r\n9", "a=  \r\nb", "=ZZ", "=3", "x \r\n", "=C3=A6"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		got, ok := redact.DecodeBody(text, "quoted-printable")
		want, err := io.ReadAll(quotedprintable.NewReader(strings.NewReader(text)))
		if ok && (err != nil || got != string(want)) {
			t.Errorf("%q: %q, the standard library %q, %v", text, got, want, err)
		}
		loose := redact.Printable(text)
		if len(got) > len(text)+2 || len(loose) > 4*len(text) {
			t.Fatalf("%q: %d and %d bytes", text, len(got), len(loose))
		}
		if ok && !strings.ContainsAny(text, "\\ \t\r\n") && loose != got && utf8.ValidString(text) && !strings.Contains(text, "=?") {
			t.Errorf("%q: the scanner reads %q, the wire %q", text, loose, got)
		}
	})
}

// FuzzBase64: what the standard library decodes, the scanner decodes, in both alphabets, with and without padding.
func FuzzBase64(f *testing.F) {
	for _, s := range []string{"MzExMjk5LTUwMDQ=", "MzExMjk5LTUwMDQ", "-_-_", "+/+/", "=", "A", "MzEx\nMjk5"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		got, ok := redact.Decode64(text)
		if len(got) > len(text) {
			t.Fatalf("%q: %d bytes", text, len(got))
		}
		for _, enc := range []*base64.Encoding{base64.StdEncoding, base64.RawStdEncoding, base64.URLEncoding, base64.RawURLEncoding} {
			if want, err := enc.DecodeString(text); err == nil && !strings.ContainsAny(text, "\r\n") && (!ok || string(got) != string(want)) {
				t.Errorf("%q: %q %v, the standard library %q", text, got, ok, want)
			}
		}
		body, ok := redact.DecodeBody(text, "base64")
		if want, err := base64.StdEncoding.Strict().DecodeString(text); ok != (err == nil) || ok && body != string(want) {
			t.Errorf("%q: the body is %q %v", text, body, ok)
		}
	})
}

// FuzzUnfold: unfolding leaves no fold, adds nothing, and keeps every character that is no line end or white space.
func FuzzUnfold(f *testing.F) {
	for _, s := range []string{"a\r\n b", "a\n\tb", "\r\n \r\n ", "DTSTART:20260312\r\n T143000", "SUMMARY:a\\nb\\;\\", "a\n b\n\n c"} {
		f.Add(s)
	}
	black := strings.NewReplacer(" ", "", "\t", "", "\r", "", "\n", "").Replace
	f.Fuzz(func(t *testing.T, text string) {
		got := redact.Unfold(text)
		if len(got) > len(text) || black(got) != black(text) {
			t.Errorf("%q: %q", text, got)
		}
		field := redact.UnfoldField(text)
		if strings.Contains(field, "\n") || black(field) != black(text) {
			t.Errorf("%q: field %q", text, field)
		}
		calendar := redact.Calendar(text)
		if len(calendar) > len(text)+1 || !strings.Contains(text, "\\") && black(calendar) != black(text) {
			t.Errorf("%q: calendar %q", text, calendar)
		}
	})
}

// FuzzParameters: what both the wire and the standard library read of a Content-Type, they read alike.
func FuzzParameters(f *testing.F) {
	for _, s := range []string{"text/plain; charset=utf-8", `attachment; filename="a\"b.ics"`, "a/b; n*=utf-8'da'%33; m", "a/b; n*0=x; n*1*=%34", "a/b; n*0*=utf-8''x; n*2=y", "a/b;;", "a/b; c=d (e)"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		kind, got, ok := redact.Parameters(text)
		size := 0
		for _, v := range got {
			size += len(v)
		}
		if size > 2*len(text) {
			t.Fatalf("%q: %d bytes", text, size)
		}
		wantKind, want, err := mime.ParseMediaType(text)
		if !ok || err != nil || strings.Contains(text, "*") && strings.Contains(strings.ToLower(text), "8859") || strings.Contains(text, `\`) {
			return
		}
		if strings.ToLower(kind) != wantKind {
			t.Errorf("%q: %q, the standard library %q", text, kind, wantKind)
		}
		for name, v := range want {
			if !strings.Contains(text, "*") && got[name] != v {
				t.Errorf("%q: %s is %q, to the standard library %q", text, name, got[name], v)
			}
		}
	})
}

// FuzzCutParts: what both the wire and the standard library read of a multipart, they read alike.
func FuzzCutParts(f *testing.F) {
	for _, s := range []string{"a\n--b\n\nx\n--b\n\ny\n--b--\nz", "--b\r\n\r\nx\r\n--b--", "--b\n--b--", "--b \n\nx\n--b--\t\n", "--bx", "--b\n\nx\n--bx\n--b--"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		before, parts, behind, ok := redact.CutParts(text, "b")
		if !ok {
			return
		}
		size := len(before) + len(behind)
		for _, p := range parts {
			size += len(p)
		}
		if size > len(text) {
			t.Fatalf("%q: %d bytes", text, size)
		}
		r := multipart.NewReader(strings.NewReader(text), "b")
		for i := range parts {
			p, err := r.NextRawPart()
			if err != nil {
				return // no header, no blank line: the wire says so when it reads the part
			}
			body, err := io.ReadAll(p)
			if err != nil {
				return
			}
			if !strings.HasSuffix(parts[i], string(body)) {
				t.Errorf("%q: part %d is %q, to the standard library %q", text, i, parts[i], body)
			}
		}
	})
}
