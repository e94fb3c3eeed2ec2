package redact_test

import (
	"encoding/base64"
	"flag"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/husk-reminders/husk/pkg/redact"
	"github.com/husk-reminders/husk/pkg/reminder"
	"github.com/husk-reminders/husk/pkg/template"
	"github.com/husk-reminders/husk/templates"
)

// scripts/test asks for 250000 of each country in two layouts each, without the race detector, which makes all of it some ten
// times slower.
var (
	idsOfEach = flag.Int("redact.ids", 2000, "ids to draw for each country")
	inLayouts = flag.Int("redact.layouts", 10, "layouts to write each id in")
	seed      = flag.Uint64("redact.seed", 1, "what ids and reminders are drawn by; 0 = others in each run")
)

// drawnBy is the seed of a run, which a failure tells.
func drawnBy() uint64 {
	if *seed == 0 {
		return rand.Uint64()
	}
	return *seed
}

// layouts are ways of writing the two halves of an id with a mark between them.
var layouts = []struct {
	name  string
	write func(date, mark, rest string) string
}{
	{"contiguous", func(d, m, n string) string { return d + strings.TrimPrefix(m, "-") + n }},
	{"canonical", func(d, m, n string) string { return d + m + n }},
	{"space", func(d, m, n string) string { return d + " " + meant(m) + n }},
	{"spaced hyphen", func(d, m, n string) string { return d + " - " + meant(m) + n }},
	{"en dash", func(d, m, n string) string { return d + "–" + meant(m) + n }},
	{"no-break hyphen", func(d, m, n string) string { return d + "\u2011" + meant(m) + n }},
	{"no-break space", func(d, m, n string) string { return d + "\u00a0" + meant(m) + n }},
	{"thin space", func(d, m, n string) string { return d + "\u2009" + meant(m) + n }},
	{"slash", func(d, m, n string) string { return d + "/" + meant(m) + n }},
	{"underscore", func(d, m, n string) string { return d + "_" + meant(m) + n }},
	{"brackets", func(d, m, n string) string { return "(" + d + ")(" + meant(m) + n + ")" }},
	{"dotted date", func(d, m, n string) string { return chunks(d, 2, ".") + m + n }},
	{"pairs", func(d, m, n string) string { return chunks(d, 2, " ") + " " + pairs(m, n, " ") }},
	{"dotted pairs", func(d, m, n string) string { return chunks(d, 2, ".") + "." + pairs(m, n, ".") }},
	{"threes", func(d, m, n string) string { return chunks(d+meant(m)+n, 3, " ") }},
	{"one by one", func(d, m, n string) string { return chunks(d+meant(m)+n, 1, " ") }},
	{"a line each", func(d, m, n string) string { return d + "\n" + meant(m) + n }},
	{"a line a digit", func(d, m, n string) string { return chunks(d+meant(m)+n, 1, "\n") }},
	{"folded", func(d, m, n string) string { return d[:4] + "\r\n " + d[4:] + m + n }},
	{"full width", func(d, m, n string) string { return wide(d) + m + wide(n) }},
	{"Arabic-Indic", func(d, m, n string) string { return shifted(d, '٠') + m + shifted(n, '٠') }},
	{"mathematical", func(d, m, n string) string { return shifted(d, '𝟎') + m + shifted(n, '𝟎') }},
	{"keycaps", func(d, m, n string) string { return chunks(d, 1, "\u20e3") + m + chunks(n, 1, "\u20e3") }},
	{"zero width", func(d, m, n string) string { return chunks(d+m+n, 1, "\u200b") }},
	{"soft hyphens", func(d, m, n string) string { return chunks(d+m+n, 2, "\u00ad") }},
	{"look-alikes", func(d, m, n string) string { return strings.NewReplacer("0", "O", "1", "l").Replace(d) + m + n }},
	{"tags", func(d, m, n string) string { return "<b>" + d + "</b>" + m + "<i>" + n + "</i>" }},
	{"comment", func(d, m, n string) string { return d[:3] + "<!-- x -->" + d[3:] + m + n }},
	{"entity", func(d, m, n string) string { return d + "&nbsp;" + meant(m) + n }},
	{"entities", func(d, m, n string) string { return each(d, "&#%d;") + m + each(n, "&#x%x;") }},
	{"entities twice", func(d, m, n string) string { return each(d, "&amp;#%d;") + m + n }},
	{"percent", func(d, m, n string) string { return each(d+m+n, "%%%02X") }},
	{"percent twice", func(d, m, n string) string { return d + "%252D" + meant(m) + n }},
	{"quoted-printable", func(d, m, n string) string { return each(d, "=%02X") + "=\r\n" + m + n }},
	{"base64", func(d, m, n string) string { return base64.StdEncoding.EncodeToString([]byte("id " + d + m + n)) }},
	{"base64url", func(d, m, n string) string { return base64.RawURLEncoding.EncodeToString([]byte(d + m + n)) }},
	{"RFC 2047", func(d, m, n string) string {
		return "=?utf-8?B?" + base64.StdEncoding.EncodeToString([]byte(d+m+n)) + "?="
	}},
}

