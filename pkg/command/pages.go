package command

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"

	"go.uber.org/zap"

	"github.com/husk-reminders/husk/pkg/config"
	"github.com/husk-reminders/husk/pkg/web/pages"
)

// startPages starts the listener of the clerks' pages, with TLS where there is a certificate.
func (s *servers) startPages(ctx context.Context, cfg config.Config, e *engine) error {
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", cfg.Pages.Listen)
	if err != nil {
		return fmt.Errorf("pages.listen: %w", err)
	}
	cfg.Pages.Listen = l.Addr().String() // the port, where the system chose it
	p, err := openPages(cfg, e, s.log)
	if err != nil {
		return errors.Join(err, l.Close())
	}
	if cfg.Pages.Cert != "" {
		pair, err := tls.LoadX509KeyPair(cfg.Pages.Cert, cfg.Pages.Key)
		if err != nil {
			return errors.Join(fmt.Errorf("pages.cert, pages.key: %w", err), l.Close())
		}
		l = tls.NewListener(l, &tls.Config{MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{pair}, NextProtos: []string{"h2", "http/1.1"}})
	}
	s.log.Info("the pages answer", zap.String("address", cfg.Pages.Address()))
	s.start(l, p, apiWrite).RegisterOnShutdown(p.Close)
	return nil
}

// openPages makes the pages and the way in to them.
func openPages(cfg config.Config, e *engine, log *zap.Logger) (*pages.Pages, error) {
	log = log.Named("pages")
	oidc, link, err := openSignIn(cfg, e.door, log)
	if err != nil {
		return nil, err
	}
	o := pages.Options{
		Call: e.door.Call, Sessions: e.door.Sessions(), Units: e.door.Units, URL: cfg.Pages.Address(), Admit: e.door.Admit, Log: log,
	}
	if oidc != nil {
		o.SignIn = oidc
	} else {
		o.SignIn = link
		e.link.Store(link)
	}
	return pages.New(o)
}
