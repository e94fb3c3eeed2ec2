package pages

import (
	"cmp"
	"errors"
	"net/http"
	"net/url"

	"github.com/husk-reminders/husk/pkg/web"
)

// isConflict reports that the staff API could not do it as things stand.
func isConflict(err error) bool {
	var e *web.Error
	return errors.As(err, &e) && e.GetStatus() == http.StatusConflict
}

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
		err := v.post("/v1/reminders/"+url.PathEscape(v.r.PathValue("id"))+"/release", web.Why{Reason: in.Reason}, nil)
		if err == nil {
			return cmp.Or(v.say("done", "sent.released"), v.seeReminder())
		}
		if !f.take(err) {
			return err
		}
		in.Reason = ""
		if isConflict(err) {
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

// seeReminder leads on to the page of the reminder in the path.
func (v *visit) seeReminder() error {
	return v.see(query("/sent/"+url.PathEscape(v.r.PathValue("id")), "person", v.r.URL.Query().Get("person")))
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
	if f.OK() {
		err := v.post("/v1/reminders/"+url.PathEscape(v.r.PathValue("id"))+"/cancel", web.Why{Reason: in.Reason}, nil)
		if err == nil {
			return cmp.Or(v.say("done", "sent.cancelled"), v.seeReminder())
		}
		if !f.take(err) {
			return err
		}
	}
	x, err := v.life()
	if err != nil {
		return err
	}
	return v.show("sent-cancel", x)
}
