package webhook_test

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/bursarhq/bursar/webhook"
)

const secret = "whsec_test_secret"

var (
	signedAt = time.Unix(1614556800, 0)
	body     = []byte(`{"id":"evt_1","object":"event"}`)
)

// bodySignature was computed outside of Go:
//
//	printf '%s' '1614556800.{"id":"evt_1","object":"event"}' | openssl dgst -sha256 -hmac whsec_test_secret
const bodySignature = "7a0685c65fcda9f1dd585b6eaa74ead6d954e5895ecc08263afbd424c5661b46"

// v1 is the signature alone of what Sign makes.
func v1(payload []byte, secret string, t time.Time) string {
	_, sig, _ := strings.Cut(webhook.Sign(payload, secret, t), ",v1=")
	return sig
}

func TestSignAgainstOpenSSL(t *testing.T) {
	if got, want := webhook.Sign(body, secret, signedAt), "t=1614556800,v1="+bodySignature; got != want {
		t.Errorf("Sign\n got %s\nwant %s", got, want)
	}
}

func TestVerify(t *testing.T) {
	const other = "whsec_other"
	ts := "t=1614556800"
	good := ts + ",v1=" + bodySignature
	bad := strings.Repeat("ab", 32)

	tests := []struct {
		name    string
		header  string
		secrets []string      // secret, unless given
		payload []byte        // body, unless given
		now     time.Duration // after signedAt
		o       webhook.Options
		want    error
		says    string // part of the error
	}{
		{name: "as Stripe sends it", header: good},

		// Header.
		{name: "empty header", header: "", want: webhook.ErrMissing, says: "Stripe-Signature"},
		{name: "blank header", header: " \t ", want: webhook.ErrMissing},
		{name: "space after a comma", header: ts + ", v1=" + bodySignature},
		{name: "blanks all around", header: " \t" + ts + " ,\tv1=" + bodySignature + " "},
		{name: "line feed is no blank", header: ts + ",\nv1=" + bodySignature, want: webhook.ErrMismatch},
		{name: "any order", header: "v1=" + bodySignature + "," + ts},
		{name: "upper-case hexadecimal", header: ts + ",v1=" + strings.ToUpper(bodySignature)},
		{name: "trailing comma", header: good + ",", want: webhook.ErrMalformed, says: "scheme=value"},
		{name: "leading comma", header: "," + good, want: webhook.ErrMalformed},
		{name: "element without =", header: good + ",v1", want: webhook.ErrMalformed, says: `"v1"`},
		{name: "element without a scheme", header: good + ",=1", want: webhook.ErrMalformed},
		{name: "not a header at all", header: "Bearer sk_test", want: webhook.ErrMalformed},
		{name: "without t", header: "v1=" + bodySignature, want: webhook.ErrMalformed, says: "no timestamp"},
		{name: "empty t", header: "t=,v1=" + bodySignature, want: webhook.ErrMalformed},
		{name: "t is a word", header: "t=now,v1=" + bodySignature, want: webhook.ErrMalformed, says: `"now"`},
		{name: "what a stranger sent is quoted", header: "t=\x1b[2J" + strings.Repeat("9", 99), want: webhook.ErrMalformed, says: `"\x1b[2J99999`},
		{name: "t has a sign", header: "t=+1614556800,v1=" + bodySignature, want: webhook.ErrMalformed},
		{name: "t has a fraction", header: "t=1614556800.0,v1=" + bodySignature, want: webhook.ErrMalformed},
		{name: "t overflows", header: "t=99999999999999999999,v1=" + bodySignature, want: webhook.ErrMalformed},
		{name: "t with a leading zero was not signed", header: "t=01614556800,v1=" + bodySignature, want: webhook.ErrMismatch},
		{name: "same t twice", header: ts + "," + good},
		{name: "another t behind", header: good + ",t=1614556801", want: webhook.ErrMalformed, says: "two timestamps"},
		{name: "another t before", header: "t=1614556801," + good, want: webhook.ErrMalformed},
		{name: "64 elements", header: ts + strings.Repeat(",v1="+bad, 62) + ",v1=" + bodySignature},
		{name: "65 elements", header: ts + strings.Repeat(",v1="+bad, 63) + ",v1=" + bodySignature, want: webhook.ErrMalformed, says: "65 elements, more than 64"},
		{name: "8 KB", header: good + ",x=" + strings.Repeat("y", 8<<10-len(good)-3)},
		{name: "beyond 8 KB", header: good + ",x=" + strings.Repeat("y", 8<<10-len(good)-2), want: webhook.ErrMalformed, says: "8193 bytes, more than 8192"},

		// Signatures.
		{name: "bad, then good, then v0", header: ts + ",v1=" + bad + ",v1=" + bodySignature + ",v0=" + bad},
		{name: "good, then bad", header: good + ",v1=" + bad},
		{name: "v0 alone", header: ts + ",v0=" + bodySignature, want: webhook.ErrMismatch, says: "no v1"},
		{name: "v2 alone", header: ts + ",v2=" + bodySignature, want: webhook.ErrMismatch, says: "no v1"},
		{name: "V1 is not v1", header: ts + ",V1=" + bodySignature, want: webhook.ErrMismatch},
		{name: "no signature", header: ts, want: webhook.ErrMismatch, says: "no v1"},
		{name: "wrong signature", header: ts + ",v1=" + bad, want: webhook.ErrMismatch, says: "none of 1 v1 signatures was made by any of 1 secrets"},
		{name: "not hexadecimal", header: ts + ",v1=" + strings.Repeat("zz", 32), want: webhook.ErrMismatch},
		{name: "not hexadecimal, then good", header: ts + ",v1=" + strings.Repeat("zz", 32) + ",v1=" + bodySignature},
		{name: "half a signature", header: ts + ",v1=" + bodySignature[:32], want: webhook.ErrMismatch},
		{name: "signature and more", header: good + "00", want: webhook.ErrMismatch},
		{name: "empty signature", header: ts + ",v1=", want: webhook.ErrMismatch},
		{name: "t of another signature", header: "t=1614556801,v1=" + bodySignature, want: webhook.ErrMismatch},
		{name: "another body", header: good, payload: []byte(`{"id":"evt_1","object":"event" }`), want: webhook.ErrMismatch, says: "32 bytes"},
		{name: "signature over the body alone", header: ts + ",v1=" + v1(nil, secret, signedAt), want: webhook.ErrMismatch},

		// Bodies are not looked at.
		{name: "empty body", payload: []byte{}, header: webhook.Sign(nil, secret, signedAt)},
		{name: "not JSON", payload: []byte("\x00\xff{"), header: webhook.Sign([]byte("\x00\xff{"), secret, signedAt)},
		{
			name: "an event of 2020", payload: []byte(`{"object":"event","api_version":"2020-08-27"}`),
			header: webhook.Sign([]byte(`{"object":"event","api_version":"2020-08-27"}`), secret, signedAt),
		},
		{
			name: "a thin event", payload: []byte(`{"object":"v2.core.event"}`),
			header: webhook.Sign([]byte(`{"object":"v2.core.event"}`), secret, signedAt),
		},

		// Secrets.
		{name: "second secret", header: good, secrets: []string{other, secret}},
		{name: "first secret", header: good, secrets: []string{secret, other}},
		{name: "two secrets, two signatures", header: webhook.SignAll(body, []string{other, secret}, signedAt), secrets: []string{"whsec_third", secret}},
		{name: "another secret", header: good, secrets: []string{other}, want: webhook.ErrMismatch},
		{name: "secret without its prefix", header: good, secrets: []string{"test_secret"}, want: webhook.ErrMismatch},
		{name: "no secret", header: good, secrets: []string{}, want: webhook.ErrNoSecret},
		{name: "empty secret", header: good, secrets: []string{""}, want: webhook.ErrNoSecret},
		{name: "blank secret", header: good, secrets: []string{" \n"}, want: webhook.ErrNoSecret},
		{name: "empty secret beside a good one", header: good, secrets: []string{secret, ""}, want: webhook.ErrNoSecret, says: "secret 2 of 2 is empty"},
		// The signature below is what HMAC makes of an empty key.
		{
			name: "empty secret, signed with an empty key", header: "t=1614556800,v1=" + emptyKeySignature,
			secrets: []string{""}, want: webhook.ErrNoSecret,
		},

		// Time.
		{name: "299 s old", header: good, now: 299 * time.Second},
		{name: "300 s old", header: good, now: 300 * time.Second},
		{name: "301 s old", header: good, now: 301 * time.Second, want: webhook.ErrTimestamp, says: "timestamp is 5m1s in the past, more than 5m0s allowed"},
		{name: "a nanosecond too old", header: good, now: 300*time.Second + 1, want: webhook.ErrTimestamp, says: "5m0.001s in the past"},
		{name: "7m3s old", header: good, now: 7*time.Minute + 3*time.Second, want: webhook.ErrTimestamp, says: "timestamp is 7m3s in the past, more than 5m0s allowed"},
		{name: "300 s ahead", header: good, now: -300 * time.Second},
		{name: "301 s ahead", header: good, now: -301 * time.Second, want: webhook.ErrTimestamp, says: "timestamp is 5m1s in the future, more than 5m0s allowed"},
		{name: "an hour ahead", header: good, now: -time.Hour, want: webhook.ErrTimestamp, says: "1h0m0s in the future"},
		{name: "years old", header: good, now: 3 * 365 * 24 * time.Hour, want: webhook.ErrTimestamp, says: "1095 days in the past"},
		{name: "milliseconds", header: webhook.Sign(body, secret, time.Unix(1614556800000, 0)), want: webhook.ErrTimestamp, says: "days in the future"},
		{name: "as far as it goes", header: webhook.Sign(body, secret, time.Unix(999999999999999, 0)), want: webhook.ErrTimestamp, says: "days in the future"},
		{name: "own tolerance, inside", header: good, now: time.Hour, o: webhook.Options{Tolerance: time.Hour}},
		{name: "own tolerance, outside", header: good, now: 11 * time.Second, o: webhook.Options{Tolerance: 10 * time.Second}, want: webhook.ErrTimestamp},
		{name: "negative tolerance is the default one, inside", header: good, now: 299 * time.Second, o: webhook.Options{Tolerance: -1}},
		{name: "negative tolerance is the default one, outside", header: good, now: 301 * time.Second, o: webhook.Options{Tolerance: -1}, want: webhook.ErrTimestamp},
		{name: "forged and old is forged", header: ts + ",v1=" + bad, now: time.Hour, want: webhook.ErrMismatch},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			secrets, payload, o := tt.secrets, tt.payload, tt.o
			if secrets == nil {
				secrets = []string{secret}
			}
			if payload == nil {
				payload = body
			}
			o.Now = signedAt.Add(tt.now)
			err := webhook.Verify(payload, tt.header, secrets, o)
			checkError(t, err, tt.want, tt.says)
		})
	}
}

