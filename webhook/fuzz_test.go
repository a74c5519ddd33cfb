package webhook_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/bursarhq/bursar/webhook"
)

// FuzzHeader: whatever a stranger puts into the header, Verify neither panics
// nor accepts a header without the genuine signature in it, and each refusal
// has a code.
func FuzzHeader(f *testing.F) {
	good := webhook.Sign(body, secret, signedAt)
	for _, seed := range []string{
		"", " ", good, good + ",", "," + good, good + "," + good, "t=1614556801," + good,
		"t=1,v1=" + bodySignature, "t=1614556800, v1=" + strings.ToUpper(bodySignature),
		"t=1614556800,v0=" + bodySignature, "t=,v1=", "v1=" + bodySignature, "t==,v1==", "t=-1,v1=zz",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, header string) {
		err := webhook.Verify(body, header, []string{"whsec_old", secret}, webhook.Options{Now: signedAt})
		if err == nil {
			if !strings.Contains(strings.ToLower(header), bodySignature) || !strings.Contains(header, "t=1614556800") {
				t.Fatalf("accepted %q", header)
			}
			return
		}
		if webhook.Code(err) == "" {
			t.Fatalf("%q is refused without a code: %v", header, err)
		}
		if errors.Is(err, webhook.ErrTimestamp) {
			t.Fatalf("%q is genuine but for its time, which only the secret's owner can bring about", header)
		}
		if strings.ContainsAny(err.Error(), "\r\n\x00\x1b") {
			t.Fatalf("%q gets into the log as it is: %q", header, err)
		}
	})
}

// FuzzVerifyStandard: the same for Standard Webhooks, and what we sign under
// an id that we accept verifies.
func FuzzVerifyStandard(f *testing.F) {
	f.Add("msg_1", "1614556800", standardSignature, standardBody)
	f.Add("msg_1", "1614556800", "v1a,x v1, "+standardSignature, standardBody)
	f.Add("msg_1.1614556800", "1", standardSignature, standardBody)
	f.Add("", "", "", []byte(nil))
	f.Add("m\nsg", "-1", "v1", []byte("."))
	f.Fuzz(func(t *testing.T, id, timestamp, signature string, payload []byte) {
		o := webhook.Options{Now: signedAt}
		h := http.Header{}
		h.Set("webhook-id", id)
		h.Set("webhook-timestamp", timestamp)
		h.Set("webhook-signature", signature)
		err := webhook.VerifyStandard(payload, h, []string{otherStandard, standardSecret}, o)
		if err == nil && (id != "msg_1" || timestamp != "1614556800" || string(payload) != string(standardBody) || !strings.Contains(signature, standardSignature)) {
			t.Fatalf("accepted id %q, timestamp %q, signature %q over %q", id, timestamp, signature, payload)
		}
		if err != nil && (webhook.Code(err) == "" || errors.Is(err, webhook.ErrTimestamp) || strings.ContainsAny(err.Error(), "\r\n\x00\x1b")) {
			t.Fatalf("id %q, timestamp %q, signature %q are refused by %q", id, timestamp, signature, err)
		}

		h, err = webhook.SignStandard(id, signedAt, payload, standardSecret)
		if err != nil {
			return
		}
		if err := webhook.VerifyStandard(payload, h, []string{standardSecret}, o); err != nil {
			t.Fatalf("signed under %q: %v", id, err)
		}
	})
}
