package browser

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// languages are those of the pages.
var languages = []string{"da", "sv", "nb", "en"}

// words are what stands on the pages in one language, by key.
type words map[string]string

func wordsOf(t *testing.T, language string) words {
	t.Helper()
	files, err := filepath.Glob(filepath.Join("..", "..", "pkg", "web", "pages", "words", language, "*.json"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no words in %s: %v", language, err)
	}
	w := words{}
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(b, &w); err != nil {
			t.Fatalf("%s: %v", f, err)
		}
	}
	return w
}

// w is the text of a key, with {0}, {1} … replaced by args.
func (h *hand) w(key string, args ...any) string {
	h.t.Helper()
	s, ok := h.words[key]
	if !ok {
		h.t.Fatalf("the pages have no words %q", key)
	}
	for i, a := range args {
		s = strings.ReplaceAll(s, fmt.Sprintf("{%d}", i), fmt.Sprint(a))
	}
	return s
}
