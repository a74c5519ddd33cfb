package api_test

import (
	"context"
	"fmt"
"log/slog"
	"testing"
	"time"

	"github.com/bursarhq/bursar/internal/apply"
	"github.com/bursarhq/bursar/internal/store"
	"github.com/bursarhq/bursar/internal/stripe"
	"github.com/bursarhq/bursar/internal/store/storetest"
)

func TestZZScale(t *testing.T) {
	ctx := context.Background()
	s, err := store.Open(ctx, storetest.SQLite(t), store.Options{Migrate: true})
	if err != nil { t.Fatal(err) }
	defer s.Close()
	db := s.Writer()
	const N = 1000000
	ex := func(name, q string, args ...any) {
		b := time.Now()
		if _, err := db.Exec(q, args...); err != nil { t.Fatal(name, err) }
		fmt.Println("exec", name, time.Since(b))
	}
	ex("inbox", fmt.Sprintf(`WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM n WHERE i < %d)
	INSERT INTO inbox SELECT '', FALSE, 'evt_1SxyzABCDEFGHIJ' || printf('%%09d', i), 3629000000000000000 + i*1000, 'customer.subscription.updated', 'sub_1SxyzABCDEFG' || (i %% 100000), 'subscription', 'cus_ABCDEF' || (i %% 100000), '2025-11-17.clover','webhook', 1772366400 + i/10, 0, FALSE, 0,
	CASE WHEN i %% 1000 = 0 THEN 'stale' WHEN i %% 500 = 1 THEN 'ignored' WHEN i %% 100 = 2 THEN 'parked' ELSE 'applied' END, '', 1772366400000000 + i*1000, 1772366400000000+i*1000, 1, 0, 0, 1 FROM n`, N))
	ex("subs", fmt.Sprintf(`WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM n WHERE i < %d)
	INSERT INTO subscriptions SELECT '', FALSE, 'sub_'||i, 'cus_'||i, 'active','active','active','', CASE WHEN i %% 5000 = 0 THEN '' ELSE 'pro' END,'price_pro',1,TRUE,'usd','[{"id":"si_1","price":"price_pro","quantity":1,"unit_amount":2900,"unit_amount_decimal":"2900","currency":"usd","interval":"month","interval_count":1,"current_period_start":1772366400,"current_period_end":1775044800}]',
	1772366400,1775044800,0,0,FALSE,0,0,'','','','charge_automatically',FALSE,'','',0,1772366400,1772366400,1 FROM n`, N/5))
	ex("effects", fmt.Sprintf(`WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM n WHERE i < %d)
	INSERT INTO effects SELECT '', FALSE, 'payment_failed:in_'||i, 'notice', i, 'payment_failed','cus_'||i,'t'||i,'in_'||i,'evt_'||i,'a@b.c','hello','{}','sent','',1,0,1,1,1 FROM n`, N/5))
	r := s.Reader()
	of := store.Key{}
	tm := func(name string, fn func() error) {
		var best time.Duration
		for i := 0; i < 3; i++ {
			b := time.Now()
			if err := fn(); err != nil { t.Fatal(name, err) }
			if d := time.Since(b); best == 0 || d < best { best = d }
		}
		fmt.Println("   ", name, best)
	}
	all := func() {
		tm("counts", func() error { c, err := r.EventCounts(ctx, ""); _ = c; return err })
		tm("backlogs", func() error { _, err := r.Backlogs(ctx); return err })
		tm("subcounts", func() error { _, err := r.SubscriptionCounts(ctx, of); return err })
		tm("recurring", func() error { _, err := r.Recurring(ctx, of); return err })
		tm("effects", func() error { _, err := r.EffectCounts(ctx); return err })
		tm("unmapped", func() error { _, err := r.UnmappedPrices(ctx); return err })
		for _, f := range []store.EventFilter{{}, {Status: "stale"}, {Status: "applied"}, {Status: "parked"}, {Status: "failed"}, {Type: "customer.subscription.updated", Status: "stale"}, {Type: "none"}, {Since: 1772366400000000 + 900000*1000}} {
			tm(fmt.Sprintf("events %+v", f), func() error { _, err := r.Events(ctx, of, f, store.Page{Limit: 20}); return err })
		}
	}
	all()
	e, err := apply.New(ctx, s, apply.Policy{}, "test", slog.New(slog.DiscardHandler))
	if err != nil { t.Fatal(err) }
	n := 0
	load := func(name string) {
		const total = 12800
		var batches [][]*apply.Delivery
		for i := 0; i < total; i += 64 {
			var batch []*apply.Delivery
			for j := 0; j < 64; j++ {
				n++
				body := []byte(fmt.Sprintf(`{"id":"evt_1Sz%012d","object":"event","type":"customer.subscription.updated","created":%d,"livemode":false,"data":{"object":{"id":"sub_%d","object":"subscription","customer":"cus_%d","status":"active","metadata":{"tenant":"t%d"},"items":{"data":[]}}}}`, n, time.Now().Unix(), n%50000, n%50000, n%50000))
				ev, err := stripe.ParseEvent(body)
				if err != nil { t.Fatal(err) }
				batch = append(batch, &apply.Delivery{Event: ev, Packed: store.Pack(body), Source: "webhook"})
			}
			batches = append(batches, batch)
		}
		b := time.Now()
		for _, batch := range batches {
			for _, res := range e.Apply(ctx, batch) { if res.Err != nil || res.Status != "applied" { t.Fatal(res) } }
		}
		fmt.Println("load", name, time.Since(b), int(total/time.Since(b).Seconds()), "/s")
	}
	load("warm"); load("plain"); load("plain")
	ex("index", `CREATE INDEX inbox_status ON inbox (status, seq)`)
	ex("index2", `CREATE INDEX effects_status ON effects (kind, status)`)
	ex("index3", `CREATE INDEX subscriptions_unmapped ON subscriptions (account, livemode, price) WHERE plan = ''`)
	r = s.Reader()
	all()
	load("indexed"); load("indexed")
	ex("drop", `DROP INDEX inbox_status`)
	load("plain"); load("plain")
	ex("index", `CREATE INDEX inbox_status ON inbox (status, seq)`)
	load("indexed"); load("indexed")
}
