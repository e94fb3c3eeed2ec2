package ledger

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"go.uber.org/zap"

	"github.com/husk-reminders/husk/pkg/contact"
	"github.com/husk-reminders/husk/pkg/journal"
	"github.com/husk-reminders/husk/pkg/plan"
	"github.com/husk-reminders/husk/pkg/receipt"
	"github.com/husk-reminders/husk/pkg/reminder"
	"github.com/husk-reminders/husk/pkg/state"
)

// Why a reminder that waits is on the letter list, in the gate's words.
const (
	letterBarred = "barred"
	letterWrong  = "wrong_number"
)

// Misdelivery is that messages went to somebody who is not the patient, and since when we know: from Aware on runs the time of
// GDPR article 33(1), 72 hours.
type Misdelivery struct {
	ID       string               `json:"id"`
	Aware    time.Time            `json:"aware"`
	Via      string               `json:"via"`
	Address  reminder.AddressHash `json:"address"`
	Persons  []reminder.PersonKey `json:"persons"`
	Messages []SentThere          `json:"messages"` // that left for the address, or may have, the oldest first
	Taken
	Done   time.Time `json:"done,omitzero"` // when it was said to be seen to; zero = it is not yet
	DoneBy string    `json:"done_by,omitempty"`
}

// Until is when the 72 hours are over.
func (m Misdelivery) Until() time.Time { return m.Aware.Add(72 * time.Hour) }

// SentThere is one message of a Misdelivery.
type SentThere struct {
	Claim    string             `json:"claim"`
	Person   reminder.PersonKey `json:"person"` // whom it was about
	At       time.Time          `json:"at"`
	Template string             `json:"template"`
	Class    *reminder.Class    `json:"class,omitempty"` // nil = not known
	Status   receipt.Status     `json:"status"`
}

// Misdeliveries are those of the last sixty days, the oldest first. With a unit they are those of persons who have or had an
// appointment there, with these persons and the messages about their appointments there: what is no longer known to be of any unit is
// in no unit's list.
func (r *Replies) Misdeliveries(ctx context.Context, unit string) ([]Misdelivery, error) {
	if err := r.current(ctx); err != nil {
		return nil, err
	}
	r.mu.Lock()
	all := slices.Clone(r.misses)
	r.mu.Unlock()
	if unit == "" {
		return all, nil
	}
	var out []Misdelivery
	for _, m := range all {
		x := m
		x.Persons, x.Messages = nil, nil
		for _, p := range m.Persons {
			here, claims, err := r.with(ctx, p, unit)
			if err != nil {
				return nil, err
			}
			if !here {
				continue
			}
			x.Persons = append(x.Persons, p)
			for _, s := range m.Messages {
				if slices.Contains(claims, s.Claim) {
					x.Messages = append(x.Messages, s)
				}
			}
		}
		if len(x.Persons) > 0 {
			out = append(out, x)
		}
	}
	return out, nil
}

// with reports whether a person has or had an appointment with a unit, and lists the claims of the attempts about those.
func (r *Replies) with(ctx context.Context, key reminder.PersonKey, unit string) (here bool, claims []string, err error) {
	sealed, of := map[reminder.AppointmentKey][]byte{}, map[reminder.AppointmentKey][]string{}
	err = r.o.State.View(ctx, key, func(p *state.Person) error {
		for k, a := range p.Appointments {
			sealed[k] = a.Sealed
		}
		for _, x := range p.Reminders {
			for _, t := range x.Attempts {
				of[x.Appointment] = append(of[x.Appointment], t.Claim)
			}
		}
		return nil
	})
	if err != nil {
		return false, nil, fmt.Errorf("ledger: %w", err)
	}
	for k, s := range sealed {
		a, err := r.openAppointment(key, s)
		switch {
		case errors.Is(err, journal.ErrErased):
		case errors.Is(err, journal.ErrDisconnected):
			return false, nil, err
		case err != nil:
			r.steppedOver("an appointment of a person can't be read", err, zap.String("person", string(key)))
		case a.Unit == unit:
			here, claims = true, append(claims, of[k]...)
		}
	}
	return here, claims, nil
}

// WrongNumber takes somebody's word that the address is not who we think. What it comes to is written down first, with the messages
// that went there: once the address is taken from the persons behind it, nobody finds them by it. Then the address is blocked until
// it is proven anew, and the reminders of who has no other go to the letter list.
func (r *Replies) WrongNumber(ctx context.Context, from reminder.Address, via string) error {
	hash := r.o.Pseudonyms.Address(from)
	persons, err := r.whose(ctx, hash)
	if err != nil {
		return err
	}
	known, err := r.miss(ctx, hash, persons, via)
	if err != nil {
		return err
	}
	if err := r.Ledger.WrongNumber(ctx, from, via); err != nil {
		return err
	}
	return r.wrongToLetters(ctx, hash, append(known, persons...))
}

