package ledger_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/husk-reminders/husk/pkg/journal"
	"github.com/husk-reminders/husk/pkg/ledger"
	"github.com/husk-reminders/husk/pkg/receipt"
	"github.com/husk-reminders/husk/pkg/reminder"
	"github.com/husk-reminders/husk/pkg/state"
)

var update = flag.Bool("update", false, "write the golden states anew")

// golden is one message of a stream, as a release wrote it.
type golden struct {
	Subject string          `json:"subject"`
	Data    json.RawMessage `json:"data"`
}

// folded kinds: every one of them has its entry in the golden files.
var kinds = []journal.Kind{
	journal.KindBar, journal.KindSwitch, journal.KindConsent, journal.KindContact, journal.KindPlan, journal.KindOwned, journal.KindIntent,
	journal.KindOutcome, journal.KindVerdict, journal.KindPreview, journal.KindReport, journal.KindTrim, journal.KindKey, journal.KindAudit, journal.KindDead,
	journal.KindLetter, journal.KindOrphan,
}

// What any release wrote still decodes, opens and folds to the same state. testdata/v<n> holds the entries of format n, with
// the keyset they are sealed with; they are never written anew. What a format got later stands in files of its own beside entries.jsonl,
// which are replayed after it. -update writes the states they fold to, to be reviewed.
func TestGoldenEntriesFold(t *testing.T) {
	for v := 1; v <= journal.Version; v++ {
		t.Run(fmt.Sprintf("v%d", v), func(t *testing.T) {
			t.Parallel()
			dir := filepath.Join("testdata", fmt.Sprintf("v%d", v))
			if v == journal.Version {
				record(t, dir)
			}
			w := worldWith(t, t.TempDir(), goldenKeys(t, dir))
			later, err := filepath.Glob(filepath.Join(dir, "entries-*.jsonl"))
			w.ok(err)
			seen := w.replay(append([]string{filepath.Join(dir, "entries.jsonl")}, later...))
			for _, k := range kinds {
				if !seen[k] {
					t.Errorf("no entry of kind %s", k)
				}
			}
			w.open()
			got := []byte(w.dump() + w.facts())
			path := filepath.Join(dir, "state.txt")
			if *update {
				w.ok(os.WriteFile(path, got, 0o644))
			}
			want, err := os.ReadFile(path)
			w.ok(err)
			w.wantDump(string(got), string(want))
		})
	}
}

// facts is what only the keys show: the sealed parts of the golden entries.
func (w *world) facts() string {
	w.Helper()
	var b bytes.Buffer
	for n := range 6 {
		ps, err := w.People(w.ctx, []reminder.PersonKey{w.person(n)})
		w.ok(err)
		p := ps[0]
		fmt.Fprintf(&b, "person %d: known %v, version %d, born %s, protected %v, deceased %v, %d consents\n",
			n, p.Known, p.Version, p.BirthDate.ISO(), p.Protected, p.Deceased, len(p.Consent))
		for _, c := range p.Contact {
			fmt.Fprintf(&b, "  %s %s %s\n", c.Type, c.Channel, c.Address.Reveal())
		}
	}
	w.at(noon.AddDate(0, 0, 9))
	ls, err := w.Previews(w.ctx, w.now(), 0, nil, 100)
	w.ok(err)
	slices.SortFunc(ls, func(a, b reminder.Lease) int { return bytes.Compare([]byte(a.Reminder), []byte(b.Reminder)) })
	for _, l := range ls {
		a := l.Appointment
		fmt.Fprintf(&b, "reminder %s: %s %s %s %s, %v in %s, %v, %s %s %s", l.Reminder, a.System, a.ID, a.Unit, a.Status, a.Start, a.ZoneName(), a.Length,
			a.NationalID.Reveal(), a.GivenName.Reveal(), a.Language)
		for _, o := range a.Others {
			fmt.Fprintf(&b, ", %s %s %s %s", o.Role, o.Names[0].Reveal(), o.Phones[0].Reveal(), o.Mails[0].Reveal())
		}
		b.WriteByte('\n')
	}
	ds, err := w.DeadLetters(w.ctx)
	w.ok(err)
	for _, d := range ds {
		d, err := w.DeadLetter(w.ctx, d.ID)
		w.ok(err)
		fmt.Fprintf(&b, "dead %s %s %s %s %s: %s\n", d.System, d.Reason, d.Detail, d.Shape, d.Type, d.Data)
	}
	w.ok(w.Audits(w.ctx, func(a ledger.Audit) error {
		fmt.Fprintf(&b, "audit %v %s %s %s\n", a.At, a.Actor, a.Action, a.Address)
		return nil
	}))
	return b.String()
}

