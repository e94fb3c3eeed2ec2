package dispatch

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/husk-reminders/husk/pkg/compose"
	"github.com/husk-reminders/husk/pkg/gate"
	"github.com/husk-reminders/husk/pkg/provider"
	"github.com/husk-reminders/husk/pkg/reminder"
	"github.com/husk-reminders/husk/pkg/routing"
)

// ErrNotAllowed means that a unit's function address is not on the allow-list of notices.
var ErrNotAllowed = errors.New("dispatch: notice: the unit's function_mail is not in notices.allow")

// NoticeComposer writes notices; see compose.Composer.
type NoticeComposer interface {
	Notice(n compose.Notice) (reminder.Message, error)
	InspectNotice(n compose.Notice, m reminder.Message) error
}

// NoticeOptions of Notices. Composer, Sender and Allows are required.
type NoticeOptions struct {
	Composer NoticeComposer
	Sender   provider.Sender           // of e-mail
	Carrier  string                    // its name; "" = the channel's
	Allows   func(address string) bool // whether a function address may be written to
	// Stopped are the switches that are on, by name. nil = none is.
	Stopped       func(ctx context.Context) (map[string]string, error)
	OpenWait      time.Duration         // how long a slot may take to open; 0 = 30 s
	WriteDeadline time.Duration         // how long a write may take; 0 = 1 s
	Metrics       prometheus.Registerer // nil = nowhere
}

// Notices hands mails over that tell a clinic's staff how much waits for them. It is the second thing beside a permit that leads to a
// carrier, and narrow on purpose: it takes counts and a unit, no text and no address, and writes to function addresses on the
// allow-list alone. It has neither journal nor second try.
type Notices struct {
	o        NoticeOptions
	outcomes *prometheus.CounterVec
}

// What became of a notice, beside what is the same for answers: labels of metrics.
const (
	noticeNotAllowed = "not_allowed"
	noticeStopped    = "stopped" // by a switch, or nobody can say that none is on
)

// NewNotices checks the options.
func NewNotices(o NoticeOptions) (*Notices, error) {
	if o.Composer == nil || o.Sender == nil || o.Allows == nil {
		return nil, errors.New("dispatch: NoticeOptions: Composer, Sender and Allows are required")
	}
	if o.OpenWait == 0 {
		o.OpenWait = 30 * time.Second
	}
	if o.WriteDeadline == 0 {
		o.WriteDeadline = time.Second
	}
	n := &Notices{o: o, outcomes: prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "husk_dispatch_notices_total", Help: "Mails to clinics' staff with counts of what waits, by what became of them.",
	}, []string{"outcome"})}
	if o.Metrics != nil {
		if err := o.Metrics.Register(n.outcomes); err != nil {
			return nil, fmt.Errorf("dispatch: metrics: %w", err)
		}
	}
	return n, nil
}

// Send sends one notice, once. The error is ErrNotAllowed, one of compose's refusals, or a *provider.Error, of which Retry alone says
// that it surely has not left and may later.
func (n *Notices) Send(ctx context.Context, x compose.Notice) error {
	outcome, err := n.send(ctx, x)
	n.outcomes.WithLabelValues(outcome).Inc()
	return err
}

// Stopped asks whether a notice to a unit would be stopped now. The error, routing.ErrStopped or that nobody can say, counts as a notice
// that was stopped.
func (n *Notices) Stopped(ctx context.Context, u reminder.Unit) error {
	err := n.unstopped(ctx, u)
	if err != nil {
		n.outcomes.WithLabelValues(noticeStopped).Inc()
	}
	return err
}

func (n *Notices) send(ctx context.Context, x compose.Notice) (outcome string, err error) {
	if err := n.unstopped(ctx, x.Unit); err != nil {
		return noticeStopped, err
	}
	m, err := n.o.Composer.Notice(x)
	if err != nil {
		return answerHeld, err
	}
	if m.Channel != reminder.Email || !n.o.Allows(m.To.Reveal()) {
		return noticeNotAllowed, ErrNotAllowed
	}
	m.Reference = rand.Text()
	if m.Wire, err = n.o.Sender.Encode(m); err != nil {
		return answerHeld, err
	}
	if err := n.o.Composer.InspectNotice(x, m); err != nil {
		return answerHeld, err
	}
	wait, cancel := context.WithTimeout(ctx, n.o.OpenWait)
	defer cancel()
	slot, err := n.o.Sender.Open(wait)
	if err != nil {
		return answerClosed, err
	}
	defer slot.Close()
	write, cancel := context.WithTimeout(ctx, n.o.WriteDeadline)
	defer cancel()
	if err := n.unstopped(write, x.Unit); err != nil { // it may have been set while the slot opened
		return noticeStopped, err
	}
	if _, err := slot.Send(write, m); err != nil {
		return provider.OutcomeOf(err).String(), asError(err)
	}
	return answerAccepted, nil
}

// unstopped asks the switches that stop a unit's notices. The error says that the notice may leave later.
func (n *Notices) unstopped(ctx context.Context, u reminder.Unit) error {
	if n.o.Stopped == nil {
		return nil
	}
	on, err := n.o.Stopped(ctx)
	if err != nil {
		return &provider.Error{Outcome: provider.Retry, Code: "switches", Err: err}
	}
	names := []string{
		gate.SwitchAll, gate.SwitchUnit + u.ID, gate.SwitchCountry + string(u.Country), gate.SwitchCarrier + string(reminder.Email), gate.SwitchCarrier + n.o.Carrier,
	}
	for _, name := range names {
		if _, is := on[name]; is {
			return &provider.Error{Outcome: provider.Retry, Code: "stopped", Err: routing.ErrStopped}
		}
	}
	return nil
}
