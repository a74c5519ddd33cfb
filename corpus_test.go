package bursar_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io/fs"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/bursarhq/bursar"
	"github.com/bursarhq/bursar/internal/store/storetest"
)

// corpus is a folder of Stripe payloads from elsewhere, which lies beside the
// project on some machines. Nothing of it is copied into the project.
const corpus = "../shared/corpus"

// TestCorpus posts every event of the corpus, signed: each is answered with 200
// and none fails. It prints what became of them, per type.
func TestCorpus(t *testing.T) {
	if _, err := os.Stat(corpus); err != nil {
		fmt.Println("skipped: there is no corpus at", corpus)
		t.Skip("there is no corpus")
	}
	events := corpusEvents(t)
	if len(events) < 500 {
		t.Fatalf("found only %d events", len(events))
	}
	storetest.EachURL(t, func(t *testing.T, url string) {
		b, err := bursar.Open(t.Context(), bursar.Config{DatabaseURL: url, WebhookSecrets: []string{secret}, Plans: plans(), Log: slog.New(slog.DiscardHandler), CreateUnknownCustomers: true})
		if err != nil {
			t.Fatal(err)
		}
		defer b.Close()
		srv := httptest.NewServer(b.Handler())
		defer srv.Close()
		table := map[string]map[string]int{}
		for _, e := range events {
			status, answer, err := post(t.Context(), srv.Client(), srv.URL+"/webhooks/stripe", e.body)
			if err != nil {
				t.Fatal(err)
			}
			var a struct{ Result string }
			if err := json.Unmarshal([]byte(answer), &a); err != nil || status != http.StatusOK || a.Result == "failed" || a.Result == "" {
				t.Errorf("%s: %s: %d %s", e.file, e.typ, status, answer)
			}
			if table[e.typ] == nil {
				table[e.typ] = map[string]int{}
			}
			table[e.typ][a.Result]++
		}
		if strings.HasPrefix(url, "sqlite") {
			printTable(table)
		}
	})
}

func printTable(table map[string]map[string]int) {
	results := []string{"applied", "stale", "parked", "ignored", "duplicate"}
	fmt.Printf("%-52s", "corpus: event type")
	for _, r := range results {
		fmt.Printf("%10s", r)
	}
	fmt.Println()
	types := make([]string, 0, len(table))
	for typ := range table {
		types = append(types, typ)
	}
	slices.Sort(types)
	for _, typ := range types {
		fmt.Printf("%-52s", typ)
		for _, r := range results {
			fmt.Printf("%10d", table[typ][r])
		}
		fmt.Println()
	}
}

type corpusEvent struct {
	file, typ string
	body      []byte
}

// corpusEvents reads the events of all files, those of lists in the order in which
// they happened. Ids are rewritten, since those of recordings are normalized to the
// same few; livemode is, because one database holds one mode.
func corpusEvents(t *testing.T) []corpusEvent {
	t.Helper()
	var out []corpusEvent
	n := 0
	err := filepath.WalkDir(corpus, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, ".json") {
			return err
		}
		raw, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		var head struct {
			Object string          `json:"object"`
			Data   json.RawMessage `json:"data"`
			Type   string          `json:"type"`
		}
		if err := json.Unmarshal(raw, &head); err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
		bodies := []json.RawMessage{raw}
		if head.Object == "list" {
			if err := json.Unmarshal(head.Data, &bodies); err != nil {
				return fmt.Errorf("%s: %w", path, err)
			}
			slices.Reverse(bodies) // newest first
		}
		for _, body := range bodies {
			var e struct {
				ID   string `json:"id"`
				Type string `json:"type"`
				Data struct{ Object json.RawMessage }
			}
			if json.Unmarshal(body, &e) != nil || e.Type == "" || e.Data.Object == nil {
				continue // not an event
			}
			n++
			id, err := json.Marshal(e.ID)
			if err != nil {
				return err
			}
			body = bytes.ReplaceAll(body, append([]byte(`"id": `), id...), fmt.Appendf(nil, `"id": "evt_corpus%05d"`, n))
			body = bytes.ReplaceAll(body, append([]byte(`"id":`), id...), fmt.Appendf(nil, `"id":"evt_corpus%05d"`, n))
			body = bytes.ReplaceAll(body, []byte(`"livemode": true`), []byte(`"livemode": false`))
			out = append(out, corpusEvent{path, e.Type, body})
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}
