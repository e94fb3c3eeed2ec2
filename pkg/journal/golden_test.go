package journal_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/husk-reminders/husk/pkg/journal"
	"github.com/husk-reminders/husk/pkg/reminder"
)

var update = flag.Bool("update", false, "write the golden files that are missing; those of a release are never written again")

// golden is a file of testdata/v<format version>: an entry as a release wrote it.
type golden struct {
	Stream  journal.Stream  `json:"stream"`
	Subject string          `json:"subject"`
	Data    json.RawMessage `json:"data"`
}

const (
	goldenPerson = reminder.PersonKey("1-01000000000000000000000000000001")
	goldenDay    = reminder.PersonKey("day-2026-03-02")
	goldenNumber = "+4520123456"
)

// part is a sealed part: what it is bound to and what it says.
type part struct{ what, plain string }

// written is what the entry in a golden file says.
type written struct {
	journal.Entry
	sealed, flags part
}

// goldens are the entries of testdata/v1, one of every kind. Key entries come first: the others are sealed with them.
func goldens() map[string]written {
	j := func(k journal.Kind, clear string) written {
		return written{Entry: journal.Entry{Stream: journal.StreamJournal, Kind: k, Shard: 1, Person: goldenPerson, At: noon, Clear: []byte(clear)}}
	}
	in := func(s journal.Stream, shard int, p reminder.PersonKey, w written) written {
		w.Stream, w.Shard, w.Person = s, shard, p
		return w
	}
	plan := j(journal.KindPlan, `{"appointment":"1-a0000000000000000000000000000001","person":"1-01000000000000000000000000000001","order":{"rev":3,"at":"2026-03-02T11:59:00Z","seq":17},"status":"booked","start":"1-d0000000000000000000000000000001","reminders":[{"id":"1-b0000000000000000000000000000001","rule":"48h","purpose":"reminder","due":"2026-03-10T13:30:00Z","expires":"2026-03-12T11:30:00Z","route":"sms"}],"notice":{"due":"2026-03-02T12:00:00Z","expires":"2026-03-12T11:30:00Z","route":"sms"},"planned_at":"2026-03-02T12:00:00Z","ends":"2026-03-13T00:00:00Z"}`)
	plan.sealed = part{"appointment", `{"key":"1-a0000000000000000000000000000001","system":"cosmic-nord","id":"A-1001","order":{"rev":3,"at":"2026-03-02T11:59:00Z","seq":17},"status":"booked","start":"2026-03-12T13:30:00Z","zone":"Europe/Copenhagen","length":1800000000000,"unit":"rh-ortho","kind":"visit","person":"1-01000000000000000000000000000001","country":"DK","nationalId":"0101701234","givenName":"Anna","language":"da","birthDate":"1970-01-01","others":[{"role":"relative","names":["Peter Jensen"],"phones":["+4520123457"],"mails":["p@x.example"]}]}`}
	plan.flags = part{"flags", `{"s":"cosmic-nord","p":true}`}
	word := j(journal.KindConsent, "")
	word.Clear = nil
	word.sealed = part{"consent", `{"id":"e00000000000000000000001","person":"1-01000000000000000000000000000001","type":"granted","purposes":["reminder"],"channels":["sms"],"scope":{"kind":"hospital","ref":"rh"},"notice":{"id":"info-2","hash":"2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824","language":"da"},"method":"desk","actor":{"kind":"staff","ref":"s-1"},"event_time":"2026-03-02T12:00:00Z","recorded":"2026-03-02T12:00:00Z","valid_until":"2028-03-02T12:00:00Z"}`}
	withdrawal := word
	withdrawal.sealed = part{"consent", `{"id":"e00000000000000000000002","person":"1-01000000000000000000000000000001","type":"withdrawn","scope":{"kind":"controller"},"method":"sms","actor":{"kind":"self"},"event_time":"2026-03-02T12:00:00Z","recorded":"2026-03-02T12:00:00Z"}`}
	contact := j(journal.KindContact, "")
	contact.Clear = nil
	contact.sealed = part{"contact", `{"id":"f00000000000000000000001","person":"1-01000000000000000000000000000001","type":"verified","hash":"1-3f000000000000000000000000000001","channel":"sms","method":"desk-id","level":"proven","event_time":"2026-03-02T12:00:00Z","recorded":"2026-03-02T12:00:00Z"}`}
	dead := j(journal.KindDead, `{"id":0,"station":"intake","system":"cosmic-nord","reason":"malformed","shape":"JSON, 412 bytes","received":"2026-03-02T12:00:00Z","sequence":19}`)
	dead.sealed = part{"dead", `{"subject":"husk.events.cosmic-nord.rh-ortho","data":"eyJzeXN0ZW0iOiJjb3NtaWMtbm9yZCJ9"}`}
	return map[string]written{
		"key":     in(journal.StreamKeys, 1, "", j(journal.KindKey, "")), // Clear is as it was made, wrapped with the golden keyset
		"key-day": in(journal.StreamKeys, 0, "", j(journal.KindKey, "")),
		"bar":     in(journal.StreamStop, 63, "", j(journal.KindBar, `{"address":"1-3f000000000000000000000000000001","via":"sms"}`)),
		"bar-lifted": in(journal.StreamStop, 63, "", j(journal.KindBar,
			`{"address":"1-3f000000000000000000000000000001","lifted":true,"via":"sms"}`)),
		"switch":        in(journal.StreamStop, 0, "", j(journal.KindSwitch, `{"name":"unit:rh-ortho","on":true,"reason":"wrong address in the text"}`)),
		"withdrawal":    in(journal.StreamStop, 1, goldenPerson, withdrawal),
		"consent":       in(journal.StreamPeople, 1, goldenPerson, word),
		"contact":       in(journal.StreamPeople, 1, goldenPerson, contact),
		"plan":          plan,
		"owned":         j(journal.KindOwned, `{"appointment":"1-a0000000000000000000000000000001","order":{"seq":18}}`),
		"intent":        j(journal.KindIntent, `{"reminder":"1-b0000000000000000000000000000001","attempt":1,"claim":"01c0000000000000000000000001","version":1,"route":"sms","channel":"sms","address":"1-3f000000000000000000000000000001","template":"da/reminder.sms@3f2a91c0","segments":1,"decision":{"basis":"consent","pack":"dk-2019","packHash":"5d41402abc4b2a76b9719d911017c592ae5d41402abc4b2a76b9719d911017c5"}}`),
		"outcome":       j(journal.KindOutcome, `{"reminder":"1-b0000000000000000000000000000001","attempt":1,"claim":"01c0000000000000000000000001","status":"refused","code":"429","carrierId":"m-1","retry":"2026-03-02T12:05:00Z"}`),
		"outcome-by":    j(journal.KindOutcome, `{"reminder":"1-b0000000000000000000000000000001","attempt":1,"claim":"01c0000000000000000000000001","status":"accepted","code":"by_hand","by":"karen"}`),
		"letter":        j(journal.KindLetter, `{"appointment":"1-a0000000000000000000000000000001","by":"karen","tag":"1-d0000000000000000000000000000001","told":"1-d0000000000000000000000000000002"}`),
		"letter-undone": j(journal.KindLetter, `{"appointment":"1-a0000000000000000000000000000001","by":"karen","undone":true}`),
		"verdict":       j(journal.KindVerdict, `{"reminder":"1-b0000000000000000000000000000001","version":1,"status":"held","decision":{"reason":"digits","pack":"dk-2019"},"findings":[{"kind":"digits","layout":"ddddddssss","part":"text","fact":"given_name","offset":12,"length":10}]}`),
		"preview":       j(journal.KindPreview, `{"reminder":"1-b0000000000000000000000000000001","version":1,"late":true,"reason":"no_basis"}`),
		"report":        j(journal.KindReport, `{"claim":"01c0000000000000000000000001","status":"delivered","code":"DELIVRD"}`),
		"report-part":   j(journal.KindReport, `{"claim":"01c0000000000000000000000001","carrier":"smpp","carrierId":"77-2","status":"undelivered","code":"011","fault":"not_in_use","signed":true,"at":"2026-03-02T12:00:00Z"}`),
		"orphan":        in(journal.StreamJournal, 9, "", j(journal.KindOrphan, `{"carrier":"smpp","carrierId":"78","status":"delivered","code":"000","signed":true}`)),
		"trim":          in(journal.StreamJournal, 63, "", j(journal.KindTrim, `{"before":"2025-01-26T12:00:00Z"}`)),
		"erased":        j(journal.KindErased, `{"at":"2026-03-02T12:00:00Z"}`),
		"erased-people": in(journal.StreamPeople, 1, goldenPerson, j(journal.KindErased, `{"at":"2026-03-02T12:00:00Z"}`)),
		"merged": in(journal.StreamPeople, 1, goldenPerson, j(journal.KindMerged,
			`{"into":"1-02000000000000000000000000000002","at":"2026-03-02T12:00:00Z"}`)),
		"drop": in(journal.StreamKeys, 1, "", j(journal.KindDrop,
			`{"owner":"1-01000000000000000000000000000001","keys":["cfb93f0b2bf2a76f"],"at":"2026-03-02T12:00:00Z"}`)),
		"shut": in(journal.StreamKeys, 1, "", j(journal.KindDrop,
			`{"owner":"1-01000000000000000000000000000001","keys":["cfb93f0b2bf2a76f"],"shut":true}`)),
		"epoch":  in(journal.StreamKeys, 0, "", j(journal.KindEpoch, `{"from":"0011223344556677","to":"8899aabbccddeeff","done":true}`)),
		"holder": in(journal.StreamKeys, 0, "", j(journal.KindHolder, `{"id":"001122334455","host":"husk-1","file":"/etc/husk/keyset.json","epoch":"0011223344556677","at":"0001-01-01T00:00:00Z"}`)),
		"audit":  in(journal.StreamAudit, 0, goldenPerson, j(journal.KindAudit, `{"at":"2026-03-02T12:00:00Z","actor":"clerk","action":"unmask","person":"1-01000000000000000000000000000001","address":"1-3f000000000000000000000000000001","reason":"complaint","left":["01c0000000000000000000000001"]}`)),
		"dead":   in(journal.StreamDead, 0, goldenDay, dead),
	}
}

