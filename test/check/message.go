package check

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/husk-reminders/husk/pkg/reminder"
)

// ErrOutbox is wrapped by the errors of Run that lie with the outbox folder.
var ErrOutbox = errors.New("check: outbox")

// message is one file of the outbox: header lines, a blank line, the text.
type message struct {
	file      string
	header    map[string]string
	reference string
	channel   reminder.Channel
	purpose   reminder.Purpose
	to        string
	unit      string
	language  string
	date      time.Time
	text      string
}

// parts are all the pieces of a message that reach somebody, by name; To aside, which is the recipient's own.
func (m *message) parts() map[string]string {
	parts := map[string]string{"text": m.text, "file name": m.file}
	for k, v := range m.header {
		if k != "To" {
			parts[k] = v
		}
	}
	return parts
}

// shown is what a person reads: the subject and the text.
func (m *message) shown() string { return m.header["Subject"] + "\n" + m.text }

// readOutbox reads <dir>/messages/*.txt in the order of the file names.
func readOutbox(dir string) ([]*message, error) {
	dir = filepath.Join(dir, "messages")
	if _, err := os.Stat(dir); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrOutbox, err)
	}
	files, err := filepath.Glob(filepath.Join(dir, "*.txt"))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrOutbox, err)
	}
	var ms []*message
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			return nil, fmt.Errorf("%w: %w", ErrOutbox, err)
		}
		m, err := parse(filepath.Base(f), string(b))
		if err != nil {
			return nil, err
		}
		ms = append(ms, m)
	}
	return ms, nil
}

func parse(file, s string) (*message, error) {
	head, text, ok := strings.Cut(strings.ReplaceAll(s, "\r\n", "\n"), "\n\n")
	if !ok {
		return nil, fmt.Errorf("%w: %s: no blank line between headers and text", ErrOutbox, file)
	}
	m := &message{file: file, header: map[string]string{}, text: strings.TrimSuffix(text, "\n")}
	for line := range strings.SplitSeq(head, "\n") {
		name, value, ok := strings.Cut(line, ":")
		if !ok {
			return nil, fmt.Errorf("%w: %s: a header line is not 'Name: value'", ErrOutbox, file)
		}
		m.header[name] = strings.TrimSpace(value)
	}
	m.reference, m.to, m.unit, m.language = m.header["Reference"], m.header["To"], m.header["Unit"], m.header["Language"]
	m.channel, m.purpose = reminder.Channel(m.header["Channel"]), reminder.Purpose(m.header["Purpose"])
	for _, name := range []string{"Reference", "Channel", "Purpose", "To", "Unit", "Language"} {
		if m.header[name] == "" {
			return nil, fmt.Errorf("%w: %s: no %s", ErrOutbox, file, name)
		}
	}
	var err error
	if m.date, err = time.Parse(time.RFC3339, m.header["Date"]); err != nil {
		return nil, fmt.Errorf("%w: %s: Date: want RFC 3339", ErrOutbox, file)
	}
	return m, nil
}
