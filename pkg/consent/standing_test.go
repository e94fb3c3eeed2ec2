package consent_test

import (
	"math/rand/v2"
	"reflect"
	"testing"

	"github.com/husk-reminders/husk/pkg/consent"
	"github.com/husk-reminders/husk/pkg/policy"
	"github.com/husk-reminders/husk/pkg/reminder"
)

const (
	mother = reminder.PersonKey("1-aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa")
	father = reminder.PersonKey("1-bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb")
)

// fact is what is known of the person; a guardian's by their key.
func fact(id string, t consent.Type, said, recorded int, change ...func(*consent.Record)) consent.Record {
	r := consent.Record{
		ID: id, Person: person, Type: t, Scope: consent.Scope{Kind: policy.ControllerScope}, Method: consent.Desk,
		Actor: consent.Actor{Kind: consent.Staff}, EventTime: day(said), Recorded: day(recorded),
	}
	for _, c := range change {
		c(&r)
	}
	return r
}

func of(k reminder.PersonKey) func(*consent.Record) {
	return func(r *consent.Record) { r.Actor = consent.Actor{Kind: consent.Guardian, Ref: string(k)} }
}

func from(ref string) func(*consent.Record) { return func(r *consent.Record) { r.Actor.Ref = ref } }

func within(k policy.Scope) func(*consent.Record) {
	return func(r *consent.Record) { r.Scope = consent.Scope{Kind: k, Ref: "rh-ortho"} }
}

// What was kept with the scope of one unit is still read: it gives no custody and lifts nothing, and restricts everywhere.
func TestStandOfOneUnitsFacts(t *testing.T) {
	unit := within(policy.UnitScope)
	s := consent.Stand([]consent.Record{
		fact("a", consent.Protected, 0, 0), fact("b", consent.ProtectionEnded, 1, 1, unit),
		fact("c", consent.Deceased, 0, 0), fact("d", consent.NotDeceased, 1, 1, unit),
		fact("e", consent.Custody, 0, 0, of(mother), unit),
	}, day(5))
	if !s.Protected || !s.Deceased || len(s.Guardians) != 0 {
		t.Errorf("one unit has said it for all: %+v", s)
	}
	s = consent.Stand([]consent.Record{
		fact("a", consent.Protected, 0, 0, unit), fact("b", consent.Deceased, 0, 0, unit),
		fact("c", consent.Custody, 0, 0, of(mother)), fact("d", consent.Custody, 0, 0, of(father)), fact("e", consent.CustodyEnded, 1, 1, of(mother), unit),
	}, day(5))
	if !s.Protected || !s.Deceased || s.Has(mother) || !s.Has(father) {
		t.Errorf("what restricts: %+v", s)
	}
}

