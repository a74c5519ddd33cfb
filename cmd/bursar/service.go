package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/bursarhq/bursar"
)

// service is an open Bursar behind its addresses, for serve and demo.
type service struct {
	b       *bursar.Bursar
	log     *slog.Logger
	role    string // all, receive or work
	main    net.Listener
	metrics net.Listener // nil: none of its own
	proxies []netip.Prefix
	ready   func() // called once requests are answered
}

// shutdownTimeout is how long requests that are under way may take when the
// process is told to stop: longer than a webhook's transaction may.
const shutdownTimeout = 25 * time.Second

// listen takes the addresses; metrics may be empty.
func listen(ctx context.Context, address, metrics string) (*service, error) {
	sv := &service{role: "all"}
	var err error
	if sv.main, err = new(net.ListenConfig).Listen(ctx, "tcp", address); err != nil {
		return nil, fmt.Errorf("BURSAR_LISTEN: %w", err)
	}
	if metrics == "" {
		return sv, nil
	}
	if sv.metrics, err = new(net.ListenConfig).Listen(ctx, "tcp", metrics); err != nil {
		sv.close()
		return nil, fmt.Errorf("BURSAR_METRICS_LISTEN: %w", err)
	}
	return sv, nil
}

func (sv *service) close() {
	for _, l := range []net.Listener{sv.main, sv.metrics} {
		if l != nil {
			l.Close() // a second time where a server has closed it already
		}
	}
}

// baseURLOf is the address as it can be typed into a browser on this machine.
func baseURLOf(l net.Listener) string {
	host, port, err := net.SplitHostPort(l.Addr().String())
	if err != nil {
		return l.Addr().String()
	}
	if ip := net.ParseIP(host); ip != nil && ip.IsUnspecified() {
		host = "127.0.0.1"
	}
	return "http://" + net.JoinHostPort(host, port)
}

// greeting is the line that says where the service is.
func (sv *service) greeting() string {
	var b strings.Builder
	fmt.Fprintf(&b, "bursar %s serves %s", bursar.Version, baseURLOf(sv.main))
	if sv.role != "work" {
		fmt.Fprintf(&b, ", webhooks at /webhooks/stripe")
	}
	if sv.metrics != nil {
		fmt.Fprintf(&b, ", metrics at %s/metrics", baseURLOf(sv.metrics))
	}
	return b.String()
}

// handler is what this process's role answers.
func (sv *service) handler() http.Handler {
	if sv.role != "work" {
		return sv.b.Handler()
	}
	mux := http.NewServeMux() // of a worker one only asks how it is
	for _, path := range []string{"/healthz", "/readyz", "/metrics"} {
		mux.Handle(path, sv.b.APIHandler())
	}
	return mux
}

func (sv *service) server(h http.Handler) *http.Server {
	return &http.Server{
		Handler: h, ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 30 * time.Second, IdleTimeout: 2 * time.Minute, MaxHeaderBytes: 64 << 10,
		ErrorLog: slog.NewLogLogger(sv.log.Handler(), slog.LevelDebug), // mostly clients that hung up
	}
}

// run answers requests and performs effects until the context ends or one of
// them cannot go on. Then it lets the requests that are under way be answered,
// drains, stops the workers and closes the database.
func (sv *service) run(ctx context.Context) error {
	servers := []*http.Server{sv.server(behind(sv.proxies, sv.handler()))}
	listeners := []net.Listener{sv.main}
	if sv.metrics != nil {
		mux := http.NewServeMux()
		mux.Handle("/metrics", sv.b.MetricsHandler())
		servers, listeners = append(servers, sv.server(mux)), append(listeners, sv.metrics)
	}
	g, failed := errgroup.WithContext(context.WithoutCancel(ctx))
	working, stopWorking := context.WithCancel(failed)
	defer stopWorking()
	for i, server := range servers {
		g.Go(func() error {
			if err := server.Serve(listeners[i]); !errors.Is(err, http.ErrServerClosed) {
				return err
			}
			return nil
		})
	}
	if sv.role != "receive" {
		g.Go(func() error { return sv.b.Run(working) })
	}
	sv.ready()
	select {
	case <-ctx.Done():
		sv.log.Info("stopping")
	case <-failed.Done():
	}
	stop, cancel := context.WithTimeout(context.WithoutCancel(ctx), shutdownTimeout)
	defer cancel()
	var errs []error
	for _, server := range servers {
		if err := server.Shutdown(stop); err != nil {
			errs = append(errs, fmt.Errorf("requests were still under way after %s: %w", shutdownTimeout, err), server.Close())
		}
	}
	sv.b.Drain()
	stopWorking()
	return errors.Join(g.Wait(), errors.Join(errs...), sv.b.Close())
}
