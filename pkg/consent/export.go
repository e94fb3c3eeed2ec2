package consent

import (
	"errors"
	"time"

	"github.com/husk-reminders/husk/pkg/policy"
	"github.com/husk-reminders/husk/pkg/reminder"
)

// Facts are what an export says beside the records. It holds no name and no national id: whoever hands it over knows whose it is.
type Facts struct {
	Person     reminder.PersonKey
	BirthDate  reminder.Date // decides what a guardian's word is worth; not exported
	Pack       policy.Pack   // in force at At
	Controller Controller
	At         time.Time
}

// Controller is the organisation that answers for the records (GDPR Article 4(7)).
type Controller struct {
	ID   string // token or organisation number
	Name string
}

// ErrExport is the error of an export that lacks something.
var ErrExport = errors.New("consent: export")

func (f Facts) check() error {
	switch {
	case f.Person == "":
		return errors.Join(ErrExport, errors.New("person: want a person key"))
	case f.Pack.IsZero():
		return errors.Join(ErrExport, errors.New("pack: want the policy pack in force"))
	case f.At.IsZero():
		return errors.Join(ErrExport, errors.New("at: want the instant of the export"))
	}
	return nil
}