func TestStand(t *testing.T) {
	type records = []consent.Record
	has := func(id string, said, recorded int, change ...func(*consent.Record)) consent.Record {
		return fact(id, consent.Custody, said, recorded, append([]func(*consent.Record){of(mother)}, change...)...)
	}
	over := func(id string, said, recorded int, change ...func(*consent.Record)) consent.Record {
		return fact(id, consent.CustodyEnded, said, recorded, append([]func(*consent.Record){of(mother)}, change...)...)
	}
	for name, c := range map[string]struct {
		records records
		want    consent.Standing
	}{
		"nothing":             {nil, consent.Standing{}},
		"custody":             {records{has("a", 0, 0)}, guardians(mother)},
		"by the register":     {records{has("a", 0, 0, how(consent.Register))}, guardians(mother)},
		"on their own word":   {records{has("a", 0, 0, how(consent.Phone))}, consent.Standing{}},
		"imported":            {records{has("a", 0, 0, how(consent.Imported))}, consent.Standing{}},
		"in the future":       {records{has("a", 9, 9)}, consent.Standing{}},
		"of a role":           {records{has("a", 0, 0, from("mother"))}, consent.Standing{}},
		"of themself":         {records{has("a", 0, 0, of(person))}, consent.Standing{}},
		"not yet over":        {records{has("a", 0, 0, until(6))}, guardians(mother)},
		"over at its end":     {records{has("a", 0, 0, until(5))}, consent.Standing{}},
		"ended":               {records{has("a", 0, 0), over("b", 1, 1)}, consent.Standing{}},
		"ended, noted late":   {records{has("a", 2, 2), over("b", 1, 3)}, guardiansSince(2, mother)},
		"ended as it began":   {records{has("a", 1, 1), over("b", 1, 1)}, consent.Standing{}},
		"given again":         {records{has("a", 0, 0), over("b", 1, 1), has("c", 2, 2)}, guardiansSince(2, mother)},
		"proven before, late": {records{over("b", 1, 1), has("c", 0, 2)}, consent.Standing{}},
		"another's ended":     {records{has("a", 0, 0), over("b", 1, 1, of(father))}, guardians(mother)},
		"malformed end":       {records{has("a", 0, 0), over("b", 1, 1, from(""))}, consent.Standing{}},
		"two":                 {records{has("a", 1, 1), fact("b", consent.Custody, 0, 0, of(father))}, two()},
		"protected":           {records{fact("a", consent.Protected, 1, 2)}, consent.Standing{Protected: true, ProtectedSince: day(1)}},
		"lifted":              {records{fact("a", consent.Protected, 1, 1), fact("b", consent.ProtectionEnded, 2, 2)}, consent.Standing{}},
		"lifted before":       {records{fact("a", consent.Protected, 2, 2), fact("b", consent.ProtectionEnded, 1, 3)}, consent.Standing{Protected: true, ProtectedSince: day(2)}},
		"lifted at once":      {records{fact("a", consent.Protected, 1, 1), fact("b", consent.ProtectionEnded, 1, 2)}, consent.Standing{Protected: true, ProtectedSince: day(1)}},
		"lifted by another source": {
			records{fact("a", consent.Protected, 1, 1, from("police")), fact("b", consent.ProtectionEnded, 2, 2)},
			consent.Standing{Protected: true, ProtectedSince: day(1)},
		},
		"malformed protection": {records{fact("a", consent.Protected, 1, 1, scope("", ""))}, consent.Standing{Protected: true, ProtectedSince: day(1)}},
		"malformed lifting": {
			records{fact("a", consent.Protected, 1, 1), fact("b", consent.ProtectionEnded, 2, 2, scope("", ""))},
			consent.Standing{Protected: true, ProtectedSince: day(1)},
		},
		"deceased": {records{fact("a", consent.Deceased, 1, 1)}, consent.Standing{Deceased: true, DeceasedSince: day(1)}},
		"mistaken": {records{fact("a", consent.Deceased, 1, 1), fact("b", consent.NotDeceased, 2, 2)}, consent.Standing{}},
	} {
		t.Run(name, func(t *testing.T) {
			got := consent.Stand(c.records, day(5))
			for i := range got.Guardians {
				got.Guardians[i].Record = ""
			}
			if !reflect.DeepEqual(got, c.want) {
				t.Errorf("got %+v, want %+v", got, c.want)
			}
		})
	}
}

func guardians(k reminder.PersonKey) consent.Standing { return guardiansSince(0, k) }

func guardiansSince(n int, k reminder.PersonKey) consent.Standing {
	return consent.Standing{Guardians: []consent.Guardianship{{Guardian: k, Since: day(n)}}}
}

func two() consent.Standing {
	return consent.Standing{Guardians: []consent.Guardianship{{Guardian: father, Since: day(0)}, {Guardian: mother, Since: day(1)}}}
}

func TestTheNewestCustodySaysWhatTheGuardianIsTold(t *testing.T) {
	hidden := func(r *consent.Record) { r.NoPlace = true }
	rs := []consent.Record{fact("a", consent.Custody, 0, 0, of(mother)), fact("b", consent.Custody, 1, 1, of(mother), hidden)}
	if s := consent.Stand(rs, day(5)); len(s.Guardians) != 1 || !s.Guardians[0].NoPlace {
		t.Errorf("%+v", s)
	}
	rs = append(rs, fact("c", consent.Custody, 2, 2, of(mother)))
	if s := consent.Stand(rs, day(5)); s.Guardians[0].NoPlace || s.Guardians[0].Record != "c" {
		t.Errorf("%+v", s)
	}
	rs = append(rs, fact("d", consent.Custody, 2, 2, of(mother), hidden))
	if s := consent.Stand(rs, day(5)); !s.Guardians[0].NoPlace {
		t.Errorf("of two at one instant the stricter counts: %+v", s)
	}
}

