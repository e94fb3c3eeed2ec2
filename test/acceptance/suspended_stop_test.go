//go:build unix

package acceptance

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// writeDeadline is send.write_deadline as it is by default: a hand-over begins so long after its confirmation at most.
const writeDeadline = time.Second

// TestStopWhileSuspended: one of two houses is stopped (SIGSTOP) again and again at a random moment of a burst of messages, so that
// some stand between their confirmation and the wire; people answer STOP by SMS at the other house, which acknowledges it; then the
// first one is continued. Nothing is handed over behind an acknowledgement but what the audit names as having left before, and of what
// was held up for longer than the write deadline nothing is handed over at all.
//
// In a planted program, which counts no deadline and waits for nothing on the wire, both show.
func TestStopWhileSuspended(t *testing.T) {
	redisServer(t)
	t.Parallel()
	const long, short = 1500 * time.Millisecond, 400 * time.Millisecond
	t.Run("as it is", func(t *testing.T) {
		x := newSuspension(t, build(t, raceDetector), 10)
		x.rounds(long, short, untilAcknowledged, long, short, long)
		y := x.verdict()
		for _, s := range y.unnamed {
			t.Errorf("a message, attempt %s, was handed over behind the acknowledgement of a STOP, and the audit does not name it", s.claim)
		}
		for _, s := range y.heldUp {
			t.Errorf("a message, attempt %s, was held up for longer than the write deadline, and handed over behind a STOP", s.claim)
		}
		if x.hit < 3 || y.late == 0 || y.denied == 0 {
			t.Error("the test shows nothing")
		}
	})
	t.Run("planted", func(t *testing.T) {
		x := newSuspension(t, plant(t, "husk-heedless", heedless...), 4)
		x.rounds(long, long)
		if y := x.verdict(); len(y.unnamed) == 0 || len(y.heldUp) == 0 {
			t.Errorf("%d messages behind an acknowledgement and %d that were held up: the test would not see them", len(y.unnamed), len(y.heldUp))
		}
	})
}

// heedless takes out what holds a process that was suspended: the write deadline, and that a STOP waits for what is on the wire.
var heedless = []edit{
	{"pkg/dispatch/handover.go", "by := time.Now().Add(w.o.WriteDeadline)", "by := time.Now().Add(time.Hour)"},
	{"pkg/ledger/people.go", "case err == nil && len(open) == 0:", "case err == nil:"},
}

// untilAcknowledged lets a house sleep until a STOP that waits for what it had confirmed is acknowledged all the same.
const untilAcknowledged time.Duration = 0

// suspension is a site of two houses that send by SMS, of which one is stopped.
type suspension struct {
	t      *testing.T
	begin  time.Time
	asleep *house // house 0 of the watch; the one that leads stays awake
	awake  *house
	staff  *staff
	w      *watcher
	random *rand.Rand
	store  string // host:port
	far    *proxy // between the store and the house that is stopped

	bursts []time.Time // when each burst is due
	all    []booking
	keys   map[string]int // who has a person key

	stopped int
	hit     int // when something stood between confirmation and wire
	stops   int
	wrote   map[string]bool // by number
	others  int             // messages by the one that was awake meanwhile
	heldUp  []promise       // what a sleep longer than the write deadline promises
}

const (
	inHand     = 120 * time.Millisecond // about as long an attempt stands between mark and wire
	fewSlots   = 4                      // of the house that stays awake
	burstSize  = 40                     // persons of a burst, each of whom has a second message to come
	burstEvery = 2500 * time.Millisecond
	burstStops = 6 // persons who answer
)

