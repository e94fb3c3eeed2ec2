package acceptance

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// edit is a change of one source file for a planted program.
type edit struct {
	file string // from the repository's root
	old  string // stands in it exactly once
	new  string
}

// plant builds the program with changed sources, which are made of the real ones. A test whose fault a planted program does not
// show proves nothing; one whose edits do not fit any more must be looked at.
func plant(t *testing.T, name string, edits ...edit) string {
	t.Helper()
	dir := filepath.Join(scratch, name+"-sources")
	root, err := filepath.Abs(filepath.Join("..", ".."))
	if err == nil {
		err = os.Mkdir(dir, 0o700)
	}
	if err != nil {
		t.Fatal(err)
	}
	replace := map[string]string{}
	for _, e := range edits {
		real := filepath.Join(root, filepath.FromSlash(e.file))
		changed, ok := replace[real]
		if !ok {
			changed = filepath.Join(dir, strings.ReplaceAll(e.file, "/", "-"))
			if err := copyFile(changed, real); err != nil {
				t.Fatal(err)
			}
			replace[real] = changed
		}
		b, err := os.ReadFile(changed)
		if err != nil {
			t.Fatal(err)
		}
		if n := strings.Count(string(b), e.old); n != 1 {
			t.Fatalf("%s: what is to be replaced stands there %d times, want once; has it been rewritten?\n%s", e.file, n, e.old)
		}
		if err := os.WriteFile(changed, []byte(strings.Replace(string(b), e.old, e.new, 1)), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	overlay, err := json.Marshal(map[string]any{"Replace": replace})
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, "overlay.json")
	if err := os.WriteFile(file, overlay, 0o600); err != nil {
		t.Fatal(err)
	}
	bin, err := compilePackage(name, "./cmd/husk", "-overlay", file)
	if err != nil {
		t.Fatal(err)
	}
	return bin
}

// lateStop makes a projector that begins to read hear of withdrawals some time after everything else, as from a broker that answers
// slowly for one of its streams, once a file beside the high-water mark says how long. It is no fault: who vouches has read them all.
var lateStop = []edit{
	{"pkg/ledger/projector.go", "import (\n", "import (\n\t\"os\"\n"},
	{
		"pkg/ledger/projector.go",
		"			cancel(l.o.Journal.Follow(ctx, stream, from, ",
		`			if late, err := os.ReadFile(l.o.HighWater + "` + lateStopFile + `"); err == nil && stream == journal.StreamStop {
				d, err := time.ParseDuration(string(late))
				if err != nil {
					panic(err)
				}
				select {
				case <-ctx.Done():
				case <-time.After(d):
				}
			}
			cancel(l.o.Journal.Follow(ctx, stream, from, `,
	},
}

const lateStopFile = ".late-stop"

// uncertified takes the certificate out and nothing else: the gates ask nobody, all projectors bear the same nonce for
// good, whoever misses the script loads it, and a term ends when its process does.
var uncertified = []edit{
	{"pkg/state/redis/lua/prelude.lua", "  return by == nonce and period\n", "  return 'always'\n"},
	{"pkg/state/redis/lua/prelude.lua", "return call('ZSCORE', key('terms'), nonce) end", "return true end"},
	{"pkg/state/redis/lua/vouch.lua", "  if c[6] ~= data then return broken() end\n", ""},
	{"pkg/state/redis/term.go", "withNonce(newNonce())", `withNonce("0")`},
	{"pkg/state/redis/gate.go", "	n := s.gates.Load()\n", "	n := withNonce(\"0\")\n"},
	{
		"pkg/state/redis/script.go",
		"	_, _ = p.Exec(ctx) // every command has its own error\n	out := make([]answer, len(asks))\n",
		`	_, _ = p.Exec(ctx)
	if len(cmds) > 0 && says(cmds[0].Err(), "NOSCRIPT") && s.load(ctx, n) == nil {
		return s.run(ctx, n, name, asks)
	}
	out := make([]answer, len(asks))
`,
	},
}