// meant is a separator that another one must not replace.
func meant(mark string) string { return strings.TrimPrefix(mark, "-") }

// pairs leaves a rest whole that begins with a separator of its own.
func pairs(mark, rest, sep string) string {
	if mark != "-" {
		return mark + rest
	}
	return chunks(rest, 2, sep)
}

func chunks(s string, size int, sep string) string {
	var out strings.Builder
	for i, c := range s {
		if i > 0 && i%size == 0 {
			out.WriteString(sep)
		}
		out.WriteRune(c)
	}
	return out.String()
}

// each writes every byte of s in a format.
func each(s, format string) string {
	var out strings.Builder
	for i := range len(s) {
		fmt.Fprintf(&out, format, s[i])
	}
	return out.String()
}

// shifted writes the digits in the script whose nought is zero.
func shifted(s string, zero rune) string {
	return strings.Map(func(c rune) rune {
		if c >= '0' && c <= '9' {
			return c - '0' + zero
		}
		return c
	}, s)
}

func wide(s string) string { return shifted(s, '０') }

func halves(date, rest string) (d, mark, n string) {
	if len(rest) == 5 && (rest[0] < '0' || rest[0] > '9') {
		return date, rest[:1], rest[1:]
	}
	return date, "-", rest
}

// sentences are reminders and what clerks write into them, with a place for an id.
var sentences = []string{
	"Husk din tid torsdag, %s. Mød i god tid.", "Patient %s er indkaldt", "Kære %s, din aftale er flyttet. Afbud 35 45 35 45", "Journal for %s, stue 4", "CPR:%s.",
	"Kom ihåg din tid (%s) på mottagningen", "Kallelse till %s, mottagning 3", "Hej! Ditt besök %s är inställt, ring 08-123 80 00",
	"Husk timen din: %s hos oss", "Time for %s i dag kl. 14.30", "Møt til avtalt tid,%s,plan 2",
	"Muista aikasi, %s, poliklinikka 2", "Potilas %s", "Aika %s: Haartmaninkatu 4",
	"Ekki gleyma tímanum %s á morgun", "Sjúklingur %s mætir kl. 9:15", "Ihr Termin: %s in der Ambulanz", "Patient %s bitte melden, Zimmer 12",
	"Your appointment (%s) is on Thursday", "Please bring %s.", "%s", "id=%s",
}

var unitPhones = []string{"35 45 35 45", "+46 8 123 80 00"}

// unitOf is the unit in whose reminders ids are planted.
var unitOf = reminder.Unit{
	Language: "da", Names: map[string]reminder.Fact{"da": {Text: "Røntgen, afsnit 2071"}}, Address: reminder.Fact{Text: "Blegdamsvej 9, 2100 København Ø"},
	Entrance: reminder.Fact{Text: "Indgang 4, 2. sal, stue 12.04.17"}, Phone: reminder.Fact{Text: "35 45 35 45"}, Mail: reminder.Fact{Text: "tid@hospital.example"},
}

