package api

import (
	"context"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/bursarhq/bursar/internal/store"
)

// Metrics are what Prometheus is told. Their names begin with bursar_; labels have a
// bounded number of values.
type Metrics struct {
	registry *prometheus.Registry
	types    map[string]bool
	received *prometheus.CounterVec
	ack      prometheus.Histogram
	batch    prometheus.Histogram
}

// NewMetrics returns metrics over a registry of their own. Event types that are not
// among ruleTypes are counted as other.
func NewMetrics(s *store.Store, ruleTypes []string) *Metrics {
	m := &Metrics{
		registry: prometheus.NewRegistry(), types: map[string]bool{},
		received: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "bursar_events_received_total",
			Help: "Events that were received, by type (other: no rule) and result.",
		}, []string{"type", "result"}),
		ack: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name:    "bursar_ack_seconds",
			Help:    "From a delivery's arrival until it is acknowledged, committed.",
			Buckets: []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10},
		}),
		batch: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "bursar_batch_events",
			Help: "Events that were committed together.", Buckets: prometheus.ExponentialBuckets(1, 2, 9),
		}),
	}
	for _, t := range ruleTypes {
		m.types[t] = true
	}
	m.registry.MustRegister(m.received, m.ack, m.batch, &stored{read: s.Reader()},
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

// Register adds what others count.
func (m *Metrics) Register(others ...prometheus.Collector) { m.registry.MustRegister(others...) }

// Received counts an event. The result is one of the answers of the endpoint.
func (m *Metrics) Received(eventType, result string) {
	if !m.types[eventType] {
		eventType = "other"
	}
	m.received.WithLabelValues(eventType, result).Inc()
}

// Ack observes how long an acknowledgement took.
func (m *Metrics) Ack(d time.Duration) { m.ack.Observe(d.Seconds()) }

// Batch observes how many events were committed together.
func (m *Metrics) Batch(events int) { m.batch.Observe(float64(events)) }

// Handler serves the metrics, and asks nobody for a key.
func (m *Metrics) Handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{Registry: m.registry})
}

// stored are the metrics that are read from the database when they are asked for.
type stored struct {
	read *store.Reader
	memo memo[[]prometheus.Metric]
}

var (
	storeUp      = prometheus.NewDesc("bursar_store_up", "Whether the database could be asked; without it what is stored is not told.", nil, nil)
	unsettled    = prometheus.NewDesc("bursar_unsettled_events", "Events that failed and will be tried again.", nil, nil)
	unsettledAge = prometheus.NewDesc("bursar_unsettled_oldest_seconds", "How long ago the oldest of them was received, 0 without any.", nil, nil)
	parked       = prometheus.NewDesc("bursar_parked_events", "Events that wait for an object or for their customer's tenant.", nil, nil)
	dead         = prometheus.NewDesc("bursar_dead_events", "Events that were given up.", nil, nil)
	effects      = prometheus.NewDesc("bursar_effects", "Effects by kind and status.", []string{"kind", "status"}, nil)
	unmapped     = prometheus.NewDesc("bursar_unmapped_prices", "Prices that are in no plan and have running subscriptions.", nil, nil)
)

// scrapeWithin is how long the database may take.
const scrapeWithin = 10 * time.Second

func (c *stored) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{storeUp, unsettled, unsettledAge, parked, dead, effects, unmapped} {
		ch <- d
	}
}

func (c *stored) Collect(ch chan<- prometheus.Metric) {
	metrics, err := c.memo.get(c.read.Now, c.ask)
	up := 1.0
	if err != nil {
		up, metrics = 0, nil
	}
	ch <- prometheus.MustNewConstMetric(storeUp, prometheus.GaugeValue, up)
	for _, m := range metrics {
		ch <- m
	}
}

func (c *stored) ask() ([]prometheus.Metric, error) {
	ctx, cancel := context.WithTimeout(context.Background(), scrapeWithin)
	defer cancel()
	var out []prometheus.Metric
	gauge := func(d *prometheus.Desc, v float64, labels ...string) {
		out = append(out, prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...))
	}
	backlogs, err := c.read.Backlogs(ctx)
	if err != nil {
		return nil, err
	}
	counts, age := map[string]int64{}, 0.0
	for _, b := range backlogs {
		counts[b.Status] += b.Events
		if b.Status == store.Failed {
			age = max(age, c.read.Now().Sub(time.UnixMicro(b.Oldest)).Seconds())
		}
	}
	gauge(unsettled, float64(counts[store.Failed]))
	gauge(unsettledAge, age)
	gauge(parked, float64(counts[store.Parked]))
	gauge(dead, float64(counts[store.Dead]))
	kinds, err := c.read.EffectCounts(ctx)
	if err != nil {
		return nil, err
	}
	for _, k := range kinds {
		gauge(effects, float64(k.Count), k.Kind, k.Status)
	}
	prices, err := c.read.UnmappedPrices(ctx)
	gauge(unmapped, float64(len(prices)))
	return out, err
}
