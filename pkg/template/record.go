package template

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// What a record refuses. Their text names versions, never words of a text.
var (
	ErrNoVersion = errors.New("template: no such version")
	ErrConflict  = errors.New("template: somebody else has changed it since")
	ErrSame      = errors.New("template: this is the text that is live")
	ErrWasLive   = errors.New("template: this text was live before: roll back to it")
	ErrApproved  = errors.New("template: the version is approved and waits for its start")
	ErrNotDraft  = errors.New("template: not an open draft")
	ErrWaits     = errors.New("template: another approved version waits for its start: cancel that first")
	ErrCollision = errors.New("template: another text has the same id: change a letter")
)

// State is where a version is in its life.
type State string

// The states. A draft on which a newer one was made, and a version that another took over from, are superseded.
const (
	Draft      State = "draft"
	Approved   State = "approved" // waits for its start
	Serving    State = "live"
	Superseded State = "superseded"
	Discarded  State = "discarded"
)

// States lists all states.
var States = []State{Draft, Approved, Serving, Superseded, Discarded}

// Author is who did something to a text: staff, never a patient.
type Author struct {
	Subject string `json:"subject"`          // tells two people apart
	Holder  string `json:"holder,omitempty"` // whose the API key is
	Name    string `json:"name"`             // as it is shown
}

// Is reports whether two authors are one person.
func (a Author) Is(b Author) bool {
	return a.Subject != "" && a.Subject == b.Subject || a.Holder != "" && a.Holder == b.Holder
}

// Act is something done to a version.
type Act struct {
	By     Author    `json:"by"`
	At     time.Time `json:"at"`
	Reason string    `json:"reason,omitempty"`
}

// Version is one text of a template, without the text.
type Version struct {
	ID        string    `json:"id"`  // "da/reminder.sms@3f2a91c0", as Template.ID
	Sum       string    `json:"sum"` // SHA-256 of the text in hex: the id alone is too short to prove that a text is this one
	Author    Author    `json:"author,omitzero"`
	At        time.Time `json:"at"`
	Base      string    `json:"base,omitempty"` // the version it was made from
	Note      string    `json:"note,omitempty"`
	File      bool      `json:"file,omitempty"` // it came as a file and was approved by whoever installed it
	Next      string    `json:"next,omitempty"` // the draft that was made of this one
	Discarded *Act      `json:"discarded,omitempty"`
}

// Turn is the decision that a version is live from an instant on. Its Act is the approval, or the rolling back.
type Turn struct {
	Act
	Version   string    `json:"version"`
	From      time.Time `json:"from"`
	Back      bool      `json:"back,omitempty"` // it is rolled back to
	Cancelled *Act      `json:"cancelled,omitempty"`
	Canary    *Canary   `json:"canary,omitempty"` // it begins with a share of the messages
}

// Record is the life of one template. Each change is a method that looks at the whole and either does all of it or returns an
// error and changes nothing; whoever keeps records writes one only over the revision that was read. Which version is live follows
// from the turns and the clock, so that a scheduled start needs nobody to write anything.
//
// file is the id of the version that the process's files have, "" without one. It is live for as long as no version was approved.
type Record struct {
	Name     string    `json:"name"` // "da/reminder.sms"
	Versions []Version `json:"versions"`
	Turns    []Turn    `json:"turns,omitempty"`
}

// NewVersion is the version that a text of the template called name would be.
func NewVersion(name string, text []byte) Version {
	sum := sha256.Sum256(text)
	s := hex.EncodeToString(sum[:])
	return Version{ID: name + "@" + s[:8], Sum: s}
}

// NameOf is the template of a version: "da/reminder.sms" of "da/reminder.sms@3f2a91c0".
func NameOf(id string) string {
	name, _, _ := strings.Cut(id, "@")
	return name
}

// Path is the file name of the template called name, "da/reminder.sms.txt"; false where that is no template's name.
func Path(name string) (string, bool) {
	_, _, ok := parsePath(name + ".txt")
	return name + ".txt", ok
}

// MaxText is the most bytes of a text.
const MaxText = maxFile

// Find returns a version.
func (r Record) Find(id string) (Version, bool) {
	if i := r.index(id); i >= 0 {
		return r.Versions[i], true
	}
	return Version{}, false
}

