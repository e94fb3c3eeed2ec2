package web

import (
	"bytes"
	"encoding/json"
	"flag"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/danielgtaylor/huma/v2"
)

var update = flag.Bool("update", false, "write config/openapi.json anew")

const documentFile = "../../config/openapi.json"

func TestTheDocumentInConfigIsUpToDate(t *testing.T) {
	b, err := Document()
	if err != nil {
		t.Fatal(err)
	}
	if *update {
		if err := os.WriteFile(documentFile, b, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if kept, err := os.ReadFile(documentFile); err != nil || !bytes.Equal(kept, b) {
		t.Errorf("%s is not what the program says: go test ./pkg/web -run Document -update (%v)", documentFile, err)
	}
}

// The document has the form of OpenAPI 3.1.0: https://spec.openapis.org/oas/v3.1.0
func TestTheDocumentIsOpenAPI(t *testing.T) {
	s := readSpec(t)
	if s.OpenAPI != "3.1.0" || s.Info.Title == "" || s.Info.Version == "" || len(s.Paths) == 0 {
		t.Errorf("openapi %q, info %+v, %d paths", s.OpenAPI, s.Info, len(s.Paths))
	}
	if k := s.Components.SecuritySchemes["key"]; k.Type != "http" || k.Scheme != "bearer" || len(s.Security) != 1 || s.Security[0]["key"] == nil {
		t.Errorf("security %+v %+v", s.Components.SecuritySchemes, s.Security)
	}
	ids := map[string]bool{}
	for path, ops := range s.Paths {
		for method, op := range ops {
			at := method + " " + path
			if ids[op.OperationID] || op.OperationID == "" || op.Summary == "" {
				t.Errorf("%s: operationId %q, summary %q", at, op.OperationID, op.Summary)
			}
			ids[op.OperationID] = true
			if method != "get" && method != "post" {
				t.Errorf("%s: method", at)
			}
			var inPath []string
			for _, m := range regexp.MustCompile(`{([a-z]+)}`).FindAllStringSubmatch(path, -1) {
				inPath = append(inPath, m[1])
			}
			for _, p := range op.Parameters {
				if p.In == "path" && (!p.Required || !slices.Contains(inPath, p.Name)) || !slices.Contains([]string{"path", "query"}, p.In) || p.Schema.Type == "" {
					t.Errorf("%s: parameter %+v", at, p)
				}
				inPath = slices.DeleteFunc(inPath, func(n string) bool { return p.In == "path" && n == p.Name })
			}
			if len(inPath) > 0 {
				t.Errorf("%s: %v are not described", at, inPath)
			}
			if b := op.RequestBody; b != nil && (!b.Required || method == "get" || b.Content["application/json"].Schema.Ref == "") {
				t.Errorf("%s: body %+v", at, b)
			}
			for _, code := range []string{"200", "default"} {
				if r := op.Responses[code]; r.Description == "" || r.Content["application/json"] == nil {
					t.Errorf("%s: response %s %+v", at, code, r)
				}
			}
		}
	}
	for name, x := range s.Components.Schemas {
		if x["type"] != "object" || x["additionalProperties"] != false {
			t.Errorf("schema %s is open, or no object", name)
		}
	}
	b, err := Document()
	if err != nil {
		t.Fatal(err)
	}
	for _, ref := range regexp.MustCompile(`"\$ref": "([^"]*)"`).FindAllStringSubmatch(string(b), -1) {
		if name, ok := strings.CutPrefix(ref[1], "#/components/schemas/"); !ok || s.Components.Schemas[name] == nil {
			t.Errorf("%s leads nowhere", ref[1])
		}
	}
}

// The mux answers what is in the document, and nothing else but the document itself.
func TestEveryRouteIsInTheDocument(t *testing.T) {
	d := openDoor(t, &fake{})
	a := d.open.api
	for path, ops := range readSpec(t).Paths {
		for method := range ops {
			r := httptest.NewRequest(strings.ToUpper(method), strings.NewReplacer("{key}", somebody, "{id}", "1").Replace(path), nil)
			if _, pattern := a.mux.Handler(r); pattern != strings.ToUpper(method)+" "+path {
				t.Errorf("%s %s is answered by %q", method, path, pattern)
			}
		}
	}
	// A route that was put on the mux beside register would be none of rights' either: the metrics and the log have it by its pattern.
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, name := range files {
		src, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.HasSuffix(name, "_test.go") {
			n += bytes.Count(src, []byte("mux.Handle"))
		}
	}
	if n != 1 {
		t.Errorf("%d routes beside register, want the catch-all alone", n)
	}
	w := call(remote(t, d), "", "GET", "/openapi.json", "")
	var over, printed any
	b, err := Document()
	if err != nil {
		t.Fatal(err)
	}
	if w.Code != 200 || json.Unmarshal(w.Body.Bytes(), &over) != nil || json.Unmarshal(b, &printed) != nil {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	x, _ := json.Marshal(over)
	y, _ := json.Marshal(printed)
	if !bytes.Equal(x, y) {
		t.Error("/openapi.json is another document than husk api openapi prints")
	}
}

// What is answered has the form that the document says.
func TestAnswersAreAsDescribed(t *testing.T) {
	for _, x := range touching {
		d := openDoor(t, &fake{})
		a := d.open.api
		w := ask(d.Staff(), x.method, x.path, x.body)
		r := httptest.NewRequest(x.method, x.path, nil)
		_, pattern := a.mux.Handler(r)
		_, path, _ := strings.Cut(pattern, " ")
		item := a.huma.OpenAPI().Paths[path]
		op := item.Get
		if x.method == http.MethodPost {
			op = item.Post
		}
		var v any
		if err := json.Unmarshal(w.Body.Bytes(), &v); err != nil {
			t.Fatal(err)
		}
		var res huma.ValidateResult
		huma.Validate(a.huma.OpenAPI().Components.Schemas, op.Responses["200"].Content["application/json"].Schema, huma.NewPathBuffer(nil, 0), huma.ModeReadFromServer, v, &res)
		for _, err := range res.Errors {
			t.Errorf("%s %s: %v", x.method, x.path, err)
		}
	}
}

// Nothing that tells who somebody is has a place in a URL: path and query parameters are pseudonyms, numbers that the broker or the
// program gave, words of closed lists, and a reason, which is refused when it looks like a number or a mail address.
func TestNoPersonalDataInURLs(t *testing.T) {
	closed := []string{"unit", "status", "language"} // checked against lists
	f := &fake{}
	staff := openDoor(t, f).Staff()
	for path, ops := range readSpec(t).Paths {
		for method, op := range ops {
			for _, p := range op.Parameters {
				at := method + " " + path + " " + p.Name
				bounded := p.Schema.Type == "integer" || p.Schema.Type == "boolean" || p.Schema.Pattern != "" || len(p.Schema.Enum) > 0
				if !bounded && (p.In == "path" || p.Name != "reason" && !slices.Contains(closed, p.Name)) {
					t.Errorf("%s may be anything", at)
				}
				if p.Schema.Pattern != "" {
					re := regexp.MustCompile(p.Schema.Pattern)
					for _, s := range []string{"0101701234", "010170-1234", "+4520123456", "a@b.dk", "Anna Jensen", "anna"} {
						if re.MatchString(s) {
							t.Errorf("%s may be %q", at, s)
						}
					}
				}
				for _, secret := range []string{"010170-1234", "19121212-1212", "131052-308T", "+4520123456", "20 12 34 56", "anna@example.dk", "Anna Jensen"} {
					if p.Schema.Type == "integer" && regexp.MustCompile(`^[0-9]+$`).MatchString(secret) || p.Name == "reason" && secret == "Anna Jensen" {
						continue
					}
					q := url.Values{}
					target := path
					for _, o := range op.Parameters {
						value := map[string]string{"reason": "x", "as": "page", "language": "da"}[o.Name]
						if o.Schema.Type == "integer" {
							value = "3"
						}
						if o.In == "path" && o.Schema.Type != "integer" {
							value = somebody
						}
						if o.Name == p.Name {
							value = secret
						}
						if o.In == "path" {
							target = strings.ReplaceAll(target, "{"+o.Name+"}", url.PathEscape(value))
						} else if value != "" {
							q.Set(o.Name, value)
						}
					}
					f.calls = nil
					w := ask(staff, strings.ToUpper(method), target+"?"+q.Encode(), "{}")
					if w.Code != http.StatusBadRequest || strings.Contains(w.Body.String(), secret) || len(f.calls) != 0 {
						t.Errorf("%s = %q: %d %s %v", at, secret, w.Code, w.Body, f.calls)
					}
				}
			}
		}
	}
}
