package command

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
)

// TestBenchPrintsOneLineOfJSON: what scripts read is one line on standard output, and nothing else is there.
func TestBenchPrintsOneLineOfJSON(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	var out, errs bytes.Buffer
	if code := run(t.Context(), []string{"bench", "--quick", "--json", "--reminders", "200"}, nil, &out, &errs); code != 0 {
		t.Fatalf("exit code %d\n%s", code, errs.String())
	}
	line, rest, _ := strings.Cut(out.String(), "\n")
	var r map[string]any
	if err := json.Unmarshal([]byte(line), &r); err != nil || rest != "" {
		t.Fatalf("%v: %q", err, out.String())
	}
	for _, key := range []string{"intake", "dispatch", "burst", "stop", "bytes_per_pending"} {
		if r[key] == nil {
			t.Errorf("no %s in %s", key, line)
		}
	}
	if strings.Contains(errs.String(), "\x1b") || !strings.Contains(errs.String(), "dispatch") {
		t.Errorf("progress, not on a terminal: %q", errs.String())
	}
}

func TestBenchRefuses(t *testing.T) {
	for _, args := range [][]string{{"bench", "--mode", "fast"}, {"bench", "now"}, {"bench", "--reminders", "many"}} {
		var out, errs bytes.Buffer
		if code := run(t.Context(), args, nil, &out, &errs); code != 2 || out.Len() > 0 {
			t.Errorf("%q: exit code %d, %q", args, code, errs.String())
		}
	}
}
