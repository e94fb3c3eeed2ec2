package command

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/spf13/cobra"

	"github.com/husk-reminders/husk/pkg/app"
	"github.com/husk-reminders/husk/pkg/redact"
	"github.com/husk-reminders/husk/pkg/reminder"
)

// standardInput names standard input where a file is named.
const standardInput = "-"

// largestScan is the most that is read of one input: what is longer is no text that people wrote.
const largestScan = 64 << 20

func scanCommand() *cobra.Command {
	var unit, corpus string
	var at []string
	var mail bool
	c := &cobra.Command{
		Use:   "scan [file]...",
		Short: "Find national ids, digits nobody explains and other people's data in texts",
		Long: "Reads the files, or standard input, as messages are read before they leave, and prints what would hold them, with line and\n" +
			"column but never what stands there. Exits with 1 when there is anything. --unit and --at say what a message of that unit and\n" +
			"appointment may contain. With --corpus each line of a file is a JSON object with id, text and known, and for each a line\n" +
			"with id, verdict, kind, part and layout is printed.",
		Args: func(*cobra.Command, []string) error { return nil },
		RunE: func(c *cobra.Command, args []string) error {
			scanner, err := redact.New(redact.Options{})
			if err != nil {
				return err
			}
			if corpus != "" {
				if len(args) > 0 || unit != "" || len(at) > 0 || mail {
					return usageError{errors.New("scan: --corpus stands alone: each line says what it may contain")}
				}
				return scanCorpus(c, scanner, corpus)
			}
			known, err := knownOf(c, unit, at)
			if err != nil {
				return err
			}
			if len(args) == 0 {
				args = []string{standardInput}
			}
			return scanFiles(c, scanner, known, args, mail)
		},
	}
	f := c.Flags()
	f.StringVar(&unit, "unit", "", "the unit whose names, address, phone and mail the text may contain")
	f.StringArrayVar(&at, "at", nil, "start of an appointment the text may tell, such as 2026-03-12T14:30 (may be repeated)")
	f.BoolVar(&mail, "mail", false, "read each file as an e-mail message: header, parts, encodings and file names")
	f.StringVar(&corpus, "corpus", "", "file of labelled lines, or - for standard input")
	return c
}

// localMinute is how --at and a corpus write a start: without a zone, as it is printed.
const localMinute = "2006-01-02T15:04"

func knownOf(c *cobra.Command, unit string, at []string) (redact.Known, error) {
	var k redact.Known
	for _, s := range at {
		t, err := time.Parse(localMinute, s)
		if err != nil {
			return k, usageError{errors.New("scan: --at: want a start such as 2026-03-12T14:30")}
		}
		k.Appt = append(k.Appt, t)
	}
	if unit == "" {
		return k, nil
	}
	cfg, err := configure(c)
	if err != nil {
		return k, err
	}
	units, err := app.ReadUnits(cfg)
	if err != nil {
		return k, err
	}
	u, ok := units.Unit(unit)
	if !ok {
		return k, usageError{errors.New("scan: --unit: want the id of a unit in the unit directory")}
	}
	k.Phones, k.Mails = []string{u.Phone.Text}, []string{u.Mail.Text, u.From.Text}
	if number := u.SenderNumber(); number != "" {
		k.Phones = append(k.Phones, number)
	}
	if u.Link.Text != "" {
		k.Links = []string{u.Link.Text}
	}
	k.Units = []string{u.Address.Text, u.Entrance.Text}
	for _, n := range u.Names {
		k.Units = append(k.Units, n.Text)
	}
	return k, nil
}

// spot is a finding as it is printed.
type spot struct {
	File   string `json:"file"`
	Line   int    `json:"line,omitempty"`   // from 1; 0 = in a part that an encoding hides
	Column int    `json:"column,omitempty"` // letters from 1
	redact.Finding
}

func (p spot) String() string {
	var b strings.Builder
	b.WriteString(plain(p.File) + ":")
	if p.Line > 0 {
		fmt.Fprintf(&b, "%d:%d:", p.Line, p.Column)
	}
	b.WriteString(" " + p.Kind)
	if p.Name != "" {
		b.WriteString(" (" + p.Name + ")")
	}
	if p.Layout != "" {
		b.WriteString(" " + p.Layout)
	}
	if p.Line == 0 {
		fmt.Fprintf(&b, " in the %s at byte %d", p.Part, p.Offset)
	}
	return b.String()
}

func scanFiles(c *cobra.Command, s *redact.Scanner, known redact.Known, files []string, mail bool) error {
	var found []spot
	for _, name := range files {
		text, err := readInput(c, name)
		if err != nil {
			return err
		}
		if mail {
			for _, f := range s.ScanWire(reminder.Wire{Format: reminder.WireMail, Body: reminder.Mask(text)}, reminder.Rendered{}, known) {
				found = append(found, spot{File: name, Finding: f})
			}
			continue
		}
		for _, f := range s.ScanText(text, known) {
			line, column := position(text, f.Offset)
			found = append(found, spot{File: name, Line: line, Column: column, Finding: f})
		}
	}
	if asJSON(c) {
		e := json.NewEncoder(c.OutOrStdout())
		for _, p := range found {
			if err := e.Encode(p); err != nil {
				return err
			}
		}
	} else {
		for _, p := range found {
			_, _ = fmt.Fprintln(c.OutOrStdout(), p)
		}
	}
	if len(found) > 0 {
		return errProblems
	}
	return nil
}

