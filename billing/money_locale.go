package billing

import (
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// localeData is how a locale writes money and dates; money_cldr.go has the rows.
type localeData struct {
	// positive and negative have # for the number and ¤ for the symbol.
	positive, negative string
	decimal, group     string
	// primary is the size of the last group, secondary that of those before it
	// (12,34,567 in India), minimum how many digits have to stand before the last
	// group for there to be any groups.
	primary, secondary, minimum int
	// symbols are those that differ from commonSymbols: "|USD=$|JPY=¥|".
	symbols string

	// long and medium are dates, with {d}, {dd}, {m}, {mm}, {name} and {y}.
	long, medium string
	era          int // what is added to the year: 543 in Thailand
	// months are the names in a long date, short those in a medium one where they
	// are others; twelve, with | between them, or none where dates have no names.
	months, short string
}

type localeRow struct {
	tag string
	row int
}

// localeFor is the row of the tag, else that of the tag without its last part,
// and so on, else that of English. POSIX's
// spelling (de_AT.UTF-8) is understood.
func localeFor(tag string) *localeData {
	const longest = 35 // RFC 5646, section 4.4.1
	if len(tag) <= longest {
		if i := strings.IndexAny(tag, ".@"); i >= 0 {
			tag = tag[:i]
		}
		tag = strings.ToLower(strings.ReplaceAll(tag, "_", "-"))
		for tag != "" {
			i, ok := slices.BinarySearchFunc(localeRows, tag, func(r localeRow, tag string) int { return strings.Compare(r.tag, tag) })
			if ok {
				return &localeTable[localeRows[i].row]
			}
			tag = tag[:max(0, strings.LastIndexByte(tag, '-'))]
		}
	}
	return localeFor("en")
}

// money writes an amount; code is a currency that currencyCode made.
func (l *localeData) money(a majorAmount, code string) string {
	number := l.grouped(a.whole)
	if a.fraction != "" {
		number += l.decimal + a.fraction
	}
	pattern := l.positive
	if a.negative {
		pattern = l.negative
	}
	symbol := l.spaced(l.symbol(code), pattern)
	return strings.Replace(strings.Replace(pattern, "#", number, 1), "¤", symbol, 1)
}

func (l *localeData) grouped(whole string) string {
	if len(whole) < l.primary+l.minimum {
		return whole
	}
	at := len(whole) - l.primary
	groups := []string{whole[at:]}
	for at > 0 {
		from := max(0, at-l.secondary)
		groups = append(groups, whole[from:at])
		at = from
	}
	slices.Reverse(groups)
	return strings.Join(groups, l.group)
}

func (l *localeData) symbol(code string) string {
	for _, symbols := range []string{l.symbols, commonSymbols} {
		if _, rest, ok := strings.Cut(symbols, "|"+code+"="); ok {
			symbol, _, _ := strings.Cut(rest, "|")
			return symbol
		}
	}
	return code
}

// spaced sets a no-break space behind a symbol that would touch the number and
// ends in a letter: "$5.00", yet "CHF 5.00" (CLDR's currencySpacing; no locale
// has a number that touches a symbol behind it).
func (l *localeData) spaced(symbol, pattern string) string {
	if strings.Contains(pattern, "¤#") {
		if r, _ := utf8.DecodeLastRuneInString(symbol); !unicode.IsSymbol(r) {
			return symbol + "\u00a0"
		}
	}
	return symbol
}

// FormatDate is t's day, in t's own location, with the month's name as the locale
// writes it in running text: "November 5, 2026", "5. November 2026",
// "2026年11月5日". Locales are as for Money.Format.
func FormatDate(t time.Time, locale string) string {
	l := localeFor(locale)
	return l.date(t, l.long, l.months)
}

// FormatDateShort is FormatDate for columns, in CLDR's medium style: "Nov 5, 2026",
// "05.11.2026".
func FormatDateShort(t time.Time, locale string) string {
	l := localeFor(locale)
	if l.short != "" {
		return l.date(t, l.medium, l.short)
	}
	return l.date(t, l.medium, l.months)
}

func (l *localeData) date(t time.Time, pattern, months string) string {
	year, month, day := t.Date()
	name := ""
	if names := strings.Split(months, "|"); len(names) == 12 {
		name = names[month-1]
	}
	return strings.NewReplacer(
		"{y}", strconv.Itoa(year+l.era),
		"{name}", name,
		"{mm}", twoDigits(int(month)), "{m}", strconv.Itoa(int(month)),
		"{dd}", twoDigits(day), "{d}", strconv.Itoa(day),
	).Replace(pattern)
}

func twoDigits(n int) string {
	if n < 10 {
		return "0" + strconv.Itoa(n)
	}
	return strconv.Itoa(n)
}
