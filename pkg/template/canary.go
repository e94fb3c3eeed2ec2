package template

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"time"
)

// ErrNoCanary is returned where a version is not on its trial share.
var ErrNoCanary = errors.New("template: the version is not on a trial share")

// Rule is how a version that was just approved is tried. Share 0 = not at all.
type Rule struct {
	Share    int           `json:"share"`    // percent of the messages that get it
	Messages int           `json:"messages"` // after so many of it that are old enough to be judged it is for all
	WorseBy  float64       `json:"worseBy"`  // percentage points by which it may be worse
	For      time.Duration `json:"for"`      // it is decided by then, whatever their number
}

// Canary is the trial share of a turn, until Ended is there: by that alone, and not by a clock, all processes tell whether it goes on.
type Canary struct {
	Rule
	Until time.Time `json:"until"`
	Ended *Verdict  `json:"ended,omitempty"`
}

// End is how a trial share ended.
type End string

// The ends.
const (
	EndWhole   End = "whole"   // not worse: it is for all
	EndTime    End = "time"    // its time is over and nothing tells against it: it is for all
	EndByHand  End = "by_hand" // somebody let it be for all
	EndStopped End = "stopped" // it is worse: everybody gets the version before
)

// Ends lists all ends.
var Ends = []End{EndWhole, EndTime, EndByHand, EndStopped}

// Verdict is the end of a trial share, and what was counted by then.
type Verdict struct {
	At  time.Time `json:"at"`
	End End       `json:"end"`
	By  Author    `json:"by,omitzero"` // of one by hand
	New Tally     `json:"new"`
	Old Tally     `json:"old"`
}

// Tally counts the messages of one version since the trial share began. A message that failed in two ways counts where it stands first:
// rejected, undelivered, held, stopped.
type Tally struct {
	Messages    int `json:"messages"`              // that a carrier has taken or rejected, or that were held for what they said
	Ripe        int `json:"ripe"`                  // those of them of which there is a final word, or that are older than Ripening
	Rejected    int `json:"rejected,omitempty"`    // by the carrier
	Undelivered int `json:"undelivered,omitempty"` // as the carrier reports
	Held        int `json:"held,omitempty"`        // by the scanner
	Stops       int `json:"stops,omitempty"`       // answered with STOP within StopWithin
}

// Ripening is how old a message must be, of which its carrier says nothing final, to speak for its text. StopWithin is how long after a
// message a STOP from its address is put down to it.
const (
	Ripening   = time.Hour
	StopWithin = 24 * time.Hour
)

// Bad is how many messages failed or put somebody off.
func (t Tally) Bad() int { return t.Rejected + t.Undelivered + t.Held + t.Stops }

// Try lets the newest turn begin with a share, if there is a version before it and the rule has a share. It is called before the record
// of an approval is written.
func (r *Record) Try(rule Rule) {
	i := len(r.Turns) - 1
	if i < 0 || rule.Share <= 0 || r.before(i) == "" || r.before(i) == r.Turns[i].Version {
		return
	}
	r.Turns = slices.Clone(r.Turns)
	r.Turns[i].Canary = &Canary{Rule: rule, Until: r.Turns[i].From.Add(rule.For)}
}

// before is the version that was everybody's before the turn i: of the newest turn that had begun by then, is not on a trial share and
// was not stopped on it; else the file's, as the record knows it. "" = there was none.
func (r Record) before(i int) string {
	if t := r.whole(i); t != nil {
		return t.Version
	}
	for _, v := range slices.Backward(r.Versions) {
		if v.File {
			return v.ID
		}
	}
	return ""
}

// whole is the newest turn before i whose version was everybody's; nil = there was none.
func (r Record) whole(i int) *Turn {
	for j := i - 1; j >= 0; j-- {
		if t := &r.Turns[j]; t.Cancelled == nil && (t.Canary == nil || t.Canary.Ended != nil && !t.stopped()) {
			return t
		}
	}
	return nil
}

