package acceptance

import (
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"time"
)

// server is a program of others that husk works with, as a process of its own, which the test may kill and start again on the
// same files and port.
type server struct {
	t    *testing.T
	name string
	addr string // host:port
	log  string
	args []string // the program and its arguments
	asks func() error

	cmd  *exec.Cmd
	done chan struct{} // closed when the process has ended
}

// newServer describes a server; asks tells whether it works.
func newServer(t *testing.T, name, addr, dir string, asks func() error, args ...string) *server {
	t.Helper()
	s := &server{t: t, name: name, addr: addr, log: filepath.Join(dir, name+".log"), args: args, asks: asks}
	t.Cleanup(func() {
		s.kill()
		if t.Failed() {
			t.Logf("the end of %s's log:\n%s", name, tail(s.log, 1500))
		}
	})
	return s
}

// start starts the process and does not wait until it works.
func (s *server) start() {
	s.t.Helper()
	if s.running() {
		s.t.Fatalf("%s runs already", s.name)
	}
	log, err := os.OpenFile(s.log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		s.t.Fatal(err)
	}
	cmd, done := exec.Command(s.args[0], s.args[1:]...), make(chan struct{})
	cmd.Stdout, cmd.Stderr, cmd.SysProcAttr = log, log, noOrphan()
	if err := cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	s.cmd, s.done = cmd, done
	go func() {
		_ = cmd.Wait()
		_ = log.Close()
		close(done)
	}()
}

// up starts the process and waits until it works.
func (s *server) up() {
	s.t.Helper()
	s.start()
	s.works()
}

func (s *server) works() {
	s.t.Helper()
	var err error
	for end := time.Now().Add(30 * time.Second); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		if !s.running() {
			s.t.Fatalf("%s has ended:\n%s", s.name, tail(s.log, 1500))
		}
		if err = s.asks(); err == nil {
			return
		}
	}
	s.t.Fatalf("%s does not work: %v\n%s", s.name, err, tail(s.log, 1500))
}

func (s *server) running() bool {
	if s.cmd == nil {
		return false
	}
	select {
	case <-s.done:
		return false
	default:
		return true
	}
}

// kill ends the process at once, as a crash does.
func (s *server) kill() { s.end(syscall.SIGKILL) }

// stop ends the process in good order.
func (s *server) stop() { s.end(syscall.SIGTERM) }

func (s *server) end(by syscall.Signal) {
	if s.running() {
		_ = s.cmd.Process.Signal(by)
		<-s.done
	}
}

// natsServer builds the broker of the version that go.mod names, once.
var natsServer = sync.OnceValues(func() (string, error) {
	return compilePackage("nats-server", "github.com/nats-io/nats-server/v2")
})

// redisServer is where the store's program is. Without it the test is skipped, unless CI is true.
func redisServer(t *testing.T) string {
	t.Helper()
	path, err := exec.LookPath("redis-server")
	if err == nil {
		return path
	}
	if path, err = exec.LookPath("/usr/sbin/redis-server"); err == nil {
		return path
	}
	const missing = "redis-server is missing; run: sudo scripts/peers/redis install"
	if os.Getenv("CI") == "true" {
		t.Fatal(missing)
	}
	t.Skip(missing)
	return ""
}
