package consent_test

import (
	"encoding/json"
	"errors"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/husk-reminders/husk/pkg/consent"
	"github.com/husk-reminders/husk/pkg/policy"
	"github.com/husk-reminders/husk/pkg/reminder"
)

const person = reminder.PersonKey("1-0123456789abcdef0123456789abcdef")

var (
	day0  = time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC)
	unit  = reminder.Unit{ID: "rh-ortho", Hospital: "rh"}
	adult = reminder.Date{Year: 1970, Month: 1, Day: 1}
	child = reminder.Date{Year: 2011, Month: 3, Day: 20} // 15 on day 19
)

func day(n int) time.Time { return day0.AddDate(0, 0, n) }

func pack() policy.Pack {
	return policy.Pack{
		ID: "xx", Scope: policy.ControllerScope, GuardianUntilAge: 15, Channels: reminder.Channels,
		Basis: map[reminder.Purpose]policy.Basis{
			reminder.Remind: policy.Consent, reminder.Changed: policy.Consent, reminder.Cancel: policy.Consent,
		},
	}
}

func reserved() policy.Pack {
	p := pack()
	p.Basis = map[reminder.Purpose]policy.Basis{reminder.Remind: policy.Reservation}
	return p
}

func query() consent.Query {
	return consent.Query{Purpose: reminder.Remind, Channel: reminder.SMS, Unit: unit, BirthDate: adult, Pack: pack()}
}

// rec is a record said on one day and taken down on another.
func rec(id string, t consent.Type, said, recorded int, change ...func(*consent.Record)) consent.Record {
	r := consent.Record{
		ID: id, Person: person, Type: t,
		Purposes: []reminder.Purpose{reminder.Remind}, Channels: []reminder.Channel{reminder.SMS},
		Scope:  consent.Scope{Kind: policy.ControllerScope},
		Notice: consent.Notice{ID: "da/notice@1", Hash: strings.Repeat("ab", 32), Language: "da"},
		Method: consent.Desk, Actor: consent.Actor{Kind: consent.Self}, EventTime: day(said), Recorded: day(recorded),
	}
	for _, c := range change {
		c(&r)
	}
	return r
}

func by(k consent.ActorKind) func(*consent.Record) {
	return func(r *consent.Record) { r.Actor.Kind = k }
}
func how(m consent.Method) func(*consent.Record) { return func(r *consent.Record) { r.Method = m } }
func about(ps ...reminder.Purpose) func(*consent.Record) {
	return func(r *consent.Record) { r.Purposes = ps }
}
func on(cs ...reminder.Channel) func(*consent.Record) {
	return func(r *consent.Record) { r.Channels = cs }
}
func scope(k policy.Scope, ref string) func(*consent.Record) {
	return func(r *consent.Record) { r.Scope = consent.Scope{Kind: k, Ref: ref} }
}
func until(n int) func(*consent.Record) {
	return func(r *consent.Record) { r.ValidUntil = day(n) }
}

const (
	granted, noticed   = consent.Granted, consent.Noticed
	refused, withdrawn = consent.Refused, consent.Withdrawn
)

