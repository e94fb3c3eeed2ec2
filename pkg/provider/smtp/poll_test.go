package smtp_test

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/husk-reminders/husk/pkg/provider"
)

// stopOf is a STOP by mail.
func stopOf(who, reference, word string) string {
	return fmt.Sprintf("From: %s\r\nTo: bounce+%s@example.org\r\nSubject: Re: x\r\n\r\n%s", who, reference, word)
}

// reaches waits for something that another notice's handling does.
func reaches(t *testing.T, c <-chan struct{}, what string) {
	t.Helper()
	select {
	case <-c:
	case <-time.After(20 * time.Second):
		t.Errorf("%s waits", what)
	}
}

// A heap of bounces is older than a STOP. The first of them takes until the STOP is dealt with.
func TestAStopWaitsForNoBounce(t *testing.T) {
	dir := maildir(t)
	in := filepath.Join(dir, "new")
	const bounces = 50
	for i := range bounces {
		reference := fmt.Sprintf("10aabbccddeeff001122334455%02x", i)
		arrives(t, in, fmt.Sprintf("%03d", i), strings.ReplaceAll(example(t, "postfix-unknown"), "10aabbccddeeff00112233445566", reference), time.Hour)
	}
	arrives(t, in, "stop", stopOf("anna@patients.example", "11aabbccddeeff00112233445566", "STOP"), time.Minute)
	s, _ := reading(t, dir)
	stopped := make(chan struct{})
	var once sync.Once
	reports := 0 // one at a time
	if err := s.Poll(t.Context(), func(_ context.Context, n provider.Notice) error {
		if n.Kind == provider.Reply {
			close(stopped)
			return nil
		}
		reports++
		once.Do(func() { reaches(t, stopped, "the STOP behind a bounce") })
		return nil
	}); err != nil || reports != bounces {
		t.Errorf("%v, %d reports", err, reports)
	}
	if left := files(t, in); len(left) != 0 {
		t.Errorf("left %q", left)
	}
}

// While one person's STOP takes its time, another's is dealt with, also one that comes in meanwhile, and so are reports. The same person's
// START does not overtake it, whatever message it answers.
func TestAStopWaitsForNobodyElses(t *testing.T) {
	dir := maildir(t)
	in := filepath.Join(dir, "new")
	arrives(t, in, "1", stopOf("anna@patients.example", "10aabbccddeeff00112233445566", "STOP"), 5*time.Minute)
	arrives(t, in, "2", stopOf("Anna@patients.example", "11aabbccddeeff00112233445566", "START"), 4*time.Minute)
	arrives(t, in, "3", stopOf("erik@patients.example", "12aabbccddeeff00112233445566", "STOP"), 3*time.Minute)
	arrives(t, in, "4", example(t, "postfix-unknown"), 2*time.Minute)
	s, _ := reading(t, dir)
	erik, late, report := make(chan struct{}), make(chan struct{}), make(chan struct{})
	var stopped, started atomic.Bool
	if err := s.Poll(t.Context(), func(_ context.Context, n provider.Notice) error {
		switch word := strings.TrimSpace(n.Text.Reveal()); n.From.Reveal() + word {
		case "anna@patients.exampleSTOP":
			reaches(t, erik, "another's STOP")
			reaches(t, report, "a report")
			arrives(t, in, "5", stopOf("late@patients.example", "13aabbccddeeff00112233445566", "STOP"), time.Minute)
			reaches(t, late, "a STOP that came in meanwhile")
			stopped.Store(true)
		case "Anna@patients.exampleSTART":
			if started.Store(true); !stopped.Load() {
				t.Error("the START overtakes the STOP")
			}
		case "erik@patients.exampleSTOP":
			close(erik)
		case "late@patients.exampleSTOP":
			close(late)
		case "":
			close(report)
		default:
			t.Errorf("%s", told(n))
		}
		return nil
	}); err != nil || !started.Load() {
		t.Errorf("%v, started %v", err, started.Load())
	}
	if left := files(t, in); len(left) != 0 {
		t.Errorf("left %q", left)
	}
}

// Of many failures a few are told, and how many more there were.
func TestManyFailuresAreToldInFew(t *testing.T) {
	dir := maildir(t)
	for i := range 30 {
		who, reference := fmt.Sprintf("p%d@patients.example", i), fmt.Sprintf("10aabbccddeeff001122334455%02x", i)
		arrives(t, filepath.Join(dir, "new"), fmt.Sprint(i), stopOf(who, reference, "STOP"), time.Minute)
	}
	s, _ := reading(t, dir)
	broken := errors.New("journal is down")
	err := s.Poll(t.Context(), func(context.Context, provider.Notice) error { return broken })
	if !errors.Is(err, broken) || strings.Count(err.Error(), "journal is down") != 10 || !strings.Contains(err.Error(), "20 errors more") {
		t.Errorf("%v", err)
	}
	if left := files(t, filepath.Join(dir, "new")); len(left) != 30 {
		t.Errorf("%d are left", len(left))
	}
}

// A Poll whose context ends takes up no more, and comes back when what it had in hand has.
func TestAPollEndsWithItsContext(t *testing.T) {
	dir := maildir(t)
	for i := range 60 {
		reference := fmt.Sprintf("10aabbccddeeff001122334455%02x", i)
		arrives(t, filepath.Join(dir, "new"), fmt.Sprintf("%02d", i), stopOf(fmt.Sprintf("p%d@patients.example", i), reference, "STOP"), time.Minute)
	}
	s, _ := reading(t, dir)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var begun, ended atomic.Int32
	err := s.Poll(ctx, func(ctx context.Context, _ provider.Notice) error {
		begun.Add(1)
		cancel()
		<-ctx.Done()
		ended.Add(1)
		return ctx.Err()
	})
	if !errors.Is(err, context.Canceled) || begun.Load() != ended.Load() || begun.Load() > 16 {
		t.Errorf("%v, %d begun, %d ended", err, begun.Load(), ended.Load())
	}
	if left := files(t, filepath.Join(dir, "new")); len(left) != 60 {
		t.Errorf("%d are left", len(left))
	}
}