// Contact is Ledger.Contact. That an address is not the person's comes to the same as when the one behind it says so, for this person
// alone: others behind it may be who we think. Fresh proof by another way than a code ends the dispute about an address, once it is
// folded; when that can't be written there is an error, and the proof, said again, ends it.
func (r *Replies) Contact(ctx context.Context, c contact.Record) error {
	if c.Type != contact.Wrong && !c.Settles() {
		return r.Ledger.Contact(ctx, c)
	}
	c, err := r.complete(ctx, c)
	if err != nil {
		return err
	}
	if c.Type != contact.Wrong {
		if err := r.Ledger.Contact(ctx, c); err != nil {
			return err
		}
		return r.settle(ctx, c)
	}
	persons, err := r.whose(ctx, c.Hash)
	if err != nil {
		return err
	}
	// One who has it no more may have had messages there; of one who never had it nothing is written but the record.
	persons = slices.DeleteFunc(persons, func(p reminder.PersonKey) bool { return p != c.Person })
	if len(persons) == 0 {
		sent, err := r.sentThere(ctx, c.Hash, []reminder.PersonKey{c.Person})
		if err != nil {
			return err
		}
		if len(sent) == 0 {
			return r.Ledger.Contact(ctx, c)
		}
		persons = append(persons, c.Person)
	}
	if _, err := r.miss(ctx, c.Hash, persons, state.ViaStaff); err != nil {
		return err
	}
	if err := r.Ledger.Contact(ctx, c); err != nil {
		return err
	}
	return r.wrongToLetters(ctx, c.Hash, persons)
}

// wrongToLetters puts on the letter list what waits for those who have no other address.
func (r *Replies) wrongToLetters(ctx context.Context, hash reminder.AddressHash, persons []reminder.PersonKey) error {
	return r.toLetters(ctx, persons, letterWrong, func(p *state.Person) bool { return !hasOther(p, hash, r.o.Now()) })
}

// miss notes the misdelivery that messages about persons to an address come to, and returns whose was known there before. Noted
// again is one who has been sent there anew since.
func (r *Replies) miss(ctx context.Context, hash reminder.AddressHash, persons []reminder.PersonKey, via string) (known []reminder.PersonKey, err error) {
	if err := r.current(ctx); err != nil {
		return nil, err
	}
	var noted []string
	r.mu.Lock()
	for _, m := range r.misses {
		if m.Address != hash {
			continue
		}
		known = append(known, m.Persons...)
		for _, s := range m.Messages {
			noted = append(noted, s.Claim)
		}
	}
	r.mu.Unlock()
	sent, err := r.sentThere(ctx, hash, persons)
	if err != nil {
		return nil, err
	}
	sent = slices.DeleteFunc(sent, func(s SentThere) bool { return slices.Contains(noted, s.Claim) })
	whose := slices.DeleteFunc(slices.Clone(persons), func(p reminder.PersonKey) bool {
		return slices.Contains(known, p) && !slices.ContainsFunc(sent, func(s SentThere) bool { return s.Person == p })
	})
	if len(whose) == 0 {
		return known, nil
	}
	slices.Sort(whose)
	_, err = r.append(ctx, replyEntry{
		Audit: Audit{Actor: via, Action: actionMisdelivery, Address: hash}, ID: NewID(), Persons: slices.Compact(whose), Messages: sent,
	})
	return known, err
}

// sentThere are the messages about persons that left for an address.
func (r *Replies) sentThere(ctx context.Context, hash reminder.AddressHash, persons []reminder.PersonKey) ([]SentThere, error) {
	var out []SentThere
	for _, p := range persons {
		err := r.o.State.View(ctx, p, func(p *state.Person) error {
			for _, x := range p.Reminders {
				for _, t := range x.Attempts {
					if t.Address != hash || !left(t.Status) {
						continue
					}
					m := SentThere{Claim: t.Claim, Person: p.Key, At: t.At, Template: t.Template, Status: t.Status}
					if c, ok := r.class(t.Template); ok {
						m.Class = &c
					}
					out = append(out, m)
				}
			}
			return nil
		})
		if err != nil {
			return nil, fmt.Errorf("ledger: %w", err)
		}
	}
	slices.SortFunc(out, func(a, b SentThere) int { return a.At.Compare(b.At) })
	return out, nil
}

// hasOther reports whether a person has another address that something proves and nothing speaks against.
func hasOther(p *state.Person, hash reminder.AddressHash, now time.Time) bool {
	rs := make([]contact.Record, len(p.Contact))
	for i, c := range p.Contact {
		rs[i] = c.Record
		if c.Recorded.After(now) {
			now = c.Recorded
		}
	}
	return slices.ContainsFunc(contact.Fold(rs, now), func(s contact.State) bool {
		return s.Hash != hash && len(s.Proofs) > 0 && !s.Wrong && !s.Bounced && !s.Changed && !s.Removed
	})
}

