package compose

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"unicode/utf8"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/husk-reminders/husk/pkg/gate"
	"github.com/husk-reminders/husk/pkg/policy"
	"github.com/husk-reminders/husk/pkg/redact"
	"github.com/husk-reminders/husk/pkg/reminder"
	"github.com/husk-reminders/husk/pkg/sms"
	"github.com/husk-reminders/husk/pkg/template"
)

// Templates finds the template of a set for a channel in a language (BCP 47 primary tag).
type Templates interface {
	Find(set string, c reminder.Channel, language string) (template.Template, bool)
	// FindFor is Find for the reminder with a key, which may be given another version while one is on its trial share.
	FindFor(key, set string, c reminder.Channel, language string) (template.Template, bool)
}

// Scanner finds what must not leave; none found = clean. It must know the placeholders of template.Checked.
type Scanner interface {
	Scan(r reminder.Rendered, known redact.Known) []redact.Finding
	// ScanWire reads what a carrier made of r.
	ScanWire(w reminder.Wire, r reminder.Rendered, known redact.Known) []redact.Finding
}

// Options of a Composer. Templates and Scanner are required.
type Options struct {
	Templates Templates
	Scanner   Scanner
	Metrics   prometheus.Registerer // nil = none
}

// Composer composes messages. It keeps nothing and may be used by many at once.
type Composer struct {
	templates Templates
	scanner   Scanner
	metrics   metrics
}

// New checks the options.
func New(o Options) (*Composer, error) {
	switch {
	case o.Templates == nil:
		return nil, errors.New("compose: Options.Templates is missing")
	case o.Scanner == nil:
		return nil, errors.New("compose: Options.Scanner is missing")
	}
	m := newMetrics()
	if err := m.register(o.Metrics); err != nil {
		return nil, err
	}
	return &Composer{templates: o.Templates, scanner: o.Scanner, metrics: m}, nil
}

// Compose makes the message a permit allows. The message has everything but its Reference. The error is one of this package's
// refusals, template.ErrMissing when the unit lacks a fact that the template needs, or the context's.
func (c *Composer) Compose(ctx context.Context, p gate.Permit) (reminder.Message, error) {
	m, err := c.compose(ctx, p)
	c.metrics.count(err)
	return m, err
}

// Chosen is the id of the template that Compose would make the message of this permit of now, "" when there is none. It renders
// nothing.
func (c *Composer) Chosen(p gate.Permit) string {
	t, err := c.chosen(p)
	if err != nil {
		return ""
	}
	return t.ID()
}

func (c *Composer) chosen(p gate.Permit) (template.Template, error) {
	if p.IsZero() {
		return template.Template{}, ErrNoPermit
	}
	u := p.Unit()
	find := func(set string, ch reminder.Channel, language string) (template.Template, bool) {
		return c.templates.FindFor(string(p.Lease().Reminder), set, ch, language)
	}
	return choose(find, u, setOf(u, p.Lease().Purpose, p.Answer()), p.Channel(), p.Language())
}

func (c *Composer) compose(ctx context.Context, p gate.Permit) (reminder.Message, error) {
	if err := ctx.Err(); err != nil {
		return reminder.Message{}, fmt.Errorf("compose: %w", err)
	}
	l, u := p.Lease(), p.Unit()
	t, err := c.chosen(p)
	if err != nil {
		return reminder.Message{}, err
	}
	if len(t.Lint(l.Purpose)) > 0 {
		return reminder.Message{}, fmt.Errorf("%w: %s for %s", ErrUnfit, t.Name(), l.Purpose)
	}
	f := factsOf(p, t.Language())
	d, err := c.draftFor(p, t, f)
	if err != nil {
		return reminder.Message{}, err
	}
	c.metrics.neutral(d.neutral)
	m := reminder.Message{
		Channel: p.Channel(), Purpose: l.Purpose, To: p.Address(), Sender: d.sender, ReplyTo: f.Unit.Mail.Text,
		Language: t.Language(), Template: t.ID(), Class: d.class, Unit: u.ID, NotAfter: l.Expires, Origin: &d.rendered,
	}
	for _, part := range d.rendered.Parts {
		switch part.Kind {
		case reminder.PartSubject:
			m.Subject = part.Text
		case reminder.PartText:
			m.Text = part.Text
		case reminder.PartHTML:
			m.HTML = part.Text
		}
	}
	m.Event = eventOf(t, l, f, d.rendered)
	if m.Channel == reminder.SMS {
		m.Segments = sms.Count(m.Text.Reveal()).Segments
	}
	return m, nil
}

// Inspect has the bytes looked at that the carrier encoded a message of this permit to, which are to leave as they are. The error
// is a *HeldError when they are not clean.
func (c *Composer) Inspect(p gate.Permit, m reminder.Message) error {
	err := c.inspect(p, m)
	if err != nil {
		c.metrics.count(err)
	}
	return err
}

