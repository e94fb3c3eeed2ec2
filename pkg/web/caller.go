package web

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/husk-reminders/husk/pkg/consent"
	"github.com/husk-reminders/husk/pkg/ledger"
	"github.com/husk-reminders/husk/pkg/policy"
	"github.com/husk-reminders/husk/pkg/reminder"
)

// ActorHeader names who asks over the admin socket: the operating system's user, as the command line fills it in. The audit keeps
// it. Over HTTP the API key says who asks, and the header is not read.
const ActorHeader = "Husk-Actor"

// errNoAudit means that the audit was not written, so that nothing may be answered.
var errNoAudit = errors.New("web: the audit was not written")

// forbidden is a call that the key's role or units do not allow. Its text is for whoever has the key.
type forbidden struct{ text string }

// Error implements error.
func (f *forbidden) Error() string { return "web: forbidden: " + f.text }

// caller is who asks, for one request.
type caller struct {
	actor   string   // for the audit
	self    string   // tells two callers apart: of a key its id, over the socket the user
	holder  string   // whose the key is, as far as it says
	role    Role     // "" = the admin socket
	units   []string // that the caller is limited to; none = the whole installation
	wall    bool     // a wall session's: it may call wallOperation and nothing else
	audited bool
}

// callerKey is where the request's context has its caller, between the door and register: nothing else reads it.
type callerKey struct{}

func callerOf(ctx context.Context) *caller {
	c, ok := ctx.Value(callerKey{}).(*caller)
	if !ok {
		return &caller{role: "nobody"}
	}
	return c
}

// staffCaller is who asks over the admin socket.
func staffCaller(r *http.Request) *caller {
	name := r.Header.Get(ActorHeader)
	return &caller{actor: name, self: name, holder: name}
}

func (c *caller) local() bool { return c.role == "" }

// whole reports whether the caller is limited to no unit.
func (c *caller) whole() bool { return len(c.units) == 0 }

func (c *caller) covers(unit string) bool { return c.whole() || slices.Contains(c.units, unit) }

// sees reports whether the caller may see a person's record, whom the caller may see: another unit's words are the other unit's.
func (a *API) sees(c *caller, r consent.Record) bool {
	switch r.Scope.Kind {
	case policy.UnitScope:
		return c.covers(r.Scope.Ref)
	case policy.HospitalScope:
		return c.whole() || a.inHospital(c, r.Scope.Ref)
	}
	return true
}

// seen are those of a person's records that the caller may see.
func (a *API) seen(c *caller, rs []consent.Record) []consent.Record {
	return slices.DeleteFunc(slices.Clone(rs), func(r consent.Record) bool { return !a.sees(c, r) })
}

// inHospital reports whether one of the caller's units is the hospital's.
func (a *API) inHospital(c *caller, hospital string) bool {
	return slices.ContainsFunc(a.o.Units.Units(), func(u reminder.Unit) bool { return u.Hospital == hospital && slices.Contains(c.units, u.ID) })
}

// about is what a call reads or changes. It says whether the caller's units reach it.
type about func(ctx context.Context, a *API, c *caller) error

// anybody is for what holds nothing of a person, or must be possible for whoever hears it: a no is taken down wherever it is said.
func anybody(context.Context, *API, *caller) error { return nil }

// everybody is for what is the whole installation's.
func everybody(_ context.Context, _ *API, c *caller) error {
	if c.whole() {
		return nil
	}
	return &forbidden{"this is about the whole installation, and the key is for some units alone"}
}

// ofUnit is for what is one unit's; "" is no known unit's.
func ofUnit(id string) about {
	return func(_ context.Context, _ *API, c *caller) error {
		if c.covers(id) {
			return nil
		}
		if id == "" {
			return &forbidden{"the key is for some units alone: name one of them"}
		}
		return &forbidden{"the key is not for this unit"}
	}
}

// ofPerson is for what is one person's: who is reached through a unit of the key, where the person has or had an appointment, or
// to which (or to whose hospital) they have said yes. Somebody new is reached once a yes to the unit is taken down. No other word
// opens a person: a no may be taken down by anybody.
func ofPerson(key reminder.PersonKey) about {
	return func(ctx context.Context, a *API, c *caller) error {
		if c.whole() {
			return nil
		}
		units, err := a.o.Ledger.Units(ctx, key)
		if err != nil || slices.ContainsFunc(units, c.covers) {
			return err
		}
		found, err := a.o.Ledger.People(ctx, []reminder.PersonKey{key})
		if err != nil {
			return err
		}
		for _, r := range found[0].Consent {
			if isYes(r) && r.Scope.Kind != policy.ControllerScope && a.sees(c, r) {
				return nil
			}
		}
		return &forbidden{"the key's units have nothing to do with this person: take down a yes to one of the units first"}
	}
}

func isYes(r consent.Record) bool { return r.Type == consent.Granted || r.Type == consent.Noticed }

// aboutWord is what a record of consent is about. A no may be taken down by anybody; a yes to a unit by that unit; and everything
// else by who reaches the person, the end of a unit's care by the unit alone.
func aboutWord(r consent.Record) about {
	ofUnits := r.Scope.Kind == policy.UnitScope
	switch {
	case r.Type == consent.Withdrawn || r.Type == consent.Refused:
		return anybody
	case isYes(r) && ofUnits:
		return ofUnit(r.Scope.Ref)
	case r.Type == consent.CareEnded && ofUnits:
		return allOf(ofUnit(r.Scope.Ref), ofPerson(r.Person))
	}
	return ofPerson(r.Person)
}

// allOf is for what is about several things at once.
func allOf(these ...about) about {
	return func(ctx context.Context, a *API, c *caller) error {
		for _, of := range these {
			if err := of(ctx, a, c); err != nil {
				return err
			}
		}
		return nil
	}
}

// audit checks that the caller's units reach what the call is about, and writes who does what to whom, and why. It comes before the
// answer and before the change. What is refused is written too.
func (a *API) audit(ctx context.Context, c *caller, of about, action string, p reminder.PersonKey, h reminder.AddressHash, reason string) error {
	if !c.local() {
		if err := of(ctx, a, c); err != nil {
			return a.denied(ctx, c, action, p, err)
		}
	}
	return a.note(ctx, c, ledger.Audit{Action: action, Person: p, Address: h, Reason: reason})
}

// denied writes that a call was refused, where err says that it was.
func (a *API) denied(ctx context.Context, c *caller, action string, p reminder.PersonKey, err error) error {
	var no *forbidden
	if !errors.As(err, &no) {
		return err
	}
	if err := a.note(ctx, c, ledger.Audit{Action: "denied " + action, Person: p}); err != nil {
		return err
	}
	return no
}

func (a *API) note(ctx context.Context, c *caller, x ledger.Audit) error {
	if err := checkActor(c.actor); err != nil {
		return err
	}
	x.Actor = c.actor
	if err := a.o.Ledger.Audit(ctx, x); err != nil {
		return fmt.Errorf("%w: %w", errNoAudit, err)
	}
	c.audited = true
	return nil
}

func checkActor(s string) error {
	bad := func(r rune) bool { return !unicode.IsPrint(r) }
	if n := utf8.RuneCountInString(s); n == 0 || n > 64 || strings.ContainsFunc(s, bad) || longNumber(s) {
		return want(ActorHeader, "the header with the user who asks: 1 to 64 printable characters, no long number")
	}
	return nil
}
