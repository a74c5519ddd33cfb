package main

import (
	"net/http"
	"net/http/httptest"
	"strconv"
	"sync"
	"sync/atomic"

	"github.com/rogpeppe/go-internal/testscript"
)

// ear is an endpoint that answers what the script says.
type ear struct {
	*httptest.Server
	status atomic.Int64
}

var ears sync.Map // of *ear by script and name

// hear has an endpoint, whose address becomes $NAME, answer a status from now on:
// listen NAME STATUS.
func hear(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: listen NAME STATUS")
	}
	status, err := strconv.ParseInt(args[1], 10, 64)
	ts.Check(err)
	known, there := ears.LoadOrStore(ts.Getenv("WORK")+args[0], &ear{})
	e := known.(*ear)
	if e.status.Store(status); there {
		return
	}
	e.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(int(e.status.Load())) }))
	ts.Defer(e.Close)
	ts.Setenv(args[0], e.URL)
}
