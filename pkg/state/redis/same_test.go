package redis_test

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/husk-reminders/husk/pkg/consent"
	"github.com/husk-reminders/husk/pkg/contact"
	"github.com/husk-reminders/husk/pkg/plan"
	"github.com/husk-reminders/husk/pkg/policy"
	"github.com/husk-reminders/husk/pkg/receipt"
	"github.com/husk-reminders/husk/pkg/reminder"
	"github.com/husk-reminders/husk/pkg/state"
	"github.com/husk-reminders/husk/pkg/state/memory"
)

// history is a made-up journal, shard by shard, and the state in memory that is its fold.
type history struct {
	*testing.T
	*rand.Rand
	model  *memory.State
	shards [reminder.Shards][]state.Change
	at     [reminder.Shards]state.Vector
	seq    state.Vector
	order  uint64
	holder map[int]reminder.PersonKey
	day    int
}

const (
	citizens = 24
	visits   = 30
	numbers  = 10
)

func (h *history) add(shard int, p reminder.PersonKey, bodies ...any) {
	for _, b := range bodies {
		cs, to := changes(h.seq, p, b)
		h.seq = to
		cs[0].At = noon.Add(time.Duration(to[state.Journal]) * time.Second)
		h.shards[shard] = append(h.shards[shard], cs[0])
		next := h.at[shard]
		next[cs[0].Stream] = cs[0].Seq
		if err := h.model.Fold(h.Context(), state.Run{Shard: shard, From: h.at[shard], To: next, Changes: cs})[0]; err != nil {
			h.Fatal(err)
		}
		h.at[shard] = next
	}
}

// addErased says that a person was erased, in both streams.
func (h *history) addErased(p reminder.PersonKey, at time.Time) {
	for _, stream := range []state.Stream{state.People, state.Journal} {
		h.seq[stream]++
		c := state.Change{Stream: stream, Seq: h.seq[stream], At: at, Person: p, Body: state.Erased{At: at}}
		shard := p.Shard()
		h.shards[shard] = append(h.shards[shard], c)
		next := h.at[shard]
		next[stream] = c.Seq
		if err := h.model.Fold(h.Context(), state.Run{Shard: shard, From: h.at[shard], To: next, Changes: []state.Change{c}})[0]; err != nil {
			h.Fatal(err)
		}
		h.at[shard] = next
	}
}

func (h *history) book() {
	n, p := h.IntN(visits), key(1+h.IntN(citizens))
	a := appointment(n)
	h.order++
	if old := h.holder[n]; old != "" && old != p {
		if h.IntN(3) > 0 {
			p = old // most stay with whom they are
		} else if h.IntN(4) > 0 { // else two processes took in two events at once
			h.add(old.Shard(), old, state.Owned{Appointment: a, Order: reminder.Order{Sequence: h.order}})
		}
	}
	h.holder[n] = p
	start := noon.AddDate(0, 0, h.day+3+h.IntN(5)).Add(time.Duration(h.IntN(1e9)))
	tag := start.Format(time.DateOnly)
	x := state.Planned{
		System: fmt.Sprint("system", h.IntN(2)), Sealed: fmt.Append(nil, "sealed ", h.order), Protected: h.IntN(9) == 0, Deceased: h.IntN(20) == 0,
		Plan: plan.Plan{
			Appointment: a, Person: p, Order: reminder.Order{Sequence: h.order}, Status: plan.Booked, StartTag: tag, PlannedAt: noon.AddDate(0, 0, h.day),
			Notice: plan.Notice{Due: noon.AddDate(0, 0, h.day), Expires: start, Route: "sms"}, Ends: start.Truncate(24*time.Hour).AddDate(0, 0, 1),
		},
	}
	switch h.IntN(6) {
	case 0:
		x.Plan.Status, x.Plan.StartTag = plan.Cancelled, ""
	case 1:
		x.Plan.Status = plan.Remembered
	default:
		for _, rule := range []string{"48h", "24h"}[:1+h.IntN(2)] {
			x.Plan.Reminders = append(x.Plan.Reminders, plan.Wanted{
				ID: reminder.ID(fmt.Sprintf("%s/%s/%s", a, rule, tag)), Rule: rule, Purpose: reminder.Remind, Due: start.Add(-48 * time.Hour), Expires: start,
				Route: []string{"sms", "email", "a route"}[h.IntN(3)],
			})
		}
	}
	h.add(p.Shard(), p, x)
}

