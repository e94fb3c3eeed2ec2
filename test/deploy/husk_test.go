package deploy

import (
	"encoding/json"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	// The test builds and runs the program; the import makes a change of it a change of the test's, lest an old pass be shown again.
	_ "github.com/husk-reminders/husk/pkg/command"
	"github.com/husk-reminders/husk/pkg/receipt"
	"github.com/husk-reminders/husk/pkg/web"
)

// process is one running husk, started as husk.service does.
type process struct {
	t    *testing.T
	bin  string
	env  []string
	http string
	log  string
	cmd  *exec.Cmd
	done chan error
}

// unitEnvironment is the Environment= of a unit, for one instance.
func unitEnvironment(t *testing.T, unit, state, instance string) []string {
	t.Helper()
	var env []string
	for _, s := range settings(t, unit) {
		if s.key == "Environment" {
			env = append(env, strings.Fields(strings.NewReplacer("%S", state, "%N", instance).Replace(s.value))...)
		}
	}
	return env
}

func (p *process) serve() {
	p.t.Helper()
	p.done = make(chan error, 1)
	log, err := os.Create(p.log)
	if err != nil {
		p.t.Fatal(err)
	}
	p.cmd = exec.Command(p.bin, "serve")
	p.cmd.Env, p.cmd.Stdout, p.cmd.Stderr = append(os.Environ(), p.env...), log, log
	if err := p.cmd.Start(); err != nil {
		p.t.Fatal(err)
	}
	go func() {
		p.done <- p.cmd.Wait()
		_ = log.Close()
	}()
	p.t.Cleanup(func() {
		if p.cmd != nil {
			_ = p.cmd.Process.Kill()
			<-p.done
		}
		if p.t.Failed() {
			p.t.Logf("%s:\n%s", filepath.Base(p.log), read(p.t, p.log))
		}
	})
}

// stop ends it as systemd does.
func (p *process) stop() {
	p.t.Helper()
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		p.t.Fatal(err)
	}
	if err := <-p.done; err != nil {
		p.t.Errorf("it ended with %v", err)
	}
	p.cmd = nil
}

// run runs another command of the program.
func (p *process) run(args ...string) ([]byte, error) {
	c := exec.Command(p.bin, args...)
	c.Env = append(os.Environ(), p.env...)
	return c.Output()
}

// ready reports whether the process is. A command of the program would ask for the data directory while nobody serves it.
func (p *process) ready() bool {
	r, err := http.Get("http://" + p.http + "/readyz")
	if err != nil {
		return false
	}
	_ = r.Body.Close()
	return r.StatusCode == http.StatusOK
}

// planned is how many reminders are planned, as a process says that is ready; -1 from one that is not.
func (p *process) planned() int {
	out, err := p.run("status", "--json")
	var st web.Status
	if err != nil || json.Unmarshal(out, &st) != nil || st.NotReady != "" || st.Process != p.cmd.Process.Pid {
		return -1
	}
	return st.Counts[receipt.Planned]
}

// Two processes run with the configuration, the unit's environment and the two servers' files, just as these are: they take
// in what a booking system publishes, and one goes on when the other is stopped.
func TestHusk(t *testing.T) {
	broker, store := startNATS(t), startRedis(t, redisConf(t))
	dir, err := os.MkdirTemp("", "husk") // short: a socket's path is
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	bin := filepath.Join(dir, "husk.bin")
	build := exec.Command("go", "build", "-o", bin, "./cmd/husk")
	build.Dir = filepath.Join("..", "..")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	yaml := replace(t, read(t, config(t, "external.yaml")),
		"nats://husk:PASSWORD@127.0.0.1:4222", strings.Replace(broker.said["URL"], "nats://", "nats://husk:husk-secret@", 1),
		"redis://husk:PASSWORD@127.0.0.1:6379", "redis://husk:"+redisSecret+"@"+store.said["ADDR"],
		"/etc/husk", dir)
	write(t, filepath.Join(dir, "husk.yaml"), yaml)
	var ps []*process
	for i, port := range freePorts(t, 2) {
		name := []string{"husk@a", "husk@b"}[i]
		env := append(unitEnvironment(t, "husk.service", dir, name), "HUSK_HTTP_LISTEN=127.0.0.1:"+port)
		for i := range env {
			env[i] = strings.Replace(env[i], "/etc/husk", dir, 1)
		}
		ps = append(ps, &process{t: t, bin: bin, env: env, http: "127.0.0.1:" + port, log: filepath.Join(dir, name+".log")})
	}
	if out, err := ps[0].run("keys", "new"); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	for _, p := range ps {
		p.serve()
		wait(t, "a process that is ready", p.ready)
	}
	north := must(jetstream.New(connect(t, broker, "booking-north", "north-secret").Conn))(t)
	book := func(appointment string) {
		t.Helper()
		event := must(json.Marshal(map[string]any{
			"system": "booking-north", "appointment": appointment, "status": "booked", "start": time.Now().AddDate(0, 0, 30).Format(time.DateOnly) + "T12:00:00",
			"zone": "Europe/Copenhagen", "minutes": 30, "unit": "rh-ortho",
			"patient": map[string]any{"id": "0101701234", "country": "DK", "given_name": "Anna", "language": "da"},
		}))(t)
		must(north.Publish(t.Context(), "husk.events.booking-north.rh-ortho", event))(t)
	}
	book("A-1")
	for _, p := range ps {
		wait(t, "two reminders of an appointment", func() bool { return p.planned() == 2 })
	}
	if out, err := ps[0].run("doctor"); err != nil {
		t.Errorf("husk doctor: %v\n%s", err, out)
	}
	ps[0].stop()
	book("A-2")
	wait(t, "four reminders, from one process", func() bool { return ps[1].planned() == 4 })
	ps[1].stop()
	if found := holding(t, broker.said["DIR"], "0101701234"); found > 0 {
		t.Errorf("%d files of the broker show a national id", found)
	}
	if found := holding(t, store.said["DIR"], "0101701234"); found > 0 {
		t.Errorf("%d files of the store show a national id", found)
	}
	for _, p := range []*peer{broker, store} {
		for _, line := range strings.Split(read(t, filepath.Join(p.dir, p.name+".log")), "\n") {
			if strings.Contains(line, "[ERR]") || strings.Contains(line, "iolation") {
				t.Errorf("%s: %s", p.name, line)
			}
		}
	}
}
