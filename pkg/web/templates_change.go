package web

import (
	"context"
	"errors"
	"regexp"
	"time"

	"github.com/husk-reminders/husk/pkg/compose"
	"github.com/husk-reminders/husk/pkg/template"
)

// SaveTemplate is what POST /v1/templates/save takes.
type SaveTemplate struct {
	Name string `json:"name"`
	Text string `json:"text"`           // the file's bytes: lines end with LF
	Base string `json:"base,omitempty"` // the version it was made from: the head that was read; "" = there is none yet
	Note string `json:"note,omitempty"`
}

// ApproveTemplate is what POST /v1/templates/approve takes.
type ApproveTemplate struct {
	ID     string    `json:"id"`            // of the version that was read: no other is approved
	From   time.Time `json:"from,omitzero"` // when it takes over; absent = at once
	Reason string    `json:"reason,omitempty"`
	// Whole lets it be for all at once, without a trial share, and a version that is on its trial share from now on.
	Whole bool `json:"whole,omitempty"`
}

// MoveTemplate is what POST /v1/templates/unschedule, /discard and /rollback take.
type MoveTemplate struct {
	ID     string `json:"id"`
	Reason string `json:"reason"` // of rolling back and unscheduling: required
}

// ChangedTemplate answers them all.
type ChangedTemplate struct {
	TemplateVersion
	From     time.Time         `json:"from,omitzero"`   // when it takes or took over
	Share    int               `json:"share,omitempty"` // percent of the messages that get it at first; absent = all
	Problems []compose.Problem `json:"problems"`        // of the text
	Change   *TemplateChange   `json:"change,omitempty"`
}

// longestAhead is how far ahead a start may be scheduled.
const longestAhead = 400 * 24 * time.Hour

// versionRE is the form of a version's id.
var versionRE = regexp.MustCompile(`^[a-z]{2}/[a-z0-9-]{1,64}\.(sms|email)@[0-9a-f]{8}$`)

func versionKnown(id string) error {
	if !versionRE.MatchString(id) {
		return want("id", "the id of one version, as da/reminder.sms@3f2a91c0")
	}
	return nil
}

type saveTemplateInput struct{ Body SaveTemplate }

// saveTemplate keeps a text as a draft. One that would be refused is kept too, and what is wrong with it told; one that holds what may
// not be kept anywhere is not.
func (a *API) saveTemplate(ctx context.Context, c *caller, in *saveTemplateInput) (ChangedTemplate, error) {
	q := in.Body
	if err := textKnown(q.Name, q.Text); err != nil {
		return ChangedTemplate{}, err
	}
	if q.Base != "" && versionKnown(q.Base) != nil {
		return ChangedTemplate{}, want("base", "the id of the version that the text was made from")
	}
	var err error
	if q.Note, err = reasonOf(q.Note, false); err != nil {
		return ChangedTemplate{}, want("note", "what was changed, as a reason is written")
	}
	d := template.NewVersion(q.Name, []byte(q.Text))
	d.Author, d.Base, d.Note = c.author(), q.Base, q.Note
	uses := a.usesOf(q.Name)
	if err := a.audit(ctx, c, anyOf(uses), "template.save "+d.ID, "", "", q.Note); err != nil {
		return ChangedTemplate{}, err
	}
	if len(uses) == 0 {
		return ChangedTemplate{}, want("name", "a template that a unit uses: name its set in a unit's templates first")
	}
	t, _ := parsed(q.Name, q.Text)
	if bad := a.o.Composer.Unsavable(q.Name, t, q.Text); len(bad) > 0 {
		return ChangedTemplate{}, &textError{"the text is not saved, for what stands in it may not be kept", bad}
	}
	return a.change(ctx, c, d.ID, func(r *template.Record, now time.Time, file string) error {
		if err := r.Save(d, now, file); err != nil {
			return err
		}
		return a.o.Versions.Keep(ctx, d.ID, []byte(q.Text))
	})
}

