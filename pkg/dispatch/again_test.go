package dispatch_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/husk-reminders/husk/pkg/dispatch"
	"github.com/husk-reminders/husk/pkg/receipt"
)

// doubts are what nobody knows of.
type doubts struct {
	*receipts
	all   []receipt.Open
	since time.Time
	err   error
}

func (d *doubts) Unknowns(_ context.Context, since time.Time) ([]receipt.Open, error) {
	d.since = since
	return slices.Clone(d.all), d.err
}

// A carrier that does not answer holds up the asking for as long as a few look-ups take, not as all of them do.
func TestAskAgainAsksSomeAtOnce(t *testing.T) {
	inBench(t, func(b *bench) {
		c := &asked{carrier: &carrier{b, "sms"}, hangs: true}
		b.o.Routes = []dispatch.Route{{Name: "sms", Carrier: "link", Sender: c, Slots: 1}}
		from := &doubts{receipts: (*receipts)(b)}
		for n := range 80 {
			from.all = append(from.all, openAttempt(n, "sms"))
		}
		now := noon.Add(time.Hour)
		b.o.Now = func() time.Time { return now }
		began := time.Now()
		if n, err := b.dispatcher().AskAgain(b.Context(), from); n != 0 || err != nil || c.n != 80 {
			t.Errorf("%d found, %v, asked %d times", n, err, c.n)
		}
		if d := time.Since(began); d > 21*time.Second {
			t.Errorf("it took %v", d)
		}
	})
}

func TestAskAgain(t *testing.T) {
	inBench(t, func(b *bench) {
		c := &asked{carrier: &carrier{b, "sms"}, found: map[string]bool{}}
		b.o.Routes = []dispatch.Route{{Name: "sms", Carrier: "link", Sender: c, Slots: 1}, {Name: "email", Sender: &carrier{b, "email"}, Slots: 1}}
		now := noon
		b.o.Now = func() time.Time { return now }
		from := &doubts{receipts: (*receipts)(b), all: []receipt.Open{openAttempt(1, "sms"), openAttempt(2, "email"), openAttempt(3, "gone")}}
		d := b.dispatcher()
		ask := func(what string, found, asks int) {
			t.Helper()
			before := c.n
			if n, err := d.AskAgain(b.Context(), from); err != nil || n != found || c.n-before != asks {
				t.Errorf("%s: found %d of %d asked, %v; want %d of %d", what, n, c.n-before, err, found, asks)
			}
		}
		ask("at once", 0, 0)
		now = now.Add(61 * time.Second)
		from.err = errDown
		if _, err := d.AskAgain(b.Context(), from); !errors.Is(err, errDown) || c.n != 0 {
			t.Errorf("while the state is away: %v, asked %d times", err, c.n)
		}
		from.err = nil
		ask("a minute later", 0, 1)
		ask("the same moment", 0, 0)
		now = now.Add(time.Minute)
		ask("another minute later", 0, 0)
		if !from.since.Equal(now.Add(-24 * time.Hour)) {
			t.Errorf("asked for doubts since %v", from.since)
		}
		now = noon.Add(20 * time.Minute)
		c.err = errors.New("down")
		ask("while it is down", 0, 1)
		c.err, c.found[from.all[0].Claim] = nil, true
		now = noon.Add(2 * time.Hour)
		ask("when it is listed", 1, 1)
		o := b.outcomes[len(b.outcomes)-1]
		if o.Status != receipt.Accepted || o.Carrier != "link" || o.CarrierID != "found-"+from.all[0].Claim {
			t.Errorf("settled %+v", o)
		}
		// A process that begins anew asks once at first.
		c.n = 0
		b.o.Metrics = nil
		if n, err := b.dispatcher().AskAgain(b.Context(), from); err != nil || n != 1 || c.n != 1 {
			t.Errorf("anew: %d, %v", n, err)
		}
		// Where nobody can be asked nothing is read.
		b.o.Routes, from.since = b.o.Routes[1:], time.Time{}
		if n, err := b.dispatcher().AskAgain(b.Context(), from); err != nil || n != 0 || !from.since.IsZero() {
			t.Errorf("nobody to ask: %d, %v", n, err)
		}
	})
}
