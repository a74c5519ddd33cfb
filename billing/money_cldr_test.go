package billing

import (
	"bufio"
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"
)

// What Intl wrote when the table was made. It is checked everywhere; the oracle
// below asks far more, where it can.
func TestSamples(t *testing.T) {
	f, err := os.Open("testdata/money_cldr.tsv")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	n, failed := 0, 0
	for s := bufio.NewScanner(f); s.Scan(); {
		if strings.HasPrefix(s.Text(), "#") {
			if !strings.Contains(s.Text(), "CLDR "+cldrVersion) {
				t.Errorf("samples and table are of different versions: %s", s.Text())
			}
			continue
		}
		field := strings.Split(s.Text(), "\t")
		if len(field) != 4 {
			t.Fatalf("%q has %d fields", s.Text(), len(field))
		}
		got, err := written(field[0], field[1], field[2])
		if n++; err != nil || got != field[3] {
			if failed++; failed < 20 {
				t.Errorf("%s %s %s: %+q, %v; Intl writes %+q", field[0], field[1], field[2], got, err, field[3])
			}
		}
	}
	if n < 2000 {
		t.Errorf("only %d samples", n)
	}
}

// written is what this package writes for a sample: of money, or of a date in the
// style that stands in the currency's place.
func written(locale, what, value string) (string, error) {
	if what != "long" && what != "medium" {
		return FormatDecimal(value, what, locale)
	}
	day, err := time.Parse(time.DateOnly, value)
	if what == "long" {
		return FormatDate(day, locale), err
	}
	return FormatDateShort(day, locale), err
}

// Intl is the oracle: every locale of the table, every currency that Stripe takes
// (in a few locales each: the generator has compared all with all), sizes around
// every group and decimal, each month.
func TestIntlAgrees(t *testing.T) {
	node, err := exec.LookPath("node")
	if err != nil {
		t.Skip("no node: money and dates are not compared with Intl, only with its samples")
	}
	type answers struct {
		CLDR       string   `json:"cldr"`
		Tags       []string `json:"tags"`
		Currencies []string `json:"currencies"`
		Money      []string `json:"money"`
		Dates      []string `json:"dates"`
	}
	type questions struct {
		Money [][3]string `json:"money"`
		Dates [][3]string `json:"dates"`
	}
	ask := func(q questions) (a answers) {
		t.Helper()
		in, err := json.Marshal(q)
		if err != nil {
			t.Fatal(err)
		}
		cmd := exec.CommandContext(t.Context(), node, "internal/gen/cldr.mjs", "answer")
		cmd.Stdin = bytes.NewReader(in)
		cmd.Stderr = os.Stderr
		out, err := cmd.Output()
		if err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(out, &a); err != nil {
			t.Fatal(err)
		}
		return a
	}

	known := ask(questions{})
	if known.CLDR != cldrVersion {
		t.Skipf("node has CLDR %s, the table is of %s: not compared with Intl, only with its samples", known.CLDR, cldrVersion)
	}
	var q questions
	for i, tag := range known.Tags {
		for j, c := range known.Currencies {
			if (i+j)%7 != 0 && c != "USD" && c != "ISK" {
				continue
			}
			sizes := []string{"-5", "123456789"}
			if (i+j)%3 == 0 {
				sizes = []string{
					"0", "7", "99", "100", "-100", "-99950", "100000", "-123400", "9999999", "12345678901",
					"9223372036854775807", "-9223372036854775808", "0.5", "-1234.5678", "100.000000000001",
				}
			}
			for _, minor := range sizes {
				q.Money = append(q.Money, [3]string{tag, c, minor})
			}
		}
		for m := time.January; m <= time.December; m++ {
			for _, d := range []int{1, 9, 10, 28} {
				day := time.Date(2024+i%5, m, d, 0, 0, 0, 0, time.UTC).Format(time.DateOnly)
				q.Dates = append(q.Dates, [3]string{tag, "long", day}, [3]string{tag, "medium", day})
			}
		}
	}
	a := ask(q)
	answered, failed := slices.Concat(a.Money, a.Dates), 0
	for i, asked := range slices.Concat(q.Money, q.Dates) {
		got, err := written(asked[0], asked[1], asked[2])
		if want := answered[i]; err != nil || got != want {
			if failed++; failed < 20 {
				t.Errorf("%s: %+q, %v; Intl writes %+q", strings.Join(asked[:], " "), got, err, want)
			}
		}
	}
	t.Logf("%d amounts and %d dates in %d locales", len(q.Money), len(q.Dates), len(known.Tags))
}

// The search for a tag is a binary one, and every row is a whole one.
func TestLocaleTable(t *testing.T) {
	if !slices.IsSortedFunc(localeRows, func(a, b localeRow) int { return strings.Compare(a.tag, b.tag) }) {
		t.Error("tags are not sorted")
	}
	for _, r := range localeRows {
		if r.row >= len(localeTable) || localeFor(r.tag) != &localeTable[r.row] {
			t.Errorf("%s does not lead to its row", r.tag)
		}
	}
	for i, l := range localeTable {
		if strings.Count(l.positive, "#") != 1 || strings.Count(l.positive, "¤") != 1 ||
			strings.Count(l.negative, "#") != 1 || strings.Count(l.negative, "¤") != 1 || l.negative == l.positive {
			t.Errorf("row %d: patterns %q and %q", i, l.positive, l.negative)
		}
		if l.decimal == "" || l.group == "" || l.decimal == l.group || l.primary == 0 || l.secondary == 0 || l.minimum == 0 {
			t.Errorf("row %d: numbers are incomplete", i)
		}
		for _, pattern := range []string{l.long, l.medium} {
			if !strings.Contains(pattern, "{y}") || !strings.Contains(pattern, "{d") {
				t.Errorf("row %d: date %q", i, pattern)
			}
		}
		for _, names := range []string{l.months, l.short} {
			if names != "" && strings.Count(names, "|") != 11 {
				t.Errorf("row %d: months %q", i, names)
			}
		}
		if strings.Contains(l.long+l.medium, "{name}") && l.months+l.short == "" {
			t.Errorf("row %d: dates name months that it does not know", i)
		}
	}
}

func BenchmarkFormat(b *testing.B) {
	m := Money{Amount: 123456789, Currency: "eur"}
	b.ReportAllocs()
	for b.Loop() {
		m.Format("de-AT")
	}
}
