package web

import (
	"cmp"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/husk-reminders/husk/pkg/state"
)

// Wish is one person's wish that sending goes on. Another one confirms it within a day.
type Wish struct {
	ID     string    `json:"id"`   // of this wish: a later one about the same switch has another
	Name   string    `json:"name"` // of the switch
	By     string    `json:"by"`
	At     time.Time `json:"at"`
	Reason string    `json:"reason"`
	Mended string    `json:"mended"`
	Until  time.Time `json:"until"` // so long it may be confirmed
}

// wishRecord is a wish on the shelf.
type wishRecord struct {
	Wish
	Self   string `json:"self"`
	Holder string `json:"holder,omitempty"`
	Why    string `json:"why"` // the stop's reason: the wish is about that stop and no later one
}

// Confirm is what POST /v1/switches/confirm takes.
type Confirm struct {
	Name   string `json:"name"`
	Wish   string `json:"wish,omitempty"` // the id of the wish that was looked at; absent = the one that waits, whichever it is
	Reason string `json:"reason"`
}

const wishShelf = "resume."

// wishFor is how long a wish may wait.
const wishFor = 24 * time.Hour

// errSame means that the one who asked would confirm it.
var errSame = errors.New("web: two people are needed")

// errOtherWish means that the wish that was looked at is not the one that waits.
var errOtherWish = errors.New("web: another wish waits, or none")

func wishName(name string) string {
	sum := sha256.Sum256([]byte(name))
	return wishShelf + hex.EncodeToString(sum[:16])
}

// wish takes down that somebody wants sending to go on. A newer one takes the place of the one that waits.
func (a *API) wish(ctx context.Context, c *caller, q Switch, why string) error {
	mended, err := reasonOf(q.Mended, true)
	if err != nil {
		return want("mended", "what was mended so that it doesn't happen again, or its number, as reason is: another person confirms it")
	}
	if err := a.audit(ctx, c, a.ofSwitch(q.Name, slices.ContainsFunc), "switch.ask "+q.Name, "", "", q.Reason+"; mended: "+mended); err != nil {
		return err
	}
	b, err := json.Marshal(wishRecord{
		Wish: Wish{ID: rand.Text(), Name: q.Name, By: c.actor, At: a.o.Now().UTC().Truncate(time.Second), Reason: q.Reason, Mended: mended},
		Self: c.self, Holder: c.holder, Why: why,
	})
	if err != nil {
		return fmt.Errorf("web: %w", err)
	}
	_, revision, err := a.o.Shelf.Read(ctx, wishName(q.Name))
	if err != nil && !errors.Is(err, ErrNotFound) {
		return err
	}
	return a.o.Shelf.Write(ctx, wishName(q.Name), b, revision)
}

type confirmInput struct{ Body Confirm }

// confirm lets sending go on that another one asked for.
func (a *API) confirm(ctx context.Context, c *caller, in *confirmInput) (Switches, error) {
	q := in.Body
	reason, err := reasonOf(q.Reason, true)
	if err != nil {
		return Switches{}, err
	}
	now, err := a.o.Ledger.Status(ctx)
	if err != nil {
		return Switches{}, err
	}
	b, revision, err := a.o.Shelf.Read(ctx, wishName(q.Name))
	if err != nil && !errors.Is(err, ErrNotFound) {
		return Switches{}, err
	}
	var w wishRecord
	if err == nil {
		if err := json.Unmarshal(b, &w); err != nil {
			return Switches{}, errors.New("web: a wish can't be read")
		}
	}
	why, ok := now.Stopped[q.Name]
	waits := ok && a.holds(w, why)
	switch {
	case q.Wish != "" && (!waits || q.Wish != w.ID):
		return Switches{}, errOtherWish
	case !waits:
		return Switches{}, want("name", "the name of a switch that somebody has asked to resume within a day, since it was last stopped")
	}
	if err := a.audit(ctx, c, a.ofSwitch(q.Name, every), "switch.confirm "+q.Name, "", "", reason); err != nil {
		return Switches{}, err
	}
	if c.self == w.Self || (c.holder != "" && c.holder == w.Holder) {
		return Switches{}, errSame
	}
	// Of two who confirm, or one who stops it anew, one comes first. When the switch can't be written it must be asked for again.
	if err := a.o.Shelf.Remove(ctx, wishName(q.Name), revision); err != nil {
		return Switches{}, err
	}
	s := state.Switch{Name: q.Name, Reason: fmt.Sprintf("%s; mended: %s; asked by %s, confirmed by %s", w.Reason, w.Mended, w.By, c.actor)}
	if err := a.o.Ledger.Switch(ctx, s); err != nil {
		return Switches{}, err
	}
	return a.switches(ctx, c)
}

// holds reports whether a wish is about the stop that is on for this reason, and still young.
func (a *API) holds(w wishRecord, why string) bool {
	return w.Name != "" && w.Why == why && a.o.Now().Before(w.At.Add(wishFor))
}

// wishes lists what waits for another person.
func (a *API) wishes(ctx context.Context, stopped map[string]string) ([]Wish, error) {
	out := []Wish{}
	if !a.o.FourEyes {
		return out, nil
	}
	all, err := a.o.Shelf.List(ctx, wishShelf)
	if err != nil {
		return nil, err
	}
	for _, b := range all {
		var w wishRecord
		if err := json.Unmarshal(b, &w); err != nil {
			return nil, errors.New("web: a wish can't be read")
		}
		if why, ok := stopped[w.Name]; ok && a.holds(w, why) {
			w.Until = w.At.Add(wishFor)
			out = append(out, w.Wish)
		}
	}
	slices.SortFunc(out, func(x, y Wish) int { return cmp.Compare(x.Name, y.Name) })
	return out, nil
}

// dropWish takes a wish away, since sending was stopped anew.
func (a *API) dropWish(ctx context.Context, name string) error {
	if !a.o.FourEyes {
		return nil
	}
	_, revision, err := a.o.Shelf.Read(ctx, wishName(name))
	if err == nil {
		err = a.o.Shelf.Remove(ctx, wishName(name), revision)
	}
	if errors.Is(err, ErrNotFound) {
		return nil
	}
	return err
}
