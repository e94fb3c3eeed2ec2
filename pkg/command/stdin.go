package command

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/mattn/go-isatty"
	"github.com/spf13/cobra"

	"github.com/husk-reminders/husk/pkg/reminder"
	"github.com/husk-reminders/husk/pkg/web"
)

// questions reads personal data from standard input, a line an answer. On a terminal it asks; what it refuses it does not repeat.
type questions struct {
	from *bufio.Reader
	ask  io.Writer // nil = nobody is there to be asked
}

func newQuestions(c *cobra.Command) *questions {
	q := &questions{from: bufio.NewReader(io.LimitReader(c.InOrStdin(), 4096))}
	if f, ok := c.InOrStdin().(*os.File); ok && isatty.IsTerminal(f.Fd()) {
		q.ask = c.ErrOrStderr()
	}
	return q
}

func (q *questions) line(what string) (string, error) {
	if q.ask != nil {
		_, _ = fmt.Fprintf(q.ask, "%s: ", what)
	}
	s, err := q.from.ReadString('\n')
	if s = strings.TrimSpace(s); s != "" {
		return s, nil
	}
	if err != nil && !errors.Is(err, io.EOF) {
		return "", errors.New("standard input can't be read")
	}
	return "", fmt.Errorf("nothing on standard input: want %s", strings.ToLower(what[:1])+what[1:])
}

// whom finds out which person a command is about: --person, else country and national id on standard input.
func whom(c *cobra.Command, s *client, q *questions, flag string) (reminder.PersonKey, error) {
	if flag != "" {
		k, err := reminder.ParsePersonKey(flag)
		if err != nil {
			return "", usageError{errors.New("--person: want a person key: a version, '-' and 32 hex digits")}
		}
		return k, nil
	}
	line, err := q.line("Country and national id (DK, SE, NO, FI or IS, a space, the number)")
	if err != nil {
		return "", err
	}
	country, id, ok := strings.Cut(line, " ")
	if !ok {
		return "", errors.New("the person: want country and national id with a space between, on one line of standard input")
	}
	body := map[string]string{"country": strings.ToUpper(country), "id": strings.TrimSpace(id)}
	var k web.Key
	if err := s.post(c.Context(), "/v1/persons/key", body, &k); err != nil {
		return "", err
	}
	return k.Person, nil
}
