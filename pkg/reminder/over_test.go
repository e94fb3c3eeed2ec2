package reminder_test

import (
	"bytes"
	"slices"
	"testing"

	defaults "github.com/husk-reminders/husk/config"
	"github.com/husk-reminders/husk/pkg/reminder"
)

func TestOverLeavesChannelsWithoutACarrierOut(t *testing.T) {
	all, err := reminder.ReadUnits(bytes.NewReader(defaults.Units))
	if err != nil {
		t.Fatal(err)
	}
	both := 0
	for _, u := range all.Over(reminder.Email).Units() {
		whole, _ := all.Unit(u.ID)
		if slices.Contains(u.Channels, reminder.SMS) {
			t.Errorf("%s keeps a channel without a carrier", u.ID)
		}
		if slices.Contains(whole.Channels, reminder.Email) != slices.Contains(u.Channels, reminder.Email) {
			t.Errorf("%s loses a channel with a carrier", u.ID)
		}
		if len(whole.Channels) == 2 {
			both++
		}
	}
	if both == 0 {
		t.Error("no unit has both channels: this test shows nothing, or Over changed the directory itself")
	}
}