func (t Turn) stopped() bool {
	return t.Canary != nil && t.Canary.Ended != nil && t.Canary.Ended.End == EndStopped
}

// Trying is the turn that holds at now and is on its trial share, and the version that the others get; nil = everybody gets the live one.
func (r Record) Trying(now time.Time) (*Turn, string) {
	t := r.turn(now)
	if t == nil || t.Canary == nil || t.Canary.Ended != nil {
		return nil, ""
	}
	i := slices.IndexFunc(r.Turns, func(x Turn) bool { return x.Version == t.Version && x.From.Equal(t.From) && x.At.Equal(t.At) })
	return t, r.before(i)
}

// Stopped is the turn that was stopped on its trial share, when nothing has begun since but the version before it; nil = none.
func (r Record) Stopped(now time.Time) *Turn {
	for i := len(r.Turns) - 1; i >= 0; i-- {
		switch t := &r.Turns[i]; {
		case t.Cancelled != nil || t.From.After(now):
		case t.stopped():
			return t
		case !t.Back || t.By.Name != Itself || t.By.Subject != "":
			return nil
		}
	}
	return nil
}

// For is the version for one reminder at now: the same at each of its attempts while the record says the same. "" is nobody's reminder,
// which is never on the trial share.
func (r Record) For(key string, now time.Time, file string) string {
	if t, before := r.Trying(now); t != nil && !t.Canary.takes(t.Version, key) {
		return before
	}
	return r.Live(now, file)
}

// takes reports whether a reminder is on the share. The version is in the hash, so that not always the same people try what is new.
func (c Canary) takes(version, key string) bool {
	if key == "" {
		return false
	}
	sum := sha256.Sum256([]byte("husk canary 1 " + version + " " + key))
	return binary.BigEndian.Uint64(sum[:8])%100 < uint64(max(c.Share, 0))
}

// Widen lets the version that is on its trial share be for all, at somebody's word.
func (r *Record) Widen(id string, by Author, now time.Time) error {
	return r.Conclude(id, Verdict{At: now, End: EndByHand, By: by})
}

// Conclude ends the trial share of a version. One that is stopped gives way at once to the version before it, by a turn of its own that
// says why; what waits for its start goes on waiting.
func (r *Record) Conclude(id string, v Verdict) error {
	t, before := r.Trying(v.At)
	if t == nil || t.Version != id {
		return fmt.Errorf("%w: %s", ErrNoCanary, id)
	}
	i := slices.IndexFunc(r.Turns, func(x Turn) bool { return x.Version == t.Version && x.From.Equal(t.From) && x.At.Equal(t.At) })
	r.Turns = slices.Clone(r.Turns)
	c := *r.Turns[i].Canary
	c.Ended = &v
	r.Turns[i].Canary = &c
	if v.End != EndStopped {
		return nil
	}
	back := Turn{Version: before, From: v.At, Back: true, Act: Act{By: Author{Name: Itself}, At: v.At, Reason: v.Why()}}
	if back.From.Before(t.From) {
		back.From = t.From
	}
	r.Turns = slices.Insert(r.Turns, i+1, back)
	return nil
}

// Itself is the name of the author of what nobody decided.
const Itself = "Husk"

// Why says the end of a trial share with its numbers, in English.
func (v Verdict) Why() string {
	say := func(t Tally) string {
		return fmt.Sprintf("%d of %d (rejected %d, undelivered %d, held %d, STOP %d)", t.Bad(), t.Messages, t.Rejected, t.Undelivered, t.Held, t.Stops)
	}
	what := map[End]string{
		EndWhole: "for all: not worse", EndTime: "for all: the time is over", EndByHand: "for all, by hand", EndStopped: "stopped by itself: worse",
	}[v.End]
	return what + "; failed of it " + say(v.New) + ", of the version before " + say(v.Old)
}
