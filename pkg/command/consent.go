package command

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/husk-reminders/husk/pkg/consent"
	"github.com/husk-reminders/husk/pkg/policy"
	"github.com/husk-reminders/husk/pkg/reminder"
	"github.com/husk-reminders/husk/pkg/web"
)

// consentFlags are the flags of the consent commands.
type consentFlags struct {
	purposes, channels                   []string
	scope, method, actor, at, until, why string
	notice, noticeFile, noticeLanguage   string
	basis, ceiling, sampleFile, by       string
	addressAge                           string
	takeBack                             []string
	careContact                          bool
	untilAge                             int
}

func consentCommand(use string, t consent.Type, short string) *cobra.Command {
	var q consentFlags
	c := &cobra.Command{Use: use, Short: short, Long: short + ".\n" + naming, Args: noArgs}
	person := personFlag(c)
	f := c.Flags()
	positive := t == consent.Granted || t == consent.Noticed
	if positive {
		f.StringSliceVar(&q.purposes, "purposes", []string{string(reminder.Remind)}, "what it is about; reminder covers changed and cancelled notices too")
		f.StringSliceVar(&q.channels, "channels", nil, "sms, email or both (required)")
		f.StringVar(&q.until, "valid-until", "", "when it ends, as 2027-12-31 or RFC 3339; without it it holds until it is taken back")
		f.StringVar(&q.notice, "notice", "", "name and version of the text that the person was shown (required)")
		f.StringVar(&q.noticeFile, "notice-file", "", "file with exactly that text, of which the SHA-256 is kept (required)")
		f.StringVar(&q.noticeLanguage, "notice-language", "", "language of that text, such as da (required)")
		f.StringVar(&q.basis, "legal-basis", "", "why it is lawful, as the person was told: "+words(consent.LegalBases))
		f.StringVar(&q.ceiling, "ceiling", "", "no message above this content class: "+words(consent.Ceilings))
		f.StringVar(&q.sampleFile, "sample-file", "", "file with the exact message that the person was shown as an example, with invented facts")
		f.BoolVar(&q.careContact, "care-contact", false, "it ends when the care contact within its scope ends")
		f.IntVar(&q.untilAge, "until-age", 0, "it ends when the person becomes so old")
		f.StringVar(&q.addressAge, "address-age", "", `the address must have been proven within this time, as "12 months"`)
		f.StringSliceVar(&q.takeBack, "take-back", nil, "the ways to take it back that the person was told of: "+words(consent.Methods))
	} else {
		f.StringSliceVar(&q.purposes, "purposes", nil, "what it is about; without it everything")
		f.StringSliceVar(&q.channels, "channels", nil, "sms or email; without it every channel")
	}
	f.StringVar(&q.scope, "scope", string(policy.ControllerScope), "how far it reaches: controller, hospital:<id> or unit:<id>")
	f.StringVar(&q.method, "method", "", "how it was said: "+words(consent.Methods)+" (required)")
	f.StringVar(&q.actor, "actor", string(consent.Self), "who spoke: self, guardian, staff or registry, perhaps with :<role or pseudonym>, never a name")
	f.StringVar(&q.by, "recorded-by", "", "role or staff id of who takes it down, never a name")
	f.StringVar(&q.at, "at", "", "when it was said, as 2026-03-12 or RFC 3339; without it now")
	f.StringVar(&q.why, "reason", "", "a note for the audit")
	c.RunE = withClient(func(c *cobra.Command, s *client, _ []string) error {
		body, err := q.body(t)
		if err != nil {
			return err
		}
		key, err := whom(c, s, newQuestions(c), *person)
		if err != nil {
			return err
		}
		var r web.Recorded
		if err := s.post(c.Context(), "/v1/persons/"+url.PathEscape(string(key))+"/consent", body, &r); err != nil {
			return err
		}
		return render(c, r, func(w io.Writer) { printRecorded(w, r) })
	})
	return c
}

func (q consentFlags) body(t consent.Type) (web.Consent, error) {
	kind, ref, _ := strings.Cut(q.scope, ":")
	actor, actorRef, _ := strings.Cut(q.actor, ":")
	b := web.Consent{
		Type: t, Scope: consent.Scope{Kind: policy.Scope(kind), Ref: ref}, Method: consent.Method(q.method),
		Actor: consent.Actor{Kind: consent.ActorKind(actor), Ref: actorRef}, Reason: q.why,
		LegalBasis: consent.LegalBasis(q.basis), Ceiling: consent.Ceiling(q.ceiling), CareContact: q.careContact, UntilAge: q.untilAge,
		AddressAge: q.addressAge, RecordedBy: q.by,
	}
	for _, m := range q.takeBack {
		b.TakeBack = append(b.TakeBack, consent.Method(m))
	}
	for _, p := range q.purposes {
		b.Purposes = append(b.Purposes, reminder.Purpose(p))
	}
	for _, c := range q.channels {
		b.Channels = append(b.Channels, reminder.Channel(c))
	}
	var err error
	if b.EventTime, err = instant("at", q.at); err != nil {
		return b, err
	}
	if b.ValidUntil, err = instant("valid-until", q.until); err != nil {
		return b, err
	}
	if q.notice != "" || q.noticeLanguage != "" {
		b.Notice = consent.Notice{ID: q.notice, Language: q.noticeLanguage}
	}
	if q.sampleFile != "" {
		text, err := os.ReadFile(q.sampleFile)
		if err != nil {
			return b, fmt.Errorf("--sample-file: %w", err)
		}
		b.Sample = strings.TrimRight(string(text), "\r\n")
	}
	if q.noticeFile != "" {
		text, err := os.ReadFile(q.noticeFile)
		if err != nil {
			return b, fmt.Errorf("--notice-file: %w", err)
		}
		sum := sha256.Sum256(text)
		b.Notice.Hash = hex.EncodeToString(sum[:])
	}
	return b, nil
}

// instant reads a day (its beginning, by the machine's clock) or an RFC 3339 instant; "" is none.
func instant(flag, s string) (time.Time, error) {
	if s == "" {
		return time.Time{}, nil
	}
	if t, err := time.ParseInLocation(time.DateOnly, s, time.Local); err == nil {
		return t, nil
	}
	t, err := time.Parse(time.RFC3339, s)
	if err != nil {
		return t, usageError{errors.New("--" + flag + ": want a day as 2026-03-12 or an instant as 2026-03-12T14:30:00+01:00")}
	}
	return t, nil
}
