package consent_test

import (
	"encoding/json"
	"errors"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/husk-reminders/husk/pkg/consent"
	"github.com/husk-reminders/husk/pkg/policy"
	"github.com/husk-reminders/husk/pkg/reminder"
)

func ends(v consent.Validity) func(*consent.Record) {
	return func(r *consent.Record) { r.Validity = v }
}

func TestValidity(t *testing.T) {
	type records = []consent.Record
	care := ends(consent.Validity{CareContact: true})
	over := func(n, recorded int, change ...func(*consent.Record)) consent.Record {
		return fact("end", consent.CareEnded, n, recorded, change...)
	}
	young := query()
	young.BirthDate = reminder.Date{Year: 2008, Month: 3, Day: 4} // 18 on day 3
	unborn := query()
	unborn.Pack.GuardianUntilAge, unborn.BirthDate = 0, reminder.Date{}
	for name, c := range map[string]struct {
		records records
		query   consent.Query
		want    consent.Kind
	}{
		"care goes on":               {records{rec("a", granted, 0, 0, care)}, query(), consent.Yes},
		"care ended":                 {records{rec("a", granted, 0, 0, care), over(1, 1)}, query(), consent.Expired},
		"ended, and it does not ask": {records{rec("a", granted, 0, 0), over(1, 1)}, query(), consent.Yes},
		"ended elsewhere":            {records{rec("a", granted, 0, 0, care), over(1, 1, scope(policy.UnitScope, "rh-eye"))}, query(), consent.Yes},
		"ended here":                 {records{rec("a", granted, 0, 0, care), over(1, 1, scope(policy.UnitScope, "rh-ortho"))}, query(), consent.Expired},
		"ended before":               {records{rec("a", granted, 2, 2, care), over(1, 1)}, query(), consent.Yes},
		"ended at once":              {records{rec("a", granted, 1, 1, care), over(1, 2)}, query(), consent.Expired},
		"malformed end":              {records{rec("a", granted, 2, 2, care), over(1, 1, scope("", ""))}, query(), consent.Expired},
		"not yet known":              {records{rec("a", granted, 0, 0, care), over(1, 9)}, query(), consent.Yes},
		"asked again after it":       {records{rec("a", granted, 0, 0, care), over(1, 1), rec("b", granted, 2, 2, care)}, query(), consent.Yes},
		"until 18, on day 5":         {records{rec("a", granted, 0, 0, ends(consent.Validity{UntilAge: 18}))}, young, consent.Expired},
		"until 19":                   {records{rec("a", granted, 0, 0, ends(consent.Validity{UntilAge: 19}))}, young, consent.Yes},
		"until an age, birth date unknown": {
			records{rec("a", granted, 0, 0, ends(consent.Validity{UntilAge: 19}))}, unborn, consent.Expired,
		},
	} {
		if s := consent.Fold(c.records, c.query, day(5)); s.Kind != c.want {
			t.Errorf("%s: %s, want %s", name, s.Kind, c.want)
		}
	}
	year := policy.Period{Months: 12}
	s := consent.Fold(records{rec("a", granted, 0, 0, ends(consent.Validity{AddressAge: year}), func(r *consent.Record) { r.Ceiling = "1" })}, query(), day(5))
	if c, ok := s.Ceiling.Class(); s.AddressAge != year || !ok || c != 1 {
		t.Errorf("what the gate must ask: %+v", s)
	}
	if c, ok := consent.Ceiling("odd").Class(); !ok || c != 0 {
		t.Error("what is no ceiling is not the lowest")
	}
	if _, ok := consent.Ceiling("").Class(); ok {
		t.Error("none asks for something")
	}
}

