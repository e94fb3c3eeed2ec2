package redact

import "github.com/husk-reminders/husk/pkg/reminder"

// The kinds of findings. The list is closed; they may be labels of metrics.
const (
	KindCPR        = "cpr"         // DK, GL personnummer; mod-11 holds
	KindCPRNoMod11 = "cpr-nomod11" // the same without mod-11, issued since 1 October 2007 (cpr.dk)
	KindCPRRepl    = "cpr-repl"    // erstatningspersonnummer: day + 60
	KindECPR       = "ecpr"        // X-, D- and C-eCPR: DDMMYY, digit, two letters, digit (nspop.dk)
	KindFO         = "fo"          // Faroese p-tal: DDMMYY-NNN
	KindSE         = "se"          // personnummer (folkbokföringslagen 1991:481 § 18), samordningsnummer
	KindSEInterim  = "se-interim"  // interim number: a letter in position 7
	KindSEResv     = "se-resv"     // regional and national reserve numbers (Inera)
	KindNO         = "no"          // fødselsnummer, D-, H-, FH-number, synthetic
	KindNO2032     = "no2032"      // valid only under the rule of 2032 (Skatteetaten)
	KindFI         = "fi"          // henkilötunnus (DVV)
	KindFINoCheck  = "fi-nocheck"  // the same with another control character: a typing error still shows the birth date
	KindIS         = "is"          // kennitala
	KindISNoCheck  = "is-nocheck"  // the same without a check digit, issued since 18 February 2026 (skra.is)
	KindISSystem   = "is-system"   // kerfiskennitala: begins with 8 or 9
	KindDE         = "de"          // Steuer-IdNr (§ 139b AO), KVNR (§ 290 SGB V)
	KindDigits     = "digits"      // six or more digits that nothing explains
	KindPhone      = "phone"       // the same, written as a phone number
	KindMail       = "mail"        // a mail address that is not the unit's
	KindLink       = "link"        // a link that is not the unit's, or carries a query
	KindThird      = "third"       // another person: on the booking's negative list, or beside a kinship word or title
	KindHidden     = "hidden"      // zero-width, bidi or control character, or bytes that are not UTF-8
	KindEncoded    = "encoded"     // text inside an encoding where none belongs, more than two layers of it, or a part that can't be read
)

// Kinds lists all kinds.
var Kinds = []string{
	KindCPR, KindCPRNoMod11, KindCPRRepl, KindECPR, KindFO, KindSE, KindSEInterim, KindSEResv, KindNO, KindNO2032, KindFI, KindFINoCheck,
	KindIS, KindISNoCheck, KindISSystem, KindDE, KindDigits, KindPhone, KindMail, KindLink, KindThird, KindHidden, KindEncoded,
}

// Finding says that something in a part must not leave, and where. It never carries the value.
type Finding struct {
	Kind   string            `json:"kind"`             // one of Kinds
	Name   string            `json:"name,omitempty"`   // of a national id, as its register calls it: one of Names
	Layout string            `json:"layout,omitempty"` // sizes of the digit groups, "6-4"; "" where there are none
	Part   reminder.PartKind `json:"part"`
	Offset int               `json:"offset"` // first byte in the part's text
	Length int               `json:"length"` // bytes; 0 of a part that can't be read
	Fact   string            `json:"fact,omitempty"`
}

// Releasable reports whether an approver may release a message held for this finding alone: only for digits that nothing
// explains and that no national-id rule fits.
func (f Finding) Releasable() bool { return f.Kind == KindDigits || f.Kind == KindPhone }

// NationalID reports whether the finding is somebody's national id.
func (f Finding) NationalID() bool {
	switch f.Kind {
	case KindCPR, KindCPRNoMod11, KindCPRRepl, KindECPR, KindFO, KindSE, KindSEInterim, KindSEResv, KindNO, KindNO2032, KindFI, KindFINoCheck,
		KindIS, KindISNoCheck, KindISSystem, KindDE:
		return true
	}
	return false
}

const (
	maxFindings = 64 // in one part; more add nothing to the verdict
	maxLayout   = 40 // bytes
)

// add records a finding at bytes start to end of the view. What lies on one already made is the same thing seen twice: the
// decoded forms of a text are read before the text itself, so the name that a reader would give it comes first. Only a
// national id takes the place of digits without a name.
func (s *scan) add(v *view, kind, layout string, start, end int) {
	s.put(v, Finding{Kind: kind, Layout: layout}, start, end)
}

// addID records a national id.
func (s *scan) addID(v *view, r register, layout string, start, end int) {
	s.put(v, Finding{Kind: r.kind(), Name: registers[r].name, Layout: layout}, start, end)
}

func (s *scan) put(v *view, f Finding, start, end int) {
	if len(s.out)-s.first >= maxFindings {
		return
	}
	from, to := v.origin(start), v.originEnd(end)
	f.Part, f.Offset, f.Length = s.part, from, to-from
	for i := range s.out[s.first:] {
		o := &s.out[s.first+i]
		if o.Offset < to && from < o.Offset+o.Length && (o.Kind == f.Kind || !apart(o.Kind) && !apart(f.Kind)) {
			if o.Releasable() && f.NationalID() {
				f.Fact = s.factAt(from, to)
				*o = f
			}
			return
		}
	}
	f.Fact = s.factAt(from, to)
	s.out = append(s.out, f)
}

// apart reports kinds that stand beside others on the same bytes.
func apart(kind string) bool { return kind == KindHidden || kind == KindEncoded || kind == KindLink }

// factAt names the placeholder whose value lies in the range; a range that begins in literal text and runs into a value is
// the value's.
func (s *scan) factAt(from, to int) string {
	for _, sp := range s.spans {
		if sp.Start < to && from < sp.End && sp.Fact != "" && !s.trusted(sp.Fact) {
			return sp.Fact
		}
	}
	for _, sp := range s.spans {
		if sp.Start < to && from < sp.End && sp.Fact != "" {
			return sp.Fact
		}
	}
	return ""
}

// layout writes the sizes of the groups from i up to j: "6-4".
func (s *scan) layout(i, j int) string {
	var b []byte
	for k := i; k < j && len(b) < maxLayout; k++ {
		if k > i {
			b = append(b, '-')
		}
		n := s.groups[k].n
		if n > 9999 {
			n = 9999
		}
		var d [4]byte
		p := len(d)
		for {
			p--
			d[p] = byte('0' + n%10)
			if n /= 10; n == 0 {
				break
			}
		}
		b = append(b, d[p:]...)
	}
	return string(b)
}