// try makes, settles or judges an attempt of somebody's reminder, or of none.
func (h *history) try() {
	p := key(1 + h.IntN(citizens))
	var bodies []any
	_ = h.model.View(h.Context(), p, func(x *state.Person) error {
		ids := slices.Sorted(maps.Keys(x.Reminders))
		if h.IntN(6) > 0 { // mostly of those that something may become of
			ids = slices.DeleteFunc(ids, func(id reminder.ID) bool {
				return x.Reminders[id].Status != receipt.Planned && x.Reminders[id].Status != receipt.Intended
			})
		}
		if len(ids) == 0 {
			return nil
		}
		id := ids[h.IntN(len(ids))]
		r := x.Reminders[id]
		version := x.Appointments[r.Appointment].Version
		if n := len(r.Attempts); n > 0 && h.IntN(3) > 0 {
			t := r.Attempts[n-1]
			statuses := []receipt.Status{receipt.Accepted, receipt.Refused, receipt.Refused, receipt.NotBegun, receipt.NotBegun, receipt.Unknown, receipt.Rejected}
			o := receipt.Outcome{Reminder: id, Person: p, Attempt: t.Attempt, Claim: t.Claim, Status: statuses[h.IntN(len(statuses))], Code: "code"}
			if o.Status == receipt.Accepted {
				o.Carrier, o.CarrierID = "smpp", "id-"+t.Claim
			}
			if h.IntN(2) == 0 {
				o.Retry = noon.AddDate(0, 0, h.day+10)
			}
			bodies = append(bodies, o)
			if h.IntN(2) == 0 {
				bodies = append(bodies, receipt.Report{Claim: t.Claim, Person: p, Status: receipt.Delivered})
			}
			return nil
		}
		switch h.IntN(6) {
		case 0:
			bodies = append(bodies, receipt.Verdict{Reminder: id, Person: p, Version: version, Status: receipt.Held, Findings: []reminder.Finding{{Kind: "digits", Part: "text", Offset: 3}}})
		case 1:
			bodies = append(bodies, receipt.Verdict{Reminder: id, Person: p, Status: receipt.Expired})
		case 2:
			bodies = append(bodies, receipt.Preview{Reminder: id, Person: p, Version: version, Late: true, Reason: "barred"})
		default:
			bodies = append(bodies, receipt.Intent{
				Reminder: id, Person: p, Attempt: r.NextAttempt(), Claim: reminder.NewClaim(p), Version: version, Address: hash(h.IntN(numbers)), Route: r.Route,
				Decision: receipt.Decision{Basis: "consent", Pack: "dk-2019"},
			})
		}
		return nil
	})
	h.add(p.Shard(), p, bodies...)
}

func (h *history) say(n int) {
	p := key(1 + h.IntN(citizens))
	at := noon.Add(time.Duration(n) * time.Second)
	switch h.IntN(4) {
	case 0:
		if h.IntN(6) == 0 {
			h.addErased(p, at)
			return
		}
		if q := key(1 + h.IntN(citizens)); h.IntN(6) == 0 && q != p {
			h.add(p.Shard(), p, state.Merged{Into: q, At: at})
			h.add(q.Shard(), q, state.Merged{From: p, At: at})
			return
		}
		h.add(p.Shard(), p, consent.Record{
			ID: fmt.Sprint(n), Person: p, Type: consent.Granted, Purposes: []reminder.Purpose{reminder.Remind}, Scope: consent.Scope{Kind: policy.ControllerScope}, EventTime: at, Recorded: at,
		})
	case 1:
		kinds := []contact.Type{contact.Wrong, contact.Removed, contact.Failed}
		h.add(p.Shard(), p, state.Contact{Record: contact.Record{
			ID: fmt.Sprint(n), Person: p, Type: kinds[h.IntN(len(kinds))], Hash: hash(h.IntN(numbers)), Channel: reminder.SMS, EventTime: at, Recorded: at,
		}})
	default:
		h.add(p.Shard(), p, number(fmt.Sprint(n), p, hash(h.IntN(numbers)), at))
	}
}

