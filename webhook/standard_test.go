package webhook_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"github.com/bursarhq/bursar/webhook"
)

const (
	standardSecret = "whsec_bm90LWEtcmVhbC1zZWNyZXQtYnV0LWxvbmctZW5vdWdo"
	otherStandard  = "whsec_YW5vdGhlci1zZWNyZXQtb2YtdGhlLXNhbWUtbGVuZ3Ro"

	// standardSignature was computed outside of Go, with openssl dgst -sha256
	// over the content below under the key that standardSecret spells.
	standardSignature = "v1,5TazzX7nVLb/+LXEcBCxfjnZlIPP7B5MwUhf9jAELvU="
)

var standardBody = []byte(`{"type":"invoice.paid"}`) // msg_1.1614556800.{"type":"invoice.paid"}

func TestSignStandardAgainstOpenSSL(t *testing.T) {
	for _, s := range []string{standardSecret, strings.TrimPrefix(standardSecret, "whsec_")} {
		h, err := webhook.SignStandard("msg_1", signedAt, standardBody, s)
		if err != nil {
			t.Fatal(err)
		}
		if len(h) != 3 || h.Get("webhook-id") != "msg_1" || h.Get("webhook-timestamp") != "1614556800" || h.Get("webhook-signature") != standardSignature {
			t.Errorf("headers are %v", h)
		}
	}
}

// The library of the specification's authors is the other side.
func TestStandardWebhooksLibraryAgrees(t *testing.T) {
	now := time.Now()
	theirs, err := standardwebhooks.NewWebhook(standardSecret)
	if err != nil {
		t.Fatal(err)
	}
	for _, payload := range [][]byte{nil, standardBody, []byte("\x00\xff")} {
		for _, secrets := range [][]string{{standardSecret}, {otherStandard, standardSecret}, {standardSecret, otherStandard}} {
			h, err := webhook.SignStandard("msg_1", now, payload, secrets...)
			if err != nil {
				t.Fatal(err)
			}
			if err := theirs.Verify(payload, h); err != nil {
				t.Errorf("they refuse what we sign: %v", err)
			}
		}
		h, err := webhook.SignStandard("msg_1", now, payload, otherStandard)
		if err != nil {
			t.Fatal(err)
		}
		if err := theirs.Verify(payload, h); err == nil {
			t.Error("they accept another secret's signature")
		}

		sig, err := theirs.Sign("msg_1", now, payload)
		if err != nil {
			t.Fatal(err)
		}
		h.Set("webhook-signature", sig)
		if err := webhook.VerifyStandard(payload, h, []string{standardSecret}, webhook.Options{Now: now}); err != nil {
			t.Errorf("we refuse what they sign: %v", err)
		}
	}
}

