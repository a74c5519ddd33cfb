package main

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/alecthomas/kong"
	"github.com/goccy/go-yaml"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

type vars map[string]string

func (v vars) lookup(name string) (string, bool) {
	text, ok := v[name]
	return text, ok
}

// load is LoadConfig with the content of a file, which is called bursar.yaml.
func load(t *testing.T, flags, env vars, content string) (Config, error) {
	t.Helper()
	path := ""
	if content != "" {
		path = filepath.Join(t.TempDir(), "bursar.yaml")
		write(t, path, content)
	}
	return LoadConfig(flags, env.lookup, path)
}

func mustLoad(t *testing.T, flags, env vars, content string) Config {
	t.Helper()
	c, err := load(t, flags, env, content)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func write(t *testing.T, path, content string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}

// TestPrecedence gives every setting in one place more each time: defaults <
// file < environment < flags.
func TestPrecedence(t *testing.T) {
	flags, env := vars{}, vars{}
	check := func(want string) {
		t.Helper()
		c := mustLoad(t, flags, env, "retention: 1d\nlisten: :1\n")
		if got := fmt.Sprint(c.Retention, " ", c.Effective()[slices.IndexFunc(c.Effective(), func(e EffectiveSetting) bool { return e.Name == "BURSAR_RETENTION" })]); got != want {
			t.Errorf("have %s, want %s", got, want)
		}
		if c.Listen != ":1" || c.MaxBody != 1<<20 {
			t.Errorf("others: listen %s, max body %d", c.Listen, c.MaxBody)
		}
	}
	if c := mustLoad(t, nil, nil, ""); c.Retention != 90*24*time.Hour {
		t.Errorf("default: %v", c.Retention)
	}
	check("24h0m0s {BURSAR_RETENTION 1d bursar.yaml:1}")
	env["BURSAR_RETENTION"] = "" // as a compose file passes on what is not set
	check("24h0m0s {BURSAR_RETENTION 1d bursar.yaml:1}")
	env["BURSAR_RETENTION"] = "2d"
	check("48h0m0s {BURSAR_RETENTION 2d BURSAR_RETENTION}")
	flags["retention"] = "3d"
	check("72h0m0s {BURSAR_RETENTION 3d --retention}")
}

func TestPrecedenceOfSecrets(t *testing.T) {
	path := filepath.Join(t.TempDir(), "secret")
	write(t, path, "whsec_from_file\n")
	flags, env := vars{}, vars{}
	check := func(want, content string) {
		t.Helper()
		if c := mustLoad(t, flags, env, content); c.WebhookSecrets[0].Reveal() != want {
			t.Errorf("have %s, want %s", c.WebhookSecrets[0].Reveal(), want)
		}
	}
	check("whsec_from_file", "stripe_webhook_secret_file: "+path)
	env["STRIPE_WEBHOOK_SECRET"] = "whsec_env"
	check("whsec_env", "stripe_webhook_secret_file: "+path)
	delete(env, "STRIPE_WEBHOOK_SECRET")
	env["STRIPE_WEBHOOK_SECRET_FILE"] = path
	check("whsec_from_file", "stripe_webhook_secret: whsec_yaml")
	flags["stripe-webhook-secret"] = "whsec_flag"
	check("whsec_flag", "stripe_webhook_secret: whsec_yaml")
	delete(flags, "stripe-webhook-secret")
	delete(env, "STRIPE_WEBHOOK_SECRET_FILE")
	flags["stripe-webhook-secret-file"] = path
	check("whsec_from_file", "stripe_webhook_secret: whsec_yaml")
}

func TestDefaults(t *testing.T) {
	got := mustLoad(t, nil, nil, "")
	got.effective = nil
	want := Config{
		Listen: "127.0.0.1:8000", DatabaseURL: NewSecret("sqlite://bursar.db"),
		TenantMetadata: []string{"tenant", "tenant_id"}, UnknownCustomers: "park",
		Poll: Off, RateLimit: Rate{100, time.Second}, NoticeMaxAge: 7 * 24 * time.Hour,
		DunningMaxAttempts: 3, DunningGrace: 14 * 24 * time.Hour, DunningAction: "downgrade",
		WebhookTolerance: 5 * time.Minute, MaxBody: 1 << 20, Retention: 90 * 24 * time.Hour, Role: "all",
	}
	if diff := cmp.Diff(want, got, same); diff != "" {
		t.Error(diff)
	}
}

// same compares what has no exported fields by ==.
var same = cmp.Options{cmp.AllowUnexported(Config{}), cmpopts.EquateComparable(Secret{}, netip.Prefix{})}

// everything sets every setting to something that is not its default.
const everything = `
listen: 0.0.0.0:9000
database_url: postgres://bursar:hunter2@db/bursar
stripe_webhook_secret: [whsec_a, whsec_b]
stripe_secret_key: sk_live_abc
stripe_api_base: http://127.0.0.1:12111/
api_key: "one, two"
dashboard_password: open sesame
plans: shop.yaml
mode: live
tenant_metadata:
  - org
unknown_customers: create
trust_payment_links: true
public_url: https://billing.example.com/
trusted_proxies: 10.1.2.3/8,::1
metrics_listen: :9100
log_level: warn
log_format: json
poll: 30s
cors_origins: [https://app.example.com, "http://localhost:3000"]
rate_limit: 600/m
seller: seller.yaml
operator_email: ops@example.com
smtp_url: smtps://u:hunter2@mail:465
mail_from: Example <billing@example.com>
notice_max_age: off
outbound_url: https://app.example.com/hooks?a=b
outbound_secret: whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3
outbound_allow_private: true
dunning_max_attempts: 4
dunning_grace: 0
dunning_action: downgrade_and_cancel
webhook_tolerance: 10m
max_body: 64KiB
retention: 1d12h
role: receive
endpoints:
  - {name: connect, secret: [whsec_c, whsec_d], key: rk_live_x, account: acct_1}
  - name: second
    secret: whsec_e
`

func TestEverySetting(t *testing.T) {
	got := mustLoad(t, nil, nil, everything)
	if n := len(settings(new(Config))); len(got.effective) != n {
		t.Errorf("%d of %d settings are set", len(got.effective), n)
	}
	for _, e := range got.effective {
		if e.Source == "default" {
			t.Errorf("%s is left at its default", e.Name)
		}
	}
	got.effective = nil
	want := Config{
		Listen: "0.0.0.0:9000", DatabaseURL: NewSecret("postgres://bursar:hunter2@db/bursar"),
		WebhookSecrets:  []Secret{NewSecret("whsec_a"), NewSecret("whsec_b")},
		StripeSecretKey: NewSecret("sk_live_abc"), StripeAPIBase: "http://127.0.0.1:12111",
		APIKeys: []Secret{NewSecret("one"), NewSecret("two")}, DashboardPassword: NewSecret("open sesame"),
		Plans: "shop.yaml", Mode: "live", TenantMetadata: []string{"org"}, UnknownCustomers: "create", TrustPaymentLinks: true,
		PublicURL:      "https://billing.example.com",
		TrustedProxies: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("::1/128")},
		MetricsListen:  ":9100", LogLevel: slog.LevelWarn, LogFormat: "json", Poll: 30 * time.Second,
		CORSOrigins: []string{"https://app.example.com", "http://localhost:3000"}, RateLimit: Rate{600, time.Minute},
		Seller: "seller.yaml", OperatorEmail: "ops@example.com",
		SMTPURL: NewSecret("smtps://u:hunter2@mail:465"), MailFrom: "Example <billing@example.com>", NoticeMaxAge: Off,
		OutboundURL: "https://app.example.com/hooks?a=b", OutboundSecret: NewSecret("whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3"), OutboundAllowPrivate: true,
		DunningMaxAttempts: 4, DunningGrace: 0, DunningAction: "downgrade_and_cancel",
		WebhookTolerance: 10 * time.Minute, MaxBody: 65536, Retention: 36 * time.Hour, Role: "receive",
		Endpoints: []Endpoint{
			{Name: "connect", Secrets: []Secret{NewSecret("whsec_c"), NewSecret("whsec_d")}, Key: NewSecret("rk_live_x"), Account: "acct_1"},
			{Name: "second", Secrets: []Secret{NewSecret("whsec_e")}},
		},
	}
	if diff := cmp.Diff(want, got, same); diff != "" {
		t.Error(diff)
	}
	if err := got.CheckServe(); err != nil {
		t.Error(err)
	}
}

