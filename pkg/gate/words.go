package gate

import (
	"fmt"
	"strings"
	"time"

	"github.com/husk-reminders/husk/pkg/consent"
	"github.com/husk-reminders/husk/pkg/contact"
	"github.com/husk-reminders/husk/pkg/policy"
	"github.com/husk-reminders/husk/pkg/reminder"
)

// What a step found, in words. They are made only where somebody looks.

// answer is Yes when yes, else No; Unknown where nothing is known.
func answer(known, yes bool) Answer {
	switch {
	case !known:
		return Unknown
	case yes:
		return Yes
	}
	return No
}

func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339) }

func orNone(s string) func() string {
	return func() string {
		if s == "" {
			return "none"
		}
		return s
	}
}

// said is what the sources say: the booking system, and since when a record does.
func said(booking bool, since time.Time) func() string {
	return func() string {
		switch {
		case booking && !since.IsZero():
			return "the booking system says so, and a record as of " + stamp(since)
		case booking:
			return "the booking system says so"
		case !since.IsZero():
			return "a record says so as of " + stamp(since)
		}
		return "nobody says so"
	}
}

func isKnown(k bool) string {
	if k {
		return "something is known"
	}
	return "nothing is known, or it was erased"
}

func isOr(is bool, what string) func() string {
	return func() string {
		if is {
			return what
		}
		return "not " + what
	}
}

// faults say what a carrier or register has found wrong with an address.
var faults = map[contact.Fault]string{
	contact.NotInUse: "bounced: nobody has this number or mailbox", contact.Barred: "bounced: messages to it are refused for good",
	contact.NotMobile: "bounced: it can't receive messages of this kind",
}

func bouncedOf(s contact.State) func() string {
	return func() string {
		if words := faults[s.Fault]; s.Bounced && words != "" {
			return words
		}
		return isOr(s.Bounced, "bounced")()
	}
}

func counted(n int) func() string { return func() string { return fmt.Sprint(n) } }

func saidOf(s consent.State) func() string {
	return func() string {
		out := s.Kind.String()
		if s.Record != "" {
			out += " by record " + s.Record
		}
		if s.Guardian {
			out += "; a guardian must say yes"
		}
		return out
	}
}

func ceilingOf(shown, ceiling reminder.Class, hide bool) func() string {
	return func() string {
		out := fmt.Sprintf("the sender is class %v, allowed is %v", shown, ceiling)
		if hide {
			out += ": the place is not to be told"
		}
		return out
	}
}

func proven(ps []contact.Proof, least policy.Level) func() string {
	return func() string {
		var out []string
		for _, p := range ps {
			out = append(out, fmt.Sprintf("%s (%s) %s", p.Method, p.Level, p.At.UTC().Format(time.DateOnly)))
		}
		return fmt.Sprintf("%s; at least %s", strings.Join(out, ", "), least)
	}
}

func heldOf(s contact.State, hold policy.Period) func() string {
	return func() string {
		switch {
		case hold.IsZero():
			return "the pack has no hold"
		case s.New.IsZero():
			return "in no other address's place"
		}
		return "new since " + stamp(s.New) + ", hold " + hold.String()
	}
}

func openAt(open bool, next time.Time) func() string {
	return func() string {
		switch {
		case open:
			return "open"
		case next.IsZero():
			return "closed"
		}
		return "closed until " + stamp(next)
	}
}
