package smtp_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/husk-reminders/husk/pkg/provider"
)

// A complaint about a message that nobody knows bars nobody by itself, so people must see it. It is handed over once.
func TestAComplaintAboutAnUnknownMessageIsPutAside(t *testing.T) {
	dir := maildir(t)
	mail := example(t, "complaint")
	arrives(t, filepath.Join(dir, "new"), "1.eml", mail, 2*time.Minute)
	arrives(t, filepath.Join(dir, "new"), "2.eml", example(t, "postfix-unknown"), time.Minute)
	s, logs := reading(t, dir)
	var got []provider.Kind
	var mu sync.Mutex
	handle := func(_ context.Context, n provider.Notice) error {
		mu.Lock()
		defer mu.Unlock()
		if got = append(got, n.Kind); n.Kind == provider.Complaint {
			return fmt.Errorf("inbound: complaint: %w", provider.ErrUnknownMessage)
		}
		return nil
	}
	for range 2 {
		if err := s.Poll(t.Context(), handle); err != nil {
			t.Errorf("it is no failure: %v", err)
		}
	}
	slices.Sort(got)
	if want := []provider.Kind{provider.Complaint, provider.ReportKind}; !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
	if left := files(t, filepath.Join(dir, "new")); len(left) != 0 {
		t.Errorf("left %q", left)
	}
	if raw, err := os.ReadFile(filepath.Join(dir, "cur", "1.eml:2,")); err != nil || string(raw) != mail {
		t.Errorf("it is not kept for people: %v", err)
	}
	if logs.FilterMessageSnippet("not known").Len() != 1 {
		t.Errorf("%v", logs.All())
	}
}
