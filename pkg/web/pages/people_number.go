package pages

import (
	"cmp"

	"github.com/husk-reminders/husk/pkg/reminder"
	"github.com/husk-reminders/husk/pkg/web"
)

// numberView is what the forms about an address of nobody in particular show.
type numberView struct {
	Countries []reminder.Country
	Whole     bool // the grant is for the whole installation
}

// wrongNumber blocks an address about which somebody says that they get messages which are not theirs. Nobody needs to know whom the
// messages were meant for.
func (v *visit) wrongNumber() error {
	x := numberView{Countries: countries}
	if !v.asked() {
		v.form = v.blank("channel", string(reminder.SMS))
		return v.show("people-wrong", x)
	}
	var in struct {
		Channel string `form:"channel,required"`
		Address string `form:"address,required"`
		Country string `form:"country"`
		Reason  string `form:"reason,required"`
	}
	f := v.read(&in)
	if f.OK() {
		q := web.WrongNumber{Channel: reminder.Channel(in.Channel), Address: in.Address, Country: reminder.Country(in.Country), Reason: in.Reason}
		err := v.post("/v1/addresses/wrong", q, nil)
		if err == nil {
			return cmp.Or(v.say("done", "people.wrong.done"), v.see("/replies"))
		}
		if !f.take(err) {
			return err
		}
	}
	return v.show("people-wrong", x)
}

// barNumber takes a STOP or a START that did not come by reply.
func (v *visit) barNumber() error {
	x := numberView{Countries: countries, Whole: len(v.session.Staff().Units) == 0}
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
	if f.OK() {
		start := in.What == "start"
		q := web.Bar{Channel: reminder.Channel(in.Channel), Address: in.Address, Country: reminder.Country(in.Country), Lifted: start, Reason: in.Reason}
		err := v.post("/v1/addresses/bars", q, nil)
		if err == nil {
			done := "people.stop.done"
			if start {
				done = "people.start.done"
			}
			return cmp.Or(v.say("done", done), v.see("/people"))
		}
		if !f.take(err) {
			return err
		}
	}
	return v.show("people-stop", x)
}