// goldenKeyset is the keyset the golden entries were made with. Checked-out files are open to others, a keyset must not be.
func goldenKeyset(t *testing.T) journal.Keyset {
	t.Helper()
	path := filepath.Join(t.TempDir(), "keyset.json")
	b, err := os.ReadFile(filepath.Join("testdata", "v1", "keyset.json"))
	if errors.Is(err, fs.ErrNotExist) && *update {
		if err := journal.NewKeyset().Write(path); err != nil {
			t.Fatal(err)
		}
		if b, err = os.ReadFile(path); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join("testdata", "v1", "keyset.json"), append(b, '\n'), 0o644); err != nil {
			t.Fatal(err)
		}
	} else if err == nil {
		err = os.WriteFile(path, b, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	k, err := journal.ReadKeyset(path)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// TestGolden: what a release has written, every later one reads.
func TestGolden(t *testing.T) {
	if *update {
		if err := os.MkdirAll(filepath.Join("testdata", "v1"), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	keyset := goldenKeyset(t)
	j := newBroker(t).open(0)
	keys := goldenKeys(t, j, keyset)
	kinds := map[journal.Kind]bool{}
	for name, want := range goldens() {
		t.Run(name, func(t *testing.T) {
			kinds[want.Kind] = true
			if *update {
				add(t, name, want, keys)
			}
			g, got := readGolden(t, name)
			if got.Kind == journal.KindKey {
				want.Clear = got.Clear
			}
			opens(t, keys, want, got)
			want.Sealed, want.Flags = got.Sealed, got.Flags
			same(t, got, want.Entry)
			if g.Stream != want.Stream || g.Subject != want.Subject() {
				t.Errorf("%s on %s, want %s on %s", g.Stream, g.Subject, want.Stream, want.Subject())
			}
			// Until a new format version this program writes what it reads.
			again, err := got.Encode()
			if err != nil || string(again) != compact(t, g.Data) {
				t.Errorf("written again: %s, %v", again, err)
			}
			for _, secret := range []string{"0101701234", "Anna", "Jensen", goldenNumber} {
				if bytes.Contains(g.Data, []byte(secret)) {
					t.Errorf("the entry tells %q", secret)
				}
			}
		})
	}
	for _, k := range []journal.Kind{
		journal.KindBar, journal.KindSwitch, journal.KindConsent, journal.KindContact, journal.KindPlan, journal.KindOwned, journal.KindIntent, journal.KindOutcome,
		journal.KindVerdict, journal.KindPreview, journal.KindReport, journal.KindTrim, journal.KindKey, journal.KindErased, journal.KindMerged, journal.KindDrop, journal.KindEpoch, journal.KindHolder, journal.KindAudit, journal.KindDead, journal.KindLetter, journal.KindOrphan,
	} {
		if !kinds[k] {
			t.Errorf("no golden entry of kind %s", k)
		}
	}
	// And no file without an entry, which nothing would read.
	files, err := filepath.Glob(filepath.Join("testdata", "v1", "*.json"))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		name := strings.TrimSuffix(filepath.Base(f), ".json")
		if _, ok := goldens()[name]; !ok && name != "keyset" {
			t.Errorf("nothing reads %s", f)
		}
	}
}

// goldenKeys is a keyring over the golden key entries.
func goldenKeys(t *testing.T, j *journal.Journal, keyset journal.Keyset) *journal.Keyring {
	t.Helper()
	_, err := os.Stat(filepath.Join("testdata", "v1", "key.json"))
	if errors.Is(err, fs.ErrNotExist) && *update {
		keys, err := j.OpenKeyring(t.Context(), keyset)
		if err != nil {
			t.Fatal(err)
		}
		if err := keys.Ensure(t.Context(), noon, goldenPerson); err != nil {
			t.Fatal(err)
		}
		if day, err := keys.EnsureDay(t.Context(), noon); err != nil || day != goldenDay {
			t.Fatal(day, err)
		}
		for seq, name := range map[uint64]string{1: "key", 2: "key-day"} {
			e, err := j.Get(t.Context(), journal.StreamKeys, seq)
			if err != nil {
				t.Fatal(err)
			}
			writeGolden(t, name, e)
		}
		return keys
	}
	for _, name := range []string{"key", "key-day"} {
		_, e := readGolden(t, name)
		if _, err := j.Append(t.Context(), e); err != nil {
			t.Fatal(err)
		}
	}
	keys, err := j.OpenKeyring(t.Context(), keyset)
	if err != nil {
		t.Fatal(err)
	}
	return keys
}

// add writes a golden file that is missing.
func add(t *testing.T, name string, w written, keys *journal.Keyring) {
	t.Helper()
	if _, err := os.Stat(filepath.Join("testdata", "v1", name+".json")); err == nil {
		return
	}
	seal := func(p part) []byte {
		if p.what == "" {
			return nil
		}
		if p.what == "contact" {
			number, err := keys.Seal(w.Person, "address", []byte(goldenNumber))
			if err != nil {
				t.Fatal(err)
			}
			b, err := json.Marshal(number)
			if err != nil {
				t.Fatal(err)
			}
			p.plain = strings.TrimSuffix(p.plain, "}") + `,"sealedAddress":` + string(b) + "}"
		}
		b, err := keys.Seal(w.Person, p.what, []byte(p.plain))
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	e := w.Entry
	e.Sealed, e.Flags = seal(w.sealed), seal(w.flags)
	writeGolden(t, name, e)
}

func writeGolden(t *testing.T, name string, e journal.Entry) {
	t.Helper()
	data, err := e.Encode()
	if err != nil {
		t.Fatal(err)
	}
	b, err := json.MarshalIndent(golden{e.Stream, e.Subject(), data}, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join("testdata", "v1", name+".json"), append(b, '\n'), 0o644); err != nil {
		t.Fatal(err)
	}
}

func readGolden(t *testing.T, name string) (golden, journal.Entry) {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", "v1", name+".json"))
	if err != nil {
		t.Fatalf("%v: -update writes a missing one", err)
	}
	var g golden
	if err := json.Unmarshal(b, &g); err != nil {
		t.Fatal(err)
	}
	e, err := journal.Decode(g.Stream, g.Subject, []byte(compact(t, g.Data)))
	if err != nil {
		t.Fatal(err)
	}
	return g, e
}

func compact(t *testing.T, b []byte) string {
	t.Helper()
	var out bytes.Buffer
	if err := json.Compact(&out, b); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

// opens checks what the sealed parts of an entry say.
func opens(t *testing.T, keys *journal.Keyring, want written, got journal.Entry) {
	t.Helper()
	for _, x := range []struct {
		part
		sealed []byte
	}{{want.sealed, got.Sealed}, {want.flags, got.Flags}} {
		if x.what == "" {
			if len(x.sealed) > 0 {
				t.Error("a sealed part where there is none to be")
			}
			continue
		}
		plain, err := keys.Open(got.Person, x.what, x.sealed)
		if err != nil {
			t.Errorf("%s: %v", x.what, err)
			continue
		}
		if x.what == "contact" {
			// The number is sealed once more.
			var r struct {
				Number []byte `json:"sealedAddress"`
			}
			if err := json.Unmarshal(plain, &r); err != nil {
				t.Fatal(err)
			}
			if b, err := keys.Open(got.Person, "address", r.Number); err != nil || string(b) != goldenNumber {
				t.Errorf("the number: %q, %v", b, err)
			}
			head, _, _ := strings.Cut(string(plain), `,"sealedAddress"`)
			plain = []byte(head + "}")
		}
		if string(plain) != x.plain {
			t.Errorf("%s says\n%s\nwant\n%s", x.what, plain, x.plain)
		}
	}
}