// change reads a record, changes it and writes it, again when somebody else was faster: then change sees what they wrote.
func (a *API) change(ctx context.Context, c *caller, id string, do func(r *template.Record, now time.Time, file string) error) (ChangedTemplate, error) {
	name := template.NameOf(id)
	for tries := 1; ; tries++ {
		r, revision, err := a.textRecord(ctx, name)
		if err != nil {
			return ChangedTemplate{}, err
		}
		now, file := a.o.Now().UTC(), a.fileOf(name)
		if err := do(&r, now, file); errors.Is(err, template.ErrConflict) {
			return ChangedTemplate{}, a.moved(ctx, c, r, r.Head(now, file), err)
		} else if err != nil {
			return ChangedTemplate{}, err
		}
		err = a.o.Versions.Write(ctx, r, revision)
		if errors.Is(err, ErrRaced) && tries < 8 {
			continue
		}
		if err != nil {
			return ChangedTemplate{}, err
		}
		return a.changed(ctx, c, r, id)
	}
}

// moved is the conflict with what is there now.
func (a *API) moved(ctx context.Context, c *caller, r template.Record, head string, conflict error) error {
	v, ok := r.Find(head)
	if !ok {
		return conflict
	}
	latest, err := a.versionOf(ctx, c, r, v)
	if err != nil {
		return err
	}
	return &movedError{conflict, latest}
}

// changed is the answer to a change.
func (a *API) changed(ctx context.Context, c *caller, r template.Record, id string) (ChangedTemplate, error) {
	v, _ := r.Find(id)
	shown, err := a.versionOf(ctx, c, r, v)
	if err != nil {
		return ChangedTemplate{}, err
	}
	out := ChangedTemplate{TemplateVersion: shown, Problems: []compose.Problem{}}
	for _, t := range r.Turns {
		if t.Version == id && t.Cancelled == nil {
			out.From, out.Share = t.From, 0
			if t.Canary != nil && t.Canary.Ended == nil {
				out.Share = t.Canary.Share
			}
		}
	}
	if shown.State == template.Draft {
		j, err := a.judgeVersion(ctx, r, id)
		if err != nil {
			return ChangedTemplate{}, err
		}
		out.Problems, out.Change = j.problems, j.change
	}
	return out, nil
}

type approveTemplateInput struct{ Body ApproveTemplate }

// approveTemplate lets a draft take over, at once or at an instant: what was read, by another person than who wrote it, and only where
// it can be sent by every unit that uses it.
func (a *API) approveTemplate(ctx context.Context, c *caller, in *approveTemplateInput) (ChangedTemplate, error) {
	q := in.Body
	if err := versionKnown(q.ID); err != nil {
		return ChangedTemplate{}, err
	}
	reason, err := reasonOf(q.Reason, false)
	if err != nil {
		return ChangedTemplate{}, err
	}
	if q.From.After(a.o.Now().Add(longestAhead)) {
		return ChangedTemplate{}, want("from", "an instant of the next 400 days")
	}
	name := template.NameOf(q.ID)
	uses := a.usesOf(name)
	if err := a.audit(ctx, c, everyOf(uses), "template.approve "+q.ID, "", "", reason); err != nil {
		return ChangedTemplate{}, err
	}
	var j judgement
	out, err := a.change(ctx, c, q.ID, func(r *template.Record, now time.Time, file string) error {
		v, ok := r.Find(q.ID)
		if !ok {
			return template.ErrNoVersion
		}
		if a.o.FourEyes && v.Author.Is(c.author()) {
			return errSame
		}
		if t, _ := r.Trying(now); q.Whole && t != nil && t.Version == q.ID {
			if err := r.Widen(q.ID, c.author(), now); err != nil {
				return err
			}
		} else if err := r.Approve(q.ID, c.author(), q.From.UTC(), now, file); err != nil {
			return err
		} else {
			r.Turns[len(r.Turns)-1].Reason = reason
			if !q.Whole {
				r.Try(a.o.Canary)
			}
		}
		var err error
		if j, err = a.judgeVersion(ctx, *r, q.ID); err == nil && len(j.blocking) > 0 {
			err = &textError{"the text can't be approved", j.blocking}
		}
		return err
	})
	if err != nil {
		return ChangedTemplate{}, err
	}
	out.Problems, out.Change = j.problems, j.change
	if out.Change != nil {
		out.Change.Pending = a.pending(ctx, uses)
	}
	return out, nil
}

