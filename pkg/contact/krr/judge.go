package krr

import (
	"encoding/json"
	"time"

	"github.com/husk-reminders/husk/pkg/contact"
	"github.com/husk-reminders/husk/pkg/policy"
	"github.com/husk-reminders/husk/pkg/reminder"
)

// retryOdd is when to ask again of a person whose entry was missing or made no sense: nobody's clock mends that in a
// minute.
const retryOdd = 15 * time.Minute

// ahead is how far the register's dates may be ahead of our clock. What is within counts as now.
const ahead = 10 * time.Minute

// rules are what an entry is judged by.
type rules struct {
	now       time.Time
	freshness policy.Period
	validity  time.Duration
}

func (r rules) no(why contact.Reason) contact.Answer { return contact.Nay(why, r.now.Add(r.validity)) }

func (r rules) odd(why contact.Reason) contact.Answer {
	return contact.NotKnown(why, r.now.Add(retryOdd))
}

// judge is the answer to a question, from the entry of its person.
//
//   - Not registered, deleted and reserved are a No each, whatever addresses stand beside them. A person is reserved by
//     eForvaltningsforskriften § 15 a; it is told beside a No for another reason too.
//   - KAN_IKKE_VARSLES beside an active, not reserved person means that what is there has run out; the register may then give the
//     addresses or leave them out, its pages say both.
//   - KAN_VARSLES is of the person; an address whose own dates are too old is no Yes all the same (§ 32, "hver virksomhets ansvar").
//   - A word that is not in the register's lists is Unknown, never a guess.
func (r rules) judge(q contact.Question, e entry) contact.Answer {
	if e.twice {
		return r.odd(contact.Contradictory)
	}
	a := r.verdict(q, e.person)
	if e.Reservation == "JA" {
		a.Reserved = true
		if since, ok := date(e.ReservedSince); ok && !since.After(r.now) {
			a.ReservedSince = since
		}
	}
	switch e.Language {
	case "nb", "nn", "en", "se":
		a.Language = reminder.PrimaryLanguage(e.Language)
	}
	return a
}

func (r rules) verdict(q contact.Question, p person) contact.Answer {
	switch p.Status {
	case "AKTIV":
	case "SLETTET":
		a := r.no(contact.Deleted)
		a.Inactive = true
		return a
	case "IKKE_REGISTRERT":
		if p.Contact != nil && (p.Contact.Phone != "" || p.Contact.Mail != "") {
			return r.odd(contact.Contradictory)
		}
		return r.no(contact.NotRegistered)
	default:
		return r.odd(contact.Garbled)
	}
	switch p.Reservation {
	case "NEI":
	case "JA":
		return r.no(contact.Reserved)
	default:
		return r.odd(contact.Garbled)
	}
	switch p.Notify {
	case "KAN_VARSLES", "": // not in every answer; the dates decide then, as they always do
	case "KAN_IKKE_VARSLES":
		a := r.no(contact.Stale)
		a.Inactive = true
		return a
	default:
		return r.odd(contact.Garbled)
	}
	return r.addresses(q, p.Contact)
}

// addresses weighs what the register has.
func (r rules) addresses(q contact.Question, d *details) contact.Answer {
	if d == nil {
		return r.no(contact.NoAddress)
	}
	a := contact.Answer{Verdict: contact.Yes, Until: r.now.Add(r.validity)}
	why := map[reminder.Channel]contact.Reason{}
	for _, one := range []struct {
		channel reminder.Channel
		raw     string
		dates   [3]string
		shared  json.RawMessage
	}{
		{reminder.SMS, d.Phone, [3]string{d.PhoneUpdated, d.PhoneConfirmed, d.PhoneValidated}, d.PhoneShared},
		{reminder.Email, d.Mail, [3]string{d.MailUpdated, d.MailConfirmed, d.MailValidated}, d.MailShared},
	} {
		f, reason := r.address(one.channel, one.raw, one.dates)
		if reason != "" {
			why[one.channel] = reason
			continue
		}
		f.Shared = shared(one.shared)
		a.Found = append(a.Found, f)
	}
	if !q.Address.IsZero() {
		if _, ok := a.Vouches(q.Address); ok {
			return a
		}
		if reason, ok := why[q.Address.Channel]; ok {
			return r.refuse(reason)
		}
		return r.no(contact.OtherAddress)
	}
	if len(a.Found) > 0 {
		return a
	}
	for _, reason := range []contact.Reason{contact.Garbled, contact.Stale, contact.BadAddress} {
		if why[reminder.SMS] == reason || why[reminder.Email] == reason {
			return r.refuse(reason)
		}
	}
	return r.no(contact.NoAddress)
}

func (r rules) refuse(why contact.Reason) contact.Answer {
	if why == contact.Garbled {
		return r.odd(why)
	}
	return r.no(why)
}

// address weighs one address by the newest of its dates: "så lenge ett av datofeltene … er nyere enn 18 mnd". An empty
// reason is a yes.
func (r rules) address(c reminder.Channel, raw string, dates [3]string) (contact.Found, contact.Reason) {
	if raw == "" {
		return contact.Found{}, contact.NoAddress
	}
	var newest time.Time
	for _, s := range dates {
		t, ok := date(s)
		if !ok || t.After(r.now.Add(ahead)) {
			return contact.Found{}, contact.Garbled
		}
		if t.After(newest) {
			newest = t
		}
	}
	if newest.Before(r.freshness.Ago(r.now)) { // also when there is none
		return contact.Found{}, contact.Stale
	}
	if newest.After(r.now) {
		newest = r.now
	}
	address, err := contact.Normalise(c, raw, "NO")
	if err != nil {
		return contact.Found{}, contact.BadAddress
	}
	return contact.Found{Address: address, Method: policy.KRR, Level: policy.Registered, AsOf: newest}, ""
}
