package ledger

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/husk-reminders/husk/pkg/consent"
	"github.com/husk-reminders/husk/pkg/contact"
	"github.com/husk-reminders/husk/pkg/journal"
	"github.com/husk-reminders/husk/pkg/reminder"
	"github.com/husk-reminders/husk/pkg/state"
)

// Marks keeps how far something has come, by name.
type Marks interface {
	Mark(ctx context.Context, name string) (string, error) // "" = nothing is kept
	SetMark(ctx context.Context, name, value string) error // "" forgets it
}

// ImportMost is the most rows that one batch may have: what each of them becomes must fit into one atomic batch.
const ImportMost = 500

// Importing is a run of rows of a file, in the file's order.
type Importing struct {
	File    string // SHA-256 of the file, 64 hex digits
	By      string // who imports it, for the record
	Rows    []ImportRow
	Through int  // the file's line up to which all rows have been given, with these
	Last    bool // no rows come after these
	DryRun  bool // nothing is written
}

// ImportRow is one row: a word or an address, valid but for its id and the time it is recorded.
type ImportRow struct {
	Line     int
	Evidence string
	Word     *consent.Record
	Address  *contact.Record
}

// Outcome is what became of a row.
type Outcome string

// The outcomes.
const (
	Imported Outcome = "imported"
	Known    Outcome = "known"    // it is there already, from this file or another
	Inactive Outcome = "inactive" // it is kept, and allows nothing: see Why
	Refused  Outcome = "refused"  // nothing was written; see Why
)

// ImportLine is what became of one row, without any of its values.
type ImportLine struct {
	Line    int     `json:"line"`
	Outcome Outcome `json:"outcome"`
	Field   string  `json:"field,omitempty"` // that is wrong
	Why     string  `json:"why,omitempty"`
}

// ImportResult is what became of the rows: those that were refused or are inactive by line, the others by number.
type ImportResult struct {
	Imported int          `json:"imported"` // the inactive ones too
	Known    int          `json:"known"`
	Lines    []ImportLine `json:"lines,omitempty"`
}

// Why a row is refused or inactive.
const (
	whyErased  = "it was said before the person was erased"
	whyMerged  = "the person goes by another national id now: use that"
	whyMethod  = "the method proves nothing"
	whyLaterNo = "a no was said at that time or later"
)

// ImportedThrough is the line of a file up to which an import that was broken off had come; 0 when there is none.
func (l *Ledger) ImportedThrough(ctx context.Context, file string) (int, error) {
	if l.o.Marks == nil {
		return 0, nil
	}
	s, err := l.o.Marks.Mark(ctx, importMark(file))
	if err != nil || s == "" {
		return 0, err
	}
	if n, err := strconv.Atoi(s); err == nil {
		return n, nil
	}
	return 0, nil // what it says can't be known: from the start, then
}

func importMark(file string) string { return "import." + file }

// Import journals rows of a file, those that say no first, and waits until they are folded and the no's final. A row's record has an id
// made of what it says, so that it counts once however often and from whatever file it is imported; one that is there already is
// not written again. What was said before a person was erased is refused. A yes never counts over a no that was said at the same
// time or later: consent.Fold sees to that, and here it is told.
func (l *Ledger) Import(ctx context.Context, x Importing) (ImportResult, error) {
	var out ImportResult
	if len(x.Rows) > ImportMost {
		return out, fmt.Errorf("ledger: import: %d rows in one batch: want at most %d", len(x.Rows), ImportMost)
	}
	b := importBatch{Ledger: l, Importing: x, now: l.o.Now(), has: map[string]bool{}}
	if err := b.look(ctx); err != nil {
		return out, err
	}
	if err := b.decide(ctx, &out); err != nil {
		return out, err
	}
	if x.DryRun {
		return out, nil
	}
	if err := b.writeAll(ctx); err != nil {
		return out, err
	}
	if l.o.Marks == nil {
		return out, nil
	}
	mark := strconv.Itoa(x.Through)
	if x.Last {
		mark = ""
	}
	return out, l.o.Marks.SetMark(ctx, importMark(x.File), mark)
}

// importBatch is one Import at work.
type importBatch struct {
	*Ledger
	Importing
	now     time.Time
	persons map[reminder.PersonKey]state.Person
	has     map[string]bool // ids of records that are there, with their person
	words   []importWord
	spots   []importSpot
}

