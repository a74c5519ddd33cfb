package webhook_test

import (
	"bytes"
	"fmt"
	"testing"

	"github.com/bursarhq/bursar/webhook"
)

func BenchmarkVerify(b *testing.B) {
	for _, size := range []int{4 << 10, 64 << 10} {
		for _, secrets := range [][]string{{secret}, {"whsec_old", secret}} {
			b.Run(fmt.Sprintf("%dKB/secrets=%d", size>>10, len(secrets)), func(b *testing.B) {
				v, err := webhook.NewVerifier(secrets...)
				if err != nil {
					b.Fatal(err)
				}
				payload := bytes.Repeat([]byte("x"), size)
				header := webhook.Sign(payload, secret, signedAt)
				b.SetBytes(int64(size))
				b.ReportAllocs()
				for b.Loop() {
					if err := v.Verify(payload, header, webhook.Options{Now: signedAt}); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}

func BenchmarkSignStandard(b *testing.B) {
	payload := bytes.Repeat([]byte("x"), 4<<10)
	b.SetBytes(int64(len(payload)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := webhook.SignStandard("msg_1", signedAt, payload, standardSecret); err != nil {
			b.Fatal(err)
		}
	}
}
