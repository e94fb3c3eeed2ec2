package dispatch_test

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/husk-reminders/husk/pkg/gate"
	"github.com/husk-reminders/husk/pkg/receipt"
	"github.com/husk-reminders/husk/pkg/reminder"
	"github.com/husk-reminders/husk/pkg/routing"
)

func TestIntent(t *testing.T) {
	inBench(t, func(b *bench) {
		b.due(1)
		b.run(time.Second)
		i, o := b.intents[0], b.outcomes[0]
		if i.Reminder != id(0) || i.Person != person(0) || i.Attempt != 1 || i.Version != 1 || i.Route != "sms" || i.Channel != reminder.SMS ||
			i.Address == "" || i.Template != "da/reminder.sms@1" || i.Segments != 1 || i.Decision.Basis != "consent" || i.Decision.Pack != "dk-2019" || i.Decision.PackHash == "" {
			b.Errorf("intent %+v", i)
		}
		if shard, ok := reminder.ClaimShard(i.Claim); !ok || shard != person(0).Shard() {
			b.Errorf("claim %q", i.Claim)
		}
		if o.Claim != i.Claim || o.Status != receipt.Accepted || o.CarrierID != "c-"+i.Claim || o.Person != person(0) || o.Attempt != 1 {
			b.Errorf("outcome %+v", o)
		}
	})
}

// What is not surely journalled is not sent, and the lease is left to end by itself: the intent may be there all the same, and
// that nothing was begun under it is said after it.
func TestIntendFails(t *testing.T) {
	inBench(t, func(b *bench) {
		b.due(6)
		b.intend = func([]receipt.Intent) error { return errDown }
		b.run(5 * time.Second)
		if len(b.sent) != 0 || len(b.done) != 0 || len(b.retries) != 0 {
			b.Errorf("%d sent, %d done, %d retries", len(b.sent), len(b.done), len(b.retries))
		}
		if len(b.outcomes) < 6 {
			b.Errorf("%d outcomes of 6 attempts that were given up", len(b.outcomes))
		}
		for _, o := range b.outcomes {
			if o.Status != receipt.NotBegun || o.Claim == "" {
				b.Errorf("outcome %+v", o)
			}
		}
		if len(b.held) != 6 { // the tokens were given back, so all were leased
			b.Errorf("%d leased, want all 6", len(b.held))
		}
	})
}

// mute counts for carriers, and does not answer when something is given back.
type mute struct{ *routing.Local }

func (mute) Give(ctx context.Context, _, _ string, _ int) error {
	<-ctx.Done()
	return ctx.Err()
}

// Nobody answers who counts for the carriers: what surely does not leave is given back all at once, and its outcome waits for none of it.
func TestGivenBackAtOnce(t *testing.T) {
	const most = 100
	for name, plant := range map[string]func(*bench){
		"not journalled": func(b *bench) { b.intend = func([]receipt.Intent) error { return errDown } },
		"refused": func(b *bench) {
			b.confirm = func(as []gate.Attempt) ([]error, error) { return slices.Repeat([]error{gate.ErrStopped}, len(as)), nil }
		},
	} {
		t.Run(name, func(t *testing.T) {
			inBench(t, func(b *bench) {
				b.due(most)
				plant(b)
				b.o.Routes[0].Slots = most
				var err error
				b.o.Router, err = routing.New(routing.Options{
					Rules:  map[reminder.Channel][]routing.Rule{reminder.SMS: {{Carriers: []string{"sms"}}}},
					Limits: map[string]routing.Limit{"sms": {DayCap: 10 * most}}, Meter: mute{routing.NewLocal()}, Now: b.now,
				})
				if err != nil {
					t.Fatal(err)
				}
				var settled time.Duration
				b.while(b.dispatcher(), func() {
					for b.statuses()[receipt.NotBegun] < most && time.Since(b.began) < time.Hour {
						time.Sleep(10 * time.Millisecond)
					}
					settled = time.Since(b.began)
				})
				if ended := time.Since(b.began); settled > time.Second || ended > 5*time.Second {
					t.Errorf("settled after %v, ended after %v", settled, ended)
				}
			})
		})
	}
}

func TestConfirmRefuses(t *testing.T) {
	for name, c := range map[string]struct {
		err     error
		code    string
		verdict string // reason of the denial, "" = none
	}{
		"barred":        {gate.ErrBarred, "barred", "barred"},
		"capped":        {fmt.Errorf("wrapped: %w", gate.ErrCapped), "capped", "capped"},
		"stopped":       {gate.ErrStopped, "kill_switch", ""},
		"not certified": {gate.ErrNotCertified, "not_certified", ""},
		"moved":         {gate.ErrMoved, "", ""},
		"lost":          {gate.ErrLost, "", ""},
		"claim":         {gate.ErrClaim, "", ""},
		"unknown":       {errDown, "unavailable", ""},
	} {
		t.Run(name, func(t *testing.T) {
			inBench(t, func(b *bench) {
				b.due(2)
				b.confirm = func(as []gate.Attempt) ([]error, error) {
					errs := make([]error, len(as))
					for i, a := range as {
						if a.Permit.Lease().Reminder == id(0) {
							errs[i] = c.err
						}
					}
					return errs, nil
				}
				b.run(time.Second)
				if len(b.sent) != 1 || b.statuses()[receipt.Accepted] != 1 {
					b.Errorf("%d sent: want the one that was confirmed", len(b.sent))
				}
				i := slices.IndexFunc(b.outcomes, func(o receipt.Outcome) bool { return o.Reminder == id(0) })
				if i < 0 || b.outcomes[i].Status != receipt.NotBegun || b.outcomes[i].Code != c.code || b.outcomes[i].Claim == "" {
					b.Fatalf("outcomes %+v", b.outcomes)
				}
				if d := b.outcomes[i].Retry.Sub(noon); d < 4*time.Second || d > 7*time.Second {
					b.Errorf("asked again after %v", d)
				}
				if c.verdict == "" {
					if len(b.verdicts) != 0 {
						b.Errorf("verdicts %+v", b.verdicts)
					}
				} else if len(b.verdicts) != 1 || b.verdicts[0].Status != receipt.Denied || b.verdicts[0].Decision.Reason != c.verdict || b.verdicts[0].Version != 1 {
					b.Errorf("verdicts %+v", b.verdicts)
				}
				if len(b.done) != 2 {
					b.Errorf("%d leases ended", len(b.done))
				}
			})
		})
	}
}

