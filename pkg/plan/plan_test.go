package plan_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
	_ "time/tzdata"

	"github.com/husk-reminders/husk/pkg/plan"
	"github.com/husk-reminders/husk/pkg/reminder"
)

const day = 24 * time.Hour

// directory is a plan.Units of literal units.
type directory map[string]reminder.Unit

func (d directory) Unit(id string) (reminder.Unit, bool) { u, ok := d[id]; return u, ok }

func unit(country reminder.Country, change func(*reminder.Unit)) reminder.Unit {
	u := reminder.Unit{
		ID: "u", Country: country,
		Zone:     map[reminder.Country]string{"DK": "Europe/Copenhagen", "SE": "Europe/Stockholm", "NO": "Europe/Oslo", "FI": "Europe/Helsinki", "IS": "Atlantic/Reykjavik"}[country],
		Channels: []reminder.Channel{reminder.SMS, reminder.Email},
		Rules:    map[string][]reminder.Rule{"": {{Name: "7d", Before: 7 * day}, {Name: "48h", Before: 48 * time.Hour}}},
		Window:   reminder.Window{From: 8 * time.Hour, Until: 20 * time.Hour},
	}
	if change != nil {
		change(&u)
	}
	return u
}

func pseudonyms(t testing.TB) reminder.Pseudonyms {
	t.Helper()
	p, err := reminder.NewPseudonyms(1, []byte(strings.Repeat("k", 32)))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func planner(t testing.TB, u reminder.Unit) *plan.Planner {
	t.Helper()
	p, err := plan.New(plan.Options{Units: directory{u.ID: u}, Pseudonyms: pseudonyms(t)})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func local(t testing.TB, u reminder.Unit, s string) time.Time {
	t.Helper()
	l, err := time.LoadLocation(u.Zone)
	if err != nil {
		t.Fatal(err)
	}
	at, err := time.ParseInLocation("2006-01-02 15:04", s, l)
	if err != nil {
		t.Fatal(err)
	}
	return at
}

func appointment(start time.Time) reminder.Appointment {
	return reminder.Appointment{
		Key: "1-aa", System: "s", ID: "A-1", Person: "1-bb", Status: reminder.Booked, Unit: "u",
		Start: start, Length: 30 * time.Minute, Order: reminder.Order{Revision: 3, Sequence: 9},
	}
}

// dues prints what is wanted as "rule@local time".
func dues(p plan.Plan, l *time.Location) string {
	var s []string
	for _, w := range p.Reminders {
		s = append(s, w.Rule+"@"+w.Due.In(l).Format("Mon 01-02 15:04"))
	}
	return strings.Join(s, ", ")
}

func TestPlan(t *testing.T) {
	deadline := func(d time.Duration) func(*reminder.Unit) { return func(u *reminder.Unit) { u.Deadline = d } }
	rules := func(r ...reminder.Rule) func(*reminder.Unit) {
		return func(u *reminder.Unit) { u.Rules[""] = r }
	}
	for _, c := range []struct {
		name       string
		country    reminder.Country
		unit       func(*reminder.Unit)
		start, now string
		want       string
	}{
		{"an ordinary Thursday", "DK", nil, "2026-03-12 14:30", "2026-02-01 09:00", "7d@Thu 03-05 14:30, 48h@Tue 03-10 14:30"},
		{"48 hours before Monday is a Saturday: the Friday before, same time", "DK", nil, "2026-03-16 10:00", "2026-02-01 09:00", "7d@Mon 03-09 10:00, 48h@Fri 03-13 10:00"},
		{"weekends allowed", "DK", func(u *reminder.Unit) { u.Window.Weekends = true }, "2026-03-16 10:00", "2026-02-01 09:00", "7d@Mon 03-09 10:00, 48h@Sat 03-14 10:00"},
		{"before opening: the evening before", "DK", nil, "2026-03-12 07:30", "2026-02-01 09:00", "7d@Wed 03-04 19:30, 48h@Mon 03-09 19:30"},
		{"before opening on a Monday: Friday evening", "DK", nil, "2026-03-11 07:30", "2026-03-06 09:00", "48h@Fri 03-06 19:30"},
		{"after closing: the same evening", "DK", nil, "2026-03-12 21:00", "2026-02-01 09:00", "7d@Thu 03-05 19:30, 48h@Tue 03-10 19:30"},
		{"at closing", "DK", nil, "2026-03-12 20:00", "2026-02-01 09:00", "7d@Thu 03-05 19:30, 48h@Tue 03-10 19:30"},
		{"at opening", "DK", nil, "2026-03-12 08:00", "2026-02-01 09:00", "7d@Thu 03-05 08:00, 48h@Tue 03-10 08:00"},

		{"over the spring change", "DK", nil, "2026-03-31 09:00", "2026-03-01 09:00", "7d@Tue 03-24 09:00, 48h@Fri 03-27 09:00"},
		{"over the autumn change", "DK", func(u *reminder.Unit) { u.Window.Weekends = true }, "2026-10-26 09:00", "2026-10-01 09:00", "7d@Mon 10-19 09:00, 48h@Sat 10-24 09:00"},
		{"on the day of the spring change", "SE", func(u *reminder.Unit) { u.Window.Weekends = true }, "2026-03-29 09:00", "2026-03-01 09:00", "7d@Sun 03-22 09:00, 48h@Fri 03-27 09:00"},
		{"hours are elapsed hours", "DK", func(u *reminder.Unit) {
			u.Window.Weekends = true
			u.Rules[""] = []reminder.Rule{{Name: "12h", Before: 12 * time.Hour}}
		}, "2026-03-29 21:30", "2026-03-01 09:00", "12h@Sun 03-29 09:30"},
		{"hours over the spring change", "DK", func(u *reminder.Unit) {
			u.Window = reminder.Window{Until: day, Weekends: true}
			u.Rules[""] = []reminder.Rule{{Name: "12h", Before: 12 * time.Hour}}
		}, "2026-03-29 09:30", "2026-03-01 09:00", "12h@Sat 03-28 20:30"},
		{"a local time the clocks skip", "DK", func(u *reminder.Unit) { u.Window = reminder.Window{Until: day, Weekends: true} }, "2026-04-05 02:30", "2026-03-01 09:00", "7d@Sun 03-29 03:30, 48h@Wed 04-01 02:30"},

		{"Skærtorsdag to 2. påskedag", "DK", nil, "2026-04-07 10:00", "2026-03-01 09:00", "7d@Tue 03-31 10:00, 48h@Wed 04-01 10:00"},
		{"Easter Day, Sundays allowed", "DK", func(u *reminder.Unit) { u.Window.Weekends = true }, "2026-04-07 10:00", "2026-04-01 11:00", "48h@Sat 04-04 10:00"},
		{"Skärtorsdagen is a working day in Sweden", "SE", nil, "2026-04-09 10:00", "2026-03-01 09:00", "7d@Thu 04-02 10:00, 48h@Tue 04-07 10:00"},
		{"holidays allowed", "DK", func(u *reminder.Unit) { u.Window.Holidays = true }, "2026-04-09 10:00", "2026-03-01 09:00", "7d@Thu 04-02 10:00, 48h@Tue 04-07 10:00"},
		{"Store Bededag is no holiday since 2024", "DK", nil, "2026-05-08 10:00", "2026-04-20 09:00", "7d@Fri 05-01 10:00, 48h@Wed 05-06 10:00"},
		{"17. mai with Whit Sunday before it", "NO", func(u *reminder.Unit) { u.Window.Weekends = true }, "2027-05-19 10:00", "2027-05-01 09:00", "7d@Wed 05-12 10:00, 48h@Sat 05-15 10:00"},
		{"17. mai", "NO", nil, "2028-05-19 10:00", "2028-05-01 09:00", "7d@Fri 05-12 10:00, 48h@Tue 05-16 10:00"},
		{"Midsommarafton and Midsommardagen", "SE", nil, "2026-06-22 10:00", "2026-06-01 09:00", "7d@Mon 06-15 10:00, 48h@Thu 06-18 10:00"},
		{"Juhannus", "FI", nil, "2026-06-22 10:00", "2026-06-01 09:00", "7d@Mon 06-15 10:00, 48h@Thu 06-18 10:00"},
		{"Sumardagurinn fyrsti", "IS", nil, "2026-04-25 10:00", "2026-04-19 09:00", "48h@Wed 04-22 10:00"}, // 23 April
		{"New Year", "DK", nil, "2027-01-03 10:00", "2026-12-01 09:00", "7d@Thu 12-24 10:00, 48h@Thu 12-31 10:00"},

		{"deadline 24 h: 48 h is just in time", "DK", deadline(24 * time.Hour), "2026-03-12 14:30", "2026-02-01 09:00", "7d@Thu 03-05 14:30, 48h@Tue 03-10 14:30"},
		{"deadline 48 h: a day earlier", "DK", deadline(48 * time.Hour), "2026-03-12 14:30", "2026-02-01 09:00", "7d@Thu 03-05 14:30, 48h@Mon 03-09 14:30"},
		{"deadline 72 h: two days earlier, and the weekend before", "DK", deadline(72 * time.Hour), "2026-03-12 14:30", "2026-02-01 09:00", "7d@Thu 03-05 14:30, 48h@Fri 03-06 14:30"},
		{"deadline so early that both rules fall together", "DK", deadline(7 * day), "2026-03-12 14:30", "2026-02-01 09:00", "48h@Wed 03-04 14:30"},
		{"booked after the last time before the deadline", "DK", deadline(72 * time.Hour), "2026-03-12 14:30", "2026-03-09 09:00", ""},

		{"booked too late for 7 days", "DK", nil, "2026-03-12 14:30", "2026-03-06 09:00", "48h@Tue 03-10 14:30"},
		{"booked too late for both", "DK", nil, "2026-03-12 14:30", "2026-03-11 09:00", ""},
		{"booked at the very time", "DK", nil, "2026-03-12 14:30", "2026-03-10 14:30", ""},
		{"booked for today", "DK", nil, "2026-03-12 14:30", "2026-03-12 13:00", ""},
		{"in the past", "DK", nil, "2026-03-12 14:30", "2026-03-12 15:00", ""},
		{"two that fall closer than twelve hours: the nearer to the start stays", "DK", rules(reminder.Rule{Name: "48h", Before: 48 * time.Hour}, reminder.Rule{Name: "40h", Before: 40 * time.Hour}), "2026-03-12 14:30", "2026-02-01 09:00", "40h@Tue 03-10 19:30"},
		{"no rules", "DK", rules(), "2026-03-12 14:30", "2026-02-01 09:00", ""},
		{"the kind's own rules", "DK", func(u *reminder.Unit) {
			u.Rules["surgery"] = []reminder.Rule{{Name: "14d", Before: 14 * day}}
		}, "2026-03-12 14:30", "2026-02-01 09:00", "14d@Thu 02-26 14:30"},
	} {
		t.Run(c.name, func(t *testing.T) {
			u := unit(c.country, c.unit)
			a := appointment(local(t, u, c.start))
			if _, ok := u.Rules["surgery"]; ok {
				a.Kind = "surgery"
			}
			p, err := planner(t, u).Plan(a, local(t, u, c.now))
			if err != nil {
				t.Fatal(err)
			}
			if got := dues(p, a.Start.Location()); got != c.want {
				t.Errorf("got  %s\nwant %s", got, c.want)
			}
			if p.Status != plan.Booked || p.StartTag == "" || p.Order != a.Order {
				t.Errorf("plan %+v", p)
			}
			for i, w := range p.Reminders {
				expires := a.Start.Add(-2 * time.Hour)
				if i+1 < len(p.Reminders) {
					expires = p.Reminders[i+1].Due // the next one takes its place
				}
				if !w.Expires.Equal(expires) || w.Purpose != reminder.Remind || w.Route != "sms" {
					t.Errorf("wanted %+v", w)
				}
			}
		})
	}
}

func TestCancelledWantsNothing(t *testing.T) {
	u := unit("DK", nil)
	a := appointment(local(t, u, "2026-03-12 14:30"))
	a.Status = reminder.Cancelled
	now := local(t, u, "2026-03-02 10:00")
	p, err := planner(t, u).Plan(a, now)
	if err != nil || p.Status != plan.Cancelled || p.StartTag != "" || len(p.Reminders) != 0 || !p.Notice.Due.Equal(now) {
		t.Fatalf("%+v %v", p, err)
	}
	a.Unit = "gone"
	if p, err = planner(t, u).Plan(a, now); err != nil || p.Status != plan.Cancelled || p.Notice.Route != "sms" {
		t.Errorf("a cancellation in a unit that is gone: %+v %v", p, err)
	}
}

func TestBeyondTheHorizonIsRemembered(t *testing.T) {
	u := unit("DK", nil)
	a := appointment(local(t, u, "2026-12-10 14:30"))
	pl := planner(t, u)
	p, err := pl.Plan(a, a.Start.Add(-plan.DefaultHorizon-time.Second))
	if err != nil || p.Status != plan.Remembered || len(p.Reminders) != 0 || p.StartTag == "" || p.Notice.IsZero() {
		t.Errorf("beyond: %+v %v", p, err)
	}
	if p, err = pl.Plan(a, a.Start.Add(-plan.DefaultHorizon)); err != nil || p.Status != plan.Booked || len(p.Reminders) != 2 {
		t.Errorf("within: %+v %v", p, err)
	}
}

func TestRefused(t *testing.T) {
	u := unit("DK", nil)
	now := local(t, u, "2026-03-01 10:00")
	good := appointment(local(t, u, "2026-03-12 14:30"))
	for name, c := range map[string]struct {
		change func(*reminder.Appointment)
		want   error
	}{
		"unknown unit": {func(a *reminder.Appointment) { a.Unit = "elsewhere" }, plan.ErrUnknownUnit},
		"no key":       {func(a *reminder.Appointment) { a.Key = "" }, plan.ErrIncomplete},
		"no person":    {func(a *reminder.Appointment) { a.Person = "" }, plan.ErrIncomplete},
		"no start":     {func(a *reminder.Appointment) { a.Start = time.Time{} }, plan.ErrIncomplete},
		"no status":    {func(a *reminder.Appointment) { a.Status = "" }, plan.ErrIncomplete},
	} {
		a := good
		c.change(&a)
		if _, err := planner(t, u).Plan(a, now); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
	}
	for name, o := range map[string]plan.Options{
		"no units":       {Pseudonyms: pseudonyms(t)},
		"no key":         {Units: directory{}},
		"short horizon":  {Units: directory{}, Pseudonyms: pseudonyms(t), Horizon: 30 * day},
		"negative one":   {Units: directory{}, Pseudonyms: pseudonyms(t), Horizon: -1},
		"nothing at all": {},
	} {
		if _, err := plan.New(o); err == nil {
			t.Errorf("%s: taken", name)
		}
	}
}

func TestNotice(t *testing.T) {
	for _, c := range []struct {
		name, start, now, want string
	}{
		{"inside the window: at once", "2026-03-12 14:30", "2026-03-10 10:17", "2026-03-10 10:17"},
		{"at night: when it opens", "2026-03-12 14:30", "2026-03-10 23:00", "2026-03-11 08:00"},
		{"on Saturday: Monday", "2026-03-12 14:30", "2026-03-07 12:00", "2026-03-09 08:00"},
		{"on Saturday for Monday 10: at once, inside the hours", "2026-03-09 10:00", "2026-03-07 12:00", "2026-03-07 12:00"},
		{"Friday night for Monday 10: Saturday morning", "2026-03-09 10:00", "2026-03-06 22:00", "2026-03-07 08:00"},
		{"at night for 10 o'clock: at once", "2026-03-11 10:00", "2026-03-10 23:00", "2026-03-10 23:00"},
		{"at night for 11 o'clock: when it opens", "2026-03-11 11:00", "2026-03-10 23:00", "2026-03-11 08:00"},
		{"an hour before", "2026-03-11 11:00", "2026-03-11 10:00", "2026-03-11 10:00"},
		{"past", "2026-03-11 11:00", "2026-03-11 11:00", ""},
	} {
		u := unit("DK", nil)
		a := appointment(local(t, u, c.start))
		p, err := planner(t, u).Plan(a, local(t, u, c.now))
		if err != nil {
			t.Fatal(err)
		}
		if c.want == "" {
			if !p.Notice.IsZero() {
				t.Errorf("%s: %+v", c.name, p.Notice)
			}
			continue
		}
		if !p.Notice.Due.Equal(local(t, u, c.want)) || !p.Notice.Expires.Equal(a.Start) || p.Notice.Route != "sms" {
			t.Errorf("%s: %+v, want due %s", c.name, p.Notice, c.want)
		}
	}

	u := unit("DK", nil)
	now := local(t, u, "2026-03-11 05:00")
	p, err := planner(t, u).Plan(appointment(local(t, u, "2026-03-20 10:00")), now)
	if err != nil {
		t.Fatal(err)
	}
	if n := p.Notice.Before(local(t, u, "2026-03-11 08:30"), now); !n.Due.Equal(now) {
		t.Errorf("the time told before is this morning, but the notice waits until %v", n.Due)
	}
	for _, old := range []string{"2026-03-18 08:30", "2026-03-10 08:30"} {
		if n := p.Notice.Before(local(t, u, old), now); n != p.Notice {
			t.Errorf("old start %s: %+v, want %+v", old, n, p.Notice)
		}
	}
}

func TestWindow(t *testing.T) {
	u := unit("DK", nil)
	for at, want := range map[string]string{
		"2026-03-10 08:00": "open", "2026-03-10 19:59": "open", "2026-03-10 20:00": "2026-03-11 08:00", "2026-03-10 03:00": "2026-03-10 08:00",
		"2026-03-13 21:00": "2026-03-16 08:00", "2026-04-01 20:00": "2026-04-07 08:00", "2026-03-29 01:30": "2026-03-30 08:00",
	} {
		open, next := plan.Window(u, local(t, u, at))
		got := "open"
		if !open {
			got = next.Format("2006-01-02 15:04")
		}
		if got != want {
			t.Errorf("%s: %s, want %s", at, got, want)
		}
	}
	if open, next := plan.Window(reminder.Unit{Zone: "Nowhere"}, time.Now()); open || !next.IsZero() {
		t.Error("a unit without a zone is open")
	}
}

func TestHoliday(t *testing.T) {
	for s, want := range map[string]bool{
		"DK 2026-04-02": true, "DK 2026-04-05": true, "DK 2026-05-25": true, "DK 2026-06-05": true, "DK 2026-05-01": false, "DK 2023-05-05": true, "DK 2024-04-26": false,
		"SE 2026-04-02": false, "SE 2026-06-19": true, "SE 2026-06-20": true, "SE 2026-06-06": true, "SE 2026-05-24": true, "SE 2026-10-31": true,
		"NO 2026-05-17": true, "NO 2026-05-01": true, "NO 2026-04-02": true, "NO 2026-06-06": false,
		"FI 2026-12-06": true, "FI 2026-01-06": true, "FI 2026-06-19": true, "FI 2026-05-25": false,
		"IS 2026-04-23": true, "IS 2026-06-17": true, "IS 2026-08-03": true, "IS 2026-08-10": false,
		"XX 2026-12-25": false,
	} {
		at, err := time.Parse("2006-01-02", s[3:])
		if err != nil {
			t.Fatal(err)
		}
		if got := plan.Holiday(reminder.Country(s[:2]), at); got != want {
			t.Errorf("%s: %v", s, got)
		}
	}
}

func TestPlanIsJournalledInTheClear(t *testing.T) {
	u := unit("DK", nil)
	a := appointment(local(t, u, "2026-03-12 14:30"))
	a.GivenName, a.NationalID = reminder.Mask("Anna"), reminder.NewNationalID("DK", "0101701234")
	p, err := planner(t, u).Plan(a, local(t, u, "2026-02-01 09:00"))
	if err != nil {
		t.Fatal(err)
	}
	j, err := json.Marshal(p)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range []string{"Anna", "0101701234", "A-1", "masked"} {
		if strings.Contains(string(j), s) {
			t.Errorf("the plan tells %q: %s", s, j)
		}
	}
	var back plan.Plan
	if err := json.Unmarshal(j, &back); err != nil || !reflect.DeepEqual(back, p) {
		t.Errorf("does not come back from JSON: %v\n%+v\n%+v", err, p, back)
	}
	if !p.Ends.Equal(time.Date(2026, 3, 13, 0, 0, 0, 0, time.UTC)) {
		t.Errorf("ends %v: want the end of the day", p.Ends)
	}
}

// TestProperties plans random appointments of random units and holds the plans against what the package promises.
func TestProperties(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	countries := []reminder.Country{"DK", "SE", "NO", "FI", "IS"}
	some := 0
	for i := range 4000 {
		u := unit(countries[r.IntN(len(countries))], func(u *reminder.Unit) {
			u.Deadline = []time.Duration{0, day, 2 * day, 3 * day, 30 * time.Hour}[r.IntN(5)]
			u.Window.Weekends, u.Window.Holidays = r.IntN(2) == 0, r.IntN(2) == 0
			u.Window.From = time.Duration(r.IntN(12)) * time.Hour
			u.Window.Until = u.Window.From + time.Duration(1+r.IntN(12))*time.Hour
			u.Rules[""] = nil
			for n := range r.IntN(5) {
				u.Rules[""] = append(u.Rules[""], reminder.Rule{Name: fmt.Sprint(n), Before: time.Duration(3+r.IntN(400)) * time.Hour})
			}
		})
		l, err := time.LoadLocation(u.Zone)
		if err != nil {
			t.Fatal(err)
		}
		// Around the changes of the clocks, Easter and Christmas of some years.
		base := time.Date(2025+r.IntN(12), []time.Month{3, 4, 5, 6, 10, 12}[r.IntN(6)], 1+r.IntN(31), r.IntN(24), r.IntN(60), r.IntN(60), 0, l)
		a := appointment(base)
		now := a.Start.Add(-time.Duration(r.Int64N(int64(20 * day))))
		pl := planner(t, u)
		p, err := pl.Plan(a, now)
		if err != nil {
			t.Fatal(err)
		}
		again, err := pl.Plan(a, now)
		if err != nil || !reflect.DeepEqual(p, again) {
			t.Fatalf("case %d: not idempotent:\n%+v\n%+v", i, p, again)
		}
		some += len(p.Reminders)
		for j, w := range p.Reminders {
			if open, _ := plan.Window(u, w.Due); !open {
				t.Errorf("case %d: due %v is outside the window %+v", i, w.Due.In(l), u.Window)
			}
			if !w.Due.After(now) || !w.Due.Before(w.Expires) {
				t.Errorf("case %d: due %v is not between now %v and expiry %v", i, w.Due, now, w.Expires)
			}
			if u.Deadline > 0 && !w.Due.Before(a.Start.Add(-u.Deadline)) {
				t.Errorf("case %d: due %v is after the deadline", i, w.Due)
			}
			if j > 0 && w.Due.Sub(p.Reminders[j-1].Due) < plan.MinGap {
				t.Errorf("case %d: %v follows %v too closely", i, w.Due, p.Reminders[j-1].Due)
			}
			rule := u.Rules[""][slices.IndexFunc(u.Rules[""], func(r reminder.Rule) bool { return r.Name == w.Rule })]
			if latest := a.Start.Add(-rule.Before + time.Hour); w.Due.After(latest) {
				t.Errorf("case %d: rule %v is due later than it says: %v", i, rule.Before, w.Due)
			}
		}
		later, err := pl.Plan(a, now.Add(time.Duration(r.Int64N(int64(10*day)))))
		if err != nil {
			t.Fatal(err)
		}
		for _, w := range later.Reminders {
			if !slices.Contains(p.Reminders, w) {
				t.Errorf("case %d: %+v appears only when planned later", i, w)
			}
		}
		moved := a
		moved.Start = a.Start.Add(time.Hour)
		other, err := pl.Plan(moved, now)
		if err != nil {
			t.Fatal(err)
		}
		if other.StartTag == p.StartTag {
			t.Errorf("case %d: another start, the same tag", i)
		}
		for _, w := range other.Reminders {
			if slices.ContainsFunc(p.Reminders, func(o plan.Wanted) bool { return o.ID == w.ID }) {
				t.Errorf("case %d: another start, the same reminder", i)
			}
		}
	}
	if some < 1000 {
		t.Errorf("only %d reminders were looked at", some)
	}
}

func BenchmarkPlan(b *testing.B) {
	u := unit("DK", nil)
	pl := planner(b, u)
	a := appointment(local(b, u, "2026-04-07 10:00"))
	now := local(b, u, "2026-03-01 10:00")
	b.ReportAllocs()
	for b.Loop() {
		if _, err := pl.Plan(a, now); err != nil {
			b.Fatal(err)
		}
	}
}
