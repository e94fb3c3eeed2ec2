package acceptance

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"

	// The tests build and run the program; the import makes a change of it a change of theirs, lest an old pass be shown again.
	_ "github.com/husk-reminders/husk/pkg/command"
)

// scratch holds the program and the seeded data for the life of the tests. It is short: a socket's path is.
var scratch string

func TestMain(m *testing.M) {
	os.Exit(run(m))
}

func run(m *testing.M) int {
	// A developer's own configuration must not shape the tests.
	for _, name := range []string{"HUSK_CONFIG", "HUSK_DATA", "HUSK_MODE", "HUSK_NATS_URL", "HUSK_REDIS_URL", "HUSK_HTTP_LISTEN", "HUSK_LOG_LEVEL", "HUSK_LOG_FORMAT"} {
		_ = os.Unsetenv(name)
	}
	var err error
	if scratch, err = os.MkdirTemp("", "husk"); err != nil {
		fmt.Fprintln(os.Stderr, "acceptance:", err)
		return 1
	}
	defer func() { _ = os.RemoveAll(scratch) }()
	return m.Run()
}

var (
	withRace    = sync.OnceValues(func() (string, error) { return compile("husk-race", "-race") })
	withoutRace = sync.OnceValues(func() (string, error) { return compile("husk") })
)

// build builds cmd/husk, once each way, and returns the path of the binary.
func build(t *testing.T, race bool) string {
	t.Helper()
	f := withoutRace
	if race {
		f = withRace
	}
	bin, err := f()
	if err != nil {
		t.Fatal(err)
	}
	return bin
}

func compile(name string, flags ...string) (string, error) {
	return compilePackage(name, "./cmd/husk", flags...)
}

func compilePackage(name, pkg string, flags ...string) (string, error) {
	bin := filepath.Join(scratch, name)
	c := exec.Command("go", append(append([]string{"build"}, flags...), "-o", bin, pkg)...)
	c.Dir = filepath.Join("..", "..")
	if out, err := c.CombinedOutput(); err != nil {
		return "", errors.New("go build " + pkg + ": " + string(out))
	}
	return bin, nil
}
