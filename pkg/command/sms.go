package command

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"unicode/utf8"

	"github.com/spf13/cobra"

	"github.com/husk-reminders/husk/pkg/sms"
)

func smsGroup() *cobra.Command {
	return group("sms", "What texts take on the air", measureCommand())
}

// longestMeasured is the longest line that measure reads, in bytes without its end.
const longestMeasured = 1 << 20

// measured is one line that measure prints.
type measured struct {
	Encoding sms.Encoding `json:"encoding"`
	Units    int          `json:"units"`
	Segments int          `json:"segments"`
	ForcedBy []string     `json:"forced_by"`
}

func measureCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "measure [file]...",
		Short: "Count what texts take as text messages",
		Long: "Reads one text a line from the files, or from standard input, and prints a JSON line for each: the encoding (gsm7 or ucs2), the\n" +
			"units (septets of gsm7, UTF-16 code units of ucs2), the segments that a carrier sends and charges, and the letters that are not in\n" +
			"the GSM alphabet and so force ucs2. A line ends with LF or CRLF and has at most 1 MiB. With --json each line is a JSON string,\n" +
			"which may hold line ends. Nothing is sent, stored or changed.",
		Args: func(*cobra.Command, []string) error { return nil },
		RunE: func(c *cobra.Command, args []string) error {
			if len(args) == 0 {
				args = []string{standardInput}
			}
			out := bufio.NewWriter(c.OutOrStdout())
			for _, name := range args {
				if err := measureFile(c, name, out); err != nil {
					return errors.Join(out.Flush(), err)
				}
			}
			return out.Flush()
		},
	}
	c.Flags().Bool("json", false, "each line is a JSON string")
	return c
}

func measureFile(c *cobra.Command, name string, out io.Writer) error {
	in := c.InOrStdin()
	if name != standardInput {
		f, err := os.Open(name)
		if err != nil {
			return fmt.Errorf("sms: %w", err)
		}
		defer func() { _ = f.Close() }()
		in = f
	} else {
		name = "standard input"
	}
	return measureLines(in, out, plain(name), asJSON(c))
}

// measureLines measures each line of in. The errors name the line, and never what stands there.
func measureLines(in io.Reader, out io.Writer, name string, quoted bool) error {
	e := json.NewEncoder(out)
	e.SetEscapeHTML(false)
	lines := bufio.NewScanner(in)
	lines.Buffer(nil, longestMeasured+len("\r\n")+1)
	n := 0
	for lines.Scan() {
		n++
		text, err := textOf(lines.Bytes(), quoted)
		if err != nil {
			return fmt.Errorf("sms: %s:%d: %w", name, n, err)
		}
		size, forced := sms.Measure(text)
		if forced == nil {
			forced = []string{}
		}
		if err := e.Encode(measured{size.Encoding, size.Units, size.Segments, forced}); err != nil {
			return err
		}
	}
	err := lines.Err()
	if errors.Is(err, bufio.ErrTooLong) {
		err = errTooLong
	}
	if err != nil {
		return fmt.Errorf("sms: %s:%d: %w", name, n+1, err)
	}
	return nil
}

var errTooLong = errors.New("longer than 1 MiB: want one text a line")

// textOf is the text that a line holds.
func textOf(line []byte, quoted bool) (string, error) {
	switch {
	case len(line) > longestMeasured:
		return "", errTooLong
	case !utf8.Valid(line):
		return "", errors.New("not UTF-8")
	case !quoted:
		return string(line), nil
	}
	var text *string
	if err := json.Unmarshal(line, &text); err != nil || text == nil {
		return "", errors.New(`not a JSON string: want one in double quotes, as "Husk din aftale"`)
	}
	if halfPair(line) {
		return "", errors.New(`half a surrogate pair: a letter beyond U+FFFF is two escapes, as "\ud83d\ude00"`)
	}
	return *text, nil
}

// halfPair reports whether a JSON string has the escape of one half of a surrogate pair without the other: it is no letter, and
// decoders put another in its place.
func halfPair(quoted []byte) bool {
	high := false // the escape just before was a first half
	for len(quoted) > 0 {
		at := bytes.IndexByte(quoted, '\\')
		if at < 0 || at+1 >= len(quoted) {
			break
		}
		if at > 0 && high {
			return true
		}
		quoted = quoted[at:]
		if quoted[1] != 'u' {
			if high {
				return true
			}
			quoted = quoted[2:]
			continue
		}
		var unit uint16
		if _, err := fmt.Sscanf(string(quoted[2:6]), "%04x", &unit); err != nil {
			return true
		}
		first, second := unit>>10 == 0xd800>>10, unit>>10 == 0xdc00>>10
		if second != high {
			return true
		}
		high, quoted = first, quoted[6:]
	}
	return high
}
