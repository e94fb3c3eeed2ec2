//go:build unix

package acceptance

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// fault is a way in which something fails that the line rests on.
type fault struct {
	name   string
	early  bool                 // what is due is taken in before it strikes: nothing is while it lasts
	sound  bool                 // it is none: everything is sent
	needs  func(*testing.T)     // skips it where it can't be tried; nil = it can anywhere
	strike func(x *outage)      // when it returns the fault is there
	told   func(x *outage) bool // whether somebody is told
	repair func(x *outage)
}

// outage is one installation whose faults are tried one after the other.
type outage struct {
	t *testing.T
	h *house
	c *carrier
	s *site // nil = the house has its own broker

	strays  []*carrier // where nothing must arrive at all
	staff   *staff
	system  *system
	welcome func(p int) error                // makes it right to write to a person
	event   func(b booking) (string, []byte) // as the booking system has it
	soon    time.Duration                    // soonDue, unless it takes longer until all is known that must be
	next    int                              // the first person whom no round has had
	all     []booking                        // of all rounds
	lag     time.Duration                    // the longest time from due to handed over, of rounds without a fault

	// Of this round.
	round []booking
	due   time.Time          // of its reminders
	was   map[string]float64 // metrics before the fault
	mark  int64              // the size of the log before it
	anew  bool               // the process was started again
	down  time.Time          // when the fault was there
	undo  []func()
}

// Each round has so many reminders, which fall due so long after their events, or up to a second later. Those which are taken in
// before the fault leave it time to strike.
const (
	roundSize  = 6
	soonDue    = 1500 * time.Millisecond
	earlyDue   = lead
	leastBlind = 1500 * time.Millisecond // how long past due nothing may come, at least
	mostBlind  = 6 * time.Second         // and at most, where the machine was slow in the round without a fault
)

// TestFaults: whatever fails that the line rests on, nothing is handed over while it does, somebody is told, and when it is mended
// everything goes out, once. The same round without a fault is run on each installation, and sends.
func TestFaults(t *testing.T) {
	// Not beside the others: a fault must strike before something falls due.
	begin := time.Now()
	redisServer(t)
	build(t, raceDetector)
	lines := map[string]func(*testing.T) (*outage, []fault){
		"carrier": carrierFaults, "files": fileFaults, "store": storeOutages, "broker": brokerOutages, "register": registerFaults,
		"clock": clockFaults,
	}
	var wg sync.WaitGroup
	var mu sync.Mutex
	tried := map[string]int{}
	for name, open := range lines {
		wg.Go(func() {
			t.Run(name, func(t *testing.T) {
				x, faults := open(t)
				x.try(t, faults)
				mu.Lock()
				defer mu.Unlock()
				tried[name] = len(slices.DeleteFunc(faults, func(f fault) bool { return f.sound }))
			})
		})
	}
	wg.Wait()
	n := 0
	for _, k := range tried {
		n += k
	}
	t.Logf("%d faults (%v), %d reminders each: %.1f s", n, tried, roundSize, time.Since(begin).Seconds())
}

// try runs the rounds: one without a fault, then one each.
func (x *outage) try(t *testing.T, faults []fault) {
	t.Helper()
	for _, f := range append([]fault{{name: "no fault", sound: true, strike: func(*outage) {}}}, faults...) {
		if !t.Run(f.name, func(t *testing.T) { x.hand(t, f) }) {
			return // what follows would show nothing
		}
	}
	// Nothing came late, and twice.
	x.on(t)
	if y, _ := reckon(t, x.c.record(), x.all); y.once != len(x.all) {
		t.Errorf("of %d reminders the carrier has %d once, %d never, %d more often", len(x.all), y.once, y.never, y.more)
	}
	x.halt()
}

// on makes a test answerable for what goes wrong.
func (x *outage) on(t *testing.T) {
	x.t, x.h.t = t, t
	if x.s != nil {
		x.s.t, x.s.nats.t, x.s.redis.t = t, t, t
	}
}

