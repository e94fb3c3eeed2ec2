package pages

import (
	"net/http"
	"net/url"
	"slices"

	"github.com/husk-reminders/husk/pkg/web"
)

// adminPages are about who works with Husk, and what stays behind.
func (p *Pages) adminPages() []page {
	return []page{
		{method: http.MethodGet, pattern: "/sessions", operation: "session.list", section: "sessions", serve: (*visit).sessions},
		{method: http.MethodPost, pattern: "/sessions/{id}/revoke", operation: "session.revoke", serve: (*visit).revokeSession},
		{method: http.MethodGet, pattern: "/keys", operation: "apikey.list", section: "keys", serve: (*visit).keys},
		{method: http.MethodGet, pattern: "/keys/{id}/revoke", operation: "apikey.revoke", serve: (*visit).revokeKeyForm},
		{method: http.MethodPost, pattern: "/keys/{id}/revoke", operation: "apikey.revoke", serve: (*visit).revokeKey},
		{method: http.MethodGet, pattern: "/audit", operation: "audit.list", section: "audit", serve: (*visit).audit},
		{method: http.MethodGet, pattern: "/dead", operation: "dead.list", section: "dead", serve: (*visit).dead},
		{method: http.MethodGet, pattern: "/dead/{id}", operation: "dead.show", serve: (*visit).deadForm},
		{method: http.MethodPost, pattern: "/dead/{id}", operation: "dead.show", serve: (*visit).deadLetter},
		{method: http.MethodGet, pattern: "/dead/{id}/replay", operation: "dead.replay", serve: (*visit).replayForm},
		{method: http.MethodPost, pattern: "/dead/{id}/replay", operation: "dead.replay", serve: (*visit).replay},
		{method: http.MethodGet, pattern: "/carriers", operation: "carrier.list", section: "carriers", serve: (*visit).carriers},
		{method: http.MethodPost, pattern: "/carriers", operation: "carrier.list", serve: (*visit).tryCarriers},
	}
}

func (v *visit) sessions() error {
	var all []web.SignedIn
	if err := v.get("/v1/sessions", &all); err != nil {
		return err
	}
	return v.show("sessions", map[string]any{"Sessions": all, "Own": v.session.ID})
}

func (v *visit) revokeSession() error {
	if err := v.post("/v1/sessions/"+url.PathEscape(v.r.PathValue("id"))+"/revoke", nil, nil); err != nil {
		return err
	}
	if v.r.PathValue("id") != v.session.ID {
		if err := v.say("done", "sessions.revoked"); err != nil {
			return err
		}
	}
	return v.see("/sessions")
}

func (v *visit) keys() error {
	var all []web.APIKey
	if err := v.get("/v1/apikeys", &all); err != nil {
		return err
	}
	return v.show("keys", map[string]any{"Keys": all, "Now": v.o.Now()})
}

// key finds an API key of the listing.
func (v *visit) key() (web.APIKey, error) {
	var all []web.APIKey
	if err := v.get("/v1/apikeys", &all); err != nil {
		return web.APIKey{}, err
	}
	i := slices.IndexFunc(all, func(k web.APIKey) bool { return k.ID == v.r.PathValue("id") })
	if i < 0 {
		return web.APIKey{}, errNotHere
	}
	return all[i], nil
}

func (v *visit) revokeKeyForm() error {
	k, err := v.key()
	if err != nil {
		return err
	}
	return v.show("keys-revoke", k)
}

func (v *visit) revokeKey() error {
	if err := v.post("/v1/apikeys/"+url.PathEscape(v.r.PathValue("id"))+"/revoke", nil, nil); err != nil {
		return err
	}
	return v.done("/keys", "keys.revoked.done")
}
