package routing

import (
	"errors"
	"slices"
	"time"

	"github.com/sony/gobreaker/v2"

	"github.com/husk-reminders/husk/pkg/provider"
)

// The numbers of a carrier's health; the package comment has the rule.
const (
	Window = 60 * time.Second // how far back it is judged by
	Slow   = 10 * time.Second // an answer that takes longer is bad
	Row    = 5                // bad ones in a row after which it rests
	Least  = 10               // of how many the share counts
	Share  = 0.5              // of bad ones at which it rests
	Rest   = 30 * time.Second // how long it rests
	Probe  = 5                // how many it gets then until each went well
)

// bucket is the grain of the window.
const bucket = 5 * time.Second

// Judgement is what one message says of its carrier.
type Judgement uint8

// The judgements.
const (
	Neither Judgement = iota // nothing: it never came to the carrier, or the carrier spoke of the message
	Good
	Bad
)

// ours are the codes with which a carrier's package says that this side held a message up.
// The first two pass in a moment.
var ours = []string{"rate", "no_slot", "cancelled", "closed"}

// Busy reports whether a carrier's package has said that its own rate or slots hold a message up for a moment. It never came to the carrier.
func Busy(err error) bool {
	var e *provider.Error
	return errors.As(err, &e) && e.Outcome == provider.Retry && slices.Contains(ours[:2], e.Code)
}

// Judge is what an answer that took so long says of a carrier; nil is a yes.
func Judge(err error, took time.Duration) Judgement {
	var e *provider.Error
	switch provider.OutcomeOf(err) {
	case provider.Reject, provider.OptedOut:
		return Neither
	case provider.Retry:
		if errors.As(err, &e) && slices.Contains(ours, e.Code) {
			return Neither
		}
		return Bad
	}
	if err != nil || took > Slow {
		return Bad
	}
	return Good
}

// Health is how a carrier is, a label of metrics.
type Health string

// The healths.
const (
	Well      Health = "well"
	Returning Health = "returning" // it has rested, and gets few messages
	Resting   Health = "resting"   // it gets none
)

func healthOf(s gobreaker.State) Health {
	switch s {
	case gobreaker.StateClosed:
		return Well
	case gobreaker.StateHalfOpen:
		return Returning
	}
	return Resting
}

var (
	errBad     = errors.New("routing: bad")
	errNeither = errors.New("routing: says nothing of the carrier")
)

// breaker is the memory of one carrier.
type breaker = gobreaker.TwoStepCircuitBreaker[struct{}]

func newBreaker(name string, changed func(name string, to Health)) *breaker {
	return gobreaker.NewTwoStepCircuitBreaker[struct{}](gobreaker.Settings{
		Name: name, MaxRequests: Probe, Interval: Window, BucketPeriod: bucket, Timeout: Rest,
		ReadyToTrip: func(c gobreaker.Counts) bool {
			counted := c.TotalSuccesses + c.TotalFailures
			return c.ConsecutiveFailures >= Row || counted >= Least && float64(c.TotalFailures) >= Share*float64(counted)
		},
		OnStateChange: func(name string, _, to gobreaker.State) { changed(name, healthOf(to)) },
		IsExcluded:    func(err error) bool { return errors.Is(err, errNeither) },
	})
}

// asError is a judgement as a breaker hears it.
func (j Judgement) asError() error {
	switch j {
	case Good:
		return nil
	case Bad:
		return errBad
	}
	return errNeither
}
