package web

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/husk-reminders/husk/pkg/compose"
	"github.com/husk-reminders/husk/pkg/redact"
	"github.com/husk-reminders/husk/pkg/template"
	"github.com/husk-reminders/husk/templates"
)

// What every fake ledger has of texts: da/reminder.sms has a file, a live version, and a draft of somebody else's; da/changed.sms a
// version that waits for its start.
const (
	liveText  = "Husk aftalen {weekday} {date} {time} på {unit}. Afbud {phone}. Stop sms: svar STOP\n"
	draftText = "Husk din tid {weekday} {date} {time} på {unit}[, {address}]. Afbud {phone}. Stop sms: svar STOP\n"
	waitText  = "Din tid er nu {weekday} {date} {time} på {unit}. Afbud {phone}. Stop sms: svar STOP\n"
)

var (
	liveID  = template.NewVersion("da/reminder.sms", []byte(liveText)).ID
	draftID = template.NewVersion("da/reminder.sms", []byte(draftText)).ID
	waitID  = template.NewVersion("da/changed.sms", []byte(waitText)).ID
	fileID  = func() string {
		_, _, set := shipped()
		t, _ := set.Find("reminder", "sms", "da")
		return t.ID()
	}()
)

// keptTexts are versions in memory.
type keptTexts struct {
	f        *fake
	live     *template.Live
	records  map[string]template.Record
	revision map[string]uint64
	bodies   map[string][]byte
	raced    func() // called once, before the next write
	err      error  // of everything
}

var _ Versions = (*keptTexts)(nil)

// texts seeds the fake's texts, once, and returns what is live.
func (f *fake) texts(files *template.Set) *template.Live {
	if f.kept != nil {
		return f.kept.live
	}
	k := &keptTexts{f: f, records: map[string]template.Record{}, revision: map[string]uint64{}, bodies: map[string][]byte{}}
	f.kept = k
	k.live = template.NewLive(files, func() time.Time { return noon.Add(f.later) })
	for _, t := range files.All() {
		b, err := readFile(t.File())
		if err != nil {
			panic(err)
		}
		k.bodies[t.ID()] = b
	}
	k.seed()
	return k.live
}

// seed puts back what the tests begin with.
func (k *keptTexts) seed() {
	somebody, ole := template.Author{Subject: "somebody", Name: "somebody"}, template.Author{Subject: "ole", Name: "ole"}
	put := func(name, text string, by template.Author, base string, r *template.Record, at time.Time) string {
		v := template.NewVersion(name, []byte(text))
		v.Author, v.Base = by, base
		k.bodies[v.ID] = []byte(text)
		if err := r.Save(v, at, base); err != nil {
			panic(err)
		}
		return v.ID
	}
	before := noon.Add(-time.Hour)
	r := template.Record{Name: "da/reminder.sms"}
	r.Seed(template.NewVersion(r.Name, k.bodies[fileID]))
	id := put(r.Name, liveText, somebody, fileID, &r, before)
	if err := r.Approve(id, ole, time.Time{}, before, fileID); err != nil {
		panic(err)
	}
	put(r.Name, draftText, somebody, id, &r, before)
	x := template.Record{Name: "da/changed.sms"}
	t, _ := k.live.File(x.Name)
	x.Seed(template.NewVersion(x.Name, k.bodies[t.ID()]))
	id = put(x.Name, waitText, somebody, t.ID(), &x, before)
	if err := x.Approve(id, ole, noon.Add(24*time.Hour), before, t.ID()); err != nil {
		panic(err)
	}
	k.records = map[string]template.Record{r.Name: r, x.Name: x}
	k.revision = map[string]uint64{r.Name: 1, x.Name: 1}
	k.look()
}

func (k *keptTexts) look() {
	text := func(id string) ([]byte, error) { return k.Text(context.Background(), id) }
	if err := k.live.Put(k.records, text, nil); err != nil {
		panic(err)
	}
}

func (k *keptTexts) Record(_ context.Context, name string) (template.Record, uint64, error) {
	r, ok := k.records[name]
	if !ok {
		r.Name = name
	}
	return r, k.revision[name], k.err
}

func (k *keptTexts) Records(context.Context) (map[string]template.Record, error) {
	return maps.Clone(k.records), k.err
}

func (k *keptTexts) Write(_ context.Context, r template.Record, revision uint64) error {
	if raced := k.raced; raced != nil {
		k.raced = nil
		raced()
	}
	if k.revision[r.Name] != revision {
		return ErrRaced
	}
	_ = k.f.call("write " + r.Name)
	k.records[r.Name] = r
	k.revision[r.Name]++
	k.look()
	return k.err
}

func (k *keptTexts) Keep(_ context.Context, id string, text []byte) error {
	if kept, ok := k.bodies[id]; ok && !slices.Equal(kept, text) {
		return template.ErrCollision
	}
	k.bodies[id] = text
	return k.err
}

func (k *keptTexts) Text(_ context.Context, id string) ([]byte, error) {
	b, ok := k.bodies[id]
	if !ok {
		return nil, fmt.Errorf("%w: %s", template.ErrNoVersion, id)
	}
	return b, k.err
}

func composerOf(t testing.TB, live *template.Live) *compose.Composer {
	t.Helper()
	s, err := redact.New(redact.Options{Checked: template.Checked()})
	if err != nil {
		t.Fatal(err)
	}
	c, err := compose.New(compose.Options{Templates: live, Scanner: s})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func readFile(name string) ([]byte, error) { return templates.FS.ReadFile(name) }
