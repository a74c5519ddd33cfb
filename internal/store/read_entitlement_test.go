package store_test

import (
	"errors"
	"fmt"
	"sync"
	"testing"

	"github.com/bursarhq/bursar/internal/store"
	"github.com/bursarhq/bursar/internal/store/storetest"
)

// TestEntitlementOfEach: of many who read at once, each gets the tenant that it asked
// for, whose else is asked for with it.
func TestEntitlementOfEach(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		const tenants, readers, reads = 20, 32, 100
		for i := range tenants {
			for mode, of := range []store.Key{{Livemode: false}, {Livemode: true}, {Account: "acct_1"}} {
				insert(t, s, "tenants", cells{
					"account": of.Account, "livemode": of.Livemode, "id": fmt.Sprint("t", i),
					"plan": fmt.Sprint("p", i), "access": i%2 == 0, "quantity": 10*i + mode, "valid_until": i, "status": "active", "stripe_features": `["a"]`,
				})
			}
		}
		insert(t, s, "tenants", cells{"id": "erased", "erased_at": 1})
		r := s.Reader()
		var wg sync.WaitGroup
		for n := range readers {
			wg.Go(func() {
				for i := range reads {
					at, mode := (n*7+i)%(tenants+2), n%3
					k := store.Key{ID: fmt.Sprint("t", at), Livemode: mode == 1}
					if mode == 2 {
						k.Account = "acct_1"
					}
					if at == tenants+1 {
						k.ID = "erased"
					}
					e, err := r.Entitlement(t.Context(), k)
					if at >= tenants {
						if !errors.Is(err, store.ErrNotFound) {
							t.Errorf("%v: %v", k, err)
						}
						continue
					}
					if err != nil || e.Plan != fmt.Sprint("p", at) || e.Access != (at%2 == 0) || e.Quantity != int64(10*at+mode) ||
						e.ValidUntil != int64(at) || e.Status != "active" || e.StripeFeatures != `["a"]` {
						t.Errorf("%v: %+v, %v", k, e, err)
					}
				}
			})
		}
		wg.Wait()
	})
}

// TestEntitlementIsNew: whoever wrote reads what was written, and whoever has read reads
// nothing older, whatever others read at that time.
func TestEntitlementIsNew(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		const readers, writes = 16, 50
		r := s.Reader()
		var wg sync.WaitGroup
		for n := range readers {
			id := fmt.Sprint("t", n)
			insert(t, s, "tenants", cells{"id": id})
			wg.Go(func() {
				for i := range writes {
					if _, err := s.Writer().Exec(`UPDATE tenants SET quantity = $1 WHERE id = $2`, i, id); err != nil {
						t.Error(err)
						return
					}
					if e, err := r.Entitlement(t.Context(), store.Key{ID: id}); err != nil || e.Quantity != int64(i) {
						t.Errorf("%s: %d, %v; want %d", id, e.Quantity, err, i)
					}
				}
			})
		}
		wg.Wait()
	})
}

// TestEntitlementsAway: all who share a read are told when the database is away.
func TestEntitlementsAway(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		r := s.Reader()
		s.Close()
		var wg sync.WaitGroup
		for range 32 {
			wg.Go(func() {
				if _, err := r.Entitlement(t.Context(), store.Key{ID: "t"}); !errors.Is(err, store.ErrUnavailable) {
					t.Error(err)
				}
			})
		}
		wg.Wait()
	})
}