func newHistory(t *testing.T, seed uint64, entries int) *history {
	t.Helper()
	h := &history{T: t, Rand: rand.New(rand.NewPCG(seed, 1)), model: memory.New(), holder: map[int]reminder.PersonKey{}}
	for n := range entries {
		switch k := h.IntN(20); {
		case k < 4:
			h.book()
		case k < 15:
			h.try()
			h.try()
		case k < 18:
			h.say(n)
		case k < 19:
			o := state.Orphan{Report: receipt.Report{Carrier: "smpp", CarrierID: fmt.Sprint(h.IntN(9)), Status: receipt.Delivered}, Gone: h.IntN(3) == 0}
			h.add(o.Shard(), "", o)
			a := hash(h.IntN(numbers))
			vias := []string{"outbox", state.ViaStaff, state.ViaList + "outbox"}
			h.add(a.Shard(), "", state.Bar{Address: a, Lifted: h.IntN(2) == 0, Via: vias[h.IntN(len(vias))]})
			h.add(0, "", state.Switch{Name: fmt.Sprint("unit:", h.IntN(3)), On: h.IntN(2) == 0, Reason: "why"})
		default:
			h.day++
			shard := 1 + h.IntN(citizens)
			h.add(shard, "", state.Trim{Before: noon.AddDate(0, 0, h.day-4)})
			h.add(shard, key(shard), nil)
		}
	}
	return h
}

// foldRacing folds a history by several projectors at once, each with batches of its own.
func foldRacing(h *history, ps ...state.State) (stale int) {
	var mu sync.Mutex
	var wg sync.WaitGroup
	for who, s := range ps {
		rnd := rand.New(rand.NewPCG(uint64(who), 2))
		wg.Go(func() {
			for _, shard := range rnd.Perm(reminder.Shards) {
				for !h.Failed() {
					from, err := s.Applied(h.Context(), shard)
					if err != nil {
						h.Error(err)
						return
					}
					if from == h.at[shard] {
						break
					}
					to := from
					cs := h.shards[shard]
					for k, n := 0, 1+rnd.IntN(12); k < len(cs) && n > 0; k++ { // with some that are folded already before them
						if c := cs[k]; c.Seq > from[c.Stream] {
							to[c.Stream] = c.Seq
							n--
						}
					}
					end := 0
					for k, c := range cs {
						if c.Seq <= to[c.Stream] {
							end = k + 1
						}
					}
					err = s.Fold(h.Context(), state.Run{Shard: shard, From: from, To: to, Changes: cs[:end]})[0]
					if errors.Is(err, state.ErrStale) {
						mu.Lock()
						stale++
						mu.Unlock()
					} else if err != nil {
						h.Error(err)
						return
					}
				}
			}
		})
	}
	wg.Wait()
	return stale
}

// view is everything that can be asked of a fold.
type view struct {
	Persons      map[reminder.PersonKey]string
	Counts       map[receipt.Status]int
	Behind       []state.Address
	Appointments []string
	Opens        []receipt.Open
	Pending      []state.Pending
	Switches     map[string]string
	Claimants    map[string]reminder.PersonKey
	Named        [][]string
	Orphans      []string
	Agendas      map[string][]reminder.PersonKey
}

