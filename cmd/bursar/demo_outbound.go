package main

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/bursarhq/bursar/internal/outbound"
	"github.com/bursarhq/bursar/webhook"
)

// demoApp is the app of the demo as far as Bursar knows it: an endpoint that its
// webhooks go to. It believes what is signed alone, and takes each id once.
type demoApp struct {
	secret string
	server *http.Server
	done   chan struct{}

	mu      sync.Mutex
	seen    map[string]bool
	heard   map[string]int // by type
	refused int
}

// listenAsApp starts the app and has the configuration send to it.
func listenAsApp(cfg *Config) (*demoApp, error) {
	l, err := new(net.ListenConfig).Listen(context.Background(), "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	a := &demoApp{secret: "whsec_" + base64.StdEncoding.EncodeToString([]byte(newKey())), seen: map[string]bool{}, heard: map[string]int{}, done: make(chan struct{})}
	a.server = &http.Server{Handler: a, ReadTimeout: 10 * time.Second}
	go func() {
		defer close(a.done)
		_ = a.server.Serve(l) // until it is closed
	}()
	cfg.OutboundURL, cfg.OutboundSecret, cfg.OutboundAllowPrivate = baseURLOf(l)+"/bursar", NewSecret(a.secret), true
	return a, nil
}

// ServeHTTP is what an app does with a webhook: verify, tell whether it is new, use it.
func (a *demoApp) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 1<<20))
	var e outbound.Event
	err = errors.Join(err, webhook.VerifyStandard(body, r.Header, []string{a.secret}, webhook.Options{}), json.Unmarshal(body, &e))
	a.mu.Lock()
	defer a.mu.Unlock()
	if err != nil {
		a.refused++
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	if !a.seen[e.ID] {
		a.seen[e.ID] = true
		a.heard[e.Type]++
	}
	w.WriteHeader(http.StatusNoContent)
}

// close stops the app and writes what it was told.
func (a *demoApp) close(out io.Writer) {
	_ = a.server.Close() // nobody sends any more
	<-a.done
	var parts []string
	for _, name := range slices.Sorted(maps.Keys(a.heard)) {
		parts = append(parts, fmt.Sprintf("%d %s", a.heard[name], name))
	}
	fmt.Fprintf(out, "\nThe app was told by signed webhooks: %s.\n", strings.Join(parts, ", "))
	if a.refused > 0 {
		fmt.Fprintf(out, "It refused %d.\n", a.refused)
	}
}
