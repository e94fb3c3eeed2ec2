package template_test

import (
	"errors"
	"fmt"
	"testing"
	"testing/fstest"
	"time"

	"github.com/husk-reminders/husk/pkg/template"
)

const recordName = "da/reminder.sms"

var (
	day   = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	karen = template.Author{Subject: "karen", Name: "Karen"}
	ole   = template.Author{Subject: "ole", Name: "Ole"}
)

func textOf(n int) string { return fmt.Sprintf("Text %c {date} {time} {unit} {phone} STOP", 'a'+n) }

func version(n int, base string) template.Version {
	v := template.NewVersion(recordName, []byte(textOf(n)))
	v.Author, v.Base = karen, base
	return v
}

// life is a record and the clock.
type life struct {
	*testing.T
	template.Record
	now  time.Time
	file string
}

func newLife(t *testing.T) *life {
	l := &life{T: t, now: day, Record: template.Record{Name: recordName}}
	f := template.NewVersion(recordName, []byte(textOf(0)))
	l.file = f.ID
	l.Seed(f)
	return l
}

func (l *life) did(err, want error) {
	l.Helper()
	if !errors.Is(err, want) {
		l.Fatalf("got %v, want %v", err, want)
	}
	l.now = l.now.Add(time.Minute)
}

func (l *life) save(n int, base string, want error) string {
	l.Helper()
	v := version(n, base)
	l.did(l.Save(v, l.now, l.file), want)
	return v.ID
}

func (l *life) is(states map[string]template.State) {
	l.Helper()
	for id, want := range states {
		if got := l.State(id, l.now, l.file); got != want {
			l.Errorf("%s is %s, want %s", id, got, want)
		}
	}
}

func TestALifeOfATemplate(t *testing.T) {
	l := newLife(t)
	l.is(map[string]template.State{l.file: template.Serving})
	first := l.save(1, l.file, nil)
	l.save(1, "whatever", nil) // the same again
	second := l.save(2, first, nil)
	l.is(map[string]template.State{l.file: template.Serving, first: template.Superseded, second: template.Draft})
	l.save(3, first, template.ErrConflict)
	l.save(3, l.file, template.ErrConflict)
	l.save(0, second, template.ErrSame)
	l.did(l.Approve(first, ole, time.Time{}, l.now, l.file), template.ErrNotDraft)
	l.did(l.Approve("da/reminder.sms@00000000", ole, time.Time{}, l.now, l.file), template.ErrNoVersion)
	l.did(l.Approve(second, ole, time.Time{}, l.now, l.file), nil)
	l.is(map[string]template.State{l.file: template.Superseded, second: template.Serving})
	l.save(2, second, template.ErrSame)
	l.save(0, second, template.ErrWasLive)

	third := l.save(1, second, nil) // a draft that came to nothing, anew
	l.did(l.Discard(third, karen, "", l.now, l.file), nil)
	l.is(map[string]template.State{third: template.Discarded})
	third = l.save(3, second, nil)
	from := l.now.Add(time.Hour)
	l.did(l.Approve(third, ole, from, l.now, l.file), nil)
	l.is(map[string]template.State{second: template.Serving, third: template.Approved})
	l.save(3, third, template.ErrApproved)
	fourth := l.save(4, third, nil)
	l.did(l.Approve(fourth, ole, time.Time{}, l.now, l.file), template.ErrWaits)
	l.did(l.Unschedule(fourth, ole, "x", l.now, l.file), template.ErrNoVersion)
	l.did(l.Unschedule(third, ole, "x", l.now, l.file), nil)
	l.is(map[string]template.State{second: template.Serving, third: template.Superseded, fourth: template.Draft})
	l.did(l.Approve(fourth, ole, l.now.Add(time.Hour), l.now, l.file), nil)
	l.now = l.now.Add(time.Hour)
	l.is(map[string]template.State{second: template.Superseded, fourth: template.Serving})

	fifth := l.save(5, fourth, nil)
	l.did(l.Approve(fifth, ole, l.now.Add(time.Hour), l.now, l.file), nil)
	l.did(l.RollBack(third, ole, "x", l.now, l.file), template.ErrNoVersion) // it never came to be live
	l.did(l.RollBack(fourth, ole, "x", l.now, l.file), template.ErrSame)
	l.did(l.RollBack(l.file, ole, "x", l.now, l.file), nil)
	l.is(map[string]template.State{l.file: template.Serving, fourth: template.Superseded, fifth: template.Draft})
	l.now = l.now.Add(2 * time.Hour)
	l.is(map[string]template.State{l.file: template.Serving, fifth: template.Draft})
	l.did(l.Discard(fifth, karen, "x", l.now, l.file), nil)
	l.did(l.Discard(fifth, karen, "x", l.now, l.file), template.ErrNotDraft)
}

// A process whose clock is behind the one that approved last can't put its approval before the other's.
func TestATurnNeverBeginsBeforeTheLast(t *testing.T) {
	l := newLife(t)
	a := l.save(1, l.file, nil)
	l.did(l.Approve(a, ole, time.Time{}, l.now, l.file), nil)
	b := l.save(2, a, nil)
	begun := l.Turns[0].From
	if err := l.Approve(b, ole, time.Time{}, begun.Add(time.Nanosecond), l.file); err != nil {
		t.Fatal(err)
	}
	if x := l.Turns[1].From; x.Before(begun) || l.Live(l.now, l.file) != b {
		t.Errorf("begins %s, the one before %s", x, begun)
	}
}

