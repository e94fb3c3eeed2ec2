package outbox_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/husk-reminders/husk/pkg/provider"
	"github.com/husk-reminders/husk/pkg/provider/outbox"
	"github.com/husk-reminders/husk/pkg/provider/providertest"
	"github.com/husk-reminders/husk/pkg/reminder"
)

var clock = time.Date(2026, 3, 10, 8, 0, 0, 123456789, time.FixedZone("CET", 3600))

func message(reference string) reminder.Message {
	return reminder.Message{
		Reference: reference, Channel: reminder.SMS, Purpose: reminder.Remind,
		To: reminder.NewAddress(reminder.SMS, "+4520123456"), Sender: "RegionH",
		Text:     reminder.Mask("Husk din aftale tirsdag kl. 14.30.\nRegionshospitalet, indgang 3. Æøå."),
		Language: "da", Segments: 1, Template: "da/reminder.sms@3f2a91c0", Unit: "rh-ortho",
	}
}

func open(t *testing.T, dir string) *outbox.Outbox {
	t.Helper()
	b, err := outbox.New(outbox.Options{Dir: dir, Slots: 3, Now: func() time.Time { return clock }})
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func send(t *testing.T, b *outbox.Outbox, m reminder.Message) (provider.Accepted, error) {
	t.Helper()
	s, err := b.Open(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	return providertest.Send(t.Context(), b, s, m)
}

func TestContract(t *testing.T) {
	providertest.Run(t, func(t *testing.T) providertest.Harness {
		dir := t.TempDir()
		return providertest.Harness{
			Sender: open(t, dir), Slots: 3, Message: message, Idempotent: true,
			Count: func(t *testing.T, reference string) int {
				files, err := filepath.Glob(filepath.Join(dir, "messages", "*"))
				if err != nil {
					t.Fatal(err)
				}
				n := 0
				for _, f := range files {
					raw, err := os.ReadFile(f)
					if err != nil {
						t.Fatal(err)
					}
					if strings.Contains(string(raw), "\nReference: "+reference+"\n") {
						n++
					}
				}
				return n
			},
			Written: func(t *testing.T, reference string) string {
				raw, err := os.ReadFile(filepath.Join(dir, "messages", reference+".txt"))
				if err != nil {
					t.Fatal(err)
				}
				_, text, _ := strings.Cut(string(raw), "\n")
				return text
			},
		}
	})
}

func TestTheFileIsTheMessage(t *testing.T) {
	dir := t.TempDir()
	b := open(t, dir)
	if _, err := send(t, b, message("00aa")); err != nil {
		t.Fatal(err)
	}
	mail := message("00bb")
	mail.Channel, mail.To = reminder.Email, reminder.NewAddress(reminder.Email, "anna@example.org")
	mail.Sender, mail.ReplyTo, mail.Subject = "rh@example.org", "ortho@example.org", reminder.Mask("Påmindelse: din aftale")
	mail.Unsubscribe = reminder.Unsubscribe{URL: "https://husk.example/unsubscribe/abc", Mail: "stop@example.org"}
	if _, err := send(t, b, mail); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{
		"00aa.txt": "Date: 2026-03-10T08:00:00+01:00\nReference: 00aa\nChannel: sms\nPurpose: reminder\nTo: +4520123456\nFrom: RegionH\n" +
			"Unit: rh-ortho\nLanguage: da\nTemplate: da/reminder.sms@3f2a91c0\nSegments: 1\n\n" +
			"Husk din aftale tirsdag kl. 14.30.\nRegionshospitalet, indgang 3. Æøå.",
		"00bb.txt": "Date: 2026-03-10T08:00:00+01:00\nReference: 00bb\nChannel: email\nPurpose: reminder\nTo: anna@example.org\nFrom: rh@example.org\nReply-To: ortho@example.org\n" +
			"Unit: rh-ortho\nLanguage: da\nTemplate: da/reminder.sms@3f2a91c0\nSubject: Påmindelse: din aftale\nAuto-Submitted: auto-generated\n" +
			"List-Unsubscribe: <https://husk.example/unsubscribe/abc>, <mailto:stop@example.org?subject=STOP>\n\n" +
			"Husk din aftale tirsdag kl. 14.30.\nRegionshospitalet, indgang 3. Æøå.",
	} {
		got, err := os.ReadFile(filepath.Join(dir, "messages", name))
		if err != nil {
			t.Fatal(err)
		}
		if string(got) != want {
			t.Errorf("%s:\n%s\nwant:\n%s", name, got, want)
		}
		if info, err := os.Stat(filepath.Join(dir, "messages", name)); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: mode %v, %v", name, info.Mode(), err)
		}
	}
}

// Two attempts with one reference at the same moment, with different texts: the first one's stands, whole.
func TestOneReferenceOneFileUnderARace(t *testing.T) {
	dir := t.TempDir()
	b := open(t, dir)
	var wg sync.WaitGroup
	for i := range 16 {
		wg.Go(func() {
			m := message("00cc")
			m.Text = reminder.Mask(strings.Repeat(string(rune('a'+i)), 50_000))
			s, err := b.Open(t.Context())
			if err != nil {
				t.Error(err)
				return
			}
			defer s.Close()
			if a, err := providertest.Send(t.Context(), b, s, m); err != nil || a.CarrierID != "00cc" {
				t.Errorf("%+v, %v", a, err)
			}
		})
	}
	wg.Wait()
	files, err := os.ReadDir(filepath.Join(dir, "messages"))
	if err != nil || len(files) != 1 {
		t.Fatalf("%d files, %v; want 1", len(files), err)
	}
	raw, err := os.ReadFile(filepath.Join(dir, "messages", "00cc.txt"))
	if err != nil {
		t.Fatal(err)
	}
	_, text, _ := strings.Cut(string(raw), "\n\n")
	if len(text) != 50_000 || strings.Trim(text, text[:1]) != "" {
		t.Error("the file mixes two messages")
	}
}

func TestNewSweepsHalfWrittenMessages(t *testing.T) {
	dir := t.TempDir()
	b := open(t, dir)
	if _, err := send(t, b, message("00dd")); err != nil {
		t.Fatal(err)
	}
	half := filepath.Join(dir, "messages", ".00ee-X.part")
	if err := os.WriteFile(half, []byte("Reference: 00ee\nTo"), 0o600); err != nil {
		t.Fatal(err)
	}
	b = open(t, dir)
	if _, err := os.Stat(half); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the half-written file is still there: %v", err)
	}
	if _, found, err := b.Lookup(t.Context(), "00dd"); !found || err != nil {
		t.Errorf("the whole one is gone: %v", err)
	}
	if _, found, err := b.Lookup(t.Context(), "00ee"); found || err != nil {
		t.Errorf("the half one is found: %v %v", found, err)
	}
	if _, _, err := b.Lookup(t.Context(), "../outbox"); !errors.Is(err, provider.ErrReference) {
		t.Errorf("a path as reference: %v", err)
	}
}

func TestConfig(t *testing.T) {
	for _, bad := range []outbox.Config{{}, {Dir: "x", Slots: -1}, {Dir: "x", Slots: 1025}} {
		if err := bad.Validate(); err == nil {
			t.Errorf("%+v is taken", bad)
		}
	}
	if err := (outbox.Config{Dir: "x"}).Validate(); err != nil {
		t.Error(err)
	}
	if _, err := outbox.New(outbox.Options{}); err == nil {
		t.Error("New takes no folder")
	}
}