func (r Record) index(id string) int {
	return slices.IndexFunc(r.Versions, func(v Version) bool { return v.ID == id })
}

// Decided reports whether anybody has ever approved a version: from its start on the files count no more.
func (r Record) Decided(now time.Time) bool { return r.turn(now) != nil }

// turn is the one that holds at now; nil = the file's version is live.
func (r Record) turn(now time.Time) *Turn {
	for i := len(r.Turns) - 1; i >= 0; i-- {
		t := &r.Turns[i]
		if t.Cancelled != nil || t.From.After(now) {
			continue
		}
		if t.stopped() { // also where the clock has not come to the turn that took over
			return r.whole(i)
		}
		return t
	}
	return nil
}

// Live is the version that is live at now: file where none was approved.
func (r Record) Live(now time.Time, file string) string {
	if t := r.turn(now); t != nil {
		return t.Version
	}
	return file
}

// Waiting is the turn that is yet to begin; nil = none.
func (r Record) Waiting(now time.Time) *Turn {
	for i := range r.Turns {
		if t := &r.Turns[i]; t.Cancelled == nil && t.From.After(now) {
			return t
		}
	}
	return nil
}

// WasLive reports whether a version is or was live.
func (r Record) WasLive(id string, now time.Time) bool {
	if v, ok := r.Find(id); ok && v.File {
		return true
	}
	return slices.ContainsFunc(r.Turns, func(t Turn) bool { return t.Version == id && t.Cancelled == nil && !t.From.After(now) })
}

// State says where a version of the record is in its life.
func (r Record) State(id string, now time.Time, file string) State {
	w := r.Waiting(now)
	v, _ := r.Find(id)
	switch {
	case r.Live(now, file) == id:
		return Serving
	case w != nil && w.Version == id:
		return Approved
	case r.WasLive(id, now):
		return Superseded
	case v.Discarded != nil:
		return Discarded
	case v.Next != "":
		return Superseded
	}
	return Draft
}

// Open is the open draft: there is one at most.
func (r Record) Open(now time.Time, file string) (Version, bool) {
	for i := len(r.Versions) - 1; i >= 0; i-- {
		if r.State(r.Versions[i].ID, now, file) == Draft {
			return r.Versions[i], true
		}
	}
	return Version{}, false
}

// Head is the version that a new draft has to be made from: the open draft, else the one that waits for its start, else the live
// one; "" when there is none.
func (r Record) Head(now time.Time, file string) string {
	if v, ok := r.Open(now, file); ok {
		return v.ID
	}
	if w := r.Waiting(now); w != nil {
		return w.Version
	}
	return r.Live(now, file)
}

// Seed puts the version that the files have into the record, so that it can be shown and rolled back to.
func (r *Record) Seed(v Version) {
	if i := r.index(v.ID); i >= 0 || r.turned() {
		return // known, or a file that nobody made a draft of
	}
	v.File = true
	r.Versions = append(r.Versions, v)
}

func (r Record) turned() bool {
	return slices.ContainsFunc(r.Turns, func(t Turn) bool { return t.Cancelled == nil })
}

// Save adds a draft, made from d.Base. ErrConflict when the head is another one by now: what it says is to be read first. The text
// of the open draft saved again changes nothing.
func (r *Record) Save(d Version, now time.Time, file string) error {
	i := r.index(d.ID)
	if i >= 0 && r.Versions[i].Sum != d.Sum {
		return fmt.Errorf("%w: %s", ErrCollision, d.ID)
	}
	switch state := r.State(d.ID, now, file); {
	case state == Serving:
		return fmt.Errorf("%w: %s", ErrSame, d.ID)
	case i < 0:
	case state == Draft:
		return nil
	case state == Approved:
		return fmt.Errorf("%w: %s", ErrApproved, d.ID)
	case r.WasLive(d.ID, now):
		return fmt.Errorf("%w: %s", ErrWasLive, d.ID)
	}
	if head := r.Head(now, file); d.Base != head {
		return fmt.Errorf("%w: it is %s now", ErrConflict, head)
	}
	vs := slices.Clone(r.Versions)
	if i >= 0 {
		vs = slices.Delete(vs, i, i+1) // discarded or superseded as a draft: it is one again, of whoever saves it
	}
	if open, ok := r.Open(now, file); ok {
		vs[slices.IndexFunc(vs, func(v Version) bool { return v.ID == open.ID })].Next = d.ID
	}
	d.At, d.File, d.Next, d.Discarded = now, false, "", nil
	r.Versions = r.pruned(append(vs, d))
	return nil
}

