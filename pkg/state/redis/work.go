package redis

import (
	"slices"
	"strconv"
	"time"

	"github.com/husk-reminders/husk/pkg/receipt"
	"github.com/husk-reminders/husk/pkg/reminder"
	"github.com/husk-reminders/husk/pkg/state"
)

// writing is what one run of entries writes.
type writing struct {
	shard  int
	at     place // as it was read
	to     state.Vector
	groups map[group][]any // for the fold script
	bars   map[barOf]bool
	on     map[string]state.Switch
	told   map[int][]any // for other shards: what the side script writes there
	counts map[receipt.Status]int
	marks  map[string]reminder.AddressHash // of claims that were settled
	strays map[string]state.Orphan         // reports that wait, or no longer do
}

func newWriting(shard int, to state.Vector) *writing {
	return &writing{
		shard: shard, to: to, groups: map[group][]any{}, bars: map[barOf]bool{}, on: map[string]state.Switch{}, told: map[int][]any{},
		counts: map[receipt.Status]int{}, marks: map[string]reminder.AddressHash{}, strays: map[string]state.Orphan{},
	}
}

// barOf is one of the bars of an address. Each kind has a set of its own, so that folding one needs to know nothing of the other.
type barOf struct {
	set     string
	address reminder.AddressHash
}

// The sets of barred addresses: of those that said STOP, and of those that a clerk or a carrier's list barred.
const (
	ownBars  = "stops"
	keptBars = "bars"
)

func (w *writing) bar(b state.Bar) {
	none, both := state.Bars(0).After(b), (state.OwnBar | state.KeptBar).After(b)
	for set, bit := range map[string]state.Bars{ownBars: state.OwnBar, keptBars: state.KeptBar} {
		if none&bit == both&bit { // whatever there was
			w.bars[barOf{set, b.Address}] = none&bit != 0
		}
	}
}

// group is what the fold script does many times in one go: a command on a key, or a work of its own without one.
type group struct{ what, key string }

func (w *writing) op(what, key string, args ...any) {
	g := group{what, key}
	w.groups[g] = append(w.groups[g], args...)
}

// args are the arguments of the fold script.
func (w *writing) args() []any {
	for status, n := range w.counts {
		if n != 0 && status != "" {
			w.op("count", "", string(status), n)
		}
	}
	for b, is := range w.bars {
		if is {
			w.op("SADD", b.set, string(b.address))
		} else {
			w.op("SREM", b.set, string(b.address))
		}
	}
	for name, s := range w.on {
		if s.On {
			w.op("HSET", "switches", name, s.Reason)
		} else {
			w.op("HDEL", "switches", name)
		}
	}
	for k, o := range w.strays {
		if o.Gone {
			w.op("HDEL", "orphans", k)
		} else {
			w.op("HSET", "orphans", k, encodeOrphan(o))
		}
	}
	n := 2
	for _, args := range w.groups {
		n += 3 + len(args)
	}
	out := append(make([]any, 0, n), w.at.text, w.at.to(w.to))
	for g, args := range w.groups {
		out = append(append(out, g.what, g.key, len(args)), args...)
	}
	return out
}

// link says whether a person is behind an address, as of seq of the stream of people.
func (w *writing) link(a reminder.AddressHash, p reminder.PersonKey, seq uint64, is bool) {
	there := ""
	if is {
		there = "1"
	}
	w.told[a.Shard()] = append(w.told[a.Shard()], "link", string(a), string(p), seq, there)
}

// hold says how a person holds an appointment, as of seq of the journal; nil = not any more.
func (w *writing) hold(a reminder.AppointmentKey, p reminder.PersonKey, seq uint64, h *holding) {
	text := ""
	if h != nil {
		text = h.text()
	}
	shard := homeOf(a)
	w.told[shard] = append(w.told[shard], "hold", string(a), string(p), seq, text)
}

