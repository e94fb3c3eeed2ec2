package redact

import (
	"errors"
	"sync"
	"time"

	"github.com/husk-reminders/husk/pkg/reminder"
)

// ErrChecked refuses Options that would trust literal text.
var ErrChecked = errors.New(`redact: options: field Checked has the empty name: name placeholders, literal text is never trusted`)

// Options of a Scanner.
type Options struct {
	// Checked are the placeholders whose digits are explained by their position alone, because the renderer formats them
	// from a typed value: "date", "time", "weekday", "was_date", "was_time". Never one whose value is text from outside.
	Checked map[string]bool
}

// Known is what this one message may contain, and whom it must not name.
type Known struct {
	Appt   []time.Time // starts this message may print, in the appointment's zone
	Phones []string    // of the unit, as written anywhere; compared by digits, with and without country code
	Mails  []string    // of the unit
	Links  []string    // of the unit; a link passes when it begins with one
	Refs   []string    // references, codes and random tokens of this message
	To     string      // the recipient's address as the carrier writes it: explained in the header To of a wire, nowhere else
	// Unsubscribe is the whole value of the header List-Unsubscribe of this very message: explained there, nowhere else. "" = it has none.
	Unsubscribe string
	Units       []string // texts of the unit directory: names, address, entrance, room
	Staff       []string // names from the staff directory
	Recipient   []string // the recipient's names
	Children    []string // the recipient's verified children
	Others      []reminder.Other
}

// Scanner finds what must not leave. It is safe for concurrent use and keeps nothing between calls.
type Scanner struct {
	checked []string
	pool    sync.Pool
}

// New checks the options and makes a Scanner.
func New(o Options) (*Scanner, error) {
	if _, ok := o.Checked[""]; ok {
		return nil, ErrChecked
	}
	s := new(Scanner)
	for name, checked := range o.Checked {
		if checked {
			s.checked = append(s.checked, name)
		}
	}
	s.pool.New = func() any { return new(scan) }
	return s, nil
}

// Scan reads every part of a rendered message with its provenance; nil means clean. A number may be split over placeholders,
// or over two parts.
func (s *Scanner) Scan(r reminder.Rendered, known Known) []Finding {
	w := s.pool.Get().(*scan)
	defer s.release(w)
	w.begin(known, true, s.checked)
	for i := range r.Parts {
		p := &r.Parts[i]
		w.read(p.Kind, p.Text.Reveal(), p.Spans)
	}
	w.join()
	return w.out
}

// ScanText reads plain text of unknown origin; nil means clean. Typed shapes pass (see the package comment); findings
// have Part "text" and no Fact.
func (s *Scanner) ScanText(text string, known Known) []Finding {
	w := s.pool.Get().(*scan)
	defer s.release(w)
	w.begin(known, false, nil)
	w.read(reminder.PartText, text, nil)
	return w.out
}

// scan is the working memory of one call, pooled. It is wiped after use: the pool must not keep personal data.
type scan struct {
	known   Known
	strict  bool
	checked []string
	part    reminder.PartKind
	spans   []reminder.Span
	out     []Finding
	first   int // index in out of the part's first finding
	begins  int // byte of the part where it begins, behind a header's name
	ends    []ends

	raw    view     // the part as it is
	given  []cover  // byte ranges explained by what a line of a wire is
	covers []cover  // explained byte ranges of the part, sorted, disjoint
	appts  []clock  // see times
	phones []number // the unit's
	refs   []number
	others []number // phones of the negative list
	names  nameSet  // folded names of the negative list

	digits []byte // values 0 to 9 of the view at hand
	groups []group
	words  []word

	spelled int // digit words in a row, while tokens are cut
	work    int // bytes that tokens were cut from, in all views
}

func (s *Scanner) release(w *scan) {
	w.out = nil
	w.known, w.spans, w.checked, w.raw = Known{}, nil, nil, view{}
	clear(w.digits[:cap(w.digits)])
	clear(w.phones[:cap(w.phones)])
	clear(w.refs[:cap(w.refs)])
	clear(w.others[:cap(w.others)])
	clear(w.appts[:cap(w.appts)])
	w.names.wipe()
	clear(w.ends[:cap(w.ends)])
	w.ends = w.ends[:0]
	if cap(w.groups) > 1<<12 || cap(w.words) > 1<<12 || cap(w.digits) > 1<<14 {
		*w = scan{} // one huge text must not pin memory
	}
	s.pool.Put(w)
}

func (s *scan) begin(known Known, strict bool, checked []string) {
	s.known, s.strict, s.checked, s.out, s.first, s.work = known, strict, checked, nil, 0, 0
	s.appts, s.phones, s.refs, s.others = s.appts[:0], s.phones[:0], s.refs[:0], s.others[:0]
	for _, p := range known.Phones {
		s.phones = appendNumber(s.phones, p)
	}
	for _, r := range known.Refs {
		s.refs = appendNumber(s.refs, r)
	}
	for _, u := range known.Units {
		if !hasLetter(u) {
			s.refs = appendNumber(s.refs, u)
		}
	}
	s.names.reset()
	for i := range known.Others {
		for _, p := range known.Others[i].Phones {
			s.others = appendNumber(s.others, p.Reveal())
		}
		for _, n := range known.Others[i].Names {
			s.names.add(n.Reveal())
		}
	}
}

// read scans one part.
func (s *scan) read(kind reminder.PartKind, text string, spans []reminder.Span) {
	s.part, s.spans, s.first = kind, spans, len(s.out)
	s.ends = append(s.ends, ends{})
	s.raw = view{text: text}
	found := s.tokenize(&s.raw)
	s.cover(text, found)
	if found&flagSlow != 0 {
		s.layer(&s.raw, 0)
		found = s.tokenize(&s.raw)
	}
	s.evaluate(&s.raw, found)
	s.thirdParties(&s.raw, found)
	s.clothes(&s.raw, found)
}

// evaluate looks at the tokens of a view.
func (s *scan) evaluate(v *view, found flags) {
	if len(s.digits) >= minRun {
		s.chains(v)
	}
	if v.ids {
		return
	}
	if s.strict && len(s.groups) > 0 {
		s.edges(v)
	}
	if found&flagAt != 0 {
		s.mails(v)
	}
	if found&flagLink != 0 {
		s.links(v)
	}
}

// view is a text to scan and where its bytes come from. The raw part has no map.
type view struct {
	text string
	off  []int32 // for each byte, and one past the last, the byte of the part it comes from; nil = itself
	// quiet: made by taking off what may be no encoding, so a hidden character in it tells nothing.
	quiet bool
	// ids: made by taking what a reader may take for digits as digits, so only what is a national id then tells something.
	ids bool
}

func (v *view) origin(i int) int {
	if v.off == nil {
		return i
	}
	return int(v.off[i])
}

// originEnd is where in the part a range of the view that ends before i ends.
func (v *view) originEnd(i int) int {
	if v.off == nil {
		return i
	}
	// Characters dropped between i-1 and i, or an encoded character's remaining bytes, belong to the range's last one.
	end := int(v.off[i])
	if i > 0 && end <= int(v.off[i-1]) {
		end = int(v.off[i-1]) + 1
	}
	return end
}