func TestFold(t *testing.T) {
	asks := func(change ...func(*consent.Query)) consent.Query {
		q := query()
		for _, c := range change {
			c(&q)
		}
		return q
	}
	born := func(d reminder.Date) func(*consent.Query) { return func(q *consent.Query) { q.BirthDate = d } }
	purpose := func(p reminder.Purpose) func(*consent.Query) { return func(q *consent.Query) { q.Purpose = p } }
	channel := func(c reminder.Channel) func(*consent.Query) { return func(q *consent.Query) { q.Channel = c } }
	with := func(p policy.Pack) func(*consent.Query) { return func(q *consent.Query) { q.Pack = p } }
	perUnit := pack()
	perUnit.Scope = policy.UnitScope

	type records = []consent.Record
	for name, c := range map[string]struct {
		records records
		query   consent.Query
		want    consent.Kind
		decided string
	}{
		"nothing":                {nil, asks(), consent.None, ""},
		"granted":                {records{rec("a", granted, 0, 0)}, asks(), consent.Yes, "a"},
		"granted by staff":       {records{rec("a", granted, 0, 0, by(consent.Staff))}, asks(), consent.Yes, "a"},
		"granted by register":    {records{rec("a", granted, 0, 0, by(consent.Registry), how(consent.NemSMS))}, asks(), consent.Yes, "a"},
		"granted in the future":  {records{rec("a", granted, 10, 11)}, asks(), consent.None, ""},
		"other channel":          {records{rec("a", granted, 0, 0)}, asks(channel(reminder.Email)), consent.None, ""},
		"other purpose":          {records{rec("a", granted, 0, 0, about(reminder.Changed))}, asks(), consent.None, ""},
		"a purpose without":      {records{rec("a", granted, 0, 0, about(reminder.Verify))}, asks(purpose(reminder.Verify)), consent.None, ""},
		"reminder covers change": {records{rec("a", granted, 0, 0)}, asks(purpose(reminder.Changed)), consent.Yes, "a"},
		"reminder covers cancel": {records{rec("a", granted, 0, 0)}, asks(purpose(reminder.Cancel)), consent.Yes, "a"},
		"named: to the letter":   {records{rec("a", granted, 0, 0, about(reminder.Remind, reminder.Cancel))}, asks(purpose(reminder.Changed)), consent.None, ""},
		"named: and given":       {records{rec("a", granted, 0, 0, about(reminder.Remind, reminder.Cancel))}, asks(purpose(reminder.Cancel)), consent.Yes, "a"},

		"unknown method":    {records{rec("a", granted, 0, 0, how(consent.Unknown))}, asks(), consent.None, ""},
		"imported":          {records{rec("a", granted, 0, 0, how(consent.Imported))}, asks(), consent.None, ""},
		"pre-ticked":        {records{rec("a", granted, 0, 0, how(consent.PreTicked))}, asks(), consent.None, ""},
		"yes by SMS":        {records{rec("a", granted, 0, 0, how(consent.SMS))}, asks(), consent.None, ""},
		"no such method":    {records{rec("a", granted, 0, 0, how("fax"))}, asks(), consent.None, ""},
		"without a notice":  {records{rec("a", granted, 0, 0, func(r *consent.Record) { r.Notice.Hash = "" })}, asks(), consent.None, ""},
		"said after noting": {records{rec("a", granted, 1, 0)}, asks(), consent.None, ""},

		"refused":               {records{rec("a", refused, 0, 0)}, asks(), consent.No, "a"},
		"withdrawn":             {records{rec("a", granted, 0, 0), rec("b", withdrawn, 1, 1)}, asks(), consent.Revoked, "b"},
		"withdrawn elsewhere":   {records{rec("a", granted, 0, 0), rec("b", withdrawn, 1, 1, scope(policy.UnitScope, "rh-eye"))}, asks(), consent.Yes, "a"},
		"withdrawn here":        {records{rec("a", granted, 0, 0), rec("b", withdrawn, 1, 1, scope(policy.UnitScope, "rh-ortho"))}, asks(), consent.Revoked, "b"},
		"withdrawn at hospital": {records{rec("a", granted, 0, 0), rec("b", withdrawn, 1, 1, scope(policy.HospitalScope, "rh"))}, asks(), consent.Revoked, "b"},
		"withdrawn altogether":  {records{rec("a", granted, 0, 0), rec("b", withdrawn, 1, 1, about(), on())}, asks(), consent.Revoked, "b"},
		"withdrawn for notices": {records{rec("a", granted, 0, 0), rec("b", withdrawn, 1, 1, about(reminder.Changed))}, asks(), consent.Yes, "a"},
		"no to reminders is no to notices": {records{rec("a", granted, 0, 0, about(reminder.Remind, reminder.Changed)),
			rec("b", withdrawn, 1, 1, about(reminder.Remind, reminder.Cancel))}, asks(purpose(reminder.Changed)), consent.Revoked, "b"},
		"malformed no counts for all": {records{rec("a", granted, 0, 0),
			rec("b", withdrawn, 1, 1, about("nonsense"), on("fax"), scope("world", ""))}, asks(), consent.Revoked, "b"},
		"no such type is a no":          {records{rec("a", granted, 0, 0), rec("b", "perhaps", 1, 1)}, asks(), consent.Revoked, "b"},
		"withdrawn in the same instant": {records{rec("z", granted, 1, 1), rec("a", withdrawn, 0, 1)}, asks(), consent.Revoked, "a"},

		"granted again":                  {records{rec("a", withdrawn, 1, 1), rec("b", granted, 2, 2)}, asks(), consent.Yes, "b"},
		"given earlier, recorded later":  {records{rec("a", withdrawn, 1, 1), rec("b", granted, 0, 2)}, asks(), consent.Revoked, "a"},
		"given at the same time":         {records{rec("a", withdrawn, 1, 1), rec("b", granted, 1, 2)}, asks(), consent.Revoked, "a"},
		"withdrawal said before a grant": {records{rec("a", granted, 1, 1), rec("b", withdrawn, 0, 2)}, asks(), consent.Revoked, "b"},
		"the latest no is what counts": {records{rec("a", withdrawn, 2, 2), rec("b", withdrawn, 0, 3), rec("c", granted, 1, 4)},
			asks(), consent.Revoked, "b"},

		"expired":               {records{rec("a", granted, 0, 0, until(3))}, asks(), consent.Expired, "a"},
		"not yet expired":       {records{rec("a", granted, 0, 0, until(6))}, asks(), consent.Yes, "a"},
		"expires at the moment": {records{rec("a", granted, 0, 0, until(5))}, asks(), consent.Expired, "a"},
		"the newest has ended":  {records{rec("a", granted, 0, 0), rec("b", granted, 1, 1, until(3))}, asks(), consent.Expired, "b"},

		"too wide":       {records{rec("a", granted, 0, 0)}, asks(with(perUnit)), consent.None, ""},
		"for the unit":   {records{rec("a", granted, 0, 0, scope(policy.UnitScope, "rh-ortho"))}, asks(with(perUnit)), consent.Yes, "a"},
		"for a hospital": {records{rec("a", granted, 0, 0, scope(policy.HospitalScope, "rh"))}, asks(), consent.Yes, "a"},
		"for another":    {records{rec("a", granted, 0, 0, scope(policy.HospitalScope, "ouh"))}, asks(), consent.None, ""},

		"minor alone":              {records{rec("a", granted, 0, 0)}, asks(born(child)), consent.None, ""},
		"minor, by staff":          {records{rec("a", granted, 0, 0, by(consent.Staff))}, asks(born(child)), consent.None, ""},
		"minor with guardian":      {records{rec("a", granted, 0, 0, by(consent.Guardian))}, asks(born(child)), consent.Yes, "a"},
		"minor says no":            {records{rec("a", granted, 0, 0, by(consent.Guardian)), rec("b", withdrawn, 1, 1)}, asks(born(child)), consent.Revoked, "b"},
		"guardian of an adult":     {records{rec("a", granted, 0, 0, by(consent.Guardian))}, asks(), consent.Expired, "a"},
		"guardian after the self":  {records{rec("a", granted, 0, 0), rec("b", granted, 1, 1, by(consent.Guardian))}, asks(), consent.Yes, "a"},
		"unknown age":              {records{rec("a", granted, 0, 0)}, asks(born(reminder.Date{})), consent.None, ""},
		"unknown age and guardian": {records{rec("a", granted, 0, 0, by(consent.Guardian))}, asks(born(reminder.Date{})), consent.None, ""},

		"told":                   {records{rec("a", noticed, 0, 0, by(consent.Staff))}, asks(with(reserved())), consent.Yes, "a"},
		"told is not asked":      {records{rec("a", noticed, 0, 0, by(consent.Staff))}, asks(), consent.None, ""},
		"not told":               {nil, asks(with(reserved())), consent.None, ""},
		"told, and objected":     {records{rec("a", noticed, 0, 0), rec("b", withdrawn, 1, 1)}, asks(with(reserved())), consent.Revoked, "b"},
		"told again":             {records{rec("a", withdrawn, 0, 0), rec("b", noticed, 1, 1)}, asks(with(reserved())), consent.Revoked, "a"},
		"asked after objecting":  {records{rec("a", withdrawn, 0, 0), rec("b", granted, 1, 1)}, asks(with(reserved())), consent.Yes, "b"},
		"a minor was told":       {records{rec("a", noticed, 0, 0)}, asks(with(reserved()), born(child)), consent.None, ""},
		"told, imported":         {records{rec("a", noticed, 0, 0, how(consent.Imported))}, asks(with(reserved())), consent.None, ""},
		"no basis for a purpose": {records{rec("a", granted, 0, 0)}, asks(with(reserved()), purpose(reminder.Changed)), consent.None, ""},
	} {
		t.Run(name, func(t *testing.T) {
			s := consent.Fold(c.records, c.query, day(5))
			if s.Kind != c.want || s.Record != c.decided || s.Allows() != (c.want == consent.Yes) {
				t.Errorf("got %s by %q, want %s by %q", s.Kind, s.Record, c.want, c.decided)
			}
			if (s.Basis != "") != s.Allows() {
				t.Errorf("basis %q of %s", s.Basis, s.Kind)
			}
		})
	}
}

