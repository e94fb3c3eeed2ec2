package pages

import (
	"errors"
	"net/http"

	"github.com/husk-reminders/husk/pkg/reminder"
	"github.com/husk-reminders/husk/pkg/web"
)

// codeView is what the forms about a one-time code show.
type codeView struct {
	addressView
	UnitOptions, LanguageOptions []map[string]string
}

// languageOptions are the languages that can be chosen, as a select has them.
func languageOptions(may func(tag string) bool) []map[string]string {
	var all []map[string]string
	for _, l := range languages {
		if may(l.tag) {
			all = append(all, map[string]string{"value": l.tag, "text": l.name})
		}
	}
	return all
}

// sendCode sends the person a code, to a number that they say is theirs, and leads on to where it is checked.
func (v *visit) sendCode(key reminder.PersonKey) error {
	a, err := v.ofAddress(key)
	if err != nil {
		return err
	}
	x := codeView{addressView: a, UnitOptions: v.unitOptions(), LanguageOptions: languageOptions(func(string) bool { return true })}
	if !v.asked() {
		return v.show("people-code", x)
	}
	var in struct {
		Address  string `form:"address,required"`
		Country  string `form:"country"`
		Unit     string `form:"unit,required"`
		Language string `form:"text_language"`
	}
	f := v.read(&in)
	if f.OK() {
		q := web.CodeWanted{Address: in.Address, Country: reminder.Country(in.Country), Unit: in.Unit, Language: in.Language, Reason: v.session.Why(key)}
		var sent web.CodeSent
		err := v.post(apiPath(key, "codes"), q, &sent)
		switch {
		case err == nil && sent.Sure:
			return v.done(personPath(key, "code", string(sent.Hash)), "people.code.sent")
		case err == nil:
			return v.lead(personPath(key, "code", string(sent.Hash)), "note", "people.code.unsure")
		}
		if !f.takeCode(err) {
			return err
		}
	}
	return v.show("people-code", x)
}

// takeCode makes the reason for which a code was not sent into an error of the form; others as take does.
func (f *form) takeCode(err error) bool {
	var e *web.Error
	if !errors.As(err, &e) || e.Reason == "" {
		return f.take(err)
	}
	for _, prefix := range []string{"people.code.why.", "reason."} {
		if text, err := f.words.text(prefix + e.Reason); err == nil {
			f.Errors = append(f.Errors, wrong{Text: text})
			return true
		}
	}
	f.Errors = append(f.Errors, wrong{Text: e.Text, English: true})
	return true
}

// checkCode compares what the person tells. The right code proves the number.
func (v *visit) checkCode(key reminder.PersonKey) error {
	x, err := v.ofAddress(key)
	if err != nil {
		return err
	}
	if !v.asked() {
		return v.show("people-code-check", x)
	}
	var in struct {
		Code string `form:"code,required"`
	}
	f := v.read(&in)
	f.Values.Del("code")
	if f.OK() {
		var c web.CodeChecked
		err := v.post(apiPath(key, "codes", "check"), web.CodeTold{Hash: x.Hash, Code: in.Code, Reason: v.session.Why(key)}, &c)
		switch {
		case err == nil && c.Proven:
			return v.done(personPath(key), "people.code.right")
		case err == nil && c.Outcome == "wrong":
			text, err := v.words.count("people.code.wrong", c.Left)
			if err != nil {
				return err
			}
			f.Errors = append(f.Errors, wrong{Field: "code", Text: text})
		case err == nil:
			f.Wrong("", "people.code.over."+c.Outcome)
		case !f.take(err):
			return err
		}
	}
	return v.show("people-code-check", x)
}

// askRegisters asks the national registers about the person now.
func (v *visit) askRegisters(key reminder.PersonKey) error {
	if !v.asked() {
		return v.show("people-registers", key)
	}
	var got web.Asked
	if err := v.post(apiPath(key, "verify"), web.Ask{Reason: v.session.Why(key)}, &got); err != nil {
		return err
	}
	if len(got.Answers) == 0 {
		return v.lead(personPath(key), "note", "people.registers.none")
	}
	for _, a := range got.Answers {
		name, err := v.words.text("people.proof." + a.Method)
		if err != nil {
			name = a.Method
		}
		kind := "note"
		if a.Verdict == "yes" {
			kind = "done"
		}
		if err := v.say(kind, "people.registers."+a.Verdict, name); err != nil {
			return err
		}
		if a.Reserved {
			if err := v.say("note", "people.registers.reserved", name); err != nil {
				return err
			}
		}
	}
	return v.see(personPath(key))
}

// download answers with a file that is kept nowhere on the way.
func (v *visit) download(name, media string, b []byte) error {
	h := v.w.Header()
	h.Set("Content-Type", media)
	h.Set("Content-Disposition", `attachment; filename="`+name+`"`)
	v.w.WriteHeader(http.StatusOK)
	_, err := v.w.Write(b)
	return err
}
