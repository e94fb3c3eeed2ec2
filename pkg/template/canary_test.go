package template_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/husk-reminders/husk/pkg/template"
)

var rule = template.Rule{Share: 5, Messages: 200, WorseBy: 2, For: 48 * time.Hour}

// trial is a record whose file's version is A, and whose version B was approved at day with a share.
func trial(t *testing.T, share int) (r template.Record, a, b string) {
	t.Helper()
	r = template.Record{Name: recordName}
	file := template.NewVersion(recordName, []byte(textOf(0)))
	r.Seed(file)
	approve(t, &r, 1, file.ID, file.ID, day, day)
	r.Try(template.Rule{Share: share, Messages: rule.Messages, WorseBy: rule.WorseBy, For: rule.For})
	return r, file.ID, version(1, "").ID
}

func approve(t *testing.T, r *template.Record, n int, base, file string, from, now time.Time) string {
	t.Helper()
	v := version(n, base)
	if err := errors.Join(r.Save(v, now, file), r.Approve(v.ID, ole, from, now, file)); err != nil {
		t.Fatal(err)
	}
	return v.ID
}

func TestAShareGetsTheNewVersionAndStaysWithIt(t *testing.T) {
	r, a, b := trial(t, 5)
	bytes, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	var other template.Record // as another process reads it
	if err := json.Unmarshal(bytes, &other); err != nil {
		t.Fatal(err)
	}
	n := 0
	for i := range 10_000 {
		key := fmt.Sprint("reminder ", i)
		got := r.For(key, day, a)
		if again := other.For(key, day.Add(47*time.Hour), "another file"); again != got {
			t.Fatalf("%s changed sides", key)
		}
		if got == b {
			n++
		} else if got != a {
			t.Fatal(got)
		}
	}
	if n < 400 || n > 600 {
		t.Errorf("%d of 10,000 are on a share of 5 %%", n)
	}
	if got := r.For("", day, a); got != a {
		t.Errorf("nobody's reminder is tried: %s", got)
	}
	wide, _, _ := trial(t, 50)
	for i := range 1000 { // a larger share only adds to a smaller one
		if key := fmt.Sprint(i); r.For(key, day, a) == b && wide.For(key, day, a) != b {
			t.Fatal("not within the larger share")
		}
	}
}

func TestWhatHasNoShare(t *testing.T) {
	r := template.Record{Name: recordName}
	approve(t, &r, 1, "", "", day, day)
	r.Try(rule)
	if x, _ := r.Trying(day); x != nil {
		t.Error("a first version is on a share")
	}
	r, a, b := trial(t, 0)
	if x, _ := r.Trying(day); x != nil || r.For("x", day, a) != b {
		t.Error("a share of nothing")
	}
	r, a, b = trial(t, 5)
	if err := r.RollBack(a, ole, "rings", day.Add(time.Minute), a); err != nil {
		t.Fatal(err)
	}
	for i := range 200 {
		if r.For(fmt.Sprint(i), day.Add(time.Minute), a) != a {
			t.Fatal("rolled back, and not whole")
		}
	}
	if err := r.Conclude(b, template.Verdict{At: day.Add(time.Hour), End: template.EndWhole}); !errors.Is(err, template.ErrNoCanary) {
		t.Errorf("a verdict undoes a roll back: %v", err)
	}
}

func TestAnotherIsApprovedOnTopOfAShare(t *testing.T) {
	r, a, b := trial(t, 5)
	c := approve(t, &r, 2, b, a, day.Add(2*time.Hour), day.Add(time.Hour))
	r.Try(rule)
	if x, before := r.Trying(day.Add(time.Hour)); x == nil || x.Version != b || before != a {
		t.Fatal("the scheduled one has taken over")
	}
	if x, before := r.Trying(day.Add(2 * time.Hour)); x == nil || x.Version != c || before != a || !x.Canary.Until.Equal(day.Add(50*time.Hour)) {
		t.Fatalf("%+v %s: a version that was never everybody's is not the one before", x, before)
	}
	if err := r.Conclude(b, template.Verdict{At: day.Add(time.Hour), End: template.EndStopped}); err != nil {
		t.Fatal(err)
	}
	if got := r.Live(day.Add(time.Hour), a); got != a {
		t.Errorf("stopped, and %s is live", got)
	}
	if x, before := r.Trying(day.Add(3 * time.Hour)); x == nil || x.Version != c || before != a {
		t.Error("what waited does not come after a stop")
	}
}

