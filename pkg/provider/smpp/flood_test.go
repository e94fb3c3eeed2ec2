package smpp_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/husk-reminders/husk/pkg/provider"
	"github.com/husk-reminders/husk/pkg/provider/providertest"
	"github.com/husk-reminders/husk/pkg/provider/smpp"
	"github.com/husk-reminders/husk/pkg/reminder"
)

// Ten thousand messages with a window of 64 while the line is cut again and again: the SMSC has none twice, no more are in doubt than were
// under way when it was cut, and its receipts settle every one that it has.
func TestTenThousandThroughCutLines(t *testing.T) {
	const n, window = 10_000, 64
	x := newSMSC(t)
	l := newLine(t, x.port("TLS_PORT"))
	c := x.config()
	c.Port, c.Window, c.Segments, c.MessageRef, c.Queue = l.port, window, 1, true, 5_000
	s, err := smpp.New(smpp.Options{Config: c})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}()

	var mu sync.Mutex
	accepted, doubt, told := map[string]string{}, map[string]bool{}, map[string]bool{} // ids by reference; references; ids and references delivered
	ctx, stop := context.WithCancel(t.Context())
	var beside, work sync.WaitGroup
	beside.Go(func() { // what Husk does with notices
		for ctx.Err() == nil {
			_ = s.Poll(ctx, func(_ context.Context, n provider.Notice) error {
				if rand.IntN(100) == 0 {
					return errors.New("the journal is busy")
				}
				mu.Lock()
				defer mu.Unlock()
				if n.Status == provider.Delivered {
					told[n.CarrierID] = true
					if n.Reference != "" {
						told[n.Reference] = true
					}
				}
				return nil
			})
			time.Sleep(20 * time.Millisecond)
		}
	})
	next := make(chan int)
	go func() {
		defer close(next)
		for i, cut := 0, 0; i < n; i++ {
			next <- i
			if i == cut {
				cut += 100 + rand.IntN(600)
				time.AfterFunc(rand.N(20*time.Millisecond), l.cut)
			}
		}
	}()
	began, again := time.Now(), 0
	for range window {
		work.Go(func() {
			for i := range next {
				reference := fmt.Sprintf("flood-%d", i)
				m := message(reference)
				m.To = reminder.NewAddress(reminder.SMS, fmt.Sprintf("+452%07d", i%7000)) // some people get two
				for {
					ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
					slot, err := s.Open(ctx)
					var a provider.Accepted
					if err == nil {
						a, err = providertest.Send(ctx, s, slot, m)
						slot.Close()
					}
					cancel()
					if err == nil {
						mu.Lock()
						accepted[reference] = a.CarrierID
						mu.Unlock()
						break
					}
					if provider.OutcomeOf(err) == provider.Retry { // it surely did not leave: the next attempt
						mu.Lock()
						again++
						mu.Unlock()
						time.Sleep(10 * time.Millisecond)
						continue
					}
					if provider.OutcomeOf(err) != provider.Unknown {
						t.Errorf("%s: %v", reference, err)
					}
					mu.Lock()
					doubt[reference] = true
					mu.Unlock()
					break
				}
			}
		})
	}
	work.Wait()
	took := time.Since(began)

	at := map[string][]got{}
	for _, m := range x.messages() {
		var reference string
		if _, err := fmt.Sscanf(m.text[len("Påmindelse: æøå ÆØÅ € {x} "):], "ref %s", &reference); err != nil {
			t.Fatal(err)
		}
		reference = reference[:len(reference)-1]
		at[reference] = append(at[reference], m)
	}
	lost := 0
	for i := range n {
		reference := fmt.Sprintf("flood-%d", i)
		switch id, yes := accepted[reference]; {
		case len(at[reference]) > 1:
			t.Errorf("the SMSC has %s %d times", reference, len(at[reference]))
		case yes && (len(at[reference]) != 1 || fmt.Sprint(at[reference][0].ids[0]) != id):
			t.Errorf("%s is accepted as %s; the SMSC has %+v", reference, id, at[reference])
		case !yes && !doubt[reference]:
			t.Errorf("nothing became of %s", reference)
		case doubt[reference] && len(at[reference]) == 0:
			lost++
		}
	}
	if len(doubt) > l.cuts*window {
		t.Errorf("%d in doubt after %d cuts", len(doubt), l.cuts)
	}
	if l.cuts < 5 || len(doubt) == 0 {
		t.Errorf("%d cuts, %d in doubt: nothing was tried", l.cuts, len(doubt))
	}

	settled := func() (missing int) {
		mu.Lock()
		defer mu.Unlock()
		for reference, id := range accepted {
			if !told[id] {
				missing++
			}
			_ = reference
		}
		for reference := range doubt {
			if len(at[reference]) > 0 && !told[reference] {
				missing++
			}
		}
		return missing
	}
	for end := time.Now().Add(30 * time.Second); settled() > 0 && time.Now().Before(end); {
		time.Sleep(50 * time.Millisecond)
	}
	if missing := settled(); missing > 0 {
		t.Errorf("%d messages that the SMSC has are not settled by its receipts", missing)
	}
	stop()
	beside.Wait()
	for reference := range doubt {
		if told[reference] && len(at[reference]) == 0 {
			t.Errorf("%s is told to be delivered; the SMSC never had it", reference)
		}
	}
	t.Logf("%d messages in %s: %d cuts, %d in doubt (%d of them never there), %d tried again, receipts after %s more", n, took.Round(time.Millisecond), l.cuts,
		len(doubt), lost, again, (time.Since(began) - took).Round(time.Millisecond))
}