const emptyKeySignature = "db66bf15fbf2ac51128b2538e22fb84be29000ce19bcf094dafbfaa4257aa3e6"

// checkError wants exactly one of the causes, with its code, and no secret in
// the text.
func checkError(t *testing.T, err, want error, says string) {
	t.Helper()
	for _, cause := range []error{webhook.ErrMissing, webhook.ErrMalformed, webhook.ErrMismatch, webhook.ErrTimestamp, webhook.ErrNoSecret} {
		if errors.Is(err, cause) != (cause == want) {
			t.Fatalf("error is %v, want %v", err, want)
		}
	}
	if want == nil {
		if err != nil {
			t.Fatalf("error is %v, want none", err)
		}
		return
	}
	if !strings.Contains(err.Error(), says) {
		t.Errorf("error is %q, want %q in it", err, says)
	}
	if strings.Contains(err.Error(), "test_secret") || strings.Contains(err.Error(), bodySignature) {
		t.Errorf("error gives something away: %v", err)
	}
}

func TestNowIsThePresentUnlessGiven(t *testing.T) {
	if err := webhook.Verify(body, webhook.Sign(body, secret, time.Now()), []string{secret}, webhook.Options{}); err != nil {
		t.Error(err)
	}
	err := webhook.Verify(body, webhook.Sign(body, secret, time.Now().Add(-time.Hour)), []string{secret}, webhook.Options{})
	checkError(t, err, webhook.ErrTimestamp, "in the past")
}

