package smpp

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"github.com/husk-reminders/husk/pkg/provider"
)

// While a reply is in hand Poll does not come back. Thousands of receipts that fail beside it are told of once a second, in few words, and
// leave nothing behind here once they may be tried again.
func TestThousandsThatFailInOnePoll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, a := waiting(1000), &answers{}
		core, logged := observer.New(zap.WarnLevel)
		s.log = zap.New(core)
		s.inbox.put(a.item("hangs", wrote("+4520000001", "STOP")))
		over := make(chan struct{})
		go func() {
			for i := range 4000 { // for four seconds
				s.inbox.put(a.item("report", told(fmt.Sprint("id-", i))))
				time.Sleep(time.Millisecond)
			}
			close(over)
		}()
		err := s.Poll(t.Context(), func(_ context.Context, n provider.Notice) error {
			if n.Kind == provider.Reply {
				<-over
				time.Sleep(2*round + round/2)
				return nil
			}
			return fmt.Errorf("no room of kind %s", n.CarrierID[len(n.CarrierID)-1:]) // ten kinds
		})
		if err == nil || strings.Count(err.Error(), "no room") != mostErrors || !strings.Contains(err.Error(), "4000 notices") {
			t.Errorf("%.300v", err)
		}
		if len(a.of("report")) != 4000 || len(s.inbox.held) != 0 {
			t.Errorf("%d reports are answered, %d addresses are left alone long after", len(a.of("report")), len(s.inbox.held))
		}
		if n := logged.Len(); n < 4 || n > 6 {
			t.Errorf("logged %d times in six seconds, of which four had failures", n)
		}
	})
}

// What was handled in the end is no failure, and what still waits is one.
func TestFailures(t *testing.T) {
	var f failures
	broken := errors.New("the disk is full")
	reply, ours := &item{notice: wrote("+4520000001", "STOP")}, &item{notice: told("a")}
	f.of(reply, broken)
	f.of(ours, broken)
	if err := f.err(); !errors.Is(err, broken) || strings.Count(err.Error(), broken.Error()) != 1 || !strings.Contains(err.Error(), "2 notices") {
		t.Errorf("%v", err)
	}
	f.of(reply, nil)
	f.of(ours, nil)
	if err := f.err(); err != nil {
		t.Errorf("%v", err)
	}
}
