package acceptance

import (
	"context"
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// person is an invented citizen. Everything about them is a canary: it may stand in the message to them, and nowhere else.
type person struct {
	id   string // national id
	name string
	mail string
}

// The canaries' marks, which no other text has.
const (
	canaryName   = "Kanariella"
	canaryMail   = "kanarie.example"
	relativeName = "Kanariusz Vagtel"
	relativeMail = "vagtel@" + canaryMail
	relativeTel  = "+4520987655"
)

// someone is person number i: born between 1950 and 1999, so of age.
func someone(i int) person {
	day, month, year := 1+i%28, 1+i/28%12, 50+i/336%50
	return person{
		id:   fmt.Sprintf("%02d%02d%02d%04d", day, month, year, 1000+i%900),
		name: canaryName, mail: fmt.Sprintf("p%05d@%s", i, canaryMail),
	}
}

// booking is an appointment as a booking system knows it.
type booking struct {
	person, unit, revision int
	due                    time.Time // when its reminder is due
}

func (b booking) subject() string { return "husk.events.prove." + unitIDs[b.unit] }

// place is where the carrier's record shows the booking: whom the letter goes to, and where to reply. A person has no more than
// one appointment a clinic.
type place struct{ to, replyTo string }

func (b booking) place() place {
	return place{someone(b.person).mail, unitMail(unitIDs[b.unit])}
}

var copenhagen = func() *time.Location {
	l, err := time.LoadLocation("Europe/Copenhagen")
	if err != nil {
		panic(err)
	}
	return l
}()

// start is a calendar day after the reminder is due, by the clinic's clocks.
func (b booking) start() time.Time { return b.due.In(copenhagen).AddDate(0, 0, 1) }

// fields is the event as native JSON has it.
func (b booking) fields() map[string]any {
	p := someone(b.person)
	return map[string]any{
		"system": "prove", "appointment": fmt.Sprintf("A-%d-%d", b.person, b.unit), "revision": max(b.revision, 1), "status": "booked",
		"start": b.start().Format("2006-01-02T15:04:05"), "zone": "Europe/Copenhagen", "minutes": 30, "unit": unitIDs[b.unit],
		"patient": map[string]any{"id": p.id, "country": "DK", "given_name": p.name, "language": "da"},
		"others": []any{map[string]any{
			"role": "relative", "names": []string{relativeName}, "phones": []string{relativeTel}, "mails": []string{relativeMail},
		}},
	}
}

func (b booking) event() []byte {
	data, err := json.Marshal(b.fields())
	if err != nil {
		panic(err)
	}
	return data
}

// system is a booking system's connection.
type system struct {
	nc *nats.Conn
	js jetstream.JetStream
}

// bookings connects as the booking system's user. It comes back by itself when the broker does.
func (h *house) bookings(o ...nats.Option) *system {
	h.t.Helper()
	o = append([]nats.Option{
		nats.UserInfo(bookingUser, h.password), nats.MaxReconnects(-1), nats.ReconnectWait(50 * time.Millisecond), nats.ReconnectJitter(0, 0),
		nats.ReconnectBufSize(-1), nats.Timeout(5 * time.Second), nats.ErrorHandler(func(*nats.Conn, *nats.Subscription, error) {}),
	}, o...)
	nc, err := nats.Connect("nats://"+h.nats, o...)
	h.must(err)
	h.t.Cleanup(nc.Close)
	js, err := jetstream.New(nc)
	h.must(err)
	return &system{nc, js}
}

// publish publishes once; nil means that the broker has acknowledged it.
func (s *system) publish(subject string, data []byte, wait time.Duration) error {
	ctx, cancel := context.WithTimeout(context.Background(), wait)
	defer cancel()
	_, err := s.js.Publish(ctx, subject, data, jetstream.WithRetryAttempts(0))
	return err
}

// everybody's bookings: each of the persons has an appointment with each of the five clinics.
func everybody(persons int) []booking {
	var all []booking
	for unit := range unitIDs {
		for p := range persons {
			all = append(all, booking{person: p, unit: unit})
		}
	}
	return all
}

// TestBookingUser holds that who may publish events may do nothing else.
func TestBookingUser(t *testing.T) {
	t.Parallel()
	c := newCarrier(t)
	h := newHouse(t, c, "")
	h.serve()

	if nc, err := nats.Connect("nats://"+h.nats, nats.UserInfo(bookingUser, "wrong"), nats.Timeout(5*time.Second)); err == nil {
		nc.Close()
		t.Error("a wrong password is let in")
	}
	if nc, err := nats.Connect("nats://"+h.nats, nats.Timeout(5*time.Second)); err == nil {
		nc.Close()
		t.Error("who has no password is let in")
	}

	denied := make(chan error, 100)
	spy := h.bookings(nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) { denied <- err }))
	refused := func(what string) {
		t.Helper()
		h.must(spy.nc.Flush())
		select {
		case <-denied:
		case <-time.After(5 * time.Second):
			t.Errorf("%s is not refused", what)
		}
	}
	for _, subject := range []string{"husk.>", "husk.events.>", ">", "$SYS.>", "$JS.>", "husk.journal.>"} {
		_, err := spy.nc.SubscribeSync(subject)
		h.must(err)
		refused("reading " + subject)
	}
	for _, subject := range []string{
		"husk.journal.plan.00", "husk.stop.00", "husk.people.consent.00", "husk.keys.00", "husk.audit.audit", "husk.dead.dead",
		"$JS.API.STREAM.NAMES", "$JS.API.STREAM.MSG.GET.HUSK_EVENTS", "$JS.API.STREAM.PURGE.HUSK_EVENTS",
		"$JS.API.CONSUMER.MSG.NEXT.HUSK_EVENTS.husk-intake", "$JS.API.STREAM.DELETE.HUSK_JOURNAL", "$KV.husk_units.x",
	} {
		h.must(spy.nc.Publish(subject, []byte("{}")))
		refused("publishing to " + subject)
	}

	// What others are sent is not theirs to read, nor may an acknowledgement be sent into the journal.
	inboxes, err := spy.nc.SubscribeSync("_INBOX.>")
	h.must(err)
	h.must(spy.nc.Flush())
	staff := h.staff()
	h.must(staff.welcome(someone(0)))
	b := booking{person: 0, unit: 0, due: time.Now().Add(4 * time.Second)}
	for _, reply := range []string{"husk.journal.plan.00", "husk.stop.00", "husk.people.consent.00"} {
		h.must(spy.nc.PublishRequest(b.subject(), reply, b.event()))
	}
	h.must(h.bookings().publish(b.subject(), b.event(), 10*time.Second))
	h.eventually(30*time.Second, "the reminder did not arrive", func() bool { return c.count() == 1 })
	if code := h.readyz(); code != 200 {
		t.Errorf("readyz says %d after acknowledgements were asked for in the journal", code)
	}
	for {
		m, err := inboxes.NextMsg(100 * time.Millisecond)
		if err != nil {
			break
		}
		if len(m.Data) > 200 || m.Subject[:7] != "_INBOX." {
			t.Errorf("the booking system's user is shown %d bytes on %s", len(m.Data), m.Subject)
		}
	}
	h.stop()
	h.serve() // and what came does not stand in the way of the next start
	h.stop()
}
