package app

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/husk-reminders/husk/pkg/compose"
	"github.com/husk-reminders/husk/pkg/config"
	"github.com/husk-reminders/husk/pkg/dispatch"
	"github.com/husk-reminders/husk/pkg/provider"
	"github.com/husk-reminders/husk/pkg/reminder"
	"github.com/husk-reminders/husk/pkg/routing"
	"github.com/husk-reminders/husk/pkg/web"
)

// noticesAllowed refuses a unit directory with a function address that may not be written to.
func noticesAllowed(n config.Notices, d *reminder.Directory) error {
	var errs []error
	for _, u := range d.Units() {
		if n.On() && u.Function != "" && !n.Allows(u.Function) {
			errs = append(errs, fmt.Errorf("app: units.file: unit %q: function_mail: its domain is not in notices.allow: add the domain or address there, or change function_mail", u.ID))
		}
	}
	return errors.Join(errs...)
}

// notices tells clinics' staff by mail how much waits for them.
type notices struct {
	*App
	mail *dispatch.Notices
}

// openNotices makes the notices, by the route of e-mail; nil where none are sent: without an allow-list, or without that route.
func (a *App) openNotices(routes []dispatch.Route, metrics prometheus.Registerer) (*notices, error) {
	i := slices.IndexFunc(routes, func(r dispatch.Route) bool { return r.Name == string(reminder.Email) })
	if !a.Config.Notices.On() || i < 0 {
		return nil, nil //nolint:nilnil // none is an answer
	}
	m, err := dispatch.NewNotices(dispatch.NoticeOptions{
		Composer: a.Composer, Sender: routes[i].Sender, Carrier: routes[i].Carrier, Allows: a.Config.Notices.Allows,
		Stopped: people{a.Ledger, a.State}.Stopped, WriteDeadline: a.Config.Send.WriteDeadline, Metrics: metrics,
	})
	if err != nil {
		return nil, fmt.Errorf("app: %w", err)
	}
	return &notices{a, m}, nil
}

// noticeMark says on which day, by the unit's own calendar, a unit was last told what waits. It stands on the staff API's shelf, where
// every process and the next one sees it.
type noticeMark struct {
	Day string `json:"day"` // 2026-03-12
}

// noticeTries is after how many failures a sweep leaves the other units to the next one: the carrier is down.
const noticeTries = 3

// noticePrefix begins the names of the marks.
const noticePrefix = "notice."

// sweep tells the units that have not been told today and where something waits. It returns how many it has told.
func (n *notices) sweep(ctx context.Context) (told int, err error) {
	if n == nil {
		return 0, nil
	}
	now := n.Now()
	days, marks, err := n.untold(ctx, now)
	if err != nil || len(days) == 0 {
		return 0, err
	}
	waiting, err := n.Replies.Waiting(ctx, now.Add(-n.Config.Notices.After))
	if err != nil {
		return 0, err
	}
	pages := ""
	if p := n.Config.Pages; p.URL != "" || p.Listen != "" {
		pages = p.Address()
	}
	var errs []error
	for _, u := range n.Units.Units() {
		w := waiting[u.ID]
		if days[u.ID] == "" || !w.Any() {
			continue
		}
		if len(errs) == noticeTries {
			break
		}
		switch sent, err := n.tell(ctx, marks[u.ID], days[u.ID], compose.Notice{Unit: u, Waiting: w, After: n.Config.Notices.After, Pages: pages}); {
		case err != nil:
			errs = append(errs, fmt.Errorf("app: the notice to unit %s: %w", u.ID, err))
		case sent:
			told++
		}
	}
	return told, errors.Join(errs...)
}

// untold are the units with a function address that have not been told today, with their day, and the revision of each one's mark.
func (n *notices) untold(ctx context.Context, now time.Time) (days map[string]string, revisions map[string]uint64, err error) {
	days, revisions = map[string]string{}, map[string]uint64{}
	for _, u := range n.Units.Units() {
		if u.Function == "" {
			continue
		}
		zone, err := reminder.LoadZone(u.Zone)
		if err != nil {
			return nil, nil, err
		}
		day := now.In(zone).Format(time.DateOnly)
		b, revision, err := n.shelf.Read(ctx, noticePrefix+u.ID)
		var m noticeMark
		switch {
		case errors.Is(err, web.ErrNotFound):
		case err != nil:
			return nil, nil, err
		case json.Unmarshal(b, &m) == nil && m.Day >= day:
			continue
		}
		days[u.ID], revisions[u.ID] = day, revision
	}
	return days, revisions, nil
}

// tell sends one notice. The unit is marked as told before, so that a process that dies, or another that has begun the same, sends no
// second one; where the mail surely has not left and may later, the mark is taken away. A unit that a switch stops is no failure: it is
// told by a later sweep, and those behind it by this one.
func (n *notices) tell(ctx context.Context, revision uint64, day string, x compose.Notice) (sent bool, err error) {
	switch err := n.mail.Stopped(ctx, x.Unit); {
	case errors.Is(err, routing.ErrStopped):
		return false, nil
	case err != nil:
		return false, err
	}
	name := noticePrefix + x.Unit.ID
	mark, err := json.Marshal(noticeMark{day})
	if err == nil {
		err = n.shelf.Write(ctx, name, mark, revision)
	}
	if errors.Is(err, web.ErrRaced) {
		return false, nil // another process is at it
	}
	if err != nil {
		return false, err
	}
	err = n.mail.Send(ctx, x)
	var e *provider.Error
	if err == nil || !errors.As(err, &e) || e.Outcome != provider.Retry {
		return err == nil, err
	}
	back := context.WithoutCancel(ctx)
	_, revision, failed := n.shelf.Read(back, name)
	if failed == nil {
		failed = n.shelf.Remove(back, name, revision)
	}
	if errors.Is(err, routing.ErrStopped) { // in the meantime
		return false, failed
	}
	return false, errors.Join(err, failed)
}