// hand is one round.
func (x *outage) hand(t *testing.T, f fault) {
	x.on(t)
	if f.needs != nil {
		f.needs(t)
	}
	defer func() {
		for _, f := range slices.Backward(x.undo) {
			f()
		}
		x.undo = nil
	}()
	x.people()
	x.was, x.mark, x.anew, x.down = x.numbers(), x.logSize(), false, time.Time{}
	switch {
	case f.sound:
		f.strike(x)
		x.h.ready(time.Minute)
		x.book(x.soon)
		x.arrive(time.Minute)
		x.lag = max(x.lag, time.Since(x.due))
		t.Logf("%d sent, the last %.1f s after they fell due", roundSize, time.Since(x.due).Seconds())
		return
	case f.early:
		x.book(earlyDue)
		x.h.eventually(earlyDue, "the bookings are not planned before they fall due", func() bool { return x.staff.status().Counts["planned"] >= roundSize })
		f.strike(x)
		if x.down.IsZero() {
			x.down = time.Now()
		}
	default:
		f.strike(x)
		if x.anew {
			x.h.ready(time.Minute)
		}
		x.book(x.soon)
	}
	if f.early && !x.down.Before(x.due) {
		t.Fatalf("the fault struck %.1f s after the reminders fell due: the round shows nothing", x.down.Sub(x.due).Seconds())
	}
	x.silent(f)
	broken := time.Since(x.due)
	f.repair(x)
	mended := time.Now()
	x.arrive(90 * time.Second)
	t.Logf("nothing for %.1f s past due; mended, %d in %.1f s", broken.Seconds(), roundSize, time.Since(mended).Seconds())
}

// silent looks on while a fault lasts, until thrice the time has passed that the round without one took, and somebody has been told.
func (x *outage) silent(f fault) {
	x.t.Helper()
	blind := x.due.Add(min(max(leastBlind, 3*x.lag), mostBlind))
	patience := blind.Add(20 * time.Second)
	told := false
	for now := time.Now(); now.Before(blind) || !told && now.Before(patience); now = time.Now() {
		told = told || f.told(x)
		time.Sleep(50 * time.Millisecond)
	}
	if n := x.sent(); n != 0 || !told {
		x.t.Fatalf("%d messages reached the carrier while the fault lasted; somebody is told: %v", n, told)
	}
}

// people takes the next people, who may be written to.
func (x *outage) people() {
	x.t.Helper()
	x.round = nil
	for range roundSize {
		x.round = append(x.round, booking{person: x.next})
		x.next++
	}
	x.h.must(each(roundSize, 4, func(i int) error { return x.welcome(x.round[i].person) }))
}

// book publishes the round's bookings, whose reminders fall due so long from now.
func (x *outage) book(in time.Duration) {
	x.t.Helper()
	x.due = time.Now().Add(in + time.Second).Truncate(time.Second) // an event tells no less
	for i := range x.round {
		x.round[i].due = x.due
		x.publish(x.round[i])
	}
	x.all = append(x.all, x.round...)
}

func (x *outage) publish(b booking) {
	x.t.Helper()
	subject, data := x.event(b)
	var err error
	for end := time.Now().Add(10 * time.Second); time.Now().Before(end); time.Sleep(20 * time.Millisecond) { // the broker may just have come back
		if err = x.system.publish(subject, data, 5*time.Second); err == nil {
			return
		}
	}
	x.t.Fatal(err)
}

// sent is how many messages of this round there are at the carrier, and how many of any round where they must not be.
func (x *outage) sent() (n int) {
	ours := map[place]bool{}
	for _, b := range x.round {
		ours[b.place()] = true
	}
	for _, l := range x.c.record() {
		if ours[place{l.to, l.replyTo}] {
			n++
		}
	}
	for _, c := range x.strays {
		n += c.count()
	}
	return n
}

// arrive waits until all of the round's messages are at the carrier; more than that is reckoned at the end.
func (x *outage) arrive(limit time.Duration) {
	x.t.Helper()
	for end := time.Now().Add(limit); x.sent() < roundSize; time.Sleep(20 * time.Millisecond) {
		if !x.h.running() {
			x.t.Fatalf("serve has ended: %v", x.h.exit)
		}
		if time.Now().After(end) {
			var st status
			err := x.staff.ask("GET", "/v1/status?next=0", nil, &st)
			x.t.Fatalf("%d of %d messages after %v: %v %v", x.sent(), roundSize, limit, st.some(), err)
		}
	}
	if n := x.sent(); n != roundSize {
		x.t.Fatalf("%d messages, want %d", n, roundSize)
	}
}

