package command

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/husk-reminders/husk/pkg/inbound"
)

func inboundCommand() *cobra.Command {
	return group("inbound", "What people answer", classifyCommand())
}

// longestAnswer is the longest line that classify reads.
const longestAnswer = 1 << 20

// classified is one line that classify prints.
type classified struct {
	Text   string         `json:"text"`
	Intent inbound.Intent `json:"intent"`
	Why    string         `json:"why"`
}

func classifyCommand() *cobra.Command {
	var keyword string
	c := &cobra.Command{
		Use:   "classify [file]",
		Short: "Say what answers would be taken for",
		Long: "Reads one text a line from the file, or from standard input, and prints a JSON line for each: the text, the intent (" + intents() + ")\n" +
			"and the rule that decided. Nothing is sent, stored or looked up.",
		Args: someArgs(0, "at most one file"),
		RunE: func(c *cobra.Command, args []string) error {
			in := c.InOrStdin()
			if len(args) == 1 && args[0] != standardInput {
				f, err := os.Open(args[0])
				if err != nil {
					return fmt.Errorf("inbound: %w", err)
				}
				defer func() { _ = f.Close() }()
				in = f
			}
			return classify(in, c.OutOrStdout(), inbound.ClassifyOptions{Keyword: keyword})
		},
	}
	c.Flags().StringVar(&keyword, "keyword", "", "the keyword of a shared number, which each text begins with")
	return c
}

func intents() string {
	var s []string
	for _, i := range inbound.Intents {
		s = append(s, string(i))
	}
	return strings.Join(s, " ")
}

func classify(in io.Reader, out io.Writer, o inbound.ClassifyOptions) error {
	w := bufio.NewWriter(out)
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	lines := bufio.NewScanner(in)
	lines.Buffer(nil, longestAnswer)
	for lines.Scan() {
		r := inbound.Classify(lines.Text(), o)
		if err := e.Encode(classified{lines.Text(), r.Intent, r.Why}); err != nil {
			return err
		}
		if err := w.Flush(); err != nil {
			return err
		}
	}
	if errors.Is(lines.Err(), bufio.ErrTooLong) {
		return errors.New("inbound: a line is longer than 1 MiB: want one text a line")
	}
	return lines.Err()
}
