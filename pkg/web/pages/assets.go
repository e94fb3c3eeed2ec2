package pages

import (
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"net/http"
	"path"
	"strings"
)

//go:embed assets
var assetFiles embed.FS

// assetPath is where styles and scripts are.
const assetPath = "/static/"

// assets are styles, scripts and pictures under names that have a hash of their content: what has a name never changes, so browsers
// keep it.
type assets struct {
	paths map[string]string // by file name
	files map[string]asset  // by path
}

type asset struct {
	kind string
	data []byte
}

var assetKinds = map[string]string{".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".svg": "image/svg+xml"}

func readAssets() (*assets, error) {
	entries, err := assetFiles.ReadDir("assets")
	if err != nil {
		return nil, fmt.Errorf("pages: %w", err)
	}
	a := &assets{paths: map[string]string{}, files: map[string]asset{}}
	for _, e := range entries {
		b, err := assetFiles.ReadFile("assets/" + e.Name())
		if err != nil {
			return nil, fmt.Errorf("pages: %w", err)
		}
		ext := path.Ext(e.Name())
		kind, ok := assetKinds[ext]
		if !ok {
			return nil, fmt.Errorf("pages: assets/%s: want a style, script or SVG", e.Name())
		}
		sum := sha256.Sum256(b)
		at := assetPath + strings.TrimSuffix(e.Name(), ext) + "." + hex.EncodeToString(sum[:6]) + ext
		a.paths[e.Name()], a.files[at] = at, asset{kind, b}
	}
	return a, nil
}

// path is where a file is.
func (a *assets) path(name string) (string, error) {
	p, ok := a.paths[name]
	if !ok {
		return "", fmt.Errorf("pages: no asset %q", name)
	}
	return p, nil
}

// ServeHTTP implements http.Handler.
func (a *assets) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	v, _ := r.Context().Value(visitKey{}).(*visit)
	v.route = "GET " + assetPath
	f, ok := a.files[r.URL.Path]
	if !ok {
		v.fail(errNotHere)
		return
	}
	w.Header().Set("Content-Type", f.kind)
	w.Header().Set("Cache-Control", "public, max-age=31536000, immutable")
	_, _ = w.Write(f.data)
}
