package bench

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/husk-reminders/husk/pkg/app"
	"github.com/husk-reminders/husk/pkg/consent"
	"github.com/husk-reminders/husk/pkg/contact"
	"github.com/husk-reminders/husk/pkg/policy"
	"github.com/husk-reminders/husk/pkg/reminder"
)

// nationalID is the nth invented person's CPR number. Its day is raised by 60, as in the numbers that Danish hospitals give
// to those who have none, so that it is nobody's.
func nationalID(n int) string {
	const serials, days, months = 4000, 28, 12 // a serial below 4000 is of the 1900s
	day := n / serials
	month := day / days
	year := month / months
	return fmt.Sprintf("%02d%02d%02d%04d", 61+day%days, 1+month%months, 50+year%50, n%serials)
}

// Numbers begin with firstNumber; those of people who have no reminders, with firstQuiet.
const (
	firstNumber = 20_000_000
	firstQuiet  = 29_000_000
)

// number is the nth person's own mobile number.
func number(n int) reminder.Address {
	return reminder.NewAddress(reminder.SMS, "+45"+strconv.Itoa(firstNumber+n))
}

// personBehind is the person whose number it is, -1 when it is nobody's.
func personBehind(a reminder.Address) int {
	digits, ok := strings.CutPrefix(a.Reveal(), "+45")
	n, err := strconv.Atoi(digits)
	if !ok || err != nil || n < firstNumber || n >= firstQuiet {
		return -1
	}
	return n - firstNumber
}

// crowd is how many people are entered side by side: their entries travel in the journal's batches.
const crowd = 1024

// enter journals the consent and the verified number of people from to until, and returns when all is folded.
func enter(ctx context.Context, a *app.App, from, until int) error {
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(crowd)
	for n := from; n < until && ctx.Err() == nil; n++ {
		g.Go(func() error { return enterOne(ctx, a, n) })
	}
	if err := g.Wait(); err != nil {
		return fmt.Errorf("people: %w", err)
	}
	return nil
}

func enterOne(ctx context.Context, a *app.App, n int) error {
	p := a.Pseudonyms.Person(reminder.NewNationalID("DK", nationalID(n)))
	when := a.Now().Add(-24 * time.Hour)
	err := a.Ledger.Consent(ctx, consent.Record{
		Person: p, Type: consent.Granted, Purposes: []reminder.Purpose{reminder.Remind}, Channels: []reminder.Channel{reminder.SMS},
		Scope: consent.Scope{Kind: policy.ControllerScope}, Notice: consent.Notice{ID: "bench-1", Hash: strings.Repeat("be", 32), Language: "da"},
		Method: consent.Desk, Actor: consent.Actor{Kind: consent.Self}, EventTime: when, Recorded: when,
	})
	if err != nil {
		return err
	}
	return a.Ledger.Contact(ctx, contact.Record{
		Person: p, Type: contact.Verified, Address: number(n), Method: policy.DeskID, Level: policy.DeskID.Level(), EventTime: when, Recorded: when,
	})
}

// subject is where the booking system of the load publishes.
const subject = "husk.events.bench.rh-bench"

// event is what the booking system says of the nth person's appointment of a load.
func event(load string, n int, start time.Time) ([]byte, error) {
	type patient struct {
		ID        string `json:"id"`
		Country   string `json:"country"`
		GivenName string `json:"given_name"`
		Language  string `json:"language"`
	}
	return json.Marshal(struct {
		System      string  `json:"system"`
		Appointment string  `json:"appointment"`
		Revision    int     `json:"revision"`
		Status      string  `json:"status"`
		Start       string  `json:"start"`
		Zone        string  `json:"zone"`
		Minutes     int     `json:"minutes"`
		Unit        string  `json:"unit"`
		Patient     patient `json:"patient"`
	}{
		"bench", fmt.Sprintf("%s-%d", load, n), 1, "booked", start.Format("2006-01-02T15:04:05"), start.Location().String(), 30, "rh-bench",
		patient{nationalID(n), "DK", "Anna", "da"},
	})
}
