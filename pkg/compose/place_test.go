package compose_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/husk-reminders/husk/pkg/compose"
	"github.com/husk-reminders/husk/pkg/consent"
	"github.com/husk-reminders/husk/pkg/gate"
	"github.com/husk-reminders/husk/pkg/policy"
	"github.com/husk-reminders/husk/pkg/reminder"
)

const guardian = reminder.PersonKey("1-aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa")

// hidden is a line whose patient is a child, and whose one guardian is not to be told the place.
type hidden struct{ *line }

func (h hidden) People(ctx context.Context, keys []reminder.PersonKey) ([]gate.Person, error) {
	out := make([]gate.Person, len(keys))
	for i, k := range keys {
		ps, err := h.line.People(ctx, []reminder.PersonKey{k})
		if err != nil {
			return nil, err
		}
		out[i] = ps[0]
		if k == guardian {
			out[i].Consent, out[i].BirthDate = nil, reminder.Date{Year: 1985, Month: 1, Day: 1}
			continue
		}
		yes := &out[i].Consent[0]
		yes.Actor = consent.Actor{Kind: consent.Guardian, Ref: string(guardian)}
		custody := consent.Record{
			ID: "c0", Person: k, Type: consent.Custody, Scope: consent.Scope{Kind: policy.ControllerScope}, Method: consent.Desk,
			Actor: consent.Actor{Kind: consent.Guardian, Ref: string(guardian)}, EventTime: yes.EventTime, Recorded: yes.Recorded, NoPlace: true,
		}
		out[i].Consent, out[i].Contact = append(out[i].Consent, custody), nil
		out[i].BirthDate = reminder.Date{Year: 2018, Month: 1, Day: 1}
	}
	return out, nil
}

func (h hidden) compose() (reminder.Message, error) {
	h.t.Helper()
	h.unit.Channels = []reminder.Channel{h.channel}
	g, err := gate.New(gate.Options{People: h, Switches: h, Confirmer: h, Packs: h.packs(), Units: h, Hash: hash})
	if err != nil {
		h.t.Fatal(err)
	}
	ds, err := g.Decide(context.Background(), []reminder.Lease{h.lease}, now)
	if err != nil || ds[0].Permit.IsZero() || !ds[0].Permit.HidePlace() || ds[0].Permit.Recipient() != guardian {
		h.t.Fatalf("the gate gives no such permit: %+v %v", ds, err)
	}
	return h.composer().Compose(context.Background(), ds[0].Permit)
}

// A guardian who is not to be told the place is told when, and the number of a switchboard; where the unit has a number of its own
// alone, nothing is sent. The place never shows, whatever class the directory gives it.
func TestAGuardianIsNotToldThePlace(t *testing.T) {
	child := func(change ...func(*line)) hidden {
		h := hidden{newLine(t)}
		h.lease.Appointment.BirthDate = reminder.Date{Year: 2018, Month: 1, Day: 1}
		h.unit.Names = map[string]reminder.Fact{"da": {Text: "Ambulatorium 3", Class: 0}} // as a careless directory would have it
		h.unit.Address.Class, h.unit.Entrance.Class = 0, 0
		for _, f := range change {
			f(h.line)
		}
		return h
	}
	switchboard := func(l *line) { l.unit.Phone.Class = 0 }
	mail := func(l *line) {
		l.channel = reminder.Email
		l.use("da/reminder.email.txt", "Subject: Husk din aftale {date}\n\nHej[ {name}]\n\nHusk din aftale {date} {time} på {unit}[, {address}][, {entrance}][, {link}].\n\nAfbud {phone}[ eller {mail}].\n\n{unit}\n\nSvar STOP.")
	}
	const sms = "Husk din aftale torsdag 12. marts kl. 14.30 på hospitalet. Afbud 35 45 35 45. Stop sms: svar STOP"
	m, err := child(switchboard).compose()
	if err != nil || m.Text.Reveal() != sms || m.Class != 0 {
		t.Errorf("%q of class %v, %v", m.Text.Reveal(), m.Class, err)
	}
	m, err = child(switchboard, mail).compose()
	if err != nil || m.ReplyTo != "" || !strings.Contains(m.Text.Reveal(), "på hospitalet.\n\nAfbud 35 45 35 45.\n\nhospitalet") {
		t.Errorf("%q, replies to %q, %v", m.Text.Reveal(), m.ReplyTo, err)
	}
	for _, part := range []string{"Ambulatorium", "Blegdamsvej", "Indgang", "tid@", "Anna"} {
		if strings.Contains(m.Subject.Reveal()+m.Text.Reveal(), part) {
			t.Errorf("%q is told: %q", part, m.Text.Reveal())
		}
	}
	for name, change := range map[string]func(*line){
		"the number is the clinic's own": func(*line) {},
		"the text can't be without it": func(l *line) {
			switchboard(l)
			l.use("da/reminder.sms.txt", "{date} {time} {unit}, {address}. Afbud {phone}. Svar STOP")
		},
		"the text itself tells more": func(l *line) {
			switchboard(l)
			l.use("da/reminder.sms.txt", "Class: 1\n\n{date} {time} {unit}. Afbud {phone}. Svar STOP")
		},
	} {
		if m, err := child(change).compose(); !errors.Is(err, compose.ErrOverCeiling) {
			t.Errorf("%s: %q, %v", name, m.Text.Reveal(), err)
		}
	}
}