func TestAStopIsForAllAtOnce(t *testing.T) {
	r, a, b := trial(t, 50)
	at := day.Add(time.Hour)
	if err := r.Conclude(b, template.Verdict{At: at, End: template.EndStopped}); err != nil {
		t.Fatal(err)
	}
	for _, now := range []time.Time{at.Add(-time.Second), at, at.Add(time.Hour)} { // the first is a process whose clock is behind
		for i := range 100 {
			if got := r.For(fmt.Sprint(i), now, a); got != a {
				t.Fatalf("at %s: %s", now, got)
			}
		}
	}
	if x := r.Stopped(at); x == nil || x.Version != b || r.Turns[1].By.Name != template.Itself || !r.Turns[1].Back || r.Turns[1].Reason == "" {
		t.Errorf("%+v", r.Turns)
	}
	if err := r.RollBack(b, ole, "it was the carrier", at.Add(time.Hour), a); err != nil {
		t.Fatal(err)
	}
	if r.For("x", at.Add(time.Hour), a) != b || r.Stopped(at.Add(time.Hour)) != nil {
		t.Error("an approver's word does not count after a stop")
	}

	r, a, b = trial(t, 5)
	if err := r.Widen(b, ole, at); err != nil || r.For("x", at, a) != b || r.Turns[0].Canary.Ended.By != ole {
		t.Errorf("%v %+v", err, r.Turns)
	}
	if err := r.Widen(b, ole, at); !errors.Is(err, template.ErrNoCanary) {
		t.Error(err)
	}
}

func tally(messages, bad int) template.Tally {
	return template.Tally{Messages: messages, Ripe: messages, Stops: bad}
}

func TestJudge(t *testing.T) {
	c := template.Canary{Rule: rule, Until: day.Add(rule.For)}
	early, late := day.Add(time.Hour), day.Add(rule.For)
	young := tally(200, 0)
	young.Ripe = 199
	for _, x := range []struct {
		what         string
		newer, older template.Tally
		now          time.Time
		want         template.End
	}{
		{"nothing yet", tally(0, 0), tally(0, 0), early, ""},
		{"all of the first five fail", tally(5, 5), tally(95, 2), early, template.EndStopped},
		{"four fail", tally(4, 4), tally(95, 2), early, ""},
		{"nothing to compare with", tally(10, 10), tally(19, 0), early, ""},
		{"both fail: it is the carrier", tally(20, 20), tally(380, 380), early, ""},
		{"twice as bad", tally(100, 20), tally(1900, 100), early, template.EndStopped},
		{"worse by less than the margin", tally(200, 8), tally(3800, 95), early, template.EndWhole},
		{"better", tally(200, 2), tally(3800, 190), early, template.EndWhole},
		{"too few", tally(199, 0), tally(3800, 0), early, ""},
		{"too young", young, tally(3800, 0), early, ""},
		{"perhaps worse: on to the end", tally(200, 16), tally(3800, 95), early, ""},
		{"likely worse at the end", tally(200, 16), tally(3800, 95), late, template.EndStopped},
		{"a small hospital", tally(8, 1), tally(160, 3), late, template.EndTime},
		{"nothing at the end", tally(0, 0), tally(0, 0), late, template.EndTime},
	} {
		if got := c.Judge(x.newer, x.older, x.now); got != x.want {
			t.Errorf("%s: %q, want %q", x.what, got, x.want)
		}
	}
}

// One failure more never saves a version, and one more of the old one's never condemns it.
func TestJudgeIsMonotonous(t *testing.T) {
	c := template.Canary{Rule: rule, Until: day.Add(rule.For)}
	for n := 5; n <= 200; n += 5 {
		stopped := false
		for bad := range n + 1 {
			now := c.Judge(tally(n, bad), tally(19*n, n/2), day) == template.EndStopped
			if stopped && !now {
				t.Fatalf("%d of %d is stopped, %d not", bad-1, n, bad)
			}
			stopped = now
		}
		if !stopped {
			t.Fatalf("%d of %d is not stopped", n, n)
		}
	}
}

// The rates of false and of missed alarms, looking after each message of a share of 5 %: what ARCHITECTURE says.
func TestAlarms(t *testing.T) {
	alarms := func(base, rate float64) float64 {
		const runs = 2000
		c, draw, n := template.Canary{Rule: rule, Until: day.Add(rule.For)}, rand.New(rand.NewPCG(1, 2)), 0
		for range runs {
			var newer, older template.Tally
			end := template.End("")
			for i := 0; end == "" && i < 12_000; i++ {
				x, p := &older, base
				if draw.IntN(20) == 0 {
					x, p = &newer, rate
				}
				x.Messages++
				x.Ripe++
				if draw.Float64() < p {
					x.Undelivered++
				}
				end = c.Judge(newer, older, day)
			}
			if end == "" {
				end = c.Judge(tally(newer.Messages, newer.Bad()), tally(older.Messages, older.Bad()), c.Until)
			}
			if end == template.EndStopped {
				n++
			}
		}
		return float64(n) / runs
	}
	for _, x := range []struct{ base, rate, least, most float64 }{
		{0.02, 0.02, 0, 0.01}, {0.05, 0.05, 0, 0.01}, {0.10, 0.10, 0, 0.01}, {0.05, 0.02, 0, 0.005}, {0.05, 0.07, 0, 0.10}, {0.05, 0.20, 0.90, 1}, {0.02, 0.5, 1, 1},
	} {
		got := alarms(x.base, x.rate)
		t.Logf("old %.2f, new %.2f: stopped %.4f", x.base, x.rate, got)
		if got < x.least || got > x.most {
			t.Errorf("old %.2f, new %.2f: stopped in %.4f, want %.3f to %.3f", x.base, x.rate, got, x.least, x.most)
		}
	}
}
