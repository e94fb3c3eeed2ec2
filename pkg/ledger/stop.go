package ledger

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode"

	"github.com/husk-reminders/husk/pkg/contact"
	"github.com/husk-reminders/husk/pkg/journal"
	"github.com/husk-reminders/husk/pkg/reminder"
	"github.com/husk-reminders/husk/pkg/state"
)

// Stop bars an address, whoever is or later comes behind it. It returns when the withdrawal is final: the bar is folded, and
// every attempt that was on the wire to the address is settled or named in the audit as having left before.
func (l *Ledger) Stop(ctx context.Context, from reminder.Address, via string) error {
	return l.bar(ctx, state.Bar{Address: l.o.Pseudonyms.Address(from), Via: via})
}

func (l *Ledger) bar(ctx context.Context, b state.Bar) error {
	hash := b.Address
	e, err := clearEntry(journal.StreamStop, journal.KindBar, hash.Shard(), "", l.o.Now(), b)
	if err != nil {
		return err
	}
	if b.Lifted {
		// Never repeated here: what is written late could undo a STOP that came between.
		return l.write(ctx, e)
	}
	if err := l.insist(ctx, func() error { return l.write(ctx, e) }); err != nil {
		return err
	}
	l.m.stops.Inc()
	l.silenced(ctx, "", hash)
	return l.settled(ctx, "stop", hash, "")
}

// WrongNumber takes somebody's word that the address is not who we think: everybody who has it as theirs loses it. It is in the audit,
// and so in dispute, before what is on the wire is waited for: a one-time code that is marked later finds it there.
func (l *Ledger) WrongNumber(ctx context.Context, from reminder.Address, via string) error {
	hash := l.o.Pseudonyms.Address(from)
	persons, err := l.whose(ctx, hash)
	if err != nil {
		return err
	}
	for _, p := range persons {
		// All of them first, then one wait for all.
		if _, err := l.contact(ctx, contact.Record{Person: p, Type: contact.Wrong, Hash: hash, Channel: from.Channel}); err != nil {
			return err
		}
	}
	if err := l.Audit(ctx, Audit{Actor: via, Action: "wrong_number", Address: hash}); err != nil {
		return err
	}
	l.silenced(ctx, "", hash)
	// Also when nobody has it any more: the call that took it from them may have been broken off here.
	return l.settled(ctx, "wrong_number", hash, "")
}

// whose is who has an address as theirs.
func (l *Ledger) whose(ctx context.Context, a reminder.AddressHash) (ps []reminder.PersonKey, err error) {
	err = l.ask(ctx, func() (err error) { ps, err = l.o.State.Whose(ctx, a); return err })
	return ps, err
}

// ask asks the state. While nobody vouches for it, it is asked again, for as long as a write waits to be folded.
func (l *Ledger) ask(ctx context.Context, what func() error) error {
	deadline := time.After(l.o.FoldWait)
	for {
		err := what()
		if err == nil {
			return nil
		}
		err = fmt.Errorf("ledger: %w", err)
		if !errors.Is(err, state.ErrNotCertified) {
			return err
		}
		select {
		case <-deadline:
			return err
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(5 * time.Millisecond):
		}
	}
}

// Other keeps that somebody wrote something a clerk should see to. The text is not kept.
func (l *Ledger) Other(ctx context.Context, from reminder.Address, via string) error {
	return l.Audit(ctx, Audit{Actor: via, Action: "reply", Address: l.o.Pseudonyms.Address(from)})
}

// Switch stops sending for a name, or lets it go on. When it returns, no hand-over is confirmed any more; one that was
// confirmed just before may still be written, within the write deadline.
func (l *Ledger) Switch(ctx context.Context, s state.Switch) error {
	e, err := clearEntry(journal.StreamStop, journal.KindSwitch, 0, "", l.o.Now(), s)
	if err != nil {
		return err
	}
	if !s.On {
		return l.write(ctx, e) // never repeated here: it could undo a stop that came between
	}
	return l.insist(ctx, func() error { return l.write(ctx, e) })
}

// Audit is who read or changed whom, and why. No write, no answer.
type Audit struct {
	At      time.Time            `json:"at"`
	Actor   string               `json:"actor"`
	Action  string               `json:"action"`
	Person  reminder.PersonKey   `json:"person,omitempty"`
	Address reminder.AddressHash `json:"address,omitempty"`
	Reason  string               `json:"reason,omitempty"`
	Left    []string             `json:"left,omitempty"` // claims that were on the wire when a withdrawal was acknowledged
}

// Audit writes an audit entry. The caller must not answer when it fails.
func (l *Ledger) Audit(ctx context.Context, a Audit) error {
	if a.At.IsZero() {
		a.At = l.o.Now()
	}
	e, err := clearEntry(journal.StreamAudit, journal.KindAudit, 0, a.Person, a.At, a)
	if err != nil {
		return err
	}
	_, err = l.append(ctx, e)
	return err
}

// Audits calls fn with the audit entries, oldest first.
func (l *Ledger) Audits(ctx context.Context, fn func(Audit) error) error { return l.audits(ctx, 1, fn) }