// planted renders a shipped template with the id in it, and says what the message may hold: all of the unit but the fact that
// the id is in.
func planted(t testing.TB, r *rand.Rand, from []template.Template, at time.Time, id string) (reminder.Rendered, redact.Known) {
	u := unitOf
	names, address, entrance := u.Names["da"], u.Address, u.Entrance
	f := reminder.Facts{Purpose: reminder.Remind, Start: at, Was: at.Add(was), GivenName: reminder.Mask("Anna"), Code: reminder.Mask(fmt.Sprintf("%06d", r.IntN(1_000_000)))}
	known := redact.Known{Refs: []string{f.Code.Reveal()}, Appt: []time.Time{f.Start, f.Was}, Phones: []string{u.Phone.Text}, Mails: []string{u.Mail.Text}, Recipient: []string{"Anna"}}
	place := r.IntN(6)
	with := func(fact *reminder.Fact, here int) {
		if place == here {
			fact.Text = pick(r, fact.Text+" "+id, id, id+", "+fact.Text)
		} else {
			known.Units = append(known.Units, fact.Text)
		}
	}
	with(&names, 0)
	with(&address, 1)
	with(&entrance, 2)
	switch place {
	case 3:
		f.GivenName = reminder.Mask(id)
	case 4:
		u.Phone.Text = id
	}
	u.Names, u.Address, u.Entrance = map[string]reminder.Fact{"da": names}, address, entrance
	f.Unit = u
	m, err := from[r.IntN(len(from))].Render(f)
	if err != nil {
		t.Fatal(err)
	}
	p := &m.Parts[len(m.Parts)-1]
	text := p.Text.Reveal()
	if place == 5 || !strings.Contains(text, id) { // the template does not show that fact
		p.Text, p.Spans = inLiteral(r, text, p.Spans, " "+id+" ")
	}
	return m, known
}

// inLiteral writes more between two words of the literal text.
func inLiteral(r *rand.Rand, text string, spans []reminder.Span, more string) (reminder.Masked, []reminder.Span) {
	var places []int
	for _, sp := range spans {
		for i := sp.Start; i < sp.End && sp.Fact == ""; i++ {
			if text[i] == ' ' || text[i] == '\n' {
				places = append(places, i)
			}
		}
	}
	at := places[r.IntN(len(places))]
	out := make([]reminder.Span, len(spans))
	for i, sp := range spans {
		if sp.Start > at {
			sp.Start += len(more)
		}
		if sp.End > at {
			sp.End += len(more)
		}
		out[i] = sp
	}
	return reminder.Mask(text[:at] + more + text[at:]), out
}

func shipped(t testing.TB) []template.Template {
	set, err := template.Load(templates.FS)
	if err != nil {
		t.Fatal(err)
	}
	return set.All()
}

// appointment is a start in 2026, now and then on the birthday of the one whose id begins with date.
func appointment(r *rand.Rand, date string) time.Time {
	day := time.Date(2026, 3, 10+r.IntN(300), 0, 0, 0, 0, time.UTC)
	if r.IntN(20) == 0 {
		for _, layout := range []string{"020106", "060102", "20060102"} {
			if b, err := time.Parse(layout, date); err == nil {
				day = time.Date(2026, b.Month(), b.Day(), 0, 0, 0, 0, time.UTC)
				break
			}
		}
	}
	return day.Add(time.Duration(7+r.IntN(10))*time.Hour + time.Duration(5*r.IntN(12))*time.Minute)
}

// was is how far from an appointment the start is that it had before.
const was = -72 * time.Hour

// dated reports that an id has the date of the appointment in it.
func dated(date string, at time.Time) bool {
	return strings.Contains(date, at.Format("060102")) || strings.Contains(date, at.Format("020106"))
}

// ambiguous reports an id of that date that says no more than a time, or a room behind a date: "12.03.2026 K214".
func ambiguous(layout, mark, rest string, at time.Time) bool {
	if layout == "contiguous" || layout == "canonical" {
		return rest == at.Format("1504")
	}
	return rest == at.Format("1504") || len(rest) < 4 || strings.ContainsAny(mark+rest, upper)
}

// misses counts what was not held, by form and layout, and keeps the first text of each.
type misses struct {
	n     map[string]int
	first map[string]string
}

func (m *misses) add(text string, format string, what ...any) {
	key := fmt.Sprintf(format, what...)
	if m.n[key]++; m.n[key] == 1 {
		m.first[key] = text
	}
}

func (m *misses) report(t *testing.T) (all int) {
	t.Helper()
	for key, n := range m.n {
		all += n
		t.Errorf("%s: %d times, as %s", key, n, m.first[key])
	}
	return all
}

