package api_test

import (
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"
)

func TestIdempotencyKey(t *testing.T) {
	each(t, func(w *world) {
		w.grant("bk_app", "app", "write")
		const put, body, key = "PUT /v1/tenants/acme", `{"name":"Acme"}`, "Idempotency-Key: k1"
		first := w.want(put, body, 201, "", key)
		w.clock.advance(time.Hour)
		again := w.want(put, body, 201, "", key)
		if string(first.body) != string(again.body) || again.header.Get("Idempotent-Replayed") != "true" || first.header.Get("Idempotent-Replayed") != "" {
			w.Errorf("%v %s\n%v %s", first.header, first.body, again.header, again.body)
		}
		w.want(put, `{"name":"Acme Inc."}`, 409, "idempotency_key_reused", key)
		// The key is that of one caller and one address.
		w.want(put, body, 200, "", key, as("bk_app"))
		w.want("PUT /v1/tenants/other", body, 201, "", key)
		w.want(put+"?account=acct_1", body, 201, "", key)
		// After a day it means nothing.
		w.clock.advance(23*time.Hour + time.Microsecond)
		if a := w.want(put, body, 200, "", key); a.header.Get("Idempotent-Replayed") != "" {
			w.Error(a.header)
		}
		// A failure keeps nothing: mended, it goes through under the same key.
		w.want(put, `{"name":1}`, 422, "invalid_parameter", "Idempotency-Key: k2")
		w.want(put, body, 200, "", "Idempotency-Key: k2")
		w.want(put, body, 422, "invalid_parameter", "Idempotency-Key: "+strings.Repeat("k", 256))
		// An answer that says nothing is kept, too, beyond the erasure that it tells of.
		const gone, elsewhere = "DELETE /v1/tenants/other", "PUT /v1/tenants/other?account=acct_1"
		w.want(elsewhere, body, 201, "", key)
		for _, replayed := range []string{"", "true", "true"} {
			a := w.want(gone, "", 204, "", key)
			if a.header.Get("Idempotent-Replayed") != replayed || len(a.body) > 0 || a.header.Get("Content-Type") != "" {
				w.Errorf("%v %s", a.header, a.body)
			}
		}
		// Other answers about the tenant are not; those about a namesake are.
		w.want("PUT /v1/tenants/other", body, 409, "conflict", key)
		if a := w.want(elsewhere, body, 201, "", key); a.header.Get("Idempotent-Replayed") != "true" {
			w.Error(a.header)
		}
		// It is of no matter to what only reads.
		w.want("GET /v1/plans", "", 200, "", key)
		w.want("GET /v1/plans?limit=1", "", 200, "", key)
	})
}

func TestIdempotencyKeyInUse(t *testing.T) {
	each(t, func(w *world) {
		// A request that was killed on its way left its key behind.
		if _, err := w.s.Writer().Exec(`INSERT INTO idempotency_keys (scope, key, request, status, body, created_at) VALUES ($1, $2, $3, 0, $4, $5)`,
			"key1 PUT /v1/tenants/acme", "k1", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855", []byte{}, w.clock.now().UnixMicro()); err != nil {
			w.Fatal(err)
		}
		const put, key = "PUT /v1/tenants/acme", "Idempotency-Key: k1"
		w.want(put, "", 409, "idempotency_key_in_use", key)
		w.want(put, "{}", 409, "idempotency_key_reused", key)
		w.clock.advance(time.Minute)
		w.want(put, "", 409, "idempotency_key_in_use", key)
		w.clock.advance(time.Microsecond)
		w.want(put, "", 201, "", key)
		w.want(put, "", 201, "", key)
	})
}

// TestIdempotencyKeyAtOnce sends one request many times at once: it happens once.
func TestIdempotencyKeyAtOnce(t *testing.T) {
	each(t, func(w *world) {
		const n = 16
		var group sync.WaitGroup
		answers := make([]answer, n)
		for i := range n {
			group.Go(func() {
				req, err := http.NewRequest(http.MethodPut, w.http.URL+"/v1/tenants/acme", strings.NewReader(`{"name":"Acme"}`))
				if err != nil {
					w.Error(err)
					return
				}
				req.Header.Set("Authorization", "Bearer "+masterKey)
				req.Header.Set("Idempotency-Key", "k1")
				res, err := w.http.Client().Do(req)
				if err != nil {
					w.Error(err)
					return
				}
				defer res.Body.Close()
				answers[i] = answer{status: res.StatusCode, header: res.Header}
			})
		}
		group.Wait()
		created := 0
		for _, a := range answers {
			switch {
			case a.status == 201 && a.header.Get("Idempotent-Replayed") == "":
				created++
			case a.status == 201, a.status == 409:
			default:
				w.Errorf("%d %v", a.status, a.header)
			}
		}
		if created != 1 {
			w.Errorf("it happened %d times", created)
		}
	})
}