func TestValidateProof(t *testing.T) {
	for name, c := range map[string]struct {
		r     consent.Record
		field string
	}{
		"whole":                   {whole(), ""},
		"legal basis":             {rec("a", granted, 0, 0, func(r *consent.Record) { r.LegalBasis = "none" }), "legal_basis"},
		"ceiling":                 {rec("a", granted, 0, 0, func(r *consent.Record) { r.Ceiling = "3" }), "ceiling"},
		"ceiling of a no":         {rec("a", refused, 0, 0, func(r *consent.Record) { r.Ceiling = "1" }), "ceiling"},
		"another text's hash":     {rec("a", granted, 0, 0, func(r *consent.Record) { r.Sample = consent.Sample{Text: "x", Hash: strings.Repeat("ab", 32)} }), "sample.hash"},
		"long sample":             {rec("a", granted, 0, 0, func(r *consent.Record) { r.Sample = consent.NewSample(strings.Repeat("å", 2001)) }), "sample.text"},
		"recorded by a novel":     {rec("a", granted, 0, 0, func(r *consent.Record) { r.RecordedBy = strings.Repeat("x", 201) }), "recorded_by"},
		"pack without id":         {rec("a", granted, 0, 0, func(r *consent.Record) { r.Pack.Hash = strings.Repeat("ab", 32) }), "pack"},
		"age":                     {rec("a", granted, 0, 0, ends(consent.Validity{UntilAge: -1})), "validity.until_age"},
		"address age":             {rec("a", granted, 0, 0, ends(consent.Validity{AddressAge: policy.Period{Days: -1}})), "validity.address_age"},
		"a no that ends":          {rec("a", refused, 0, 0, ends(consent.Validity{CareContact: true})), "validity"},
		"way back":                {rec("a", granted, 0, 0, func(r *consent.Record) { r.TakeBack = []consent.Method{"fax"} }), "take_back"},
		"place of a yes":          {rec("a", granted, 0, 0, func(r *consent.Record) { r.NoPlace = true }), "no_place"},
		"custody":                 {fact("a", consent.Custody, 0, 0, of(mother), until(9)), ""},
		"custody, ended before":   {fact("a", consent.Custody, 1, 1, of(mother), until(0)), "valid_until"},
		"custody of staff":        {fact("a", consent.Custody, 0, 0), "actor.kind"},
		"custody of a name":       {fact("a", consent.Custody, 0, 0, of("Karen")), "actor.ref"},
		"own custody":             {fact("a", consent.Custody, 0, 0, of(person)), "actor.ref"},
		"end of custody of none":  {fact("a", consent.CustodyEnded, 0, 0, by(consent.Guardian)), "actor.ref"},
		"death with an end":       {fact("a", consent.Deceased, 0, 0, until(9)), "valid_until"},
		"custody for a unit":      {fact("a", consent.Custody, 0, 0, of(mother), within(policy.UnitScope)), "scope.kind"},
		"its end for a hospital":  {fact("a", consent.CustodyEnded, 0, 0, of(mother), within(policy.HospitalScope)), "scope.kind"},
		"protected for a unit":    {fact("a", consent.Protected, 0, 0, within(policy.UnitScope)), "scope.kind"},
		"unprotected for a unit":  {fact("a", consent.ProtectionEnded, 0, 0, within(policy.UnitScope)), "scope.kind"},
		"dead for a hospital":     {fact("a", consent.Deceased, 0, 0, within(policy.HospitalScope)), "scope.kind"},
		"not dead for a unit":     {fact("a", consent.NotDeceased, 0, 0, within(policy.UnitScope)), "scope.kind"},
		"care ended for a unit":   {fact("a", consent.CareEnded, 0, 0, within(policy.UnitScope)), ""},
		"register grants nothing": {rec("a", granted, 0, 0, how(consent.Register)), ""},
	} {
		err := c.r.Validate()
		switch {
		case c.field == "":
			if err != nil {
				t.Errorf("%s: %v", name, err)
			}
		case !errors.Is(err, consent.ErrRecord) || !strings.HasPrefix(err.Error(), "consent: record: "+c.field+": want "):
			t.Errorf("%s: %v", name, err)
		}
	}
	if s := consent.Fold([]consent.Record{rec("a", granted, 0, 0, how(consent.Register))}, query(), day(5)); s.Allows() {
		t.Error("a population register gives a yes")
	}
}

// whole is a yes with everything.
func whole() consent.Record {
	return rec("whole", granted, 0, 1, until(200), ends(consent.Validity{CareContact: true, UntilAge: 90, AddressAge: policy.Period{Months: 12}}), func(r *consent.Record) {
		r.LegalBasis, r.Ceiling, r.Sample = consent.ByConsent, "1.5", consent.NewSample("Husk din aftale <12. marts> & møde på Testhospitalet")
		r.TakeBack, r.RecordedBy = []consent.Method{consent.SMS, consent.Desk}, "desk-7"
		r.Pack = policy.Ref{ID: "xx", Hash: strings.Repeat("cd", 32)}
		r.Scope = consent.Scope{Kind: policy.UnitScope, Ref: "rh-ortho"}
	})
}