func readInput(c *cobra.Command, name string) (string, error) {
	in := c.InOrStdin()
	if name != standardInput {
		f, err := os.Open(name)
		if err != nil {
			return "", fmt.Errorf("scan: %w", err)
		}
		defer func() { _ = f.Close() }()
		in = f
	}
	text, err := io.ReadAll(io.LimitReader(in, largestScan+1))
	if err != nil {
		return "", fmt.Errorf("scan: %w", err)
	}
	if len(text) > largestScan {
		return "", fmt.Errorf("scan: %s: larger than 64 MiB: cut it into pieces", plain(name))
	}
	return string(text), nil
}

// position is where a byte stands in a text: its line, and its letter in the line, both from 1.
func position(text string, offset int) (line, column int) {
	before := text[:offset]
	return 1 + strings.Count(before, "\n"), 1 + utf8.RuneCountInString(before[strings.LastIndexByte(before, '\n')+1:])
}

// labelled is a line of a corpus: a text and what its message may contain. Verdict is what it should come to; it may be left out.
type labelled struct {
	ID      string `json:"id"`
	Verdict string `json:"verdict"`
	Text    string `json:"text"`
	Known   struct {
		Appt      []string `json:"appt"`
		Phones    []string `json:"phones"`
		Mails     []string `json:"mails"`
		Links     []string `json:"links"`
		Refs      []string `json:"refs"`
		Units     []string `json:"units"`
		Staff     []string `json:"staff"`
		Recipient []string `json:"recipient"`
		Children  []string `json:"children"`
	} `json:"known"`
}

func (l *labelled) known() (redact.Known, error) {
	k := redact.Known{
		Phones: l.Known.Phones, Mails: l.Known.Mails, Links: l.Known.Links, Refs: l.Known.Refs, Units: l.Known.Units, Staff: l.Known.Staff,
		Recipient: l.Known.Recipient, Children: l.Known.Children,
	}
	for _, a := range l.Known.Appt {
		t, err := time.Parse(localMinute, a)
		if err != nil {
			return k, errors.New("known.appt: want starts such as 2026-03-12T14:30")
		}
		k.Appt = append(k.Appt, t)
	}
	return k, nil
}

// ruling is what is printed of a line of a corpus.
type ruling struct {
	ID      string            `json:"id"`
	Verdict string            `json:"verdict"` // hold or pass
	Kind    string            `json:"kind"`
	Part    reminder.PartKind `json:"part"`
	Layout  string            `json:"layout"`
}

// The verdicts of a corpus.
const (
	hold = "hold"
	pass = "pass"
)

func scanCorpus(c *cobra.Command, s *redact.Scanner, name string) error {
	text, err := readInput(c, name)
	if err != nil {
		return err
	}
	e := json.NewEncoder(c.OutOrStdout())
	lines, right, judged := 0, 0, 0
	for n, line := range bytes.Split([]byte(text), []byte("\n")) {
		if len(bytes.TrimSpace(line)) == 0 {
			continue
		}
		var l labelled
		err := json.Unmarshal(line, &l)
		var known redact.Known
		if err == nil {
			known, err = l.known()
		}
		if err != nil {
			return fmt.Errorf("scan: %s:%d: %w", plain(name), n+1, err)
		}
		r := rule(l.ID, s.ScanText(l.Text, known))
		if err := e.Encode(r); err != nil {
			return err
		}
		lines++
		if l.Verdict != "" {
			judged++
			if l.Verdict == r.Verdict {
				right++
			}
		}
	}
	if judged > 0 {
		_, _ = fmt.Fprintf(c.ErrOrStderr(), "%d of %d labelled lines are as labelled\n", right, judged)
	} else {
		_, _ = fmt.Fprintf(c.ErrOrStderr(), "%d lines\n", lines)
	}
	return nil
}

// rule is the verdict on a text: the gravest finding names it.
func rule(id string, found []redact.Finding) ruling {
	if len(found) == 0 {
		return ruling{ID: id, Verdict: pass}
	}
	worst := found[0]
	for _, f := range found[1:] {
		if gravity(f) < gravity(worst) {
			worst = f
		}
	}
	return ruling{ID: id, Verdict: hold, Kind: worst.Kind, Part: cmp.Or(worst.Part, reminder.PartText), Layout: worst.Layout}
}

// gravity orders findings: national ids, then other people, then what reaches somebody else, then digits and what hides them.
func gravity(f redact.Finding) int {
	switch {
	case f.NationalID():
		return 0
	case f.Kind == redact.KindThird:
		return 1
	case f.Kind == redact.KindMail, f.Kind == redact.KindLink, f.Kind == redact.KindPhone:
		return 2
	case f.Kind == redact.KindDigits:
		return 3
	}
	return 4
}
