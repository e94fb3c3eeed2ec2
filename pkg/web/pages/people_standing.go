package pages

import (
	"slices"

	"github.com/husk-reminders/husk/pkg/consent"
	"github.com/husk-reminders/husk/pkg/policy"
	"github.com/husk-reminders/husk/pkg/reminder"
	"github.com/husk-reminders/husk/pkg/web"
)

// factView is what the forms about what is known of a person show.
type factView struct {
	wordView
	What     string // protected or deceased: the words are people.<What>
	On, Off  consent.Type
	Guardian reminder.PersonKey // whose custody ends
}

// careEnded takes down that the care within a scope has ended, and with it what was agreed to for as long as it lasts.
func (v *visit) careEnded(key reminder.PersonKey) error {
	x := v.wordView(key)
	if !v.asked() {
		v.form = v.blank("scope.ref", x.Scopes[0]["value"])
		return v.show("people-care", x)
	}
	var in struct {
		Scope      string `form:"scope.ref,required"`
		On         string `form:"event_time"`
		RecordedBy string `form:"recorded_by"`
	}
	f := v.read(&in)
	q := web.Consent{
		Type: consent.CareEnded, Method: consent.Desk, Actor: consent.Actor{Kind: consent.Staff}, Scope: scopeOf(in.Scope),
		EventTime: v.dayOf(f, in.On), RecordedBy: in.RecordedBy, Reason: x.Reason,
	}
	return v.record(key, f, q, "people.care.done", func() error { return v.show("people-care", x) })
}

// controllerScope is that of what is known of the person as such.
var controllerScope = consent.Scope{Kind: policy.ControllerScope}

// guardian takes down who has custody of the person.
func (v *visit) guardian(key reminder.PersonKey) error {
	x := wordView{Person: key, Reason: v.session.Why(key)}
	if !v.asked() {
		v.form = v.blank("guardian_country", string(v.firstUnit().Country), "method", string(consent.Desk))
		return v.show("people-guardian", x)
	}
	var in struct {
		Country    string `form:"guardian_country,required"`
		Guardian   string `form:"guardian"`
		Method     string `form:"method,required"`
		On         string `form:"event_time"`
		Until      string `form:"valid_until"`
		NoPlace    bool   `form:"no_place"`
		RecordedBy string `form:"recorded_by"`
	}
	f := v.read(&in)
	q := web.Consent{
		Type: consent.Custody, Method: consent.Method(in.Method), Scope: controllerScope, NoPlace: in.NoPlace,
		EventTime: v.dayOf(f, in.On), ValidUntil: v.lastDay(f, in.Until), RecordedBy: in.RecordedBy, Reason: x.Reason,
		Actor: v.speaker(f, string(consent.Guardian), in.Country, in.Guardian),
	}
	return v.record(key, f, q, "people.guardian.done", func() error { return v.show("people-guardian", x) })
}

// guardianEnded takes down that a guardian has custody no longer.
func (v *visit) guardianEnded(key reminder.PersonKey) error {
	guardian, err := reminder.ParsePersonKey(v.r.PathValue("guardian"))
	if err != nil {
		return errNotHere
	}
	x := factView{wordView: wordView{Person: key, Reason: v.session.Why(key)}, Guardian: guardian}
	if !v.asked() {
		v.form = v.blank("method", string(consent.Desk))
		return v.show("people-guardian-end", x)
	}
	var in struct {
		Method     string `form:"method,required"`
		On         string `form:"event_time"`
		RecordedBy string `form:"recorded_by"`
	}
	f := v.read(&in)
	q := web.Consent{
		Type: consent.CustodyEnded, Method: consent.Method(in.Method), Scope: controllerScope, Actor: consent.Actor{Kind: consent.Guardian, Ref: string(guardian)},
		EventTime: v.dayOf(f, in.On), RecordedBy: in.RecordedBy, Reason: x.Reason,
	}
	return v.record(key, f, q, "people.guardian.ended", func() error { return v.show("people-guardian-end", x) })
}

func (v *visit) protected(key reminder.PersonKey) error {
	return v.fact(key, "protected", consent.Protected, consent.ProtectionEnded)
}

func (v *visit) deceased(key reminder.PersonKey) error {
	return v.fact(key, "deceased", consent.Deceased, consent.NotDeceased)
}

// fact takes down what a source says of the person, or that the same source says so no longer.
func (v *visit) fact(key reminder.PersonKey, what string, on, off consent.Type) error {
	x := factView{wordView: wordView{Person: key, Reason: v.session.Why(key)}, What: what, On: on, Off: off}
	if !v.asked() {
		v.form = v.blank("type", string(on))
		return v.show("people-fact", x)
	}
	var in struct {
		Type       string `form:"type,required"`
		Method     string `form:"method,required"`
		Source     string `form:"actor.ref"`
		On         string `form:"event_time"`
		RecordedBy string `form:"recorded_by"`
	}
	f := v.read(&in)
	if in.Type != "" && !slices.Contains([]string{string(on), string(off)}, in.Type) {
		f.Wrong("type", "form.required")
	}
	q := web.Consent{
		Type: consent.Type(in.Type), Method: consent.Method(in.Method), Scope: controllerScope, Actor: consent.Actor{Kind: consent.Staff, Ref: in.Source},
		EventTime: v.dayOf(f, in.On), RecordedBy: in.RecordedBy, Reason: x.Reason,
	}
	if q.Method == consent.Register {
		q.Actor.Kind = consent.Registry
	}
	return v.record(key, f, q, "people.fact.done", func() error { return v.show("people-fact", x) })
}
