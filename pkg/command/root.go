package command

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"github.com/husk-reminders/husk/pkg/config"
)

// Execute runs the command that the program was called with and returns the program's exit code: 0, 1 when the command failed,
// 2 when it was not understood. SIGINT and SIGTERM stop it in good order; the second ends it at once.
func Execute() int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop) // from now on a signal does what it does by default
	return run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr)
}

// usageError is a command that was not understood.
type usageError struct{ error }

func (e usageError) Unwrap() error { return e.error }

func run(ctx context.Context, args []string, in io.Reader, out, errs io.Writer) int {
	err := refuseNationalIDs(args)
	if err == nil {
		c := rootCommand()
		c.SetArgs(args)
		c.SetIn(in)
		c.SetOut(out)
		c.SetErr(errs)
		err = c.ExecuteContext(ctx)
	}
	if err == nil || errors.Is(err, errProblems) {
		return exitCode(err)
	}
	_, _ = fmt.Fprintln(errs, "husk: "+err.Error())
	return exitCode(err)
}

func exitCode(err error) int {
	var usage usageError
	switch {
	case err == nil:
		return 0
	case errors.As(err, &usage):
		return 2
	}
	return 1
}

func rootCommand() *cobra.Command {
	root := &cobra.Command{
		Use:   "husk",
		Short: "Remind patients of their appointments by SMS and e-mail, only where it is allowed",
		Long: "Husk takes booking events, plans reminders, and sends each one only if the law, the patient and the clinic allow it at\n" +
			"the moment of sending. `husk demo` shows all of it; `husk serve` runs it.",
		SilenceErrors: true,
		SilenceUsage:  true,
		Args:          noArgs,
		RunE:          func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	root.CompletionOptions.HiddenDefaultCmd = true
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return usageError{err} })
	config.RegisterFlags(root.PersistentFlags())
	root.PersistentFlags().Bool("json", false, "print JSON")
	root.AddCommand(
		serveCommand(), demoCommand(), benchCommand(), doctorCommand(), statusCommand(), dayCommand(), stopCommand(), resumeCommand(), reminderCommand(), attemptCommand(), receiptCommand(), letterCommand(), scanCommand(), smsGroup(),
		personCommand(), addressGroup(), carrierGroup(), sendGroup(), inboundCommand(), replyCommand(), deadCommand(), auditCommand(), keysCommand(), apiKeyCommand(), apiCommand(), pagesGroup(), policyGroup(), stateCommand(), templateGroup(), versionCommand(),
	)
	return root
}

// group is a command that only holds others.
func group(use, short string, of ...*cobra.Command) *cobra.Command {
	c := &cobra.Command{Use: use, Short: short, Args: noArgs, RunE: func(c *cobra.Command, _ []string) error { return c.Help() }}
	c.AddCommand(of...)
	return c
}

// noArgs refuses arguments without repeating them.
func noArgs(c *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	if c.HasSubCommands() {
		return usageError{fmt.Errorf("%s: no such command: see %s --help", c.CommandPath(), c.CommandPath())}
	}
	return usageError{fmt.Errorf("%s takes no argument: see %s --help", c.CommandPath(), c.CommandPath())}
}

// someArgs wants from least arguments to one.
func someArgs(least int, what string) cobra.PositionalArgs {
	return func(c *cobra.Command, args []string) error {
		if len(args) < least || len(args) > 1 {
			return usageError{fmt.Errorf("%s: want %s", c.CommandPath(), what)}
		}
		return nil
	}
}

// configure reads the configuration of a command.
func configure(c *cobra.Command) (config.Config, error) { return config.Load(c.Flags()) }

// logger makes the log. Commands that come to an end show warnings and worse alone.
func logger(c config.Config, to io.Writer, least zapcore.Level) (*zap.Logger, error) {
	level, err := zapcore.ParseLevel(c.Log.Level)
	if err != nil {
		return nil, fmt.Errorf("log.level: %w", err)
	}
	e := zap.NewProductionEncoderConfig()
	e.EncodeTime = zapcore.RFC3339NanoTimeEncoder
	encoder := zapcore.NewJSONEncoder(e)
	if c.Log.Format == "console" {
		e.EncodeLevel = zapcore.CapitalLevelEncoder
		encoder = zapcore.NewConsoleEncoder(e)
	}
	return zap.New(zapcore.NewCore(encoder, zapcore.Lock(zapcore.AddSync(to)), max(level, least))), nil
}
