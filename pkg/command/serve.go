package command

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"github.com/husk-reminders/husk/pkg/app"
	"github.com/husk-reminders/husk/pkg/config"
	"github.com/husk-reminders/husk/pkg/web"
)

func serveCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "serve",
		Short: "Run the line: take booking events, plan, ask, send",
		Long: "Runs until SIGTERM or SIGINT, then finishes or puts back what is in hand; the second signal ends it at once.\n" +
			"All other commands work beside it. Settings: config/husk.yaml.",
		Args: noArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			cfg, err := configure(c)
			if err != nil {
				return err
			}
			log, err := logger(cfg, c.ErrOrStderr(), zapcore.DebugLevel)
			if err != nil {
				return err
			}
			return serve(c.Context(), cfg, log, c.OutOrStdout())
		},
	}
}

// serve runs the line until ctx ends.
func serve(ctx context.Context, cfg config.Config, log *zap.Logger, out io.Writer) error {
	// While a line that failed is down its lock is free for a moment, but its socket answers.
	if answers(cfg.Admin.Socket) {
		return inUse(cfg)
	}
	e, err := newEngine(cfg, log, (*app.App).Run)
	if err != nil {
		return err
	}
	e.keepGoing = true
	// A broker or store that is not there yet, as when a whole site starts, is waited for.
	if err := e.open(ctx, false); errors.Is(err, app.ErrUnreachable) {
		log.Warn("not reachable yet", zap.Error(err))
	} else if err != nil {
		return err
	}
	defer e.close()

	s := servers{log: log}
	admin, err := listenAdmin(cfg.Admin.Socket)
	if err != nil {
		return err
	}
	// The socket goes while the lock is still ours: it can't be another's.
	defer func() { _ = os.Remove(cfg.Admin.Socket) }()
	defer s.stop()
	s.start(admin, e.door.Staff(), 0)
	address := ""
	if cfg.HTTP.Listen != "" {
		public, err := (&net.ListenConfig{}).Listen(ctx, "tcp", cfg.HTTP.Listen)
		if err != nil {
			return fmt.Errorf("http.listen: %w", err)
		}
		address = "http://" + public.Addr().String()
		s.start(public, e.door.Public(), 30*time.Second)
	}
	if cfg.API.Listen != "" {
		if err := s.startAPI(ctx, cfg.API, e.door); err != nil {
			return err
		}
	}
	if cfg.Unsubscribe.Listen != "" {
		if err := s.startUnsubscribe(ctx, cfg.Unsubscribe, e.door); err != nil {
			return err
		}
	}
	if cfg.Callbacks.Listen != "" {
		if err := s.startCallbacks(ctx, cfg.Callbacks, e.door); err != nil {
			return err
		}
	}
	if cfg.Pages.Listen != "" {
		if err := s.startPages(ctx, cfg, e); err != nil {
			return err
		}
	}
	e.started = func(a *app.App) {
		_, _ = fmt.Fprintf(out, "husk is ready: %s, data %s, carriers %s, mode %s\n", cmp.Or(address, "no HTTP"), cfg.Data, carriersOf(cfg), cfg.Mode)
		if e.link.Load() != nil {
			e.tellLink(ctx, out)
		}
	}
	err = e.loop(ctx)
	log.Info("stopped")
	return err
}

// inUse says who works on the data.
func inUse(cfg config.Config) error {
	who, err := app.Holder(cfg.Data)
	if err != nil || who == "" {
		who = "the process that answers on " + cfg.Admin.Socket
	}
	return fmt.Errorf("%w by %s: stop it, or use another --data", app.ErrHeld, who)
}

func carriersOf(cfg config.Config) string {
	return strings.Join([]string{"sms=" + cfg.Carriers["sms"].Type, "email=" + cfg.Carriers["email"].Type}, " ")
}

// servers are the listeners' HTTP servers.
type servers struct {
	log *zap.Logger
	all []*http.Server
}

func (s *servers) start(l net.Listener, h http.Handler, write time.Duration) *http.Server {
	srv := web.NewServer(h, s.log.Named("http"))
	srv.WriteTimeout = write
	s.all = append(s.all, srv)
	go func() {
		if err := srv.Serve(l); !errors.Is(err, http.ErrServerClosed) {
			s.log.Error("a listener has failed", zap.String("address", l.Addr().String()), zap.Error(err))
		}
	}()
	return srv
}

// apiWrite is how long the staff API may take to answer: a change and the writing of its answer.
const apiWrite = 2 * time.Minute

// startAPI starts the staff API's listener, with TLS where there is a certificate.
func (s *servers) startAPI(ctx context.Context, c config.API, d *web.Door) error {
	h, err := d.Remote()
	if err != nil {
		return err
	}
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", c.Listen)
	if err != nil {
		return fmt.Errorf("api.listen: %w", err)
	}
	scheme := "http"
	if c.Cert != "" {
		t, err := web.TLS("api", c.Cert, c.Key, c.ClientCA)
		if err != nil {
			return errors.Join(err, l.Close())
		}
		scheme, l = "https", tls.NewListener(l, t)
	}
	s.log.Info("the staff API answers", zap.String("address", scheme+"://"+l.Addr().String()), zap.Bool("client certificates", c.ClientCA != ""))
	s.start(l, h, apiWrite)
	return nil
}

// startUnsubscribe starts the listener for one-click unsubscription, with TLS where there is a certificate.
func (s *servers) startUnsubscribe(ctx context.Context, c config.Unsubscribe, d *web.Door) error {
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", c.Listen)
	if err != nil {
		return fmt.Errorf("unsubscribe.listen: %w", err)
	}
	if c.Cert != "" {
		pair, err := tls.LoadX509KeyPair(c.Cert, c.Key)
		if err != nil {
			return errors.Join(fmt.Errorf("unsubscribe.cert, unsubscribe.key: %w", err), l.Close())
		}
		l = tls.NewListener(l, &tls.Config{MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{pair}, NextProtos: []string{"h2", "http/1.1"}})
	}
	s.log.Info("one-click unsubscription answers", zap.String("address", l.Addr().String()), zap.String("path", c.Path()))
	s.start(l, d.Unsubscribe(c.Path()), apiWrite)
	return nil
}

// startCallbacks starts the listener for carriers' calls, with TLS where there is a certificate.
func (s *servers) startCallbacks(ctx context.Context, c config.Callbacks, d *web.Door) error {
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", c.Listen)
	if err != nil {
		return fmt.Errorf("callbacks.listen: %w", err)
	}
	if c.Cert != "" {
		t, err := web.TLS("callbacks", c.Cert, c.Key, c.ClientCA)
		if err != nil {
			return errors.Join(err, l.Close())
		}
		l = tls.NewListener(l, t)
	}
	s.log.Info("carriers' calls are answered", zap.String("address", l.Addr().String()), zap.Bool("client certificates", c.ClientCA != ""))
	s.start(l, d.Callbacks(), apiWrite)
	return nil
}

// stop closes the listeners and lets answers that are being written finish.
func (s *servers) stop() {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	for _, srv := range s.all {
		if srv.Shutdown(ctx) != nil {
			_ = srv.Close()
		}
	}
}