// homeOf is the shard that knows who holds an appointment; its key has the form of an address's hash.
func homeOf(a reminder.AppointmentKey) int { return reminder.AddressHash(a).Shard() }

// stamp orders the writings of a shard: the vector only grows.
func stamp(v state.Vector) uint64 { return v[state.Stop] + v[state.People] + v[state.Journal] }

// work is one person at work: what was stored, and what it becomes.
type work struct {
	person  *state.Person
	has     part
	born    bool                          // nothing was stored of it
	linked  bool                          // there was word of an address
	hashes  map[reminder.AddressHash]bool // addresses that there is or was word of
	held    map[reminder.AppointmentKey]version
	was     map[reminder.ID]stood
	next    [len(state.Agendas)]time.Time
	touched map[reminder.ID]bool
	people  uint64 // the last sequence of each stream that was applied
	journal uint64
}

// version is what an appointment was.
type version struct {
	holding
	n uint64
}

// stood is where a reminder stood.
type stood struct {
	status   receipt.Status
	route    string // "" = not waiting
	claim    string // "" = no attempt is open
	attempts []state.Attempt
	named    [][]state.Name // what carriers called them
}

func standing(r *state.Reminder) stood {
	s := stood{status: r.Status, attempts: r.Attempts, named: make([][]state.Name, len(r.Attempts))}
	for i := range r.Attempts {
		s.named[i] = r.Attempts[i].Names()
	}
	if r.Pending() {
		s.route = r.Route
	}
	if r.Status == receipt.Intended {
		s.claim = r.Attempts[len(r.Attempts)-1].Claim
	}
	return s
}

func begin(k reminder.PersonKey, has part, texts [2]string) (*work, error) {
	x := &work{person: &state.Person{Key: k}, has: has, touched: map[reminder.ID]bool{}}
	x.born = texts[0] == "" && texts[1] == ""
	if err := decodeHead(texts[0], x.person); err != nil {
		return nil, err
	}
	if err := decodeRest(texts[1], x.person); err != nil {
		return nil, err
	}
	x.held = make(map[reminder.AppointmentKey]version, len(x.person.Appointments))
	for key, a := range x.person.Appointments {
		x.held[key] = version{holdingOf(a), a.Version}
	}
	x.was = make(map[reminder.ID]stood, len(x.person.Reminders))
	for id, r := range x.person.Reminders {
		x.was[id] = standing(r)
	}
	x.hashes = map[reminder.AddressHash]bool{}
	for _, c := range x.person.Contact {
		x.hashes[c.Hash] = true
	}
	for i, a := range state.Agendas {
		x.next[i] = x.person.Next(a)
	}
	return x, nil
}

func addressesOf(p *state.Person) map[reminder.AddressHash]bool {
	out := map[reminder.AddressHash]bool{}
	for _, a := range p.Addresses() {
		out[a] = true
	}
	return out
}

func (x *work) apply(c state.Change) {
	for _, id := range x.person.Apply(c) {
		x.touched[id] = true
	}
	x.linked = x.linked || state.MovesAddresses(c)
	if b, ok := c.Body.(state.Contact); ok {
		x.hashes[b.Hash] = true
	}
	switch c.Stream {
	case state.People:
		x.people = max(x.people, c.Seq)
	case state.Journal:
		x.journal = max(x.journal, c.Seq)
	}
}

// write adds what has become of the person.
func (x *work) write(w *writing) {
	k := string(x.person.Key)
	if x.has&head != 0 {
		w.op("HSET", "heads", k, encodeHead(x.person))
	} else if x.born {
		w.op("born", "", k, encodeHead(x.person))
	}
	if x.has&body != 0 {
		w.op("HSET", "persons", k, encodeRest(x.person))
	}
	if x.linked {
		// Of every address, not only of those that changed: one that came and went in this run may be said to be there by a
		// projector that was held up between the two.
		now := addressesOf(x.person)
		for a := range x.hashes {
			w.link(a, x.person.Key, x.people, now[a])
		}
	}
	x.writeHeld(w)
	x.writeReminders(w)
	x.writeAgendas(w)
}

