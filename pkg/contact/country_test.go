package contact_test

import (
	"testing"

	"github.com/husk-reminders/husk/pkg/contact"
	"github.com/husk-reminders/husk/pkg/reminder"
)

func TestCountry(t *testing.T) {
	for to, want := range map[reminder.Address]reminder.Country{
		reminder.NewAddress(reminder.SMS, "+4520123456"):       "DK",
		reminder.NewAddress(reminder.SMS, "+46701740605"):      "SE",
		reminder.NewAddress(reminder.SMS, "+4740123456"):       "NO",
		reminder.NewAddress(reminder.SMS, "+3546112233"):       "IS",
		reminder.NewAddress(reminder.SMS, "+358401234567"):     "FI",
		reminder.NewAddress(reminder.SMS, "+88213123456"):      "",
		reminder.NewAddress(reminder.SMS, "20123456"):          "",
		reminder.NewAddress(reminder.Email, "a@hospital.dk"):   "",
		reminder.NewAddress(reminder.Email, "+4520123456@x.y"): "",
	} {
		if got := contact.Country(to); got != want {
			t.Errorf("%s %q, want %q", to.Channel, got, want)
		}
	}
}
