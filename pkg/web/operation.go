package web

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"
)

// version is of the API, not of the program: it grows with what a client can tell.
const version = "1.0.0"

// operation is one call of the staff API. Who may make it is in rights, under its id.
type operation struct {
	id, method, path string
	summary, text    string
	limit            time.Duration // how long it may take; 0 = readTime or changeTime
	most             int64         // bytes of its body; 0 = maxBody
}

func (o operation) time() time.Duration {
	switch {
	case o.limit > 0:
		return o.limit
	case o.method == http.MethodGet:
		return readTime
	}
	return changeTime
}

// describe is what the OpenAPI document says of the whole.
const describe = `Consent, addresses, reminders, letters and switches, for the staff and systems of one controller.

A call carries an API key (husk apikey new). The key has a role, which says what it may call, and perhaps units, which say about
what: each operation lists its roles under x-husk-roles, and one without roles is for the admin socket alone. Every call is in the
audit before it is answered; when the audit can't be written there is no answer (503). A person is named by a pseudonym that
POST /v1/persons/key makes of a national id: in the body, never in a URL. Fields and parameters that are not described here are
refused. An error names the field and what is wanted, and never repeats a value. After 429 wait as long as Retry-After says.`

// newHuma is the API without its operations.
func newHuma(mux *http.ServeMux) huma.API {
	refusals()
	return humago.New(mux, huma.Config{
		OpenAPI: &huma.OpenAPI{
			OpenAPI: "3.1.0",
			Info:    &huma.Info{Title: "Husk staff API", Version: version, Description: describe},
			Components: &huma.Components{
				Schemas: huma.NewMapRegistry("#/components/schemas/", schemaName),
				SecuritySchemes: map[string]*huma.SecurityScheme{
					"key": {Type: "http", Scheme: "bearer", Description: "An API key, as husk apikey new printed it."},
				},
			},
			Security: []map[string][]string{{"key": {}}},
		},
		Formats:       map[string]huma.Format{"application/json": {Marshal: encode, Unmarshal: strict}},
		DefaultFormat: "application/json",
	})
}

// schemaName keeps types of other packages apart from those of this one: ledger.DeadLetter is LedgerDeadLetter.
func schemaName(t reflect.Type, hint string) string {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	name := huma.DefaultSchemaNamer(t, hint)
	_, pkg, ok := strings.Cut(t.PkgPath(), "/pkg/")
	if !ok || pkg == "web" || t.Kind() != reflect.Struct {
		return name
	}
	pkg = pkg[strings.LastIndexByte(pkg, '/')+1:]
	return strings.ToUpper(pkg[:1]) + pkg[1:] + name
}

// output is an answer as huma wants it.
type output[O any] struct{ Body O }

// register adds an operation. In is a struct of its path and query parameters and, named Body, what it reads; the handler is called
// only when the caller's role may. Over HTTP nothing is answered that the handler has not put into the audit.
func register[I, O any](a *API, o operation, h func(ctx context.Context, c *caller, in *I) (O, error)) {
	roles, ok := rights[o.id]
	if !ok {
		panic("web: operation " + o.id + " is not in rights")
	}
	tag, _, _ := strings.Cut(o.id, ".")
	op := huma.Operation{
		OperationID: o.id, Method: o.method, Path: o.path, Summary: o.summary, Description: o.text, Tags: []string{tag},
		MaxBodyBytes: cmp.Or(o.most, maxBody) + 1, SkipValidateBody: true, Extensions: map[string]any{"x-husk-roles": slices.Clone(roles)},
	}
	known := queryOf(reflect.TypeFor[I]())
	op.Middlewares = huma.Middlewares{func(ctx huma.Context, next func(huma.Context)) {
		if err := a.mayCall(ctx.Context(), callerOf(ctx.Context()), o.id); err != nil {
			_ = huma.WriteErr(a.huma, ctx, 0, "", a.refusal(o.id, err))
			return
		}
		u := ctx.URL()
		for name := range u.Query() {
			if !slices.Contains(known, name) {
				_ = huma.WriteErr(a.huma, ctx, 0, "", a.refusal(o.id, want("query", "no parameter but "+orNone(known))))
				return
			}
		}
		next(ctx)
	}}
	huma.Register(a.huma, op, func(ctx context.Context, in *I) (*output[O], error) {
		ctx, cancel := context.WithTimeout(ctx, o.time())
		defer cancel()
		c := callerOf(ctx)
		v, err := h(ctx, c, in)
		if err == nil && !c.local() && !c.audited {
			err = fmt.Errorf("%w: %s does not write it", errNoAudit, o.id)
		}
		if err != nil {
			return nil, a.refusal(o.id, err)
		}
		return &output[O]{v}, nil
	})
}