// Entries of releases that had none of the new fields read as ever, and write as ever.
func TestOldEntriesFold(t *testing.T) {
	const old = `{"id":"a","person":"1-0123456789abcdef0123456789abcdef","type":"granted","purposes":["reminder"],"channels":["sms"],` +
		`"scope":{"kind":"controller"},"notice":{"id":"da/notice@1","hash":"abababababababababababababababababababababababababababababababab","language":"da"},` +
		`"method":"desk","actor":{"kind":"self"},"event_time":"2026-03-01T09:00:00Z","recorded":"2026-03-02T09:00:00Z"}`
	var r consent.Record
	if err := json.Unmarshal([]byte(old), &r); err != nil {
		t.Fatal(err)
	}
	if s := consent.Fold([]consent.Record{r}, query(), day(5)); !s.Allows() || s.Ceiling != "" || !s.AddressAge.IsZero() {
		t.Errorf("%+v", s)
	}
	if b, err := json.Marshal(r); err != nil || string(b) != old {
		t.Errorf("written anew: %s, %v", b, err)
	}
	w := whole()
	b, err := json.Marshal(w)
	if err != nil {
		t.Fatal(err)
	}
	var back consent.Record
	if err := json.Unmarshal(b, &back); err != nil || back.Sample != w.Sample || back.Validity != w.Validity || back.Pack != w.Pack || !slices.Equal(back.TakeBack, w.TakeBack) {
		t.Errorf("read back: %+v, %v", back, err)
	}
}

func TestMayAsk(t *testing.T) {
	type records = []consent.Record
	asked := func(n int) consent.Query {
		q := query()
		q.Pack.AskAgain = policy.Period{Days: n}
		return q
	}
	other := asked(10)
	other.Channel = reminder.Email
	for name, c := range map[string]struct {
		records records
		query   consent.Query
		at      int
		want    bool
		from    time.Time
	}{
		"nobody asked":                {nil, asked(10), 5, true, time.Time{}},
		"there is a yes":              {records{rec("a", granted, 0, 0)}, asked(10), 5, false, time.Time{}},
		"the yes has ended":           {records{rec("a", granted, 0, 0, until(3))}, asked(10), 5, true, time.Time{}},
		"refused":                     {records{rec("a", refused, 0, 0)}, asked(10), 5, false, day(10)},
		"a moment before":             {records{rec("a", refused, 0, 0)}, asked(10), 9, false, day(10)},
		"again":                       {records{rec("a", refused, 0, 0)}, asked(10), 10, true, time.Time{}},
		"refused twice":               {records{rec("a", refused, 0, 0), rec("b", refused, 4, 4)}, asked(10), 10, false, day(14)},
		"refused, noted late":         {records{rec("a", refused, 0, 4)}, asked(10), 10, true, time.Time{}},
		"withdrawn":                   {records{rec("a", granted, 0, 0), rec("b", withdrawn, 2, 2)}, asked(10), 5, false, day(12)},
		"no time in the pack":         {records{rec("a", refused, 0, 0)}, query(), 5000, false, time.Time{}},
		"the other way":               {records{rec("a", refused, 0, 0)}, other, 5, true, time.Time{}},
		"refused altogether":          {records{rec("a", refused, 0, 0, about(), on())}, other, 5, false, day(10)},
		"malformed":                   {records{rec("a", refused, 0, 0, on("fax"))}, other, 5, false, day(10)},
		"malformed, without a time":   {records{rec("a", refused, 0, 3, func(r *consent.Record) { r.EventTime = time.Time{} })}, asked(10), 5, false, day(13)},
		"a no to come":                {records{rec("a", refused, 9, 9)}, asked(10), 5, true, time.Time{}},
		"a pack without basis for it": {nil, func() consent.Query { q := asked(10); q.Purpose = reminder.Verify; return q }(), 5, false, time.Time{}},
	} {
		ok, from := consent.MayAsk(c.records, c.query, day(c.at))
		if ok != c.want || !from.Equal(c.from) {
			t.Errorf("%s: %v from %s, want %v from %s", name, ok, from, c.want, c.from)
		}
	}
}

