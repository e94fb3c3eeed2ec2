package web

import (
	"cmp"
	"context"
	"net/http"
	"os"
	"regexp"
	"slices"
	"strconv"
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
	Streams  []Stream              `json:"streams"`
	Process  int                   `json:"process"` // id of the process that answers
}

// deadStream holds the dead letters.
const deadStream = "HUSK_DEAD"

func (a *API) status(ctx context.Context, r *http.Request) (any, error) {
	next, err := number(r, "next", 5, 100)
	if err != nil {
		return nil, err
	}
	s := Status{Process: os.Getpid(), Next: []ledger.ReminderView{}, Streams: []Stream{}}
	if s.Status, err = a.o.Ledger.Status(ctx); err != nil {
		return nil, err
	}
	if err := a.o.Ready(ctx); err != nil {
		s.NotReady = err.Error()
	}
	if next > 0 {
		if s.Next, err = a.o.Ledger.Reminders(ctx, ledger.Filter{Status: receipt.Planned, Max: next}); err != nil {
			return nil, err
		}
		for i := range s.Next {
			s.Next[i].Person, s.Next[i].Attempts = "", nil // no person is asked about, so none is told of
		}
	}
	if a.o.Streams != nil {
		if s.Streams, err = a.o.Streams(ctx); err != nil {
			return nil, err
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

func (a *API) carriers(ctx context.Context, _ *http.Request) (any, error) {
	out := []Carrier{}
	if a.o.Carriers != nil {
		out = append(out, a.o.Carriers(ctx)...)
	}
	return out, nil
}

// defaultMax and highestMax bound lists.
const (
	defaultMax = 100
	highestMax = 10_000
)

func (a *API) reminders(ctx context.Context, r *http.Request) (any, error) {
	q := r.URL.Query()
	f := ledger.Filter{Status: receipt.Status(q.Get("status")), Unit: q.Get("unit")}
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
	var err error
	if f.Max, err = number(r, "max", defaultMax, highestMax); err != nil {
		return nil, err
	}
	if f.Max == 0 {
		return nil, want("max", "1 to "+strconv.Itoa(highestMax))
	}
	if s := q.Get("person"); s != "" {
		if f.Person, err = reminder.ParsePersonKey(s); err != nil {
			return nil, want("person", "a person key")
		}
	}
	reason, err := reasonOf(q.Get("reason"), false)
	if err != nil {
		return nil, err
	}
	if err := a.audit(ctx, r, "reminder.list", f.Person, "", reason); err != nil {
		return nil, err
	}
	return a.o.Ledger.Reminders(ctx, f)
}

// idRE is the form of every pseudonym.
var idRE = regexp.MustCompile(`^[1-9]-[0-9a-f]{32}$`)

func (a *API) reminder(ctx context.Context, r *http.Request) (any, error) {
	id := r.PathValue("id")
	if !idRE.MatchString(id) {
		return nil, want("id", "a reminder's id")
	}
	reason, err := reasonOf(r.URL.Query().Get("reason"), false)
	if err != nil {
		return nil, err
	}
	found, err := a.o.Ledger.Reminders(ctx, ledger.Filter{ID: reminder.ID(id), Max: 1})
	if err != nil {
		return nil, err
	}
	if len(found) == 0 {
		return nil, ErrNotFound
	}
	if err := a.audit(ctx, r, "reminder.show", found[0].Person, "", reason); err != nil {
		return nil, err
	}
	return found[0], nil
}

func (a *API) letters(ctx context.Context, r *http.Request) (any, error) {
	unit := r.URL.Query().Get("unit")
	if err := a.unitKnown(unit); err != nil {
		return nil, err
	}
	if err := a.audit(ctx, r, "letter.list", "", "", ""); err != nil {
		return nil, err
	}
	return a.o.Ledger.Letters(ctx, unit, func(id string) bool { _, ok := a.o.Units.Unit(id); return ok })
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

// number reads a query parameter.
func number(r *http.Request, name string, byDefault, most int) (int, error) {
	s := r.URL.Query().Get(name)
	if s == "" {
		return byDefault, nil
	}
	n, err := strconv.Atoi(s)
	if err != nil || n < 0 || n > most {
		return 0, want(name, "a whole number up to "+strconv.Itoa(most))
	}
	return n, nil
}
