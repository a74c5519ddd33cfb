package api

import (
	"embed"
	"encoding/json"
	"net/http"
	"reflect"
	"regexp"
	"strings"

	"github.com/danielgtaylor/huma/v2"
)

// humaConfig leaves out what huma would add by itself: links to schemas, and pages
// that load from elsewhere.
func humaConfig(version string) huma.Config {
	c := huma.Config{
		OpenAPI: &huma.OpenAPI{
			OpenAPI: "3.1.0",
			Info: &huma.Info{
				Title: "Bursar", Version: version,
				Description: "The billing back office between Stripe and a SaaS. Times are RFC 3339 in UTC, amounts integers in the currency's minor unit. " +
					"Lists come newest first, in parts: send next_cursor as cursor for what follows.",
			},
			Components: &huma.Components{
				Schemas: huma.NewMapRegistry("#/components/schemas/", huma.DefaultSchemaNamer),
				SecuritySchemes: map[string]*huma.SecurityScheme{
					"key": {Type: "http", Scheme: "bearer", Description: "An API key, of BURSAR_API_KEY or made by bursar keys."},
				},
			},
		},
		Formats:                      map[string]huma.Format{"application/json": huma.DefaultJSONFormat, "json": huma.DefaultJSONFormat},
		DefaultFormat:                "application/json",
		RejectUnknownQueryParameters: true,
		Transformers:                 []huma.Transformer{transform},
	}
	return c
}

var notName = regexp.MustCompile(`[^a-z0-9]+`)

// operation is a row of the table in the description's words.
func operation(row route, api huma.API) huma.Operation {
	schemas := api.OpenAPI().Components.Schemas
	op := huma.Operation{
		OperationID: strings.Trim(notName.ReplaceAllString(strings.ToLower(row.pattern), "-"), "-"),
		Method:      row.method(),
		Path:        row.path(),
		Summary:     row.does,
		Tags:        []string{tagOf(row.path())},
		Responses: map[string]*huma.Response{"default": {Description: "An error.", Content: map[string]*huma.MediaType{
			problemType: {Schema: schemas.Schema(reflect.TypeFor[Problem](), true, "")},
		}}},
	}
	if row.scope != Open {
		op.Security = []map[string][]string{{"key": {}}}
		op.Description = "Needs a key with scope " + row.scope.String() + "."
	}
	if row.method() != http.MethodGet {
		longest := maxKey
		op.Parameters = append(op.Parameters, &huma.Param{
			Name: "Idempotency-Key", In: "header", Schema: &huma.Schema{Type: huma.TypeString, MaxLength: &longest},
			Description: "The request happens once: sent again with this key within a day, it gets the same answer, with the header Idempotent-Replayed: true. The answers about a tenant go when it is erased.",
		})
	}
	return op
}

// tagOf groups routes by the noun that they are about.
func tagOf(path string) string {
	parts := strings.Split(strings.TrimPrefix(path, "/v1"), "/")
	if strings.HasPrefix(path, "/v1/") {
		return parts[1]
	}
	return "operation"
}

var inPath = regexp.MustCompile(`\{(\w+)\}`)

// streams is a handler of anything else than JSON that is described all the same.
func streams(media string, h http.HandlerFunc) mount {
	return func(s *server, api huma.API, op huma.Operation) {
		word := &huma.Schema{Type: huma.TypeString}
		for _, found := range inPath.FindAllStringSubmatch(op.Path, -1) {
			op.Parameters = append(op.Parameters, &huma.Param{Name: found[1], In: "path", Required: true, Schema: word})
		}
		op.Parameters = append(op.Parameters, &huma.Param{Name: "account", In: "query", Schema: word, Description: "A connected account (acct_…); the own account where left out."})
		op.Responses["200"] = &huma.Response{
			Description: http.StatusText(http.StatusOK),
			Content:     map[string]*huma.MediaType{media: {Schema: &huma.Schema{Type: huma.TypeString, Format: "binary"}}},
		}
		api.OpenAPI().AddOperation(&op)
		gate{s}.HandleFunc(op.Method+" "+op.Path, h)
	}
}

// describe writes the description once all routes are there.
func (s *server) describe(api huma.API) error {
	described := api.OpenAPI()
	for _, name := range []string{"ErrorModel", "ErrorDetail"} { // huma's own, which no answer has
		delete(described.Components.Schemas.Map(), name)
	}
	for _, path := range described.Paths {
		if op := path.Put; op != nil {
			op.Responses["201"] = &huma.Response{Description: "Created.", Content: op.Responses["200"].Content}
		}
	}
	var err error
	s.description, err = json.MarshalIndent(described, "", "  ")
	return err
}

func (s *server) serveDescription(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(s.description) // a client that has gone hears nothing
}

//go:embed docs
var docs embed.FS

// serveDocs serves the page that shows the description; nothing of it comes from
// elsewhere, and nothing elsewhere may be loaded by it.
func serveDocs(w http.ResponseWriter, r *http.Request) {
	name := r.PathValue("file")
	if name == "" {
		name = "page.html"
	}
	if _, err := docs.Open("docs/" + name); err != nil {
		problem(http.StatusNotFound, "not_found", "There is nothing at %s.", r.URL.Path).write(w)
		return
	}
	h := w.Header()
	h.Set("Content-Security-Policy", "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cache-Control", "no-cache")
	http.ServeFileFS(w, r, docs, "docs/"+name)
}
