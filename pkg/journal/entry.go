package journal

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/husk-reminders/husk/pkg/reminder"
)

// Version is the version of the entry format that this program writes. It reads this and every older one.
const Version = 1

// ErrFormat is returned for an entry that this program can't read: one of a newer version, or a damaged one. Folding
// must stop there.
var ErrFormat = errors.New("journal: entry of an unknown format")

// Stream is one of the journal's streams.
type Stream string

// The streams, as the broker names them.
const (
	StreamStop    Stream = "HUSK_STOP"
	StreamPeople  Stream = "HUSK_PEOPLE"
	StreamJournal Stream = "HUSK_JOURNAL"
	StreamKeys    Stream = "HUSK_KEYS"
	StreamAudit   Stream = "HUSK_AUDIT"
	StreamDead    Stream = "HUSK_DEAD"
)

// Streams lists them all.
var Streams = []Stream{StreamStop, StreamPeople, StreamJournal, StreamKeys, StreamAudit, StreamDead}

// Kind says what an entry is about. The list is closed.
type Kind string

// The kinds, each in its stream.
const (
	KindBar     Kind = "bar"     // Stop: STOP or START from an address
	KindSwitch  Kind = "switch"  // Stop: sending stopped or let go on
	KindConsent Kind = "consent" // People, withdrawals in Stop
	KindContact Kind = "contact" // People
	KindPlan    Kind = "plan"    // Journal, as all below
	KindOwned   Kind = "owned"
	KindIntent  Kind = "intent"
	KindOutcome Kind = "outcome"
	KindVerdict Kind = "verdict"
	KindPreview Kind = "preview"
	KindReport  Kind = "report"
	KindLetter  Kind = "letter" // somebody has written to or rung a patient
	KindOrphan  Kind = "orphan" // a delivery report without an attempt
	KindTrim    Kind = "trim"
	KindErased  Kind = "erased" // People, and Journal: a person was erased
	KindMerged  Kind = "merged" // People: two ids were one person's
	KindProof   Kind = "proof"  // People: what is kept of an erased person's words
	KindKey     Kind = "key"    // Keys, as the three below
	KindDrop    Kind = "drop"   // data keys are no longer used
	KindEpoch   Kind = "epoch"  // the data keys are rewrapped
	KindHolder  Kind = "holder" // who has a keyset file
	KindAudit   Kind = "audit"  // Audit
	KindDead    Kind = "dead"   // Dead
)

// Entry is one entry. Clear is readable by the fold without keys and holds pseudonyms, random ids, statuses and times
// only; Sealed is sealed with the person's data key.
type Entry struct {
	Stream Stream
	Kind   Kind
	Shard  int
	Person reminder.PersonKey
	At     time.Time
	Clear  json.RawMessage
	Sealed []byte
	Flags  []byte // a second, small sealed part

	Seq uint64 // set when read
}

type wire struct {
	V      int                `json:"v"`
	Kind   Kind               `json:"k"`
	Person reminder.PersonKey `json:"p,omitempty"`
	At     time.Time          `json:"at"`
	Clear  json.RawMessage    `json:"c,omitempty"`
	Sealed []byte             `json:"s,omitempty"`
	Flags  []byte             `json:"f,omitempty"`
}

// Subject is where the entry is published: husk.<stream>[.<kind>].<shard>.
func (e Entry) Subject() string {
	switch e.Stream {
	case StreamStop:
		return fmt.Sprintf("husk.stop.%02x", e.Shard)
	case StreamKeys:
		return fmt.Sprintf("husk.keys.%02x", e.Shard)
	case StreamPeople:
		return fmt.Sprintf("husk.people.%s.%02x", e.Kind, e.Shard)
	case StreamJournal:
		return fmt.Sprintf("husk.journal.%s.%02x", e.Kind, e.Shard)
	case StreamAudit:
		return "husk.audit." + string(e.Kind)
	default:
		return "husk.dead." + string(e.Kind)
	}
}

// A run is one message that holds several entries, which are written together and share a sequence: all of them or none are
// there, and the broker syncs once. Its subject is that of an entry of the kind run, with the shard of its first entry; each
// line of it is the end of an entry's own subject, a blank, and the entry.
const kindRun Kind = "run"

// runs says of which streams entries that are written together are one message. In the others each is a message of its
// own, to be found or deleted by its sequence.
func (s Stream) runs() bool { return s == StreamPeople || s == StreamJournal }

// appendRun adds an entry to a run.
func appendRun(run []byte, m *nats.Msg) []byte {
	run = append(run, lastTokens(m.Subject)...)
	run = append(run, ' ')
	run = append(run, m.Data...) // JSON on one line
	return append(run, '\n')
}

// lastTokens are the kind and the shard of a subject.
func lastTokens(subject string) string {
	i := strings.LastIndexByte(subject, '.')
	return subject[strings.LastIndexByte(subject[:i], '.')+1:]
}

// DecodeMessage reads a message of a stream: an entry, or a run of them.
func DecodeMessage(stream Stream, subject string, data []byte) ([]Entry, error) {
	if !stream.runs() || !strings.HasPrefix(lastTokens(subject), string(kindRun)+".") {
		e, err := Decode(stream, subject, data)
		return []Entry{e}, err
	}
	entries := make([]Entry, 0, bytes.Count(data, []byte{'\n'}))
	for line := range bytes.Lines(data) {
		own, text, ok := bytes.Cut(line, []byte{' '})
		if !ok {
			return nil, fmt.Errorf("%w: not a run of entries", ErrFormat)
		}
		e, err := Decode(stream, string(own), text)
		if err != nil {
			return nil, err
		}
		entries = append(entries, e)
	}
	if len(entries) == 0 {
		return nil, fmt.Errorf("%w: an empty run", ErrFormat)
	}
	return entries, nil
}

// Encode is the entry as it is published.
func (e Entry) Encode() ([]byte, error) {
	b, err := json.Marshal(wire{Version, e.Kind, e.Person, e.At.UTC(), e.Clear, e.Sealed, e.Flags})
	if err != nil {
		return nil, fmt.Errorf("journal: encode %s entry: %w", e.Kind, err)
	}
	return b, nil
}

// Decode reads what Encode wrote. Shard comes from the subject.
func Decode(stream Stream, subject string, data []byte) (Entry, error) {
	var w wire
	if err := json.Unmarshal(data, &w); err != nil {
		return Entry{}, fmt.Errorf("%w: not JSON of the entry's shape", ErrFormat)
	}
	if w.V < 1 || w.V > Version {
		return Entry{}, fmt.Errorf("%w: version %d, this program reads 1 to %d", ErrFormat, w.V, Version)
	}
	e := Entry{Stream: stream, Kind: w.Kind, Person: w.Person, At: w.At, Clear: w.Clear, Sealed: w.Sealed, Flags: w.Flags}
	if stream != StreamAudit && stream != StreamDead {
		i := strings.LastIndexByte(subject, '.')
		n, err := strconv.ParseUint(subject[i+1:], 16, 8)
		if err != nil || n >= reminder.Shards || len(subject[i+1:]) != 2 {
			return Entry{}, fmt.Errorf("%w: subject without a shard", ErrFormat)
		}
		e.Shard = int(n)
	}
	return e, nil
}
