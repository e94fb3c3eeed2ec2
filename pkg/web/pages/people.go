package pages

import (
	"net/http"
	"net/url"
	"slices"

	"github.com/husk-reminders/husk/pkg/consent"
	"github.com/husk-reminders/husk/pkg/ledger"
	"github.com/husk-reminders/husk/pkg/policy"
	"github.com/husk-reminders/husk/pkg/reminder"
	"github.com/husk-reminders/husk/pkg/web"
)

// peoplePages are about persons, their words and addresses, and what they answer.
func (p *Pages) peoplePages() []page {
	return slices.Concat(
		[]page{{method: http.MethodGet, pattern: "/people", operation: "person.key", section: "people", serve: (*visit).findPerson}},
		both("/people", "person.key", (*visit).findPerson)[1:],
		ofPerson("", "person.show", (*visit).person),
		ofPerson("/reach", "person.explain", (*visit).reach),
		ofPerson("/yes", "consent.record", (*visit).yes),
		ofPerson("/no", "consent.record", (*visit).no),
		ofPerson("/care-ended", "consent.record", (*visit).careEnded),
		ofPerson("/guardian", "consent.record", (*visit).guardian),
		ofPerson("/guardians/{guardian}/end", "consent.record", (*visit).guardianEnded),
		ofPerson("/protected", "consent.record", (*visit).protected),
		ofPerson("/deceased", "consent.record", (*visit).deceased),
		ofPerson("/address", "address.record", (*visit).addAddress),
		ofPerson("/addresses/{channel}/{hash}/end", "address.record", (*visit).endAddress),
		ofPerson("/addresses/{hash}/unmask", "address.unmask", (*visit).unmask),
		ofPerson("/code", "code.send", (*visit).sendCode),
		ofPerson("/code/{hash}", "code.check", (*visit).checkCode),
		ofPerson("/registers", "address.ask", (*visit).askRegisters),
		ofPerson("/export", "consent.export", (*visit).exportConsent),
		under("people", both("/numbers/wrong", "address.wrong", (*visit).wrongNumber)),
		under("people", both("/numbers/stop", "address.bar", (*visit).barNumber)),
		p.replyPages(),
	)
}

// both are the page with a form and the one that takes it: one handler, which tells them apart by the method.
func both(pattern, operation string, serve func(*visit) error) []page {
	return []page{
		{method: http.MethodGet, pattern: pattern, operation: operation, serve: serve},
		{method: http.MethodPost, pattern: pattern, operation: operation, serve: serve},
	}
}

// under has pages marked in the menu as of a section.
func under(section string, pages []page) []page {
	for i := range pages {
		pages[i].under = section
	}
	return pages
}

// ofPerson are both of something under a person's page, with the person that the path names.
func ofPerson(under, operation string, serve func(*visit, reminder.PersonKey) error) []page {
	return both("/people/{key}"+under, operation, func(v *visit) error {
		key, err := reminder.ParsePersonKey(v.r.PathValue("key"))
		if err != nil {
			return errNotHere
		}
		return serve(v, key)
	})
}

// asked reports whether the form of a page was sent.
func (v *visit) asked() bool { return v.r.Method == http.MethodPost }

// findPerson leads from a national id to the person's page. The id is in the form's body alone.
func (v *visit) findPerson() error {
	if !v.asked() {
		v.form = v.blank("country", string(v.firstUnit().Country))
		return v.show("people-find", nil)
	}
	var in struct {
		Country string `form:"country,required"`
		ID      string `form:"id,required"`
		Reason  string `form:"reason,required"`
	}
	f := v.read(&in)
	f.checkReason(in.Reason)
	if f.OK() {
		key, err := v.keyOf(in.Country, in.ID)
		if err == nil {
			return v.open(key, in.Reason)
		}
		if !f.take(err) {
			return err
		}
	}
	f.Values.Del("id") // it is not written into a page
	return v.show("people-find", nil)
}

// keyOf is the pseudonym of a national id.
func (v *visit) keyOf(country, id string) (reminder.PersonKey, error) {
	var k web.Key
	err := v.post("/v1/persons/key", web.NationalID{Country: reminder.Country(country), ID: id}, &k)
	return k.Person, err
}

// checkReason says in the form what is wrong with a reason that is there.
func (f *form) checkReason(reason string) {
	if reason != "" && !web.IsReason(reason) {
		f.Wrong("reason", "wrong.reason")
	}
}

// open remembers for the session why a person is looked at, and leads to the person's page.
func (v *visit) open(key reminder.PersonKey, reason string) error {
	x, err := v.o.Sessions.Change(v.ctx(), v.token, func(s *web.Session) { s.Open(key, reason) })
	if err != nil {
		return err
	}
	v.session = x
	return v.see(personPath(key))
}