// LastAudits are the newest audit entries, at most most of them, the newest last. With a person, those of that person alone.
func (l *Ledger) LastAudits(ctx context.Context, p reminder.PersonKey, most int) ([]Audit, error) {
	from := uint64(1)
	if p == "" {
		end, err := l.o.Journal.End(ctx, journal.StreamAudit)
		if err != nil {
			return nil, err
		}
		from = end.Last - min(end.Last, uint64(most)) + 1
	}
	out := []Audit{}
	err := l.audits(ctx, from, func(a Audit) error {
		if p != "" && a.Person != p {
			return nil
		}
		if out = append(out, a); len(out) > 2*most { // so that a long audit is not kept whole
			out = out[:copy(out, out[len(out)-most:])]
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return out[max(0, len(out)-most):], nil
}

func (l *Ledger) audits(ctx context.Context, from uint64, fn func(Audit) error) error {
	return l.o.Journal.Read(ctx, journal.StreamAudit, from, func(e journal.Entry) error {
		var a Audit
		if err := unmarshal(e.Clear, &a); err != nil {
			return err
		}
		return fn(a)
	})
}

// DeadLetter is an event that could not be understood. Data is empty in listings.
type DeadLetter struct {
	ID       uint64    `json:"id"`
	Station  string    `json:"station"`
	System   string    `json:"system"`           // from the subject; the subject's unit is kept sealed
	Reason   string    `json:"reason"`           // from a closed list
	Detail   string    `json:"detail,omitempty"` // which field, and what is wanted; no value
	Shape    string    `json:"shape"`            // size and form, no content
	Received time.Time `json:"received"`         // when it first came, however often it was put back
	Sequence uint64    `json:"sequence"`         // in the intake stream
	Subject  string    `json:"-"`
	Type     string    `json:"-"` // Content-Type
	Data     []byte    `json:"-"`
}

type deadSealed struct {
	Subject string `json:"subject"`
	Type    string `json:"type,omitempty"`
	Data    []byte `json:"data"`
}

// Bury journals dead letters, sealed with the key of the day.
func (l *Ledger) Bury(ctx context.Context, ds []DeadLetter) error {
	if len(ds) == 0 {
		return nil
	}
	now := l.o.Now()
	day, err := l.o.Keys.EnsureDay(ctx, now)
	if err != nil {
		return err
	}
	entries := make([]journal.Entry, len(ds))
	for i, d := range ds {
		if d.System == "" {
			d.System = systemOf(d.Subject)
		}
		if entries[i], err = clearEntry(journal.StreamDead, journal.KindDead, 0, day, now, d); err != nil {
			return err
		}
		if entries[i].Sealed, err = l.seal(day, sealedDead, deadSealed{d.Subject, d.Type, d.Data}); err != nil {
			return err
		}
	}
	return l.write(ctx, entries...)
}

// systemOf is the booking system that a subject names, "" when what stands there could be somebody's number: whoever
// published it chose it, and it stays sealed with the rest.
func systemOf(subject string) string {
	parts := strings.Split(subject, ".")
	if len(parts) < 3 {
		return ""
	}
	digits := 0
	for _, r := range parts[2] {
		if unicode.IsDigit(r) {
			digits++
		}
	}
	if digits >= 6 {
		return ""
	}
	return parts[2]
}

// DeadLetters lists the dead letters, oldest first, without their content.
func (l *Ledger) DeadLetters(ctx context.Context) ([]DeadLetter, error) {
	var out []DeadLetter
	err := l.o.Journal.Read(ctx, journal.StreamDead, 1, func(e journal.Entry) error {
		d, err := l.dead(e, false)
		out = append(out, d)
		return err
	})
	return out, err
}

// DeadLetter reads one with its content.
func (l *Ledger) DeadLetter(ctx context.Context, id uint64) (DeadLetter, error) {
	e, err := l.o.Journal.Get(ctx, journal.StreamDead, id)
	if err != nil {
		return DeadLetter{}, err
	}
	return l.dead(e, true)
}

func (l *Ledger) dead(e journal.Entry, whole bool) (DeadLetter, error) {
	var d DeadLetter
	if err := unmarshal(e.Clear, &d); err != nil {
		return d, err
	}
	d.ID = e.Seq
	if d.Received.IsZero() {
		d.Received = e.At // it came no later than that
	}
	if !whole {
		return d, nil
	}
	var s deadSealed
	if err := l.open(e.Person, sealedDead, e.Sealed, &s); err != nil {
		return d, err
	}
	d.Subject, d.Type, d.Data = s.Subject, s.Type, s.Data
	return d, nil
}

// ErrNoReplay is returned when there is nowhere to put a dead letter back to.
var ErrNoReplay = errors.New("ledger: dead letters can't be replayed here")

// ErrForgotten is returned for a dead letter that came before its person was erased.
var ErrForgotten = errors.New("ledger: it came before the person was erased, so it is not taken in; the dead letter is gone")

// Replay publishes a dead letter's event again, as what came when it first did, and takes the letter away. Should it die between
// the two, the event comes twice, which is harmless. What was said before its person was erased is not published: its letter is
// taken away, and the answer is ErrForgotten. When the person is erased after that, Accept steps over the event.
func (l *Ledger) Replay(ctx context.Context, id uint64) error {
	if l.o.Republish == nil {
		return ErrNoReplay
	}
	d, err := l.DeadLetter(ctx, id)
	if err != nil {
		return err
	}
	if l.o.Read != nil {
		if a, err := l.o.Read(d); err == nil {
			a.Came = d.Received
			if l.forgotten(a, l.o.Now()) {
				if err := l.o.Journal.Delete(ctx, journal.StreamDead, id); err != nil {
					return err
				}
				return ErrForgotten
			}
		}
	}
	if err := l.o.Republish(ctx, d); err != nil {
		return fmt.Errorf("ledger: replay: %w", err)
	}
	return l.o.Journal.Delete(ctx, journal.StreamDead, id)
}