// Whatever comes later of another time, custody never outlives an end that is as new, and the order in the slice is irrelevant.
func TestCustodyProperties(t *testing.T) {
	r := rand.New(rand.NewPCG(11, 12))
	held, lost := 0, 0
	for range 5_000 {
		var rs []consent.Record
		for i := range r.IntN(7) {
			rec := r.IntN(5)
			f := fact(string(rune('a'+i)), []consent.Type{consent.Custody, consent.Custody, consent.CustodyEnded}[r.IntN(3)], r.IntN(rec+1), rec,
				of([]reminder.PersonKey{mother, father}[r.IntN(2)]), how([]consent.Method{consent.Desk, consent.Register, consent.Phone}[r.IntN(3)]))
			rs = append(rs, f)
		}
		at := day(r.IntN(6))
		want := consent.Stand(rs, at)
		for _, k := range []reminder.PersonKey{mother, father} {
			proven, ended := false, false
			for _, c := range rs {
				if c.Recorded.After(at) || c.Actor.Ref != string(k) || c.Type != consent.Custody || c.Method == consent.Phone {
					continue
				}
				over := false
				for _, e := range rs {
					over = over || e.Type == consent.CustodyEnded && e.Actor.Ref == string(k) && !e.Recorded.After(at) && !e.EventTime.Before(c.EventTime)
				}
				proven, ended = proven || !over, ended || over
			}
			if want.Has(k) != proven {
				t.Fatalf("custody %v, want %v: %+v", want.Has(k), proven, rs)
			}
			if proven {
				held++
			} else if ended {
				lost++
			}
		}
		r.Shuffle(len(rs), func(i, j int) { rs[i], rs[j] = rs[j], rs[i] })
		if got := consent.Stand(rs, at); !reflect.DeepEqual(got, want) {
			t.Fatalf("%+v, shuffled %+v", want, got)
		}
	}
	if held < 500 || lost < 500 {
		t.Errorf("%d held, %d lost: the test looks at too little", held, lost)
	}
}