func newSuspension(t *testing.T, bin string, bursts int) *suspension {
	t.Helper()
	x := &suspension{t: t, begin: time.Now(), random: seedOf(t), keys: map[string]int{}, wrote: map[string]bool{}}
	s := newSite(t, "")
	x.store = s.redis.addr
	open := func() *house {
		h := s.house(nil)
		h.bin, h.units = bin, strings.ReplaceAll(h.units, "channels: [email]", "channels: [sms]")
		delete(h.settings, "carriers.email.settings.helo")
		h.settings["carriers.sms.type"], h.settings["carriers.email.type"] = "outbox", "none"
		return h
	}
	x.awake, x.asleep = open(), open()
	x.awake.settings["carriers.sms.settings.slots"], x.asleep.settings["carriers.sms.settings.slots"] = strconv.Itoa(fewSlots), strconv.Itoa(burstSize)
	x.awake.output("keys", "new")
	x.awake.serve() // so it leads
	x.staff = x.awake.staff()
	// What the store says reaches the other one late: an attempt is longer between its mark and the wire.
	x.far = newProxy(t, s.redis.addr)
	x.asleep.settings["redis.url"] = "redis://" + x.far.addr()
	x.asleep.serve()
	x.far.slow.Store(int64(inHand / 3)) // which Confirm asks three times
	people := bursts * burstSize
	keys := make([]string, people)
	x.awake.must(each(people, 48, func(i int) (err error) {
		if keys[i], err = x.staff.key(someone(i)); err == nil {
			err = x.staff.welcomeAt(someone(i), "sms", mobile(i))
		}
		return err
	}))
	for i, k := range keys {
		x.keys[k] = i
	}
	begin := time.Now().Add(lead)
	for k := range bursts {
		x.bursts = append(x.bursts, begin.Add(time.Duration(k)*burstEvery))
	}
	for i := range people {
		for unit := range 2 {
			x.all = append(x.all, booking{person: i, unit: unit, due: x.bursts[i/burstSize]})
		}
	}
	system := x.awake.bookings()
	x.awake.must(each(len(x.all), 32, func(i int) error { return system.publish(x.all[i].subject(), x.all[i].event(), 10*time.Second) }))
	x.w = watch(t, x.asleep, x.awake)
	return x
}

// rounds stops the house for so long each, in one burst after the other. Where nothing stood between confirmation and wire at the moment
// it is continued at once, and tried again as long as the burst lasts. A burst that a sleep outlasts goes by.
func (x *suspension) rounds(sleeps ...time.Duration) {
	x.t.Helper()
	for k := range x.bursts {
		wait := time.Until(x.bursts[k])
		if wait <= 0 || len(sleeps) == 0 {
			continue
		}
		time.Sleep(wait)
		for end := time.Now().Add(burstEvery / 2); time.Now().Before(end); {
			if x.marks() <= fewSlots {
				time.Sleep(2 * time.Millisecond)
				continue
			}
			time.Sleep(time.Duration(x.random.Int64N(int64(inHand))))
			if x.suspend(k, sleeps[0]) {
				sleeps = sleeps[1:]
				break
			}
		}
	}
	x.asleep.eventually(30*time.Second, "the replies are not taken", func() bool { return len(x.w.acknowledged()) == x.stops })
}

// suspend stops the house, for so long if something stood between confirmation and wire: it says whether.
func (x *suspension) suspend(k int, sleep time.Duration) (hit bool) {
	x.t.Helper()
	x.asleep.must(x.asleep.cmd.Process.Signal(syscall.SIGSTOP))
	at := time.Now()
	x.stopped++
	time.Sleep(20 * time.Millisecond) // what the other one has in hand leaves
	if hit = x.marks() > fewSlots; hit {
		x.hit++
		x.round(k, at, sleep)
	}
	x.asleep.must(x.asleep.cmd.Process.Signal(syscall.SIGCONT))
	return hit
}

// marks is how many addresses have a message between confirmation and outcome. More than the other house has slots are of the one that
// is stopped, too.
func (x *suspension) marks() int { return len(x.markKeys()) }

func (x *suspension) markKeys() []string {
	keys, err := redisDo(x.store, "KEYS", "husk:{*}:marks:*").StringSlice()
	x.awake.must(err)
	return keys
}

// marked are the numbers of the persons whose messages are marked.
func (x *suspension) marked() (out []string) {
	for _, k := range x.markKeys() {
		marks, err := redisDo(x.store, "HVALS", k).StringSlice()
		x.awake.must(err)
		for _, m := range marks { // "call person reminder"
			if i, ours := x.keys[strings.Split(m+"  ", " ")[1]]; ours {
				out = append(out, mobile(i))
			}
		}
	}
	return out
}

