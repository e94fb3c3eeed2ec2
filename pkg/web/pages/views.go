package pages

import (
	"embed"
	"errors"
	"fmt"
	"html/template"
	"io"
	"io/fs"
	"path"
	"strings"
	"time"

	"github.com/husk-reminders/husk/pkg/web"
)

//go:embed views
var viewFiles embed.FS

// views are the views of one language, by name: each is the layout and the parts with the view's own "title" and "main".
type views map[string]*template.Template

func (vs views) execute(w io.Writer, view string, f frame) error {
	t, ok := vs[view]
	if !ok {
		return fmt.Errorf("pages: no view %q", view)
	}
	if err := t.ExecuteTemplate(w, "layout", f); err != nil {
		return fmt.Errorf("pages: view %s: %w", view, err)
	}
	return nil
}

// part executes a template that a view has beside its "main".
func (vs views) part(w io.Writer, view, part string, f frame) error {
	if err := vs[view].ExecuteTemplate(w, part, f); err != nil {
		return fmt.Errorf("pages: view %s: %s: %w", view, part, err)
	}
	return nil
}

// readViews reads every view in every language. views/layout.html and views/part-*.html belong to all.
func (p *Pages) readViews() (map[string]views, error) {
	names, err := fs.Glob(viewFiles, "views/*.html")
	if err != nil {
		return nil, fmt.Errorf("pages: %w", err)
	}
	all := map[string]views{}
	for _, l := range languages {
		base, err := template.New("").Funcs(p.functions(p.words[l.tag])).ParseFS(viewFiles, "views/layout.html", "views/part-*.html")
		if err != nil {
			return nil, fmt.Errorf("pages: %w", err)
		}
		all[l.tag] = views{}
		for _, file := range names {
			name := strings.TrimSuffix(path.Base(file), ".html")
			if name == "layout" || strings.HasPrefix(name, "part-") {
				continue
			}
			t, err := base.Clone()
			if err == nil {
				t, err = t.ParseFS(viewFiles, file)
			}
			if err != nil {
				return nil, fmt.Errorf("pages: view %s: %w", name, err)
			}
			all[l.tag][name] = t
		}
	}
	return all, nil
}

// functions are what views can call. The package comment describes them.
func (p *Pages) functions(w *words) template.FuncMap {
	tag := template.Must(template.New("time").Parse(`<time datetime="{{.At}}">{{.Text}}</time>`))
	stamp := func(at time.Time, text string, err error) (template.HTML, error) {
		if err != nil {
			return "", err
		}
		if at.IsZero() {
			return "", nil
		}
		var b strings.Builder
		err = tag.Execute(&b, map[string]string{"At": at.UTC().Format(time.RFC3339), "Text": text})
		return template.HTML(b.String()), err //nolint:gosec // made by html/template two lines above
	}
	return template.FuncMap{
		"t":      w.text,
		"of":     w.of,
		"count":  w.count,
		"number": w.number,
		"asset":  p.assets.path,
		"dict":   dict,
		"sentence": func(key string, args []string) (string, error) {
			all := make([]any, len(args))
			for i, a := range args {
				all[i] = a
			}
			return w.text(key, all...)
		},
		"list": func(x ...any) []any { return x },
		"options": func(prefix string, values ...string) ([]map[string]string, error) {
			var all []map[string]string
			for _, value := range values {
				text, err := w.text(prefix + value)
				if err != nil {
					return nil, err
				}
				all = append(all, map[string]string{"value": value, "text": text})
			}
			return all, nil
		},
		"short": short,
		"owner": owner,
		"zone":  p.zoneOf,
		"unit":  func(id string) string { return p.unitName(id, w.language) },
		"route": w.route,
		"role":  func(r web.Role) (string, error) { return w.text("role." + string(r)) },
		"time": func(zone *time.Location, at time.Time) (template.HTML, error) {
			text, err := w.moment(zone, at)
			return stamp(at, text, err)
		},
		"day": func(zone *time.Location, at time.Time) (template.HTML, error) {
			text, err := w.day(zone, at)
			return stamp(at, text, err)
		},
		"clock": func(zone *time.Location, at time.Time) (template.HTML, error) {
			return stamp(at, w.clock(zone, at), nil)
		},
	}
}

// short is the end of a pseudonym or of an address's hash: enough to tell those of one page apart.
func short(x any) string {
	s := fmt.Sprint(x)
	return s[max(0, len(s)-6):]
}

// dict makes what a part takes of names and values.
func dict(pairs ...any) (map[string]any, error) {
	if len(pairs)%2 != 0 {
		return nil, errors.New("pages: dict: want a value for each name")
	}
	m := make(map[string]any, len(pairs)/2)
	for i := 0; i < len(pairs); i += 2 {
		name, ok := pairs[i].(string)
		if !ok {
			return nil, errors.New("pages: dict: want a name before each value")
		}
		m[name] = pairs[i+1]
	}
	return m, nil
}
