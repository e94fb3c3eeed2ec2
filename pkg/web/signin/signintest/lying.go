package signintest

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"time"

	"github.com/zitadel/oidc/v3/pkg/op"
)

const (
	discovery = "/.well-known/openid-configuration"
	keysPath  = "/keys"
	tokenPath = "/oauth/token" //nolint:gosec // a path
)

// lying is the provider's server with what it does wrong before an answer is made.
func (p *Provider) lying(h http.Handler, s *store) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p.mu.Lock()
		p.seen = append(p.seen, r.URL.Path)
		lie := p.lie
		p.mu.Unlock()
		if lie.Slow > 0 {
			select {
			case <-time.After(lie.Slow):
			case <-r.Context().Done():
				return
			}
		}
		switch {
		case lie.NoKeys && r.URL.Path == keysPath:
			panic(http.ErrAbortHandler)
		case lie.OtherIss && r.URL.Path == discovery:
			_, _ = fmt.Fprintf(w, `{"issuer":"https://elsewhere.example","authorization_endpoint":%q}`, p.Issuer)
		case lie.EndlessDoc && r.URL.Path == discovery:
			for filler := []byte(strings.Repeat(" ", 64<<10)); r.Context().Err() == nil; {
				if _, err := w.Write(filler); err != nil {
					return
				}
			}
		case r.URL.Path == tokenPath:
			p.tokens(w, r, h, s)
		default:
			h.ServeHTTP(w, r)
		}
	})
}

// tokens answers the token address, with claims changed.
func (p *Provider) tokens(w http.ResponseWriter, r *http.Request, h http.Handler, s *store) {
	k := httptest.NewRecorder()
	h.ServeHTTP(k, r)
	answer := k.Body.Bytes()
	if change := p.lies().Claims; change != nil && k.Code == http.StatusOK {
		var err error
		if answer, err = s.changed(r.Context(), answer, change); err != nil {
			panic(err)
		}
	}
	p.mu.Lock()
	p.values = append(p.values, string(answer))
	p.mu.Unlock()
	maps.Copy(w.Header(), k.Header())
	w.WriteHeader(k.Code)
	_, _ = w.Write(answer)
}

// changed is an answer whose id_token has other claims, signed by the provider's key.
func (s *store) changed(ctx context.Context, answer []byte, change map[string]any) ([]byte, error) {
	var all, claims map[string]any
	if err := json.Unmarshal(answer, &all); err != nil {
		return nil, err
	}
	token, _ := all["id_token"].(string)
	key, err := s.SigningKey(ctx)
	if err != nil {
		return nil, err
	}
	parts := strings.Split(token, ".")
	payload, err := base64.RawURLEncoding.DecodeString(parts[min(1, len(parts)-1)])
	if err != nil {
		return nil, err
	}
	if err := json.Unmarshal(payload, &claims); err != nil {
		return nil, err
	}
	for name, v := range change {
		if claims[name] = v; v == nil {
			delete(claims, name)
		}
	}
	if payload, err = json.Marshal(claims); err != nil {
		return nil, err
	}
	signer, err := op.SignerFromKey(key)
	if err != nil {
		return nil, err
	}
	signed, err := signer.Sign(payload)
	if err != nil {
		return nil, err
	}
	if all["id_token"], err = signed.CompactSerialize(); err != nil {
		return nil, err
	}
	return json.Marshal(all)
}