type importWord struct {
	consent.Record
	from *Source
}

type importSpot struct {
	contact.Record
	from *Source
}

func (r ImportRow) person() reminder.PersonKey {
	if r.Word != nil {
		return r.Word.Person
	}
	return r.Address.Person
}

// look reads what is known of the persons, and of whom they go by since.
func (b *importBatch) look(ctx context.Context) error {
	b.persons = map[reminder.PersonKey]state.Person{}
	var keys []reminder.PersonKey
	asked := map[reminder.PersonKey]bool{}
	ask := func(p reminder.PersonKey) {
		if p != "" && !asked[p] {
			asked[p], keys = true, append(keys, p)
		}
	}
	for _, r := range b.Rows {
		ask(r.person())
	}
	for len(keys) > 0 {
		ps, err := b.o.State.Persons(ctx, keys)
		if err != nil {
			return fmt.Errorf("ledger: %w", err)
		}
		keys = nil
		for _, p := range ps {
			ask(p.Into)
			b.persons[p.Key] = p
			for _, r := range p.Consent {
				b.has[string(p.Key)+r.ID] = true
			}
			for _, r := range p.Contact {
				b.has[string(p.Key)+r.ID] = true
			}
		}
	}
	return nil
}

// decide decides about each row.
func (b *importBatch) decide(ctx context.Context, out *ImportResult) error {
	for _, r := range b.Rows {
		line := ImportLine{Line: r.Line, Outcome: Imported}
		var err error
		if r.Word != nil {
			err = b.decideWord(r, &line)
		} else {
			err = b.decideSpot(r, &line)
		}
		if err != nil {
			return err
		}
		switch line.Outcome {
		case Known:
			out.Known++
		case Imported:
			out.Imported++
		case Inactive:
			out.Imported++
			out.Lines = append(out.Lines, line)
		case Refused:
			out.Lines = append(out.Lines, line)
		}
	}
	return ctx.Err()
}

func (b *importBatch) source(r ImportRow) *Source {
	return &Source{File: b.File, Line: r.Line, Evidence: r.Evidence, By: b.By}
}

// barred reports whether nothing of what was said then may be imported of a person.
func (b *importBatch) barred(p reminder.PersonKey, said time.Time, no bool, line *ImportLine) bool {
	if at, ok := b.o.Keys.Erased(p); ok && !said.After(at) {
		line.Outcome, line.Field, line.Why = Refused, "said", whyErased
	} else if x := b.persons[p]; x.Into != "" && !no {
		line.Outcome, line.Field, line.Why = Refused, "id", whyMerged
	}
	return line.Outcome == Refused
}

func (b *importBatch) decideWord(row ImportRow, line *ImportLine) error {
	r := *row.Word
	r.Recorded = b.now
	id, err := importID(r, row.Evidence)
	if err != nil {
		return err
	}
	r.ID = id
	if err := r.Validate(); err != nil {
		line.Outcome = Refused
		line.Field, line.Why = fault(err, consent.ErrRecord)
		return nil
	}
	if b.barred(r.Person, r.EventTime, r.Restricts(), line) {
		return nil
	}
	if !b.addWord(r, b.source(row)) {
		line.Outcome = Known
		return nil
	}
	if !isYes(r) {
		return nil
	}
	switch {
	case !r.Method.CanGrant():
		line.Outcome, line.Field, line.Why = Inactive, "method", whyMethod
	case b.laterNo(r):
		line.Outcome, line.Field, line.Why = Inactive, "said", whyLaterNo
	}
	return nil
}

func isYes(r consent.Record) bool { return r.Type == consent.Granted || r.Type == consent.Noticed }

// laterNo reports whether a no about any of what the yes names was said at its time or later, as far as is known.
func (b *importBatch) laterNo(yes consent.Record) bool {
	meets := func(no consent.Record) bool {
		purposes := len(no.Purposes) == 0 || slices.ContainsFunc(yes.Purposes, func(p reminder.Purpose) bool { return slices.Contains(no.Purposes, p) })
		channels := len(no.Channels) == 0 || slices.ContainsFunc(yes.Channels, func(c reminder.Channel) bool { return slices.Contains(no.Channels, c) })
		return no.IsNo() && purposes && channels && !no.EventTime.Before(yes.EventTime)
	}
	return slices.ContainsFunc(b.persons[yes.Person].Consent, meets) ||
		slices.ContainsFunc(b.words, func(w importWord) bool { return w.Person == yes.Person && meets(w.Record) })
}

