package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"
	"text/tabwriter"
	"time"
)

// printJSON prints a value as indented JSON.
func printJSON(w io.Writer, v any) error {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	return e.Encode(v)
}

// printTable prints rows in columns, the first row as their heads. Nothing but
// heads is printed where there are no other rows.
func printTable(w io.Writer, rows [][]string) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, row := range rows {
		if _, err := fmt.Fprintln(t, strings.TrimRight(strings.Join(row, "\t"), "\t")); err != nil {
			return err
		}
	}
	return t.Flush()
}

// shortTime is a time as it stands in a table: UTC, whole seconds; a hyphen for
// none.
func shortTime(t *time.Time) string {
	if t == nil {
		return "-"
	}
	return t.UTC().Format("2006-01-02 15:04:05")
}

// dash is a hyphen in place of nothing.
func dash(text string) string {
	if text == "" {
		return "-"
	}
	return text
}

// counted is a number with its noun: 1 event, 2 events.
func counted(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

// writeTo writes to a file, or to standard output where its name is a hyphen.
func (s *system) writeTo(file string, content []byte) error {
	if file == "-" {
		_, err := s.stdout.Write(content)
		return err
	}
	if err := os.WriteFile(file, content, 0o644); err != nil {
		return err
	}
	_, err := fmt.Fprintf(s.stdout, "%s: %d bytes\n", file, len(content))
	return err
}
