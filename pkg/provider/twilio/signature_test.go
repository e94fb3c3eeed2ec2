package twilio_test

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/twilio/twilio-go/client"

	"github.com/husk-reminders/husk/pkg/provider/twilio"
)

// The example of https://www.twilio.com/docs/usage/security.
func TestDocumentedSignature(t *testing.T) {
	got := twilio.Sign("12345", "https://mycompany.com/myapp.php?foo=1&bar=2", map[string]string{
		"Digits": "1234", "CallSid": "CA1234567890ABCDE", "To": "+18005551212", "Caller": "+14158675309", "From": "+14158675309",
		"ReasonConferenceEnded": "test", "Reason": "Participant",
	})
	if want := "vOEb5UThFn24KEfnOFLQY2AE5FY="; got != want {
		t.Errorf("%s, the document has %s", got, want)
	}
}

// TestAgainstTwiliosValidator has Twilio's own library judge our signatures, and us those that it would take.
func TestAgainstTwiliosValidator(t *testing.T) {
	oracle := client.NewRequestValidator(token)
	rnd := rand.New(rand.NewPCG(1, 2))
	letters := []rune("aZ09 +&=%æ🦷_-:/?#")
	word := func() string {
		r := make([]rune, rnd.IntN(12))
		for i := range r {
			r[i] = letters[rnd.IntN(len(letters))]
		}
		return string(r)
	}
	for i, base := range []string{"https://husk.example.org/hooks/twilio", "https://husk.example.org:443/hooks/twilio", "https://husk.example.org:8443/hooks/twilio"} {
		s, err := twilio.New(twilio.Options{Callback: base, Config: twilio.Config{AccountSID: account, AuthTokenFile: file(t, token)}})
		if err != nil {
			t.Fatal(err)
		}
		for n := range 200 {
			form := map[string]string{"AccountSid": account, "MessageSid": message, "MessageStatus": "sent"}
			values := url.Values{}
			for range rnd.IntN(6) {
				form["X"+word()] = word()
			}
			for k, v := range form {
				values.Set(k, v)
			}
			query := ""
			if n%2 == 0 {
				query = "ref=" + url.QueryEscape(fmt.Sprintf("ref-%d", n))
			}
			called := strings.TrimSuffix(base+"?"+query, "?")
			if sign := twilio.Sign(token, called, form); !oracle.Validate(called, form, sign) {
				t.Fatalf("%d: Twilio's validator refuses our signature", i)
			}
			// Twilio signs with the port or without: what its validator takes, we take.
			for _, written := range []string{called, strings.Replace(called, ".org/", ".org:443/", 1), strings.Replace(strings.Replace(called, ":443/", "/", 1), ":8443/", "/", 1)} {
				sign := twilio.Sign(token, written, form)
				r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://10.0.0.1:8080/elsewhere", strings.NewReader(values.Encode()))
				if err != nil {
					t.Fatal(err)
				}
				r.URL.RawQuery = query
				r.Header.Set("X-Twilio-Signature", sign)
				_, _, err = s.Parse(r)
				if took := oracle.Validate(called, form, sign); took != (err == nil) {
					t.Fatalf("%s called as %s: Twilio's validator says %v, we %v", written, called, took, err)
				}
			}
		}
	}
}