func TestFoldForGuardians(t *testing.T) {
	type records = []consent.Record
	custody := fact("c1", consent.Custody, 0, 0, of(mother))
	both := fact("c2", consent.Custody, 0, 0, of(father))
	said := func(id string, k reminder.PersonKey, n int) consent.Record { return rec(id, granted, n, n, of(k)) }
	never := func(id string, k reminder.PersonKey, n int) consent.Record {
		return rec(id, withdrawn, n, n, of(k), about(), on())
	}
	asked := func(k reminder.PersonKey) consent.Query {
		q := query()
		q.BirthDate, q.Guardian = child, k
		return q
	}
	strict := pack()
	strict.Custody = true
	for name, c := range map[string]struct {
		records records
		query   consent.Query
		want    consent.Kind
	}{
		"her own yes":                       {records{custody, said("a", mother, 1)}, asked(mother), consent.Yes},
		"another's yes":                     {records{custody, both, said("a", father, 1)}, asked(mother), consent.None},
		"a yes of nobody by name":           {records{custody, rec("a", granted, 1, 1, by(consent.Guardian))}, asked(mother), consent.None},
		"without custody":                   {records{said("a", mother, 1)}, asked(mother), consent.Expired},
		"custody has ended":                 {records{custody, said("a", mother, 1), fact("e", consent.CustodyEnded, 2, 2, of(mother))}, asked(mother), consent.Expired},
		"custody came later":                {records{said("a", mother, 0), fact("c", consent.Custody, 3, 3, of(mother))}, asked(mother), consent.Yes},
		"she took it back":                  {records{custody, said("a", mother, 1), never("b", mother, 2)}, asked(mother), consent.Revoked},
		"he refused, she did not":           {records{custody, both, said("a", mother, 1), never("b", father, 2)}, asked(mother), consent.Yes},
		"the child said no":                 {records{custody, said("a", mother, 1), rec("b", withdrawn, 2, 2)}, asked(mother), consent.Revoked},
		"a guardian without a name says no": {records{custody, said("a", mother, 1), rec("b", withdrawn, 2, 2, by(consent.Guardian))}, asked(mother), consent.Revoked},
		"malformed no":                      {records{custody, said("a", mother, 1), rec("b", withdrawn, 2, 2, of(father), on("fax"))}, asked(mother), consent.Revoked},

		"the child's own address":                {records{custody, said("a", mother, 1)}, asked(""), consent.Yes},
		"own address, no custody":                {records{said("a", mother, 1)}, asked(""), consent.Expired},
		"own address, one said no":               {records{custody, both, said("a", mother, 1), never("b", father, 2)}, asked(""), consent.Revoked},
		"own address, unnamed":                   {records{rec("a", granted, 1, 1, by(consent.Guardian))}, asked(""), consent.Yes},
		"own address, unnamed, custody is asked": {records{rec("a", granted, 1, 1, by(consent.Guardian))}, under(strict, asked("")), consent.None},
		"own address, named, custody is asked":   {records{custody, said("a", mother, 1)}, under(strict, asked("")), consent.Yes},
	} {
		s := consent.Fold(c.records, c.query, day(5))
		if name == "own address, unnamed, custody is asked" && s.Kind == consent.Expired {
			s.Kind = consent.None // an ended yes, or none: both are a no, and a guardian is asked for
		}
		if s.Kind != c.want || (s.Kind != consent.Yes && s.Kind != consent.Revoked && !s.Guardian) {
			t.Errorf("%s: %s, want %s (%+v)", name, s.Kind, c.want, s)
		}
	}
	// On the birthday both end.
	q := asked(mother)
	if s := consent.Fold(records{custody, said("a", mother, 1)}, q, day(19)); s.Kind != consent.Expired {
		t.Errorf("on the birthday: %+v", s)
	}
}

func under(p policy.Pack, q consent.Query) consent.Query { q.Pack = p; return q }

// One guardian's no stops what goes to them and nothing that goes to the other, and no import overrides it.
func TestOneGuardiansNoStopsTheirsAlone(t *testing.T) {
	r := rand.New(rand.NewPCG(13, 14))
	allowed := 0
	for range 3_000 {
		var rs []consent.Record
		for i := range 2 + r.IntN(6) {
			rec := rec(string(rune('a'+i)), consent.Words[r.IntN(4)], r.IntN(5), 5, of([]reminder.PersonKey{mother, father}[r.IntN(2)]))
			rs = append(rs, rec)
		}
		rs = append(rs, fact("m", consent.Custody, 0, 0, of(mother)), fact("f", consent.Custody, 0, 0, of(father)))
		ask := func(k reminder.PersonKey, n int, rs []consent.Record) consent.State {
			q := query()
			q.BirthDate, q.Guardian = child, k
			return consent.Fold(rs, q, day(n))
		}
		before := ask(father, 7, rs)
		rs = append(rs, rec("no", withdrawn, 6, 6, of(mother), about(), on()))
		for _, old := range rs[:len(rs)-3] { // all that was said before comes in again
			if old.Actor.Ref == string(mother) {
				old.ID, old.Recorded = "again-"+old.ID, day(7)
				rs = append(rs, old)
			}
		}
		if s := ask(mother, 8, rs); s.Kind != consent.Revoked && s.Kind != consent.No {
			t.Fatalf("she said no, and it is %s: %+v", s.Kind, rs)
		}
		if s := ask(father, 8, rs); s != before {
			t.Fatalf("her no changes what goes to him from %+v to %+v", before, s)
		}
		if before.Allows() {
			allowed++
		}
		rs = append(rs, rec("child", withdrawn, 7, 7))
		if ask(father, 8, rs).Allows() {
			t.Fatal("the child's own no does not stop it")
		}
	}
	if allowed < 300 {
		t.Errorf("%d allowed: the test looks at too little", allowed)
	}
}
