package pages

import (
	"net/http"
	"net/url"

	"github.com/husk-reminders/husk/pkg/web"
)

// releaseView is what the view sent-release shows.
type releaseView struct {
	textView
	Reason string // "" = not given yet: it is the first of two steps
}

func (v *visit) sentRelease() error {
	x, err := v.life()
	if err != nil {
		return err
	}
	return v.show("sent-release", releaseView{textView: textView{lifeView: x}})
}

// release takes two steps: the reason, which shows the message, and the confirmation. Whether a message can be released is for the
// staff API to say: it is asked whatever the page has shown.
func (v *visit) release() error {
	var in struct {
		Reason    string `form:"reason,required"`
		Confirmed bool   `form:"confirmed"`
	}
	f := v.read(&in)
	if f.OK() && in.Confirmed {
		err := v.post(v.reminderAPI("release"), web.Why{Reason: in.Reason}, nil)
		if err == nil {
			return v.done(v.reminderPath(), "sent.released")
		}
		if !f.take(err) {
			return err
		}
		in.Reason = ""
		if isAnswer(err, http.StatusConflict) {
			v.status = http.StatusConflict
		}
	}
	life, err := v.life()
	if err != nil {
		return err
	}
	x := releaseView{textView: textView{lifeView: life}}
	if f.OK() && life.Release {
		if err := v.write(&x.textView, in.Reason); err != nil {
			return err
		}
	}
	if f.OK() {
		x.Reason = in.Reason
	}
	return v.show("sent-release", x)
}

// reminderPath is the page of the reminder in the path.
func (v *visit) reminderPath() string {
	return query("/sent/"+url.PathEscape(v.r.PathValue("id")), "person", v.r.URL.Query().Get("person"))
}

// reminderAPI is what the staff API does to that reminder.
func (v *visit) reminderAPI(what string) string {
	return "/v1/reminders/" + url.PathEscape(v.r.PathValue("id")) + "/" + what
}

func (v *visit) sentCancel() error {
	x, err := v.life()
	if err != nil {
		return err
	}
	return v.show("sent-cancel", x)
}

func (v *visit) cancel() error {
	var in struct {
		Reason string `form:"reason,required"`
	}
	f := v.read(&in)
	return v.submit(f, v.reminderAPI("cancel"), web.Why{Reason: in.Reason}, func() error { return v.done(v.reminderPath(), "sent.cancelled") }, v.sentCancel)
}
