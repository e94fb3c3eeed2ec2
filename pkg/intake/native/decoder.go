package native

import (
	"errors"
	"regexp"
	"strings"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/husk-reminders/husk/pkg/intake"
	"github.com/husk-reminders/husk/pkg/reminder"
)

// ContentType is the media type of native events. Events without a Content-Type are taken for native too.
const ContentType = "application/json"

// Options are what a Decoder needs.
type Options struct {
	Pseudonyms reminder.Pseudonyms // turns the national id into a PersonKey
}

// Decoder decodes native events. It is pure and safe for concurrent use.
type Decoder struct{ pseudonyms reminder.Pseudonyms }

var _ intake.Decoder = (*Decoder)(nil)

// New checks the options.
func New(o Options) (*Decoder, error) {
	if o.Pseudonyms.IsZero() {
		return nil, errors.New("native: no pseudonym key")
	}
	return &Decoder{o.Pseudonyms}, nil
}

var (
	tokenRE       = regexp.MustCompile(`^[a-z0-9-]{1,32}$`)
	appointmentRE = regexp.MustCompile(`^[!-~]{1,128}$`)
	languageRE    = regexp.MustCompile(`^[A-Za-z]{2,3}(-[A-Za-z0-9]{1,8}){0,3}$`)
	zoneRE        = regexp.MustCompile(`^[A-Za-z0-9_+/-]{1,64}$`)
	dateRE        = regexp.MustCompile(`^(18|19|20)[0-9]{2}-[0-9]{2}-[0-9]{2}$`)
	startRE       = regexp.MustCompile(`^20[0-9]{2}-[0-9]{2}-[0-9]{2}T([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9](\.[0-9]{1,9})?)?(Z|[+-](0[0-9]|1[0-4]):[0-5][0-9])?$`)
	instantRE     = regexp.MustCompile(`^20[0-9]{2}-[0-9]{2}-[0-9]{2}T([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](\.[0-9]{1,9})?(Z|[+-](0[0-9]|1[0-4]):[0-5][0-9])$`)
)

const (
	nameFix     = "want 1 to 32 of a-z, 0-9 and -"
	startFix    = "want a local time 2026-03-12T14:30:00, or one with an offset, 2026-03-12T14:30:00+01:00"
	instantFix  = "want RFC 3339 with an offset: 2026-03-12T14:30:00+01:00"
	birthFix    = "want the day of birth as YYYY-MM-DD, not after the appointment"
	minutesFix  = "want a whole number from 1 to 1440"
	revisionFix = "want a whole number above 0, or leave it out"
)

// Decode reads one event. The subject must be husk.events.<system>.<unit> with the event's own system and unit: subjects are
// what the broker gives publishers rights on. Errors are *intake.MalformedError.
func (d *Decoder) Decode(subject string, _ nats.Header, data []byte) (reminder.Appointment, error) {
	if len(data) > intake.MaxEvent {
		return reminder.Appointment{}, &intake.MalformedError{Reason: intake.ReasonTooLarge, Fix: "an event has at most 64 KiB"}
	}
	m, err := parse(data)
	if err != nil {
		return reminder.Appointment{}, err
	}
	a := d.appointment(fields{m: m, err: &err})
	if err != nil {
		return reminder.Appointment{}, err
	}
	if subject != intake.SubjectPrefix+a.System+"."+a.Unit {
		return reminder.Appointment{}, &intake.MalformedError{Reason: intake.ReasonSubject, Fix: "the subject must be husk.events.<system>.<unit> with the event's own system and unit"}
	}
	return a, nil
}