func (c *Composer) inspect(p gate.Permit, m reminder.Message) error {
	switch {
	case p.IsZero():
		return ErrNoPermit
	case m.Wire.Body.IsZero() || m.Origin == nil:
		return ErrNoWire
	}
	known := c.known(factsOf(p, m.Language))
	known.To, known.Refs, known.Unsubscribe = m.To.Reveal(), append(known.Refs, given(m.Reference, m.Template)...), m.Unsubscribe.Header()
	if m.Event != nil {
		known.Refs = append(known.Refs, m.Event.UID)
	}
	found := c.scanner.ScanWire(m.Wire, *m.Origin, known)
	found = slices.DeleteFunc(found, func(x redact.Finding) bool { return released(p.Lease().Release, m.Template, x) })
	if len(found) > 0 {
		return &HeldError{Template: m.Template, Findings: found}
	}
	return nil
}

// setOf is the set of templates that the unit uses for a purpose, and of the purpose reply for one answer.
func setOf(u reminder.Unit, purpose reminder.Purpose, answer reminder.AnswerText) string {
	if purpose == reminder.Reply {
		return u.AnswerSet(answer)
	}
	return cmp.Or(u.Templates[purpose], string(purpose))
}

// choose finds the template of a set, in the language asked for or else the unit's own.
func (c *Composer) choose(u reminder.Unit, set string, ch reminder.Channel, language string) (template.Template, error) {
	return choose(c.templates.Find, u, set, ch, language)
}

func choose(
	find func(set string, c reminder.Channel, language string) (template.Template, bool), u reminder.Unit, set string, ch reminder.Channel, language string,
) (template.Template, error) {
	for _, l := range []string{reminder.PrimaryLanguage(language), u.Language} {
		if t, ok := find(set, ch, l); ok {
			return t, nil
		}
	}
	return template.Template{}, fmt.Errorf("%w: set %s, channel %s, in the patient's language or %s of unit %s", ErrNoTemplate, set, ch, u.Language, u.ID)
}

// factsOf projects what a template may use; all else stays behind.
func factsOf(p gate.Permit, language string) reminder.Facts {
	return project(p.Lease(), p.Unit(), p.Pack(), p.Channel(), p.HidePlace(), language)
}

func project(l reminder.Lease, u reminder.Unit, pack policy.Pack, c reminder.Channel, hide bool, language string) reminder.Facts {
	a := l.Appointment
	f := reminder.Facts{
		Purpose: l.Purpose, Channel: c, Language: language,
		Start: a.Start, Length: a.Length, GivenName: a.GivenName, Unit: u, Others: a.Others,
	}
	if a.Challenge != nil && l.Purpose == reminder.Verify {
		f.Code = a.Challenge.Code
	}
	f.Unit.Link = linkOf(f.Unit, pack, c)
	if hide {
		f.Unit = placeless(f.Unit)
	}
	if !l.Told.IsZero() && (l.Purpose == reminder.Changed || l.Purpose == reminder.Cancel) {
		f.Was = l.Told.In(a.Start.Location())
	}
	return f
}

// draft is a rendered message that is clean and within the pack's limits.
type draft struct {
	rendered reminder.Rendered
	neutral  []string // facts shown by their neutral text
	sender   string
	class    reminder.Class
}

// draft drafts. Of a one-time code the unit's own name gives way where it says too much for a number that is not proven, or is too long.
func (c *Composer) draft(t template.Template, f reminder.Facts, pack policy.Pack, release *reminder.Release) (draft, error) {
	d, err := c.draftWith(t, f, pack, release)
	if f.Purpose == reminder.Verify && (errors.Is(err, ErrOverCeiling) || errors.Is(err, ErrTooLong)) {
		return c.draftWith(t, f, pack, release, "unit")
	}
	return d, err
}

// draftWith drafts with some facts shown by their neutral text from the beginning.
func (c *Composer) draftWith(t template.Template, f reminder.Facts, pack policy.Pack, release *reminder.Release, neutral ...string) (draft, error) {
	d := draft{sender: senderOf(f.Unit, t.Channel()).Text, neutral: neutral}
	if d.sender == "" {
		return d, ErrNoSender
	}
	limit := pack.MaxLength[t.Channel()]
	if err := c.write(&d, t, f, limit, release); err != nil {
		return d, err
	}
	for _, p := range d.rendered.Parts {
		if n := utf8.RuneCountInString(p.Text.Reveal()); p.Kind == reminder.PartText && limit > 0 && n > limit {
			return d, fmt.Errorf("%w: %s is %d letters for unit %s, %s allows %d", ErrTooLong, t.Name(), n, f.Unit.ID, pack.ID, limit)
		}
	}
	d.class = classOf(t, f.Unit, d)
	// A channel the pack gives no ceiling has the ceiling 0.
	if ceiling := pack.Ceiling[t.Channel()]; d.class > ceiling {
		return d, fmt.Errorf("%w: %s is %v for unit %s, %s allows %v", ErrOverCeiling, t.Name(), d.class, f.Unit.ID, pack.ID, ceiling)
	}
	return d, nil
}