// TestRefusals wants one line that names the setting and what it accepts, and
// no secret in it.
func TestRefusals(t *testing.T) {
	for _, test := range []struct {
		flags, env vars
		file, want string
	}{
		{env: vars{"BURSAR_RETENTION": "soon"}, want: `BURSAR_RETENTION: "soon" is not accepted; write a duration such as 90s, 5m, 12h or 7d, or off`},
		{flags: vars{"retention": "soon"}, want: `BURSAR_RETENTION (--retention): "soon" is not accepted; write a duration`},
		{file: "\nretention: soon", want: `BURSAR_RETENTION (bursar.yaml:2): "soon" is not accepted; write a duration`},
		{flags: vars{"listen": ""}, want: `BURSAR_LISTEN (--listen): "" is not accepted; write an address`},
		{env: vars{"BURSAR_MODE": "Live"}, want: `BURSAR_MODE: "Live" is not accepted; write live or test`},
		{env: vars{"BURSAR_DUNNING_ACTION": "x"}, want: `BURSAR_DUNNING_ACTION: "x" is not accepted; write downgrade, downgrade_and_cancel or notify`},
		{env: vars{"STRIPE_SECRET_KEY": "whsec_hidden"}, want: `STRIPE_SECRET_KEY: its value is not accepted; write a key that begins with sk_test_, sk_live_, rk_test_ or rk_live_`},
		{env: vars{"STRIPE_WEBHOOK_SECRET": "sk_test_hidden"}, want: `STRIPE_WEBHOOK_SECRET: its value is not accepted; write a secret that begins with whsec_, or several, separated by commas`},
		{env: vars{"STRIPE_WEBHOOK_SECRET": "whsec_hidden,"}, want: "STRIPE_WEBHOOK_SECRET: its value"},
		{env: vars{"STRIPE_WEBHOOK_SECRET": "whsec_"}, want: "STRIPE_WEBHOOK_SECRET: its value"},
		{env: vars{"BURSAR_DATABASE_URL": "mysql://u:hidden@h"}, want: "BURSAR_DATABASE_URL: its value is not accepted; write sqlite://PATH or postgres://…"},
		{env: vars{"BURSAR_DATABASE_URL": "sqlite://"}, want: "BURSAR_DATABASE_URL: its value"},
		{env: vars{"BURSAR_DATABASE_URL": "postgres:u:hidden@h"}, want: "BURSAR_DATABASE_URL: its value"},
		{env: vars{"STRIPE_SECRET_KEY": "sk_test_hidden", "STRIPE_SECRET_KEY_FILE": "x"}, want: "STRIPE_SECRET_KEY: set either STRIPE_SECRET_KEY or STRIPE_SECRET_KEY_FILE"},
		{env: vars{"STRIPE_SECRET_KEY_FILE": "/nowhere/key"}, want: "STRIPE_SECRET_KEY (STRIPE_SECRET_KEY_FILE): open /nowhere/key: no such file or directory"},
		{env: vars{"STRIPE_SECRET_KEY_FILE": "/dev/null"}, want: "STRIPE_SECRET_KEY (STRIPE_SECRET_KEY_FILE): /dev/null is empty"},
		{flags: vars{"lisen": ":1"}, want: "--lisen: there is no such setting"},
		{flags: vars{"listen-file": "x"}, want: "--listen-file: there is no such setting"},
		{file: "listen: :1\nlisen: :2", want: `bursar.yaml:2:1: there is no setting "lisen"`},
		{file: "BURSAR_LISTEN: :1", want: `bursar.yaml:1:1: there is no setting "BURSAR_LISTEN"`},
		{file: "listen_file: x", want: `bursar.yaml:1:1: there is no setting "listen_file"`},
		{file: "listen: :1\nlisten: :2", want: `bursar.yaml:2:1: mapping key "listen" already defined at [1:1]`},
		{file: "api_key: 'hidden", want: "bursar.yaml:1:10: "},
		{file: "listen: {host: a}", want: "bursar.yaml:1:9: listen: write one value or a list of values"},
		{file: "tenant_metadata: ['a,b']", want: "bursar.yaml:1:19: tenant_metadata: an item holds a comma"},
		{file: "- listen", want: "bursar.yaml:1:1: write settings as key: value"},
		{file: "listen: :1\n---\nlisten: :2", want: "bursar.yaml:2:1: a second document"},
		{file: "endpoints: connect", want: "bursar.yaml:1:12: endpoints: write a list"},
		{file: "endpoints: [{name: a b, secret: whsec_hidden}]", want: "bursar.yaml:1:13: endpoints: write a name"},
		{file: "endpoints: [{name: a}]", want: `bursar.yaml:1:13: endpoints: "a" has no secret`},
		{file: "endpoints:\n- {name: a, secret: whsec_hidden}\n- {name: a, secret: whsec_hidden}", want: `bursar.yaml:3:3: endpoints: a second "a"`},
		{file: "endpoints: [{nme: a}]", want: `bursar.yaml:1:14: endpoints: an endpoint has no "nme"`},
		{file: "endpoints:\n- name: a\n  secret: hidden", want: "endpoints: secret (bursar.yaml:3): its value is not accepted; write a secret that begins with whsec_"},
		{file: "endpoints: [{name: a, secret: whsec_hidden, account: x}]", want: `endpoints: account (bursar.yaml:1): "x" is not accepted; write an id that begins with acct_`},
	} {
		t.Run(test.want, func(t *testing.T) {
			_, err := load(t, test.flags, test.env, test.file)
			if err == nil || !strings.HasPrefix(err.Error(), test.want) {
				t.Fatalf("have %v", err)
			}
			if strings.Contains(err.Error(), "hidden") || strings.Contains(err.Error(), "\n") {
				t.Errorf("shows a secret, or is more than a line: %v", err)
			}
		})
	}
	if _, err := LoadConfig(nil, vars{}.lookup, "/nowhere/bursar.yaml"); err == nil || !strings.HasPrefix(err.Error(), "--config: ") {
		t.Errorf("a missing file: %v", err)
	}
}