// round has people of a burst write STOP while the house sleeps, since at.
func (x *suspension) round(k int, at time.Time, sleep time.Duration) {
	t, w := x.t, x.w
	t.Helper()
	others := w.of(1)
	who := x.writers(k)
	for i, number := range who {
		draft := filepath.Join(x.awake.dir, number)
		x.awake.must(os.WriteFile(draft, fmt.Appendf(nil, "From: %s\nChannel: sms\n\nSTOP\n", number), 0o600))
		when := at.Add(time.Duration(i) * time.Millisecond) // they are read in this order
		x.awake.must(os.Chtimes(draft, when, when))
		x.awake.must(os.Rename(draft, filepath.Join(x.awake.data, "outbox", "replies", number+".txt")))
	}
	x.stops += len(who)
	open := func() []string {
		acked := w.acknowledged()
		return slices.DeleteFunc(slices.Clone(who), func(n string) bool { _, is := acked[n]; return is })
	}
	for waits, longest := time.Now(), len(who); ; time.Sleep(5 * time.Millisecond) {
		left := len(open())
		if sleep != untilAcknowledged && time.Since(at) >= sleep || left == 0 {
			break
		}
		if left < longest { // one was acknowledged; at last
			if sleep == untilAcknowledged && time.Since(waits) > writeDeadline+4*time.Second {
				break
			}
			waits, longest = time.Now(), left
		}
		if time.Since(at) > 20*time.Second {
			t.Fatal("no STOP is acknowledged while one of two houses sleeps")
		}
	}
	time.Sleep(time.Until(at.Add(sleep)))
	// The replies are taken one by one: of whoever is acknowledged, and of the next, the bar stands.
	if next := open(); time.Since(at) > writeDeadline+200*time.Millisecond {
		for _, number := range who {
			if !slices.Contains(next, number) || number == next[0] {
				x.heldUp = append(x.heldUp, promise{number, w.now(), 0})
			}
		}
	}
	x.others += w.of(1) - others
}

// writers are who will write STOP: some who have a message between confirmation and wire, and then some of a burst who have none yet.
func (x *suspension) writers(k int) []string {
	has := map[string]bool{}
	for _, s := range x.w.record() {
		has[s.to] = true
	}
	marked := x.marked()
	on := slices.DeleteFunc(slices.Clone(marked), func(n string) bool { return x.wrote[n] })
	var off []string
	for i := range burstSize {
		if n := mobile(k*burstSize + i); !has[n] && !slices.Contains(marked, n) {
			off = append(off, n)
		}
	}
	for _, ns := range [][]string{on, off} {
		x.random.Shuffle(len(ns), func(i, j int) { ns[i], ns[j] = ns[j], ns[i] })
	}
	out := slices.Concat(on[:min(len(on), burstStops/2)], off[:min(len(off), burstStops/2)])
	for _, n := range out {
		x.wrote[n] = true
	}
	return out
}

// suspended is what came of it.
type suspended struct {
	unnamed []sighting // behind an acknowledgement
	heldUp  []sighting // for longer than the write deadline, and came
	late    int        // attempts that were confirmed, came to the wire too late, and did not begin
	denied  int
}

// verdict waits until all is settled, and compares what was handed over with what was promised.
func (x *suspension) verdict() (y suspended) {
	t := x.t
	t.Helper()
	x.far.slow.Store(0)
	y.denied = x.asleep.settled(x.staff, time.Minute, len(x.all)).Counts["denied"]
	x.w.end()
	var left []string
	for _, a := range get[[]struct {
		Left []string `json:"left"`
	}](x.staff, "/v1/audit?max=10000") {
		left = append(left, a.Left...)
	}
	for _, status := range []string{"accepted", "denied"} {
		for _, v := range x.staff.reminders(status) {
			for _, a := range v.Attempts {
				if a.Code == "late" || a.Code == "timeout" { // what the worker says of it, and the carrier
					y.late++
				}
			}
		}
	}
	var ps []promise
	for number, look := range x.w.acknowledged() {
		ps = append(ps, promise{number, look, -1})
	}
	record := x.w.record()
	behind := broken(record, ps)
	y.unnamed = slices.DeleteFunc(slices.Clone(behind), func(s sighting) bool { return slices.Contains(left, s.claim) })
	y.heldUp = broken(record, x.heldUp)
	for _, h := range []*house{x.asleep, x.awake} {
		h.stop()
	}
	t.Logf("stopped %d times, %d of them with something between confirmation and wire: %d attempts came to the wire too late and did not begin; %d STOPs by SMS, %d attempts named as left before; "+
		"behind an acknowledgement %d messages that are named and %d that are not; %d held up too long and handed over behind a STOP; %d denied, %d by the other house meanwhile; %.1f s",
		x.stopped, x.hit, y.late, x.stops, len(left), len(behind)-len(y.unnamed), len(y.unnamed), len(y.heldUp), y.denied, x.others, time.Since(x.begin).Seconds())
	return y
}
