package config

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// findFile says which file to read: the named one, else the first that exists of the user's and the machine's; empty
// if there is none.
func findFile(named string) (string, error) {
	if named != "" {
		return absolute(named)
	}
	candidates := []string{"/etc/husk/husk.yaml"}
	if dir, err := os.UserConfigDir(); err == nil {
		candidates = slices.Insert(candidates, 0, filepath.Join(dir, "husk", "husk.yaml"))
	}
	for _, path := range candidates {
		_, err := os.Stat(path)
		if err == nil {
			return path, nil
		}
		if !errors.Is(err, fs.ErrNotExist) {
			return "", fmt.Errorf("config: %w", err)
		}
	}
	return "", nil
}

// file is what a configuration file says.
type file struct {
	path     string
	values   map[string]any // by key: send.batch
	lines    map[string]int // by key
	problems []*KeyError
}

// readFile reads and checks a file against the known keys. The values are not yet checked.
//
// Carriers that it names and c does not have are added to c, which is how their keys become known.
func readFile(path string, c *Config) (*file, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("config: %w", err)
	}
	f := &file{path: path, values: map[string]any{}, lines: map[string]int{}}
	var doc yaml.Node
	dec := yaml.NewDecoder(bytes.NewReader(data))
	if err := dec.Decode(&doc); errors.Is(err, io.EOF) {
		return f, nil // nothing but comments
	} else if err != nil {
		return nil, fmt.Errorf("config: %s is not YAML: %w", path, err)
	}
	if err := dec.Decode(new(yaml.Node)); !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("config: %s holds more than one YAML document", path)
	}
	f.carriers(doc.Content[0], c)
	known := c.leaves()
	keys := make(map[string]bool, len(known))
	for _, l := range known {
		keys[l.key] = true
	}
	f.section("", doc.Content[0], keys)
	return f, nil
}

// carriers adds the carriers that the file names and c does not have. A name that can't be one is refused later, as an unknown key.
func (f *file) carriers(node *yaml.Node, c *Config) {
	node = under(node, "carriers")
	if node == nil || node.Kind != yaml.MappingNode {
		return
	}
	for i := 0; i+1 < len(node.Content); i += 2 {
		if name := node.Content[i].Value; carrierName.MatchString(name) && c.Carriers[name] == nil {
			c.Carriers[name] = &Carrier{}
		}
	}
}

// section reads one mapping whose keys begin with prefix.
func (f *file) section(prefix string, node *yaml.Node, known map[string]bool) {
	node = resolved(node)
	if isNull(node) {
		return // every key of it is commented out
	}
	if node.Kind != yaml.MappingNode {
		key := strings.TrimSuffix(prefix, ".")
		if key == "" {
			key = "the file"
		}
		f.refuse(key, node.Line, "keys and values, "+listed(prefix, known))
		return
	}
	for i := 0; i+1 < len(node.Content); i += 2 {
		name, value := node.Content[i], resolved(node.Content[i+1])
		key := prefix + name.Value
		switch _, twice := f.lines[key]; {
		case twice:
			f.refuse(key, name.Line, fmt.Sprintf("it once; it is also on line %d", f.lines[key]))
		case known[key]:
			f.lines[key] = name.Line
			f.leaf(key, value)
		case isSection(key, known):
			f.lines[key] = name.Line
			f.section(key+".", value, known)
		default:
			f.refuse(key, name.Line, meant(key, prefix, known))
		}
	}
}

// leaf reads one value.
func (f *file) leaf(key string, node *yaml.Node) {
	var value any
	if err := node.Decode(&value); err != nil {
		f.refuse(key, node.Line, "valid YAML")
		return
	}
	if value == nil && !strings.HasSuffix(key, ".settings") {
		f.refuse(key, node.Line, `a value; leave the key out, or write "" for empty text`)
		return
	}
	if value != nil {
		f.values[key] = value
	}
}

func (f *file) refuse(key string, line int, want string) {
	f.problems = append(f.problems, &KeyError{Key: key, Where: f.at(line), Want: want})
}

// at names a line of the file.
func (f *file) at(line int) string { return fmt.Sprintf("%s line %d", f.path, line) }

// nested returns the values as the tree that viper merges.
func (f *file) nested() map[string]any {
	tree := map[string]any{}
	for key, value := range f.values {
		at := tree
		parts := strings.Split(key, ".")
		for _, p := range parts[:len(parts)-1] {
			next, ok := at[p].(map[string]any)
			if !ok {
				next = map[string]any{}
				at[p] = next
			}
			at = next
		}
		at[parts[len(parts)-1]] = value
	}
	return tree
}

// under is what a mapping has under a key; nil is nothing.
func under(node *yaml.Node, key string) *yaml.Node {
	node = resolved(node)
	if node.Kind != yaml.MappingNode {
		return nil
	}
	for i := 0; i+1 < len(node.Content); i += 2 {
		if node.Content[i].Value == key {
			return resolved(node.Content[i+1])
		}
	}
	return nil
}

func resolved(node *yaml.Node) *yaml.Node {
	if node.Kind == yaml.AliasNode {
		return node.Alias
	}
	return node
}

func isNull(node *yaml.Node) bool { return node.Kind == yaml.ScalarNode && node.Tag == "!!null" }

func isSection(key string, known map[string]bool) bool {
	for k := range known {
		if strings.HasPrefix(k, key+".") {
			return true
		}
	}
	return false
}

// meant says what is allowed in place of an unknown key.
func meant(key, prefix string, known map[string]bool) string {
	names := map[string]bool{}
	for k := range known {
		for ; k != ""; k = k[:max(0, strings.LastIndexByte(k, '.'))] {
			names[k] = true
		}
	}
	if near := nearest(key, sortedKeys(names)); near != "" {
		return "a known key; did you mean " + near + "?"
	}
	return "a known key, " + listed(prefix, known)
}

// listed names the keys and sections that may stand directly under prefix.
func listed(prefix string, known map[string]bool) string {
	names := map[string]bool{}
	for k := range known {
		if rest, ok := strings.CutPrefix(k, prefix); ok {
			name, _, _ := strings.Cut(rest, ".")
			names[name] = true
		}
	}
	return "here: " + strings.Join(sortedKeys(names), ", ")
}
