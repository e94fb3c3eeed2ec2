package app

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/husk-reminders/husk/pkg/inbound"
	"github.com/husk-reminders/husk/pkg/provider"
)

// callers is implemented by a Sender that stands for several carriers: those of them that call us, by the names of the configuration.
type callers interface {
	Webhooks() map[string]provider.Webhook
}

// webhooks are the carriers that call us, by the names under which their notices come in.
func (a *App) webhooks() map[string]provider.Webhook {
	out := map[string]provider.Webhook{}
	for _, r := range a.Routes {
		if w, ok := r.Sender.(provider.Webhook); ok && r.Carrier != "" {
			out[r.Carrier] = w
		}
		if c, ok := r.Sender.(callers); ok {
			for name, w := range c.Webhooks() {
				out[name] = w
			}
		}
	}
	return out
}

// openCallbacks makes what takes the carriers' calls; without a secret there is none.
func (a *App) openCallbacks() error {
	file := a.Config.Callbacks.SecretFile
	if file == "" {
		return nil
	}
	secret, err := os.ReadFile(file)
	if err != nil {
		return fmt.Errorf("app: callbacks.secret_file: %w", err)
	}
	a.Callbacks, err = inbound.NewCallbacks(inbound.CallbackOptions{
		Inbound: a.Inbound, Webhooks: a.webhooks(), Secret: bytes.TrimSpace(secret), Metrics: a.Metrics, Log: a.log.Named("callbacks"),
	})
	if err != nil {
		return fmt.Errorf("app: callbacks.secret_file: %w", err)
	}
	return nil
}

// callbacks is what the door hands the carriers' calls to; nil = nobody takes them.
func (a *App) callbacks() http.Handler {
	if a.Callbacks == nil {
		return nil
	}
	return a.Callbacks
}

// CallbackURL is the address that a carrier is to call; "" = it does not call, or nobody said where it would reach us. It holds a secret.
func (a *App) CallbackURL(carrier string) string {
	if a.Callbacks == nil || a.Config.Callbacks.URL == "" || a.Callbacks.Path(carrier) == "" {
		return ""
	}
	return strings.TrimRight(a.Config.Callbacks.URL, "/") + a.Callbacks.Path(carrier)
}

// reportWithin is how long a carrier may take to report.
func (a *App) reportWithin(carrier string) time.Duration {
	return a.Config.Callbacks.Within(carrier, a.Config.Carriers.Type(carrier))
}

// unreported counts what carriers have not reported of in time. It is told by its metric: nothing was done about it.
func (a *App) unreported(ctx context.Context) (int, error) {
	_, err := a.Ledger.CountUnreported(ctx)
	return 0, err
}
