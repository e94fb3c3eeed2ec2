package command

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	defaults "github.com/husk-reminders/husk/config"
	"github.com/husk-reminders/husk/pkg/app"
	"github.com/husk-reminders/husk/pkg/consent"
	"github.com/husk-reminders/husk/pkg/contact"
	"github.com/husk-reminders/husk/pkg/gate"
	"github.com/husk-reminders/husk/pkg/policy"
	"github.com/husk-reminders/husk/pkg/reminder"
	"github.com/husk-reminders/husk/pkg/state"
	"github.com/husk-reminders/husk/test/scenario"
)

// demoNotice stands for the text that people were shown when they said yes.
var demoNotice = func() consent.Notice {
	sum := sha256.Sum256([]byte("We remind you of appointments by message. You can stop it at any time."))
	return consent.Notice{ID: "demo-1", Hash: hex.EncodeToString(sum[:]), Language: "en"}
}()

// demoDirectory is the unit directory of the demo: the shipped one, and a hospital whose address must not leave.
func demoDirectory() []byte { return scenario.WithSlip(defaults.Units) }

// demoUnits are those of demoDirectory.
func demoUnits() ([]reminder.Unit, error) {
	d, err := reminder.ReadUnits(bytes.NewReader(demoDirectory()))
	if err != nil {
		return nil, err
	}
	return d.Units(), nil
}

// player plays a scenario to a running app.
type player struct {
	app   *app.App
	story *scenario.Scenario
	clock *clock
	show  *show
	dir   string        // the outbox
	pace  time.Duration // between two instants, for a person who watches
	files int

	seen, answered map[string]bool // files of the outbox: looked at, and answers
}

// play enters what is known of the people, then goes from one instant at which something happens to the next.
func (p *player) play(ctx context.Context) error {
	select {
	case <-p.app.Running():
	case <-ctx.Done():
		return ctx.Err()
	}
	if err := p.people(ctx); err != nil {
		return err
	}
	steps := p.story.Steps
	_, next, err := p.app.Idle(ctx)
	if err != nil {
		return err
	}
	for {
		at := p.story.End
		if len(steps) > 0 && steps[0].At.Before(at) {
			at = steps[0].At
		}
		if !next.IsZero() && next.Before(at) {
			at = next
		}
		p.clock.moveTo(at)
		for len(steps) > 0 && !steps[0].At.After(at) {
			p.show.step(steps[0])
			if err := p.step(ctx, steps[0]); err != nil {
				return fmt.Errorf("%s: %w", steps[0].Label, err)
			}
			steps = steps[1:]
		}
		if next, err = p.settle(ctx); err != nil {
			return err
		}
		if err := p.answers(); err != nil {
			return err
		}
		if !at.Before(p.story.End) {
			return nil
		}
		time.Sleep(p.pace)
	}
}

// settle waits until nothing is left to do at this instant, sweeps, and returns when something will be due next.
func (p *player) settle(ctx context.Context) (time.Time, error) {
	for {
		idle, next, err := p.app.Idle(ctx)
		if err != nil {
			return next, err
		}
		if idle && !p.replies() {
			n := 0
			for _, sweep := range []string{"expired", "previews", "remembered"} {
				k, err := p.app.Sweep(ctx, sweep)
				if err != nil {
					return next, err
				}
				n += k
			}
			if n == 0 {
				return next, nil
			}
			continue
		}
		select {
		case <-ctx.Done():
			return next, context.Cause(ctx)
		case <-time.After(2 * time.Millisecond):
		}
	}
}

// replies reports whether a reply still lies in the carrier's folder.
func (p *player) replies() bool {
	left, err := filepath.Glob(filepath.Join(p.dir, "replies", "*.txt"))
	return err == nil && len(left) > 0
}

// answers shows the fixed answers that were written since the last look to people who wrote.
func (p *player) answers() error {
	if p.files == len(p.answered) { // nobody wrote who has no answer yet
		return nil
	}
	files, err := filepath.Glob(filepath.Join(p.dir, "messages", "*.txt"))
	if err != nil {
		return err
	}
	for _, f := range files {
		if p.seen[f] {
			continue
		}
		p.seen[f] = true
		b, err := os.ReadFile(f)
		if err != nil {
			return err
		}
		head, text, _ := strings.Cut(string(b), "\n\n")
		if !strings.Contains(head, "\nPurpose: "+string(reminder.Reply)+"\n") {
			continue
		}
		_, to, _ := strings.Cut(head, "\nTo: ")
		to, _, _ = strings.Cut(to, "\n")
		p.answered[f] = true
		p.show.answer(p.clock.Now(), to, text)
	}
	return nil
}