func (b *importBatch) decideSpot(row ImportRow, line *ImportLine) error {
	r := *row.Address
	r.Recorded = b.now
	r.Hash, r.Channel = b.o.Pseudonyms.Address(r.Address), r.Address.Channel
	id, err := importID(r, row.Evidence)
	if err != nil {
		return err
	}
	r.ID = id
	if err := r.Validate(); err != nil {
		line.Outcome = Refused
		line.Field, line.Why = fault(err, contact.ErrRecord)
		return nil
	}
	if b.barred(r.Person, r.EventTime, r.IsBad(), line) {
		return nil
	}
	if !b.addSpot(r, b.source(row)) {
		line.Outcome = Known
		return nil
	}
	if r.IsBad() {
		return nil
	}
	switch {
	case r.Type == contact.Added:
		line.Outcome, line.Field, line.Why = Inactive, "method", whyMethod
	case slices.ContainsFunc(b.persons[r.Person].Contact, func(c state.Contact) bool {
		return c.Hash == r.Hash && c.IsBad() && !c.EventTime.Before(r.EventTime)
	}):
		line.Outcome, line.Field, line.Why = Inactive, "said", whyLaterNo
	}
	return nil
}

// write writes what was decided.
func (b *importBatch) write(ctx context.Context) error {
	var persons []reminder.PersonKey
	for _, w := range b.words {
		persons = append(persons, w.Person)
	}
	for _, w := range b.spots {
		persons = append(persons, w.Person)
	}
	if err := b.o.Keys.Ensure(ctx, b.now, persons...); err != nil {
		return err
	}
	var no, yes []journal.Entry
	var wait []reminder.PersonKey
	var waitAt []reminder.AddressHash
	for _, w := range b.words {
		e, err := b.consentEntry(w.Record, w.from)
		if err != nil {
			return err
		}
		if e.Stream == journal.StreamStop {
			no, wait = append(no, e), append(wait, w.Person)
		} else {
			yes = append(yes, e)
		}
	}
	for _, w := range b.spots {
		e, err := b.contactEntry(w.Record, w.from)
		if err != nil {
			return err
		}
		if yes = append(yes, e); w.IsBad() {
			waitAt = append(waitAt, w.Hash)
		}
	}
	// Written again after a lost answer they count once: their ids are the same.
	for _, es := range [][]journal.Entry{no, yes} {
		if err := b.insist(ctx, func() error { return b.writeBatches(ctx, es) }); err != nil {
			return err
		}
	}
	for _, p := range wait {
		if err := b.settled(ctx, "withdrawn", "", p); err != nil {
			return err
		}
	}
	for _, a := range waitAt {
		if err := b.settled(ctx, "address", a, ""); err != nil {
			return err
		}
	}
	return nil
}

// importID is a record's id, made of what it says and where the proof is: of its content alone, so that the same row has the same
// id in every file. The person and the address are in it by their keyed pseudonyms, which nobody turns back without the key.
func importID(r any, evidence string) (string, error) {
	switch x := r.(type) {
	case consent.Record:
		x.ID, x.Recorded, x.Pack.ID, x.Pack.Hash = "", time.Time{}, "", ""
		r = x
	case contact.Record:
		x.ID, x.Recorded = "", time.Time{}
		r = x
	}
	b, err := json.Marshal(r)
	if err != nil {
		return "", fmt.Errorf("ledger: import: %w", err)
	}
	sum := sha256.Sum256(append(append(b, '|'), evidence...))
	return hex.EncodeToString(sum[:12]), nil
}

// fault takes "package: record: field: want what" apart.
func fault(err, sentinel error) (field, why string) {
	text := err.Error()
	prefix := sentinel.Error() + ": "
	if len(text) > len(prefix) && errors.Is(err, sentinel) {
		text = text[len(prefix):]
	}
	for i := range text {
		if text[i] == ':' {
			return text[:i], text[min(i+2, len(text)):]
		}
	}
	return "", text
}
