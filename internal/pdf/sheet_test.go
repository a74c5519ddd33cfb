package pdf

import (
	"strings"
	"testing"
)

// Which country's form of a Han character is drawn.
func TestSetterLanguage(t *testing.T) {
	for _, c := range []struct{ locale, country, want string }{
		{"ja-JP", "CN", "ja"},
		{"zh", "", "zh-Hans"},
		{"zh-CN", "TW", "zh-Hans"},
		{"zh_TW", "", "zh-Hant"},
		{"zh-Hant-MY", "", "zh-Hant"},
		{"ko", "", "ko"},
		{"tr-TR", "", "tr"},
		{"en", "cn", "zh-Hans"},
		{"fr", "HK", "zh-Hant"},
		{"en", "US", "ja"},
		{"", "", "ja"},
	} {
		d := Document{Locale: c.locale, Buyer: Party{Address: Address{Country: c.country}}}
		if got := setterLanguage(&d); got != c.want {
			t.Errorf("%q, buyer in %q: %s, want %s", c.locale, c.country, got, c.want)
		}
	}
}

func TestBrief(t *testing.T) {
	for text, want := range map[string]string{
		"Invoice 42":              "Invoice 42",
		"a\x00b\nc\u0085d":        "a b c d",
		"\ue000":                  "\ufffd",
		strings.Repeat("é", 1000): strings.Repeat("é", 200),
		"  \t ":                   "",
	} {
		if got := brief(text); got != want {
			t.Errorf("%q: got %q, want %q", text, got, want)
		}
	}
}