// TestDrawnIDsAreHeld draws ids of every register and writes each in ten layouts, in sentences of seven languages, over two
// placeholders, and in the shipped templates.
func TestDrawnIDsAreHeld(t *testing.T) {
	from, by := shipped(t), drawnBy()
	for _, reg := range registers {
		t.Run(fmt.Sprintf("%s/seed %d", reg.country, by), func(t *testing.T) {
			t.Parallel()
			began := time.Now()
			s, err := redact.New(redact.Options{Checked: template.Checked()})
			if err != nil {
				t.Fatal(err)
			}
			r := rand.New(rand.NewPCG(by, uint64(reg.country[0])<<8|uint64(reg.country[1])))
			n := *idsOfEach
			missed := misses{map[string]int{}, map[string]string{}}
			texts := 0
			for i := range n {
				f := reg.forms[i%len(reg.forms)]
				d, mark, rest := halves(f.draw(r))
				for k := range *inLayouts {
					mode := (i + k) % 4
					l := layouts[(i + k*len(layouts) / *inLayouts)%len(layouts)]
					id := l.write(d, mark, rest)
					at := appointment(r, d)
					if (dated(d, at) || dated(d, at.Add(was))) && ambiguous(l.name, mark, rest, at) {
						at = at.AddDate(0, 0, 1)
					}
					before, after, _ := strings.Cut(sentences[r.IntN(len(sentences))], "%s")
					known := redact.Known{Appt: []time.Time{at}, Phones: unitPhones}
					texts++
					if mode%2 == 0 {
						if s.ScanText(before+id+after, known) == nil {
							missed.add(fmt.Sprintf("%q at %s", before+id+after, at.Format(time.DateTime)), "%s, %s, in plain text", f.name, l.name)
						}
						continue
					}
					var m reminder.Rendered
					if mode == 1 {
						m, known = planted(t, r, from, at, id)
					} else {
						cut := r.IntN(len(id) + 1)
						m = new(pieces).lit(before).fact("unit", id[:cut]).fact("room", id[cut:]).lit(after).rendered(reminder.PartSubject)
					}
					if s.Scan(m, known) == nil {
						p := m.Parts[len(m.Parts)-1]
						missed.add(fmt.Sprintf("%q at %s, spans %+v", p.Text.Reveal(), at.Format(time.DateTime), p.Spans), "%s, %s, in a message", f.name, l.name)
					}
				}
			}
			t.Logf("seed %d: %d ids in %d texts, %d missed, %.1f s", by, n, texts, missed.report(t), time.Since(began).Seconds())
		})
	}
}

// alike are the countries whose ids an id of another may look like until a label tells, and why.
var alike = map[string]struct{ countries, why string }{
	"DK":        {"SE", "a date both ways and Luhn by chance, where mod-11 does not fit"},
	"SE":        {"DK FI", "a date both ways and mod-11 by chance; a reserve number of Skåne may be like an eCPR or a henkilötunnus"},
	"FI":        {"DK SE", "a control character that is a digit"},
	"IS":        {"DK SE", "a kennitala is like a CPR number without mod-11, a kerfiskennitala may be like a replacement number"},
	"FO and GL": {"DK SE", "Greenland's numbers are Denmark's"},
}

// TestNamesOfCanonicalIDs: in the layout of its register an id is one finding, a national id, named after its country or one
// whose ids look alike.
func TestNamesOfCanonicalIDs(t *testing.T) {
	s := newScanner(t)
	r := rand.New(rand.NewPCG(3, 4))
	for _, reg := range registers {
		for _, f := range reg.forms {
			wrong := misses{map[string]int{}, map[string]string{}}
			for range 2000 {
				d, mark, rest := halves(f.draw(r))
				text := "Tid: " + d + mark + rest + " x"
				switch f.name {
				case "KVNR":
					text = "Tid: " + d + rest + " x"
				case "IdNr", "IdNr before 2016": // one in ten numbers is one by its check digit
					text = "Steuer-ID: " + d + rest + " x"
				}
				got := s.ScanText(text, redact.Known{})
				if len(got) != 1 || !got[0].NationalID() {
					wrong.add(fmt.Sprintf("%q: %+v", text, got), "%s is no national id", f.name)
				} else if c := countryOfKind(got[0].Kind); c != reg.country && !strings.Contains(alike[reg.country].countries, c) {
					wrong.add(fmt.Sprintf("%q", text), "%s named %s", f.name, got[0].Kind)
				}
			}
			wrong.report(t)
		}
	}
}
