package mail

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/bursarhq/bursar/billing"
)

// language is what formatting needs to know of a language that the built-in
// texts are written in. Money and dates are billing's affair.
type language struct {
	tag         string
	hello       string               // to somebody whose name is known
	helloNobody string               // to somebody whose name is not
	ending      string               // brand, last four digits
	per         map[string][2]string // interval: every one, every %d
	units       [3][2]string         // day, hour, minute: one, many
}

// languages are those of the built-in texts; the first is what everything falls
// back to.
var languages = []language{
	{
		tag: "en", hello: "Hello %s,", helloNobody: "Hello,", ending: "%s ending in %s",
		per: map[string][2]string{
			"day": {"per day", "every %d days"}, "week": {"per week", "every %d weeks"},
			"month": {"per month", "every %d months"}, "year": {"per year", "every %d years"},
		},
		units: [3][2]string{{"day", "days"}, {"hour", "hours"}, {"minute", "minutes"}},
	},
	{
		tag: "de", hello: "Guten Tag %s,", helloNobody: "Guten Tag,", ending: "%s mit den Endziffern %s",
		per: map[string][2]string{
			"day": {"pro Tag", "alle %d Tage"}, "week": {"pro Woche", "alle %d Wochen"},
			"month": {"pro Monat", "alle %d Monate"}, "year": {"pro Jahr", "alle %d Jahre"},
		},
		units: [3][2]string{{"Tag", "Tagen"}, {"Stunde", "Stunden"}, {"Minute", "Minuten"}},
	},
	{
		tag: "fr", hello: "Bonjour %s,", helloNobody: "Bonjour,", ending: "%s se terminant par %s",
		per: map[string][2]string{
			"day": {"par jour", "tous les %d jours"}, "week": {"par semaine", "toutes les %d semaines"},
			"month": {"par mois", "tous les %d mois"}, "year": {"par an", "tous les %d ans"},
		},
		units: [3][2]string{{"jour", "jours"}, {"heure", "heures"}, {"minute", "minutes"}},
	},
	{
		tag: "es", hello: "Hola, %s:", helloNobody: "Hola:", ending: "%s terminada en %s",
		per: map[string][2]string{
			"day": {"al día", "cada %d días"}, "week": {"a la semana", "cada %d semanas"},
			"month": {"al mes", "cada %d meses"}, "year": {"al año", "cada %d años"},
		},
		units: [3][2]string{{"día", "días"}, {"hora", "horas"}, {"minuto", "minutos"}},
	},
}

// Locales lists the languages that have built-in texts.
func Locales() []string {
	tags := make([]string, len(languages))
	for i, l := range languages {
		tags[i] = l.tag
	}
	return tags
}

func languageOf(tag string) (*language, bool) {
	for i := range languages {
		if languages[i].tag == tag {
			return &languages[i], true
		}
	}
	return nil, false
}

// localeTag is what a locale looks like here: a language and, at most, a script
// or a region or both.
var localeTag = regexp.MustCompile(`^[a-z]{2,3}(-[A-Z][a-z]{3})?(-([A-Z]{2}|[0-9]{3}))?$`)

// canonicalLocale writes de_at as de-AT, or answers "" where s is no locale.
func canonicalLocale(s string) string {
	parts := strings.Split(strings.ReplaceAll(strings.TrimSpace(s), "_", "-"), "-")
	for i, p := range parts {
		switch {
		case i == 0:
			parts[i] = strings.ToLower(p)
		case len(p) == 4:
			parts[i] = strings.ToUpper(p[:1]) + strings.ToLower(p[1:])
		default:
			parts[i] = strings.ToUpper(p)
		}
	}
	tag := strings.Join(parts, "-")
	if !localeTag.MatchString(tag) {
		return ""
	}
	return tag
}

// chain is a wish list of locales, each followed by what it is a variety of:
// "de-AT,fr" gives de-AT, de, fr. What is no locale is passed over: it comes from
// customers' records.
func chain(wish string) []string {
	var tags []string
	for s := range strings.SplitSeq(cut(wish, 200), ",") {
		for tag := canonicalLocale(s); tag != ""; {
			if !slices.Contains(tags, tag) {
				tags = append(tags, tag)
			}
			i := strings.LastIndexByte(tag, '-')
			if i < 0 {
				break
			}
			tag = tag[:i]
		}
	}
	return tags
}

