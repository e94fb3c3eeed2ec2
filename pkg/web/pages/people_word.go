package pages

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/husk-reminders/husk/pkg/consent"
	"github.com/husk-reminders/husk/pkg/policy"
	"github.com/husk-reminders/husk/pkg/reminder"
	"github.com/husk-reminders/husk/pkg/web"
)

// wordView is what the forms about a person's words show.
type wordView struct {
	Person reminder.PersonKey
	Reason string              // of the session; "" = the form asks for one
	Scopes []map[string]string // to choose from
	// Languages are those that information is written in, by their own names.
	Languages []map[string]string
}

// noticeLanguages are what people are informed in, by their own names.
var noticeLanguages = []struct{ tag, name string }{
	{"da", "Dansk"}, {"sv", "Svenska"}, {"nb", "Norsk bokmål"}, {"nn", "Norsk nynorsk"}, {"se", "Davvisámegiella"}, {"fi", "Suomi"}, {"is", "Íslenska"},
	{"en", "English"}, {"de", "Deutsch"}, {"pl", "Polski"}, {"uk", "Українська"}, {"ar", "العربية"}, {"so", "Soomaali"}, {"tr", "Türkçe"},
}

// wordView makes it, with the scopes that the grant has: its units, their hospitals, and the whole.
func (v *visit) wordView(key reminder.PersonKey) wordView {
	x := wordView{Person: key, Reason: v.session.Why(key)}
	for _, l := range noticeLanguages {
		x.Languages = append(x.Languages, map[string]string{"value": l.tag, "text": l.name})
	}
	add := func(value, text string) {
		if !slices.ContainsFunc(x.Scopes, func(s map[string]string) bool { return s["value"] == value }) {
			x.Scopes = append(x.Scopes, map[string]string{"value": value, "text": text})
		}
	}
	own := v.ownUnits()
	for _, u := range own {
		add("unit:"+u.ID, u.Name)
	}
	for _, u := range own {
		if u, ok := v.unit(u.ID); ok {
			add("hospital:"+u.Hospital, v.words.must("people.scope.hospital", u.Hospital))
		}
	}
	add("controller", v.words.must("people.scope.controller"))
	return x
}

// scopeOf is a scope as a form has it.
func scopeOf(s string) consent.Scope {
	kind, ref, _ := strings.Cut(s, ":")
	return consent.Scope{Kind: policy.Scope(kind), Ref: ref}
}

// dayOf is the beginning of the day on which something was said, the field event_time; the zero time of none, and of today, which is now.
func (v *visit) dayOf(f *form, s string) time.Time {
	if s == "" {
		return time.Time{}
	}
	zone := v.zone()
	t, err := time.ParseInLocation(time.DateOnly, s, zone)
	if err != nil {
		f.Wrong("event_time", "people.date.wrong")
		return time.Time{}
	}
	if y, m, d := v.o.Now().In(zone).Date(); t.Equal(time.Date(y, m, d, 0, 0, 0, 0, zone)) {
		return time.Time{}
	}
	return t
}

// lastDay is the end of the last day, the field valid_until: what holds up to it holds on it.
func (v *visit) lastDay(f *form, s string) time.Time {
	t, err := time.ParseInLocation(time.DateOnly, s, v.zone())
	if s != "" && err != nil {
		f.Wrong("valid_until", "people.date.wrong")
	}
	if s == "" || err != nil {
		return time.Time{}
	}
	return t.AddDate(0, 0, 1)
}

// speaker is who said a word: the person, or a guardian by the national id that staff typed.
func (v *visit) speaker(f *form, kind, country, id string) consent.Actor {
	if kind != string(consent.Guardian) {
		return consent.Actor{Kind: consent.ActorKind(kind)}
	}
	return consent.Actor{Kind: consent.Guardian, Ref: string(v.guardianKey(f, country, id))}
}

// guardianKey is the pseudonym of a guardian, whose id does not come back into the page.
func (v *visit) guardianKey(f *form, country, id string) reminder.PersonKey {
	defer f.Values.Del("guardian")
	if id == "" {
		f.Wrong("guardian", "people.guardian.who")
		return ""
	}
	key, err := v.keyOf(country, id)
	var e *web.Error
	switch {
	case err == nil:
		return key
	case errors.As(err, &e) && e.Field != "":
		f.Wrong("guardian", "wrong.id")
	default:
		f.Wrong("", "people.guardian.failed")
	}
	return ""
}

// record has the staff API take a word down, and leads back to the person. again shows the form once more.
func (v *visit) record(key reminder.PersonKey, f *form, q web.Consent, done string, again func() error) error {
	return v.submit(f, apiPath(key, "consent"), q, func() error { return v.done(personPath(key), done) }, again)
}

var fingerprint = regexp.MustCompile(`^[0-9a-f]{64}$`)