func goldenKeys(t *testing.T, dir string) journal.Keyset {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(dir, "keyset.json"))
	if err != nil {
		t.Fatal(err)
	}
	var k journal.Keyset
	if err := json.Unmarshal(b, &k); err != nil {
		t.Fatal(err)
	}
	return k
}

// replay publishes recorded messages as they are, and returns the kinds among them.
func (w *world) replay(paths []string) map[journal.Kind]bool {
	w.Helper()
	w.build() // makes the streams
	w.journal.Close()
	js, err := jetstream.New(w.nc)
	w.ok(err)
	seen := map[journal.Kind]bool{}
	for _, path := range paths {
		b, err := os.ReadFile(path)
		w.ok(err)
		for line := range bytes.Lines(b) {
			var g golden
			w.ok(json.Unmarshal(line, &g))
			_, err := js.PublishMsg(w.ctx, &nats.Msg{Subject: g.Subject, Data: g.Data})
			w.ok(err)
			var k struct{ K journal.Kind }
			w.ok(json.Unmarshal(g.Data, &k))
			seen[k.K] = true
		}
	}
	return seen
}

// record writes the entries of a format once, when it is new: every kind, from a story with a bit of everything.
func record(t *testing.T, dir string) {
	t.Helper()
	path := filepath.Join(dir, "entries.jsonl")
	if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
		return
	}
	if !*update {
		t.Fatalf("%s is missing: a new format needs its golden entries; run with -update once", path)
	}
	if _, err := os.Stat(filepath.Join(dir, "keyset.json")); errors.Is(err, fs.ErrNotExist) {
		b, err := json.MarshalIndent(journal.NewKeyset(), "", "  ")
		if err == nil {
			err = errors.Join(os.MkdirAll(dir, 0o755), os.WriteFile(filepath.Join(dir, "keyset.json"), append(b, '\n'), 0o644))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	w := worldWith(t, t.TempDir(), goldenKeys(t, dir))
	w.open()
	w.story()
	w.accept(w.appointment(5, func(a *reminder.Appointment) {
		a.Kind, a.Deceased = "surgery", true
		a.Order.SourceTime = noon
		a.Others = []reminder.Other{{
			Role: reminder.Interpreter, Names: []reminder.Masked{reminder.Mask("Peter Jensen")}, Phones: []reminder.Masked{reminder.Mask("+4520999999")},
			Mails: []reminder.Masked{reminder.Mask("p@jensen.example")},
		}}
	}), w.appointment(0, later(300*day)))
	w.known(w.person(5), reminder.NewAddress(reminder.Email, "anna@hansen.example"))
	w.ok(w.Bury(w.ctx, []ledger.DeadLetter{{
		Station: "intake", Reason: "malformed", Detail: "patient.id: want 10 digits", Shape: "5 bytes, not JSON", Subject: "husk.events.cosmic.rh-ortho",
		Type: "text/plain", Data: []byte("hello"), Received: noon, Sequence: 7,
	}}))
	w.due()
	x := w.intend(number) // left open
	w.ok(w.Settle(w.ctx, []receipt.Outcome{outcome(x, receipt.NotBegun)}))
	w.ok(w.SweepRetention(w.ctx))
	w.ok(w.Switch(w.ctx, state.Switch{Name: "all", On: true, Reason: "golden"}))

	js, err := jetstream.New(w.nc)
	w.ok(err)
	var out bytes.Buffer
	for _, s := range []journal.Stream{journal.StreamKeys, journal.StreamPeople, journal.StreamJournal, journal.StreamStop, journal.StreamAudit, journal.StreamDead} {
		st, err := js.Stream(w.ctx, string(s))
		w.ok(err)
		end, err := w.journal.End(w.ctx, s)
		w.ok(err)
		for seq := uint64(1); seq <= end.Last; seq++ {
			m, err := st.GetMsg(w.ctx, seq)
			w.ok(err)
			line, err := json.Marshal(golden{m.Subject, m.Data})
			w.ok(err)
			out.Write(append(line, '\n'))
		}
	}
	w.ok(os.WriteFile(path, out.Bytes(), 0o644))
}