func TestGuardianGrantDiesOnTheBirthday(t *testing.T) {
	copenhagen, err := time.LoadLocation("Europe/Copenhagen")
	if err != nil {
		t.Fatal(err)
	}
	q := query()
	q.BirthDate = child
	rs := []consent.Record{rec("a", granted, 0, 0, by(consent.Guardian))}
	before := time.Date(2026, 3, 19, 23, 59, 59, 0, copenhagen)
	if s := consent.Fold(rs, q, before); !s.Allows() || s.Guardian {
		t.Errorf("the day before: %+v", s)
	}
	s := consent.Fold(rs, q, before.Add(time.Second))
	if s.Kind != consent.Expired || s.Guardian {
		t.Errorf("on the birthday: %+v", s)
	}
	rs = append(rs, rec("b", granted, 19, 19))
	if s := consent.Fold(rs, q, time.Date(2026, 3, 21, 9, 0, 0, 0, copenhagen)); !s.Allows() || s.Record != "b" {
		t.Errorf("the child's own yes: %+v", s)
	}
}

func TestGuardianIsAskedFor(t *testing.T) {
	for name, c := range map[string]struct {
		born reminder.Date
		rs   []consent.Record
		want bool
	}{
		"minor, nothing":       {child, nil, true},
		"minor, own yes":       {child, []consent.Record{rec("a", granted, 0, 0)}, true},
		"minor, ended yes":     {child, []consent.Record{rec("a", granted, 0, 0, by(consent.Guardian), until(1))}, true},
		"minor, withdrawn":     {child, []consent.Record{rec("a", withdrawn, 0, 0)}, false},
		"adult, nothing":       {adult, nil, false},
		"unknown age, own yes": {reminder.Date{}, []consent.Record{rec("a", granted, 0, 0)}, true},
	} {
		q := query()
		q.BirthDate = c.born
		if s := consent.Fold(c.rs, q, day(5)); s.Guardian != c.want || s.Allows() {
			t.Errorf("%s: %+v", name, s)
		}
	}
}