// maxDrafts is how many drafts that came to nothing a record keeps.
const maxDrafts = 200

// pruned drops the oldest drafts that came to nothing.
func (r Record) pruned(vs []Version) []Version {
	idle := func(v Version) bool {
		return !v.File && (v.Next != "" || v.Discarded != nil) && !slices.ContainsFunc(r.Turns, func(t Turn) bool { return t.Version == v.ID })
	}
	over := -maxDrafts
	for _, v := range vs {
		if idle(v) {
			over++
		}
	}
	return slices.DeleteFunc(vs, func(v Version) bool {
		if over > 0 && idle(v) {
			over--
			return true
		}
		return false
	})
}

// Approve lets the open draft be live from an instant on; the zero one, and one that is over, is at once.
func (r *Record) Approve(id string, by Author, from, now time.Time, file string) error {
	switch _, ok := r.Find(id); {
	case !ok:
		return fmt.Errorf("%w: %s", ErrNoVersion, id)
	case r.State(id, now, file) != Draft:
		return fmt.Errorf("%w: %s", ErrNotDraft, id)
	case r.Waiting(now) != nil:
		return ErrWaits
	}
	r.begin(Turn{Version: id, Act: Act{By: by, At: now}}, from, now)
	return nil
}

// begin adds a turn. One begins never before the one that it takes over from, whatever the clock of the process that wrote that.
func (r *Record) begin(t Turn, from, now time.Time) {
	if from.Before(now) {
		from = now
	}
	for _, x := range r.Turns {
		if x.Cancelled == nil && x.From.After(from) {
			from = x.From
		}
	}
	t.From = from
	r.Turns = append(slices.Clone(r.Turns), t)
}

// Unschedule takes an approval back whose start is yet to come. The version is a draft again, unless a newer one was made of it.
func (r *Record) Unschedule(id string, by Author, reason string, now time.Time, file string) error {
	w := r.Waiting(now)
	if w == nil || w.Version != id {
		return fmt.Errorf("%w: %s does not wait for its start", ErrNoVersion, id)
	}
	open, newer := r.Open(now, file)
	r.cancel(by, reason, now)
	if newer {
		r.Versions = slices.Clone(r.Versions)
		r.Versions[r.index(id)].Next = open.ID
	}
	return nil
}

// cancel cancels the turn that waits.
func (r *Record) cancel(by Author, reason string, now time.Time) {
	r.Turns = slices.Clone(r.Turns)
	if w := r.Waiting(now); w != nil {
		w.Cancelled = &Act{By: by, At: now, Reason: reason}
	}
}

// Discard gives the open draft up.
func (r *Record) Discard(id string, by Author, reason string, now time.Time, file string) error {
	switch _, ok := r.Find(id); {
	case !ok:
		return fmt.Errorf("%w: %s", ErrNoVersion, id)
	case r.State(id, now, file) != Draft:
		return fmt.Errorf("%w: %s", ErrNotDraft, id)
	}
	r.Versions = slices.Clone(r.Versions)
	r.Versions[r.index(id)].Discarded = &Act{By: by, At: now, Reason: reason}
	return nil
}

// RollBack makes a version live at once that was so before. What waits for its start is cancelled: it would undo it.
func (r *Record) RollBack(id string, by Author, reason string, now time.Time, file string) error {
	switch _, ok := r.Find(id); {
	case !ok || !r.WasLive(id, now):
		return fmt.Errorf("%w: %s was never live", ErrNoVersion, id)
	case r.Live(now, file) == id:
		return fmt.Errorf("%w: %s", ErrSame, id)
	}
	if w := r.Waiting(now); w != nil {
		if err := r.Unschedule(w.Version, by, reason, now, file); err != nil {
			return err
		}
	}
	r.begin(Turn{Version: id, Act: Act{By: by, At: now, Reason: reason}, Back: true}, now, now)
	return nil
}
