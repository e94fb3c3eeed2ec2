package app

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/husk-reminders/husk/pkg/config"
	"github.com/husk-reminders/husk/pkg/consent"
	"github.com/husk-reminders/husk/pkg/intake/native"
	"github.com/husk-reminders/husk/pkg/journal"
	"github.com/husk-reminders/husk/pkg/ledger"
	"github.com/husk-reminders/husk/pkg/reminder"
	"github.com/husk-reminders/husk/pkg/state"
	"github.com/husk-reminders/husk/pkg/state/redis"
	"github.com/husk-reminders/husk/pkg/web"
)

// Staff is the staff API over this App.
func (a *App) Staff() (*web.API, error) {
	var routes []string // the channels', and the carriers'
	for _, r := range a.Routes {
		for _, name := range []string{r.Name, r.Carrier} {
			if name != "" && !slices.Contains(routes, name) {
				routes = append(routes, name)
			}
		}
	}
	carriers, err := a.carrierDesk()
	if err != nil {
		return nil, err
	}
	return web.New(web.Options{
		Ledger: desk{a.Replies}, Verify: a.Verification.Verify, Codes: a.codes, Person: a.personKey, Hash: a.Pseudonyms.Address, Country: a.country(), Units: a.Units,
		Packs: a.Packs, Controller: a.controller(), Templates: a.Templates, Versions: a.versions, Canary: canaryRule(a.Config.Templates.Canary), Composer: a.Composer, Routes: routes, Explain: a.Gate.Explain, Records: records{a.Ledger}, Shelf: a.shelf,
		Secret: a.apiSecret, OnlyInvented: a.onlyInvented, FourEyes: fourEyes(a.Config), UnmaskRate: a.Config.API.UnmaskRate, Carriers: carriers, Streams: a.streams, Ready: a.Ready, Metrics: a.Metrics,
		Unsubscribe: a.Unsubscriber, Callbacks: a.callbacks(), Now: a.Now, Log: a.log.Named("web"),
	})
}

// controller is who answers for the records: as configured, else the hospital where the unit directory has one alone.
func (a *App) controller() consent.Controller {
	x := consent.Controller{ID: a.Config.Controller.ID, Name: a.Config.Controller.Name}
	if x.ID != "" {
		return x
	}
	for _, u := range a.Units.Units() {
		if x.ID != "" && x.ID != u.Hospital {
			x.ID = ""
			break
		}
		x.ID = u.Hospital
	}
	return x
}

// fourEyes reports whether it takes two people to go on after a stop: in production, and where several people have keys or sign in to the
// pages. At a trial or demo without either there is one operator.
func fourEyes(c config.Config) bool {
	return c.Mode == config.ModeProduction || c.API.Listen != "" || c.Pages.Listen != ""
}

// desk lets the staff API ask the ledger: what staff hear of an address comes to the same as when it answers itself.
type desk struct{ *ledger.Replies }

var _ web.Ledger = desk{}

// DeadLetter implements web.Ledger.
func (d desk) DeadLetter(ctx context.Context, id uint64) (ledger.DeadLetter, error) {
	x, err := d.Ledger.DeadLetter(ctx, id)
	return x, webError(err)
}

// Handled implements web.Ledger.
func (d desk) Handled(ctx context.Context, id, by string) error {
	if err := d.Replies.Handled(ctx, id, by); !errors.Is(err, ledger.ErrNoWish) {
		return err
	}
	return web.ErrNotFound
}

// Replay implements web.Ledger.
func (d desk) Replay(ctx context.Context, id uint64) error {
	return webError(d.Ledger.Replay(ctx, id))
}

// webError is the journal's answer in the staff API's words.
func webError(err error) error {
	if errors.Is(err, journal.ErrNotFound) || errors.Is(err, journal.ErrErased) {
		return web.ErrNotFound
	}
	return err
}

// personKey makes the pseudonym of a national id as staff write it.
func (a *App) personKey(c reminder.Country, id string) (reminder.PersonKey, error) {
	s, _, err := native.Canonical(c, strings.ToUpper(strings.TrimSpace(id)), reminder.Date{}, a.Now())
	if err != nil {
		_, want, _ := strings.Cut(err.Error(), ": want ")
		return "", &web.FieldError{Field: "id", Want: want}
	}
	return a.Pseudonyms.Person(reminder.NewNationalID(c, s)), nil
}

// streams says how full the broker's streams are and how far the folded ones are folded.
func (a *App) streams(ctx context.Context) ([]web.Stream, error) {
	var folded state.Vector
	for shard := range reminder.Shards {
		v, err := a.State.Applied(ctx, shard)
		if errors.Is(err, redis.ErrRolledBack) { // that it has lost writes it says once, and the certificate tells the rest
			v, err = a.State.Applied(ctx, shard)
		}
		if err != nil {
			return nil, err
		}
		for s := range v {
			folded[s] = max(folded[s], v[s])
		}
	}
	places := map[string]state.Stream{
		string(journal.StreamStop): state.Stop, string(journal.StreamPeople): state.People, string(journal.StreamJournal): state.Journal,
	}
	var out []web.Stream
	l := a.js.ListStreams(ctx, jetstream.WithStreamListSubject("husk.>"))
	for i := range l.Info() {
		x := web.Stream{
			Name: i.Config.Name, Messages: i.State.Msgs, Bytes: i.State.Bytes, MaxBytes: max(i.Config.MaxBytes, 0), Last: i.State.LastSeq,
		}
		if s, ok := places[x.Name]; ok {
			x.Folded = &folded[s]
		}
		out = append(out, x)
	}
	return out, l.Err()
}

// ErrNotRunning is returned while the line does not run.
var ErrNotRunning = errors.New("app: the line is not running")

// Ready says why the line can't be relied on now; nil means that the state is certified and intake runs.
func (a *App) Ready(ctx context.Context) error {
	select {
	case <-a.running:
		if err := errors.Join(a.Ledger.Steady(), a.Ledger.Writable(), a.versions.fresh()); err != nil {
			return err
		}
		return a.State.Certified(ctx)
	default:
		return ErrNotRunning
	}
}