// hashOf is the SHA-256 of a text, or the text where it is one.
func hashOf(text string) string {
	if text == "" || fingerprint.MatchString(strings.TrimSpace(text)) {
		return strings.TrimSpace(text)
	}
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:])
}

func as[T ~string](ss []string) []T {
	var out []T
	for _, s := range ss {
		out = append(out, T(s))
	}
	return out
}

// yes takes down that the person agreed, or was told and did not object.
func (v *visit) yes(key reminder.PersonKey) error {
	x := v.wordView(key)
	if !v.asked() {
		shown := v.session.Shown
		v.form = v.blank(
			"type", string(consent.Granted), "actor.kind", string(consent.Self), "method", string(consent.Desk), "purposes", string(reminder.Remind),
			"scope.ref", x.Scopes[0]["value"], "notice.id", shown.ID, "notice.hash", shown.Hash, "notice.language", shown.Language,
			"guardian_country", string(v.firstUnit().Country),
		)
		return v.show("people-yes", x)
	}
	var in struct {
		Type            string   `form:"type,required"`
		Actor           string   `form:"actor.kind,required"`
		GuardianCountry string   `form:"guardian_country"`
		Guardian        string   `form:"guardian"`
		Method          string   `form:"method,required"`
		Purposes        []string `form:"purposes,required"`
		Channels        []string `form:"channels,required"`
		Scope           string   `form:"scope.ref,required"`
		Notice          string   `form:"notice.id,required"`
		Text            string   `form:"notice.hash,required,raw"`
		Language        string   `form:"notice.language,required"`
		On              string   `form:"event_time"`
		Until           string   `form:"valid_until"`
		CareContact     bool     `form:"care_contact"`
		UntilAge        int      `form:"validity.until_age"`
		AddressAge      string   `form:"address_age"`
		Basis           string   `form:"legal_basis"`
		Ceiling         string   `form:"ceiling"`
		Sample          string   `form:"sample.text,raw"`
		TakeBack        []string `form:"take_back"`
		RecordedBy      string   `form:"recorded_by"`
	}
	f := v.read(&in)
	q := web.Consent{
		Type: consent.Type(in.Type), Method: consent.Method(in.Method), Purposes: as[reminder.Purpose](in.Purposes), Channels: as[reminder.Channel](in.Channels),
		Scope: scopeOf(in.Scope), Notice: consent.Notice{ID: in.Notice, Hash: hashOf(in.Text), Language: in.Language},
		EventTime: v.dayOf(f, in.On), ValidUntil: v.lastDay(f, in.Until), CareContact: in.CareContact, UntilAge: in.UntilAge,
		AddressAge: in.AddressAge, LegalBasis: consent.LegalBasis(in.Basis), Ceiling: consent.Ceiling(in.Ceiling), Sample: in.Sample,
		TakeBack: as[consent.Method](in.TakeBack), RecordedBy: in.RecordedBy, Reason: x.Reason,
	}
	if q.Method == consent.NemSMS || q.Method == consent.KRR {
		q.Actor.Kind = consent.Registry
		f.Values.Del("guardian")
	} else {
		q.Actor = v.speaker(f, in.Actor, in.GuardianCountry, in.Guardian)
	}
	if f.OK() {
		s, err := v.o.Sessions.Change(v.ctx(), v.token, func(s *web.Session) { s.Shown = q.Notice })
		if err != nil {
			return err
		}
		v.session = s
	}
	return v.record(key, f, q, "people.yes.done", func() error { return v.show("people-yes", x) })
}

// no takes a refusal or a withdrawal down. When it is answered it is final.
func (v *visit) no(key reminder.PersonKey) error {
	x := v.wordView(key)
	if !v.asked() {
		v.form = v.blank("type", string(consent.Withdrawn), "actor.kind", string(consent.Self), "method", string(consent.Phone),
			"scope.ref", "controller", "guardian_country", string(v.firstUnit().Country))
		return v.show("people-no", x)
	}
	var in struct {
		Type            string   `form:"type,required"`
		Actor           string   `form:"actor.kind,required"`
		GuardianCountry string   `form:"guardian_country"`
		Guardian        string   `form:"guardian"`
		Method          string   `form:"method,required"`
		Purposes        []string `form:"purposes"`
		Channels        []string `form:"channels"`
		Scope           string   `form:"scope.ref,required"`
		On              string   `form:"event_time"`
		RecordedBy      string   `form:"recorded_by"`
	}
	f := v.read(&in)
	q := web.Consent{
		Type: consent.Type(in.Type), Method: consent.Method(in.Method), Purposes: as[reminder.Purpose](in.Purposes), Channels: as[reminder.Channel](in.Channels),
		Scope: scopeOf(in.Scope), EventTime: v.dayOf(f, in.On), RecordedBy: in.RecordedBy, Reason: x.Reason,
		Actor: v.speaker(f, in.Actor, in.GuardianCountry, in.Guardian),
	}
	return v.record(key, f, q, "people.no.done", func() error { return v.show("people-no", x) })
}