// An error of the whole question, and an answer that is none, confirm nothing.
func TestConfirmFails(t *testing.T) {
	for name, answer := range map[string]func(as []gate.Attempt) ([]error, error){
		"error":           func(as []gate.Attempt) ([]error, error) { return slices.Repeat([]error{errDown}, len(as)), errDown },
		"error alone":     func([]gate.Attempt) ([]error, error) { return nil, errDown },
		"too few answers": func(as []gate.Attempt) ([]error, error) { return make([]error, len(as)-1), nil },
		"no answers":      func([]gate.Attempt) ([]error, error) { return nil, nil },
	} {
		t.Run(name, func(t *testing.T) {
			inBench(t, func(b *bench) {
				b.due(3)
				b.confirm = answer
				b.run(time.Second)
				if len(b.sent) != 0 {
					b.Fatalf("%d sent", len(b.sent))
				}
				if n := b.statuses(); n[receipt.NotBegun] != 3 || len(n) != 1 {
					b.Errorf("outcomes %v", n)
				}
			})
		})
	}
}

// Where the journal keeps what was refused waiting, what was allowed does not wait with it: a STOP waits for it only so long.
func TestConfirmedIsSentAtOnce(t *testing.T) {
	inBench(t, func(b *bench) {
		b.due(2)
		b.confirm = func(as []gate.Attempt) ([]error, error) {
			errs := make([]error, len(as))
			for i, a := range as {
				if a.Permit.Lease().Reminder == id(0) {
					errs[i] = gate.ErrMoved
				}
			}
			return errs, nil
		}
		b.settle = func(_ context.Context, os []receipt.Outcome) error {
			if os[0].Status == receipt.NotBegun {
				time.Sleep(15 * time.Second)
			}
			return nil
		}
		b.run(time.Second)
		if len(b.sent) != 1 || b.sent[0].at.Sub(noon) > time.Second {
			b.Errorf("sent %+v, want at once", b.sent)
		}
	})
}

// A confirmation that took longer than the write deadline is not used: a STOP has perhaps stopped waiting for it.
func TestConfirmedTooLate(t *testing.T) {
	inBench(t, func(b *bench) {
		b.due(1)
		slow := true
		b.confirm = func(as []gate.Attempt) ([]error, error) {
			if slow {
				slow = false
				time.Sleep(2 * time.Second)
			}
			return make([]error, len(as)), nil
		}
		b.run(20 * time.Second)
		if len(b.sent) != 1 || b.sent[0].at.Sub(noon) < 5*time.Second {
			b.Errorf("sent %+v, want only after it was asked again", b.sent)
		}
		if n := b.statuses(); n[receipt.NotBegun] != 1 || n[receipt.Accepted] != 1 {
			b.Errorf("outcomes %v", n)
		}
	})
}

// What is refused, or not journalled, or too late each time fills no journal: it waits twice as long after each attempt, up to 5 min.
func TestRefusedAgainAndAgain(t *testing.T) {
	for name, plant := range map[string]func(b *bench){
		"refused": func(b *bench) {
			b.confirm = func(as []gate.Attempt) ([]error, error) { return slices.Repeat([]error{gate.ErrStopped}, len(as)), nil }
		},
		"late": func(b *bench) {
			b.confirm = func(as []gate.Attempt) ([]error, error) {
				time.Sleep(1100 * time.Millisecond)
				return make([]error, len(as)), nil
			}
		},
		"not journalled for sure": func(b *bench) {
			b.intend = func(is []receipt.Intent) error {
				b.mu.Lock()
				defer b.mu.Unlock()
				b.intents = append(b.intents, is...) // it is there all the same
				return errDown
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			inBench(t, func(b *bench) {
				b.due(1)
				plant(b)
				b.run(2 * time.Hour)
				// 5, 10, 20, 40, 80, 160 s, then 5 min: about 29, where 5 s each time would be 1440.
				if n := len(b.outcomes); n < 20 || n > 40 {
					b.Fatalf("%d attempts in two hours", n)
				}
				for i, o := range b.outcomes {
					if o.Status != receipt.NotBegun || o.Attempt != i+1 {
						b.Errorf("outcome %+v", o)
					}
				}
			})
		})
	}
}