// randomRecords makes a history of up to eight records of all kinds, many of them at the same instants.
func randomRecords(r *rand.Rand) []consent.Record {
	rs := make([]consent.Record, r.IntN(9))
	actors := append([]consent.ActorKind{consent.Self, consent.Self}, consent.Actors...)
	for i := range rs {
		recorded := r.IntN(6)
		rs[i] = rec(string(rune('a'+i)), consent.Types[r.IntN(len(consent.Types))], r.IntN(recorded+1), recorded,
			how(consent.Methods[r.IntN(len(consent.Methods))]), by(actors[r.IntN(len(actors))]))
		if r.IntN(4) == 0 {
			rs[i].Purposes = reminder.Purposes[:r.IntN(len(reminder.Purposes))]
		}
		if r.IntN(4) == 0 {
			rs[i].Channels = reminder.Channels[:r.IntN(len(reminder.Channels)+1)]
		}
		if r.IntN(4) == 0 {
			rs[i].Scope = consent.Scope{Kind: policy.UnitScope, Ref: []string{unit.ID, "rh-eye"}[r.IntN(2)]}
		}
		if rs[i].Type == granted && r.IntN(5) == 0 {
			rs[i].ValidUntil = rs[i].EventTime.AddDate(0, 0, 1+r.IntN(5))
		}
	}
	return rs
}