type moveTemplateInput struct{ Body MoveTemplate }

// unscheduleTemplate takes an approval back before its start.
func (a *API) unscheduleTemplate(ctx context.Context, c *caller, in *moveTemplateInput) (ChangedTemplate, error) {
	return a.moveTemplate(ctx, c, in.Body, "template.unschedule", func(r *template.Record, reason string, now time.Time, file string) error {
		return r.Unschedule(in.Body.ID, c.author(), reason, now, file)
	})
}

// rollBackTemplate makes a version live again at once, at one person's word.
func (a *API) rollBackTemplate(ctx context.Context, c *caller, in *moveTemplateInput) (ChangedTemplate, error) {
	return a.moveTemplate(ctx, c, in.Body, "template.rollback", func(r *template.Record, reason string, now time.Time, file string) error {
		if err := r.RollBack(in.Body.ID, c.author(), reason, now, file); err != nil {
			return err
		}
		j, err := a.judgeVersion(ctx, *r, in.Body.ID)
		if err != nil {
			return err
		}
		var own []compose.Problem
		for _, p := range j.blocking {
			if p.Unit == "" {
				own = append(own, p)
			}
		}
		if len(own) > 0 {
			return &textError{"the text was live, and can't be sent by the rules of now", own}
		}
		return nil
	})
}

// moveTemplate is a change that an approver makes, with a reason.
func (a *API) moveTemplate(
	ctx context.Context, c *caller, q MoveTemplate, action string, do func(r *template.Record, reason string, now time.Time, file string) error,
) (ChangedTemplate, error) {
	if err := versionKnown(q.ID); err != nil {
		return ChangedTemplate{}, err
	}
	reason, err := reasonOf(q.Reason, true)
	if err != nil {
		return ChangedTemplate{}, err
	}
	if err := a.audit(ctx, c, everyOf(a.usesOf(template.NameOf(q.ID))), action+" "+q.ID, "", "", reason); err != nil {
		return ChangedTemplate{}, err
	}
	return a.change(ctx, c, q.ID, func(r *template.Record, now time.Time, file string) error { return do(r, reason, now, file) })
}

// discardTemplate gives a draft up: its author, or who may approve it.
func (a *API) discardTemplate(ctx context.Context, c *caller, in *moveTemplateInput) (ChangedTemplate, error) {
	q := in.Body
	if err := versionKnown(q.ID); err != nil {
		return ChangedTemplate{}, err
	}
	reason, err := reasonOf(q.Reason, false)
	if err != nil {
		return ChangedTemplate{}, err
	}
	of := func(ctx context.Context, a *API, c *caller) error {
		r, _, err := a.o.Versions.Record(ctx, template.NameOf(q.ID))
		if err != nil {
			return err
		}
		if v, _ := r.Find(q.ID); v.Author.Is(c.author()) {
			return nil
		}
		if c.role == Clerk {
			return &forbidden{"a draft is given up by who wrote it, or by who may approve it"}
		}
		return everyOf(a.usesOf(r.Name))(ctx, a, c)
	}
	if err := a.audit(ctx, c, of, "template.discard "+q.ID, "", "", reason); err != nil {
		return ChangedTemplate{}, err
	}
	return a.change(ctx, c, q.ID, func(r *template.Record, now time.Time, file string) error {
		return r.Discard(q.ID, c.author(), reason, now, file)
	})
}