// mayCall checks the caller's role, and what a wall session may.
func (a *API) mayCall(ctx context.Context, c *caller, id string) error {
	if c.wall && id != wallOperation {
		return a.denied(ctx, c, id, "", &forbidden{"a wall session shows the day and does nothing else: sign in again"})
	}
	if c.role.may(id) {
		return nil
	}
	text := "the key's role may not do this"
	if len(rights[id]) == 0 {
		text = "this is for the admin socket alone"
	}
	return a.denied(ctx, c, id, "", &forbidden{text})
}

// queryOf names the query parameters of an input.
func queryOf(t reflect.Type) []string {
	var names []string
	for i := range t.NumField() {
		if name := t.Field(i).Tag.Get("query"); name != "" {
			names = append(names, name)
		}
	}
	return names
}

func orNone(names []string) string {
	if len(names) == 0 {
		return "none"
	}
	return strings.Join(names, ", ")
}

// serve answers a request of c. It returns the pattern that the request met.
func (a *API) serve(w http.ResponseWriter, r *http.Request, c *caller) string {
	r = r.WithContext(context.WithValue(r.Context(), callerKey{}, c))
	quiet(w.Header())
	a.mux.ServeHTTP(w, r)
	return r.Pattern
}

// How long a question or a change may take. A withdrawal waits up to ten seconds for what is on the wire.
const (
	readTime   = 30 * time.Second
	changeTime = time.Minute
)

// encode writes an answer. That nobody is there to read it any more is not told: huma would take it for a fault of the program.
func encode(w io.Writer, v any) error {
	var b bytes.Buffer
	if err := huma.DefaultJSONFormat.Marshal(&b, v); err != nil {
		return err
	}
	_, _ = w.Write(b.Bytes())
	return nil
}

// strict decodes a request's body. What is wrong with it is told without repeating any of it.
func strict(data []byte, to any) error {
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	err := d.Decode(to)
	if err == nil {
		if _, err = d.Token(); errors.Is(err, io.EOF) {
			return nil
		}
		return want("body", "one JSON object and nothing behind it")
	}
	var wrong *json.UnmarshalTypeError
	var field *FieldError
	switch {
	case errors.As(err, &wrong) && wrong.Field != "":
		return want(wrong.Field, "a value of another type: "+wrong.Type.String())
	case errors.As(err, &field):
		return field
	}
	return want("body", "a JSON object with this path's fields alone")
}

// refusals makes huma's own refusals, before a handler is reached, look like all others. A package variable is huma's way to do it,
// and this program has no other user of huma.
var refusals = sync.OnceFunc(func() {
	huma.NewError = func(status int, text string, errs ...error) huma.StatusError { return asked(status, text, errs) }
})

// asked is a request that huma refuses. Its details quote what was sent: nothing of them is kept but the place and the rule.
func asked(status int, text string, errs []error) *Error {
	e := &Error{code: status, Text: text}
	switch status {
	case http.StatusUnprocessableEntity:
		e.code = http.StatusBadRequest
	case http.StatusRequestEntityTooLarge:
		_, n, _ := strings.Cut(text, "limit=")
		e.Text, e.Field = "want fewer than "+n, "body"
	case http.StatusBadRequest:
		e.Text, e.Field = "want a JSON object with this path's fields alone", "body" // there is none
	}
	for _, err := range errs {
		var mine *Error
		if errors.As(err, &mine) {
			return mine
		}
		var d *huma.ErrorDetail
		if !errors.As(err, &d) {
			continue
		}
		place, field, _ := strings.Cut(d.Location, ".")
		if place == "body" {
			e.Field, e.Text = inBody(d.Message)
			return e
		}
		e.Field = field
		e.Text = "want " + strings.TrimPrefix(strings.TrimPrefix(d.Message, "expected "), "string to be ")
		if strings.HasPrefix(d.Message, "required ") {
			e.Text = "want a value"
		}
		return e
	}
	return e
}

// inBody takes the text of strict's error apart; any other is of a body that is not said to be JSON.
func inBody(text string) (field, wanted string) {
	text, ok := strings.CutPrefix(text, "web: ")
	field, wanted, cut := strings.Cut(text, ": want ")
	if !ok || !cut {
		return "Content-Type", "want application/json"
	}
	return field, "want " + wanted
}

// Document is the OpenAPI 3.1 document of the staff API.
func Document() ([]byte, error) {
	b, err := document()
	return bytes.Clone(b), err
}

var document = sync.OnceValues(func() ([]byte, error) {
	b, err := json.MarshalIndent(build(Options{}).huma.OpenAPI(), "", "  ")
	if err != nil {
		return nil, fmt.Errorf("web: the OpenAPI document: %w", err)
	}
	return append(b, '\n'), nil
})