// format is what a text can ask for in its locale. It is embedded in the view, so
// that templates write {{.Money .Amount}}, and $.Money within with and range.
type format struct {
	Locale   string // of the text; money and dates are written the region's way
	language *language
	zone     *time.Location
}

func newFormat(locale string, zone *time.Location) format {
	tag, _, _ := strings.Cut(locale, "-")
	lang, ok := languageOf(tag)
	if !ok {
		lang = &languages[0]
	}
	return format{locale, lang, zone}
}

// Money is empty where no currency is known.
func (f format) Money(m billing.Money) string {
	if m.Currency == "" {
		return ""
	}
	return m.Format(f.Locale)
}

// Less is an amount that is taken off.
func (f format) Less(m billing.Money) string {
	m.Amount = -m.Amount
	return f.Money(m)
}

// Date is the day in the renderer's time zone; empty if t is unknown.
func (f format) Date(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return billing.FormatDate(t.In(f.zone), f.Locale)
}

// Time is for operators: to the minute, with its zone.
func (f format) Time(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.In(f.zone).Format("2006-01-02 15:04 MST")
}

// Per is how often a price comes again, empty if it does not.
func (f format) Per(interval string, count int) string {
	words, ok := f.language.per[interval]
	switch {
	case !ok:
		return ""
	case count > 1:
		return fmt.Sprintf(words[1], count)
	}
	return words[0]
}

// Span is a duration by its largest unit, rounded down; two of that unit are
// needed, so that a day and a half is 36 hours.
func (f format) Span(d time.Duration) string {
	for i, unit := range []time.Duration{24 * time.Hour, time.Hour, time.Minute} {
		n := int(d / unit)
		if n >= 2 || unit == time.Minute {
			word := f.language.units[i][1]
			if n == 1 {
				word = f.language.units[i][0]
			}
			return fmt.Sprintf("%d %s", n, word)
		}
	}
	return ""
}

// Card names a payment method as its owner knows it; empty if nothing is known.
func (f format) Card(m Method) string {
	name := m.Brand
	if name == "" || name == "unknown" {
		name = m.Type
	}
	if name == "" {
		return ""
	}
	name = brandName(name)
	if m.Last4 == "" {
		return name
	}
	return fmt.Sprintf(f.language.ending, name, m.Last4)
}

// Expiry is a card's month and year as they are printed on it.
func (f format) Expiry(m Method) string {
	if m.ExpMonth < 1 || m.ExpMonth > 12 || m.ExpYear == 0 {
		return ""
	}
	return fmt.Sprintf("%02d/%d", m.ExpMonth, m.ExpYear)
}

// Greeting is how a letter begins.
func (f format) Greeting(name string) string {
	if name == "" {
		return f.language.helloNobody
	}
	return fmt.Sprintf(f.language.hello, cut(name, 80))
}

// word shows one of Stripe's words (product_not_received) to people.
func word(s string) string { return strings.ReplaceAll(s, "_", " ") }

// brands are the names of Stripe's brands and types that capital letters alone
// do not make right.
var brands = map[string]string{
	"amex": "American Express", "american_express": "American Express", "diners": "Diners Club", "diners_club": "Diners Club",
	"jcb": "JCB", "unionpay": "UnionPay", "mastercard": "Mastercard", "visa": "Visa", "discover": "Discover",
	"eftpos_au": "eftpos", "cartes_bancaires": "Cartes Bancaires", "sepa_debit": "SEPA", "us_bank_account": "ACH",
	"acss_debit": "ACSS", "au_becs_debit": "BECS", "bacs_debit": "Bacs", "paypal": "PayPal", "ideal": "iDEAL",
}

func brandName(s string) string {
	if name, ok := brands[strings.ToLower(s)]; ok {
		return name
	}
	name := []rune(word(s))
	return strings.ToUpper(string(name[:1])) + string(name[1:])
}