func TestCode(t *testing.T) {
	for err, want := range map[error]string{
		webhook.ErrMissing:   "signature_missing",
		webhook.ErrMalformed: "signature_malformed",
		webhook.ErrMismatch:  "signature_mismatch",
		webhook.ErrTimestamp: "timestamp_out_of_tolerance",
		webhook.ErrNoSecret:  "",
		errors.New("other"):  "",
	} {
		if got := webhook.Code(fmt.Errorf("receive: %w", err)); got != want {
			t.Errorf("Code(%v) = %q, want %q", err, got, want)
		}
	}
	if got := webhook.Code(nil); got != "" {
		t.Errorf("Code(nil) = %q", got)
	}
}

func TestNewVerifierRefusesEmptySecrets(t *testing.T) {
	for _, secrets := range [][]string{nil, {""}, {secret, ""}, {"", secret}, {"\t"}} {
		if v, err := webhook.NewVerifier(secrets...); !errors.Is(err, webhook.ErrNoSecret) || v != nil {
			t.Errorf("NewVerifier(%q) = %v, %v", secrets, v, err)
		}
	}
}

func TestZeroVerifierAcceptsNothing(t *testing.T) {
	header := webhook.Sign(body, secret, signedAt)
	var zero webhook.Verifier
	checkError(t, zero.Verify(body, header, webhook.Options{Now: signedAt}), webhook.ErrNoSecret, "")
	var none *webhook.Verifier
	checkError(t, none.Verify(body, header, webhook.Options{Now: signedAt}), webhook.ErrNoSecret, "")
}

func TestSignWithoutSecretSignsNothing(t *testing.T) {
	for _, secrets := range [][]string{nil, {""}, {secret, ""}} {
		if got := webhook.SignAll(body, secrets, signedAt); got != "" {
			t.Errorf("SignAll with %q = %q", secrets, got)
		}
	}
	if got := webhook.Sign(body, "", signedAt); got != "" {
		t.Errorf("Sign with an empty secret = %q", got)
	}
}

func TestVerifierIsSafeForConcurrentUse(t *testing.T) {
	v, err := webhook.NewVerifier("whsec_old", secret)
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for g := range 8 {
		wg.Go(func() {
			for i := range 200 {
				mine := fmt.Appendf(nil, `{"id":"evt_%d_%d"}`, g, i)
				if err := v.Verify(mine, webhook.Sign(mine, secret, signedAt), webhook.Options{Now: signedAt}); err != nil {
					t.Error(err)
				}
				if err := v.Verify(mine, webhook.Sign(body, secret, signedAt), webhook.Options{Now: signedAt}); !errors.Is(err, webhook.ErrMismatch) {
					t.Errorf("another body's signature: %v", err)
				}
			}
		})
	}
	wg.Wait()
}
