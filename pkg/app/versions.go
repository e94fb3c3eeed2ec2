package app

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"go.uber.org/zap"

	"github.com/husk-reminders/husk/pkg/compose"
	"github.com/husk-reminders/husk/pkg/config"
	"github.com/husk-reminders/husk/pkg/gate"
	"github.com/husk-reminders/husk/pkg/journal/kv"
	"github.com/husk-reminders/husk/pkg/policy"
	"github.com/husk-reminders/husk/pkg/reminder"
	"github.com/husk-reminders/husk/pkg/template"
	"github.com/husk-reminders/husk/pkg/web"
	"github.com/husk-reminders/husk/templates"
)

// recordKey begins the keys of templates' records; no version's key has a dot there.
const recordKey = "record."

// How often a process looks whether a record has changed, and how long it relies on what it knows when it can't look.
const (
	versionsEvery = 500 * time.Millisecond
	versionsStale = 5 * time.Second
)

// errVersions means that it is not known which texts are live.
var errVersions = errors.New("app: it is not known which texts are live: the broker does not answer for the versions of templates")

// versions keeps the texts of templates and the record of each, and tells Live what they say. Every process looks for changes by the
// bucket's last revision, twice a second: one that can't look for five seconds does not send.
type versions struct {
	store *kv.Store
	live  *template.Live
	units *reminder.Directory
	packs *policy.Set
	now   func() time.Time
	log   *zap.Logger

	mu     sync.Mutex // one refresh at a time
	last   uint64     // of the bucket, when the records were read
	told   map[string]bool
	looked atomic.Pointer[time.Time] // when it was last known what there is, by the clock that only goes on
}

var _ web.Versions = (*versions)(nil)

// keepVersions keeps each version of the templates and of the unit directory, so that what was sent can be rendered again, and reads
// which versions were approved. It fails where they can't be read: nothing is to be sent that was superseded.
func (a *App) keepVersions(ctx context.Context) error {
	store, err := kv.Open(ctx, a.js, kv.Templates, a.Config.NATS.Replicas)
	if err != nil {
		return fmt.Errorf("app: %w", err)
	}
	a.versions = &versions{store: store, live: a.Templates, units: a.Units, packs: a.Packs, now: a.Now, log: a.log.Named("templates"), told: map[string]bool{}}
	files := directory(config.Directory{Dir: a.Config.Templates.Dir}, templates.FS)
	for _, t := range a.Templates.All() {
		data, err := fs.ReadFile(files, t.File())
		if err == nil {
			err = a.versions.Keep(ctx, t.ID(), data)
		}
		if err != nil {
			return fmt.Errorf("app: %w", err)
		}
	}
	units, err := unitsFile(a.Config)
	if err != nil {
		return err
	}
	if store, err = kv.Open(ctx, a.js, kv.Units, a.Config.NATS.Replicas); err == nil {
		sum := sha256.Sum256(units)
		err = store.Keep(ctx, "units/"+hex.EncodeToString(sum[:4]), units)
	}
	if err != nil {
		return fmt.Errorf("app: %w", err)
	}
	if err := a.versions.refresh(ctx); err != nil {
		return err
	}
	for _, id := range a.Templates.Foreign() {
		a.log.Warn("a template's file is not sent: another version was approved; husk template push makes a draft of the file", zap.String("template", id))
	}
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	done := make(chan struct{})
	go func() {
		defer close(done)
		a.versions.follow(ctx)
	}()
	a.defers(func() {
		cancel()
		<-done
	})
	return nil
}

// follow looks for changes until ctx ends.
func (v *versions) follow(ctx context.Context) {
	t := time.NewTicker(versionsEvery)
	defer t.Stop()
	failed := false
	for {
		select {
		case <-ctx.Done():
			return
		case <-t.C:
		}
		within, cancel := context.WithTimeout(ctx, versionsStale)
		err := v.refresh(within)
		cancel()
		if err != nil && !failed && ctx.Err() == nil {
			v.log.Warn("it can't be seen which texts are live", zap.Error(err))
		}
		failed = err != nil
	}
}

// refresh reads the records, if any has changed.
func (v *versions) refresh(ctx context.Context) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	began := time.Now()
	last, err := v.store.Last(ctx)
	if err != nil {
		return fmt.Errorf("%w: %w", errVersions, err)
	}
	if last != v.last {
		records, err := v.Records(ctx)
		if err == nil {
			err = v.live.Put(records, func(id string) ([]byte, error) { return v.text(ctx, id) }, v.fit)
		}
		if err != nil {
			return fmt.Errorf("%w: %w", errVersions, err)
		}
		v.last = last
		for name, err := range v.live.Broken() {
			if !v.told[name] {
				v.log.Error("nothing is sent with a template whose live version can't be used: approve or roll back to another", zap.String("template", name), zap.Error(err))
			}
			v.told[name] = true
		}
	}
	v.looked.Store(&began)
	return nil
}

