package command

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"
	"unicode"

	"github.com/spf13/cobra"
)

// render prints an answer: as JSON where --json was given, else as people read it.
func render(c *cobra.Command, v any, people func(w io.Writer)) error {
	if asJSON(c) {
		return printJSON(c.OutOrStdout(), v)
	}
	people(c.OutOrStdout())
	return nil
}

func asJSON(c *cobra.Command) bool {
	b, err := c.Flags().GetBool("json")
	return err == nil && b
}

func printJSON(w io.Writer, v any) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	e.SetEscapeHTML(false)
	return e.Encode(v)
}

// table prints rows under a heading, or a sentence when there is none.
func table(w io.Writer, none string, head []string, rows [][]string) {
	if len(rows) == 0 {
		_, _ = fmt.Fprintln(w, none)
		return
	}
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	line := func(cells []string) {
		for i, c := range cells {
			cells[i] = plain(c)
		}
		_, _ = fmt.Fprintln(t, strings.Join(cells, "\t"))
	}
	line(head)
	for _, r := range rows {
		line(r)
	}
	_ = t.Flush()
}

// plain is text that can't steer a terminal, nor break a table.
func plain(s string) string {
	if s == "" {
		return "-"
	}
	return strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return '\uFFFD'
	}, s)
}

// plainLines is text of several lines that can't steer a terminal.
func plainLines(s string) string {
	lines := strings.Split(s, "\n")
	for i, l := range lines {
		if l != "" {
			lines[i] = plain(strings.ReplaceAll(strings.TrimSuffix(l, "\r"), "\t", "    "))
		}
	}
	return strings.Join(lines, "\n")
}

// when is an instant by the machine's clock.
func when(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.Local().Format("2006-01-02 15:04 MST")
}

func yes(b bool) string {
	if b {
		return "yes"
	}
	return "no"
}

// words joins a kind of strings.
func words[T ~string](ts []T) string {
	ss := make([]string, len(ts))
	for i, t := range ts {
		ss[i] = string(t)
	}
	return strings.Join(ss, ", ")
}
