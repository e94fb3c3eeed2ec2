package web

import "context"

// Carrier is how a carrier stands, and what trying it, without sending anything, came to.
type Carrier struct {
	Name     string       `json:"name"`
	Type     string       `json:"type"`
	Channels []string     `json:"channels"`
	Slots    int          `json:"slots"`            // messages at once, in one process
	Health   string       `json:"health,omitempty"` // well, returning or resting, as the process that answers judges it
	Good     int          `json:"good"`             // of its last minute's messages
	Bad      int          `json:"bad"`
	Stopped  string       `json:"stopped,omitempty"` // why somebody stopped it
	Limit    CarrierLimit `json:"limit"`
	Used     CarrierLimit `json:"used"`            // today
	Full     string       `json:"full,omitempty"`  // day_cap or cost_cap: which of them is reached
	Blind    string       `json:"blind,omitempty"` // why Used can't be told; then nothing goes by it
	Tried    bool         `json:"tried"`           // false = it was not, or can't be
	Problem  string       `json:"problem,omitempty"`
	// Callback is the address at which the carrier is to call us, where it calls and was asked for over the admin socket. It holds a secret.
	Callback string `json:"callback,omitempty" doc:"The address at which it is to call us; over the admin socket alone"`
}

// CarrierLimit is what a carrier's account may carry or has carried; 0 is no limit.
type CarrierLimit struct {
	Rate     int `json:"rate,omitempty"`     // messages a second
	Messages int `json:"messages,omitempty"` // a day
	Cost     int `json:"cost,omitempty"`     // a day
}

// Usable reports whether a message can go by it now. What was not asked counts as well.
func (x Carrier) Usable() bool {
	return x.Health != "resting" && x.Stopped == "" && x.Full == "" && x.Blind == ""
}

// CarrierTest is what became of a test message.
type CarrierTest struct {
	Carrier   string `json:"carrier"`
	Channel   string `json:"channel"`
	Reference string `json:"reference"`           // as the carrier knows it
	CarrierID string `json:"carrierId,omitempty"` // the carrier's own
	Outcome   string `json:"outcome"`             // accepted, retry, reject, opted_out or unknown
	Code      string `json:"code,omitempty"`
}

// Carriers is what the staff API asks of the carriers.
type Carriers interface {
	// List are all carriers; try goes as far with each as a message would, and stops before one.
	List(ctx context.Context, try bool) ([]Carrier, error)
	// CallbackURL is the address that a carrier is to call, with a secret in it; "" = it does not call, or callbacks are not set up.
	CallbackURL(carrier string) string
	// Test sends the one test message to the configured address. A *FieldError says what is wrong with the question.
	Test(ctx context.Context, name string) (CarrierTest, error)
}

type carriersInput struct {
	Try       bool `query:"try" doc:"Try each, without sending anything"`
	Callbacks bool `query:"callbacks" doc:"Tell the addresses that they are to call; over the admin socket alone, for each holds a secret"`
}

func (a *API) carriers(ctx context.Context, c *caller, in *carriersInput) ([]Carrier, error) {
	if err := a.remote(ctx, c, "carrier.list"); err != nil {
		return nil, err
	}
	if in.Callbacks {
		if err := a.audit(ctx, c, nobodyRemote, "carrier.callbacks", "", "", ""); err != nil {
			return nil, err
		}
	}
	out := []Carrier{}
	if a.o.Carriers == nil {
		return out, nil
	}
	cs, err := a.o.Carriers.List(ctx, in.Try)
	out = append(out, cs...)
	if in.Callbacks {
		for i := range out {
			out[i].Callback = a.o.Carriers.CallbackURL(out[i].Name)
		}
	}
	return out, err
}

// nobodyRemote is for what the admin socket alone tells.
func nobodyRemote(context.Context, *API, *caller) error {
	return &forbidden{"carriers' addresses hold secrets: ask on the host, with husk carrier list"}
}

// TestCarrier is what POST /v1/carriers/test takes.
type TestCarrier struct {
	Name   string `json:"name" doc:"The carrier's name"`
	Reason string `json:"reason,omitempty" doc:"Why, for the audit; no number, no name"`
}

type carrierTestInput struct{ Body TestCarrier }

func (a *API) testCarrier(ctx context.Context, c *caller, in *carrierTestInput) (CarrierTest, error) {
	reason, err := reasonOf(in.Body.Reason, false)
	if err != nil {
		return CarrierTest{}, err
	}
	if err := a.audit(ctx, c, anybody, "carrier.test", "", "", reason); err != nil {
		return CarrierTest{}, err
	}
	if a.o.Carriers == nil {
		return CarrierTest{}, ErrNotFound
	}
	return a.o.Carriers.Test(ctx, in.Body.Name)
}
