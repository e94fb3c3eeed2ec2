package command

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"
	"go.uber.org/zap"

	"github.com/husk-reminders/husk/pkg/app"
	"github.com/husk-reminders/husk/pkg/config"
	"github.com/husk-reminders/husk/pkg/reminder"
	"github.com/husk-reminders/husk/pkg/web"
	"github.com/husk-reminders/husk/pkg/web/signin"
	"github.com/husk-reminders/husk/test/scenario"
)

// byLink reports whether people come to the pages by one-time links.
func byLink(c config.Config) bool {
	return c.Pages.Listen != "" && c.Pages.SignIn.Issuer == "" && c.Mode != config.ModeProduction
}

// invented are the national ids of the demonstration's people: everybody whom husk demo enters.
func invented() ([]reminder.NationalID, error) {
	units, err := demoUnits()
	if err != nil {
		return nil, err
	}
	story, err := scenario.Build(units)
	if err != nil {
		return nil, err
	}
	ids := make([]reminder.NationalID, len(story.People))
	for i, p := range story.People {
		ids[i] = reminder.NewNationalID(p.Country, p.ID)
	}
	return ids, nil
}

// openSignIn makes the way in to the pages: the OpenID provider's, else links'. One of the two is nil.
func openSignIn(c config.Config, d *web.Door, log *zap.Logger) (*signin.OIDC, *signin.Link, error) {
	units, err := app.ReadUnits(c)
	if err != nil {
		return nil, nil, err
	}
	if c.Pages.SignIn.Issuer != "" {
		x, err := app.OpenSignIn(c.Pages, app.SigningIn{Units: units, Secret: d.SignInSecret, Metrics: d.Metrics(), Log: log})
		return x, nil, err
	}
	o := signin.LinkOptions{Address: c.Pages.Address(), Production: c.Mode == config.ModeProduction, OnlyInvented: d.OnlyInvented, Log: log}
	for _, u := range units.Units() {
		o.Units = append(o.Units, u.ID)
	}
	l, err := signin.NewLink(o)
	return nil, l, err
}

// newLink makes a one-time link to the pages.
func (e *engine) newLink(ctx context.Context) (web.SignInLink, error) {
	link := e.link.Load()
	if link == nil {
		return web.SignInLink{}, errors.New("the pages are not served yet")
	}
	address, until, err := link.New(ctx)
	return web.SignInLink{Address: address, Until: until}, err
}

// tellLink prints the first link, or why there is none.
func (e *engine) tellLink(ctx context.Context, out io.Writer) {
	if l, err := e.newLink(ctx); err != nil {
		e.log.Warn("no one-time link to the pages", zap.Error(err))
	} else {
		printLink(out, l)
	}
}

func printLink(w io.Writer, l web.SignInLink) {
	_, _ = fmt.Fprintf(w, "The pages, for a trial (one person, once, until %s):\n%s\n", l.Until.Local().Format(time.TimeOnly), l.Address)
}

// pagesGroup are the commands about the clerks' pages.
func pagesGroup() *cobra.Command {
	return group("pages", "The clerks' pages (pages.listen)", &cobra.Command{
		Use:   "link",
		Short: "Make a one-time sign-in link, for a trial",
		Long: "Make a link that lets one person in once, within 15 minutes, in every role: another person than any link before. Refused in\n" +
			"production, with an OpenID provider, and once anybody but the demonstration's people is known.",
		Args: noArgs,
		RunE: withClient(func(c *cobra.Command, s *client, _ []string) error {
			var l web.SignInLink
			if err := s.post(c.Context(), "/v1/sessions/links", nil, &l); err != nil {
				return err
			}
			return render(c, l, func(w io.Writer) { printLink(w, l) })
		}),
	}, pagesSessions(), pagesRevoke())
}

// signIn checks who lets people in to the pages.
func (d *doctor) signIn(ctx context.Context) {
	p := d.cfg.Pages
	switch {
	case p.Listen == "":
		return
	case p.SignIn.Issuer == "":
		d.tell("sign-in", warning, "name an OpenID provider in pages.sign_in before anybody real is in the data", "by one-time links, for a trial")
		return
	}
	units, err := app.ReadUnits(d.cfg)
	if err != nil {
		return // which is told with the units
	}
	x, err := app.OpenSignIn(p, app.SigningIn{Units: units, Secret: func() ([]byte, error) { return nil, errors.New("not here") }})
	if err != nil {
		d.closed = true
		d.blame("sign-in", err, "mend pages.sign_in; config/husk.yaml describes it")
		return
	}
	if err := x.Ready(ctx); err != nil {
		d.tell("sign-in", problem, "see whether this machine reaches pages.sign_in.issuer, and whether it is written to the letter", "%s", err)
		return
	}
	d.tell("sign-in", fine, "", "%s answers; it must send people back to %s%s", p.SignIn.Issuer, p.Address(), config.CallbackPath)
}
