package web

import (
	"cmp"
	"context"
	"os"
	"regexp"
	"slices"
	"strings"

	"github.com/husk-reminders/husk/pkg/ledger"
	"github.com/husk-reminders/husk/pkg/receipt"
	"github.com/husk-reminders/husk/pkg/reminder"
)

// Status is the line at a glance.
type Status struct {
	ledger.Status
	NotReady string                `json:"notReady,omitempty"` // why the line can't be relied on now; "" = it can
	Next     []ledger.ReminderView `json:"next"`               // the reminders that are due next, without their persons
	Dead     uint64                `json:"dead"`               // dead letters
	Inbox    *Inbox                `json:"inbox,omitempty"`    // absent = it can't be read now
	Carriers []Carrier             `json:"carriers"`           // how they stand; none was tried
	Streams  []Stream              `json:"streams"`
	Process  int                   `json:"process"` // id of the process that answers
}

// deadStream holds the dead letters.
const deadStream = "HUSK_DEAD"

type statusInput struct {
	Next int `query:"next" default:"5" minimum:"0" maximum:"100" doc:"How many of the reminders due next to list"`
}

// status is about nobody. Over the admin socket it is not in the audit: it is asked for when the journal can't be written, too.
func (a *API) status(ctx context.Context, c *caller, in *statusInput) (Status, error) {
	if err := a.remote(ctx, c, "status.show"); err != nil {
		return Status{}, err
	}
	s := Status{Process: os.Getpid(), Next: []ledger.ReminderView{}, Streams: []Stream{}}
	var err error
	if s.Status, err = a.o.Ledger.Status(ctx); err != nil {
		return Status{}, err
	}
	if err := a.o.Ready(ctx); err != nil {
		s.NotReady = err.Error()
	}
	if in.Next > 0 && c.whole() {
		if s.Next, err = a.o.Ledger.Reminders(ctx, ledger.Filter{Status: receipt.Planned, Max: in.Next}); err != nil {
			return Status{}, err
		}
		for i := range s.Next {
			s.Next[i].Person, s.Next[i].Attempts = "", nil // no person is asked about, so none is told of
		}
	}
	s.Inbox = a.inbox(ctx, "")
	s.Carriers = []Carrier{}
	if a.o.Carriers != nil {
		cs, err := a.o.Carriers.List(ctx, false)
		if err != nil {
			return Status{}, err
		}
		s.Carriers = append(s.Carriers, cs...)
	}
	if a.o.Streams != nil {
		if s.Streams, err = a.o.Streams(ctx); err != nil {
			return Status{}, err
		}
		slices.SortFunc(s.Streams, func(x, y Stream) int { return cmp.Compare(x.Name, y.Name) })
	}
	for _, x := range s.Streams {
		if x.Name == deadStream {
			s.Dead = x.Messages
		}
	}
	return s, nil
}

// remote puts a call that is about nobody into the audit, if it came with a key.
func (a *API) remote(ctx context.Context, c *caller, action string) error {
	if c.local() {
		return nil
	}
	return a.audit(ctx, c, anybody, action, "", "", "")
}

type remindersInput struct {
	Status string `query:"status" maxLength:"16" doc:"Of this status alone"`
	Unit   string `query:"unit" maxLength:"64" doc:"Of the unit with this id alone; a key that is for some units must name one"`
	Person string `query:"person" pattern:"^[1-9]-[0-9a-f]{32}$" patternDescription:"a person key" doc:"Of the person with this pseudonym alone"`
	Max    int    `query:"max" default:"100" minimum:"1" maximum:"10000"`
	Reason string `query:"reason" doc:"Why, for the audit; no number, no name"`
}

func (a *API) reminders(ctx context.Context, c *caller, in *remindersInput) ([]ledger.ReminderView, error) {
	f := ledger.Filter{Status: receipt.Status(in.Status), Unit: in.Unit, Person: reminder.PersonKey(in.Person), Max: in.Max}
	if f.Status != "" && !slices.Contains(receipt.Statuses, f.Status) {
		names := make([]string, len(receipt.Statuses))
		for i, s := range receipt.Statuses {
			names[i] = string(s)
		}
		return nil, want("status", "one of "+strings.Join(names, ", "))
	}
	if err := a.unitKnown(f.Unit); err != nil {
		return nil, err
	}
	reason, err := reasonOf(in.Reason, false)
	if err != nil {
		return nil, err
	}
	if err := a.audit(ctx, c, ofUnit(f.Unit), "reminder.list", f.Person, "", reason); err != nil {
		return nil, err
	}
	return a.o.Ledger.Reminders(ctx, f)
}

// idRE is the form of every pseudonym.
var idRE = regexp.MustCompile(`^[1-9]-[0-9a-f]{32}$`)

type reminderInput struct {
	ID     string `path:"id" pattern:"^[1-9]-[0-9a-f]{32}$" patternDescription:"a reminder's id"`
	Reason string `query:"reason" doc:"Why, for the audit; no number, no name"`
}

func (a *API) reminder(ctx context.Context, c *caller, in *reminderInput) (ledger.ReminderView, error) {
	none := ledger.ReminderView{}
	reason, err := reasonOf(in.Reason, false)
	if err != nil {
		return none, err
	}
	found, err := a.o.Ledger.Reminders(ctx, ledger.Filter{ID: reminder.ID(in.ID), Max: 1})
	if err != nil {
		return none, err
	}
	if len(found) == 0 {
		return none, ErrNotFound
	}
	if err := a.audit(ctx, c, ofUnit(found[0].Unit), "reminder.show", found[0].Person, "", reason); err != nil {
		return none, err
	}
	return found[0], nil
}

type lettersInput struct {
	Unit string `query:"unit" maxLength:"64" doc:"Of the unit with this id alone; a key that is for some units must name one"`
	Only string `query:"only" enum:"unknown_unit" doc:"With this reason alone"`
	Max  int    `query:"max" default:"1000" minimum:"1" maximum:"10000"`
}

func (a *API) letters(ctx context.Context, c *caller, in *lettersInput) (ledger.Letters, error) {
	if err := a.unitKnown(in.Unit); err != nil {
		return ledger.Letters{}, err
	}
	if err := a.audit(ctx, c, ofUnit(in.Unit), "letter.list", "", "", ""); err != nil {
		return ledger.Letters{}, err
	}
	return a.o.Ledger.Letters(ctx, ledger.LetterFilter{Unit: in.Unit, Reason: in.Only, Max: in.Max}, func(id string) bool { _, ok := a.o.Units.Unit(id); return ok })
}

func (a *API) unitKnown(id string) error {
	if id == "" {
		return nil
	}
	if _, ok := a.o.Units.Unit(id); !ok {
		return want("unit", "the id of a unit in the unit directory")
	}
	return nil
}
