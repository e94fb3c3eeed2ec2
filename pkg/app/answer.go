package app

import (
	"cmp"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"errors"
	"fmt"
	"strings"

	"github.com/husk-reminders/husk/pkg/contact"
	"github.com/husk-reminders/husk/pkg/dispatch"
	"github.com/husk-reminders/husk/pkg/gate"
	"github.com/husk-reminders/husk/pkg/inbound"
	"github.com/husk-reminders/husk/pkg/journal"
	"github.com/husk-reminders/husk/pkg/ledger"
	"github.com/husk-reminders/husk/pkg/reminder"
)

// replier lets inbound answer people through dispatch.
type replier struct {
	answers *dispatch.Answers
	unit    string // whose words are used where it is not known what somebody answered
}

var _ inbound.Replier = replier{}

// Reply implements inbound.Replier. The answer goes on the route of the address's channel, which is the one it came through.
func (r replier) Reply(ctx context.Context, x inbound.Answer) error {
	return r.answers.Send(ctx, gate.Reply{To: x.To, Text: x.Text, Unit: cmp.Or(x.Unit, r.unit), Language: x.Language, Route: string(x.To.Channel)})
}

// replier makes the sender of answers. It is closed before the carriers are: what is at work is seen through.
func (a *App) replier() (inbound.Replier, error) {
	answers, err := dispatch.NewAnswers(dispatch.AnswerOptions{
		Gate: a.Gate, Composer: a.Composer, Routes: a.Routes, Router: a.Router, Stopped: people{a.Ledger, a.State}.Stopped, Country: contact.Country, Now: a.Now, WriteDeadline: a.Config.Send.WriteDeadline, Metrics: a.Metrics,
	})
	if err != nil {
		return nil, fmt.Errorf("app: %w", err)
	}
	a.defers(answers.Wait)
	r := replier{answers: answers}
	for _, u := range a.Units.Units() {
		r.unit = u.ID
		break
	}
	return r, nil
}

// unsubscription makes the tokens of List-Unsubscribe, and what takes them.
func (a *App) unsubscription(keys journal.Keyset) (err error) {
	if a.tokens, err = inbound.NewTokens(unsubscribeKey(keys)); err != nil {
		return fmt.Errorf("app: %w", err)
	}
	if a.Unsubscriber, err = inbound.NewUnsubscriber(a.tokens, attempts{a.Replies}, a.log.Named("unsubscribe")); err != nil {
		return fmt.Errorf("app: %w", err)
	}
	return nil
}

// unsubscribeKey is what the tokens are sealed with: it comes from the keyset, so that every process opens every token, and tells
// nothing of it.
func unsubscribeKey(k journal.Keyset) []byte {
	m := hmac.New(sha256.New, k.Pseudonym)
	_, _ = m.Write([]byte("husk list-unsubscribe 1"))
	return m.Sum(nil)
}

// offer is what the e-mail with a reference offers to stop the messages.
func (a *App) offer(reference string) (reminder.Unsubscribe, error) {
	c := a.Config.Unsubscribe
	out := reminder.Unsubscribe{Mail: c.Mail}
	if c.URL == "" {
		return out, nil
	}
	token, err := a.tokens.Make(reference)
	if err != nil {
		return reminder.Unsubscribe{}, fmt.Errorf("app: %w", err)
	}
	out.URL = strings.TrimRight(c.URL, "/") + "/" + token
	return out, nil
}

// attempts lets inbound stop the address that a message went to.
type attempts struct{ *ledger.Replies }

var _ inbound.Attempts = attempts{}

// StopAttempt implements inbound.Attempts.
func (a attempts) StopAttempt(ctx context.Context, reference, via string) error {
	err := a.Replies.StopAttempt(ctx, reference, via)
	if errors.Is(err, ledger.ErrNoAttempt) {
		return inbound.ErrUnknownAttempt
	}
	return err
}
