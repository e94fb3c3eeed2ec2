package template

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/husk-reminders/husk/pkg/reminder"
)

// ErrAltered is returned for a text that is not the one whose id it bears.
var ErrAltered = errors.New("template: the kept text is not the one that was approved")

// Live answers with the version of each template that is live at the moment it is asked: as the records have it, and the files where
// nobody has approved anything yet. What it knows is changed as a whole, so whoever asks once has one version. It may be used by
// many at once.
type Live struct {
	files *Set
	now   func() time.Time
	known atomic.Pointer[knowledge]
}

// knowledge is what a Live knows at a time; it is never changed.
type knowledge struct {
	records map[string]Record
	texts   map[string]Template // by id: every version that is, was or is to be live
	broken  map[string]error    // by id: those of them that can't be used
}

// NewLive is a Live that knows the files alone.
func NewLive(files *Set, now func() time.Time) *Live {
	l := &Live{files: files, now: now}
	l.known.Store(&knowledge{})
	return l
}

// Put takes records over in the place of all that were known. text reads a kept text, and is asked once for each version; fit tells
// what is wrong with a template beside its form, nil = nothing. A version that can't be read, parsed or used is told by Broken while
// it is live. An error of text's that is no ErrNoVersion ends Put, and what was known stays.
func (l *Live) Put(records map[string]Record, text func(id string) ([]byte, error), fit func(Template) error) error {
	old := l.known.Load()
	k := &knowledge{records: maps.Clone(records), texts: map[string]Template{}, broken: map[string]error{}}
	for _, r := range records {
		for _, id := range r.sendable() {
			if t, ok := old.texts[id]; ok {
				k.texts[id] = t
				continue
			}
			v, _ := r.Find(id)
			data, err := text(id)
			if err != nil && !errors.Is(err, ErrNoVersion) {
				return err
			}
			if err == nil {
				k.texts[id], err = read(r.Name, v, data, fit)
			}
			if err != nil {
				delete(k.texts, id)
				k.broken[id] = err
			}
		}
	}
	l.known.Store(k)
	return nil
}

// sendable are the versions that are, were or are to be live, with the file's that a trial share falls back on.
func (r Record) sendable() []string {
	var out []string
	for i, t := range r.Turns {
		out = append(out, t.Version)
		if t.Canary != nil {
			out = append(out, r.before(i))
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// read makes the template of a kept text, if it is the one that it should be.
func read(name string, v Version, data []byte, fit func(Template) error) (Template, error) {
	if is := NewVersion(name, data); v.Sum == "" || is.ID != v.ID || is.Sum != v.Sum {
		return Template{}, fmt.Errorf("%w: %s", ErrAltered, v.ID)
	}
	path, _ := Path(name)
	t, err := Parse(path, data)
	if err == nil && fit != nil {
		err = fit(t)
	}
	return t, err
}

// Find returns the live template of a set ("reminder") for a channel in a language ("da").
func (l *Live) Find(set string, c reminder.Channel, language string) (Template, bool) {
	return l.Named(language + "/" + set + "." + string(c))
}

// FindFor is Find for one reminder: while a version is on its trial share it answers with the one before it, but for the share. Where
// that one can't be used there is no share.
func (l *Live) FindFor(key, set string, c reminder.Channel, language string) (Template, bool) {
	k, name, now := l.known.Load(), language+"/"+set+"."+string(c), l.now()
	if t, ok := k.texts[k.records[name].For(key, now, "")]; ok {
		return t, true
	}
	return l.named(k, name, now)
}

// Named returns the live template of a name ("da/reminder.sms"); false when there is none, or it can't be used.
func (l *Live) Named(name string) (Template, bool) {
	return l.named(l.known.Load(), name, l.now())
}

func (l *Live) named(k *knowledge, name string, now time.Time) (Template, bool) {
	if r, ok := k.records[name]; ok && r.Decided(now) {
		t, ok := k.texts[r.Live(now, "")]
		return t, ok
	}
	return l.File(name)
}

// All lists the templates that are live now, sorted by name.
func (l *Live) All() []Template {
	k, now := l.known.Load(), l.now()
	var out []Template
	for _, name := range l.names(k) {
		if t, ok := l.named(k, name, now); ok {
			out = append(out, t)
		}
	}
	return out
}

func (l *Live) names(k *knowledge) []string {
	names := slices.Collect(maps.Keys(k.records))
	for name := range l.files.byName {
		names = append(names, name)
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// File returns the template of a name as the files have it.
func (l *Live) File(name string) (Template, bool) {
	t, ok := l.files.byName[name]
	return t, ok
}

// Version returns a version that is, was or is to be live.
func (l *Live) Version(id string) (Template, bool) {
	if t, ok := l.known.Load().texts[id]; ok {
		return t, ok
	}
	t, ok := l.files.byName[NameOf(id)]
	return t, ok && t.ID() == id
}

// Broken tells of the templates that have no text which may be used, by name: the version that is live can't be read, or this
// program would not send it.
func (l *Live) Broken() map[string]error {
	k := l.known.Load()
	if len(k.broken) == 0 {
		return nil
	}
	out, now := map[string]error{}, l.now()
	for name, r := range k.records {
		if err := k.broken[r.Live(now, "")]; err != nil {
			out[name] = err
		}
	}
	return out
}

// Foreign lists the files that nobody has taken over: a version was approved, and the file says something that no version does.
// They are not sent; a draft has to be made of them.
func (l *Live) Foreign() []string {
	k, now := l.known.Load(), l.now()
	var out []string
	for name, r := range k.records {
		if t, ok := l.files.byName[name]; ok && r.Decided(now) && r.index(t.ID()) < 0 {
			out = append(out, t.ID())
		}
	}
	slices.SortFunc(out, strings.Compare)
	return out
}