func TestNobodyWhoSaidNoIsAskedTooSoon(t *testing.T) {
	r := rand.New(rand.NewPCG(21, 22))
	asked, left := 0, 0
	for range 4_000 {
		rs, q, at := randomRecords(r), randomQuery(r), day(r.IntN(20))
		q.Pack.AskAgain = policy.Period{Days: 1 + r.IntN(9)}
		may, from := consent.MayAsk(rs, q, at)
		r.Shuffle(len(rs), func(i, j int) { rs[i], rs[j] = rs[j], rs[i] })
		if again, f := consent.MayAsk(rs, q, at); again != may || !f.Equal(from) {
			t.Fatalf("the order matters: %+v", rs)
		}
		if !may {
			left++
			continue
		}
		asked++
		for _, n := range rs {
			whole := len(n.Channels) == 0 && len(n.Purposes) == 0 && n.Scope.Kind == policy.ControllerScope
			if (n.Type == refused || n.Type == withdrawn) && whole && !n.Recorded.After(at) && at.Before(q.Pack.AskAgain.After(n.EventTime)) {
				t.Fatalf("asked at %s in spite of %+v", at, n)
			}
		}
	}
	if asked < 200 || left < 200 {
		t.Errorf("%d asked, %d left alone: the test looks at too little", asked, left)
	}
}

func TestHistory(t *testing.T) {
	type records = []consent.Record
	for name, c := range map[string]struct {
		records records
		born    reminder.Date
		want    string
	}{
		"granted":                {records{rec("a", granted, 0, 0)}, adult, "a granted"},
		"not yet":                {records{rec("a", granted, 0, 9)}, adult, ""},
		"superseded":             {records{rec("a", granted, 0, 0), rec("b", granted, 1, 1)}, adult, "a superseded, b granted"},
		"in part":                {records{rec("a", granted, 0, 0, on(reminder.SMS, reminder.Email)), rec("b", granted, 1, 1)}, adult, "a granted, b granted"},
		"withdrawn":              {records{rec("a", granted, 0, 0), rec("b", withdrawn, 1, 1)}, adult, "a withdrawn, b withdrawn"},
		"withdrawn for a unit":   {records{rec("a", granted, 0, 0), rec("b", withdrawn, 1, 1, scope(policy.UnitScope, "rh-eye"))}, adult, "a granted, b withdrawn"},
		"refused, then granted":  {records{rec("a", refused, 0, 0), rec("b", granted, 1, 1)}, adult, "a superseded, b granted"},
		"refused":                {records{rec("a", refused, 0, 0)}, adult, "a refused"},
		"expired":                {records{rec("a", granted, 0, 0, until(2))}, adult, "a expired"},
		"imported":               {records{rec("a", granted, 0, 0, how(consent.Imported))}, adult, "a unproven"},
		"earlier, recorded late": {records{rec("a", withdrawn, 1, 1), rec("b", granted, 0, 2)}, adult, "a withdrawn, b withdrawn"},
		"of another purpose":     {records{rec("a", refused, 0, 0, about(reminder.Verify))}, adult, "a refused"},
		"a guardian's": {
			records{fact("c", consent.Custody, 0, 0, of(mother)), rec("d", granted, 1, 1, of(mother))}, child, "c holds, d granted",
		},
		"custody lost": {
			records{fact("c", consent.Custody, 0, 0, of(mother)), rec("d", granted, 1, 1, of(mother)), fact("e", consent.CustodyEnded, 2, 2, of(mother))},
			child, "c ended, d expired, e holds",
		},
		"protected, lifted":  {records{fact("a", consent.Protected, 0, 0), fact("b", consent.ProtectionEnded, 1, 1)}, adult, "a ended, b holds"},
		"dead":               {records{fact("a", consent.Deceased, 0, 0)}, adult, "a holds"},
		"of unknown age":     {records{rec("a", granted, 0, 0)}, reminder.Date{}, "a granted"},
		"own yes of a child": {records{rec("a", granted, 0, 0)}, child, "a unproven"},
	} {
		var got []string
		for _, e := range consent.History(c.records, c.born, pack(), day(5)) {
			if !slices.Contains(consent.Statuses, e.Status) {
				t.Errorf("%s: status %q", name, e.Status)
			}
			got = append(got, e.Record.ID+" "+string(e.Status))
		}
		if s := strings.Join(got, ", "); s != c.want {
			t.Errorf("%s: %q, want %q", name, s, c.want)
		}
	}
}
