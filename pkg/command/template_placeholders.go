package command

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/husk-reminders/husk/pkg/reminder"
	"github.com/husk-reminders/husk/pkg/template"
)

// placeholderRow is one placeholder as `husk template placeholders` prints it.
type placeholderRow struct {
	Name     string            `json:"name"`
	Kind     template.Kind     `json:"kind"`
	About    string            `json:"about"`
	Class    *reminder.Class   `json:"class"`             // null = the unit directory says it
	Brackets bool              `json:"brackets"`          // allowed in brackets only
	Longest  map[string]int    `json:"longest"`           // letters, by language
	Neutral  map[string]string `json:"neutral,omitempty"` // by language; "" = its brackets are left out
}

func templatePlaceholdersCommand() *cobra.Command {
	var language string
	c := &cobra.Command{
		Use:   "placeholders",
		Short: "List all that a template may say about an appointment",
		Long: "Lists the closed catalogue: what each placeholder stands for, its type and content class, the letters of its longest value, and\n" +
			"the neutral text that is shown where the value may not be. An answer to who wrote (the sets reply-…) may show {unit}, {phone} and\n" +
			"{mail} alone.",
		Args: noArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			languages := template.Languages()
			if language != "" {
				if !slices.Contains(languages, language) {
					return usageError{errors.New("template placeholders: --language: want one of " + words(languages))}
				}
				languages = []string{language}
			}
			rows := placeholderRows(languages)
			return render(c, rows, func(w io.Writer) { printPlaceholders(w, rows, languages) })
		},
	}
	c.Flags().StringVar(&language, "language", "", "for one language alone, such as da")
	return c
}

func placeholderRows(languages []string) []placeholderRow {
	var out []placeholderRow
	for _, p := range template.Catalogue() {
		row := placeholderRow{Name: p.Name, Kind: p.Kind, About: p.About, Brackets: p.Empty, Longest: map[string]int{}}
		if c, fixed := p.FixedClass(); fixed {
			row.Class = &c
		}
		for _, l := range languages {
			row.Longest[l] = p.Longest(l)
			if s, ok := p.Neutral(l); ok {
				if row.Neutral == nil {
					row.Neutral = map[string]string{}
				}
				row.Neutral[l] = s
			}
		}
		out = append(out, row)
	}
	return out
}

func printPlaceholders(w io.Writer, rows []placeholderRow, languages []string) {
	var cells [][]string
	for _, r := range rows {
		class, brackets := "the unit's", ""
		if r.Class != nil {
			class = fmt.Sprint(*r.Class)
		}
		if r.Brackets {
			brackets = "only"
		}
		cells = append(cells, []string{
			"{" + r.Name + "}", string(r.Kind), class, byLanguage(languages, r.Longest, strconv.Itoa), brackets,
			byLanguage(languages, r.Neutral, func(s string) string {
				if s == "" {
					return "left out"
				}
				return s
			}), r.About,
		})
	}
	table(w, "", []string{"PLACEHOLDER", "TYPE", "CLASS", "LONGEST", "IN BRACKETS", "NEUTRAL TEXT", "STANDS FOR"}, cells)
}

// byLanguage prints one value where all languages have the same, else each.
func byLanguage[V comparable](languages []string, by map[string]V, show func(V) string) string {
	if len(by) == 0 {
		return ""
	}
	var each []string
	same := true
	for _, l := range languages {
		each = append(each, l+" "+show(by[l]))
		same = same && by[l] == by[languages[0]]
	}
	if same {
		return show(by[languages[0]])
	}
	return strings.Join(each, ", ")
}
