package policy

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"
	_ "time/tzdata" // a pack's days begin in its zone, also where the system has no zone files

	"go.yaml.in/yaml/v3"
)

// section reads one mapping of a pack file strictly. Every reader returns the zero value after a fault, and the faults are
// gathered, so that one run shows them all.
type section struct {
	file   string
	path   string // of the section: "channels.sms."
	nodes  map[string]*yaml.Node
	faults *[]error
}

// open parses a file of one YAML document with the given keys.
func open(file string, data []byte, keys ...string) section {
	s := section{file: file, faults: new([]error)}
	var doc yaml.Node
	dec := yaml.NewDecoder(bytes.NewReader(data))
	if err := dec.Decode(&doc); err != nil {
		if errors.Is(err, io.EOF) {
			err = errors.New("the file is empty")
		}
		*s.faults = append(*s.faults, fmt.Errorf("%w %s: want one YAML document: %w", ErrPack, file, err))
		return s
	}
	if err := dec.Decode(new(yaml.Node)); !errors.Is(err, io.EOF) {
		*s.faults = append(*s.faults, fmt.Errorf("%w %s: want one YAML document, and nothing behind it", ErrPack, file))
		return s
	}
	s.read(doc.Content[0], keys)
	return s
}

// read takes a mapping's keys, refusing doubled ones and those that are not allowed.
func (s *section) read(n *yaml.Node, keys []string) {
	if n.Kind != yaml.MappingNode {
		s.fault(cmp.Or(strings.TrimSuffix(s.path, "."), "the document"), n, "the keys "+strings.Join(keys, ", "))
		return
	}
	s.nodes = map[string]*yaml.Node{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key := n.Content[i].Value
		switch {
		case !slices.Contains(keys, key):
			*s.faults = append(*s.faults, fmt.Errorf("%w %s line %d: unknown key %q: allowed are %s",
				ErrPack, s.file, n.Content[i].Line, s.path+key, strings.Join(prefixed(s.path, keys), ", ")))
		case s.nodes[key] != nil:
			*s.faults = append(*s.faults, fmt.Errorf("%w %s line %d: key %q is there twice: want it once",
				ErrPack, s.file, n.Content[i].Line, s.path+key))
		default:
			s.nodes[key] = n.Content[i+1]
		}
	}
}

func prefixed(path string, keys []string) []string {
	out := make([]string, len(keys))
	for i, k := range keys {
		out[i] = path + k
	}
	return out
}

// fault notes a wrong value.
func (s *section) fault(key string, n *yaml.Node, want string) {
	*s.faults = append(*s.faults, fmt.Errorf("%w %s line %d: %s: %s: want %s", ErrPack, s.file, n.Line, key, shown(n), want))
}

// refuse notes that the value of a key, absent or not, is not allowed.
func (s section) refuse(key, want string) {
	if n := s.nodes[key]; n != nil {
		s.fault(s.path+key, n, want)
		return
	}
	*s.faults = append(*s.faults, fmt.Errorf("%w %s: %s is missing: want %s", ErrPack, s.file, s.path+key, want))
}

func shown(n *yaml.Node) string {
	switch n.Kind {
	case yaml.ScalarNode:
		return strconv.Quote(n.Value)
	case yaml.MappingNode:
		return "a mapping"
	case yaml.SequenceNode:
		return "a list"
	}
	return "an alias"
}

func (s section) err() error { return errors.Join(*s.faults...) }

func (s section) has(key string) bool { return s.nodes[key] != nil }

// text is the scalar at key; false after a fault.
func (s section) text(key, want string) (string, bool) {
	n := s.nodes[key]
	if n == nil || n.Kind != yaml.ScalarNode || n.Value == "" || n.Tag == "!!null" {
		s.refuse(key, want)
		return "", false
	}
	return n.Value, true
}

func (s section) oneOf(key string, allowed ...string) string {
	want := "one of " + strings.Join(allowed, ", ")
	if len(allowed) == 1 {
		want = allowed[0]
	}
	v, ok := s.text(key, want)
	if ok && !slices.Contains(allowed, v) {
		s.refuse(key, want)
		return ""
	}
	return v
}

func (s section) number(key string, low, high int) int {
	want := fmt.Sprintf("a whole number from %d to %d", low, high)
	v, ok := s.text(key, want)
	if !ok {
		return 0
	}
	n, err := strconv.Atoi(v)
	if err != nil || n < low || n > high {
		s.refuse(key, want)
		return 0
	}
	return n
}

func (s section) period(key string) Period {
	const want = `a period as "30 days", "18 months" or "2 years"`
	v, ok := s.text(key, want)
	if !ok {
		return Period{}
	}
	p, err := ParsePeriod(v)
	if err != nil {
		s.refuse(key, want)
	}
	return p
}

func (s section) duration(key string, low, high time.Duration) time.Duration {
	want := fmt.Sprintf("a time from %s to %s, as 24h", low, high)
	v, ok := s.text(key, want)
	if !ok {
		return 0
	}
	d, err := time.ParseDuration(v)
	if err != nil || d < low || d > high {
		s.refuse(key, want)
		return 0
	}
	return d
}

func (s section) zone(key string) *time.Location {
	const want = "an IANA time zone, as Europe/Copenhagen"
	v, ok := s.text(key, want)
	if !ok {
		return time.UTC
	}
	loc, err := time.LoadLocation(v)
	if err != nil || v == "Local" {
		s.refuse(key, want)
		return time.UTC
	}
	return loc
}

func (s section) day(key string, loc *time.Location) time.Time {
	const want = "a day as 2019-07-16"
	v, ok := s.text(key, want)
	if !ok {
		return time.Time{}
	}
	t, err := time.ParseInLocation(time.DateOnly, v, loc)
	if err != nil {
		s.refuse(key, want)
		return time.Time{}
	}
	return t
}

func (s section) list(key string, allowed ...string) []string {
	want := "a list of " + strings.Join(allowed, ", ")
	n := s.nodes[key]
	if n == nil || n.Kind != yaml.SequenceNode || len(n.Content) == 0 {
		s.refuse(key, want)
		return nil
	}
	var out []string
	for _, c := range n.Content {
		if c.Kind != yaml.ScalarNode || !slices.Contains(allowed, c.Value) || slices.Contains(out, c.Value) {
			s.fault(s.path+key, c, want+", each once")
			continue
		}
		out = append(out, c.Value)
	}
	return out
}

// section is the mapping at key with the given keys; the empty section after a fault.
func (s section) section(key string, keys ...string) section {
	sub := section{file: s.file, path: s.path + key + ".", faults: s.faults}
	if n := s.nodes[key]; n == nil {
		s.refuse(key, "the keys "+strings.Join(keys, ", "))
	} else {
		sub.read(n, keys)
	}
	return sub
}
