package api_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write the answers into the transcripts instead of comparing them")

// TestTranscripts plays testdata/*.txt on both engines: what is sent, each time with
// the answer behind it. A line is
//
//	# a comment
//	+1h                          time goes on
//	event TYPE {OBJECT}          an event arrives; what became of it follows
//	GET /path, PUT /path {BODY}  a request; lines "Name: value" below it are headers
//
// and an answer is every line from "->" to the next empty one.
func TestTranscripts(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatal(err, files)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			raw, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			each(t, func(w *world) {
				got := w.play(string(raw))
				if *update {
					if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
						t.Fatal(err)
					}
				} else if diff := cmp.Diff(string(raw), got); diff != "" {
					w.Errorf("-want +got\n%s", diff)
				}
			})
		})
	}
}

var request = regexp.MustCompile(`^(GET|PUT|POST|DELETE|HEAD|OPTIONS|PATCH) /`)

// play runs a transcript and returns it with the answers that came.
func (w *world) play(script string) string {
	w.Helper()
	var out strings.Builder
	lines := strings.Split(strings.TrimRight(script, "\n"), "\n")
	for i := 0; i < len(lines); i++ {
		line := lines[i]
		if strings.HasPrefix(line, "->") { // an answer of before
			for i < len(lines) && lines[i] != "" {
				i++
			}
			continue
		}
		fmt.Fprintln(&out, line)
		switch {
		case line == "", line[0] == '#':
		case line[0] == '+':
			d, err := time.ParseDuration(line[1:])
			if err != nil {
				w.Fatal(err)
			}
			w.clock.advance(d)
		case strings.HasPrefix(line, "event "):
			typ, object, _ := strings.Cut(strings.TrimPrefix(line, "event "), " ")
			fmt.Fprintf(&out, "-> %s evt_%04d\n\n", w.event(typ, object), w.n)
			if i+1 < len(lines) && lines[i+1] == "" {
				i++
			}
		case request.MatchString(line):
			var headers []string
			for i+1 < len(lines) && regexp.MustCompile(`^[A-Za-z-]+: ?`).MatchString(lines[i+1]) {
				i++
				headers = append(headers, lines[i])
				fmt.Fprintln(&out, lines[i])
			}
			what, body, _ := strings.Cut(line, " {")
			if body != "" {
				body = "{" + body
			}
			out.WriteString(shown(w.call(what, body, headers...)) + "\n")
			if i+1 < len(lines) && lines[i+1] == "" {
				i++
			}
		default:
			w.Fatalf("line %d: %s", i+1, line)
		}
	}
	return strings.TrimRight(out.String(), "\n") + "\n"
}

var (
	sequence = regexp.MustCompile(`("id": )"\d{16,}"`)
	cursor   = regexp.MustCompile(`("next_cursor": )"[^"]+"`)
)

// shown is an answer as a transcript has it: without what chance is in.
func shown(a answer) string {
	var b bytes.Buffer
	fmt.Fprintf(&b, "-> %d", a.status)
	for _, name := range []string{"WWW-Authenticate", "Allow", "Retry-After", "Idempotent-Replayed"} {
		if v := a.header.Get(name); v != "" {
			fmt.Fprintf(&b, " %s: %s;", name, v)
		}
	}
	b.WriteByte('\n')
	if len(a.body) > 0 {
		if err := json.Indent(&b, bytes.TrimSpace(a.body), "", "  "); err != nil {
			b.Write(a.body)
		}
		b.WriteByte('\n')
	}
	text := sequence.ReplaceAllString(b.String(), `$1"…"`)
	return cursor.ReplaceAllString(text, `$1"…"`)
}

// TestEveryRouteAnswers plays all transcripts and wants a success of every operation
// that is described.
func TestEveryRouteAnswers(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txt")
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	var described map[string]map[string]operation
	for _, file := range files {
		raw, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		w := newSQLiteWorld(t)
		w.play(string(raw))
		maps.Copy(seen, w.spec.seen)
		described = w.spec.paths
	}
	for pattern, operations := range described {
		for method, op := range operations {
			for status := range op.Responses {
				if name := strings.ToUpper(method) + " " + pattern + " " + status; status != "default" && !seen[name] {
					t.Errorf("no transcript has %s", name)
				}
			}
		}
	}
}
