package app

import (
	"bytes"
	"fmt"
	"os"
	"strings"

	"github.com/husk-reminders/husk/pkg/config"
	"github.com/husk-reminders/husk/pkg/inbound"
	"github.com/husk-reminders/husk/pkg/provider"
	"github.com/husk-reminders/husk/pkg/provider/elks"
	"github.com/husk-reminders/husk/pkg/provider/gatewayapi"
	"github.com/husk-reminders/husk/pkg/provider/httpsms"
	"github.com/husk-reminders/husk/pkg/provider/kannel"
	"github.com/husk-reminders/husk/pkg/provider/link"
	"github.com/husk-reminders/husk/pkg/provider/sinch"
	"github.com/husk-reminders/husk/pkg/provider/twilio"
)

// overHTTP is what the settings of a carrier over HTTP begin with.
func overHTTP(c carrierContext) httpsms.Config {
	return httpsms.Config{Slots: 8, WriteTimeout: c.writeDeadline}
}

// callbackAddress is the address at which a carrier is to call us; "" where callbacks have no address.
func callbackAddress(c config.Callbacks, carrier string) (string, error) {
	if c.URL == "" || c.SecretFile == "" {
		return "", nil
	}
	secret, err := os.ReadFile(c.SecretFile)
	if err != nil {
		return "", fmt.Errorf("app: callbacks.secret_file: %w", err)
	}
	return strings.TrimRight(c.URL, "/") + inbound.CallbackPath(bytes.TrimSpace(secret), carrier), nil
}

func gatewayapiCarrier(s config.Settings, c carrierContext) (provider.Sender, int, error) {
	o := gatewayapi.Config{Config: overHTTP(c)}
	if err := settings(s, &o); err != nil {
		return nil, 0, err
	}
	b, err := gatewayapi.New(gatewayapi.Options{Config: o, Now: c.now})
	return b, o.Slots, err
}

func elksCarrier(s config.Settings, c carrierContext) (provider.Sender, int, error) {
	o := elks.Config{Config: overHTTP(c)}
	if err := settings(s, &o); err != nil {
		return nil, 0, err
	}
	b, err := elks.New(elks.Options{Config: o, Callback: c.callback, Now: c.now})
	return b, o.Slots, err
}

func sinchCarrier(s config.Settings, c carrierContext) (provider.Sender, int, error) {
	o := sinch.Config{Config: overHTTP(c)}
	if err := settings(s, &o); err != nil {
		return nil, 0, err
	}
	b, err := sinch.New(sinch.Options{Config: o, Now: c.now})
	return b, o.Slots, err
}

func linkCarrier(s config.Settings, c carrierContext) (provider.Sender, int, error) {
	o := link.Config{Config: overHTTP(c)}
	if err := settings(s, &o); err != nil {
		return nil, 0, err
	}
	b, err := link.New(link.Options{Config: o, Callback: c.callback, Now: c.now})
	return b, o.Slots, err
}

func twilioCarrier(s config.Settings, c carrierContext) (provider.Sender, int, error) {
	o := twilio.Config{Config: overHTTP(c)}
	if err := settings(s, &o); err != nil {
		return nil, 0, err
	}
	b, err := twilio.New(twilio.Options{Config: o, Callback: c.callback, Now: c.now})
	return b, o.Slots, err
}

func kannelCarrier(s config.Settings, c carrierContext) (provider.Sender, int, error) {
	o := kannel.Config{Config: overHTTP(c)}
	if err := settings(s, &o); err != nil {
		return nil, 0, err
	}
	b, err := kannel.New(kannel.Options{Config: o, Callback: c.callback, Now: c.now})
	return b, o.Slots, err
}
