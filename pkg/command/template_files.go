package command

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/husk-reminders/husk/pkg/compose"
	"github.com/husk-reminders/husk/pkg/template"
	"github.com/husk-reminders/husk/pkg/web"
)

// fileReport is what came of one file.
type fileReport struct {
	File     string            `json:"file"`
	Result   string            `json:"result"` // written, unchanged, saved, draft, refused, conflict
	Version  string            `json:"version,omitempty"`
	Reason   string            `json:"reason,omitempty"` // of refused and conflict
	Problems []compose.Problem `json:"problems,omitempty"`
}

func templatePullCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "pull <directory>",
		Short: "Write the live texts as files, as they are kept in git",
		Long:  "Writes the live version of every template to <directory>/<language>/<set>.<channel>.txt. A file that is there is written over.",
		Args:  someArgs(1, "one directory"),
		RunE: withClient(func(c *cobra.Command, s *client, args []string) error {
			var ts web.Templates
			if err := s.get(c.Context(), "/v1/templates", nil, &ts); err != nil {
				return err
			}
			reports := []fileReport{}
			for _, t := range ts.Templates {
				h, err := history(c, s, t.Name)
				if err != nil {
					return err
				}
				i := slices.IndexFunc(h.Versions, func(v web.TemplateVersion) bool { return v.ID == h.Live })
				if i < 0 {
					continue // a draft alone
				}
				r, err := pull(args[0], t.Name, h.Versions[i])
				if err != nil {
					return err
				}
				reports = append(reports, r)
			}
			return render(c, reports, func(w io.Writer) { printFiles(w, reports) })
		}),
	}
}

func pull(dir, name string, v web.TemplateVersion) (fileReport, error) {
	path, _ := template.Path(name)
	r := fileReport{File: path, Version: v.ID, Result: "unchanged"}
	full := filepath.Join(dir, filepath.FromSlash(path))
	if b, err := os.ReadFile(full); err == nil && string(b) == v.Text {
		return r, nil
	}
	r.Result = "written"
	err := os.MkdirAll(filepath.Dir(full), 0o755) //nolint:gosec // as the text in it
	if err == nil {
		err = os.WriteFile(full, []byte(v.Text), 0o644) //nolint:gosec // a text that everybody gets to read
	}
	return r, err
}

func templatePushCommand() *cobra.Command {
	var p pusher
	c := &cobra.Command{
		Use:   "push <directory>",
		Short: "Make a draft of each file that differs from the live text",
		Long: "Reads <directory>/<language>/<set>.<channel>.txt, and saves each that differs from the live version as a draft, for another person\n" +
			"to approve. One whose template has a draft of somebody else's is not saved, unless --over says that it takes its place. The exit\n" +
			"code is 1 when a file was not taken.",
		Args: someArgs(1, "one directory"),
		RunE: withClient(func(c *cobra.Command, s *client, args []string) error {
			reports, err := p.push(c, s, args[0])
			if err != nil {
				return err
			}
			if err := render(c, reports, func(w io.Writer) { printFiles(w, reports) }); err != nil {
				return err
			}
			if slices.ContainsFunc(reports, func(r fileReport) bool { return r.Result == "refused" || r.Result == "conflict" }) {
				return errProblems // they have been printed
			}
			return nil
		}),
	}
	f := c.Flags()
	f.BoolVar(&p.dry, "dry-run", false, "say what would come of it, and save nothing")
	f.BoolVar(&p.over, "over", false, "take the place of somebody else's draft")
	f.StringVar(&p.note, "note", "", "what was changed, for who approves it")
	return c
}

// pusher pushes files.
type pusher struct {
	dry, over bool
	note      string
}