// The id is too short to tell texts apart that somebody made alike on purpose.
func TestTwoTextsOfOneID(t *testing.T) {
	l := newLife(t)
	id := l.save(1, l.file, nil)
	v := version(2, id)
	v.ID = id
	l.did(l.Save(v, l.now, l.file), template.ErrCollision)
}

func TestDraftsThatCameToNothingAreNotKeptForGood(t *testing.T) {
	l := newLife(t)
	base := l.file
	for n := range 300 {
		v := template.NewVersion(recordName, fmt.Appendf(nil, "draft %d", n))
		v.Base = base
		l.did(l.Save(v, l.now, l.file), nil)
		base = v.ID
	}
	if n := len(l.Versions); n != 202 {
		t.Errorf("%d versions", n)
	}
	l.is(map[string]template.State{l.file: template.Serving, base: template.Draft})
}

func TestLive(t *testing.T) {
	files, err := template.Load(fstest.MapFS{
		recordName + ".txt": {Data: []byte(textOf(0))}, "sv/reminder.sms.txt": {Data: []byte(textOf(9))},
	})
	if err != nil {
		t.Fatal(err)
	}
	l := newLife(t)
	live := template.NewLive(files, func() time.Time { return l.now })
	bodies := map[string][]byte{}
	put := func(fit func(template.Template) error) {
		t.Helper()
		for n := range 6 {
			bodies[version(n, "").ID] = []byte(textOf(n))
		}
		text := func(id string) ([]byte, error) {
			if b, ok := bodies[id]; ok {
				return b, nil
			}
			return nil, template.ErrNoVersion
		}
		if err := live.Put(map[string]template.Record{recordName: l.Record}, text, fit); err != nil {
			t.Fatal(err)
		}
	}
	serves := func(id string) {
		t.Helper()
		if tp, ok := live.Find("reminder", "sms", "da"); id == "" && ok || id != "" && tp.ID() != id {
			t.Errorf("%s is live, want %q", tp.ID(), id)
		}
	}
	serves(l.file)
	a := l.save(1, l.file, nil)
	put(nil)
	serves(l.file)
	l.did(l.Approve(a, ole, l.now.Add(time.Hour), l.now, l.file), nil)
	put(nil)
	serves(l.file)
	l.now = l.now.Add(time.Hour)
	serves(a)
	if n := len(live.All()); n != 2 || len(live.Broken()) != 0 || len(live.Foreign()) != 0 {
		t.Errorf("%d templates, broken %v, foreign %v", n, live.Broken(), live.Foreign())
	}
	if _, ok := live.Version(a); !ok {
		t.Error("the live version is not known by its id")
	}

	// What can't be relied on is not used, and said.
	for what, spoil := range map[string]func() func(template.Template) error{
		"unfit": func() func(template.Template) error {
			return func(template.Template) error { return errors.New("unfit") }
		},
		"altered": func() func(template.Template) error { bodies[version(2, "").ID] = []byte("other"); return nil },
		"lost":    func() func(template.Template) error { delete(bodies, version(2, "").ID); return nil },
	} {
		m := newLife(t)
		m.now = l.now
		b := m.save(2, m.file, nil)
		m.did(m.Approve(b, ole, time.Time{}, m.now, m.file), nil)
		l.Record, l.now = m.Record, m.now
		put(nil)
		other := template.NewLive(files, func() time.Time { return l.now })
		fit := spoil()
		text := func(id string) ([]byte, error) {
			if b, ok := bodies[id]; ok {
				return b, nil
			}
			return nil, template.ErrNoVersion
		}
		if err := other.Put(map[string]template.Record{recordName: l.Record}, text, fit); err != nil {
			t.Fatal(err)
		}
		if tp, ok := other.Find("reminder", "sms", "da"); ok {
			t.Errorf("%s: %s is used", what, tp.ID())
		}
		if other.Broken()[recordName] == nil {
			t.Errorf("%s: nothing is said", what)
		}
	}
	if err := live.Put(map[string]template.Record{recordName: l.Record}, nil, nil); err != nil {
		t.Errorf("what is known is read again: %v", err)
	}

	// A file that no version says the same as is told, and not used.
	changed, err := template.Load(fstest.MapFS{recordName + ".txt": {Data: []byte(textOf(8))}})
	if err != nil {
		t.Fatal(err)
	}
	live = template.NewLive(changed, func() time.Time { return l.now })
	put(nil)
	if f := live.Foreign(); len(f) != 1 || f[0] != version(8, "").ID {
		t.Errorf("foreign %v", f)
	}
	if x := l.Head(l.now, version(8, "").ID); x == version(8, "").ID {
		t.Error("the file is what a draft would be made from")
	}
	l.save(8, l.Head(l.now, l.file), nil)
	put(nil)
	if f := live.Foreign(); len(f) != 0 {
		t.Errorf("foreign %v, though a draft was made of it", f)
	}
}