func TestVerifyStandard(t *testing.T) {
	const bad = "v1,AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="
	set := func(name, value string) func(http.Header) {
		return func(h http.Header) { h.Set(name, value) }
	}
	tests := []struct {
		name    string
		change  func(http.Header)
		secrets []string // standardSecret, unless given
		payload string   // standardBody, unless given
		now     time.Duration
		want    error
		says    string
	}{
		{name: "as it is sent"},

		{name: "no id", change: set("webhook-id", ""), want: webhook.ErrMissing, says: "no webhook-id"},
		{name: "no timestamp", change: func(h http.Header) { h.Del("webhook-timestamp") }, want: webhook.ErrMissing, says: "no webhook-timestamp"},
		{name: "no signature", change: set("webhook-signature", " "), want: webhook.ErrMissing, says: "no webhook-signature"},
		{name: "no headers", change: func(h http.Header) { clear(h) }, want: webhook.ErrMissing},

		{name: "full stop in the id", change: set("webhook-id", "msg.1"), want: webhook.ErrMalformed, says: `holds '.'`},
		{name: "space in the id", change: set("webhook-id", "msg 1"), want: webhook.ErrMalformed},
		{name: "id of 257 bytes", change: set("webhook-id", strings.Repeat("m", 257)), want: webhook.ErrMalformed, says: "257 bytes"},
		{name: "timestamp is a word", change: set("webhook-timestamp", "now"), want: webhook.ErrMalformed, says: `"now"`},
		{name: "timestamp is negative", change: set("webhook-timestamp", "-1"), want: webhook.ErrMalformed},
		{name: "signature without a version", change: set("webhook-signature", "5TazzX7nVLb="), want: webhook.ErrMalformed, says: "version,base64"},
		{name: "65 signatures", change: set("webhook-signature", strings.Repeat(bad+" ", 64)+standardSignature), want: webhook.ErrMalformed, says: "65 signatures"},
		{name: "64 signatures", change: set("webhook-signature", strings.Repeat(bad+" ", 63)+standardSignature)},
		{name: "beyond 8 KB", change: set("webhook-signature", standardSignature+strings.Repeat(" ", 8192)), want: webhook.ErrMalformed, says: "more than 8192"},

		{name: "bad, then v1a, then good", change: set("webhook-signature", bad+" v1a,xyz "+standardSignature)},
		{name: "two spaces", change: set("webhook-signature", bad+"  "+standardSignature)},
		{name: "v1a alone", change: set("webhook-signature", "v1a,"+standardSignature[3:]), want: webhook.ErrMismatch, says: "no v1"},
		{name: "wrong signature", change: set("webhook-signature", bad), want: webhook.ErrMismatch},
		{name: "without padding", change: set("webhook-signature", strings.TrimRight(standardSignature, "=")), want: webhook.ErrMismatch},
		{name: "another spelling of the same bytes", change: set("webhook-signature", strings.Replace(standardSignature, "U=", "V=", 1)), want: webhook.ErrMismatch},
		{name: "another id", change: set("webhook-id", "msg_2"), want: webhook.ErrMismatch},
		{name: "another timestamp", change: set("webhook-timestamp", "1614556801"), want: webhook.ErrMismatch},
		{name: "another body", payload: `{"type":"invoice.paid"} `, want: webhook.ErrMismatch, says: "24 bytes"},

		{name: "second secret", secrets: []string{otherStandard, standardSecret}},
		{name: "another secret", secrets: []string{otherStandard}, want: webhook.ErrMismatch},
		{name: "no secret", secrets: []string{}, want: webhook.ErrNoSecret},
		{name: "empty secret", secrets: []string{""}, want: webhook.ErrNoSecret},
		{name: "prefix alone", secrets: []string{standardSecret, "whsec_"}, want: webhook.ErrNoSecret, says: "secret 2 of 2 is empty"},
		{name: "a line feed decodes to nothing", secrets: []string{"whsec_\n"}, want: webhook.ErrNoSecret},
		{name: "secret that is not base64", secrets: []string{"whsec_test_secret"}, want: webhook.ErrNoSecret, says: "not base64"},

		{name: "300 s old", now: 300 * time.Second},
		{name: "301 s old", now: 301 * time.Second, want: webhook.ErrTimestamp, says: "timestamp is 5m1s in the past, more than 5m0s allowed"},
		{name: "301 s ahead", now: -301 * time.Second, want: webhook.ErrTimestamp, says: "in the future"},
		{name: "forged and old is forged", change: set("webhook-signature", bad), now: time.Hour, want: webhook.ErrMismatch},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			h := http.Header{}
			h.Set("webhook-id", "msg_1")
			h.Set("webhook-timestamp", "1614556800")
			h.Set("webhook-signature", standardSignature)
			if tt.change != nil {
				tt.change(h)
			}
			secrets, payload := tt.secrets, standardBody
			if secrets == nil {
				secrets = []string{standardSecret}
			}
			if tt.payload != "" {
				payload = []byte(tt.payload)
			}
			err := webhook.VerifyStandard(payload, h, secrets, webhook.Options{Now: signedAt.Add(tt.now)})
			checkError(t, err, tt.want, tt.says)
		})
	}
}

func TestSignStandardRefuses(t *testing.T) {
	tests := []struct {
		name, id string
		t        time.Time
		secrets  []string
		want     error
	}{
		{name: "no id", t: signedAt, secrets: []string{standardSecret}, want: webhook.ErrMalformed},
		{name: "full stop in the id", id: "invoice.paid", t: signedAt, secrets: []string{standardSecret}, want: webhook.ErrMalformed},
		{name: "header injection", id: "a\r\nb: c", t: signedAt, secrets: []string{standardSecret}, want: webhook.ErrMalformed},
		{name: "before 1970", id: "msg_1", secrets: []string{standardSecret}, want: webhook.ErrMalformed},
		{name: "no secret", id: "msg_1", t: signedAt, want: webhook.ErrNoSecret},
		{name: "empty secret", id: "msg_1", t: signedAt, secrets: []string{standardSecret, ""}, want: webhook.ErrNoSecret},
		{name: "not base64", id: "msg_1", t: signedAt, secrets: []string{"whsec_test_secret"}, want: webhook.ErrNoSecret},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			h, err := webhook.SignStandard(tt.id, tt.t, standardBody, tt.secrets...)
			if h != nil {
				t.Errorf("headers are %v", h)
			}
			checkError(t, err, tt.want, "")
		})
	}
}
