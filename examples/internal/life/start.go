package life

import (
	"bufio"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"strings"
)

// serve serves a handler until the test ends, and answers its address.
func (w *World) serve(h http.Handler) string {
	server := httptest.NewServer(h)
	w.Cleanup(server.Close)
	return server.URL
}

// Sells serves the app that sells.
func (w *World) Sells(h http.Handler) { w.App = w.serve(h) }

// Asks starts an app in another language as one of the gates; where its language is not
// installed it is left out, and said so.
func (w *World) Asks(bursar, key, program string, args ...string) {
	w.Helper()
	if _, err := exec.LookPath(program); err != nil {
		w.Logf("%s is not installed: %s is not tried", program, strings.Join(args, " "))
		return
	}
	child := exec.CommandContext(w.Context(), program, args...)
	child.Env = append(os.Environ(), "BURSAR_URL="+bursar, "BURSAR_API_KEY="+key, "PORT=0")
	out, err := child.StdoutPipe()
	if err != nil {
		w.Fatal(err)
	}
	if err := child.Start(); err != nil {
		w.Fatal(err)
	}
	w.Cleanup(func() {
		_ = child.Process.Kill()
		_ = child.Wait() // it was killed
	})
	address, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		w.Fatalf("%s %s: %v", program, strings.Join(args, " "), err)
	}
	w.Gates = append(w.Gates, strings.TrimSpace(address))
}
