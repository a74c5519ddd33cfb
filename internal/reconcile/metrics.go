package reconcile

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/bursarhq/bursar/internal/store"
)

// Metrics are what Prometheus is told of what was found. They are this process's own.
type Metrics struct {
	missed   *prometheus.CounterVec
	polled   prometheus.Counter
	drifted  *prometheus.CounterVec
	requests prometheus.Counter
	access   *prometheus.GaugeVec
}

// NewMetrics returns the metrics; Register them, and have Observe told of every run.
func NewMetrics() *Metrics {
	return &Metrics{
		missed: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "bursar_reconcile_missed_events_total",
			Help: "Events that no webhook had brought, by what became of them.",
		}, []string{"result"}),
		polled: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "bursar_polled_events_total", Help: "Events that polling brought.",
		}),
		drifted: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "bursar_reconcile_drifted_objects_total",
			Help: "Objects that were not as Stripe has them, by type and by what was wrong: unknown, differs, gone.",
		}, []string{"type", "what"}),
		requests: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "bursar_reconcile_requests_total", Help: "Requests to Stripe that comparing took.",
		}),
		access: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "bursar_reconcile_mismatched_access",
			Help: "As the last whole sweep left it: paying_without_access, access_without_paying.",
		}, []string{"what"}),
	}
}

// Collectors are all of them.
func (m *Metrics) Collectors() []prometheus.Collector {
	return []prometheus.Collector{m.missed, m.polled, m.drifted, m.requests, m.access}
}

// Observe counts what a run found.
func (m *Metrics) Observe(r Report) {
	for _, f := range r.Missed {
		if r.Polled {
			m.polled.Inc()
			continue
		}
		m.missed.WithLabelValues(f.Result).Inc()
	}
	for _, f := range r.Drifted {
		m.drifted.WithLabelValues(f.Type, f.What).Inc()
	}
	m.requests.Add(float64(r.Requests))
	if r.Swept {
		for what, list := range map[string][]store.Mismatch{"paying_without_access": r.PayingWithoutAccess, "access_without_paying": r.AccessWithoutPaying} {
			m.access.WithLabelValues(what).Set(float64(len(list)))
		}
	}
}
