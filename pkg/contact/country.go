package contact

import (
	"github.com/nyaruka/phonenumbers/v2"

	"github.com/husk-reminders/husk/pkg/reminder"
)

// Country is where a phone number belongs, by its country code and the numbering plans of those who share one; "" for what is no phone
// number, or one of no country's.
func Country(a reminder.Address) reminder.Country {
	if a.Channel != reminder.SMS {
		return ""
	}
	n, err := phonenumbers.Parse(a.Reveal(), "")
	if err != nil {
		return ""
	}
	switch c := phonenumbers.GetRegionCodeForNumber(n); c {
	case "ZZ", "001": // none, and numbers of no country
		return ""
	default:
		return reminder.Country(c)
	}
}