// TestValues lists what each kind of value takes and what it refuses.
func TestValues(t *testing.T) {
	for _, test := range []struct {
		name      string
		good, bad []string
	}{
		{"BURSAR_LISTEN", []string{":8000", "[::1]:8000", "localhost:0"}, []string{"8000", "localhost", ":http", ":65536", "http://a:1", "a/b:1", " a:1"}},
		{"BURSAR_DATABASE_URL", []string{"sqlite:///var/lib/b.db", "postgresql://h/d", "postgres:///d?host=/run"}, []string{"b.db", "sqlite:b.db"}},
		{"STRIPE_SECRET_KEY", []string{"sk_test_1", "rk_live_1"}, []string{"pk_test_1", "sk_test_", "sk_test_1 2"}},
		{"BURSAR_API_KEY", []string{"a", "a,b"}, []string{"a,,b", "a b"}},
		{"BURSAR_TENANT_METADATA", []string{"a", "a , b", "Org ID"}, []string{"a,", "a[b]", strings.Repeat("x", 41)}},
		{"BURSAR_TRUST_PAYMENT_LINKS", []string{"true", "false", "1"}, []string{"yes please"}},
		{"BURSAR_PUBLIC_URL", []string{"https://a", "http://a:1/b"}, []string{"a", "ftp://a", "https://u:p@a", "https://a?b", "https://a#b", "https:///b"}},
		{"BURSAR_TRUSTED_PROXIES", []string{"10.0.0.1", "10.0.0.0/8, fd00::/8"}, []string{"10.0.0", "10.0.0.0/33", "fe80::1%eth0"}},
		{"BURSAR_CORS_ORIGINS", []string{"https://a:8443"}, []string{"https://a/", "https://a/b", "*"}},
		{"BURSAR_POLL", []string{"off", "1m30s", "500ms"}, []string{"0", "-1m", "1", "on"}},
		{"BURSAR_WEBHOOK_TOLERANCE", []string{"7d", "300s"}, []string{"off", "0s", "d", "1d-1h", "-1d", "99999d", "65535d1000000h", "1dd"}},
		{"BURSAR_DUNNING_GRACE", []string{"0", "0d", "14d"}, []string{"off", "-1d"}},
		{"BURSAR_RATE_LIMIT", []string{"off", "1/s", "600/m", "5000/h"}, []string{"100", "0/s", "-1/s", "1/d", "1.5/s", "/s"}},
		{"BURSAR_OPERATOR_EMAIL", []string{"a@b.c", "A <a@b.c>"}, []string{"a", "a@b, c@d"}},
		{"BURSAR_SMTP_URL", []string{"smtp://localhost:25", "smtps://u:p@h"}, []string{"mail:25", "http://h", "smtp://"}},
		{"BURSAR_OUTBOUND_SECRET", []string{"whsec_c2VjcmV0"}, []string{"c2VjcmV0", "whsec_", "whsec_!"}},
		{"BURSAR_DUNNING_MAX_ATTEMPTS", []string{"1", "8"}, []string{"0", "-1", "three", "1.5"}},
		{"BURSAR_MAX_BODY", []string{"65536", "1B", "64KiB", "1MB", "1kB", "1GiB"}, []string{"0", "-1", "1 MiB", "1mb", "1.5MiB", "MiB", "1K"}},
		{"BURSAR_LOG_LEVEL", []string{"debug", "error"}, []string{"WARN", "trace"}},
	} {
		for _, text := range test.good {
			if _, err := load(t, nil, vars{test.name: text}, ""); err != nil {
				t.Errorf("good: %v", err)
			}
		}
		for _, text := range test.bad {
			if _, err := load(t, nil, vars{test.name: text}, ""); err == nil {
				t.Errorf("%s=%q is accepted", test.name, text)
			}
		}
	}
	for text, want := range map[string]int64{"65536": 65536, "2MB": 2_000_000, "2MiB": 2 << 20, "3kB": 3000} {
		if c := mustLoad(t, nil, vars{"BURSAR_MAX_BODY": text}, ""); c.MaxBody != want {
			t.Errorf("%s is %d", text, c.MaxBody)
		}
	}
	for text, want := range map[string]float64{"off": 0, "100/s": 100, "600/m": 10, "7200/h": 2} {
		if c := mustLoad(t, nil, vars{"BURSAR_RATE_LIMIT": text}, ""); c.RateLimit.PerSecond() != want {
			t.Errorf("%s is %v a second", text, c.RateLimit.PerSecond())
		}
	}
}

func TestSecretsInAFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "secrets")
	write(t, path, "whsec_new\r\nwhsec_old\n")
	c := mustLoad(t, nil, vars{"STRIPE_WEBHOOK_SECRET_FILE": path}, "")
	if len(c.WebhookSecrets) != 2 || c.WebhookSecrets[0].Reveal() != "whsec_new" || c.WebhookSecrets[1].Reveal() != "whsec_old" {
		t.Errorf("%d secrets", len(c.WebhookSecrets))
	}
}

// TestSecretsAreNotShown prints a configuration in every way that comes to
// mind.
func TestSecretsAreNotShown(t *testing.T) {
	content := strings.NewReplacer("sk_live_abc", "sk_live_hunter2", "whsec_a", "whsec_hunter2",
		"one, two", "hunter2", "open sesame", "hunter2", "whsec_e", "whsec_hunter2").Replace(everything)
	c := mustLoad(t, nil, nil, content)
	var out strings.Builder
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
		fmt.Fprintf(&out, verb+"\n", c)
		fmt.Fprintf(&out, verb+"\n", &c)
	}
	fmt.Fprintln(&out, c, c.StripeSecretKey, &c.StripeSecretKey, c.Effective())
	for _, handler := range []slog.Handler{slog.NewTextHandler(&out, nil), slog.NewJSONHandler(&out, nil)} {
		slog.New(handler).Info("start", "config", c, "key", c.StripeSecretKey, "secrets", c.WebhookSecrets)
	}
	for _, marshal := range []func(any) ([]byte, error){json.Marshal, yaml.Marshal} {
		text, err := marshal(map[string]any{"config": c})
		if err != nil {
			t.Fatal(err)
		}
		out.Write(text)
	}
	if i := strings.Index(out.String(), "hunter2"); i >= 0 {
		t.Errorf("shown: …%s…", out.String()[max(0, i-80):i+8])
	}
	if !strings.Contains(out.String(), "[set]") || !strings.Contains(out.String(), "postgres://bursar@db/bursar") {
		t.Error("what is set is not shown either")
	}
}

