package pdf

import (
	"embed"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/goccy/go-yaml"

	"github.com/bursarhq/bursar/billing"
)

//go:embed labels/*.yaml labels/countries.tsv
var labelFiles embed.FS

// Languages are the languages of the labels.
var Languages = []string{"en", "de", "es", "fr", "it", "ja", "nl", "pl", "pt", "sv"}

// embeddedLabels are the texts by language, lowercase, and key.
var embeddedLabels = sync.OnceValue(func() map[string]map[string]string {
	all := map[string]map[string]string{}
	for _, language := range Languages {
		data, err := labelFiles.ReadFile("labels/" + language + ".yaml")
		if err != nil {
			panic(err)
		}
		var texts map[string]string
		if err := yaml.Unmarshal(data, &texts); err != nil {
			panic(fmt.Errorf("labels/%s.yaml: %w", language, err))
		}
		all[language] = texts
	}
	return all
})

// words are the labels and formats of one document.
type words struct {
	texts    []map[string]string // the first that has a key counts
	language string              // of the texts
	locale   string              // of dates and amounts
}

// words finds the labels for a locale: the template's for the locale and its
// language, ours for them, then English.
func (t *Template) words(locale string) words {
	locale = strings.ToLower(strings.ReplaceAll(locale, "_", "-"))
	language, _, _ := strings.Cut(locale, "-")
	w := words{language: "en", locale: locale}
	add := func(key string) {
		for _, from := range []map[string]map[string]string{t.Labels, embeddedLabels()} {
			if texts, ok := from[key]; ok {
				w.texts = append(w.texts, texts)
				if key == language {
					w.language = language
				}
			}
		}
	}
	add(locale)
	if language != locale {
		add(language)
	}
	if language != "en" {
		add("en")
	}
	return w
}

// text is a label, its {placeholders} filled by pairs of name and value.
func (w words) text(key string, pairs ...string) string {
	for _, texts := range w.texts {
		text, ok := texts[key]
		if !ok {
			continue
		}
		if len(pairs) > 0 {
			for i := 0; i < len(pairs); i += 2 {
				pairs[i] = "{" + pairs[i] + "}"
			}
			text = strings.NewReplacer(pairs...).Replace(text)
		}
		return text
	}
	return key // a test compares the keys of the code with English
}

// date is a day as the buyer's locale writes it.
func (w words) date(t time.Time) string { return billing.FormatDate(t, w.locale) }

// period is the days from start to end, or the one that is known, by a format
// for one day.
func (w words) period(day func(time.Time, string) string, start, end time.Time) string {
	switch {
	case start.IsZero() && end.IsZero():
		return ""
	case start.IsZero():
		return day(end, w.locale)
	case end.IsZero() || start.Equal(end):
		return day(start, w.locale)
	}
	return w.text("range", "from", day(start, w.locale), "to", day(end, w.locale))
}

// percent formats Stripe's decimal ("19", "7.7", "20.0").
func (w words) percent(decimal string) string {
	return w.text("percent", "number", w.decimal(decimal))
}

// decimal is a decimal number with the language's mark, without zeros at its end.
func (w words) decimal(number string) string {
	if strings.Contains(number, ".") {
		number = strings.TrimRight(strings.TrimRight(number, "0"), ".")
	}
	return strings.Replace(number, ".", w.text("decimal"), 1)
}

// countries are the names of countries by language and code.
var countries = sync.OnceValue(func() map[string]map[string]string {
	data, err := labelFiles.ReadFile("labels/countries.tsv")
	if err != nil {
		panic(err)
	}
	rows := strings.Split(strings.TrimSpace(string(data)), "\n")
	languages := strings.Split(rows[0], "\t")
	all := map[string]map[string]string{}
	for _, language := range languages[1:] {
		all[language] = make(map[string]string, len(rows))
	}
	for _, row := range rows[1:] {
		cells := strings.Split(row, "\t")
		for i, language := range languages[1:] {
			all[language][cells[0]] = cells[i+1]
		}
	}
	return all
})

// country is a country's name, the code where it is not known.
func (w words) country(code string) string {
	names := countries()[w.language]
	if names == nil {
		names = countries()["en"]
	}
	if name, ok := names[strings.ToUpper(code)]; ok {
		return name
	}
	return code
}