// writeHeld tells of the appointments that changed, and voids the leases under plans that moved.
func (x *work) writeHeld(w *writing) {
	for key, a := range x.person.Appointments {
		was, there := x.held[key]
		if there && was.n != a.Version {
			for id, r := range x.person.Reminders {
				if r.Appointment == key {
					w.op("moved", "", string(x.person.Key), string(id))
				}
			}
		}
		if now := holdingOf(a); !there || now != was.holding {
			w.hold(key, x.person.Key, x.journal, &now)
		}
	}
	for key := range x.held {
		if x.person.Appointments[key] == nil {
			w.hold(key, x.person.Key, x.journal, nil)
		}
	}
}

// writeAgendas brings the agendas in line.
func (x *work) writeAgendas(w *writing) {
	if x.has&body == 0 {
		return
	}
	for i, a := range state.Agendas {
		switch at := x.person.Next(a); {
		case at.Equal(x.next[i]):
		case at.IsZero():
			w.op("ZREM", "agenda:"+string(a), pack(string(x.person.Key)))
		default:
			w.op("ZADD", "agenda:"+string(a), due(at), pack(string(x.person.Key)))
		}
	}
}

// writeReminders brings the counts, the due sets and the open attempts in line with the reminders that were touched.
func (x *work) writeReminders(w *writing) {
	k := string(x.person.Key)
	for id := range x.touched {
		was := x.was[id]
		var now stood
		r := x.person.Reminders[id]
		score := ""
		if r != nil {
			now, score = standing(r), strconv.FormatInt(due(r.At()), 10)
		}
		if was.status != now.status {
			w.counts[was.status]--
			w.counts[now.status]++
		}
		w.op("due", "", k, string(id), was.route, now.route, score)
		if r == nil {
			for _, t := range was.attempts {
				if c := packClaim(t.Claim); c != "" {
					w.op("HDEL", "claims", c)
				}
				for _, n := range t.Names() {
					w.op("HDEL", "named", n.Key())
				}
			}
		} else {
			for _, t := range r.Attempts[len(was.attempts):] {
				if c := packClaim(t.Claim); c != "" {
					w.op("HSET", "claims", c, pack(k))
				}
			}
			x.writeNames(w, r, was)
		}
		if was.claim == now.claim {
			continue
		}
		if was.claim != "" {
			w.op("HDEL", "open", was.claim)
			w.marks[was.claim] = addressOf(r, was.claim)
		}
		if now.claim != "" {
			t := r.Attempts[len(r.Attempts)-1]
			w.op("open", "", now.claim, t.Version, attemptOf(x.person.Key, id, t.Attempt))
		}
	}
}

// writeNames notes what carriers call those attempts of a reminder that had no such name before.
func (x *work) writeNames(w *writing, r *state.Reminder, was stood) {
	for i := range r.Attempts {
		names := r.Attempts[i].Names()
		if i < len(was.named) && slices.Equal(was.named[i], names) {
			continue
		}
		if c := packClaim(r.Attempts[i].Claim); c != "" {
			for _, n := range names {
				w.op("HSET", "named", n.Key(), c)
			}
		}
	}
}

// orphan keeps a report that waits, or lets it go.
func (w *writing) orphan(o state.Orphan) {
	k := o.Key()
	w.strays[k] = o
}

// addressOf is where a claim's attempt went to.
func addressOf(r *state.Reminder, claim string) reminder.AddressHash {
	if r != nil {
		for _, t := range r.Attempts {
			if t.Claim == claim {
				return t.Address
			}
		}
	}
	return ""
}

// due is a due time as a score: milliseconds, never before the time.
func due(t time.Time) int64 {
	ms := t.UnixMilli()
	if t.After(time.UnixMilli(ms)) {
		ms++
	}
	return ms
}