func randomQuery(r *rand.Rand) consent.Query {
	q := query()
	q.Purpose = reminder.Purposes[r.IntN(len(reminder.Purposes))]
	q.Channel = reminder.Channels[r.IntN(len(reminder.Channels))]
	q.BirthDate = []reminder.Date{adult, child, {}}[r.IntN(3)]
	if r.IntN(2) == 0 {
		q.Pack = reserved()
	}
	return q
}

func TestOrderInTheSliceIsIrrelevant(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	kinds := map[consent.Kind]int{}
	for range 5_000 {
		rs, q, at := randomRecords(r), randomQuery(r), day(r.IntN(8))
		want := consent.Fold(rs, q, at)
		kinds[want.Kind]++
		r.Shuffle(len(rs), func(i, j int) { rs[i], rs[j] = rs[j], rs[i] })
		if got := consent.Fold(rs, q, at); got != want {
			t.Fatalf("%+v, shuffled %+v, of %+v", want, got, rs)
		}
	}
	for k := consent.None; k <= consent.Expired; k++ {
		if kinds[k] == 0 {
			t.Errorf("no history was %s: the test looks at too little", k)
		}
	}
}

func TestNoWithdrawalIsEverOverriddenByAnImport(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	stopped := 0
	for range 5_000 {
		rs, q := randomRecords(r), randomQuery(r)
		w := rec("no", withdrawn, 6, 6, about(), on())
		rs = append(rs, w)
		if s := consent.Fold(rs, q, day(7)); s.Allows() {
			t.Fatalf("withdrawn last, and allowed: %+v", rs)
		}
		// Everything said before, and some more, comes in again later.
		for _, old := range append(randomRecords(r), rs[:len(rs)-1]...) {
			old.ID, old.Recorded = "again-"+old.ID, day(8+r.IntN(3))
			rs = append(rs, old)
		}
		if s := consent.Fold(rs, q, day(12)); s.Allows() {
			t.Fatalf("an import overrides a withdrawal: %+v", rs)
		}
		stopped++
		rs = append(rs, rec("yes", granted, 11, 11), rec("yes-guardian", granted, 11, 11, by(consent.Guardian)))
		q.Purpose, q.Channel = reminder.Remind, reminder.SMS
		if s := consent.Fold(rs, q, day(12)); s.Allows() == q.BirthDate.IsZero() {
			t.Fatalf("a yes said after it does not count: %+v, %+v", s, q)
		}
	}
	if stopped == 0 {
		t.Error("nothing was tried")
	}
}

