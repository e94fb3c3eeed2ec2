package policy

import (
	"slices"
	"time"

	"github.com/husk-reminders/husk/pkg/reminder"
)

// Set is all packs of an installation, read only.
type Set struct {
	packs []Pack // by country, then ValidFrom
}

// For is the pack in force for a country at an instant. False means that there are no rules, so nothing may be sent.
func (s *Set) For(country reminder.Country, at time.Time) (Pack, bool) {
	if s == nil {
		return Pack{}, false
	}
	for _, p := range s.packs {
		if p.Country == country && p.InForce(at) {
			return p, true
		}
	}
	return Pack{}, false
}

// Find is the pack that a past decision used, by id and hash; an empty hash finds by id alone.
func (s *Set) Find(r Ref) (Pack, bool) {
	if s == nil {
		return Pack{}, false
	}
	for _, p := range s.packs {
		if p.ID == r.ID && (r.Hash == "" || p.Hash == r.Hash) {
			return p, true
		}
	}
	return Pack{}, false
}

// Packs lists the packs by country, the oldest first.
func (s *Set) Packs() []Pack {
	if s == nil {
		return nil
	}
	return slices.Clone(s.packs)
}
