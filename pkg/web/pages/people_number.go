package pages

import (
	"github.com/husk-reminders/husk/pkg/reminder"
	"github.com/husk-reminders/husk/pkg/web"
)

// numberView is what the form about a STOP shows.
type numberView struct {
	Whole bool // the grant is for the whole installation
}

// wrongNumber blocks an address about which somebody says that they get messages which are not theirs. Nobody needs to know whom the
// messages were meant for.
func (v *visit) wrongNumber() error {
	if !v.asked() {
		v.form = v.blank("channel", string(reminder.SMS))
		return v.show("people-wrong", nil)
	}
	var in struct {
		Channel string `form:"channel,required"`
		Address string `form:"address,required"`
		Country string `form:"country"`
		Reason  string `form:"reason,required"`
	}
	f := v.read(&in)
	q := web.WrongNumber{Channel: reminder.Channel(in.Channel), Address: in.Address, Country: reminder.Country(in.Country), Reason: in.Reason}
	return v.submit(f, "/v1/addresses/wrong", q,
		func() error { return v.done("/replies", "people.wrong.done") },
		func() error { return v.show("people-wrong", nil) },
	)
}

// barNumber takes a STOP or a START that did not come by reply.
func (v *visit) barNumber() error {
	x := numberView{Whole: len(v.session.Staff().Units) == 0}
	if !v.asked() {
		v.form = v.blank("what", "stop", "channel", string(reminder.SMS))
		return v.show("people-stop", x)
	}
	var in struct {
		What    string `form:"what,required"`
		Channel string `form:"channel,required"`
		Address string `form:"address,required"`
		Country string `form:"country"`
		Reason  string `form:"reason,required"`
	}
	f := v.read(&in)
	q := web.Bar{Channel: reminder.Channel(in.Channel), Address: in.Address, Country: reminder.Country(in.Country), Lifted: in.What == "start", Reason: in.Reason}
	done := "people.stop.done"
	if q.Lifted {
		done = "people.start.done"
	}
	return v.submit(f, "/v1/addresses/bars", q,
		func() error { return v.done("/people", done) },
		func() error { return v.show("people-stop", x) },
	)
}
