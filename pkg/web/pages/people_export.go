package pages

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/husk-reminders/husk/pkg/consent"
	"github.com/husk-reminders/husk/pkg/reminder"
	"github.com/husk-reminders/husk/pkg/web"
)

// exportView is what the form about an export shows.
type exportView struct {
	Person          reminder.PersonKey
	LanguageOptions []map[string]string
}

// exportConsent hands out what the person said and what it is worth, as a page to read or as FHIR. It answers a POST, so that the
// reason is in no URL.
func (v *visit) exportConsent(key reminder.PersonKey) error {
	x := exportView{key, languageOptions(func(tag string) bool { return slices.Contains(consent.PageLanguages, tag) })}
	if !v.asked() {
		v.form = v.blank("as", "page", "text_language", v.words.language, "reason", v.session.Why(key))
		return v.show("people-export", x)
	}
	var in struct {
		As       string `form:"as,required"`
		Language string `form:"text_language,required"`
		Reason   string `form:"reason,required"`
	}
	f := v.read(&in)
	if f.OK() {
		path := func(language string) string {
			return query(apiPath(key, "consent"), "as", in.As, "language", language, "reason", in.Reason)
		}
		var err error
		if in.As == "page" {
			var p web.ConsentPage
			if err = v.get(path(in.Language), &p); err == nil {
				return v.download("husk-consent-"+p.Language+".html", "text/html; charset=utf-8", []byte(p.HTML))
			}
		} else {
			var raw json.RawMessage
			if err = v.get(path(""), &raw); err == nil {
				var b bytes.Buffer
				if err := json.Indent(&b, raw, "", "  "); err != nil {
					return fmt.Errorf("pages: %w", err)
				}
				return v.download("husk-consent.fhir.json", "application/fhir+json", b.Bytes())
			}
		}
		if !f.take(err) {
			return err
		}
	}
	return v.show("people-export", x)
}
