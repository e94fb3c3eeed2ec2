package template

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"github.com/husk-reminders/husk/pkg/reminder"
)

// maxFile is the size of a template file beyond which it surely is something else.
const maxFile = 64 << 10

// Set holds templates by their name.
type Set struct {
	byName map[string]Template
}

// Load reads every template below the root of fsys, which is the embedded default or a directory. A file that is no template is
// refused, so that a misnamed one is not missed in silence; only Go and Markdown files at the root and dot files are left alone.
// The error joins one Problem for each fault of each file.
func Load(fsys fs.FS) (*Set, error) {
	s, err := Read(fsys)
	if err != nil {
		return nil, err
	}
	return s, nil
}

// Read is Load that also gives the templates which are valid when others are not.
func Read(fsys fs.FS) (*Set, error) {
	s := &Set{byName: map[string]Template{}}
	var errs []error
	err := fs.WalkDir(fsys, ".", func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case path != "." && strings.HasPrefix(d.Name(), "."):
			if d.IsDir() {
				return fs.SkipDir
			}
			return nil
		case d.IsDir():
			return nil
		case !strings.Contains(path, "/") && (strings.HasSuffix(path, ".go") || strings.HasSuffix(path, ".md")):
			return nil
		}
		if info, err := d.Info(); err != nil {
			return err
		} else if info.Size() > maxFile {
			errs = append(errs, Problem{File: path, Line: 1, Reason: "larger than 64 KiB"})
			return nil
		}
		data, err := fs.ReadFile(fsys, path)
		if err != nil {
			return err
		}
		t, err := Parse(path, data)
		if err != nil {
			errs = append(errs, err)
			return nil
		}
		s.byName[t.name] = t
		return nil
	})
	if err != nil {
		errs = append(errs, fmt.Errorf("template: read templates: %w", err))
	}
	if len(errs) > 0 {
		return s, errors.Join(errs...)
	}
	if len(s.byName) == 0 {
		return s, errors.New("template: no templates: want files <language>/<set>.<channel>.txt")
	}
	return s, nil
}

// FindFor is Find: files are for everybody.
func (s *Set) FindFor(_, set string, c reminder.Channel, language string) (Template, bool) {
	return s.Find(set, c, language)
}

// Find returns the template of a set ("reminder") for a channel in a language ("da").
func (s *Set) Find(set string, c reminder.Channel, language string) (Template, bool) {
	t, ok := s.byName[language+"/"+set+"."+string(c)]
	return t, ok
}

// All lists the templates, sorted by name.
func (s *Set) All() []Template {
	out := make([]Template, 0, len(s.byName))
	for _, t := range s.byName {
		out = append(out, t)
	}
	slices.SortFunc(out, func(a, b Template) int { return strings.Compare(a.name, b.name) })
	return out
}