func (d *Decoder) appointment(f fields) reminder.Appointment {
	f.only("system", "appointment", "revision", "updated", "status", "start", "zone", "minutes", "unit", "kind", "patient", "others")
	a := reminder.Appointment{
		System: f.matching("system", true, tokenRE, nameFix),
		ID:     f.matching("appointment", true, appointmentRE, "want 1 to 128 printable ASCII characters without spaces"),
		Status: reminder.Status(f.oneOf("status", string(reminder.Booked), string(reminder.Cancelled))),
		Start:  start(f),
		Length: time.Duration(f.integer("minutes", true, 1, 1440, minutesFix)) * time.Minute,
		Unit:   f.matching("unit", true, tokenRE, nameFix),
		Kind:   f.matching("kind", false, tokenRE, nameFix),
		Others: others(f),
	}
	a.Order.Revision = uint64(f.integer("revision", false, 1, maxRevision, revisionFix)) // not negative
	if s := f.matching("updated", false, instantRE, instantFix); s != "" {
		t, err := time.Parse(time.RFC3339, s)
		if err != nil {
			f.fail("updated", instantFix)
		}
		a.Order.SourceTime = t.UTC()
	}
	d.patient(f.object("patient"), &a)
	if *f.err == nil {
		a.Key = d.pseudonyms.Appointment(a.System, a.ID)
	}
	return a
}

// start reads start and zone.
func start(f fields) time.Time {
	const zoneFix = "want an IANA time zone such as Europe/Copenhagen"
	zone := f.matching("zone", true, zoneRE, zoneFix)
	s := f.matching("start", true, startRE, startFix)
	if *f.err != nil {
		return time.Time{}
	}
	l, err := reminder.LoadZone(zone)
	if err != nil {
		f.fail("zone", zoneFix)
		return time.Time{}
	}
	for _, layout := range []string{time.RFC3339, "2006-01-02T15:04Z07:00"} {
		if t, err := time.Parse(layout, s); err == nil {
			return t.In(l).Truncate(time.Second)
		}
	}
	for _, layout := range []string{"2006-01-02T15:04:05", "2006-01-02T15:04"} {
		t, err := time.Parse(layout, s)
		if err != nil {
			continue
		}
		y, month, day := t.Date()
		h, minute, sec := t.Clock()
		at, exists := reminder.LocalTime(y, month, day, h, minute, sec, l)
		if !exists {
			f.fail("start", "the clocks skip this local time when summer time begins: send the time with its offset")
		}
		return at
	}
	f.fail("start", startFix)
	return time.Time{}
}

func (d *Decoder) patient(f fields, a *reminder.Appointment) {
	f.only("id", "country", "given_name", "language", "birth_date", "protected", "deceased")
	country := reminder.Country(f.oneOf("country", countryNames...))
	id := f.matching("id", true, idRE, "want the register's number")
	a.GivenName = f.text("given_name")
	if s := f.matching("language", false, languageRE, "want a BCP 47 tag such as da, sv, nb-NO or en"); s != "" {
		a.Language = reminder.PrimaryLanguage(s)
	}
	a.Protected, a.Deceased = f.boolean("protected"), f.boolean("deceased")
	if s := f.matching("birth_date", false, dateRE, birthFix); s != "" {
		born, err := reminder.ParseDate(s)
		if err != nil || born.Age(a.Start) < 0 {
			f.fail("birth_date", birthFix)
		}
		a.BirthDate = born
	}
	if *f.err != nil {
		return
	}
	seen := a.Start
	if !a.Order.SourceTime.IsZero() {
		seen = a.Order.SourceTime
	}
	canonical, born, err := Canonical(country, id, a.BirthDate, seen)
	if err != nil {
		f.fail("id", strings.TrimPrefix(err.Error(), ErrNationalID.Error()+": "))
		return
	}
	if a.BirthDate.IsZero() && born.Age(a.Start) >= 0 {
		a.BirthDate = born
	}
	a.NationalID = reminder.NewNationalID(country, canonical)
	a.Person = d.pseudonyms.Person(a.NationalID)
}

func others(f fields) []reminder.Other {
	var out []reminder.Other
	for _, v := range f.list("others", 20) {
		o := fields{path: "others.", err: f.err}
		var ok bool
		if o.m, ok = v.(map[string]any); !ok {
			f.fail("others", "want objects")
			return nil
		}
		o.only("role", "names", "phones", "mails")
		out = append(out, reminder.Other{
			Role:   reminder.Role(o.oneOf("role", string(reminder.Relative), string(reminder.Guardian), string(reminder.Referrer), string(reminder.Interpreter))),
			Names:  o.texts("names"),
			Phones: o.texts("phones"),
			Mails:  o.texts("mails"),
		})
	}
	return out
}
