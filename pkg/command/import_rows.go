package command

import (
	"bufio"
	"bytes"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/husk-reminders/husk/pkg/web"
)

// rows reads the rows of a file, one after another; io.EOF at its end. A *rowError is one row that can't be read, any other error ends
// the reading. None holds anything of the file.
type rows interface {
	next() (web.ImportRow, error)
}

// rowError is a row that can't be read.
type rowError struct {
	line       int
	field, why string
}

// Error implements error.
func (b *rowError) Error() string { return fmt.Sprintf("line %d: %s: %s", b.line, b.field, b.why) }

// lineMost is the longest line of a file, in bytes.
const lineMost = 32 << 10

// importColumns are the names of a row's fields, in the order of web.ImportRow.
var importColumns = func() []string {
	var names []string
	for f := range reflect.TypeFor[web.ImportRow]().Fields() {
		if name, _, _ := strings.Cut(f.Tag.Get("json"), ","); name != "line" {
			names = append(names, name)
		}
	}
	return names
}()

// mandatoryColumns must be in every file.
var mandatoryColumns = []string{"country", "id", "kind", "type", "said", "method", "evidence"}

// byteOrderMark is what some programs put before UTF-8.
const byteOrderMark = "\uFEFF"

// newRows reads a file by what its name ends in.
func newRows(path string, f io.Reader) (rows, error) {
	in := bufio.NewReaderSize(f, 64<<10)
	if b, err := in.Peek(len(byteOrderMark)); err == nil && string(b) == byteOrderMark {
		_, _ = in.Discard(len(byteOrderMark))
	}
	switch strings.ToLower(filepath.Ext(path)) {
	case ".csv":
		return newCSV(in)
	case ".jsonl", ".ndjson":
		return &jsonLines{in: in}, nil
	}
	return nil, errors.New("want a file whose name ends in .csv, .jsonl or .ndjson")
}

// csvRows are rows of CSV (RFC 4180) with a header, in UTF-8, with commas.
type csvRows struct {
	r       *csv.Reader
	columns []string
}

func newCSV(in io.Reader) (*csvRows, error) {
	r := csv.NewReader(&shortLines{r: in})
	r.ReuseRecord = true
	head, err := r.Read()
	if err != nil {
		return nil, errors.New("line 1: want the names of the columns, with commas between: " + strings.Join(importColumns, ","))
	}
	columns := slices.Clone(head)
	for i, c := range columns {
		switch {
		case !slices.Contains(importColumns, c):
			return nil, fmt.Errorf("line 1: column %d: no such column: want some of %s", i+1, strings.Join(importColumns, ","))
		case slices.Index(columns, c) < i:
			return nil, fmt.Errorf("line 1: column %d: %s is there twice", i+1, c)
		}
	}
	for _, c := range mandatoryColumns {
		if !slices.Contains(columns, c) {
			return nil, fmt.Errorf("line 1: the column %s is missing", c)
		}
	}
	return &csvRows{r, columns}, nil
}

func (c *csvRows) next() (web.ImportRow, error) {
	cells, err := c.r.Read()
	var bad *csv.ParseError
	switch {
	case errors.Is(err, io.EOF):
		return web.ImportRow{}, io.EOF
	case errors.Is(err, csv.ErrFieldCount):
		line, _ := c.r.FieldPos(0)
		return web.ImportRow{}, &rowError{line, "", fmt.Sprintf("want as many cells as there are columns, %d", len(c.columns))}
	case errors.As(err, &bad):
		return web.ImportRow{}, fmt.Errorf("line %d: the quotes don't match: nothing behind it can be read", bad.Line)
	case err != nil:
		return web.ImportRow{}, err
	}
	line, _ := c.r.FieldPos(0)
	fields := make(map[string]string, len(cells))
	for i, s := range cells {
		if !utf8.ValidString(s) {
			return web.ImportRow{}, &rowError{line, c.columns[i], "want UTF-8"}
		}
		fields[c.columns[i]] = s
	}
	b, err := json.Marshal(fields)
	if err != nil {
		return web.ImportRow{}, errors.New("a row can't be read")
	}
	row := web.ImportRow{}
	if err := json.Unmarshal(b, &row); err != nil {
		return row, errors.New("a row can't be read")
	}
	row.Line = line
	return row, nil
}

// shortLines refuses to read a line that is too long.
type shortLines struct {
	r    io.Reader
	long int
	line int
}

// Read implements io.Reader.
func (s *shortLines) Read(b []byte) (int, error) {
	n, err := s.r.Read(b)
	for _, c := range b[:n] {
		if s.long++; c == '\n' {
			s.long = 0
			s.line++
		}
		if s.long > lineMost {
			return 0, fmt.Errorf("line %d: want at most %d KiB", s.line+1, lineMost>>10)
		}
	}
	return n, err
}

// jsonLines are rows of JSON, an object a line.
type jsonLines struct {
	in   *bufio.Reader
	line int
}

func (j *jsonLines) next() (web.ImportRow, error) {
	for {
		var text []byte
		for {
			part, more, err := j.in.ReadLine()
			if err != nil {
				return web.ImportRow{}, errOrEOF(err)
			}
			if text = append(text, part...); len(text) > lineMost {
				return web.ImportRow{}, fmt.Errorf("line %d: want at most %d KiB", j.line+1, lineMost>>10)
			}
			if !more {
				break
			}
		}
		j.line++
		if len(bytes.TrimSpace(text)) == 0 {
			continue
		}
		row := web.ImportRow{}
		d := json.NewDecoder(bytes.NewReader(text))
		d.DisallowUnknownFields()
		err := d.Decode(&row)
		if err == nil {
			if _, err = d.Token(); errors.Is(err, io.EOF) {
				err = nil
			} else {
				err = errors.New("more")
			}
		}
		switch {
		case err != nil || row.Line != 0:
			return row, &rowError{j.line, "", "want one JSON object of text fields: " + strings.Join(importColumns, ", ")}
		case !utf8.Valid(text):
			return row, &rowError{j.line, "", "want UTF-8"}
		}
		row.Line = j.line
		return row, nil
	}
}

func errOrEOF(err error) error {
	if errors.Is(err, io.EOF) {
		return io.EOF
	}
	return errors.New("the file can't be read")
}