func TestValidate(t *testing.T) {
	for name, c := range map[string]struct {
		r     consent.Record
		field string // "" = valid
	}{
		"granted":                    {rec("a", granted, 0, 0), ""},
		"imported is kept":           {rec("a", granted, 0, 0, how(consent.Imported)), ""},
		"withdrawn by SMS":           {rec("a", withdrawn, 0, 0, how(consent.SMS), about(), on()), ""},
		"noticed by staff":           {rec("a", noticed, 0, 0, by(consent.Staff), how(consent.Letter)), ""},
		"no id":                      {rec("", granted, 0, 0), "id"},
		"a national id":              {rec("a", granted, 0, 0, func(r *consent.Record) { r.Person = "0101701234" }), "person"},
		"type":                       {rec("a", "maybe", 0, 0), "type"},
		"method":                     {rec("a", granted, 0, 0, how("fax")), "method"},
		"actor":                      {rec("a", granted, 0, 0, by("robot")), "actor.kind"},
		"scope":                      {rec("a", granted, 0, 0, scope("", "")), "scope.kind"},
		"scope without a ref":        {rec("a", granted, 0, 0, scope(policy.UnitScope, "")), "scope.ref"},
		"controller with a ref":      {rec("a", granted, 0, 0, scope(policy.ControllerScope, "x")), "scope.ref"},
		"no event time":              {rec("a", granted, 0, 0, func(r *consent.Record) { r.EventTime = time.Time{} }), "event_time"},
		"no recorded time":           {rec("a", granted, 0, 0, func(r *consent.Record) { r.Recorded = time.Time{} }), "recorded"},
		"said after taken down":      {rec("a", granted, 1, 0), "event_time"},
		"purpose":                    {rec("a", withdrawn, 0, 0, about("survey")), "purposes"},
		"channel":                    {rec("a", withdrawn, 0, 0, on("fax")), "channels"},
		"a yes to nothing":           {rec("a", granted, 0, 0, about()), "purposes"},
		"a yes on nothing":           {rec("a", granted, 0, 0, on()), "channels"},
		"no notice":                  {rec("a", granted, 0, 0, func(r *consent.Record) { r.Notice.ID = "" }), "notice.id"},
		"short hash":                 {rec("a", granted, 0, 0, func(r *consent.Record) { r.Notice.Hash = "ab" }), "notice.hash"},
		"no language":                {rec("a", granted, 0, 0, func(r *consent.Record) { r.Notice.Language = "" }), "notice.language"},
		"a no that ends":             {rec("a", withdrawn, 0, 0, until(3)), "valid_until"},
		"a yes that ends before":     {rec("a", granted, 3, 3, until(1)), "valid_until"},
		"register as person":         {rec("a", granted, 0, 0, how(consent.NemSMS)), "actor.kind"},
		"person as register":         {rec("a", granted, 0, 0, by(consent.Registry)), "actor.kind"},
		"staff with the person's ID": {rec("a", granted, 0, 0, by(consent.Staff), how(consent.WebEID)), "actor.kind"},
	} {
		err := c.r.Validate()
		if c.field == "" {
			if err != nil {
				t.Errorf("%s: %v", name, err)
			}
			continue
		}
		if !errors.Is(err, consent.ErrRecord) || !strings.HasPrefix(err.Error(), "consent: record: "+c.field+": want ") {
			t.Errorf("%s: %v", name, err)
		}
		if err != nil && strings.Contains(err.Error(), "0101701234") {
			t.Errorf("%s: the error shows the value", name)
		}
	}
}

func TestJSON(t *testing.T) {
	want := rec("a", granted, 0, 1, until(9))
	b, err := json.Marshal(want)
	if err != nil {
		t.Fatal(err)
	}
	const golden = `{"id":"a","person":"1-0123456789abcdef0123456789abcdef","type":"granted","purposes":["reminder"],"channels":["sms"],` +
		`"scope":{"kind":"controller"},"notice":{"id":"da/notice@1","hash":"abababababababababababababababababababababababababababababababab","language":"da"},` +
		`"method":"desk","actor":{"kind":"self"},"event_time":"2026-03-01T09:00:00Z","recorded":"2026-03-02T09:00:00Z","valid_until":"2026-03-10T09:00:00Z"}`
	if string(b) != golden {
		t.Errorf("the journal's form has changed:\n%s", b)
	}
	var got consent.Record
	if err := json.Unmarshal(b, &got); err != nil {
		t.Fatal(err)
	}
	if s := consent.Fold([]consent.Record{got}, query(), day(5)); !s.Allows() {
		t.Errorf("read back: %+v", s)
	}
}
