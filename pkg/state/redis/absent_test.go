package redis_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// What must not happen where everything is tested: a test that asks for a Redis of its own passes because there is none.
func TestAMissingServerIsNoPass(t *testing.T) {
	if _, err := os.Stat("/usr/sbin/redis-server"); err == nil {
		absent(t, "redis-server lies where the script looks whatever PATH says")
	}
	bash, err := exec.LookPath("bash")
	if err != nil {
		t.Fatal(err)
	}
	bare := t.TempDir()
	if err := os.Symlink(bash, filepath.Join(bare, "bash")); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		addr, ci string
		passes   bool
	}{
		"on CI, none at all":             {"", "true", false},
		"on CI, one to share but no own": {"127.0.0.1:1", "true", false},
		"elsewhere":                      {"", "", true},
		"elsewhere, one to share":        {"127.0.0.1:1", "", true},
	} {
		run := exec.Command(os.Args[0], "-test.run=^TestScriptsFlushed$", "-test.v")
		run.Env = []string{"PATH=" + bare, "HOME=" + bare, "CI=" + c.ci, "HUSK_TEST_REDIS_ADDR=" + c.addr}
		out, err := run.CombinedOutput()
		if passed := err == nil; passed != c.passes || !strings.Contains(string(out), "not installed") && !strings.Contains(string(out), "no Redis here") {
			t.Errorf("%s: passed %v: %s", name, passed, out)
		}
		if skipped := strings.Contains(string(out), "--- SKIP"); skipped != c.passes {
			t.Errorf("%s: skipped %v: %s", name, skipped, out)
		}
	}
}
