package inbound

import (
	"context"
	"errors"
	"slices"
	"strings"

	"go.uber.org/zap"

	"github.com/husk-reminders/husk/pkg/provider"
	"github.com/husk-reminders/husk/pkg/reminder"
)

// Text names one of the fixed answers, see reminder.AnswerText.
type Text = reminder.AnswerText

// The texts.
const (
	TextStopped             = reminder.AnswerStopped
	TextStoppedNotCancelled = reminder.AnswerStoppedNotCancelled
	TextStarted             = reminder.AnswerStarted
	TextNotCancelled        = reminder.AnswerNotCancelled
	TextWrongNumber         = reminder.AnswerWrongNumber
	TextUnread              = reminder.AnswerUnread
)

// Texts lists them all.
var Texts = reminder.AnswerTexts

// about is what an answer is about: each has its own limit.
var about = map[Text]string{
	TextStopped: "stop", TextStoppedNotCancelled: "stop", TextWrongNumber: "stop", TextStarted: "start", TextNotCancelled: "cancel", TextUnread: "other",
}

// Answer is one fixed answer to one who wrote.
type Answer struct {
	To       reminder.Address
	Via      string // the carrier through which they wrote; the answer goes the same way
	Text     Text
	Unit     string // whose phone it names; "" = the installation's
	Language string // of the message they answered; "" = the unit's
}

// Replier sends answers with the purpose reply. Nothing depends on it: an answer that does not go is not tried again. It must not take
// long, for others' answers wait behind this one. A *provider.Error of outcome Unknown means that the answer may have gone, or may go
// yet; after any other error it surely does not.
type Replier interface {
	Reply(ctx context.Context, a Answer) error
}

// Desk is where answers become work for the clinics, and where the limit of our own is kept.
type Desk interface {
	// Wish puts the appointments of whoever is behind the address into the inbox of their clinics: somebody may want to cancel
	// one. It holds nothing of what was written. It returns nil once that is on disk; doing it twice is as doing it once.
	Wish(ctx context.Context, from reminder.Address, via string) error
	// Wrote tells of which unit the message was that somebody answers, and in which language; both may be "", and are where nothing was
	// ever sent to the address.
	Wrote(ctx context.Context, from reminder.Address) (unit, language string, err error)
	// Answer takes the leave to answer an address about "stop", "start", "cancel" or "other", and reports whether there was one: at
	// most one a day each, nothing more on the day after a STOP, and about "other" only when nothing was said for a day.
	Answer(ctx context.Context, to reminder.Address, about string) (bool, error)
}

// What became of an answer: labels of metrics.
const (
	answerSent    = "sent"
	answerEnough  = "enough" // the address had its answer for the day
	answerFailed  = "failed"
	answerUnknown = "unknown" // it may have gone, or may go yet
)

// text chooses the answer to a result.
func text(r Result) Text {
	switch {
	case r.Intent == Stop && r.Also == Cancel:
		return TextStoppedNotCancelled
	case r.Intent == Stop:
		return TextStopped
	case r.Intent == Start:
		return TextStarted
	case r.Intent == WrongNumber:
		return TextWrongNumber
	case r.Intent == Cancel:
		return TextNotCancelled
	}
	return TextUnread
}

// addressee is the answer that the one who wrote may get; without a text when there is none. It asks before anything is done, for
// after a wrong number nobody is behind the address any more.
func (in *Inbound) addressee(ctx context.Context, n provider.Notice, from reminder.Address, via string, r Result) Answer {
	if in.o.Replier == nil || n.Automatic || unanswered(from) {
		return Answer{}
	}
	a := Answer{To: from, Via: via, Text: text(r)}
	if r.Intent == WrongNumber {
		in.wrote(ctx, &a)
	}
	return a
}

func (in *Inbound) wrote(ctx context.Context, a *Answer) {
	var err error
	if a.Unit, a.Language, err = in.o.Desk.Wrote(ctx, a.To); err != nil {
		// It is answered all the same: with the installation's phone.
		in.log.Warn("which clinic somebody answers is not known", zap.String("provider", a.Via), zap.Error(err))
	}
}

// answer sends the answer, if there is leave for one. The leave is taken first: two processes, or two tries, send one at most.
func (in *Inbound) answer(ctx context.Context, a Answer, r Result) {
	if a.Text == "" {
		return
	}
	outcome := answerSent
	ok, err := in.o.Desk.Answer(ctx, a.To, about[a.Text])
	switch {
	case err == nil && !ok:
		outcome = answerEnough
	case err == nil:
		if r.Intent != WrongNumber {
			in.wrote(ctx, &a)
		}
		err = in.o.Replier.Reply(ctx, a)
	}
	if err != nil {
		outcome = answerFailed
		var carrier *provider.Error
		if errors.As(err, &carrier) && carrier.Outcome == provider.Unknown {
			outcome = answerUnknown
		}
		in.log.Warn("an answer did not go; it is not tried again", zap.String("provider", a.Via), zap.String("text", string(a.Text)), zap.Error(err))
	}
	in.answers.WithLabelValues(string(a.Text), outcome).Inc()
}

// daemons are the mail addresses that are never answered (RFC 3834 section 2, RFC 2142).
var daemons = []string{
	"mailer-daemon", "postmaster", "noreply", "no-reply", "no_reply", "donotreply", "do-not-reply", "ikkesvar", "ikke-svar", "svar-ej", "svarej", "bounce",
	"bounces", "daemon", "nobody", "root", "abuse", "listserv", "majordomo",
}

// unanswered reports whether an address is one of a program.
func unanswered(a reminder.Address) bool {
	if a.Channel != reminder.Email {
		return false
	}
	local, _, _ := strings.Cut(strings.ToLower(a.Reveal()), "@")
	base, _, _ := strings.Cut(local, "+")
	return slices.Contains(daemons, base) || strings.HasPrefix(base, "owner-") || strings.HasSuffix(base, "-request") || strings.HasPrefix(base, "bounce")
}
