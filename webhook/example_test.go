package webhook_test

import (
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/bursarhq/bursar/webhook"
)

func ExampleVerifier() {
	// Two secrets while one is being rolled.
	v, err := webhook.NewVerifier("whsec_new", "whsec_old")
	if err != nil {
		fmt.Println(err)
		return
	}
	now := time.Unix(1793000000, 0)
	payload := []byte(`{"id":"evt_1","object":"event","type":"invoice.paid"}`)

	fresh := webhook.Sign(payload, "whsec_old", now)
	fmt.Println(v.Verify(payload, fresh, webhook.Options{Now: now}))

	stale := webhook.Sign(payload, "whsec_old", now.Add(-423*time.Second))
	err = v.Verify(payload, stale, webhook.Options{Now: now})
	fmt.Println(err)
	fmt.Println(webhook.Code(err), errors.Is(err, webhook.ErrTimestamp))
	// Output:
	// <nil>
	// webhook: timestamp out of tolerance: timestamp is 7m3s in the past, more than 5m0s allowed
	// timestamp_out_of_tolerance true
}

func ExampleVerify() {
	payload := []byte(`{"id":"evt_1"}`)
	err := webhook.Verify(payload, "", []string{"whsec_secret"}, webhook.Options{})
	fmt.Println(err)
	// Output: webhook: signature header missing: no Stripe-Signature
}

func ExampleSign() {
	fmt.Println(webhook.Sign([]byte(`{"id":"evt_1","object":"event"}`), "whsec_test_secret", time.Unix(1614556800, 0)))
	// Output: t=1614556800,v1=7a0685c65fcda9f1dd585b6eaa74ead6d954e5895ecc08263afbd424c5661b46
}

func ExampleSignStandard() {
	const secret = "whsec_bm90LWEtcmVhbC1zZWNyZXQtYnV0LWxvbmctZW5vdWdo"
	h, err := webhook.SignStandard("msg_1", time.Unix(1614556800, 0), []byte(`{"type":"invoice.paid"}`), secret)
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, name := range []string{webhook.HeaderID, webhook.HeaderTimestamp, webhook.HeaderSignature} {
		fmt.Println(name+":", h.Get(name))
	}
	// Output:
	// Webhook-Id: msg_1
	// Webhook-Timestamp: 1614556800
	// Webhook-Signature: v1,5TazzX7nVLb/+LXEcBCxfjnZlIPP7B5MwUhf9jAELvU=
}

// What the program that receives Bursar's webhooks does with them.
func ExampleVerifyStandard() {
	const secret = "whsec_bm90LWEtcmVhbC1zZWNyZXQtYnV0LWxvbmctZW5vdWdo"
	now := time.Unix(1614556800, 0)
	body := []byte(`{"type":"invoice.paid"}`)
	h := http.Header{}
	h.Set("webhook-id", "msg_1")
	h.Set("webhook-timestamp", "1614556800")
	h.Set("webhook-signature", "v1,5TazzX7nVLb/+LXEcBCxfjnZlIPP7B5MwUhf9jAELvU=")

	fmt.Println(webhook.VerifyStandard(body, h, []string{secret}, webhook.Options{Now: now}))
	err := webhook.VerifyStandard([]byte(`{"type":"invoice.voided"}`), h, []string{secret}, webhook.Options{Now: now})
	fmt.Println(webhook.Code(err))
	// Output:
	// <nil>
	// signature_mismatch
}