// Stop bars an address as Ledger.Stop does, and puts what was planned for everybody behind it on the letter list.
func (r *Replies) Stop(ctx context.Context, from reminder.Address, via string) error {
	return r.StopSaid(ctx, from, via, time.Time{})
}

// StopSaid is Stop for one that came in at said; zero = now. A START is measured by it, see StartSaid.
func (r *Replies) StopSaid(ctx context.Context, from reminder.Address, via string, said time.Time) error {
	if said.After(r.o.Now()) {
		said = time.Time{} // nobody could take it back until then
	}
	hash := r.o.Pseudonyms.Address(from)
	if err := r.bar(ctx, state.Bar{Address: hash, Via: via, Said: said}); err != nil {
		return err
	}
	return r.stopped(ctx, hash)
}

func (r *Replies) stopped(ctx context.Context, hash reminder.AddressHash) error {
	persons, err := r.whose(ctx, hash)
	if err != nil {
		return err
	}
	return r.toLetters(ctx, persons, letterBarred, func(*state.Person) bool { return true })
}

// Start lifts the bar of an address as Ledger.Start does, and takes what was on the letter list for it off.
func (r *Replies) Start(ctx context.Context, from reminder.Address, via string) error {
	return r.StartSaid(ctx, from, via, time.Time{})
}

// StartSaid is Start for one that came in at said; zero = now. It may be said again, as after a crash: of a START and a STOP from the
// same address the one counts that came in last, and of two of the same moment the STOP.
func (r *Replies) StartSaid(ctx context.Context, from reminder.Address, via string, said time.Time) error {
	if err := r.startSaid(ctx, from, via, said); err != nil {
		return err
	}
	hash := r.o.Pseudonyms.Address(from)
	persons, err := r.whose(ctx, hash)
	if err != nil {
		return err
	}
	// One whose bar a clerk holds stays barred, and another address of the same person may be.
	return r.toLetters(ctx, persons, "", func(p *state.Person) bool {
		free, err := r.free(ctx, p)
		return err == nil && free
	})
}

// free reports whether none of a person's addresses is barred.
func (r *Replies) free(ctx context.Context, p *state.Person) (bool, error) {
	as, err := r.o.State.Behind(ctx, p.Addresses())
	return !slices.ContainsFunc(as, func(a state.Address) bool { return a.Barred }), err
}

// toLetters writes of the reminders that wait, of those persons for whom which holds, why the gate would say no; "" takes back that
// an address is barred, and has the gate asked anew: the bar may have stood before another reason. A code that somebody asked for is on
// no letter list.
func (l *Ledger) toLetters(ctx context.Context, persons []reminder.PersonKey, why string, which func(*state.Person) bool) error {
	var ps []receipt.Preview
	slices.Sort(persons)
	for _, key := range slices.Compact(persons) {
		var whole state.Person
		err := l.o.State.View(ctx, key, func(p *state.Person) error { // which may ask the state, so not in here
			whole = state.Person{Key: p.Key, Contact: slices.Clone(p.Contact)}
			for id, x := range p.Reminders {
				a := p.Appointments[x.Appointment]
				if a != nil && a.Status != plan.Single && x.Pending() && x.Letter != why && (why != "" || x.Letter == letterBarred) {
					ps = append(ps, receipt.Preview{Reminder: id, Person: key, Version: a.Version, Late: x.Late && why != "", Reason: why, Again: why == ""})
				}
			}
			return nil
		})
		if err != nil {
			return fmt.Errorf("ledger: %w", err)
		}
		if !which(&whole) {
			ps = slices.DeleteFunc(ps, func(p receipt.Preview) bool { return p.Person == key })
		}
	}
	if len(ps) == 0 {
		return nil
	}
	return l.Preview(ctx, ps)
}

// ErrNoAttempt means that a reference is that of no attempt that is kept.
var ErrNoAttempt = errors.New("ledger: no attempt has that reference")

// StopAttempt is a STOP for the address that the attempt with a reference went to. It needs no key: who was erased can still
// unsubscribe.
func (r *Replies) StopAttempt(ctx context.Context, reference, via string) error {
	if _, ok := reminder.ClaimShard(reference); !ok {
		return ErrNoAttempt
	}
	persons, err := r.o.State.Claimants(ctx, []string{reference})
	if err != nil {
		return fmt.Errorf("ledger: %w", err)
	}
	var hash reminder.AddressHash
	err = r.o.State.View(ctx, persons[0], func(p *state.Person) error {
		for _, x := range p.Reminders {
			for _, t := range x.Attempts {
				if t.Claim == reference {
					hash = t.Address
				}
			}
		}
		return nil
	})
	switch {
	case err != nil:
		return fmt.Errorf("ledger: %w", err)
	case hash == "":
		return ErrNoAttempt
	}
	if err := r.bar(ctx, state.Bar{Address: hash, Via: via}); err != nil {
		return err
	}
	return r.stopped(ctx, hash)
}
