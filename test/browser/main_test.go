package browser

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	// The tests build and run the program; the import makes a change of it a change of theirs, lest an old pass be shown again.
	_ "github.com/husk-reminders/husk/pkg/command"
)

var (
	shots = flag.String("shots", "", "directory that pictures of every page are written to")
	steps = flag.Bool("steps", false, "log each step that somebody takes at the pages")
)

// scratch holds the program and the data for the life of the tests. It is short: a socket's path is.
var scratch string

func TestMain(m *testing.M) {
	flag.Parse()
	os.Exit(run(m))
}

func run(m *testing.M) int {
	// A developer's own configuration must not shape the tests.
	for _, entry := range os.Environ() {
		if name, _, _ := strings.Cut(entry, "="); strings.HasPrefix(name, "HUSK_") {
			_ = os.Unsetenv(name)
		}
	}
	var err error
	if scratch, err = os.MkdirTemp("", "husk"); err != nil {
		fmt.Fprintln(os.Stderr, "browser:", err)
		return 1
	}
	defer func() { _ = os.RemoveAll(scratch) }()
	defer theChromium.close()
	defer theHouse.close()
	defer theTrial.close()
	return m.Run()
}

// build builds cmd/husk, once.
var build = sync.OnceValues(func() (string, error) {
	bin := filepath.Join(scratch, "husk")
	c := exec.Command("go", "build", "-o", bin, "./cmd/husk")
	c.Dir = filepath.Join("..", "..")
	if out, err := c.CombinedOutput(); err != nil {
		return "", fmt.Errorf("go build ./cmd/husk: %w: %s", err, out)
	}
	return bin, nil
})

// missing ends a test for want of something that is not installed: it fails it where everything has to be there, and skips it elsewhere.
func missing(t *testing.T, what string, err error) {
	t.Helper()
	if os.Getenv("CI") == "true" {
		t.Fatalf("%s: %v", what, err)
	}
	t.Skipf("%s: %v", what, err)
}
