package rooms

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"strings"
	"testing"
)

// The packages as they are hold the table. `go list` is no input that the test cache knows of: run with -count=1.
func TestImportTable(t *testing.T) {
	imports := list(t)
	for _, must := range []string{"/pkg/reminder", "/pkg/config", "/test/rooms"} {
		if _, ok := imports[Module+must]; !ok {
			t.Errorf("go list did not find %s", must)
		}
	}
	for _, v := range Violations(imports) {
		t.Error(v)
	}
}

// list reads the module's packages and their imports without test files.
func list(t *testing.T) map[string][]string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "go", "list", "-json=ImportPath,Imports", "./...")
	cmd.Dir = "../.."
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v\n%s", err, stderr.Bytes())
	}
	imports := map[string][]string{}
	for dec := json.NewDecoder(bytes.NewReader(out)); ; {
		var p struct {
			ImportPath string
			Imports    []string
		}
		if err := dec.Decode(&p); errors.Is(err, io.EOF) {
			return imports
		} else if err != nil {
			t.Fatal(err)
		}
		imports[p.ImportPath] = p.Imports
	}
}

func TestViolations(t *testing.T) {
	const nats, redis = "github.com/nats-io/nats.go/jetstream", "github.com/redis/go-redis/v9"
	for _, tt := range []struct {
		from, to string // from the module's root; to a whole path if it has a dot
		want     string // a piece of the violation; empty = allowed
	}{
		{"pkg/dispatch", "pkg/provider", ""},
		{"pkg/compose", "pkg/gate", ""},
		{"pkg/app", "pkg/provider/smtp", ""},
		{"pkg/app", "pkg/journal", ""},
		{"pkg/web", "pkg/gate", ""},
		{"pkg/web", "pkg/intake", ""},
		{"pkg/command", "pkg/app", ""},
		{"pkg/intake/native", nats, ""},
		{"pkg/journal", nats, ""},
		{"pkg/app", redis, ""},
		{"pkg/state/redis", redis, ""},
		{"pkg/app", "templates", ""},
		{"cmd/husk", "pkg/command", ""},
		{"cmd/husk", "github.com/spf13/cobra", ""},
		{"cmd/husk", "os", ""},
		{"test/acceptance", nats, ""},
		{"test/acceptance", "pkg/reminder", ""},
		{"pkg/reminder", "go.uber.org/zap", ""},

		{"pkg/compose", "pkg/consent", `the table has "reminder gate template redact policy sms"`},
		{"pkg/inbound", "pkg/dispatch", `the table has "reminder provider"`},
		{"pkg/plan", "pkg/provider", "the table has"},
		{"pkg/reminder", "pkg/sms", `the table has ""`},
		{"pkg/config", "pkg/reminder", `the table has ""`},
		{"pkg/ledger", "pkg/state/memory", "the table has"},
		{"pkg/provider", "pkg/provider/smtp", "the table has"},
		{"pkg/state/memory", "pkg/journal", "the table has"},
		{"pkg/web", "pkg/journal", "the table has"},
		{"pkg/web", "pkg/intake/native", "the table has"},
		{"pkg/web", "pkg/provider/smtp", "the table has"},
		{"pkg/web", "pkg/app", "the table has"},
		{"pkg/app", "pkg/command", "the table has"},
		{"pkg/app", "pkg/state/statetest", "the table has"},
		{"pkg/app", "test/acceptance", "nothing under pkg/ rests on"},
		{"pkg/gate", "cmd/husk", "nothing under pkg/ rests on"},
		{"pkg/dispatch", nats, "NATS is spoken to in intake, journal, app, bench only"},
		{"pkg/ledger", "github.com/nats-io/nats-server/v2/server", "NATS is spoken to"},
		{"pkg/applause", nats, "NATS is spoken to"},
		{"pkg/state/memory", redis, "Redis is spoken to in state/redis, app, bench only"},
		{"pkg/state", "github.com/alicebob/miniredis/v2", "Redis is spoken to"},
		{"", nats, "NATS is spoken to"},
		{"", "pkg/reminder", "only carries shipped files"},
		{"templates", "pkg/template", "only carries shipped files"},
		{"pkg/applause", "os", "pkg/applause is not in the table"},
		{"pkg/state/etcd", "os", "pkg/state/etcd is not in the table"},
		{"cmd/husk", "pkg/app", "holds nothing but the command line"},
		{"cmd/husk", "templates", "holds nothing but the command line"},
		{"cmd/husk", "go.uber.org/zap", "holds nothing but the command line"},
		{"cmd/huskctl", "pkg/command", "cmd/huskctl is not in the table"},
	} {
		from, to := strings.TrimSuffix(Module+"/"+tt.from, "/"), tt.to
		for _, top := range []string{"pkg/", "cmd/", "test/", "templates"} {
			if strings.HasPrefix(to, top) {
				to = Module + "/" + tt.to
			}
		}
		got := strings.Join(Violations(map[string][]string{from: {to}}), "\n")
		if (tt.want == "") != (got == "") || !strings.Contains(got, tt.want) {
			t.Errorf("%s importing %s: got %q, want %q", tt.from, tt.to, got, tt.want)
		}
	}
}

// Every package that a row names has a row itself, so that a slip of the pen in the table is noticed.
func TestTableNamesItsOwnRows(t *testing.T) {
	for room, row := range table {
		for _, word := range strings.Fields(row) {
			name := strings.Trim(strings.TrimPrefix(word, "-"), "/")
			if _, ok := table[name]; !ok && word != everything {
				t.Errorf("the row of %s names %s, which has none", room, name)
			}
		}
	}
}