func look(t *testing.T, s state.State) view {
	t.Helper()
	ctx := t.Context()
	v := view{Persons: map[reminder.PersonKey]string{}}
	var claims []string
	if err := s.Each(ctx, func(p *state.Person) error {
		b, err := json.Marshal(p)
		v.Persons[p.Key] = string(b)
		for _, r := range p.Reminders {
			for _, t := range r.Attempts {
				claims = append(claims, t.Claim)
			}
		}
		return err
	}); err != nil {
		t.Fatal(err)
	}
	v.Counts = must(s.Counts(ctx))(t)
	maps.DeleteFunc(v.Counts, func(_ receipt.Status, n int) bool { return n == 0 })
	var hs []reminder.AddressHash
	for n := range numbers {
		hs = append(hs, hash(n))
	}
	v.Behind = must(s.Behind(ctx, hs))(t)
	var as []reminder.AppointmentKey
	for n := range visits {
		as = append(as, appointment(n))
	}
	for _, h := range must(s.Appointments(ctx, as))(t) {
		slices.Sort(h.Others)
		if h.Status != state.Taken { // whose it was last, nobody asks
			v.Appointments = append(v.Appointments, fmt.Sprint(h))
		}
	}
	v.Opens = must(s.Opens(ctx, noon.AddDate(9, 0, 0)))(t)
	slices.SortFunc(v.Opens, func(a, b receipt.Open) int { return cmp.Compare(a.Claim, b.Claim) })
	for day := range 40 {
		p := must(s.Pending(ctx, noon.AddDate(0, 0, day)))(t)
		p.Next = time.UnixMilli(due(p.Next)).UTC()
		v.Pending = append(v.Pending, p)
	}
	v.Switches = must(s.Switches(ctx))(t)
	v.Claimants = map[string]reminder.PersonKey{}
	for i, p := range must(s.Claimants(ctx, claims))(t) {
		v.Claimants[claims[i]] = p
	}
	slices.Sort(claims)
	names := make([]state.Name, len(claims))
	for n, c := range claims {
		names[n] = state.Name{Carrier: "smpp", ID: "id-" + c}
	}
	v.Named = must(s.Named(ctx, names))(t)
	for _, o := range must(s.Orphans(ctx))(t) {
		v.Orphans = append(v.Orphans, fmt.Sprint(o.Key(), o.Since.Unix()))
	}
	slices.Sort(v.Orphans)
	v.Agendas = map[string][]reminder.PersonKey{}
	for _, a := range state.Agendas {
		for _, until := range []time.Time{noon.Add(-time.Hour), noon.AddDate(0, 0, 8), noon.AddDate(0, 0, 16), {}} {
			name := fmt.Sprint(a, until)
			if err := s.Agenda(ctx, a, until, func(p *state.Person) error {
				v.Agendas[name] = append(v.Agendas[name], p.Key)
				return nil
			}); err != nil {
				t.Fatal(err)
			}
			slices.Sort(v.Agendas[name])
		}
	}
	return v
}

func due(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.Add(time.Millisecond - 1).UnixMilli()
}

// TestSameAsMemory folds made-up journals by two projectors at once, and finds what one that is alone makes of them in
// memory, entry by entry.
func TestSameAsMemory(t *testing.T) {
	stale, shared := 0, 0
	for seed := range uint64(4) {
		h := newHistory(t, seed, 500)
		if err := h.model.Certify(t.Context(), time.Hour); err != nil {
			t.Fatal(err)
		}
		a, b := pair(t)
		stale += foldRacing(h, a, b)
		if err := a.Certify(t.Context(), time.Hour); err != nil {
			t.Fatal(err)
		}
		same(t, look(t, h.model), look(t, b))
		if v := look(t, b); len(v.Opens) == 0 || len(v.Counts) < 5 || !strings.Contains(fmt.Sprint(v.Persons), `"status":"planned","since"`) || !strings.Contains(fmt.Sprint(v.Persons), `"retry"`) {
			t.Errorf("seed %d proves little: %v", seed, v.Counts)
		} else if len(v.Orphans) == 0 || !slices.ContainsFunc(v.Named, func(claims []string) bool { return len(claims) > 0 }) {
			t.Errorf("seed %d proves little: %v, %v", seed, v.Orphans, v.Named)
		} else if len(v.Claimants) == 0 || len(v.Agendas) < 6 {
			t.Errorf("seed %d proves little: %d claims, agendas %v", seed, len(v.Claimants), v.Agendas)
		} else if strings.Contains(fmt.Sprint(v.Appointments), "[1-") {
			shared++
		}
	}
	if stale == 0 {
		t.Error("the projectors never met")
	}
	if shared == 0 {
		t.Error("nobody shared an appointment")
	}
	t.Logf("%d times another had folded", stale)
}

func same(t *testing.T, want, got view) {
	t.Helper()
	for k, p := range want.Persons {
		if got.Persons[k] != p {
			t.Errorf("person\n%s\nwant\n%s", got.Persons[k], p)
			break
		}
	}
	got.Persons, want.Persons = nil, nil
	if len(got.Switches) == 0 && len(want.Switches) == 0 {
		got.Switches, want.Switches = nil, nil
	}
	v, w := reflect.ValueOf(got), reflect.ValueOf(want)
	for i := range v.NumField() {
		if !reflect.DeepEqual(v.Field(i).Interface(), w.Field(i).Interface()) {
			t.Errorf("%s\n%+v\nwant\n%+v", v.Type().Field(i).Name, v.Field(i), w.Field(i))
		}
	}
}
