package webhook_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/bursarhq/bursar/webhook"
)

// seconds are timestamps that a signature may carry.
var seconds = rapid.Int64Range(0, 253402300799)

func TestWhatIsSignedVerifies(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		payload := rapid.SliceOf(rapid.Byte()).Draw(t, "payload")
		at := time.Unix(seconds.Draw(t, "t"), 0)
		signers := rapid.SliceOfN(rapid.StringMatching(`whsec_[a-z0-9]{1,8}`), 1, 4).Draw(t, "signers")
		shared := rapid.SampledFrom(signers).Draw(t, "shared")
		header := webhook.SignAll(payload, signers, at)

		known := []string{"whsec_never-drawn", shared}
		if rapid.Bool().Draw(t, "swap") {
			known[0], known[1] = known[1], known[0]
		}
		if err := webhook.Verify(payload, header, known, webhook.Options{Now: at}); err != nil {
			t.Fatalf("%s: %v", header, err)
		}
		err := webhook.Verify(payload, header, known[:1], webhook.Options{Now: at})
		if (err == nil) != (known[0] == shared) {
			t.Fatalf("with %q: %v", known[0], err)
		}
	})
}

// One bit of the body, of the header's timestamp or of its signature is enough
// to fail, unless it is the bit that tells a hexadecimal digit's case.
func TestAFlippedBitFails(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		payload := rapid.SliceOfN(rapid.Byte(), 1, 300).Draw(t, "payload")
		at := time.Unix(seconds.Draw(t, "t"), 0)
		header := []byte(webhook.Sign(payload, secret, at))
		bit := byte(1) << rapid.IntRange(0, 7).Draw(t, "bit")
		if rapid.Bool().Draw(t, "in the body") {
			payload[rapid.IntRange(0, len(payload)-1).Draw(t, "byte")] ^= bit
		} else {
			i := rapid.IntRange(0, len(header)-1).Draw(t, "byte")
			was := header[i]
			header[i] ^= bit
			if i > strings.Index(string(header), "v1=")+2 && was >= 'a' && was <= 'f' && bit == 0x20 {
				return
			}
		}
		err := webhook.Verify(payload, string(header), []string{secret}, webhook.Options{Now: at})
		if !errors.Is(err, webhook.ErrMismatch) && !errors.Is(err, webhook.ErrMalformed) {
			t.Fatalf("%q over %q: %v", header, payload, err)
		}
	})
}

func TestAFlippedBitFailsInStandardWebhooks(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		payload := rapid.SliceOfN(rapid.Byte(), 1, 300).Draw(t, "payload")
		at := time.Unix(seconds.Draw(t, "t"), 0)
		id := rapid.StringMatching(`[!-\-/-~]{1,40}`).Draw(t, "id")
		h, err := webhook.SignStandard(id, at, payload, standardSecret)
		if err != nil {
			t.Fatal(err)
		}
		if err := webhook.VerifyStandard(payload, h, []string{standardSecret}, webhook.Options{Now: at}); err != nil {
			t.Fatalf("%v: %v", h, err)
		}
		bit := byte(1) << rapid.IntRange(0, 7).Draw(t, "bit")
		name := rapid.SampledFrom([]string{"", webhook.HeaderID, webhook.HeaderTimestamp, webhook.HeaderSignature}).Draw(t, "where")
		where := []byte(h.Get(name))
		if name == "" {
			where = payload
		}
		where[rapid.IntRange(0, len(where)-1).Draw(t, "byte")] ^= bit
		if name != "" {
			h = h.Clone()
			h.Set(name, string(where))
		}
		err = webhook.VerifyStandard(payload, h, []string{standardSecret}, webhook.Options{Now: at})
		if !errors.Is(err, webhook.ErrMismatch) && !errors.Is(err, webhook.ErrMalformed) && !errors.Is(err, webhook.ErrMissing) {
			t.Fatalf("%v over %q: %v", h, payload, err)
		}
	})
}

// Within the tolerance in both directions, never beyond it.
func TestToleranceIsSymmetric(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		at := time.Unix(seconds.Draw(t, "t"), 0)
		tolerance := time.Duration(rapid.Int64Range(1, int64(48*time.Hour)).Draw(t, "tolerance"))
		off := time.Duration(rapid.Int64Range(-int64(72*time.Hour), int64(72*time.Hour)).Draw(t, "off"))
		o := webhook.Options{Tolerance: tolerance, Now: at.Add(off)}

		stripe := webhook.Verify(body, webhook.Sign(body, secret, at), []string{secret}, o)
		var h http.Header
		h, err := webhook.SignStandard("msg_1", at, body, standardSecret)
		if err != nil {
			t.Fatal(err)
		}
		standard := webhook.VerifyStandard(body, h, []string{standardSecret}, o)
		for _, err := range []error{stripe, standard} {
			if off.Abs() <= tolerance {
				if err != nil {
					t.Fatalf("%s off, %s allowed: %v", off, tolerance, err)
				}
			} else if !errors.Is(err, webhook.ErrTimestamp) {
				t.Fatalf("%s off, %s allowed: %v", off, tolerance, err)
			}
		}
	})
}