// people enters who is known before the story begins.
func (p *player) people(ctx context.Context) error {
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(32)
	for i, x := range p.story.People {
		g.Go(func() error {
			for _, a := range x.Addresses {
				if err := p.address(ctx, i, a); err != nil {
					return fmt.Errorf("person %d: %w", i, err)
				}
			}
			for _, c := range x.Consents {
				if err := p.consent(ctx, i, c); err != nil {
					return fmt.Errorf("person %d: %w", i, err)
				}
			}
			return nil
		})
	}
	return g.Wait()
}

func (p *player) key(person int) reminder.PersonKey {
	x := p.story.People[person]
	return p.app.Pseudonyms.Person(reminder.NewNationalID(x.Country, x.ID))
}

func (p *player) address(ctx context.Context, person int, a scenario.Address) error {
	country := p.story.People[person].Country
	addr, err := contact.Normalise(a.Channel, a.Address, country)
	if err != nil {
		return err
	}
	r := contact.Record{Person: p.key(person), Type: contact.Added, Address: addr, Method: policy.Staff, EventTime: a.Recorded, Recorded: a.Recorded}
	if err := p.app.Ledger.Contact(ctx, r); err != nil {
		return err
	}
	if v := a.Verified; v != nil {
		m := policy.Method(v.Method)
		r.Type, r.Method, r.Level, r.EventTime, r.Recorded = contact.Verified, m, m.Level(), v.At, v.At
		if err := p.app.Ledger.Contact(ctx, r); err != nil {
			return err
		}
	}
	if !a.Wrong.IsZero() {
		r.Type, r.Method, r.Level, r.EventTime, r.Recorded = contact.Wrong, "", 0, a.Wrong, a.Wrong
		return p.app.Ledger.Contact(ctx, r)
	}
	return nil
}

func (p *player) consent(ctx context.Context, person int, c scenario.Consent) error {
	r := consent.Record{
		Person: p.key(person), Type: consent.Type(c.Type), Purposes: c.Purposes, Channels: c.Channels, Method: consent.Method(c.Method),
		Actor: consent.Actor{Kind: consent.ActorKind(c.Actor)}, EventTime: c.EventTime, Recorded: c.Recorded, ValidUntil: c.ValidUntil,
		Scope: consent.Scope{Kind: policy.ControllerScope},
	}
	if c.Guardian != "" {
		r.Actor.Ref = string(p.app.Pseudonyms.Person(reminder.NewNationalID(p.story.People[person].Country, c.Guardian)))
	}
	if c.Scope != "" {
		r.Scope = consent.Scope{Kind: policy.UnitScope, Ref: c.Scope}
	}
	if r.Type == consent.Granted || r.Type == consent.Noticed {
		r.Notice = demoNotice
	}
	return p.app.Ledger.Consent(ctx, r)
}

// step does what a step of the story says.
func (p *player) step(ctx context.Context, s scenario.Step) error {
	switch s.Kind {
	case scenario.Event:
		return p.app.Publish(ctx, s.Subject, "", []byte(s.Raw))
	case scenario.SetConsent:
		return p.consent(ctx, s.Person, *s.Consent)
	case scenario.SetAddress:
		return p.address(ctx, s.Person, *s.Address)
	case scenario.Switch:
		name := gate.SwitchAll
		if s.Unit != "" {
			name = gate.SwitchUnit + s.Unit
		}
		return p.app.Ledger.Switch(ctx, state.Switch{Name: name, On: s.Text == "stop", Reason: s.Label})
	case scenario.Reply:
		return p.reply(s)
	}
	return fmt.Errorf("unknown kind of step %q", s.Kind)
}

// reply drops a citizen's reply into the outbox carrier's folder, whole or not at all.
func (p *player) reply(s scenario.Step) error {
	p.files++
	path := filepath.Join(p.dir, "replies", fmt.Sprintf("reply-%04d.txt", p.files))
	text := fmt.Sprintf("From: %s\nChannel: %s\n\n%s\n", s.From, s.Channel, s.Text)
	if err := os.WriteFile(path+".part", []byte(text), 0o600); err != nil {
		return err
	}
	return os.Rename(path+".part", path)
}