func (p pusher) push(c *cobra.Command, s *client, dir string) ([]fileReport, error) {
	if info, err := os.Stat(dir); err != nil || !info.IsDir() {
		return nil, usageError{errors.New("want a directory with templates below it")}
	}
	reports := []fileReport{}
	root := os.DirFS(dir)
	err := fs.WalkDir(root, ".", func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && path != "." && strings.HasPrefix(d.Name(), "."):
			return fs.SkipDir
		case d.IsDir() || !strings.HasSuffix(path, ".txt"):
			return nil
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		r := fileReport{File: path}
		name := strings.TrimSuffix(path, ".txt")
		if _, ok := template.Path(name); !ok || info.Size() > template.MaxText {
			r.Result, r.Reason = "refused", "want <language>/<set>.<channel>.txt, at most 64 KiB"
			reports = append(reports, r)
			return nil
		}
		text, err := fs.ReadFile(root, path)
		if err == nil {
			err = p.file(c, s, name, string(text), &r)
		}
		reports = append(reports, r)
		return err
	})
	return reports, err
}

// file pushes one file. The error is one that ends the whole push.
func (p pusher) file(c *cobra.Command, s *client, name, text string, r *fileReport) error {
	r.Version = template.NewVersion(name, []byte(text)).ID
	h, err := history(c, s, name)
	var no *apiError
	if err != nil && (!errors.As(err, &no) || no.code != 404) {
		return err
	}
	var draft web.TemplateVersion
	for _, v := range h.Versions {
		switch {
		case v.ID == r.Version && v.ID == h.Live:
			r.Result = "unchanged"
			return nil
		case v.ID == r.Version && v.ID == h.Draft:
			r.Result = "draft"
			return nil
		case v.ID == h.Draft:
			draft = v
		}
	}
	base := h.Head
	if draft.ID != "" && !draft.Mine && !p.over {
		r.Result, r.Reason = "conflict", "there is a draft by "+draft.By+": "+draft.ID
		return nil
	}
	if p.dry {
		var m web.Measured
		if err := s.post(c.Context(), "/v1/templates/measure", web.MeasureText{Name: name, Text: text}, &m); err != nil {
			return p.refused(err, r)
		}
		r.Result, r.Problems = "saved", m.Problems
		if !m.Savable {
			r.Result, r.Reason = "refused", "the text would not be saved, for what stands in it may not be kept"
		}
		return nil
	}
	var x web.ChangedTemplate
	if err := s.post(c.Context(), "/v1/templates/save", web.SaveTemplate{Name: name, Text: text, Base: base, Note: p.note}, &x); err != nil {
		return p.refused(err, r)
	}
	r.Result, r.Problems = "saved", x.Problems
	return nil
}

// refused puts an answer that is about this file into its report; any other error ends the push.
func (p pusher) refused(err error, r *fileReport) error {
	var no *apiError
	if !errors.As(err, &no) || no.code != 400 && no.code != 409 {
		return err
	}
	r.Result, r.Reason, r.Problems = "refused", no.Error(), no.body.Problems
	if no.code == 409 {
		r.Result = "conflict"
	}
	return nil
}

func printFiles(w io.Writer, reports []fileReport) {
	count := map[string]int{}
	for _, r := range reports {
		if count[r.Result]++; r.Result == "unchanged" {
			continue
		}
		line := r.File + ": " + r.Result
		switch {
		case r.Reason != "":
			line += ": " + r.Reason
		case r.Result == "saved" || r.Result == "draft":
			line += " as " + r.Version
		}
		_, _ = fmt.Fprintln(w, plain(line))
		for _, p := range r.Problems {
			if p.Refused && r.Reason == "" {
				_, _ = fmt.Fprintln(w, plain("  "+p.Place()+": "+p.Text()))
			}
		}
	}
	var said []string
	for _, what := range []string{"written", "saved", "draft", "unchanged", "refused", "conflict"} {
		if n := count[what]; n > 0 {
			said = append(said, fmt.Sprintf("%d %s", n, what))
		}
	}
	if len(said) == 0 {
		said = []string{"no templates"}
	}
	_, _ = fmt.Fprintln(w, strings.Join(said, ", "))
}