// personPath is the person's page, and what is under it.
func personPath(key reminder.PersonKey, under ...string) string {
	path := "/people/" + url.PathEscape(string(key))
	for _, u := range under {
		path += "/" + url.PathEscape(u)
	}
	return path
}

// apiPath is what the staff API has of a person.
func apiPath(key reminder.PersonKey, under ...string) string {
	return "/v1" + "/persons" + personPath(key, under...)[len("/people"):]
}

// personWhy takes the reason for which a person is looked at.
func (v *visit) personWhy(key reminder.PersonKey) error {
	var in struct {
		Reason string `form:"reason,required"`
	}
	f := v.read(&in)
	f.checkReason(in.Reason)
	if !f.OK() {
		return v.show("people-why", key)
	}
	return v.open(key, in.Reason)
}

// personView is what the page of a person shows.
type personView struct {
	web.Person
	Reason  string
	History []said // the newest first
	Units   []unit // that may be asked about
	Unit    string // that Reach is about; "" = there is none
	Reach   []reach
	Ask     []web.MayAsk                  // of the unit
	Proven  map[reminder.AddressHash]bool // more than said to be the person's
	Kinds   map[consent.Status]string     // of tags
}

// worthKinds are the kinds of tags for what a record is worth.
var worthKinds = map[consent.Status]string{
	consent.IsGranted: "good", consent.Holds: "good", consent.IsRefused: "bad", consent.IsWithdrawn: "bad", consent.IsExpired: "off",
	consent.IsSuperseded: "off", consent.IsUnproven: "off", consent.Ended: "off",
}

// said is one record and what it is worth today.
type said struct {
	consent.Record
	Worth consent.Status
}

// About reports whether the record is about messages: others are of the person as such.
func (s said) About() bool { return slices.Contains(consent.Words, s.Type) }

// person shows what is known of a person. Whoever comes without a reason is asked for one first.
func (v *visit) person(key reminder.PersonKey) error {
	if v.asked() {
		return v.personWhy(key)
	}
	x := personView{Reason: v.session.Why(key), Kinds: worthKinds, Proven: map[reminder.AddressHash]bool{}}
	if x.Reason == "" {
		return v.show("people-why", key)
	}
	if err := v.get(query(apiPath(key), "reason", x.Reason), &x.Person); err != nil {
		if isAnswer(err, http.StatusForbidden) && v.may("consent.record") {
			v.status = http.StatusForbidden
			return v.show("people-stranger", key)
		}
		return err
	}
	for _, a := range x.Addresses {
		x.Proven[a.Hash] = slices.ContainsFunc(a.Proofs, func(p web.Proof) bool { return p.Level >= policy.Proven })
	}
	for _, r := range slices.Backward(x.Consent) {
		x.History = append(x.History, said{r, x.Worth[r.ID]})
	}
	slices.SortStableFunc(x.Reminders, func(a, b ledger.ReminderView) int { return b.Due.Compare(a.Due) })
	x.Units = v.unitsOf(x.Person)
	if x.Unit = v.unitAmong(x.Units); x.Unit != "" {
		var err error
		if x.Reach, err = v.reachOf(key, x.Unit, x.Reason, 0, reminder.Remind); err != nil {
			return err
		}
		for _, a := range x.MayAsk {
			if a.Unit == x.Unit && a.Purpose == reminder.Remind && !a.May && a.Why == "yes" {
				continue // the answer says so already
			}
			if a.Unit == x.Unit && a.Purpose == reminder.Remind {
				x.Ask = append(x.Ask, a)
			}
		}
	}
	return v.show("people-person", x)
}

// Ageless reports whether nobody may be written to because nobody knows how old the person is.
func (x personView) Ageless() bool { return slices.ContainsFunc(x.Reach, reach.Ageless) }

// unitsOf are the units that may be asked about: those where the person has appointments, else those of the grant.
func (v *visit) unitsOf(p web.Person) []unit {
	var ids []string
	for _, a := range p.MayAsk {
		if a.Unit != "" && !slices.Contains(ids, a.Unit) {
			ids = append(ids, a.Unit)
		}
	}
	if len(ids) == 0 {
		return v.ownUnits()
	}
	return v.units(ids)
}

// unitAmong is the unit of the query, else the first.
func (v *visit) unitAmong(all []unit) string {
	chosen := v.r.URL.Query().Get("unit")
	for _, u := range all {
		if u.ID == chosen {
			return chosen
		}
	}
	if len(all) == 0 {
		return ""
	}
	return all[0].ID
}
