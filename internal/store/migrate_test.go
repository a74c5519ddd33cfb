package store_test

import (
	"testing"

	"github.com/bursarhq/bursar/internal/store"
	"github.com/bursarhq/bursar/internal/store/storetest"
)

// TestForgottenAfterwards brings a database up to date whose claims and answers still
// name a tenant that was erased.
func TestForgottenAfterwards(t *testing.T) {
	for name, url := range map[string]string{"sqlite": storetest.SQLite(t), "postgres": storetest.Postgres(t)} {
		t.Run(name, func(t *testing.T) {
			s, err := store.OpenAt(t.Context(), url, 6)
			if err != nil {
				t.Fatal(err)
			}
			defer s.Close()
			for tenant, erasedAt := range map[string]int64{"erased": 1, "here": 0} {
				insert(t, s, "tenants", cells{"id": tenant, "erased_at": erasedAt})
				insert(t, s, "tenant_claims", cells{"tenant": tenant, "customer_key": "k", "customer_params": `{"Name":"Ada Secret"}`, "customer": "cus_1", "rev": int64(3)})
			}
			insert(t, s, "idempotency_keys", cells{"scope": "env PUT /v1/tenants/erased", "key": "k", "status": int64(200), "body": []byte("Ada Secret")})
			if _, err := s.Migrate(t.Context()); err != nil {
				t.Fatal(err)
			}
			for q, want := range map[string]string{
				`SELECT customer_key || customer_params || customer || rev FROM tenant_claims WHERE tenant = 'erased'`: "4",
				`SELECT customer_key || customer_params || customer || rev FROM tenant_claims WHERE tenant = 'here'`:   `k{"Name":"Ada Secret"}cus_13`,
				`SELECT COUNT(*) FROM idempotency_keys`: "0",
			} {
				var got string
				if err := s.Writer().QueryRow(q).Scan(&got); err != nil || got != want {
					t.Errorf("%s: %q %v, want %q", q, got, err, want)
				}
			}
		})
	}
}