func TestUnknownVariables(t *testing.T) {
	got := UnknownVariables([]string{"BURSAR_LISTNE=:1", "BURSAR_LISTEN=:1", "BURSAR_API_KEY_FILE=x", "BURSAR_LISTEN_FILE=x", "BURSAR_TEST_POSTGRES_URL=x", "PATH=/bin"})
	if diff := cmp.Diff([]string{"BURSAR_LISTEN_FILE", "BURSAR_LISTNE"}, got); diff != "" {
		t.Error(diff)
	}
}

func TestCheckServe(t *testing.T) {
	good := vars{"STRIPE_WEBHOOK_SECRET": "whsec_a"}
	for _, test := range []struct {
		want string
		env  vars
	}{
		{"", vars{}},
		{"", vars{"STRIPE_WEBHOOK_SECRET": "", "BURSAR_POLL": "1m", "STRIPE_SECRET_KEY": "sk_test_1"}},
		{"", vars{"BURSAR_MODE": "test"}},
		{"", vars{"BURSAR_ROLE": "work", "BURSAR_DATABASE_URL": "postgres://h/d"}},
		{"STRIPE_WEBHOOK_SECRET: none is set", vars{"STRIPE_WEBHOOK_SECRET": ""}},
		{"BURSAR_POLL: needs STRIPE_SECRET_KEY", vars{"BURSAR_POLL": "1m"}},
		{"BURSAR_MODE: is live, but", vars{"BURSAR_MODE": "live", "STRIPE_SECRET_KEY": "rk_test_1"}},
		{"BURSAR_MAIL_FROM: none is set", vars{"BURSAR_SMTP_URL": "smtp://h"}},
		{"BURSAR_OUTBOUND_SECRET: none is set", vars{"BURSAR_OUTBOUND_URL": "https://h"}},
		{"BURSAR_DUNNING_ACTION: downgrade_and_cancel needs", vars{"BURSAR_DUNNING_ACTION": "downgrade_and_cancel"}},
		{"BURSAR_ROLE: work needs PostgreSQL", vars{"BURSAR_ROLE": "work"}},
	} {
		env := vars{}
		for _, from := range []vars{good, test.env} {
			for name, text := range from {
				env[name] = text
			}
		}
		err := mustLoad(t, nil, env, "").CheckServe()
		if test.want == "" && err != nil || test.want != "" && (err == nil || !strings.HasPrefix(err.Error(), test.want)) {
			t.Errorf("%v: have %v, want %q", test.env, err, test.want)
		}
	}
}