// numbers are all metrics.
func (x *outage) numbers() map[string]float64 {
	x.t.Helper()
	out := map[string]float64{}
	for line := range strings.Lines(x.h.metrics()) {
		if name, _, ok := strings.Cut(strings.TrimSpace(line), "} "); ok {
			out[name+"}"], _ = find(line, name+"}")
		}
	}
	return out
}

// counts tells that a metric with labels has grown since the fault struck.
func counts(metric string, labels ...string) func(x *outage) bool {
	name := metric + "{" + strings.Join(labels, ",") + "}"
	return func(x *outage) bool { return x.h.gauge(name) > x.was[name] }
}

// decides tells that the gate has put reminders off, and why.
func decides(reason string) func(x *outage) bool {
	return counts("husk_dispatch_decisions_total", `outcome="defer"`, `reason="`+reason+`"`, `route="email"`)
}

// notReady tells that /readyz says so.
func notReady(x *outage) bool { return x.h.readyz() == 503 }

func (x *outage) logSize() int64 {
	x.t.Helper()
	i, err := os.Stat(x.h.log)
	x.h.must(err)
	return i.Size()
}

// logged is what the processes have logged since the fault struck.
func (x *outage) logged() string {
	x.t.Helper()
	b, err := os.ReadFile(x.h.log)
	x.h.must(err)
	return string(b[min(int64(len(b)), x.mark):])
}

// again stops the process, changes something, and starts it. What it can't start with is seen by refuses.
func again(change func(x *outage)) func(x *outage) {
	return func(x *outage) {
		x.t.Helper()
		x.h.stop()
		x.down = time.Now()
		change(x)
		x.was, x.anew = nil, true // a new process counts anew
		x.h.launch()
	}
}

// set changes the configuration for this fault and starts the process with it.
func set(key string, value func(x *outage) string) func(x *outage) {
	return again(func(x *outage) { x.h.settings[key] = value(x) })
}

// unset takes a key of the configuration back.
func unset(key string) func(x *outage) {
	return func(x *outage) {
		x.t.Helper()
		x.halt()
		delete(x.h.settings, key)
		x.h.serve()
	}
}

// halt stops the process, if it runs.
func (x *outage) halt() {
	x.t.Helper()
	if x.h.running() {
		x.h.stop()
	}
}

// refuses tells that the process ended by itself, with an error that says why.
func refuses(why string) func(x *outage) bool {
	return func(x *outage) bool { return !x.h.running() && x.h.exit != nil && strings.Contains(x.logged(), why) }
}

// directory is a fresh directory with files.
func (x *outage) directory(files map[string]string) string {
	x.t.Helper()
	dir, err := os.MkdirTemp(x.h.dir, "f")
	x.h.must(err)
	for _, name := range slices.Sorted(maps.Keys(files)) {
		file := filepath.Join(dir, filepath.FromSlash(name))
		x.h.must(os.MkdirAll(filepath.Dir(file), 0o700))
		x.h.must(os.WriteFile(file, []byte(files[name]), 0o600))
	}
	return dir
}

// shipped reads the files below a directory of the repository.
func (x *outage) shipped(dir, suffix string) map[string]string {
	x.t.Helper()
	root := filepath.Join("..", "..", dir)
	out := map[string]string{}
	x.h.must(filepath.WalkDir(root, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, suffix) {
			return err
		}
		b, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(root, path)
		out[filepath.ToSlash(rel)] = string(b)
		return err
	}))
	if len(out) == 0 {
		x.t.Fatalf("nothing in %s", dir)
	}
	return out
}

// replaced is files with one text in one of them replaced by another.
func (x *outage) replaced(files map[string]string, name, old, with string) map[string]string {
	x.t.Helper()
	if strings.Count(files[name], old) != 1 {
		x.t.Fatalf("%s: %q does not stand in it once", name, old)
	}
	files = maps.Clone(files)
	files[name] = strings.Replace(files[name], old, with, 1)
	return files
}

// newOutage is an installation that works, whose people are welcomed at the desk.
func newOutage(t *testing.T, h *house, c *carrier) *outage {
	t.Helper()
	h.serve()
	x := &outage{t: t, h: h, c: c, staff: h.staff(), system: h.bookings(), s: h.site, soon: soonDue}
	x.welcome = func(p int) error { return x.staff.welcome(someone(p)) }
	x.event = func(b booking) (string, []byte) { return b.subject(), b.event() }
	return x
}
