package ledger

import (
	"context"
	"fmt"

	"github.com/husk-reminders/husk/pkg/contact"
	"github.com/husk-reminders/husk/pkg/plan"
	"github.com/husk-reminders/husk/pkg/receipt"
	"github.com/husk-reminders/husk/pkg/state"
)

// decideAnew has the gate asked again, without effect, about what an answer may have moved: with new evidence, what lacked a proof,
// so that nobody writes a letter for nothing; without an answer to a decision that waits for one, what was to be sent, so that a letter
// can still go. What waits on the letter list for the register itself is asked about anyway.
func (v *Verification) decideAnew(ctx context.Context, awaited []bool, persons []state.Person, answers []Verified) error {
	l := v.o.Ledger
	var ps []receipt.Preview
	for i, x := range answers {
		silent := x.Verdict == contact.Unknown.String()
		if x.Recorded == 0 && (!silent || !awaited[i]) {
			continue
		}
		err := l.o.State.View(ctx, persons[i].Key, func(p *state.Person) error {
			for id, r := range p.Reminders {
				a := p.Appointments[r.Appointment]
				moved := lacksProof(r.Letter)
				if silent {
					moved = r.Letter == "" && r.Late
				}
				if moved && r.Previewed && r.Status == receipt.Planned && a != nil && a.Status != plan.Single {
					ps = append(ps, receipt.Preview{Reminder: id, Person: p.Key, Version: a.Version, Again: true})
				}
			}
			return nil
		})
		if err != nil {
			return fmt.Errorf("ledger: %w", err)
		}
	}
	if len(ps) == 0 {
		return nil
	}
	return l.Preview(ctx, ps)
}

// lacksProof reports whether a reminder is on the letter list for nothing but a proof, in the gate's words.
func lacksProof(letter string) bool { return letter == "unverified" || letter == "stale_verification" }
