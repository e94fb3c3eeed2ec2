package inbound

import (
	"regexp"
	"slices"
	"strings"
)

// longest is how much of a text is read, in bytes.
const longest = 8192

// own is what a person wrote themselves: without the keyword of a shared number at the beginning, without the message they
// answer below, and without a signature. Where nothing would be left, the text is left as it is.
func own(text, keyword string) string {
	text = withoutKeyword(bounded(text), keyword)
	var b strings.Builder
	for line := range strings.Lines(text) {
		if quotes(strings.TrimSpace(line)) {
			break
		}
		if at := signed(line); at >= 0 {
			b.WriteString(line[:at])
			break
		}
		b.WriteString(line)
	}
	if mine := b.String(); len(read(mine, asLetters)) > 0 {
		return mine
	}
	return text
}

// bounded is the beginning of a text, as UTF-8.
func bounded(text string) string {
	if len(text) > longest {
		text = text[:longest]
	}
	return strings.ToValidUTF8(text, " ")
}

// withoutKeyword drops the keyword which a reply to a shared number begins with.
func withoutKeyword(text, keyword string) string {
	if keyword == "" {
		return text
	}
	rest := strings.TrimLeftFunc(text, func(c rune) bool { return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\ufeff' })
	if len(rest) < len(keyword) || !strings.EqualFold(rest[:len(keyword)], keyword) {
		return text
	}
	rest = rest[len(keyword):]
	if ws := read(rest, asLetters); len(ws) == 0 {
		return "" // the keyword alone
	}
	if c := rest[0]; c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= 0x80 {
		return text // a longer word
	}
	return rest
}

// quoting are the lines with which mail programs begin the message that is answered: "On Mon, 4 May 2026 Anna wrote:".
var quoting = regexp.MustCompile(`(?i)^(on|den|le|am|em|il|dnia|w dniu|pe|ti|ke|to|la|su|ma|þann|þri|tar|в|у|пн|вт|ср|чт|пт|сб|нд)?\b.{4,200}` +
	`\b(wrote|skrev|skreiv|schrieb|kirjoitti|skrifaði|napisał\(a\)|napisał|napisała|yazdı|şunu yazdı|كتب|пише|написав|написала|qoray)\b.{0,80}:$|` +
	`^-{2,} ?(original message|oprindelig meddelelse|oprindelig besked|ursprungligt meddelande|opprinnelig melding|ursprüngliche nachricht|alkuperäinen viesti|wiadomość oryginalna|forwarded message).{0,20}$|` +
	`^_{10,}$|^(from|fra|från|von|lähettäjä|od|kimden|من|від|frá): .+@.+$`)

// quotes reports whether a line begins the message that is answered.
func quotes(line string) bool {
	if strings.HasPrefix(line, ">") || strings.HasPrefix(line, "&gt;") {
		return true
	}
	return len(line) < 320 && (strings.HasSuffix(line, ":") || strings.HasPrefix(line, "--") || strings.HasPrefix(line, "__") || strings.Contains(line, "@")) && quoting.MatchString(line)
}

// signing is what phones and mail programs put below what is written; some put it on the same line.
var signing = regexp.MustCompile(`(?i)(^((sendt|sent|send|skickat|skickade|gesendet|von|lähetetty|wysłan[eo]|надіслано|відправлено|отправлено|أرسلت|تم الإرسال|get|hent|hämta|hanki) .{0,30}` + device + `.{0,30}|` +
	device + `.{0,12} (gönderildi|soo diray))|\s(sendt fra|sent from|skickat från|gesendet von|von meine[mr]|lähetetty|wysłane z|надіслано з|отправлено с|sent úr|sent frá) .{0,20}` + device + `.{0,20})$`)

const device = `(iphone?|ipad|android|samsung|galaxy|huawei|xiaomi|outlook|yahoo|gmail|mobil|phone|telefon|puhelime|handy|هاتف)`

// devices are the words that every signature has one of.
var devices = [...]string{"iphon", "phone", "ipad", "android", "samsung", "galaxy", "huawei", "xiaomi", "outlook", "yahoo", "gmail", "mobil", "telefon", "puhelime", "handy", "هاتف"}

// signed is where the signature in a line begins, -1 when there is none: the mark of RFC 3676 section 4.3, or what phones add.
func signed(line string) int {
	if t := strings.TrimSpace(line); t == "--" || t == "—" {
		return 0
	}
	small := strings.ToLower(line)
	if len(line) >= 200 || !slices.ContainsFunc(devices[:], func(d string) bool { return strings.Contains(small, d) }) {
		return -1
	}
	if at := signing.FindStringIndex(strings.TrimRight(line, " .!\t\r\n")); at != nil {
		return at[0]
	}
	return -1
}