func TestStripeMode(t *testing.T) {
	for _, test := range []struct{ mode, key, want string }{
		{"", "", ""}, {"live", "", "live"}, {"", "sk_test_1", "test"}, {"", "rk_live_1", "live"},
	} {
		c := mustLoad(t, nil, vars{"BURSAR_MODE": test.mode, "STRIPE_SECRET_KEY": test.key}, "")
		if got := c.StripeMode(); got != test.want {
			t.Errorf("%+v: %q", test, got)
		}
	}
}

// TestFlags parses a command line as the program does.
func TestFlags(t *testing.T) {
	var cli struct {
		kong.Plugins
	}
	flags := settingFlags(shown)
	cli.Plugins = kong.Plugins{flags}
	parser, err := kong.New(&cli)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := parser.Parse([]string{"--listen", ":1", "--stripe-webhook-secret=whsec_a,whsec_b", "--plans=", "--trust-payment-links=true"}); err != nil {
		t.Fatal(err)
	}
	want := map[string]string{"listen": ":1", "stripe-webhook-secret": "whsec_a,whsec_b", "plans": "", "trust-payment-links": "true"}
	if diff := cmp.Diff(want, givenFlags(flags)); diff != "" {
		t.Error(diff)
	}
	c, err := LoadConfig(givenFlags(flags), vars{}.lookup, "")
	if err != nil || c.Listen != ":1" || len(c.WebhookSecrets) != 2 || !c.TrustPaymentLinks {
		t.Errorf("%+v, %v", c, err)
	}
}