// fresh returns errVersions when what is known of the records may be old.
func (v *versions) fresh() error {
	if at := v.looked.Load(); at == nil || time.Since(*at) > versionsStale {
		return errVersions
	}
	return nil
}

// uses are the ways in which units use a template.
func (v *versions) uses(t template.Template) []compose.Use {
	now := v.now()
	return compose.UsesOf(t.Set(), t.Channel(), v.units.Units(), func(c reminder.Country) (policy.Pack, bool) { return v.packs.For(c, now) })
}

// fit refuses a text that says too little or too much for what it is used for.
func (v *versions) fit(t template.Template) error {
	for _, u := range v.uses(t) {
		if problems := t.Lint(u.Purpose); len(problems) > 0 {
			return fmt.Errorf("%w for %s: %w", compose.ErrUnfit, u.Purpose, problems[0])
		}
	}
	return nil
}

// Record implements web.Versions.
func (v *versions) Record(ctx context.Context, name string) (template.Record, uint64, error) {
	r := template.Record{Name: name}
	b, revision, err := v.store.Read(ctx, recordKey+name)
	if errors.Is(err, kv.ErrNotFound) {
		return r, 0, nil
	}
	if err == nil {
		err = decodeRecord(name, b, &r)
	}
	return r, revision, err
}

// Records implements web.Versions.
func (v *versions) Records(ctx context.Context) (map[string]template.Record, error) {
	all, err := v.store.List(ctx, recordKey)
	if err != nil {
		return nil, err
	}
	out := make(map[string]template.Record, len(all))
	for name, b := range all {
		var r template.Record
		if err := decodeRecord(name, b, &r); err != nil {
			return nil, err
		}
		out[name] = r
	}
	return out, nil
}

func decodeRecord(name string, b []byte, r *template.Record) error {
	if err := json.Unmarshal(b, r); err != nil || r.Name != name {
		return fmt.Errorf("app: the record of template %s can't be read", name)
	}
	return nil
}

// Write implements web.Versions.
func (v *versions) Write(ctx context.Context, r template.Record, revision uint64) error {
	b, err := json.Marshal(r)
	if err != nil {
		return fmt.Errorf("app: %w", err)
	}
	if err := v.store.Write(ctx, recordKey+r.Name, b, revision); errors.Is(err, kv.ErrRaced) {
		return web.ErrRaced
	} else if err != nil {
		return err
	}
	// It is written: this process sees it now, and if that fails with the next look, as all others do.
	if err := v.refresh(ctx); err != nil {
		v.log.Warn("a change of a template's versions is not seen yet", zap.Error(err))
	}
	return nil
}

// Keep implements web.Versions. A text whose id another text has is refused.
func (v *versions) Keep(ctx context.Context, id string, text []byte) error {
	if err := v.store.Keep(ctx, versionKey(id), text); err != nil {
		return err
	}
	kept, err := v.store.Get(ctx, versionKey(id))
	if err == nil && string(kept) != string(text) {
		err = fmt.Errorf("%w: %s", template.ErrCollision, id)
	}
	return err
}

// Text implements web.Versions.
func (v *versions) Text(ctx context.Context, id string) ([]byte, error) { return v.text(ctx, id) }

func (v *versions) text(ctx context.Context, id string) ([]byte, error) {
	b, err := v.store.Get(ctx, versionKey(id))
	if errors.Is(err, kv.ErrNotFound) {
		return nil, fmt.Errorf("%w: %s is not kept", template.ErrNoVersion, id)
	}
	return b, err
}

func versionKey(id string) string { return strings.Replace(id, "@", "/", 1) }

// textSwitches are the gate's switches, and beside them the sets of which this process has a text that can't be relied on.
type textSwitches struct {
	gate.Switches
	v *versions
}

// Stopped implements gate.Switches.
func (s textSwitches) Stopped(ctx context.Context) (map[string]string, error) {
	if err := s.v.fresh(); err != nil {
		return nil, fmt.Errorf("%w: %w", gate.ErrUnavailable, err)
	}
	stopped, err := s.Switches.Stopped(ctx)
	broken := s.v.live.Broken()
	if err != nil || len(broken) == 0 {
		return stopped, err
	}
	out := map[string]string{}
	for name, why := range stopped {
		out[name] = why
	}
	for name := range broken {
		_, file, _ := strings.Cut(name, "/")
		set, _, _ := strings.Cut(file, ".")
		out[gate.SwitchTemplate+set] = "the live version of " + name + " can't be used"
	}
	return out, nil
}
